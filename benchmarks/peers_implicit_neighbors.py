"""Beside implicit, on the same made-up ratings: the most similar movies of every movie by cosine.

    pip install -e '.[peers]'
    python -m benchmarks.peers_implicit_neighbors

Both start from the ratings by person and end with every movie's list; norms and transposing count. Systems take turns
in one process, with as many threads as there are cores, and the best of `--repeats` runs stands: its seconds, and the
seconds of processor time, which say more on a busy machine. implicit lists the movie itself, so it is asked for one
more. Lists agree where both hold a neighbor, or where one holds it that is as similar as the other's last, up to 1e-6.
Peak memory is a whole process's: imports, the table read from a file, one run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

# The two systems are imported where they are used: neither's memory shall count the other's.


def ours(table: sp.csr_matrix, keep: int) -> sp.csr_matrix:
    """Row i: the movies most similar to movie i."""
    from recengine.models.similarity import nearest, row_norms

    by_item, n = sp.csr_matrix(table.T), table.shape[1]
    near = nearest(
        by_item, table, row_norms(by_item), np.diff(by_item.indptr), "cosine", own=np.arange(n, dtype=np.int32),
        keep=keep, min_support=1, shrinkage=0.0,
    )  # fmt: skip
    return sp.csr_matrix((near.similarity, near.index, near.start), (n, n))


def theirs(table: sp.csr_matrix, keep: int) -> sp.csr_matrix:
    """The same, the movie itself included."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit asks for
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=keep + 1, num_threads=os.cpu_count() or 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a conversion of its own
        model.fit(table, show_progress=False)
    return model.similarity


SYSTEMS: dict[str, Callable[[sp.csr_matrix, int], sp.csr_matrix]] = {"ours": ours, "theirs": theirs}


def cells(found: sp.csr_matrix) -> tuple[Any, Any, Any]:
    """Neighbors as row · n + column, ascending, their similarities, and the last similarity of every row's list."""
    n = found.shape[0]
    row, column, value = np.repeat(np.arange(n), np.diff(found.indptr)), found.indices, found.data
    other = (row != column) & (value > 0)
    row, value = row[other], value[other]
    cell = row * n + column[other]
    last = np.full(n, np.inf)
    np.minimum.at(last, row, value)
    order = np.argsort(cell)
    return cell[order], value[order], last


def agreement(one: sp.csr_matrix, other: sp.csr_matrix) -> tuple[float, float, float]:
    """Share of neighbors that both hold, share that agree, and the largest difference between two similarities."""
    (a, a_value, a_last), (b, b_value, b_last) = cells(one), cells(other)
    _, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    both, agreed = 2 * len(in_a), 2 * len(in_a)
    for cell, value, shared, last in ((a, a_value, in_a, b_last), (b, b_value, in_b, a_last)):
        alone = np.setdiff1d(np.arange(len(cell)), shared)
        agreed += int(np.sum(value[alone] <= last[cell[alone] // one.shape[0]] + 1e-6))
    total = len(a) + len(b)
    return both / total, agreed / total, float(np.abs(a_value[in_a] - b_value[in_b]).max())


def compare(table: sp.csr_matrix, file: str, keep: int, repeats: int) -> None:
    """Run both in turn and print."""
    ours(table[:1000], keep)  # compiles
    seconds, found = {name: [] for name in SYSTEMS}, {}
    for _ in range(repeats):
        for name, system in SYSTEMS.items():
            before = time.perf_counter(), time.process_time()
            found[name] = system(table, keep)
            seconds[name].append((time.perf_counter() - before[0], time.process_time() - before[1]))
    mine, implicit = (np.min(seconds[name], axis=0) for name in SYSTEMS)
    peaks = [
        int(subprocess.check_output([sys.executable, "-m", __spec__.name, "--peak", name, file, str(keep)]))
        for name in SYSTEMS
    ]
    both, agreed, apart = agreement(found["ours"], found["theirs"])
    print(f"{table.nnz:,} ratings, {keep} neighbors a movie")
    print(f"  seconds {mine[0]:.2f}, implicit {implicit[0]:.2f}: {mine[0] / implicit[0]:.2f} times")
    print(f"  of processor time {mine[1]:.2f}, implicit {implicit[1]:.2f}: {mine[1] / implicit[1]:.2f} times")
    print(f"  peak {peaks[0]} MiB, implicit {peaks[1]}: {peaks[0] / peaks[1]:.2f} times")
    print(f"  {100 * both:.4f} % of neighbors in both lists, {100 * agreed:.4f} % with ties")
    print(f"  similarities within {apart:.1e}")


def peak() -> int:
    """The most memory that this process ever held, MiB (Linux). `getrusage` would count its parent's before it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--ratings", type=int, default=15_000_000, help="made up, of 27,000 movies by 100,000 people")
    cli.add_argument("--neighbors", type=int, default=100)
    cli.add_argument("--repeats", type=int, default=5)
    cli.add_argument("--table", help="a file of scipy's to keep the table in and to read it from")
    cli.add_argument("--peak", nargs=3, metavar=("WHOSE", "FILE", "NEIGHBORS"), help=argparse.SUPPRESS)
    args = cli.parse_args()
    if args.peak:
        SYSTEMS[args.peak[0]](sp.load_npz(args.peak[1]), int(args.peak[2]))
        print(peak())
        return
    with tempfile.TemporaryDirectory() as folder:
        file = args.table or str(Path(folder) / "table.npz")
        if not Path(file).exists():
            from recengine.data.synthetic import power_law

            sp.save_npz(file, power_law(100_000, 27_000, args.ratings).interactions.matrix, compressed=False)
        compare(sp.load_npz(file), file, args.neighbors, args.repeats)


if __name__ == "__main__":
    main()
