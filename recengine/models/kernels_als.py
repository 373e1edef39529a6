"""Compiled loops (numba) of the factor models: regularised least squares row by row, and products of factors.

Every kernel works on a range of rows, releases the GIL and is cached on disk. A row is computed by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_ROUNDING = 1e-10  # in `_pivot`, of the largest entry: what is this close to 0 counts as 0
_EXCHANGES = 1000  # at most: it takes about five, but a compiled loop that rounding kept awake could not be cancelled

# Without "contract" no multiply-adds are fused, which halves the speed; nothing is reordered by it.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def solve_rows(indptr, indices, target, factors, gram, ridge, prior, nonnegative, first, last):
    """The x of each row that minimises Σ(t − x·q)² + x·(gram x) + ridge‖x − prior‖², x ≥ 0 if `nonnegative`.

    The sum runs over the row's cells: `target` t and the row q of `factors` that `indices` names. A row without cells
    is `prior` throughout. Sums are float64, the result is float32 `(last − first, d)`.
    """
    d = factors.shape[1]
    out = np.empty((last - first, d), np.float32)
    matrix, right, x, eight = np.empty((d, d)), np.empty(d), np.empty(d), np.empty((8, d))
    for r in range(first, last):
        start, stop = indptr[r], indptr[r + 1]
        x[:] = prior
        if start < stop:
            matrix[:] = gram
            right[:] = ridge[r] * prior
            for f in range(d):
                matrix[f, f] += ridge[r]
            for p in range(start, stop, 8):
                for t in range(8):
                    if p + t < stop:
                        q, value, copy = factors[indices[p + t]], target[p + t], eight[t]
                        for f in range(len(copy)):
                            copy[f] = q[f]
                            right[f] += value * copy[f]
                    else:
                        eight[t] = 0.0
                _add_squares(matrix, eight)
            if nonnegative:
                _pivot(matrix, right, x)
            else:
                _eliminate(matrix, right, x)
        out[r - first] = x
    return out


@_compiled
def squares(factors, first, last):
    """Σ q qᵀ over the rows `first` to `last`, float64 `(d, d)`."""
    d = factors.shape[1]
    out, eight = np.zeros((d, d)), np.empty((8, d))
    for p in range(first, last, 8):
        for t in range(8):
            eight[t] = 0.0
            if p + t < last:
                eight[t] = factors[p + t]
        _add_squares(out, eight)
    _mirror(out)
    return out


@_compiled
def products(left, right, first, last):
    """Rows `first` to `last` of left @ right, float32: the bits of a row do not depend on its company, as BLAS's do."""
    d, n = right.shape
    out = np.zeros((last - first, n), np.float32)
    for r in range(first, last):
        row = out[r - first]
        for f in range(d):
            weight, column = left[r, f], right[f]
            for i in range(n):
                row[i] += weight * column[i]
    return out


@_compiled
def products_at(left, right, row, item):
    """`left[row[m]] · right[:, item[m]]` for each m, float32, summed in the order of `products`."""
    out = np.zeros(len(row), np.float32)
    for m in range(len(row)):
        for f in range(len(right)):
            out[m] += left[row[m], f] * right[f, item[m]]
    return out


@_compiled
def _add_squares(matrix, eight):
    """Add Σ q qᵀ of eight rows to the upper triangle: together they load and store it once."""
    for f in range(len(matrix)):
        row, rest = matrix[f, f:], eight[:, f:]  # slices: the compiler sees that nothing is counted from the end
        q0, q1, q2, q3, q4, q5, q6, q7 = rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7]
        a0, a1, a2, a3, a4, a5, a6, a7 = q0[0], q1[0], q2[0], q3[0], q4[0], q5[0], q6[0], q7[0]
        for g in range(len(row)):
            row[g] += (a0 * q0[g] + a1 * q1[g] + a2 * q2[g] + a3 * q3[g]) + (
                a4 * q4[g] + a5 * q5[g] + a6 * q6[g] + a7 * q7[g]
            )


@_compiled
def _mirror(matrix):
    """Copy the upper triangle to the lower."""
    for f in range(len(matrix)):
        for g in range(f):
            matrix[f, g] = matrix[g, f]


@_compiled
def _eliminate(matrix, right, x):
    """Solve `matrix` x = `right`, positive definite, upper triangle given; both are overwritten."""
    d = len(right)
    for i in range(d):
        row, k = matrix[i, i:], 0
        while k + 4 <= i:  # four rows above at once, as in `_add_squares`
            r0, r1, r2, r3 = matrix[k, i:], matrix[k + 1, i:], matrix[k + 2, i:], matrix[k + 3, i:]
            a0, a1, a2, a3 = r0[0] * x[k], r1[0] * x[k + 1], r2[0] * x[k + 2], r3[0] * x[k + 3]
            for j in range(len(row)):
                row[j] -= a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
            right[i] -= a0 * right[k] + a1 * right[k + 1] + a2 * right[k + 2] + a3 * right[k + 3]
            k += 4
        while k < i:
            above = matrix[k, i:]
            share = above[0] * x[k]
            for j in range(len(row)):
                row[j] -= share * above[j]
            right[i] -= share * right[k]
            k += 1
        x[i] = 1.0 / row[0]  # kept there until the way back needs it
    for k in range(d - 1, -1, -1):
        rest = right[k]
        for j in range(k + 1, d):
            rest -= matrix[k, j] * x[j]
        x[k] *= rest


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
