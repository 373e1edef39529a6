"""Blocks of features for factorization machines: what is known of the people, the movies and the days of the ratings.

Ratings of one person share their person's row of features, and likewise for movies and days ("relation blocks", Rendle,
VLDB 2013). So a side of the design keeps one row a person, not one a rating, and each rating points to its row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Bool, Dataset, Float32, Int32, Int64, Interactions, freeze, freeze_csr
from recengine.errors import ModelError
from recengine.models.features import group_of, words_of
from recengine.models.similarity import Float64, kernel_array, rows_of

Track = Literal["ratings", "attributes", "day"]

DAY = 86400  # seconds
ITSELF, IMPLICIT, REST = 0, 1, 2  # blocks of people and movies: each row's own, who met whom, attributes

_OF_PEOPLE = {"age": "the person's age", "gender": "the person's gender", "occupation": "the person's occupation"}


@dataclass(frozen=True, eq=False)
class Block:
    """One group of features: `what` in words, and its values, csr float64, one row a person, movie or day."""

    what: str
    features: sp.csr_matrix


@dataclass(frozen=True, eq=False)
class Side:
    """The blocks of one side, `row` int32 `(m,)` being the row of each rating.

    The first block is the identity: a feature of its own for each row. `start` int64 `(blocks + 1,)`: where each
    block's columns begin.
    """

    row: Int32
    blocks: tuple[Block, ...]

    @cached_property
    def features(self) -> sp.csr_matrix:
        """All blocks side by side, csr float64 `(rows, features)`."""
        return freeze_csr(sp.csr_matrix(sp.hstack([block.features for block in self.blocks])))

    @cached_property
    def start(self) -> Int64:
        """Where each block's columns begin, and where the last ends, int64 `(blocks + 1,)`."""
        return freeze(np.cumsum([0, *(block.features.shape[1] for block in self.blocks)]).astype(np.int64))

    @cached_property
    def by_feature(self) -> tuple[Int64, Int32, Float64]:
        """The features column by column: where each begins, its rows, its values, as kernels take them."""
        columns = self.features.tocsc()
        return (
            kernel_array(columns.indptr, np.int64),
            kernel_array(columns.indices, np.int32),
            kernel_array(columns.data, np.float64),
        )

    @cached_property
    def count(self) -> Float64:
        """Ratings a row, float64 `(rows,)`."""
        return freeze(np.bincount(self.row, minlength=self.features.shape[0]).astype(np.float64))

    @cached_property
    def share(self) -> Float64:
        """The mean of each feature over the ratings, float64 `(features,)`."""
        return freeze(np.asarray(self.features.T @ self.count) / len(self.row))


@dataclass(frozen=True, eq=False)
class Attributes:
    """Blocks of attributes: `what` each is, csr `features`, a row a person or movie, and where its columns `start`.

    `what` also names the row's own block and the implicit one, which come first and have no columns here.
    """

    what: tuple[str, ...]
    features: sp.csr_matrix
    start: Int64

    @classmethod
    def of(cls, blocks: tuple[Block, ...]) -> Attributes:
        """From the blocks of a side."""
        rest = [block.features for block in blocks[REST:]]
        nothing = sp.csr_matrix((blocks[ITSELF].features.shape[0], 0))
        return cls(
            tuple(block.what for block in blocks),
            freeze_csr(sp.csr_matrix(sp.hstack([nothing, *rest]), dtype=np.float32)),
            freeze(np.cumsum([0, *(part.shape[1] for part in rest)]).astype(np.int64)),
        )

    def give(self, row: NDArray[Any], weights: Float32, average: Float32) -> Float32:
        """What each attribute block gives to the rows asked for, float32 `(blocks, b, draws, 1 + d)`.

        Where a block is empty for a row, as for row −1 in all of them, `average` `(blocks, draws, 1 + d)` stands in.
        """
        out = np.empty((len(average), len(row), *weights.shape[1:]), np.float32)
        flat = weights.reshape(len(weights), math.prod(weights.shape[1:]))
        asked = self.features[np.maximum(row, 0)]
        for g, (first, last) in enumerate(zip(self.start, self.start[1:], strict=False)):
            part = asked[:, first:last]
            empty = (np.diff(part.indptr) == 0) | (row < 0)
            out[g] = np.asarray(part @ flat[first:last]).reshape(out.shape[1:])
            out[g][empty] = average[g]
        return out


