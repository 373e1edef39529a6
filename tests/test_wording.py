"""Explanations in words."""

import pytest

from recengine import wording
from recengine.answers import Reason
from recengine.explain import Explanation

PLAIN = Explanation(4.2, 3.5, "mean of all ratings", (), exact=True)
UNKNOWN = Explanation(3.5, 3.5, "bias", (), exact=True, fallback="nobody has rated this movie; the bias stands in")


def movie(title: str, weight: float, rating: float | None = None) -> Reason:
    return Reason("movie", title, weight, rating=rating)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ([movie("Heat (1995)", 0.5, 5.0), movie("Alien (1979)", 0.2, 4.0)], "Because of Heat ★5, Alien ★4"),
        # A dislike that counts in favour is a reason, but not one that explains itself in a line.
        ([movie("Cats (2019)", 0.5, 1.0), movie("Alien (1979)", 0.2, 4.0)], "Because of Alien ★4"),
        ([movie("Cats (2019)", 0.5, 1.0), movie("Alien (1979)", -0.2, 4.0)], "Because of Cats ★1"),
        # Where stars do not count they are not told.
        ([movie("Heat (1995)", 0.5), movie("Alien (1979)", 0.2)], "Because of Heat, Alien"),
        ([Reason("effect", "its genres", 0.31), Reason("effect", "its year", -0.1)], "Its genres +0.31"),
        ([], "Mean of all ratings"),
    ],
)
def test_the_reason_in_one_line(why, said):
    assert wording.one_line(PLAIN, tuple(why), 100, explicit=True).startswith(said)


def test_without_stars_in_the_data_none_are_told():
    why = (movie("Heat (1995)", 0.5, 1.0),)
    assert wording.one_line(PLAIN, why, 100, explicit=False) == "Because of Heat"


def test_a_fallback_is_told_first():
    assert wording.one_line(UNKNOWN, (), 100, explicit=True) == "Nobody has rated this movie; the bias stands in"
