"""What is held in memory: `Interactions`, `Dataset`, and the `Query` a model is asked.

Everything is frozen and every array is read-only, because one copy serves all browser sessions.
Inside, people and movies are int32 positions; their external ids live in the two vocabularies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.vocab import Vocab

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


def freeze(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, made read-only."""
    array.setflags(write=False)
    return array


def plain_year(value: Any) -> int | None:
    """A cell of the nullable column `year` as a plain integer or None."""
    return None if pd.isna(value) else int(value)


def freeze_csr(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The same sparse matrix with sorted indices and read-only arrays."""
    matrix.sort_indices()
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.setflags(write=False)
    return matrix


@dataclass(frozen=True, eq=False)
class Interactions:
    """Who rated what: parallel arrays of `m` rows, at most one row a (user, item) pair.

    `user`, `item`: int32 `(m,)`, positions in the vocabularies of the dataset they belong to.
    `value`: float32 `(m,)`, the rating, or 1 where the data only say that it happened.
    `time`: int64 `(m,)`, Unix seconds, or None where the data carry no time.
    """

    user: Int32
    item: Int32
    value: Float32
    time: Int64 | None
    n_users: int
    n_items: int

    def __post_init__(self) -> None:
        sizes = {len(self.user), len(self.item), len(self.value)}
        if self.time is not None:
            sizes.add(len(self.time))
        if len(sizes) != 1:
            raise ValueError(f"user, item, value and time differ in length: {sorted(sizes)}")
        for array in (self.user, self.item, self.value, self.time):
            if array is not None:
                freeze(array)

    @classmethod
    def of(
        cls,
        user: Sequence[int] | NDArray[Any],
        item: Sequence[int] | NDArray[Any],
        value: Sequence[float] | NDArray[Any],
        time: Sequence[int] | NDArray[Any] | None = None,
        *,
        n_users: int,
        n_items: int,
    ) -> Interactions:
        """Interactions from any sequences, copied into the house's types."""
        return cls(
            np.array(user, np.int32),
            np.array(item, np.int32),
            np.array(value, np.float32),
            None if time is None else np.array(time, np.int64),
            n_users,
            n_items,
        )

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """Ratings as csr float32 `(n_users, n_items)`; a stored cell is a rating, even when it is 0.

        Raises `ValueError` when a pair occurs twice, because a sparse matrix would silently add them up.
        """
        ones = sp.csr_matrix((self.value, (self.user, self.item)), shape=(self.n_users, self.n_items))
        if ones.nnz != len(self):
            raise ValueError("a (user, item) pair occurs more than once; the readers keep the last one")
        return freeze_csr(ones)

    @cached_property
    def item_count(self) -> Int64:
        """Interactions an item, int64 `(n_items,)`."""
        return freeze(np.bincount(self.item, minlength=self.n_items))

    @cached_property
    def user_count(self) -> Int64:
        """Interactions a user, int64 `(n_users,)`."""
        return freeze(np.bincount(self.user, minlength=self.n_users))

    def take(self, rows: NDArray[Any]) -> Interactions:
        """The chosen rows (positions or a mask), over the same vocabularies."""
        return Interactions(
            self.user[rows],
            self.item[rows],
            self.value[rows],
            None if self.time is None else self.time[rows],
            self.n_users,
            self.n_items,
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Ratings with everything known of the people and the movies.

    `movies`: one row an item, in the order of `items`: `title` (str), `year` (nullable integer),
    `genres` (tuple of str) and, where known, `directors`, `tags` (tuples), `certificate`, `based_on`.
    `features`: csr float32 `(n_items, f)` with `feature_names` such as "genre: Drama".
    `people`: one row a user, in the order of `users`, or None: `age`, `gender`, `occupation`, `zip`, missing where not
    known; `user_features` likewise, csr `(n_users, g)`.
    `scale`: lowest and highest rating possible, or None when the data carry no ratings ("implicit").
    The tables are shared between sessions: read them, never write to them.
    """

    name: str
    users: Vocab
    items: Vocab
    interactions: Interactions
    movies: pd.DataFrame
    features: sp.csr_matrix
    feature_names: tuple[str, ...]
    scale: tuple[float, float] | None
    people: pd.DataFrame | None = None
    user_features: sp.csr_matrix | None = None
    user_feature_names: tuple[str, ...] = ()
    about: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        shape = (self.interactions.n_users, self.interactions.n_items)
        if shape != (len(self.users), len(self.items)):
            raise ValueError(f"interactions are over {shape}, vocabularies {len(self.users), len(self.items)}")
        if len(self.movies) != len(self.items) or self.features.shape != (
            len(self.items),
            len(self.feature_names),
        ):
            raise ValueError("movies and features need one row an item, features one column a name")
        freeze_csr(self.features)

    @property
    def n_users(self) -> int:
        """Number of people."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of movies."""
        return len(self.items)

    @property
    def explicit(self) -> bool:
        """Whether the values are ratings on a scale."""
        return self.scale is not None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that a model may learn from, names and descriptions of the data aside: 16 hexadecimal digits.

        That is ids, ratings, times, scale, features, and every column of `movies` and `people`.
        Cost: O(m + n_users + n_items).
        """
        content = hashlib.blake2b(digest_size=8)
        i = self.interactions
        parts: list[NDArray[Any]] = [self.users.ids, self.items.ids, i.user, i.item, i.value]
        parts += [] if i.time is None else [i.time]
        for matrix in (self.features, self.user_features):
            parts += [] if matrix is None else [matrix.data, matrix.indices, matrix.indptr]
        for part in parts:
            content.update(f"{part.dtype.str}{part.shape}".encode())
            content.update(np.ascontiguousarray(part).view(np.uint8).data if part.size else b"")
        told: list[Any] = [self.scale, self.feature_names, self.user_feature_names]
        for table in (self.movies, self.people):
            told.append(None if table is None else [(name, table[name].tolist()) for name in table])
        content.update(repr(told).encode())
        return content.hexdigest()

    def with_interactions(self, interactions: Interactions) -> Dataset:
        """The same people and movies with other ratings: how a split makes its training data."""
        return Dataset(
            self.name, self.users, self.items, interactions, self.movies, self.features, self.feature_names,
            self.scale, self.people, self.user_features, self.user_feature_names, self.about,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Query:
    """What a model is asked about `b` people: who they are to the model, and what they have rated.

    `user`: int32 `(b,)`, position in the training data, or −1 for a visitor.
    `history`: csr float32 `(b, n_items)`, their ratings; a stored cell is a rating.
    `sequence`: int32 `(b, L)`, the same items oldest first, padded on the left with −1.
    `time`: int64 `(b,)`, Unix seconds at which the question is asked, or None where that is not said.
    `allowed`: bool `(n_items,)`, which items may be listed, or None for all. No score of one item depends on it, but
    where lists are merged or only their first places are ranked anew, it says what those lists hold.
    A visitor differs from a stored person in `user` alone, so both take the same path.
    """

    user: Int32
    history: sp.csr_matrix
    sequence: Int32
    time: Int64 | None = None
    allowed: Bool | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.user), self.history.shape[0], len(self.sequence)}
        if self.time is not None:
            sizes.add(len(self.time))
            freeze(self.time)
        if len(sizes) != 1:
            raise ValueError("user, history, sequence and time must have one row a query")
        freeze_csr(self.history)
        freeze(self.user)
        freeze(self.sequence)

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of_users(
        cls, train: Dataset, user: Sequence[int] | NDArray[Any], time: Sequence[int] | NDArray[Any] | None = None
    ) -> Query:
        """A query for people of the training data, with their training ratings; −1 has no history.

        `time`: when each is asked, Unix seconds, where that matters.
        """
        asked = np.array(user, np.int32)
        known = asked >= 0
        matrix = train.interactions.matrix
        found = matrix[asked[known]]
        length = np.zeros(len(asked), np.int64)
        length[known] = np.diff(found.indptr)
        history = sp.csr_matrix(
            (found.data, found.indices, np.concatenate([[0], np.cumsum(length)])), (len(asked), train.n_items)
        )
        when = None if time is None else np.array(time, np.int64)
        return cls(asked, history, sequences(train.interactions, asked), when)

    @classmethod
    def of_visitor(cls, n_items: int, item: Sequence[int], value: Sequence[float]) -> Query:
        """A query for one person who is not in the data and rated `item` (distinct positions, oldest first)."""
        if len(set(item)) != len(item):
            raise ValueError("an item occurs more than once; keep its last rating")
        history = sp.csr_matrix(
            (np.array(value, np.float32), (np.zeros(len(item), np.int32), np.array(item, np.int32))),
            shape=(1, n_items),
        )
        return cls(np.array([-1], np.int32), history, np.array([item], np.int32).reshape(1, -1))

    def without(self, item: int) -> Query:
        """The same queries as if `item` had never been rated."""
        keep = self.history.indices != item
        indptr = np.concatenate([[0], np.cumsum(keep)])[self.history.indptr]
        history = sp.csr_matrix((self.history.data[keep], self.history.indices[keep], indptr), self.history.shape)
        sequence = np.where(self.sequence == item, -1, self.sequence).astype(np.int32)
        return Query(self.user, history, sequence, self.time, self.allowed)

    def among(self, allowed: Bool | None) -> Query:
        """The same queries where only these items may be listed."""
        return self if allowed is self.allowed else replace(self, allowed=allowed)

    def rows(self, start: int, stop: int) -> Query:
        """The queries `start` to `stop`, as a smaller batch."""
        return Query(
            self.user[start:stop].copy(),
            sp.csr_matrix(self.history[start:stop]),
            self.sequence[start:stop].copy(),
            None if self.time is None else self.time[start:stop].copy(),
            self.allowed,
        )


def sequences(interactions: Interactions, user: Int32) -> Int32:
    """Items of each user, oldest first, int32 `(b, L)`, padded on the left with −1.

    Rows of the same time keep their order in the data; without times that order is all there is.
    """
    chosen = np.flatnonzero(np.isin(interactions.user, user[user >= 0]))
    time = np.zeros(len(chosen), np.int64) if interactions.time is None else interactions.time[chosen]
    chosen = chosen[np.lexsort((time, interactions.user[chosen]))]
    of_user, item = interactions.user[chosen], interactions.item[chosen]
    start = np.searchsorted(of_user, user, side="left")
    length = np.where(user >= 0, np.searchsorted(of_user, user, side="right") - start, 0)
    width = int(length.max(initial=0))
    place = np.arange(width)[None, :] - (width - length)[:, None]
    found = item[np.minimum(start[:, None] + np.maximum(place, 0), max(len(item) - 1, 0))] if len(item) else place
    return np.where(place >= 0, found, -1).astype(np.int32)
