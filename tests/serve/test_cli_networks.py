"""Networks on the command line: what their weights are, where they looked, and in which order a visitor watched."""

import pytest

from recengine.models.learned import OCCLUSION

SASREC = ("--model", "sasrec", "--set", "epochs=2", "--set", "factors=8", "--set", "blocks=1")


@pytest.fixture
def asked(recengine, ratings):
    """`asked(*options)`: a short list from the small table."""
    return lambda *options: recengine("recommend", "--data", ratings, *options)


def test_json_says_what_the_weights_are_and_where_the_network_looked(asked):
    for item in asked("--user", "p1", *SASREC, "--json").json["items"]:
        assert item["method"] == OCCLUSION
        assert all(0 < reason["attention"] < 1 for reason in item["why"])
    for item in asked("--user", "p1", "--model", "bias", "--json").json["items"]:
        assert item["method"] == ""
        assert {reason["attention"] for reason in item["why"]} == {None}


def test_text_says_once_what_stands_behind_the_reasons(asked):
    told = asked("--user", "p1", *SASREC).out
    assert told.count(OCCLUSION) == 1
    assert "Because of" in told
    assert "By occlusion" not in asked("--user", "p1", "--model", "bias").out


def test_a_visitors_ratings_are_read_in_the_order_given(asked):
    one, other = ("--rate", "Plain=4", "--rate", "Last=4"), ("--rate", "Last=4", "--rate", "Plain=4")

    def scores(*options):
        return {item["title"]: item["score"] for item in asked(*options, "--json").json["items"]}

    assert scores(*one, *SASREC) != scores(*other, *SASREC)
    assert scores(*one, "--model", "bias") == scores(*other, "--model", "bias")
