"""Non-negative factors: rows solved by hand and by Lawson and Hanson's method, and what they predict."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from recengine.data.dataset import Query
from recengine.model import Context
from recengine.models.factors import Objective, truncated_svd
from recengine.models.neighbors import all_people
from recengine.models.nmf import NMF, above, residuals


def ratings(n_users=40, n_items=30, seed=5):
    """Ratings that two tastes of each person add up to; the last movie has none."""
    rng = np.random.default_rng(seed)
    stars = 1 + rng.gamma(1.5, 1, (n_users, 2)) @ rng.gamma(1.5, 0.5, (2, n_items))
    stars = np.clip(np.round(2 * stars) / 2, 1, 5)
    stars[rng.random(stars.shape) < 0.5] = np.nan
    stars[:, -1] = np.nan
    return stars


class TestByHand:
    """Movies q_A = (1, 1), q_B = (1, 0): the person liked B, 2, and not A, 0."""

    CELLS = sp.csr_matrix((np.array([0, 2], np.float32), [0, 1], [0, 2]), (1, 2))
    FACTORS = np.array([[1, 1], [1, 0]], np.float32)

    def test_a_row(self):
        # A = [[2, 1], [1, 1]] + ½·2 = [[3, 1], [1, 2]], Σ t q = (2, 0): without the wall (4, −2)/5.
        free = Objective(0.5).solve(self.CELLS, self.FACTORS)[0]
        np.testing.assert_allclose(free, [0.8, -0.4], rtol=1e-6)
        # At the wall the second factor is 0 and the first 2/3, not .8.
        bound = Objective(0.5, nonnegative=True).solve(self.CELLS, self.FACTORS)[0]
        np.testing.assert_allclose(bound, [2 / 3, 0], rtol=1e-6)

    def test_what_each_movie_adds(self):
        objective = Objective(0.5, prior=0.25, nonnegative=True)
        person = objective.solve(self.CELLS, self.FACTORS)[0]
        # Σ t q + 1·(.25, .25) = (2.25, .25): without the wall (4.25, −1.5)/5, with it (.75, 0).
        np.testing.assert_allclose(person, [0.75, 0], rtol=1e-6)
        weight, rest = objective.influence(person, self.CELLS, self.FACTORS, 0)
        # For A: c·q_A = .5; the factor at 0 takes .25 away; A and B surprise by −.25 and 1.75, a third of each counts.
        np.testing.assert_allclose([*weight, rest], [1 / 3, 1 / 3, -0.25], rtol=1e-6)
        assert 0.5 + rest + weight @ [-0.25, 1.75] == pytest.approx(person @ [1, 1])


@pytest.mark.parametrize("d", [1, 2, 6, 15])
@pytest.mark.parametrize("prior", [0, 0.3])
def test_a_block_is_solved_as_lawson_and_hanson_do(d, prior):
    """A = L Lᵀ turns the row's problem into min ‖Lᵀx − L⁻¹b‖, x ≥ 0. Movies that resemble one another make it hard."""
    rng = np.random.default_rng(d)
    factors = (np.abs(rng.normal(size=(25, d))) + 3).astype(np.float32)
    table = rng.normal(size=(60, 25)).astype(np.float32) * (rng.random((60, 25)) < 0.4)
    matrix = sp.csr_matrix(table)
    found = Objective(0.01, prior=prior, nonnegative=True).solve(matrix, factors)
    for row, x in zip(table, found, strict=True):
        mine, n = factors[row != 0].astype(float), np.count_nonzero(row)
        low = np.linalg.cholesky(mine.T @ mine + 0.01 * n * np.eye(d)) if n else np.eye(d)
        right = mine.T @ row[row != 0] + 0.01 * n * prior
        wanted = nnls(low.T, np.linalg.solve(low, right))[0] if n else np.full(d, prior)
        np.testing.assert_allclose(x, wanted, rtol=1e-4, atol=1e-5)
    assert (found == 0).any() or d == 1


def test_nothing_is_below_nought_and_the_sum_is_the_prediction(make_dataset):
    data = make_dataset(ratings())
    fitted, query = NMF(factors=3).fit(data), Query.of_users(data, np.arange(40))
    people = fitted.people(query)
    assert people.min() >= 0
    assert fitted.movies.factors.min() >= 0
    found = fitted.score(query)
    np.testing.assert_allclose(found[:, :-1], 1 + (people @ fitted.movies.factors.T)[:, :-1], atol=1e-5)
    assert np.isnan(found[:, -1]).all()
    assert np.nanmin(found) >= 1


def test_the_fold_in_of_a_stored_person_is_the_last_half_step(make_dataset):
    data = make_dataset(ratings())
    fitted, query = NMF(factors=5, iterations=4).fit(data), all_people(data)
    u, s, _ = truncated_svd(residuals(fitted.biases, query), 5, 0)
    start = np.maximum(fitted.objective.prior + u * np.sqrt(s), 0).astype(np.float32)
    users, items = fitted.objective.fit(above(1.0, query), start, 4, Context())
    np.testing.assert_array_equal(items, fitted.movies.factors)
    np.testing.assert_array_equal(users, fitted.people(query))


def test_what_two_tastes_made_two_tastes_explain(make_dataset):
    data = make_dataset(ratings())
    row, item, error = data.interactions.user, data.interactions.item, {}
    for factors in (1, 2):
        fitted = NMF(factors=factors, regularization=0.001, iterations=100).fit(data)
        error[factors] = np.std(fitted.score(all_people(data))[row, item] - data.interactions.value)
    assert np.std(data.interactions.value) > 1
    assert error[2] < 0.35
    assert error[1] > 1.3 * error[2]


@pytest.mark.parametrize("stars", [1, 5])
def test_few_ratings_are_pulled_to_the_mean_and_not_to_the_lowest(stars, make_dataset):
    fitted = NMF(regularization=10).fit(make_dataset(ratings()))
    found = fitted.score(Query.of_visitor(30, [0], [stars]))[0]
    assert 2.5 < fitted.biases.mean < 3.5
    np.testing.assert_allclose(found[:-1], fitted.biases.mean, atol=0.7)


def test_the_worst_rating_everywhere_is_predicted(make_dataset):
    data = make_dataset(np.ones((4, 3)))
    fitted = NMF().fit(data)
    np.testing.assert_array_equal(fitted.score(Query.of_users(data, [0])), 1)
    assert fitted.explain(Query.of_users(data, [0]), 1).score == 1


def test_nmf_on_u1_is_better_than_surprise(ml100k):
    """RMSE on u1 with the defaults. Surprise 1.1.5's `NMF` with its own: .9752, measured on the same fold."""
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    found = NMF().fit(train).predict(Query.of_users(train, people), row, test.item)
    assert 0.90 <= np.sqrt(np.mean((found.value.astype(float) - test.value) ** 2)) <= 0.9752
