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
    assert [row.fallback for row in told.rows] == [item.fallback for item in alone.items]
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
    assert [voice.title for voice in told.voices] == ["Item-based neighbors (k=40)", "Item-based neighbors (k=5)"]


@pytest.fixture(scope="module")
def unrated(tmp_path_factory):
    """30 people × 40 movies of MovieLens's form, and movie 99, a comedy that nobody rated."""
    rng, where = np.random.default_rng(5), tmp_path_factory.mktemp("unrated")
    movies = [f"{i},Movie {i} ({1970 + i % 30}),{('Comedy', 'Drama')[i % 2]}" for i in range(1, 41)]
    movies.append("99,Nobody's (1999),Comedy")
    (where / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]), "utf-8")
    user, item = np.nonzero(rng.random((30, 40)) < 0.5)
    stars = rng.integers(1, 6, len(user))
    rows = [f"{u + 1},{i + 1},{r},{n}" for n, (u, i, r) in enumerate(zip(user, item, stars, strict=True))]
    (where / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]), "utf-8")
    return str(where)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("who", WHO, ids=["user", "one", "none"])
def test_a_movie_nobody_rated_has_a_place_a_score_and_a_label_as_if_the_filters_let_it_through(lab, unrated, name, who):
    model = lab.model(name)
    told = lab.workbench(unrated, model, who, 5, Filters(min_ratings=1), item=99)
    alone = lab.recommend(unrated, model, who, 41).items  # the filter keeps nothing else out
    there = next(item for item in alone if item.item_id == 99)
    assert told.barred
    assert 99 not in {row.movie.item_id for row in (*told.rows, *told.beside)}
    assert told.asked.movie.item_id == told.why.item_id == 99
    assert (told.asked.place, told.asked.fallback) == (there.rank, there.fallback)
    assert told.asked.score == pytest.approx(there.score, abs=1e-5)
    assert told.why.fallback == there.fallback
    for child, said in zip(registry.children(model), told.asked.said, strict=True):
        own = next(item for item in lab.recommend(unrated, child, who, 41).items if item.item_id == 99)
        assert (said.place, said.opinion) == (own.rank, own.fallback is None)
        assert np.isfinite(said.score)


def test_a_movie_of_the_list_far_down_it_or_known_already_can_be_asked_for(lab, table):
    model = lab.model("weighted")
    everything = [item.item_id for item in lab.recommend(table, model, StoredPerson(3), 40).items]
    told = lab.workbench(table, model, StoredPerson(3), 5, item=everything[-1])
    assert told.why.item_id == everything[-1]
    assert (told.asked.place, told.barred) == (len(everything), False)
    second = lab.workbench(table, model, StoredPerson(3), 5, item=everything[1])
    assert (second.why.item_id, second.asked) == (everything[1], None)
    known = lab.person(table, 3).history["item_id"].iloc[0]
    told = lab.workbench(table, model, StoredPerson(3), 5, item=known)
    assert told.why.item_id == told.asked.movie.item_id == known
    assert [told.asked.place, *(said.place for said in told.asked.said)] == [None, None, None]
    assert told.rows == second.rows


def test_who_knows_all_but_a_few_movies_gets_those_and_no_known_one(lab, tmp_path):
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(1, 6) for i in range(1, 6) if (u, i) != (1, 3)]
    (tmp_path / "few.csv").write_text("\n".join(["user,item,rating", *rows]), "utf-8")
    few = str(tmp_path / "few.csv")
    told = lab.workbench(few, lab.model("weighted(children=[item-knn, bias])"), StoredPerson(1), 10)
    assert [row.movie.item_id for row in (*told.rows, *told.beside)] == [3]
    told = lab.workbench(few, lab.model("weighted(children=[item-knn, bias])"), StoredPerson(2), 10)
    assert (told.rows, told.beside, told.why) == ((), (), None)


def test_a_model_that_knows_how_sure_it_is_still_does(lab, table):
    model = lab.model("switching(preferred=bayes-fm(iterations=20), rule=uncertainty, uncertainty=0.9)")
    told = lab.workbench(table, model, StoredPerson(3), 5)
    alone = lab.recommend(table, model, StoredPerson(3), 5)
    assert [row.movie.item_id for row in told.rows] == [item.item_id for item in alone.items]
    assert [row.reason for row in told.rows] == [item.reason for item in alone.items]


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
