"""The front door for models made of models: whose reason is told, what it owes to one rating, what must be known."""

import numpy as np
import pandas as pd
import pytest

from recengine import registry
from recengine.answers import Filters, StoredPerson, Visitor
from recengine.lab import Lab
from recengine.store import Store


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(Store(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def tiny(tmp_path):
    """A table with too few ratings to learn much from."""
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(1, 13) for i in range(1, 9) if (u + i) % 3]
    (tmp_path / "tiny.csv").write_text("\n".join(["user,item,rating", *rows]), "utf-8")
    return str(tmp_path / "tiny.csv")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """60 people × 40 movies, half of them rated."""
    rng = np.random.default_rng(8)
    user, item = np.nonzero(rng.random((60, 40)) < 0.5)
    stars = np.clip(np.round(3 + (rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40)))[user, item]), 1, 5)
    path = tmp_path_factory.mktemp("table") / "table.csv"
    pd.DataFrame({"user": user, "item": item, "rating": stars}).to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize("name", [n for n in registry.names() if registry.model_class(n).family == "hybrids"])
@pytest.mark.parametrize(
    "who", [StoredPerson(3), Visitor(((1, 5.0), (2, 1.0))), Visitor(())], ids=["user", "two", "none"]
)
def test_a_list_and_its_explanations_agree_also_where_filters_choose(lab, table, name, who, light):
    model, filters = lab.model(name, light.get(name)), Filters(min_ratings=30)
    items = lab.recommend(table, model, who, 40, filters).items
    assert 0 < len(items) < 40
    assert min(item.ratings for item in items) >= 30
    for item in items[::4]:
        told = lab.explain(table, model, who, item.item_id, filters)
        assert told.score == pytest.approx(item.score, abs=1e-4)
        assert told.fallback == item.fallback
        assert [part.what for part in told.parts[:3]] == [part.what for part in item.why]
        assert told.without is None or told.without.before == item.rank


HYBRID = "weighted(children=[weighted(children=[item-knn, bias]), global-mean])"


def test_a_hybrids_reasons_are_its_childrens_few_in_a_list_and_all_in_full(lab):
    who, model = StoredPerson(42), lab.model(HYBRID)
    top = lab.recommend("demo", model, who, 5).items[0]
    alone = lab.explain("demo", lab.model("item-knn"), who, top.item_id)
    told = lab.explain("demo", model, who, top.item_id)
    assert told.base + sum(part.weight for part in told.parts) == pytest.approx(top.score, abs=1e-4)
    inner = next(part for part in told.parts if part.what == "Weighted hybrid")
    quoted = next(part for part in inner.why if part.what == "Item-based neighbors")
    assert quoted.why == alone.parts
    assert quoted.score == alone.score
    assert top.reason == f"Item-based neighbors: {quoted.line}"
    assert quoted.line.startswith("because of ")
    few = next(part for part in top.why if part.what == "Weighted hybrid")
    assert next(part for part in few.why if part.what == "Item-based neighbors").why == alone.parts[:3]


def test_the_counterfactual_takes_out_what_helped_most_in_the_child_that_helped_most(lab):
    model, who = lab.model(HYBRID), StoredPerson(42)
    filters = Filters(genres=("Comedy",), min_ratings=5)
    for top in lab.recommend("demo", model, who, 3, filters).items:
        without = lab.explain("demo", model, who, top.item_id, filters).without
        alone = lab.explain("demo", lab.model("item-knn"), who, top.item_id)
        assert without.item_id == max(alone.parts, key=lambda part: part.weight).id
        history = lab.person("demo", 42).history
        assert without.rating == history.set_index("item_id")["rating"][without.item_id]
        assert without.before == top.rank
        rest = [(i, r) for i, r in zip(history["item_id"], history["rating"], strict=True) if i != without.item_id]
        again = lab.recommend("demo", model, Visitor(tuple(rest)), 9066, filters).items
        place = [item.item_id for item in again if item.item_id != without.item_id].index(top.item_id) + 1
        assert without.after == place


def test_what_a_model_must_say_of_itself_is_told_with_every_answer(lab, tiny):
    model = lab.model("weighted(children=[bias, item-knn], learned=True, folds=2)")
    told = lab.fitted(tiny, model).notes
    assert "too few" in told[0]
    assert lab.recommend(tiny, model, StoredPerson(1), 3).notes == told
    assert lab.explain(tiny, model, StoredPerson(1), 3).notes == told
    assert lab.predict(tiny, model, 1, 3).notes == told
    plain, learned = lab.evaluate(tiny, "kfold", [lab.model("bias"), model], ["mae"], folds=2).results
    assert plain.notes == ()
    assert len(learned.notes) in (1, 2)  # of two folds, which may hold as many ratings
    assert all("too few" in note for note in learned.notes)
    assert lab.recommend(tiny, lab.model("bias"), StoredPerson(1), 3).notes == ()


@pytest.mark.parametrize("calibration", ["ratings", "z-score"])
def test_learned_weights_are_worth_what_they_would_be_if_given_and_not_what_equal_ones_are(lab, table, calibration):
    model = lab.model("weighted(children=[item-knn, user-knn, global-mean])", {"calibration": calibration, "folds": 3})
    learned = lab.model(model.spec(), {"learned": True, "regularization": 0.1})
    reported = []
    told = lab.weighing(table, learned, progress=lambda fraction, _: reported.append(fraction))
    now = np.array([curve.now for curve in told.curves])
    weights = lab.fitted(table, learned).weights
    np.testing.assert_allclose(now, weights / weights.sum())
    assert np.abs(now - 1 / 3).max() > 0.1
    assert lab.weighing(table, lab.model(model.spec(), {"weights": tuple(now)})).worth == pytest.approx(told.worth)
    assert lab.weighing(table, model).worth != pytest.approx(told.worth)
    assert reported == sorted(reported)
