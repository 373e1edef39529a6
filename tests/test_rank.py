"""From scores to a list: masks, filters, ties, fallbacks, padding."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recengine.rank import rank

NAN = np.nan


def seen(*rows):
    """A history from 0 / 1 rows; what was seen is stored as a rating of 0, which is a rating all the same."""
    row, item = np.nonzero(np.array(rows))
    return sp.csr_matrix((np.zeros(len(row), np.float32), (row, item)), np.shape(rows))


def ranked(score, fallback=None, history=None, k=3, **filters):
    score = np.array([score], np.float32)
    fallback = np.zeros_like(score) if fallback is None else np.array([fallback], np.float32)
    return rank(score, fallback, seen([0] * score.shape[1]) if history is None else history, k, **filters)


def test_the_best_come_first():
    found = ranked([1, 4, 2, 3])
    assert found.item.tolist() == [[1, 3, 2]]
    assert found.score.tolist() == [[4, 3, 2]]
    assert not found.fallback.any()


def test_equal_scores_keep_the_order_of_their_positions_across_the_cut():
    assert ranked([2, 5, 2, 2, 5, 2], k=4).item.tolist() == [[1, 4, 0, 2]]
    assert ranked([0, -0.0, 0, -0.0], k=3).item.tolist() == [[0, 1, 2]]


def test_what_was_seen_is_left_out_even_when_its_rating_is_nought():
    assert ranked([1, 4, 2, 3], history=seen([0, 1, 0, 0])).item.tolist() == [[3, 2, 0]]


def test_fallbacks_come_last_in_their_own_order_and_are_flagged():
    found = ranked([NAN, 1, NAN, -5], fallback=[3, 99, 7, 99], k=4)
    assert found.item.tolist() == [[1, 3, 2, 0]]
    assert found.score.tolist() == [[1, -5, 7, 3]]
    assert found.fallback.tolist() == [[False, False, True, True]]


def test_too_few_candidates_leave_padding():
    found = ranked([1, NAN, 2], fallback=[0, NAN, 0], history=seen([1, 0, 0]), k=3)
    assert found.item.tolist() == [[2, -1, -1]]
    assert np.isnan(found.score[0, 1:]).all()
    assert found.fallback.tolist() == [[False, False, False]]


def test_a_list_longer_than_the_catalogue_is_padded():
    assert ranked([1, 2], k=4).item.tolist() == [[1, 0, -1, -1]]


def test_infinity_is_no_opinion():
    assert ranked([np.inf, 1, -np.inf], fallback=[0, 0, 1], k=3).item.tolist() == [[1, 2, 0]]


def test_the_filter_lets_only_the_allowed_through():
    allowed = np.array([True, False, False, True])
    assert ranked([1, 4, NAN, NAN], fallback=[0, 0, 9, 1], allowed=allowed).item.tolist() == [[0, 3, -1]]
    assert (ranked([1, 4], allowed=np.zeros(2, bool)).item == -1).all()


def test_rows_do_not_mix():
    score = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    found = rank(score, score, seen([0, 0, 1], [1, 0, 0]), 2)
    assert found.item.tolist() == [[1, 0], [1, 2]]


def test_a_list_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ranked([1, 2], k=0)


def test_the_answer_is_read_only_and_the_scores_are_left_alone():
    score = np.array([[1, 2, NAN]], np.float32)
    kept = score.copy()
    found = rank(score, np.zeros_like(score), seen([1, 0, 0]), 2)
    assert not any(a.flags.writeable for a in (found.item, found.score, found.fallback))
    np.testing.assert_array_equal(score, kept)


few = st.sampled_from([-1.0, 0.0, 0.5, 2.0, NAN])


@given(
    score=arrays(np.float32, (2, 7), elements=few.map(np.float32)),
    fallback=arrays(np.float32, (2, 7), elements=few.map(np.float32)),
    watched=arrays(np.bool_, (2, 7)),
    allowed=arrays(np.bool_, 7),
    k=st.integers(1, 9),
)
def test_any_scores_are_ranked_as_a_plain_sort_would(score, fallback, watched, allowed, k):
    found = rank(score, fallback, seen(*watched.tolist()), k, allowed=allowed)
    for row in range(2):
        free = [i for i in range(7) if allowed[i] and not watched[row, i]]
        own = [i for i in free if not np.isnan(score[row, i])]
        rest = [i for i in free if np.isnan(score[row, i]) and not np.isnan(fallback[row, i])]
        wanted = sorted(own, key=lambda i: -score[row, i]) + sorted(rest, key=lambda i: -fallback[row, i])
        wanted = wanted[:k]
        assert found.item[row].tolist() == wanted + [-1] * (k - len(wanted))
        assert found.fallback[row].sum() == sum(i in rest for i in wanted)
