"""How the command line meets the terminal: answers on stdout, progress on stderr, errors as one sentence.

Exit status: 0 done, 2 not possible as asked, 130 stopped with Ctrl-C. With RECENGINE_DEBUG=1 an error that is ours
shows its traceback.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer

from recengine.errors import RecengineError

FAILED, STOPPED = 2, 130


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit status; every error is told on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file or pipe gets UTF-8 on every system; what no encoding can hold becomes a JSON escape.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        status = typer.main.get_command(app).main(arguments, standalone_mode=False) or 0
    except RecengineError as error:
        return _failed(str(error))
    except typer.TyperException as error:
        return _failed(f"{error.format_message().strip().rstrip('.')}; add --help to see what is possible.")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _failed(f"The system refused: {error.strerror or error}{where}; mend that and try again.")
    except Exception as error:
        if os.environ.get("RECENGINE_DEBUG") == "1":
            raise
        return _failed(
            f"This is an error of recengine's own ({type(error).__name__}: {error}); please report it with the "
            "command you ran, and with RECENGINE_DEBUG=1 set to see where it happened."
        )
    if status == STOPPED:
        typer.echo("Stopped.", err=True)
    return int(status)


def write(text: str) -> None:
    """Print an answer. Whoever reads it may leave early (`| head`): then nothing is wrong and nothing is said."""
    try:
        typer.echo(text)
    except OSError as error:
        # The rest of the buffer goes nowhere, or Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


@contextmanager
def progress() -> Iterator[Callable[[float, str], None]]:
    """A function of (fraction, message) that moves a bar on stderr, and does nothing where nobody watches."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _unwatched
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    left = TimeRemainingColumn()  # at most: a network may stop sooner
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        left,
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("Loading", total=1.0)
        yield lambda fraction, message: bars.update(task, completed=fraction, description=message)


def _unwatched(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


def _failed(sentence: str) -> int:
    typer.echo(" ".join(sentence.split()), err=True)
    return FAILED
