"""Any ratings table to a `Dataset`: nothing valid is lost, and a report says what became of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from recengine.data.dataset import Dataset, Interactions
from recengine.data.features import item_features
from recengine.data.fields import DELIMITERS, Cells, cut, lines_at, separated
from recengine.data.report import Example, ImportReport, Skipped
from recengine.data.rows import Faults, Range, inferred_scale, latest, read_ids, read_times, read_values
from recengine.data.sniff import Columns, Form, sniff
from recengine.data.text import decode
from recengine.data.titles import year_of
from recengine.data.vocab import Vocab
from recengine.errors import DataError

__all__ = ["Columns", "ImportReport", "Rows", "read_ratings", "read_rows"]

_EXAMPLES, _EXAMPLE_LENGTH = 3, 120


@dataclass(frozen=True, eq=False)
class Rows:
    """The valid ratings of a table, in the order of the file, over the users and items that have one."""

    users: Vocab
    items: Vocab
    interactions: Interactions
    scale: Range | None
    duplicates: int
    notes: tuple[str, ...]


def read_ratings(
    source: Path | BinaryIO,
    *,
    name: str,
    columns: Columns | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    scale: Range | None = None,
    about: str = "",
) -> tuple[Dataset, ImportReport]:
    """The ratings table in `source` as a dataset, and a report on its rows.

    Delimiter, header and the meaning of the columns are found out, as far as they are not given. Without a rating
    column every row counts as 1. Times are Unix seconds, milliseconds or finer, or ISO dates. Of several rows for a
    user and an item the latest stays (the last in the file without times). Ids are integers when every id is one.
    A row is left out, and counted, when it has the wrong number of fields, lacks a field, or has a rating or time
    that is none, or a rating outside of `scale`, which is the range of the valid ratings when not given.

    Raises `DataError` when there is no valid row at all. Cost: O(bytes), about 0.4 s a million rows where the file
    is clean and 2 s where rows must be looked at one by one; memory about three times the file.
    """
    rows, report = read_rows(source, name=name, columns=columns, delimiter=delimiter, header=header, scale=scale)
    movies = _movies([str(item) for item in rows.items.ids.tolist()])
    features, names = item_features(movies)
    data = Dataset(name, rows.users, rows.items, rows.interactions, movies, features, names, rows.scale, about=about)
    return data, report


def read_rows(
    source: Path | BinaryIO,
    *,
    name: str,
    columns: Columns | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    scale: Range | None = None,
    integer_ids: bool = False,
) -> tuple[Rows, ImportReport]:
    """`read_ratings` without movies; with `integer_ids` any other id is a fault of its row, not text."""
    if delimiter is not None and delimiter not in DELIMITERS:
        raise DataError(f"{delimiter!r} cannot separate columns: choose one of {', '.join(map(repr, DELIMITERS))}.")
    text = decode(_bytes(source, name), name)
    form = sniff(text.data, name, columns, delimiter, header)
    data, separator = separated(text.data, form.delimiter)
    asked = [place for place in (form.user, form.item, form.rating, form.time) if place is not None]
    cells = cut(data, separator, form.width, asked, form.skip)
    if not len(cells.line) and not cells.misfits:
        raise DataError(f"{name} holds only a header line: choose a file with one rating a line below it.")
    faults = Faults(np.zeros(len(cells.line), np.int8))
    rows, has_time = _rows(form, dict(zip(asked, cells.columns, strict=True)), faults, scale, integer_ids)
    skipped = _skipped(cells, faults, data, form.delimiter, separator)
    if rows is None:
        worst = max(skipped, key=lambda one: one.rows)
        raise DataError(
            f"{name} has no row that can be read as a rating, most {worst.reason} (line {worst.examples[0].line}): "
            "check which columns hold the user, the item and the rating."
        )
    return rows, ImportReport(
        name=name,
        rows=len(cells.line) + len(cells.misfits),
        kept=len(rows.interactions),
        duplicates=rows.duplicates,
        skipped=skipped,
        delimiter=form.delimiter,
        encoding=text.encoding,
        repaired=text.repaired,
        header=form.header is not None,
        user=form.label(form.user),
        item=form.label(form.item),
        rating=None if form.rating is None else form.label(form.rating),
        time=form.label(form.time) if form.time is not None and has_time else None,
        scale=rows.scale,
        notes=rows.notes,
    )


def _bytes(source: Path | BinaryIO, name: str) -> bytes:
    try:
        return source.read_bytes() if isinstance(source, Path) else source.read()
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror or error}): choose another file.") from None


def _movies(titles: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "title": pd.Series(titles, dtype="str"),
            "year": pd.array([year_of(title) for title in titles], dtype="Int16"),
            "genres": pd.Series([()] * len(titles), dtype="object"),
        }
    )


def _rows(
    form: Form, columns: dict[int, pa.ChunkedArray], faults: Faults, scale: Range | None, integer_ids: bool
) -> tuple[Rows | None, bool]:
    """The valid rows, None when there are none, and whether they have times; marks the others in `faults`."""
    users = read_ids(columns[form.user], "user", faults, integer=integer_ids)
    items = read_ids(columns[form.item], "item", faults, integer=integer_ids)
    value = None if form.rating is None else read_values(columns[form.rating], scale, faults)
    time = None if form.time is None else read_times(columns[form.time], faults)
    keep = faults.keep
    if not keep.any():
        return None, False
    notes = []
    if form.time is not None and time is None:
        notes.append(f"No time in {form.label(form.time)} could be read, so the ratings have no times.")
    if value is None:
        value, scale = np.ones(len(keep), np.float32), None
    elif scale is not None:
        scale = float(scale[0]), float(scale[1])
    else:
        scale, note = inferred_scale(value[keep])
        notes += [note] if note else []
    user_vocab, user = users.vocabulary(keep)
    item_vocab, item = items.vocabulary(keep)
    value, time = value[keep], None if time is None else time[keep]
    last = latest(user, item, time, len(item_vocab))
    every = Interactions(user, item, value, time, len(user_vocab), len(item_vocab))
    kept = every if len(last) == len(every) else every.take(last)
    return Rows(user_vocab, item_vocab, kept, scale, len(every) - len(kept), tuple(notes)), time is not None


def _skipped(cells: Cells, faults: Faults, data: bytes, delimiter: str, separator: str) -> tuple[Skipped, ...]:
    lines: dict[str, list[int]] = {}
    count: dict[str, int] = {}
    for line, reason in cells.misfits:
        count[reason] = count.get(reason, 0) + 1
        if count[reason] <= _EXAMPLES:
            lines.setdefault(reason, []).append(line)
    for place, reason in enumerate(faults.reasons, 1):
        found = cells.line[faults.code == place]
        if len(found):
            count[reason], lines[reason] = len(found), found[:_EXAMPLES].tolist()
    text = lines_at(data, {line for some in lines.values() for line in some})

    def example(line: int) -> Example:
        shown = text[line].replace(separator, delimiter)
        return Example(line, shown if len(shown) <= _EXAMPLE_LENGTH else shown[: _EXAMPLE_LENGTH - 1] + "…")

    return tuple(Skipped(reason, count[reason], tuple(map(example, lines[reason]))) for reason in count)
