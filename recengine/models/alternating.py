"""How `ials` is fitted: each side improved in turn by a few conjugate gradient steps, which large tables ask for.

Solving a row exactly costs O(|I_u| d² + d³), a step O(|I_u| d). Source: Takács, Pilászy and Tikk, "Applications of the
conjugate gradient method for implicit feedback collaborative filtering" (RecSys 2011). Vectors are float32, changed in
place: at millions of people they are what fills the memory.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Float32
from recengine.model import Context
from recengine.models.factors import Objective, axes, squares, truncated_svd
from recengine.models.similarity import Float64, in_parts, kernel_array

_STEPS = 3  # of conjugate gradients a half-step: preconditioned, a fourth is worth little
_SWEEPS = 3  # of subspace iteration for a start
_LARGE = 2_000_000  # interactions from which on decomposing the table exactly would take longer than all else

Watched = tuple[NDArray[np.int64], NDArray[np.int32]]  # row r has the columns `index[start[r]:start[r + 1]]`


def both_ways(table: sp.csr_matrix) -> tuple[Watched, Watched]:
    """Who watched what, by person and by movie; values are not asked for."""
    here = sp.csr_matrix((np.ones(table.nnz, np.int8), table.indices, table.indptr), table.shape)
    people, movies = (
        (kernel_array(side.indptr, np.int64), kernel_array(side.indices, np.int32)) for side in (here, here.T.tocsr())
    )
    return people, movies


def start(by_user: Watched, by_item: Watched, factors: int, seed: int) -> tuple[Float32, Float32]:
    """U √Σ and V √Σ of the largest singular triplets: float32 `(n, d)` each, zeros beyond the rank.

    Those of the table with 1 where something was watched and 0 elsewhere; nearly, where it is large: by subspace
    iteration from a random subspace. Directions of nearly equal strength, which it does not tell apart in so few
    sweeps, then depend on the seed and on the order of people and movies.
    Cost: O(m d + (n_users + n_items) d²), once a sweep.
    Source: Halko, Martinsson and Tropp (SIAM Review 2011), algorithm 4.4.
    """
    first, index = by_user
    if len(index) < _LARGE:
        table = sp.csr_matrix((np.ones(len(index), np.float32), index, first), (len(first) - 1, len(by_item[0]) - 1))
        u, s, v = truncated_svd(table, factors, seed)
        # LAPACK and ARPACK leave columns side by side; here rows are what a thread works on.
        return np.ascontiguousarray(u * np.sqrt(s), np.float32), np.ascontiguousarray(v * np.sqrt(s), np.float32)
    items = np.random.default_rng(seed).standard_normal((len(by_item[0]) - 1, factors), np.float32)
    users = np.empty((len(by_user[0]) - 1, factors), np.float32)
    for _ in range(_SWEEPS):
        for watched, known, found in ((by_user, items, users), (by_item, users, items)):
            _sum(watched, known, found)
            _turn(found, *axes(squares(found)), power=-0.5)
    _sum(by_user, items, users)
    value, basis = axes(squares(users))  # Σ², and V in terms of `items`
    _turn(users, value, basis, power=-0.25)
    _turn(items, value, basis, power=0.25)
    return users, items


def alternate(
    objective: Objective, by_user: Watched, by_item: Watched, users: Float32, items: Float32, iterations: int,
    context: Context = Context(),
) -> None:  # fmt: skip
    """Improve the vectors of the people and of the movies in turn, in place.

    Scores and loss do not change when both sides are turned alike, so each half-step takes the axes in which α Σ q qᵀ
    of the side held is diagonal: what all pairs contribute then costs O(d) a row, to multiply with and, as the
    preconditioner, to divide by. Cost: O(m d + (n_users + n_items) d²) an iteration.
    """
    for iteration in range(iterations):
        context.step(iteration / iterations, f"iteration {iteration + 1} of {iterations}")
        for watched, held, moved in ((by_user, items, users), (by_item, users, items)):
            value, basis = axes(objective.gram(held))
            _turn(held, value, basis)
            _turn(moved, value, basis)
            _improve(objective, watched, held, value, moved)
    context.step(1.0, "done")


def _improve(objective: Objective, watched: Watched, held: Float32, gram: Float64, moved: Float32) -> None:
    from recengine.models import kernels_ials

    ridge = objective.ridge(np.diff(watched[0]), len(held))
    constants = kernel_array(held, np.float32), kernel_array(gram, np.float32), kernel_array(ridge, np.float32)
    arrays = (*watched, *constants, moved, _STEPS)
    in_parts(lambda first, last: kernels_ials.improve_rows(*arrays, first, last), len(moved), rows=32)


def _sum(watched: Watched, factors: Float32, found: Float32) -> None:
    """`found` = Σ q of what was watched."""
    from recengine.models import kernels_ials

    arrays = *watched, kernel_array(factors, np.float32), found
    in_parts(lambda first, last: kernels_ials.sum_rows(*arrays, first, last), len(found))


def _turn(vectors: Float32, value: Float64, basis: Float64, power: float = 0.0) -> None:
    """`vectors` @ basis · value^power, in place; nothing along axes of value 0."""
    from recengine.models import kernels_ials

    scale = np.power(value, power, out=np.zeros_like(value), where=value > 0)
    matrix = kernel_array(basis * scale, np.float32)
    in_parts(lambda first, last: kernels_ials.turn_rows(vectors, matrix, first, last), len(vectors), rows=512)
