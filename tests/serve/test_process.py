"""The command line as a process of its own: `python -m recengine`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(cache_folder):
    # The worst case: a system that would not write UTF-8 by itself.
    return {**os.environ, "RECENGINE_CACHE": str(cache_folder), "PYTHONIOENCODING": "ascii"}


def run(environment, *arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "recengine", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=200, **options)


def test_the_answer_is_utf_8_on_stdout_and_nothing_else_is(environment, ratings):
    ran = run(environment, "recommend", "--data", str(ratings), "--rate", "Plain=5", "--model", "popularity", "--json")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "Amélie" in {item["title"] for item in json.loads(ran.stdout.decode("utf-8"))["items"]}


def test_an_error_is_one_sentence_and_status_2(environment):
    ran = run(environment, "recommend", "--user", "nobody")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"There is no person nobody")
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_leaves_early_is_no_error(environment):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "recengine", "describe", "--json"]
    try:
        ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=200)
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(environment):
    command = [sys.executable, "-m", "recengine", "models"]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=200)
    assert ran.returncode == 2
    assert b"No space left on device" in ran.stderr
    assert ran.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_the_process_with_130(environment):
    script = (
        "import signal, sys\n"
        "from recengine import lab\n"
        "from recengine.serve import cli\n"
        "lab.Lab.models = lambda self: signal.raise_signal(signal.SIGINT)\n"
        "sys.argv = ['recengine', 'models']\n"
        "cli.main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, timeout=200)
    assert ran.returncode == 128 + signal.SIGINT
    assert (ran.stdout, ran.stderr) == (b"", b"Stopped.\n")


def test_help_imports_nothing_dear(environment):
    script = (
        "import sys\n"
        "from recengine.serve import cli\n"
        "sys.argv = ['recengine', 'evaluate', '--help']\n"
        "try:\n    cli.main()\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'numba', 'sklearn', 'plotly', 'torch', 'streamlit', 'pandas', 'numpy'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, timeout=200)
    assert ran.stdout.splitlines()[-1] == b"[]"
