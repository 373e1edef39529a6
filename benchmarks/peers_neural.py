"""Networks beside RecBole's, one after the other in one run: quality of each, and how many times faster they train.

    python -m benchmarks.peers_neural ../shared/data/ml-100k.zip

`sasrec`, `gru4rec`, `caser`: each person's last movie is told from those before it (split `leave-last-out`, equal times
in the order of the file), and the movie before it is the validation; HR@10, NDCG@10. `multvae`, `neumf`: fold ua, every
test rating relevant, a tenth of the training ratings is the validation; NDCG@10. All movies not watched before are
ranked, and the lists of both systems are measured alike. Both are at their defaults, but that RecBole's early stopping
(300 epochs at most, ten without a better one) goes by NDCG@10, which is measured here, and not by MRR@10.
Seconds are of the training and its validation, on one thread of the processor; the ratio is theirs to ours. No epoch of
RecBole's begins after `--minutes`; a + tells that it was stopped there, so its quality and its seconds might both have
grown. `--minutes 600` lets it finish.

RecBole 1.2.1 wants numpy 1 and pandas 2, so it runs in a virtual environment of its own: `--environment`, or
`$RECENGINE_RECBOLE`, or a folder beside the cache. What that lacks is installed there, by Python 3.11 or 3.12. Linux
without a GPU: set PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu for the first run, to spare gigabytes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from recengine import registry, store
from recengine.data import movielens, sources, split
from recengine.data.dataset import Interactions
from recengine.evaluate import evaluate
from recengine.metrics import hit_rate, ndcg
from recengine.model import Context, Epoch
from recengine.models.learned import hold_back
from recengine.trial import Truth

# Without what it asks for itself: `ray`, there for its search of hyperparameters alone, has no version for Python 3.12.
RECBOLE = "recbole==1.2.1"
NEEDS = (
    "torch==2.13.0", "numpy==1.26.4", "pandas==2.3.3", "scipy==1.15.3", "scikit-learn==1.6.1", "tensorboard==2.20.0",
    "texttable==1.7.0", "psutil==7.0.0", "colorlog==4.7.2", "colorama==0.4.4", "pyyaml==6.0.2", "tqdm==4.67.1",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Our model, RecBole's, and what both are asked."""

    ours: str
    theirs: str
    task: str


PAIRS = (
    Pair("sasrec", "SASRec", "next"),
    Pair("gru4rec", "GRU4Rec", "next"),
    Pair("caser", "Caser", "next"),
    Pair("multvae", "MultiVAE", "ua"),
    Pair("neumf", "NeuMF", "ua"),
)


@dataclass(frozen=True)
class Task:
    """A split, and how RecBole is told of it: its files, by the end of their names, and its options."""

    fold: split.Split
    files: Mapping[str, Interactions]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """What a training came to. `ended`: by itself, not by a limit set here."""

    hit: float
    ndcg: float
    seconds: float
    epochs: int
    ended: bool


def read(where: str) -> dict[str, Task]:
    """The tasks by name."""
    loaded = sources.load(where)
    everything = loaded.dataset.interactions
    ua = split.canonical(loaded.dataset, "ua", movielens.canonical_fold(loaded.where, "ua", loaded.dataset))[0]
    held, rest = hold_back(ua.train, 0.1, seed=0), ua.train.interactions
    parts = {".train": rest.take(~held), ".valid": rest.take(held), ".test": ua.test}
    columns = ["user_id", "item_id"]
    return {
        # It splits by itself, the last for the test, the one before for validation; no negatives are drawn.
        "next": Task(
            split.leave_last_out(loaded.dataset)[0], {"": everything},
            {"load_col": {"inter": [*columns, "timestamp"]}, "train_neg_sample_args": None},
        ),
        "ua": Task(ua, parts, {"load_col": {"inter": columns}, "benchmark_filename": ["train", "valid", "test"]}),
    }  # fmt: skip


def write(task: Task, folder: Path, name: str) -> None:
    """RecBole's files: positions as names, and in place of the time the place in its order, so that none are equal."""
    folder.mkdir()
    for end, rows in task.files.items():
        order = np.empty(len(rows), np.int64)
        order[np.argsort(rows.time, kind="stable")] = np.arange(len(rows))
        table = pd.DataFrame({"user_id:token": rows.user, "item_id:token": rows.item, "timestamp:float": order})
        table.to_csv(folder / f"{name}{end}.inter", sep="\t", index=False)


