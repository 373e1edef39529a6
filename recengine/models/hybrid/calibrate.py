"""Scores of different models made comparable within one person's list: stars, standard scores, quantiles or places."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recengine.data.dataset import Bool, Int64, Query
from recengine.model import Fitted
from recengine.models.similarity import Float64
from recengine.rank import unseen

Calibration = Literal["ratings", "z-score", "quantile", "log-rank"]

_FLAT = 10.0  # first places that differ little from one another in a log-rank


def candidates(query: Query) -> Bool:
    """What each person has not rated and may be listed for them, bool `(b, n_items)`."""
    among = unseen(query.history)
    return among if query.allowed is None else among & query.allowed


def calibrated(fitted: Fitted, query: Query, how: Calibration) -> tuple[Float64, Bool]:
    """A model's scores on a common scale, float64 `(b, n_items)`, and where it has an opinion, bool.

    ratings: stars, not yet held within the scale, the model's fallback where it has no opinion. The others look at the
    n movies that the person has not rated, and stand a movie without opinion where the mean score would. z-score:
    (s − mean) / deviation, all 0 where they score alike. quantile: the share of those movies that score lower, ties by
    half. log-rank: ln((10 + n) / (10 + place)) with places from 0 and ties at their mean place, which tells the first
    places apart and the last hardly.
    """
    score = fitted.score(query)
    opinion = np.isfinite(score)
    if how == "ratings":
        if not opinion.all():
            score = np.where(opinion, score, fitted.fallback(query))
        return score.astype(np.float64), opinion
    scale = {"z-score": _z_scores, "quantile": _quantiles, "log-rank": _log_ranks}[how]
    value = np.zeros(score.shape)
    for row, candidate in enumerate(unseen(query.history)):
        known = candidate & opinion[row]
        if candidate.any():
            mean = score[row, known].mean(dtype=np.float64) if known.any() else 0.0
            whole = np.where(opinion[row], score[row].astype(np.float64), mean)
            among = known if how == "z-score" and known.any() else candidate
            value[row] = scale(whole, whole[among])
    return value, opinion


def _z_scores(score: Float64, among: Float64) -> Float64:
    deviation = float(among.std())
    # What rounding leaves of equal scores is no difference.
    if deviation <= 1e-6 * max(1.0, float(np.abs(among).max())):
        return np.zeros_like(score)
    return np.asarray((score - among.mean()) / deviation, np.float64)


def _quantiles(score: Float64, among: Float64) -> Float64:
    below, up_to = _counts(score, among)
    return np.asarray((below + up_to) / (2 * len(among)), np.float64)


def _log_ranks(score: Float64, among: Float64) -> Float64:
    below, up_to = _counts(score, among)
    place = len(among) - up_to + np.maximum(up_to - below - 1, 0) / 2
    return np.asarray(np.log((_FLAT + len(among)) / (_FLAT + place)), np.float64)


def _counts(score: Float64, among: Float64) -> tuple[Int64, Int64]:
    """How many of `among` lie below each score, and how many do not lie above it."""
    ordered = np.sort(among)
    return np.searchsorted(ordered, score, "left"), np.searchsorted(ordered, score, "right")


def cells(fitted: Fitted, query: Query, row: Int64, item: Int64, how: Calibration) -> tuple[Float64, Bool]:
    """The same for chosen cells, float64 and bool `(m,)`."""
    if how != "ratings":
        value, opinion = calibrated(fitted, query, how)
        return value[row, item], opinion[row, item]
    score = fitted.score_cells(query, row, item)
    opinion = np.isfinite(score)
    if not opinion.all():
        score = np.where(opinion, score, fitted.fallback_cells(query, row, item, ~opinion))
    return score.astype(np.float64), opinion
