"""The command line, run inside the test's process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recengine.serve import terminal
from recengine.serve.cli import app


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as strict JSON."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def recengine(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> Callable[..., Ran]:
    """`recengine("recommend", "--user", 1)`: that command, with a cache of the tests' own."""
    monkeypatch.setenv("RECENGINE_CACHE", str(cache_folder))
    monkeypatch.delenv("RECENGINE_DEBUG", raising=False)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        status = terminal.run(app, [str(argument) for argument in arguments])
        return Ran(status, *capsys.readouterr())

    return call


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """A small ratings table of 12 people and 9 movies, with letters and signs that break careless programs."""
    titles = ["[REC]", "Amélie", "x=y", ":smile:", "千と千尋", "Plain", "Also plain", 'Quote "d"', "Last"]
    lines = ["user,item,rating,timestamp"]
    for user in range(12):
        for place, title in enumerate(titles):
            if (user * 5 + place * 3) % 4:
                quoted = '"' + title.replace('"', '""') + '"'
                lines.append(f"p{user},{quoted},{1 + (user * place + user) % 5},{1000 + user * 50 + place}")
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path
