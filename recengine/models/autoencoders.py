"""What the autoencoders share: a person is a row of the table, and goes through the network alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from recengine.data.dataset import Float32, Int64
from recengine.models.learned import require_room

HELD = 0.05  # of the ratings, for validation
AT_ONCE = 512  # rows that go through a network together where bits need not be those of a single one
_TABLES = 8  # of a batch's size that are held while learning or measuring


def require_room_for_rows(what: str, rows: int, columns: int, batch_size: int, parameters: int) -> None:
    """Raise `ModelError` when the memory will not do for a network of dense rows."""
    require_room(what, parameters, _TABLES * min(rows, max(batch_size, AT_ONCE)) * columns)


def known_part(rows: sp.csr_matrix, count: Int64) -> sp.csr_matrix:
    """The cells of movies that anybody rated, csr float32; a stored 0 stays a cell."""
    keep = count[rows.indices] > 0
    start = np.concatenate([[0], np.cumsum(keep)])[rows.indptr]
    return sp.csr_matrix((rows.data[keep], rows.indices[keep], start), rows.shape)


def without_each(history: sp.csr_matrix, answer: Callable[[sp.csr_matrix], Float32]) -> Float32:
    """What `answer` gives for one row without each of its `k` stored cells in turn, float32 `(k, n_items)`."""
    k = history.nnz
    found = np.empty((k, history.shape[1]), np.float32)
    for start in range(0, k, AT_ONCE):
        left = np.arange(start, min(start + AT_ONCE, k))
        keep = (np.arange(k) != left[:, None]).ravel()
        data, indices = (np.tile(part, len(left))[keep] for part in (history.data, history.indices))
        rows = sp.csr_matrix((data, indices, np.arange(len(left) + 1) * (k - 1)), (len(left), history.shape[1]))
        found[left] = answer(rows)
    return found


def row_by_row(rows: sp.csr_matrix, count: Int64, answer: Callable[[sp.csr_matrix], Float32]) -> Float32:
    """`answer` for one row at a time, so that nobody's bits depend on the company they are asked in.

    NaN for an empty row, and for a movie that nobody rated.
    """
    score = np.full(rows.shape, np.nan, np.float32)
    for r in np.flatnonzero(np.diff(rows.indptr)):
        score[r] = answer(rows[r])[0]
    score[:, count == 0] = np.nan
    return score
