"""The weighted hybrid against tables worked by hand, and weights learned on ratings no child has seen."""

from dataclasses import replace

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.models.baseline import Bias, GlobalMean, Popularity
from recengine.models.content import Content
from recengine.models.hybrid.stacking import ridge
from recengine.models.hybrid.weighted import Weighted
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.models.tree import ContentTree
from tests.models.hybrid.fakes import Says

_ = np.nan


FOUR = [[5, _, _, _], [4, 3, _, _], [_, 2, 5, _], [_, _, 1, 2]]
A, B = Says(scores=(5, 4, 2, 3)), Says(scores=(1, 2, 4, 4.5))


@pytest.mark.parametrize(
    ("settings", "scores", "order"),
    [
        # 3/4 · (5, 4, 2, 3) + 1/4 · (1, 2, 4, 4.5); weights are scaled to sum 1.
        ({"weights": (3, 1)}, [4, 3.5, 2.5, 3.375], [1, 3, 2]),
        # Person 0 has seen movie 0. Of the others A says 4, 2, 3: mean 3, deviation √(2/3); B says 2, 4, 4.5: mean 3.5,
        # deviation √(3.5/3). Movie 1 gets (1.2247 − 1.3887)/2, movie 2 (−1.2247 + 0.4629)/2, movie 3 (0 + 0.9258)/2.
        ({"calibration": "z-score"}, [_, -0.0820, -0.3809, 0.4629], [3, 1, 2]),
        # A puts the three at 5/6, 1/6, 3/6, B at 1/6, 3/6, 5/6.
        ({"calibration": "quantile"}, [_, 1 / 2, 1 / 3, 2 / 3], [3, 1, 2]),
    ],
)
def test_a_table_worked_by_hand(make_dataset, settings, scores, order):
    data = make_dataset(FOUR)
    fitted, query = Weighted(children=(A, B), **settings).fit(data), Query.of_users(data, [0])
    known = ~np.isnan(scores)
    np.testing.assert_allclose(fitted.score(query)[0][known], np.array(scores)[known], atol=1e-4)
    assert fitted.recommend(query, 4).item[0].tolist() == [*order, -1]


def test_weight_one_on_one_child_equals_that_child(tastes):
    query = Query.of_users(tastes, [0, 3, -1])
    alone = ItemKNN(k=5).fit(tastes)
    blended = Weighted(children=(UserKNN(), ItemKNN(k=5)), weights=(0, 1)).fit(tastes)
    np.testing.assert_array_equal(blended.score(query), alone.score(query))
    np.testing.assert_array_equal(blended.fallback(query), alone.fallback(query))
    np.testing.assert_array_equal(blended.recommend(query, 10).item, alone.recommend(query, 10).item)
    for calibration in ("z-score", "quantile"):
        ranked = Weighted(children=(UserKNN(), ItemKNN(k=5)), weights=(0, 1), calibration=calibration).fit(tastes)
        np.testing.assert_array_equal(ranked.recommend(query, 10).item[:2], alone.recommend(query, 10).item[:2])


def test_a_child_without_opinion_speaks_through_its_fallback_or_is_neutral(make_dataset):
    data, silent = make_dataset(FOUR), Says(scores=(5, 4, None, None))
    query = Query.of_users(data, [1])
    stars = Weighted(children=(silent, Says(scores=(1, 2, 4, None)))).fit(data)
    np.testing.assert_allclose(stars.score(query)[0], [3, 3, (3 + 4) / 2, np.nan])
    assert stars.recommend(query, 4).fallback[0].tolist() == [False, True, False, False]
    assert "none of its models has an opinion" in stars.explain(query, 3).fallback
    assert stars.explain(query, 3).score == 3.0
    ranked = Weighted(children=(Says(scores=(1, 1, 2, None)), B), calibration="z-score").fit(data)
    assert ranked.explain(query, 3).parts[-1].weight == 0.0


def test_the_explanation_is_split_by_child_and_quotes_each(make_dataset):
    data = make_dataset(FOUR)
    told = Weighted(children=(A, B), weights=(3, 1)).fit(data).explain(Query.of_users(data, [0]), 1)
    mean = data.interactions.value.mean()
    assert told.base == pytest.approx(mean)
    by_child = {part.index: part for part in told.parts}
    assert by_child[0].weight == pytest.approx(0.75 * (4 - mean), abs=1e-5)
    assert by_child[1].weight == pytest.approx(0.25 * (2 - mean), abs=1e-5)
    assert [by_child[place].told.score for place in (0, 1)] == [4, 2]
    assert {part.kind for part in told.parts} == {"model"}
    assert len({part.what for part in told.parts}) == 2


