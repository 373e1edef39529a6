"""The hybrid workbench without a browser: every kind, every change, cold start, nonsense, and what is taken along."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from pages.ui import frame, slopes, state, takeaway, workbench
from recengine.answers import Curve, Filters, StoredPerson, Visitor, Weighing
from recengine.serve.cli import app as cli

pytestmark = [pytest.mark.xdist_group("pages"), pytest.mark.usefixtures("cold_store")]

ROOT = Path(__file__).parents[2]
PAGE, PERSON = "pages/recommend/workbench.py", "pages/recommend/person.py"
QUICK = "weighted(children=[item-knn, bias])"


@pytest.fixture
def open_page():
    """`open_page(**address)`: the page at an address after its first run."""

    def go(page: str = PAGE, **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=240).switch_page(page)
        for name, value in address.items():
            app.query_params[name] = value
        return healthy(app.run())

    return go


@pytest.fixture
def made(tmp_path):
    """The path of a small table without ratings."""
    rows = [f"{user},{item}" for user in range(30) for item in range(20) if (user * 7 + item * 3) % 5 < 2]
    (tmp_path / "made.csv").write_text("\n".join(["user,item", *rows]), "utf-8")
    return str(tmp_path / "made.csv")


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def listed(app: AppTest) -> list[str]:
    return app.dataframe[0].value["movie"].tolist()


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.text)).replace("\\", "")


def headers(app: AppTest) -> list[str]:
    return [header.value.replace("\\", "") for header in app.header]


@pytest.mark.parametrize("kind", ["weighted", "switching", "cascade", "feature-combination", "meta-level"])
def test_every_kind_has_widgets_lists_and_a_reason(open_page, kind):
    app = open_page(spec=kind, person="42")
    assert app.selectbox(key="kind of hybrid").value == kind
    assert len(listed(app)) == 10
    assert app.header[0].value.startswith("Why ")
    children = [p for p in workbench.kinds()[kind].parameters if p.kind in ("model", "models")]
    assert children
    assert sum(box.key is not None and box.key.endswith(" model") for box in app.selectbox) >= len(children)


def test_a_weight_that_slides_ranks_anew_and_is_in_the_address(open_page):
    app = open_page(spec=QUICK, person="42")
    before = listed(app)
    assert [slider.value for slider in app.slider if slider.label.startswith("Weight of")] == [0.5, 0.5]
    healthy(app.slider(key="weighted.weights.0").set_value(0.0).run())
    assert app.query_params["spec"] == "weighted(children=[item-knn, bias], weights=[0.0, 0.5])"
    assert listed(app) != before
    assert "User and item bias 100%" in words(app)
    app.slider(key="weighted.weights.1").set_value(0.0).run()
    assert "make them sum to more than 0" in app.warning[0].value
    assert app.slider(key="weighted.weights.1").value == 0.5
    assert listed(healthy(app)) != before


def test_another_kind_another_model_other_parameters(open_page):
    app = open_page(person="42")
    healthy(app.selectbox(key="kind of hybrid").set_value("switching").run())
    assert app.query_params["spec"] == "switching"
    healthy(app.selectbox(key="switching.preferred.None model").set_value("user-knn").run())
    assert app.query_params["spec"] == "switching(preferred=user-knn)"
    healthy(app.slider(key="switching.preferred.None.user-knn.k").set_value(7).run())
    assert app.query_params["spec"] == "switching(preferred=user-knn(k=7))"
    healthy(app.slider(key="switching.own.threshold").set_value(500).run())
    assert app.query_params["spec"] == "switching(preferred=user-knn(k=7), threshold=500)"
    assert "fewer than 500" in " ".join(app.dataframe[-1].value["what"])
    healthy(app.selectbox(key="kind of hybrid").set_value("weighted").run())
    assert "spec" not in app.query_params


def test_models_are_added_and_taken_out_and_weights_move_along(open_page):
    app = open_page(spec="weighted(children=[item-knn, bias], weights=[0.2, 0.6])", person="42")
    healthy(app.selectbox(key="add to weighted.children").set_value("global-mean").run())
    spec = app.query_params["spec"]
    assert spec == "weighted(children=[item-knn, bias, global-mean], weights=[0.2, 0.6, 0.4])"
    healthy(app.button(key="weighted.children.0 out").click().run())
    assert app.query_params["spec"] == "weighted(children=[bias, global-mean], weights=[0.6, 0.4])"


def test_models_that_do_not_fit_are_not_offered_and_it_is_said_why(open_page):
    app = open_page(spec=QUICK, person="42")
    box = app.selectbox(key="weighted.children.1 model")
    assert "Popularity" not in box.options
    assert "predicts no ratings" in box.help.replace("\\", "")
    app = open_page(spec="weighted(children=[item-knn, bias], calibration=z-score)", person="42")
    assert "Popularity" in app.selectbox(key="weighted.children.1 model").options


@pytest.mark.parametrize("known", workbench.FEW)
@pytest.mark.parametrize("kind", ["weighted", "switching", "cascade"])
def test_a_cold_start_is_answered_and_labelled(open_page, kind, known):
    app = open_page(spec=kind, known=known, person="42")
    n = state.person("demo", "42").n_ratings if known == workbench.EVERYTHING else int(known)
    assert f"Rests on {n} rating" in words(app)
    assert len(listed(app)) == 10
    if known == "0":
        assert "a fallback answers: " in words(app)


def test_too_few_ratings_to_learn_weights_are_said(open_page, monkeypatch, tmp_path):
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(1, 13) for i in range(1, 9) if (u + i) % 3]
    (tmp_path / "tiny.csv").write_text("\n".join(["user,item,rating", *rows]), "utf-8")
    told = state.lab().workbench(str(tmp_path / "tiny.csv"), state.model("weighted(learned=true)"), StoredPerson(3))
    assert told.weights == pytest.approx((0.5, 0.5))
    monkeypatch.setattr(state, "taken_apart", lambda *_: told)
    app = open_page(person="42")
    assert [warning.value.replace("\\", "") for warning in app.warning] == list(told.notes) != []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nonsense(", "is no model"),
        ("item-knn", "item-knn is not made of other models. This is Weighted hybrid."),
        ("weighted(children=[item-knn, oracle])", "There is no model 'oracle'"),
        ("weighted(children=[item-knn, ease])", "ease predicts no ratings"),
        ("weighted(weights=[1, 2, 3])", "give a weight for each"),
        ("<b>*x*</b>", "There is no model"),
    ],
)
def test_nonsense_in_the_address_is_forgiven(open_page, spec, said):
    app = open_page(spec=spec, person="42", known="77")
    assert said in app.warning[0].value.replace("\\", "")
    assert app.selectbox(key="kind of hybrid").value == "weighted"
    assert len(listed(app)) == 10


@pytest.fixture(scope="module")
def unrated(tmp_path_factory):
    """The folder of a MovieLens of 30 people and 40 movies, and one that nobody rated: 99."""
    where = tmp_path_factory.mktemp("data") / "ml-20m"
    where.mkdir()
    movies = [f"{i},Movie {i} ({1970 + i % 30}),{('Comedy', 'Drama')[i % 2]}" for i in range(1, 41)]
    movies.append("99,Nobody's (1999),Comedy")
    (where / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]), "utf-8")
    rows = [f"{u},{i},{1 + u * i % 5},{u * i}" for u in range(1, 31) for i in range(1, 41) if (u + i) % 3]
    (where / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]), "utf-8")
    return where.parent


@pytest.mark.parametrize("known", ["0", "1", workbench.EVERYTHING])
@pytest.mark.parametrize(
    "kind", [name for name, info in state.models().items() if info.family == "hybrids" and "blend" not in name]
)
def test_a_movie_nobody_rated_gets_a_place_and_a_labelled_reason(open_page, monkeypatch, unrated, kind, known):
    monkeypatch.setenv("RECENGINE_DATA", str(unrated))
    app = open_page(data="ml-20m", spec=kind, person="3", known=known, movie="99")
    said = words(app)
    assert "**Nobody's (1999)**, that nobody rated, is kept out by the filters. Let through, it would be no. " in said
    assert "Why Nobody's (1999)?" in headers(app)
    silent = " by its fallback" in said
    assert silent or kind in ("feature-combination", "meta-level")  # whose content model knows a comedy
    if known == "0":
        assert "stands in" in said or "Chosen because the person has 0 ratings" in said


def test_any_movie_is_found_by_its_title_and_asked_about(open_page):
    app = open_page(spec=QUICK, person="42")
    before = listed(app)
    healthy(app.text_input(key="find movie").set_value("alien").run())
    healthy(app.button(key="show 1214").click().run())
    assert app.query_params["movie"] == "1214"
    assert "**Alien (1979)**, rated by 127, is no. " in words(app)
    assert "Why Alien (1979)?" in headers(app)
    assert listed(app) == before
    healthy(app.slider(key="weighted.weights.0").set_value(0.0).run())
    assert "Why Alien (1979)?" in headers(app)
    healthy(next(button for button in app.button if button.label == "Back to the list").click().run())
    assert "movie" not in app.query_params
    known = str(state.person("demo", "42").history["item_id"].iloc[0])
    assert "is known to the person already, so it is in no list" in words(
        open_page(spec=QUICK, person="42", movie=known)
    )


def test_a_movie_that_is_not_there_is_said_and_the_first_is_explained(open_page):
    app = open_page(spec=QUICK, person="42", movie="no such thing at all")
    assert "There is no movie" in app.warning[0].value
    assert headers(app)[0] == f"Why {listed(app)[0]}?"


def test_what_cannot_be_fitted_is_one_sentence_and_the_widgets_stay():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=240).switch_page(PAGE)
    app.query_params["spec"] = "switching(preferred=bias, rule=uncertainty)"
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert "does not know how sure it is" in app.error[0].value.replace("\\", "")
    healthy(app.selectbox(key="switching.own.rule").set_value("person-ratings").run())
    assert len(listed(app)) == 10


def test_data_without_ratings_begin_with_what_ranks(made):
    for kind in ("", "cascade", "meta-level"):
        model = workbench.first(made, kind)
        assert not model.traits.ratings
        assert len(state.taken_apart(made, model.label, StoredPerson(3), 5, Filters(), None).rows) == 5


def test_the_weights_are_measured_when_that_is_asked(open_page, monkeypatch):
    monkeypatch.setattr(
        state, "weighing",
        lambda *_: Weighing("RMSE", False, 0.9, 3, 20, (Curve(0.5, (0.0, 0.5, 1.0), (0.95, 0.9, 0.91)),) * 2),
    )  # fmt: skip
    app = open_page(spec=QUICK, person="42")
    assert "RMSE 0.9" not in words(app)
    healthy(app.toggle(key="measured").set_value(True).run())
    assert "RMSE 0.9000 with these weights (lower is better), over 20 ratings" in words(app)
    assert "RMSE 0.9000 at best, with a share of 50% (ring)" in words(app)


def test_a_narrow_screen_gets_cards(open_page, monkeypatch):
    monkeypatch.setattr(frame, "narrow", lambda: True)
    app = open_page(spec=QUICK, person="42")
    assert sum(part.label == "Why, in full" for part in app.expander) == 10
    assert "User and item bias: place" in words(app)


def test_other_pages_show_a_hybrids_models_as_text_and_the_way_here(open_page):
    app = open_page(PERSON, model="weighted", person="42")
    assert "Made of: item-knn, content-tree." in words(app)
    assert len(listed(app)) == 10


@pytest.mark.parametrize("who", [StoredPerson(42), Visitor(((1, 4.5), (318, 3.0)))])
def test_what_is_taken_along_gives_the_same_list(who, tmp_path):
    model = state.model("weighted(children=[item-knn(k=20), bias], weights=[0.25, 0.75])")
    filters = Filters(("Comedy",), 1950, 2000, 20)
    there = state.taken_apart("demo", model.label, who, 5, filters, None)
    command = shlex.split(takeaway.command("demo", model.label, who, 5, filters))
    done = CliRunner().invoke(cli, [*command[3:], "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    titles = [row.movie.title for row in there.rows]
    assert [item["title"] for item in told["items"]] == titles
    (tmp_path / "hybrid.json").write_text(json.dumps(model.spec()), "utf-8")
    assert state.lab().model(json.loads((tmp_path / "hybrid.json").read_text("utf-8"))) == model
    printed = []
    exec(takeaway.python("demo", model.label, who, 5, filters), {"print": lambda *line: printed.append(line)})
    assert [line[1] for line in printed] == titles


def test_the_picture_has_a_line_a_movie_and_says_them_all():
    told = state.taken_apart("demo", QUICK, StoredPerson(42), 10, Filters(min_ratings=20), None)
    drawn = slopes.slopes(told, told.rows[2], narrow=False)
    beside, others, thick = drawn.figure.data
    ends = [y for x, y in zip(others.x, others.y, strict=True) if x == 2]
    assert ends == [float(place) for place in range(1, 11) if place != 3]
    assert list(thick.y)[2] == 3.0  # the chosen one, at its place in the hybrid's list
    assert thick.line.width > others.line.width > beside.line.width
    assert list(thick.x) == [0, 1, 2, None]
    for row in told.rows:
        assert slopes._title(row) in drawn.says


def test_titles_are_data_in_the_picture():
    told = state.taken_apart("demo", QUICK, StoredPerson(42), 10, Filters(min_ratings=20), None)
    row = replace(told.rows[0], movie=replace(told.rows[0].movie, title="<i>x</i>", year=None))
    figure = slopes.slopes(replace(told, rows=(row, *told.rows[1:])), row, narrow=True).figure
    assert "<b>1 · &lt;i&gt;x&lt;/i&gt;</b>" in [text.text for text in figure.layout.annotations]
    assert any("&lt;i&gt;x&lt;/i&gt;: place 1" in line.text for line in figure.data)
