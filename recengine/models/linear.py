"""Linear models: one weight for every pair of movies, learned so that each movie is guessed from the others.

    score_ui = Σ_j x_uj · B_ji,   diag(B) = 0

x_uj is 1 where person u rated movie j, however many stars (`positives="liked"`: where u gave at least u's own mean),
and 0 elsewhere. A row of B is a movie that was rated, a column one that may be recommended. The score is no rating:
near 1 it says "surely rated too". Nothing is learned about a person, so a visitor is scored like anybody else, and a
rated movie's share of a score is its weight: explanations are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recengine import memory
from recengine.data.dataset import Bool, Dataset, Float32, Int32, Int64, Query, freeze, freeze_csr
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.centering import Center, center_of, person_mean
from recengine.models.evidence import no_opinion, stand_in
from recengine.models.neighbors import all_people
from recengine.models.similarity import cells_by_row, in_parts, kernel_csr
from recengine.models.sweep import sweep
from recengine.models.weighting import binary

Positives = Literal["all", "liked"]
T = TypeVar("T")

_BLOCK = 1024  # rows of a matrix between two reports of progress, or copied at once
_TOLERANCE = 1e-6  # a weight of SLIM's that moves by less has arrived
_TURNS = 1000  # of SLIM's descent at most
_WEIGHT = 24  # bytes of one of SLIM's weights while all are put in order


class Ease(Recommender):
    """Every movie guessed from all others at once, in closed form.

    Minimises ‖X − XB‖² + λ‖B‖² with diag(B) = 0. With P = (XᵀX + λI)⁻¹: B_ji = −P_ji / P_ii for j ≠ i.
    With `dropout` p, a movie has to be guessed although each rating to guess from is missing by chance p, and those
    left count 1 / (1 − p). On average over all such chances P = (XᵀX + diag(λ + p / (1 − p) · n_i))⁻¹, n_i the people
    who rated i: a movie that many rated is trusted less than its number says, and the others are heard more.
    X, x and the score: see the module. B is dense, so all that anybody rated gets a score from any history. An empty
    history, or an item nobody rated, has no opinion: NaN, and the bias baseline (in data without ratings, the number
    of people) stands in. Cost: Σ_u |I_u|² + n_items³ to fit, |I_u| · n_items a query.
    Memory: 12 n_items² bytes to fit, refused beforehand where they are not free; 4 n_items² stay.
    Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, sections 2 and 3. `dropout`: Steck,
    "Autoencoders that don't overfit towards the Identity", NeurIPS 2020, equations 8 and 9.
    """

    name: ClassVar[str] = "ease"
    title: ClassVar[str] = "EASE"
    family: ClassVar[Family] = "linear"

    regularization: float = Field(560.0, ge=1, le=100_000, description="People's worth of pull of B towards 0, λ")
    dropout: float = Field(
        0.0, ge=0, le=0.95, description="Chance that a rating to guess from is missing while learning"
    )
    positives: Positives = Field("all", description="Ratings that count: all, or from the person's own mean up")

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Count the people whom each pair of movies shares, and invert."""
        require_interactions(train, self.name)
        n = train.n_items
        memory.require(12 * n * n, f"EASE on {n:,} movies", "choose rp3beta, which keeps few weights a movie")
        x, gram = positives_of(all_people(train), self.positives), np.empty((n, n), np.float64)
        shared = common_people(x)

        def fill(first: int, last: int) -> None:
            gram[first:last] = shared(first, last).toarray()

        in_blocks(fill, n, context, "counting common people", share=0.3)
        count = np.diag(gram).copy()
        np.fill_diagonal(gram, count + (self.regularization + self.dropout / (1 - self.dropout) * count))
        sweep(gram, lambda fraction: context.step(0.3 + 0.7 * fraction, "inverting"))
        return FittedEase(
            model=self, scale=train.scale, center=center_of(train, "movie", "none"),
            item_count=train.interactions.item_count, known=freeze(count > 0), weights=freeze(weights_of(gram)),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedEase(Fitted):
    """`weights`: B, float32 `(n_items, n_items)`. `known`: items that count for somebody, bool `(n_items,)`."""

    model: Ease
    center: Center
    item_count: Int64
    known: Bool
    weights: Float32

    def score(self, query: Query) -> Float32:
        """x B; NaN for an item, or a history, of which nothing is known."""
        x = positives_of(query, self.model.positives)
        told = (x @ self.known.astype(np.float32)) > 0
        return np.where(told[:, None] & self.known, x @ self.weights, np.float32(np.nan))

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The weights from each history to the items asked for, added up."""
        return cells_of(positives_of(query, self.model.positives), row, item, self._sums)

    def _sums(self, rated: Int32, item: Int32) -> NDArray[Any]:
        total = self.weights[np.ix_(rated, item)].sum(axis=0, dtype=np.float64)
        return np.where(self.known[rated].any() & self.known[item], total, np.nan)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline, or the number of people in data without ratings."""
        return stand_in(self.center, self.item_count, query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The rated movies, each with its weight to the item: exact."""
        query = query.rows(0, 1)
        rated = positives_of(query, self.model.positives).indices
        if self.known[item] and self.known[rated].any():
            return explain_weights(rated, self.weights[rated, item])
        why = "nobody is known to have watched what was rated" if self.known[item] else "nobody has rated this movie"
        return no_opinion(self, self.center, query, item, why if query.history.nnz else "nothing has been rated yet")


class Slim(Recommender):
    """Every movie guessed from a few others, with weights that are positive or nothing.

    Column b of B, for movie i, minimises ½‖x_i − Xb‖² + l2/2 ‖b‖² + l1 ‖b‖₁ over b ≥ 0 with b_i = 0 (x_i: column i
    of X, see the module), by coordinate descent, every movie by itself on all cores. l1 makes B sparse, l2
    spreads a weight over movies that the same people rate. An item to which nothing rated has a weight has no
    opinion: NaN, and the bias baseline (in data without ratings, the number of people) stands in.
    Cost: for each movie a few passes over the ratings, and some hundred over those of the movies with a weight; weights
    kept times |I_u| a query. Memory: O(m) and 24 bytes a weight to fit, refused as soon as it shows that they are not
    free; 8 stay.
    Source: Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011, equation 4.
    Friedman, Hastie and Tibshirani, JSS 33(1), 2010, sections 2.1 and 2.6: naive updates, active sets.
    Differs from the paper: only movies with more than l1 people in common are looked at; no other can get a weight.
    """

    name: ClassVar[str] = "slim"
    title: ClassVar[str] = "SLIM"
    family: ClassVar[Family] = "linear"
    revision: ClassVar[int] = 2

    l1: float = Field(2.0, ge=0, le=1000, description="People's worth of doubt before a weight is above 0")
    l2: float = Field(400.0, ge=1, le=100_000, description="People's worth of pull of a weight towards 0")
    positives: Positives = Field("all", description="Ratings that count: all, or from the person's own mean up")

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Descend movie by movie."""
        from recengine.models import kernels_slim  # compiled code: imported when first needed

        require_interactions(train, self.name)
        x = positives_of(all_people(train), self.positives)
        arrays = (*kernel_csr(x)[:2], *kernel_csr(sp.csr_matrix(x.T))[:2], float(self.l1), float(self.l2))

        def part(first: int, last: int) -> tuple[NDArray[Any], ...]:
            return kernels_slim.slim_columns(*arrays, _TOLERANCE, _TURNS, first, last)  # type: ignore[no-any-return]

        def watch(done: list[tuple[NDArray[Any], ...]], rows: int) -> None:
            # How many weights there will be nobody knows, but the first thousand movies are like the rest.
            wanted = _WEIGHT * sum(len(index) for _, index, _ in done) * train.n_items // rows
            memory.require(wanted, f"SLIM on {train.n_items:,} movies", "raise l1, or choose rp3beta")

        parts = in_blocks(part, train.n_items, context, "learning weights", watch=watch)
        length, index, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        return fitted_sparse(self, train, self.positives, length, index, weight)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSparse(Fitted):
    """`weights`: B, all above 0 where stored, csr float32 `(n_items, n_items)`."""

    center: Center
    item_count: Int64
    positives: Positives
    weights: sp.csr_matrix

    def score(self, query: Query) -> Float32:
        """x B; NaN where nothing rated has a weight to the item."""
        x, item = positives_of(query, self.positives), np.arange(query.history.shape[1])
        rows = [self._sums(x.indices[x.indptr[r] : x.indptr[r + 1]], item) for r in range(len(query))]
        return np.array(rows, np.float32).reshape(query.history.shape)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for the rows asked for."""
        return cells_of(positives_of(query, self.positives), row, item, self._sums)

    def _sums(self, rated: Int32, item: NDArray[Any]) -> NDArray[Any]:
        some = self.weights[rated]
        total = np.bincount(some.indices, some.data, self.weights.shape[1])[item]
        return np.where(total > 0, total, np.nan)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline, or the number of people in data without ratings."""
        return stand_in(self.center, self.item_count, query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The rated movies, each with its weight to the item: exact."""
        query = query.rows(0, 1)
        rated = positives_of(query, self.positives).indices
        weight = self.weights[rated][:, [item]].toarray()[:, 0]
        if weight.any():
            return explain_weights(rated, weight)
        why = "nothing that was rated leads to this movie" if query.history.nnz else "nothing has been rated yet"
        return no_opinion(self, self.center, query, item, why)


def positives_of(query: Query, positives: Positives) -> sp.csr_matrix:
    """x: 1 for every rating that counts, csr float32 `(b, n_items)`.

    "liked" counts a rating not below the mean of the person's ratings: without ratings, and for a person who gives
    everything the same, all of them.
    """
    history = query.history
    if positives == "all":
        return binary(history)
    keep = history.data > person_mean(query) - 1e-3  # a mean is rounded
    start = np.concatenate([[0], np.cumsum(keep)])[history.indptr]
    return binary(sp.csr_matrix((history.data[keep], history.indices[keep], start), history.shape))


def common_people(x: sp.csr_matrix) -> Callable[[int, int], sp.csr_matrix]:
    """G = XᵀX by blocks of rows, csr float32: how many people each two movies share, for x of zeros and ones."""
    by_item = sp.csr_matrix(x.T)
    return lambda first, last: sp.csr_matrix(by_item[first:last] @ x)


def in_blocks(
    work: Callable[[int, int], T], n: int, context: Context, message: str, *,
    share: float = 1.0, watch: Callable[[list[T], int], None] | None = None,
) -> list[T]:  # fmt: skip
    """`in_parts`, with a report of progress every thousand rows; `share`: how much of a fit this is.

    `watch(done, rows)` sees what is done after every block, and may raise.
    """
    done: list[T] = []
    for start in range(0, n, _BLOCK):
        context.step(share * start / n, message)

        def shifted(first: int, last: int, start: int = start) -> T:
            return work(start + first, start + last)

        done += in_parts(shifted, min(_BLOCK, n - start), rows=32)
        if watch:
            watch(done, min(start + _BLOCK, n))
    return done


def weights_of(swept: NDArray[np.float64]) -> Float32:
    """B_ji = −P_ji / P_ii off the diagonal, from the upper triangle of −P."""
    n = len(swept)
    weights = np.empty((n, n), np.float32)
    for first in range(0, n, _BLOCK):
        own, rest = slice(first, first + _BLOCK), slice(first + _BLOCK, n)
        weights[own, own] = np.triu(swept[own, own]) + np.triu(swept[own, own], 1).T
        weights[own, rest] = swept[own, rest]
        weights[rest, own] = swept[own, rest].T
    weights /= -np.diag(swept).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def fitted_sparse(
    model: Recommender, train: Dataset, positives: Positives, length: Int64, index: Int32, weight: Float32
) -> FittedSparse:
    """A model of the weights that lead to each movie: column i of B has `length[i]` of them, from rows `index`."""
    start = np.concatenate([[0], np.cumsum(length)])
    weights = sp.csr_matrix(sp.csc_matrix((weight, index, start), (train.n_items, train.n_items)))
    return FittedSparse(
        model=model, scale=train.scale, center=center_of(train, "movie", "none"),
        item_count=train.interactions.item_count, positives=positives, weights=freeze_csr(weights),
    )  # fmt: skip


def cells_of(x: sp.csr_matrix, row: Int64, item: Int64, sums: Callable[[Int32, Int32], NDArray[Any]]) -> Float32:
    """Scores of chosen cells, float32 `(m,)`; `sums(rated, item)` gives those of one history."""
    order, start, items = cells_by_row(row, item, x.shape[0])
    value = np.empty(len(order), np.float32)
    for r in np.flatnonzero(np.diff(start)):
        own = slice(start[r], start[r + 1])
        value[order[own]] = sums(x.indices[x.indptr[r] : x.indptr[r + 1]], items[own])
    return value


def explain_weights(
    rated: Int32, weight: NDArray[Any], base: float = 0.0, base_name: str = "no evidence"
) -> Explanation:
    """A base and a sum of weights, split by the rated movie that each comes from, strongest first."""
    parts = [Part("movie", float(w), index=int(j)) for j, w in zip(rated, weight, strict=True) if w != 0]
    parts.sort(key=lambda part: -abs(part.weight))
    return Explanation(base + sum(part.weight for part in parts), base, base_name, tuple(parts), exact=True)
