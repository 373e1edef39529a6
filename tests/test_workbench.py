"""A hybrid taken apart: places, parts and reasons agree with what its models say alone, and nothing is asked twice."""

import numpy as np
import pandas as pd
import pytest

from recengine import registry
from recengine.answers import Filters, StoredPerson, Visitor
from recengine.errors import DataError
from recengine.lab import Lab
from recengine.models.neighbors import FittedItemKNN
from recengine.store import Store

HYBRIDS = [name for name in registry.names() if registry.model_class(name).family == "hybrids"]
PLAIN = [name for name in HYBRIDS if not name.startswith("blend")]  # those fit many models
WHO = [StoredPerson(3), Visitor(((1, 5.0),)), Visitor(())]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(Store(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """60 people × 40 movies, half of them rated."""
    rng = np.random.default_rng(8)
    user, item = np.nonzero(rng.random((60, 40)) < 0.5)
    stars = np.clip(np.round(3 + (rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40)))[user, item]), 1, 5)
    path = tmp_path_factory.mktemp("table") / "table.csv"
    pd.DataFrame({"user": user, "item": item, "rating": stars}).to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("who", WHO, ids=["user", "one", "none"])
def test_it_is_the_list_and_the_explanation_that_are_asked_for_alone(lab, table, name, who):
    model, filters = lab.model(name), Filters(min_ratings=28)
    told, alone = lab.workbench(table, model, who, 7, filters), lab.recommend(table, model, who, 7, filters)
    assert [row.movie.item_id for row in told.rows] == [item.item_id for item in alone.items]
    assert [row.score for row in told.rows] == pytest.approx([item.score for item in alone.items], abs=1e-5)
    assert [row.fallback is None for row in told.rows] == [item.fallback is None for item in alone.items]
    assert [row.place for row in told.rows] == list(range(1, len(told.rows) + 1))
    assert told.notes == alone.notes
    why = lab.explain(table, model, who, alone.items[0].item_id, filters)
    assert told.why.item_id == why.item_id
    assert told.why.base == pytest.approx(why.base, abs=1e-5)
    assert [part.what for part in told.why.parts] == [part.what for part in why.parts]
    assert [part.line for part in told.why.parts] == [part.line for part in why.parts]
    # What a row says each model adds is what the explanation says in full, whichever model it names.
    adds = sorted(said.adds for said in told.rows[0].said if said.adds is not None)
    assert adds == pytest.approx(sorted(part.weight for part in why.parts if part.kind == "model"), abs=1e-5)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("who", WHO, ids=["user", "one", "none"])
def test_every_model_has_the_places_and_opinions_that_it_has_alone(lab, table, name, who):
    model = lab.model(name)
    told = lab.workbench(table, model, who, 5)
    seen = {row.movie.item_id: row for row in (*told.rows, *told.beside)}
    assert len(seen) == len(told.rows) + len(told.beside)
    for place, child in enumerate(registry.children(model)):
        alone = lab.recommend(table, child, who, 40).items
        for item in alone:
            if item.item_id not in seen:
                assert item.rank > 5
                continue
            said = seen[item.item_id].said[place]
            assert said.place == item.rank
            assert said.score == pytest.approx(item.score, abs=1e-5)
            assert said.opinion == (item.fallback is None)


def test_what_the_models_add_sums_to_the_score(lab, table):
    model = lab.model("weighted(children=[item-knn, bias, global-mean, user-knn], weights=[3, 1, 0, 2])")
    told = lab.workbench(table, model, StoredPerson(3), 5)
    assert told.weights == pytest.approx((1 / 2, 1 / 6, 0, 1 / 3))
    for row in told.rows:
        assert row.said[2].adds is None  # weighs nothing, so it is not asked
        assert told.why.base + sum(said.adds or 0.0 for said in row.said) == pytest.approx(row.score, abs=1e-4)
    assert (told.voices[0].name, told.voices[0].stars) == ("item-knn", True)


def test_models_of_one_kind_are_told_apart(lab, table):
    told = lab.workbench(table, lab.model("weighted(children=[item-knn, item-knn(k=5)])"), StoredPerson(3))
    assert [voice.title for voice in told.voices] == ["item-knn", "item-knn(k=5)"]


def test_any_movie_can_be_asked_for(lab, table):
    told = lab.workbench(table, lab.model("weighted"), StoredPerson(3), 5, item=17)
    assert told.why.item_id == 17


def test_other_weights_ask_the_models_nothing_anew(lab, table, monkeypatch):
    asked = []
    score = FittedItemKNN.score
    monkeypatch.setattr(FittedItemKNN, "score", lambda self, query: asked.append(query) or score(self, query))
    who, label = Visitor(((2, 4.0), (5, 1.0))), "weighted(children=[item-knn, bias], weights=[{}, 1])"
    lab.workbench(table, lab.model(label.format(1)), who)
    first = len(asked)
    assert first == 1
    for weight in (2, 3):
        told = lab.workbench(table, lab.model(label.format(weight)), who)
        assert told.weights[0] == pytest.approx(weight / (weight + 1))
    assert len(asked) == first
    lab.workbench(table, lab.model(label.format(1)), Visitor(((2, 4.0), (5, 2.0))))
    assert len(asked) == first + 1


def test_what_a_kept_hybrid_is_made_of_is_stored_as_ever(lab, table, tmp_path):
    """A hybrid worth keeping inside one that is not: nothing that only remembers gets into the store."""
    model = Lab(Store(tmp_path)).model("weighted(children=[weighted(children=[item-knn, bias], learned=True), bias])")
    first = Lab(Store(tmp_path)).workbench(table, model, StoredPerson(3))
    again = Lab(Store(tmp_path)).workbench(table, model, StoredPerson(3))
    assert again == first
    assert [row.movie.item_id for row in first.rows] == [
        item.item_id for item in lab.recommend(table, model, StoredPerson(3)).items
    ]


def test_a_list_of_nothing_is_refused_and_filters_may_leave_nothing(lab, table):
    with pytest.raises(DataError, match="at least 1"):
        lab.workbench(table, lab.model("weighted"), StoredPerson(3), 0)
    told = lab.workbench(table, lab.model("weighted"), StoredPerson(3), 5, Filters(from_year=3000))
    assert (told.rows, told.beside, told.why) == ((), (), None)
