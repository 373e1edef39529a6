"""How long a person waits for the first page: on a machine that never ran this, and at the second look.

    python -m benchmarks.first_look

Starts the dashboard with empty caches (no compiled kernels, no fitted models), opens its first page in the system's
Chromium and waits for the ranked list and its first explanation; then opens it again, and once more on a server
started anew with warm caches. The server's own share of a second look is measured without a browser.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
LOOKS = 7


@contextmanager
def server(cache: Path) -> Iterator[tuple[str, float]]:
    """A dashboard whose caches are in `cache`: its address, and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += [f"--server.{name}={value}" for name, value in options.items()]
    places = {"RECENGINE_CACHE": str(cache / "store"), "NUMBA_CACHE_DIR": str(cache / "kernels")}
    started = time.perf_counter()
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places}, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", started
    finally:
        running.terminate()
        running.wait()


def look(browser: Browser, address: str, until: float) -> float:
    """Open the first page in a browser without history, and wait for the list and an explanation; returns when."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    while True:
        try:
            page.goto(address)
            break
        except Exception:
            if time.perf_counter() > until:
                raise
            time.sleep(0.05)
    page.get_by_test_id("stDataFrame").first.wait_for(timeout=120_000)
    page.get_by_role("heading", level=2, name="Why ").first.wait_for(timeout=120_000)
    now = time.perf_counter()
    context.close()
    return now


RERUN = """
import time
from streamlit.testing.v1 import AppTest
for _ in range({looks}):
    start = time.perf_counter()
    app = AppTest.from_file("app.py", default_timeout=120).run()
    print(time.perf_counter() - start, flush=True)
    assert not app.exception
"""


def rerun_seconds(cache: Path) -> list[float]:
    """Seconds of the script for one visitor after another, in one process without a browser."""
    places = {"RECENGINE_CACHE": str(cache / "store"), "NUMBA_CACHE_DIR": str(cache / "kernels")}
    told = subprocess.run(
        [sys.executable, "-c", RERUN.format(looks=LOOKS)], cwd=ROOT, env={**os.environ, **places},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [float(line) for line in told.stdout.split()]


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        cache = Path(folder)
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with server(cache) as (address, started):
            first = look(browser, address, started + 60) - started
            print(f"first page, empty caches, from the server's start: {first:.2f} s")
            again = []
            for _ in range(LOOKS):
                before = time.perf_counter()
                again.append(look(browser, address, before + 60) - before)
            print(f"the same page opened again, browser's part included: median {median(again):.2f} s")
        with server(cache) as (address, started):
            warm = look(browser, address, started + 60) - started
            print(f"first page, warm caches, from the server's start: {warm:.2f} s")
        browser.close()
        print(f"the server's part of a second look: median {median(rerun_seconds(cache)[1:]):.3f} s")


if __name__ == "__main__":
    main()
