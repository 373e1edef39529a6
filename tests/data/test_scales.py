"""The scale of ratings: exact, doubted where it looks like a mistake, and the usual one only where it fits."""

import io

import numpy as np
import pytest

from recengine.data.rows import Faults
from recengine.data.scales import scale_of
from recengine.data.tables import read_ratings


def doubts(values) -> tuple[str, ...]:
    """The notes on a table with these ratings, whose rows must all be kept."""
    lines = [f"{n},{n % 7},{value}" for n, value in enumerate(values)]
    _, report = read_ratings(io.BytesIO("\n".join(["user,item,rating", *lines]).encode()), name="f")
    assert report.kept == len(lines)
    return report.notes


@pytest.mark.parametrize(("low", "high"), [("0.1", "0.9"), ("-0.3", "1.7"), (".7", "1e3"), ("1", "5")])
def test_the_ends_of_the_scale_are_ratings_as_they_were_written(low, high):
    text = f"user,item,rating\n1,1,{low}\n1,2,{high}\n".encode()
    data, report = read_ratings(io.BytesIO(text), name="f")
    assert data.scale == report.scale == (float(low), float(high))


STARS = [1, 2, 3, 4, 5] * 2000


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([*STARS[1:], 55], "1 of 10,000 ratings is 55, the others reach 5"),
        ([1, 2, 3, 4, 5, 55], "1 of 6 ratings is 55, the others reach 5"),
        ([-99, *STARS], "1 of 10,001 ratings is -99, the others start at 1"),
        ([*STARS, 50, 51, 51, 99, 98], "5 of 10,005 ratings are 50 or 51 or 98 or the like, the others reach 5"),
        ([*STARS, -1, -1], "2 of 10,002 ratings are -1, the others start at 1"),
        ([-1] * 500 + STARS, "500 of 10,500 ratings are -1, the others start at 1"),
        ([-1] * 500 + [0, *STARS], "500 of 10,501 ratings are -1, the others start at 0"),
    ],
)
def test_an_end_of_the_scale_that_looks_like_a_mistake_is_told_and_kept(values, says):
    assert doubts(values) == (f"{says}: take such rows out of the file if they are no ratings.",)


def test_both_ends_may_be_doubtful():
    notes = doubts([-1] * 9 + [1, 2, 3, 4, 5] * 9 + [99])
    assert [note.split(",")[0] for note in notes] == ["9 of 55 ratings are -1", "1 of 55 ratings is 99"]


@pytest.mark.parametrize(
    "values",
    [
        STARS, [*STARS, 6], [0, *STARS], [5, 4, 1], [1, 5, 5, 5], [1, 9, 10, 10], [-1, 1, 1], [-1, 0, 1, 1], [3, 55],
        [55, *STARS, *[55] * 100], [-10, -9.5, 10, 3, 4], [0.5, 5], [10, 60, 70, 80],
    ],
)  # fmt: skip
def test_what_may_well_be_the_scale_is_not_doubted(values):
    assert doubts(values) == ()


def test_the_usual_scale_holds_unless_too_many_ratings_are_off_it():
    def scale(values):
        faults = Faults(np.zeros(len(values), np.int8))
        found, notes = scale_of(np.array(values, np.float32), None, (1, 5), faults)
        return found, int(faults.keep.sum()), notes

    assert scale([3, 4]) == ((1, 5), 2, ())
    assert scale([3, 4, 99, 0]) == ((1, 5), 2, ())
    assert scale([*STARS, *[99] * 90]) == ((1, 5), 10_000, ())
    assert scale([6, 7, 8, 9, 1]) == ((1, 9), 5, ("4 of 5 ratings are outside of the usual 1 to 5: all kept.",))


def test_a_given_scale_is_one_whatever_the_ratings_are():
    faults = Faults(np.zeros(5, np.int8))
    assert scale_of(np.array([6, 7, 8, 9, 1], np.float32), (1, 5), None, faults) == ((1.0, 5.0), ())
    assert faults.keep.tolist() == [False] * 4 + [True]
