"""Splits: what is held back, what it can leak, and what is refused."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recengine.data import split
from recengine.data.dataset import Dataset, Interactions
from recengine.errors import DataError, NotFound, RecengineError

steady = settings(derandomize=True, deadline=None)


@pytest.fixture(scope="module")
def made(make_dataset):
    """`made(user, item, time)`: a data set with those rows; the value is the row's number."""
    whole = make_dataset(np.full((6, 8), 3.0))

    def make(user, item, time=None) -> Dataset:
        rows = Interactions.of(user, item, np.arange(len(user)), time, n_users=6, n_items=8)
        return whole.with_interactions(rows)

    return make


@st.composite
def ratings(draw, at_least=2):
    """Users, items and times of at most 48 ratings; few different times, so that ties abound."""
    cells = draw(st.lists(st.integers(0, 47), min_size=at_least, max_size=48, unique=True))
    time = draw(st.lists(st.integers(0, 9), min_size=len(cells), max_size=len(cells)))
    return [cell // 8 for cell in cells], [cell % 8 for cell in cells], time


def rows_of(interactions) -> list[int]:
    return interactions.value.astype(int).tolist()


def made_or_refused(dataset, name, **parameters):
    """The splits; refusals for want of ratings on one side are no case for the laws."""
    try:
        return split.make(dataset, name, **parameters)
    except DataError:
        assume(False)


# 19 ratings of 6 people: somebody has more than 3.
CASES = [
    ("random", {"fraction": 0.3}),
    ("random", {"fraction": 0.9}),
    ("kfold", {"folds": 2}),
    ("leave-last-out", {"n": 1}),
    ("leave-last-out", {"n": 3}),
    ("temporal", {"fraction": 0.5}),
    ("temporal", {"date": "1970-01-01T00:00:05"}),
]


@pytest.mark.parametrize(("name", "parameters"), CASES)
@steady
@given(rows=ratings(at_least=19), seed=st.integers(0, 5))
def test_every_split_is_a_partition(made, name, parameters, rows, seed):
    dataset = made(*rows)
    for part in made_or_refused(dataset, name, seed=seed, **parameters):
        assert sorted(rows_of(part.train.interactions) + rows_of(part.test)) == list(range(len(rows[0])))
        assert len(part.train.interactions) > 0
        assert len(part.test) > 0
        assert part.train.users is dataset.users
        assert part.train.items is dataset.items
        assert part.fingerprint == dataset.fingerprint
        assert part.name == name


@pytest.mark.parametrize(("name", "parameters"), CASES)
@steady
@given(rows=ratings(at_least=19))
def test_a_seed_gives_the_same_split_again(made, name, parameters, rows):
    first, again = (made_or_refused(made(*rows), name, seed=3, **parameters) for _ in range(2))
    assert [rows_of(part.test) for part in first] == [rows_of(part.test) for part in again]


@pytest.mark.parametrize("name", ["random", "kfold"])
def test_another_seed_gives_another_split(made, name):
    dataset = made(np.repeat(range(6), 8), np.tile(range(8), 6))
    assert rows_of(split.make(dataset, name, seed=0)[0].test) != rows_of(split.make(dataset, name, seed=1)[0].test)


@steady
@given(rows=ratings(), folds=st.integers(2, 6))
def test_every_rating_is_tested_in_exactly_one_fold(made, rows, folds):
    assume(folds <= len(rows[0]))
    tests = [rows_of(part.test) for part in split.kfold(made(*rows), folds=folds)]
    assert sorted(chain.from_iterable(tests)) == list(range(len(rows[0])))
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1


@steady
@given(rows=ratings(), fraction=st.floats(0.01, 0.99))
def test_random_holdout_holds_back_its_share(made, rows, fraction):
    (part,) = made_or_refused(made(*rows), "random", fraction=fraction)
    assert len(part.test) == round(fraction * len(rows[0]))


@steady
@given(rows=ratings(), n=st.integers(1, 4))
def test_leave_last_out_against_a_loop_over_people(made, rows, n):
    (part,) = made_or_refused(made(*rows), "leave-last-out", n=n)
    expected = []
    for person in range(6):
        own = sorted((row for row, user in enumerate(rows[0]) if user == person), key=lambda row: (rows[2][row], row))
        expected += own[-n:] if len(own) > n else []
    assert sorted(rows_of(part.test)) == sorted(expected)


@steady
@given(rows=ratings(), fraction=st.floats(0.05, 0.95))
def test_temporal_keeps_the_future_out_of_training(made, rows, fraction):
    (part,) = made_or_refused(made(*rows), "temporal", fraction=fraction)
    assert part.train.interactions.time.max() < part.test.time.min()
    assert len(part.test) >= round(fraction * len(rows[0]))
    assert part.warning is None


def test_temporal_by_date_starts_on_that_day_in_utc(made):
    days = np.array([0, 86_399, 86_400, 90_000])
    (part,) = split.temporal(made([0, 1, 2, 3], [0, 1, 2, 3], days), date="1970-01-02")
    assert rows_of(part.test) == [2, 3]
    assert part.protocol == "Ratings from 1970-01-02 00:00:00 UTC on (50 % of all) are predicted from the earlier ones."
    (part,) = split.temporal(made([0, 1, 2, 3], [0, 1, 2, 3], days), date="1970-01-02T02:00:00+01:00")
    assert rows_of(part.test) == [3]


def test_without_times_leave_last_out_takes_the_order_of_the_file_and_says_so(made):
    (part,) = split.leave_last_out(made([0, 1, 0, 1, 2], [5, 4, 3, 2, 1]))
    assert rows_of(part.test) == [2, 3]
    assert "order" not in part.protocol
    assert "no times" in part.warning
    assert "file" in part.warning


@pytest.mark.parametrize("name", ["random", "kfold", "u1"])
def test_splits_that_leak_the_future_say_so(made, name):
    users, items = np.repeat(range(6), 8), np.tile(range(8), 6)
    mask = np.arange(48) % 5 == 0
    (timed, *_) = split.make(made(users, items, np.arange(48)), name, test_mask=mask)
    (untimed, *_) = split.make(made(users, items), name, test_mask=mask)
    assert "made after test ratings" in timed.warning
    assert "no times" in untimed.warning
    assert "other people's later" in split.leave_last_out(made(users, items, np.arange(48)))[0].warning


def test_a_canonical_fold_takes_the_mask_of_the_loader(made):
    mask = np.array([True, False, False, True])
    (part,) = split.canonical(made([0, 1, 2, 3], [0, 1, 2, 3]), "ua", mask)
    assert rows_of(part.test) == [0, 3]
    assert rows_of(part.train.interactions) == [1, 2]
    assert part.name == "ua"
    assert part.protocol == "Published split ua: 2 ratings are predicted from the other 2."


def test_a_mask_of_another_length_is_a_mistake_of_the_caller(made):
    with pytest.raises(ValueError, match="one entry an interaction"):
        split.canonical(made([0, 1], [0, 1]), "u1", np.array([True]))


REFUSED = [
    ("random", {"fraction": 0}, "between 0 and 1"),
    ("random", {"fraction": 1.0}, "between 0 and 1"),
    ("random", {"fraction": "nan"}, "between 0 and 1"),
    ("random", {"fraction": 0.01}, "less than one"),
    ("random", {"fraction": 0.99}, "no rating to learn from"),
    ("random", {"fraction": "half"}, "give a number"),
    ("random", {"folds": 3}, "it takes fraction"),
    ("kfold", {"folds": 1}, "choose from 2"),
    ("kfold", {"folds": 5}, "choose from 2"),
    ("kfold", {"folds": "2.5"}, "whole number"),
    ("kfold", {"folds": "inf"}, "whole number"),
    ("leave-last-out", {"n": 0}, "choose 1 or more"),
    ("leave-last-out", {"n": 4}, "Nobody"),
    ("temporal", {"date": "yesterday"}, "is not a date"),
    ("temporal", {"date": "١٩٩٨-٠٣"}, "is not a date"),
    ("temporal", {"date": "1960-01-01"}, "from 1970-01-01 00:00:10 to 1970-01-01 00:00:40"),
    ("temporal", {"date": "1970-01-01T00:00:10"}, "choose a date between"),
    ("temporal", {"date": "9999-12-31"}, "choose a date between"),
    ("temporal", {"fraction": 0.99}, "no rating to learn from"),
    ("u1", {"fraction": 0.2}, "it takes none"),
]


@pytest.mark.parametrize(("name", "parameters", "clue"), REFUSED)
def test_what_cannot_be_split_is_refused_in_one_sentence(made, one_sentence, name, parameters, clue):
    dataset = made([0, 0, 0, 1], [0, 1, 2, 3], [10, 20, 30, 40])
    with pytest.raises(DataError, match=clue) as error:
        split.make(dataset, name, test_mask=np.array([True, False, False, False]), **parameters)
    assert one_sentence(str(error.value))


def test_an_unknown_name_offers_the_list(made, one_sentence):
    with pytest.raises(NotFound, match="random, kfold, leave-last-out, temporal, u1") as error:
        split.make(made([0, 1], [0, 1]), "rändom")
    assert one_sentence(str(error.value))


def test_a_published_fold_of_other_data_offers_what_can_be_had(made, one_sentence):
    with pytest.raises(NotFound, match="published split of MovieLens 100K that made lacks") as error:
        split.make(made([0, 1], [0, 1]), "u1")
    assert one_sentence(str(error.value))


def test_temporal_refuses_data_without_times(made, one_sentence):
    with pytest.raises(DataError, match="no times") as error:
        split.make(made([0, 1], [0, 1]), "temporal")
    assert one_sentence(str(error.value))


@pytest.mark.parametrize("name", split.NAMES)
def test_no_ratings_or_one_are_refused(made, one_sentence, name):
    for rows in ([], []), ([2], [3]):
        with pytest.raises(RecengineError) as error:
            split.make(made(*rows, np.arange(len(rows[0]))), name)
        assert one_sentence(str(error.value))


def test_times_in_a_wrong_unit_still_print(made):
    (part,) = split.temporal(made([0, 1], [0, 1], [10**15, 2 * 10**15]), fraction=0.5)
    assert rows_of(part.test) == [1]


@pytest.mark.parametrize("name", split.NAMES)
def test_every_parameter_listed_is_taken_as_text(made, name):
    dataset = made(np.repeat(range(6), 8), np.tile(range(8), 6), np.arange(48) * 86_400)
    for parameter in split.PARAMETERS[name]:
        text = "1970-01-11" if parameter.kind == "text" else str(parameter.default)
        asked, default = split.make(dataset, name, **{parameter.name: text}), split.make(dataset, name)
        assert len(asked) == len(default)
        if parameter.kind != "text":
            assert rows_of(asked[0].test) == rows_of(default[0].test)


def test_protocols_are_one_sentence(made, one_sentence):
    dataset = made(np.repeat(range(6), 8), np.tile(range(8), 6), np.arange(48))
    for name in split.NAMES:
        (part, *_) = split.make(replace(dataset, name="日本 🎬"), name)
        assert one_sentence(part.protocol)
        assert part.warning is None or one_sentence(part.warning)
