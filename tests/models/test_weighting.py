"""Weighting of interactions: worked by hand on a table of three people and three movies."""

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.models.weighting import Weights, binary

ROWS, COLUMNS, VALUES = [0, 0, 1, 2], [0, 1, 0, 0], [4.0, 1.0, 0.0, 9.0]
WEIGHTINGS = ["rating", "binary", "tf-idf", "bm25"]

# Column 0 has three of three rows, column 1 one, column 2 none.
COMMON, RARE, NEVER = np.log(3 / 4) + 1, np.log(3 / 2) + 1, np.log(3) + 1


def csr(rows, columns, values, shape):
    return sp.csr_matrix((np.array(values, np.float32), (rows, columns)), shape=shape)


@pytest.fixture
def table():
    return csr(ROWS, COLUMNS, VALUES, (3, 3))


def norm(length):
    """k1 (1 − b + b · length / mean length) of BM25: 4 cells in 3 rows."""
    return 1.2 * (0.25 + 0.75 * length / (4 / 3))


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("rating", [4, 1, 0, 9]),
        ("binary", [1, 1, 1, 1]),
        ("tf-idf", [2 * COMMON, 1 * RARE, 0, 3 * COMMON]),
        ("bm25", [
            COMMON * 4 * 2.2 / (4 + norm(2)), RARE * 2.2 / (1 + norm(2)), 0, COMMON * 9 * 2.2 / (9 + norm(1)),
        ]),
    ],
)  # fmt: skip
def test_by_hand(how, wanted, table):
    np.testing.assert_allclose(Weights.of(how, table)(table).data, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("tf-idf", [3 * COMMON, 2 * NEVER, 0]),
        ("bm25", [COMMON * 9 * 2.2 / (9 + norm(3)), NEVER * 4 * 2.2 / (4 + norm(3)), 0]),
    ],
)
def test_a_new_row_is_weighed_by_what_was_learned(how, wanted, table):
    """Alone it would be its own collection, where everything is common and of mean length; below 0 counts as 0."""
    visitor = csr([0, 0, 0], [0, 2, 1], [9, 4, -2], (1, 3))
    weighed = Weights.of(how, table)(visitor)
    np.testing.assert_allclose(weighed.toarray()[0, [0, 2, 1]], wanted, rtol=1e-6)


@pytest.mark.parametrize("how", WEIGHTINGS)
def test_the_structure_stays_and_the_input_too(how, table):
    before, weights = table.data.copy(), Weights.of(how, table)
    weighed = weights(table)
    assert weighed.nnz == table.nnz
    assert weighed.dtype == np.float32
    assert np.array_equal(table.data, before)
    nothing = sp.csr_matrix((3, 3), dtype=np.float32)
    assert weights(nothing).nnz == Weights.of(how, nothing)(nothing).nnz == 0


def test_binary_counts_a_stored_zero(table):
    assert binary(table).toarray().tolist() == [[1, 1, 0], [1, 0, 0], [1, 0, 0]]
