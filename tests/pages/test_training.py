"""The page where networks learn, without a browser: start, watch, cancel, come back, compare."""

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import curves, frame, state, training
from recengine.answers import Job, Learning, Run, Task
from recengine.model import Epoch

pytestmark = [pytest.mark.xdist_group("pages"), pytest.mark.usefixtures("cold_store", "small_data")]

ROOT = Path(__file__).parents[2]
PAGE, PERSON = "pages/compare/training.py", "pages/recommend/person.py"
DATA = "ml-latest-small"
QUICK = {"network": "sasrec", "train.sasrec.epochs": "2", "train.sasrec.factors": "8", "train.sasrec.blocks": "1"}


@pytest.fixture(scope="module")
def small_data(cold_store, small_movielens):
    """A few ratings of few movies, in the place of a data set that is known by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECENGINE_DATA", str(small_movielens))
        yield


@pytest.fixture
def open_page():
    """`open_page(**address)`: the page at an address after its first run."""

    def go(page: str = PAGE, **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=240).switch_page(page)
        for name, value in {"data": DATA, **address}.items():
            app.query_params[name] = value
        return healthy(app.run())

    return go


@pytest.fixture
def gate():
    """Opens the gate that the jobs of `busy` stand at."""
    opened = threading.Event()
    yield opened
    opened.set()
    for job in state.jobs():
        state.cancel(job.key)
    until(lambda: not any(job.active for job in state.jobs()))


@pytest.fixture
def busy(gate):
    """`busy(label, *epochs)`: a job that has seen these epochs and stands at the gate."""

    def start(label: str, *epochs: Epoch) -> Job:
        def work(context):
            context.step(0.0, "epoch 1 of at most 9, ndcg@10 0.1")
            for epoch in epochs:
                context.watch(epoch)
            while not gate.wait(0.005):
                context.check()

        task = Task(DATA, {"model": "sasrec"}, "SASRec", label, 0)
        job = state.lab()._jobs.start(f"key of {label}", task, work)
        until(lambda: len(state.jobs()) > 1 or state.lab().job(job.key).state == "running")
        return job

    return start


def until(condition) -> None:
    """Wait for what must come."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def idle() -> bool:
    return not any(job.active for job in state.jobs())


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def words(app: AppTest) -> str:
    told = " ".join(element.value for element in (*app.markdown, *app.text, *app.header, *app.info))
    return re.sub(r"\\(?=\W)", "", told)


def cancels(app: AppTest) -> list:
    return [button for button in app.button if button.label == "Cancel"]


def trained(seed: int = 0, **parameters) -> Run:
    """A network that has learned, and is in the store."""
    model = state.model("sasrec", {"epochs": 2, "factors": 8, "blocks": 1, **parameters})
    job = state.train(DATA, model.label, seed)
    until(lambda: not state.lab().job(job.key).active)
    assert state.lab().job(job.key).state == "done", state.lab().job(job.key).error
    return next(run for run in state.runs(DATA) if run.key == job.key)


def test_before_any_training_it_says_what_to_do(open_page):
    app = open_page()
    assert app.title[0].value.endswith("?")
    assert not app.button(key="start training").disabled
    assert "has not learned from these data with these parameters" in words(app)
    assert not app.table
    assert not app.get("progress")


def test_a_training_is_started_goes_on_alone_and_is_found_again(open_page):
    app = open_page(**QUICK)
    app.button(key="start training").click()
    healthy(app.run())
    until(idle)
    app = healthy(app.run())
    assert [header.value for header in app.header][:1] == ["SASRec has learned"]
    assert "was the best and is kept: NDCG@10" in words(app)
    assert "each person's last movie" in words(app)
    assert app.button(key="start training").disabled
    assert len(app.get("plotly_chart")) == 3
    link = next(link for link in app.get("page_link") if link.label == "What does it recommend?")
    assert "sasrec.epochs=2" in link.proto.query_string
    again = open_page(**QUICK)
    assert words(again) == words(app)


