"""What a dataset holds, on tables worked out by hand."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recengine.data.dataset import Interactions
from recengine.describe import Quantiles, activity, co_rating, describe, gini, histogram, labels, lorenz, percent

N = np.nan
#         g0  g0g1  g1  none
TABLE = [
    [5.0, 4.0, N, N],
    [3.0, 4.0, 2.0, N],
    [5.0, 2.0, 1.0, N],
]
GENRES = [[1, 0], [1, 1], [0, 1], [0, 0]]
counts = arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 1000)).filter(lambda c: c.sum() > 0)


def plain(answer) -> str:
    fields = dataclasses.asdict(answer)
    tables = {k: v.to_dict("records") if isinstance(v, pd.DataFrame) else v for k, v in fields.items()}
    return json.dumps(tables, allow_nan=False)


def with_times(dataset, time):
    i = dataset.interactions
    return dataset.with_interactions(
        Interactions(i.user.copy(), i.item.copy(), i.value.copy(), time, i.n_users, i.n_items)
    )


@pytest.fixture
def small(make_dataset):
    return make_dataset(TABLE, features=GENRES)


def test_sizes_and_means(small):
    told = describe(with_times(small, np.arange(8) * 86_400))
    assert (told.n_people, told.n_movies, told.n_rated_movies, told.n_ratings) == (3, 4, 3, 8)
    assert told.density == 8 / 12
    assert told.mean == 26 / 8
    assert told.scale == (1.0, 5.0)
    assert (told.first, told.last) == ("1970-01-01", "1970-01-08")
    assert told.ratings_per_person == Quantiles(2, 2.5, 3, 3, 3)
    assert told.ratings_per_movie == Quantiles(0, 1.5, 2.5, 3, 3)
    assert told.histogram.to_dict("list") == {"value": [1, 2, 3, 4, 5], "count": [1, 2, 1, 2, 2]}


def test_genres_by_hand(small):
    told = describe(small).genres
    # g0 holds 5 3 5 and 4 4 2; g1 holds 4 4 2 and 2 1.
    assert told.to_dict("records") == [
        {"genre": "g0", "movies": 2, "ratings": 6, "mean": 23 / 6, "difference": 23 / 6 - 26 / 8},
        {"genre": "g1", "movies": 2, "ratings": 5, "mean": 13 / 5, "difference": 13 / 5 - 26 / 8},
    ]


def test_a_genre_that_nobody_rated_has_no_mean(make_dataset):
    told = describe(make_dataset([[4.0, N]], features=[[1, 0], [0, 1]])).genres
    assert told["genre"].tolist() == ["g0", "g1"]
    assert told["mean"].tolist() == [4.0, None]
    assert told["difference"].tolist() == [0.0, None]


def test_long_tail_by_hand(small):
    told = describe(small)
    assert told.long_tail["movies"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert told.long_tail["ratings"].tolist() == [0, 3 / 8, 6 / 8, 1, 1]
    assert told.top_decile_share == 3 / 8
    # Counts 0 2 3 3: the pairs differ by 2 3 3 1 1 0, each twice, over 2 · 4 · 8.
    assert told.gini == 20 / 64


@given(counts)
def test_gini_is_the_mean_difference_of_all_pairs(count):
    naive = np.abs(count[:, None] - count[None, :]).sum() / (2 * len(count) * count.sum())
    assert gini(count) == pytest.approx(naive, abs=1e-12)


@given(counts)
def test_the_lorenz_curve_rises_ever_slower_from_nothing_to_all(count):
    curve = lorenz(count)
    x, y = curve["movies"].to_numpy(), curve["ratings"].to_numpy()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert (np.diff(np.diff(y) / np.diff(x)) <= 1e-9).all()


def test_a_long_lorenz_curve_is_thinned():
    curve = lorenz(np.arange(10_000))
    assert len(curve) == 200
    assert curve.iloc[-1].tolist() == [1, 1]


def test_many_values_fall_into_twenty_bins():
    told = histogram(np.linspace(0, 10, 1000, dtype=np.float32))
    assert told["count"].tolist() == [50] * 20
    np.testing.assert_allclose(told["value"], np.arange(20) / 2 + 0.25)


def test_values_read_as_they_were_given():
    assert histogram(np.array([0.1, 0.7, 0.1], np.float32)).to_dict("list") == {"value": [0.1, 0.7], "count": [2, 1]}


def test_activity_counts_months_and_keeps_the_empty_ones():
    seconds = np.array(["1999-12-31T23:59:59", "2000-02-01", "2000-02-29"], "datetime64[s]").astype(np.int64)
    months, table = activity(seconds)
    assert months == 1
    assert table.to_dict("list") == {"start": ["1999-12-01", "2000-01-01", "2000-02-01"], "ratings": [1, 0, 2]}


@pytest.mark.parametrize(
    ("last", "months", "start"),
    [("1991-12", 1, "1972-01-01"), ("1992-01", 12, "1972-01-01"), ("2300-01", 120, "1970-01-01"),
     ("30000-01", 12000, "1000-01-01")],
)  # fmt: skip
def test_longer_spans_take_longer_periods(last, months, start):
    step, table = activity(np.array(["1972-01", last], "datetime64[s]").astype(np.int64))
    assert step == months
    assert table["start"].iloc[0] == start
    assert len(table) <= 240
    assert table["ratings"].sum() == 2


@pytest.mark.parametrize("time", [-1, 2**40, -(2**40)])
def test_any_time_has_a_period(time):
    assert activity(np.array([time, 0]))[1]["ratings"].sum() == 2


def test_pairs_with_little_in_common(small):
    told = describe(small)
    # People 1 and 2 share three movies, the other two pairs share two. Movies 0 and 1 share three people.
    assert (told.people_pairs.share, told.people_pairs.compared, told.people_pairs.exact) == (2 / 3, 3, True)
    assert told.movie_pairs.share == pytest.approx(2 / 3)
    assert told.movie_pairs.compared == 3


def test_pairs_against_brute_force():
    table = np.random.default_rng(1).random((30, 12)) < 0.4
    row, column = np.nonzero(table)
    shared = (table.astype(int) @ table.T.astype(int))[np.triu_indices(30, 1)]
    assert co_rating(row, column, 30, 12, 0).share == pytest.approx((shared < 3).mean())


def test_too_many_people_are_sampled_and_it_says_so(make_dataset):
    n = 3001
    row, column = np.repeat(np.arange(n), 3), np.tile(np.arange(3), n)
    told = co_rating(row, column, n, 3, seed=0)
    assert (told.share, told.compared, told.exact) == (0, 1000, False)
    halves = np.where(row % 2 == 0, column, column + 3)
    first, again = (co_rating(row, halves, n, 6, seed=0) for _ in range(2))
    assert first == again
    assert first.share == pytest.approx(0.5, abs=0.01)
    dataset = make_dataset(np.where(np.eye(n, 4, dtype=bool) | (np.arange(4) == 3), 3.0, N))
    assert any("in a sample of 1,000" in warning for warning in describe(dataset).warnings)


def test_warnings_carry_their_numbers(small):
    flat = describe(with_times(small, np.array([7, 7, 1, 2, 3, 4, 5, 6]))).warnings
    assert flat == (
        "25 % of movies have no rating: only their features speak for them.",
        "Half of all movies have 2 ratings or fewer: their averages are noise.",
        "67 % of pairs of people share fewer than 3 movies: similarities between people rest on little.",
        "67 % of pairs of movies share fewer than 3 people: similarities between movies rest on little.",
        "25 % of ratings carry the same time stamp as another rating of the same person: "
        "the order within them is unknown.",
    )
    assert len(describe(small).warnings) == 4


def test_people_who_rate_everything_alike(make_dataset):
    table = [[4.0, 4.0, N], [1.0, 5.0, N], [N, 2.0, N], [N, N, N]]
    assert [w for w in describe(make_dataset(table)).warnings if "same rating" in w] == [
        "50 % of people give the same rating to everything: their ratings show no preference."
    ]
    assert not [w for w in describe(make_dataset([[3.0], [4.0]])).warnings if "same rating" in w]


def test_a_rich_dataset_gives_no_warning(make_dataset):
    assert describe(make_dataset(np.random.default_rng(0).integers(1, 6, (20, 20)).astype(float))).warnings == ()


def test_without_times(small):
    told = describe(with_times(small, None))
    assert (told.first, told.last, told.period_months, len(told.activity)) == (None, None, None, 0)
    assert list(told.activity.columns) == ["start", "ratings"]
    assert any("no times" in warning for warning in told.warnings)


def test_implicit_data_are_only_counted(make_dataset):
    told = describe(make_dataset(np.where(np.isnan(TABLE), N, 1.0), scale=None, features=GENRES))
    assert told.mean is None
    assert len(told.histogram) == 0
    assert told.genres["ratings"].tolist() == [6, 5]
    assert told.genres["mean"].tolist() == [None, None]
    assert any("no ratings, only who met what" in warning for warning in told.warnings)
    assert not any("same rating" in warning for warning in told.warnings)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (0, 3), (2, 0), (0, 0)])
def test_data_without_a_rating(make_dataset, shape):
    told = describe(make_dataset(np.full(shape, N)))
    assert told.n_ratings == 0
    assert told.mean is told.gini is told.top_decile_share is told.people_pairs is told.first is None
    assert told.warnings == ("There is not a single rating: nothing can be learned.",)
    plain(told)


def test_one_person_and_one_movie(make_dataset):
    told = describe(make_dataset([[4.0]]))
    assert (told.people_pairs, told.movie_pairs, told.gini, told.top_decile_share) == (None, None, 0.0, 1.0)
    assert len(told.genres) == 0
    assert told.warnings == ("Half of all movies have 1 rating or fewer: their averages are noise.",)


def test_answers_turn_into_json(small):
    assert json.loads(plain(describe(small)))["genres"][0]["genre"] == "g0"


def test_labels_count_a_word_once_a_movie_and_miss_nothing():
    movies = pd.DataFrame({"genres": [("a", "b", "a"), (), ("b",)]})
    row, word = labels(movies, "genres", np.array([2, 0, 1, 0]))
    assert row.tolist() == [0, 1, 1, 3, 3]
    assert word.tolist() == ["b", "a", "b", "a", "b"]
    assert len(labels(movies, "directors", np.array([0]))[0]) == 0


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.87, "87 %"), (0.0004, "under 0.1 %"), (0.9996, "over 99.9 %"), (0.004, "0.4 %"),
     (0.996, "99.6 %"), (0.125, "12 %")],
)  # fmt: skip
def test_percentages_never_round_to_none_or_all(share, text):
    assert percent(share) == text
