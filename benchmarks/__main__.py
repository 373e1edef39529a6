"""Everything that is measured beside a peer, and how long a visitor waits, in one run: over an hour on a quiet machine.

    pip install -e '.[peers]'
    python -m benchmarks ../shared/data/ml-100k.zip

Each part prints a table of its own, and can be run alone; its first lines say what is compared and how. The last makes
an environment for RecBole the first time, which needs Python 3.11 or 3.12 and a network.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

# Module, and whether it reads MovieLens 100K.
PARTS = (
    ("peers", True),
    ("peers_svdpp", True),
    ("peers_myfm", True),
    ("peers_ranking", True),
    ("peers_implicit", False),
    ("peers_implicit_neighbors", False),
    ("visitor", False),
    ("first_look", False),
    ("peers_neural", True),
)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    args = cli.parse_args()
    for name, reads in PARTS:
        print(f"\n{name}", flush=True)
        # A process each: memory and threads of one must not weigh on the next.
        command = [sys.executable, "-m", f"benchmarks.{name}", *([args.data] if reads else [])]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