def test_the_pages_that_recommend_find_what_was_trained(open_page, monkeypatch):
    trained()
    model = state.model("sasrec", {"epochs": 2, "factors": 8, "blocks": 1})
    monkeypatch.setattr(type(model), "fit", lambda *_: pytest.fail("it was in the store"))
    app = open_page(PERSON, model="sasrec", **{"sasrec.epochs": "2", "sasrec.factors": "8", "sasrec.blocks": "1"})
    assert len(app.dataframe[0].value)


def test_somebody_elses_training_is_here_with_its_curves_and_can_be_cancelled(open_page, busy):
    job = busy("sasrec(length=7)", *(Epoch(n, 9, 1 / n, "ndcg@10", value) for n, value in ((1, 0.1), (2, 0.3))))
    app = open_page(seed="3")
    said = words(app)
    assert "sasrec(length=7), seed 0" in said
    assert "Started elsewhere" in said
    assert "Epoch 1 of at most 9 · " in app.get("progress")[0].text.replace("\\", "")
    assert "0.3000 after epoch 2, the best so far (ring)." in said
    assert len(app.get("plotly_chart")) >= 2
    healthy(cancels(app)[0].click().run())
    until(lambda: state.lab().job(job.key).state == "cancelled")
    app = healthy(app.run())
    assert not cancels(app)
    assert "sasrec(length=7), seed 0" not in words(app)


def test_what_one_started_oneself_is_not_called_elsewhere_and_can_be_cancelled_in_the_queue(open_page, busy, gate):
    busy("sasrec(length=8)")
    app = open_page(seed="4", **QUICK)
    healthy(app.button(key="start training").click().run())
    assert app.button(key="start training").disabled
    assert len(cancels(app)) == 2
    assert words(app).count("Started elsewhere") == 1
    assert "Waits for 1 other" in words(app)
    healthy(cancels(app)[1].click().run())
    app = healthy(app.run())
    assert len(cancels(app)) == 1
    assert "Cancelled, and nothing was kept" in words(app)
    assert not app.button(key="start training").disabled
    assert not [run for run in state.runs(DATA) if run.task.seed == 4]
    app.number_input(key="seed").set_value(5)
    assert "seed 4: cancelled." in words(healthy(app.run()))


def test_a_training_that_fails_says_why_in_one_sentence(open_page):
    app = open_page(**QUICK, **{"train.sasrec.heads": "3"})
    app.button(key="start training").click()
    app.run()
    until(idle)
    app.run()
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == [
        "8 factors do not divide into 3 heads: choose a divisor."
    ]
    assert not app.button(key="start training").disabled


def test_a_refusal_to_start_is_one_sentence(open_page, monkeypatch):
    def refuse(*_):
        raise training.RecengineError("These data are *gone*: choose others.")

    app = open_page(seed="9")
    monkeypatch.setattr(state, "train", refuse)
    app.button(key="start training").click().run()
    assert [error.value for error in app.error] == ["These data are \\*gone\\*: choose others\\."]
    assert not healthy(app.run()).error


@pytest.mark.parametrize(
    "address",
    [
        {"network": "oracle"},
        {"network": "item-knn"},
        {"network": "<b>", "seed": "x", "curve": "Nope", "along": "Nope", "runs": "nope", "train.sasrec.epochs": "-5"},
    ],
)
def test_nonsense_in_the_address_is_said_and_forgiven(open_page, address):
    trained()
    app = open_page(**address)
    assert len(app.warning) == 1
    assert "There is no network called" in app.warning[0].value
    first = next(name for name, info in state.models().items() if info.family == training.FAMILY)
    assert app.selectbox(key="network in the address").value == first


def test_the_network_is_still_chosen_after_a_look_at_another_page(open_page):
    app = open_page(network="sasrec")
    healthy(app.switch_page(PERSON).run())
    del app.query_params["network"]  # as the browser does
    healthy(app.switch_page(PAGE).run())
    assert app.selectbox(key="network in the address").value == "sasrec"


def test_an_algorithm_carried_from_another_page_is_no_nonsense(open_page):
    assert not open_page(model="item-knn").warning


