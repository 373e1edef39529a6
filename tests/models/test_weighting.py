"""Weighting of interactions: worked by hand on a table of three people and three movies."""

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.models.weighting import binary, bm25, tf_idf

ROWS, COLUMNS, VALUES = [0, 0, 1, 2], [0, 1, 0, 0], [4.0, 1.0, 0.0, 9.0]


@pytest.fixture
def table():
    return sp.csr_matrix((np.array(VALUES, np.float32), (ROWS, COLUMNS)), shape=(3, 3))


def test_binary_counts_a_stored_zero(table):
    assert binary(table).toarray().tolist() == [[1, 1, 0], [1, 0, 0], [1, 0, 0]]


def test_tf_idf(table):
    common, rare = np.log(3 / 4) + 1, np.log(3 / 2) + 1
    expected = [2 * common, 1 * rare, 0, 3 * common]
    np.testing.assert_allclose(tf_idf(table).data, expected, rtol=1e-6)


def test_bm25(table):
    common, rare = np.log(3 / 4) + 1, np.log(3 / 2) + 1
    mean = 4 / 3
    long, short = 1.2 * (0.25 + 0.75 * 2 / mean), 1.2 * (0.25 + 0.75 * 1 / mean)
    expected = [common * 4 * 2.2 / (4 + long), rare * 2.2 / (1 + long), 0, common * 9 * 2.2 / (9 + short)]
    np.testing.assert_allclose(bm25(table).data, expected, rtol=1e-6)


@pytest.mark.parametrize("weigh", [binary, tf_idf, bm25])
def test_the_structure_stays_and_the_input_too(table, weigh):
    before = table.data.copy()
    weighed = weigh(table)
    assert weighed.nnz == table.nnz
    assert weighed.dtype == np.float32
    assert np.array_equal(table.data, before)
    assert weigh(sp.csr_matrix((3, 3), dtype=np.float32)).nnz == 0
