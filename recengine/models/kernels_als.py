"""Compiled loops (numba) of the factor models: regularised least squares solved exactly, row by row.

Every kernel works on a range of rows, releases the GIL and is cached on disk. A row is computed by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_ROUNDING = 1e-10  # in `_pivot`, of the largest entry: what is this close to 0 counts as 0
_EXCHANGES = 1000  # at most: it takes about five, but a compiled loop that rounding kept awake could not be cancelled
_LANES = 8  # rows of a matrix are as long as a multiple of this: loops over them leave no remainder
_ROWS = 32  # added to a matrix at a time: they stay in the fastest cache

# Without "contract" no multiply-adds are fused, which halves the speed; nothing is reordered by it.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
# Sums over factors in several lanes at once: another order than from left to right, but the same in every run.
_summed = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})


@_compiled
def solve_rows(indptr, indices, target, factors, gram, ridge, prior, nonnegative, first, last):
    """The x of each row that minimises Σ(t − x·q)² + x·(gram x) + ridge‖x − prior‖², x ≥ 0 if `nonnegative`.

    The sum runs over the row's cells: `target` t and the row q of `factors` that `indices` names. A row without cells
    is `prior` throughout. Sums are float64, the result is float32 `(last − first, d)`.
    """
    d = factors.shape[1]
    width = -(-d // _LANES) * _LANES
    out = np.empty((last - first, d), np.float32)
    matrix, right, x = np.empty((width, width)), np.empty(width), np.empty(width)
    rows, one = np.zeros((_ROWS, width)), np.ones(_ROWS)
    for r in range(first, last):
        start, stop = indptr[r], indptr[r + 1]
        x[:] = prior
        if start < stop:
            matrix[:] = 0.0
            matrix[:d, :d] = gram
            right[:] = 0.0
            right[:d] = ridge[r] * prior
            for f in range(width):  # beyond d nothing is asked, and 0 is the answer
                matrix[f, f] += ridge[r]
            for p in range(start, stop, _ROWS):
                n = min(_ROWS, stop - p)
                for t in range(n):
                    q, value, copy = factors[indices[p + t]], target[p + t], rows[t]
                    for f in range(d):
                        copy[f] = q[f]
                    for f in range(width):
                        right[f] += value * copy[f]
                _add_squares(matrix, rows, n, one)
            if nonnegative:
                _pivot(matrix, right, x)
            else:
                _eliminate(matrix, right, x)
        out[r - first] = x[:d]
    return out


@_compiled
def squares(factors, first, last):
    """Σ q qᵀ over the rows `first` to `last`, float64 `(d, d)`."""
    d = factors.shape[1]
    width = -(-d // _LANES) * _LANES
    out, rows, one = np.zeros((width, width)), np.zeros((_ROWS, width)), np.ones(_ROWS)
    for p in range(first, last, _ROWS):
        n = min(_ROWS, last - p)
        rows[:n, :d] = factors[p : p + n]
        _add_squares(out, rows, n, one)
    _mirror(out)
    return out[:d, :d].copy()


@_summed
def _dot(left, right):
    """left · right."""
    total = left.dtype.type(0)
    for f in range(len(left)):
        total += left[f] * right[f]
    return total


@_compiled
def _add_squares(matrix, rows, n, weight):
    """Add Σ weight q qᵀ of the first n rows q to the upper triangle; the rows that follow are overwritten."""
    while n % 4:
        rows[n] = 0
        n += 1
    for f in range(0, len(matrix), 4):
        _add_four(matrix, f, rows[:n], weight)


@_compiled
def _add_four(matrix, f, rows, weight):
    """Add Σ weight q qᵀ of the `rows` q, four at a time, to the rows f to f + 3 of the upper triangle.

    Four rows by four: sixteen numbers are multiplied with each eight that are loaded. Below the diagonal, back to a
    multiple of the lanes, what is written means nothing.
    """
    low = f // _LANES * _LANES
    m0, m1, m2, m3 = matrix[f, low:], matrix[f + 1, low:], matrix[f + 2, low:], matrix[f + 3, low:]
    for k in range(0, len(rows), 4):
        a, b, c, e = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        u, v, w, z = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
        a0, a1, a2, a3 = u * a[f], u * a[f + 1], u * a[f + 2], u * a[f + 3]
        b0, b1, b2, b3 = v * b[f], v * b[f + 1], v * b[f + 2], v * b[f + 3]
        c0, c1, c2, c3 = w * c[f], w * c[f + 1], w * c[f + 2], w * c[f + 3]
        e0, e1, e2, e3 = z * e[f], z * e[f + 1], z * e[f + 2], z * e[f + 3]
        qa, qb, qc, qe = a[low:], b[low:], c[low:], e[low:]
        for g in range(len(m0)):
            m0[g] = m0[g] + a0 * qa[g] + b0 * qb[g] + c0 * qc[g] + e0 * qe[g]
            m1[g] = m1[g] + a1 * qa[g] + b1 * qb[g] + c1 * qc[g] + e1 * qe[g]
            m2[g] = m2[g] + a2 * qa[g] + b2 * qb[g] + c2 * qc[g] + e2 * qe[g]
            m3[g] = m3[g] + a3 * qa[g] + b3 * qb[g] + c3 * qc[g] + e3 * qe[g]


@_compiled
def _mirror(matrix):
    """Copy the upper triangle to the lower."""
    for f in range(len(matrix)):
        for g in range(f):
            matrix[f, g] = matrix[g, f]


@_compiled
def _eliminate(matrix, right, x):
    """Solve `matrix` x = `right`, positive definite, upper triangle given; both are overwritten."""
    width = len(right)
    for f in range(0, width, 4):
        _add_four(matrix, f, matrix[:f], x)
        for i in range(f, f + 4):
            row = matrix[i, f:]
            for k in range(f, i):
                above = matrix[k, f:]
                share = above[i - f] * x[k]
                for j in range(len(row)):
                    row[j] += share * above[j]
            x[i] = -1.0 / row[i - f]  # kept there until the way back needs it
    for k in range(width):
        row, rest = matrix[k, k + 1 :], right[k + 1 :]
        share = right[k] * x[k]
        for j in range(len(row)):
            rest[j] += share * row[j]
    for k in range(width - 1, -1, -1):
        x[k] *= _dot(matrix[k, k + 1 :], x[k + 1 :]) - right[k]


@_compiled
def _pivot(matrix, right, x):
    """The x ≥ 0 with the least x·(matrix x)/2 − right·x, positive definite, upper triangle given.

    Block principal pivoting (Kim and Park, SIAM J. Sci. Comput. 2011): guess which coordinates are above
    0, solve for them, and move every coordinate whose sign says that it is on the wrong side; when three such moves in
    a row mend nothing, one coordinate at a time, which is known to end.
    """
    _mirror(matrix)
    d = len(right)
    above, wrong = np.ones(d, np.bool_), np.empty(d, np.bool_)
    part, rest = np.empty_like(matrix), np.empty_like(right)
    tolerance = _ROUNDING * np.abs(right).max()
    fewest, patience = d + 1, 3
    for _ in range(_EXCHANGES):
        for f in range(d):
            rest[f] = right[f] if above[f] else 0.0
            for g in range(d):
                both = above[f] and above[g]
                part[f, g] = matrix[f, g] if both else 0.0
            if not above[f]:
                part[f, f] = 1.0
        _eliminate(part, rest, x)
        count, largest = 0, -1
        for f in range(d):
            slope = -right[f]
            for g in range(d):
                slope += matrix[f, g] * x[g]
            wrong[f] = x[f] * matrix[f, f] < -tolerance if above[f] else slope < -tolerance
            if wrong[f]:
                count, largest = count + 1, f
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, 3
        else:
            patience -= 1
        if patience >= 0:
            for f in range(d):
                above[f] ^= wrong[f]
        else:
            above[largest] = not above[largest]
    for f in range(d):
        x[f] = max(x[f], 0.0)
