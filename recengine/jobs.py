"""Long work that outlives whoever asked for it: a queue of jobs, one for each artifact, worked off by few threads.

Two people who ask for the same share one job. A thread ends when nothing is queued. When the interpreter exits, what
is running is cancelled and gets a moment to stop.
"""

from __future__ import annotations

import atexit
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from weakref import WeakSet

from recengine import metrics
from recengine.answers import Job, JobState, Learning, Task
from recengine.errors import Cancelled, RecengineError
from recengine.model import Context, Epoch

Work = Callable[[Context], object]
"""What a job does, until it is done or raises: it reports to the context, which also says when to stop."""
Mark = tuple[float, float]
"""Seconds after the start, and the share of the work that was done by then."""

_STEP = 0.01  # of the work: what must be done until the next mark, so that marks are few
_FEWEST = 3  # marks that tell a pace
_RECENT = 10  # marks from which the pace is taken, so that a slow start fades
_LEAVE = 5.0  # seconds in which running jobs stop when the interpreter exits, else they are left behind
_LOOK = 0.2  # seconds between two looks at a job that is followed
_QUEUED: JobState = "queued"
_RUNNING: JobState = "running"

log = logging.getLogger(__name__)


class Jobs:
    """Jobs by the key of their artifact, first come, first served.

    `workers`: jobs that run at a time; networks learn one at a time in a process anyway. `finished`: jobs that are
    remembered after their end, the latest of them.
    """

    def __init__(self, workers: int = 1, finished: int = 20) -> None:
        self._workers, self._finished = workers, finished
        self._jobs: OrderedDict[str, _Job] = OrderedDict()  # as they were asked for
        self._running: set[_Job] = set()
        self._threads: set[threading.Thread] = set()
        self._guard = threading.Lock()
        self._closed = False
        _everywhere.add(self)

    def start(self, key: str, task: Task, work: Work) -> Job:
        """The job that is queued or running under this key, else a new one."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or not job.active or job.stop.is_set():
                job = self._jobs[key] = _Job(key, task, work)
                self._jobs.move_to_end(key)
                self._hire(job)
            return self._view(job)

    def all(self) -> tuple[Job, ...]:
        """Every job, as asked for: the queued, the running and the last that ended."""
        with self._guard:
            return tuple(map(self._view, self._jobs.values()))

    def find(self, key: str) -> Job | None:
        """The last job under a key, None where there is none any more."""
        with self._guard:
            job = self._jobs.get(key)
            return None if job is None else self._view(job)

    def cancel(self, key: str) -> None:
        """A queued job is cancelled at once, a running one as soon as its work asks; one that ended stays as it is."""
        with self._guard:
            job = self._jobs.get(key)
            if job is not None and job.active:
                job.stop.set()
                if job.state == _QUEUED:
                    self._end(job, "cancelled")

    def follow(self, key: str, context: Context) -> None:
        """While the job of that key runs, wait and pass on its progress; the work of a job waits for no other.

        Raises `Cancelled` when somebody cancels it meanwhile: whoever waits shall not begin the same anew.
        """
        with self._guard:
            job = None if threading.current_thread() in self._threads else self._jobs.get(key)
            if job is None or job.state != _RUNNING:
                return
            before = job.stop.is_set()  # whoever asks after that does want it
        while job.state == _RUNNING:
            context.step(job.fraction, job.message)
            job.over.wait(_LOOK)
        if job.state == "cancelled" and not before:
            raise Cancelled(f"The training of {job.task.title} was cancelled; start it again if you need it.")

    def close(self, seconds: float) -> None:
        """Cancel everything and take nothing more; wait so long for what is running."""
        with self._guard:
            self._closed = True
            threads = list(self._threads)
        for job in self.all():
            self.cancel(job.key)
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _hire(self, job: _Job) -> None:
        """A thread more, where one is missing. An executor's threads would keep the interpreter from exiting."""
        if self._closed:
            self._end(job, "cancelled")
        elif len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name="recengine job", daemon=True)
            thread.start()
            self._threads.add(thread)

    def _work(self) -> None:
        """Take one job after the other, until none is queued."""
        while job := self._next():
            state, error = _run(job)
            with self._guard:
                self._running.discard(job)
                self._end(job, state, error)

    def _next(self) -> _Job | None:
        with self._guard:
            job = next((job for job in self._jobs.values() if job.state == _QUEUED), None)
            if job is None or self._closed:
                self._threads.discard(threading.current_thread())
                return None
            job.state, job.began = _RUNNING, time.monotonic()
            self._running.add(job)
            return job

    def _end(self, job: _Job, state: JobState, error: str | None = None) -> None:
        job.state, job.error, job.ended = state, error, time.monotonic()
        job.work = _nothing  # and what it holds, such as the data
        job.over.set()
        ended = [key for key, job in self._jobs.items() if not job.active]
        for key in ended[: -self._finished or None]:
            del self._jobs[key]

    def _view(self, job: _Job) -> Job:
        ahead = 0
        if job.state == _QUEUED:
            waiting = [other for other in self._jobs.values() if other.state == _QUEUED]
            ahead = waiting.index(job) + len(self._running)
        return job.view(ahead)


