"""Feature combination: what becomes a feature, worked by hand, and what a content model makes of it."""

import json

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.lab import Lab
from recengine.models.bayes import BayesFM
from recengine.models.content import Content
from recengine.models.hybrid.combination import GROUP, FeatureCombination, clusters, ends
from recengine.models.hybrid.weighted import Weighted
from recengine.models.neighbors import ItemKNN
from recengine.models.tree import ContentTree
from recengine.store import Store

_ = np.nan
# Two circles of people and movies, and a last movie that nobody rated.
CIRCLES = [
    [5, 4, _, _, _, _],
    [4, 5, 5, _, _, _],
    [3, _, 4, _, _, _],
    [_, _, _, 5, 4, _],
    [_, _, _, 3, _, _],
]
# Movies 0 and 3 are of one genre, 1 and 5 of another; of 2 and 4 nothing is known.
GENRES = [[1, 0], [0, 1], [0, 0], [1, 0], [0, 0], [0, 1]]


@pytest.fixture
def circles(make_dataset):
    return make_dataset(CIRCLES, features=GENRES)


@pytest.mark.parametrize("features", ["clusters", "factors"])
def test_each_circle_becomes_a_feature_named_after_its_most_rated_movies(circles, features):
    """The movies' columns at length 1, by circle; a movie of the one has cosine 0 with any of the other.

    Movies 0, 1, 2 (3, 2, 2 ratings; cosines 2/√6, 2/√6, 1/2) and 3, 4 (2, 1 ratings; cosine 1/√2). The eigenvalues
    of the cosines are 1 + 1/√2 = 1.71 and 0.29 for the second circle, the roots of (1/2 − x)(x² − 5x/2 + 1/6) for the
    first: 2.43, 0.5, 0.07. Two say more than one movie: one of each circle, in which all its movies load alike in sign.
    A tenth of five movies is one: of the first circle movie 0, the largest entry of its eigenvector; of the second
    both, since the entries of a 2 × 2 matrix of cosines are equal.
    """
    model = FeatureCombination(features=features, groups=2)
    members = model.members(circles)
    expected = {
        "clusters": [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]],
        "factors": [[1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0]],
    }[features]
    assert members.toarray().T.tolist() == expected
    first = f"{GROUP}: Movie 0, Movie 1" if features == "clusters" else f"{GROUP}: Movie 0"
    assert model.names(circles, members) == (first, f"{GROUP}: Movie 3, Movie 4")


def test_scores_worked_by_hand(circles):
    """Person 4 rated movie 3 alone; content by dot product, clusters of weight 2.

    Genre g0 and the second circle have 2 of 6 movies each, which is worth ln 3. Movie 3 is ln 3 · (1, 2), and the
    profile, of one rating, is that at length 1: (1, 2)/√5. Movie 0 shares g0: ln 3 · 1/√5. Movie 4 shares the circle:
    2 ln 3 · 2/√5. The others share nothing. Without the circle the profile is (1), and movie 4 is like nothing rated.
    """
    query, child, share = Query.of_users(circles, [4]), Content(title_words=0), np.log(3) / np.sqrt(5)
    fitted = FeatureCombination(content=child, features="clusters", groups=2, weight=2).fit(circles)
    np.testing.assert_allclose(fitted.score(query)[0], [share, _, _, 5 * share, 4 * share, _], rtol=1e-6)
    np.testing.assert_allclose(child.fit(circles).score(query)[0], [np.log(3), _, _, np.log(3), _, _], rtol=1e-6)
    ranking = fitted.recommend(query, 5)
    assert ranking.item[0].tolist() == [4, 0, 1, 2, 5]
    assert ranking.fallback[0].tolist() == [False, False, True, True, True]
    (only,) = fitted.explain(query, 4).parts
    assert only.what == f"{GROUP}: Movie 3, Movie 4"
    assert only.weight == pytest.approx(4 * share)


def test_a_movie_nobody_rated_has_its_content_alone(tastes):
    model = FeatureCombination()
    assert model.members(tastes)[39].nnz == 0
    fitted, query = model.fit(tastes), Query.of_users(tastes, [2])
    why = fitted.explain(query, 39)
    assert why.fallback is None
    assert why.parts
    assert not any(part.what.startswith(GROUP) for part in why.parts)
    assert any(part.what.startswith(GROUP) for item in range(39) for part in fitted.explain(query, item).parts)


