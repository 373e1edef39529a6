"""What the autoencoders share: a person is a row of the table, and goes through the network alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from recengine.data.dataset import Float32, Int64, Query

HELD = 0.05  # of the ratings, for validation


def known_part(rows: sp.csr_matrix, count: Int64) -> sp.csr_matrix:
    """The cells of movies that anybody rated, csr float32; a stored 0 stays a cell."""
    keep = count[rows.indices] > 0
    start = np.concatenate([[0], np.cumsum(keep)])[rows.indptr]
    return sp.csr_matrix((rows.data[keep], rows.indices[keep], start), rows.shape)


def each_left_out(history: sp.csr_matrix) -> sp.csr_matrix:
    """One row `k` times, without each of its `k` stored cells in turn, csr `(k, n_items)`."""
    k = history.nnz
    keep = ~np.eye(k, dtype=np.bool_).ravel()
    cells = np.tile(history.data, k)[keep], np.tile(history.indices, k)[keep], np.arange(k + 1) * (k - 1)
    return sp.csr_matrix(cells, (k, history.shape[1]))


def row_by_row(rows: sp.csr_matrix, count: Int64, answer: Callable[[sp.csr_matrix], Float32]) -> Float32:
    """`answer` for one row at a time, so that nobody's bits depend on the company they are asked in.

    NaN for an empty row, and for a movie that nobody rated.
    """
    score = np.full(rows.shape, np.nan, np.float32)
    for r in np.flatnonzero(np.diff(rows.indptr)):
        score[r] = answer(rows[r])[0]
    score[:, count == 0] = np.nan
    return score


def why_not(query: Query, known: sp.csr_matrix) -> str:
    """Why there is no opinion for the first query: of the movie, or else of the person; `known`: see `known_part`."""
    if known.nnz:
        return "nobody has rated this movie"
    return "nobody else rated what this person did" if query.history[0].nnz else "nothing has been rated yet"
