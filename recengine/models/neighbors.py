"""Neighborhood models: `UserKNN` finds people like the person, `ItemKNN` movies like those the person rated.

Both predict a weighted average over the neighbors that *have* a rating; missing is not zero:

    r̂_ui = c_ui + z_ui · Σ_n s_n · d_n / (Σ_n s_n + damping),    d_n = (r_n − c_n) / z_n

over the k most similar neighbors n with a rating: people v who rated i, or movies j that u rated. The center c
is 0, the mean of the row (the person's for `UserKNN`, the movie's for `ItemKNN`) or the baseline b_ui; z is the
row's standard deviation for "z-score" and 1 otherwise. `aggregation="sum"` scores by Σ_n s_n · r_n instead, "votes" by
Σ_n s_n: they gather evidence, rank better than predicted ratings do (`ranking` holds the hyperparameters for it, where
a small neighborhood and a large k let the number of neighbors count), and are the only sense that a neighborhood makes
of data without ratings. `weighting` (`weighting.Weights`) says what a rating counts when people or movies are compared:
it weighs what the measure has left of it, with each person as a document and the movies as terms for `UserKNN`, the
other way round for `ItemKNN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze, freeze_csr
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.centering import Center, Centering, center_of, movie_mean, person_mean
from recengine.models.evidence import Aggregation, added, cells_of, explain_of, no_opinion, score_of, stand_in
from recengine.models.similarity import (
    Float64,
    Measure,
    Neighbors,
    cells_by_row,
    in_parts,
    kernel_array,
    kernel_csr,
    nearest,
    prepare,
    row_norms,
)
from recengine.models.weighting import Weighting, Weights


class UserKNN(Recommender):
    """What people with similar ratings thought of it.

    Formula: see the module; the neighbors are the k people most similar to u among those who rated i.
    Similarities are worked out when asked, from the query's history, so a visitor is answered like a stored
    person, who is never their own neighbor. An empty history, or an item that no neighbor rated, has no opinion:
    NaN, and the bias baseline stands in. Cost: O(m) to fit; a query costs the co-ratings of its history and
    the ratings of its neighbors. Memory: O(m).
    Source: Resnick et al., CSCW 1994; Herlocker et al., SIGIR 1999.
    Differs from the paper: only positive similarities count; the baseline may replace the mean (Koren 2010).
    """

    name: ClassVar[str] = "user-knn"
    title: ClassVar[str] = "User-based neighbors"
    family: ClassVar[Family] = "neighbors"
    # Chosen inside the training part of ua (benchmarks/tune.py). k caps what popularity alone can gather.
    ranking: ClassVar[Mapping[str, Any]] = {
        "similarity": "cosine", "weighting": "tf-idf", "centering": "none", "aggregation": "votes",
        "shrinkage": 0.0, "neighborhood": 200, "k": 60,
    }  # fmt: skip

    k: int = Field(40, ge=1, le=500, description="Most similar people averaged for one prediction")
    similarity: Measure = Field("pearson-baseline", description="How two people's ratings are compared")
    centering: Centering = Field("baseline", description="What is taken off a rating before averaging")
    shrinkage: float = Field(400.0, ge=0, le=1000, description="Shared movies at which a similarity is halved")
    min_support: int = Field(1, ge=1, le=100, description="Fewest shared movies for a similarity to count")
    damping: float = Field(0.1, ge=0, le=100, description="Pull of a prediction back to its center")
    neighborhood: int = Field(1000, ge=1, le=10_000, description="Most similar people considered at all")
    aggregation: Aggregation = Field("average", description="Average predicts ratings, sum and votes rank by evidence")
    weighting: Weighting = Field("rating", description="What a rating counts when people are compared, for cosine")

    @property
    def traits(self) -> Traits:
        """Evidence added up is no rating."""
        return Traits(ratings=self.aggregation == "average", personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Center the ratings and lay them out by movie; the similarities wait for the query."""
        check_data(self, train)
        context.step(0.0, "centering ratings")
        center, everyone = center_of(train, "person", self.centering), all_people(train)
        prepared = prepare(everyone, self.similarity, movie_mean(center, everyone), center.biases)
        weights = Weights.of(self.weighting, prepared)
        weighed = weights(prepared)
        return FittedUserKNN(
            model=self, scale=train.scale, center=center, weights=weights, ratings=everyone.history,
            added=freeze(added(self.aggregation, center, everyone)),
            by_item=freeze_csr(sp.csr_matrix(weighed.T)), norm=row_norms(weighed),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedUserKNN(Fitted):
    """`ratings`, `added`: r of the training data and what each adds, by person; `by_item`: prepared for similarity."""

    model: UserKNN
    center: Center
    weights: Weights
    ratings: sp.csr_matrix
    added: Float32
    by_item: sp.csr_matrix
    norm: Float64

    @cached_property
    def carried(self) -> sp.csr_matrix:
        """What a neighbor's rating adds, by person, csr float32."""
        return sp.csr_matrix((self.added, self.ratings.indices, self.ratings.indptr), self.ratings.shape)

    @cached_property
    def carried_by_item(self) -> sp.csr_matrix:
        """The same by movie."""
        return freeze_csr(sp.csr_matrix(self.carried.T))

    def neighbors(self, query: Query) -> Neighbors:
        """The people most similar to each query, best first, never the person themself."""
        model = self.model
        left = prepare(query, model.similarity, movie_mean(self.center, query), self.center.biases)
        return nearest(
            self.weights(left), self.by_item, self.norm, np.diff(self.ratings.indptr), model.similarity, own=query.user,
            keep=model.neighborhood, min_support=model.min_support, shrinkage=model.shrinkage,
        )  # fmt: skip

    def score(self, query: Query) -> Float32:
        """r̂ of the module's formula, or its Σ; NaN where no neighbor rated the item."""
        return over_people(
            self.neighbors(query), self.carried, self.center, query, self.model.k, self.model.damping,
            average=self.model.traits.ratings,
        )  # fmt: skip

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """As `score`, looking only at those who rated the items asked for."""
        return cells_over_people(
            self.neighbors(query), self.carried_by_item, self.center, query, row, item, self.model.k,
            self.model.damping, average=self.model.traits.ratings,
        )  # fmt: skip

    def fallback(self, query: Query) -> Float32:
        """The bias baseline, or the number of ratings in data without ratings."""
        return stand_in(self.center, np.diff(self.by_item.indptr), query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The neighbors who rated the item, each with what it adds: exact."""
        query = query.rows(0, 1)
        person, similarity = self.neighbors(query).row(0)
        column = self.ratings[person][:, [item]].tocoo()
        has = np.sort(column.row)[: self.model.k]
        if len(has) == 0:
            why = "no similar person has rated this movie" if len(person) else "nobody similar was found"
            return no_opinion(self, self.center, query, item, why)
        cell = np.array([self._cell(int(v), item) for v in person[has]])
        return explain_of(
            "person", person[has], similarity[has], self.ratings.data[cell], self.added[cell],
            self.center, query, item, self.model.damping, average=self.model.traits.ratings,
        )  # fmt: skip

    def _cell(self, person: int, item: int) -> int:
        """Where a person's rating of an item is stored."""
        first, last = self.ratings.indptr[person], self.ratings.indptr[person + 1]
        return int(first + np.searchsorted(self.ratings.indices[first:last], item))


def over_people(
    near: Neighbors, carried: sp.csr_matrix, center: Center, query: Query, k: int, damping: float, *, average: bool
) -> Float32:
    """What the k nearest people who rated each movie say of it, float32 `(b, n_items)`; NaN where nobody did.

    `near`: people similar to each query. `carried`: what each person's rating adds, csr `(n_users, n_items)`.
    """
    from recengine.models import kernels_neighbors as kernels

    arrays = (near.start, near.index, near.similarity, *kernel_csr(carried))

    def part(first: int, last: int) -> NDArray[Any]:
        return kernels.over_people(  # type: ignore[no-any-return]
            *arrays, k, float(damping), average, first, last, carried.shape[1]
        )

    return score_of(in_parts(part, len(query), rows=32), center, query, average=average)


def cells_over_people(
    near: Neighbors, by_item: sp.csr_matrix, center: Center, query: Query, row: Int64, item: Int64, k: int,
    damping: float, *, average: bool,
) -> Float32:  # fmt: skip
    """As `over_people` for chosen cells, float32 `(m,)`, looking only at those who rated the movies asked for.

    `by_item`: what each person's rating adds, csr `(n_items, n_users)`.
    """
    from recengine.models import kernels_neighbors as kernels

    order, start, items = cells_by_row(row, item, len(query))
    arrays = (near.start, near.index, near.similarity, *kernel_csr(by_item), start, items)

    def part(first: int, last: int) -> NDArray[Any]:
        return kernels.pairs_over_people(*arrays, k, float(damping), average, first, last)  # type: ignore[no-any-return]

    return cells_of(in_parts(part, len(query), rows=32), order, center, query, row, item, average=average)


class ItemKNN(Recommender):
    """How the person rated the movies most similar to it.

    Formula: see the module; the neighbors are the k movies most similar to i among those that u rated. The
    similarities between movies are worked out once, and each movie keeps its `neighborhood` nearest, so memory is
    O(n_items · neighborhood) and never n_items². A visitor is answered from the ratings in the query. An empty
    history, or an item like none of those rated, has no opinion: NaN, and the bias baseline stands in.
    Cost: Σ_u |I_u|² to fit, |I_u| · neighborhood a query.
    Source: Sarwar et al., WWW 2001; Koren, TKDD 2010, section 2.2 (Pearson on baseline residuals, shrunk).
    Differs from the paper: only positive similarities count; the pull to the center is this model's `damping`.
    """

    name: ClassVar[str] = "item-knn"
    title: ClassVar[str] = "Item-based neighbors"
    family: ClassVar[Family] = "neighbors"
    # Chosen inside the training part of ua (benchmarks/tune.py). k is no limit: all of the neighborhood speaks. "votes"
    # does as well there, but with "sum" a visitor's stars count.
    ranking: ClassVar[Mapping[str, Any]] = {
        "similarity": "cosine", "weighting": "tf-idf", "centering": "none", "aggregation": "sum",
        "shrinkage": 10.0, "neighborhood": 200, "k": 200,
    }  # fmt: skip

    k: int = Field(40, ge=1, le=500, description="Most similar rated movies averaged for one prediction")
    similarity: Measure = Field("adjusted-cosine", description="How two movies' ratings are compared")
    centering: Centering = Field("baseline", description="What is taken off a rating before averaging")
    shrinkage: float = Field(400.0, ge=0, le=1000, description="Shared people at which a similarity is halved")
    min_support: int = Field(1, ge=1, le=100, description="Fewest shared people for a similarity to count")
    damping: float = Field(0.1, ge=0, le=100, description="Pull of a prediction back to its center")
    neighborhood: int = Field(500, ge=1, le=10_000, description="Most similar movies kept for each movie")
    aggregation: Aggregation = Field("average", description="Average predicts ratings, sum and votes rank by evidence")
    weighting: Weighting = Field("rating", description="What a rating counts when movies are compared, for cosine")

    @property
    def traits(self) -> Traits:
        """Evidence added up is no rating."""
        return Traits(ratings=self.aggregation == "average", personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Center the ratings and find every movie's neighbors."""
        check_data(self, train)
        context.step(0.0, "centering ratings")
        center, everyone = center_of(train, "movie", self.centering), all_people(train)
        prepared = prepare(everyone, self.similarity, person_mean(everyone), center.biases)
        by_item = sp.csr_matrix(prepared.T)
        by_item = freeze_csr(Weights.of(self.weighting, by_item)(by_item))
        context.step(0.2, "comparing movies")
        near = nearest(
            by_item, sp.csr_matrix(by_item.T), row_norms(by_item), np.diff(by_item.indptr), self.similarity,
            own=np.arange(train.n_items, dtype=np.int32),
            keep=self.neighborhood, min_support=self.min_support, shrinkage=self.shrinkage,
        )  # fmt: skip
        context.step(1.0, "done")
        return FittedItemKNN(
            model=self, scale=train.scale, center=center, neighbors=near,
            item_count=train.interactions.item_count,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedItemKNN(Fitted):
    """`neighbors`: the nearest movies of every movie. `item_count`: ratings a movie, int64 `(n_items,)`."""

    model: ItemKNN
    center: Center
    neighbors: Neighbors
    item_count: Int64

    def score(self, query: Query) -> Float32:
        """r̂ of the module's formula, or its Σ; NaN where no rated movie is a neighbor."""
        from recengine.models import kernels_neighbors as kernels

        indptr, indices, _ = kernel_csr(query.history)
        model, average, near = self.model, self.model.traits.ratings, self.neighbors
        values = kernel_array(added(model.aggregation, self.center, query), np.float32)
        arrays = (indptr, indices, values, near.start, near.index, near.similarity, *kernel_csr(near.holders))

        def part(first: int, last: int) -> NDArray[Any]:
            return kernels.over_movies(  # type: ignore[no-any-return]
                *arrays, model.k, float(model.damping), average, first, last
            )

        return score_of(in_parts(part, len(query), rows=32), self.center, query, average=average)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """As `score`, reading each item's list from the top until k rated movies are found."""
        from recengine.models import kernels_neighbors as kernels

        order, start, items = cells_by_row(row, item, len(query))
        indptr, indices, _ = kernel_csr(query.history)
        model, average, near = self.model, self.model.traits.ratings, self.neighbors
        values = kernel_array(added(model.aggregation, self.center, query), np.float32)
        arrays = (indptr, indices, values, near.start, near.index, near.similarity, start, items)

        def part(first: int, last: int) -> NDArray[Any]:
            return kernels.pairs_over_movies(  # type: ignore[no-any-return]
                *arrays, model.k, float(model.damping), average, first, last
            )

        return cells_of(in_parts(part, len(query), rows=32), order, self.center, query, row, item, average=average)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline, or the number of ratings in data without ratings."""
        return stand_in(self.center, self.item_count, query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The rated movies that are neighbors of the item, each with what it adds: exact."""
        query = query.rows(0, 1)
        near, similarity = self.neighbors.row(item)
        rated = np.flatnonzero(np.isin(near, query.history.indices))[: self.model.k]
        if len(rated) == 0:
            why = "no rated movie is similar to it" if query.history.nnz else "nothing has been rated yet"
            return no_opinion(self, self.center, query, item, why)
        cell = np.searchsorted(query.history.indices, near[rated])
        return explain_of(
            "movie", near[rated], similarity[rated], query.history.data[cell],
            added(self.model.aggregation, self.center, query)[cell],
            self.center, query, item, self.model.damping, average=self.model.traits.ratings,
        )  # fmt: skip


def check_data(model: UserKNN | ItemKNN, train: Dataset) -> None:
    """Refuse, in one sentence, what these data cannot give."""
    require_interactions(train, model.name)
    suits = model.centering == "none" and model.similarity in ("cosine", "jaccard") and not model.traits.ratings
    if not train.explicit and not suits:
        raise ModelError(
            f"{train.name} holds no ratings, only who met what, so {model.name} can compare but not average: set "
            "similarity=cosine (or jaccard), centering=none and aggregation=sum."
        )


def all_people(train: Dataset) -> Query:
    """Everyone in the data as one query, without their sequences."""
    user = np.arange(train.n_users, dtype=np.int32)
    return Query(user, train.interactions.matrix, np.full((train.n_users, 0), -1, np.int32))
