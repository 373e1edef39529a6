"""What the factor models learned by stochastic gradient descent share: the movies' side, its scores, explanations.

The fit keeps what belongs to the movies alone. A person's part is worked out from the query's history, for stored
people as for visitors, so that both take one path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.model import Context, Fitted
from recengine.models.baseline import Biases
from recengine.models.similarity import Float64, in_parts, kernel_array, kernel_csr, rows_of

_NEAREST = 10  # rated movies that an explanation names


@dataclass(frozen=True, eq=False)
class MovieSide:
    """score_ui = μ + s (b_u + b_i + x_u·q_i), as far as the movies decide it.

    `mean`: μ, 0 where scores are no ratings. `unit`: s, a quarter of the rating scale's width (1 for 1 to 5 stars), so
    that hyperparameters mean the same on any scale; 1 where scores are no ratings.
    `bias`: b_i, float32 `(n_items,)`. `factors`: q_i, float32 `(n_items, d)`.
    `count`: ratings a movie, int64 `(n_items,)`. The other side is `people`, float64 `(b, 1 + d)`: b_u and x_u.
    """

    mean: float
    unit: float
    bias: Float32
    factors: Float32
    count: Int64

    @cached_property
    def by_factor(self) -> Float32:
        """q by factor, float32 `(d, n_items)`."""
        return freeze(np.ascontiguousarray(self.factors.T))

    def acquainted(self, query: Query) -> Bool:
        """Whose history holds a movie that somebody in the training data rated, bool `(b,)`."""
        known = rows_of(query.history)[self.count[query.history.indices] > 0]
        return np.bincount(known, minlength=len(query)) > 0

    def score(self, people: Float64, query: Query) -> Float32:
        """The formula for every movie, float32 `(b, n_items)`; NaN for an unknown person or movie."""
        from recengine.models import kernels_sgd

        u_bias, vectors = people[:, :1], kernel_array(people[:, 1:], np.float64)
        i_bias = np.where(self.count > 0, self.bias.astype(np.float64), np.nan)

        def part(first: int, last: int) -> Float32:
            found = kernels_sgd.products(vectors, self.by_factor, first, last)
            return np.asarray(self.mean + self.unit * (found + i_bias + u_bias[first:last]), np.float32)

        parts = in_parts(part, len(query), rows=32)
        value = np.concatenate(parts) if parts else np.zeros(query.history.shape, np.float32)
        value[~self.acquainted(query)] = np.nan
        return value

    def score_cells(self, people: Float64, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells, float32 `(m,)`."""
        from recengine.models import kernels_sgd

        found = kernels_sgd.products_at(
            kernel_array(people[:, 1:], np.float64), kernel_array(self.factors, np.float32),
            kernel_array(row, np.int64), kernel_array(item, np.int64),
        )  # fmt: skip
        value = self.mean + self.unit * (people[row, 0] + self.bias[item] + found)
        return np.where(self.acquainted(query)[row] & (self.count[item] > 0), value, np.nan).astype(np.float32)

    def likeness(self, query: Query, item: int) -> Float64:
        """The cosine of q_i and q_j for every movie j of the first query's history, float64; 0 for a vector of 0."""
        rated, asked = self.factors[query.history[0].indices].astype(np.float64), self.factors[item].astype(np.float64)
        norm = np.linalg.norm(rated, axis=1) * np.linalg.norm(asked)
        return np.asarray(rated @ asked / np.where(norm > 0, norm, 1.0), np.float64)

    def stranger(self, fitted: Fitted, query: Query, item: int, stand_in: str) -> Explanation | None:
        """Where there is no opinion on `item` for the first query: why, and what stands in."""
        if self.count[item] and self.acquainted(query)[0]:
            return None
        who = "nobody else rated what this person did" if query.history[0].nnz else "nothing has been rated yet"
        why = who if self.count[item] else "nobody has rated this movie"
        value = float(fitted.fallback(query.rows(0, 1))[0, item])
        return Explanation(value, value, stand_in, (), exact=False, fallback=f"{why}; the {stand_in} stands in")


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedByDescent(Fitted):
    """A rating model: `movies`; `implicit`, y_j, float32 `(n_items, d)`, or no rows for a model without.

    `regularization`: λ of the fold-in. `biases`: the baseline that stands in.
    """

    movies: MovieSide
    implicit: Float32
    regularization: float
    biases: Biases

    def people(self, query: Query) -> Float64:
        """b_u and p_u + |I_u|^−½ Σ y_j from the histories, float64 `(b, 1 + d)` (ridge regression).

        Cost: O(|I_u| d² + d³) a person.
        """
        from recengine.models import kernels_sgd

        movies = self.movies
        indptr, indices, value = kernel_csr(query.history)
        arrays = (
            indptr, indices, kernel_array((value - np.float64(movies.mean)) / movies.unit, np.float64),
            kernel_array(movies.bias, np.float32), kernel_array(movies.factors, np.float32),
            kernel_array(self.implicit, np.float32), float(self.regularization),
        )  # fmt: skip

        def part(first: int, last: int) -> Float64:
            found: Float64 = kernels_sgd.fold_in(*arrays, first, last)
            return found

        parts = in_parts(part, len(query), rows=32)
        return np.concatenate(parts) if parts else np.zeros((0, 1 + movies.factors.shape[1]))

    def score(self, query: Query) -> Float32:
        """μ + s (b_u + b_i + (p_u + |I_u|^−½ Σ y_j)·q_i); NaN for an unknown person or movie."""
        return self.movies.score(self.people(query), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        return self.movies.score_cells(self.people(query), query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """Mean, biases, and what the rated movies nearest to this one add: not exact, the farther ones are left out."""
        query, movies = query.rows(0, 1), self.movies
        if told := movies.stranger(self, query, item, "user and item bias"):
            return told
        person = self.people(query)
        effects = [
            Part("effect", movies.unit * float(person[0, 0]), what="how generous the person is"),
            Part("effect", movies.unit * float(movies.bias[item]), what="how well liked the movie is"),
        ]
        score, share = float(movies.score(person, query)[0, item]), self._shares(query, item)
        return nearest(score, movies.mean, "mean of all ratings", effects, movies, query, item, share)

    def _shares(self, query: Query, item: int) -> Float64:
        """What each rated movie j adds to s (p_u + |I_u|^−½ Σ y_j)·q_i, which is linear in the ratings.

        s times q_i·A⁻¹q_j ((r_uj − μ)/s − b_u − b_j − |I_u|^−½ Σ y·q_j) + |I_u|^−½ y_j·q_i,
        with A = Σ_j q_j q_jᵀ + λ|I_u|^½.
        """
        history, movies = query.history, self.movies
        rated, asked = movies.factors[history.indices].astype(np.float64), movies.factors[item].astype(np.float64)
        implicit = np.zeros_like(rated)
        if len(self.implicit):
            implicit = self.implicit[history.indices] / np.sqrt(history.nnz)
        known = self.people(query)[0, 0] + movies.bias[history.indices] + rated @ implicit.sum(axis=0)
        left = (history.data - movies.mean) / movies.unit - known
        ridge = self.regularization * np.sqrt(history.nnz) * np.eye(len(asked))
        weight = rated @ np.linalg.solve(rated.T @ rated + ridge, asked)
        return np.asarray(movies.unit * (weight * left + implicit @ asked), np.float64)


def nearest(
    score: float, base: float, base_name: str, effects: list[Part], movies: MovieSide, query: Query, item: int,
    share: Float64,
) -> Explanation:  # fmt: skip
    """An explanation by the effects and the rated movies whose vectors are most like the item's, strongest first.

    `share`: what each movie of the history adds. Not exact: only the nearest are named.
    """
    history, likeness = query.history[0], movies.likeness(query, item)
    parts = [
        Part("movie", float(share[at]), index=int(history.indices[at]), similarity=float(likeness[at]),
             rating=float(history.data[at]))
        for at in np.argsort(-likeness, kind="stable")[:_NEAREST]
    ]  # fmt: skip
    parts = sorted([*effects, *parts], key=lambda part: -abs(part.weight))
    return Explanation(score, base, base_name, tuple(parts), exact=False)


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
