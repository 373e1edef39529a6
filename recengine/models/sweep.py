"""The inverse of a large symmetric positive definite matrix, in place and block by block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512  # rows swept at once: enough for BLAS to be fast, few enough to keep the work on the diagonal small


def sweep(matrix: NDArray[np.float64], step: Callable[[float], None]) -> None:
    """Turn the upper triangle of `matrix` `(n, n)` into that of −matrix⁻¹; below the diagonal is no result.

    Only the upper triangle is read, apart from squares on the diagonal. For each block K of rows in turn, with
    D = A_KK⁻¹: A_ij ← A_ij − A_iK D A_Kj, A_Kj ← D A_Kj, A_KK ← −D. `step(fraction)` is called before each block.
    Cost: n³ multiplications and additions, all of them in products of matrices; memory O(n) beside the matrix.
    Source: Goodnight, "A tutorial on the SWEEP operator", The American Statistician 33(3), 1979, by blocks.
    LAPACK's dpotrf and dpotri would do, but in OpenBLAS (0.3.30) they crash on several threads from n = 17,000 on.
    """
    n = len(matrix)
    product = np.empty((_BLOCK, n), np.float64)  # one for all: fresh memory costs more than the product
    for first in range(0, n, _BLOCK):
        step(first / n)
        last = min(first + _BLOCK, n)
        own, before, after = slice(first, last), slice(0, first), slice(last, n)
        inverse = np.linalg.inv(matrix[own, own])
        column = np.concatenate([matrix[before, own], matrix[own, own], matrix[own, after].T])  # (n, block)
        row = inverse @ column.T  # (block, n)
        for top in range(0, n, _BLOCK):
            rows = matrix[top : top + _BLOCK, top:]
            rows -= np.matmul(column[top : top + _BLOCK], row[:, top:], out=product[: len(rows), top:])
        matrix[before, own], matrix[own, own], matrix[own, after] = row[:, before].T, -inverse, row[:, after]
