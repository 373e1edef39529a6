"""Kernel ridge regression from people to what they watched: the autoencoder whose width has grown without end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine import memory
from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze, freeze_csr
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.factors import Movies
from recengine.models.linear import explain_weights, in_blocks
from recengine.models.similarity import Float64, in_parts, row_norms, rows_of
from recengine.models.sweep import sweep
from recengine.models.weighting import binary

_STRANGER = 1 / np.pi  # k(0)
_BLOCK = 1024  # rows copied at once


class InfiniteAE(Recommender):
    """What those watched who watched the same, weighed as an infinitely wide autoencoder would.

    score_u = Σ_v k(x̂_u·x̂_v) α_v,   α = (K + λI)⁻¹ A,   k(c) = (2c (π − arccos c) + √(1 − c²)) / π

    A is 1 where a person rated a movie, α_v a row of α for every person of the training data, K the matrix of all k.
    x_u is u's row of A times √ln(n_users / n_i), n_i the people who rated i, so that what everybody watched makes
    nobody alike; x̂_u is x_u at length 1. k is the neural tangent kernel of one hidden layer of ReLUs: learning by
    gradient descent, an autoencoder of that shape ends, the wider the closer, where this sum stands at once. The score
    is no rating: near 1 it says "surely rated too". A visitor's x̂ is made from the query, so whoever asks takes the
    same path. An empty history, or an item nobody rated, has no opinion: NaN, and the number of ratings stands in.
    Cost: n_users³ + n_users · m to fit, n_users · n_items a query. Memory: 8 n_users² + 8 n_users n_items bytes to
    fit, refused beforehand where they are not free; 8 n_users n_items stay.
    Source: Sachdeva, Dhaliwal, Wu and McAuley, "Infinite Recommendation Networks: A Data-Centric Approach", NeurIPS
    2022 (∞-AE). k: Jacot, Gabriel and Hongler, NeurIPS 2018; its two terms: Cho and Saul, NIPS 2009.
    Differs from the paper: movies are weighted by √idf; the authors' layers have biases, and their λ is in units of K's
    mean diagonal.
    """

    name: ClassVar[str] = "infinite-ae"
    title: ClassVar[str] = "Infinitely wide autoencoder"
    family: ClassVar[Family] = "linear"

    regularization: float = Field(4.0, ge=0.01, le=10_000, description="Pull of α towards 0, λ; k itself is at most 2")

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Compare all people, and invert."""
        require_interactions(train, self.name)
        n, m, matrix = train.n_users, train.n_items, train.interactions.matrix
        what = f"infinite-ae on {n:,} people and {m:,} movies"
        memory.require(8 * n * (n + m), what, "choose ease or ials, which do not compare all people with all")
        count = train.interactions.item_count
        weight = freeze(np.sqrt(np.log(n / np.where(count > 0, count, n))))
        people, kernel = unit_rows(matrix, weight), np.empty((n, n))

        def compare(first: int, last: int) -> None:
            kernel[first:last] = likeness(people[first:last], people)

        in_blocks(compare, n, context, "comparing people", share=0.1)
        np.fill_diagonal(kernel, np.diag(kernel) + self.regularization)
        sweep(kernel, lambda fraction: context.step(0.1 + 0.8 * fraction, "inverting"))
        mirror(kernel)  # now −(K + λI)⁻¹, whole
        watched = -sp.csr_matrix(binary(matrix).T, dtype=np.float64)

        def solve(first: int, last: int) -> Float32:
            return np.asarray(watched[first:last] @ kernel, np.float32)

        alpha = np.concatenate(in_blocks(solve, m, context.part(0.9, 0.1), "weighing people"))
        return FittedInfiniteAE(
            model=self, scale=train.scale, movies=Movies(freeze(alpha), count), weight=weight, people=people
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedInfiniteAE(Fitted):
    """`movies`: α by movie, as if people were factors, float32 `(n_items, n_users)`. `weight`: √ln(n_users / n_i).

    `people`: x̂, csr float64 `(n_users, n_items)`.
    """

    movies: Movies
    weight: Float64
    people: sp.csr_matrix

    def likeness(self, query: Query) -> Float64:
        """k between each query and everybody, float64 `(b, n_users)`."""
        asked = unit_rows(query.history, self.weight)
        parts = in_parts(lambda first, last: likeness(asked[first:last], self.people), len(query), rows=64)
        return np.concatenate(parts) if parts else np.zeros((0, self.people.shape[0]))

    def score(self, query: Query) -> Float32:
        """k α; NaN for an unknown person or movie."""
        return self.movies.opinions(self.movies.products(self.likeness(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        return self.movies.opinions_at(self.movies.products_at(self.likeness(query), row, item), query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return self.movies.counts(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What k(0) gives everybody, and each rated movie's share of the rest: exact.

        c = Σ_j x̂_uj x̂_vj, so of what person v adds beyond k(0), α_vi (k(c) − k(0)), movie j has earned x̂_uj x̂_vj / c.
        """
        query = query.rows(0, 1)
        stranger = self.movies.stranger(self, query, item, "number of ratings")
        if stranger:
            return stranger
        own, alpha = unit_rows(query.history, self.weight), self.movies.factors[item].astype(np.float64)
        alike, common = self.likeness(query)[0] - _STRANGER, cosines(own, self.people)[0]
        slope = np.divide(alpha * alike, common, out=np.zeros_like(common), where=common > 0)
        weight = own.data * (self.people.T @ slope)[own.indices]
        return explain_weights(own.indices, weight, _STRANGER * float(alpha.sum()), "nothing in common with anybody")


def mirror(matrix: Float64) -> None:
    """Copy the upper triangle below the diagonal, in place and block by block."""
    for first in range(0, len(matrix), _BLOCK):
        own, rest = slice(first, first + _BLOCK), slice(first + _BLOCK, None)
        matrix[own, own] = np.triu(matrix[own, own]) + np.triu(matrix[own, own], 1).T
        matrix[rest, own] = matrix[own, rest].T


def unit_rows(rows: sp.csr_matrix, weight: Float64) -> sp.csr_matrix:
    """x̂: who watched what, movies weighted, at length 1, csr float64; an empty row stays empty."""
    x = sp.csr_matrix((weight[rows.indices], rows.indices, rows.indptr), rows.shape)
    length = row_norms(x)[rows_of(x)]
    return freeze_csr(sp.csr_matrix((x.data / np.where(length > 0, length, 1), x.indices, x.indptr), x.shape))


def cosines(left: sp.csr_matrix, right: sp.csr_matrix) -> Float64:
    """c of every pair of rows, float64 `(b, n)`; a row's bits do not depend on its company."""
    return np.asarray(np.clip((left @ right.T).toarray(), 0, 1), np.float64)


def likeness(left: sp.csr_matrix, right: sp.csr_matrix) -> Float64:
    """k of every pair of rows, float64 `(b, n)`: from 1 / π for nothing in common to 2 for the same."""
    c = cosines(left, right)
    return np.asarray((2 * c * (np.pi - np.arccos(c)) + np.sqrt(1 - c * c)) / np.pi, np.float64)
