"""The bootstrap over people: against theory, against loops, and where there is nothing to say."""

import math

import numpy as np
import pandas as pd
import pytest

from recengine import bootstrap


def persons(value, weight=None, fold=0) -> pd.DataFrame:
    n = len(value)
    return pd.DataFrame(
        {"fold": fold, "user": np.arange(n), "value": value, "weight": np.ones(n) if weight is None else weight}
    )


def estimate(rows, metric="mae", resamples=1000, seed=0):
    people = np.unique(rows["user"].to_numpy()).astype(np.int32)
    return bootstrap.estimates({("m", metric): rows}, people, resamples, seed)["m", metric]


def test_the_interval_of_a_mean_is_that_of_theory():
    value = np.random.default_rng(0).gamma(2, 0.4, 3000)
    told = estimate(persons(value), resamples=4000).interval()
    half = 1.96 * value.std() / math.sqrt(len(value))
    assert told.value == pytest.approx(value.mean())
    assert told.low == pytest.approx(value.mean() - half, abs=0.05 * half)
    assert told.high == pytest.approx(value.mean() + half, abs=0.05 * half)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(3), 0
    for seed in range(200):
        told = estimate(persons(rng.exponential(1.0, 150)), resamples=300, seed=seed).interval()
        covered += told.low <= 1.0 <= told.high
    assert 0.90 <= covered / 200 <= 0.98


def test_resampled_rmse_against_a_loop_over_resamples():
    rng = np.random.default_rng(4)
    value, weight = rng.random(7), rng.integers(1, 5, 7).astype(float)
    draws = estimate(persons(value, weight), metric="rmse", resamples=20, seed=9).draws
    drawn = np.random.default_rng(9).integers(7, size=(20, 7))
    expected = [math.sqrt(np.average(value[rows] ** 2, weights=weight[rows])) for rows in drawn]
    np.testing.assert_allclose(draws, expected)


def test_a_fold_in_which_nobody_has_a_metric_does_not_count():
    rows = pd.concat([persons(np.array([0.2, 0.4])), persons(np.array([0.8]), fold=2)])
    assert estimate(rows).value == pytest.approx((0.3 + 0.8) / 2)


def test_small_blocks_of_resamples_draw_the_same(monkeypatch):
    rows = persons(np.random.default_rng(5).random(11))
    whole = estimate(rows, resamples=50).draws
    monkeypatch.setattr(bootstrap, "_BLOCK_CELLS", 30)
    np.testing.assert_allclose(estimate(rows, resamples=50).draws, whole)


def test_people_without_the_metric_are_drawn_but_do_not_count():
    rows = persons(np.array([0.25, 0.75]))
    people = np.array([0, 1, 2, 3, 4], np.int32)
    told = bootstrap.estimates({("m", "mae"): rows}, people, 500, 0)["m", "mae"]
    assert told.value == 0.5
    assert told.n_people == 2
    assert set(told.draws[np.isfinite(told.draws)].tolist()) >= {0.25, 0.5, 0.75}
    assert np.isnan(told.draws).any()
    assert told.interval() == bootstrap.Interval(0.5, 0.25, 0.75)


def test_one_person_has_no_interval_and_nothing_measured_no_estimate():
    assert estimate(persons(np.array([0.3]))).interval() == bootstrap.Interval(0.3)
    assert estimate(persons(np.array([0.3, 0.5])), resamples=0).interval() == bootstrap.Interval(0.4)
    assert bootstrap.estimates({}, np.empty(0, np.int32), 10, 0) == {}
