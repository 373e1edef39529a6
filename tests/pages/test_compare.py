"""The page that compares models, as a person meets it, and the words it finds for numbers."""

import re
from contextvars import ContextVar
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import comparisons, standings, state
from recengine import evaluate
from recengine.bootstrap import Interval
from recengine.data import split
from recengine.errors import DataError
from recengine.lab import Lab

pytestmark = pytest.mark.usefixtures("cold_store")

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/compare/accuracy.py"


def opened(**address) -> AppTest:
    """The page at an address."""
    page = AppTest.from_file(str(APP), default_timeout=240)
    for name, value in address.items():
        page.query_params[name] = value
    return page.switch_page(PAGE).run()


def said(page: AppTest) -> str:
    return re.sub(r"\\(?=\W)", "", " ".join(text.value for text in page.markdown)).replace("\u00a0", " ")


def rows(page: AppTest):
    return page.table[0].value.map(lambda cell: cell.replace("\\", ""))


def control(page: AppTest, key: str):
    return page.session_state[key]


@pytest.fixture(scope="module")
def first() -> AppTest:
    return opened()


def test_the_answer_comes_without_asking(first):
    assert not first.exception
    assert first.title[0].value == "Which algorithm predicts these ratings best?"
    assert "has the lowest RMSE, 0." in said(first)
    assert first.get("plotly_chart")[0].proto.alt.startswith("RMSE with 95 % intervals, best first: ")


def test_models_stand_best_first_each_with_its_interval(first):
    values = [[float(x) for x in re.findall(r"\d\.\d{3}", cell)] for cell in rows(first).iloc[:, 1]]
    assert [value for value, _, _ in values] == sorted(value for value, _, _ in values)
    assert all(low <= value <= high for value, low, high in values)


def test_the_baselines_are_always_there(first):
    names = " ".join(rows(first).iloc[:, 0])
    assert "User and item bias" in names
    assert "Global mean" in names
    assert list(rows(first).iloc[:, 2]).count("the best baseline itself") == 1


def test_a_model_that_predicts_no_ratings_is_left_out_with_the_way_to_see_it(first):
    assert "Random and Popularity rank movies without predicting ratings: compare them under *Ranked lists*" in said(
        first
    )


def test_everything_needed_to_repeat_it_is_on_the_screen(first):
    fingerprint = Lab().catalogue("demo").fingerprint
    text = said(first)
    for needed in ("A random 20 % of all ratings", "20,001 test ratings", "671 people", "seed 0", fingerprint[:12]):
        assert needed in text
    assert "Training holds ratings made after test ratings" in text


def test_no_bar_stays_behind(first):
    assert not first.get("progress")


def test_the_second_look_says_the_same(first):
    before = said(first)
    assert said(opened()) == before


@pytest.fixture(scope="module")
def lists() -> AppTest:
    return opened(view="Ranked lists")


def test_ranked_lists_know_every_model(lists):
    assert not lists.exception
    assert lists.title[0].value == "Which algorithm ranks these movies best?"
    assert len(rows(lists)) == len(standings.of_family("baselines", "neighbors"))
    assert "1 is the best order" in said(lists)
    assert rows(lists).columns[1].startswith("NDCG@10")
    assert "every one held back is a hit" in said(lists)


def test_another_metric_is_another_picture_of_the_same_measurement(lists):
    lists.session_state["quality"] = "coverage@10"
    lists.run()
    assert not lists.exception
    assert "Random has the highest Catalogue coverage@10" in said(lists).replace("*", "")
    assert not any("[" in cell for cell in rows(lists).iloc[:, 1])


def test_the_choices_live_in_the_address():
    page = opened(split="temporal", models="Item-based neighbors", seed="3", error="MAE")
    assert page.selectbox(key="split in the address").value == "temporal"
    assert control(page, "models") == ["item-knn"]
    assert control(page, "seed") == 3
    assert rows(page).columns[1].startswith("MAE")
    assert "Seed 3," in said(page)
    assert "Training holds" not in said(page)


def test_nonsense_in_the_address_gives_the_defaults(first):
    page = opened(split="nope", models="zzz", seed="banana", view="<b>", error="$x$")
    assert not page.exception
    assert not page.error
    assert "There is no split nope" in page.warning[0].value
    assert said(page) == said(first)


def test_no_algorithm_leaves_the_baselines():
    page = opened(models="")
    assert not page.exception
    assert len(rows(page)) == 2
    assert "User and item bias has the lowest RMSE" in said(page).replace("*", "")
    assert "nothing chosen here does better than this baseline" in said(page)


