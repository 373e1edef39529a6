"""Text columns to valid ratings: ids, values and times, each row with at most one fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recengine.data.dataset import Bool, Float32, Int32, Int64
from recengine.data.text import date, number
from recengine.data.vocab import Vocab

LONGEST_ID = 500  # ids are held in arrays as wide as the longest one

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NOTHING = {"", "na", "n/a", "nan", "null", "none", "\\n"}
_LARGEST = float(np.finfo(np.float32).max)
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a typical time beyond the first is in ns, µs, ms
_EXACT = 2.0**53

Range = tuple[float, float]
Float64 = NDArray[np.float64]


@dataclass
class Faults:
    """What is wrong with each of `m` rows: 0, or the place in `reasons` counted from 1; the first fault found stays."""

    code: NDArray[np.int8]
    reasons: list[str] = field(default_factory=list)

    def mark(self, wrong: NDArray[Any], reason: str) -> None:
        """Rows that are `wrong`, bool `(m,)`, are left out for this reason unless they already were."""
        self.reasons.append(reason)
        self.code[wrong & (self.code == 0)] = len(self.reasons)

    @property
    def keep(self) -> Bool:
        """Rows without a fault, bool `(m,)`."""
        keep: Bool = self.code == 0
        return keep


@dataclass(frozen=True, eq=False)
class Ids:
    """A column of ids: row `j` holds `text[code[j]]`."""

    text: list[str]
    code: Int32

    def vocabulary(self, rows: Bool) -> tuple[Vocab, Int32]:
        """The vocabulary of the chosen rows and their positions in it; integers when every id there is one."""
        code = self.code[rows]
        used = np.flatnonzero(np.bincount(code, minlength=len(self.text)))
        names = [self.text[place] for place in used.tolist()]
        whole = all(_INTEGER.fullmatch(name) for name in names)
        ids = np.array([int(name) for name in names], np.int64) if whole else np.array(names, np.str_)
        vocab = Vocab.of(ids)
        place = np.full(len(self.text), -1, np.int32)
        place[used] = vocab.index(ids)
        return vocab, place[code]


def read_ids(column: pa.ChunkedArray, role: str, faults: Faults, *, integer: bool) -> Ids:
    """The ids in a column, without blanks around them."""
    text, code = _unpacked(column)
    _mark(faults, code, [not name for name in text], f"had no {role}")
    if integer:
        whole = [_INTEGER.fullmatch(name) is None for name in text]
        _mark(faults, code, whole, f"had no whole number as {role}")
    _mark(faults, code, [len(name) > LONGEST_ID for name in text], f"had more than {LONGEST_ID} characters as {role}")
    return Ids(text, code)


def read_values(column: pa.ChunkedArray, scale: Range | None, faults: Faults) -> Float32:
    """The ratings in a column, float32 `(m,)`; what is no number, or not on the `scale`, is a fault."""
    text, code = _unpacked(column)
    numbers = _floats([number(name) for name in text])
    numbers[np.abs(numbers) > _LARGEST] = np.nan
    _mark(faults, code, [name.lower() in _NOTHING for name in text], "had no rating")
    _mark(faults, code, np.isnan(numbers), "had a rating that is not a number")
    if scale:
        outside = (numbers < scale[0]) | (numbers > scale[1])
        _mark(faults, code, outside, f"had a rating outside of {scale[0]:g} to {scale[1]:g}")
    return numbers.astype(np.float32)[code]


def read_times(column: pa.ChunkedArray, faults: Faults) -> Int64 | None:
    """The times in a column as Unix seconds, int64 `(m,)`, or None where not one of them can be read."""
    seconds = _seconds(column)
    readable = np.abs(seconds) < _EXACT  # false for NaN
    if not readable.any():
        return None
    faults.mark(~readable, "had a time that cannot be read")
    whole: Int64 = np.floor(np.where(readable, seconds, 0)).astype(np.int64)
    return whole


def latest(user: Int32, item: Int32, time: Int64 | None, n_items: int) -> Int64:
    """Rows to keep, in their order, so that each pair stays once: its latest row, the last one among equals."""
    pair = user.astype(np.int64) * n_items + item
    if pd.Index(pair).is_unique:
        return np.arange(len(pair))
    order = np.argsort(pair, kind="stable") if time is None else np.lexsort((time, pair))
    ordered = pair[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    return np.sort(order[last])


def inferred_scale(value: Float32) -> tuple[Range | None, str | None]:
    """The range of the ratings, and a sentence where that had to be assumed; None when they are no ratings."""
    low, high = float(value.min()), float(value.max())
    if low < high:
        return (low, high), None
    if low == 1:
        return None, "Every rating is 1, so they are read as “it happened” and not as a rating on a scale."
    usual = next((scale for scale in ((1.0, 5.0), (0.5, 5.0), (0.0, 10.0)) if scale[0] <= low <= scale[1]), None)
    scale = usual or (min(0.0, low), max(0.0, low))
    return scale, f"Every rating is {low:g}, so a scale from {scale[0]:g} to {scale[1]:g} is assumed."


def _unpacked(column: pa.ChunkedArray) -> tuple[list[str], Int32]:
    """The distinct texts, without blanks around them, and which of them each row holds."""
    encoded = column.dictionary_encode()
    text = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    codes = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return [word.strip() for word in text], np.concatenate([np.empty(0, np.int32), *codes])


def _mark(faults: Faults, code: Int32, wrong: list[bool] | NDArray[Any], reason: str) -> None:
    faults.mark(np.asarray(wrong, np.bool_)[code], reason)


def _seconds(column: pa.ChunkedArray) -> Float64:
    try:
        numbers: Float64 = pc.cast(column, pa.float64()).to_numpy()
        dates = np.full(len(numbers), np.nan)
    except pa.ArrowInvalid:
        text, code = _unpacked(column)
        numbers, dates = _floats([number(word) for word in text])[code], _floats([date(word) for word in text])[code]
    finite = np.abs(numbers[np.isfinite(numbers)])
    typical = float(np.median(finite)) if len(finite) else 0.0
    unit = next((unit for beyond, unit in _UNITS if typical > beyond), 1.0)
    return np.where(np.isfinite(numbers), numbers / unit, dates)


def _floats(values: list[float | None]) -> Float64:
    return np.array([np.nan if value is None else value for value in values], np.float64)
