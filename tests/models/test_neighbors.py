"""Neighborhood predictions: a table worked by hand, then every combination against a plain loop."""

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

from recengine import registry
from recengine.data.dataset import Query
from recengine.models.baseline import estimate_biases
from recengine.models.weighting import Weights

X = np.nan

# Rows 0, 1 and 2 have norm 5, row 3 √(1 + 4 + 4 + 16) = 5 as well.
#            A  B  C  D
FOUR = [
    [3, 4, X, X],
    [3, X, 4, X],
    [X, 4, 3, X],
    [1, 2, 2, 4],
]


def knn(name, **parameters):
    plain = {"k": 40, "shrinkage": 0, "min_support": 1, "damping": 0, "neighborhood": 1000, "aggregation": "average"}
    return registry.create(name, plain | parameters)


class TestByHand:
    """Person 0 has rated A and B; what about C and D?"""

    @pytest.mark.parametrize(
        ("k", "wanted"),
        [
            # Cosine to person 0: person 1 shares A, 3·3 / 25 = .36; person 2 shares B, 4·4 / 25 = .64;
            # person 3 shares A and B, (3·1 + 4·2) / 25 = .44. Means: 3.5, 3.5, 3.5 and 9/4.
            # Deviations on C: person 1: 4 − 3.5 = .5; person 2: 3 − 3.5 = −.5; person 3: 2 − 2.25 = −.25.
            (1, 3.5 - 0.5),  # person 2 alone
            (2, 3.5 + (0.64 * -0.5 + 0.44 * -0.25) / (0.64 + 0.44)),  # 3.5 − .43 / 1.08 = 3.1019
            (3, 3.5 + (0.64 * -0.5 + 0.44 * -0.25 + 0.36 * 0.5) / 1.44),  # 3.5 − .25 / 1.44 = 3.3264
        ],
    )
    def test_people(self, k, wanted, make_dataset):
        data = make_dataset(FOUR)
        fitted = knn("user-knn", k=k, similarity="cosine", centering="mean").fit(data)
        query = Query.of_users(data, [0])
        assert fitted.score(query)[0, 2] == pytest.approx(wanted, abs=1e-6)
        # D was rated by person 3 alone: 3.5 + (4 − 2.25) = 5.25, which a prediction clips to 5.
        assert fitted.score(query)[0, 3] == pytest.approx(5.25, abs=1e-6)
        assert fitted.predict(query, [0], [3]).value[0] == 5

    def test_people_explained(self, make_dataset):
        data = make_dataset(FOUR)
        fitted = knn("user-knn", k=3, similarity="cosine", centering="mean").fit(data)
        why = fitted.explain(Query.of_users(data, [0]), 2)
        assert why.base == 3.5
        assert [(part.index, part.rating) for part in why.parts] == [(2, 3), (1, 4), (3, 2)]
        found = [part.similarity for part in why.parts], [part.weight for part in why.parts]
        np.testing.assert_allclose(found, [[0.64, 0.36, 0.44], [-0.32 / 1.44, 0.18 / 1.44, -0.11 / 1.44]], atol=1e-6)

    @pytest.mark.parametrize(
        ("parameters", "wanted"),
        [
            # msd between movies: A and B differ by 1 at persons 0 and 3, 1 / (1 + 1) = 1/2; A and C by 1 at
            # persons 1 and 3, 1/2; B and C by 1 at person 2 and 0 at person 3, 1 / (1 + 1/2) = 2/3.
            ({"k": 1}, 4),  # B alone
            ({"k": 2}, (1 / 2 * 3 + 2 / 3 * 4) / (1 / 2 + 2 / 3)),  # (25/6) / (7/6) = 25/7
            ({"k": 2, "damping": 1}, 25 / 13),  # (25/6) / (7/6 + 1)
            ({"k": 2, "aggregation": "sum"}, 25 / 6),
            ({"k": 2, "aggregation": "votes"}, 7 / 6),
            # Means: A 7/3, B 10/3, C 3. Person 0 is 2/3 above both.
            ({"k": 2, "centering": "mean"}, 3 + 2 / 3),
            ({"k": 2, "centering": "mean", "damping": 7 / 6}, 3 + 1 / 3),
            # Shrinkage 2 halves all three, which share two people each: nothing changes in an average.
            ({"k": 2, "shrinkage": 2}, 25 / 7),
            ({"k": 2, "shrinkage": 2, "aggregation": "sum"}, 25 / 12),
        ],
    )
    def test_movies(self, parameters, wanted, make_dataset):
        data = make_dataset(FOUR)
        fitted = knn("item-knn", **{"similarity": "msd", "centering": "none"} | parameters).fit(data)
        assert fitted.score(Query.of_users(data, [0]))[0, 2] == pytest.approx(wanted, abs=1e-6)

    def test_a_visitor_is_weighed_by_what_the_people_taught(self, make_dataset):
        """A visitor with 1 star for A and 4 for D; of four people three rated A, three B, three C and one D.

        idf: 1 for A, B and C, ln 2 + 1 for D. Weighed, the visitor is A 1, D 2 (ln 2 + 1), and person 3 is A 1, B √2,
        C √2, D 2 (ln 2 + 1); persons 0 and 1 share A, √3 and 1, with √3 and 2, person 2 nothing.
        """
        fitted = knn("user-knn", similarity="cosine", weighting="tf-idf", centering="none", aggregation="votes").fit(
            make_dataset(FOUR)
        )
        query, d = Query.of_visitor(4, [0, 3], [1.0, 4.0]), 2 * (np.log(2) + 1)
        own = np.sqrt(1 + d**2)
        like_3, like_0 = (1 + d**2) / (own * np.sqrt(5 + d**2)), np.sqrt(3) / (own * np.sqrt(7))
        near, similarity = fitted.neighbors(query).row(0)
        assert near.tolist() == [3, 0, 1]
        np.testing.assert_allclose(similarity, [like_3, like_0, like_0], rtol=1e-6)
        # B was rated by persons 0 and 3, C by 1 and 3: a vote each, however many stars.
        np.testing.assert_allclose(fitted.score(query)[0, [1, 2]], like_3 + like_0, rtol=1e-6)
        why = fitted.explain(query, 1)
        assert [(part.index, part.rating) for part in why.parts] == [(3, 2), (0, 4)]
        assert [part.weight for part in why.parts] == pytest.approx([like_3, like_0])

    def test_who_rated_all_says_little_of_movies(self, make_dataset):
        """Movies as documents: of four movies persons 0, 1 and 2 rated two each, person 3 all four.

        idf: ln(4 / 3) + 1 of persons 0 to 2, ln(4 / 5) + 1 of person 3. A and B share persons 0 and 3.
        """
        fitted = knn("item-knn", similarity="cosine", weighting="tf-idf", centering="none").fit(make_dataset(FOUR))
        some, all_ = np.log(4 / 3) + 1, np.log(4 / 5) + 1
        near, similarity = fitted.neighbors.row(0)
        a, b = np.sqrt(6 * some**2 + all_**2), np.sqrt(8 * some**2 + 2 * all_**2)
        wanted = (np.sqrt(12) * some**2 + np.sqrt(2) * all_**2) / (a * b)
        assert similarity[near == 1] == pytest.approx(wanted)

    def test_no_neighbor_is_no_opinion(self, make_dataset):
        data = make_dataset(FOUR)
        query = Query.of_users(data, [0])
        # Two shared people at least: D shares only person 3 with anything.
        fitted = knn("item-knn", similarity="msd", min_support=2).fit(data)
        assert np.isnan(fitted.score(query)[0, 3])
        assert fitted.predict(query, [0, 0], [2, 3]).fallback.tolist() == [False, True]
        assert "no rated movie is similar" in fitted.explain(query, 3).fallback