class _Job:
    """A job as it goes on. It is written by one thread at a time, and read by any."""

    def __init__(self, key: str, task: Task, work: Work) -> None:
        self.key, self.task, self.work = key, task, work
        self.state: JobState = "queued"
        self.stop, self.over = threading.Event(), threading.Event()
        self.began = self.ended = 0.0
        self.fraction, self.message = 0.0, ""
        self.error: str | None = None
        self.epochs: tuple[tuple[Epoch, float], ...] = ()  # each with the seconds after the start at which it was over
        self.marks: tuple[Mark, ...] = ()  # of the progress
        self.passes: tuple[Mark, ...] = ()  # of the epochs, which take about as long as one another

    @property
    def active(self) -> bool:
        return self.state in (_QUEUED, _RUNNING)

    @property
    def seconds(self) -> float:
        if self.state == _QUEUED or not self.began:
            return 0.0
        return (time.monotonic() if self.active else self.ended) - self.began

    def progress(self, fraction: float, message: str) -> None:
        self.fraction, self.message = fraction, message
        if not fraction:  # what passes before anything is done is not the pace
            self.marks = ()
        if not self.marks or fraction >= self.marks[-1][1] + _STEP:
            self.marks = (*self.marks, (self.seconds, fraction))[-_RECENT:]

    def watch(self, epoch: Epoch) -> None:
        """An epoch is over; a first one begins a new curve, as where a hybrid holds several networks."""
        epochs, passes = ((), ()) if epoch.number == 1 else (self.epochs, self.passes)
        self.epochs = (*epochs, (epoch, self.seconds))
        done, whole = epoch.number / epoch.most, abs(epoch.number / epoch.most - self.fraction) <= 1.01 / epoch.most
        self.passes = (*passes, (self.seconds, done))[-_RECENT:] if whole else ()

    def view(self, ahead: int) -> Job:
        epochs, passes = self.epochs, self.passes
        return Job(
            self.key, self.task, self.state, ahead, self.fraction, self.message, self.seconds,
            left=seconds_left(passes if len(passes) >= _FEWEST else self.marks, self.seconds)
            if self.state == _RUNNING
            else None,
            at_most=bool(epochs) and epochs[-1][0].validation is not None,
            stopping=self.state == _RUNNING and self.stop.is_set(),
            error=self.error,
            learning=learning(epochs),
        )  # fmt: skip


def seconds_left(marks: Sequence[Mark], now: float) -> float | None:
    """Seconds until all is done, at the pace of the last marks (seconds, share done by then); None for under three.

    What goes on for longer than it should is taken to end soon, but never to be over.

    >>> seconds_left([(4.0, 0.25), (8.0, 0.5)], 9.0), seconds_left([(4.0, 0.25), (8.0, 0.5), (12.0, 0.75)], 13.0)
    (None, 3.0)
    """
    recent = marks[-_RECENT:]
    if len(recent) < _FEWEST:
        return None
    (first, done_first), (last, done) = recent[0], recent[-1]
    pace = (last - first) / (done - done_first)
    usual = (last - first) / (len(recent) - 1)
    return max(0.0, pace * (1 - done) - min(now - last, usual))


def learning(seen: Sequence[tuple[Epoch, float]]) -> Learning | None:
    """The epochs that were seen, each with the seconds at which it was over, as one curve; None for none."""
    if not seen:
        return None
    last, loss = seen[-1][0], tuple(epoch.loss for epoch, _ in seen)
    higher = bool(last.metric) and metrics.parse(last.metric).higher_is_better
    value = tuple(known(epoch.validation) for epoch, _ in seen)
    found = [told for told in value if told is not None]
    best = value.index((max if higher else min)(found)) + 1 if found else None
    return Learning(last.metric, higher, loss, value, tuple(seconds for _, seconds in seen), last.most, best)


def known(value: float | None) -> float | None:
    """A number, or None where there is none."""
    return None if value is None or math.isnan(value) else value


def _run(job: _Job) -> tuple[JobState, str | None]:
    """Do the work; how it ended, and for people why."""
    context = Context(progress=job.progress, cancelled=job.stop.is_set, watch=job.watch)
    try:
        job.work(context)
    except Cancelled:
        return "cancelled", None
    except RecengineError as error:
        return "failed", str(error)
    except BaseException:  # whatever it is, the thread goes on with the next job
        log.exception("the job %s failed", job.task.label)
        return "failed", f"{job.task.title} could not be trained, for a reason that stands in the log of the server."
    return "done", None


def _nothing(context: Context) -> None:
    """The work of a job that has ended."""


_everywhere: WeakSet[Jobs] = WeakSet()


@atexit.register
def _leave() -> None:
    """Let no thread be torn from its work while the interpreter goes."""
    for jobs in list(_everywhere):
        jobs.close(_LEAVE)
