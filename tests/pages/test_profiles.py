"""The pages on a person and on a movie: whom and what they show, and what they say where little is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import charts, frame, profiles
from recengine.data import sources
from recengine.data.dataset import Dataset, Interactions
from recengine.data.vocab import Vocab

pytestmark = pytest.mark.usefixtures("cold_store")

APP = Path(__file__).parents[2] / "app.py"
PEOPLE, MOVIES, PERSON = "pages/explore/people.py", "pages/explore/movies.py", "pages/recommend/person.py"


def opened(page: str, **address: str) -> AppTest:
    """The page at an address, after its first run."""
    app = AppTest.from_file(str(APP), default_timeout=240)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()  # which registers the pages
    return healthy(app.switch_page(page).run())


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def said(app: AppTest) -> str:
    return " ".join(text.value for text in (*app.markdown, *app.text)).replace("\\", "").replace("*", "")


def title(app: AppTest) -> str:
    return app.title[0].value.replace("\\", "")


def headings(app: AppTest) -> list[str]:
    return [heading.value for heading in app.header]


def near(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_a_person_is_told_drawn_and_listed():
    app = opened(PEOPLE, person="510")
    assert title(app) == "Who is person 510?"
    assert (
        "161 ratings on 26 days from 4 December 1999 to 28 May 2002, 3.2 stars on average, give or take 1.3."
        in said(app)
    )
    assert {metric.label: metric.value for metric in app.metric} == {
        "Ratings": "161", "Mean": "3.2", "Stricter than": "83 %",
    }  # fmt: skip
    assert headings(app) == [
        "Which genres do they like more than others do?",
        "How high do they rate?",
        "Which decades do they like more than others do?",
        "Whose movies do they like more than others do?",
        "What do they watch more than others?",
        "What does the content model look for?",
        "On which days of the week did they rate?",
        "At what time of the day?",
        "When did they rate?",
        "What did they rate?",
    ]
    assert all(chart.proto.alt.endswith(".") for chart in app.get("plotly_chart"))
    table = app.dataframe[0].value
    assert len(table) == 161
    assert list(table.columns) == ["movie", "genres", "rating", "difference", "day", "look"]
    assert table["day"].is_monotonic_decreasing


def test_a_few_days_are_no_habit():
    app = opened(PEOPLE, person="381")
    assert "At what time of the day?" not in headings(app)
    assert "Only on 2 days, too few to speak of habits" in said(app)


def test_an_unknown_person_is_said_and_replaced():
    app = opened(PEOPLE, person="nobody")
    assert "There is no person nobody" in app.warning[0].value
    assert title(app) == "Who is person 381?"


def test_a_person_goes_along_from_page_to_page():
    app = opened(PERSON, person="42")
    app.query_params.clear()  # as a browser does
    healthy(app.switch_page(PEOPLE).run())
    assert title(app) == "Who is person 42?"
    healthy(app.button[0].click().run())  # "Another"
    assert title(app) == "Who is person 381?"
    assert "person" not in app.query_params
    links = {link.label: link.proto.query_string for link in app.get("page_link")}
    assert links == {"What should they watch next?": "person=381"}


def test_a_movie_is_told_drawn_and_its_neighbors_listed():
    app = opened(MOVIES, movie="1")
    assert title(app) == "What is Toy Story (1995), and what is close to it?"
    assert headings(app) == [
        "How do people rate it?", "What does the content model see in it?", "What is close to it?",
    ]  # fmt: skip
    assert "Directed by: John Lasseter" in said(app)
    assert "The mean of its 247 ratings is 3.87, that of all ratings 3.54." in said(app)
    assert "“director: John Lasseter” tells it apart most" in said(app)
    assert len(near(app)) == 10
    assert near(app)["similarity"].is_monotonic_decreasing
    assert (near(app)["common"] <= near(app)["ratings"]).all()
    assert "Toy Story (1995)" not in set(near(app)["movie"])
    links = {link.label: link.proto.query_string for link in app.get("page_link")}
    assert links == {"What else, if I like it?": "rated=1%3A4"}


def test_the_most_rated_movie_is_shown_at_first_and_any_other_by_id_or_title():
    assert title(opened(MOVIES)) == "What is Forrest Gump (1994), and what is close to it?"
    assert title(opened(MOVIES, movie="heat (1995)")) == "What is Heat (1995), and what is close to it?"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("<b>*x*", "There is no movie"),
        ("999999", "There is no movie"),
        ("Hamlet", "is the title of several movies"),
    ],
)
def test_a_movie_that_is_not_there_is_said_and_another_shown(asked, words):
    app = opened(MOVIES, movie=asked)
    warning = app.warning[0].value.replace("\\", "")
    assert words in warning
    assert f"This is {title(app).removeprefix('What is ').partition(', and what')[0]}." in warning


def test_a_movie_is_found_as_one_types():
    app = opened(MOVIES)
    healthy(app.text_input(key="find movie").set_value("alien").run())
    healthy(app.button(key="show 1214").click().run())
    assert app.query_params["movie"] == "1214"
    assert title(app) == "What is Alien (1979), and what is close to it?"
    assert app.text_input(key="find movie").value == ""


def test_how_movies_are_compared_can_be_changed_and_how_many_are_listed():
    app = opened(MOVIES, movie="1")
    app.session_state["length"] = 20
    healthy(app.run())
    assert len(near(app)) == 20
    least = near(app)["common"].min()
    healthy(app.slider(key="list.item-knn.shrinkage").set_value(0).run())
    assert near(app)["common"].min() < least
    assert not [widget for widget in app.slider if widget.key == "list.item-knn.damping"]


def test_the_same_title_is_shown_in_other_data(ml100k_zip, monkeypatch):
    monkeypatch.setenv("RECENGINE_DATA", str(ml100k_zip.parent))
    app = opened(MOVIES, movie="1214")
    app.query_params["data"] = "ml-100k"
    healthy(app.run())
    assert title(app) == "What is Alien (1979), and what is close to it?"
    assert app.query_params["movie"] == "183"


def test_a_narrow_screen_gets_cards_with_a_way_to_each_movie(monkeypatch):
    monkeypatch.setattr(frame, "narrow", lambda: True)
    app = opened(MOVIES, movie="1")
    assert not app.dataframe
    ways = [link.proto.query_string for link in app.get("page_link") if link.label == "Show it"]
    assert len(ways) == 10
    assert all(way.startswith("movie=") for way in ways)
    table = opened(PEOPLE, person="42").dataframe[0].value
    assert list(table.columns) == ["movie", "rating", "look"]


def made(user, item, value, time=None, *, n_users=None, n_items=None, scale=(1.0, 5.0), titles=None, genres=None):
    n_users, n_items = n_users or max(user) + 1, n_items or max(item) + 1
    ratings = Interactions.of(
        np.array(user, np.int32), np.array(item, np.int32), np.array(value, np.float32),
        None if time is None else np.array(time, np.int64), n_users=n_users, n_items=n_items,
    )  # fmt: skip
    about = pd.DataFrame(
        {
            "title": titles or [f"Movie {i}" for i in range(n_items)],
            "year": pd.array([None] * n_items, dtype="Int16"),
            "genres": [tuple(genres[i]) if genres else () for i in range(n_items)],
        }
    )
    features = sp.csr_matrix((n_items, 0), dtype=np.float32)
    return Dataset(
        "made", Vocab.of(np.arange(n_users)), Vocab.of(np.arange(n_items)), ratings, about, features, (), scale
    )


MARKS = ["*bold* <b>", ":cat: $a$", "[link](http://x.y) `code`"]
ODD = {
    "one rating": made([0], [0], [3.0], [1_000_000_000]),
    "neither times nor genres nor years": made([0, 0, 1, 1], [0, 1, 0, 1], [1, 5, 2, 4]),
    "likes, not ratings": made(
        [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1], [1, 2, 3, 4], scale=None, genres=[("Drama",), ("Drama", "War")]
    ),
    "likes and nothing else": made([0, 0, 1], [0, 1, 1], [1, 1, 1], scale=None),
    "somebody without ratings": made([1, 1, 2], [0, 1, 1], [1, 5, 3], [1, 2, 3], n_users=3),
    "movies nobody rated": made([0, 1], [0, 0], [1, 5], n_items=40),
    "a scale of a hundred": made([0] * 90, range(90), np.linspace(0, 100, 90), range(90), scale=(0.0, 100.0)),
    "all ratings alike": made([0, 0, 1, 1], [0, 1, 0, 1], [4, 4, 4, 4], [1, 2, 3, 4]),
    "words that are code": made(
        [0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [1, 5, 3, 2, 4], titles=MARKS, genres=[("<b>*x*",), (":cat:",), ("$a$",)]
    ),
}


@pytest.fixture
def odd(monkeypatch):
    """`odd(page, name)`: the page on data that nobody would draw for a brochure, once for each person or movie."""

    def go(page: str, name: str, **address: str) -> AppTest:
        data = ODD[name]
        load = sources.load
        monkeypatch.setattr(
            sources, "load", lambda asked: sources.Loaded(data, None, None) if asked == "ml-10m" else load(asked)
        )
        st.cache_resource.clear()
        return opened(page, data="ml-10m", **address)

    return go


@pytest.mark.parametrize("name", ODD)
def test_what_little_is_known_of_a_person_is_said(odd, name):
    for person in ("0", str(ODD[name].n_users - 1)):
        words = said(odd(PEOPLE, name, person=person))
        assert not {"nan", "None", "inf"} & set(words.replace(".", " ").split())


@pytest.mark.parametrize("name", ODD)
def test_what_little_is_known_of_a_movie_is_said(odd, name):
    for movie in ("0", str(ODD[name].n_items - 1)):
        app = odd(MOVIES, name, movie=movie)
        assert not {"nan", "None", "inf"} & set(said(app).replace(".", " ").split())
        assert headings(app)[-1] == "What is close to it?"


def test_without_stars_nothing_is_said_of_liking(odd):
    app = odd(PEOPLE, "likes, not ratings")
    assert "these data say what was chosen, not how it was liked" in said(app)
    assert "What do they watch more than others?" in headings(app)
    assert not [heading for heading in headings(app) if "like" in heading or "high" in heading]
    assert "rating" not in app.dataframe[0].value.columns
    assert "day" in app.dataframe[0].value.columns


def test_without_times_and_attributes_only_the_ratings_are_left(odd):
    app = odd(PEOPLE, "neither times nor genres nor years")
    assert headings(app) == ["How high do they rate?", "What did they rate?"]
    assert list(app.dataframe[0].value.columns) == ["movie", "rating", "difference", "look"]


def test_somebody_without_ratings_is_one_sentence(odd):
    app = odd(PEOPLE, "somebody without ratings", person="0")
    assert "this person has no ratings in these data" in said(app)
    assert not app.get("plotly_chart")


def test_a_movie_nobody_rated_is_close_to_none(odd):
    app = odd(MOVIES, "movies nobody rated", movie="39")
    assert "Neither genres nor directors are known." in said(app)
    assert "No movie shares enough of its people to be called close." in said(app)
    assert "No. 2 of" in said(app)
    assert {metric.label: metric.value for metric in app.metric} == {"Ratings": "0"}


def lifts(**words: float) -> pd.DataFrame:
    return pd.DataFrame({"genre": list(words), "ratings": 3, "share": 0.1, "lift": list(words.values())})


def test_the_strongest_lifts_are_drawn_the_highest_on_top():
    drawn = charts.taste(lifts(a=0.1, b=-0.5, c=0.4, d=0.01), shown=3)
    assert list(drawn.figure.data[0].y) == ["c", "a", "b"]
    assert drawn.figure.layout.yaxis.autorange == "reversed"
    assert drawn.says == "Likes c more than others do (+0.40 stars), b less (−0.50)."
    low, high = drawn.figure.layout.xaxis.range
    assert low < -0.5 < 0.4 < high


def test_lifts_in_order_stay_so_and_only_dislikes_are_no_liking():
    assert list(charts.taste(lifts(a=0.1, b=-0.5, c=0.4), in_order=True).figure.data[0].y) == ["a", "b", "c"]
    assert charts.taste(lifts(a=-0.1, b=-0.2)).says == "Likes b less than others do (−0.20 stars)."
    assert charts.taste(lifts(a=0.1)).says == "Likes a more than others do (+0.10 stars)."
    assert charts.taste(lifts(a=0.0)).says == "Likes a less than others do (+0.00 stars)."


def test_all_ratings_are_drawn_beside_only_where_the_values_are_the_same():
    own = pd.DataFrame({"value": [1.0, 2.0], "count": [1, 3]})
    both = profiles.ratings("?", own, pd.DataFrame({"value": [1.0, 2.0, 3.0], "count": [2, 1, 1]}), ".").figure
    assert list(both.data[0].y) == [0.25, 0.75, 0.0]
    assert list(both.data[1].y) == [0.5, 0.25, 0.25]
    alone = profiles.ratings("?", own, pd.DataFrame({"value": [1.5], "count": [4]}), ".").figure
    assert len(alone.data) == 1


def test_the_most_unusual_of_the_frequent_is_on_top():
    table = pd.DataFrame(
        {"genre": ["a", "b"], "ratings": [6, 2], "share": [0.6, 0.2], "usual": [0.6, 0.1], "times": [1.0, 2.0]}
    )
    card = profiles.habits("?", table)
    assert card is not None
    assert card.says == "b takes 20 % of their ratings, 2.0 times the usual share; a 1.0 times."
    drawn = json.loads(card.figure.to_json())
    assert [note["text"] for note in drawn["layout"]["annotations"]] == ["2.0 ×", "1.0 ×"]


def test_features_for_come_before_those_against():
    table = pd.DataFrame({"feature": [f"f{i}" for i in range(20)], "weight": [1.0 - 0.1 * i for i in range(20)]})
    shown = profiles.for_and_against(table)
    assert list(shown["feature"]) == [*(f"f{i}" for i in range(8)), "f16", "f17", "f18", "f19"]
    assert profiles.for_and_against(table[:0]).empty
