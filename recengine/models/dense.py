"""Networks over all that is known at once: `WideDeep` for ratings, `NeuMF` for lists.

Nothing is learned about a person: in both, the person is what the query says they rated, so a visitor is one pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import Biases, estimate_biases, require_interactions, require_ratings
from recengine.models.descent import unit_of
from recengine.models.features import group_of, words_of
from recengine.models.learned import (
    VALIDATED,
    BatchSize,
    Dropout,
    Epochs,
    Learned,
    LearningRate,
    Patience,
    WeightDecay,
    by_occlusion,
    counts,
    hold_back,
    no_opinion,
    require_room,
    why_not,
    without,
)
from recengine.models.leave_one_out import Ratings
from recengine.models.neighbors import all_people
from recengine.models.similarity import cells_by_row

_HELD = 0.1  # of the ratings, or of the people, for validation
_OF_ALL = (
    "By occlusion: each weight is what the prediction loses when that one movie is left out, or that one thing is "
    "taken for unknown, all else unchanged."
)


class WideDeep(Recommender):
    """Ratings from attributes and their pairs, and from a network over taste, person and movie.

    r̂_ui = μ + b_u + b_i + s (x̃_u·W ỹ_i + (x_u + a_u)·q_i + MLP(x_u, a_u, q_i, x_u ∘ q_i, a_u ∘ q_i))
    x_u = |I_u|^−½ Σ_{j∈I_u} (e_uj q_j + z_j),   q_i = o_i + V ỹ_i,   a_u = G x̃_u

    x̃_u is 1 and the attributes of the person (age, gender, occupation), ỹ_i 1 and those of the movie (genres, decade,
    directors), e_uj = (r_uj − b_uj) / s, s a quarter of the rating scale's width. Biases as `bias`, worked out from the
    ratings in the query. W (wide), o, z, V, G and the MLP (deep) are learned on the squared error of each rating,
    guessed from the person's others: neither x_u nor b_u has seen it. A tenth of the ratings is held back for early
    stopping; queries use them all. A visitor's attributes are not known, so W and G see the 1 alone, as they
    do for some people in each step of the training. A movie nobody rated is what its attributes say. Where neither
    ratings nor attributes are known, of person or movie, there is no opinion: NaN, and the bias baseline stands in.
    Cost: epochs · (m (d² + d · hidden) + people / batch_size · n_items · d) to fit, n_items · d · hidden a query.
    Source: Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016, section 3; x_u: Koren,
    "Factorization meets the neighborhood", KDD 2008, equation 13 (asymmetric SVD).
    Differs from the paper: ratings are predicted, not clicks; the wide part crosses every attribute of the person with
    every one of the movie; the deep part is also given products, and the sum of taste and person times movie is added,
    which a network finds hard to learn; one optimizer (AdamW) for both parts.
    """

    name: ClassVar[str] = "dnn"
    title: ClassVar[str] = "Wide & deep"
    family: ClassVar[Family] = "neural"

    factors: int = Field(16, ge=1, le=512, description="Numbers that describe a movie, a person's taste and attributes")
    hidden: int = Field(64, ge=2, le=1024, description="Width of the network's first layer; the second has half of it")
    dropout: Dropout = 0.5
    unknown: float = Field(0.2, ge=0, le=1, description="Share of people learned from without their attributes")
    epochs: Epochs = 60
    batch_size: BatchSize = 32
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 5.0
    patience: Patience = 5

    @property
    def traits(self) -> Traits:
        """It predicts ratings from attributes too; its explanations are by occlusion."""
        return Traits(ratings=True, personal=True, exact=False, features=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell each rating from the person's others."""
        from recengine.models.neural import dnn
        from recengine.models.neural.train import Schedule

        require_ratings(train, self.name)
        people = min(self.batch_size, train.n_users)
        ratings_a_step = people * (1 + len(train.interactions) // train.n_users)
        held_then = ratings_a_step * (3 * people + 40 * self.factors + 8 * self.hidden) + 3 * people * train.n_items
        require_room(
            f"{self.name} on {train.n_users:,} people and {train.n_items:,} movies",
            2 * train.n_items * self.factors, held_then,
        )  # fmt: skip
        held, unit = hold_back(train, _HELD, context.seed), unit_of(train)
        ratings, rest = (train.with_interactions(train.interactions.take(rows)) for rows in (~held, held))
        biases = estimate_biases(ratings.interactions)
        told = Ratings.of(all_people(ratings), biases, unit)
        kinds = kinds_of(train)
        schedule = Schedule(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience)
        weights, curve = dnn.learn(
            lambda: self.network(train.features, kinds.shape[1]), told, told.held(all_people(rest), biases), kinds,
            ratings.interactions.item_count > 0, self.unknown, schedule, context, name=self.name,
        )  # fmt: skip
        return FittedWideDeep(
            model=self, scale=train.scale, weights=weights, curve=curve, count=train.interactions.item_count,
            biases=estimate_biases(train.interactions), unit=unit, features=train.features, kinds=kinds,
            feature_names=train.feature_names, kind_names=train.user_feature_names,
        )  # fmt: skip

    def network(self, features: sp.csr_matrix, kinds: int) -> Any:
        """See `recengine.models.neural.dnn`."""
        from recengine.models.neural.dnn import WideDeepNet, attributes_of

        return WideDeepNet(attributes_of(features), kinds, self.factors, self.hidden, self.dropout)


def kinds_of(train: Dataset) -> Float32:
    """1 and the attributes of each person, float32 `(n_users, 1 + g)`."""
    known = np.zeros((train.n_users, 0)) if train.user_features is None else train.user_features.toarray()
    return freeze(np.hstack([np.ones((train.n_users, 1)), known]).astype(np.float32))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedWideDeep(Learned):
    """`biases` and `unit`: what the network's answers are measured from and in.

    `features`: of the movies, csr `(n_items, f)`; `kinds`: 1 and the attributes of the people, float32
    `(n_users, 1 + g)`; `feature_names` and `kind_names`: of their columns, but for the 1.
    """

    model: WideDeep
    biases: Biases
    unit: float
    features: sp.csr_matrix
    kinds: Float32
    feature_names: tuple[str, ...]
    kind_names: tuple[str, ...]

    @cached_property
    def network(self) -> Any:
        """Built again from the weights."""
        from recengine.models.neural.train import rebuild

        return rebuild(lambda: self.model.network(self.features, self.kinds.shape[1]), self.weights)

    @cached_property
    def known(self) -> Bool:
        """Movies that anything is known of, bool `(n_items,)`."""
        return freeze((self.count > 0) | (np.diff(self.features.indptr) > 0))

    def kind(self, query: Query) -> Float32:
        """1 and the attributes of one person, float32 `(1 + g,)`; the 1 alone for a visitor."""
        kind: Float32 = self.kinds[max(int(query.user[0]), 0)].copy()
        kind[1:] *= query.user[0] >= 0
        return kind

    def _asked(self, query: Query, item: Int64 | None = None) -> Float32:
        """One person's scores of all movies, or of some; NaN without opinion."""
        from recengine.models.neural import dnn

        some = np.arange(len(self.count)) if item is None else item
        kind = self.kind(query)
        if not kind[1:].any() and not self.count[query.history.indices].any():
            return np.full(len(some), np.nan, np.float32)
        above = dnn.score(self.network, Ratings.of(query, self.biases, self.unit), kind, item)
        value = self.biases.cells(query, np.zeros(len(some), np.int64), some) + np.float32(self.unit) * above
        return np.where(self.known[some], value, np.float32(np.nan))

    def score(self, query: Query) -> Float32:
        """One pass a person, so that nobody's bits depend on the company they are asked in."""
        rows = [self._asked(query.rows(r, r + 1)) for r in range(len(query))]
        return np.array(rows, np.float32).reshape(query.history.shape)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The movies asked for, person by person."""
        order, start, items = cells_by_row(row, item, len(query))
        value = np.empty(len(order), np.float32)
        for r in np.flatnonzero(np.diff(start)).tolist():
            own = slice(start[r], start[r + 1])
            value[order[own]] = self._asked(query.rows(r, r + 1), items[own].astype(np.int64))
        return value

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What the prediction loses without each rated movie, each attribute of the person, each group of the movie's.

        All of it in one pass over variants of the question.
        """
        from recengine.models.neural import dnn

        query = query.rows(0, 1)
        score = float(self._asked(query, np.array([item]))[0])
        if np.isnan(score):
            why = why_not(query, somebody=not self.known[item])
            return no_opinion(self, query, item, why, "user and item bias")
        told = Ratings.of(query, self.biases, self.unit)
        what, kinds, features = self._hidden(self.kind(query), item)
        above = dnn.variants(self.network, told, kinds, features, item).astype(np.float64)
        n, level = len(told.item), float(self.biases.mean + self.biases.item[item])
        generosity = np.append(told.generosity, np.full(len(kinds), told.generous[0]))
        value = level + self.unit * (generosity + above)
        stars = dict(zip(query.history.indices, query.history.data, strict=True))
        parts = [replace(part, rating=float(stars[part.index])) for part in without(told.item, score, value[:n])]
        parts += [Part("effect", score - left, what=text) for text, left in zip(what, value[n + 1 :], strict=True)]
        parts.sort(key=lambda part: -abs(part.weight))
        base = float(self.biases.score(query)[0, item])
        return Explanation(score, base, "user and item bias", tuple(parts), exact=False, method=_OF_ALL)

    def _hidden(self, kind: Float32, item: int) -> tuple[list[str], Float32, Float32]:
        """What can be hidden of person and movie, k things, and the attributes of both as they are and without each."""
        feature = np.append(np.float32(1), self.features[[item]].toarray()[0]).astype(np.float32)
        what: list[str] = []
        kinds, features = [kind], [feature]
        for text, columns in _groups(kind, self.kind_names, "the person's {}".format):
            what.append(text)
            kinds.append(_hiding(kind, columns))
            features.append(feature)
        for text, columns in _groups(feature, self.feature_names, words_of):
            what.append(text)
            kinds.append(kind)
            features.append(_hiding(feature, columns))
        return what, np.array(kinds), np.array(features)


def _groups(row: Float32, names: tuple[str, ...], words: Callable[[str], str]) -> list[tuple[str, list[int]]]:
    """The groups of attributes that a row (1, then a column a name) has any of, in words, and their columns."""
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names, 1):
        if row[column]:
            groups.setdefault(group_of(name), []).append(column)
    return [
        (f"{words(group)}: {', '.join(names[column - 1].partition(': ')[2] for column in columns)}", columns)
        for group, columns in groups.items()
    ]


