"""Artifacts made of artifacts: a hybrid and what it is made of are kept once, shared, and made again when damaged."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from recengine import registry
from recengine import store as store_module
from recengine.data.dataset import freeze
from recengine.errors import Cancelled
from recengine.lab import Lab
from recengine.model import Context, Fitted, Recommender
from recengine.models.baseline import Bias
from recengine.models.hybrid import children
from recengine.models.neighbors import ItemKNN
from recengine.registry import Child, Children
from recengine.store import Store

HOME = "recengine.pairs"  # the store makes only dataclasses of this package: for the length of a test these are of it


class Clock:
    """Seconds that pass only where a test says so."""

    now = 0.0


class Pair(Recommender):
    """The mean of two models, with an array of its own; its own work takes 10 seconds of the test's clock."""

    __module__ = HOME
    name: ClassVar[str] = "pair"
    title: ClassVar[str] = "Pair"
    family: ClassVar[str] = "hybrids"

    first: Child = Field(Bias(), description="One")
    rest: Children = Field((ItemKNN(),), description="The other")
    kept: bool = Field(True, description="Whether it is worth keeping")

    @property
    def traits(self):
        return children.traits((self.first, *self.rest), ratings=True, kept=self.kept)

    def fit(self, train, context=Context()):
        made = children.fit_all((self.first, *self.rest), train, context.part(0.0, 0.5))
        context.step(0.5, "own work")
        Clock.now += 10
        return FittedPair(model=self, scale=train.scale, made=made, own=freeze(np.arange(500.0)))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedPair(Fitted):
    __module__ = HOME
    made: tuple[Fitted, ...]
    own: np.ndarray

    def score(self, query):
        return sum(child.score(query) for child in self.made) / len(self.made)

    def score_cells(self, query, row, item):
        return self.score(query)[row, item]

    def fallback(self, query):
        return self.made[0].fallback(query)

    def explain(self, query, item):
        return self.made[0].explain(query, item)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(sys.modules, HOME, sys.modules[__name__])
    monkeypatch.setitem(registry.MODELS, "pair", f"{HOME}:Pair")


@pytest.fixture
def data(tmp_path):
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(12) for i in range(9) if (u + i) % 3]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]), "utf-8")
    return str(tmp_path / "ratings.csv")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


def fresh(store):
    """A store in the same folder, with nothing in memory yet, as of another process."""
    return Lab(Store(store.root.parent))


def folders(store):
    return {path.name for path in store.root.iterdir() if len(path.name) == 32}


def arrays(store):
    return sorted(path for path in store.root.glob("*/*.npy"))


@pytest.mark.parametrize("hybrid_first", [True, False])
@pytest.mark.parametrize("from_disk", [True, False])
def test_a_hybrid_and_its_child_are_one_copy_in_memory(data, store, hybrid_first, from_disk):
    lab = Lab(store)
    if from_disk:
        lab.fitted(data, Pair())
        lab = fresh(store)
    if hybrid_first:
        hybrid, child = lab.fitted(data, Pair()), lab.fitted(data, ItemKNN())
    else:
        child, hybrid = lab.fitted(data, ItemKNN()), lab.fitted(data, Pair())
    assert hybrid.made[1] is child
    assert lab.fitted(data, Pair()) is hybrid


def test_hybrids_of_the_same_child_share_it_also_one_in_another(data, store):
    lab = Lab(store)
    outer, inner = lab.fitted(data, Pair(first=Pair(), rest=(Bias(), ItemKNN()))), lab.fitted(data, Pair())
    assert outer.made[0] is inner
    assert outer.made[1] is inner.made[0]
    assert outer.made[2] is inner.made[1]
    again = fresh(store).fitted(data, Pair(first=Pair(), rest=(Bias(), ItemKNN())))
    assert again.made[0].made[1] is again.made[2]
    assert again.model == outer.model


def test_what_a_child_learned_is_on_the_disk_once(data, store):
    lab = Lab(store)
    lab.fitted(data, Bias())
    lab.fitted(data, ItemKNN())
    before = arrays(store)
    lab.fitted(data, Pair())
    (own,) = set(arrays(store)) - set(before)
    assert np.array_equal(np.load(own), np.arange(500.0))
    lab.fitted(data, Pair(first=Pair(), rest=(Bias(), ItemKNN())))
    assert len(arrays(store)) == len(before) + 2


def test_a_hybrid_asked_for_first_leaves_its_children_for_others(data, store, monkeypatch):
    Lab(store).fitted(data, Pair())
    assert len(folders(store)) == 3
    monkeypatch.setattr(ItemKNN, "fit", lambda *asked: pytest.fail("it was kept"))
    monkeypatch.setattr(Bias, "fit", lambda *asked: pytest.fail("it was kept"))
    assert isinstance(fresh(store).fitted(data, ItemKNN()).model, ItemKNN)
    assert isinstance(fresh(store).fitted(data, Bias()).model, Bias)


def child_folder(store, data, child):
    """The folder that the child of a hybrid is in."""
    there = Store(store.root.parent)
    before = folders(there)
    alone = Store(there.root.parent / "of-one")
    Lab(alone).fitted(data, child)
    (name,) = folders(alone)
    assert name in before
    return there.root / name


