"""How interactions without ratings are weighted: shared functions with the field's names.

Each takes a csr matrix `(n_users, n_items)` whose stored cells are interactions and returns one of the same structure,
float32; the input is not changed. A stored value x is how much of it there was (a rating, a count), f_i the number of
people who met item i.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def binary(interactions: sp.csr_matrix) -> sp.csr_matrix:
    """1 for every stored cell, even one that holds 0: that it happened is what counts."""
    return _with_values(interactions, np.ones(interactions.nnz, np.float32))


def tf_idf(interactions: sp.csr_matrix) -> sp.csr_matrix:
    """√x · (ln(n_users / (1 + f_i)) + 1): what everybody met says little.

    Source: Salton and Buckley, "Term-weighting approaches" (1988), with people as documents and items as terms.
    """
    idf = np.log(interactions.shape[0] / (1.0 + _popularity(interactions))) + 1.0
    return _with_values(interactions, np.sqrt(np.maximum(interactions.data, 0)) * idf[interactions.indices])


def bm25(interactions: sp.csr_matrix, *, k1: float = 1.2, b: float = 0.75) -> sp.csr_matrix:
    """idf_i · x (k1 + 1) / (x + k1 (1 − b + b |I_u| / mean |I_u|)), with idf_i = ln(n_users / (1 + f_i)) + 1.

    Long histories are damped by `b`, repeated interactions saturate at `k1`.
    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), section 3.
    """
    length = np.diff(interactions.indptr)
    of_row = np.repeat(np.arange(len(length)), length)
    norm = k1 * (1 - b + b * length / max(float(length.mean()), 1e-9))
    idf = np.log(interactions.shape[0] / (1.0 + _popularity(interactions))) + 1.0
    x = np.maximum(interactions.data.astype(np.float64), 0)
    return _with_values(interactions, idf[interactions.indices] * x * (k1 + 1) / np.maximum(x + norm[of_row], 1e-9))


def _popularity(interactions: sp.csr_matrix) -> NDArray[np.int64]:
    return np.bincount(interactions.indices, minlength=interactions.shape[1])


def _with_values(interactions: sp.csr_matrix, values: NDArray[np.floating]) -> sp.csr_matrix:
    parts = (values.astype(np.float32), interactions.indices, interactions.indptr)
    return sp.csr_matrix(parts, interactions.shape)
