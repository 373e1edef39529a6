"""The nine naive steps: by hand on a tiny matrix, and against a direct transcription on MovieLens 100K."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from recengine import tutorial
from recengine.errors import DataError

X = np.nan


class TestByHand:
    """Two people, three movies: R = [[3, 4, 0], [3, 0, 4]]; both rows have norm 5."""

    R = np.array([[3.0, 4.0, 0.0], [3.0, 0.0, 4.0]])

    def test_similarity_of_users(self):
        # 3·3 / (5·5) = .36
        np.testing.assert_allclose(tutorial.similarity_of_users(self.R), [[1, 0.36], [0.36, 1]], atol=1e-15)

    def test_similarity_of_items(self):
        # ‖A‖ = 3√2, ‖B‖ = ‖C‖ = 4; A·B = 12, so 12 / (3√2 · 4) = 1/√2; B and C share nobody.
        s = 1 / np.sqrt(2)
        np.testing.assert_allclose(tutorial.similarity_of_items(self.R), [[1, s, s], [s, 1, 0], [s, 0, 1]], atol=1e-15)

    def test_prediction_from_users(self):
        # Means over the zero-filled rows: 7/3 each. For person 0, movie C: deviations −7/3 and 5/3,
        # 7/3 + (1 · −7/3 + .36 · 5/3) / 1.36 = 7/3 − (26/15) / 1.36 = 1.0588…; movie A: 7/3 + 2/3 = 3.
        found = tutorial.predict_from_users(self.R, np.array([[1, 0.36], [0.36, 1]]))
        assert found[0, 0] == pytest.approx(3)
        assert found[0, 2] == pytest.approx(7 / 3 - (26 / 15) / 1.36)
        assert found[1, 1] == pytest.approx(found[0, 2])

    def test_prediction_from_items(self):
        # S by hand, with S_AB = .5 and S_BC = .25: person 0, movie C: (3 · 0 + 4 · .25 + 0) / (.25 + 1) = .8.
        s = np.array([[1, 0.5, 0], [0.5, 1, 0.25], [0, 0.25, 1]])
        found = tutorial.predict_from_items(self.R, s)
        # Movie B: (3 · .5 + 4 · 1) / 1.75; person 1: (3 · .5 + 4 · .25) / 1.75.
        np.testing.assert_allclose(found, [[5 / 1.5, 5.5 / 1.75, 0.8], [2, 2.5 / 1.75, 3.2]])

    def test_error_counts_only_cells_that_are_not_nought(self):
        prediction = np.array([[1.0, 5.0], [2.0, 9.0]])
        assert tutorial.rmse(prediction, np.array([[4.0, 0.0], [2.0, 0.0]])) == pytest.approx(np.sqrt(9 / 2))
        assert np.isnan(tutorial.rmse(prediction, np.zeros((2, 2))))


def test_the_rows_and_their_split(make_dataset):
    data = make_dataset([[5, X, 3, 1], [X, 4, 2, X], [1, 1, X, 5]])
    rows = tutorial.load_rows(data)
    assert rows.columns.tolist() == ["user_id", "item_id", "rating"]
    assert rows.to_numpy().tolist()[:2] == [[0, 0, 5], [0, 2, 3]]
    assert tutorial.count(rows) == (3, 4)
    train, test = tutorial.split_rows(rows, seed=0)
    assert (len(train), len(test)) == (6, 2)
    assert sorted([*train.index, *test.index]) == list(range(8))
    assert tutorial.split_rows(rows, seed=0)[1].index.tolist() == test.index.tolist()
    assert any(tutorial.split_rows(rows, seed=s)[1].index.tolist() != test.index.tolist() for s in range(1, 5))


def test_the_matrix_is_nought_where_nobody_rated(make_dataset):
    data = make_dataset([[5, X, 3], [X, X, 2]])
    matrix = tutorial.user_item_matrix(tutorial.load_rows(data), data.users, data.items)
    assert matrix.tolist() == [[5, 0, 3], [0, 0, 2]]


def test_somebody_and_something_without_training_ratings_are_predicted_nothing():
    train = np.array([[4.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    users, items = tutorial.similarity_of_users(train), tutorial.similarity_of_items(train)
    assert users.tolist() == [[pytest.approx(1), 0], [0, 0]]
    assert items[2].tolist() == [0, 0, 0]
    np.testing.assert_allclose(tutorial.predict_from_users(train, users), [[4, 2, 0], [0, 0, 0]], atol=1e-12)
    assert tutorial.predict_from_items(train, items)[:, 2].tolist() == [0, 0]


def transcribed(train, test):
    """The well-known few lines, on matrices; 0/0 for a movie that lost all its ratings to the test is taken as 0."""
    user_similarity, item_similarity = cosine_similarity(train), cosine_similarity(train.T)
    mean_user_rating = train.mean(axis=1)
    ratings_diff = train - mean_user_rating[:, np.newaxis]
    user_prediction = (
        mean_user_rating[:, np.newaxis]
        + user_similarity.dot(ratings_diff) / np.array([np.abs(user_similarity).sum(axis=1)]).T
    )
    with np.errstate(invalid="ignore"):
        item_prediction = np.nan_to_num(
            train.dot(item_similarity) / np.array([np.abs(item_similarity).sum(axis=1)]), nan=0.0
        )
    errors = [
        np.sqrt(((prediction[test.nonzero()] - test[test.nonzero()]) ** 2).mean())
        for prediction in (user_prediction, item_prediction)
    ]
    return user_similarity, item_similarity, user_prediction, item_prediction, errors


def test_movielens_100k_equals_the_direct_transcription(ml100k):
    data = ml100k("u.data")
    result = tutorial.run(data, seed=3)
    assert (result.n_users, result.n_items, len(result.rows)) == (943, 1682, 100_000)
    assert (len(result.train_rows), len(result.test_rows), result.n_test_cells) == (75_000, 25_000, 25_000)

    train, test = np.zeros((943, 1682)), np.zeros((943, 1682))
    for matrix, rows in ((train, result.train_rows), (test, result.test_rows)):
        for user, item, rating in rows.itertuples(index=False):
            matrix[user - 1, item - 1] = rating
    np.testing.assert_array_equal(result.train, train)
    np.testing.assert_array_equal(result.test, test)
    assert np.count_nonzero(train + test) == 100_000

    *wanted, errors = transcribed(train, test)
    found = [result.user_similarity, result.item_similarity, result.user_prediction, result.item_prediction]
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    np.testing.assert_allclose([result.user_rmse, result.item_rmse], errors, rtol=0, atol=1e-10)


def test_what_the_docstrings_say_of_movielens_100k_is_true(ml100k):
    result = tutorial.run(ml100k("u.data"), seed=0)
    assert result.filled == pytest.approx(0.05, abs=0.005)
    assert [result.user_rmse, result.item_rmse] == pytest.approx([2.97, 3.17], abs=0.005)
    by_distance = (
        tutorial.predict_from_users(result.train, 1 - result.user_similarity),
        tutorial.predict_from_items(result.train, 1 - result.item_similarity),
    )
    assert [tutorial.rmse(p, result.test) for p in by_distance] == pytest.approx([3.13, 3.46], abs=0.005)
    always_the_mean = np.full_like(result.test, result.train_rows["rating"].mean())
    assert tutorial.rmse(always_the_mean, result.test) == pytest.approx(1.1, abs=0.05)


def test_the_result_is_read_only_and_repeatable(make_dataset):
    data = make_dataset(np.random.default_rng(0).integers(1, 6, (6, 5)))
    first, second = tutorial.run(data, seed=1), tutorial.run(data, seed=1)
    for name in ("train", "test", "user_similarity", "item_similarity", "user_prediction", "item_prediction"):
        assert not getattr(first, name).flags.writeable
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.user_rmse == second.user_rmse


@pytest.mark.parametrize(
    ("table", "scale", "hint"),
    [
        ([[1, 1], [1, X]], None, "choose data with ratings"),
        ([[X, X]], (1.0, 5.0), "at least two"),
        ([[4]], (1.0, 5.0), "at least two"),
    ],
)
def test_data_that_do_not_suit_are_refused_in_one_sentence(table, scale, hint, make_dataset, one_sentence):
    with pytest.raises(DataError, match=hint) as refused:
        tutorial.run(make_dataset(table, scale=scale))
    assert one_sentence(str(refused.value))


def test_data_too_large_for_dense_tables_are_refused_in_one_sentence(make_dataset, one_sentence, monkeypatch):
    monkeypatch.setattr(tutorial, "_MOST_BYTES", 100)
    with pytest.raises(DataError, match="choose smaller data") as refused:
        tutorial.run(make_dataset([[1, 2], [3, 4]]))
    assert one_sentence(str(refused.value))


def test_two_ratings_are_enough(make_dataset):
    result = tutorial.run(make_dataset([[5, 3]]), seed=0)
    assert result.n_test_cells == 1
    assert np.isfinite([result.user_rmse, result.item_rmse]).all()
