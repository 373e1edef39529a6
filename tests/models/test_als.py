"""Alternating least squares: rows solved by hand and by LAPACK, gradients, losses, fold-in."""

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Query
from recengine.model import Context
from recengine.models.als import ALS, IALS, residuals
from recengine.models.baseline import estimate_biases
from recengine.models.factors import Objective, truncated_svd
from recengine.models.neighbors import all_people

OBJECTIVES = [
    pytest.param(Objective(0.15), id="als"),
    pytest.param(Objective(0.05, exponent=0.5, unobserved=0.3), id="ials"),
    pytest.param(Objective(0.15, prior=0.4), id="with a prior"),
    pytest.param(Objective(0.05, prior=0.4, nonnegative=True), id="nmf"),
]


def cells(n_users=30, n_items=40, density=0.3, seed=4):
    """Targets with a structure of rank 2; the last row and column are empty, the first row is full."""
    rng = np.random.default_rng(seed)
    table = sp.random(n_users, n_items, density, "lil", dtype=np.float32, random_state=rng)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    table[0] = 1.0
    rows, columns = table.nonzero()
    table[rows, columns] = 1 + taste[rows, columns]
    table[-1], table[:, -1] = 0, 0
    found = table.tocsr()
    found.eliminate_zeros()
    return found


def ridges(objective, matrix):
    """λ_u and λ_i by the module's formula; a row without cells is not pulled, it is the prior."""
    n_users, n_items = matrix.shape
    count = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=n_items)
    others = n_items, n_users
    return [
        objective.regularization * (c + objective.unobserved * n) ** objective.exponent
        for c, n in zip(count, others, strict=True)
    ]


def loss(objective, matrix, users, items):
    """The module's loss, pair by pair over the dense table."""
    users, items, rated = users.astype(float), items.astype(float), matrix.toarray() != 0
    product_, pulls = users @ items.T, ridges(objective, matrix)
    found = ((matrix.toarray() - product_)[rated] ** 2).sum() + objective.unobserved * (product_**2).sum()
    for pull, side in zip(pulls, (users, items), strict=True):
        found += (pull * ((side - objective.prior) ** 2).sum(axis=1)).sum()
    return found


def gradient(objective, matrix, users, items):
    """Half the derivative of the loss by the users."""
    users, items, rated = users.astype(float), items.astype(float), matrix.toarray() != 0
    product_ = users @ items.T
    error = np.where(rated, product_ - matrix.toarray(), 0) + objective.unobserved * product_
    return error @ items + ridges(objective, matrix)[0][:, None] * (users - objective.prior)


class TestByHand:
    """Movies q_A = (1, 0), q_B = (0, 2), q_C = (1, 1). The person gave A 2 and B 3."""

    CELLS = sp.csr_matrix(np.array([[2, 3, 0]], np.float32))
    FACTORS = np.array([[1, 0], [0, 2], [1, 1]], np.float32)

    @pytest.mark.parametrize(
        ("objective", "wanted"),
        [
            # A = q_A q_Aᵀ + q_B q_Bᵀ + ½·2 = diag(2, 5); Σ t q = (2, 6).
            (Objective(0.5), (1, 1.2)),
            (Objective(0.5, exponent=0), (2 / 1.5, 6 / 4.5)),
            # Pulled to 1: Σ t q + 1·(1, 1) = (3, 7).
            (Objective(0.5, prior=1), (1.5, 1.4)),
            # All pairs at weight 1: Σ q qᵀ = [[2, 1], [1, 5]]; λ = .2·(2 + 3)¹ = 1; A = [[4, 1], [1, 10]], det 39.
            (Objective(0.2, unobserved=1), ((10 * 2 - 6) / 39, (4 * 6 - 2) / 39)),
        ],
    )
    def test_a_row(self, objective, wanted):
        np.testing.assert_allclose(objective.solve(self.CELLS, self.FACTORS)[0], wanted, rtol=1e-6)

    def test_what_each_movie_adds(self):
        objective = Objective(0.5)
        person = objective.solve(self.CELLS, self.FACTORS)[0]
        # For C: q_C·A⁻¹q_A = 1/2 and q_C·A⁻¹q_B = 2/5; ½·2 + .4·3 = 2.2 = p·q_C.
        weight, rest = objective.influence(person, self.CELLS, self.FACTORS, 2)
        np.testing.assert_allclose(weight, [0.5, 0.4], rtol=1e-6)
        assert rest == 0
        assert weight @ [2, 3] == pytest.approx(person @ [1, 1], abs=1e-6)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 8, 9, 17])
