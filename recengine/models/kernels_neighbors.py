"""Compiled loops (numba) of the neighborhood models: what neighbors add up to.

Every kernel works on a range of rows, releases the GIL and is cached on disk. A row is computed by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def over_people(start, index, similarity, indptr, indices, values, k, damping, average, first, last, n_items):
    """Σ s·d / (Σ s + damping), or Σ s·d, over the k most similar people who rated the item; NaN where none did.

    Neighbors of row r: `index[start[r]:start[r + 1]]`, best first. `indptr`, `indices`, `values`: ratings by person.
    """
    out = np.empty((last - first, n_items), np.float32)
    sums = np.empty((n_items, 2), np.float64)
    count = np.empty(n_items, np.int32)
    for r in range(first, last):
        sums[:] = 0.0
        count[:] = 0
        for p in range(start[r], start[r + 1]):
            s, person = np.float64(similarity[p]), index[p]
            for q in range(indptr[person], indptr[person + 1]):
                i = indices[q]
                if count[i] < k:
                    count[i] += 1
                    sums[i, 0] += s * values[q]
                    sums[i, 1] += s
        for i in range(n_items):
            out[r - first, i] = _quotient(sums[i, 0], sums[i, 1], damping, average)
    return out


@_compiled
def over_movies(
    indptr, indices, values, start, index, similarity, holder_indptr, holder_indices, holder_similarity,
    k, damping, average, first, last,
):  # fmt: skip
    """Σ s·d / (Σ s + damping), or Σ s·d, over the k rated movies most similar to the item; NaN where there are none.

    `indptr`, `indices`, `values`: history by row. Neighbors of item i: `index[start[i]:start[i + 1]]`, best first;
    `holder_*`: the same the other way round, which is what a history reads. Where it is longer than k, a first pass
    counts the rated neighbors of every item, and one with more than k of them gets a cut: its k-th best.
    """
    n_items = len(start) - 1
    out = np.empty((last - first, n_items), np.float32)
    sums = np.empty((n_items, 2), np.float64)
    count = np.zeros(n_items, np.int32)
    rated = np.zeros(n_items, np.int32)
    cut = np.empty(n_items, np.float32)
    cut_movie = np.empty(n_items, np.int32)
    for r in range(first, last):
        sums[:] = 0.0
        cut[:] = 0.0
        if indptr[r + 1] - indptr[r] > k:
            count[:] = 0
            for p in range(indptr[r], indptr[r + 1]):
                rated[indices[p]] = 1
                for q in range(holder_indptr[indices[p]], holder_indptr[indices[p] + 1]):
                    count[holder_indices[q]] += 1
            for i in range(n_items):
                if count[i] > k:
                    q, left = start[i], k
                    while left > 0:
                        left -= rated[index[q]]
                        q += 1
                    cut[i], cut_movie[i] = similarity[q - 1], index[q - 1]
            for p in range(indptr[r], indptr[r + 1]):
                rated[indices[p]] = 0
        for p in range(indptr[r], indptr[r + 1]):
            j, d = indices[p], np.float64(values[p])
            for q in range(holder_indptr[j], holder_indptr[j + 1]):
                i, s = holder_indices[q], holder_similarity[q]
                # As in the lists, the earlier of two equally similar movies comes first.
                weight = np.float64(s) if (s > cut[i]) | ((s == cut[i]) & (j <= cut_movie[i])) else 0.0
                sums[i, 0] += weight * d
                sums[i, 1] += weight
        for i in range(n_items):
            out[r - first, i] = _quotient(sums[i, 0], sums[i, 1], damping, average)
    return out


@_compiled
def pairs_over_movies(
    indptr, indices, values, start, index, similarity, pair_start, pair_item, k, damping, average, first, last
):  # fmt: skip
    """`over_movies` for chosen cells alone: row r is asked about `pair_item[pair_start[r]:pair_start[r + 1]]`."""
    n_items = len(start) - 1
    offset = pair_start[first]
    out = np.empty(pair_start[last] - offset, np.float32)
    rated = np.zeros(n_items, np.int64)
    value = np.zeros(n_items, np.float64)
    for r in range(first, last):
        for p in range(indptr[r], indptr[r + 1]):
            rated[indices[p]], value[indices[p]] = 1, values[p]
        for pair in range(pair_start[r], pair_start[r + 1]):
            i, left, total, weight = pair_item[pair], k, 0.0, 0.0
            for q in range(start[i], start[i + 1]):
                j = index[q]
                # Without a branch: whether a movie was rated cannot be foreseen.
                s = similarity[q] * rated[j]
                total += s * value[j]
                weight += s
                left -= rated[j]
                if left == 0:
                    break
            out[pair - offset] = _quotient(total, weight, damping, average)
        for p in range(indptr[r], indptr[r + 1]):
            rated[indices[p]], value[indices[p]] = 0, 0.0
    return out


@_compiled
def pairs_over_people(
    start, index, similarity, by_item_indptr, by_item_indices, by_item_values, pair_start, pair_item,
    k, damping, average, first, last,
):  # fmt: skip
    """`over_people` for chosen cells alone: row r is asked about `pair_item[pair_start[r]:pair_start[r + 1]]`.

    `by_item_*`: who rated each item, and how.
    """
    n_people = by_item_indices.max() + 1 if len(by_item_indices) else 0
    offset = pair_start[first]
    out = np.empty(pair_start[last] - offset, np.float32)
    standing = np.full(n_people, -1, np.int64)
    place = np.empty(n_people, np.int64)
    carried = np.empty(n_people, np.float64)
    for r in range(first, last):
        for p in range(start[r], start[r + 1]):
            standing[index[p]] = p
        for pair in range(pair_start[r], pair_start[r + 1]):
            i, found, total, weight = pair_item[pair], 0, 0.0, 0.0
            for q in range(by_item_indptr[i], by_item_indptr[i + 1]):
                place[found], carried[found] = standing[by_item_indices[q]], by_item_values[q]
                found += place[found] >= 0
            cut = _kth_smallest(place[:found], k, start[r], start[r + 1] - 1) if found > k else start[r + 1]
            for t in range(found):
                if place[t] <= cut:
                    total += similarity[place[t]] * carried[t]
                    weight += similarity[place[t]]
            out[pair - offset] = _quotient(total, weight, damping, average)
        for p in range(start[r], start[r + 1]):
            standing[index[p]] = -1
    return out


@_compiled
def _kth_smallest(numbers, k, low, high):
    """The k-th smallest of distinct integers within [low, high], by bisection on its value."""
    while low < high:
        middle, below = (low + high) // 2, 0
        for number in numbers:
            below += number <= middle
        low, high = (low, middle) if below >= k else (middle + 1, high)
    return low


@_compiled
def _quotient(total, weight, damping, average):
    if weight == 0.0:
        return np.nan
    return total / (weight + damping) if average else total
