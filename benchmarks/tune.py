"""How the defaults were chosen: five-fold cross-validation inside the training part of MovieLens 100K's fold u1.

    python -m benchmarks.tune ../shared/data/ml-100k.zip

Coordinate descent over each model's grid from its present defaults: one hyperparameter at a time takes its best
value until none moves. The test part of u1 is never read, nor are the other folds.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from recengine import registry
from recengine.data import movielens, sources, split
from recengine.data.dataset import Query
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


def error(model: Recommender, folds: list[split.Split]) -> float:
    """Mean RMSE of the folds."""
    found = []
    for fold in folds:
        people, row = np.unique(fold.test.user, return_inverse=True)
        predicted = model.fit(fold.train).predict(Query.of_users(fold.train, people), row, fold.test.item)
        found.append(float(np.sqrt(np.mean((predicted.value - fold.test.value) ** 2))))
    return float(np.mean(found))


def tune(name: str, folds: list[split.Split]) -> Recommender:
    """The best hyperparameters found, printing every step."""
    best = registry.create(name)
    lowest, moved = error(best, folds), True
    while moved:
        moved = False
        for parameter, values in GRIDS[name].items():
            tried = {}
            for value in values:
                model = registry.create(name, {**best.model_dump(), parameter: value})
                tried[value] = (error(model, folds), model)
            print(
                f"{name:10s} {parameter:14s} " + "  ".join(f"{v}: {e:.4f}" for v, (e, _) in tried.items()), flush=True
            )
            at = min(tried, key=lambda value: tried[value][0])
            if tried[at][0] < lowest - 1e-5:
                (lowest, best), moved = tried[at], True
    print(f"{name:10s} {lowest:.4f} with {best.model_dump()}\n")
    return best


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=GRIDS, help="only this model")
    args = cli.parse_args()
    loaded = sources.load(args.data)
    held_out = movielens.canonical_fold(loaded.where, "u1", loaded.dataset)
    train = loaded.dataset.with_interactions(loaded.dataset.interactions.take(~held_out))
    folds = split.kfold(train, folds=5, seed=0)
    for name in args.model or GRIDS:
        tune(name, folds)


if __name__ == "__main__":
    main()
