"""What the factor models in closed form share: one objective, its exact row solver, its fold-in and explanation.

A person is a vector p_u, a movie a vector q_i, of d factors each, and p_u·q_i says how well they suit. All of `als`,
`ials` and `nmf` minimise, with constants of their own,

    Σ_{(u,i) rated} (t_ui − p_u·q_i)² + α Σ_{all u,i} (p_u·q_i)² + Σ_u λ_u ‖p_u − c‖² + Σ_i λ_i ‖q_i − c‖²,
    λ_u = λ (|I_u| + α n_items)^ν,    λ_i = λ (|U_i| + α n_users)^ν.

With one side held the other is a least-squares problem for each row alone. Solved exactly, the loss never rises, and a
person's vector follows from their ratings and the movies' vectors: the fold-in of visitors, which stored people take
too. `als` and `nmf` are fitted by it, `ials` by cheaper steps (`recengine.models.alternating`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from recengine.data.dataset import Bool, Float32, Int64, Query, freeze
from recengine.explain import Explanation, Part
from recengine.model import Context, Fitted
from recengine.models.similarity import Float64, in_parts, kernel_array, kernel_csr, rows_of

_one_thread = Lock()  # `threadpool_limits` is the whole process's: overlapping, the last to leave would keep it at one


@dataclass(frozen=True)
class Objective:
    """The constants of the module's loss.

    `regularization` λ and its `exponent` ν; `unobserved` α, the weight of every pair, rated or not; `prior` c, where
    each factor is pulled to; `nonnegative`: whether p and q are.
    """

    regularization: float
    exponent: float = 1.0
    unobserved: float = 0.0
    prior: float = 0.0
    nonnegative: bool = False

    def ridge(self, count: NDArray[Any], n_other: int) -> Float64:
        """λ (count + α n_other)^ν, float64, for rows with so many cells."""
        return np.asarray(self.regularization * (count + self.unobserved * n_other) ** self.exponent, np.float64)

    def gram(self, factors: Float32) -> Float64:
        """α Σ q qᵀ, float64 `(d, d)`."""
        if not self.unobserved:
            return freeze(np.zeros((factors.shape[1], factors.shape[1])))
        return freeze(self.unobserved * squares(factors))

    def solve(self, cells: sp.csr_matrix, factors: Float32, gram: Float64 | None = None) -> Float32:
        """The best vector of each row of `cells` (targets t) for given `factors` of its columns, float32 `(b, d)`.

        Cost: O(nnz d² + b d³), spread over the cores. Source: Hu, Koren and Volinsky (ICDM 2008), eq. 4.
        """
        from recengine.models import kernels_als

        matrix = self.gram(factors) if gram is None else gram
        ridge = kernel_array(self.ridge(np.diff(cells.indptr), cells.shape[1]), np.float64)
        arrays = (*kernel_csr(cells), kernel_array(factors, np.float32), matrix, ridge)

        def part(first: int, last: int) -> Float32:
            found: Float32 = kernels_als.solve_rows(*arrays, self.prior, self.nonnegative, first, last)
            return found

        parts = in_parts(part, cells.shape[0], rows=32)
        return freeze(np.concatenate(parts) if parts else np.zeros((0, factors.shape[1]), np.float32))

    def fit(self, cells: sp.csr_matrix, users: Float32, iterations: int, context: Context) -> tuple[Float32, Float32]:
        """Vectors of the people and of the movies: from `users`, movies and people solved in turn, people last."""
        by_item = sp.csr_matrix(cells.T)
        items = np.zeros((cells.shape[1], users.shape[1]), np.float32)
        for iteration in range(iterations):
            context.step(iteration / iterations, f"iteration {iteration + 1} of {iterations}")
            items = self.solve(by_item, users)
            users = self.solve(cells, items)
        context.step(1.0, "done")
        return users, freeze(items)

    def influence(
        self, person: Float32, history: sp.csr_matrix, factors: Float32, item: int, gram: Float64 | None = None
    ) -> tuple[Float64, float]:
        """How p_u·q_i follows from the targets t_uj of the one row of `history`: s_uij t'_uj each, and the rest.

        s_uij = q_i·A⁻¹q_j with A = α Σ q qᵀ + Σ_{j∈I_u} q_j q_jᵀ + λ_u, and t'_uj = t_uj − c·q_j. Together with
        c·q_i they add up to p_u·q_i. Where p ≥ 0 binds, all is over the factors above 0, and the second number
        returned is what those at 0 take away from c·q_i. Source: Hu, Koren and Volinsky (2008), section 5.
        """
        from recengine.models import kernels_factors

        free = person > 0 if self.nonnegative else np.ones(len(person), np.bool_)
        rated, asked = factors[history.indices].astype(np.float64)[:, free], factors[item].astype(np.float64)
        ridge = self.ridge(np.array([history.nnz]), history.shape[1])
        everyone = self.gram(factors) if gram is None else gram
        matrix = everyone[np.ix_(free, free)] + ridge * np.eye(free.sum())
        weight: Float64 = kernels_factors.influence(
            matrix, kernel_array(rated, np.float64), kernel_array(asked[free], np.float64)
        )
        return weight, -self.prior * float(asked[~free].sum())


def squares(factors: Float32) -> Float64:
    """Σ q qᵀ, float64 `(d, d)`. Cost: O(n d²), spread over the cores."""
    from recengine.models import kernels_als

    vectors = kernel_array(factors, np.float32)
    parts = in_parts(lambda first, last: kernels_als.squares(vectors, first, last), len(vectors), rows=8192)
    return np.asarray(np.sum(parts, axis=0), np.float64)


def axes(matrix: Float64) -> tuple[Float64, Float64]:
    """Eigenvalues of a sum of squares, descending `(d,)`, and its eigenvectors `(d, d)`; 0 where only rounding is left.

    One thread, as in `truncated_svd`.
    """
    with _one_thread, threadpool_limits(1, "blas"):
        value, basis = np.linalg.eigh(matrix)
    value, basis = value[::-1], basis[:, ::-1]
    real = value > 1e-12 * value[0]
    return value * real, basis * real


@dataclass(frozen=True, eq=False)
class Movies:
    """The movies' side of a fitted factor model.

    `factors`: q, float32 `(n_items, d)`. `count`: ratings a movie, int64 `(n_items,)`.
    """

    factors: Float32
    count: Int64

    @cached_property
    def transposed(self) -> Float32:
        """q by factor, float32 `(d, n_items)`."""
        return freeze(np.ascontiguousarray(self.factors.T))

    @cached_property
    def known(self) -> Bool:
        """Movies that anybody rated, bool `(n_items,)`."""
        return freeze(self.count > 0)

    def products(self, people: NDArray[Any]) -> NDArray[Any]:
        """p·q of every movie, `(b, n_items)`, in the precision of `people`. Cost: O(b n_items d)."""
        from recengine.models import kernels_factors

        left, right = kernel_array(people, people.dtype.type), self.transposed
        parts = in_parts(lambda first, last: kernels_factors.products(left, right, first, last), len(left), rows=32)
        return np.concatenate(parts) if parts else np.zeros((0, len(self.count)), left.dtype)

    def products_at(self, people: NDArray[Any], row: Int64, item: Int64) -> NDArray[Any]:
        """p·q of chosen cells, `(m,)`, in the precision of `people`."""
        from recengine.models import kernels_factors

        arrays = (kernel_array(people, people.dtype.type), kernel_array(self.factors, np.float32))
        found: NDArray[Any] = kernels_factors.products_at(
            *arrays, kernel_array(row, np.int64), kernel_array(item, np.int64)
        )
        return found

    def acquainted(self, query: Query) -> Bool:
        """Whose history holds a movie that anybody rated, bool `(b,)`."""
        of_row = rows_of(query.history)[self.known[query.history.indices]]
        return np.bincount(of_row, minlength=len(query)) > 0

    def opinions(self, score: NDArray[Any], query: Query) -> Float32:
        """`score` `(b, n_items)` as float32, with NaN where nothing was learned: an unknown person or movie."""
        told = self.acquainted(query)[:, None] & self.known
        return np.asarray(np.where(told, score, np.float32(np.nan)), np.float32)

    def opinions_at(self, score: NDArray[Any], query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells `(m,)`."""
        told = self.acquainted(query)[row] & self.known[item]
        return np.asarray(np.where(told, score, np.float32(np.nan)), np.float32)

    def counts(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone: what stands in where scores are no ratings."""
        return np.tile(self.count.astype(np.float32), (len(query), 1))

    def stranger(self, fitted: Fitted, query: Query, item: int, stand_in: str) -> Explanation | None:
        """Where there is no opinion on `item` for the first query: why, and what stands in."""
        if self.known[item] and self.acquainted(query)[0]:
            return None
        who = "nothing has been rated yet" if query.history[0].nnz == 0 else "nobody else rated what this person did"
        why = who if self.known[item] else "nobody has rated this movie"
        value = float(fitted.fallback(query.rows(0, 1))[0, item])
        return Explanation(value, value, stand_in, (), exact=True, fallback=f"{why}; the {stand_in} stands in")


def split_by_history(
    query: Query, weight: NDArray[Any], target: NDArray[Any], base: float, base_name: str,
    extra: Sequence[Part] = (), presence: float | NDArray[Any] = 0.0, stars: bool = True,
) -> Explanation:  # fmt: skip
    """A score as `base` + Σ (weight · target + presence) over the movies in the first query's history: exact.

    Strongest first, with the parts in `extra`. `presence`: what a movie adds whatever its rating.
    `stars`: whether its rating counts at all, and so belongs to the reason.
    """
    history = query.history[0]
    parts, share = [*extra], weight * target + presence
    for index, rating, s, total in zip(history.indices, history.data, weight, share, strict=True):
        parts.append(
            Part("movie", float(total), index=int(index), similarity=float(s), rating=float(rating) if stars else None)
        )
    parts.sort(key=lambda part: -abs(part.weight))
    return Explanation(base + sum(part.weight for part in parts), base, base_name, tuple(parts), exact=True)


def truncated_svd(matrix: sp.csr_matrix, factors: int, seed: int) -> tuple[Float64, Float64, Float64]:
    """The largest `factors` singular triplets: U `(n, d)`, s `(d,)` descending, V `(m, d)`; zeros beyond the rank.

    Signs are fixed: the entry of V farthest from 0 is positive. Sparse (ARPACK, from a start drawn with `seed`)
    unless half of all triplets are wanted, which dense LAPACK does better. One thread: BLAS adds up in another order on
    more, and on vectors so short is slower. Cost: O(nnz d) and more for close values.
    """
    n, m = matrix.shape
    d = min(factors, n, m)
    wide = matrix.astype(np.float64)
    with _one_thread, threadpool_limits(1, "blas"):
        if 2 * d >= min(n, m):
            u, s, vt = np.linalg.svd(wide.toarray(), full_matrices=False)
        elif np.any(wide.data):
            start = np.random.default_rng(seed).normal(size=min(n, m))
            u, s, vt = svds(wide, k=d, v0=start)
        else:
            u, s, vt = np.zeros((n, d)), np.zeros(d), np.zeros((d, m))
    order = np.argsort(-s, kind="stable")[:d]
    u, s, v = u[:, order], s[order], vt[order].T
    sign = np.sign(v[np.argmax(np.abs(v), axis=0), np.arange(d)])
    sign = np.where(s > 1e-6 * s[0], sign, 0.0)  # ARPACK works on the squares: below this s is noise
    beyond = factors - d
    return (
        np.pad(u * sign, ((0, 0), (0, beyond))),
        np.pad(s * np.abs(sign), (0, beyond)),
        np.pad(v * sign, ((0, 0), (0, beyond))),
    )
