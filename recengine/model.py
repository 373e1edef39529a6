"""The one protocol: a `Recommender` is hyperparameters, `fit` makes it a `Fitted`, and that answers queries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query
from recengine.errors import Cancelled
from recengine.explain import Explanation
from recengine.rank import Ranking, rank

Family = Literal["baselines", "neighbors", "content", "linear", "factors", "neural", "hybrids"]

T = TypeVar("T")

_BLOCK_CELLS = 4_000_000  # scores held at once while predicting: 16 MB, several times


@dataclass(frozen=True)
class Traits:
    """What a model can do, so that no page or table has to guess.

    `ratings`: its scores are predicted ratings. `personal`: they depend on the person.
    `visitors`: it answers people who are not in the training data. `exact`: its explanations sum to the score.
    `time`, `features`: it learns from the ratings' times, from the movies' attributes.
    `sequence`: its answers follow the order in which the person watched.
    `day`: a prediction uses the day of the rating predicted, which only a test rating reveals; it is `Query.time`.
    `uncertainty`: what it learns is `Uncertain`. `kept`: a fit is worth keeping; one that only puts together what was
    fitted before is made anew each time.
    """

    ratings: bool
    personal: bool
    visitors: bool = True
    exact: bool = True
    time: bool = False
    features: bool = False
    sequence: bool = False
    day: bool = False
    uncertainty: bool = False
    kept: bool = True


@dataclass(frozen=True)
class Epoch:
    """One pass of a network over its training data, for whoever watches it learn.

    `number`: from 1 to `most`, where nothing ends the training sooner. `loss`: mean over the examples. `validation`:
    `metric` on what is held back of the training data, None where nothing is.
    """

    number: int
    most: int
    loss: float
    metric: str
    validation: float | None


def _silent(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


def _unseen(epoch: Epoch) -> None:
    """Learning that nobody watches."""


def _uncounted(seconds: float) -> None:
    """Waiting that nobody counts."""


def _never() -> bool:
    return False


class Keep(Protocol):
    """Where what a fit needs on the way is kept, so that others who need it find it."""

    def __call__(self, kind: str, model: Recommender, train: Dataset, seed: int, make: Callable[[], T]) -> T:
        """What `make` gives, or gave before for the same kind, model, data and seed."""


def _make(kind: str, model: Recommender, train: Dataset, seed: int, make: Callable[[], T]) -> T:  # noqa: ARG001
    """Keeping nothing."""
    return make()


@dataclass(frozen=True)
class Context:
    """How a fit is run, apart from what is fitted: seed, progress, cancel, and where things are kept.

    `progress(fraction, message)` is called from the fitting thread, and so is `watch`, after each epoch of a network.
    `keep`: see `Keep`; the lab's is the store. `device`: where networks learn, as PyTorch names it ("cpu", "cuda:1"),
    or "auto" for the graphics processor where there is one. `idle` is told the seconds that a fit waited for another
    one to end, which are none of its own.
    """

    seed: int = 0
    progress: Callable[[float, str], None] = _silent
    cancelled: Callable[[], bool] = _never
    keep: Keep = _make
    watch: Callable[[Epoch], None] = _unseen
    device: str = "auto"
    idle: Callable[[float], None] = _uncounted

    def step(self, fraction: float, message: str) -> None:
        """Report progress (0 to 1); raises `Cancelled` when the work should stop."""
        self.check()
        self.progress(fraction, message)

    def check(self) -> None:
        """Raise `Cancelled` when the work should stop; for where it is too early to report progress again."""
        if self.cancelled():
            raise Cancelled("The work was cancelled; nothing was kept.")

    def part(self, start: float, width: float, what: str = "") -> Context:
        """The same, its progress from 0 to 1 being only that part of the whole; its messages begin with `what`."""
        told = self.progress
        return replace(self, progress=lambda fraction, text: told(start + width * fraction, what + text))

    def fit(self, model: Recommender, train: Dataset) -> Fitted:
        """A model that another is made of, fitted: the same artifact as if it had been asked for alone."""
        return self.keep("fit", model, train, self.seed, lambda: model.fit(train, self))


class Recommender(BaseModel, ABC):
    """A model before it is fitted. Its fields are its hyperparameters, with bounds and a help text.

    >>> from recengine import registry
    >>> registry.create("item-knn", {"k": "60"}).k
    60
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family]
    revision: ClassVar[int] = 1
    ranking: ClassVar[Mapping[str, Any]] = {}
    """Hyperparameters under which it ranks well, where those that predict ratings well do not."""

    @property
    @abstractmethod
    def traits(self) -> Traits:
        """What this model can do; hyperparameters may decide it, so it is asked of an instance."""

    @abstractmethod
    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Learn from `train`, which is not changed. Raises `ModelError` where the data do not suit the model."""

    def spec(self) -> dict[str, Any]:
        """Name and hyperparameters as plain JSON; `registry.from_spec` reads it back."""
        return {"model": self.name, **self.model_dump(mode="json")}

    @property
    def changed(self) -> dict[str, Any]:
        """The hyperparameters that differ from the defaults."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in own.items() if value != type(self).model_fields[name].default}

    @property
    def label(self) -> str:
        """Its name with what differs from the defaults, as `registry.parse` reads it: "item-knn(k=60)"."""
        told = ", ".join(f"{name}={as_text(value)}" for name, value in self.changed.items())
        return f"{self.name}({told})" if told else self.name


