"""External ids and positions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recengine.data.vocab import Vocab
from recengine.errors import NotFound


def test_ids_are_sorted_and_unique():
    assert Vocab.of([30, 4, 30, 100]).ids.tolist() == [4, 30, 100]
    assert Vocab.of(["ü", "Z", "a", "☃", "a"]).ids.tolist() == ["Z", "a", "ü", "☃"]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_every_id_finds_its_position_and_back(ids):
    vocab = Vocab.of(np.array(ids, np.int64))
    assert [vocab.id(i) for i in vocab.index(ids)] == ids
    assert (vocab.index([str(i) for i in ids]) == vocab.index(ids)).all()


@given(st.lists(st.text("ab1 é☃", min_size=1), min_size=1, max_size=10), st.text("ab1 é☃", min_size=1))
def test_text_that_is_not_there_is_unknown(ids, other):
    vocab = Vocab.of(ids)
    assert (vocab.index([other])[0] == -1) == (other not in ids)


def test_unknown_ids_are_minus_one_wherever_they_would_stand():
    assert Vocab.of([10, 20]).index([5, 10, 15, 20, 25]).tolist() == [-1, 0, -1, 1, -1]
    assert Vocab.of(["b", "d"]).index(["a", "b", "c", "d", "e", "bb"]).tolist() == [-1, 0, -1, 1, -1, -1]


def test_text_and_numbers_find_each_other():
    assert Vocab.of([1, 22]).index(["22", " 1 ", "1.0", "x", "", "9" * 30]).tolist() == [1, 0, -1, -1, -1, -1]
    assert Vocab.of(["1", "22"]).index([22, 1, 3]).tolist() == [1, 0, -1]


def test_text_never_matches_by_accident():
    assert Vocab.of([10, 5]).index(["1_0", "0x5", "5e0"]).tolist() == [-1, -1, -1]
    assert Vocab.of([-1, 0, 5]).index(["nonsense", "5"]).tolist() == [-1, 2]


def test_the_smallest_integer_there_is_can_be_an_id():
    assert Vocab.of([-(2**63), 5]).index(["nonsense", "5", str(-(2**63))]).tolist() == [-1, 1, 0]


def test_a_fraction_is_no_integer_id():
    assert Vocab.of([1, 2]).index(np.array([1.5, 2.5])).tolist() == [-1, -1]


def test_an_empty_vocabulary_knows_nothing():
    empty = Vocab.of([])
    assert len(empty) == 0
    assert empty.index(["a", "b"]).tolist() == [-1, -1]
    assert Vocab.of([1, 2]).index([]).tolist() == []


@pytest.mark.parametrize("position", [-1, 2, 99])
def test_a_position_that_is_not_there_is_refused(position, one_sentence):
    with pytest.raises(NotFound) as refused:
        Vocab.of([7, 8]).id(position)
    assert one_sentence(str(refused.value))


def test_an_id_is_a_plain_python_value():
    assert type(Vocab.of([7]).id(0)) is int
    assert type(Vocab.of(["a"]).id(0)) is str


@pytest.mark.parametrize("ids", [[2, 1], [1, 1], [[1, 2]], [1.5, 2.5]])
def test_ids_out_of_order_twice_or_of_a_strange_kind_are_a_mistake(ids):
    with pytest.raises(ValueError, match="ids must be"):
        Vocab(np.array(ids))


def test_ids_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        Vocab.of([1, 2]).ids[0] = 9