def people_side(train: Dataset, ratings: Interactions, track: Track) -> Side:
    """Who they are, what they have rated (each movie 1/√|I_u|), and, unless `track` is "ratings", what is known."""
    blocks = [
        Block("the person's own taste", _identity(train.n_users)),
        Block("what the person has rated", implicit(ratings.matrix)),
    ]
    if track != "ratings" and train.people is not None:
        known = train.people
        for column, what in _OF_PEOPLE.items():
            if column in known:
                blocks.append(
                    Block(what, _one_hot([_decade(v) if column == "age" else v for v in _plain(known[column])]))
                )
        if "zip" in known:
            area = [None if value is None else str(value)[:1] for value in _plain(known["zip"])]
            blocks.append(Block("where the person lives", _one_hot(area)))
    return _side(ratings.user, blocks)


def movie_side(train: Dataset, ratings: Interactions, track: Track) -> Side:
    """Which movie, who rated it (each person 1/√|U_i|), and, unless `track` is "ratings", what is known of it."""
    blocks = [
        Block("the movie itself", _identity(train.n_items)),
        Block("the people it draws", implicit(sp.csr_matrix(ratings.matrix.T))),
    ]
    if track != "ratings":
        groups = [group_of(name) for name in train.feature_names]
        for group in dict.fromkeys(groups):
            if group != "decade":  # the years say it in detail
                columns = [at for at, other in enumerate(groups) if other == group]
                chosen = sp.csr_matrix(train.features[:, columns], dtype=np.float64)
                blocks.append(Block(words_of(group), chosen))
        together = [tuple(sorted(genres)) or None for genres in train.movies["genres"]]
        blocks.append(Block("its genres together", _one_hot(together)))
        blocks.append(Block("its year", _one_hot(_plain(train.movies["year"]))))
    return _side(ratings.item, blocks)


def day_side(ratings: Interactions) -> tuple[Side, Int64]:
    """The day (UTC) on which each rating was given, and the days there are, ascending, int64 since 1970.

    Raises `ModelError` where the data carry no times.
    """
    if ratings.time is None:
        raise ModelError("These ratings carry no times, so features=day is not possible: choose features=attributes.")
    days, row = np.unique(ratings.time // DAY, return_inverse=True)
    return _side(row.astype(np.int32), [Block("the day", _identity(len(days)))]), freeze(days)


def implicit(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Which cells of a row are stored, each worth 1/√(their number), csr float64."""
    count = np.diff(matrix.indptr)
    value = 1.0 / np.sqrt(count[rows_of(matrix)])
    return sp.csr_matrix((value, matrix.indices, matrix.indptr), matrix.shape)


def known(blocks: Sequence[Block]) -> Bool:
    """Which rows hold anything beyond their own feature, bool `(rows,)`."""
    return np.asarray(sum(np.diff(block.features.indptr) for block in blocks[1:]) > 0)


def _side(row: Int32, blocks: Sequence[Block]) -> Side:
    return Side(kernel_array(row, np.int32), tuple(block for block in blocks if block.features.shape[1]))


def _identity(n: int) -> sp.csr_matrix:
    return sp.csr_matrix(sp.identity(n, np.float64))


def _one_hot(values: Sequence[Any]) -> sp.csr_matrix:
    """A column for each distinct value; None has none."""
    there = sorted({value for value in values if value is not None})
    place = {value: column for column, value in enumerate(there)}
    row = [at for at, value in enumerate(values) if value is not None]
    column = [place[values[at]] for at in row]
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(values), len(there)))


def _plain(column: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]


def _decade(age: NDArray[Any] | int | None) -> int | None:
    return None if age is None else int(age) // 10
