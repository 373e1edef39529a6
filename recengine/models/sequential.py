"""Models of the order in which movies are watched: a person is a sequence, and what comes next is told from it.

    score_ui = h(i_1 … i_n) · e_i + b_i

h is a network over the person's last movies, oldest first, e_i a movie's embedding. Stars play no part. The score is
no rating: the softmax over the movies not yet watched makes it the chance that movie i comes next. Nothing is learned
about a person, so a visitor takes the same path. An empty history, or an item nobody rated, has no opinion: NaN, and
the number of ratings stands in.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Interactions, Query
from recengine.errors import ModelError
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
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
    no_opinion,
    require_room,
    why_not,
    without,
)

_TABLES = 5  # of scores that a step of the training holds at once, with their gradients and masks


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
        return Traits(ratings=False, personal=True, exact=False, time=True, sequence=True)

    @abstractmethod
    def network(self, n_items: int) -> Any:
        """The network, its weights drawn at random; see `recengine.models.neural.sequences` for what it must answer."""


class SASRec(Sequential):
    """What comes next, from the past movies that matter for it: causal self-attention.

    h is what the last position knows after `blocks` blocks, each softmax(q·kᵀ / √(d/heads)) v over that position and
    those before it, then a network of one hidden layer, each added to what was there; position counts from the latest.
    Where its last position looks is told with each reason (`FittedSequence.attention`).
    Cost: epochs · m · (length · d + d² + n_items · d) to fit, length² · d + length · d² + n_items · d a query.
    Source: Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; the loss: Klenitskiy and Vasilev,
    "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023.
    Differs from the papers: the softmax is over all movies that were not watched before, in place of sampled negatives
    (2018) or all movies (2023); layers are normalized before and not after; GELU; a bias a movie; heads; movies of the
    same second are put in a new order each epoch; the mean of the latest weights is kept; AdamW.
    """

    name: ClassVar[str] = "sasrec"
    title: ClassVar[str] = "SASRec"
    attends: ClassVar[bool] = True

    factors: int = Field(64, ge=2, le=1024, description="Numbers that describe a movie, d")
    blocks: int = Field(2, ge=1, le=8, description="Layers of attention, one on the other")
    heads: int = Field(2, ge=1, le=16, description="Attentions side by side in a layer; divides the factors")
    length: int = Field(100, ge=1, le=2000, description="Past movies that are looked at, from the latest")
    dropout: Dropout = 0.2
    epochs: Epochs = 30
    batch_size: BatchSize = 32
    learning_rate: LearningRate = 0.002
    weight_decay: WeightDecay = 0.01
    patience: Patience = 15

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell each movie from those that the person watched before it."""
        return fit_sequence(self, train, context)

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.sasrec`."""
        from recengine.models.neural.sasrec import SASRecNet

        if self.factors % self.heads:
            raise ModelError(f"{self.factors} factors do not divide into {self.heads} heads: choose a divisor.")
        return SASRecNet(n_items, self.length, self.factors, self.blocks, self.heads, self.dropout)


class GRU4Rec(Sequential):
    """What comes next, from a memory that each movie updates: a gated recurrent unit.

    Training cuts a person's ratings into sessions wherever more than `session_gap` hours passed, and each begins with
    an empty memory. A query has no times, so its last `length` movies are read as one session, whatever the gap; hence
    the default, 0: validated on MovieLens 100K at 20 epochs, a gap of an hour gives NDCG@10 .095 in place of .118.
    Cost: epochs · m · (units · (units + d) + n_items · d) to fit, length · units · (units + d) + n_items · d a query.
    Source: Hidasi and Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM
    2018; Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016.
    Differs from the paper: whole pieces of up to `length` movies side by side in place of single steps of parallel
    sessions; the losses compare with all movies that were not watched before in place of sampled ones; a movie's vector
    is the same coming in and going out; movies of the same second are put in a new order each epoch; AdamW; the mean of
    the latest weights is kept.
    """

    name: ClassVar[str] = "gru4rec"
    title: ClassVar[str] = "GRU4Rec"

    factors: int = Field(64, ge=2, le=1024, description="Numbers that describe a movie, d")
    units: int = Field(128, ge=2, le=2048, description="Numbers that the memory holds")
    loss: Literal["cross-entropy", "bpr-max"] = Field(
        "cross-entropy", description="What is made small: the softmax's surprise, or being close to the best others"
    )
    regularization: float = Field(0.01, ge=0, le=10, description="Pull of the other movies' scores to 0, for bpr-max")
    session_gap: float = Field(0.0, ge=0, le=100_000, description="Hours of pause that end a session, 0 for never")
    length: int = Field(200, ge=1, le=2000, description="Past movies that are looked at, from the latest")
    dropout: Dropout = 0.3
    epochs: Epochs = 30
    batch_size: BatchSize = 16
    learning_rate: LearningRate = 0.003
    weight_decay: WeightDecay = 0.0
    patience: Patience = 15

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell each movie from those that the person watched before it in the session."""
        from recengine.models.neural import gru4rec, sequences

        def bpr_max(network: Any, *sequence: Any) -> Any:
            return gru4rec.bpr_max(*sequences.among_unseen(network, *sequence), self.regularization)

        objective = bpr_max if self.loss == "bpr-max" else sequences.softmax_among_unseen
        return fit_sequence(self, train, context, objective, 3600 * self.session_gap)

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.gru4rec`."""
        from recengine.models.neural.gru4rec import GRU4RecNet

        return GRU4RecNet(n_items, self.factors, self.units, self.dropout)


class Caser(Sequential):
    """What comes next, from patterns in the last few movies: convolutions over the sequence.

    Horizontal filters look for a run of movies, vertical ones weigh the last movies by their place.
    Cost: epochs · m · (window² · horizontal · d + units · (window · horizontal + vertical · d) + n_items · d) to fit;
    the same a query with length for epochs · m, and n_items · d once.
    Source: Tang and Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM
    2018.
    Differs from the paper: there is no vector of a person, so that visitors are answered too; in its place stand the
    last `length` movies, their vectors' sum over the root of their number. The softmax over all movies that were not
    watched before replaces sampled negatives, one movie is told and not the next few, a movie's vector is the same
    coming in and going out, movies of the same second are put in a new order each epoch, and the mean of the latest
    weights is kept.
    """

    name: ClassVar[str] = "caser"
    title: ClassVar[str] = "Caser"

    factors: int = Field(64, ge=2, le=1024, description="Numbers that describe a movie, d")
    window: int = Field(5, ge=1, le=50, description="Last movies that the filters look at")
    horizontal: int = Field(16, ge=1, le=512, description="Filters for runs of movies, for each length of a run")
    vertical: int = Field(4, ge=1, le=128, description="Filters that weigh the last movies by their place")
    units: int = Field(128, ge=2, le=2048, description="Numbers that what the filters found is put into")
    length: int = Field(200, ge=1, le=2000, description="Past movies that are looked at, from the latest")
    dropout: Dropout = 0.3
    epochs: Epochs = 25
    batch_size: BatchSize = 16
    learning_rate: LearningRate = 0.003
    weight_decay: WeightDecay = 0.0
    patience: Patience = 15

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell each movie from those that the person watched before it."""
        return fit_sequence(self, train, context)

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.caser`."""
        from recengine.models.neural.caser import CaserNet

        return CaserNet(n_items, self.window, self.factors, self.horizontal, self.vertical, self.units, self.dropout)


def fit_sequence(
    model: Sequential, train: Dataset, context: Context, objective: Any = None, gap: float = 0.0
) -> FittedSequence:
    """Learn to tell each movie from those that the person watched before it.

    `objective`: a loss of `recengine.models.neural.sequences`, its `softmax_among_unseen` where none is named.
    `gap`: seconds between two movies beyond which what follows is told without what was before, 0 for never.
    """
    from recengine.models.neural import sequences
    from recengine.models.neural.train import Schedule

    require_interactions(train, model.name)
    room(model, train.n_items)
    schedule = Schedule(
        model.epochs, model.batch_size, model.learning_rate, model.weight_decay, model.patience,
        decay=True, averaging=0.99,
    )  # fmt: skip
    pasts, times = in_order(train.interactions)
    weights, curve = sequences.learn(
        lambda: model.network(train.n_items), pasts, times, model.length, schedule, context, name=model.name,
        objective=objective or sequences.softmax_among_unseen, gap=gap if train.interactions.time is not None else 0.0,
    )  # fmt: skip
    return FittedSequence(
        model=model, scale=train.scale, weights=weights, curve=curve, count=train.interactions.item_count
    )


def room(model: Sequential, n_items: int) -> None:
    """Refuse a catalogue whose scores at every position of a batch would not fit in the memory that is free."""
    from recengine.models.neural.train import size_of

    scores = _TABLES * model.batch_size * model.length * n_items
    require_room(f"{model.name} on {n_items:,} movies", size_of(lambda: model.network(n_items)), scores)


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
        from recengine.models.neural.train import rebuild

        return rebuild(lambda: self.model.network(len(self.count)), self.weights)

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
        return counts(self.count, query)

    def attention(self, query: Query) -> dict[int, float]:
        """Where the network looks: the share of each of the first query's last `length` movies; they add up to 1.

        It is softmax_j(q_n · k_j / √(d/h)), the weight by which the last position n takes in position j in the last
        block, averaged over its heads. What position j holds by then, lower blocks have gathered from j and before.
        Empty where the network does not attend, or nothing is in the past.
        """
        from recengine.models.neural import sequences

        past = pasts_of(query.rows(0, 1), self.count)[0]
        if not self.model.attends or not len(past):
            return {}
        last, share = past[-self.model.length :], sequences.attention(self.network, past, self.model.length)
        return dict(zip(last.tolist(), share.tolist(), strict=True))

    def explain(self, query: Query, item: int) -> Explanation:
        """What the score loses without each of the last movies, and where the network looked, if it can say."""
        past = pasts_of(query.rows(0, 1), self.count)[0]
        if not len(past) or self.count[item] == 0:
            why = why_not(query, somebody=len(past) > 0)
            return no_opinion(self, query, item, why, "number of ratings")
        score, rest, share = self._told(query, lambda: (*self._without_each(past), self.attention(query)))
        # Without the only movie of a past nothing is left to answer from: the average movie's score stands in.
        left = rest[:, item] if len(past) > 1 else score[self.count > 0].mean(keepdims=True)
        parts = [
            replace(part, attention=share.get(part.index))
            for part in without(past[-self.model.length :], float(score[item]), left)
        ]
        return by_occlusion(parts, score, item, self.count)

    @cached_property
    def _told(self) -> PerQuery:
        return PerQuery()

    def _without_each(self, past: Int64) -> tuple[Float32, Float32]:
        """The scores, and those without each of the last movies in turn, float32 `(l, n_items)`."""
        from recengine.models.neural import sequences

        rest = sequences.occluded(self.network, past, self.model.length) if len(past) > 1 else np.empty((0, 0), "f4")
        return sequences.score(self.network, past, self.model.length), rest
