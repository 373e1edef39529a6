"""What is held in memory: interactions, data sets, queries."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Interactions, Query, sequences


@pytest.fixture
def ratings() -> Interactions:
    """Three people, four movies; person 1 has none, a rating is 0, times run against the order of the rows."""
    return Interactions.of([2, 0, 0, 2, 0], [3, 1, 0, 1, 2], [4, 0, 5, 3, 2], [10, 30, 20, 40, 5], n_users=3, n_items=4)


@pytest.fixture
def small(make_dataset):
    return make_dataset([[5, np.nan, 3], [np.nan, 1, 2]], features=[[1, 0], [0, 1], [1, 1]])


def test_the_matrix_keeps_a_rating_of_nought(ratings):
    assert ratings.matrix.nnz == 5
    assert ratings.matrix[0].indices.tolist() == [0, 1, 2]
    assert ratings.matrix[0].data.tolist() == [5, 0, 2]
    assert ratings.matrix.dtype == np.float32
    assert ratings.matrix is ratings.matrix


def test_counts(ratings):
    assert ratings.item_count.tolist() == [1, 2, 1, 1]
    assert ratings.user_count.tolist() == [3, 0, 2]


def test_columns_have_the_houses_types_and_are_read_only(ratings):
    kinds = [np.int32, np.int32, np.float32, np.int64]
    columns = [ratings.user, ratings.item, ratings.value, ratings.time]
    assert [column.dtype for column in columns] == kinds
    matrix = ratings.matrix
    for array in (*columns, matrix.data, matrix.indices, matrix.indptr, ratings.item_count, ratings.user_count):
        assert not array.flags.writeable


def test_the_callers_arrays_stay_the_callers():
    mine = np.array([1.0, 2.0], np.float32)
    held = Interactions.of([0, 0], [0, 1], mine, n_users=1, n_items=2)
    mine[0] = 9
    assert held.value.tolist() == [1, 2]
    assert held.time is None


def test_columns_of_different_length_are_a_mistake():
    with pytest.raises(ValueError, match="length"):
        Interactions.of([0, 0], [0], [1, 2], n_users=1, n_items=1)
    with pytest.raises(ValueError, match="length"):
        Interactions.of([0], [0], [1], [1, 2], n_users=1, n_items=1)


def test_a_pair_that_occurs_twice_is_a_mistake_and_not_a_sum():
    twice = Interactions.of([0, 0], [1, 1], [2, 3], n_users=1, n_items=2)
    with pytest.raises(ValueError, match="more than once"):
        _ = twice.matrix


@pytest.mark.parametrize("rows", [[3, 0], [True, False, False, True, False]])
def test_rows_are_taken_by_position_or_mask(ratings, rows):
    taken = ratings.take(np.array(rows))
    assert sorted(zip(taken.item.tolist(), taken.time.tolist(), strict=True)) == [(1, 40), (3, 10)]
    assert (taken.n_users, taken.n_items) == (3, 4)


def test_no_ratings_at_all():
    nothing = Interactions.of([], [], [], n_users=2, n_items=3)
    assert len(nothing) == 0
    assert nothing.matrix.shape == (2, 3)
    assert nothing.item_count.tolist() == [0, 0, 0]
    assert sequences(nothing, np.array([0, -1], np.int32)).shape == (2, 0)


def test_a_data_set_knows_its_size_and_kind(small, make_dataset):
    assert (small.n_users, small.n_items, small.explicit) == (2, 3, True)
    assert not make_dataset([[1, 1]], scale=None).explicit


def test_a_data_set_cannot_be_changed(small):
    with pytest.raises(dataclasses.FrozenInstanceError):
        small.name = "other"
    assert not small.features.data.flags.writeable


def test_parts_that_do_not_fit_together_are_a_mistake(small):
    with pytest.raises(ValueError, match="vocabularies"):
        dataclasses.replace(small, users=small.items)
    with pytest.raises(ValueError, match="one row an item"):
        dataclasses.replace(small, movies=small.movies.head(2))
    with pytest.raises(ValueError, match="one row an item"):
        dataclasses.replace(small, feature_names=("genre: g0",))


# What the features hold only in part, models read from the tables.
MOVIES = [
    ("title", ["Movie 0", "Movie 1", "Other"]),
    ("year", pd.array([1950, 1951, None], dtype="Int16")),
    ("genres", pd.Series([("g0",), ("g1",), ("g0", "g1", "g2")])),
    ("tags", pd.Series([("dark",), (), ()])),
    ("tags", pd.Series([(), ("dark",), ()])),
]
PEOPLE = [
    pd.DataFrame({"age": pd.array([24, None], dtype="Int16"), "zip": pd.Series(["05711", None], dtype="str")}),
    pd.DataFrame({"age": pd.array([24, None], dtype="Int16"), "zip": pd.Series(["5711", None], dtype="str")}),
    pd.DataFrame({"age": pd.array([None, 24], dtype="Int16"), "zip": pd.Series(["05711", None], dtype="str")}),
]


def test_the_fingerprint_follows_the_content(small, make_dataset):
    table = [[5, np.nan, 3], [np.nan, 1, 2]]
    features = [[1, 0], [0, 1], [1, 1]]
    assert make_dataset(table, features=features).fingerprint == small.fingerprint
    assert dataclasses.replace(small, name="other", about="told otherwise").fingerprint == small.fingerprint
    ratings = small.interactions
    changed = [
        make_dataset([[5, np.nan, 3], [np.nan, 1, 2.5]], features=features),
        make_dataset([[5, 3, np.nan], [np.nan, 1, 2]], features=features),
        make_dataset(table, features=[[1, 1], [0, 1], [1, 1]]),
        make_dataset(table, features=features, scale=(0.5, 5.0)),
        make_dataset(table, features=features, scale=None),
        small.with_interactions(dataclasses.replace(ratings, time=None)),
        small.with_interactions(ratings.take(np.arange(3))),
        dataclasses.replace(small, feature_names=("genre: g0", "genre: Drama")),
        dataclasses.replace(small, users=type(small.users).of(["a", "b"])),
        *(dataclasses.replace(small, movies=small.movies.assign(**{column: cells})) for column, cells in MOVIES),
        *(dataclasses.replace(small, people=people) for people in PEOPLE),
    ]
    prints = {small.fingerprint, *(data.fingerprint for data in changed)}
    assert len(prints) == len(changed) + 1
    assert all(len(p) == 16 and int(p, 16) >= 0 for p in prints)


def test_other_ratings_keep_people_and_movies(small):
    fewer = small.with_interactions(small.interactions.take(np.arange(1)))
    assert fewer.movies is small.movies
    assert fewer.users is small.users
    assert len(fewer.interactions) == 1


def test_a_query_of_users_carries_their_ratings_oldest_first(small, ratings):
    query = Query.of_users(small.with_interactions(small.interactions), [1, -1, 0, 1])
    assert query.user.tolist() == [1, -1, 0, 1]
    assert query.history.toarray().tolist() == [[0, 1, 2], [0, 0, 0], [5, 0, 3], [0, 1, 2]]
    assert sequences(ratings, np.array([2, -1, 0, 1], np.int32)).tolist() == [
        [-1, 3, 1],
        [-1, -1, -1],
        [2, 0, 1],
        [-1, -1, -1],
    ]


def test_without_times_the_order_of_the_rows_is_the_order():
    ratings = Interactions.of([0, 1, 0, 0], [2, 0, 0, 1], [1, 1, 1, 1], n_users=2, n_items=3)
    assert sequences(ratings, np.array([0], np.int32)).tolist() == [[2, 0, 1]]
    tied = Interactions.of([0, 0], [1, 0], [1, 1], [5, 5], n_users=1, n_items=2)
    assert sequences(tied, np.array([0], np.int32)).tolist() == [[1, 0]]


def test_a_visitor_is_a_query_with_a_history_of_their_own():
    visitor = Query.of_visitor(5, [3, 0], [0.0, 4.5])
    assert visitor.user.tolist() == [-1]
    assert visitor.history.indices.tolist() == [0, 3]
    assert visitor.history.data.tolist() == [4.5, 0]
    assert visitor.sequence.tolist() == [[3, 0]]
    nobody = Query.of_visitor(5, [], [])
    assert (nobody.history.nnz, nobody.sequence.shape) == (0, (1, 0))


def test_part_of_a_batch_is_a_batch(small):
    query = Query.of_users(small, [0, 1, 0])
    part = query.rows(1, 3)
    assert len(part) == 2
    assert part.user.tolist() == [1, 0]
    assert part.history.toarray().tolist() == query.history.toarray()[1:].tolist()
    assert len(query.rows(3, 9)) == 0


def test_a_query_may_say_when_it_is_asked(small):
    assert Query.of_users(small, [0]).time is None
    assert Query.of_visitor(3, [0], [4.0]).time is None
    mine = np.array([70, 80, 90])
    query = Query.of_users(small, [0, 1, 0], mine)
    mine[0] = 0
    assert (query.time.tolist(), query.time.dtype) == ([70, 80, 90], np.int64)
    assert not query.time.flags.writeable
    assert query.rows(1, 3).time.tolist() == [80, 90]
    fewer = query.without(2)
    assert fewer.history.toarray().tolist() == [[5, 0, 0], [0, 1, 0], [5, 0, 0]]
    assert fewer.time.tolist() == [70, 80, 90]


def test_a_query_with_rows_missing_is_a_mistake():
    with pytest.raises(ValueError, match="one row a query"):
        Query(np.zeros(2, np.int32), sp.csr_matrix((1, 3), dtype=np.float32), np.zeros((2, 0), np.int32))
    with pytest.raises(ValueError, match="one row a query"):
        Query(
            np.zeros(1, np.int32),
            sp.csr_matrix((1, 3), dtype=np.float32),
            np.zeros((1, 0), np.int32),
            np.zeros(2, np.int64),
        )
