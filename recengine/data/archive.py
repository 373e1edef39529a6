"""A zip file or a folder, read the same way."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from recengine.errors import DataError


@dataclass(frozen=True)
class Archive:
    """The files at the top of a zip or folder and one level down; `paths` are relative, with "/"."""

    where: Path
    paths: tuple[str, ...]
    zipped: bool

    @classmethod
    def open(cls, where: Path) -> Archive:
        """The files in `where`; raises `DataError` when it is neither a folder nor a zip, or holds no file."""
        zipped = not where.is_dir()
        try:
            if zipped:
                with zipfile.ZipFile(where) as file:
                    found = [entry.filename for entry in file.infolist() if not entry.is_dir()]
            else:
                inside = [path for pattern in ("*", "*/*") for path in where.glob(pattern) if path.is_file()]
                found = [path.relative_to(where).as_posix() for path in inside]
        except zipfile.BadZipFile:
            raise DataError(f"{where.name} is not a zip file, or is damaged: download it again.") from None
        except OSError as error:
            raise DataError(f"{where} cannot be opened ({error.strerror}): check that it is there.") from None
        # Folders such as __MACOSX and files such as ._u.data are left behind by packers.
        paths = sorted(path for path in found if not any(part.startswith((".", "__")) for part in path.split("/")))
        if not paths:
            raise DataError(f"{where.name} holds no files: choose a folder or zip with ratings in it.")
        return cls(where, tuple(path for path in paths if path.count("/") < 2), zipped)

    def folders(self) -> list[str]:
        """The folders that hold files, "" for the top, which comes first."""
        return sorted({path.rpartition("/")[0] for path in self.paths})

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder."""
        return {name for parent, _, name in (path.rpartition("/") for path in self.paths) if parent == folder}

    def read(self, path: str) -> bytes:
        """A file's content; raises `DataError` for a file that is missing or damaged."""
        if path not in self.paths:
            raise DataError(f"{self.where.name} has no {path}: download it again.")
        try:
            if not self.zipped:
                return (self.where / path).read_bytes()
            with zipfile.ZipFile(self.where) as file:
                return file.read(path)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
            # RuntimeError: encrypted; NotImplementedError: an unknown compression.
            raise DataError(f"{path} in {self.where.name} is damaged and cannot be read: download it again.") from None
