"""Beside Surprise, in one process, on the same folds: error of each, and how many times faster.

    pip install -e '.[peers]'
    python -m benchmarks.peers ../shared/data/ml-100k.zip

Times are the best of several runs of fit + predict on fold u1, the two systems in turn, kernels compiled before; a
ratio of 20 means that Surprise takes 20 times as long. Errors are RMSE on u1 and the mean of u1 to u5.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import surprise
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from recengine.data import movielens, sources
from recengine.data.dataset import Dataset, Interactions, Query
from recengine.model import Recommender
from recengine.models.baseline import Bias
from recengine.models.funk import FunkSVD
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.models.nmf import NMF

FOLDS = ("u1", "u2", "u3", "u4", "u5")


@dataclass(frozen=True)
class Fold:
    """Training data and test ratings, as each system takes them."""

    train: Dataset
    test: Interactions
    their_train: Any
    their_test: list[tuple[int, int, float]]


@dataclass(frozen=True)
class Pair:
    """Our model and the peer's."""

    what: str
    ours: Recommender
    theirs: Callable[[], Any]


def _knn(user_based: bool, **baseline: Any) -> Callable[[], Any]:
    options = {"name": "pearson_baseline", "user_based": user_based}
    return lambda: surprise.KNNBaseline(k=40, sim_options=options, bsl_options=baseline, verbose=False)


SAME = {
    "k": 40, "similarity": "pearson-baseline", "centering": "baseline", "shrinkage": 100, "damping": 0,
    "neighborhood": 10_000,
}  # fmt: skip
# Biases damped by 5 and 3 ratings in 10 sweeps, as ours. Their similarities are shrunk by (n − 1) / (n − 1 + 100),
# ours by n / (n + 100); nothing else differs.
SAME_BIASES = {"method": "als", "reg_u": 5, "reg_i": 3, "n_epochs": 10}
PAIRS = (
    Pair("item-based, the same algorithm", ItemKNN(**SAME), _knn(user_based=False, **SAME_BIASES)),
    Pair("user-based, the same algorithm", UserKNN(**SAME), _knn(user_based=True, **SAME_BIASES)),
    Pair("item-based, both at their defaults", ItemKNN(), _knn(user_based=False)),
    Pair("user-based, both at their defaults", UserKNN(), _knn(user_based=True)),
    Pair("biases, both at their defaults", Bias(), lambda: surprise.BaselineOnly(verbose=False)),
    Pair("funk-svd against SVD, both at their defaults", FunkSVD(), lambda: surprise.SVD(random_state=0)),
    Pair("nmf against NMF, both at their defaults", NMF(), lambda: surprise.NMF(random_state=0)),
)


def read(where: str) -> list[Fold]:
    """The five canonical folds."""
    loaded = sources.load(where)
    everything, folds = loaded.dataset, []
    for name in FOLDS:
        held_out = movielens.canonical_fold(loaded.where, name, everything)
        train = everything.interactions.take(~held_out)
        test = everything.interactions.take(held_out)
        folds.append(Fold(everything.with_interactions(train), test, _their_train(train, everything), _rows(test)))
    return folds


def _rows(ratings: Interactions) -> list[tuple[int, int, float]]:
    return list(zip(ratings.user.tolist(), ratings.item.tolist(), ratings.value.tolist(), strict=True))


def _their_train(train: Interactions, everything: Dataset) -> Any:
    table = pd.DataFrame(_rows(train), columns=["user", "item", "rating"])
    return surprise.Dataset.load_from_df(table, surprise.Reader(rating_scale=everything.scale)).build_full_trainset()


def run_ours(model: Recommender, fold: Fold) -> tuple[float, float]:
    """Seconds of fit + predict, and RMSE. The dataset is made anew, so that nothing worked out before helps."""
    train = fold.train.with_interactions(fold.train.interactions.take(slice(None)))
    start = time.perf_counter()
    people, row = np.unique(fold.test.user, return_inverse=True)
    predicted = model.fit(train).predict(Query.of_users(train, people), row, fold.test.item)
    seconds = time.perf_counter() - start
    return seconds, _rmse(predicted.value, fold.test.value)


def run_theirs(make: Callable[[], Any], fold: Fold) -> tuple[float, float]:
    """Seconds of fit + predict, and RMSE."""
    start = time.perf_counter()
    answers = make().fit(fold.their_train).test(fold.their_test)
    seconds = time.perf_counter() - start
    return seconds, _rmse(np.array([answer.est for answer in answers]), np.array([a.r_ui for a in answers]))


def _rmse(predicted: NDArray[Any], true: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def compare(pair: Pair, folds: Sequence[Fold], repeats: int) -> list[str]:
    """A row of the table."""
    errors = [[run_ours(pair.ours, fold)[1], run_theirs(pair.theirs, fold)[1]] for fold in folds]
    times = np.array([[run_ours(pair.ours, folds[0])[0], run_theirs(pair.theirs, folds[0])[0]] for _ in range(repeats)])
    ours, theirs = times.min(axis=0)
    mean = np.mean(errors, axis=0)
    return [
        pair.what, f"{errors[0][0]:.4f}", f"{errors[0][1]:.4f}", f"{mean[0]:.4f}", f"{mean[1]:.4f}",
        f"{ours:.3f}", f"{theirs:.3f}", f"{theirs / ours:.1f}",
    ]  # fmt: skip


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--repeats", type=int, default=5)
    args = cli.parse_args()
    folds = read(args.data)
    table = Table("", "u1", "Surprise", "mean u1-u5", "Surprise", "seconds", "Surprise", "times faster")
    for pair in PAIRS:
        table.add_row(*compare(pair, folds, args.repeats))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
