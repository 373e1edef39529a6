"""`FeatureCombination`: who watched what, as further features of a content model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze_csr
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.content import Content
from recengine.models.factors import truncated_svd
from recengine.models.hybrid import children
from recengine.models.similarity import Float64
from recengine.models.weighting import binary
from recengine.registry import Child

GROUP = "watched together with"

_DIRECTIONS = 20  # of the decomposition in which movies are clustered
_END = 0.1  # share of the movies at either end of a factor
_ONE_MOVIE = 1 + 1e-9  # singular value of what says no more than one movie by itself
_NAMED = 2  # movies that a feature is named after
_MOST = 100  # iterations of k-means
_SAME = 1e-9  # what rounding leaves between two that are alike


class FeatureCombination(Recommender):
    """A content model that is told, beside genres and the like, which movies the same people watch.

    X holds 1 where a person rated a movie, each movie's column scaled to length 1; X = U S Vᵀ, truncated.
    features=clusters: movies are clustered by k-means in 20 such directions, each movie's row of V S at length 1 and
    weighing as much as it has ratings, into at most `groups`; a cluster is a feature of its members. features=factors:
    each of the first `groups` columns of V is two features, of the tenth of the movies at its high end and of the tenth
    at its low end. Directions that say no more than a single movie (s ≤ 1) are left out. A feature is named after its
    most rated movies: "watched together with: Star Wars, Return of the Jedi". The features are appended to the movies'
    own with value `weight`, and `content` is fitted to all: it answers, falls back and explains, for unknown people
    too. A movie nobody rated has none of the new features, so its content alone speaks. Nothing is drawn.
    Cost: a truncated SVD, O(n_items · groups) an iteration of k-means, and the child's.
    Source: Burke, "Hybrid Recommender Systems" (UMUAI 2002), section 3.4; Basu, Hirsh and Cohen, "Recommendation as
    Classification" (AAAI 1998), whose features are the people who like a movie.
    Differs from the paper: people are condensed to clusters or factors, which a content model can weigh and name; who
    rated a movie counts, not who liked it, which ranked better inside the training part of ua.
    """

    name: ClassVar[str] = "feature-combination"
    title: ClassVar[str] = "Feature combination"
    family: ClassVar[Family] = "hybrids"

    content: Child = Field(Content(), description="The content model that is told more")
    features: Literal["clusters", "factors"] = Field("factors", description="What is made of who watched what")
    groups: int = Field(20, ge=1, le=500, description="Clusters of movies, or factors with two ends each")
    weight: float = Field(
        1.0, ge=1, le=10, description="Weight of these features, where the content model weighs features"
    )

    @property
    def traits(self) -> Traits:
        """What the child can do."""
        own = self.content.traits
        return children.traits((self.content,), ratings=own.ratings, kept=True, exact=own.exact)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Find what is watched together, and fit the child to the features with that in them."""
        require_interactions(train, self.name)
        if not self.content.traits.features:
            raise ModelError(
                f"{self.content.name} does not look at what movies are, so {self.name} can tell it nothing: choose a "
                "content model, such as content or content-tree."
            )
        context.step(0.0, "comparing audiences")
        members = self.members(train)
        told = freeze_csr(sp.csr_matrix(sp.hstack([train.features, self.weight * members]), dtype=np.float32))
        names = (*train.feature_names, *self.names(train, members))
        enriched = dataclasses.replace(train, features=told, feature_names=names)
        child = context.part(0.5, 0.5, f"{self.content.title}: ").fit(self.content, enriched)
        context.step(1.0, "done")
        return FittedFeatureCombination(model=self, scale=train.scale, notes=child.notes, child=child)

    def members(self, train: Dataset) -> sp.csr_matrix:
        """Which movies have which collaborative feature, csr float32 of ones, `(n_items, ≤ 2 · groups)`."""
        count = train.interactions.item_count
        rated = np.flatnonzero(count)
        watched = binary(train.interactions.matrix)[:, rated]
        watched = sp.csr_matrix(watched @ sp.diags_array(1 / np.sqrt(count[rated])))
        _, s, v = truncated_svd(watched, self.groups if self.features == "factors" else _DIRECTIONS, 0)
        told = s > _ONE_MOVIE
        if self.features == "factors":
            found = ends(v[:, told], rated, train.n_items)
        else:
            found = grouped((v * s)[:, told], rated, count, self.groups)
        return sp.csr_matrix(found[:, found.getnnz(axis=0) > 0], dtype=np.float32)

    def names(self, train: Dataset, members: sp.csr_matrix) -> tuple[str, ...]:
        """Each feature named after its most rated movies."""
        columns, count = sp.csc_matrix(members), train.interactions.item_count
        columns.sort_indices()
        named = []
        for first, last in zip(columns.indptr, columns.indptr[1:], strict=False):
            movies = columns.indices[first:last]
            best = movies[np.argsort(-count[movies], kind="stable")[:_NAMED]]
            named.append(f"{GROUP}: {', '.join(str(title) for title in train.movies['title'].iloc[best])}")
        return tuple(named)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedFeatureCombination(Fitted):
    """`child`: the content model, which holds the features; it answers."""

    child: Fitted

    def score(self, query: Query) -> Float32:
        """The child's scores."""
        return self.child.score(query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The child's scores of chosen cells."""
        return self.child.score_cells(query, row, item)

    def fallback(self, query: Query) -> Float32:
        """What stands in for the child."""
        return self.child.fallback(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The child's reasons; the collaborative features among them begin with `GROUP`."""
        return self.child.explain(query, item)


def unit(rows: Float64) -> Float64:
    """Rows of length 1; one of length 0 stays."""
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows / np.where(length > 0, length, 1.0)


def clusters(vectors: Float64, weight: Float64, k: int) -> Int64:
    """The cluster of each vector of length 1, int64 `(n,)`, by spherical k-means; fewer than `k` if points coincide.

    A center is the weighted sum of its cluster at length 1, and a vector belongs to the center with the largest cosine.
    The first center is the heaviest vector, each next one the vector of largest weight · (1 − cosine to the nearest).
    Cost: O(n k d) an iteration. Source: Dhillon and Modha, "Concept Decompositions for Large Sparse Text Data Using
    Clustering" (Machine Learning 2001); the start is k-means++ of Arthur and Vassilvitskii (SODA 2007) without a draw.
    """
    if len(vectors) == 0:
        return np.zeros(0, np.int64)
    chosen = [int(np.argmax(weight))]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < k:
        far = weight * (1 - nearest)
        farthest = int(np.argmax(far))
        if far[farthest] <= _SAME * weight[farthest]:
            break
        chosen.append(farthest)
        nearest = np.maximum(nearest, vectors @ vectors[farthest])
    centers, of = vectors[chosen], np.full(len(vectors), -1)
    for _ in range(_MOST):
        moved = np.argmax(vectors @ centers.T, axis=1)
        if (moved == of).all():
            break
        of = moved
        total = sp.csr_matrix((weight, (of, np.arange(len(of)))), (len(centers), len(of))) @ vectors
        centers = np.where((total != 0).any(axis=1, keepdims=True), unit(total), centers)
    return of


def grouped(rows: Float64, movie: Int64, count: Int64, k: int) -> sp.csr_matrix:
    """Clusters of movies, a column each; `rows` float64 `(n, d)`, one for each position in `movie`, 0 of no cluster."""
    some = np.flatnonzero((rows != 0).any(axis=1))
    of = clusters(unit(rows[some]), count[movie[some]].astype(np.float64), k)
    return sp.csr_matrix((np.ones(len(some)), (movie[some], of)), (len(count), k))


def ends(v: Float64, movie: Int64, n_items: int) -> sp.csr_matrix:
    """The high and low end of each factor, a column each; `v` float64 `(n, d)` has a row for each position in `movie`.

    Movies that load alike are both in or both out.
    """
    both = np.stack([v, -v], axis=2).reshape(len(v), 2 * v.shape[1])  # high, low, high, low, …
    last = max(1, round(_END * len(v)))
    bound = np.maximum(-np.sort(-both, axis=0)[last - 1], 0) if both.size else np.zeros(both.shape[1])
    row, column = np.nonzero((both > _SAME) & (both >= bound - _SAME))
    return sp.csr_matrix((np.ones(len(row)), (movie[row], column)), (n_items, both.shape[1]))