def ratings(seed=2):
    """15 people × 20 movies on a scale with 0; a constant row and column, a movie and a person without ratings."""
    rng = np.random.default_rng(seed)
    stars = rng.integers(-4, 5, (15, 20)) / 2.0
    stars[2], stars[:, 6] = 1.5, -0.5
    stars[rng.random(stars.shape) > 0.55] = np.nan
    stars[:, 19] = np.nan
    stars[14] = np.nan
    return stars


def moments(values, overall):
    """Mean and spread of the ratings in a row; a row without variation has the spread of all ratings."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.nan, overall
    return known.mean(), known.std() if known.std() > 1e-4 else overall


def centers(stars, how, by, data):
    """c and z of every cell, each `(n_users, n_items)`."""
    c, z = np.zeros_like(stars), np.ones_like(stars)
    overall = np.nanstd(stars)
    if how == "baseline":
        c = estimate_biases(data.interactions).score(Query.of_users(data, np.arange(data.n_users))).astype(float)
    elif how != "none":
        rows = stars if by == "user-knn" else stars.T
        found = np.array([moments(row, overall) for row in rows])
        axis = 1 if by == "user-knn" else 0
        c = c + np.expand_dims(found[:, 0], axis)
        z = z * np.expand_dims(found[:, 1], axis) if how == "z-score" else z
    return c, z


def predicted(fitted, stars, data, u, i, c, z):
    """The module's formula for one cell, neighbor by neighbor."""
    model = fitted.model
    if model.name == "user-knn":
        index, similarity = fitted.neighbors(Query.of_users(data, [u])).row(0)
        cells = [(v, i) for v in index]
    else:
        index, similarity = fitted.neighbors.row(i)
        cells = [(u, j) for j in index]
    rated = [(float(s), cell) for s, cell in zip(similarity, cells, strict=True) if not np.isnan(stars[cell])]
    rated = rated[: model.k]
    if not rated:
        return np.nan
    if model.aggregation == "votes":
        return sum(s for s, _ in rated)
    if model.aggregation == "sum":
        return sum(s * stars[cell] for s, cell in rated)
    total = sum(s * (stars[cell] - c[cell]) / z[cell] for s, cell in rated)
    return c[u, i] + z[u, i] * total / (sum(s for s, _ in rated) + model.damping)