@pytest.mark.parametrize("objective", OBJECTIVES[:3])
def test_a_block_is_solved_as_lapack_does(objective, d):
    """Histories of every length around a multiple of eight, which the kernel takes at once."""
    rng = np.random.default_rng(d)
    table = np.triu(rng.normal(size=(26, 26)), 1).astype(np.float32)[::-1]  # row r has r cells
    matrix, factors = sp.csr_matrix(table), rng.normal(size=(26, d)).astype(np.float32)
    assert sorted(np.diff(matrix.indptr)) == list(range(26))
    found, q = objective.solve(matrix, factors), factors.astype(float)
    pull = ridges(objective, matrix)[0]
    for r, row in enumerate(table):
        mine = q[row != 0]
        left = objective.unobserved * q.T @ q + mine.T @ mine + pull[r] * np.eye(d)
        right = mine.T @ row[row != 0] + pull[r] * objective.prior
        wanted = np.linalg.solve(left, right) if len(mine) else np.full(d, objective.prior)
        np.testing.assert_allclose(found[r], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_gradient_of_the_block_just_solved_is_zero(objective):
    matrix = cells()
    items = np.abs(np.random.default_rng(0).normal(size=(40, 6))).astype(np.float32)
    users = objective.solve(matrix, items)
    slope = gradient(objective, matrix, users, items)[:-1]  # the last person has no ratings and is the prior
    at_the_wall = users[:-1] == 0 if objective.nonnegative else np.zeros(slope.shape, bool)
    np.testing.assert_allclose(slope[~at_the_wall], 0, atol=1e-4)
    assert (slope[at_the_wall] > -1e-4).all()
    assert at_the_wall.any() == objective.nonnegative
    np.testing.assert_array_equal(users[-1], np.float32(objective.prior))
    # At random vectors it is far from zero: the test can fail.
    assert np.abs(gradient(objective, matrix, np.abs(users) + 1, items)).max() > 1


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_never_rises(objective):
    matrix = cells()
    by_item = sp.csr_matrix(matrix.T)
    users = np.abs(np.random.default_rng(1).normal(size=(30, 5))).astype(np.float32)
    items = objective.solve(by_item, users)
    before = first = loss(objective, matrix, users, items)
    for _ in range(15):
        users = objective.solve(matrix, items)
        between = loss(objective, matrix, users, items)
        items = objective.solve(by_item, users)
        after = loss(objective, matrix, users, items)
        assert after <= between * (1 + 1e-6)
        assert between <= before * (1 + 1e-6)
        before = after
    assert before < 0.9 * first


def test_the_fold_in_of_a_stored_person_is_the_last_half_step(make_dataset):
    matrix = cells().toarray()
    data = make_dataset(np.where(matrix != 0, np.clip(matrix + 2, 1, 5), np.nan))
    fitted, query = ALS().fit(data), all_people(data)
    targets = residuals(estimate_biases(data.interactions), query)
    u, s, _ = truncated_svd(targets, fitted.model.factors, 0)
    start = (u * np.sqrt(s)).astype(np.float32)
    users, items = fitted.model.objective.fit(targets, start, fitted.model.iterations, Context())
    np.testing.assert_array_equal(items, fitted.movies.factors)
    np.testing.assert_array_equal(users, fitted.people(query))
    asked = Query.of_users(data, [3, 7])
    np.testing.assert_array_equal(users[[3, 7]], fitted.people(asked))


def test_predictions_are_bias_plus_product(make_dataset):
    matrix = cells().toarray()
    data = make_dataset(np.where(matrix != 0, np.clip(matrix + 2, 1, 5), np.nan))
    fitted, query = ALS(factors=4).fit(data), Query.of_users(data, [0, 9])
    wanted = fitted.biases.score(query) + fitted.people(query) @ fitted.movies.factors.T
    found = fitted.score(query)
    np.testing.assert_allclose(found[:, :-1], wanted[:, :-1], atol=1e-5)
    assert np.isnan(found[:, -1]).all()
    for r, i in product(range(2), (0, 5, 39)):
        np.testing.assert_allclose(fitted.score_cells(query, np.array([r]), np.array([i])), found[r, i], atol=1e-6)


@pytest.mark.parametrize("kind", [ALS, IALS])
def test_factors_beyond_the_rank_stay_zero_and_change_nothing(kind, make_dataset):
    table = np.random.default_rng(0).integers(1, 6, (12, 7)).astype(float)
    table[np.arange(7), np.arange(7)] = np.nan
    data = make_dataset(table)
    query = Query.of_users(data, np.arange(12))
    enough, many = (kind(factors=factors).fit(data) for factors in (7, 30))
    np.testing.assert_array_equal(many.movies.factors[:, 7:], 0)
    np.testing.assert_allclose(many.score(query), enough.score(query), atol=1e-5)


def test_more_of_what_was_watched_ranks_higher_than_the_other_half(make_dataset):
    """Two halves of people and movies that never met: nothing of one half reaches the other."""
    table = np.full((10, 12), np.nan)
    table[:5, :6], table[5:, 6:] = 1, 1
    table[0, 5] = np.nan
    data = make_dataset(table, scale=None)
    found = IALS(factors=2, unobserved=0.1).fit(data).score(Query.of_users(data, [0]))[0]
    assert found[5] > 0.5
    np.testing.assert_allclose(found[6:], 0, atol=1e-6)


def test_als_on_u1_is_better_than_bias(ml100k):
    """RMSE on u1 with the defaults; `bias` has .9536 on the same fold."""
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    found = ALS().fit(train).predict(Query.of_users(train, people), row, test.item)
    assert 0.90 <= np.sqrt(np.mean((found.value.astype(float) - test.value) ** 2)) <= 0.935
