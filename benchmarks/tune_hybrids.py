"""How the hyperparameters of the hybrids were chosen, inside the training parts of MovieLens 100K.

    python -m benchmarks.tune_hybrids ../shared/data/ml-100k.zip --model meta-level

Defaults: RMSE of five-fold cross-validation inside the training part of u1 (`RATING`). `ranking`: NDCG@10 on ten
ratings a person, drawn from the training part of ua, a tenth of the people at a time (`RANKING`). No test part is ever
read. What the children's own hyperparameters are is their own matter, but for those that stand in a grid here.
`blend` takes hours: each point is twenty fits of eight models. Neighborhoods of its residuals, days inferred from a
person's other ratings, and weights that depend on counts gained nothing. One draw of lists moves by 0.001 and more.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from benchmarks.tune import error, miss, tenths, training, tune
from recengine import registry
from recengine.data import sources, split


def but_one(name: str) -> list[Any]:
    """A blend's children, and what is left without each."""
    children = registry.children(registry.create(name))
    return [children, *((*children[:place], *children[place + 1 :]) for place in range(len(children)))]


RATING: dict[str, dict[str, list[Any]]] = {
    "blend": {"children": but_one("blend"), "regularization": [1, 10, 100, 1000]},
    "meta-level": {
        "content": ["content(presence=0)", "content(presence=0.5)", "content(presence=1)", "content"],
        "shrinkage": [0, 10, 20, 50, 100, 200],
        "damping": [0.1, 0.5, 1, 2, 4, 8],
        "k": [20, 30, 40, 60, 80, 120],
        "neighborhood": [250, 500, 1000],
    },
}
RANKING: dict[str, dict[str, list[Any]]] = {
    "blend-top": {"children": but_one("blend-top")},
    "cascade": {"width": [0.25, 0.5, 1, 2]},
    "weighted": {"weights": [(1, 1, 0), (1, 1, 1), (2, 2, 1), (3, 3, 1), (6, 6, 1)]},
    "meta-level": {
        "content": ["content(presence=0)", "content(presence=1)", "content", "content(presence=5)"],
        "aggregation": ["sum", "votes"],
        "neighborhood": [30, 50, 70, 100, 140, 200, 300],
        "k": [20, 30, 40, 60, 80, 100, 200],
        "shrinkage": [0, 20, 50, 100],
    },
}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--model", action="append", choices=sorted({*RATING, *RANKING}), help="only this model")
    cli.add_argument("--lists", action="store_true", help="only `ranking`")
    args = cli.parse_args()
    loaded = sources.load(args.data)

    folds, lists = split.kfold(training(loaded, "u1"), folds=5, seed=0), tenths(training(loaded, "ua"), draws=1)
    for name in args.model or dict.fromkeys((*RATING, *RANKING)):
        if name in RATING and not args.lists:
            tune(registry.create(name), RATING[name], partial(error, folds=folds))
        if name in RANKING:
            start = registry.create(name, registry.model_class(name).ranking)
            tune(start, RANKING[name], partial(miss, folds=lists))


if __name__ == "__main__":
    main()
