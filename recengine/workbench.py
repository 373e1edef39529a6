"""A hybrid taken apart: its list beside those of the models it is made of, and what each of them adds to each row."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np

from recengine import registry, telling, wording
from recengine.answers import Row, Said, Voice, Workbench
from recengine.data.dataset import Dataset, Float32, Int32, Int64, Query, freeze
from recengine.explain import Explanation
from recengine.model import Context, Fitted, Recommender, Uncertain
from recengine.models.hybrid.children import names
from recengine.models.hybrid.weighted import FittedWeighted, Weighted
from recengine.rank import rank
from recengine.shelf import Shelf
from recengine.store import identity

T = TypeVar("T")

_ANSWERS = 300


class Memory:
    """What models said of single queries: the last of it, for all threads of a lab."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._guard = threading.Lock()

    def recall(self, key: tuple[Any, ...], say: Callable[[], T]) -> T:
        """What was said before under this key, else what `say` gives now."""
        with self._guard:
            if key in self._said:
                self._said.move_to_end(key)
                found: T = self._said[key]
                return found
        value = say()
        with self._guard:
            self._said[key] = value
            while len(self._said) > _ANSWERS:
                self._said.popitem(last=False)
        return value


@dataclass(frozen=True, eq=False, kw_only=True)
class Heard(Fitted):
    """A fitted model whose answers to one query at a time are remembered, so that a hybrid of it is quick to change.

    `key` names model, data and seed. With `brief` it explains a score by the score alone: enough for a row where only
    the hybrid's own parts are told.
    """

    fitted: Fitted
    memory: Memory
    key: str
    brief: bool = False

    @staticmethod
    def of(fitted: Fitted, memory: Memory, key: str, *, brief: bool = False) -> Heard:
        """The same model, remembered, as able as it is."""
        kind = HeardUncertain if isinstance(fitted, Uncertain) else Heard
        return kind(
            model=fitted.model, scale=fitted.scale, notes=fitted.notes, fitted=fitted, memory=memory, key=key,
            brief=brief,
        )  # fmt: skip

    def score(self, query: Query) -> Float32:
        """The model's scores."""
        return self._recall(query, ("score",), lambda: freeze(self.fitted.score(query)))

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """Cells of what is remembered."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def fallback(self, query: Query) -> Float32:
        """The model's fallback."""
        return self._recall(query, ("fallback",), lambda: freeze(self.fitted.fallback(query)))

    def explain(self, query: Query, item: int) -> Explanation:
        """The model's explanation, or the score alone where that is enough and its own."""
        score, opinion = self.scored(query, item)
        if self.brief and opinion:
            return Explanation(score, score, "", (), exact=True)
        return self._recall(query, ("explain", item), lambda: self.fitted.explain(query, item))

    def scored(self, query: Query, item: int) -> tuple[float, bool]:
        """The score of an item for the first query, and whether it is the model's own opinion or its fallback."""
        score = float(self.score(query)[0, item])
        opinion = bool(np.isfinite(score))
        return (score if opinion else float(self.fallback(query)[0, item])), opinion

    def places(self, query: Query) -> Int32:
        """Each item's place in the first query's list, int32 `(n_items,)`, from 1; 0 for what is not in it."""
        return self._recall(query, ("places",), lambda: _places(self, query))

    def _recall(self, query: Query, what: tuple[Any, ...], say: Callable[[], T]) -> T:
        return self.memory.recall((self.key, _name(query), *what), say) if len(query) == 1 else say()


class HeardUncertain(Heard, Uncertain):
    """One that knows how far off each of its scores may be."""

    def deviation(self, query: Query) -> Float32:
        """The model's deviations."""
        return self._recall(query, ("deviation",), lambda: freeze(cast(Uncertain, self.fitted).deviation(query)))


def _places(fitted: Fitted, query: Query) -> Int32:
    score = fitted.score(query)
    item = rank(score, fitted.fallback(query), query.history, score.shape[1], allowed=query.allowed).item[0]
    places = np.zeros(score.shape[1], np.int32)
    places[item[item >= 0]] = np.arange(1, (item >= 0).sum() + 1)
    return freeze(places)


_names: WeakKeyDictionary[Query, bytes] = WeakKeyDictionary()


