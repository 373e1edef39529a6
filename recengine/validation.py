"""What the weights of a hybrid are worth on training ratings that its children were not fitted to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recengine.answers import Curve, Weighing
from recengine.data.dataset import Bool, Dataset, Float32, Int64, Query, freeze, freeze_csr
from recengine.errors import DataError, ModelError
from recengine.metrics import ndcg
from recengine.model import Context
from recengine.models.hybrid import calibrate
from recengine.models.hybrid.folds import fit_alone, fold_of, out_of_fold
from recengine.models.hybrid.weighted import Weighted
from recengine.models.similarity import Float64, rows_of
from recengine.rank import rank

STEPS = 21  # points of a curve
_K = 10
_CELLS = 4_000_000  # scores held for a validation of lists: people are drawn until they fit


@dataclass(frozen=True, eq=False, kw_only=True)
class Validation(ABC):
    """Ratings held back inside the training data, and what each child says of them.

    `metric`: its name. `higher_is_better`: of the two directions. `n_people`, `n_ratings`: on which it rests.
    """

    metric: str
    higher_is_better: bool
    n_people: int
    n_ratings: int

    @abstractmethod
    def worth(self, weights: Float64) -> float:
        """The metric for these weights, float64 `(n_children,)`, summing to 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OfRatings(Validation):
    """RMSE of Σ w_c s_c: sqrt(wᵀ E w), as weights that sum to 1 blend the children's errors like their ratings.

    `products`: E, the mean over the ratings of e_c e_d with e_c = s_c − r, float64 `(n_children, n_children)`.
    """

    products: Float64

    def worth(self, weights: Float64) -> float:
        """From the products alone: every rating was looked at before."""
        return float(np.sqrt(np.maximum(0.0, weights @ self.products @ weights)))


@dataclass(frozen=True, eq=False, kw_only=True)
class OfLists(Validation):
    """NDCG@10 of the list by Σ w_c s_c among all that the person had not rated before.

    `said`: calibrated scores, float64 `(n_children, n_people, n_items)`. `opinion`: where a child has one, bool, and
    `fallback`: what stands in for it, float32, alike.
    `known`: csr `(n_people, n_items)`, the ratings that are no candidates. `held_back`: bool `(n_people, n_items)`.
    """

    said: Float64
    opinion: Bool
    fallback: Float32
    known: sp.csr_matrix
    held_back: Bool

    def worth(self, weights: Float64) -> float:
        """The lists are ranked anew."""
        weighs = np.flatnonzero(weights)
        total: Float64 = sum(weights[child] * self.said[child] for child in weighs)
        score = np.where(self.opinion[weighs].any(axis=0), total, np.nan).astype(np.float32)
        item = rank(score, self.fallback[weighs[0]], self.known, _K).item
        hit = np.take_along_axis(self.held_back, np.maximum(item, 0), axis=1) & (item >= 0)
        return float(np.nanmean(ndcg(hit, self.held_back.sum(axis=1))))


def validate(model: Weighted, train: Dataset, context: Context) -> Validation:
    """What the children of a weighted hybrid say of ratings they were not fitted to, whatever their weights.

    Where ratings are blended, every training rating is predicted out of fold; where scores are calibrated, the first
    fold is held back and people are drawn (seeded) until their scores fit into memory. Raises `DataError` where there
    are fewer ratings than folds.
    Cost: `folds` fits of each child, or one.
    """
    if len(train.interactions) < model.folds:
        raise DataError(f"{len(train.interactions)} ratings cannot be cut into {model.folds} folds: rate more movies.")
    return (_ratings if model.calibration == "ratings" else _lists)(model, train, context)


def curve(validation: Validation, weights: Float64, place: int) -> tuple[Float64, Float64]:
    """The metric as the share of child `place` goes from 0 to 1, the others keeping their proportions.

    Returns shares and values, float64 `(STEPS,)`. `weights`: float64 `(n_children,)`, summing to 1, of two or more.
    """
    others = np.where(np.arange(len(weights)) == place, 0.0, weights)
    if others.sum() <= 0:
        others = np.where(np.arange(len(weights)) == place, 0.0, 1.0)
    only, shares = np.eye(len(weights))[place], np.linspace(0.0, 1.0, STEPS)
    return shares, np.array([validation.worth(share * only + (1 - share) * others / others.sum()) for share in shares])


def _ratings(model: Weighted, train: Dataset, context: Context) -> Validation:
    n, rated = len(model.children), train.interactions.value.astype(np.float64)
    errors = np.stack(
        [
            out_of_fold(child, train, context.part(place / n, 1 / n, f"{child.title}: "), model.folds) - rated
            for place, child in enumerate(model.children)
        ]
    )
    return OfRatings(
        metric="RMSE", higher_is_better=False, n_ratings=len(rated), n_people=len(np.unique(train.interactions.user)),
        products=freeze(errors @ errors.T / len(rated)),
    )  # fmt: skip


def _lists(model: Weighted, train: Dataset, context: Context) -> Validation:
    held = fold_of(train, model.folds, context.seed) == 0
    ratings, rest = train.interactions.take(held), train.with_interactions(train.interactions.take(~held))
    people = _drawn(np.unique(ratings.user), max(1, _CELLS // (len(model.children) * train.n_items)), context.seed)
    query, n = Query.of_users(rest, people), len(model.children)
    said, opinion, fallback = [], [], []
    for place, child in enumerate(model.children):
        fitted = fit_alone(child, rest, context.part(place / n, 1 / n, f"{child.title}: "))
        value, known = calibrate.calibrated(fitted, query, model.calibration)
        said.append(value)
        opinion.append(known)
        fallback.append(fitted.fallback(query))
    asked = ratings.matrix[people]
    held_back = np.zeros(asked.shape, np.bool_)
    held_back[rows_of(asked), asked.indices] = True
    return OfLists(
        metric=f"NDCG@{_K}", higher_is_better=True, n_people=len(people), n_ratings=asked.nnz,
        said=freeze(np.stack(said)), opinion=freeze(np.stack(opinion)), fallback=freeze(np.stack(fallback)),
        known=freeze_csr(query.history), held_back=freeze(held_back),
    )  # fmt: skip


def _drawn(people: Int64, most: int, seed: int) -> Int64:
    if len(people) <= most:
        return people
    return np.sort(np.random.default_rng(seed).choice(people, most, replace=False))


def shares_of(weights: Sequence[float], model: Weighted) -> Float64:
    """Weights of a hybrid as shares of 1, equal ones where there are none; `ModelError` where they sum to less than 0.

    Given weights never do, learned ones hardly.
    """
    given = np.array(tuple(weights) or (1.0,) * len(model.children))
    if given.sum() <= 0:
        raise ModelError(
            f"The learned weights of {model.name} sum to {given.sum():g}, so they are no shares: raise regularization."
        )
    return given / float(given.sum())


def weighing(validation: Validation, now: Float64) -> Weighing:
    """What the shares `now` of a hybrid's children are worth, and what each share would be worth, as plain values."""
    found = []
    for place in range(len(now) if len(now) > 1 else 0):
        shares, worth = curve(validation, now, place)
        found.append(Curve(float(now[place]), tuple(shares.tolist()), tuple(worth.tolist())))
    return Weighing(
        validation.metric, validation.higher_is_better, validation.worth(now), validation.n_people,
        validation.n_ratings, tuple(found),
    )  # fmt: skip
