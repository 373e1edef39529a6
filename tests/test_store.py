"""The artifact store: found again bit for bit, never trusted when damaged, shared by threads and processes."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recengine import registry
from recengine import store as store_module
from recengine.data.dataset import Query
from recengine.model import Context
from recengine.store import Store, identity


@pytest.fixture
def train(make_dataset):
    table = np.random.default_rng(3).integers(1, 6, (12, 9)).astype(float)
    table[np.random.default_rng(4).random(table.shape) < 0.4] = np.nan
    return make_dataset(table)


def artifact_folder(store):
    (folder,) = [path for path in store.root.iterdir() if len(path.name) == 32]
    return folder


@pytest.mark.parametrize("name", registry.names())
def test_a_fitted_model_comes_back_bit_for_bit(tmp_path, train, name, light):
    model = registry.create(name, light.get(name))
    made = Store(tmp_path).fetch({"model": identity(model)}, lambda: model.fit(train, Context(seed=5)))
    found = Store(tmp_path).fetch({"model": identity(model)}, lambda: pytest.fail("it was kept"))
    query = Query.of_users(train, [0, 3, 7])
    assert (made.found, found.found) == (False, True)
    assert found.seconds == made.seconds
    assert found.value.model == model
    assert np.array_equal(made.value.score(query), found.value.score(query), equal_nan=True)
    assert found.value.explain(query, 2) == made.value.explain(query, 2)


def test_arrays_of_a_found_artifact_are_read_only(tmp_path, train):
    model = registry.create("item-knn")
    for _ in range(2):
        fitted = Store(tmp_path).fetch({"a": 1}, lambda: model.fit(train)).value
    with pytest.raises(ValueError, match="read-only"):
        fitted.neighbors.similarity[0] = 1


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "text — ünï", (1, "b", None), [1.5, [2]], {"k": (1, 2), "l": None},
        np.float32(0.5), np.int64(7),
    ],
)  # fmt: skip
def test_plain_values_come_back(tmp_path, value):
    Store(tmp_path).fetch({"v": 1}, lambda: value)
    back = Store(tmp_path).fetch({"v": 1}, lambda: pytest.fail("it was kept")).value
    assert back == value
    assert type(back) is type(value.item() if isinstance(value, np.generic) else value)


def test_arrays_tables_and_sparse_matrices_come_back(tmp_path):
    value = {
        "text": np.array(["a", "bc"]),
        "empty": np.zeros((0, 3), np.float32),
        "sparse": sp.csr_matrix((np.array([0.0, 2.0], np.float32), ([0, 1], [2, 0])), shape=(2, 3)),
        "table": pd.DataFrame({"name": ["x", "y"], "n": [1, 2], "share": [0.5, np.nan]}),
    }
    Store(tmp_path).fetch({"v": 1}, lambda: value)
    back = Store(tmp_path).fetch({"v": 1}, lambda: pytest.fail("it was kept")).value
    assert back["text"].tolist() == ["a", "bc"]
    assert back["empty"].shape == (0, 3)
    assert back["sparse"].nnz == 2  # a stored zero is a rating
    pd.testing.assert_frame_equal(back["table"], value["table"], check_dtype=False)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(bytes(content))


def tell_otherwise(folder, change, *, sealed=False):
    """Change what meta.json tells; `sealed` as a program that knows the format would, else as a failing disk."""
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    change(meta["told"])
    if sealed:
        meta["seal"] = store_module._seal(meta["told"])
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip_a_byte(folder / "0.npy"),
        lambda folder: (folder / "0.npy").write_bytes((folder / "0.npy").read_bytes()[:40]),
        lambda folder: (folder / "0.npy").unlink(),
        lambda folder: (folder / "meta.json").write_text("{", "utf-8"),
        lambda folder: (folder / "meta.json").write_text("[]", "utf-8"),
        lambda folder: (folder / "meta.json").write_text("{}", "utf-8"),
        lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "meta.json").unlink(),
        lambda folder: tell_otherwise(folder, lambda told: told.update(value=5)),
        lambda folder: tell_otherwise(folder, lambda told: told.update(seconds=0.0)),
        lambda folder: tell_otherwise(folder, lambda told: told["key"].update(v=2)),
        lambda folder: tell_otherwise(folder, lambda told: told.update(value={}), sealed=True),
        lambda folder: tell_otherwise(folder, lambda told: told.update(value={"$model": {"model": "x"}}), sealed=True),
        lambda folder: tell_otherwise(folder, lambda told: told["key"].update(v=2), sealed=True),
    ],
)
def test_a_damaged_artifact_is_set_aside_and_made_again(tmp_path, damage, caplog):
    depends_on, value = {"v": 1}, np.arange(100)
    store = Store(tmp_path)
    store.fetch(depends_on, lambda: value)
    damage(artifact_folder(store))
    again = Store(tmp_path).fetch(depends_on, lambda: value)
    assert not again.found
    assert "damaged" in caplog.text
    found = Store(tmp_path).fetch(depends_on, lambda: pytest.fail("it was made again"))
    assert found.value.tolist() == value.tolist()


def test_a_stored_name_cannot_import_something_else(tmp_path, caplog):
    store = Store(tmp_path)
    store.fetch({"v": 1}, lambda: 1)
    popen = {"$type": "subprocess:Popen", "fields": {"args": ["true"]}}
    tell_otherwise(artifact_folder(store), lambda told: told.update(value=popen), sealed=True)
    assert not Store(tmp_path).fetch({"v": 1}, lambda: 1).found
    assert "no part of an artifact" in caplog.text


def test_an_error_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path)

    def fails():
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        store.fetch({"v": 1}, fails)
    assert store.info().artifacts == 0
    assert store.fetch({"v": 1}, lambda: 7).value == 7


def test_something_that_cannot_be_kept_is_refused_and_leaves_nothing(tmp_path):
    @dataclass
    class Odd:
        thing: object

    store = Store(tmp_path)
    with pytest.raises(TypeError, match="cannot hold"):
        store.fetch({"v": 1}, lambda: Odd(object()))
    assert store.info().artifacts == 0
    assert not list(store.root.glob("making-*"))


def test_a_folder_that_cannot_be_used_costs_the_keeping_and_not_the_answer(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "cache")
    assert store.fetch({"v": 1}, lambda: 7).value == 7
    assert "not kept" in caplog.text


def test_the_least_recently_used_goes_first(tmp_path):
    big = np.zeros(10_000)
    store = Store(tmp_path, limit=200_000)
    for v in (1, 2):
        store.fetch({"v": v}, lambda: big)
        os.utime(store.root / store.key({"v": v}) / "meta.json", (v, v))
    Store(tmp_path).fetch({"v": 1}, lambda: pytest.fail("it was kept"))  # used again: 2 is now the older one
    store.fetch({"v": 3}, lambda: big)
    assert store.info().bytes <= 200_000
    fresh = Store(tmp_path)
    assert fresh.fetch({"v": 1}, lambda: big).found
    assert not fresh.fetch({"v": 2}, lambda: big).found


def test_clear_removes_everything(tmp_path):
    store = Store(tmp_path)
    store.fetch({"v": 1}, lambda: 7)
    for name in ("making-killed", "making-now"):
        (store.root / name).mkdir()
    os.utime(store.root / "making-killed", (0, 0))
    assert store.info().artifacts == 1
    assert store.clear() == 1
    assert store.info().artifacts == 0
    assert [path.name for path in store.root.glob("making-*")] == ["making-now"]
    assert not store.fetch({"v": 1}, lambda: 7).found


def test_nothing_but_artifacts_is_ever_removed(tmp_path):
    """The folder may be one that a person keeps other things in."""
    theirs = [tmp_path / "thesis" / "meta.json", tmp_path / "making-of" / "x", tmp_path / "artifacts" / "mine" / "x"]
    for path in theirs:
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    store = Store(tmp_path, limit=1)
    for v in range(3):
        store.fetch({"v": v}, lambda: np.zeros(100))
    assert store.info().artifacts == 1
    store.clear()
    assert all(path.exists() for path in theirs)


def test_what_was_set_aside_goes_before_any_artifact(tmp_path):
    store = Store(tmp_path, limit=12_000)
    store.fetch({"v": 1}, lambda: np.zeros(1000))
    flip_a_byte(artifact_folder(store) / "0.npy")
    Store(tmp_path).fetch({"v": 1}, lambda: np.zeros(1000))
    assert list(store.root.glob("damaged-*"))
    Store(tmp_path, limit=12_000).fetch({"v": 2}, lambda: 1)
    assert not list(store.root.glob("damaged-*"))
    assert Store(tmp_path).fetch({"v": 1}, lambda: pytest.fail("it was kept")).found


def test_what_was_made_is_held_memory_mapped_like_what_was_found(tmp_path):
    value = Store(tmp_path).fetch({"v": 1}, lambda: np.arange(10)).value
    assert isinstance(value.base, np.memmap)


def test_threads_that_ask_for_the_same_share_one_making(tmp_path):
    store, made, together = Store(tmp_path), [], threading.Barrier(4)

    def make():
        made.append(1)
        return 7

    def ask():
        together.wait()
        store.fetch({"v": 1}, make)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_a_fit_waited_for_others_is_none_of_its_seconds(tmp_path, monkeypatch):
    store, clock = Store(tmp_path), [100.0]
    monkeypatch.setattr(store_module.time, "perf_counter", lambda: clock[0])

    def make():
        clock[0] += 12
        store.idle(10)
        return 7

    assert store.fetch({"v": 1}, make).seconds == pytest.approx(2)
    assert Store(tmp_path).fetch({"v": 1}, make).seconds == pytest.approx(2)


def test_whoever_waits_for_what_another_makes_can_leave(tmp_path):
    store, begun, go_on = Store(tmp_path), threading.Event(), threading.Event()

    def make():
        begun.set()
        go_on.wait(60)
        return 7

    def leave():
        raise InterruptedError  # an OSError, as the lock's own are

    thread = threading.Thread(target=store.fetch, args=({"v": 1}, make))
    thread.start()
    assert begun.wait(60)
    with pytest.raises(InterruptedError):
        store.fetch({"v": 1}, lambda: pytest.fail("made twice"), leave)
    go_on.set()
    thread.join()
    assert store.fetch({"v": 1}, lambda: pytest.fail("made twice"), leave).value == 7


def test_processes_that_ask_for_the_same_share_one_making(tmp_path):
    program = (
        "import sys, time, pathlib; from recengine.store import Store\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "def make():\n"
        "    (root / f'made-{time.time_ns()}.txt').touch(); time.sleep(0.3); return 7\n"
        "print(Store(root / 'cache').fetch({'v': 1}, make).value)"
    )
    asked = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [p.communicate(timeout=120)[0].strip() for p in asked] == ["7", "7"]
    assert len(list(tmp_path.glob("made-*"))) == 1


def test_keys_follow_everything_an_artifact_depends_on():
    knn, other = registry.create("item-knn"), registry.create("item-knn", {"k": 41})
    assert Store.key({"a": 1, "b": 2}) == Store.key({"b": 2, "a": 1})
    assert Store.key(identity(knn)) != Store.key(identity(other))
    assert identity(knn)["revision"] == type(knn).revision
