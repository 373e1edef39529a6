"""How hyperparameters were chosen, inside the training parts of MovieLens 100K's folds u1 and ua.

    python -m benchmarks.tune ../shared/data/ml-100k.zip

Defaults: the RMSE of five-fold cross-validation inside the training part of u1. `ranking`: NDCG@10 on ten ratings a
person, drawn from the training part of ua, a tenth of the people at a time, mean of four draws (`tenths`). Coordinate
descent over each grid from the present values: one hyperparameter at a time takes its best value until none moves. No
test part is ever read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from recengine import registry
from recengine.data import movielens, sources, split
from recengine.data.dataset import Dataset, Query
from recengine.evaluate import evaluate
from recengine.model import Recommender

GRIDS: dict[str, dict[str, list[Any]]] = {
    "bias": {"user_damping": [1, 3, 5, 8, 15], "item_damping": [1, 2, 3, 5, 10]},
    "item-knn": {
        "similarity": ["pearson-baseline", "cosine", "adjusted-cosine", "pearson", "msd"],
        "shrinkage": [0, 10, 25, 50, 100, 200, 400, 800],
        "damping": [0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
        "k": [20, 30, 40, 60, 80, 120, 200],
        "neighborhood": [250, 500, 1000, 2000],
    },
    "user-knn": {
        "similarity": ["pearson-baseline", "cosine", "adjusted-cosine", "pearson", "msd"],
        "shrinkage": [0, 10, 25, 50, 100, 200, 400, 800],
        "damping": [0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
        "k": [20, 30, 40, 60, 80, 120, 200],
    },
}
RANKING_GRIDS: dict[str, dict[str, list[Any]]] = {
    name: {
        "weighting": ["rating", "binary", "tf-idf", "bm25"],
        "aggregation": ["sum", "votes"],
        "similarity": ["cosine", "jaccard"],
        "shrinkage": [0, 5, 10, 20, 50],
        "neighborhood": [30, 50, 70, 100, 140, 200, 300, 400],
        "k": [20, 30, 40, 50, 60, 80, 100, 200, 400],
    }
    for name in ("item-knn", "user-knn")
}


def error(model: Recommender, folds: list[split.Split]) -> float:
    """Mean RMSE of the folds."""
    found = []
    for fold in folds:
        people, row = np.unique(fold.test.user, return_inverse=True)
        predicted = model.fit(fold.train).predict(Query.of_users(fold.train, people), row, fold.test.item)
        found.append(float(np.sqrt(np.mean((predicted.value - fold.test.value) ** 2))))
    return float(np.mean(found))


def miss(model: Recommender, folds: list[split.Split]) -> float:
    """1 − NDCG@10."""
    return 1 - evaluate(folds, [model], ["ndcg@10"], resamples=0).results[0].metrics["ndcg@10"].value


def tune(best: Recommender, grid: dict[str, list[Any]], loss: Callable[[Recommender], float]) -> None:
    """Look for the hyperparameters with the lowest loss, printing every step."""
    lowest, moved = loss(best), True
    while moved:
        moved = False
        for parameter, values in grid.items():
            tried = {}
            for value in values:
                model = registry.create(best.name, {**best.model_dump(), parameter: value})
                tried[value] = (loss(model), model)
            told = "  ".join(
                f"{model.label if isinstance(value, tuple) else value}: {found:.4f}"
                for value, (found, model) in tried.items()
            )
            print(f"{best.name:10s} {parameter:14s} {told}", flush=True)
            at = min(tried, key=lambda value: tried[value][0])
            if tried[at][0] < lowest - 1e-5:
                (lowest, best), moved = tried[at], True
    print(f"{lowest:.4f} with {best.label}\n")


def ten_ratings_a_person(train: Dataset, seed: int = 0) -> list[split.Split]:
    """The validation data of a training part like ua's: ten ratings of each person, drawn at random."""
    ratings = train.interactions
    order = np.lexsort((np.random.default_rng(seed).random(len(ratings)), ratings.user))
    place = np.arange(len(ratings)) - np.searchsorted(ratings.user[order], ratings.user[order])
    held_out = np.zeros(len(ratings), np.bool_)
    held_out[order[place < 10]] = True
    return split.canonical(train, "ua", held_out)


def tenths(train: Dataset, draws: int = 4) -> list[split.Split]:
    """Validation data as close to fold ua as its training part allows: one split a tenth of the people and draw.

    ua holds back ten ratings of each person, at random, which leaves even the lightest of them ten. Here ten of each
    person are held back again, but of nobody more than half, and of one tenth of the people at a time: whoever is
    asked about, the model has learned from nearly as many ratings as it will at the test.
    """
    ratings, found = train.interactions, []
    count = ratings.user_count
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        order = np.lexsort((rng.random(len(ratings)), ratings.user))
        place = np.arange(len(ratings)) - np.searchsorted(ratings.user[order], ratings.user[order])
        held_out = np.zeros(len(ratings), np.bool_)
        held_out[order] = place < np.minimum(10, count // 2)[ratings.user[order]]
        tenth = rng.permutation(train.n_users) % 10
        for number in range(10):
            found += split.canonical(train, "ua", held_out & (tenth[ratings.user] == number))
    return found


def training(loaded: sources.Loaded, fold: str) -> Dataset:
    """The training part of a published fold."""
    held_out = movielens.canonical_fold(loaded.where, fold, loaded.dataset)
    return loaded.dataset.with_interactions(loaded.dataset.interactions.take(~held_out))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=GRIDS, help="only this model")
    cli.add_argument("--lists", action="store_true", help="only `ranking`")
    args = cli.parse_args()
    loaded = sources.load(args.data)

    folds, lists = split.kfold(training(loaded, "u1"), folds=5, seed=0), tenths(training(loaded, "ua"))
    for name in args.model or GRIDS:
        if not args.lists:
            tune(registry.create(name), GRIDS[name], partial(error, folds=folds))
        if name in RANKING_GRIDS:
            start = registry.create(name, registry.model_class(name).ranking)
            tune(start, RANKING_GRIDS[name], partial(miss, folds=lists))


if __name__ == "__main__":
    main()
