"""What an interaction counts, weighted by how much it says: shared functions with the field's names.

Rows are what is compared or decomposed (people, say), columns what they consist of (movies): the documents and the
terms of the literature. A stored value x is how much of it there was (a rating, a count), f_t the number of rows with
column t. What is learned from the training rows weighs any row, so that a visitor is weighed like a stored person:

==========  ==================================================================================================
rating      x
binary      1, even where 0 is stored: that it happened is what counts
tf-idf      √x · idf_t,  idf_t = ln(n_rows / (1 + f_t)) + 1: what everybody met says little
bm25        idf_t · x (k1 + 1) / (x + k1 (1 − b + b · length / mean length)),  k1 = 1.2, b = 0.75: long rows are
            damped by b, repeated interactions saturate at k1
==========  ==================================================================================================

x below 0 counts as 0 in the last two. Source: Salton and Buckley, "Term-weighting approaches" (1988); Robertson and
Zaragoza, "The Probabilistic Relevance Framework" (2009), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import freeze

Weighting = Literal["rating", "binary", "tf-idf", "bm25"]

_K1, _B = 1.2, 0.75


@dataclass(frozen=True, eq=False)
class Weights:
    """A weighting with what it learned from the training rows; called with rows, it weighs them.

    `idf`: float64 `(n_columns,)`. `mean_length`: stored cells a row. Weighed rows are csr float32 with the same cells
    stored; the input is not changed.
    """

    how: Weighting
    idf: NDArray[np.float64]
    mean_length: float

    @classmethod
    def of(cls, how: Weighting, rows: sp.csr_matrix) -> Weights:
        """Count who has what."""
        found = np.bincount(rows.indices, minlength=rows.shape[1])
        idf = np.log(max(rows.shape[0], 1) / (1.0 + found)) + 1.0
        return cls(how, freeze(idf), rows.nnz / max(rows.shape[0], 1))

    def __call__(self, rows: sp.csr_matrix) -> sp.csr_matrix:
        """The rows, weighed."""
        if self.how == "rating":
            return rows
        if self.how == "binary":
            return binary(rows)
        x, idf = np.maximum(rows.data.astype(np.float64), 0), self.idf[rows.indices]
        if self.how == "tf-idf":
            return _with_values(rows, np.sqrt(x) * idf)
        length = np.diff(rows.indptr)
        damped = _K1 * (1 - _B + _B * length / max(self.mean_length, 1e-9))
        return _with_values(rows, idf * x * (_K1 + 1) / np.maximum(x + np.repeat(damped, length), 1e-9))


def binary(rows: sp.csr_matrix) -> sp.csr_matrix:
    """1 for every stored cell."""
    return _with_values(rows, np.ones(rows.nnz, np.float32))


def _with_values(rows: sp.csr_matrix, values: NDArray[np.floating]) -> sp.csr_matrix:
    parts = (values.astype(np.float32), rows.indices, rows.indptr)
    return sp.csr_matrix(parts, rows.shape)
