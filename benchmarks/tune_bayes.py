"""How the hyperparameters of the Bayesian factorization machine were chosen, inside the training part of fold u1.

    python -m benchmarks.tune_bayes ../shared/data/ml-100k.zip

As in `benchmarks.tune`: five-fold cross-validated RMSE inside the training part of u1, on the track of `--features`. No
test part is ever read. Half an hour on two cores. One set of defaults serves every track and target, so some are not
where the search on the default track ends. One chain's error moves by 0.0015 with the seed, so few of the steps mean
anything. What does, on three folds and the mean of four seeds: 300 sweeps of one chain 0.8918, of two chains 0.8898;
150 sweeps 0.8908 and 0.8888; four chains 0.8878, at twice the time. Ordered levels want 300 sweeps (0.8891 with one
chain, 200 sweeps 0.8903, 100 sweeps 0.8933): 200 and two chains lie between. 120 draws are better by 0.0002, at twice
the memory. `burn_in` was not searched.
"""

from __future__ import annotations

import argparse
from functools import partial

from benchmarks.tune import error, tune
from recengine import registry
from recengine.data import movielens, sources, split

GRID = {
    "prior_variance": [0.001, 0.01, 0.1, 1.0],
    "factors": [8, 12, 16, 24],
    "iterations": [200, 300, 500],
    "draws": [30, 60, 120],
    "chains": [1, 2, 4],
}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--features", choices=("ratings", "attributes"), default="attributes")
    args = cli.parse_args()
    loaded = sources.load(args.data)
    held_out = movielens.canonical_fold(loaded.where, "u1", loaded.dataset)
    training = loaded.dataset.with_interactions(loaded.dataset.interactions.take(~held_out))
    tune(
        registry.create("bayes-fm", {"features": args.features}),
        GRID,
        partial(error, folds=split.kfold(training, folds=5, seed=0)),
    )


if __name__ == "__main__":
    main()
