"""The Bayesian factorization machine beside myFM's, in one process: error of each, and how many times faster.

    pip install -e '.[peers]'
    python -m benchmarks.peers_myfm ../shared/data/ml-100k.zip

Fold u1, the same blocks, rank and sweeps. myFM averages every draw after the first twenty, ours its default number of
draws. Seconds are of fit + predict, kernels compiled before, the two in turn, the best of `--repeats`; the ratio is
theirs to ours. Two things differ by design: ours has no pairs within a side, and weaker priors on precisions.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.peers import Fold, read
from recengine.data.dataset import Int64, Query
from recengine.models.bayes import BayesFM
from recengine.models.blocks import DAY, day_side, movie_side, people_side

os.environ["TQDM_DISABLE"] = "1"  # myFM draws a bar for every fit
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports pkg_resources
    import myfm

TRACKS = (("ratings", "gaussian"), ("attributes", "gaussian"), ("day", "gaussian"), ("day", "ordinal"))


def ours(model: BayesFM, fold: Fold) -> tuple[float, float]:
    """Seconds of fit + predict, and RMSE; a rating is asked for as of its day where the model uses that."""
    train, test = fold.train.with_interactions(fold.train.interactions.take(slice(None))), fold.test
    start = time.perf_counter()
    if model.traits.day:
        assert test.time is not None
        pair = np.stack([test.user, test.time // DAY])
        asked, row = np.unique(pair, axis=1, return_inverse=True)
        query = Query.of_users(train, asked[0], asked[1] * DAY)
    else:
        people, row = np.unique(test.user, return_inverse=True)
        query = Query.of_users(train, people)
    predicted = model.fit(train).predict(query, row.ravel(), test.item).value
    return time.perf_counter() - start, _rmse(predicted, fold)


def theirs(track: str, target: str, rank: int, iterations: int, fold: Fold) -> tuple[float, float]:
    """The same of myFM: people and movies as relation blocks, the days as plain columns."""
    start = time.perf_counter()
    ratings, test = fold.train.interactions, fold.test
    sides = [side(fold.train, ratings, track) for side in (people_side, movie_side)]
    x, asked = _days(fold) if track == "day" else (None, None)
    groups = [block.features.shape[1] for side in sides for block in side.blocks]
    features = [sp.csr_matrix(side.features.copy()) for side in sides]
    blocks = [myfm.RelationBlock(side.row.tolist(), f) for side, f in zip(sides, features, strict=True)]
    rows = [test.user, test.item]
    tested = [myfm.RelationBlock(row.tolist(), f) for row, f in zip(rows, features, strict=True)]
    sizes = groups if x is None else [x.shape[1], *groups]
    sampling = {"X_rel": blocks, "n_iter": iterations, "n_kept_samples": iterations - 20, "group_shapes": sizes}
    if target == "ordinal":
        levels, level = np.unique(ratings.value, return_inverse=True)
        fitted = myfm.MyFMOrderedProbit(rank=rank).fit(x, level, **sampling)
        predicted = fitted.predict_proba(asked, tested) @ levels
    else:
        fitted = myfm.MyFMRegressor(rank=rank).fit(x, ratings.value.astype(float), **sampling)
        predicted = fitted.predict(asked, tested)
    return time.perf_counter() - start, _rmse(np.clip(predicted, *(fold.train.scale or (None, None))), fold)


def _days(fold: Fold) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    side, days = day_side(fold.train.interactions)
    assert fold.test.time is not None
    day: Int64 = fold.test.time // DAY
    place = np.minimum(np.searchsorted(days, day), len(days) - 1)
    row = np.flatnonzero(days[place] == day)
    asked = sp.csr_matrix((np.ones(len(row)), (row, place[row])), (len(day), len(days)))
    return sp.csr_matrix(side.features[side.row]), asked


def _rmse(predicted: NDArray[Any], fold: Fold) -> float:
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - fold.test.value) ** 2)))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--rank", type=int, default=10)
    cli.add_argument("--iterations", type=int, default=300)
    cli.add_argument("--repeats", type=int, default=3)
    args = cli.parse_args()
    fold = read(args.data)[0]
    table = Table("features", "target", "u1", "myFM", "seconds", "myFM", "times faster")
    for track, target in TRACKS:
        model = BayesFM(factors=args.rank, iterations=args.iterations, chains=1, features=track, target=target)
        ours(model.model_copy(update={"iterations": 10}), fold)
        runs = [
            (ours(model, fold), theirs(track, target, args.rank, args.iterations, fold)) for _ in range(args.repeats)
        ]
        (seconds, error), (their_seconds, their_error) = (min(side) for side in zip(*runs, strict=True))
        table.add_row(
            track, target, f"{error:.4f}", f"{their_error:.4f}",
            f"{seconds:.1f}", f"{their_seconds:.1f}", f"{their_seconds / seconds:.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
