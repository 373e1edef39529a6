"""Conjugate gradients of `ials`: a step by hand, against the exact solver, starts, losses."""

import os
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.models import alternating, kernels_ials
from recengine.models.alternating import alternate, both_ways, start
from recengine.models.factors import Objective, truncated_svd


def table(n_users=60, n_items=50, density=0.2, seed=3):
    """Ones where something was watched; the last row and column are empty."""
    found = sp.random(n_users, n_items, density, "lil", dtype=np.float32, random_state=np.random.default_rng(seed))
    found[-1], found[:, -1] = 0, 0
    found = found.tocsr()
    found.eliminate_zeros()
    found.data[:] = 1
    return found


def loss(objective, matrix, users, items):
    """`Objective`'s loss, pair by pair over the dense table."""
    users, items, watched = users.astype(float), items.astype(float), matrix.toarray() != 0
    product = users @ items.T
    found = ((1 - product)[watched] ** 2).sum() + objective.unobserved * (product**2).sum()
    for side, count, n_other in (
        (users, watched.sum(axis=1), items.shape[0]),
        (items, watched.sum(axis=0), users.shape[0]),
    ):
        found += (objective.ridge(count, n_other) * (side**2).sum(axis=1)).sum()
    return found


def improved(matrix, factors, gram, ridge, vectors, steps, parts=1):
    """`improve_rows` over the whole table, in so many calls."""
    found = np.array(vectors, np.float32)
    arrays = both_ways(matrix)[0], np.asarray(factors, np.float32), np.asarray(gram, np.float32)
    pull = np.full(matrix.shape[0], ridge, np.float32)
    bounds = np.linspace(0, matrix.shape[0], parts + 1).astype(int)
    for first, last in pairwise(bounds):
        kernels_ials.improve_rows(*arrays[0], *arrays[1:], pull, found, steps, first, last)
    return found


class TestByHand:
    """Movies q_A = (1, 0), q_B = (1, 2), both watched: A = [[2, 2], [2, 4]] + diag(1, 3) + 1 = [[4, 2], [2, 8]]."""

    CELLS, FACTORS, GRAM, RIDGE = sp.csr_matrix(np.ones((1, 2), np.float32)), [[1, 0], [1, 2]], [1, 3], 1

    def test_the_first_step(self):
        # b = (2, 2); preconditioned by (2, 4): d = (1, ½), b·d = 3, d·A d = 4 + 2 + 2 = 8.
        found = improved(self.CELLS, self.FACTORS, self.GRAM, self.RIDGE, [[0, 0]], 1)
        np.testing.assert_allclose(found, [[3 / 8, 3 / 16]], rtol=1e-6)

    @pytest.mark.parametrize("steps", [2, 3, 10])
    def test_as_many_steps_as_factors_solve_it(self, steps):
        # det A = 28: x = ((8 − 2)·2, (4 − 2)·2) / 28. Further steps find nothing left to gain.
        found = improved(self.CELLS, self.FACTORS, self.GRAM, self.RIDGE, [[5, -5]], steps)
        np.testing.assert_allclose(found, [[12 / 28, 4 / 28]], rtol=1e-5)


@pytest.mark.parametrize("d", [1, 3, 8, 17])
def test_enough_steps_do_what_the_exact_solver_does(d):
    """Rows of no cells, of every remainder of four, and longer than what is held at a time."""
    rng = np.random.default_rng(d)
    lengths = [0, 1, 2, 3, 4, 5, 511, 512, 513, 1300]
    matrix = sp.csr_matrix((np.arange(1400) < np.array(lengths)[:, None]).astype(np.float32))
    factors = rng.normal(size=(1400, d)).astype(np.float32)
    gram = np.arange(1.0, d + 1)
    wanted = Objective(2.0, exponent=0).solve(matrix, factors, np.diag(gram))
    found = improved(matrix, factors, gram, 2.0, rng.normal(size=(len(lengths), d)), 3 * d + 5)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_row_does_not_depend_on_its_company():
    rng = np.random.default_rng(0)
    matrix, factors = table(), rng.normal(size=(50, 9))
    vectors = rng.normal(size=(60, 9))
    whole, apart = (improved(matrix, factors, np.ones(9), 0.5, vectors, 3, parts) for parts in (1, 60))
    np.testing.assert_array_equal(whole, apart)


