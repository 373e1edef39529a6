"""Laws of fitting: same bits, nothing written to, refusals in one sentence, cancelling."""

import dataclasses
import os

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Interactions, Query
from recengine.errors import Cancelled, ModelError
from recengine.model import Context, Fitted


def arrays(value) -> list[np.ndarray]:
    """Every array that an object holds, at any depth of data classes, tuples and sparse matrices."""
    if isinstance(value, np.ndarray):
        return [value]
    if sp.issparse(value):
        return [value.data, value.indices, value.indptr]
    if dataclasses.is_dataclass(value):
        return [found for field in dataclasses.fields(value) for found in arrays(getattr(value, field.name))]
    if isinstance(value, (tuple, list)):
        return [found for part in value for found in arrays(part)]
    return []


def exercise(fitted: Fitted, query: Query) -> list[np.ndarray]:
    """Everything a fitted model says about a batch."""
    ranking = fitted.recommend(query, 7)
    row = np.repeat(np.arange(len(query)), 2)
    prediction = fitted.predict(query, row, np.tile([0, query.history.shape[1] - 1], len(query)))
    fitted.explain(query, 1)
    return [fitted.score(query), fitted.fallback(query), *arrays(ranking), prediction.value, prediction.fallback]


def test_the_same_seed_gives_the_same_bits(model, suitable, several):
    for data in suitable:
        first, second = (exercise(model.fit(data, Context(seed=11)), several(data)) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_number_of_threads_does_not_change_the_bits(model, wide, monkeypatch):
    everyone, said = np.arange(wide.n_users), []
    for threads in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        said.append(exercise(model.fit(wide), Query.of_users(wide, everyone)))
    for a, b in zip(*said, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_training_data_and_the_query_are_not_written_to(model, explicit, several):
    query = several(explicit)
    before = [a.tobytes() for a in (*arrays(explicit), *arrays(query), *arrays(explicit.interactions.matrix))]
    exercise(model.fit(explicit), query)
    after = [a.tobytes() for a in (*arrays(explicit), *arrays(query), *arrays(explicit.interactions.matrix))]
    assert before == after


def test_what_sessions_share_is_read_only(model, explicit, several):
    fitted = model.fit(explicit)
    shared = arrays(fitted) + arrays(fitted.recommend(several(explicit), 5))
    assert not any(array.flags.writeable for array in shared)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fitted.scale = None


def test_a_fitted_model_knows_its_model_and_scale(model, suitable):
    for data in suitable:
        fitted = model.fit(data)
        assert fitted.model == model
        assert fitted.scale == data.scale


def test_data_without_a_single_rating_are_refused(model, explicit, one_sentence):
    empty = explicit.with_interactions(
        Interactions.of([], [], [], [], n_users=explicit.n_users, n_items=explicit.n_items)
    )
    with pytest.raises(ModelError) as refused:
        model.fit(empty)
    assert one_sentence(str(refused.value)), refused.value


def test_only_a_model_that_ranks_takes_data_without_ratings(model, implicit, one_sentence):
    if model.traits.ratings:
        with pytest.raises(ModelError) as refused:
            model.fit(implicit)
        assert one_sentence(str(refused.value)), refused.value
    else:
        ranking = model.fit(implicit).recommend(Query.of_users(implicit, [0, -1]), 5)
        assert (ranking.item >= 0).all()


def test_progress_runs_from_nought_to_one_and_a_cancelled_fit_stops(model, explicit):
    reported: list[float] = []
    model.fit(explicit, Context(progress=lambda fraction, message: reported.append(fraction)))
    if not reported:
        pytest.skip("fitting is too short to report progress")
    assert reported == sorted(reported)
    assert reported[0] >= 0
    assert reported[-1] <= 1
    for patience in range(len(reported)):
        left = iter([False] * patience)
        with pytest.raises(Cancelled):
            model.fit(explicit, Context(cancelled=lambda left=left: next(left, True)))
