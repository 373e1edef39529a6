"""Models of the order in which movies are watched: a person is a sequence, and what comes next is told from it.

    score_ui = h(i_1 … i_n) · e_i + b_i

h is a network over the person's last movies, oldest first, e_i a movie's embedding. Stars play no part. The score is
no rating: the softmax over all movies makes it the chance that movie i comes next. Nothing is learned about a person,
so a visitor takes the same path. An empty history, or an item nobody rated, has no opinion: NaN, and the number of
ratings stands in.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Interactions, Query
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.learned import (
    OCCLUSION,
    BatchSize,
    Dropout,
    Epochs,
    Learned,
    LearningRate,
    Patience,
    PerQuery,
    WeightDecay,
    no_opinion,
    without,
)


class Sequential(Recommender):
    """What sequence models share: their fit, and the hyperparameters of the training. See the module."""

    family: ClassVar[Family] = "neural"
    attends: ClassVar[bool] = False  # whether its network says where it looked

    length: int
    dropout: Dropout
    epochs: Epochs
    batch_size: BatchSize
    learning_rate: LearningRate
    weight_decay: WeightDecay
    patience: Patience

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings, and its explanations are by occlusion."""
        return Traits(ratings=False, personal=True, exact=False, time=True)

    @abstractmethod
    def network(self, n_items: int) -> Any:
        """The network, its weights drawn at random; see `recengine.models.neural.sequences` for what it must answer."""

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell each movie from those that the person watched before it."""
        from recengine.models.neural import sequences
        from recengine.models.neural.train import Schedule

        require_interactions(train, self.name)
        schedule = Schedule(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience)
        pasts, times = in_order(train.interactions)
        weights, curve = sequences.learn(
            lambda: self.network(train.n_items), pasts, times, self.length, schedule, context, name=self.name
        )
        return FittedSequence(
            model=self, scale=train.scale, weights=weights, curve=curve, count=train.interactions.item_count
        )


class SASRec(Sequential):
    """What comes next, from the past movies that matter for it: causal self-attention.

    Cost: epochs · m · (length · d + d² + n_items · d) to fit, length² · d + n_items · d a query.
    Source: Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; the loss: Klenitskiy and Vasilev,
    "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023.
    Differs from the paper: softmax cross-entropy over all movies in place of sampled negatives, layers are normalized
    before and not after, and each movie has a bias.
    """

    name: ClassVar[str] = "sasrec"
    title: ClassVar[str] = "SASRec"
    attends: ClassVar[bool] = True

    factors: int = Field(64, ge=2, le=1024, description="Numbers that describe a movie, d")
    blocks: int = Field(2, ge=1, le=8, description="Layers of attention, one on the other")
    heads: int = Field(1, ge=1, le=16, description="Attentions side by side in a layer; divides the factors")
    length: int = Field(200, ge=1, le=2000, description="Past movies that are looked at, from the latest")
    dropout: Dropout = 0.3
    epochs: Epochs = 150
    batch_size: BatchSize = 64
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.0
    patience: Patience = 20

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.sasrec`."""
        from recengine.models.neural.sasrec import SASRecNet

        if self.factors % self.heads:
            raise ModelError(f"{self.factors} factors do not divide into {self.heads} heads: choose a divisor.")
        return SASRecNet(n_items, self.length, self.factors, self.blocks, self.heads, self.dropout)


def in_order(ratings: Interactions) -> tuple[list[Int64], list[Int64]]:
    """What each person watched (positions), oldest first, and when: int64 arrays, one a person.

    Without times, the order of the rows is all there is, and their numbers stand for the times.
    """
    time = np.arange(len(ratings)) if ratings.time is None else ratings.time
    order = np.lexsort((time, ratings.user))
    of_person = np.cumsum(ratings.user_count)[:-1]
    return np.split(ratings.item[order].astype(np.int64), of_person), np.split(time[order], of_person)


def pasts_of(query: Query, count: Int64) -> list[Int64]:
    """What each person watched, of what anybody rated: positions, oldest first, one int64 array a query."""
    known = (query.sequence >= 0) & (count[query.sequence] > 0)
    return [row[told].astype(np.int64) for row, told in zip(query.sequence, known, strict=True)]


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedSequence(Learned):
    """A trained sequence network."""

    model: Sequential

    @cached_property
    def network(self) -> Any:
        """Built again from the weights."""
        from recengine.models.neural.train import restore

        return restore(self.model.network(len(self.count)), self.weights)

    def score(self, query: Query) -> Float32:
        """One pass a person, so that nobody's bits depend on the company they are asked in."""
        from recengine.models.neural import sequences

        score = np.full(query.history.shape, np.nan, np.float32)
        for row, past in enumerate(pasts_of(query, self.count)):
            if len(past):
                score[row] = sequences.score(self.network, past, self.model.length)
        score[:, self.count == 0] = np.nan
        return score

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """Cells of whole rows: the pass over the sequence is what costs."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return np.tile(self.count.astype(np.float32), (len(query), 1))

    def explain(self, query: Query, item: int) -> Explanation:
        """What the score loses without each of the last movies, and where the network looked, if it can say."""
        from recengine.models.neural import sequences

        past = pasts_of(query.rows(0, 1), self.count)[0]
        if not len(past) or self.count[item] == 0:
            why = "nobody has rated this movie" if len(past) else "nothing has been rated yet"
            return no_opinion(self, query, item, why, "number of ratings")
        score, rest = self._occlusions(query, lambda: self._without_each(past))
        base, last = float(score[self.count > 0].mean()), past[-self.model.length :]
        parts = without(last, float(score[item]), rest[:, item] if len(past) > 1 else np.array([base]))
        if self.model.attends:
            share = dict(zip(last, sequences.attention(self.network, past, self.model.length), strict=True))
            parts = [replace(part, attention=float(share[part.index])) for part in parts]
        return Explanation(
            float(score[item]), base, "the average movie's score", tuple(parts), exact=False, method=OCCLUSION
        )

    @cached_property
    def _occlusions(self) -> PerQuery:
        return PerQuery()

    def _without_each(self, past: Int64) -> tuple[Float32, Float32]:
        """The scores, and those without each of the last movies in turn, float32 `(l, n_items)`."""
        from recengine.models.neural import sequences

        rest = sequences.occluded(self.network, past, self.model.length) if len(past) > 1 else np.empty((0, 0), "f4")
        return sequences.score(self.network, past, self.model.length), rest
