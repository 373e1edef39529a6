"""How a ratings table is written: its delimiter, whether it has a header, and what its columns mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from recengine.data.fields import DELIMITERS, records, separated
from recengine.data.text import date, number
from recengine.errors import DataError

_SAMPLE_BYTES, _SAMPLE_ROWS = 1 << 18, 500
_EARLIEST_UNIX_TIME = 1e8  # 1973: no rating is that large, no web site is that old

# Names of columns without "id" and plural "s". The earlier role wins a name such as "movie_rating" or "rating_date".
_ROLES = {
    "time": {"time", "timestamp", "date", "datetime", "unixtime", "ts", "when", "day", "created", "reviewtime"},
    "rating": {"rating", "score", "star", "value", "mark", "grade", "overall", "preference", "vote", "stars"},
    "user": {"user", "u", "person", "people", "customer", "reviewer", "member", "account", "visitor", "profile",
             "viewer", "client", "reader", "listener", "player", "username", "who"},
    "item": {"item", "i", "movie", "film", "product", "book", "isbn", "asin", "song", "track", "artist", "game",
             "anime", "article", "video", "show", "restaurant", "business", "title", "what"},
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Which columns to read: a name in the header, or a position counted from 0."""

    user: str | int
    item: str | int
    rating: str | int | None = None
    time: str | int | None = None


@dataclass(frozen=True)
class Form:
    """A table's form: `header` is its names or None, `width` its fields a row, `skip` the lines before the first row.

    `user`, `item`, `rating`, `time` are column positions counted from 0.
    """

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    skip: int
    user: int
    item: int
    rating: int | None
    time: int | None

    def label(self, column: int) -> str:
        """A column's name, or its position counted from 1 where it has none."""
        name = self.header[column].strip() if self.header else ""
        return name or f"column {column + 1}"


Row = tuple[int, list[str]]


def sniff(
    data: bytes, name: str, columns: Columns | None = None, delimiter: str | None = None, header: bool | None = None
) -> Form:
    """The form under which most of the first rows make sense; what is given is not guessed.

    Raises `DataError` for a table that is empty, has one column, or lacks a column asked for.
    """
    sample = _sample(data)
    if not sample.strip():
        raise DataError(f"{name} is empty: choose a file with one rating a line (user, item, rating).")
    best: tuple[float, Form] | None = None
    failure: DataError | None = None
    for candidate in [delimiter] if delimiter else DELIMITERS:
        rows = list(islice(records(*separated(sample, candidate)), _SAMPLE_ROWS))
        if max((len(fields) for _, fields in rows), default=0) < 2:
            continue
        try:
            form = _form(rows, candidate, columns, header)
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


def _form(rows: list[Row], delimiter: str, columns: Columns | None, header: bool | None) -> Form:
    named = columns is not None and any(isinstance(column, str) for column in vars(columns).values())
    first_line, first = rows[0]
    has_header = named or (_is_header(first, rows[1:]) if header is None else header)
    body = [fields for _, fields in rows[has_header:]]
    names = _full_header(first, body) if has_header else None
    width = len(names) if names else Counter(len(fields) for fields in body if len(fields) > 1).most_common(1)[0][0]
    if columns:
        places = _chosen(columns, names, width)
    else:
        places = _by_name(names or ())
        if "user" not in places or "item" not in places:
            places = _by_order(places, width, [fields for fields in body if len(fields) == width])
    skip = first_line if has_header else 0
    return Form(delimiter, names, width, skip, places["user"], places["item"], places.get("rating"), places.get("time"))


def _is_header(first: list[str], rest: list[Row]) -> bool:
    """Whether the first line can be no rating: it names user and item, or has words where the others have numbers."""
    if len(first) < 2 or any(_is_time(field) for field in first):
        return False
    named = _by_name(first, words=False)
    if "user" in named and "item" in named:
        return True
    if any(not field.strip() for field in first):
        return False
    # In two columns a number may be a title ("1984"), so there only numbers throughout tell a header.
    enough = all if len(first) == 2 else any
    numeric = sum(enough(_is_time(field) for field in fields) for _, fields in rest if len(fields) > 1)
    return numeric * 2 > len(rest)


