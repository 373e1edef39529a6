"""What the columns of a ratings table mean: by their names where these tell it, then by content, then by order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recengine.data.text import date, number
from recengine.errors import DataError

_EARLIEST_UNIX_TIME = 1e8  # 1973: no rating is that large, no web site is that old
_LARGEST_RATING = 100

# Column names without what stands before them, "id", "name" and the plural "s".
_ROLES = {
    "time": {"time", "timestamp", "date", "datetime", "unixtime", "ts", "when", "day", "created", "reviewtime"},
    "rating": {"rating", "score", "star", "value", "mark", "grade", "overall", "preference", "vote", "like", "liked"},
    "user": {"user", "u", "person", "people", "customer", "reviewer", "member", "account", "visitor", "profile",
             "viewer", "client", "reader", "listener", "player", "who"},
    "item": {"item", "i", "movie", "film", "product", "book", "isbn", "asin", "song", "track", "artist", "game",
             "anime", "article", "video", "show", "restaurant", "business", "title", "what"},
}  # fmt: skip
_CODES = {"isbn", "asin"}
_PREPOSITIONS = {"at", "of", "on"}
# How a name tells its role: ids tell people and items apart, names of people and titles merge namesakes.
_ID, _PLAIN, _LABEL = range(3)

Body = Sequence[Sequence[str]]
Places = dict[str, int]


@dataclass(frozen=True)
class Columns:
    """Which columns to read: a name in the header, or a position counted from 0."""

    user: str | int
    item: str | int
    rating: str | int | None = None
    time: str | int | None = None


@dataclass(frozen=True)
class Roles:
    """Positions of the columns that are read, counted from 0, and sentences on anything assumed about them.

    `title`: what items are called, where `item` only holds their ids.
    """

    user: int
    item: int
    rating: int | None = None
    time: int | None = None
    title: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> list[int]:
        """The columns that are read."""
        places = (self.user, self.item, self.rating, self.time, self.title)
        return [place for place in places if place is not None]


class Meaning(NamedTuple):
    """A role a column's name tells, in the order in which names are believed; `part`: only the name's end does."""

    kind: int
    part: bool
    role: str


def names_user_and_item(names: Sequence[str]) -> bool:
    """Whether whole names tell both, as they do in a header and hardly ever in a row."""
    return {"user", "item"} <= _by_name(names, heads=False).keys()


def told_by_names(names: Sequence[str]) -> int:
    """How many roles the names tell."""
    return len(_by_name(names))


def roles_of(names: Sequence[str], body: Body, width: int) -> Roles:
    """The roles of `width` columns with these names (none at all without a header) and rows of that width.

    Raises `DataError` where user and item cannot be told.
    """
    places, notes = _by_name(names), []
    told = {"user", "item"} <= places.keys()

    def free() -> list[int]:
        return [place for place in range(width) if place not in places.values()]

    for role in ("user", "item"):
        if role not in places and free():
            places[role] = free()[0]
    if not {"user", "item"} <= places.keys():
        raise DataError("does not show which columns hold the user and the item: name them.")
    moments = [place for place in free() if _mostly(body, place, is_moment)]
    if "time" not in places and moments:
        places["time"] = moments[0]
    if "rating" not in places and told:
        numbers = [place for place in free() if _may_be_ratings(names[place], body, place)]
        if len(numbers) == 1:
            places["rating"] = numbers[0]
            notes.append(f"No column is called a rating, so {names[numbers[0]].strip()} is read as one.")
    elif "rating" not in places and free():
        places["rating"] = free()[0]
        if "time" not in places and free() and any(is_time(fields[free()[0]]) for fields in body):
            places["time"] = free()[0]
    return _roles(places, title=_title(names, places), notes=tuple(notes))


def roles_chosen(columns: Columns, names: Sequence[str], width: int) -> Roles:
    """The roles as asked for; raises `DataError` for a column that is not there or is asked for twice."""
    places: Places = {}
    known = [name.strip() for name in names]
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
    return _roles(places)


def is_time(text: str) -> bool:
    """Whether this is a number or a date."""
    return number(text) is not None or date(text) is not None


def is_moment(text: str) -> bool:
    """Whether this is a date, or a number too large for a rating and right for a time."""
    return date(text) is not None or (number(text) or 0) >= _EARLIEST_UNIX_TIME


def _roles(places: Places, title: int | None = None, notes: tuple[str, ...] = ()) -> Roles:
    return Roles(places["user"], places["item"], places.get("rating"), places.get("time"), title, notes)


def _by_name(names: Sequence[str], *, heads: bool = True) -> Places:
    """The column of each role whose name tells it best, the first among equals; whole names only without `heads`."""
    best: dict[str, tuple[Meaning, int]] = {}
    for place, meaning in enumerate(map(_meaning, names)):
        if meaning and (heads or not meaning.part):
            best.setdefault(meaning.role, (meaning, place))
            best[meaning.role] = min(best[meaning.role], (meaning, place))
    return {role: place for role, (_, place) in best.items()}


def _meaning(name: str) -> Meaning | None:
    """What a name means by how it ends: "movie_rating" is a rating, "rating_count" and "rating_id" are nothing."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name.split(":")[0])  # RecBole writes "user_id:token"
    words = [word.lower() for word in words]
    words = words[: next((at for at, word in enumerate(words) if at and word in _PREPOSITIONS), None)]
    for start in range(len(words)):
        for suffix, kind in (("", _PLAIN), ("id", _ID), ("ids", _ID), ("name", _LABEL)):
            ending = "".join(words[start:])
            stem = ending.removesuffix(suffix)
            role = next((role for role, known in _ROLES.items() if {stem, stem.removesuffix("s")} & known), None)
            if role is None or not ending.endswith(suffix) or (start and len(stem) == 1):
                continue
            if kind != _PLAIN and role not in ("user", "item"):
                return None
            kind = _ID if stem in _CODES else _LABEL if stem == "title" else kind
            return Meaning(kind, start > 0, role)
    return None


def _title(names: Sequence[str], places: Places) -> int | None:
    """A column of titles beside that of the items, labels before other names of items."""
    meanings = [(meaning, place) for place, meaning in enumerate(map(_meaning, names)) if meaning]
    item_by_id = any(meaning.kind == _ID and place == places["item"] for meaning, place in meanings)
    found = [
        (-meaning.kind, place)
        for meaning, place in meanings
        if meaning.role == "item"
        and place not in places.values()
        and (meaning.kind == _LABEL or (item_by_id and meaning.kind == _PLAIN))
    ]
    return min(found)[1] if found else None


def _mostly(body: Body, place: int, is_so: Callable[[str], bool]) -> bool:
    return sum(is_so(fields[place]) for fields in body) * 2 > len(body)


def _may_be_ratings(name: str, body: Body, place: int) -> bool:
    """Whether a column has a name but not that of an id, and most rows hold a number of a rating's size there."""
    if not name.strip() or re.search(r"(?i:[^a-z]ids?|^id)$|[a-z]I[dD]s?$", name):
        return False
    numbers = [value for value in (number(fields[place]) for fields in body) if value is not None]
    return len(numbers) * 2 > len(body) and all(abs(value) <= _LARGEST_RATING for value in numbers)
