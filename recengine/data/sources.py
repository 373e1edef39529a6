"""A dataset by name or path. The only module that opens the network, and only for a named set that is not here."""

from __future__ import annotations

import difflib
import logging
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import platformdirs

from recengine.data.archive import Archive
from recengine.data.dataset import Dataset
from recengine.data.embedded import load_demo
from recengine.data.movielens import is_movielens, load_movielens
from recengine.data.report import ImportReport
from recengine.data.tables import read_ratings
from recengine.errors import DataError, NotFound

_BASE = "https://files.grouplens.org/datasets/movielens/"
_TERMS = "GroupLens: research use with citation; no redistribution or commercial use without permission."
_TIMEOUT = (5, 30)  # seconds to connect, and between two pieces
_CHUNK = 1 << 16
_TABLES = {".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".psv", ".ratings", ".inter", ".gz"}


@dataclass(frozen=True)
class Loaded:
    """A dataset, what became of its rows (None where nothing was imported), and where it was read from."""

    dataset: Dataset
    report: ImportReport | None
    where: Path | None


@dataclass(frozen=True)
class SourceInfo:
    """A dataset known by name; `here` is False where it would be downloaded first."""

    name: str
    title: str
    size: str
    here: bool
    licence: str


@dataclass(frozen=True)
class _Named:
    title: str
    size: str
    md5: str | None


_DEMO = _Named("MovieLens latest small, 2016", "100,004 ratings of 9,066 movies by 671 people", None)
_GROUPLENS = {
    "ml-100k": _Named(
        "MovieLens 100K", "100,000 ratings of 1,682 movies by 943 people, 5 MB", "0e33842e24a9c977be4e0107933c0723"
    ),
    "ml-1m": _Named(
        "MovieLens 1M", "1 million ratings of 3,883 movies by 6,040 people, 6 MB", "c4d9eecfca2ab87c1945afe126590906"
    ),
    "ml-10m": _Named(
        "MovieLens 10M",
        "10 million ratings of 10,681 movies by 69,878 people, 63 MB",
        "ce571fd55effeba0271552578f2648bd",
    ),
    "ml-20m": _Named(
        "MovieLens 20M",
        "20 million ratings of 27,278 movies by 138,493 people, 190 MB",
        "cd245b17a1ae2cc31bb14903e1204af3",
    ),
    "ml-25m": _Named(
        "MovieLens 25M",
        "25 million ratings of 62,423 movies by 162,541 people, 250 MB",
        "6b51fb2759a8657d3bfcbfc42b592ada",
    ),
    "ml-32m": _Named(
        "MovieLens 32M",
        "32 million ratings of 87,585 movies by 200,948 people, 239 MB",
        "d472be332d4daa821edc399621853b57",
    ),
    # These two are made anew now and then, so there is no checksum to hold them to.
    "ml-latest-small": _Named("MovieLens latest small", "about 100,000 ratings by 600 people, 1 MB; it changes", None),
    "ml-latest": _Named("MovieLens latest", "about 33 million ratings by 330,000 people, 335 MB; it changes", None),
}


def known() -> list[SourceInfo]:
    """The datasets that have a name, and whether each is here."""
    demo = SourceInfo("demo", _DEMO.title, _DEMO.size, True, "GroupLens: research use with citation; not commercial.")
    return [demo] + [
        SourceInfo(name, named.title, named.size, _locate(name) is not None, _TERMS)
        for name, named in _GROUPLENS.items()
    ]


def load(name_or_path: str) -> Loaded:
    """The dataset with this name, or in this zip, folder or table; a name goes before a file called the same.

    A named set is looked for as a zip or folder in `$RECENGINE_DATA` (several folders with the system's path
    separator) and in the user's data folder; if it is nowhere, it is downloaded there from GroupLens.
    Raises `NotFound` for an unknown name or path, `DataError` for data that cannot be read or downloaded.
    """
    name = name_or_path.strip().lower()
    if name == "demo":
        return Loaded(load_demo(), None, None)
    if name in _GROUPLENS:
        where = _locate(name) or _download(name)
        dataset, report = load_movielens(where, name)
        return Loaded(dataset, report, where)
    # Those of os.path take any text: a name too long, an unknown user, a byte no name may have.
    place = os.path.expanduser(name_or_path)
    if not name or not os.path.exists(place):
        raise NotFound(_unknown(name_or_path))
    return _load_path(Path(place))


def stamp(name_or_path: str) -> float:
    """When the file or folder behind a path last changed, in Unix seconds; 0 for a name, whose data do not change."""
    place = os.path.expanduser(name_or_path)
    if name_or_path == "demo" or name_or_path in _GROUPLENS or not os.path.exists(place):
        return 0.0
    return max(os.path.getmtime(path) for path in [place, *(os.scandir(place) if os.path.isdir(place) else [])])


def data_folder() -> Path:
    """Where downloads are kept."""
    return platformdirs.user_data_path("recengine", appauthor=False)


def _load_path(path: Path) -> Loaded:
    name, about = _stem(path), f"Read from {path.name}."
    if path.is_dir() or path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        archive = Archive.open(path)
        if is_movielens(archive):
            dataset, report = load_movielens(path, name)
            return Loaded(dataset, report, path)
        inside = _only_table(archive)
        dataset, report = read_ratings(BytesIO(archive.read(inside)), name=inside, about=about)
    else:
        dataset, report = read_ratings(path, name=path.name, about=about)
    return Loaded(replace(dataset, name=name), report, path)


def _stem(path: Path) -> str:
    name = path.resolve().name
    return name if path.is_dir() else Path(name.removesuffix(".gz")).stem


def _only_table(archive: Archive) -> str:
    tables = [path for path in archive.paths if Path(path).suffix.lower() in _TABLES]
    ratings = [path for path in tables if "rating" in path.lower()] or tables
    if len(ratings) != 1:
        found = f"{len(ratings)} tables" if ratings else "no table"
        raise DataError(f"{archive.where.name} holds {found} that could be ratings: choose the file with the ratings.")
    return ratings[0]


def _places() -> Iterator[Path]:
    yield from (Path(place).expanduser() for place in os.environ.get("RECENGINE_DATA", "").split(os.pathsep) if place)
    yield data_folder()


def _locate(name: str) -> Path | None:
    for place in _places():
        for found in (place / f"{name}.zip", place / name, *([place] if place.name == name else [])):
            if found.is_dir() or (found.is_file() and found.suffix == ".zip"):
                return found
    return None


def _unknown(asked: str) -> str:
    names = ["demo", *_GROUPLENS]
    near = " or ".join(difflib.get_close_matches(asked.strip().lower(), names, 2))
    hint = f"perhaps {near} is meant, " if near else ""
    return (
        f"There is no dataset and no file {asked!r}: {hint}the names are {', '.join(names)}, "
        "and the path of a file or folder works too."
    )


def _download(name: str) -> Path:
    """The zip of a named set, fetched into the user's data folder; a failed download leaves no file there."""
    import pooch

    named, address, folder = _GROUPLENS[name], f"{_BASE}{name}.zip", data_folder()
    pooch.get_logger().setLevel(logging.WARNING)  # the progress bar says it better
    try:
        with _Bar(named.title) as bar:
            fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT)
            known_hash = f"md5:{named.md5}" if named.md5 else None
            path = Path(pooch.retrieve(address, known_hash, f"{name}.zip", folder, downloader=fetch))
    except OSError:  # every failure of the network is one, and so is a folder that cannot be written
        raise _not_fetched(named, address, folder) from None
    except ValueError:
        raise DataError(f"What {address} sent is not {named.title} (wrong checksum): try again later.") from None
    if not zipfile.is_zipfile(path):  # where there is no checksum, a page of some proxy
        path.unlink()
        raise _not_fetched(named, address, folder)
    return path


def _not_fetched(named: _Named, address: str, folder: Path) -> DataError:
    return DataError(
        f"{named.title} is not here and could not be fetched from {address}: download that file elsewhere and put it "
        f"into {folder}, or into a folder named in the variable RECENGINE_DATA."
    )


class _Bar:
    """A progress bar on stderr, as pooch drives one."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task(title, total=None)
        self.total = 0

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, size: int) -> None:
        """Another `size` bytes have come."""
        self._progress.update(self._task, advance=size, total=self.total or None)

    def reset(self) -> None:
        """Back to the start: pooch does so before it fills the bar at the end."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Nothing is left to come."""
