"""Beside implicit, on the same made-up ratings: seconds an iteration, loss and peak memory of `ials`.

    pip install -e '.[peers]'
    python -m benchmarks.peers_implicit

Both minimise one loss from starts of their own, with as many threads as there are cores. implicit weighs a pair by c
where it was watched and 1 elsewhere, and pulls by λ; that is α times less what `ials` minimises with c = 1 + 1 / α,
λ = our λ c and ν = 0, once their scores are taken 1 / (1 + α) times: what is reported is our loss of both. An iteration
improves people, then movies. Seconds are the best of all iterations, the two systems in turn, without what is done once
(a start, transposing the table). Peak memory (Linux) is a whole process's: imports, the table read from a file, a fit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Libraries are imported where they are used: neither system's memory shall count the other's.
REGULARIZATION, UNOBSERVED = 5.0, 1.0
PEAK_ITERATIONS = 2
MIB = 1024  # of the KiB that Linux counts


def theirs(factors: int, iterations: int) -> Any:
    """implicit's model of the same loss."""
    from implicit.als import AlternatingLeastSquares

    pull = REGULARIZATION * (1 + UNOBSERVED) / UNOBSERVED
    threads = os.cpu_count() or 1
    return AlternatingLeastSquares(
        factors=factors, regularization=pull, iterations=iterations, num_threads=threads, random_state=0
    )


def confidences(table: Any) -> Any:
    """What implicit takes: c = 1 + 1 / α for every stored cell."""
    import numpy as np

    found = table.copy()
    found.data = np.full(table.nnz, 1 + 1 / UNOBSERVED, np.float32)
    return found


def peak(whose: str, file: str, factors: int) -> None:
    """Print the most memory that this process ever held, MiB, after a fit of the table in `file`."""
    import scipy.sparse as sp

    table = sp.load_npz(file)
    if whose == "ours":
        from recengine.models.alternating import alternate, both_ways, start
        from recengine.models.factors import Objective

        objective, watched = Objective(REGULARIZATION, 0.0, UNOBSERVED), both_ways(table)
        alternate(objective, *watched, *start(*watched, factors, 0), PEAK_ITERATIONS)
    else:
        table.data *= 1 + 1 / UNOBSERVED
        theirs(factors, PEAK_ITERATIONS).fit(table, show_progress=False)
    # Not `getrusage`: what it counts starts with the process this one was forked from.
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(held.split()[1]) // MIB)


def loss(table: Any, users: Any, items: Any) -> float:
    """Σ_watched (1 − p·q)² + α Σ_all (p·q)² + λ (Σ‖p‖² + Σ‖q‖²)."""
    import numpy as np

    from recengine.models.factors import squares

    missed = 0.0
    for first in range(0, table.shape[0], 1000):
        rows = table[first : first + 1000]
        of_row = np.repeat(np.arange(first, first + rows.shape[0]), np.diff(rows.indptr))
        product = np.einsum("mf,mf->m", users[of_row], items[rows.indices])
        missed += float(np.sum((1 - product.astype(np.float64)) ** 2))
    people, movies = squares(users), squares(items)
    return missed + UNOBSERVED * float(np.sum(people * movies)) + REGULARIZATION * float(np.trace(people + movies))


def compare_als(table: Any, factors: int, marks: list[int]) -> tuple[list[float], dict[int, tuple[float, float]]]:
    """Seconds of our start and of the best iterations, ours and theirs; losses after each of `marks` iterations."""
    import numpy as np

    from recengine.models.alternating import alternate, both_ways, start
    from recengine.models.factors import Objective

    objective, model, confident = Objective(REGULARIZATION, 0.0, UNOBSERVED), theirs(factors, 1), confidences(table)
    watched, few = both_ways(table), both_ways(table[:100])
    start(*watched, 1, 0)  # compiles, as does the next line
    alternate(objective, *few, *start(*few, factors, 0), 1)

    before = time.perf_counter()
    users, items = start(*watched, factors, 0)
    start_seconds = time.perf_counter() - before
    ours_seconds, their_seconds, losses = [], [], {}
    for iteration in range(1, max(marks) + 1):
        before = time.perf_counter()
        alternate(objective, *watched, users, items, 1)
        ours_seconds.append(time.perf_counter() - before)
        model.fit(confident, show_progress=False, callback=lambda _, seconds, __: their_seconds.append(seconds))
        if iteration in marks:
            shrink = np.float32((1 + UNOBSERVED) ** -0.5)
            found = loss(table, model.user_factors * shrink, model.item_factors * shrink)
            losses[iteration] = (loss(table, users, items), found)
    return [start_seconds, min(ours_seconds), min(their_seconds)], losses


def als(table: Any, file: str, marks: list[int], sizes: list[int]) -> None:
    """Print a line for each number of factors."""
    for factors in sizes:
        (begin, ours, peer), losses = compare_als(table, factors, marks)
        command = [sys.executable, "-m", "benchmarks.peers_implicit", "--peak"]
        mine, other = (int(subprocess.check_output([*command, who, file, str(factors)])) for who in ("ours", "theirs"))
        print(f"{factors} factors: {ours:.2f} s an iteration, implicit {peer:.2f}: {peer / ours:.2f} times faster")
        print(f"  our start {begin:.1f} s; peak {mine} MiB, implicit {other}: {mine / other:.2f} times")
        for mark, (low, high) in losses.items():
            print(f"  loss after {mark} iterations: {low:,.0f}, implicit {high:,.0f}: {low / high:.5f} times")


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--ratings", type=int, default=15_000_000, help="made up, of 27,000 movies by 100,000 people")
    cli.add_argument("--factors", type=int, nargs="+", default=[64, 128])
    cli.add_argument("--iterations", type=int, nargs="+", default=[5, 15], help="after which losses are compared")
    cli.add_argument("--table", help="a file of scipy's to keep the table in and to read it from")
    cli.add_argument("--peak", nargs=3, metavar=("WHOSE", "FILE", "FACTORS"), help=argparse.SUPPRESS)
    args = cli.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit asks for
    if args.peak:
        return peak(args.peak[0], args.peak[1], int(args.peak[2]))
    import scipy.sparse as sp

    with tempfile.TemporaryDirectory() as folder:
        file = args.table or str(Path(folder) / "table.npz")
        if not Path(file).exists():
            from recengine.data.synthetic import power_law
            from recengine.models.weighting import binary

            sp.save_npz(file, binary(power_law(100_000, 27_000, args.ratings).interactions.matrix), compressed=False)
        als(sp.load_npz(file), file, args.iterations, args.factors)
    return None


if __name__ == "__main__":
    main()
