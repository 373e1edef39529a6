"""Laws of scores, predictions and lists on ordinary data."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Interactions, Query


def test_scores_have_a_row_a_query_and_a_column_an_item(model, suitable, several):
    for data in suitable:
        query, fitted = several(data), model.fit(data)
        for found in (fitted.score(query), fitted.fallback(query)):
            assert found.shape == (len(query), data.n_items)
            assert found.dtype == np.float32
        assert np.isfinite(fitted.fallback(query)).all()
        assert not np.isinf(fitted.score(query)).any()


def test_a_batch_equals_its_rows(model, suitable, several):
    for data in suitable:
        query, fitted = several(data), model.fit(data)
        for answer in (fitted.score, fitted.fallback):
            rows = [answer(query.rows(r, r + 1)) for r in range(len(query))]
            np.testing.assert_array_equal(answer(query), np.concatenate(rows))


def test_an_empty_batch_has_no_answers(model, explicit):
    fitted, nobody = model.fit(explicit), Query.of_users(explicit, [])
    assert fitted.score(nobody).shape == (0, explicit.n_items)
    assert fitted.recommend(nobody, 5).item.shape == (0, 5)
    assert len(fitted.predict(nobody, [], []).value) == 0


def every_cell(query, n_items):
    """Row and item of every cell, in no order."""
    row, item = (grid.ravel() for grid in np.indices((len(query), n_items)))
    shuffled = np.random.default_rng(0).permutation(len(row))
    return row[shuffled], item[shuffled]


def test_a_cell_is_scored_like_its_batch(model, suitable, several):
    for data in suitable:
        query, fitted = several(data), model.fit(data)
        row, item = every_cell(query, data.n_items)
        cells = fitted.score_cells(query, row, item)
        assert cells.dtype == np.float32
        np.testing.assert_allclose(cells, fitted.score(query)[row, item], rtol=1e-5, atol=1e-5)
        few = np.arange(0, len(row), 17)
        np.testing.assert_allclose(fitted.score_cells(query, row[few], item[few]), cells[few], rtol=1e-5, atol=1e-5)


def test_predictions_keep_to_the_scale_and_flag_the_fallback(model, explicit, several):
    query, fitted = several(explicit), model.fit(explicit)
    row, item = every_cell(query, explicit.n_items)
    prediction = fitted.predict(query, row, item)
    own, stand_in = fitted.score(query)[row, item], fitted.fallback(query)[row, item]
    np.testing.assert_array_equal(prediction.fallback, np.isnan(own))
    wanted = np.clip(np.where(np.isnan(own), stand_in, own), 1, 5)
    np.testing.assert_allclose(prediction.value, wanted, rtol=1e-5, atol=1e-5)
    assert prediction.value.min() >= 1
    assert prediction.value.max() <= 5


def test_a_list_holds_unseen_items_best_first(model, suitable, several):
    for data in suitable:
        query, fitted = several(data), model.fit(data)
        ranking = fitted.recommend(query, 12)
        for row in range(len(query)):
            found, by_fallback = ranking.item[row], ranking.fallback[row]
            found = found[found >= 0]
            assert len(set(found)) == len(found)
            assert not set(found) & set(query.history[row].indices)
            assert (np.diff(by_fallback[: len(found)].astype(int)) >= 0).all()
            for part in (by_fallback, ~by_fallback):
                assert (np.diff(ranking.score[row][part & (ranking.item[row] >= 0)]) <= 0).all()
            np.testing.assert_array_equal(by_fallback[: len(found)], np.isnan(fitted.score(query)[row, found]))


def relabelled(data, person, movie):
    """The same data, where position p is the person that was at `person[p]`, and likewise for movies."""
    ratings = data.interactions
    other = Interactions.of(
        np.argsort(person)[ratings.user],
        np.argsort(movie)[ratings.item],
        ratings.value,
        ratings.time,
        n_users=data.n_users,
        n_items=data.n_items,
    )
    movies = data.movies.iloc[movie].reset_index(drop=True)
    kinds = data.user_features[person]
    return dataclasses.replace(
        data, interactions=other, movies=movies, features=data.features[movie], user_features=kinds
    )


def test_relabelling_permutes_the_scores(model, explicit):
    rng = np.random.default_rng(5)
    person, movie = rng.permutation(explicit.n_users), rng.permutation(explicit.n_items)
    other = relabelled(explicit, person, movie)
    before = model.fit(explicit).score(Query.of_users(explicit, person))[:, movie]
    after = model.fit(other).score(Query.of_users(other, np.arange(other.n_users)))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)


def test_a_visitor_is_scored_like_the_person(model, suitable):
    for data in suitable:
        fitted = model.fit(data)
        for person in (0, 8, 21):
            stored = Query.of_users(data, [person])
            oldest_first = stored.sequence[0]
            visitor = Query.of_visitor(data.n_items, oldest_first, stored.history.toarray()[0, oldest_first])
            np.testing.assert_array_equal(fitted.score(visitor), fitted.score(stored))
            np.testing.assert_array_equal(fitted.fallback(visitor), fitted.fallback(stored))


@pytest.mark.parametrize("shift", [-3.0, 2.0])
def test_a_rating_of_nought_is_a_rating(model, explicit, shift):
    """Moving every rating by the same step moves predicted ratings by that step, and hides nothing seen.

    At −3 the middle of the scale, a third of all ratings, becomes 0: a model that took 0 for missing would differ.
    """
    ratings = explicit.interactions
    other = dataclasses.replace(ratings, value=ratings.value + np.float32(shift))
    moved = dataclasses.replace(explicit, interactions=other, scale=(1 + shift, 5 + shift))
    people = np.arange(10)
    fitted, query = model.fit(moved), Query.of_users(moved, people)
    seen = fitted.recommend(query, moved.n_items).item
    assert not any(set(seen[row]) & set(query.history[row].indices) for row in range(10))
    if model.traits.ratings:
        before = model.fit(explicit).score(Query.of_users(explicit, people))
        np.testing.assert_allclose(fitted.score(query), before + shift, rtol=1e-4, atol=2e-4)


def test_the_withheld_item_of_a_checkerboard_comes_first(model, make_dataset):
    """People and movies are red or black, and known to be; everyone likes their own colour. One such movie is withheld.

    Rating models see 5 for the own colour and 1 for the other, of which half is left unrated: those and the
    withheld movie are the candidates, and only the withheld one is of the right colour. Ranking models see who
    watched what, the own colour alone. A model that is not personal cannot know, and is not asked.
    """
    if not model.traits.personal:
        pytest.skip("not personal: it gives everyone the same order")
    n = 16
    person, movie = np.indices((n, n))
    own = (person + movie) % 2 == 0
    if model.traits.ratings:
        known = own | ((person + movie) % 4 == 1)
        table, scale = np.where(known, np.where(own, 5.0, 1.0), np.nan), (1.0, 5.0)
    else:
        table, scale = np.where(own, 1.0, np.nan), None
    table[np.arange(n), np.arange(n)] = np.nan
    colour = np.eye(2)[np.arange(n) % 2]
    data = dataclasses.replace(
        make_dataset(table, scale=scale, features=colour), user_features=sp.csr_matrix(colour, dtype="f4")
    )
    ranking = model.fit(data).recommend(Query.of_users(data, np.arange(n)), 2)
    np.testing.assert_array_equal(ranking.item[:, 0], np.arange(n))
    assert not ranking.fallback[:, 0].any()
