"""Content as rules: a small decision tree for each person, over what is known of the movies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import Biases, estimate_biases, require_ratings
from recengine.models.similarity import Float64, cells_by_row

_PRESENT = 0.5  # features are 0 or 1: sklearn splits them half way
_LEAF = -1


class ContentTree(Recommender):
    """Rules found in one person's own ratings, such as "Film-Noir, but no comedy".

    A regression tree over the movies' features, grown on the person's ratings when asked (CART, squared error). A
    movie falls from the root, the person's mean, through nodes ℓ = 1 … L to a leaf, and each step's change is damped
    by how few ratings the node above holds: r̂_ui = r̄_u + Σ_ℓ (r̄_ℓ − r̄_{ℓ−1}) / (1 + shrinkage / n_{ℓ−1}). Those
    steps are the explanation, exactly. It learns from nobody else, so a visitor is answered like a stored person and
    an item nobody rated like any other. Below `min_ratings` ratings there is no opinion: NaN, and the bias baseline
    stands in. Cost: O(m) to fit; a query, |I_u| log |I_u| times its features, and `max_depth` steps a movie.
    Source: Breiman et al., "Classification and Regression Trees" (1984); Pazzani and Billsus (The Adaptive Web, 2007),
    section "Decision Trees and Rule Induction"; Agarwal et al., "Hierarchical Shrinkage" (ICML 2022).
    Differs from the paper: nothing is pruned afterwards; depth, leaf size and shrinkage regularise instead.
    """

    name: ClassVar[str] = "content-tree"
    title: ClassVar[str] = "Content, decision tree"
    family: ClassVar[Family] = "content"

    max_depth: int = Field(6, ge=1, le=10, description="Most questions asked of a movie")
    min_samples_leaf: int = Field(4, ge=1, le=100, description="Fewest ratings on either side of a question")
    shrinkage: float = Field(100.0, ge=0, le=1000, description="Ratings at which a step's change is halved")
    min_ratings: int = Field(10, ge=1, le=1000, description="Fewest ratings from which a tree is grown")

    @property
    def traits(self) -> Traits:
        """It predicts ratings from the person's own and from the movies' features."""
        return Traits(ratings=True, personal=True, features=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Estimate the baseline that stands in; the trees wait for the query."""
        require_ratings(train, self.name)
        context.step(0.0, "estimating biases")
        biases = estimate_biases(train.interactions)
        context.step(1.0, "done")
        return FittedContentTree(
            model=self, scale=train.scale, features=train.features, names=train.feature_names, biases=biases
        )


@dataclass(frozen=True, eq=False)
class Tree:
    """A grown tree; node 0 is the root. A row a node: `column` (of the features, −1 for a leaf) and where to go.

    `absent`, `present`: the next node when the movie has not, or has, that feature. `value`: r̂ so far, in stars.
    """

    column: Int64
    absent: Int64
    present: Int64
    value: Float64

    def descend(self, features: sp.sparray | sp.spmatrix) -> Iterator[Int64]:
        """The node that each movie stands at, int64 `(n,)`, step after step from the root until all are at leaves."""
        node = np.zeros(features.shape[0], np.int64)
        yield node
        used = np.unique(self.column[self.column != _LEAF])
        has: Bool = features[:, used].toarray() > _PRESENT
        place, movie = np.searchsorted(used, self.column), np.arange(len(node))
        while len(moving := movie[self.column[node] != _LEAF]):
            at, node = node[moving], node.copy()
            node[moving] = np.where(has[moving, place[at]], self.present[at], self.absent[at])
            yield node

    def predict(self, features: sp.sparray | sp.spmatrix) -> Float32:
        """r̂ of each movie, float32 `(n,)`."""
        *_, leaf = self.descend(features)
        return self.value[leaf].astype(np.float32)


