"""SVD++: the sums a pass carries against the plain rule, the fold-in against the loss, published error.

Protocol of the band: fold u1 as GroupLens distributes it, see test_published. Reference: Surprise 1.1.5 (Hug, JOSS
2020), `SVDpp` at its defaults, same fold: .9247 (`benchmarks/peers_svdpp.py`). The upper bound leaves room for seeds.
"""

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Query, freeze
from recengine.models import kernels_sgd
from recengine.models.svdpp import SVDpp


def plain_epoch(table, people, state, w_u, w_i, b_u, b_i, p, q, y, rate, pull, y_pull):
    """Koren's update, one rating at a time: every y_j of the person moves with every rating."""
    for u in people:
        first, last = table.indptr[u], table.indptr[u + 1]
        rated, order = table.indices[first:last], np.arange(first, last)
        kernels_sgd.shuffle(state, order)
        for t in order:
            i, n = table.indices[t], len(rated)
            vector = p[u] + y[rated].sum(axis=0) / np.sqrt(n)
            e = table.data[t] - b_u[u] - b_i[i] - vector @ q[i]
            q_old = q[i].copy()
            b_u[u] += rate * (e - pull * w_u[u] * b_u[u])
            b_i[i] += rate * (e - pull * w_i[i] * b_i[i])
            q[i] += rate * (e * vector - pull * w_i[i] * q[i])
            p[u] += rate * (e * q_old - pull * w_u[u] * p[u])
            y[rated] += rate * (e * q_old / np.sqrt(n) - y_pull * y[rated])


def tiny(seed=0):
    """Ratings of 4 people for 6 movies, one person without any, and parameters to start from."""
    rng = np.random.default_rng(seed)
    rated = rng.random((4, 6)) < 0.6
    rated[2] = False
    table = sp.csr_matrix(np.where(rated, rng.normal(size=(4, 6)), 0.0))
    sizes = ((4,), (6,), (4, 3), (6, 3), (6, 3))
    return table, rng.random(4), rng.random(6), [rng.normal(size=size) for size in sizes]


def kernel_epoch(table, people, state, w_u, w_i, parameters, *constants):
    arrays = [freeze(a) for a in (table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data.copy())]
    kernels_sgd.svdpp_epoch(*arrays, people, state, freeze(w_u), freeze(w_i), *parameters, *constants)


def test_the_sums_that_a_pass_carries_give_the_plain_rules_numbers():
    table, w_u, w_i, first = tiny()
    ours, plain = ([array.copy() for array in first] for _ in range(2))
    people, constants = np.array([3, 0, 2, 1]), (0.05, 0.4, 0.1)
    for epoch in range(3):
        kernel_epoch(table, people, np.array([epoch], np.uint64), w_u, w_i, ours, *constants)
        plain_epoch(table, people, np.array([epoch], np.uint64), w_u, w_i, *plain, *constants)
    for found, wanted, start in zip(ours, plain, first, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
        assert (found != start).any()


def test_a_step_goes_down_the_gradient_of_one_rating():
    """As for funk-svd, where the loss also holds λ_y Σ ‖y_j‖² over the movies of the person."""
    rng = np.random.default_rng(1)
    table, target = sp.csr_matrix(np.array([[1.3]])), 1.3
    first = [rng.normal(size=size) for size in ((1,), (1,), (1, 3), (1, 3), (1, 3))]
    rate, pull, y_pull = 1e-3, 0.3, 0.2

    def loss(b_u, b_i, p, q, y):
        squares = b_u[0] ** 2 + b_i[0] ** 2 + p[0] @ p[0] + q[0] @ q[0]
        return (target - b_u[0] - b_i[0] - (p[0] + y[0]) @ q[0]) ** 2 + pull * squares + y_pull * y[0] @ y[0]

    moved = [array.copy() for array in first]
    kernel_epoch(table, np.array([0]), np.zeros(1, np.uint64), np.ones(1), np.ones(1), moved, rate, pull, y_pull)
    for which, array in enumerate(first):
        for at in np.ndindex(array.shape):
            up, down = ([a.copy() for a in first] for _ in range(2))
            up[which][at] += 1e-5
            down[which][at] -= 1e-5
            slope = (loss(*up) - loss(*down)) / 2e-5
            assert moved[which][at] - array[at] == pytest.approx(-rate / 2 * slope, abs=1e-10)


def test_a_person_minimises_their_own_loss(make_dataset):
    """Given Σ y_j, the gradient of the squared error with its pull is 0 in b_u and p_u."""
    rng = np.random.default_rng(1)
    data = make_dataset(np.where(rng.random((30, 12)) < 0.6, rng.integers(1, 6, (30, 12)).astype(float), np.nan))
    fitted = SVDpp(factors=5, regularization=0.4).fit(data)
    query = Query.of_users(data, [4])
    rated = query.history.indices
    b_u, vector = fitted.people(query)[0, 0], fitted.people(query)[0, 1:]
    implicit = fitted.implicit[rated].sum(axis=0) / np.sqrt(len(rated))
    assert np.abs(implicit).max() > 1e-3
    q = fitted.movies.factors[rated].astype(np.float64)
    left = query.history.data - fitted.mean - b_u - fitted.bias[rated] - q @ vector
    pull = 0.4 * np.sqrt(len(rated))
    assert left.sum() == pytest.approx(pull * b_u, abs=1e-5)
    np.testing.assert_allclose(q.T @ left, pull * (vector - implicit), atol=1e-5)


def test_what_was_rated_counts_even_where_all_stars_are_alike(make_dataset):
    """Two visitors whose ratings say nothing differ by the movies they chose, and by nothing without y."""
    half = np.arange(12) < 6
    table = np.where(np.arange(24)[:, None] % 2 == half, np.where(half, 5.0, 2.0), np.nan)
    table[:, [0, 11]] = np.where(np.arange(24)[:, None] % 2, [5.0, 1.0], [1.0, 5.0])
    data = make_dataset(table)
    fitted = SVDpp(factors=4, epochs=60).fit(data)
    asked = [Query.of_visitor(12, chosen, fitted.mean + fitted.bias[chosen]) for chosen in ([1], [7])]
    lists = [fitted.score(query)[0] - fitted.bias for query in asked]
    assert np.abs(lists[0] - lists[1]).max() > 0.01


def test_the_default_reaches_the_published_error_on_u1(ml100k):
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    prediction = SVDpp().fit(train).predict(Query.of_users(train, people), row, test.item)
    error = np.sqrt(np.mean((prediction.value.astype(np.float64) - test.value) ** 2))
    assert 0.895 <= error <= 0.914
