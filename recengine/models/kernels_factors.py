"""Compiled loops (numba) that factor models share: products of vectors, a small system, how a score came about.

A row is summed in a fixed order, so its bits depend neither on its company, as BLAS's do, nor on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

# Without "contract" no multiply-adds are fused, which halves the speed; nothing is reordered by it.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def products(left, right, first, last):
    """Rows `first` to `last` of left @ right, for `left` `(b, d)` and `right` `(d, n)`, in the precision of `left`."""
    d, n = right.shape
    out = np.zeros((last - first, n), left.dtype)
    for r in range(first, last):
        row = out[r - first]
        for f in range(d):
            weight, column = left[r, f], right[f]
            for i in range(n):
                row[i] += weight * column[i]
    return out


@_compiled
def products_at(left, right, row, item):
    """`left[row[m]] · right[item[m]]` for each m, summed in the order of `products`; `right` `(n, d)`."""
    out = np.zeros(len(row), left.dtype)
    for m in range(len(row)):
        for f in range(left.shape[1]):
            out[m] += left[row[m], f] * right[item[m], f]
    return out


@_compiled
def solve(matrix, vector):
    """Cholesky's solution of a symmetric positive definite system, in place; only the lower triangle is read."""
    factorize(matrix)
    forward(matrix, vector)
    backward(matrix, vector)


@_compiled
def factorize(matrix):
    """Overwrite the lower triangle of a symmetric positive definite matrix with L, where it is L Lᵀ."""
    for f in range(len(matrix)):
        for g in range(f + 1):
            value = matrix[f, g]
            for h in range(g):
                value -= matrix[f, h] * matrix[g, h]
            matrix[f, g] = np.sqrt(value) if f == g else value / matrix[g, g]


@_compiled
def forward(lower, vector):
    """L⁻¹ of a vector, in place."""
    for f in range(len(vector)):
        for g in range(f):
            vector[f] -= lower[f, g] * vector[g]
        vector[f] /= lower[f, f]


@_compiled
def backward(lower, vector):
    """L⁻ᵀ of a vector, in place."""
    for f in range(len(vector) - 1, -1, -1):
        for g in range(f + 1, len(vector)):
            vector[f] -= lower[g, f] * vector[g]
        vector[f] /= lower[f, f]


@_compiled
def influence(matrix, rated, asked):
    """asked·A⁻¹q of every row q of `rated` `(n, d)`, float64 `(n,)`, with A = `matrix` + Σ q qᵀ, which overwrites it.

    Not left to BLAS, whose threads wait for each other: on busy cores that takes longer than the work.
    """
    found, out = asked.copy(), np.zeros(len(rated))
    for t in range(len(rated)):
        for f in range(len(asked)):
            for g in range(f + 1):
                matrix[f, g] += rated[t, f] * rated[t, g]
    solve(matrix, found)
    for t in range(len(rated)):
        for f in range(len(asked)):
            out[t] += rated[t, f] * found[f]
    return out
