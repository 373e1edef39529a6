"""Mult-VAE: lists from a variational autoencoder of what was watched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.autoencoders import HELD, known_part, require_room_for_rows, row_by_row, without_each
from recengine.models.baseline import require_interactions
from recengine.models.learned import (
    BatchSize,
    Dropout,
    Epochs,
    Learned,
    LearningRate,
    Patience,
    PerQuery,
    WeightDecay,
    by_occlusion,
    counts,
    hold_back,
    no_opinion,
    why_not,
    without,
)
from recengine.models.weighting import binary

_AVERAGING = 0.98  # what a step leaves of the running mean of the weights


class MultVAE(Recommender):
    """What a person watched, given back through a random code of few numbers: a variational autoencoder that ranks.

    score_ui = ln π_ui,   π_u = softmax(D μ(x_u) + b),   z_u ~ N(μ(x_u), σ²(x_u)) in place of μ while learning

    x is 1 where there is a rating, whatever its stars, and enters at length 1; μ and ln σ² are linear in it by default.
    The loss of a person is −Σ_i x_ui ln π_ui + β KL(N(μ, σ²) ‖ N(0, 1)): every movie watched draws on one sum of
    chances, so those that were not lose. β rises from 0 to `beta` over the first `anneal` steps, so that the code is
    not given up before it says anything. `dropout` hides a share of x while all of it is to be given back. A twentieth
    of the ratings is held back for early stopping; queries use them all. An answer is the code's mean, nothing drawn.
    An empty history, or an item nobody rated, has no opinion: NaN, and the number of ratings stands in.
    Cost: epochs · n_users · n_items · d to fit, n_items · d a query.
    Source: Liang, Krishnan, Hoffman and Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018,
    sections 2.1 to 2.3, Mult-VAE^PR.
    Differs from the paper: no hidden layers by default, which are too much for small data (`hidden` gives them back);
    early stopping is on a share of everybody's ratings, not on people left out;
    the weights kept are a running mean over the last steps.
    """

    name: ClassVar[str] = "multvae"
    title: ClassVar[str] = "Mult-VAE"
    family: ClassVar[Family] = "neural"

    factors: int = Field(200, ge=1, le=1000, description="Numbers in a person's code, d")
    hidden: int = Field(0, ge=0, le=5000, description="Width of a layer before and after the code, 0 for none")
    beta: float = Field(0.7, ge=0, le=10, description="Weight of the divergence in the end, β")
    anneal: int = Field(1000, ge=0, le=1_000_000, description="Steps until the divergence has its full weight")
    dropout: Dropout = 0.5
    epochs: Epochs = 200
    batch_size: BatchSize = 100
    learning_rate: LearningRate = 0.002
    weight_decay: WeightDecay = 0.0
    patience: Patience = 20

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings, and its explanations are by occlusion."""
        return Traits(ratings=False, personal=True, exact=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to give back what everybody watched."""
        from recengine.models.neural import multvae
        from recengine.models.neural.train import Schedule

        require_interactions(train, self.name)
        wide = 2 * self.hidden or 3 * self.factors
        require_room_for_rows(
            f"{self.name} on {train.n_items:,} movies", train.n_users, train.n_items, self.batch_size,
            wide * train.n_items + 3 * self.hidden * self.factors,
        )  # fmt: skip
        held = hold_back(train, HELD, context.seed)
        told, rest = (binary(train.interactions.take(rows).matrix) for rows in (~held, held))
        schedule = Schedule(
            self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience, averaging=_AVERAGING
        )
        weights, curve = multvae.learn(
            lambda: self.network(train.n_items), told, rest, self.beta, self.anneal, schedule, context, name=self.name
        )
        return FittedMultVAE(
            model=self, scale=train.scale, weights=weights, curve=curve, count=train.interactions.item_count
        )

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.multvae`."""
        from recengine.models.neural.multvae import MultVAENet

        return MultVAENet(n_items, self.factors, self.hidden, self.dropout)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMultVAE(Learned):
    """A trained Mult-VAE."""

    model: MultVAE

    @cached_property
    def network(self) -> Any:
        """Built again from the weights."""
        from recengine.models.neural.train import rebuild

        return rebuild(lambda: self.model.network(len(self.count)), self.weights)

    def log_chances(self, history: sp.csr_matrix) -> Float32:
        """ln π of all movies from rows of what was watched, in one pass, float32 `(b, n_items)`."""
        from recengine.models.neural import multvae

        return multvae.score(self.network, binary(history))

    def score(self, query: Query) -> Float32:
        """ln π; NaN for an unknown person or movie."""
        return row_by_row(known_part(query.history, self.count), self.count, self.log_chances)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """Cells of whole rows: π is a share of what all movies get."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return counts(self.count, query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What the score loses without each of the movies watched."""
        history = known_part(query.rows(0, 1).history, self.count)
        if not history.nnz or self.count[item] == 0:
            return no_opinion(self, query, item, why_not(query, somebody=history.nnz > 0), "number of ratings")
        score, rest = self._occlusions(query, lambda: self._without_each(history))
        parts = without(history.indices, float(score[item]), rest[:, item])
        return by_occlusion(parts, score, item, self.count)

    @cached_property
    def _occlusions(self) -> PerQuery:
        return PerQuery()

    def _without_each(self, history: sp.csr_matrix) -> tuple[Float32, Float32]:
        """The scores, and those without each of the known movies in turn, float32 `(k, n_items)`."""
        return self.log_chances(history)[0], without_each(history, self.log_chances)
