"""Compiled coordinate descent (numba) for SLIM; the rules of `kernels` hold here too."""

from __future__ import annotations

import numba
import numpy as np

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def slim_columns(indptr, indices, common, count, l1, l2, tolerance, sweeps, first, last):
    """Weights of the columns `first` to `last`: how many each, their rows (ascending), their values.

    `indptr`, `indices`, `common`: G = XᵀX, csr; `count`: its diagonal, `(n,)`. Column j minimises

        ½ wᵀGw − wᵀG_j + l2/2 ‖w‖² + l1 ‖w‖₁,   w ≥ 0, w_j = 0.

    Weights can only lower the gradient, so no i with G_ij ≤ l1 ever gets one: those are not looked at. A sweep over
    all others and descent among the weights above 0 alone take turns, until such a sweep moves none by more than
    `tolerance`; at most `sweeps` turns.
    """
    n = len(count)
    weight, left = np.zeros(n, np.float64), np.zeros(n, np.float64)  # left: G_j − G w
    candidate, place = np.empty(n, np.int32), np.full(n, -1, np.int32)
    length = np.zeros(last - first, np.int64)
    rows, values, used = np.empty(1024, np.int32), np.empty(1024, np.float32), 0
    for j in range(first, last):
        left[:] = 0.0
        n_candidates = 0
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            left[i] = common[p]
            if i != j and common[p] > l1:
                candidate[n_candidates] = i
                n_candidates += 1
        for _ in range(sweeps):
            largest = 0.0
            for i in candidate[:n_candidates]:
                step = _best(left[i], weight[i], count[i], l1, l2) - weight[i]
                if step != 0.0:
                    largest = max(largest, abs(step))
                    _move(indptr, indices, common, weight, left, i, step)
            if largest <= tolerance:
                break
            chosen = candidate[:n_candidates][weight[candidate[:n_candidates]] > 0.0]
            block = _block(indptr, indices, common, chosen, place)
            steps = _descend(block, left[chosen], weight[chosen], l1, l2, tolerance, sweeps) - weight[chosen]
            for a in range(len(chosen)):
                if steps[a] != 0.0:
                    _move(indptr, indices, common, weight, left, chosen[a], steps[a])
        while used + n_candidates > len(rows):
            rows = np.concatenate((rows, np.empty(len(rows), np.int32)))
            values = np.concatenate((values, np.empty(len(values), np.float32)))
        for i in candidate[:n_candidates]:
            if np.float32(weight[i]) > 0.0:
                rows[used], values[used] = i, weight[i]
                used += 1
                length[j - first] += 1
            weight[i] = 0.0
    return length, rows[:used], values[:used]


@_compiled
def _best(left, weight, count, l1, l2):
    """The weight that minimises the loss when all others stay."""
    return max(0.0, (left + count * weight - l1) / (count + l2))


@_compiled
def _move(indptr, indices, common, weight, left, i, step):
    """Add `step` to weight i."""
    weight[i] += step
    for p in range(indptr[i], indptr[i + 1]):
        left[np.uint32(indices[p])] -= step * common[p]  # unsigned: no check for negatives


@_compiled
def _block(indptr, indices, common, chosen, place):
    """G between the chosen alone, dense; `place` is −1 everywhere, before and after."""
    block = np.zeros((len(chosen), len(chosen)), np.float64)
    for a in range(len(chosen)):
        place[chosen[a]] = a
    for a in range(len(chosen)):
        for p in range(indptr[chosen[a]], indptr[chosen[a] + 1]):
            b = place[np.uint32(indices[p])]
            if b >= 0:
                block[a, b] = common[p]
    for a in range(len(chosen)):
        place[chosen[a]] = -1
    return block


@_compiled
def _descend(block, left, weight, l1, l2, tolerance, sweeps):
    """Coordinate descent among few, from `weight` and what it leaves, until a sweep moves none by the tolerance."""
    for _ in range(sweeps):
        largest = 0.0
        for a in range(len(weight)):
            step = _best(left[a], weight[a], block[a, a], l1, l2) - weight[a]
            if step != 0.0:
                largest = max(largest, abs(step))
                weight[a] += step
                for b in range(len(weight)):
                    left[b] -= step * block[a, b]
        if largest <= tolerance:
            break
    return weight