def grow(features: sp.csr_matrix, rating: Float32, model: ContentTree) -> Tree:
    """A tree for the rated movies' features `(n, f)` and their ratings `(n,)`.

    Equal splits are told apart by a fixed draw, so the same ratings grow the same tree.
    """
    from sklearn.tree import DecisionTreeRegressor  # a second to import: only when first needed

    # A column that leaves too few on one side can never be asked for, and most are of that kind.
    n, count = features.shape[0], features.getnnz(axis=0)
    kept = np.flatnonzero((count >= model.min_samples_leaf) & (count <= n - model.min_samples_leaf))
    if len(kept) == 0:
        leaf = np.array([_LEAF])
        return Tree(leaf, leaf, leaf, np.array([rating.mean(dtype=np.float64)]))
    regressor = DecisionTreeRegressor(
        max_depth=model.max_depth, min_samples_leaf=model.min_samples_leaf, random_state=0
    )
    grown = regressor.fit(features[:, kept].toarray(), rating.astype(np.float64)).tree_
    inner = grown.feature >= 0
    column = np.where(inner, kept[np.maximum(grown.feature, 0)], _LEAF)
    return Tree(column, grown.children_left, grown.children_right, _shrunk(grown, model.shrinkage))


def _shrunk(grown: Any, shrinkage: float) -> Float64:
    """The value of each node, every step from the root on damped; children come after their parents."""
    mean: Float64 = grown.value[:, 0, 0]
    value = mean.copy()
    damped = 1 / (1 + shrinkage / grown.n_node_samples)
    for node in np.flatnonzero(grown.feature >= 0):
        for child in (grown.children_left[node], grown.children_right[node]):
            value[child] = value[node] + (mean[child] - mean[node]) * damped[node]
    return value


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedContentTree(Fitted):
    """`features`: of the movies, csr float32 `(n_items, f)`, with their `names`. `biases`: what stands in."""

    model: ContentTree
    features: sp.csr_matrix
    names: tuple[str, ...]
    biases: Biases

    @cached_property
    def by_column(self) -> sp.csc_matrix:
        """The features by column: a tree asks for a few of them, of all movies."""
        return sp.csc_matrix(self.features)

    def tree(self, query: Query, row: int) -> Tree | None:
        """The tree of one query; None where it holds too few ratings."""
        own = slice(*query.history.indptr[row : row + 2])
        if own.stop - own.start < self.model.min_ratings:
            return None
        return grow(self.features[query.history.indices[own]], query.history.data[own], self.model)

    def score(self, query: Query) -> Float32:
        """r̂ of every movie by each person's tree; NaN for those with too few ratings."""
        value = np.full(query.history.shape, np.nan, np.float32)
        for row in range(len(query)):
            if tree := self.tree(query, row):
                value[row] = tree.predict(self.by_column)
        return value

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same, growing only the trees and following only the movies asked for."""
        order, start, items = cells_by_row(row, item, len(query))
        value = np.full(len(order), np.nan, np.float32)
        for asked in np.unique(row):
            if tree := self.tree(query, int(asked)):
                cells = slice(start[asked], start[asked + 1])
                value[order[cells]] = tree.predict(self.features[items[cells]])
        return value

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The path through the tree, each step with what it changes: exact."""
        query = query.rows(0, 1)
        tree = self.tree(query, 0)
        if tree is None:
            value, name = float(self.biases.score(query)[0, item]), "user and item bias"
            why = f"too few ratings ({query.history.nnz} of at least {self.model.min_ratings}); the {name} stands in"
            return Explanation(value, value, name, (), exact=True, fallback=why)
        path = [int(node[0]) for node in tree.descend(self.features[[item]])]
        parts = [self._step(tree, above, below) for above, below in pairwise(path)]
        parts.sort(key=lambda part: -abs(part.weight))
        base, score = float(tree.value[0]), float(tree.value[path[-1]])
        return Explanation(score, base, "the person's mean", tuple(parts), exact=True)

    def _step(self, tree: Tree, above: int, below: int) -> Part:
        answer = "present" if below == tree.present[above] else "absent"
        what = f"{self.names[tree.column[above]]} is {answer}"
        return Part("effect", float(tree.value[below] - tree.value[above]), what=what)
