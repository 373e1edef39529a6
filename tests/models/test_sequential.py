"""What the sequence models share: who came first, windows by hand, the past of a query, occlusion, the store."""

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Interactions, Query
from recengine.model import Context
from recengine.models.neural.sequences import shuffled, windows
from recengine.models.sequential import SASRec, in_order
from recengine.store import Store, identity

SMALL = SASRec(factors=8, heads=2, length=4, epochs=6, batch_size=8, learning_rate=0.01)
UNRATED = 14


@pytest.fixture(scope="module")
def train(make_dataset):
    """30 people × 15 movies, half of them watched; the last by nobody."""
    table = np.where(np.random.default_rng(2).random((30, 15)) < 0.5, 1.0, np.nan)
    table[:, UNRATED] = np.nan
    return make_dataset(table, scale=None)


@pytest.fixture(scope="module")
def fitted(train):
    return SMALL.fit(train)


def visitor(*items):
    return Query.of_visitor(15, items, np.ones(len(items)))


def test_the_oldest_comes_first_and_rows_of_one_time_keep_their_order():
    ratings = Interactions.of([1, 0, 1, 1, 0], [4, 2, 3, 0, 1], [1] * 5, [7, 9, 5, 7, 8], n_users=3, n_items=5)
    pasts, times = in_order(ratings)
    assert [past.tolist() for past in pasts] == [[1, 2], [3, 4, 0], []]
    assert [time.tolist() for time in times] == [[8, 9], [5, 7, 7], []]


def test_without_times_the_rows_are_the_order():
    pasts, times = in_order(Interactions.of([1, 0, 1, 0], [4, 2, 3, 1], [1] * 4, n_users=2, n_items=5))
    assert [past.tolist() for past in pasts] == [[2, 1], [4, 3]]
    assert all((np.diff(time) > 0).all() for time in times)


def test_windows_tell_every_movie_but_the_first_once():
    pasts = [np.array([5, 3, 8, 1, 0, 7]), np.array([2, 4]), np.array([6]), np.array([], np.int64)]
    times = [np.array([1, 1, 1, 4, 6, 6]), np.array([3, 3]), np.array([1]), np.array([], np.int64)]
    cut, rank = windows(pasts, times, 4)
    assert cut.tolist() == [[9, 2, 1, 8], [0, 6, 4, 9], [0, 0, 3, 5]]  # positions + 1, two windows of the first person
    assert rank.tolist() == [[1, 2, 3, 3], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert sorted(cut[:, 1:][cut[:, :-1] > 0]) == sorted(past + 1 for past in [3, 8, 1, 0, 7, 4])


def test_movies_of_one_time_come_in_every_order_and_no_others_change_places():
    window, rank = np.array([[0, 5, 6, 7, 8, 9]] * 200), np.array([[0, 1, 2, 2, 2, 3]] * 200)
    drawn = shuffled(window, rank, np.random.default_rng(0))
    assert (drawn[:, [0, 1, 5]] == [0, 5, 9]).all()
    assert len(np.unique(drawn[:, 2:5], axis=0)) == 6
    assert (np.sort(drawn[:, 2:5]) == [6, 7, 8]).all()


def test_the_last_movie_of_each_person_is_for_validation_alone(train, fitted):
    """Another last movie changes what is measured after an epoch, and nothing that is learned."""
    ratings = train.interactions
    last = np.array([np.flatnonzero(ratings.user == u)[ratings.time[ratings.user == u].argmax()] for u in range(30)])
    item = ratings.item.copy()
    for row in last:
        item[row] = np.setdiff1d(np.arange(14), ratings.item[ratings.user == ratings.user[row]])[0]
    other = Interactions.of(ratings.user, item, ratings.value, ratings.time, n_users=30, n_items=15)
    found = SMALL.fit(train.with_interactions(other)).curve
    np.testing.assert_array_equal(found.loss, fitted.curve.loss)
    assert (found.validation != fitted.curve.validation).any()
    assert found.metric == "ndcg@10"


def test_the_order_of_what_was_watched_tells(fitted):
    forth, back = fitted.score(visitor(3, 1, 4)), fitted.score(visitor(4, 1, 3))
    assert np.nanmax(np.abs(forth - back)) > 1e-3


def test_a_movie_left_out_in_the_middle_leaves_no_gap(fitted):
    np.testing.assert_array_equal(fitted.score(visitor(3, 1, 4, 2).without(1)), fitted.score(visitor(3, 4, 2)))


def test_only_the_latest_movies_are_looked_at(fitted):
    np.testing.assert_array_equal(fitted.score(visitor(9, 3, 1, 4, 2)), fitted.score(visitor(3, 1, 4, 2)))
    assert (fitted.score(visitor(9, 1, 4, 2)) != fitted.score(visitor(3, 1, 4, 2)))[0, :14].any()


def test_a_movie_that_nobody_rated_is_passed_over(fitted):
    score = fitted.score(visitor(3, UNRATED, 4))
    np.testing.assert_array_equal(score, fitted.score(visitor(3, 4)))
    assert np.isnan(score[0, UNRATED])
    assert np.isnan(fitted.score(visitor(UNRATED))).all()


def test_a_weight_is_what_the_score_loses_without_the_movie(fitted):
    query = visitor(9, 3, 1, 4, 2)
    why, score = fitted.explain(query, 7), fitted.score(query)[0, 7]
    assert why.score == pytest.approx(score, abs=1e-6)
    assert {part.index for part in why.parts} == {3, 1, 4, 2}
    for part in why.parts:
        assert part.weight == pytest.approx(score - fitted.score(query.without(part.index))[0, 7], abs=1e-5)
    assert why.method
    assert not why.exact


def test_it_comes_back_from_the_store_bit_for_bit(tmp_path, train):
    def keep(make):
        return Store(tmp_path).fetch({"model": identity(SMALL)}, make).value

    made, found = keep(lambda: SMALL.fit(train)), keep(lambda: pytest.fail("it was kept"))
    query = Query.of_users(train, np.arange(30))
    np.testing.assert_array_equal(made.score(query), found.score(query))
    np.testing.assert_array_equal(made.curve.loss, found.curve.loss)


def test_the_seed_decides(train, fitted):
    query = Query.of_users(train, np.arange(30))
    np.testing.assert_array_equal(SMALL.fit(train).score(query), fitted.score(query))
    assert (SMALL.fit(train, Context(seed=1)).score(query) != fitted.score(query))[:, :14].all()


def test_a_hybrid_follows_the_order_where_a_child_does():
    assert SASRec().traits.sequence
    assert registry.create("mixed", {"children": "ease, sasrec"}).traits.sequence
    assert not registry.create("mixed", {"children": "ease, bpr"}).traits.sequence
