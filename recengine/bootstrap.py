"""How far a metric would move with other people: percentile bootstrap over people.

Every metric here is a ratio of two sums over people, Σ weight · value / Σ weight a fold (squared values under a root
for the RMSE), averaged over folds. Resampled people are therefore a row of counts, and all resamples of all metrics
one matrix product. The models of one evaluation share their resamples, so differences between them are paired.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (percentile interval). People are
the unit, because ratings of one person are not independent of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recengine.data.dataset import Int32
from recengine.metrics import Float64, ratio

LEVEL = 0.95

_BLOCK_CELLS = 4_000_000  # counts held at once while resampling: 32 MB


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; the bounds are None where none can be given, the value NaN where it is not."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of one model, what it came to in each resample `(resamples,)`, and the people it is made of."""

    value: float
    draws: Float64
    n_people: int

    def minus(self, other: Estimate) -> Estimate:
        """The difference, resample by resample."""
        return Estimate(self.value - other.value, self.draws - other.draws, min(self.n_people, other.n_people))

    def interval(self) -> Interval:
        """The middle 95 % of the draws; no bounds for a single person, who leaves nothing to resample."""
        finite = self.draws[np.isfinite(self.draws)]
        if self.n_people < 2 or len(finite) == 0:
            return Interval(self.value)
        low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(self.value, float(low), float(high))


def estimates(
    measured: Mapping[tuple[str, str], pd.DataFrame], people: Int32, resamples: int, seed: int
) -> dict[tuple[str, str], Estimate]:
    """One estimate a (model, metric), all over the same resamples of `people`.

    `measured`: a table with the columns fold, user, value and weight for each of them. `people`: sorted positions,
    every user of the tables among them. Cost: O(resamples · n_people · tables · folds).
    """
    if not measured:
        return {}
    folds = 1 + max(int(rows["fold"].max()) for rows in measured.values())
    squared = np.array([metric == "rmse" for _, metric in measured])
    total = np.stack([_sums(rows, people, folds, metric == "rmse") for (_, metric), rows in measured.items()])
    drawn = _resample(total.reshape(-1, len(people)).T, resamples, seed).reshape(resamples, *total.shape[:-1])
    value, draws = _metric(total.sum(axis=-1), squared), _metric(drawn, squared)
    n_people = (total[:, :, 1] > 0).any(axis=1).sum(axis=-1)
    return {
        key: Estimate(float(value[number]), draws[:, number], int(n_people[number]))
        for number, key in enumerate(measured)
    }


def _sums(rows: pd.DataFrame, people: Int32, folds: int, squared: bool) -> Float64:
    """Numerator and weight of each fold and person, `(folds, 2, n_people)`."""
    place = rows["fold"].to_numpy() * len(people) + np.searchsorted(people, rows["user"].to_numpy())
    value, weight = rows["value"].to_numpy(), rows["weight"].to_numpy()
    cells = (weight * (value**2 if squared else value), weight)
    return np.stack([np.bincount(place, cell, folds * len(people)).reshape(folds, -1) for cell in cells], axis=1)


def _resample(columns: Float64, resamples: int, seed: int) -> Float64:
    """Sums of `columns` `(n_people, c)` over people drawn with replacement, `(resamples, c)`."""
    n, rng = len(columns), np.random.default_rng(seed)
    result = np.empty((resamples, columns.shape[1]))
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        result[start : start + rows] = times.astype(np.float64) @ columns
    return result


def _metric(total: Float64, squared: np.ndarray) -> Float64:
    """From sums `(…, metrics, folds, 2)` to metrics `(…, metrics)`, over the folds in which anybody has one."""
    fold = ratio(total[..., 0], total[..., 1])
    fold = np.where(squared[:, None], np.sqrt(np.where(squared[:, None], fold, 0)), fold)
    return ratio(np.nansum(fold, axis=-1), np.isfinite(fold).sum(axis=-1))
