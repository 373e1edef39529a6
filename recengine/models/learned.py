"""What a trained network leaves behind: arrays and learning curves; and the hyperparameters that all networks share.

Nothing here imports PyTorch, so that a model can be listed, chosen and read from the store without waiting for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recengine import memory
from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze
from recengine.explain import Explanation, Part
from recengine.model import Fitted

Epochs = Annotated[int, Field(ge=1, le=2000, description="Passes over the training data at most")]
BatchSize = Annotated[int, Field(ge=1, le=65536, description="Examples a step")]
LearningRate = Annotated[float, Field(ge=1e-6, le=1, description="Length of a step, as Adam counts it")]
WeightDecay = Annotated[float, Field(ge=0, le=10, description="Pull of the weights towards 0, apart from the gradient")]
Patience = Annotated[int, Field(ge=1, le=1000, description="Epochs without a better validation until it stops")]
Dropout = Annotated[float, Field(ge=0, le=0.95, description="Chance that a number is left out while learning")]

_COPIES = 8  # of the parameters: with gradient, two moments, running mean, the best and those that take its place

VALIDATED = 2000  # people asked after each epoch
OCCLUSION = "By occlusion: each weight is what the score loses when that one movie is left out, all else unchanged."


@dataclass(frozen=True, eq=False)
class Weights:
    """A network's parameters by name, as plain arrays."""

    names: tuple[str, ...]
    arrays: tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Curve:
    """How a network learned, epoch by epoch: arrays float32 `(epochs,)`.

    `loss`: mean over the training examples. `validation`: `metric` on what was held back within the training data, NaN
    where nothing was. `seconds`: since the start. `best`: the epoch, from 1, whose weights were kept.
    """

    metric: str
    higher_is_better: bool
    loss: Float32
    validation: Float32
    seconds: Float32
    best: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Learned(Fitted):
    """A fitted network: `weights`, from which it is built again, and the `curve` of its training.

    `count`: ratings a movie, int64 `(n_items,)`.
    """

    weights: Weights
    curve: Curve
    count: Int64


def require_room(what: str, parameters: int, numbers: int) -> None:
    """Raise `ModelError` when the memory will not do for a network's parameters and the numbers that a step holds.

    `what` learns ("neumf on 27,000 movies"). A rough count, of the processor's memory alone.
    """
    memory.require(4 * (_COPIES * parameters + numbers), what, "choose a smaller batch_size or a smaller network")


def hold_back(train: Dataset, share: float, seed: int) -> Bool:
    """A random share of the ratings for validation, bool `(m,)`; at least one is left to learn from."""
    m = len(train.interactions)
    held = np.zeros(m, np.bool_)
    held[np.random.default_rng(seed).permutation(m)[: min(round(share * m), m - 1)]] = True
    return held


def counts(count: Int64, query: Query) -> Float32:
    """The number of ratings, the same for everyone: what stands in where scores are no ratings."""
    return np.tile(count.astype(np.float32), (len(query), 1))


def some(people: NDArray[Any], seed: int) -> NDArray[Any]:
    """At most so many people that a validation after each epoch does not take longer than the epoch."""
    if len(people) <= VALIDATED:
        return people
    return people[np.sort(np.random.default_rng(seed).permutation(len(people))[:VALIDATED])]


class PerQuery:
    """What was worked out for whole queries, such as all their occlusions, for as long as the query lives.

    A list of ten movies asks for ten explanations of one query; what they share is worked out once.
    """

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[Query, Any] = WeakKeyDictionary()

    def __call__(self, query: Query, work: Any) -> Any:
        """What `work()` gave for this very query."""
        if query not in self._found:
            self._found[query] = work()
        return self._found[query]


def without(history: NDArray[Any], score: float, occluded: NDArray[Any]) -> list[Part]:
    """A part a movie of `history` (positions): what the score loses without it, strongest first."""
    parts = [Part("movie", score - float(left), index=int(i)) for i, left in zip(history, occluded, strict=True)]
    return sorted(parts, key=lambda part: -abs(part.weight))


def by_occlusion(parts: Sequence[Part], score: Float32, item: int, count: Int64) -> Explanation:
    """An explanation of the score of `item` among `score` `(n_items,)`, from where the average known movie stands."""
    base = float(score[count > 0].mean())
    return Explanation(
        float(score[item]), base, "the average movie's score", tuple(parts), exact=False, method=OCCLUSION
    )


def why_not(query: Query, *, somebody: bool) -> str:
    """Why there is no opinion for the first query; `somebody`: whether anything is known of the person."""
    if somebody:
        return "nobody has rated this movie"
    return "nobody else rated what this person did" if query.history[0].nnz else "nothing has been rated yet"


def no_opinion(fitted: Fitted, query: Query, item: int, why: str, stand_in: str) -> Explanation:
    """An explanation that names the fallback, and why it stands in."""
    value = float(fitted.fallback(query.rows(0, 1))[0, item])
    return Explanation(
        value, value, stand_in, (), exact=fitted.model.traits.exact, fallback=f"{why}; the {stand_in} stands in"
    )


def frozen(arrays: dict[str, NDArray[Any]]) -> Weights:
    """Weights from arrays by name, made read-only."""
    return Weights(tuple(arrays), tuple(freeze(array) for array in arrays.values()))