@pytest.mark.parametrize("damage", ["gone", "an array gone", "meta.json gone"])
@pytest.mark.parametrize("child", [Bias(), ItemKNN()], ids=["first", "rest"])
def test_a_hybrid_whose_child_is_gone_or_damaged_is_made_again(data, store, caplog, damage, child):
    first = Lab(store).fitted(data, Pair())
    folder = child_folder(store, data, child)
    if damage == "gone":
        store_module._remove(folder)
    elif damage == "an array gone":
        next(folder.glob("*.npy")).unlink()
    else:
        (folder / "meta.json").unlink()
    lab = fresh(store)
    again = lab.fitted(data, Pair())
    assert "set aside and made again" in caplog.text
    assert again.made[0].model == first.made[0].model
    assert again.made[[Bias(), ItemKNN()].index(child)] is lab.fitted(data, child)
    assert np.array_equal(again.own, first.own)
    caplog.clear()
    fresh(store).fitted(data, Pair())
    assert caplog.text == ""


def test_what_is_put_together_anew_each_time_writes_nothing_but_its_children(data, store):
    lab = Lab(store)
    hybrid = lab.fitted(data, Pair(kept=False))
    assert len(folders(store)) == 2
    again = lab.fitted(data, Pair(kept=False))
    assert again is not hybrid
    assert again.made[1] is hybrid.made[1] is lab.fitted(data, ItemKNN())


def test_a_kept_hybrid_holds_one_that_is_not_kept_in_itself_and_names_what_that_is_made_of(data, store):
    model = Pair(first=Pair(kept=False))
    lab = Lab(store)
    lab.fitted(data, model)
    assert len(folders(store)) == 3  # both children of the inner one, and the outer
    lab = fresh(store)
    found = lab.fitted(data, model)
    assert found.made[0].made[1] is found.made[1] is lab.fitted(data, ItemKNN())


@pytest.fixture
def clock(monkeypatch):
    """Bias takes 1 second to fit, ItemKNN 2 and a pair 10; nothing else takes any."""
    Clock.now = 0.0
    monkeypatch.setattr(store_module, "time", SimpleNamespace(perf_counter=lambda: Clock.now, time=time.time))
    for kind, seconds in ((Bias, 1), (ItemKNN, 2)):

        def fit(self, train, context=Context(), plain=kind.fit, seconds=seconds):
            Clock.now += seconds
            return plain(self, train, context)

        monkeypatch.setattr(kind, "fit", fit)


@pytest.mark.parametrize("first", ["nothing", "a child", "both children", "the hybrid"])
@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        (Pair(), 13),
        (Pair(kept=False), 13),
        (Pair(first=Pair()), 25),
        (Pair(first=Pair(), kept=False), 25),
        # What is not kept counts what it found as well.
        (Pair(first=Pair(kept=False)), 25),
    ],
    ids=["kept", "not kept", "kept in kept", "kept in not kept", "not kept in kept"],
)
def test_seconds_are_those_of_all_that_was_made_whether_found_or_not(data, store, clock, model, seconds, first):
    lab = Lab(store)
    for child in {"a child": [ItemKNN()], "both children": [Bias(), ItemKNN()], "the hybrid": [model]}.get(first, []):
        lab.fitted(data, child)
    train = lab.shelf(data).dataset
    for asked in (lab, lab, fresh(store)):
        assert asked._fit(model, train, Context()).seconds == seconds


def test_without_a_folder_to_write_to_a_hybrid_is_made_all_the_same(data, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    lab = Lab(Store(tmp_path / "file" / "cache"))
    hybrid = lab.fitted(data, Pair(first=Pair()))
    assert [type(child.model) for child in hybrid.made] == [Pair, ItemKNN]
    assert "not kept" in caplog.text


def test_a_hybrid_that_was_cancelled_leaves_its_children_and_nothing_of_itself(data, store):
    def progress(fraction, message):
        if message == "own work":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Lab(store).fitted(data, Pair(), progress=progress)
    assert len(folders(store)) == 2
    assert Lab(store).fitted(data, Pair()).made


def test_threads_that_ask_for_a_hybrid_and_for_its_parts_wait_for_each_other_and_not_forever(data, store):
    asked = [Pair(first=Pair(), rest=(ItemKNN(),)), Pair(), ItemKNN(), Bias(), Pair(kept=False)]
    for lab in (Lab(store), fresh(store)):
        lab.shelf(data)
        together, got = threading.Barrier(len(asked)), {}

        def ask(place, lab=lab, together=together, got=got):
            together.wait()
            got[place] = lab.fitted(data, asked[place])

        threads = [threading.Thread(target=ask, args=(place,), daemon=True) for place in range(len(asked))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(got) == [0, 1, 2, 3, 4]
        assert got[0].made[1] is got[1].made[1] is got[2] is got[4].made[1]
        assert got[0].made[0] is got[1]


def test_processes_that_ask_for_a_hybrid_and_for_its_child_wait_for_each_other_and_not_forever(data, store):
    program = (
        "import sys\n"
        "from recengine import registry\n"
        "from recengine.lab import Lab\n"
        "print(Lab().fitted(sys.argv[1], registry.parse(sys.argv[2])).model.label)\n"
    )
    labels = ["weighted(children=[item-knn, bias], learned=True, folds=2)", "item-knn", "bias"]
    environment = {**os.environ, "RECENGINE_CACHE": str(store.root.parent)}
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", program, data, label], stdout=subprocess.PIPE, text=True, env=environment
        )
        for label in labels
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in asked] == labels
    assert len(folders(store)) >= 3