@pytest.mark.parametrize(("exponent", "unobserved"), [(0.0, 1.0), (0.5, 0.1), (1.0, 0.5)])
def test_the_loss_never_rises_and_ends_where_exact_solving_ends(exponent, unobserved):
    matrix, objective = table(), Objective(0.1, exponent, unobserved)
    watched = both_ways(matrix)
    users, items = start(*watched, 6, 0)
    exact, before = items.copy(), loss(objective, matrix, users, items)
    first = before
    for _ in range(40):
        alternate(objective, *watched, users, items, 1)
        after = loss(objective, matrix, users, items)
        assert after <= before * (1 + 1e-6)
        before = after
        people = objective.solve(matrix, exact)
        exact = objective.solve(sp.csr_matrix(matrix.T), people)
    assert before < 0.99 * first
    assert before == pytest.approx(loss(objective, matrix, people, exact), rel=1e-3)
    assert not users[-1].any()
    assert not items[-1].any()


@pytest.fixture(params=["exact", "rough"])
def size(request, monkeypatch):
    """Tables count as large from the first cell on, or never."""
    monkeypatch.setattr(alternating, "_LARGE", 0 if request.param == "rough" else 10**9)


@pytest.mark.usefixtures("size")
def test_a_start_of_full_rank_is_the_table():
    matrix = table(30, 20)
    users, items = start(*both_ways(matrix), 25, 0)
    np.testing.assert_allclose(users @ items.T, matrix.toarray(), atol=1e-4)
    np.testing.assert_allclose(users.T @ users, items.T @ items, atol=1e-3)
    np.testing.assert_array_equal(users[:, 19:], 0)  # the last movie was never watched: rank 19 at most
    np.testing.assert_array_equal(items[:, 19:], 0)
    # Else the kernels would be compiled for two layouts, the second within somebody's measured seconds.
    assert users.flags.c_contiguous
    assert items.flags.c_contiguous


def test_with_sweeps_enough_a_start_is_the_truncated_svd(monkeypatch):
    monkeypatch.setattr(alternating, "_LARGE", 0)
    monkeypatch.setattr(alternating, "_SWEEPS", 200)
    matrix = table()
    users, items = start(*both_ways(matrix), 4, 0)
    u, s, v = truncated_svd(matrix, 4, 0)
    np.testing.assert_allclose(users @ items.T, (u * s) @ v.T, atol=1e-4)


def test_a_rough_start_is_near_it_and_follows_the_seed(monkeypatch):
    monkeypatch.setattr(alternating, "_LARGE", 0)
    matrix = table()
    watched = both_ways(matrix)
    _, s, _ = truncated_svd(matrix, 4, 0)
    found = [np.linalg.norm(users @ items.T) for users, items in (start(*watched, 4, seed) for seed in (0, 0, 1))]
    assert found[0] == found[1] != found[2]
    np.testing.assert_allclose(found, np.linalg.norm(s), rtol=0.05)


@pytest.mark.usefixtures("size")
def test_the_number_of_threads_does_not_change_the_bits(monkeypatch):
    watched, found = both_ways(table(9000, 60, 0.05)), []  # more rows than one thread takes at a time, in every loop
    for threads in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        users, items = start(*watched, 7, 0)
        alternate(Objective(0.1, 0.5, 0.3), *watched, users, items, 2)
        found.append((users, items))
    for one, five in zip(*found, strict=True):
        np.testing.assert_array_equal(one, five)