def test_earlier_trainings_stand_furthest_first_and_are_chosen_for_the_picture(open_page):
    runs = [trained(), trained(1), trained(learning_rate=0.05)]
    app = open_page()
    table = app.table[0].value
    values = [float(value.replace("\\", "")) for value in table["NDCG@10"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(state.runs(DATA))
    names = [curves.name(run) for run in runs]
    app.multiselect(key="runs").set_value(names[1:]).run()
    alt = app.get("plotly_chart")[-1].proto.alt
    assert names[0] not in alt.replace(names[2], "")
    assert names[1] in alt
    assert names[2] in alt
    app.session_state["curve"] = "Loss"
    app.session_state["along"] = "Seconds"
    app = healthy(app.run())
    assert "Losses of different networks" in words(app)
    losses = [float(value.replace("\\", "")) for value in app.table[0].value["Loss"]]
    assert losses == sorted(losses)


def test_a_narrow_screen_gets_cards(open_page, monkeypatch):
    trained()
    monkeypatch.setattr(frame, "narrow", lambda: True)
    app = open_page()
    assert not app.table
    assert "Best epoch: " in words(app)


def told(values, *, most=9, best=1, metric="ndcg@10") -> Learning:
    return Learning(
        metric, True, tuple(1.0 for _ in values), tuple(values), tuple(map(float, range(len(values)))), most, best
    )


def run_of(learning: Learning) -> Run:
    return Run("key", Task(DATA, {"model": "sasrec"}, "SASRec", "sasrec", 0), 75.0, 0.0, learning)


@pytest.mark.parametrize(
    ("learning", "end"),
    [
        (told([0.1, 0.3, 0.2], best=2), "Then 1 epoch brought nothing better, so it stopped, after 1 min 15 s."),
        (told([0.1, 0.3, 0.2], most=3, best=2), "It learned for all 3 epochs that it had, after 1 min 15 s."),
        (told([0.1], most=1), "It learned for the 1 epoch that it had, after 1 min 15 s."),
        (told([None], best=1, metric=""), "nothing was held back to choose one by."),
    ],
)
def test_a_training_in_words(learning, end):
    assert training.verdict(run_of(learning)).endswith(end)


@pytest.mark.parametrize(
    ("left", "at_most", "stopping", "said"),
    [
        (None, False, False, "Epoch 2 of at most 9 · 42 s so far"),
        (250.0, True, False, "Epoch 2 of at most 9 · 42 s so far, at most 4 min more"),
        (7.0, False, False, "Epoch 2 of at most 9 · 42 s so far, about 7 s more"),
        (7.0, True, True, "Stops after this batch …"),
    ],
)
def test_progress_in_words(left, at_most, stopping, said):
    task = Task(DATA, {"model": "sasrec"}, "SASRec", "sasrec", 0)
    message = "epoch 2 of at most 9, ndcg@10 0.1000, best 0.1000"
    job = Job("key", task, "running", 0, 0.2, message, 42.0, left, at_most, stopping, None, None)
    assert training.progress(job) == said


def test_a_curve_without_a_validation_is_one_picture():
    assert len(curves.halves(told([None, None], best=None, metric=""), "sasrec")) == 1
    assert len(curves.halves(told([0.1]), "sasrec", live=True)) == 2


def test_the_furthest_is_the_lowest_error_or_the_highest_quality_of_those_that_were_measured():
    high, low, none = run_of(told([0.3])), run_of(told([0.1])), run_of(told([None]))
    assert curves.ranked([low, none, high], "ndcg@10") == [high, low]
    errors = [
        replace(run, learning=replace(run.learning, metric="rmse", higher_is_better=False)) for run in (high, low)
    ]
    assert curves.ranked([*errors, high], "rmse") == errors[::-1]
    assert curves.ranked([none], "ndcg@10") == []
    assert len(curves.ranked([none, high], curves.LOSS)) == 2


def test_a_large_loss_has_no_more_digits_than_a_small_one():
    large = replace(told([0.1]), loss=(1289.0915,))
    (loss, _) = curves.halves(large, "multvae")
    assert loss.says == "1289.1 after epoch 1."


def test_many_curves_keep_apart():
    looks = [curves._look(place) for place in range(20)]
    assert len(set(looks)) == len(looks)