def test_the_largest_clusters_of_a_sphere_are_found():
    rng = np.random.default_rng(1)
    centers = np.eye(5)
    of = rng.integers(0, 5, 200)
    vectors = centers[of] + rng.normal(0, 0.15, (200, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = clusters(vectors, rng.integers(1, 50, 200).astype(float), 5)
    table = np.zeros((5, 5), int)
    np.add.at(table, (of, found), 1)
    assert ((table > 0).sum(axis=0) == 1).all()
    assert ((table > 0).sum(axis=1) == 1).all()


def test_no_reassignment_of_one_vector_brings_it_nearer():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(80, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weight = rng.random(80)
    found = clusters(vectors, weight, 6)
    total = np.array([(weight[:, None] * vectors)[found == number].sum(axis=0) for number in range(6)])
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_array_equal(np.argmax(vectors @ total.T, axis=1), found)


def test_points_that_coincide_make_fewer_clusters():
    vectors = np.eye(3)[[0, 0, 1, 1, 2]]
    assert clusters(vectors, np.ones(5), 10).tolist() == [0, 0, 1, 1, 2]
    assert len(clusters(np.zeros((0, 3)), np.zeros(0), 4)) == 0


def test_both_ends_of_a_factor_are_told_apart_and_ties_stay_together():
    load = np.array([[0.6], [0.6], [0.1], [-0.1], [-0.5]])
    found = ends(load, np.array([7, 1, 2, 3, 0]), 8).toarray()
    assert np.flatnonzero(found[:, 0]).tolist() == [1, 7]
    assert np.flatnonzero(found[:, 1]).tolist() == [0]


@pytest.mark.parametrize(
    "child", [Content(), ContentTree(min_ratings=5, min_samples_leaf=2), BayesFM(factors=2, iterations=20, draws=4)]
)
@pytest.mark.parametrize("features", ["clusters", "factors"])
def test_every_content_model_speaks_of_the_new_features(tastes, child, features):
    fitted, query = FeatureCombination(content=child, features=features).fit(tastes), Query.of_users(tastes, [3])
    assert any(GROUP in part.what for item in range(0, 39, 3) for part in fitted.explain(query, item).parts)


def test_weight_counts_where_the_child_weighs_features(tastes):
    query = Query.of_users(tastes, [3])

    def share(weight):
        fitted = FeatureCombination(weight=weight).fit(tastes)
        parts = [part for item in range(39) for part in fitted.explain(query, item).parts]
        together = sum(abs(part.weight) for part in parts if part.what.startswith(GROUP))
        return together / sum(abs(part.weight) for part in parts)

    assert share(1) < share(3) < share(10)
    trees = [FeatureCombination(content=ContentTree(), weight=weight).fit(tastes).score(query) for weight in (1, 7)]
    np.testing.assert_array_equal(*trees)


@pytest.fixture
def tastes(make_dataset):
    """60 people × 40 movies of two tastes, where people watch what they like; nobody rated the last movie."""
    rng = np.random.default_rng(4)
    taste = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    table = np.clip(np.round(3 + rng.normal(0, 0.5, (60, 1)) + 0.9 * taste), 1, 5)
    table[(rng.random(table.shape) > 1 / (1 + np.exp(-2 * taste))) | (np.arange(40) == 39)] = np.nan
    genres = rng.random((40, 3)) < 0.4
    genres[39, 0] = True
    return make_dataset(table, features=genres)


def test_somebody_new_is_answered_as_by_the_child(tastes):
    for model in (FeatureCombination(), FeatureCombination(content=ContentTree())):
        fitted = model.fit(tastes)
        for known in (0, 1, 3, 5, 10):
            visitor = Query.of_visitor(40, range(known), [4, 2, 5, 3, 1, 4, 4, 2, 5, 3][:known])
            ranking = fitted.recommend(visitor, 40)
            assert (ranking.item[0, : 40 - known] >= 0).all()
            silent = known == 0 or (known < 10 and model.traits.ratings)
            assert ranking.fallback[0, 0] == silent
            assert (fitted.explain(visitor, 39).fallback is not None) == np.isnan(fitted.score(visitor)[0, 39])


def test_a_hybrid_of_hybrids(tastes):
    inner = FeatureCombination(groups=3)
    for outer in (
        FeatureCombination(content=inner, features="clusters"),
        Weighted(children=(inner, ItemKNN()), calibration="z-score"),
    ):
        assert registry.from_spec(json.loads(json.dumps(outer.spec()))) == outer
        assert registry.parse(outer.label) == outer
        fitted, query = outer.fit(tastes), Query.of_users(tastes, [4])
        first = fitted.recommend(query, 1).item[0, 0]
        assert fitted.explain(query, first).score == pytest.approx(fitted.score(query)[0, first], abs=1e-5)


def test_it_is_read_back_from_the_store_as_it_was(tmp_path):
    model = FeatureCombination()
    fitted, again = Lab(Store(tmp_path)).fitted("demo", model), Lab(Store(tmp_path)).fitted("demo", model)
    query = Query.of_visitor(len(again.child.item_count), [3, 5], [5, 2])
    np.testing.assert_array_equal(again.score(query), fitted.score(query))
    assert again.explain(query, 9) == fitted.explain(query, 9)


def test_a_child_that_looks_at_no_features_is_refused(tastes, one_sentence):
    for child in (ItemKNN(), BayesFM(features="ratings")):
        with pytest.raises(ModelError, match="does not look at what movies are") as refused:
            FeatureCombination(content=child).fit(tastes)
        assert one_sentence(str(refused.value))
