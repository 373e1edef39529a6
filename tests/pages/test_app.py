"""Every page without a browser: it runs, answers its question, and forgives."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
SCRIPTS = [path.relative_to(ROOT) for path in (ROOT / "pages").glob("*/*.py")]
PAGES = sorted(path.as_posix() for path in SCRIPTS if path.parts[1] != "ui")
PERSON, MOVIES = "pages/recommend/person.py", "pages/recommend/movies.py"

pytestmark = [pytest.mark.xdist_group("pages"), pytest.mark.usefixtures("cold_store")]


@pytest.fixture
def open_page():
    """`open_page(page, **address)`: the page after its first run."""

    def go(page: str = PERSON, **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if page != PERSON:
            app.run()  # which registers the pages
            app.switch_page(page)
        for name, value in address.items():
            app.query_params[name] = value
        return healthy(app.run())

    return go


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def listed(app: AppTest) -> list[str]:
    return app.dataframe[0].value["movie"].tolist()


def test_pages_lie_one_folder_deeper():
    # A script directly in pages/ would be run instead of app.py for the first deep link on a fresh server.
    assert not list((ROOT / "pages").glob("*.py"))
    assert len(PAGES) >= 4


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_a_question_and_answers_it(open_page, page):
    app = open_page(page)
    assert len(app.title) == 1
    assert app.title[0].value.endswith("?")


def test_a_person_gets_a_list_and_the_reason_for_its_first_movie(open_page):
    app = open_page()
    assert len(listed(app)) == 10
    assert app.header[0].value.startswith("Why ")
    assert any("the parts sum to" in text.value for text in app.markdown)


def test_another_person_another_list(open_page):
    app = open_page()
    first, title = listed(app), app.title[0].value
    healthy(app.button[0].click().run())
    assert app.title[0].value != title
    assert listed(app) != first
    healthy(app.text_input(key="person").set_value("42").run())
    assert app.title[0].value == "What should person 42 watch next, and why?"


def test_an_unknown_person_is_said_and_replaced(open_page):
    app = open_page()
    before = app.title[0].value
    healthy(app.text_input(key="person").set_value("66 66").run())
    assert "There is no person 66 66" in app.warning[0].value
    assert app.title[0].value == before


def test_the_address_chooses_algorithm_parameters_filters_and_length(open_page):
    app = open_page(person="42", model="user-knn", **{"user-knn.k": "7"}, length="20", fewest="50", genres="Comedy")
    assert app.selectbox(key="model in the address").value == "user-knn"
    assert app.slider(key="user-knn.k").value == 7
    table = app.dataframe[0].value
    assert len(table) == 20
    assert table["ratings"].min() >= 50
    assert app.multiselect(key="genres").value == ["Comedy"]


@pytest.mark.parametrize(
    "address",
    [
        {"person": "0", "model": "oracle", "data": "nowhere", "length": "7", "fewest": "-1", "genres": "?"},
        {"person": "<b>*bold*</b>", "item-knn.k": "9999999", "years": "abc", "item-knn.similarity": "none"},
        {"person": "a", "years": ["1800", "1850"], "genres": ["Comedy", "Nothing"]},
        {"model": "item-knn", "item-knn.k": "-3", "item-knn.shrinkage": "nan", "years": "1", "person": "é…"},
    ],
)
def test_nonsense_in_the_address_is_forgiven(open_page, address):
    app = open_page(**address)
    assert len(listed(app)) == 10
    assert app.warning


def test_parameters_go_back_to_their_defaults(open_page):
    app = open_page(**{"item-knn.k": "5"})
    few = listed(app)
    reset = next(button for button in app.button if button.label == "Back to the defaults")
    healthy(reset.click().run())
    assert app.slider(key="item-knn.k").value != 5
    assert listed(app) != few


def test_a_list_by_evidence_says_so_and_the_way_back_to_stars(open_page):
    app = open_page(MOVIES, rated="1:5")
    assert any(text.value.startswith(":small[Ranked by evidence") for text in app.markdown)
    assert "list.item-knn.k" in app.session_state
    app = open_page(MOVIES, rated="1:5", **{"list.by": "Predicted stars"})
    assert not any("by evidence" in text.value for text in app.markdown)
    assert app.dataframe[0].value["predicted"].max() <= 5
    assert "item-knn.k" in app.session_state


def test_filters_that_leave_nothing_say_so(open_page):
    app = open_page(years="1903", genres="IMAX", fewest="100")
    app.slider(key="years").set_range(1902, 1903)
    healthy(app.run())
    assert not app.dataframe
    assert "No movie passes these filters" in app.info[0].value


def test_a_shelf_begins_the_list_and_stars_change_it(open_page):
    app = open_page(MOVIES)
    assert not app.dataframe
    healthy(next(button for button in app.button if button.label == "I like these").click().run())
    assert app.query_params["rated"].count(":") >= 2
    first = listed(app)
    stars = next(box for box in app.selectbox if box.label.startswith("Your rating of"))
    healthy(stars.set_value(0.5).run())
    assert ":0.5" in app.query_params["rated"]
    assert listed(app) != first


def test_a_movie_is_found_added_and_removed(open_page):
    app = open_page(MOVIES)
    healthy(app.text_input(key="find").set_value("toy story").run())
    healthy(app.button(key="add 1").click().run())
    assert app.query_params["rated"] == "1:4"
    assert len(listed(app)) == 10
    healthy(app.button(key="remove 1").click().run())
    assert "rated" not in app.query_params
    assert not app.dataframe


def test_a_shared_address_is_the_same_page_and_its_faults_are_named(open_page):
    app = open_page(MOVIES, rated="1:5,318:4.5,999999:3,2:77,::,,1:3")
    assert "999999" in app.warning[0].value
    assert "2:77" in app.warning[0].value
    assert [box.value for box in app.selectbox if box.label.startswith("Your rating of")] == [3.0, 4.5]


def test_data_that_cannot_be_loaded_are_one_sentence(open_page, monkeypatch):
    from recengine.data import sources
    from recengine.errors import DataError

    def offline(name):
        raise DataError("There is no network: put the zip into the data folder.")

    app = open_page()
    monkeypatch.setattr(sources, "load", offline)
    app.query_params["data"] = "ml-10m"
    app.run()
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == [
        "There is no network: put the zip into the data folder."
    ]
    healthy(next(button for button in app.button if button.label.startswith("Back to")).click().run())
    assert len(listed(app)) == 10


def test_the_choice_of_data_and_algorithm_survives_a_change_of_page(open_page):
    app = open_page(model="popularity")
    app.query_params.clear()  # as a browser does
    healthy(app.switch_page(MOVIES).run())
    assert app.query_params["model"] == "popularity"


def test_filters_of_other_data_are_forgotten_where_they_do_not_fit(open_page, ml100k_zip, monkeypatch):
    monkeypatch.setenv("RECENGINE_DATA", str(ml100k_zip.parent))
    app = open_page()
    app.multiselect(key="genres").set_value(["IMAX"])
    app.slider(key="years").set_range(1902, 2010)
    healthy(app.run())
    app.query_params["data"] = "ml-100k"
    healthy(app.switch_page(MOVIES).run())
    assert app.multiselect(key="genres").value == []
    assert app.slider(key="years").value == (app.slider(key="years").min, app.slider(key="years").max)
    del app.query_params["data"]
    healthy(app.switch_page(PERSON).run())
    assert app.slider(key="years").value == (app.slider(key="years").min, app.slider(key="years").max)


def test_rated_movies_are_the_same_titles_in_other_data(open_page, ml100k_zip, monkeypatch):
    monkeypatch.setenv("RECENGINE_DATA", str(ml100k_zip.parent))
    app = open_page(MOVIES, rated="1:4.5,1214:3,2571:4")  # Toy Story, Alien, and The Matrix, which came too late
    app.query_params["data"] = "ml-100k"
    healthy(app.run())
    assert app.query_params["rated"] == "1:4,183:3"
    assert "The Matrix" in app.warning[0].value
