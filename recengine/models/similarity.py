"""Similarities between the rows of a sparse rating matrix: six measures, one kernel, memory O(n · neighborhood).

A row is a person or a movie, a column the other side. x and y are two rows' values after the measure's own
centering (`prepare`); every sum runs over the columns that both rows rated, n of them. Missing is not zero.

=================  =========================================================  ==============================
measure            formula                                                    values
=================  =========================================================  ==============================
cosine             Σxy / (‖x‖‖y‖), norms over *all* of a row's ratings        ratings
adjusted-cosine    Σxy / √(Σx² Σy²)                                           rating − mean of its column
pearson            (nΣxy − ΣxΣy) / √((nΣx² − (Σx)²)(nΣy² − (Σy)²))            ratings
pearson-baseline   Σxy / √(Σx² Σy²)                                           rating − b_ui
jaccard            n / (n_x + n_y − n)                                        who rated, not how
msd                1 / (1 + Σ(x − y)² / n)                                    ratings
=================  =========================================================  ==============================

Each is then shrunk towards 0 by n / (n + shrinkage) (Koren, TKDD 2010, eq. 2). Only positive similarities with
n ≥ min_support are kept. Sources: Sarwar et al., WWW 2001 (adjusted cosine); Koren 2010 (Pearson on baseline
residuals); Herlocker et al., SIGIR 1999 (significance weighting).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Float32, Int32, Int64, Query, freeze, freeze_csr
from recengine.models.baseline import Biases

Measure = Literal["cosine", "adjusted-cosine", "pearson", "pearson-baseline", "jaccard", "msd"]

_KEYS = 4_000_000  # candidates a core holds at once: 32 MB

Float64 = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Neighbors:
    """A ragged list of neighbors a row: row r holds `index[start[r]:start[r + 1]]` with their `similarity`.

    Best first, ties by position. `start` int64 `(n + 1,)`, `index` int32, `similarity` float32.
    """

    start: Int64
    index: Int32
    similarity: Float32

    def row(self, r: int) -> tuple[Int32, Float32]:
        """Neighbors of one row and their similarities."""
        return self.index[self.start[r] : self.start[r + 1]], self.similarity[self.start[r] : self.start[r + 1]]

    @cached_property
    def holders(self) -> sp.csr_matrix:
        """The other way round: row j holds the rows that have j as a neighbor, csr float32, by position."""
        n = len(self.start) - 1
        return freeze_csr(sp.csr_matrix(sp.csr_matrix((self.similarity, self.index, self.start), (n, n)).T))


def prepare(query: Query, measure: str, other_mean: Float32, biases: Biases | None) -> sp.csr_matrix:
    """Histories with the measure's own centering taken off, same structure (a stored 0 stays a rating).

    `other_mean` `(nnz,)` serves adjusted-cosine, which takes off the *other* side's habit: the movie's mean when
    people are compared, the person's mean when movies are. `biases` serve pearson-baseline.
    """
    history, values = query.history, query.history.data
    if measure == "adjusted-cosine":
        values = values - other_mean
    elif measure == "pearson-baseline" and biases:
        values = values - stored_biases(biases, query)
    return sp.csr_matrix((values.astype(np.float32), history.indices, history.indptr), history.shape)


def stored_biases(biases: Biases, query: Query) -> Float32:
    """b_ui of every stored cell of a query's history, float32 `(nnz,)`."""
    return biases.cells(query, rows_of(query.history), query.history.indices)


