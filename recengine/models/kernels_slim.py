"""Compiled coordinate descent (numba) for SLIM.

The kernel works on a range of columns, releases the GIL and is cached on disk. A column is worked out by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

_NEAR = 0.1  # of a sweep's farthest move: as far as descent among the weights above 0 is taken before the next


@_compiled
def slim_columns(person_indptr, person_items, item_indptr, item_people, l1, l2, tolerance, turns, first, last):
    """Weights of the columns `first` to `last`: how many each, their rows (ascending), their values.

    X of zeros and ones: what each person watched, and who watched each item. Column j minimises

        ½ ‖x_j − Xw‖² + l2/2 ‖w‖² + l1 ‖w‖₁,   w ≥ 0, w_j = 0.

    Weights only explain more of x_j, so no i that shares at most l1 people with j ever gets one: those are not looked
    at. A sweep over all others, and sweeps among the weights above 0 alone, take turns until one of the former moves
    none by more than `tolerance`; at most `turns` of each. What is left to explain is kept by person, which makes a
    step cost the people who watched a movie, far fewer than the movies that share people with it.
    """
    n_people, n = len(person_indptr) - 1, len(item_indptr) - 1
    weight, rest = np.zeros(n, np.float64), np.zeros(n_people, np.float64)  # rest: x_j − X w
    common = np.zeros(n, np.int64)
    length = np.zeros(last - first, np.int64)
    rows, values, used = np.empty(1024, np.int32), np.empty(1024, np.float32), 0
    for j in range(first, last):
        own = item_people[item_indptr[j] : item_indptr[j + 1]]
        for u in own:
            rest[u] = 1.0
            for p in range(person_indptr[u], person_indptr[u + 1]):
                common[person_items[p]] += 1
        common[j] = 0
        candidate = np.flatnonzero(common > l1)
        common[:] = 0
        for _ in range(turns):
            farthest = _sweep(item_indptr, item_people, candidate, weight, rest, l1, l2)
            if farthest <= tolerance:
                break
            chosen, near = candidate[weight[candidate] > 0.0], max(tolerance, _NEAR * farthest)
            for _ in range(turns):
                if _sweep(item_indptr, item_people, chosen, weight, rest, l1, l2) <= near:
                    break
        while used + len(candidate) > len(rows):
            rows = np.concatenate((rows, np.empty(len(rows), np.int32)))
            values = np.concatenate((values, np.empty(len(values), np.float32)))
        for i in candidate:
            if np.float32(weight[i]) > 0.0:
                rows[used], values[used] = i, weight[i]
                used += 1
                length[j - first] += 1
            weight[i] = 0.0
        rest[:] = 0.0
    return length, rows[:used].copy(), values[:used].copy()  # what was made room for may be many times as much


@_compiled
def _sweep(item_indptr, item_people, items, weight, rest, l1, l2):
    """Each of the items gets the weight that is best while all others stay; the farthest that one moved."""
    farthest = 0.0
    for i in items:
        first, last = item_indptr[i], item_indptr[i + 1]
        slope = 0.0
        for p in range(first, last):
            slope += rest[np.uint32(item_people[p])]  # unsigned: no check for negatives
        count = last - first
        step = max(0.0, (slope + count * weight[i] - l1) / (count + l2)) - weight[i]
        if step != 0.0:
            farthest = max(farthest, abs(step))
            weight[i] += step
            for p in range(first, last):
                rest[np.uint32(item_people[p])] -= step
    return farthest
