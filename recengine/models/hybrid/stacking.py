"""Weights learned on what the children say of ratings they were not fitted to (stacking)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recengine.data.dataset import Dataset, Query, freeze
from recengine.model import Context, Recommender
from recengine.models.hybrid import calibrate
from recengine.models.hybrid.calibrate import Calibration
from recengine.models.hybrid.folds import fit_alone, fold_of, out_of_fold
from recengine.models.similarity import Float64
from recengine.rank import unseen

FEWEST = 50  # ratings for each weight to be learned
_PEOPLE = 64  # whose scores are held at once


@dataclass(frozen=True, eq=False)
class Weights:
    """A weight for each child, float64 `(n_children,)`, what is added to all scores, and what must be said of them."""

    weights: Float64
    intercept: float = 0.0
    notes: tuple[str, ...] = ()


def learn(
    children: Sequence[Recommender],
    train: Dataset,
    calibration: Calibration,
    folds: int,
    regularization: float,
    context: Context,
) -> Weights:
    """Weights learned out of fold; equal ones, with a note, where there are too few ratings to learn from."""
    n = len(children)
    if len(train.interactions) < max(FEWEST * n, folds):
        why = f"{len(train.interactions):,} ratings are too few to learn {n} weights from"
        return Weights(freeze(np.full(n, 1 / n)), 0.0, (f"{why}: all models weigh the same.",))
    if calibration == "ratings":
        said = [
            out_of_fold(child, train, context.part(place / n, 1 / n, f"{child.title}: "), folds)
            for place, child in enumerate(children)
        ]
        rated = train.interactions.value.astype(np.float64)
        return ridge(np.stack(said, axis=1).astype(np.float64), rated, regularization)
    return discriminant(_moments(children, train, calibration, folds, context), regularization)


def ridge(said: Float64, rated: Float64, regularization: float) -> Weights:
    """argmin_w,b Σ_ui (r_ui − b − Σ_c w_c s_c)² + λ Σ_c (w_c − 1/C)²; `said` is s, float64 `(m, C)`.

    b is not pulled. With d = w − 1/C and everything centered, (SᵀS + λI) d = Sᵀ(r − S·1/C).
    """
    n = said.shape[1]
    mean = said.mean(axis=0)
    centered = said - mean
    equal = np.full(n, 1 / n)
    rest = rated - rated.mean() - centered @ equal
    gram = centered.T @ centered + regularization * np.eye(n)
    # lstsq, because without pull two children that say the same leave the system singular.
    weights = equal + np.linalg.lstsq(gram, centered.T @ rest)[0]
    return Weights(freeze(weights), float(rated.mean() - weights @ mean))


@dataclass(frozen=True, eq=False)
class Moments:
    """What tells the movies that people went on to rate from all others, in the children's calibrated scores.

    `above`: how far the former lie above the mean of all, float64 `(C,)`; `spread`: covariance of all, `(C, C)`; both
    means over people. `n_ratings`: how many ratings they rest on.
    """

    above: Float64
    spread: Float64
    n_ratings: int


def discriminant(moments: Moments, regularization: float) -> Weights:
    """argmin_w≥0 wᵀ (S + λ/m · I) w − 2 wᵀ a, scaled to sum 1: the direction in which what was rated stands out most.

    It is the least-squares fit of 1 for a movie that was rated and 0 for any other (Fisher's discriminant), with every
    person weighing the same; m ratings make up the moments a and S.
    """
    from scipy.optimize import nnls  # takes a while to import

    n = len(moments.above)
    pull = regularization / moments.n_ratings + 1e-9
    root = np.linalg.cholesky(moments.spread + pull * np.eye(n))
    weights, _ = nnls(root.T, np.linalg.solve(root, moments.above))
    if weights.sum() <= 0:
        return Weights(freeze(np.full(n, 1 / n)), 0.0, ("No model tells what people rate: all models weigh the same.",))
    return Weights(freeze(weights / weights.sum()))


def _moments(
    children: Sequence[Recommender], train: Dataset, calibration: Calibration, folds: int, context: Context
) -> Moments:
    """The moments over all folds: children fitted without a fold, asked for its movies among all unseen ones."""
    n, fold = len(children), fold_of(train, folds, context.seed)
    above, spread, people, ratings = np.zeros(n), np.zeros((n, n)), 0, 0
    for number in np.unique(fold):
        held, width = fold == number, 1 / len(np.unique(fold))
        rest, asked = train.with_interactions(train.interactions.take(~held)), train.interactions.take(held)
        inside = context.part(number * width, width, f"fold {number + 1} of {folds}: ")
        fitted = [
            fit_alone(child, rest, inside.part(place / n, 1 / n, f"{child.title}: "))
            for place, child in enumerate(children)
        ]
        of = np.unique(asked.user)
        for start in range(0, len(of), _PEOPLE):
            some = of[start : start + _PEOPLE]
            query, wanted = Query.of_users(rest, some), asked.matrix[some]
            said = np.stack([calibrate.calibrated(child, query, calibration)[0] for child in fitted], axis=2)
            for row, among in enumerate(unseen(query.history)):
                movies = wanted.indices[wanted.indptr[row] : wanted.indptr[row + 1]]
                centered = said[row] - said[row, among].mean(axis=0)
                above += centered[movies].mean(axis=0)
                spread += centered[among].T @ centered[among] / among.sum()
        people, ratings = people + len(of), ratings + len(asked)
    return Moments(freeze(above / people), freeze(spread / people), ratings)
