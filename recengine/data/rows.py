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
from recengine.data.text import date, is_missing, number, truth
from recengine.data.vocab import Vocab

LONGEST_ID = 500  # ids are held in arrays as wide as the longest one

_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,17})(?:\.0+)?")  # pandas writes ids with gaps as 1.0
_LARGEST = float(np.finfo(np.float32).max)
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a typical time beyond the first is in ns, µs, ms
_EXACT = 2.0**53
_DAYS = 1.9e7, 2.1e7  # where 20200101 is no number of seconds

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

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Ids:
        """The texts of a column, without blanks around them."""
        return cls(*_unpacked(column))

    def says(self, word: str) -> Bool:
        """Which rows hold this text, in upper or lower case, bool `(m,)`."""
        same = np.array([text.casefold() == word.strip().casefold() for text in self.text], np.bool_)
        found: Bool = same[self.code]
        return found

    def vocabulary(self, rows: Bool) -> tuple[Vocab, Int32]:
        """The vocabulary of the chosen rows and their positions in it; integers when every id there is one."""
        code = self.code[rows]
        used = np.flatnonzero(np.bincount(code, minlength=len(self.text)))
        names = [self.text[place] for place in used.tolist()]
        whole = [int(found[1]) for found in map(_INTEGER.fullmatch, names) if found]
        ids = np.array(whole, np.int64) if len(whole) == len(names) else np.array(names, np.str_)
        vocab = Vocab.of(ids)
        place = np.full(len(self.text), -1, np.int32)
        place[used] = vocab.index(ids)
        return vocab, place[code]


def check_ids(ids: Ids, role: str, faults: Faults, *, integer: bool) -> None:
    """Rows without an id, or with one that is too long or no `integer` where it must be, are a fault."""
    text, code = ids.text, ids.code
    _mark(faults, code, [not name for name in text], f"had no {role}")
    if integer:
        whole = [_INTEGER.fullmatch(name) is None for name in text]
        _mark(faults, code, whole, f"had no whole number as {role}")
    _mark(faults, code, [len(name) > LONGEST_ID for name in text], f"had more than {LONGEST_ID} characters as {role}")


def read_values(column: pa.ChunkedArray, faults: Faults) -> Float32:
    """The ratings in a column, float32 `(m,)`; what is no number is a fault.

    True and yes are 1, false and no are 0, where there is no other number.
    """
    text, code = _unpacked(column)
    numbers = _floats([number(name) for name in text])
    numbers[np.abs(numbers) > _LARGEST] = np.nan
    if np.isin(numbers[np.isfinite(numbers)], (0, 1)).all():
        numbers = np.where(np.isnan(numbers), _floats([truth(name) for name in text]), numbers)
    _mark(faults, code, [not name or is_missing(name) for name in text], "had no rating")
    _mark(faults, code, np.isnan(numbers), "had a rating that is not a number")
    return numbers.astype(np.float32)[code]


def read_times(column: pa.ChunkedArray) -> Float64:
    """The times in a column as whole Unix seconds, float64 `(m,)`; NaN where there is none that can be read."""
    seconds = _seconds(column)
    return np.floor(np.where(np.abs(seconds) < _EXACT, seconds, np.nan))


def timed(seconds: Float64, user: Int32, column: str) -> tuple[Int64 | None, tuple[str, ...]]:
    """The times of all rows, int64 `(m,)`, and a sentence where some had to be assumed.

    No rating is given up for its time: one without takes its user's earliest, or the earliest of all. Where most
    have none there are no times at all.
    """
    missing = np.isnan(seconds)
    n, m = int(missing.sum()), len(seconds)
    if not n:
        return seconds.astype(np.int64), ()
    if n == m:
        return None, (f"No time in {column} could be read, so the ratings have no times.",)
    if n * 2 > m:
        return None, (f"Only {m - n:,} of {m:,} times in {column} could be read, so the ratings have no times.",)
    earliest = np.full(int(user.max()) + 1, np.inf)
    np.fmin.at(earliest, user, seconds)
    earliest[np.isinf(earliest)] = earliest.min()
    rows, were = ("1 row", "was") if n == 1 else (f"{n:,} rows", "were")
    note = (
        f"{rows} had no time in {column} that can be read and {were} given the earliest of the same user, or of the "
        "file where that user has none."
    )
    return np.where(missing, earliest[user], seconds).astype(np.int64), (note,)


def latest(user: Int32, item: Int32, time: Int64 | None, n_items: int) -> Int64:
    """Rows to keep, in their order, so that each pair stays once: its latest row, the last one among equals."""
    pair = user.astype(np.int64) * n_items + item
    if pd.Index(pair).is_unique:
        return np.arange(len(pair))
    order = np.argsort(pair, kind="stable") if time is None else np.lexsort((time, pair))
    ordered = pair[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    return np.sort(order[last])


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
    if _DAYS[0] <= typical <= _DAYS[1]:
        distinct, place = np.unique(numbers, return_inverse=True)
        days = _floats([date(f"{day:.0f}") for day in distinct.tolist()])[place]
        if 2 * np.isfinite(days).sum() > len(finite):
            return np.where(np.isfinite(days), days, dates)
    unit = next((unit for beyond, unit in _UNITS if typical > beyond), 1.0)
    return np.where(np.isfinite(numbers), numbers / unit, dates)


def _floats(values: list[float | None]) -> Float64:
    return np.array([np.nan if value is None else value for value in values], np.float64)
