"""Feature augmentation against tables worked by hand, and the law that a residual is of a rating not seen."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.lab import Lab
from recengine.model import Context, Fitted, Recommender, Traits
from recengine.models.baseline import Bias, GlobalMean, Popularity
from recengine.models.hybrid.augmentation import FeatureAugmentation, keeping, most_rated
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.store import Store
from tests.models.hybrid.fakes import FittedSays, Says

_ = np.nan


class Averages(Recommender):
    """A collaborative model to work by hand: the movie's mean in its data plus the mean of the history; both alone too.

    No opinion of a movie nobody rated in its data, nor for an empty history.
    """

    name: ClassVar[str] = "averages"
    title: ClassVar[str] = "Averages"
    family: ClassVar[str] = "baselines"

    @property
    def traits(self):
        return Traits(ratings=True, personal=True)

    def fit(self, train, context=Context()):
        total = np.bincount(train.interactions.item, train.interactions.value, train.n_items)
        count = train.interactions.item_count
        mean = np.divide(total, count, out=np.full(train.n_items, np.nan), where=count > 0)
        return FittedAverages(model=self, scale=train.scale, item=mean.astype(np.float32))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedAverages(Fitted):
    item: np.ndarray

    def score(self, query):
        count = np.diff(query.history.indptr)
        total = np.asarray(query.history.sum(axis=1)).ravel()
        own = np.divide(total, count, out=np.full(len(query), np.nan, np.float32), where=count > 0)
        return ((self.item[None, :] + own[:, None]) / 2).astype(np.float32)

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]

    def fallback(self, query):
        return np.zeros((len(query), len(self.item)), np.float32)

    def explain(self, query, item):
        value = float(self.score(query)[0, item])
        if np.isnan(value):
            return Explanation(0.0, 0.0, "nought", (), exact=True, fallback="nobody rated it; 0 stands in")
        parts = [
            Part("movie", value / query.history.nnz, int(movie), rating=float(stars))
            for movie, stars in zip(query.history.indices, query.history.data, strict=True)
        ]
        return Explanation(value, 0.0, "nought", tuple(parts), exact=True)


FOUR = [[5, _, 3, _], [4, 3, _, _], [_, 2, 5, _], [_, _, 1, _]]
SAID = Says(scores=(4, 2, 3, 1))


def hybrid(how, content=SAID, **settings):
    return FeatureAugmentation(content=content, collaborative=Averages(), how=how, **settings)


def test_pseudo_ratings_worked_by_hand(make_dataset):
    """Rated 2, 2, 3 and 0 times: fill=2 are movies 2 and 0 (stars 9 beat 5). Pseudo-ratings in brackets:

        person 0:  5   _   3   _
        person 1:  4   3  [3]  _
        person 2: [4]  2   5   _
        person 3: [4]  _   1   _

    Means by movie: 17/4, 5/2, 12/4, none. Of the completed histories: 4, 10/3, 11/3, 5/2.
    """
    data = make_dataset(FOUR)
    fitted, everyone = hybrid("pseudo-ratings", fill=2).fit(data), Query.of_users(data, range(4))
    movie, person = np.array([17 / 4, 5 / 2, 3]), np.array([4, 10 / 3, 11 / 3, 5 / 2])
    expected = (movie[None, :] + person[:, None]) / 2
    np.testing.assert_allclose(fitted.score(everyone)[:, :3], expected, rtol=1e-6)
    np.testing.assert_array_equal(fitted.score(everyone)[:, 3], 1)  # nobody rated it: what the content model says
    # Person 3 has rated movie 2 alone; the pseudo-rated movie 0 is still to be recommended, (17/4 + 5/2)/2 = 3.375.
    ranking = fitted.recommend(Query.of_users(data, [3]), 4)
    assert ranking.item[0].tolist() == [0, 1, 3, -1]
    np.testing.assert_allclose(ranking.score[0, :3], [3.375, 2.5, 1])


def test_residuals_worked_by_hand(make_dataset):
    """The content model says 4, 2, 3, 1 whatever it is fitted to, so r − c is

        person 0:  1   _   0   _
        person 1:  0   1   _   _
        person 2:  _   0   2   _
        person 3:  _   _  −2   _

    Means by movie: 1/2, 1/2, 0, none. Of the histories: 1/2, 1/2, 1, −2. r̂ = c + half their sum.
    """
    data = make_dataset(FOUR)
    fitted, everyone = hybrid("residuals").fit(data), Query.of_users(data, range(4))
    movie, person = np.array([0.5, 0.5, 0]), np.array([0.5, 0.5, 1, -2])
    expected = np.array([4, 2, 3]) + (movie[None, :] + person[:, None]) / 2
    np.testing.assert_allclose(fitted.score(everyone)[:, :3], expected, rtol=1e-6)
    np.testing.assert_array_equal(fitted.score(everyone)[:, 3], 1)
    # Person 3: movie 0 gets 4 − 3/4, movie 1 gets 2 − 3/4, movie 3 keeps 1.
    ranking = fitted.recommend(Query.of_users(data, [3]), 4)
    assert ranking.item[0].tolist() == [0, 1, 3, -1]
    np.testing.assert_allclose(ranking.score[0, :3], [3.25, 1.25, 1])


def test_the_parts_are_the_two_models_and_quote_real_stars(make_dataset):
    data = make_dataset(FOUR)
    query, mean = Query.of_users(data, [3]), 23 / 7
    why = hybrid("residuals").fit(data).explain(query, 0)
    parts = {part.index: part for part in why.parts}
    assert why.base == pytest.approx(mean)
    assert parts[0].weight == pytest.approx(4 - mean)
    assert parts[1].weight == pytest.approx(-0.75)
    assert [part.rating for part in parts[1].told.parts] == [1.0]  # what was given, where −2 was learned from
    why = hybrid("pseudo-ratings", fill=2).fit(data).explain(query, 1)
    second = next(part for part in why.parts if part.index == 1)
    assert second.weight == pytest.approx(2.5 - 2)
    assert [(part.kind, part.what, part.rating) for part in second.told.parts] == [
        ("effect", "Movie 0, as Says would rate it", None),
        ("movie", "", 1.0),
    ]


def test_opinions_alone_are_filled_in(make_dataset):
    data = make_dataset(FOUR)
    fitted = hybrid("pseudo-ratings", Says(scores=(None, 2, 3, None)), fill=4).fit(data)
    asked = fitted.augmented(Query.of_users(data, [3]))
    assert asked.history.indices.tolist() == [1, 2]
    assert asked.history.data.tolist() == [2, 1]
    assert asked.sequence.tolist() == [[1, 2]]  # what was completed is older
    why = fitted.explain(Query.of_users(data, [3]), 3)
    assert why.score == 3
    assert why.fallback == "neither model has an opinion: it knows nothing of it; 3 stands in"


def test_the_most_rated_movies_are_those_that_somebody_rated(make_dataset):
    assert most_rated(make_dataset(FOUR), 10).tolist() == [2, 0, 1]


class Echo(Says):
    """A content model that repeats the rating it finds in training data or query, and says 2 to all else."""

    name: ClassVar[str] = "echo"
    scores: tuple[float | None, ...] = ()

    def fit(self, train, context=Context()):
        seen = train.interactions.matrix.toarray()
        return FittedEcho(model=self, scale=train.scale, said=np.zeros(train.n_items, np.float32), seen=seen)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedEcho(FittedSays):
    seen: np.ndarray

    def score(self, query):
        found = query.history.toarray()
        return np.where(found == 0, 2, found).astype(np.float32)

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]


def test_a_residual_is_never_of_a_rating_that_was_shown(make_dataset, monkeypatch):
    data = make_dataset(np.where(np.isnan(FOUR), np.nan, 5))
    learned = []
    monkeypatch.setattr(Averages, "fit", lambda self, train, context: learned.append(train) or GlobalMean().fit(train))
    fitted = hybrid("residuals", Echo(), folds=3).fit(data)
    assert learned[0].scale == (-4, 4)
    np.testing.assert_array_equal(learned[0].interactions.value, 3)  # 5 − 2; 0 if the ratings were left in
    for query in (Query.of_users(data, range(4)), Query.of_visitor(4, [0, 1, 3], [5, 5, 5])):
        np.testing.assert_array_equal(fitted.augmented(query).history.data, 3)


def test_a_query_without_some_of_its_ratings(make_dataset):
    data = make_dataset(FOUR)
    query = replace(Query.of_users(data, [0, -1, 2, 1]), time=np.arange(4))
    rest = keeping(query, np.array([True, False, False, True, True, False]))
    np.testing.assert_array_equal(rest.history.toarray(), [[5, 0, 0, 0], [0] * 4, [0, 0, 5, 0], [4, 0, 0, 0]])
    assert [sorted(row[row >= 0]) for row in rest.sequence] == [[0], [], [2], [0]]
    np.testing.assert_array_equal(rest.time, query.time)


@pytest.fixture
def tastes(make_dataset):
    """60 people × 40 movies of two tastes, half of the cells rated; nobody rated the last movie."""
    rng = np.random.default_rng(4)
    taste = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    table = np.clip(np.round(3 + rng.normal(0, 0.5, (60, 1)) + 0.9 * taste), 1, 5)
    table[(rng.random(table.shape) < 0.5) | (np.arange(40) == 39)] = np.nan
    return make_dataset(table, features=rng.random((40, 3)) < 0.4)


@pytest.mark.parametrize("how", ["pseudo-ratings", "residuals"])
def test_somebody_new_and_a_movie_nobody_rated_are_answered(tastes, how):
    fitted = FeatureAugmentation(how=how).fit(tastes)
    for known in (0, 1, 3, 5, 10):
        visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
        ranking = fitted.recommend(visitor, tastes.n_items)
        assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
        assert ranking.fallback[0, 0] == (known == 0)
        unrated = fitted.explain(visitor, 39)
        # The tree speaks from ten ratings on, and the neighbors never of what nobody rated.
        assert (unrated.fallback is None) == (known == 10)
        assert 1 <= unrated.score <= 5
        if known == 10:
            tree = fitted.content.score(visitor)[0, 39]
            biased = 0 if how == "pseudo-ratings" else fitted.collaborative.fallback(fitted.augmented(visitor))[0, 39]
            assert unrated.score == pytest.approx(tree + biased, abs=1e-6)


@pytest.mark.parametrize("how", ["pseudo-ratings", "residuals"])
def test_a_hybrid_of_hybrids(tastes, how):
    inner = FeatureAugmentation(how=how, content=Bias(), fill=10)
    for outer in (FeatureAugmentation(content=inner, how=how), FeatureAugmentation(collaborative=inner, how=how)):
        assert registry.from_spec(outer.spec()) == outer
        assert registry.parse(outer.label) == outer
        fitted, query = outer.fit(tastes), Query.of_users(tastes, [4, -1])
        assert np.isfinite(fitted.score(query)[0, :39]).all()
        why = fitted.explain(query, 5)
        assert why.score == pytest.approx(fitted.score(query)[0, 5], abs=1e-5)


def test_the_content_model_is_the_artifact_it_is_alone(tmp_path):
    lab = Lab(Store(tmp_path))
    model = FeatureAugmentation(content=Bias(), how="residuals", folds=2)
    alone, fitted = lab.fitted("demo", Bias()), lab.fitted("demo", model)
    assert fitted.content is alone
    np.testing.assert_array_equal(fitted.content.biases.item, alone.biases.item)
    kept = lab.store.info().artifacts
    other = lab.fitted("demo", model.model_copy(update={"collaborative": UserKNN()}))
    assert other.content is alone
    # The other shares the content model and its out-of-fold predictions: only two models are new.
    assert lab.store.info().artifacts == kept + 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"content": Popularity()}, "popularity predicts no ratings"),
        ({"collaborative": ItemKNN(**ItemKNN.ranking)}, "item-knn predicts no ratings"),
    ],
)
def test_a_child_that_predicts_no_ratings_is_refused(settings, says, one_sentence):
    with pytest.raises(ModelError, match=says) as refused:
        FeatureAugmentation(**settings)
    assert one_sentence(str(refused.value))
