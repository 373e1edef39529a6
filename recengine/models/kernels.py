"""Compiled loops (numba): what neither BLAS nor scipy.sparse can express.

Every kernel works on a range of rows, releases the GIL and is cached on disk. A row is computed by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

COSINE, RESIDUAL, PEARSON, JACCARD, MSD = range(5)


@numba.njit(cache=True, nogil=True)
def nearest_rows(  # type: ignore[no-untyped-def]
    left_indptr, left_indices, left_data, right_indptr, right_indices, right_data,
    left_norm, right_norm, right_count, own, first, last, code, keep, min_support, shrinkage,
):  # fmt: skip
    n = len(right_norm)
    # Sums of each right row against the row at hand, side by side for the cache: n, Σxy, Σx², Σy², Σx, Σy.
    sums = np.zeros((n, 6), np.float64)
    touched = np.empty(n, np.int32)
    length = np.zeros(last - first, np.int64)
    index = np.empty(1024, np.int32)
    similarity = np.empty(1024, np.float32)
    used = 0
    for r in range(first, last):
        n_touched = 0
        for p in range(left_indptr[r], left_indptr[r + 1]):
            x = np.float64(left_data[p])
            column = left_indices[p]
            for q in range(right_indptr[column], right_indptr[column + 1]):
                j = right_indices[q]
                y = np.float64(right_data[q])
                s = sums[j]
                if s[0] == 0.0:
                    touched[n_touched] = j
                    n_touched += 1
                s[0] += 1.0
                s[1] += x * y
                if code == RESIDUAL or code == MSD or code == PEARSON:
                    s[2] += x * x
                    s[3] += y * y
                if code == PEARSON:
                    s[4] += x
                    s[5] += y
        n_left = left_indptr[r + 1] - left_indptr[r]
        row_index = np.empty(n_touched, np.int32)
        row_similarity = np.empty(n_touched, np.float32)
        found = 0
        for t in range(n_touched):
            j = touched[t]
            s = sums[j]
            value = 0.0
            support = s[0]
            if code == COSINE:
                norm = np.float64(left_norm[r]) * np.float64(right_norm[j])
                value = s[1] / norm if norm > 0.0 else 0.0
            elif code == RESIDUAL:
                norm = np.sqrt(s[2] * s[3])
                value = s[1] / norm if norm > 0.0 else 0.0
            elif code == PEARSON:
                a = support * s[2] - s[4] * s[4]
                b = support * s[3] - s[5] * s[5]
                # Below this a row is constant over the common columns, up to rounding: no direction.
                if a > 1e-9 * support * s[2] and b > 1e-9 * support * s[3]:
                    value = (support * s[1] - s[4] * s[5]) / np.sqrt(a * b)
            elif code == JACCARD:
                value = support / (n_left + right_count[j] - support)
            else:
                value = 1.0 / (1.0 + max(0.0, s[2] + s[3] - 2.0 * s[1]) / support)
            value *= support / (support + shrinkage)
            s[:] = 0.0
            if j != own[r] and support >= min_support and value > 0.0:
                row_index[found] = j
                row_similarity[found] = value
                found += 1
        # Order by position first, so that the stable sort by similarity breaks ties by position.
        by_position = np.argsort(row_index[:found], kind="mergesort")
        order = by_position[np.argsort(-row_similarity[:found][by_position], kind="mergesort")]
        kept = min(found, keep)
        while used + kept > len(index):
            index = np.concatenate((index, np.empty(len(index), np.int32)))
            similarity = np.concatenate((similarity, np.empty(len(similarity), np.float32)))
        for t in range(kept):
            index[used + t] = row_index[order[t]]
            similarity[used + t] = row_similarity[order[t]]
        used += kept
        length[r - first] = kept
    return length, index[:used], similarity[:used]


@numba.njit(cache=True, nogil=True)
def sum_over_people(  # type: ignore[no-untyped-def]
    start, index, similarity, indptr, indices, values, k, first, last, n_items,
):  # fmt: skip
    """Per row and item Σ s·d, Σ s and the count over the k most similar neighbors who rated the item.

    Neighbors of row r: `index[start[r]:start[r + 1]]`, best first. `indptr`, `indices`, `values`: ratings by person.
    """
    total = np.zeros((last - first, n_items), np.float64)
    weight = np.zeros((last - first, n_items), np.float64)
    count = np.zeros((last - first, n_items), np.int32)
    for r in range(first, last):
        row_total, row_weight, row_count = total[r - first], weight[r - first], count[r - first]
        for p in range(start[r], start[r + 1]):
            s = np.float64(similarity[p])
            person = index[p]
            for q in range(indptr[person], indptr[person + 1]):
                i = indices[q]
                if row_count[i] < k:
                    row_count[i] += 1
                    row_total[i] += s * values[q]
                    row_weight[i] += s
    return total, weight, count


@numba.njit(cache=True, nogil=True)
def sum_over_movies(  # type: ignore[no-untyped-def]
    indptr, indices, values, holder_indptr, holder_indices, holder_similarity, k, first, last, n_items,
):  # fmt: skip
    """Per row and item Σ s·d, Σ s and the count over the k rated movies most similar to the item.

    `indptr`, `indices`, `values`: history by row. `holder_*`: for each movie j, the items that have j as a neighbor.
    Where a history is longer than k, each item keeps its k best in a heap whose root is the worst of them: the
    lowest similarity, and among equals the latest position.
    """
    total = np.zeros((last - first, n_items), np.float64)
    weight = np.zeros((last - first, n_items), np.float64)
    count = np.zeros((last - first, n_items), np.int32)
    longest = 0
    for r in range(first, last):
        longest = max(longest, indptr[r + 1] - indptr[r])
    heaps = n_items if longest > k else 0
    best = np.empty((heaps, k), np.float32)
    place = np.empty((heaps, k), np.int32)
    for r in range(first, last):
        row_total, row_weight, row_count = total[r - first], weight[r - first], count[r - first]
        overflow = indptr[r + 1] - indptr[r] > k
        for p in range(indptr[r], indptr[r + 1]):
            j = indices[p]
            for q in range(holder_indptr[j], holder_indptr[j + 1]):
                i, s = holder_indices[q], holder_similarity[q]
                if not overflow:
                    row_count[i] += 1
                    row_total[i] += np.float64(s) * values[p]
                    row_weight[i] += s
                elif row_count[i] < k:
                    _sift_up(best[i], place[i], row_count[i], s, p)
                    row_count[i] += 1
                elif s > best[i, 0]:
                    _sift_down(best[i], place[i], k, s, p)
        if overflow:
            for i in range(n_items):
                for h in range(row_count[i]):
                    row_total[i] += np.float64(best[i, h]) * values[place[i, h]]
                    row_weight[i] += best[i, h]
    return total, weight, count


@numba.njit(cache=True, nogil=True, inline="always")
def _sift_up(best, place, size, s, p):  # type: ignore[no-untyped-def]
    h = size
    while h > 0:
        parent = (h - 1) // 2
        # A later entry of equal similarity is the worse one, and belongs nearer to the root.
        if best[parent] < s:
            break
        best[h], place[h] = best[parent], place[parent]
        h = parent
    best[h], place[h] = s, p


@numba.njit(cache=True, nogil=True, inline="always")
def _sift_down(best, place, size, s, p):  # type: ignore[no-untyped-def]
    h = 0
    while True:
        child = 2 * h + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            best[right] < best[child] or (best[right] == best[child] and place[right] > place[child])
        ):
            child = right
        if s < best[child]:
            break
        best[h], place[h] = best[child], place[child]
        h = child
    best[h], place[h] = s, p
