"""`BPR`: factors learned from pairs, a movie that was met before one that was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.descent import descend, start
from recengine.models.factors import Movies, split_by_history
from recengine.models.similarity import Float64, in_parts, kernel_array, kernel_csr, rows_of

_SWEEPS, _FIRST_STEP = 40, 0.1  # of the fold-in


class BPR(Recommender):
    """Learns to put what a person watched before what they did not, pair by pair.

    x_ui = b_i + p_u·q_i; steps climb
    Σ_(u,i,j) ln σ(x_ui − x_uj) − ½ λ_u ‖p_u‖² − ½ λ_i (‖q_i‖² + ‖q_j‖² + b_i² + b_j²),
    where (u, i) is drawn uniformly from the interactions and j uniformly from the movies that u did not meet. A rating
    counts as met, whatever its value. The fit keeps b_i and q_i; p_u climbs the same sum for the query's history alone,
    from 0 and with draws that are always the same, for stored people as for visitors. Somebody without a known movie,
    and a movie nobody met, have no opinion: NaN, and the number of ratings stands in.
    Cost: O(m d) an epoch, in one thread, an epoch being m draws; 40 |I_u| d a query.
    Source: Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR" (UAI 2009), figure 4 and section 4.3.1.
    Differs from the paper: a movie has a bias; the step shrinks with the epochs; people are folded in, which in
    validation ranked as well as the vectors learned with the movies; ridge regression on 1 and 0 ranked worse.
    """

    name: ClassVar[str] = "bpr"
    title: ClassVar[str] = "Bayesian personalized ranking"
    family: ClassVar[Family] = "factors"
    revision: ClassVar[int] = 2

    factors: int = Field(64, ge=1, le=500, description="Length of the vectors of people and movies")
    epochs: int = Field(60, ge=1, le=500, description="Draws per interaction")
    learning_rate: float = Field(0.05, ge=1e-5, le=1, description="Step size of the first epoch")
    decay: float = Field(0.985, ge=0.5, le=1, description="What multiplies the step size after every epoch")
    user_regularization: float = Field(0.04, ge=0, le=1, description="Pull of a person's vector to 0")
    item_regularization: float = Field(0.005, ge=0, le=1, description="Pull of a movie's vector and bias to 0")
    spread: float = Field(0.1, ge=1e-4, le=1, description="Standard deviation of the movies' first vectors")

    @property
    def traits(self) -> Traits:
        """It ranks."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Draw pairs from the seed and take a step for each."""
        from recengine.models import kernels_sgd

        require_interactions(train, self.name)
        count = train.interactions.item_count
        q, state = start(context.seed, count, self.factors, self.spread)
        p, b_i = np.zeros((train.n_users, self.factors)), np.zeros(train.n_items)
        indptr, item, _ = kernel_csr(train.interactions.matrix)
        user = kernel_array(rows_of(train.interactions.matrix), np.int32)

        def epoch(rate: float) -> None:
            kernels_sgd.bpr_epoch(
                user, indptr, item, state, b_i, p, q, rate, self.user_regularization, self.item_regularization
            )

        bias, factors = descend(epoch, self.epochs, self.learning_rate, self.decay, context, (b_i, q))
        return FittedBPR(model=self, scale=train.scale, bias=bias, movies=Movies(factors, count))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedBPR(Fitted):
    """`bias`: b_i, float32 `(n_items,)`. `movies`: q. A person's vector is worked out from the query."""

    model: BPR
    bias: Float32
    movies: Movies

    def people(self, query: Query) -> Float64:
        """p_u from the histories, float64 `(b, d)`."""
        from recengine.models import kernels_sgd

        indptr, indices, _ = kernel_csr(query.history)

        def part(first: int, last: int) -> Float64:
            found: Float64 = kernels_sgd.bpr_fold_in(indptr, indices, *self._held, first, last)
            return found

        parts = in_parts(part, len(query), rows=32)
        return np.concatenate(parts) if parts else np.zeros((0, self.model.factors))

    @property
    def _held(self) -> tuple[NDArray[Any], NDArray[Any], float, float, int]:
        """What the fold-in's kernels take besides a history."""
        bias, factors = kernel_array(self.bias, np.float32), kernel_array(self.movies.factors, np.float32)
        return bias, factors, _FIRST_STEP, self.model.user_regularization, _SWEEPS

    def score(self, query: Query) -> Float32:
        """b_i + p_u·q_i; NaN for an unknown person or movie."""
        return self.movies.opinions(self.movies.products(self.people(query)) + self.bias, query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        value = self.movies.products_at(self.people(query), row, item) + self.bias[item]
        return self.movies.opinions_at(value, query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return self.movies.counts(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """b_i, and what the pairs of each movie met brought: exact.

        Every step adds a multiple of q_j − q_k to p_u, j met and k not, so p_u·q_i is a sum over the movies met.
        """
        from recengine.models import kernels_sgd

        query = query.rows(0, 1)
        if stranger := self.movies.stranger(self, query, item, "number of ratings"):
            return stranger
        met = kernel_csr(query.history)[1]
        _, weight, drawn = kernels_sgd.bpr_climb(met, *self._held)
        liking = self.movies.products(self.movies.factors[[item]].astype(np.float64))[0]
        share = (weight * (liking[met] - liking[drawn])).sum(axis=0)
        bias = Part("effect", float(self.bias[item]), what="how popular the movie is")
        return split_by_history(query, share, np.ones(len(met)), 0.0, "no evidence", [bias], stars=False)
