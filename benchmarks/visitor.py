"""How long a visitor waits for a list and for a reason, with every model and a catalogue of 27,000 movies.

    python -m benchmarks.visitor
    python -m benchmarks.visitor --model svdpp --ratings 3000000

The data are made up: power laws of popularity and activity, tastes, random genres. A visitor has rated ten movies of
somebody in the data. After one call that compiles and prepares, each visitor's list of ten (`recommend`: fold-in,
scores of all movies, ranking) and the explanation of its first movie are timed one by one. A model with parameters for
ranking is measured with them too. To fit, EASE needs 12 bytes for each pair of movies, 9 GB, and minutes. What takes
longer still, such as a network, is measured only when it is asked for.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

from recengine import registry
from recengine.data import synthetic
from recengine.data.dataset import Dataset, Query
from recengine.errors import ModelError
from recengine.model import Fitted, Recommender

GENRES, SHARE = 18, 0.13  # as in MovieLens: 2.3 genres a movie
RATED, LISTED = 10, 10
BAR = 20.0  # ms
ONLY_WHEN_ASKED = {"infinite-ae", "blend", "blend-top"}


def made_up(people: int, movies: int, ratings: int) -> Dataset:
    """Synthetic ratings, and genres drawn at random, at least one a movie."""
    data, rng = synthetic.power_law(people, movies, ratings), np.random.default_rng(1)
    has = rng.random((movies, GENRES)) < SHARE
    has[np.arange(movies), rng.integers(GENRES, size=movies)] = True
    names = np.array([f"Genre {number}" for number in range(GENRES)])
    genres = pd.Series([tuple(names[row]) for row in has], dtype=object)
    return dataclasses.replace(
        data, movies=data.movies.assign(genres=genres), features=sp.csr_matrix(has.astype(np.float32)),
        feature_names=tuple(f"genre: {name}" for name in names),
    )  # fmt: skip


def visitors(data: Dataset, n: int) -> list[Query]:
    """Ten ratings each, of people drawn from the data."""
    matrix, rng = data.interactions.matrix, np.random.default_rng(2)
    drawn = rng.choice(np.flatnonzero(np.diff(matrix.indptr) >= RATED), n, replace=False)
    queries = []
    for person in drawn:
        at = matrix.indptr[person] + rng.choice(np.diff(matrix.indptr)[person], RATED, replace=False)
        queries.append(Query.of_visitor(data.n_items, matrix.indices[at], matrix.data[at]))
    return queries


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def ask(fitted: Fitted, queries: list[Query]) -> tuple[list[float], list[float]]:
    """Milliseconds of every list and of every explanation."""
    best = [int(fitted.recommend(query, LISTED).item[0, 0]) for query in queries]
    lists = [milliseconds(partial(fitted.recommend, query, LISTED)) for query in queries]
    fitted.explain(queries[0], best[0])
    reasons = [milliseconds(partial(fitted.explain, query, item)) for query, item in zip(queries, best, strict=True)]
    return lists, reasons


def _takes_long(name: str) -> bool:
    return name in ONLY_WHEN_ASKED or registry.model_class(name).family == "neural"


def chosen(names: list[str] | None) -> list[tuple[str, Recommender]]:
    """Models by name, and once more as they rank where that differs."""
    found = []
    for name in names or [name for name in registry.names() if not _takes_long(name)]:
        found.append((name, registry.create(name)))
        if ranking := registry.model_class(name).ranking:
            found.append((f"{name}, as it ranks", registry.create(name, ranking)))
    return found


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--model", action="append", choices=registry.names(), help="only this model")
    cli.add_argument("--people", type=int, default=30_000)
    cli.add_argument("--movies", type=int, default=27_000)
    cli.add_argument("--ratings", type=int, default=1_000_000)
    cli.add_argument("--visitors", type=int, default=50)
    args = cli.parse_args()
    data = made_up(args.people, args.movies, args.ratings)
    queries, console = visitors(data, args.visitors), Console(width=120)
    table = Table("model", "fit, s", "list, ms", "worst", "reason, ms", "worst", "")
    for label, model in chosen(args.model):
        start = time.perf_counter()
        try:
            fitted = model.fit(data)
        except ModelError as refused:
            console.print(f"{label}: {refused}")
            continue
        seconds = time.perf_counter() - start
        lists, reasons = ask(fitted, queries)
        del fitted
        told = [f"{found:.1f}" for ms in (lists, reasons) for found in (np.median(ms), max(ms))]
        table.add_row(label, f"{seconds:.1f}", *told, "" if np.median(lists) <= BAR else f"above {BAR:g} ms")
        console.print(f"{label}: fitted in {seconds:.1f} s, list {told[0]} ms")
    console.print(table)


if __name__ == "__main__":
    main()
