"""How the linear and graph models' hyperparameters were chosen, inside the training part of MovieLens 100K's fold ua.

    python -m benchmarks.tune_linear ../shared/data/ml-100k.zip

NDCG@10 on ten ratings a person, drawn from the training part of ua, mean of several draws (one alone is too noisy): for
SLIM and RP³β three, by the coordinate descent of `benchmarks.tune`; for EASE and infinite-ae four, a tenth of the
people at a time (`tenths`), because λ is sensitive to how many ratings there are. EASE's curve is flat and its lowest
point luck, so λ stands where the parabola through the losses over log λ is lowest, to two digits. By default EASE has
no dropout; `ease-dropout` looks for a dropout and the λ that goes with it. The test part is not read; `--test` chooses
nothing, and measures the defaults on it.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np

from benchmarks.tune import miss, ten_ratings_a_person, tenths, tune
from recengine import registry
from recengine.data import movielens, sources, split
from recengine.evaluate import evaluate
from recengine.models.linear import Ease

GRIDS: dict[str, dict[str, list[Any]]] = {
    "ease": {"regularization": [200, 280, 400, 560, 800, 1120, 1600]},
    "slim": {"l2": [100, 200, 400, 800], "l1": [2, 4, 8]},
    "rp3beta": {
        "alpha": [0.4, 0.6, 0.8, 1.0, 1.2],
        "beta": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "neighborhood": [50, 100, 200, 400, 800],
    },
    "infinite-ae": {"regularization": [1, 2, 3, 4, 6, 8, 16]},
    "ease-dropout": {"dropout": [0.4, 0.6, 0.75], "regularization": [280, 400, 560]},
}
DROPOUT = Ease(dropout=0.6, regularization=400)


def lowest(values: list[float], losses: list[float]) -> float:
    """Where the parabola through the losses over log values is lowest."""
    a, b, _ = np.polyfit(np.log(values), losses, 2)
    return float(np.exp(-b / (2 * a)))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=GRIDS, help="only this model")
    cli.add_argument("--test", action="store_true", help="choose nothing, measure the defaults on the test part")
    args = cli.parse_args()
    loaded = sources.load(args.data)
    ua = split.canonical(loaded.dataset, "ua", movielens.canonical_fold(loaded.where, "ua", loaded.dataset))
    start = {name: DROPOUT if name == "ease-dropout" else registry.create(name) for name in args.model or GRIDS}
    if args.test:
        for result in evaluate(ua, list(start.values()), ["ndcg@10"]).results:
            at = result.metrics["ndcg@10"]
            told = f"{at.value:.4f} ({at.low:.4f} to {at.high:.4f}), fitted in {result.fit_seconds:.2f} s"
            print(f"{result.label:8s} NDCG@10 {told}, all lists in {result.predict_seconds:.2f} s")
        return
    for name, model in start.items():
        if name == "ease":
            folds, tried = tenths(ua[0].train), GRIDS[name]["regularization"]
            losses = [miss(registry.create(name, {"regularization": value}), folds) for value in tried]
            told = "  ".join(f"{value}: {loss:.4f}" for value, loss in zip(tried, losses, strict=True))
            print(f"{name:10s} regularization {told}; lowest at {lowest(tried, losses):.2g}\n", flush=True)
        else:
            drawn = [fold for seed in range(3) for fold in ten_ratings_a_person(ua[0].train, seed)]
            folds = drawn if name in ("slim", "rp3beta") else tenths(ua[0].train)
            tune(model, GRIDS[name], partial(miss, folds=folds))


if __name__ == "__main__":
    main()
