"""What the factor models learned by stochastic gradient descent share: the descent, and a rating model with fold-in.

The fit keeps what belongs to the movies alone. A person's part is worked out from the query's history, for stored
people as for visitors, so that both take one path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.model import Context, Fitted
from recengine.models.baseline import Biases
from recengine.models.factors import Movies, split_by_history
from recengine.models.similarity import Float64, in_parts, kernel_array, kernel_csr


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedByDescent(Fitted):
    """r̂_ui = μ + s (b_u + b_i + x_u·q_i) with x_u = p_u + |I_u|^−½ Σ_{j∈I_u} y_j.

    `mean`: μ. `unit`: s, see `unit_of`. `bias`: b_i, float32 `(n_items,)`. `movies`: q. `implicit`: y, float32
    `(n_items, d)`, or no rows for a model without. `regularization`: λ of the fold-in. `biases`: the baseline that
    stands in.
    """

    mean: float
    unit: float
    bias: Float32
    movies: Movies
    implicit: Float32
    regularization: float
    biases: Biases

    def people(self, query: Query) -> Float64:
        """b_u and x_u from the histories, float64 `(b, 1 + d)` (ridge regression). Cost: O(|I_u| d² + d³) a person."""
        from recengine.models import kernels_sgd

        indptr, indices, value = kernel_csr(query.history)
        arrays = (
            indptr, indices, kernel_array((value - np.float64(self.mean)) / self.unit, np.float64),
            kernel_array(self.bias, np.float32), kernel_array(self.movies.factors, np.float32),
            kernel_array(self.implicit, np.float32), float(self.regularization),
        )  # fmt: skip

        def part(first: int, last: int) -> Float64:
            found: Float64 = kernels_sgd.fold_in(*arrays, first, last)
            return found

        parts = in_parts(part, len(query), rows=32)
        return np.concatenate(parts) if parts else np.zeros((0, 1 + self.movies.factors.shape[1]))

    def score(self, query: Query) -> Float32:
        """μ + s (b_u + b_i + x_u·q_i); NaN for an unknown person or movie."""
        people = self.people(query)
        found = self.movies.products(people[:, 1:]) + self.bias + people[:, :1]
        return self.movies.opinions(self.mean + self.unit * found, query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        people = self.people(query)
        found = self.movies.products_at(people[:, 1:], row, item) + self.bias[item] + people[row, 0]
        return self.movies.opinions_at(self.mean + self.unit * found, query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """Mean, biases, and a part for each rated movie, since x_u is linear in what b_u leaves of the ratings: exact.

        With A = Σ_j q_j q_jᵀ + λ |I_u|^½, rated movie j adds s times
        q_i·A⁻¹q_j ((r_uj − μ)/s − b_u − b_j − |I_u|^−½ Σ y·q_j) + |I_u|^−½ y_j·q_i.
        """
        from recengine.models import kernels_factors

        query = query.rows(0, 1)
        if stranger := self.movies.stranger(self, query, item, "user and item bias"):
            return stranger
        history, b_u = query.history, float(self.people(query)[0, 0])
        q_j, q_i = (self.movies.factors[at].astype(np.float64) for at in (history.indices, item))
        y_j = self.implicit[history.indices] / np.sqrt(history.nnz) if len(self.implicit) else np.zeros_like(q_j)
        left = (history.data - np.float64(self.mean)) / self.unit - b_u - self.bias[history.indices]
        left -= (q_j * y_j.sum(axis=0)).sum(axis=1)
        ridge = self.regularization * np.sqrt(history.nnz) * np.eye(len(q_i))
        weight = kernels_factors.influence(ridge, kernel_array(q_j, np.float64), kernel_array(q_i, np.float64))
        effects = [
            Part("effect", self.unit * b_u, what="how generous the person is"),
            Part("effect", self.unit * float(self.bias[item]), what="how well liked the movie is"),
        ]
        target, presence = self.unit * left, self.unit * (y_j * q_i).sum(axis=1)
        return split_by_history(query, weight, target, self.mean, "mean of all ratings", effects, presence)


def start(seed: int, count: Int64, factors: int, spread: float) -> tuple[Float64, NDArray[np.uint64]]:
    """The first q, normal with deviation `spread`, float64 `(n_items, d)`, and the state that the kernels draw from.

    A movie nobody rated gets 0, since no step will ever move it. People start at 0: without a residual nothing moves,
    so constant ratings are predicted exactly.
    """
    draw = np.random.default_rng(seed)
    q = draw.normal(0.0, spread, (len(count), factors)) * (count > 0)[:, None]
    return q, draw.integers(2**63, size=1, dtype=np.uint64)


def unit_of(train: Dataset) -> float:
    """A quarter of the width of the rating scale: what a step of 1 star is to one to five stars."""
    low, high = train.scale or (0.0, 0.0)
    return (high - low) / 4 or 1.0


def by_frequency(count: Int64) -> Float64:
    """n^−½, what multiplies λ in each of the n steps of a person or movie: in all, λ n^½."""
    return freeze(1.0 / np.sqrt(np.maximum(count, 1)))


def descend(
    epoch: Callable[[float], None], epochs: int, rate: float, decay: float, context: Context, learned: Sequence[Float64]
) -> tuple[Float32, ...]:
    """Run `epoch(rate)` with a rate that shrinks by `decay`, and return what was learned, float32 and read-only.

    Raises `ModelError` where the steps were so large that the numbers ran away.
    """
    for number in range(epochs):
        context.step(number / epochs, f"epoch {number + 1} of {epochs}")
        epoch(rate * decay**number)
        if not all(np.abs(array).max(initial=0.0) < 1e6 for array in learned):
            raise ModelError(f"The numbers ran away in epoch {number + 1}: choose a learning_rate below {rate:g}.")
    context.step(1.0, "done")
    return tuple(freeze(array.astype(np.float32)) for array in learned)
