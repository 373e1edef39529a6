"""What the autoencoders share: rows without each of their cells."""

import numpy as np
import scipy.sparse as sp

from recengine.models import autoencoders


def test_each_cell_is_left_out_in_turn_however_many_go_together(monkeypatch):
    history, taken = sp.csr_matrix(([4.0, 0.0, 2.0, 1.0, 5.0], [1, 2, 4, 5, 7], [0, 5]), (1, 9), dtype="f4"), []

    def answer(rows):
        taken.append(rows.shape[0])
        assert (np.diff(rows.indptr) == 4).all()  # a stored 0 stays a cell
        return rows.toarray()

    wanted = history.toarray().repeat(5, 0)
    wanted[np.arange(5), history.indices] = 0
    np.testing.assert_array_equal(autoencoders.without_each(history, answer), wanted)
    monkeypatch.setattr(autoencoders, "AT_ONCE", 2)
    np.testing.assert_array_equal(autoencoders.without_each(history, answer), wanted)
    assert taken == [5, 2, 2, 1]
