"""What a job makes of what it has seen: the curve so far, and an honest guess at the time it still takes."""

import pytest

from recengine.answers import Task
from recengine.jobs import _Job, learning, seconds_left
from recengine.model import Epoch


@pytest.mark.parametrize(
    ("values", "metric", "best"),
    [((3.0, 1.0, 2.0), "rmse", 2), ((0.2, 0.2), "ndcg@10", 1), ((float("nan"), 0.5), "rmse", 2), ((None,), "", None)],
)
def test_the_best_epoch_is_the_first_of_the_best_that_were_measured(values, metric, best):
    seen = [(Epoch(number, 9, 1.0, metric, value), 0.0) for number, value in enumerate(values, start=1)]
    assert learning(seen).best == best


def test_before_the_first_epoch_there_is_no_curve():
    assert learning([]) is None


def test_the_time_left_goes_by_the_latest_pace():
    slow_start = [(float(n), n / 1000) for n in range(20)] + [(20.0 + n / 10, 0.02 + n / 100) for n in range(10)]
    assert seconds_left(slow_start, 20.9) == pytest.approx((1 - 0.11) * 10)
    assert seconds_left(slow_start, 20.95) == pytest.approx((1 - 0.11) * 10 - 0.05)


@pytest.mark.parametrize("marks", [[], [(1.0, 0.0)], [(1.0, 0.0), (2.0, 0.5)]])
def test_the_time_left_is_not_known_from_too_little(marks):
    assert seconds_left(marks, 3.0) is None


def test_what_takes_longer_than_it_should_is_not_said_to_be_over():
    marks = [(0.0, 0.0), (10.0, 0.1), (20.0, 0.2)]
    assert seconds_left(marks, 25.0) == pytest.approx(75.0)
    assert seconds_left(marks, 500.0) == pytest.approx(70.0)
    assert seconds_left([(0.0, 0.0), (1.0, 0.5), (2.0, 1.0)], 99.0) == 0.0


def test_networks_of_one_epoch_one_after_the_other_go_by_the_whole_work():
    job = _Job("a", Task("made", {}, "A", "a", 0), lambda context: None)
    job.state = "running"
    for start in (0.0, 0.25, 0.5):
        job.progress(start, "learning")
        job.watch(Epoch(1, 1, 1.0 + start, "", None))
    seen = job.view(0)
    assert (seen.left, seen.learning.loss) == (0.0, (1.5,))  # in no time: it has no clock yet
