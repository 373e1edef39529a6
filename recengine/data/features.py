"""What is known of movies and people as sparse 0/1 columns with names that can be shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recengine.data.dataset import freeze_csr

Words = Sequence[str]
Group = list[Words]  # one entry a row: its words

_AGES = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (50, "45-49"), (56, "50-55"))
_OLDEST = "56+"
_WORD = re.compile(r"[^\W\d_]{3,}")  # letters alone: a title's year and its roman numeral are no words
_EMPTY_WORDS = {"the", "and", "for", "from", "with", "aka", "les", "der", "die", "das", "los", "las", "del", "des"}


def item_features(movies: pd.DataFrame) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Attributes of movies, csr float32 `(n_items, f)`, and their names.

    One column a value: "genre: Drama", "decade: 1990s", "director: John Lasseter" (of at least two movies here),
    "certificate: PG-13", "based on: Play", as far as `movies` has these columns. Cost: O(n_items).
    """
    groups: list[tuple[str, Group, int]] = [
        ("genre", _lists(movies, "genres"), 1),
        ("decade", [[] if year is None else [f"{year // 10 * 10}s"] for year in _values(movies, "year")], 1),
        ("director", _lists(movies, "directors"), 2),
        ("certificate", _single(movies, "certificate"), 1),
        ("based on", _single(movies, "based_on"), 1),
    ]
    return _columns(len(movies), groups)


def text_features(movies: pd.DataFrame) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Words about movies, csr float32 `(n_items, f)`, and their names: "tag: time travel", "title word: star".

    Only what at least two movies share is a column. Title words are of three letters or more, in lower case, without
    articles and the like. Cost: O(n_items).
    """
    titles: Group = [
        sorted(set(_WORD.findall(str(title).casefold())) - _EMPTY_WORDS) for title in _values(movies, "title")
    ]
    return _columns(len(movies), [("tag", _lists(movies, "tags"), 2), ("title word", titles, 2)])


def user_features(people: pd.DataFrame) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Attributes of people, csr float32 `(n_users, g)`, and their names: "age: 25-34", "gender: F", "occupation: …".

    The age groups are those of MovieLens 1M. A zip code is no attribute here: few people share one. Cost: O(n_users).
    """
    groups: list[tuple[str, Group, int]] = [
        ("age", [[] if age is None else [_age_group(age)] for age in _values(people, "age")], 1),
        ("gender", _single(people, "gender"), 1),
        ("occupation", _single(people, "occupation"), 1),
    ]
    return _columns(len(people), groups)


def _columns(n: int, groups: Iterable[tuple[str, Group, int]]) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    names: list[str] = []
    row: list[int] = []
    column: list[int] = []
    for label, group, least in groups:
        count = Counter(word for words in group for word in set(words))
        kept = sorted(word for word, times in count.items() if times >= least)
        place = {word: len(names) + offset for offset, word in enumerate(kept)}
        names += [f"{label}: {word}" for word in kept]
        for index, words in enumerate(group):
            for word in set(words) & place.keys():
                row.append(index)
                column.append(place[word])
    ones = np.ones(len(row), np.float32)
    return freeze_csr(sp.csr_matrix((ones, (row, column)), shape=(n, len(names)), dtype=np.float32)), tuple(names)


def _values(table: pd.DataFrame, column: str) -> list[Any]:
    if column not in table:
        return []
    return [None if value is None or value is pd.NA or value != value else value for value in table[column].tolist()]


def _lists(table: pd.DataFrame, column: str) -> Group:
    return [list(words) for words in _values(table, column)]


def _single(table: pd.DataFrame, column: str) -> Group:
    return [[] if value is None else [value] for value in _values(table, column)]


def _age_group(age: int) -> str:
    return next((group for below, group in _AGES if age < below), _OLDEST)