def nearest(
    left: sp.csr_matrix, right_by_column: sp.csr_matrix, right_norm: Float64, right_count: Int64,
    measure: str, *, own: Int32, keep: int, min_support: int, shrinkage: float,
) -> Neighbors:  # fmt: skip
    """The `keep` most similar rows of `right` for each row of `left`.

    `left`: csr `(b, c)`, prepared. `right_by_column`: csr `(c, n)`, the transpose of the prepared right side.
    `right_norm`, `right_count`: Euclidean norm and number of ratings of each right row, `(n,)`.
    `own`: int32 `(b,)`, the right row that is the left row itself and is left out; −1 for none.
    Cost: the co-ratings, Σ_rows Σ_columns |column|, spread over the cores; the result does not depend on how
    many there are. Memory: O(n) a core and the result.
    """
    from recengine.models import kernels_similarity as kernels  # compiled code: imported when first needed

    alone = measure == "cosine" and shrinkage == 0 and min_support == 1  # Σxy will do, n is not asked for
    code = {
        "cosine": kernels.DOT if alone else kernels.COSINE, "jaccard": kernels.JACCARD, "msd": kernels.MSD,
        "pearson": kernels.PEARSON, "adjusted-cosine": kernels.RESIDUAL, "pearson-baseline": kernels.RESIDUAL,
    }[measure]  # fmt: skip
    arrays = (
        *kernel_csr(left), *kernel_csr(right_by_column), row_norms(left), kernel_array(right_norm, np.float64),
        kernel_array(right_count, np.int64), kernel_array(own, np.int32),
    )  # fmt: skip

    def part(first: int, last: int) -> tuple[NDArray[Any], ...]:
        length, keys = kernels.similar_rows(*arrays, first, last, code, min_support, float(shrinkage))
        return unpack(length, keys, keep)

    rows = max(1, min(64, _KEYS // max(1, len(right_norm))))
    parts = list(zip(*in_parts(part, left.shape[0], rows), strict=True))
    if not parts:
        return Neighbors(freeze(np.zeros(1, np.int64)), freeze(np.zeros(0, np.int32)), freeze(np.zeros(0, np.float32)))
    length, index, similarity = (np.concatenate(column) for column in parts)
    start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    return Neighbors(freeze(start), freeze(index), freeze(similarity))


def unpack(length: Int64, keys: Int64, keep: int) -> tuple[Int64, Int32, Float32]:
    """The `keep` highest keys of each row, as numbers kept, positions and similarities, best first."""
    best = [np.empty(0, np.int64)]
    stop = np.cumsum(length)
    # numpy's selection and sort are vectorised, numba's are not.
    for first, last in zip((stop - length).tolist(), stop.tolist(), strict=True):
        row = keys[first:last]
        if len(row) > keep:
            row.partition(len(row) - keep)
            row = row[-keep:]
        row.sort()
        best.append(row[::-1])
    high, low = np.concatenate(best).astype("<i8", copy=False).view("<i4").reshape(-1, 2).T[::-1]
    return np.minimum(length, keep), 0x7FFFFFFF - low, np.ascontiguousarray(high).view(np.float32)


def kernel_array(array: NDArray[Any], kind: type) -> NDArray[Any]:
    """A read-only contiguous view: numba compiles a kernel anew for every combination of kinds it meets."""
    return freeze(np.ascontiguousarray(array, kind).view())


def kernel_csr(matrix: sp.csr_matrix) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """`indptr` int64, `indices` int32 and `data` float32 of a sparse matrix, as kernels take them."""
    return (
        kernel_array(matrix.indptr, np.int64),
        kernel_array(matrix.indices, np.int32),
        kernel_array(matrix.data, np.float32),
    )


def cells_by_row(row: Int64, item: Int64, n_rows: int) -> tuple[Int64, Int64, Int32]:
    """Chosen cells put in order of their row: that order, where each row starts in it `(n_rows + 1,)`, the items."""
    order = np.argsort(row, kind="stable")
    start = np.searchsorted(row[order], np.arange(n_rows + 1))
    return order, kernel_array(start, np.int64), kernel_array(item[order], np.int32)


def rows_of(matrix: sp.csr_matrix) -> Int64:
    """The row of every stored cell, int64 `(nnz,)`."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def row_norms(matrix: sp.csr_matrix) -> Float64:
    """Euclidean norm of each row, float64 `(n,)`: rounded norms would tell equal similarities apart."""
    of_row = rows_of(matrix)
    square = np.bincount(of_row, matrix.data.astype(np.float64) ** 2, matrix.shape[0])
    return freeze(np.sqrt(square))


def in_parts(work: Callable[[int, int], T], n: int, rows: int = 128) -> list[T]:
    """`work(first, last)` over consecutive ranges of rows on all cores, results in order.

    The kernels release the GIL, so threads suffice; a row is computed by one thread alone, which is why the
    bits do not depend on their number.
    """
    bounds = [(first, min(first + rows, n)) for first in range(0, n, rows)]
    if len(bounds) < 2:
        return [work(*b) for b in bounds]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda b: work(*b), bounds))