def run_ours(pair: Pair, task: Task, most: int | None) -> Run:
    """Our model, at its defaults for ranking and with at most so many epochs."""
    limit = {} if most is None else {"epochs": most}
    model = registry.create(pair.ours, {**registry.model_class(pair.ours).ranking, **limit})
    epochs: list[Epoch] = []
    with threadpool_limits(1):
        context = Context(watch=epochs.append, device="cpu")
        result = evaluate([task.fold], [model], ["hit@10", "ndcg@10"], context=context, resamples=0).results[0]
    hit, value = (result.metrics[metric].value for metric in ("hit@10", "ndcg@10"))
    return Run(hit, value, result.fit_seconds, len(epochs), ended=len(epochs) != most)


def run_theirs(pair: Pair, task: Task, most: int | None, minutes: float, python: Path) -> Run:
    """RecBole's, at its defaults and with at most so many epochs and minutes, in a process of its environment."""
    with tempfile.TemporaryDirectory() as folder:
        write(task, Path(folder, pair.task), pair.task)
        options = {
            "model": pair.theirs, "dataset": pair.task, "data_path": folder, "valid_metric": "NDCG@10",
            "use_gpu": False, "show_progress": False, **task.options, **({} if most is None else {"epochs": most}),
        }  # fmt: skip
        runner = Path(__file__).with_name("recbole_run.py").resolve()
        command = [python, "-W", "ignore", runner, str(60 * minutes), json.dumps(options)]
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=one_thread, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    truth = Truth.of(task.fold.test, None)
    hits = truth.hits(np.array([told["lists"][str(person)] for person in truth.people], np.int32))
    hit, value = (float(np.nanmean(metric(hits, truth.relevant))) for metric in (hit_rate, ndcg))
    return Run(hit, value, told["seconds"], told["epochs"], told["ended"])


def interpreter(folder: Path) -> Path:
    """The Python of RecBole's environment, which is made, or completed, where need be."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        if sys.version_info >= (3, 13):
            sys.exit(f"RecBole needs an older Python: run  python3.12 -m venv {folder}  and then this again.")
        print(f"Making RecBole's environment in {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *NEEDS], check=True)
    subprocess.run([*pip, "--no-deps", RECBOLE], check=True)
    return python


def row(pair: Pair, ours: Run, theirs: Run) -> list[str]:
    """A row of the table."""
    hits = [f"{run.hit:.4f}" if pair.task == "next" else "" for run in (ours, theirs)]
    more, theirs_more = ("" if run.ended else "+" for run in (ours, theirs))
    return [
        pair.ours, pair.task, *hits, f"{ours.ndcg:.4f}", f"{theirs.ndcg:.4f}",
        f"{ours.epochs}{more}", f"{theirs.epochs}{theirs_more}", f"{ours.seconds:.1f}{more}",
        f"{theirs.seconds:.1f}{theirs_more}", f"{theirs.seconds / ours.seconds:.1f}{theirs_more}",
    ]  # fmt: skip


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("data", help="ml-100k.zip or its unpacked folder")
    cli.add_argument("--models", nargs="+", choices=[pair.ours for pair in PAIRS], help="only these")
    cli.add_argument("--epochs", type=int, help="at most so many for both, for a quick try")
    cli.add_argument("--minutes", type=float, default=2, help="RecBole begins no epoch after so many (2)")
    beside = store.default_root().with_name(f"{store.default_root().name}-recbole")
    cli.add_argument(
        "--environment", type=Path, default=Path(os.environ.get("RECENGINE_RECBOLE", beside)), help="RecBole's"
    )
    args = cli.parse_args()
    tasks, python = read(args.data), interpreter(args.environment.expanduser().absolute())
    table = Table(
        "", "on", "HR@10", "RecBole", "NDCG@10", "RecBole", "epochs", "RecBole", "seconds", "RecBole", "times faster"
    )
    for pair in PAIRS:
        if args.models and pair.ours not in args.models:
            continue
        if pair.ours not in registry.MODELS:
            print(f"{pair.ours} is no model of recengine's yet, so {pair.theirs} is left out.")
            continue
        print(f"{pair.ours}, then RecBole's {pair.theirs}", flush=True)
        ours = run_ours(pair, tasks[pair.task], args.epochs)
        theirs = run_theirs(pair, tasks[pair.task], args.epochs, args.minutes, python)
        table.add_row(*row(pair, ours, theirs))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
