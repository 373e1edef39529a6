"""How the hyperparameters of the content-based models were chosen, inside the training parts of MovieLens 100K.

    python -m benchmarks.tune_content ../shared/data/ml-100k.zip

`content`: NDCG@10 on ten ratings a person, drawn from the training part of ua; `demographic` likewise, a tenth of the
people at a time, mean of four draws (`tenths`). `content-tree`: RMSE of five-fold cross-validation inside the training
part of u1. No test part is ever read. These data hold genres, years and titles, so the weights of directors, tags,
certificates and sources stay at 1. `min_ratings` of the tree is not chosen by error: the baseline that stands in errs
less than any tree of one person's ratings, so it would always win.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from benchmarks.tune import error, miss, ten_ratings_a_person, tenths, training, tune
from recengine import registry
from recengine.data import sources, split

# With more presence than two stars hardly anything rated would count against (5 gains 0.002). Damping is for people of
# few ratings, of whom these data have none: 0, 5 and 20 differ by 0.0002.
CONTENT: dict[str, list[Any]] = {
    "similarity": ["cosine", "dot"],
    "presence": [0, 0.5, 1, 2],
    "title_words": [0, 0.1, 0.2, 0.5, 1, 2],
    "decades": [0, 0.5, 1, 2, 4],
}
# Leaves of more than four ratings are not tried: the checkerboard of the contract tests holds no more. Nor are more
# than six questions: eight err by 0.0005 less, and nobody reads them.
TREE: dict[str, list[Any]] = {
    "shrinkage": [20, 50, 100, 200],
    "max_depth": [2, 3, 4, 5, 6],
    "min_samples_leaf": [1, 2, 3, 4],
}
# "lift" makes no list that anybody would want: it is for hybrids. Damping is flat: 1 gains 0.0002 over 3, which stands.
DEMOGRAPHIC: dict[str, list[Any]] = {
    "score": ["share", "lift"],
    "sharpness": [2, 3, 4, 6, 8],
    "damping": [1, 3, 10, 30],
}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument(
        "--model", action="append", choices=["content", "content-tree", "demographic"], help="only this model"
    )
    args = cli.parse_args()
    loaded = sources.load(args.data)

    wanted = args.model or ["content", "content-tree", "demographic"]
    if "content" in wanted:
        lists = ten_ratings_a_person(training(loaded, "ua"))
        tune(registry.create("content"), CONTENT, partial(miss, folds=lists))
    if "content-tree" in wanted:
        folds = split.kfold(training(loaded, "u1"), folds=5, seed=0)
        tune(registry.create("content-tree"), TREE, partial(error, folds=folds))
    if "demographic" in wanted:
        tune(registry.create("demographic"), DEMOGRAPHIC, partial(miss, folds=tenths(training(loaded, "ua"))))


if __name__ == "__main__":
    main()
