"""Any ratings table to a `Dataset`: nothing valid is lost, and a report says what became of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from recengine.data.dataset import Bool, Dataset, Int32, Interactions
from recengine.data.features import item_features
from recengine.data.fields import DELIMITERS, Cells, cut, lines_at, separated
from recengine.data.report import Example, ImportReport, Skipped
from recengine.data.roles import Columns
from recengine.data.rows import Faults, Ids, check_ids, latest, read_times, read_values, timed
from recengine.data.scales import Range, scale_of
from recengine.data.sniff import Form, sniff
from recengine.data.text import decode
from recengine.data.titles import year_of
from recengine.data.vocab import Vocab
from recengine.errors import DataError

__all__ = ["Columns", "ImportReport", "Rows", "read_ratings", "read_rows"]

_EXAMPLES, _EXAMPLE_LENGTH = 3, 120
_NAMED = 8  # unread columns named in a report


@dataclass(frozen=True, eq=False)
class Rows:
    """The valid ratings of a table, in the order of the file, over the users and items that have one.

    `titles`: what the items are called, in the order of `items`.
    """

    users: Vocab
    items: Vocab
    titles: list[str]
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

    Delimiter, header and the meaning of the columns are found out, as far as they are not given; a column of titles
    beside one of item ids names the movies. Without a rating
    column every row counts as 1. Times are Unix seconds, milliseconds or finer, or ISO dates; a row without one takes
    its user's earliest, and where most have none there are no times. Of several rows for a user and an item the
    latest stays (the last in the file without times). Ids are integers when every id is one ("1.0" is one).
    A row is left out, and counted, when it stands before the table or repeats the header, has the wrong number of
    fields, lacks a user or an item, or has a rating that is none or outside of `scale`, which is the range of the
    valid ratings when not given. Columns that are not read and all that had to be assumed are notes in the report.

    Raises `DataError` when there is no valid row at all. Cost: O(bytes), about 0.4 s a million rows where the file
    is clean and 2 s where rows must be looked at one by one; memory about three times the file.
    """
    rows, report = read_rows(source, name=name, columns=columns, delimiter=delimiter, header=header, scale=scale)
    movies = _movies(rows.titles)
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
    usual: Range | None = None,
    integer_ids: bool = False,
) -> tuple[Rows, ImportReport]:
    """`read_ratings` without movies; with `integer_ids` any other id is a fault of its row, not text.

    `usual` is the scale where no other is given, unless more ratings are outside of it than can be mistakes.
    """
    if delimiter is not None and delimiter not in DELIMITERS:
        raise DataError(f"{delimiter!r} cannot separate columns: choose one of {', '.join(map(repr, DELIMITERS))}.")
    text = decode(_bytes(source, name), name)
    form = sniff(text.data, name, columns, delimiter, header)
    roles = form.roles
    data, separator = separated(text.data, form.delimiter)
    cells = cut(data, separator, form.width, roles.read, form.skip)
    if not len(cells.line) and not cells.misfits:
        raise DataError(f"{name} holds only a header line: choose a file with one rating a line below it.")
    cells.misfits[:0] = [(line, "stood before the table") for line in form.preamble]
    faults = Faults(np.zeros(len(cells.line), np.int8))
    columns_of = dict(zip(roles.read, cells.columns, strict=True))
    rows, has_time = _rows(form, columns_of, faults, scale, usual, integer_ids)
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
        user=form.label(roles.user),
        item=form.label(roles.item),
        rating=None if roles.rating is None else form.label(roles.rating),
        time=form.label(roles.time) if roles.time is not None and has_time else None,
        title=None if roles.title is None else form.label(roles.title),
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
    form: Form,
    columns: dict[int, pa.ChunkedArray],
    faults: Faults,
    scale: Range | None,
    usual: Range | None,
    integer_ids: bool,
) -> tuple[Rows | None, bool]:
    """The valid rows, None when there are none, and whether they have times; marks the others in `faults`."""
    roles = form.roles
    users, items = Ids.of(columns[roles.user]), Ids.of(columns[roles.item])
    if form.header:
        again = users.says(form.header[roles.user]) & items.says(form.header[roles.item])
        faults.mark(again, "repeated the header")
    check_ids(users, "user", faults, integer=integer_ids)
    check_ids(items, "item", faults, integer=integer_ids)
    value, notes = None, roles.notes
    if roles.rating is None:
        scale = None
    else:
        value = read_values(columns[roles.rating], faults)
        scale, more = scale_of(value, scale, usual, faults)
        notes += more
    keep = faults.keep
    if not keep.any():
        return None, False
    user_vocab, user = users.vocabulary(keep)
    item_vocab, item = items.vocabulary(keep)
    titles = _titles(item_vocab, item, None if roles.title is None else Ids.of(columns[roles.title]), keep)
    time = None
    if roles.time is not None:
        time, more = timed(read_times(columns[roles.time])[keep], user, form.label(roles.time))
        notes += more
    value = np.ones(len(user), np.float32) if value is None else value[keep]
    last = latest(user, item, time, len(item_vocab))
    every = Interactions(user, item, value, time, len(user_vocab), len(item_vocab))
    kept = every if len(last) == len(every) else every.take(last)
    notes += _unread(form)
    return Rows(user_vocab, item_vocab, titles, kept, scale, len(every) - len(kept), notes), time is not None


def _titles(items: Vocab, item: Int32, column: Ids | None, keep: Bool) -> list[str]:
    """What each item is first called in the `column`; its id where it is called nothing."""
    titles = [str(item_id) for item_id in items.ids.tolist()]
    if column is not None:
        title = column.code[keep]
        called = np.flatnonzero(np.array([bool(text) for text in column.text], np.bool_)[title])
        found, first = np.unique(item[called], return_index=True)
        for place, code in zip(found.tolist(), title[called[first]].tolist(), strict=True):
            titles[place] = column.text[code]
    return titles


def _unread(form: Form) -> tuple[str, ...]:
    """A sentence on the columns that are not read."""
    names = [form.label(place) for place in form.unread]
    if not names:
        return ()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED]) if more else " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    counts = "; every row counts as 1" if form.roles.rating is None else ""
    return (f"Not read: {listed}{more}{counts}.",)


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
