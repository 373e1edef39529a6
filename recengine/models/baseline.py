"""Baselines: what every other model has to beat. Random, popularity, global mean, damped user and item biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Interactions, Query, freeze
from recengine.errors import ModelError
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits


@dataclass(frozen=True, eq=False)
class Biases:
    """The baseline b_ui = μ + b_u + b_i. A person's b_u is worked out from the query's history.

    `mean`: μ, in stars. `item`: b_i, float32 `(n_items,)`. `user_damping`: ratings' worth of prior on b_u.
    """

    mean: float
    item: Float32
    user_damping: float

    def user(self, query: Query) -> Float32:
        """b_u = Σ_{i∈I_u}(r_ui − μ − b_i) / (|I_u| + damping), float32 `(b,)`; 0 for an empty history."""
        history = query.history
        of_row = np.repeat(np.arange(len(query)), np.diff(history.indptr))
        rest = history.data - self.item[history.indices] - self.mean
        count = np.diff(history.indptr)
        total = np.bincount(of_row, weights=rest, minlength=len(query))
        return np.asarray(total / np.maximum(count + self.user_damping, 1e-9), np.float32)

    def cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """b_ui of chosen cells, float32 `(m,)`."""
        return np.asarray(np.float32(self.mean) + self.user(query)[row] + self.item[item], np.float32)

    def score(self, query: Query) -> Float32:
        """b_ui for every item, float32 `(b, n_items)`, not clipped to the scale."""
        return np.asarray(np.float32(self.mean) + self.user(query)[:, None] + self.item[None, :], np.float32)


def estimate_biases(
    ratings: Interactions, *, user_damping: float = 5.0, item_damping: float = 3.0, iterations: int = 10
) -> Biases:
    """Damped biases by alternating least squares.

    Minimises Σ(r_ui − μ − b_u − b_i)² + λ_u Σ b_u² + λ_i Σ b_i² with μ the mean rating, each block solved
    exactly in turn: b_i = Σ_u(r_ui − μ − b_u)/(|U_i| + λ_i), then b_u likewise.
    Cost: O(m) an iteration. Source: Koren, "Factor in the neighbors" (TKDD 2010), section 2.1.
    """
    mean = float(ratings.value.mean(dtype=np.float64))
    rest = ratings.value.astype(np.float64) - mean
    of_user, of_item = ratings.user.astype(np.intp), ratings.item.astype(np.intp)  # else every look-up converts them
    user, item = np.zeros(ratings.n_users), np.zeros(ratings.n_items)
    n_user = np.maximum(ratings.user_count + user_damping, 1e-9)
    n_item = np.maximum(ratings.item_count + item_damping, 1e-9)
    for _ in range(iterations):
        item = np.bincount(of_item, rest - user[of_user], ratings.n_items) / n_item
        user = np.bincount(of_user, rest - item[of_item], ratings.n_users) / n_user
    return Biases(mean, freeze(item.astype(np.float32)), user_damping)


def require_interactions(train: Dataset, model: str) -> None:
    """Refuse, in one sentence, data that hold nothing to learn from."""
    if len(train.interactions) == 0:
        raise ModelError(f"{model} cannot learn from data without a single rating: choose other data.")


def require_ratings(train: Dataset, model: str) -> None:
    """Refuse, in one sentence, data without ratings."""
    require_interactions(train, model)
    if not train.explicit:
        raise ModelError(
            f"{model} predicts ratings, and {train.name} holds none, only who met what: choose popularity, or item-knn "
            "with similarity=cosine, centering=none and aggregation=sum."
        )


class Random(Recommender):
    """Random order: the floor for every ranking measure.

    A score is a uniform number in [0, 1) drawn from the seed for a (person, item) pair; a visitor shares
    one draw. Unknown users and items are scored like any other. Cost: O(n_items) a query.
    """

    name: ClassVar[str] = "random"
    title: ClassVar[str] = "Random"
    family: ClassVar[Family] = "baselines"

    @property
    def traits(self) -> Traits:
        """What it can do."""
        return Traits(ratings=False, personal=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Keep the seed."""
        return FittedRandom(model=self, scale=train.scale, seed=context.seed, n_items=train.n_items)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedRandom(Fitted):
    """Uniform scores."""

    seed: int
    n_items: int

    def score(self, query: Query) -> Float32:
        """One generator a person, so a batch equals its rows."""
        return np.array([self._draw(int(user)) for user in query.user], np.float32).reshape(len(query), self.n_items)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same draws."""
        asked, place = np.unique(row, return_inverse=True)
        drawn = np.array([self._draw(int(query.user[r])) for r in asked], np.float32).reshape(-1, self.n_items)
        return drawn[place, item]

    def _draw(self, user: int) -> NDArray[Any]:
        return np.random.default_rng((self.seed, user + 1)).random(self.n_items)

    def fallback(self, query: Query) -> Float32:
        """Never needed: every item has a score."""
        return self.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """There is no reason, and it says so."""
        value = float(self.score(query.rows(0, 1))[0, item])
        return Explanation(value, value, "a random number", (), exact=True)


class Popularity(Recommender):
    """Most rated first: the same list for everyone, and hard to beat.

    score_i = |U_i|, the number of people who rated item i. An item nobody rated scores 0; an unknown user
    gets the common list. Cost: O(m) to fit.
    """

    name: ClassVar[str] = "popularity"
    title: ClassVar[str] = "Popularity"
    family: ClassVar[Family] = "baselines"

    @property
    def traits(self) -> Traits:
        """What it can do."""
        return Traits(ratings=False, personal=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:  # noqa: ARG002
        """Count the ratings of each item."""
        require_interactions(train, self.name)
        return FittedPopularity(model=self, scale=train.scale, count=train.interactions.item_count)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedPopularity(Fitted):
    """Counts."""

    count: Int64

    def score(self, query: Query) -> Float32:
        """The counts, for everyone."""
        return np.tile(self.count.astype(np.float32), (len(query), 1))

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:  # noqa: ARG002
        """The counts."""
        return self.count[item].astype(np.float32)

    def fallback(self, query: Query) -> Float32:
        """Never needed: every item has a count."""
        return self.score(query)

    def explain(self, query: Query, item: int) -> Explanation:  # noqa: ARG002
        """The count is the reason."""
        value = float(self.count[item])
        return Explanation(value, 0.0, "nobody", (Part("effect", value, what="people who rated it"),), exact=True)


class GlobalMean(Recommender):
    """The mean of all ratings, for everyone and everything: the ceiling for an error measure.

    r̂_ui = μ. Cost: O(m) to fit.
    """

    name: ClassVar[str] = "global-mean"
    title: ClassVar[str] = "Global mean"
    family: ClassVar[Family] = "baselines"

    @property
    def traits(self) -> Traits:
        """What it can do."""
        return Traits(ratings=True, personal=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:  # noqa: ARG002
        """Average the ratings."""
        require_ratings(train, self.name)
        mean = float(train.interactions.value.mean(dtype=np.float64))
        return FittedGlobalMean(model=self, scale=train.scale, mean=mean, n_items=train.n_items)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedGlobalMean(Fitted):
    """One number."""

    mean: float
    n_items: int

    def score(self, query: Query) -> Float32:
        """The mean everywhere."""
        return np.full((len(query), self.n_items), self.mean, np.float32)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:  # noqa: ARG002
        """The mean everywhere."""
        return np.full(len(item), self.mean, np.float32)

    def fallback(self, query: Query) -> Float32:
        """Never needed: every item has a score."""
        return self.score(query)

    def explain(self, query: Query, item: int) -> Explanation:  # noqa: ARG002
        """The mean is all there is."""
        return Explanation(self.mean, self.mean, "mean of all ratings", (), exact=True)


class Bias(Recommender):
    """Mean plus how generous the person and how well liked the movie is.

    r̂_ui = μ + b_u + b_i, the biases damped towards 0 by λ ratings' worth of prior (`estimate_biases`).
    A visitor's b_u comes from the ratings in the query; without any it is 0. An item nobody rated has b_i = 0.
    Cost: O(m) an iteration. Source: Koren (TKDD 2010), section 2.1.
    """

    name: ClassVar[str] = "bias"
    title: ClassVar[str] = "User and item bias"
    family: ClassVar[Family] = "baselines"

    user_damping: float = Field(5.0, ge=0, le=1000, description="Ratings' worth of prior on a person's bias")
    item_damping: float = Field(3.0, ge=0, le=1000, description="Ratings' worth of prior on a movie's bias")

    @property
    def traits(self) -> Traits:
        """A person's bias shifts all movies alike, so the order is the same for everyone."""
        return Traits(ratings=True, personal=False)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:  # noqa: ARG002
        """Alternate between the two blocks of biases."""
        require_ratings(train, self.name)
        biases = estimate_biases(train.interactions, user_damping=self.user_damping, item_damping=self.item_damping)
        return FittedBias(model=self, scale=train.scale, biases=biases)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedBias(Fitted):
    """Biases."""

    biases: Biases

    def score(self, query: Query) -> Float32:
        """b_ui."""
        return self.biases.score(query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """b_ui."""
        return self.biases.cells(query, row, item)

    def fallback(self, query: Query) -> Float32:
        """Never needed: every item has a score."""
        return self.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """Mean, person's bias, movie's bias: exact."""
        user = float(self.biases.user(query.rows(0, 1))[0])
        parts = [
            Part("effect", float(self.biases.item[item]), what="how well liked the movie is"),
            Part("effect", user, what="how generous the person is"),
        ]
        parts.sort(key=lambda part: -abs(part.weight))
        score = self.biases.mean + sum(part.weight for part in parts)
        return Explanation(score, self.biases.mean, "mean of all ratings", tuple(parts), exact=True)