def test_ridge_finds_the_weights_that_made_the_ratings():
    rng = np.random.default_rng(0)
    said = rng.normal(3, 1, (400, 3))
    blend = ridge(said, 0.7 + said @ [0.6, 0.3, -0.1], regularization=0.0)
    np.testing.assert_allclose(blend.weights, [0.6, 0.3, -0.1], atol=1e-8)
    assert blend.intercept == pytest.approx(0.7)


def test_ridge_minimises_what_its_docstring_says():
    rng = np.random.default_rng(1)
    said, rated = rng.normal(3, 1, (50, 2)), rng.normal(3, 1, 50)

    def loss(w, b):
        return ((rated - b - said @ w) ** 2).sum() + 7.0 * ((w - 0.5) ** 2).sum()

    blend = ridge(said, rated, 7.0)
    lowest = loss(blend.weights, blend.intercept)
    for step in 0.01 * rng.normal(size=(20, 3)):
        assert loss(blend.weights + step[:2], blend.intercept + step[2]) > lowest


def test_children_that_say_the_same_share_their_weight():
    said = np.repeat(np.random.default_rng(2).normal(3, 1, (60, 1)), 2, axis=1)
    np.testing.assert_allclose(ridge(said, said[:, 0], 0.0).weights, [0.5, 0.5])


def test_learned_weights_favour_the_child_that_knows(tastes):
    fitted = Weighted(children=(ItemKNN(), GlobalMean()), learned=True).fit(tastes)
    assert fitted.weights[0] > 0.7
    assert fitted.notes == ()
    shifted = replace(tastes, scale=(0.0, 6.0))
    assert Weighted(children=(ItemKNN(), GlobalMean()), learned=True).fit(shifted).weights.tolist() == pytest.approx(
        fitted.weights.tolist(), abs=0.05
    )


def test_too_few_ratings_to_learn_from_leave_the_weights_equal_and_say_so(make_dataset, one_sentence):
    fitted = Weighted(children=(ItemKNN(), Bias()), weights=(0.9, 0.1), learned=True).fit(make_dataset(FOUR))
    assert fitted.weights.tolist() == [0.5, 0.5]
    (note,) = fitted.notes
    assert "7 ratings are too few to learn 2 weights" in note
    assert one_sentence(note)
    around = Weighted(children=(Bias(), fitted.model)).fit(make_dataset(FOUR))
    assert around.notes == (note,)


def test_somebody_new_and_a_movie_nobody_rated_are_answered(tastes):
    for model in (Weighted(), Weighted(children=(ItemKNN(**ItemKNN.ranking), Content()), calibration="z-score")):
        fitted = model.fit(tastes)
        for known in (0, 1, 3, 5, 10):
            visitor = Query.of_visitor(tastes.n_items, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
            ranking = fitted.recommend(visitor, tastes.n_items)
            assert (ranking.item[0, : tastes.n_items - known] >= 0).all()
            unrated = fitted.explain(visitor, tastes.n_items - 1)
            assert np.isfinite(unrated.score)
            assert (unrated.fallback is None) == (len(unrated.parts) > 0)


def test_a_hybrid_of_hybrids(tastes):
    inner = Weighted(children=(ItemKNN(), UserKNN()), weights=(2, 1))
    outer = Weighted(children=(inner, ContentTree()))
    assert registry.from_spec(outer.spec()) == outer
    assert registry.parse(outer.label) == outer
    query = Query.of_users(tastes, [4])
    said = [child.fit(tastes).score(query).astype(np.float64) for child in outer.children]
    np.testing.assert_allclose(outer.fit(tastes).score(query)[:, :39], np.mean(said, axis=0)[:, :39], rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"children": (Popularity(), ItemKNN())}, "popularity predicts no ratings"),
        ({"weights": (1.0,)}, "2 models and 1 weights"),
        ({"weights": (1.0, -1.0)}, "sum to 0"),
        # 5.6e-17 by rounding.
        ({"children": (Bias(), ItemKNN(), UserKNN()), "weights": (0.1, 0.2, -0.3)}, "sum to 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings, says, one_sentence):
    with pytest.raises(ModelError, match=says) as refused:
        Weighted(**settings)
    assert one_sentence(str(refused.value))
