"""The page on the data, as a person meets it, and its pictures on data that nobody would draw for a brochure."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest

from pages.ui import distributions, overview
from recengine.data.dataset import Dataset, Interactions
from recengine.data.vocab import Vocab
from recengine.describe import Description, describe

APP = Path(__file__).parents[2] / "app.py"


@pytest.fixture(scope="module")
def page() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=120).switch_page("pages/explore/data.py").run()


def test_the_first_line_says_who_rated_what_and_when(page):
    assert not page.exception
    assert page.title[0].value == "What is in these ratings?"
    said = page.markdown[0].value.replace("*", "")
    assert said.startswith("671 people gave 100,004 ratings to 9,066 movies between 1995 and 2016: 1.6 % of all pairs")


def test_the_sizes_stand_side_by_side(page):
    sizes = {metric.label: metric.value for metric in page.metric}
    assert sizes == {
        "People": "671", "Movies": "9,066", "Ratings": "100,004", "Filled cells": "1.6 %", "Mean rating": "3.54",
    }  # fmt: skip


def test_the_warnings_an_analyst_needs_are_in_one_box(page):
    assert len(page.warning) == 1
    assert "their averages are noise" in page.warning[0].value


def test_every_picture_has_a_question_and_a_sentence(page):
    pictures = page.get("plotly_chart")
    questions = [heading.value for heading in page.header]
    assert len(pictures) == 6
    assert questions[:6] == [
        "How high do people rate?",
        "Do a few movies get all the ratings?",
        "How many ratings are there to learn from?",
        "Can they be compared with each other?",
        "When did people rate?",
        "Which genres are rated higher?",
    ]
    assert all(picture.proto.alt.endswith(".") for picture in pictures)


def test_the_genres_are_a_table_most_rated_first(page):
    table = page.dataframe[0].value
    assert list(table.columns) == ["genre", "movies", "ratings", "mean"]
    assert table["ratings"].is_monotonic_decreasing
    assert table["genre"].iloc[0] == "Drama"


def dataset(user, item, value, time=None, *, n_users=None, n_items=None, scale=(1.0, 5.0), genres=None) -> Dataset:
    n_users, n_items = n_users or max(user, default=-1) + 1, n_items or max(item, default=-1) + 1
    ratings = Interactions.of(
        np.array(user, np.int32), np.array(item, np.int32), np.array(value, np.float32),
        None if time is None else np.array(time, np.int64), n_users=n_users, n_items=n_items,
    )  # fmt: skip
    movies = pd.DataFrame(
        {
            "title": [f"Movie {i}" for i in range(n_items)],
            "year": pd.array([2000] * n_items, dtype="Int16"),
            "genres": [tuple(genres[i]) if genres else () for i in range(n_items)],
        }
    )
    features = sp.csr_matrix((n_items, 0), dtype=np.float32)
    return Dataset(
        "made", Vocab.of(np.arange(n_users)), Vocab.of(np.arange(n_items)), ratings, movies, features, (), scale
    )


ODD = {
    "one rating": dataset([0], [0], [3.0], [1_000_000_000]),
    "no rating": dataset([], [], [], n_users=2, n_items=3),
    "no rating, with times": dataset([], [], [], [], n_users=1, n_items=1),
    "likes, not ratings": dataset([0, 0, 1], [0, 1, 1], [1, 1, 1], [1, 2, 3], scale=None, genres=[("a",), ("a", "b")]),
    "no times": dataset([0, 1, 1], [0, 0, 1], [1, 5, 2]),
    "times in a wrong unit": dataset([0, 1], [0, 0], [1, 5], [10**15, 10**15 + 10**12]),
    "times before Christ": dataset([0, 1], [0, 0], [1, 5], [-(10**11), 10**9]),
    "one value only": dataset([0, 1, 2], [0, 0, 1], [4, 4, 4], [1, 1, 1], genres=[("Drama",), ("Drama",)]),
    "a scale of a hundred": dataset(range(90), range(90), np.linspace(0, 100, 90), range(90), scale=(0.0, 100.0)),
    "words that are code": dataset([0, 1], [0, 1], [1, 5], [1, 2], genres=[("<b>*x*", ":cat:"), ("$a$ & [b]",)]),
    "movies nobody rated": dataset([0] * 3, [0, 1, 2], [1, 2, 3], [1, 2, 3], n_items=5_000),
}


def words(data: Description) -> list[str]:
    sizes = [part for size in overview.sizes(data) for part in size]
    return [overview.lead(data), *sizes, *(card.says for card in distributions.cards(data))]


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_odd_data_are_drawn_as_far_as_they_go(data):
    told = describe(data)
    for card in distributions.cards(told):
        drawn = json.loads(card.figure.to_json())
        assert drawn["data"]
        assert card.says.endswith(".")
    for word in words(told):
        assert word
        assert "nan" not in word.lower().split()
        assert "None" not in word


def questions(name: str) -> set[str]:
    return {card.question for card in distributions.cards(describe(ODD[name]))}


def test_what_cannot_be_known_is_left_out():
    assert "When did people rate?" not in questions("no times")
    assert questions("no rating") == set()
    likes = questions("likes, not ratings")
    assert "When did people rate?" in likes
    assert not likes & {"How high do people rate?", "Which genres are rated higher?"}


def test_one_of_each_is_said_in_the_singular():
    said = overview.lead(describe(ODD["one rating"])).replace("*", "")
    assert said.startswith("1 person gave 1 rating to 1 movie in 2001: 100 % of all pairs")


def test_nothing_is_said_of_the_share_when_there_is_none():
    assert overview.lead(describe(ODD["no rating"])).replace("*", "") == "2 people gave 0 ratings to 3 movies."


def test_genres_reach_the_figure_as_words():
    figure = next(c.figure for c in distributions.cards(describe(ODD["words that are code"])) if "genres" in c.question)
    assert "&lt;b&gt;*x*" in list(figure.data[0].y)


def test_differences_carry_a_sign_beside_their_colour():
    table = describe(ODD["words that are code"])
    figure = next(c.figure for c in distributions.cards(table) if "genres" in c.question)
    signs = [text[0] for text in figure.data[0].text]
    assert set(signs) == {"+", "−"}
    assert [sign == "+" for sign in signs] == [length > 0 for length in figure.data[0].x]


def test_a_count_of_zero_has_its_place_on_the_logarithmic_axis():
    card = next(c for c in distributions.cards(describe(ODD["movies nobody rated"])) if "learn from" in c.question)
    assert min(x for trace in card.figure.data for x in trace.x) == 0
    assert "Half of the movies have 0 to 0 ratings" in card.says
