"""A running dashboard and a browser for it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st

ROOT = Path(__file__).parents[2]
_START_SECONDS = 60


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory) -> Iterator[str]:
    """The address of a dashboard with a store of its own, shared by the tests of a session."""
    with serving(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture
def fresh_dashboard(tmp_path) -> Iterator[str]:
    """The address of a dashboard that nobody has asked for anything yet."""
    with serving(tmp_path) as address:
        yield address


@pytest.fixture(scope="module")
def cold_store(tmp_path_factory):
    """Nothing of what this machine worked out before, and nothing of it left to the tests that follow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECENGINE_CACHE", str(tmp_path_factory.mktemp("store")))
        st.cache_resource.clear()
        yield
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def small_movielens(tmp_path_factory) -> Path:
    """A folder for `RECENGINE_DATA` where a few ratings of few movies stand in for "ml-latest-small"."""
    folder = tmp_path_factory.mktemp("data")
    path = folder / "ml-latest-small"
    path.mkdir()
    pairs = [(u, i) for u in range(1, 31) for i in range(1, 41) if (u * 7 + i * 3) % 5]
    ratings = [f"{u},{i},{1 + (u * i) % 5},{1000 * u + i}" for u, i in pairs]
    (path / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]), "utf-8")
    movies = [f"{i},Movie {i} (19{50 + i}),Drama" for i in range(1, 41)]
    (path / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]), "utf-8")
    return folder


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, headless."""
    playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("browser tests need the system's Chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """`open_page(address)`: the address in a browser without history or cookies."""
    contexts = []

    def go(address: str, **settings):
        contexts.append(chromium.new_context(**{"viewport": {"width": 1440, "height": 1000}, **settings}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        return page

    yield go
    for context in contexts:
        context.close()


@contextmanager
def serving(store: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += [f"--server.{name}={value}" for name, value in options.items()]
    log = store / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "RECENGINE_CACHE": str(store)}, stdout=out, stderr=out
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait(address: str, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not start: {log.read_text()}")
