"""SVD++ beside Surprise's, in one process, with the same epochs and factors: error of each, and how many times faster.

    pip install -e '.[peers]'
    python -m benchmarks.peers_svdpp ../shared/data/ml-100k.zip

Fold u1. Epochs and factors are Surprise's defaults unless given, step sizes and regularisation each system's own.
Seconds are of fit + predict, kernels compiled before: the best of `--repeats` runs of ours, one run of Surprise's,
which takes long; the ratio is theirs to ours.
"""

from __future__ import annotations

import argparse

import surprise
from rich.console import Console
from rich.table import Table

from benchmarks.peers import read, run_ours, run_theirs
from recengine.models.svdpp import SVDpp


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--epochs", type=int, default=20)
    cli.add_argument("--factors", type=int, default=20)
    cli.add_argument("--repeats", type=int, default=5)
    args = cli.parse_args()
    fold, ours = read(args.data)[0], SVDpp(epochs=args.epochs, factors=args.factors)
    run_ours(ours, fold)
    runs = [run_ours(ours, fold) for _ in range(args.repeats)]
    seconds, error = min(runs)
    theirs, their_error = run_theirs(
        lambda: surprise.SVDpp(n_epochs=args.epochs, n_factors=args.factors, random_state=0), fold
    )
    table = Table("epochs", "factors", "u1", "Surprise", "seconds", "Surprise", "times faster")
    table.add_row(
        str(args.epochs), str(args.factors), f"{error:.4f}", f"{their_error:.4f}",
        f"{seconds:.2f}", f"{theirs:.1f}", f"{theirs / seconds:.0f}",
    )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
