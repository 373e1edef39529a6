"""Out-of-fold predictions: what a model says of ratings it was not fitted to, inside the training data."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Float32, Query, freeze
from recengine.model import Context, Recommender


def fold_of(train: Dataset, folds: int, seed: int) -> NDArray[np.int8]:
    """The fold of every training rating, int8 `(m,)`: each person's ratings, shuffled, are dealt out in turn.

    A person's first rating goes to a fold drawn at random, so that folds are of one size. The order of the rows does
    not matter. Cost: O(m log m).
    """
    ratings, rng = train.interactions, np.random.default_rng(seed)
    known = np.lexsort((ratings.item, ratings.user))
    drawn = np.empty(len(ratings))
    drawn[known] = rng.random(len(ratings))
    order = np.lexsort((drawn, ratings.user))
    person = ratings.user[order]
    place = np.arange(len(ratings)) - np.searchsorted(person, person)
    fold = np.empty(len(ratings), np.int8)
    fold[order] = (place + rng.integers(0, folds, train.n_users)[person]) % folds
    return fold


def out_of_fold(model: Recommender, train: Dataset, context: Context, folds: int) -> Float32:
    """Predicted ratings of the training data, float32 `(m,)`, each by the model fitted without its fold.

    Within the scale, the fallback included. Kept where `context` keeps things; the fits of the folds are not.
    """

    def make() -> Float32:
        fold, ratings = fold_of(train, folds, context.seed), train.interactions
        said = np.empty(len(ratings), np.float32)
        numbers = np.unique(fold)
        for place, number in enumerate(numbers):
            held = fold == number
            rest = train.with_interactions(ratings.take(~held))
            inside = context.part(place / len(numbers), 1 / len(numbers), f"part {place + 1} of {len(numbers)}: ")
            fitted = model.fit(rest, dataclasses.replace(inside, keep=Context().keep))
            people, row = np.unique(ratings.user[held], return_inverse=True)
            said[held] = fitted.predict(Query.of_users(rest, people), row, ratings.item[held]).value
        return freeze(said)

    return context.keep(f"out-of-fold {folds}", model, train, context.seed, make)
