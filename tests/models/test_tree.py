"""Trees of one person's ratings: worked by hand, against scikit-learn itself, and by what leaves must add up to."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from recengine import registry
from recengine.data import movielens, sources
from recengine.data.dataset import Interactions, Query
from recengine.models.baseline import estimate_biases
from recengine.models.tree import grow

X = np.nan
# g0 is loved; among what is not g0, g1 is worse than the rest. The last two movies are not rated.
FEATURES = [[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 0], [0, 0], [1, 1], [0, 0]]
RATINGS = [5, 5, 5, 1, 1, 3, 3, X, X]


def tree(**parameters):
    plain = {"max_depth": 10, "min_samples_leaf": 1, "shrinkage": 0, "min_ratings": 1}
    return registry.create("content-tree", plain | parameters)


class TestByHand:
    """Mean 23/7. First g0: 5 against (1 + 1 + 3 + 3)/4 = 2; then, among four ratings, g1: 1 against 3."""

    @pytest.mark.parametrize(
        ("parameters", "loved", "neither"),
        [
            ({}, 5, 3),
            ({"max_depth": 1}, 5, 2),
            ({"min_samples_leaf": 3}, 5, 2),
            ({"min_samples_leaf": 4}, 23 / 7, 23 / 7),
            # λ = 7 halves the step below seven ratings; that below four is divided by 1 + 7/4.
            ({"shrinkage": 7}, 23 / 7 + (5 - 23 / 7) / 2, 23 / 7 + (2 - 23 / 7) / 2 + (3 - 2) / 2.75),
        ],
    )
    def test_scores(self, parameters, loved, neither, make_dataset):
        data = make_dataset([RATINGS], features=FEATURES)
        found = tree(**parameters).fit(data).score(Query.of_users(data, [0]))[0, 7:]
        np.testing.assert_allclose(found, [loved, neither], atol=1e-6)

    def test_the_explanation_is_the_path_in_words(self, make_dataset):
        data = make_dataset([RATINGS], features=FEATURES)
        why = tree().fit(data).explain(Query.of_users(data, [0]), 8)
        assert why.base == pytest.approx(23 / 7)
        assert why.base_name == "the person's mean"
        assert [part.what for part in why.parts] == ["genre: g0 is absent", "genre: g1 is absent"]
        assert [part.weight for part in why.parts] == pytest.approx([2 - 23 / 7, 1])
        assert (why.score, why.exact, why.fallback) == (pytest.approx(3), True, None)

    def test_too_few_ratings_are_counted_and_the_baseline_speaks(self, make_dataset):
        data = make_dataset([RATINGS, [4, *[X] * 8]], features=FEATURES)
        fitted, query = tree(min_ratings=7).fit(data), Query.of_users(data, [0, 1, -1])
        assert np.isfinite(fitted.score(query)).all(axis=1).tolist() == [True, False, False]
        assert np.isnan(fitted.score(query)[1:]).all()
        baseline = estimate_biases(data.interactions).score(query)
        for row, rated in ((1, 1), (2, 0)):
            why = fitted.explain(query.rows(row, row + 1), 3)
            assert why.fallback == f"too few ratings ({rated} of at least 7); the user and item bias stands in"
            assert why.score == baseline[row, 3]

    def test_movies_without_features_get_the_mean(self, make_dataset):
        data = make_dataset([RATINGS])
        fitted, query = tree().fit(data), Query.of_users(data, [0])
        np.testing.assert_allclose(fitted.score(query), 23 / 7, rtol=1e-6)
        assert fitted.explain(query, 8).parts == ()


@pytest.fixture(scope="module")
def many(make_dataset):
    """12 people, 300 movies, 30 features; ratings all differ, so no two splits of ten or more are equally good."""
    rng = np.random.default_rng(8)
    known = (rng.random((300, 30)) < rng.random(30) * 0.5).astype(float)
    stars = 3 + 0.5 * known @ rng.normal(size=(30, 12)) + rng.normal(0, 0.5, (300, 12))
    table = np.where(rng.random((12, 300)) < 0.5, stars.T, X)
    return make_dataset(table, scale=(-9.0, 9.0), features=known)


@pytest.mark.parametrize(("depth", "leaf"), [(1, 10), (3, 10), (6, 20), (10, 10)])
def test_without_shrinkage_it_is_sklearns_tree(depth, leaf, many):
    """All features given to scikit-learn, and its own `predict`: leaving out hopeless columns changes nothing."""
    query, known = Query.of_users(many, np.arange(12)), many.features.toarray()
    found = tree(max_depth=depth, min_samples_leaf=leaf).fit(many).score(query)
    for row in range(12):
        rated = query.history[[row]]
        peer = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=1)
        peer.fit(known[rated.indices], rated.data.astype(np.float64))
        np.testing.assert_allclose(found[row], peer.predict(known), rtol=1e-5)


def test_shrinkage_is_the_papers_formula_on_every_path(many):
    """Σ over the path, walked here from the root by scikit-learn's own `decision_path`."""
    model, known = tree(max_depth=5, min_samples_leaf=10, shrinkage=12.0), many.features.toarray()
    query = Query.of_users(many, [3])
    rated = query.history
    peer = DecisionTreeRegressor(max_depth=5, min_samples_leaf=10, random_state=1)
    peer.fit(known[rated.indices], rated.data.astype(np.float64))
    mean, size, wanted = peer.tree_.value[:, 0, 0], peer.tree_.n_node_samples, []
    paths = peer.decision_path(known)
    for nodes in np.split(paths.indices, paths.indptr[1:-1]):
        steps = [(mean[b] - mean[a]) / (1 + 12 / size[a]) for a, b in pairwise(nodes)]
        wanted.append(mean[0] + sum(steps))
    np.testing.assert_allclose(model.fit(many).score(query)[0], wanted, rtol=1e-5)