@pytest.mark.parametrize("by", ["user-knn", "item-knn"])
@pytest.mark.parametrize("centering", ["none", "mean", "z-score", "baseline"])
@pytest.mark.parametrize("aggregation", ["average", "sum", "votes"])
@pytest.mark.parametrize(("damping", "k"), [(0, 40), (0, 3), (1.5, 2), (1.5, 1)])
def test_every_combination_is_the_formula(by, centering, aggregation, damping, k, make_dataset):
    stars = ratings()
    data = make_dataset(stars, scale=(-2.0, 2.0))
    model = knn(by, similarity="pearson-baseline", centering=centering, aggregation=aggregation, damping=damping, k=k)
    fitted = model.fit(data)
    c, z = centers(stars, centering, by, data)
    wanted = np.full(stars.shape, np.nan)
    for u, i in product(range(data.n_users), range(data.n_items)):
        wanted[u, i] = predicted(fitted, stars, data, u, i, c, z)
    found = fitted.score(Query.of_users(data, np.arange(data.n_users)))
    assert np.isfinite(wanted).sum() > 100
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("by", ["user-knn", "item-knn"])
def test_among_equally_similar_neighbors_the_first_are_taken(by, make_dataset):
    """Jaccard makes all five neighbors equal; k = 2 keeps the two at the lowest positions, 1 and 2 stars."""
    table = np.full((6, 6), 3.0)
    table[5, 5] = np.nan
    table[5, :5] = table[:5, 5] = [1, 2, 4, 5, 5]
    data = make_dataset(table)
    fitted = knn(by, similarity="jaccard", centering="none", k=2).fit(data)
    query = Query.of_users(data, [5])
    assert fitted.score(query)[0, 5] == pytest.approx(1.5)
    assert sorted(part.index for part in fitted.explain(query, 5).parts) == [0, 1]


def test_neighbors_beyond_the_neighborhood_are_never_asked(make_dataset):
    data = make_dataset(FOUR)
    # Person 2 is the nearest to person 0; D was rated by person 3 alone, who is second.
    fitted = knn("user-knn", similarity="cosine", centering="mean", neighborhood=1).fit(data)
    assert np.isnan(fitted.score(Query.of_users(data, [0]))[0, 3])
    fitted = knn("user-knn", similarity="cosine", centering="mean", neighborhood=2).fit(data)
    assert fitted.score(Query.of_users(data, [0]))[0, 3] == pytest.approx(5.25, abs=1e-6)


def test_the_advice_for_data_without_ratings_works(make_dataset):
    data = make_dataset([[1, 1, X, X], [X, 1, 1, X], [1, X, 1, 1]], scale=None)
    for by in ("user-knn", "item-knn"):
        for measure, aggregation in (("cosine", "sum"), ("jaccard", "sum"), ("cosine", "votes")):
            model = registry.create(by, {"similarity": measure, "centering": "none", "aggregation": aggregation})
            assert np.isfinite(model.fit(data).score(Query.of_users(data, [0, 1, 2]))).any()
        ranking = registry.create(by, registry.model_class(by).ranking)
        assert np.isfinite(ranking.fit(data).score(Query.of_users(data, [0, 1, 2]))).any()


@pytest.mark.parametrize("by", ["user-knn", "item-knn"])
@pytest.mark.parametrize("weighting", ["binary", "tf-idf", "bm25"])
@pytest.mark.parametrize("aggregation", ["sum", "votes"])
def test_a_weighting_changes_who_is_near_and_nothing_else(by, weighting, aggregation, make_dataset):
    """A plain cosine of weighed rows gives the neighbors; what they add is not weighed."""
    stars = ratings() + 2.0
    data, x = make_dataset(stars, scale=(0.0, 4.0)), np.nan_to_num(stars)
    rows, known = (x, ~np.isnan(stars)) if by == "user-knn" else (x.T, ~np.isnan(stars).T)
    cells = sp.csr_matrix((rows[known], np.nonzero(known)), rows.shape)
    weighed = Weights.of(weighting, cells)(cells).toarray()
    norm = np.linalg.norm(weighed, axis=1)
    with np.errstate(invalid="ignore"):
        similarity = np.nan_to_num(weighed @ weighed.T / np.outer(norm, norm))
    np.fill_diagonal(similarity, 0)
    adds = known * (rows if aggregation == "sum" else 1.0)
    wanted = similarity @ adds if by == "user-knn" else (similarity @ adds).T
    model = knn(by, similarity="cosine", weighting=weighting, centering="none", aggregation=aggregation)
    found = model.fit(data).score(Query.of_users(data, np.arange(data.n_users)))
    assert np.isfinite(found).sum() > 100
    np.testing.assert_allclose(np.nan_to_num(found), wanted, rtol=1e-4, atol=1e-5)
