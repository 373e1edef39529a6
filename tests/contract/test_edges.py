"""Laws at the edges: nobody known, nothing rated, one person, one movie, all ratings alike."""

import numpy as np
import pytest

from recengine.data.dataset import Query

UNRATED = 49  # the movie of the explicit and implicit data that nobody rated


def answers_everything(fitted, data, query):
    """Ask for every list, prediction and explanation, and check that each is whole."""
    everything = fitted.recommend(query, data.n_items)
    unseen = data.n_items - np.diff(query.history.indptr)
    np.testing.assert_array_equal((everything.item >= 0).sum(axis=1), unseen)
    row, item = (grid.ravel() for grid in np.indices((len(query), data.n_items)))
    prediction = fitted.predict(query, row, item)
    assert np.isfinite(prediction.value).all()
    for r in range(len(query)):
        for i in range(data.n_items):
            assert np.isfinite(fitted.explain(query.rows(r, r + 1), i).score)
    return prediction


def test_somebody_unknown_gets_a_full_list_that_says_what_it_is(model, suitable):
    for data in suitable:
        fitted, query = model.fit(data), Query.of_users(data, [-1])
        ranking = fitted.recommend(query, 10)
        assert (ranking.item >= 0).all()
        np.testing.assert_array_equal(ranking.fallback[0], np.isnan(fitted.score(query)[0, ranking.item[0]]))
        for item, by_fallback in zip(ranking.item[0], ranking.fallback[0], strict=True):
            assert (fitted.explain(query, int(item)).fallback is not None) == by_fallback
        answers_everything(fitted, data, query)


def test_an_item_nobody_rated_is_answered_for(model, suitable, several):
    for data in suitable:
        assert data.interactions.item_count[UNRATED] == 0
        fitted, query = model.fit(data), several(data)
        everything = fitted.recommend(query, data.n_items)
        assert (everything.item == UNRATED).any(axis=1).all()
        assert np.isfinite(fitted.predict(query, np.arange(len(query)), [UNRATED] * len(query)).value).all()
        why = fitted.explain(query, UNRATED)
        assert (why.fallback is not None) == np.isnan(fitted.score(query)[0, UNRATED])


def test_a_visitor_who_rated_only_an_item_nobody_knows(model, suitable):
    for data in suitable:
        visitor = Query.of_visitor(data.n_items, [UNRATED], [1.0])
        answers_everything(model.fit(data), data, visitor)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([[5, 3, np.nan, 1, 4, np.nan, 2, 3.5]], id="one person"),
        pytest.param([[4], [2], [np.nan], [5], [1], [3]], id="one movie"),
        pytest.param([[4.5]], id="one rating"),
        pytest.param([[np.nan, 2], [np.nan, np.nan]], id="one rating among nothing"),
    ],
)
def test_one_of_a_kind(model, table, make_dataset):
    for scale in [(1.0, 5.0)] if model.traits.ratings else [(1.0, 5.0), None]:
        data = make_dataset(table, scale=scale)
        fitted = model.fit(data)
        prediction = answers_everything(fitted, data, Query.of_users(data, [*range(data.n_users), -1]))
        answers_everything(fitted, data, Query.of_visitor(data.n_items, [0], [2.0]))
        if scale:
            assert prediction.value.min() >= 1
            assert prediction.value.max() <= 5


@pytest.mark.parametrize("stars", [0.0, 1.0, 3.0])
def test_constant_ratings_predict_that_constant(model, explicit, make_dataset, stars):
    table = np.full((explicit.n_users, explicit.n_items), np.nan)
    table[explicit.interactions.user, explicit.interactions.item] = stars
    data = make_dataset(table, scale=(-5.0, 5.0), features=explicit.features.toarray())
    prediction = answers_everything(model.fit(data), data, Query.of_users(data, [0, 5, -1]))
    if model.traits.ratings:
        np.testing.assert_allclose(prediction.value, stars, atol=1e-4)
