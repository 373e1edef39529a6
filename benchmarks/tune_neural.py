"""How the networks' hyperparameters were chosen, inside the training parts of MovieLens 100K.

    python -m benchmarks.tune_neural ../shared/data/ml-100k.zip

Ratings: RMSE on two of five folds inside the training part of u1. Lists: NDCG@10 on ten ratings a person, drawn from
the training part of ua, two draws. Next movie: NDCG@10 of each person's last movie but one, where the last is the test.
Networks draw their first weights, so a difference of 0.002 is luck. A try takes seconds for the first two kinds and
minutes for the third, so only what decided most is tried here; the defaults are the first value of each. The test
parts are not read; `--test` chooses nothing, and measures the defaults on them.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from benchmarks.tune import error, miss, ten_ratings_a_person
from recengine import registry
from recengine.data import movielens, sources, split
from recengine.evaluate import evaluate
from recengine.model import Recommender

GRIDS: dict[str, dict[str, list[Any]]] = {
    "autorec": {"regularization": [30, 20, 45, 60], "factors": [100, 50, 200], "by": ["movie", "person"]},
    "dnn": {"factors": [16, 32], "dropout": [0.5, 0.3], "weight_decay": [5.0, 3.0], "unknown": [0.2, 0.5]},
    "multvae": {"beta": [0.7, 0.5, 1.0], "factors": [200, 100], "hidden": [0, 200]},
    "neumf": {"factors": [32, 64], "negatives": [8, 4]},
    "caser": {"window": [5, 3, 9]},
    "gru4rec": {"units": [128, 64], "session_gap": [0, 24]},
    "sasrec": {"length": [100, 50], "dropout": [0.2, 0.4]},
}
RATINGS, LISTS = ("autorec", "dnn"), ("multvae", "neumf")


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=GRIDS, help="only this model")
    cli.add_argument("--test", action="store_true", help="choose nothing, measure the defaults on the test part")
    args = cli.parse_args()
    loaded = sources.load(args.data)
    u1, ua = (
        split.canonical(loaded.dataset, name, movielens.canonical_fold(loaded.where, name, loaded.dataset))
        for name in ("u1", "ua")
    )
    last = split.leave_last_out(loaded.dataset)
    for name in args.model or GRIDS:
        model = registry.create(name)
        if args.test:
            cut = u1 if name in RATINGS else ua if name in LISTS else last
            wanted = ["rmse"] if name in RATINGS else ["ndcg@10"] if name in LISTS else ["hit@10", "ndcg@10"]
            print(told(model, cut, wanted), flush=True)
            continue
        if name in RATINGS:
            loss = partial(error, folds=split.kfold(u1[0].train)[:2])
        elif name in LISTS:
            loss = partial(miss, folds=[cut for seed in range(2) for cut in ten_ratings_a_person(ua[0].train, seed)])
        else:
            loss = partial(miss, folds=split.leave_last_out(last[0].train))
        try_each(model, GRIDS[name], loss)


def told(model: Recommender, cut: list[split.Split], wanted: list[str]) -> str:
    """One line on how a model does on a test."""
    result = evaluate(cut, [model], wanted).results[0]
    values = "  ".join(f"{name} {at.value:.4f} ({at.low:.4f} to {at.high:.4f})" for name, at in result.metrics.items())
    return (
        f"{result.label:8s} {values}, fitted in {result.fit_seconds:.1f} s, answered in {result.predict_seconds:.1f} s"
    )


def try_each(model: Recommender, grid: dict[str, list[Any]], loss: Any) -> None:
    """The loss of each value, all else at its default."""
    print(f"{model.name:8s} as it is {loss(model):.4f}", flush=True)
    for parameter, values in grid.items():
        for value in values[1:]:
            tried = registry.create(model.name, {**model.model_dump(), parameter: value})
            print(f"{model.name:8s} {parameter}={value} {loss(tried):.4f}", flush=True)


if __name__ == "__main__":
    main()
