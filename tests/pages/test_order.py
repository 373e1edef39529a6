"""What a network makes of an order, without a browser: movies change places, and it says where it looked."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import charts, frame, networks, tables
from recengine.answers import GivenBack, Reason, Why
from recengine.models.learned import OCCLUSION

pytestmark = [pytest.mark.xdist_group("pages"), pytest.mark.usefixtures("cold_store", "small_data")]

ROOT = Path(__file__).parents[2]
PERSON, MOVIES = "pages/recommend/person.py", "pages/recommend/movies.py"
SASREC = {"model": "sasrec", "sasrec.epochs": "2", "sasrec.factors": "8", "sasrec.blocks": "1"}
THREE = "1:4,2:5,3:4"


@pytest.fixture(scope="module")
def small_data(cold_store, small_movielens):
    """A few ratings of few movies, in the place of a data set that is known by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECENGINE_DATA", str(small_movielens))
        yield


@pytest.fixture
def open_page():
    """`open_page(page, **address)`: the page at an address after its first run."""

    def go(page: str = MOVIES, **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=240).switch_page(page)
        for name, value in {"data": "ml-latest-small", "fewest": "0", **address}.items():
            app.query_params[name] = value
        return healthy(app.run())

    return go


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def button(app: AppTest, label: str):
    (found,) = [button for button in app.button if button.label == label]
    return found


def listed(app: AppTest) -> list[tuple[str, float]]:
    table = app.dataframe[0].value
    return list(zip(table["movie"], table["predicted"], strict=True))


def said(app: AppTest) -> str:
    return " ".join(text.value for text in app.markdown).replace("\\", "")


def order(app: AppTest) -> list[str]:
    return [option.replace("\\", "") for option in app.radio(key="movie to move").options]


def test_movies_change_places_the_list_follows_and_the_address_keeps_the_order(open_page):
    app = open_page(**SASREC, rated=THREE)
    assert app.radio[0].label == "Watched in this order"
    assert order(app) == ["1 · Movie 1 (1951)", "2 · Movie 2 (1952)", "3 · Movie 3 (1953)"]
    before = listed(app)
    healthy(button(app, "Earlier").click().run())
    assert app.query_params["rated"] == "1:4,3:4,2:5"
    assert order(app) == ["1 · Movie 1 (1951)", "2 · Movie 3 (1953)", "3 · Movie 2 (1952)"]
    assert listed(app) != before
    assert listed(open_page(**SASREC, rated="1:4,3:4,2:5")) == listed(app)
    healthy(button(app, "Later").click().run())
    assert app.query_params["rated"] == THREE
    assert listed(app) == before


def test_the_chosen_movie_stays_chosen_as_it_moves_and_stops_at_the_ends(open_page):
    app = open_page(**SASREC, rated=THREE)
    assert app.radio[0].value == 3
    assert button(app, "Later").disabled
    for place in (2, 1):
        healthy(button(app, "Earlier").click().run())
        assert app.radio[0].value == 3
        assert order(app)[place - 1] == f"{place} · Movie 3 (1953)"
    assert button(app, "Earlier").disabled
    healthy(app.radio[0].set_value(2).run())
    healthy(button(app, "Earlier").click().run())
    assert app.query_params["rated"] == "3:4,2:5,1:4"


def test_the_chosen_movie_gets_other_stars_and_is_taken_out(open_page):
    app = open_page(**SASREC, rated=THREE)
    healthy(app.radio[0].set_value(2).run())
    (stars,) = [box for box in app.selectbox if box.label.startswith("Your rating of")]
    assert (stars.label, stars.value) == ("Your rating of Movie 2 (1952)", 5.0)
    healthy(stars.set_value(1.0).run())
    assert app.query_params["rated"] == "1:4,2:1,3:4"
    healthy(button(app, "Remove").click().run())
    assert app.query_params["rated"] == "1:4,3:4"
    assert app.radio[0].value == 3


def test_a_movie_that_is_added_was_watched_last_and_is_the_one_to_move(open_page):
    app = open_page(**SASREC, rated=THREE)
    healthy(app.text_input(key="find").set_value("movie 7").run())
    healthy(app.button(key="add 7").click().run())
    assert order(app)[-1] == "4 · Movie 7 (1957)"
    assert app.radio[0].value == 7


