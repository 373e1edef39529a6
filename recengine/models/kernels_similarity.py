"""Compiled loops (numba) of similarities: sums over common columns, whole rows at a time.

Every kernel works on a range of rows, releases the GIL and is cached on disk. A row is computed by one thread in
a fixed order, so results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # comes with numba, which compiles through it

# What a measure adds up over the common columns: DOT Σxy, JACCARD n, COSINE n and Σxy, MSD n and Σ(x − y)²,
# RESIDUAL n, Σxy, Σx² and Σy², PEARSON these and Σx, Σy. Side by side for the cache, `_SUMS` to a row.
DOT, JACCARD, COSINE, MSD, RESIDUAL, PEARSON = range(6)
_SUMS = (1, 1, 2, 2, 4, 6)

_instruction: Any = numba.extending.intrinsic
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_instruction
def _prefetch(_typing, array, position):
    """Ask for the memory of `array[position]` ahead of its use: an instruction that numba has no name for."""

    def emit(context, builder, _signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, arguments[1:]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(function, [address, number(0), number(3), number(1)])  # to read, to stay in the cache, data
        return context.get_dummy_value()

    return numba.void(array, position), emit


@_compiled
def similar_rows(
    left_indptr, left_indices, left_data, right_indptr, right_indices, right_data,
    left_norm, right_norm, right_count, own, first, last, code, min_support, shrinkage,
):  # fmt: skip
    """Similar right rows of the left rows `first` to `last`: how many each, then one sort key apiece, unordered.

    The arguments are those of `similarity.nearest`; `code` names the measure, DOT being the cosine that asks for no
    support and is not shrunk. A key orders by similarity, then by position, earlier ones higher: the bits of a
    positive float32 sort like the float. `similarity.unpack` reads it.
    """
    n, width, few = len(right_norm), _SUMS[code], len(right_norm) // 4 + 1
    sums = np.zeros((n, width), np.float64)
    # Sums, norms, counts and positions: of all right rows, and room for those that were met where they are few.
    whole = (sums, right_norm.copy(), right_count.copy(), np.arange(n))
    part = (np.empty((few, width)), np.empty(few), np.empty(few, np.int64), np.empty(few, np.int64))
    similarity = np.empty(n, np.float32)
    bits = similarity.view(np.int32)
    keys = np.empty((last - first) * n, np.int64)
    length = np.zeros(last - first, np.int64)
    used = 0
    for r in range(first, last):
        start, stop, met, before = left_indptr[r], left_indptr[r + 1], 0, used
        for p in range(start, stop):
            a, b = right_indptr[left_indices[p]], right_indptr[left_indices[p] + 1]
            # The columns lie all over the memory. What comes after these lines the processor foresees by itself.
            ahead = right_indptr[left_indices[min(p + 4, stop - 1)]]
            for line in range(ahead, ahead + 96, 16):
                _prefetch(right_indices, line)
                _prefetch(right_data, line)
            _add(code, sums, np.float64(left_data[p]), right_indices, right_data, a, b)
            met += b - a
        if own[r] >= 0:
            sums[own[r]] = 0.0
        found, those = n, whole
        if met < few:
            found, those = _pack(whole, part, left_indices[start:stop], right_indptr, right_indices), part
        _compare(code, those, found, stop - start, left_norm[r], min_support, shrinkage, similarity)
        place = those[3]
        for t in range(found):
            # Without a branch: which ones are positive cannot be foreseen.
            keys[used] = (np.int64(bits[t]) << 32) | (0x7FFFFFFF - place[t])
            used += bits[t] > 0
        if met >= few:
            sums[:] = 0.0
        length[r - first] = used - before
    return length, keys[:used]


@_compiled
def _pack(whole, part, columns, right_indptr, right_indices):
    """Bring the right rows met in these columns together, back to back; how many. Their sums in `whole` are then 0."""
    (sums, norm, count, _), (packed, packed_norm, packed_count, place) = whole, part
    found = 0
    for column in columns:
        for q in range(right_indptr[column], right_indptr[column + 1]):
            j = np.uint32(right_indices[q])
            if sums[j, 0] != 0.0:
                packed_norm[found], packed_count[found], place[found] = norm[j], count[j], j
                for s in range(sums.shape[1]):
                    packed[found, s], sums[j, s] = sums[j, s], 0.0
                found += 1
    return found


@_compiled
def _add(code, sums, x, indices, data, start, stop):
    """Add a column's share to the sums of every right row in it; x is the left row's value there.

    Positions are unsigned, which spares a check for negative ones.
    """
    if code == DOT:
        for q in range(start, stop):
            sums[np.uint32(indices[q]), 0] += x * data[q]
    elif code == JACCARD:
        for q in range(start, stop):
            sums[np.uint32(indices[q]), 0] += 1.0
    elif code == COSINE:
        for q in range(start, stop):
            j = np.uint32(indices[q])
            sums[j, 0] += 1.0
            sums[j, 1] += x * data[q]
    elif code == MSD:
        for q in range(start, stop):
            j, difference = np.uint32(indices[q]), x - data[q]
            sums[j, 0] += 1.0
            sums[j, 1] += difference * difference
    else:
        for q in range(start, stop):
            j, y = np.uint32(indices[q]), np.float64(data[q])
            sums[j, 0] += 1.0
            sums[j, 1] += x * y
            sums[j, 2] += x * x
            sums[j, 3] += y * y
            if code == PEARSON:
                sums[j, 4] += x
                sums[j, 5] += y


@_compiled
def _compare(code, those, n, count_left, norm_left, min_support, shrinkage, similarity):
    """Similarities of a left row to the first n of `those` right rows. 0 stands for none.

    A loop without branches for each measure, so that it becomes vector instructions.
    """
    sums, right_norm, right_count, _ = those
    if code == DOT:
        for j in range(n):
            similarity[j] = _shrunk(sums[j, 0], norm_left * right_norm[j], 1.0, 1, 0.0)
    elif code == JACCARD:
        for j in range(n):
            common = sums[j, 0]
            similarity[j] = _shrunk(common, count_left + right_count[j] - common, common, min_support, shrinkage)
    elif code == COSINE:
        for j in range(n):
            similarity[j] = _shrunk(sums[j, 1], norm_left * right_norm[j], sums[j, 0], min_support, shrinkage)
    elif code == MSD:
        for j in range(n):
            common = sums[j, 0]
            similarity[j] = _shrunk(common, common + sums[j, 1], common, min_support, shrinkage)
    elif code == RESIDUAL:
        for j in range(n):
            bottom = np.sqrt(sums[j, 2] * sums[j, 3])
            similarity[j] = _shrunk(sums[j, 1], bottom, sums[j, 0], min_support, shrinkage)
    else:
        for j in range(n):
            common, xy, xx, yy, x, y = sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5]
            a, b = common * xx - x * x, common * yy - y * y
            # Below this a row is constant over the common columns, up to rounding: it has no direction.
            varies = a > 1e-9 * common * xx and b > 1e-9 * common * yy
            top = common * xy - x * y if varies else 0.0
            similarity[j] = _shrunk(top, np.sqrt(a * b), common, min_support, shrinkage)


@_compiled
def _shrunk(top, bottom, common, min_support, shrinkage):
    """top / bottom · common / (common + shrinkage) where that is positive (rows of zeros point nowhere), else 0."""
    return top * common / (bottom * (common + shrinkage)) if top > 0.0 and common >= min_support else 0.0
