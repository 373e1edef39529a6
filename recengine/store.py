"""The artifact store: whatever was expensive to make is kept on disk under a key of everything it depends on.

One folder an artifact: its arrays as `.npy` (opened memory-mapped) and `meta.json` (structure, key, seconds, checksum
of every array). No pickle: loading an artifact runs none of its content. An artifact is written to a temporary
folder and renamed, under a file lock, so readers see all of it or nothing, and a second process that asks for the
same key waits for the first. One that does not match its checksums is set aside and made again. Where what is kept
holds models that are kept themselves, it names their keys, and everyone who loads them shares one copy. The store
writes and removes nothing but folders of its own names, inside a folder of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import platformdirs
from filelock import FileLock, Timeout

from recengine.codec import decode, encode
from recengine.model import Fitted, Recommender

FORMAT = 1  # raised when the layout of an artifact changes: part of every key
_IN_MEMORY = 16  # artifacts kept open in a process: memory-mapped, and what is derived from them as they are used
_LOOK = 0.2  # seconds between two tries for the lock of what somebody else makes
_ABANDONED = 3600  # seconds after which something half done is taken to be left over
_KEY = re.compile(r"[0-9a-f]{32}")

log = logging.getLogger(__name__)
T = TypeVar("T")


def default_root() -> Path:
    """`$RECENGINE_CACHE`, or the user's cache folder."""
    named = os.environ.get("RECENGINE_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("recengine"))


def identity(model: Recommender) -> dict[str, Any]:
    """A model's hyperparameters with its revision and its children's: what its artifact depends on."""
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    told = {name: _identity(value, model.spec()[name]) for name, value in fields.items()}
    return {"model": model.name, "revision": model.revision, **told}


def _identity(value: Any, plain: Any) -> Any:
    """A hyperparameter as plain JSON, the revisions of the models in it included."""
    if isinstance(value, Recommender):
        return identity(value)
    if isinstance(value, tuple):
        return [_identity(part, told) for part, told in zip(value, plain, strict=True)]
    return plain


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """What was asked for, the seconds it once took to make, and whether it was found rather than made.

    The seconds hold those of what it was made of, also where that was found.
    """

    value: T
    seconds: float
    found: bool


@dataclass(frozen=True)
class Kept:
    """An artifact as it lies in the store, not opened: its key, everything it depends on, the seconds it took to make.

    `made`: when, in Unix seconds.
    """

    key: str
    depends_on: dict[str, Any]
    seconds: float
    made: float


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
        self.root = (root or default_root()) / "artifacts"
        self.limit = limit
        self._open: OrderedDict[str, Artifact[Any]] = OrderedDict()
        self._keys: WeakKeyDictionary[Fitted, str] = WeakKeyDictionary()  # of the models that are kept
        self._guard = threading.RLock()
        self._making = _Making()

    def fetch(
        self, depends_on: dict[str, Any], make: Callable[[], T], waiting: Callable[[], object] = lambda: None
    ) -> Artifact[T]:
        """The artifact that depends on exactly `depends_on` (plain JSON), made by `make` when it is not there.

        An error in `make` leaves nothing behind. Where the folder cannot be written, the value is made and not kept.
        `make` may fetch what it needs in its turn. `waiting` is called now and then while another thread or process
        makes the same, and what it raises ends the wait.
        """
        return self._counted(lambda: self._fetch(self.key(depends_on), depends_on, make, waiting))

    def made(self, make: Callable[[], T]) -> Artifact[T]:
        """What `make` gives, not kept, with the seconds that `fetch` would count."""
        return self._counted(lambda: self._made(make))

    def idle(self, seconds: float) -> None:
        """Leave these out of the seconds of what is being made in this thread: it waited for others."""
        self._making.found(0.0, seconds)

    def _counted(self, get: Callable[[], Artifact[T]]) -> Artifact[T]:
        """An artifact, whose seconds count in those of what is made of it, however long it took to get."""
        began = time.perf_counter()
        artifact = get()
        self._making.found(artifact.seconds, time.perf_counter() - began)
        return artifact

    def _made(self, make: Callable[[], T]) -> Artifact[T]:
        with self._making.clock() as seconds:
            value = make()
        return Artifact(value, seconds(), found=False)

    def _fetch(
        self, key: str, depends_on: dict[str, Any], make: Callable[[], T], waiting: Callable[[], object]
    ) -> Artifact[T]:
        with self._guard:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        lock = self._locked(key, waiting)
        if lock is None:
            return self._made(make)
        try:
            artifact = self._load(key)
            if artifact is None:
                made = self._made(make)
                self._keep(key, depends_on, made)
                # Read back, so that what is held is memory-mapped, and the same whether it was made or found.
                kept = self._load(key)
                artifact = made if kept is None else dataclasses.replace(kept, found=False)
        finally:
            lock.release()
        return self._held(key, artifact)

    def _locked(self, key: str, waiting: Callable[[], object]) -> FileLock | None:
        """The lock of an artifact, held; None where the folder cannot be used."""
        while True:
            try:
                (self.root / "locks").mkdir(parents=True, exist_ok=True)
                lock = FileLock(self.root / "locks" / key)
                lock.acquire(timeout=_LOOK)
            except Timeout:
                waiting()
            except OSError as error:
                log.warning("cannot use the cache folder %s (%s): results are not kept", self.root, error)
                return None
            else:
                return lock

    def _held(self, key: str, artifact: Artifact[T]) -> Artifact[T]:
        """The artifact, kept open for whoever asks next; the copy of another thread that opened it meanwhile stands."""
        with self._guard:
            held = self._open.setdefault(key, dataclasses.replace(artifact, found=True))
            self._open.move_to_end(key)
            while len(self._open) > _IN_MEMORY:
                self._open.popitem(last=False)
        return dataclasses.replace(artifact, value=held.value)

    def info(self) -> StoreInfo:
        """Size and place."""
        sizes = [_size(folder) for folder in self._folders()]
        return StoreInfo(str(self.root), len(sizes), sum(sizes), self.limit)

    def kept(self, kind: str, dataset: str) -> list[Kept]:
        """What is kept of a kind for a dataset, by its fingerprint, newest first; no array is opened."""
        found = []
        for folder in self._folders():
            with suppress(Exception):  # another process removes it, or it is damaged, which whoever loads it will find
                told = _told(folder)
                if told["key"].get("kind") == kind and told["key"].get("dataset") == dataset:
                    found.append(Kept(folder.name, told["key"], float(told["seconds"]), folder.stat().st_mtime))
        return sorted(found, key=lambda kept: -kept.made)

    def field(self, key: str, name: str) -> Any:
        """One field of a dataclass that is kept, and no array but its own; None where it is not there or damaged."""
        folder = self.root / key
        try:
            told = _told(folder)
            part = told["value"]["fields"][name]
            for file, checksum in told["checksums"].items():
                if f'"{file}"' in json.dumps(part) and checksum != _checksum(folder / file):
                    raise ValueError(f"{file} does not match its checksum")
            return decode(part, folder, self._part)
        except Exception as error:  # whatever is wrong with it, an artifact can be made again
            log.warning("cannot read %s of artifact %s (%s)", name, key, error)
            return None

    def clear(self) -> int:
        """Remove every artifact, and what an interrupted process left; returns how many artifacts there were."""
        folders = self._folders()
        with self._guard:
            self._open.clear()
        for folder in [*folders, *self._left_overs()]:
            _remove(folder)
        return len(folders)

    @staticmethod
    def key(depends_on: dict[str, Any]) -> str:
        """Hash of the canonical JSON of everything an artifact depends on: 32 hexadecimal digits."""
        text = json.dumps({"format": FORMAT, **depends_on}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _folders(self) -> list[Path]:
        return [path for path in self.root.glob("*") if _KEY.fullmatch(path.name)]

    def _left_overs(self) -> list[Path]:
        """What was set aside, and what processes that were killed left half done."""
        half_done = [*self.root.glob("making-*"), *self.root.glob("removing-*")]
        old = [path for path in half_done if _last_used(path) < time.time() - _ABANDONED]
        return [*self.root.glob("damaged-*"), *old]

    def _part(self, key: str) -> Any:
        """The value of an artifact that another one names."""
        with self._guard:
            artifact = self._open.get(key) or self._load(key)
            if artifact is None:
                raise ValueError(f"artifact {key}, of which it is made, is gone")
            return self._held(key, artifact).value

    def _key_of(self, part: Any) -> str | None:
        return self._keys.get(part) if isinstance(part, Fitted) else None

    def _load(self, key: str) -> Artifact[Any] | None:
        folder = self.root / key
        if not folder.is_dir():
            return None
        try:
            told = _told(folder)
            if self.key(told["key"]) != key:
                raise ValueError("it is another artifact")
            for name, checksum in told["checksums"].items():
                if checksum != _checksum(folder / name):
                    raise ValueError(f"{name} does not match its checksum")
            value = decode(told["value"], folder, self._part)
            if isinstance(value, Fitted):
                self._keys[value] = key
            (folder / "meta.json").touch()  # the time of last use, for eviction
        except Exception as error:  # whatever is wrong with it, an artifact can be made again
            log.warning("artifact %s is damaged (%s): it is set aside and made again", key, error)
            aside = self.root / f"damaged-{key}"
            _remove(aside)
            with suppress(OSError):
                folder.replace(aside)
            return None
        return Artifact(value, float(told["seconds"]), found=True)

    def _keep(self, key: str, depends_on: dict[str, Any], artifact: Artifact[Any]) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="making-", dir=self.root, ignore_cleanup_errors=True) as name:
                folder = Path(name) / key
                folder.mkdir()
                value = encode(artifact.value, folder, self._key_of)
                checksums = {path.name: _checksum(path) for path in sorted(folder.glob("*.npy"))}
                told = {"key": depends_on, "seconds": artifact.seconds, "checksums": checksums, "value": value}
                (folder / "meta.json").write_text(json.dumps({"seal": _seal(told), "told": told}), "utf-8")
                _remove(self.root / key)
                folder.replace(self.root / key)
            self._evict(key)
        except OSError as error:
            log.warning("cannot keep artifact %s (%s)", key, error)

    def _evict(self, newest: str) -> None:
        """Remove what was set aside, then the least recently used artifacts, until the store is within its limit."""
        oldest_first = sorted(self._folders(), key=lambda folder: _last_used(folder / "meta.json"))
        candidates = [*self._left_overs(), *(folder for folder in oldest_first if folder.name != newest)]
        total = sum(_size(folder) for folder in [*candidates, self.root / newest])
        for folder in candidates:
            if total <= self.limit:
                return
            total -= _size(folder)
            _remove(folder)


class _Making(threading.local):
    """Seconds of what is being made in this thread, where making one thing may fetch others."""

    def __init__(self) -> None:
        self.corrections: list[float] = []

    @contextmanager
    def clock(self) -> Iterator[Callable[[], float]]:
        """Measure what is made meanwhile; the seconds can be read off afterwards."""
        began, seconds = time.perf_counter(), 0.0
        self.corrections.append(0.0)
        try:
            yield lambda: seconds
        finally:
            seconds = time.perf_counter() - began + self.corrections.pop()

    def found(self, seconds: float, waited: float) -> None:
        """Count what was fetched as what it once took to make, however long it took to fetch."""
        if self.corrections:
            self.corrections[-1] += seconds - waited


def _last_used(path: Path) -> float:
    """When something was last written or found, in Unix seconds; 0 for what is gone by now."""
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _remove(folder: Path) -> None:
    """Remove a folder of the store, if it is there; under another name first, so that nobody finds half of it."""
    if not folder.exists():
        return
    with suppress(OSError):
        gone = Path(tempfile.mkdtemp(prefix="removing-", dir=folder.parent))
        with suppress(OSError):
            folder.replace(gone / folder.name)
        shutil.rmtree(gone, ignore_errors=True)


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return 0


def _told(folder: Path) -> dict[str, Any]:
    """What the meta.json of an artifact tells; raises where it is not whole."""
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    if meta["seal"] != _seal(meta["told"]):
        raise ValueError("meta.json does not match its seal")
    told: dict[str, Any] = meta["told"]
    return told


def _seal(told: Any) -> str:
    """Hash of what meta.json tells."""
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