def _full_header(names: list[str], body: list[list[str]]) -> tuple[str, ...]:
    found = tuple(names)
    widths = Counter(len(fields) for fields in body)
    if not body or widths.most_common(1)[0][0] != len(found) + 1:
        return found
    # Rows one field wider: either each ends in a delimiter, or each starts with its own name, as R writes them.
    longer = [fields for fields in body if len(fields) == len(found) + 1]
    return (*found, "") if all(not fields[-1].strip() for fields in longer) else ("", *found)


def _by_name(names: Sequence[str], *, words: bool = True) -> dict[str, int]:
    """Roles that names tell, whole names before names of which one of the `words` tells it."""
    found: dict[str, int] = {}
    for exact in (True, False) if words else (True,):
        for place, name in enumerate(names):
            role = _role(name, exact)
            if role and role not in found and place not in found.values():
                found[role] = place
    return found


def _role(name: str, exact: bool) -> str | None:
    name = name.strip().split(":")[0]  # RecBole writes "user_id:token"
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    parts = {re.sub(r"[^a-z]", "", name.lower())} if exact else {word.lower() for word in words}
    stems = {stem for part in parts for stem in (part, part.removesuffix("id"), part.removesuffix("s"))}
    stems = {stem for stem in stems if exact or len(stem) > 1}
    return next((role for role, known in _ROLES.items() if stems & known), None)


def _by_order(found: dict[str, int], width: int, body: list[list[str]]) -> dict[str, int]:
    """User, item, rating, time in this order among the columns without a role."""
    free = [place for place in range(width) if place not in found.values()]
    places = dict(found)
    for role in ("user", "item"):
        if role not in places and free:
            places[role] = free.pop(0)
    if "user" not in places or "item" not in places:
        raise DataError("does not show which columns hold the user and the item: name them.")
    if free and "rating" not in places:
        if "time" not in places and body and sum(_is_moment(fields[free[0]]) for fields in body) * 2 > len(body):
            return places | {"time": free[0]}
        places["rating"] = free.pop(0)
    if free and "time" not in places and any(_is_time(fields[free[0]]) for fields in body):
        places["time"] = free[0]
    return places


def _chosen(columns: Columns, names: tuple[str, ...] | None, width: int) -> dict[str, int]:
    places: dict[str, int] = {}
    known = [name.strip() for name in names or ()]
    for role, column in vars(columns).items():
        if column is None:
            continue
        if isinstance(column, str) and column not in known:
            raise DataError(f"has no column {column!r}: choose among {', '.join(filter(None, known))}.")
        place = known.index(column) if isinstance(column, str) else int(column)
        if not 0 <= place < width:
            raise DataError(f"has no column {place + 1}: its rows have {width} fields.")
        if place in places.values():
            raise DataError(f"cannot give column {column!r} two meanings: choose another one for the {role}.")
        places[role] = place
    return places


def _is_time(text: str) -> bool:
    return number(text) is not None or date(text) is not None


def _is_moment(text: str) -> bool:
    return date(text) is not None or (number(text) or 0) >= _EARLIEST_UNIX_TIME


def _points(rows: list[Row], form: Form) -> float:
    """How much sense the rows make: a point for a user and an item, more for a rating and a time."""
    body = [fields for line, fields in rows if line > form.skip]
    points = float(len(_by_name(form.header or ())))
    for fields in body:
        if len(fields) != form.width or not (fields[form.user].strip() and fields[form.item].strip()):
            continue
        if form.rating is not None and number(fields[form.rating]) is None:
            continue
        points += 1 + (form.rating is not None) + (form.time is not None and _is_time(fields[form.time])) / 2
    return points / max(1, len(rows))