@pytest.mark.parametrize("leaf", [1, 5, 20])
def test_over_the_rated_movies_predictions_average_to_the_mean(leaf, many):
    """Least squares: without shrinkage a leaf is the mean of its ratings, so their residuals add up to nothing."""
    query = Query.of_users(many, np.arange(12))
    found = tree(min_samples_leaf=leaf).fit(many).score(query)
    for row in range(12):
        rated = query.history[[row]]
        assert found[row, rated.indices].mean() == pytest.approx(rated.data.mean(), abs=1e-4)


def test_more_shrinkage_stays_closer_to_the_mean(many):
    query = Query.of_users(many, np.arange(12))
    spread = [tree(shrinkage=s).fit(many).score(query).std(axis=1) for s in (0, 10, 100, 1000)]
    assert (np.diff(spread, axis=0) < 0).all()


def test_the_order_of_the_ratings_does_not_matter(many):
    """Half stars add up exactly in any order, so even equally good splits are told apart alike."""
    rng = np.random.default_rng(0)
    features = many.features[:80]
    stars = (np.round(rng.random(80) * 8) / 2 + 1).astype(np.float32)
    for _ in range(5):
        order = rng.permutation(80)
        first, other = grow(features, stars, tree()), grow(features[order], stars[order], tree())
        for field in dataclasses.fields(first):
            np.testing.assert_array_equal(getattr(first, field.name), getattr(other, field.name))


def test_the_model_leaves_other_people_out(many):
    """Everybody else's ratings change, and this person's tree does not."""
    i = many.interactions
    other = np.where(i.user == 2, i.value, 6 - i.value)
    changed = many.with_interactions(
        Interactions.of(i.user, i.item, other, i.time, n_users=i.n_users, n_items=i.n_items)
    )
    query = Query.of_users(many, [2])
    np.testing.assert_array_equal(tree().fit(many).score(query), tree().fit(changed).score(query))


def test_the_error_on_u1_lies_between_the_global_mean_and_the_biases(ml100k_zip):
    """Canonical fold u1, 20,000 ratings predicted. Measured: 1.028; global mean 1.154, biases .954.

    It knows genres and decades and nothing of what others think of a movie, which is most of what can be known.
    """
    loaded = sources.load(str(ml100k_zip))
    test = movielens.canonical_fold(loaded.where, "u1", loaded.dataset)
    ratings = loaded.dataset.interactions
    train, held_out = loaded.dataset.with_interactions(ratings.take(~test)), ratings.take(test)
    people, row = np.unique(held_out.user, return_inverse=True)
    fitted = registry.create("content-tree").fit(train)
    prediction = fitted.predict(Query.of_users(train, people), row, held_out.item)
    error = np.sqrt(np.mean((prediction.value.astype(np.float64) - held_out.value) ** 2))
    assert len(held_out) == 20_000
    assert 1.01 <= error <= 1.04
