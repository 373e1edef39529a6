"""Out-of-fold predictions: what a model says of ratings it was not fitted to, inside the training data."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Float32, Query, freeze
from recengine.model import Context, Fitted, Recommender


def fold_of(train: Dataset, folds: int, seed: int) -> NDArray[np.int8]:
    """The fold of every training rating, int8 `(m,)`: each person's ratings, shuffled, are dealt out in turn.

    One person after the other, in a drawn order, each from where the last one ended: so folds differ by at most one
    rating, in all and within a person. The order of the rows does not matter. Cost: O(m log m).
    """
    ratings, rng = train.interactions, np.random.default_rng(seed)
    known = np.lexsort((ratings.item, ratings.user))
    drawn = np.empty(len(ratings))
    drawn[known] = rng.random(len(ratings))
    turn = rng.permutation(train.n_users)
    fold = np.empty(len(ratings), np.int8)
    fold[np.lexsort((drawn, turn[ratings.user]))] = np.arange(len(ratings)) % folds
    return fold


def fit_alone(model: Recommender, rest: Dataset, context: Context) -> Fitted:
    """A model fitted without a fold, which nobody asks for again: nothing that it is made of is kept either."""
    return model.fit(rest, dataclasses.replace(context, keep=Context().keep))


def out_of_fold(model: Recommender, train: Dataset, context: Context, folds: int) -> Float32:
    """Predicted ratings of the training data, float32 `(m,)`, each by the model fitted without its fold.

    Within the scale, the fallback included. Where there are fewer ratings than folds, there are fewer folds; a single
    rating leaves nothing to learn from, and gets the mean, which is itself. Cost: `folds` fits. Kept where `context`
    keeps things; the fits of the folds are not.
    """

    def make() -> Float32:
        ratings = train.interactions
        if len(ratings) < 2:
            return freeze(ratings.value.copy())
        fold = fold_of(train, min(folds, len(ratings)), context.seed)
        said = np.empty(len(ratings), np.float32)
        numbers = np.unique(fold)
        for place, number in enumerate(numbers):
            held = fold == number
            rest = train.with_interactions(ratings.take(~held))
            inside = context.part(place / len(numbers), 1 / len(numbers), f"part {place + 1} of {len(numbers)}: ")
            fitted = fit_alone(model, rest, inside)
            people, row = np.unique(ratings.user[held], return_inverse=True)
            said[held] = fitted.predict(Query.of_users(rest, people), row, ratings.item[held]).value
        return freeze(said)

    return context.keep(f"out-of-fold {folds}", model, train, context.seed, make)
