"""Titles by text: search as one types, and the exact look-up of the command line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recengine.data.dataset import Int32, Int64, freeze

# Without "die", for the sake of Die Hard.
_ARTICLES = frozenset(["the", "a", "an", "l", "le", "la", "les", "el", "los", "las", "il", "lo", "der", "das"])
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_YEAR = re.compile(r"\s*\((\d{4})[^()]*\)\s*$")
_LONGEST_QUERY = 120
_LEAST_LIKENESS = 0.25
_NO_FIT = 5
_END = ord("\n")


def fold(text: str) -> str:
    """Text without case, accents and punctuation: words of letters and digits with one space between.

    Apostrophes and full stops join ("E.T." is "et"), a comma before a last article turns it round, "&" is "and".

    >>> fold("Léon: The Professional"), fold("Ocean's Eleven"), fold("Matrix, The")
    ('leon the professional', 'oceans eleven', 'the matrix')
    """
    text = text.casefold().replace("&", " and ")
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        text = text.casefold().translate(_LETTERS)
    start, comma, article = text.rpartition(",")
    if comma and article.strip(" '’") in _ARTICLES:
        text = f"{article} {start}"
    return " ".join(re.sub(r"[\W_]+", " ", re.sub(r"['’‘`´.]", "", text)).split())


def without_article(folded: str) -> str:
    """Folded text without a first article, unless nothing else is left."""
    first, _, rest = folded.partition(" ")
    return rest if first in _ARTICLES and rest else folded


@dataclass(frozen=True, eq=False)
class TitleIndex:
    """Titles such as "The Matrix (1999)", made ready to be searched. Build it with `TitleIndex.of`.

    `place`: int64 `(n,)`, standing of each title by weight, 0 first.
    `full`: folded titles with their year and article, after a space; `joined`: letters of them without any space.
    `names`, `folded`, `bare`: what `exact` looks up, strictest first: the titles as given; folded, in four forms:
    with year, up to the first parenthesis with year, and these two without year; the four without article.
    """

    place: Int64
    full: pd.Series[Any]
    joined: pd.Series[Any]
    names: pd.Series[Any]
    folded: tuple[pd.Series[Any], ...]
    bare: tuple[pd.Series[Any], ...]

    @classmethod
    def of(cls, titles: Iterable[str], weight: NDArray[Any] | None = None) -> TitleIndex:
        """An index over `n` titles; `weight` `(n,)`, such as the number of ratings, breaks ties (larger first).

        Cost: O(letters); about a second for 87,000 titles.
        """
        names = [_sound(str(title)).strip() for title in titles]
        order = np.arange(len(names)) if weight is None else np.argsort(-np.asarray(weight, np.float64), kind="stable")
        place = np.empty(len(names), np.int64)
        place[order] = np.arange(len(names))
        parts = [_parts(name) for name in names]
        full = [f"{whole} {year}".strip() for whole, _, year in parts]
        folded = (
            full,
            [f"{head} {year}".strip() for _, head, year in parts],
            [whole for whole, _, _ in parts],
            [head for _, head, _ in parts],
        )
        bare = [list(map(without_article, form)) for form in folded]
        return cls(
            freeze(place),
            _texts(f" {text}" for text in full),
            _texts(text.replace(" ", "") for text in full),
            _texts(names),
            tuple(map(_texts, folded)),
            tuple(map(_texts, bare)),
        )

    def exact(self, text: str) -> Int32:
        """Positions of the titles that `text` names, int32 `(c,)`, heaviest first: none, the one, or candidates.

        The first of the forms (see the class) in which something equals the text decides. So "Toy Story (1995)"
        and "toy story" find one movie, "heat" not "The Heat", and "Hamlet" all its versions.
        Cost: O(n) comparisons, about 2 ms for 87,000 titles.
        """
        text = _sound(text).strip()
        folded = fold(text)
        keys = (text, *[folded] * len(self.folded), *[without_article(folded)] * len(self.bare))
        for form, key in zip((self.names, *self.folded, *self.bare), keys, strict=True):
            found = np.flatnonzero(form == key)
            if key and len(found):
                return found[np.argsort(self.place[found])].astype(np.int32)
        return np.empty(0, np.int32)

    def find(self, text: str, limit: int = 20) -> Int32:
        """The titles that best fit a text being typed, best first, int32 `(≤ limit,)`.

        Case, accents, punctuation and articles do not matter. First what `exact` finds, then titles that are
        the text but for an article or what stands in parentheses, that start with it, that hold all its words
        in order (each as the start of a word; the year is the last word, so "heat 1995" narrows), that hold its
        letters anywhere; heavier titles first within each. Only when there are none, titles spelled alike.
        A text without a letter or digit gives the heaviest titles.
        Cost: O(letters), about 15 ms for 87,000 titles.
        """
        query = fold(_sound(text))[:_LONGEST_QUERY].rstrip()
        tier = self._tiers(query)
        found = np.flatnonzero(tier < _NO_FIT)
        if len(found) == 0:
            return self._alike(query, limit)
        tier[self.exact(text)] = 0  # all of them are among the found
        return found[np.lexsort((self.place[found], tier[found]))[: max(limit, 0)]].astype(np.int32)

    def _tiers(self, query: str) -> NDArray[np.int8]:
        """1 is called so, 2 starts with it, 3 holds its words, 4 holds its letters, 5 does not fit; int8 `(n,)`."""
        bare = without_article(query)
        words = " " + bare.replace(" ", ".* ")  # folded text holds nothing that a regular expression would read
        fits = (
            (self.bare[3] == bare) & (bare != ""),
            self.full.str.startswith(f" {query}") | self.bare[0].str.startswith(bare),
            self.full.str.contains(words, regex=" " in bare),
            self.joined.str.contains(bare.replace(" ", ""), regex=False),
        )
        return np.select([fit.to_numpy(np.bool_) for fit in fits], [1, 2, 3, 4], _NO_FIT).astype(np.int8)

    def _alike(self, query: str, limit: int) -> Int32:
        """Titles by Dice's coefficient of their trigrams with the query's, 2|A∩B| / (|A| + |B|), at least 0.25."""
        owner, start, count = self._trigrams
        asked = _trigrams([query])[1]
        hits = [owner[start[trigram] : start[trigram + 1]] for trigram in asked]
        shared = np.bincount(np.concatenate([owner[:0], *hits]), minlength=len(count))
        likeness = 2 * shared / (count + len(asked))
        found = np.flatnonzero(likeness >= _LEAST_LIKENESS)
        return found[np.lexsort((self.place[found], -likeness[found]))[: max(limit, 0)]].astype(np.int32)

    @cached_property
    def _trigrams(self) -> tuple[Int32, Int64, Int64]:
        """Titles by trigram: those of trigram t are owner[start[t]:start[t + 1]]; and how many a title has."""
        owner, trigram = _trigrams(self.full)
        start = np.searchsorted(trigram, np.arange((1 << 16) + 1))
        return owner, start, np.bincount(owner, minlength=len(self.full))


def _trigrams(texts: Iterable[str]) -> tuple[Int32, Int32]:
    """The distinct trigrams of each text as pairs, by trigram: its position, and the trigram hashed to 16 bits.

    Words stand between double spaces, so their first letters weigh more, as in PostgreSQL's pg_trgm.
    """
    lines = "".join(f" {text.strip()} \n".replace(" ", "  ") for text in texts)
    codes = np.frombuffer(lines.encode("utf-32-le"), np.uint32).astype(np.int64)
    first, second, third = codes[:-2], codes[1:-1], codes[2:]
    inside = (first != _END) & (second != _END) & (third != _END)
    owner = np.cumsum(codes == _END)[: len(first)]
    trigram = (first * 961 + second * 31 + third) & 0xFFFF
    pair = np.unique(((trigram << 32) | owner)[inside])
    return (pair & 0xFFFFFFFF).astype(np.int32), (pair >> 32).astype(np.int32)


def _parts(title: str) -> tuple[str, str, str]:
    """A title folded, folded up to its first parenthesis, and its year ("" where there is none)."""
    found = _YEAR.search(title)
    name, year = (title[: found.start()], found[1]) if found else (title, "")
    whole = fold(name)
    head = name.partition(" (")[0]
    return whole, whole if head == name else fold(head) or whole, year


def _texts(texts: Iterable[str]) -> pd.Series[Any]:
    return pd.Series(list(texts), dtype="str")


def _sound(text: str) -> str:
    """Text without lone surrogates, which a command line may carry and no encoding takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
