"""Scores of different models made comparable within one person's list: stars, standard scores or quantiles."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recengine.data.dataset import Bool, Int64, Query
from recengine.model import Fitted
from recengine.models.similarity import Float64

Calibration = Literal["ratings", "z-score", "quantile"]

NEUTRAL: dict[Calibration, float] = {"z-score": 0.0, "quantile": 0.5}
"""What counts as neither for nor against, and stands where a model has no opinion."""


def unseen(query: Query) -> Bool:
    """What each person has not rated, bool `(b, n_items)`."""
    found = np.ones(query.history.shape, np.bool_)
    found[np.repeat(np.arange(len(query)), np.diff(query.history.indptr)), query.history.indices] = False
    return found


def calibrated(fitted: Fitted, query: Query, how: Calibration) -> tuple[Float64, Bool]:
    """A model's scores on a common scale, float64 `(b, n_items)`, and where it has an opinion, bool.

    ratings: predicted stars, the model's fallback where it has no opinion. z-score: (s − mean) / deviation over the
    movies that the person has not rated and the model has an opinion on; 0 where they all score alike. quantile: the
    share of those movies that score lower, ties by half. Where it has no opinion: `NEUTRAL`.
    """
    score = fitted.score(query)
    opinion = np.isfinite(score)
    if how == "ratings":
        if not opinion.all():
            score = np.where(opinion, score, fitted.fallback(query))
        return score.astype(np.float64), opinion
    scale = _z_scores if how == "z-score" else _quantiles
    value = np.full(score.shape, NEUTRAL[how])
    for row, among in enumerate(unseen(query) & opinion):
        if among.any():
            own = opinion[row]
            value[row, own] = scale(score[row, own].astype(np.float64), score[row, among].astype(np.float64))
    return value, opinion


def _z_scores(score: Float64, among: Float64) -> Float64:
    deviation = float(among.std())
    # What rounding leaves of equal scores is no difference.
    if deviation <= 1e-6 * max(1.0, float(np.abs(among).max())):
        return np.zeros_like(score)
    return np.asarray((score - among.mean()) / deviation, np.float64)


def _quantiles(score: Float64, among: Float64) -> Float64:
    ordered = np.sort(among)
    below, up_to = np.searchsorted(ordered, score, "left"), np.searchsorted(ordered, score, "right")
    return np.asarray((below + up_to) / (2 * len(ordered)), np.float64)


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
