"""External ids on one side, positions on the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recengine.errors import NotFound


@dataclass(frozen=True, eq=False)
class Vocab:
    """The external ids of people or movies, sorted and unique; an id's position is its index everywhere.

    `ids` is `(n,)`, of integers or of text, and read-only.

    >>> v = Vocab.of(["b", "a", "b"])
    >>> v.ids.tolist(), v.index(["b", "z"]).tolist(), v.id(0)
    (['a', 'b'], [1, -1], 'a')
    """

    ids: NDArray[Any]

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.dtype.kind not in "iU":
            raise ValueError("ids must be a one-dimensional array of integers or text")
        if len(self.ids) > 1 and not bool(np.all(self.ids[1:] > self.ids[:-1])):
            raise ValueError("ids must be sorted and unique; Vocab.of() makes them so")
        self.ids.setflags(write=False)

    @classmethod
    def of(cls, values: Iterable[Any] | NDArray[Any]) -> Vocab:
        """A vocabulary of the distinct `values`."""
        found = np.unique(np.asarray(values if isinstance(values, np.ndarray) else list(values)))
        return cls(found.astype(np.int64) if found.dtype.kind in "iu" else found.astype(np.str_))

    def __len__(self) -> int:
        return len(self.ids)

    def index(self, ids: Iterable[Any] | NDArray[Any]) -> NDArray[np.int32]:
        """Positions of `ids`, int32 `(k,)`; −1 where an id is unknown.

        Text that spells a number finds an integer id and the other way round, since ids arrive from
        addresses and command lines as text. Cost: O(k log n).
        """
        asked = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids))
        possible = np.ones(len(asked), np.bool_)
        if self.ids.dtype.kind == "U":
            asked = asked.astype(np.str_)
        elif asked.dtype.kind not in "iu":
            numbers = [_integer(value) for value in asked.tolist()]
            possible = np.array([number is not None for number in numbers], np.bool_)
            asked = np.array([number or 0 for number in numbers], np.int64)
        if len(self.ids) == 0 or len(asked) == 0:
            return np.full(len(asked), -1, np.int32)
        place = np.minimum(np.searchsorted(self.ids, asked), len(self.ids) - 1)
        return np.where(possible & (self.ids[place] == asked), place, -1).astype(np.int32)

    def id(self, index: int) -> Any:
        """The external id at a position, as a plain Python value; −1 and beyond raise `NotFound`."""
        if not 0 <= index < len(self.ids):
            raise NotFound(f"There is no entry at position {index}: positions run from 0 to {len(self) - 1}.")
        return self.ids[index].item()


def _integer(value: object) -> int | None:
    """A 64-bit integer written plainly ("42", not "042", "4_2" or "42.0"), or None."""
    text = str(value).strip()
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text and -(2**63) <= number < 2**63 else None
