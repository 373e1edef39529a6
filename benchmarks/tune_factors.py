"""How the hyperparameters of the factor models in closed form were chosen.

    python -m benchmarks.tune_factors ../shared/data/ml-100k.zip

`als` and `nmf`: RMSE of five-fold cross-validation inside the training part of u1. `pure-svd` and `ials`: NDCG@10 on
ten ratings a person, drawn from the training part of ua. The descent is that of `benchmarks.tune`; no test part is ever
read. The largest factors and iterations tried are what a fit of two seconds affords.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from benchmarks.tune import error, miss, ten_ratings_a_person, training, tune
from recengine import registry
from recengine.data import sources, split

GRIDS: dict[str, dict[str, list[Any]]] = {
    "als": {
        "regularization": [0.08, 0.1, 0.12, 0.14, 0.16, 0.2],
        "factors": [10, 20, 30, 50],
        "iterations": [5, 10, 15],
    },
    "nmf": {
        "regularization": [0.1, 0.12, 0.14, 0.16, 0.2],
        "factors": [10, 20, 30],
        "iterations": [5, 10, 15],
    },
}
RANKING_GRIDS: dict[str, dict[str, list[Any]]] = {
    "pure-svd": {
        "regularization": [0, 100, 300, 1000, 3000],
        "factors": [10, 15, 20, 25, 30, 50],
        "weighting": ["binary", "rating"],
    },
    "ials": {
        "unobserved": [0.1, 0.3, 0.5, 1, 2],
        "regularization": [0.1, 0.2, 0.3, 0.4, 0.6],
        "exponent": [0.4, 0.5, 0.6],
        "factors": [16, 32, 64],
        "iterations": [5, 10, 15],
    },
}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=[*GRIDS, *RANKING_GRIDS], help="only this model")
    args = cli.parse_args()
    loaded = sources.load(args.data)

    folds, lists = split.kfold(training(loaded, "u1"), folds=5, seed=0), ten_ratings_a_person(training(loaded, "ua"))
    for name in args.model or [*GRIDS, *RANKING_GRIDS]:
        if name in GRIDS:
            tune(registry.create(name), GRIDS[name], partial(error, folds=folds))
        else:
            tune(registry.create(name), RANKING_GRIDS[name], partial(miss, folds=lists))


if __name__ == "__main__":
    main()
