"""The artifact store: whatever was expensive to make is kept on disk under a key of everything it depends on.

One folder an artifact: its arrays as `.npy` (opened memory-mapped) and `meta.json` (structure, key, seconds, checksum
of every array). No pickle: loading an artifact runs none of its content. An artifact is written to a temporary
folder and renamed, under a file lock, so readers see all of it or nothing, and a second process that asks for the
same key waits for the first. One that does not match its checksums is set aside and made again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import platformdirs
import scipy.sparse as sp
from filelock import FileLock
from numpy.typing import NDArray

from recengine import registry
from recengine.data.dataset import freeze, freeze_csr
from recengine.model import Recommender

FORMAT = 1  # raised when the layout of an artifact changes: part of every key
_IN_MEMORY = 48  # artifacts kept open in a process; their arrays are memory-mapped, so each costs little

log = logging.getLogger(__name__)
T = TypeVar("T")


def default_root() -> Path:
    """`$RECENGINE_CACHE`, or the user's cache folder."""
    named = os.environ.get("RECENGINE_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("recengine"))


def identity(model: Recommender) -> dict[str, Any]:
    """A model's hyperparameters with its revision and its children's: what its artifact depends on."""
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    told = {k: identity(v) if isinstance(v, Recommender) else model.spec()[k] for k, v in fields.items()}
    return {"model": model.name, "revision": model.revision, **told}


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """What was asked for, the seconds it once took to make, and whether it was found rather than made."""

    value: T
    seconds: float
    found: bool


@dataclass(frozen=True)
class StoreInfo:
    """Where the store is, how many artifacts it holds, their size and its limit in bytes."""

    root: str
    artifacts: int
    bytes: int
    limit: int


class Store:
    """Artifacts by key, in a folder that several processes may share."""

    def __init__(self, root: Path | None = None, limit: int = 4 * 1024**3) -> None:
        self.root = root or default_root()
        self.limit = limit
        self._open: OrderedDict[str, Artifact[Any]] = OrderedDict()
        self._guard = threading.Lock()

    def fetch(self, depends_on: dict[str, Any], make: Callable[[], T]) -> Artifact[T]:
        """The artifact that depends on exactly `depends_on` (plain JSON), made by `make` when it is not there.

        An error in `make` leaves nothing behind. Where the folder cannot be written, the value is made and not kept.
        """
        key = self.key(depends_on)
        with self._guard:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / f"{key}.lock")
            lock.acquire()
        except OSError as error:
            log.warning("cannot use the cache folder %s (%s): results are not kept", self.root, error)
            return self._made(make)
        try:
            artifact = self._load(key) or self._keep(key, depends_on, self._made(make))
        finally:
            lock.release()
        with self._guard:
            self._open[key] = dataclasses.replace(artifact, found=True)
            while len(self._open) > _IN_MEMORY:
                self._open.popitem(last=False)
        return artifact

    def info(self) -> StoreInfo:
        """Size and place."""
        sizes = [_size(folder) for folder in self._folders()]
        return StoreInfo(str(self.root), len(sizes), sum(sizes), self.limit)

    def clear(self) -> int:
        """Remove every artifact, and what an interrupted process left; returns how many artifacts there were."""
        folders = self._folders()
        with self._guard:
            self._open.clear()
        for folder in [*folders, *self.root.glob("making-*"), *self.root.glob("damaged-*")]:
            shutil.rmtree(folder, ignore_errors=True)
        return len(folders)

    @staticmethod
    def key(depends_on: dict[str, Any]) -> str:
        """Hash of the canonical JSON of everything an artifact depends on: 32 hexadecimal digits."""
        text = json.dumps({"format": FORMAT, **depends_on}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _folders(self) -> list[Path]:
        return [path.parent for path in self.root.glob("*/meta.json")] if self.root.is_dir() else []

    @staticmethod
    def _made(make: Callable[[], T]) -> Artifact[T]:
        start = time.perf_counter()
        value = make()
        return Artifact(value, time.perf_counter() - start, found=False)

    def _load(self, key: str) -> Artifact[Any] | None:
        folder = self.root / key
        if not (folder / "meta.json").is_file():
            return None
        try:
            meta = json.loads((folder / "meta.json").read_text("utf-8"))
            if meta["checksum"] != {name: _checksum(folder / name) for name in meta["checksum"]}:
                raise ValueError("an array does not match its checksum")
            value = _decode(meta["value"], folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            log.warning("artifact %s is damaged (%s): it is set aside and made again", key, error)
            aside = self.root / f"damaged-{key}"
            shutil.rmtree(aside, ignore_errors=True)
            folder.replace(aside)
            return None
        (folder / "meta.json").touch()  # the time of last use, for eviction
        return Artifact(value, float(meta["seconds"]), found=True)

    def _keep(self, key: str, depends_on: dict[str, Any], artifact: Artifact[T]) -> Artifact[T]:
        try:
            with tempfile.TemporaryDirectory(prefix="making-", dir=self.root, ignore_cleanup_errors=True) as name:
                folder = Path(name) / key
                folder.mkdir()
                told = _encode(artifact.value, folder)
                sums = {path.name: _checksum(path) for path in sorted(folder.glob("*.npy"))}
                meta = {"key": depends_on, "seconds": artifact.seconds, "checksum": sums, "value": told}
                (folder / "meta.json").write_text(json.dumps(meta), "utf-8")
                folder.replace(self.root / key)
            self._evict(key)
        except OSError as error:
            log.warning("cannot keep artifact %s (%s)", key, error)
        return artifact

    def _evict(self, newest: str) -> None:
        """Remove the least recently used artifacts until the store is within its limit."""
        folders = sorted(self._folders(), key=lambda folder: (folder / "meta.json").stat().st_mtime)
        total = sum(_size(folder) for folder in folders)
        for folder in folders:
            if total <= self.limit:
                return
            if folder.name != newest:
                total -= _size(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _encode(value: Any, folder: Path) -> Any:
    """A value as JSON, its arrays written to `folder`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        name = f"{len(list(folder.glob('*.npy')))}.npy"
        np.save(folder / name, value, allow_pickle=False)
        return {"$array": name}
    if isinstance(value, sp.csr_matrix):
        parts = [_encode(part, folder) for part in (value.data, value.indices, value.indptr)]
        return {"$csr": parts, "shape": list(value.shape)}
    if isinstance(value, pd.DataFrame):
        columns = {str(name): _encode(_plain(value[name]), folder) for name in value.columns}
        return {"$table": columns}
    if isinstance(value, (tuple, list)):
        return {"$" + type(value).__name__: [_encode(part, folder) for part in value]}
    if isinstance(value, dict):
        return {"$dict": [[key, _encode(part, folder)] for key, part in value.items()]}
    if isinstance(value, Recommender):
        return {"$model": value.spec()}
    if dataclasses.is_dataclass(value):
        kind = type(value)
        fields = {f.name: _encode(getattr(value, f.name), folder) for f in dataclasses.fields(value)}
        return {"$type": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(f"an artifact cannot hold a {type(value).__name__}")


def _plain(column: pd.Series[Any]) -> NDArray[Any]:
    return column.to_numpy() if column.dtype.kind in "biuf" else column.to_numpy(dtype=np.str_)


def _decode(told: Any, folder: Path) -> Any:
    """What `_encode` wrote."""
    if not isinstance(told, dict):
        return told
    match next(iter(told)):
        case "$array":
            # asarray drops the memmap subclass, which compiled kernels would take for another type.
            return freeze(np.asarray(np.load(folder / told["$array"], mmap_mode="r", allow_pickle=False)))
        case "$csr":
            return freeze_csr(
                sp.csr_matrix(tuple(_decode(part, folder) for part in told["$csr"]), told["shape"], copy=False)
            )
        case "$table":
            return pd.DataFrame({name: _decode(column, folder) for name, column in told["$table"].items()})
        case "$tuple":
            return tuple(_decode(part, folder) for part in told["$tuple"])
        case "$list":
            return [_decode(part, folder) for part in told["$list"]]
        case "$dict":
            return {key: _decode(part, folder) for key, part in told["$dict"]}
        case "$model":
            return registry.from_spec(told["$model"])
        case "$type":
            return _dataclass(told["$type"])(**{k: _decode(v, folder) for k, v in told["fields"].items()})
    raise ValueError(f"unknown entry {next(iter(told))!r}")


def _dataclass(name: str) -> type[Any]:
    """The dataclass of that name, from this package alone: a stored name must not import anything else."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute) if module.split(".")[0] == "recengine" else None
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ValueError(f"{name!r} is no part of an artifact")
    return found
