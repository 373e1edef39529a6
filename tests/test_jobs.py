"""Long work: shared, watched, cancelled, forgotten; whatever becomes of it, the next job runs."""

import logging
import threading
import time

import pytest

from recengine import jobs as jobs_module
from recengine.answers import Task
from recengine.errors import Cancelled, ModelError
from recengine.jobs import Jobs
from recengine.model import Context, Epoch


@pytest.fixture
def pool():
    """`pool(workers, finished)`: jobs that are over when the test is."""
    made = []

    def make(*numbers):
        made.append(Jobs(*numbers))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close(30)


@pytest.fixture
def jobs(pool):
    return pool()


def task(label="a"):
    return Task("made", {"model": label}, label.upper(), label, 0)


def until(condition):
    """Wait for what must come."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def over(jobs, key):
    until(lambda: not jobs.find(key).active)
    return jobs.find(key)


class Gate:
    """Work that goes on until it is let through or cancelled."""

    def __init__(self):
        self.begun, self.open, self.runs = threading.Event(), threading.Event(), 0

    def __call__(self, context):
        self.runs += 1
        context.step(0.0, "waiting")
        self.begun.set()
        while not self.open.wait(0.005):
            context.check()


def nothing(context):
    context.step(1.0, "done")


def test_a_job_is_queued_runs_and_is_done(jobs):
    first, gate = Gate(), Gate()
    jobs.start("first", task("first"), first)
    assert jobs.start("a", task(), gate).state == "queued"
    first.open.set()
    assert gate.begun.wait(60)
    found = jobs.find("a")
    assert (found.state, found.message, found.task, found.active) == ("running", "waiting", task(), True)
    gate.open.set()
    done = over(jobs, "a")
    assert (done.state, done.error, done.left, done.stopping) == ("done", None, None, False)
    assert done.seconds > 0
    assert jobs.find("a").seconds == done.seconds


def test_two_who_ask_for_the_same_share_one_job(jobs):
    gate = Gate()
    views = [jobs.start("a", task(), gate) for _ in range(3)]
    assert {view.key for view in views} == {"a"}
    assert gate.begun.wait(60)
    jobs.start("a", task(), gate)
    gate.open.set()
    assert over(jobs, "a").state == "done"
    assert gate.runs == 1
    assert len(jobs.all()) == 1


def test_what_has_ended_can_be_asked_for_anew(jobs):
    gate = Gate()
    gate.open.set()
    for runs in (1, 2):
        jobs.start("a", task(), gate)
        over(jobs, "a")
        assert gate.runs == runs


def test_threads_that_ask_at_once_get_one_job(jobs):
    gate, barrier = Gate(), threading.Barrier(8)

    def ask():
        barrier.wait()
        jobs.start("a", task(), gate)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.open.set()
    over(jobs, "a")
    assert gate.runs == 1


def test_the_queue_is_worked_off_in_order_and_knows_who_is_ahead(jobs):
    gates, order = {key: Gate() for key in "abc"}, []
    for key, gate in gates.items():
        jobs.start(key, task(key), lambda context, key=key, gate=gate: (order.append(key), gate(context)))
    assert gates["a"].begun.wait(60)
    assert [(job.key, job.state, job.ahead) for job in jobs.all()] == [
        ("a", "running", 0),
        ("b", "queued", 1),
        ("c", "queued", 2),
    ]
    for gate in gates.values():
        gate.open.set()
    over(jobs, "c")
    assert order == ["a", "b", "c"]


def test_as_many_run_at_a_time_as_there_are_workers(pool):
    jobs, gates = pool(2), {key: Gate() for key in "abc"}
    for key, gate in gates.items():
        jobs.start(key, task(key), gate)
    assert gates["a"].begun.wait(60)
    assert gates["b"].begun.wait(60)
    assert jobs.find("c").state == "queued"
    gates["b"].open.set()
    assert gates["c"].begun.wait(60)
    assert jobs.find("a").state == "running"


def test_a_queued_job_is_cancelled_at_once_and_never_runs(jobs):
    first, second = Gate(), Gate()
    jobs.start("a", task(), first)
    jobs.start("b", task(), second)
    jobs.cancel("b")
    assert jobs.find("b").state == "cancelled"
    first.open.set()
    over(jobs, "a")
    jobs.start("c", task(), nothing)
    assert over(jobs, "c").state == "done"
    assert second.runs == 0


def test_a_running_job_is_cancelled_when_its_work_asks(jobs):
    asked, go_on = threading.Event(), threading.Event()

    def work(context):
        asked.set()
        go_on.wait(60)
        context.step(0.5, "too late")

    jobs.start("a", task(), work)
    assert asked.wait(60)
    jobs.cancel("a")
    found = jobs.find("a")
    assert (found.state, found.stopping) == ("running", True)
    go_on.set()
    done = over(jobs, "a")
    assert (done.state, done.stopping, done.error) == ("cancelled", False, None)
    assert done.fraction == 0.0


def test_work_that_ends_before_it_hears_of_the_cancel_is_done(jobs):
    asked, go_on = threading.Event(), threading.Event()
    jobs.start("a", task(), lambda context: (asked.set(), go_on.wait(60)))
    assert asked.wait(60)
    jobs.cancel("a")
    go_on.set()
    assert over(jobs, "a").state == "done"


def test_what_is_being_cancelled_can_be_asked_for_anew(jobs):
    asked, go_on = threading.Event(), threading.Event()

    def stubborn(context):
        asked.set()
        go_on.wait(60)
        context.check()

    jobs.start("a", task(), stubborn)
    assert asked.wait(60)
    jobs.cancel("a")
    again = jobs.start("a", task(), nothing)
    assert (again.state, again.ahead) == ("queued", 1)
    go_on.set()
    assert over(jobs, "a").state == "done"


def test_cancelling_what_has_ended_or_never_was_changes_nothing(jobs):
    jobs.start("a", task(), nothing)
    done = over(jobs, "a")
    jobs.cancel("a")
    jobs.cancel("nobody")
    assert jobs.find("a") == done
    assert jobs.find("nobody") is None


def test_a_refusal_is_told_as_it_is(jobs):
    def refuse(context):
        raise ModelError("64 factors do not divide into 3 heads: choose a divisor.")

    jobs.start("a", task(), refuse)
    done = over(jobs, "a")
    assert (done.state, done.error) == ("failed", "64 factors do not divide into 3 heads: choose a divisor.")


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_what_nobody_foresaw_is_one_sentence_and_the_log_has_the_rest(jobs, caplog, one_sentence, kind):
    def crash(context):
        raise kind("mat1 and mat2 shapes cannot be multiplied")

    with caplog.at_level(logging.ERROR):
        jobs.start("a", task(), crash)
        done = over(jobs, "a")
    assert done.state == "failed"
    assert one_sentence(done.error)
    assert "mat1" not in done.error
    assert "mat1 and mat2 shapes cannot be multiplied" in caplog.text
    jobs.start("b", task(), nothing)
    assert over(jobs, "b").state == "done"


def test_epochs_are_seen_as_they_come(jobs):
    gate = Gate()

    def learn(context):
        for number, value in enumerate((0.1, 0.3, 0.2), start=1):
            context.step((number - 1) / 10, f"epoch {number}")
            context.watch(Epoch(number, 10, 1 / number, "ndcg@10", value))
        gate(context)

    jobs.start("a", task(), learn)
    assert gate.begun.wait(60)
    found = jobs.find("a")
    told = found.learning
    assert told.loss == (1.0, 0.5, 1 / 3)
    assert told.validation == (0.1, 0.3, 0.2)
    assert (told.metric, told.higher_is_better, told.best, told.most) == ("ndcg@10", True, 2, 10)
    assert told.seconds == tuple(sorted(told.seconds))
    assert found.at_most
    assert found.left >= 0
    gate.open.set()
    assert over(jobs, "a").learning == told


def test_a_second_network_begins_a_new_curve_and_its_epochs_tell_no_time(jobs):
    gate = Gate()

    def learn(context):
        for start in (0.0, 0.5):
            part = context.part(start, 0.5)
            for number in range(1, 5):
                part.step((number - 1) / 4, "learning")
                part.watch(Epoch(number, 4, 1.0 + start, "", None))
        gate(context)

    jobs.start("a", task(), learn)
    assert gate.begun.wait(60)
    found = jobs.find("a")
    assert found.learning.loss == (1.5,) * 4
    assert not found.at_most


def test_waiting_before_the_work_is_not_taken_for_its_pace(jobs):
    gate = Gate()

    def work(context):
        for _ in range(50):
            context.step(0.0, "waiting for another training")
        gate(context)

    jobs.start("a", task(), work)
    assert gate.begun.wait(60)
    assert jobs.find("a").left is None


def test_only_the_last_that_ended_are_remembered(pool):
    jobs = pool(1, 3)
    for number in range(7):
        jobs.start(str(number), task(), nothing)
    over(jobs, "6")
    assert [job.key for job in jobs.all()] == ["4", "5", "6"]


def test_a_job_that_ended_holds_nothing_of_its_work(jobs):
    class Data:
        gone = threading.Event()

        def __del__(self):
            self.gone.set()

    def asking(data):
        return lambda context: context.step(1.0, str(data))

    jobs.start("a", task(), asking(Data()))
    over(jobs, "a")
    jobs.start("b", task(), nothing)  # the thread's own frame lets go of it with the next
    over(jobs, "b")
    assert Data.gone.wait(60)


def test_no_thread_waits_for_work_that_may_never_come(jobs):
    jobs.start("a", task(), nothing)
    over(jobs, "a")
    until(lambda: not any(thread.name == "recengine job" for thread in jobs._threads))
    jobs.start("b", task(), nothing)
    assert over(jobs, "b").state == "done"


def test_whoever_needs_what_a_job_makes_waits_for_it_and_sees_its_progress(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "_LOOK", 0.005)
    gate, seen = Gate(), []
    jobs.start("a", task(), gate)
    assert gate.begun.wait(60)

    def progress(fraction, message):
        seen.append(message)
        gate.open.set()

    jobs.follow("a", Context(progress=progress))
    assert jobs.find("a").state == "done"
    assert set(seen) == {"waiting"}
    jobs.follow("nobody", Context(progress=pytest.fail))


def test_whoever_follows_a_job_can_leave_it(jobs):
    gate = Gate()
    jobs.start("a", task(), gate)
    assert gate.begun.wait(60)
    with pytest.raises(Cancelled):
        jobs.follow("a", Context(cancelled=lambda: True))
    assert jobs.find("a").state == "running"


@pytest.mark.parametrize("asked", ["before", "after"])
def test_whoever_waits_for_a_job_that_is_cancelled_does_not_begin_it_anew(jobs, monkeypatch, one_sentence, asked):
    monkeypatch.setattr(jobs_module, "_LOOK", 0.005)
    begun, go_on = threading.Event(), threading.Event()

    def stubborn(context):
        begun.set()
        go_on.wait(60)
        context.check()

    def cancel(fraction, message):
        jobs.cancel("a")
        go_on.set()

    jobs.start("a", task(), stubborn)
    assert begun.wait(60)
    if asked == "before":
        with pytest.raises(Cancelled) as told:
            jobs.follow("a", Context(progress=cancel))
        assert one_sentence(str(told.value))
    else:  # who comes later wants it all the same
        jobs.cancel("a")
        jobs.follow("a", Context(progress=cancel))
    assert jobs.find("a").state == "cancelled"


def test_a_job_does_not_wait_for_itself(jobs):
    jobs.start("a", task(), lambda context: jobs.follow("a", context))
    assert over(jobs, "a").state == "done"


def test_what_is_closed_takes_nothing_more(jobs):
    jobs.close(30)
    assert jobs.start("a", task(), nothing).state == "cancelled"
