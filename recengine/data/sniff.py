"""How a ratings table is written: its delimiter, how wide its rows are, and whether a header stands above them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from recengine.data.fields import DELIMITERS, records, separated, trimmed
from recengine.data.roles import Columns, Roles, is_time, names_user_and_item, roles_chosen, roles_of, told_by_names
from recengine.data.text import is_missing, number, truth
from recengine.errors import DataError

_SAMPLE_BYTES, _SAMPLE_ROWS = 1 << 18, 500
_MARKS = ("#", "%")  # of a comment
_EXCEL = re.compile(rb'"?sep=(.|\\t)"?[;,\t]*(?:\n|$)', re.IGNORECASE)  # a first line that tells Excel the delimiter


@dataclass(frozen=True)
class Form:
    """A table's form: `header` is its names or None, `width` its fields a row, `skip` the lines before the first row.

    `preamble`: those of them above the header or, in a comment, above the first row; `roles`: what the columns mean;
    `unread`: positions of the other columns, unless they are blank.
    """

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    skip: int
    preamble: tuple[int, ...]
    roles: Roles
    unread: tuple[int, ...]

    def label(self, column: int) -> str:
        """A column's name, or its position counted from 1 where it has none."""
        name = " ".join(self.header[column].split()) if self.header else ""
        return name or f"column {column + 1}"


Row = tuple[int, list[str]]


def sniff(
    data: bytes, name: str, columns: Columns | None = None, delimiter: str | None = None, header: bool | None = None
) -> Form:
    """The form under which most of the first rows make sense; what is given is not guessed.

    Raises `DataError` for a table that is empty, has one column, or lacks a column asked for.
    """
    sample = _sample(data)
    said = _EXCEL.match(sample)
    if said:
        word = said[1].decode(errors="replace").replace("\\t", "\t")
        delimiter = delimiter or (word if word in DELIMITERS else None)
    if not sample[said.end() if said else 0 :].strip():
        raise DataError(f"{name} is empty: choose a file with one rating a line (user, item, rating).")
    best: tuple[float, Form] | None = None
    failure: DataError | None = None
    for candidate in [delimiter] if delimiter else DELIMITERS:
        rows = list(islice(records(*separated(sample, candidate)), _SAMPLE_ROWS))[1 if said else 0 :]
        if max((len(fields) for _, fields in rows[_comments(rows) :]), default=0) < 2:
            continue
        try:
            form = _form(rows, candidate, columns, header, 1 if said else 0)
        except DataError as error:
            failure = failure or DataError(f"{name} {error}")
            continue
        points = _points(rows, form)
        if best is None or points > best[0]:
            best = points, form
    if best is None:
        raise failure or DataError(
            f"{name} has only one column: a ratings table needs at least a user and an item on each line."
        )
    return best[1]


def _sample(data: bytes) -> bytes:
    if len(data) <= _SAMPLE_BYTES:
        return data
    end = data.rfind(b"\n", 0, _SAMPLE_BYTES)
    return data[: end if end > 0 else data.find(b"\n") if b"\n" in data else len(data)]


def _form(rows: list[Row], delimiter: str, columns: Columns | None, header: bool | None, skip: int) -> Form:
    comments = _comments(rows)
    width = Counter(len(fields) for _, fields in rows[comments:] if len(fields) > 1).most_common(1)[0][0]
    if columns is not None and any(isinstance(column, str) for column in vars(columns).values()):
        header = True
    top = [(line, fields[1:]) for line, fields in rows[:comments]] + rows[comments:]
    at = None if header is False else _header_at(top, width, forced=header is True)
    names, before = None, comments
    if at is not None:
        names, before = _full_header(top[at][1], [fields for _, fields in top[at + 1 :]], width), at
        width = len(names)
    skip = max([skip] + [line for line, _ in rows[: before + (at is not None)]])
    body = [fields for line, fields in rows if line > skip and len(fields) == width]
    known = names or ("",) * width
    roles = roles_chosen(columns, known, width) if columns else roles_of(known, body, width)
    other = (place for place in range(width) if place not in roles.read)
    unread = tuple(place for place in other if known[place].strip() or any(fields[place].strip() for fields in body))
    return Form(delimiter, names, width, skip, tuple(line for line, _ in rows[:before]), roles, unread)


def _comments(rows: list[Row]) -> int:
    """How many of the first rows have a comment's mark as their first field, as where blanks part the fields."""
    return next((at for at, (_, fields) in enumerate(rows) if fields[0].strip() not in _MARKS), 0)


def _header_at(rows: list[Row], width: int, *, forced: bool) -> int | None:
    """Where the header is: at the latest the first row as wide as most, since a title or comment seldom is."""
    wide = [at for at, (_, fields) in enumerate(rows) if len(trimmed(fields, width)) == width]
    first = next((at for at in wide if not rows[at][1][0].startswith(_MARKS)), wide[0])
    upwards = range(first, -1, -1)
    named = (at for at in upwards if _is_words(rows[at][1]) and names_user_and_item(rows[at][1]))
    above = (at for at in upwards if _stands_above(rows[at][1], [fields for _, fields in rows[at + 1 :]], width))
    found = next(named, None)
    return next(above, first if forced else None) if found is None else found


def _is_words(fields: list[str]) -> bool:
    return not any(re.match(r"\W*\d", field) or is_missing(field) for field in fields)


def _stands_above(names: list[str], body: list[list[str]], width: int) -> bool:
    """Whether a row has words where those below have numbers, and none of its words stands in them."""
    below = [fields for fields in body if len(fields) > 1 and fields != names]
    if len(names) < 2 or not all(name.strip() for name in names) or not _is_words(names):
        return False
    if len(_full_header(names, body, width)) != width or any(name in fields for fields in below for name in names):
        return False
    # In two columns a number may be a title ("1984"), so there only numbers throughout tell a header.
    enough = all if len(names) == 2 else any
    return sum(enough(is_time(field) for field in fields) for fields in below) * 2 > len(below)


def _full_header(names: list[str], body: list[list[str]], width: int) -> tuple[str, ...]:
    found = tuple(trimmed(names, width))
    wide = [fields for fields in body if len(fields) == width]
    if len(found) != width - 1 or not wide:
        return found
    # Rows one field wider: either each ends in a delimiter, or each starts with its own name, as R writes them.
    if all(not fields[-1].strip() for fields in wide):
        return (*found, "")
    return ("", *found) if len({fields[0] for fields in wide}) == len(wide) else found


def _points(rows: list[Row], form: Form) -> float:
    """How much sense the rows make: a point for a user and an item, more for a rating and a time."""
    roles, points = form.roles, float(told_by_names(form.header or ()))
    for line, fields in rows:
        if line <= form.skip or len(fields) != form.width:
            continue
        if not (fields[roles.user].strip() and fields[roles.item].strip()):
            continue
        if roles.rating is not None and number(fields[roles.rating]) is None and truth(fields[roles.rating]) is None:
            continue
        points += 1 + (roles.rating is not None) + (roles.time is not None and is_time(fields[roles.time])) / 2
    return points / max(1, len(rows))
