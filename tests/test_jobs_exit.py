"""The interpreter goes while a job runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("work", ["context.check(); time.sleep(0.01)", "time.sleep(0.01)"], ids=["obedient", "deaf"])
def test_the_interpreter_exits_while_a_job_runs(work):
    code = f"""
import threading, time
from recengine import jobs
from recengine.answers import Task
jobs._LEAVE = 0.5
begun, all = threading.Event(), jobs.Jobs()
def work(context):
    begun.set()
    while True:
        {work}
all.start("a", Task("made", {{}}, "A", "a", 0), work)
all.start("b", Task("made", {{}}, "B", "b", 0), work)
begun.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