def _name(query: Query) -> bytes:
    """A query in a few bytes, the same for equal ones."""
    if query not in _names:
        content = blake2b(digest_size=16)
        for part in (query.user, query.history.indices, query.history.data, query.sequence, query.time, query.allowed):
            content.update(b"none" if part is None else f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        _names[query] = content.digest()
    return _names[query]


@dataclass(frozen=True)
class Assembly:
    """How fitted models are put together so that they are remembered. `fit` gives a model fitted to `train`, kept."""

    train: Dataset
    seed: int
    fit: Callable[[Recommender], Fitted]
    memory: Memory

    def heard(self, model: Recommender, *, brief: bool = False) -> Heard:
        """The model, remembered with all that it is put together of; `brief`: those explain no more than rows need.

        What is worth keeping was fitted before and comes as it is; the rest is put together of remembered models.
        """

        def keep(kind: str, model: Recommender, train: Dataset, seed: int, make: Callable[[], Any]) -> Any:
            if (kind, train, seed) != ("fit", self.train, self.seed):
                return make()
            inside = self.heard(model, brief=brief)
            return Heard.of(inside.fitted, self.memory, inside.key, brief=brief)

        whole = model.traits.kept
        fitted = self.fit(model) if whole else model.fit(self.train, Context(self.seed, keep=keep))
        told = json.dumps([self.train.fingerprint, identity(model), self.seed, brief and not whole], sort_keys=True)
        return Heard.of(fitted, self.memory, told)


def take_apart(shelf: Shelf, model: Recommender, query: Query, k: int, item: int | None, parts: Assembly) -> Workbench:
    """The first query's list of `k`, the lists of the model's children, and why `item` stands where it stands.

    `item` None is the first of the list; another than those listed is answered as if the query allowed it.
    Cost: the list's, and each child's the first time it is asked of the query.
    """
    # Its parts are told by the models' scores alone, whatever explains those; others read the explanations.
    hybrid = parts.heard(model, brief=isinstance(model, Weighted))
    made_of = registry.children(model)
    alone = [parts.heard(child) for child in made_of]
    places, theirs = hybrid.places(query), [child.places(query) for child in alone]
    listed, beside = _best([places], k), _best(theirs, k)
    told = [(int(found), hybrid.explain(query, int(found))) for found in listed]
    rows = tuple(_row(shelf, hybrid, alone, query, found, explained) for found, explained in told)
    others = tuple(_row(shelf, hybrid, alone, query, int(found)) for found in beside[~np.isin(beside, listed)])
    chosen = int(listed[0]) if item is None and len(listed) else item
    asking, asked = query, None
    if chosen is not None and chosen not in listed:
        asking = _letting(query, chosen)
        asked = _row(shelf, hybrid, alone, asking, chosen, hybrid.explain(asking, chosen))
    why = None if chosen is None else telling.why(shelf, parts.heard(model), asking, chosen, without=False)
    return Workbench(
        model.spec(),
        model.label,
        tuple(
            Voice(child.name, name, child.label, child.traits.ratings and shelf.dataset.explicit)
            for child, name in zip(made_of, names(made_of), strict=True)
        ),
        rows,
        others,
        why,
        tuple(hybrid.fitted.weights.tolist()) if isinstance(hybrid.fitted, FittedWeighted) else (),
        int(query.history[0].nnz),
        hybrid.notes,
        asked,
        asking is not query,
    )


def _letting(query: Query, item: int) -> Query:
    """The same queries, where this item may be listed."""
    if query.allowed is None or query.allowed[item]:
        return query
    allowed = query.allowed.copy()
    allowed[item] = True
    return query.among(freeze(allowed))


def _best(places: Sequence[Int32], k: int) -> Int64:
    """Items at the first `k` places of any of these lists, in the order of their best place."""
    if not places:
        return np.zeros(0, np.int64)
    best = np.min([np.where(own > 0, own, np.iinfo(np.int32).max) for own in places], axis=0)
    return np.argsort(best, kind="stable")[: int((best <= k).sum())]


def _row(
    shelf: Shelf, hybrid: Heard, alone: Sequence[Heard], query: Query, item: int, told: Explanation | None = None
) -> Row:
    """What the hybrid makes of a movie, `told` where that is wanted in words, and what each child makes of it."""
    adds: dict[int, float] = {}
    reason, fallback, score = "", None, hybrid.scored(query, item)[0]
    if told is not None:
        reasons, dataset = wording.reasons(shelf.dataset, told), shelf.dataset
        reason = wording.one_line(told, reasons, dataset.n_users, explicit=dataset.explicit)
        fallback, score = told.fallback, told.score
        for part in told.parts:
            if part.kind == "model":
                adds[part.index] = adds.get(part.index, 0.0) + part.weight
    said = tuple(_said(child, query, item, adds.get(index)) for index, child in enumerate(alone))
    place, stars = int(hybrid.places(query)[item]) or None, wording.stars(hybrid, score)
    return Row(shelf.found(item), place, score, stars, reason, fallback, said)


def _said(child: Heard, query: Query, item: int, adds: float | None) -> Said:
    score, opinion = child.scored(query, item)
    return Said(int(child.places(query)[item]) or None, score, wording.stars(child, score), opinion, adds)
