"""Compiled loops (numba) of `ials`: least squares improved row by row with conjugate gradients, in single precision.

Every kernel works on a range of rows, in place, releases the GIL and is cached on disk. A row is computed by one
thread in a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_CELLS = 512  # of a row held at a time: at 128 factors, 256 KB

# Multiply-adds are fused, and sums over factors run in several lanes at once: another order than from left to right,
# but for one compiled kernel always the same.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})


@_compiled
def improve_rows(indptr, indices, factors, gram, ridge, vectors, steps, first, last):
    """Steps of conjugate gradients from each row x of `vectors`, in place, to the x that minimises the row's
    Σ(1 − x·q)² + Σ_f gram_f x_f² + ridge‖x‖².

    The sum runs over the row's cells, q the row of `factors` that `indices` names. Preconditioned by
    gram and ridge, what is the same whatever the cells. A row without cells becomes 0.
    """
    d = factors.shape[1]
    rows = np.empty((_CELLS, d), np.float32)
    pull, miss = np.empty(d, np.float32), np.empty(d, np.float32)
    image, direction = np.empty(d, np.float32), np.empty(d, np.float32)
    for r in range(first, last):
        start, stop, x = indptr[r], indptr[r + 1], vectors[r]
        cells = indices[start:stop]
        if start == stop:
            x[:] = 0
            continue
        for f in range(d):
            pull[f] = gram[f] + ridge[r]
        _miss(cells, factors, rows, True, pull, x, miss)
        size = _size(miss, pull)
        for f in range(d):
            direction[f] = miss[f] / pull[f]
        for _ in range(steps):
            _miss(cells, factors, rows, False, pull, direction, image)
            curve = np.float32(0)
            for f in range(d):
                curve -= direction[f] * image[f]
            if not curve > 0:  # nothing left to gain
                break
            length = size / curve
            for f in range(d):
                x[f] += length * direction[f]
                miss[f] += length * image[f]
            before, size = size, _size(miss, pull)
            for f in range(d):
                direction[f] = miss[f] / pull[f] + size / before * direction[f]


@_compiled
def sum_rows(indptr, indices, factors, vectors, first, last):
    """Σ q over the cells of each row, into `vectors`, float32."""
    for r in range(first, last):
        x = vectors[r]
        x[:] = 0
        for p in range(indptr[r], indptr[r + 1]):
            q = factors[indices[p]]
            for f in range(len(x)):
                x[f] += q[f]


@_compiled
def turn_rows(vectors, basis, first, last):
    """Each row x becomes x @ `basis`, in place, float32."""
    d = len(basis)
    turned = np.empty(d, np.float32)
    for r in range(first, last):
        x = vectors[r]
        turned[:] = 0
        for f in range(0, d - 3, 4):
            a, b, c, e = x[f], x[f + 1], x[f + 2], x[f + 3]
            row_a, row_b, row_c, row_e = basis[f], basis[f + 1], basis[f + 2], basis[f + 3]
            for g in range(d):
                turned[g] += a * row_a[g] + b * row_b[g] + c * row_c[g] + e * row_e[g]
        for f in range(d // 4 * 4, d):
            a, row_a = x[f], basis[f]
            for g in range(d):
                turned[g] += a * row_a[g]
        x[:] = turned


@_compiled
def _size(miss, pull):
    """The square of what is missed, as the preconditioner measures it."""
    total = np.float32(0)
    for f in range(len(miss)):
        total += miss[f] * miss[f] / pull[f]
    return total


@_compiled
def _miss(cells, factors, rows, start, pull, x, out):
    """`out` = Σ (1 − q·x) q − pull x over a row's cells at the start; later Σ (0 − q·x) q − pull x.

    Later `rows` still has the q of a row that fits.
    """
    aim = np.float32(start)
    for f in range(len(x)):
        out[f] = -pull[f] * x[f]
    for p in range(0, len(cells), _CELLS):
        part = cells[p : p + _CELLS]
        if start or len(cells) > _CELLS:
            _gather(part, factors, rows)
        for k in range(0, len(part), 4):
            q0, q1, q2, q3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
            s0 = s1 = s2 = s3 = np.float32(0)
            for f in range(len(x)):
                s0 += q0[f] * x[f]
                s1 += q1[f] * x[f]
                s2 += q2[f] * x[f]
                s3 += q3[f] * x[f]
            s0, s1, s2, s3 = aim - s0, aim - s1, aim - s2, aim - s3
            for f in range(len(out)):
                out[f] += q0[f] * s0 + q1[f] * s1 + q2[f] * s2 + q3[f] * s3


@_compiled
def _gather(cells, factors, rows):
    """Copy the rows of `factors` that `cells` names, and zeros up to a multiple of four."""
    for t in range(len(cells)):
        q, copy = factors[cells[t]], rows[t]
        for f in range(len(copy)):
            copy[f] = q[f]
    rows[len(cells) : (len(cells) + 3) // 4 * 4] = 0
