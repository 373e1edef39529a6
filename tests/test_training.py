"""Networks trained as jobs of a lab: shared, kept, found again with their curves; a cancelled one leaves nothing."""

import dataclasses
import json
import threading
import time

import numpy as np
import pytest

from recengine.answers import StoredPerson
from recengine.lab import Lab
from recengine.models.sequential import SASRec
from recengine.store import Store

QUICK = {"epochs": 3, "factors": 8, "blocks": 1, "length": 10}
FOREVER = {**QUICK, "epochs": 2000, "patience": 1000}


@pytest.fixture
def lab(tmp_path):
    return Lab(Store(tmp_path))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "made.csv"
    rows = [f"{u},{i},{1 + (u * i) % 5},{1000 * u + i}" for u in range(20) for i in range(15) if (u * 7 + i * 3) % 5]
    path.write_text("\n".join(["user,item,rating,timestamp", *rows]), "utf-8")
    return str(path)


def until(condition):
    """Wait for what must come."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def over(lab, job):
    until(lambda: not lab.job(job.key).active)
    return lab.job(job.key)


def train(lab, data, seed=0, **parameters):
    done = over(lab, lab.train(data, lab.model("sasrec", {**QUICK, **parameters}), seed=seed))
    assert done.state == "done", done.error
    return done


def left_in(lab):
    """Names of what is in the store but locks."""
    return [path.name for path in lab.store.root.iterdir() if path.name != "locks"]


def test_a_job_makes_the_very_artifact_that_a_fit_would(lab, data, monkeypatch):
    done = train(lab, data)
    assert left_in(lab) == [done.key]
    monkeypatch.setattr(SASRec, "fit", lambda *_: pytest.fail("it was in the store"))
    model = lab.model("sasrec", QUICK)
    fitted = lab.fitted(data, model)
    assert fitted.model == model
    assert lab.recommend(data, model, StoredPerson(3), 3).items
    assert done.learning.loss == pytest.approx(fitted.curve.loss)
    assert done.learning.validation == pytest.approx(fitted.curve.validation)
    assert done.learning.best == fitted.curve.best


def test_what_a_training_waited_for_another_is_none_of_its_seconds(lab, data, monkeypatch):
    told = []
    monkeypatch.setattr(lab.store, "idle", told.append)
    train(lab, data)
    assert len(told) == 1


def test_asking_for_the_same_again_starts_nothing_anew(lab, data):
    gate, model = threading.Event(), lab.model("sasrec", QUICK)
    hold = lab._jobs.start("hold", lab.train(data, model, seed=9).task, lambda context: gate.wait(60))
    first, second = lab.train(data, model), lab.train(data, model)
    other = lab.train(data, model, seed=1)
    assert first.key == second.key != other.key
    assert [job.key for job in lab.jobs() if job.task.seed == 0] == [first.key]
    gate.set()
    for job in (hold, first, other):
        assert over(lab, job).state == "done"
    before = lab.runs(data)
    assert over(lab, lab.train(data, model)).state == "done"
    assert lab.runs(data) == before


def test_a_cancelled_training_leaves_nothing(lab, data):
    job = lab.train(data, lab.model("sasrec", FOREVER))
    queued = lab.train(data, lab.model("sasrec", FOREVER), seed=1)
    until(lambda: lab.job(job.key).learning)
    seen = lab.job(job.key)
    assert (seen.state, seen.at_most) == ("running", True)
    assert seen.learning.most == 2000
    lab.cancel(queued.key)
    assert lab.job(queued.key).state == "cancelled"
    lab.cancel(job.key)
    assert over(lab, job).state == "cancelled"
    assert left_in(lab) == []
    assert lab.runs(data) == ()
    assert train(lab, data).state == "done"


def test_a_training_that_waits_for_the_same_of_another_lab_can_be_cancelled(lab, data, tmp_path):
    other, model = Lab(Store(tmp_path)), lab.model("sasrec", FOREVER)
    first = other.train(data, model)
    until(lambda: other.job(first.key).learning)
    second = lab.train(data, model)
    until(lambda: "elsewhere" in lab.job(second.key).message)
    lab.cancel(second.key)
    assert over(lab, second).state == "cancelled"
    assert other.job(first.key).state == "running"
    other.cancel(first.key)
    over(other, first)


def test_a_network_that_cannot_be_says_so(lab, data, one_sentence):
    done = over(lab, lab.train(data, lab.model("sasrec", {**QUICK, "heads": 3})))
    assert done.state == "failed"
    assert one_sentence(done.error)
    assert left_in(lab) == []


def test_any_model_can_be_trained_as_a_job_and_no_other_is_a_run(lab, data):
    done = over(lab, lab.train(data, lab.model("item-knn")))
    assert (done.state, done.learning) == ("done", None)
    assert left_in(lab) == [done.key]
    assert lab.runs(data) == ()


def test_runs_are_found_again_by_another_lab_newest_first(lab, data, tmp_path):
    keys = [train(lab, data).key, train(lab, data, seed=5).key, train(lab, data, learning_rate=0.01).key]
    runs = Lab(Store(tmp_path)).runs(data)
    assert [run.key for run in runs] == keys[::-1]
    assert lab.runs(data, 2) == runs[:2]
    run = next(run for run in runs if run.task.seed == 5)
    assert run.task == lab.job(run.key).task
    assert run.seconds > 0
    assert run.learning.loss == pytest.approx(lab.job(run.key).learning.loss)
    assert (run.learning.metric, run.learning.higher_is_better, run.learning.most) == ("ndcg@10", True, 3)
    assert json.loads(json.dumps(dataclasses.asdict(run), allow_nan=False))["key"] == run.key


def test_runs_open_no_array_but_those_of_the_curves(lab, data, tmp_path):
    run = lab.job(train(lab, data).key)
    folder = lab.store.root / run.key
    told = json.loads((folder / "meta.json").read_text("utf-8"))["told"]
    part = json.dumps(told["value"]["fields"]["curve"])
    for path in folder.glob("*.npy"):
        if f'"{path.name}"' not in part:
            path.unlink()
    assert [found.key for found in Lab(Store(tmp_path)).runs(data)] == [run.key]


def test_runs_of_other_data_and_of_networks_that_changed_are_left_out(lab, data, tmp_path, monkeypatch):
    train(lab, data)
    other = tmp_path / "other.csv"
    other.write_text("user,item,rating\n1,1,5\n1,2,4\n2,1,3\n2,2,1", "utf-8")
    assert lab.runs(str(other)) == ()
    assert len(lab.runs(data)) == 1
    monkeypatch.setattr(SASRec, "revision", SASRec.revision + 1)
    assert lab.runs(data) == ()


def test_a_damaged_run_is_left_out_and_the_others_stand(lab, data, caplog):
    damaged, whole = train(lab, data), train(lab, data, seed=1)
    folder = lab.store.root / damaged.key
    names = json.loads((folder / "meta.json").read_text("utf-8"))["told"]["value"]["fields"]["curve"]["fields"]["loss"]
    path = folder / names["$array"]
    np.save(path, np.zeros_like(np.load(path)))
    assert [run.key for run in lab.runs(data)] == [whole.key]
    assert "does not match its checksum" in caplog.text
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    meta["told"]["value"]["fields"]["curve"]["fields"]["best"] = 77
    for text in (json.dumps(meta), "nonsense"):
        (folder / "meta.json").write_text(text, "utf-8")
        assert [run.key for run in lab.runs(data)] == [whole.key]
        assert lab.store.field(damaged.key, "curve") is None
    assert lab.store.field("0" * 32, "curve") is None


def test_a_page_that_needs_what_is_in_training_waits_with_its_progress_and_can_leave(lab, data):
    job = lab.train(data, lab.model("sasrec", FOREVER))
    until(lambda: lab.job(job.key).learning)
    seen = []

    class LeftError(Exception):
        pass

    def leave(fraction, message):
        seen.append(message)
        if len(seen) > 2:
            raise LeftError

    with pytest.raises(LeftError):
        lab.fitted(data, lab.model("sasrec", FOREVER), progress=leave)
    assert all("of at most 2000" in message for message in seen)
    assert lab.job(job.key).state == "running"
    lab.cancel(job.key)
    over(lab, job)