def as_text(value: Any) -> str:
    """A hyperparameter as text."""
    if isinstance(value, Recommender):
        return value.label
    return f"[{', '.join(map(as_text, value))}]" if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted ratings, float32 `(m,)`, and where the fallback stood in, bool `(m,)`."""

    value: Float32
    fallback: Bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted(ABC):
    """A model that has learned. Frozen and made of arrays, so it is cheap to save and safe to share.

    `notes`: whole sentences that whoever reads its answers must know, such as what could not be learned.
    """

    model: Recommender
    scale: tuple[float, float] | None
    notes: tuple[str, ...] = ()

    @abstractmethod
    def score(self, query: Query) -> Float32:
        """Scores float32 `(b, n_items)`, higher is better; NaN where the model has no opinion."""

    @abstractmethod
    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The scores of `m` cells alone, float32 `(m,)`: `score(query)[row, item]` up to rounding, but cheaper."""

    @abstractmethod
    def fallback(self, query: Query) -> Float32:
        """What stands in where `score` is NaN, float32 `(b, n_items)`, finite everywhere."""

    @abstractmethod
    def explain(self, query: Query, item: int) -> Explanation:
        """Why `item` gets its score from the first query; where there is no opinion, why, and the fallback."""

    def recommend(self, query: Query, k: int = 10, *, allowed: Bool | None = None) -> Ranking:
        """The `k` best unseen items a query, best first; `allowed` is a filter, bool `(n_items,)`."""
        query = query.among(allowed)
        return rank(self.score(query), self.fallback(query), query.history, k, allowed=allowed)

    def predict(self, query: Query, row: NDArray[Any] | list[int], item: NDArray[Any] | list[int]) -> Prediction:
        """Predicted ratings of `m` cells: query number `row[j]` and item `item[j]`, within the rating scale."""
        rows, items = np.asarray(row, np.int64), np.asarray(item, np.int64)
        value = np.empty(len(rows), np.float32)
        # In blocks, because what places movies in a list scores whole rows even where cells are asked for.
        for cell, part, own in blocks(query, rows):
            value[cell] = self.score_cells(part, own, items[cell])
        stood_in = ~np.isfinite(value)
        if stood_in.any():
            value = np.where(stood_in, self.fallback_cells(query, rows, items, stood_in), value)
        return Prediction(value if self.scale is None else np.clip(value, *self.scale), stood_in)

    def fallback_cells(self, query: Query, row: Int64, item: Int64, wanted: Bool) -> Float32:
        """`fallback` at those of `m` cells that are `wanted`, in blocks of bounded memory; NaN elsewhere."""
        value, at = np.full(len(row), np.nan, np.float32), np.flatnonzero(wanted)
        for cell, part, own in blocks(query, row[at]):
            value[at[cell]] = self.fallback(part)[own, item[at[cell]]]
        return value


def blocks(query: Query, row: Int64) -> Iterator[tuple[Int64, Query, Int64]]:
    """Cells of a query in blocks of people of bounded memory: which cells, these people, and the rows among them."""
    step = max(1, _BLOCK_CELLS // max(1, query.history.shape[1]))
    if len(query) <= step:
        yield np.arange(len(row)), query, row
        return
    for start in range(0, len(query), step):
        cell = np.flatnonzero((row >= start) & (row < start + step))
        if len(cell):
            yield cell, query.rows(start, start + step), row[cell] - start


class Uncertain(Fitted):
    """A fitted model that knows how far off each of its scores may be."""

    @abstractmethod
    def deviation(self, query: Query) -> Float32:
        """Standard deviation of what is predicted, in the score's unit, float32 `(b, n_items)`; NaN without opinion."""
