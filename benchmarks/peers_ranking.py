"""Ranked lists beside `implicit`, in one process: NDCG@10 of each, and how many times faster to fit and list.

    pip install -e '.[peers]'
    python -m benchmarks.peers_ranking ../shared/data/ml-100k.zip

MovieLens 100K, fold ua: ten test ratings a person, each relevant, all movies not rated in training ranked. Everything
is at its defaults (ours at those for ranking), `implicit` at the number of factors or neighbors of ours; seconds are of
the fit and the lists of all people, the best of several runs in turn, kernels compiled before.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from recengine import registry
from recengine.data import movielens, sources, split
from recengine.data.dataset import Query
from recengine.metrics import ndcg
from recengine.model import Recommender
from recengine.models.weighting import binary
from recengine.trial import Truth

K = 10


@dataclass(frozen=True)
class Pair:
    """One of our models, and the peer's that is meant for the same, where there is one."""

    name: str
    theirs: Callable[[Recommender], Any] | None = None


PAIRS = (
    Pair("ease"),
    Pair("slim"),
    Pair("ials", lambda ours: AlternatingLeastSquares(factors=ours.factors, random_state=0)),
    Pair("pure-svd"),
    Pair("bpr", lambda ours: BayesianPersonalizedRanking(factors=ours.factors, random_state=0)),
    Pair("rp3beta"),
    Pair("item-knn", lambda ours: CosineRecommender(K=ours.neighborhood)),
    Pair("item-knn", lambda ours: BM25Recommender(K=ours.neighborhood)),
    Pair("user-knn"),
    Pair("popularity"),
)


def ours_at_ranking(name: str) -> Recommender:
    """A model at its defaults for ranking."""
    return registry.create(name, registry.model_class(name).ranking)


def run_ours(model: Recommender, fold: split.Split, people: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """Seconds of fit and lists, and the lists `(p, 10)`. The data are made anew: nothing worked out before helps."""
    train = fold.train.with_interactions(fold.train.interactions.take(slice(None)))
    start = time.perf_counter()
    listed = model.fit(train).recommend(Query.of_users(train, people), K).item
    return time.perf_counter() - start, listed


def run_theirs(make: Callable[[], Any], fold: split.Split, people: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """The same of a model of `implicit`."""
    table, people = binary(fold.train.interactions.matrix).copy(), people.copy()  # it takes nothing read-only
    start = time.perf_counter()
    model = make()
    with threadpool_limits(1, "blas"), warnings.catch_warnings():  # one thread is what `implicit` asks for
        warnings.simplefilter("ignore")  # it warns of a form that it chose itself
        model.fit(table, show_progress=False)
        listed, _ = model.recommend(people, table[people], N=K, filter_already_liked_items=True)
    return time.perf_counter() - start, listed


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--repeats", type=int, default=3)
    args = cli.parse_args()
    loaded = sources.load(args.data)
    fold = split.canonical(loaded.dataset, "ua", movielens.canonical_fold(loaded.where, "ua", loaded.dataset))[0]
    truth = Truth.of(fold.test, None)
    table = Table("", "NDCG@10", "peer", "NDCG@10", "seconds", "peer", "times as fast")
    for pair in PAIRS:
        model = ours_at_ranking(pair.name)
        seconds, listed = _best(lambda model=model: run_ours(model, fold, truth.people), args.repeats)
        row = [pair.name, f"{_worth(truth, listed):.4f}", "–", "", f"{seconds:.2f}", "", ""]
        if pair.theirs:
            with threadpool_limits(1, "blas"):
                peer = pair.theirs(model)
            their_seconds, their_list = _best(
                lambda pair=pair, model=model: run_theirs(lambda: pair.theirs(model), fold, truth.people), args.repeats
            )
            row[2:4] = type(peer).__name__, f"{_worth(truth, their_list):.4f}"
            row[5:] = f"{their_seconds:.2f}", f"{their_seconds / seconds:.1f}"
        table.add_row(*row)
    Console(width=120).print(table)


def _best(run: Callable[[], tuple[float, NDArray[Any]]], repeats: int) -> tuple[float, NDArray[Any]]:
    run()  # kernels are compiled
    return min((run() for _ in range(repeats)), key=lambda found: found[0])


def _worth(truth: Truth, listed: NDArray[Any]) -> float:
    return float(np.nanmean(ndcg(truth.hits(listed), truth.relevant)))


if __name__ == "__main__":
    main()
