"""PureSVD: a truncated singular value decomposition of the table in which missing is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.factors import Movies, split_by_history, truncated_svd
from recengine.models.weighting import binary

Weighting = Literal["binary", "rating"]


class PureSVD(Recommender):
    """Projects what the person watched onto the main directions in which people differ.

    score_u = x_u V D Vᵀ, with X = U S Vᵀ truncated to d factors, x_u the person's row of X and
    D = S² / (S² + λ): λ = 0 is the plain projection, λ > 0 lets weak directions count less. `weighting`: a stored
    cell of X is 1 or the rating; the rest is 0. A visitor's row is made from the query. Somebody without a known
    movie, and a movie nobody rated, have no opinion: NaN, and the number of ratings stands in.
    Cost: O(nnz d) a few times to fit, O(n_items d) a query.
    Source: Cremonesi, Koren and Turrin (RecSys 2010), section 3.3. D: Jin et al. (KDD 2021), regularised PCA.
    Differs from the paper: binary by default, the paper takes ratings; λ, which is 0 there.
    """

    name: ClassVar[str] = "pure-svd"
    title: ClassVar[str] = "PureSVD"
    family: ClassVar[Family] = "factors"

    factors: int = Field(20, ge=1, le=1000, description="Directions kept")
    regularization: float = Field(1000.0, ge=0, le=1e6, description="Pull of weak directions to 0")
    weighting: Weighting = Field("binary", description="Whether a cell of the table is 1 or the rating")

    @property
    def traits(self) -> Traits:
        """It ranks: a score leans to 0 where ratings are missing, so it is no rating."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Decompose the table."""
        require_interactions(train, self.name)
        context.step(0.0, "decomposing the table")
        cells = self.cells(train.interactions.matrix)
        _, s, v = truncated_svd(cells, self.factors, context.seed)
        kept = np.divide(s**2, s**2 + self.regularization, out=np.zeros_like(s), where=s > 0)
        context.step(1.0, "done")
        return FittedPureSVD(
            model=self, scale=train.scale, kept=freeze(kept.astype(np.float32)),
            movies=Movies(freeze(v.astype(np.float32)), train.interactions.item_count),
        )  # fmt: skip

    def cells(self, history: sp.csr_matrix) -> sp.csr_matrix:
        """Rows of X."""
        return binary(history) if self.weighting == "binary" else history


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedPureSVD(Fitted):
    """`movies`: V. `kept`: the diagonal of D, float32 `(d,)`."""

    model: PureSVD
    movies: Movies
    kept: Float32

    def people(self, query: Query) -> Float32:
        """x_u V D, float32 `(b, d)`."""
        return np.asarray((self.model.cells(query.history) @ self.movies.factors) * self.kept, np.float32)

    def score(self, query: Query) -> Float32:
        """x_u V D Vᵀ; NaN for an unknown person or movie."""
        return self.movies.opinions(self.movies.products(self.people(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        return self.movies.opinions_at(self.movies.products_at(self.people(query), row, item), query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return self.movies.counts(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """Linear in the history, so split by its movies: x_uj (V D Vᵀ)_ji each, exact."""
        stranger = self.movies.stranger(self, query, item, "number of ratings")
        if stranger:
            return stranger
        v, target = self.movies.factors.astype(np.float64), self.model.cells(query.history[0])
        weight = (v[target.indices] * self.kept) @ v[item]
        stars = self.model.weighting != "binary"
        return split_by_history(query, weight, target.data, 0.0, "no evidence", stars=stars)