def _hiding(row: Float32, columns: list[int]) -> Float32:
    left = row.copy()
    left[columns] = 0
    return left


class NeuMF(Recommender):
    """Which movies a person watches, from a product and a network side by side.

    score_ui = w·(p_u ∘ q_i) + MLP(p'_u, q'_i) + b_i,   p_u = |I_u|^−½ Σ_{j∈I_u} y_j,   p'_u = |I_u|^−½ Σ_{j∈I_u} y'_j

    Stars play no part. The score is the log-odds of a movie that was watched against one drawn at random among those
    that were not. For each movie watched, `negatives` such are drawn anew in each epoch; the loss is binary
    cross-entropy, and p_u leaves out the movie that is to be told. A tenth of the people are held back for early
    stopping, with all that they watched: so nothing watched is ever drawn, and the validation has no say in what is.
    An empty history, or an item nobody rated, has no opinion: NaN, and the number of ratings stands in.
    Cost: epochs · m · negatives · (d + hidden²) to fit, n_items · (d + hidden²) a query.
    Source: He et al., "Neural Collaborative Filtering", WWW 2017, section 3.4.
    Differs from the paper: a person is the movies they watched in place of a vector of their own, so that a visitor is
    one pass; the two parts are not trained apart beforehand; each movie has a bias.
    """

    name: ClassVar[str] = "neumf"
    title: ClassVar[str] = "NeuMF"
    family: ClassVar[Family] = "neural"

    factors: int = Field(32, ge=1, le=512, description="Numbers that describe a movie in each of the two parts")
    hidden: int = Field(32, ge=2, le=1024, description="Width of the network's first layer; the second has half of it")
    negatives: int = Field(8, ge=1, le=100, description="Unwatched movies drawn for each that was watched")
    dropout: Dropout = 0.5
    epochs: Epochs = 40
    batch_size: BatchSize = 32
    learning_rate: LearningRate = 0.01
    weight_decay: WeightDecay = 0.01
    patience: Patience = 15

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings, and its explanations are by occlusion."""
        return Traits(ratings=False, personal=True, exact=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn to tell what was watched from what was not."""
        from recengine.models.neural import neumf
        from recengine.models.neural.train import Schedule

        require_interactions(train, self.name)
        people = min(self.batch_size, train.n_users)
        pairs = people * (1 + len(train.interactions) // train.n_users) * (1 + self.negatives)
        require_room(
            f"{self.name} on {train.n_users:,} people and {train.n_items:,} movies",
            4 * train.n_items * self.factors, (pairs + train.n_items) * (4 * self.factors + 8 * self.hidden),
        )  # fmt: skip
        held = np.random.default_rng(context.seed).permutation(train.n_users)[
            : min(int(_HELD * train.n_users), VALIDATED)
        ]
        count = train.interactions.item_count
        schedule = Schedule(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience)
        weights, curve = neumf.learn(
            lambda: self.network(train.n_items), train.interactions.matrix, held, count > 0, self.negatives, schedule,
            context, name=self.name,
        )  # fmt: skip
        return FittedNeuMF(model=self, scale=train.scale, weights=weights, curve=curve, count=count)

    def network(self, n_items: int) -> Any:
        """See `recengine.models.neural.neumf`."""
        from recengine.models.neural.neumf import NeuMFNet

        return NeuMFNet(n_items, self.factors, self.hidden, self.dropout)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedNeuMF(Learned):
    """A trained NeuMF."""

    model: NeuMF

    @cached_property
    def network(self) -> Any:
        """Built again from the weights."""
        from recengine.models.neural.train import rebuild

        return rebuild(lambda: self.model.network(len(self.count)), self.weights)

    def watched(self, query: Query, row: int) -> Int64:
        """What one person rated, of what anybody rated: positions, int64."""
        found: Int64 = query.history.indices[query.history.indptr[row] : query.history.indptr[row + 1]].astype(np.int64)
        return found[self.count[found] > 0]

    def score(self, query: Query) -> Float32:
        """One pass a person, so that nobody's bits depend on the company they are asked in."""
        from recengine.models.neural import neumf

        score, movies = np.full(query.history.shape, np.nan, np.float32), self.network.movies()
        for row in range(len(query)):
            if len(watched := self.watched(query, row)):
                score[row] = neumf.score(self.network, movies, watched)
        score[:, self.count == 0] = np.nan
        return score

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The movies asked for, person by person."""
        from recengine.models.neural import neumf

        order, start, items = cells_by_row(row, item, len(query))
        value, movies = np.full(len(order), np.nan, np.float32), self.network.movies()
        for r in np.flatnonzero(np.diff(start)).tolist():
            own = slice(start[r], start[r + 1])
            if len(watched := self.watched(query, r)):
                value[order[own]] = neumf.score(self.network, movies[items[own].astype(np.int64)], watched)
        return np.where(self.count[item] > 0, value, np.float32(np.nan))

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return counts(self.count, query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What the score loses without each of the movies watched, in one pass."""
        from recengine.models.neural import neumf

        watched = self.watched(query, 0) if len(query) else np.zeros(0, np.int64)
        if not len(watched) or self.count[item] == 0:
            why = why_not(query, somebody=len(watched) > 0)
            return no_opinion(self, query, item, why, "number of ratings")
        score = self.score(query.rows(0, 1))[0]
        parts = without(watched, float(score[item]), neumf.occluded(self.network, watched, item))
        return by_occlusion(parts, score, item, self.count)
