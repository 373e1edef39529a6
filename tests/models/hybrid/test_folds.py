"""Out-of-fold predictions: no model is asked for a rating it has seen."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from recengine.data.dataset import Dataset
from recengine.explain import Explanation
from recengine.model import Context, Fitted, Recommender, Traits
from recengine.models.baseline import Popularity
from recengine.models.hybrid.folds import fold_of, out_of_fold
from recengine.models.hybrid.weighted import Weighted
from recengine.models.linear import Ease
from recengine.validation import validate

STRANGE = 0.5  # what the memoriser says of what it has not seen: no rating of these data


class Memoriser(Recommender):
    """A child that returns the rating it has seen, in training or in the query, and `STRANGE` otherwise."""

    name: ClassVar[str] = "memoriser"
    title: ClassVar[str] = "Memoriser"
    family: ClassVar[str] = "baselines"

    @property
    def traits(self):
        return Traits(ratings=True, personal=True)

    def fit(self, train, context=Context()):
        context.step(0.5, "remembering")
        assert len(train.interactions) > 0
        return FittedMemoriser(model=self, scale=train.scale, seen=train.interactions.matrix.toarray())


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMemoriser(Fitted):
    seen: np.ndarray

    def score(self, query):
        seen = np.where(query.user[:, None] >= 0, self.seen[query.user], 0)
        seen = np.where(query.history.toarray() != 0, query.history.toarray(), seen)
        return np.where(seen == 0, STRANGE, seen).astype(np.float32)

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]

    def fallback(self, query):
        return self.score(query)

    def explain(self, query, item):
        value = float(self.score(query)[0, item])
        return Explanation(value, value, "what it remembers", (), exact=True)


@pytest.fixture
def data(make_dataset) -> Dataset:
    """30 people with 1 to 30 of 40 movies; movie 39 has one rating, movie 38 none."""
    rng = np.random.default_rng(2)
    table = np.full((30, 40), np.nan)
    for person in range(30):
        table[person, rng.choice(38, person + 1, replace=False)] = rng.integers(1, 6, person + 1)
    table[3, 39] = 2
    return make_dataset(table, scale=(0.5, 5.0))


def test_what_a_child_remembers_is_never_what_it_says(data):
    np.testing.assert_array_equal(out_of_fold(Memoriser(), data, Context(), 5), STRANGE)


def test_the_leak_shows_where_the_fold_is_left_in(data, monkeypatch):
    """The test above would notice: with folds left in the data, the child says the very ratings."""
    monkeypatch.setattr(Dataset, "with_interactions", lambda self, interactions: self)
    np.testing.assert_array_equal(out_of_fold(Memoriser(), data, Context(), 5), data.interactions.value)


def test_folds_are_even_in_all_and_within_each_person(data):
    fold = fold_of(data, 4, seed=3)
    assert fold.dtype == np.int8
    for chosen in (np.ones(len(fold), bool), *(data.interactions.user == person for person in range(30))):
        count = np.bincount(fold[chosen], minlength=4)
        assert count.max() - count.min() <= 1


def test_folds_depend_on_the_seed_and_not_on_the_order_of_the_rows(data):
    fold, order = fold_of(data, 4, seed=3), np.random.default_rng(0).permutation(len(data.interactions))
    np.testing.assert_array_equal(fold_of(data, 4, seed=3), fold)
    shuffled = data.with_interactions(data.interactions.take(order))
    np.testing.assert_array_equal(fold_of(shuffled, 4, seed=3), fold[order])
    assert (fold_of(data, 4, seed=4) != fold).any()


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_few_ratings_make_few_folds(data, n):
    for seed in range(10):
        few = data.with_interactions(data.interactions.take(np.arange(n)))
        said = out_of_fold(Memoriser(), few, Context(seed=seed), 5)
        np.testing.assert_array_equal(said, few.interactions.value if n == 1 else STRANGE)


def test_a_child_is_asked_of_people_and_movies_it_does_not_know(make_dataset):
    alone = make_dataset([[4, np.nan, np.nan], [np.nan, 2, np.nan], [np.nan, np.nan, 5]], scale=(0.5, 5.0))
    np.testing.assert_array_equal(out_of_fold(Memoriser(), alone, Context(), 3), STRANGE)


def test_predictions_are_kept_and_the_fits_of_the_folds_are_not(data):
    asked = []

    def keep(kind, model, train, seed, make):
        asked.append((kind, len(train.interactions), seed))
        return make()

    out_of_fold(Memoriser(), data, Context(seed=9, keep=keep), 4)
    assert asked == [("out-of-fold 4", len(data.interactions), 9)]


def test_progress_runs_from_nought_to_one(data):
    told = []
    out_of_fold(Memoriser(), data, Context(progress=lambda fraction, text: told.append((fraction, text))), 4)
    assert [fraction for fraction, _ in told] == [0.125, 0.375, 0.625, 0.875]
    assert told[0][1] == "part 1 of 4: remembering"


def test_lists_learned_from_keep_nothing_that_was_fitted_without_a_fold(tastes):
    """A store would fill up with parts of children that nobody asks for again."""
    asked = []

    def keep(kind, model, train, seed, make):
        asked.append((kind, model.name, len(train.interactions)))
        return make()

    inner = Weighted(children=(Ease(), Popularity()), calibration="z-score")
    outer = Weighted(children=(inner, Popularity()), calibration="z-score", learned=True, folds=2)
    outer.fit(tastes, Context(keep=keep))
    validate(outer, tastes, Context(keep=keep))
    assert {name for _, name, _ in asked} == {"weighted", "ease", "popularity"}
    assert {size for _, _, size in asked} == {len(tastes.interactions)}
