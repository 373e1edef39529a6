"""The files beside MovieLens's ratings: movies, people and tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from recengine.data.fields import records
from recengine.data.text import decode
from recengine.data.titles import readable, year_of
from recengine.errors import DataError

_TAGS_KEPT = 5
_NO_GENRES = {"(no genres listed)", "unknown", ""}

# MovieLens 1M writes occupations as numbers; its README names them.
_OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip


def read_movies(name: str, raw: bytes, genre_names: bytes = b"") -> pd.DataFrame:
    """Movies by id: `title` (str, readable), `year` (nullable integer), `genres` (tuple).

    `name` is `u.item`, `movies.dat` or `movies.csv`; the first needs the content of `u.genre`.
    Raises `DataError` when no line is a movie.
    """
    genres_of_item = _genre_order(genre_names)
    movies: dict[int, tuple[str, int | None, tuple[str, ...]]] = {}
    for fields in _lines(name, raw):
        if len(fields) < 3 or not _is_id(fields[0]):
            continue
        if name == "u.item":
            flags = fields[5:]
            genres = [genre for genre, flag in zip(genres_of_item, flags, strict=False) if flag == "1"]
        else:
            genres = fields[2].split("|")
        title = readable(fields[1])
        kept = tuple(genre for genre in genres if genre not in _NO_GENRES)
        movies.setdefault(int(fields[0]), (title, year_of(title), kept))
    if not movies:
        raise DataError(f"{name} holds no movies: download the dataset again.")
    titles, years, genres_of = zip(*movies.values(), strict=True)
    return pd.DataFrame(
        {
            "title": pd.Series(titles, dtype="str"),
            "year": pd.array(years, dtype="Int16"),
            "genres": pd.Series(genres_of, dtype="object"),
        }
    ).set_index(pd.Index(list(movies), dtype="int64"))


def read_people(name: str, raw: bytes) -> pd.DataFrame:
    """People by id: `age` (nullable integer; in 1M the lower end of a group), `gender`, `occupation`, `zip` (str).

    A zip code is text: it may begin with 0, have a second part, or be of another country.
    """
    people: dict[int, tuple[int | None, str | None, str | None, str | None]] = {}
    for fields in _lines(name, raw):
        if len(fields) < 4 or not _is_id(fields[0]):
            continue
        age, gender, job = fields[1:4] if name == "u.user" else (fields[2], fields[1], fields[3])
        if name == "users.dat" and job.isdecimal() and int(job) < len(_OCCUPATIONS):
            job = _OCCUPATIONS[int(job)]
        years = int(age) if re.fullmatch("[0-9]{1,2}", age) else None
        place = fields[4].strip() if len(fields) > 4 else ""
        people[int(fields[0])] = (years, gender or None, job or None, place or None)
    ages, genders, jobs, places = zip(*people.values(), strict=True) if people else ((), (), (), ())
    return pd.DataFrame(
        {
            "age": pd.array(ages, dtype="Int16"),
            "gender": pd.Series(genders, dtype="str"),
            "occupation": pd.Series(jobs, dtype="str"),
            "zip": pd.Series(places, dtype="str"),
        }
    ).set_index(pd.Index(list(people), dtype="int64"))


def read_tags(name: str, raw: bytes) -> dict[int, tuple[str, ...]]:
    """The few tags most often given to each movie, most used first, in lower case; equal counts by alphabet."""
    given = ((int(f[1]), " ".join(f[2].casefold().split())) for f in _lines(name, raw) if _is_tag(f))
    of_item: dict[int, list[str]] = {}
    for (item, tag), _ in sorted(Counter(given).items(), key=lambda one: (-one[1], one[0])):
        best = of_item.setdefault(item, [])
        if len(best) < _TAGS_KEPT:
            best.append(tag)
    return {item: tuple(tags) for item, tags in of_item.items()}


def _is_id(text: str) -> bool:
    return re.fullmatch("[0-9]{1,18}", text) is not None


def _is_tag(fields: list[str]) -> bool:
    return len(fields) >= 4 and _is_id(fields[1]) and bool(fields[2].strip())


def _lines(name: str, raw: bytes) -> Iterator[list[str]]:
    data = decode(raw, name).data
    if name.endswith(".csv"):
        yield from (fields for _, fields in records(data, ","))
        return
    delimiter = "::" if name.endswith(".dat") else "|"
    for line in data.decode().split("\n"):
        yield line.split(delimiter)


def _genre_order(raw: bytes) -> list[str]:
    pairs = [fields for fields in _lines("u.genre", raw) if len(fields) == 2 and fields[1].isdecimal()]
    return [genre for genre, _ in sorted(pairs, key=lambda pair: int(pair[1]))]
