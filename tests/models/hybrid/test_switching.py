"""The switching hybrid: who speaks, by tables worked by hand, and that who speaks is quoted bit for bit."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Recommender, Traits, Uncertain
from recengine.models.baseline import Bias, Popularity
from recengine.models.bayes import BayesFM
from recengine.models.content import Content
from recengine.models.hybrid.switching import Switching
from recengine.models.hybrid.weighted import Weighted
from recengine.models.neighbors import ItemKNN
from recengine.models.tree import ContentTree

_ = np.nan
SMALL = BayesFM(factors=3, iterations=40, draws=10)


class Says(Recommender):
    """A child that says what it is told, to everyone; None is no opinion, and `off` how sure it is."""

    name: ClassVar[str] = "says"
    title: ClassVar[str] = "Says"
    family: ClassVar[str] = "baselines"
    scores: tuple[float | None, ...]
    off: tuple[float, ...] = ()
    ratings: bool = True

    @property
    def traits(self):
        return Traits(ratings=self.ratings, personal=True, uncertainty=bool(self.off))

    def fit(self, train, context=Context()):
        said = np.array(self.scores, np.float32)
        off = np.where(np.isnan(said), np.nan, self.off or 0).astype(np.float32)
        return FittedSays(model=self, scale=train.scale, said=said, off=off)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSays(Uncertain):
    said: np.ndarray
    off: np.ndarray

    def score(self, query):
        return np.tile(self.said, (len(query), 1))

    def score_cells(self, query, row, item):
        return self.said[item]

    def fallback(self, query):
        return np.full((len(query), len(self.said)), np.nanmax(self.said, initial=0) / 2, np.float32)

    def deviation(self, query):
        return np.tile(self.off, (len(query), 1))

    def explain(self, query, item):
        value = float(self.said[item])
        if np.isnan(value):
            half = float(self.fallback(query)[0, item])
            return Explanation(half, half, "half", (), exact=True, fallback="it knows nothing of it; half stands in")
        return Explanation(value, value, "so it says", (), exact=True, deviation=float(self.off[item]))


@pytest.fixture(scope="module")
def tastes(make_dataset):
    """60 people × 40 movies of two tastes, half of the cells rated, fewer of the last ten movies, none of the last."""
    rng = np.random.default_rng(4)
    taste = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    table = np.clip(np.round(3 + rng.normal(0, 0.5, (60, 1)) + 0.9 * taste), 1, 5)
    table[rng.random(table.shape) < np.where(np.arange(40) < 30, 0.5, 0.95)] = np.nan
    table[:, 39] = np.nan
    return make_dataset(table, features=rng.random((40, 3)) < 0.4)


# Person 0 rated movie 0 alone, persons 1 and 2 two movies, person 3 none; movies have 2, 2, 1 and 0 ratings.
FOUR = [[5, _, _, _], [4, 3, _, _], [_, 2, 5, _], [_, _, _, _]]
A, B = Says(scores=(5, 4, None, 2), off=(0.5, 1.5, 0.0, 1.0)), Says(scores=(1, 2, 4.5, 3))


@pytest.mark.parametrize(
    ("settings", "speaks", "lists"),
    [
        # Persons 1 and 2 have the two ratings it takes. A has no opinion on movie 2, so it comes last, by A's fallback.
        (
            {"rule": "person-ratings", "threshold": 2},
            [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]],
            [[2, 3, 1], [3, 2], [0, 3], [2, 3, 1, 0]],
        ),
        # Movies 0 and 1 have the two ratings it takes: everyone sees 5, 4, 4.5, 3.
        ({"rule": "movie-ratings", "threshold": 2}, [[0, 0, 1, 1]] * 4, [[2, 1, 3], [2, 3], [0, 3], [0, 2, 1, 3]]),
        # A is silent on movie 2 alone: 5, 4, 4.5, 2.
        ({"rule": "no-opinion"}, [[0, 0, 1, 0]] * 4, [[2, 1, 3], [2, 3], [0, 3], [0, 2, 1, 3]]),
        # A is off by 1.5 stars on movie 1 and knows nothing of movie 2; 1.0 on movie 3 is not more: 5, 2, 4.5, 2.
        ({"rule": "uncertainty", "uncertainty": 1.0}, [[0, 1, 1, 0]] * 4, [[2, 1, 3], [2, 3], [0, 3], [0, 2, 1, 3]]),
    ],
)
def test_a_table_worked_by_hand(make_dataset, settings, speaks, lists):
    data = make_dataset(FOUR)
    fitted, query = Switching(preferred=A, otherwise=B, **settings).fit(data), Query.of_users(data, range(4))
    found = fitted.speaks(query)
    assert found.dtype == np.int8
    assert found.tolist() == speaks
    said = np.where(speaks, np.array(B.scores, float), np.array(A.scores, float))
    np.testing.assert_array_equal(fitted.score(query), said)
    ranking = fitted.recommend(query, 4)
    assert [[i for i in row if i >= 0] for row in ranking.item.tolist()] == lists
    assert ranking.fallback[1].tolist() == [False, settings["rule"] == "person-ratings", False, False]


def test_a_ranker_without_any_opinion_passes_the_whole_list_on(make_dataset):
    """It has one on movie 0 alone, so it serves those who may still be shown that movie."""
    data, ranker = make_dataset(FOUR), Says(scores=(7, None, None, None), ratings=False)
    fitted = Switching(preferred=ranker, otherwise=B, rule="no-opinion").fit(data)
    query = Query.of_users(data, range(4))
    assert fitted.speaks(query).tolist() == [[1] * 4, [1] * 4, [0] * 4, [0] * 4]
    assert fitted.recommend(query.rows(0, 1), 4).item[0].tolist() == [2, 3, 1, -1]
    allowed = np.array([False, True, True, True])
    assert fitted.recommend(query.rows(3, 4), 4, allowed=allowed).item[0].tolist() == [2, 3, 1, -1]
    why = fitted.explain(query.rows(0, 1), 2)
    assert (
        why.parts[-1].what == "chosen because Says (scores=[7.0, None, None, None], ratings=False) has no opinion "
        "of any movie that may be listed"
    )


def children_of(rule):
    preferred = SMALL if rule == "uncertainty" else ItemKNN(k=5)
    return {"preferred": preferred, "otherwise": ContentTree(), "rule": rule}


# Rules that always choose one child, and which.
@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({**children_of("person-ratings"), "threshold": 0}, 0),
        ({**children_of("person-ratings"), "threshold": 1000}, 1),
        ({**children_of("movie-ratings"), "threshold": 0}, 0),
        ({**children_of("movie-ratings"), "threshold": 1000}, 1),
        ({**children_of("no-opinion"), "preferred": Bias()}, 0),
        ({**children_of("no-opinion"), "preferred": ContentTree(min_ratings=1000)}, 1),
        ({**children_of("uncertainty"), "uncertainty": 10}, 0),
        ({**children_of("uncertainty"), "uncertainty": 0}, 1),
        ({"preferred": Content(), "rule": "person-ratings", "threshold": 0}, 0),
        ({"preferred": ItemKNN(**ItemKNN.ranking), "otherwise": Content(), "threshold": 1000}, 1),
    ],
)
def test_switching_equals_the_chosen_child_bit_for_bit(tastes, settings, place):
    model = Switching(**settings)
    fitted, alone = model.fit(tastes), registry.children(model)[place].fit(tastes)
    visitor = Query.of_visitor(tastes.n_items, range(12), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3, 2, 5])
    item = np.array([3, 39, 7, 38])
    for query in (Query.of_users(tastes, [0, 3, 17]), Query.of_users(tastes, [4, -1, 8]), visitor):
        cells = np.arange(4) % len(query), item
        np.testing.assert_array_equal(fitted.speaks(query), place)
        np.testing.assert_array_equal(fitted.score(query), alone.score(query))
        np.testing.assert_array_equal(fitted.fallback(query), alone.fallback(query))
        np.testing.assert_array_equal(fitted.score_cells(query, *cells), alone.score_cells(query, *cells))
        np.testing.assert_array_equal(fitted.predict(query, *cells).value, alone.predict(query, *cells).value)
        ours, theirs = fitted.recommend(query, 15), alone.recommend(query, 15)
        np.testing.assert_array_equal(ours.item, theirs.item)
        np.testing.assert_array_equal(ours.score, theirs.score)
        np.testing.assert_array_equal(ours.fallback, theirs.fallback)
        told = alone.explain(query, 5)
        why = fitted.explain(query, 5)
        assert (why.score, why.base, why.deviation) == (told.score, told.base, told.deviation)
        assert why.parts[0].told == told


@pytest.mark.parametrize("rule", ["person-ratings", "movie-ratings", "no-opinion", "uncertainty"])
def test_each_cell_is_that_of_the_child_that_speaks(tastes, rule):
    query = Query.of_users(tastes, [*range(10), -1])
    middle = float(np.median(SMALL.fit(tastes).deviation(query)))
    model = Switching(**children_of(rule), threshold=16 if rule == "person-ratings" else 8, uncertainty=middle)
    fitted = model.fit(tastes)
    speaks = fitted.speaks(query)
    assert set(np.unique(speaks)) == {0, 1}
    both = np.array([child.fit(tastes).score(query) for child in registry.children(model)])
    np.testing.assert_array_equal(fitted.score(query), np.take_along_axis(both, speaks[None].astype(int), 0)[0])
    for row in (0, 5, 10):
        for item in range(tastes.n_items):
            part, reason = fitted.explain(query.rows(row, row + 1), item).parts
            assert (part.kind, part.index) == ("model", speaks[row, item])
            assert (reason.kind, reason.weight) == ("effect", 0.0)
            assert reason.what.startswith("chosen because ")


@pytest.mark.parametrize("rule", ["person-ratings", "movie-ratings", "no-opinion", "uncertainty"])
def test_few_ratings_and_a_movie_nobody_rated_are_answered_and_labelled(tastes, rule):
    fitted = Switching(**children_of(rule)).fit(tastes)
    for known in (0, 1, 3, 5, 10):
        visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
        ranking = fitted.recommend(visitor, tastes.n_items)
        assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
        assert np.isfinite(ranking.score[0, : tastes.n_items - known]).all()
        if rule == "person-ratings":
            assert fitted.speaks(visitor)[0, 0] == int(known < 8)
        if rule == "movie-ratings":
            assert fitted.explain(visitor, 39).parts[1].what == "chosen because the movie has 0 ratings, fewer than 8"
        for item in (20, 39):
            why = fitted.explain(visitor, item)
            assert 1 <= why.score <= 5
            title = why.parts[0].what
            assert title in {child.title for child in registry.children(fitted.model)}
            assert why.fallback is None or why.fallback.startswith(f"{title}, chosen because ")


def test_a_person_is_passed_on_by_the_number_of_their_ratings(tastes):
    """The defaults: with fewer than eight ratings, user and item bias; with eight, item-based neighbors."""
    fitted = Switching().fit(tastes)
    said = {}
    for known in (1, 7, 8):
        visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2][:known])
        part, reason = fitted.explain(visitor, 20).parts
        said[known] = f"{part.what}, {reason.what}"
    assert said == {
        1: "User and item bias, chosen because the person has 1 rating, fewer than 8",
        7: "User and item bias, chosen because the person has 7 ratings, fewer than 8",
        8: "Item-based neighbors, chosen because the person has 8 ratings, at least 8",
    }


def test_an_unrated_movie_finds_somebody_who_knows_it(tastes):
    """Item-based neighbors has no opinion on movie 39; the tree judges it by its genres for who rated enough."""
    fitted = Switching(preferred=ItemKNN(), otherwise=ContentTree(), rule="no-opinion").fit(tastes)
    why = fitted.explain(Query.of_users(tastes, [0]), 39)
    assert why.fallback is None
    assert why.parts[0].what == "Content, decision tree"
    assert why.parts[1].what == "chosen because Item-based neighbors has no opinion"
    alone = Switching(threshold=0).fit(tastes).explain(Query.of_users(tastes, [0]), 39)
    assert alone.fallback.startswith("Item-based neighbors, chosen because the person has ")
    assert " has no opinion: " in alone.fallback


def test_the_uncertain_are_told_in_stars(make_dataset):
    data = make_dataset(FOUR)
    fitted = Switching(preferred=A, otherwise=B, rule="uncertainty").fit(data)
    reasons = [fitted.explain(Query.of_users(data, [0]), item).parts[1].what for item in (0, 1, 2)]
    sure, unsure, silent = reasons
    assert sure.endswith("is sure to ±0.50 stars, within 1.00")
    assert unsure.endswith("is sure to ±1.50 stars, more than 1.00")
    assert silent.endswith("has no opinion")


def test_a_hybrid_of_hybrids(tastes):
    inner = Switching(preferred=ItemKNN(k=5), otherwise=ContentTree(), rule="no-opinion")
    outer = Switching(preferred=inner, otherwise=Weighted(children=(Bias(), ContentTree())), threshold=16)
    assert registry.from_spec(outer.spec()) == outer
    assert registry.parse(outer.label) == outer
    fitted, query = outer.fit(tastes), Query.of_users(tastes, np.arange(20))
    many = np.diff(query.history.indptr) >= 16
    assert 0 < many.sum() < 20
    by_inner, by_other = (child.fit(tastes).score(query) for child in registry.children(outer))
    np.testing.assert_array_equal(fitted.score(query), np.where(many[:, None], by_inner, by_other))
    told = fitted.explain(query.rows(int(np.argmax(many)), int(np.argmax(many)) + 1), 39)
    assert [told.parts[0].what, told.parts[0].told.parts[0].what] == ["Switching hybrid", "Content, decision tree"]


@pytest.mark.parametrize("rule", ["movie-ratings", "uncertainty"])
def test_rules_for_single_movies_refuse_what_predicts_no_ratings(rule, one_sentence):
    with pytest.raises(ModelError, match="popularity predicts no ratings") as refused:
        Switching(preferred=SMALL, otherwise=Popularity(), rule=rule)
    assert one_sentence(str(refused.value))
    for lenient in ("person-ratings", "no-opinion"):
        assert not Switching(preferred=SMALL, otherwise=Popularity(), rule=lenient).traits.ratings


def test_a_model_that_does_not_know_how_sure_it_is_is_refused(tastes, one_sentence):
    with pytest.raises(ModelError, match="item-knn does not know how sure it is") as refused:
        Switching(rule="uncertainty").fit(tastes)
    assert one_sentence(str(refused.value))