def test_an_error_is_one_sentence_beside_the_choices(monkeypatch):
    def refuse(*args, **kwargs):
        raise DataError("Nobody in *demo* has more than 1 rating: choose another split.")

    monkeypatch.setattr(Lab, "evaluate", refuse)
    page = opened(seed="99")
    assert not page.exception
    assert len(page.error) == 1
    assert "choose another split" in page.error[0].value
    assert "\\*demo\\*" in page.error[0].value
    assert page.selectbox(key="split in the address").value == "random"


def test_a_narrow_screen_gets_cards(monkeypatch):
    monkeypatch.setattr(comparisons.frame, "narrow", lambda: True)
    page = opened()
    assert not page.table
    assert "RMSE 0." in said(page)
    assert "By fallback: " in said(page)


def test_progress_draws_outside_of_what_is_cached():
    inside = ContextVar("inside", default=False)
    seen = []
    show = state.aside(lambda fraction, message: seen.append((fraction, message, inside.get())))
    inside.set(True)
    show(0.5, "half")
    assert seen == [(0.5, "half", False)]


@pytest.fixture
def choice(make_dataset, monkeypatch):
    """`choice(table, *models, metric=…)`: standings and verdict of a small evaluation."""

    def compare(table, *models: str, metric: str, scale=(1.0, 5.0)):
        lab, data = Lab(), make_dataset(table, scale=scale)
        cut = split.make(data, "leave-last-out")
        evaluation = evaluate.evaluate(cut, [lab.model(name) for name in models], [metric])
        monkeypatch.setattr(state, "difference", lambda *_, metric, a, b: evaluate.difference(evaluation, metric, a, b))
        asked = standings.Choice("made", "leave-last-out", (), (metric,), 0)
        ranked = standings.standings(asked, evaluation, metric)
        return ranked, standings.verdict(asked, ranked, metric)

    return compare


TABLE = [[5, 4, 1, 2], [4, 5, 2, 1], [1, 2, 5, 4], [2, 1, 4, 5], [5, 5, 1, 1]]


def test_a_gain_is_better_in_either_direction(choice):
    errors, _ = choice(TABLE, "global-mean", "bias", "item-knn", metric="rmse")
    for row in errors:
        best = next(r for r in errors if r.baseline)
        if row.gain is not None:
            assert row.gain.value == pytest.approx(best.value.value - row.value.value)
            assert row.gain.low <= row.gain.value <= row.gain.high
    ranked, _ = choice(TABLE, "popularity", "random", metric="recall@1")
    worse = ranked[1]
    assert worse.gain.value == pytest.approx(worse.value.value - ranked[0].value.value)


def test_one_person_has_no_interval_and_no_claim(choice):
    ranked, text = choice([[5, 4, 1, 2]], "global-mean", "bias", metric="rmse")
    assert all(row.value.low is None for row in ranked)
    assert "chance" not in text
    figure = comparisons._figure(ranked, standings.parse("rmse"))
    assert figure.data


def test_without_a_baseline_nothing_is_said_of_one(choice):
    ranked, text = choice(TABLE, "item-knn", "user-knn", metric="rmse")
    assert [row.gain for row in ranked] == [None, None]
    assert "baseline" not in text
    assert "than the next" in text


def test_a_metric_that_nobody_has_is_one_sentence(choice):
    ranked, text = choice(TABLE, "popularity", "random", metric="diversity@2")
    assert ranked == []
    assert text == "None of these algorithms has a Diversity@2 on these data."


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (Interval(0.0241, 0.01, 0.03), "0.024 better, more than chance"),
        (Interval(-0.0241, -0.03, -0.01), "0.024 worse, more than chance"),
        (Interval(0.0241, -0.01, 0.05), "0.024 better, which can be chance"),
        (Interval(-0.0241), "0.024 worse"),
        (Interval(-0.0002, -0.001, 0.001), "less than 0.001 worse, which can be chance"),
        (Interval(0.0, 0.0, 0.0), "no better, which can be chance"),
    ],
)
def test_a_difference_in_words(gain, words):
    assert standings.in_words(gain, standings.parse("rmse")) + standings.chance(gain) == words


def test_ratings_are_judged_only_where_there_are_some():
    catalogue = Lab().catalogue("demo")
    assert list(standings.views(catalogue)) == ["Predicted ratings", "Ranked lists"]
    assert list(standings.views(type(catalogue)(**{**vars(catalogue), "scale": None, "n_movies": 3}))) == [
        "Ranked lists"
    ]


def test_every_split_has_its_words(monkeypatch):
    names = ("u1", "ub", *split.PARAMETERS)
    monkeypatch.setattr(state, "splits", lambda data: names)
    assert len(set(standings.splits("made").values())) == len(names)
    assert all(standings.how(name).endswith(".") for name in names)
