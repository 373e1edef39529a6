"""A ranked list while its model learns, and where the model knows how far off it may be."""

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from pages.ui import charts, frame, state, tables
from pages.ui.words import plain
from recengine.answers import Filters, Reason, Recommended, StoredPerson, Why
from recengine.lab import Lab

pytestmark = pytest.mark.usefixtures("cold_store")

APP = Path(__file__).parents[2] / "app.py"
PERSON, MOVIES = "pages/recommend/person.py", "pages/recommend/movies.py"
SCALE = (0.5, 5.0)


def opened(page: str, **address: str) -> AppTest:
    """The page at an address, after its first run."""
    app = AppTest.from_file(str(APP), default_timeout=240).switch_page(page)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


@pytest.fixture
def bars(monkeypatch) -> list[tuple[float, str]]:
    """The progress bars that are drawn, each with its fraction and text."""
    drawn = []
    draw = DeltaGenerator.progress

    def record(self, value, text=None, **settings):
        drawn.append((value, text))
        return draw(self, value, text, **settings)

    monkeypatch.setattr(DeltaGenerator, "progress", record)
    return drawn


@pytest.mark.parametrize(
    ("page", "model", "address"),
    [(PERSON, "nmf", {}), (MOVIES, "ials", {"rated": "1:5"})],
)
def test_a_first_fit_shows_how_far_it_is(monkeypatch, bars, page, model, address):
    monkeypatch.setattr(frame, "_MOMENT", 0.0)
    st.cache_resource.clear()
    app = opened(page, model=model, **address)
    shares = [share for share, _ in bars]
    assert shares == sorted(shares)
    assert {text.partition(":")[0] for _, text in bars} == {plain(state.models()[model].title)}
    assert any("iteration 2 of" in text for _, text in bars)
    assert not app.get("progress")
    assert len(app.dataframe[0].value) == 10


def test_a_quick_answer_shows_no_bar(monkeypatch, bars):
    monkeypatch.setattr(frame, "_MOMENT", 1000.0)
    st.cache_resource.clear()
    assert len(opened(PERSON, model="als").dataframe[0].value) == 10
    assert bars == []


class Left(BaseException):
    """What Streamlit raises within a page that somebody leaves or changes."""


def test_a_fit_that_is_left_stops_keeps_nothing_and_can_be_asked_for_again():
    question = ("demo", "bpr", (), StoredPerson(42), 10, Filters())
    seen = []

    def leave(fraction: float, message: str) -> None:
        seen.append(message)
        if len(seen) == 2:
            raise Left

    with pytest.raises(Left):
        state.recommend(*question, leave)
    assert len(seen) == 2
    seen.clear()
    assert len(state.recommend(*question, lambda fraction, message: seen.append(message)).items) == 10
    assert len(seen) > 2  # it was not kept before
    seen.clear()
    state.recommend(*question, lambda fraction, message: seen.append(message))
    assert seen == []


def movie(rank: int = 1, stars: float | None = 4.32, deviation: float | None = 0.83) -> Recommended:
    score = 0.5 if stars is None else stars
    return Recommended(rank, rank, "Heat (1995)", 1995, (), score, stars, 9, 0.1, "x" * 100, deviation=deviation)


def test_a_deviation_is_shown_with_one_digit_and_only_where_it_is_known():
    assert tables.score(movie()) == "★ 4.3 ± 0.8"
    assert tables.score(movie(deviation=None)) == "★ 4.32"
    assert tables.score(movie(stars=None)) == "score 0.50"
    known, unknown = [movie(), movie(2, deviation=None)], [movie(deviation=None), movie(2, deviation=None)]
    assert list(tables.ranked(known)["deviation"].fillna(-1)) == [0.83, -1]
    assert "deviation" not in tables.ranked(unknown)
    assert "deviation" not in tables.ranked([movie(stars=None)])
    shapes = [
        tables.ranked_columns(items, SCALE, 9)["predicted"]["type_config"]["format"] for items in (known, unknown)
    ]
    assert shapes == ["%.1f", "%.2f"]


def test_the_columns_are_as_wide_together_with_a_deviation_as_without():
    def width(items) -> int:
        columns = tables.ranked_columns(items, SCALE, 9)
        return sum(columns[name]["width"] for name in tables.ranked(items))

    assert width([movie()]) <= width([movie(deviation=None)])


def told(score: float, deviation: float | None, stars: float | None = 4.0) -> Why:
    parts = (Reason("effect", "how well liked the movie is", score - 3.5),)
    return Why(1, "Heat (1995)", score, stars, 3.5, "mean", parts, True, None, deviation=deviation)


@pytest.mark.parametrize(
    ("score", "deviation", "ends"),
    [(4.25, 0.75, (3.5, 5.0)), (4.75, 0.75, (4.0, 5.0)), (0.75, 1.0, (0.5, 1.75)), (6.0, 0.5, (5.0, 5.0))],
)
def test_an_interval_stays_within_the_scale(score, deviation, ends):
    assert charts.likely(told(score, deviation), SCALE) == pytest.approx(ends)


def test_an_interval_is_drawn_and_said():
    drawn = charts.why(told(4.25, 0.75), SCALE)
    assert drawn.says.startswith("Two times in three the rating would lie between 3.5 and 5.0. ")
    assert list(drawn.figure.data[1].x) == [3.5, 5.0]
    low, high = drawn.figure.layout.xaxis.range
    assert low < 3.5 < 5.0 < high


@pytest.mark.parametrize(("deviation", "stars", "scale"), [(None, 4.0, SCALE), (0.7, None, SCALE), (0.7, 4.0, None)])
def test_without_a_deviation_in_stars_nothing_is_said_of_it(deviation, stars, scale):
    drawn = charts.why(told(4.25, deviation, stars), scale)
    assert "Two times" not in drawn.says
    assert len(drawn.figure.data) == 1


@pytest.mark.parametrize("narrow", [False, True])
def test_a_model_that_knows_how_sure_it_is_says_so_on_the_page(monkeypatch, narrow):
    recommend, explain = Lab.recommend, Lab.explain

    def unsure(self, *question, **settings):
        answer = recommend(self, *question, **settings)
        return replace(answer, items=tuple(replace(item, deviation=0.83) for item in answer.items))

    monkeypatch.setattr(Lab, "recommend", unsure)
    monkeypatch.setattr(Lab, "explain", lambda self, *q, **s: replace(explain(self, *q, **s), deviation=0.83))
    monkeypatch.setattr(frame, "narrow", lambda: narrow)
    st.cache_resource.clear()
    app = opened(PERSON, model="bias", person="42")
    words = " ".join(text.value for text in app.markdown).replace("\\", "")
    if narrow:
        assert "★ 4.6 ± 0.8" in words
    else:
        assert set(app.dataframe[0].value["deviation"]) == {0.83}
        assert "Two times in three the rating would lie between 3.8 and 5.0." in words
    st.cache_resource.clear()