def test_nonsense_in_the_address_is_one_sentence_and_leaves_the_order(open_page):
    app = open_page(**SASREC, rated="3:4,999:4,1:77,::,2:5")
    (warning,) = app.warning
    assert "999" in warning.value
    assert order(app) == ["1 · Movie 3 (1953)", "2 · Movie 2 (1952)"]
    assert not open_page(**SASREC, rated="nothing").radio


def test_where_the_order_plays_no_part_nothing_can_be_moved(open_page):
    app = open_page(model="bias", rated=THREE)
    assert not app.radio
    assert len([box for box in app.selectbox if box.label.startswith("Your rating of")]) == 3


@pytest.mark.parametrize("narrow", [False, True])
def test_where_the_network_looked_is_drawn_said_and_tabled(open_page, monkeypatch, narrow):
    monkeypatch.setattr(frame, "narrow", lambda: narrow)
    app = open_page(**SASREC, rated=THREE)
    if narrow:
        first = next(card for text in app.markdown if (card := re.match(r"\*\*1 · Movie (\d+)", text.value)))
        app.session_state[f"why {first[1]}"] = True
        healthy(app.run())
    words = said(app)
    assert f"{OCCLUSION} What is not explained hangs on no one of them alone." in words
    assert "Of the last 3 movies watched, the network looked most at" in words
    table = app.dataframe[-1].value
    assert table["attention"].sum() == pytest.approx(100, abs=0.01)
    assert "looked" not in said(open_page(model="bias", rated=THREE))


def why(method: str) -> Why:
    return Why(1, "Heat (1995)", 2.0, None, 0.5, "base", (Reason("movie", "Alien", 1.0),), False, None, method=method)


def test_a_method_is_said_in_place_of_a_general_caution():
    assert charts.sentence(why("By guessing.")).startswith("By guessing. What is not explained")
    assert charts.sentence(why("")).startswith("Approximate: ")


def looked(*shares: float) -> list[Reason]:
    return [Reason("movie", f"Movie {i} (1990)", 0.1, i, attention=share) for i, share in enumerate(shares, start=1)]


def test_attention_is_drawn_oldest_first_and_the_most_looked_at_are_named_with_their_places():
    drawn = networks.attention(looked(0.1, 0.4, 0.05, 0.25, 0.2))
    (bars,) = drawn.figure.data
    assert (list(bars.x), list(bars.y)) == ([1, 2, 3, 4, 5], [0.1, 0.4, 0.05, 0.25, 0.2])
    assert [colour == bars.marker.color[1] for colour in bars.marker.color] == [False, True, False, True, True]
    names = "2 · Movie 2 (40 %), 4 · Movie 4 (25 %), 5 · Movie 5 (20 %)"
    assert f"Of the last 5 movies watched, the network looked most at {names}." in drawn.says.replace("\u00a0", " ")
    assert networks.attention(looked(1.0)).says.startswith("The network had Movie 1 alone to look at.")


def test_what_is_given_back_is_drawn_beside_what_was_rated():
    told = [GivenBack(i, f"Movie {i}", 5.0, 2.0 + i / 10) for i in range(1, 13)]
    drawn = networks.given_back(told)
    lines, rated, back = drawn.figure.data
    assert list(rated.x) == [5.0] * len(rated.x)
    assert list(back.x) == [one.given_back for one in told[: len(back.x)]]
    assert list(lines.x)[:3] == [5.0, 2.1, None]
    far = "Over all 12 ratings the difference is 2.35 stars on average."
    assert drawn.says == f"Movie 1 changed most: rated 5, given back as 2.10. {far}"
    assert list(tables.given_back(told[:1], narrow=False).iloc[0]) == ["Movie 1", 5.0, 2.1, -2.9]
    assert "difference" not in tables.given_back(told, narrow=True)


@pytest.mark.parametrize("narrow", [False, True])
def test_an_autoencoder_shows_what_it_gives_back(open_page, monkeypatch, narrow):
    monkeypatch.setattr(frame, "narrow", lambda: narrow)
    app = open_page(PERSON, model="autorec", person="4", **{"autorec.epochs": "2"})
    assert "What the network gives back" in [expander.label for expander in app.expander]
    table = app.dataframe[-1].value
    assert sorted(table["rating"]) == sorted(1.0 + 4 * i % 5 for i in range(1, 41) if (4 * 7 + i * 3) % 5)
    assert "What the network gives back" not in [
        expander.label for expander in open_page(PERSON, model="bias", person="4").expander
    ]
