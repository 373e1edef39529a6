"""How the hyperparameters of the models learned by gradient descent were chosen, inside the training parts of folds.

    python -m benchmarks.tune_sgd ../shared/data/ml-100k.zip

As in `benchmarks.tune`: five-fold cross-validated RMSE inside the training part of u1 for those that predict ratings,
NDCG@10 on ten ratings a person, drawn from the training part of ua, for the one that ranks. No test part is ever read.
Minutes on two cores. Not searched here: factors, decay and spread, and the steps of BPR's fold-in. Of these a few
values were tried by hand on validation data from the same training parts; more factors help a little and cost time.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from benchmarks.tune import error, miss, ten_ratings_a_person, training, tune
from recengine import registry
from recengine.data import sources, split

GRIDS: dict[str, dict[str, list[Any]]] = {
    "funk-svd": {
        "regularization": [0.9, 1.0, 1.1, 1.2],
        "learning_rate": [0.01, 0.015, 0.02],
        "epochs": [40, 60, 80],
    },
    "svdpp": {
        "regularization": [0.8, 0.9, 1.0, 1.1],
        "implicit_regularization": [0.003, 0.005, 0.008],
        "epochs": [30, 40, 50],
    },
    "bpr": {
        "user_regularization": [0.02, 0.03, 0.04, 0.06],
        "item_regularization": [0.0025, 0.005, 0.01],
        "learning_rate": [0.03, 0.05, 0.08],
        "epochs": [40, 60, 80],
    },
}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=GRIDS, help="only this model")
    args = cli.parse_args()
    loaded = sources.load(args.data)

    for name in args.model or GRIDS:
        model = registry.create(name)
        if model.traits.ratings:
            tune(model, GRIDS[name], partial(error, folds=split.kfold(training(loaded, "u1"), folds=5, seed=0)))
        else:
            tune(model, GRIDS[name], partial(miss, folds=ten_ratings_a_person(training(loaded, "ua"))))


if __name__ == "__main__":
    main()
