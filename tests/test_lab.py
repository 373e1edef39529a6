"""The front door: questions with ids and titles in, answers in plain values out."""

import dataclasses
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recengine import registry
from recengine.answers import Filters, StoredPerson, Visitor
from recengine.data.embedded import load_demo
from recengine.errors import DataError, ModelError, NotFound
from recengine.lab import Lab
from recengine.models.baseline import FittedBias
from recengine.store import Store
from recengine.wording import short_title


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(Store(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A table with two movies of one title, a person of two ratings, and a movie whose id looks like a year."""
    path = tmp_path_factory.mktemp("data") / "tiny.csv"
    rows = ["user,item,rating"] + [
        f"{u},{i},{1 + (u * i) % 5}" for u in range(1, 13) for i in range(1, 9) if (u + i) % 3
    ]
    path.write_text("\n".join(rows), "utf-8")
    return str(path)


def answers(lab, name, who=StoredPerson(42), k=10, filters=Filters()):
    return lab.recommend("demo", lab.model(name), who, k, filters)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The demo's 150 most active people and 300 most rated movies: every model is fitted to them in a moment."""
    dataset, path = load_demo(), tmp_path_factory.mktemp("small")
    ratings = dataset.interactions
    people, movies = np.argsort(-ratings.user_count)[:150], np.sort(np.argsort(-ratings.item_count)[:300])
    kept = ratings.take(np.isin(ratings.user, people) & np.isin(ratings.item, movies))
    table = {"userId": kept.user, "movieId": dataset.items.ids[kept.item], "rating": kept.value, "timestamp": kept.time}
    pd.DataFrame(table).to_csv(path / "ratings.csv", index=False)
    about = dataset.movies.iloc[movies]
    genres = about["genres"].map("|".join)
    pd.DataFrame({"movieId": dataset.items.ids[movies], "title": about["title"], "genres": genres}).to_csv(
        path / "movies.csv", index=False
    )
    return str(path)


@pytest.mark.parametrize("name", registry.names())
def test_every_model_recommends_unseen_movies_with_a_reason_in_plain_values(lab, small, name, light):
    person = lab.people(small)[0]
    model = lab.model(name, light.get(name))
    found = lab.recommend(small, model, StoredPerson(person), 10)
    assert [item.rank for item in found.items] == list(range(1, 11))
    assert len({item.item_id for item in found.items}) == 10
    assert all(item.reason and item.title for item in found.items)
    assert not set(lab.person(small, person).history["title"]) & {item.title for item in found.items}
    told = json.dumps(dataclasses.asdict(found), allow_nan=False)
    assert json.loads(told)["model"] == model.spec()


def test_nothing_that_was_rated_is_recommended(lab):
    seen = set(lab.person("demo", 42).history["title"])
    assert not seen & {item.title for item in answers(lab, "item-knn", k=500).items}


def test_stars_stay_within_the_scale_and_only_rating_models_give_them(lab):
    assert all(0.5 <= item.stars <= 5 for item in answers(lab, "user-knn", k=100).items)
    assert all(item.stars is None for item in answers(lab, "popularity").items)
    summed = lab.recommend("demo", lab.model("item-knn", {"aggregation": "sum"}), StoredPerson(42), 5)
    assert all(item.stars is None for item in summed.items)


def test_filters_hold(lab):
    filters = Filters(genres=("Film-Noir", "Western"), from_year=1950, to_year=1980, min_ratings=10)
    found = answers(lab, "item-knn", filters=filters).items
    assert found
    for item in found:
        assert {"Film-Noir", "Western"} & set(item.genres)
        assert 1950 <= item.year <= 1980
        assert item.ratings >= 10
    assert not answers(lab, "item-knn", filters=Filters(min_ratings=10_000)).items


def test_a_visitor_by_titles_equals_the_visitor_by_ids(lab):
    by_title = Visitor((("Toy Story (1995)", 5.0), ("Heat (1995)", 1.0)))
    by_id = Visitor((("1", 5.0), (6, 1.0)))
    assert answers(lab, "item-knn", by_title) == answers(lab, "item-knn", by_id)


def test_a_movie_rated_twice_counts_as_the_later_rating(lab):
    twice = Visitor(((1, 1.0), (6, 4.0), (1, 5.0)))
    assert answers(lab, "item-knn", twice) == answers(lab, "item-knn", Visitor(((6, 4.0), (1, 5.0))))


def test_a_visitor_without_ratings_gets_a_labelled_fallback(lab):
    found = answers(lab, "item-knn", Visitor(())).items
    assert len(found) == 10
    assert all(item.fallback and "stands in" in item.fallback for item in found)


def test_the_explanation_sums_and_names_its_parts(lab):
    top = answers(lab, "item-knn").items[0]
    why = lab.explain("demo", lab.model("item-knn"), StoredPerson(42), top.item_id)
    assert why.exact
    assert why.base + sum(part.weight for part in why.parts) == pytest.approx(top.score, abs=1e-4)
    history = lab.person("demo", 42).history
    rated = dict(zip(history["title"], history["rating"], strict=True))
    assert all(rated[part.what] == part.rating for part in why.parts)


def test_the_counterfactual_is_what_a_new_list_without_that_rating_says(lab):
    model, top = lab.model("item-knn"), answers(lab, "item-knn").items[0]
    without = lab.explain("demo", model, StoredPerson(42), top.item_id).without
    assert without.before == 1
    dataset = lab.shelf("demo").dataset
    query = lab.shelf("demo").query(StoredPerson(42)).without(int(dataset.items.index([without.item_id])[0]))
    ranked = lab.fitted("demo", model).recommend(query, dataset.n_items).item[0]
    place = [dataset.items.id(int(i)) for i in ranked if i >= 0 and dataset.items.id(int(i)) != without.item_id]
    assert place.index(top.item_id) + 1 == without.after


def test_predict_agrees_with_the_list(lab):
    top = answers(lab, "user-knn").items[0]
    assert lab.predict("demo", lab.model("user-knn"), 42, top.item_id).stars == pytest.approx(top.stars, abs=1e-4)


def test_predict_refuses_a_model_that_only_ranks(lab):
    with pytest.raises(ModelError, match="ranks and does not predict"):
        lab.predict("demo", lab.model("popularity"), 42, 1)


def test_similar_movies_are_nearest_first_and_never_the_movie_itself(lab):
    found = lab.similar("demo", "Toy Story (1995)", 5)
    assert [movie.rank for movie in found] == [1, 2, 3, 4, 5]
    assert found[0].similarity >= found[-1].similarity > 0
    assert "Toy Story (1995)" not in {movie.title for movie in found}
    assert "Toy Story 2 (1999)" in {movie.title for movie in found}
    dataset = lab.shelf("demo").dataset
    matrix = dataset.interactions.matrix
    a, b = (matrix[:, dataset.items.index([i])].toarray().ravel() > 0 for i in (1, found[0].item_id))
    assert found[0].common == np.count_nonzero(a & b)


def test_similar_refuses_a_model_that_compares_no_movies(lab):
    with pytest.raises(ModelError, match="use item-knn"):
        lab.similar("demo", 1, model=lab.model("popularity"))


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda lab: answers(lab, "item-knn", StoredPerson(100_000)), NotFound, "ids run from 1 to 671"),
        (lambda lab: answers(lab, "item-knn", StoredPerson("nobody")), NotFound, "ids run from 1 to 671"),
        (lambda lab: answers(lab, "item-knn", Visitor((("Toy Storry", 5.0),))), NotFound, "Toy Story"),
        (lambda lab: answers(lab, "item-knn", Visitor((("qqqqzzzz", 5.0),))), NotFound, "part of its title"),
        (lambda lab: answers(lab, "item-knn", Visitor((("Hamlet (2000)", 5.0),))), NotFound, "several movies"),
        (lambda lab: answers(lab, "item-knn", Visitor(((1, 9.0),))), DataError, "rate from 0.5 to 5"),
        (lambda lab: answers(lab, "item-knn", Visitor(((1, float("nan")),))), DataError, "rate from 0.5 to 5"),
        (lambda lab: answers(lab, "item-knn", k=0), DataError, "at least 1"),
        (lambda lab: lab.model("item-nn"), ModelError, "item-knn"),
        (lambda lab: lab.model("item-knn", {"k": "many"}), ModelError, "whole number from 1 to 500"),
        (lambda lab: lab.model("item-knn", {"q": 1}), ModelError, "it takes k"),
        (lambda lab: lab.model("popularity", {"q": 1}), ModelError, "no parameters"),
        (lambda lab: lab.shelf("no-such-data"), NotFound, "no-such-data"),
        (lambda lab: lab.split("demo", "u1"), NotFound, "random"),
        (lambda lab: lab.evaluate("demo", "random", [lab.model("bias")], ["rmsse"]), NotFound, "rmse"),
    ],
)
def test_a_wrong_question_gets_one_sentence(lab, ask, error, says, one_sentence):
    with pytest.raises(error) as told:
        ask(lab)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_list_longer_than_the_catalogue_is_the_whole_catalogue(lab, tiny):
    found = lab.recommend(tiny, lab.model("bias"), StoredPerson(1), 1000).items
    assert 0 < len(found) < 8


def test_an_evaluation_is_kept_and_answers_again_the_same(lab, tiny):
    models = [lab.model("bias"), lab.model("item-knn")]
    first = lab.evaluate(tiny, "random", models, ["rmse"], seed=1, fraction=0.3)
    kept = lab.cache_info().artifacts
    again = Lab(lab.store).evaluate(tiny, "random", models, ["rmse"], seed=1, fraction=0.3)
    assert [r.metrics for r in again.results] == [r.metrics for r in first.results]
    assert lab.cache_info().artifacts == kept
    other = lab.evaluate(tiny, "random", models, ["rmse"], seed=2, fraction=0.3)
    assert [r.metrics for r in other.results] != [r.metrics for r in first.results]


def test_an_evaluation_survives_the_disk(tmp_path, tiny):
    models = [registry.create("bias"), registry.create("popularity")]
    first = Lab(Store(tmp_path)).evaluate(tiny, "kfold", models, ["rmse", "ndcg@3"], folds=3)
    found = Lab(Store(tmp_path)).evaluate(tiny, "kfold", models, ["rmse", "ndcg@3"], folds=3)
    assert found.results == first.results
    assert found.per_person.to_dict("list") == first.per_person.to_dict("list")


def test_an_evaluation_follows_the_fold_and_the_name_of_its_data(lab, tiny, tmp_path):
    copy = tmp_path / "copy.csv"
    copy.write_bytes(Path(tiny).read_bytes())
    ask = partial(lab.evaluate, split_name="random", models=[lab.model("bias")], metrics=["mae"])
    assert (ask(tiny).dataset, ask(str(copy)).dataset) == ("tiny", "copy")
    assert ask(tiny, fraction=0.2).results != ask(tiny, fraction=0.4).results


def test_a_file_that_changed_is_read_again(lab, tiny, tmp_path):
    path = tmp_path / "grows.csv"
    path.write_text("user,item,rating\n1,1,5\n1,2,3\n2,1,4\n", "utf-8")
    assert lab.describe(str(path)).n_ratings == 3
    path.write_text("user,item,rating\n1,1,5\n1,2,3\n2,1,4\n2,2,1\n", "utf-8")
    os.utime(path, (1, 1))
    assert lab.describe(str(path)).n_ratings == 4


def test_a_rated_movie_is_explained_without_a_rank(lab):
    rated = int(lab.person("demo", 42).history["item_id"].iloc[0])
    why = lab.explain("demo", lab.model("item-knn"), StoredPerson(42), rated)
    assert why.parts
    assert why.without is None


def test_progress_of_an_evaluation_ends_at_one(lab, tiny):
    told = []
    lab.evaluate(tiny, "random", [lab.model("bias")], ["mae"], seed=9, progress=lambda f, m: told.append(f))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_progress_of_an_evaluation_moves_within_a_fit(lab, tiny):
    told = []
    models = [lab.model("bias"), lab.model("item-knn", {"k": 7})]
    lab.evaluate(tiny, "random", models, ["mae"], seed=8, progress=lambda f, m: told.append((f, m)))
    # The second of two models begins at a half, and the first half of its share is the fit's.
    (compared,) = [f for f, m in told if m == "Fitting Item-based neighbors: comparing movies"]
    assert compared == pytest.approx(0.5 + 0.2 * 0.25)
    assert [f for f, _ in told] == sorted(f for f, _ in told)


@pytest.mark.parametrize(
    "ask",
    [
        lambda lab, data, progress: lab.fitted(data, lab.model("item-knn"), progress=progress),
        lambda lab, data, progress: lab.recommend(data, lab.model("item-knn"), StoredPerson(1), 3, progress=progress),
        lambda lab, data, progress: lab.explain(data, lab.model("item-knn"), StoredPerson(1), 3, progress=progress),
        lambda lab, data, progress: lab.predict(data, lab.model("item-knn"), 1, 3, progress=progress),
        lambda lab, data, progress: lab.similar(data, 3, progress=progress),
    ],
    ids=["fitted", "recommend", "explain", "predict", "similar"],
)
def test_a_question_tells_the_progress_of_the_fit_it_waits_for(tmp_path, tiny, ask):
    told = []
    lab = Lab(Store(tmp_path))
    ask(lab, tiny, lambda fraction, message: told.append((fraction, message)))
    assert told == [(0.0, "centering ratings"), (0.2, "comparing movies"), (1.0, "done")]
    ask(lab, tiny, lambda fraction, message: pytest.fail("it is fitted already"))


def test_what_a_model_knows_of_its_certainty_is_told(lab, tiny, monkeypatch):
    model, plain = lab.model("bias"), FittedBias.explain
    assert lab.predict(tiny, model, 1, 3).deviation is None

    def told(fitted, query, item):
        return dataclasses.replace(plain(fitted, query, item), deviation=0.5 + item)

    monkeypatch.setattr(FittedBias, "explain", told)
    place = {movie: position for position, movie in enumerate(lab.shelf(tiny).dataset.items.ids.tolist())}
    assert lab.predict(tiny, model, 1, 3).deviation == 0.5 + place[3]
    assert lab.explain(tiny, model, StoredPerson(1), 3).deviation == 0.5 + place[3]
    found = lab.recommend(tiny, model, StoredPerson(1)).items
    assert [item.deviation for item in found] == [0.5 + place[item.item_id] for item in found]


def test_catalogue_names_what_a_page_needs(lab):
    told = lab.catalogue("demo")
    assert (told.n_people, told.n_movies, told.n_ratings) == (671, 9066, 100_004)
    assert told.scale == (0.5, 5.0)
    assert told.genres[0] == "Drama"
    assert told.years == (1902, 2016)


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Heat (1995)", "Heat"),
        ("The City of Lost Children (La cité des enfants perdus) (1995)", "The City of Lost Children"),
        ("(500) Days of Summer (2009)", "Days of Summer"),
        ("(1999)", "(1999)"),
    ],
)
def test_short_titles(title, short):
    assert short_title(title).strip() == short


def test_a_movies_profile_tells_its_features_by_weight(lab):
    told = lab.item_profile("demo", "Toy Story (1995)")
    assert told.movie.title == "Toy Story (1995)"
    assert told.movie.n_ratings == lab.movie("demo", 1).ratings
    assert "genre: Animation" in told.features["feature"].tolist()
    assert told.features["weight"].is_monotonic_decreasing
    assert (told.features["weight"] ** 2).sum() == pytest.approx(1, abs=1e-5)


def test_a_persons_profile_is_explicit_and_implicit(lab):
    told = lab.user_profile("demo", 42)
    assert told.explicit.history.equals(lab.person("demo", "42").history)
    assert told.implicit.hours["ratings"].sum() == told.explicit.n_ratings
    assert told.implicit.decades["ratings"].sum() <= told.explicit.n_ratings
    assert told.features["weight"].iloc[0] > 0 > told.features["weight"].iloc[-1]


def test_profiles_of_what_is_not_there_are_refused(lab):
    with pytest.raises(NotFound, match="Toy Story"):
        lab.item_profile("demo", "Toy Storry")
    with pytest.raises(NotFound, match="ids run from 1 to 671"):
        lab.user_profile("demo", 0)


def test_the_vector_space_explains_by_features_in_words(lab):
    top = answers(lab, "content").items[0]
    why = lab.explain("demo", lab.model("content"), StoredPerson(42), top.item_id)
    assert {part.kind for part in why.parts} == {"effect"}
    assert sum(part.weight for part in why.parts) == pytest.approx(top.score, abs=1e-4)
    assert {part.what for part in why.parts} <= set(lab.item_profile("demo", top.item_id).features["feature"])


def test_a_rating_that_counts_whatever_its_stars_is_told_with_its_stars(lab, small):
    model, who = lab.model("ease"), lab.people(small)[0]
    top = lab.recommend(small, model, StoredPerson(who), 1).items[0]
    why = lab.explain(small, model, StoredPerson(who), top.item_id)
    assert why.parts[0].rating is None
    rated = lab.person(small, who).history.set_index("item_id")["rating"]
    assert why.without.rating == rated[why.without.item_id] > 0


def test_a_model_is_named_by_label_or_specification_and_parameters_go_first(lab):
    model = lab.model("weighted(children=[item-knn(k=60), bias], weights=[1, 3])")
    assert lab.model(model.label) == lab.model(model.spec()) == model
    changed = lab.model(model.spec(), {"weights": "2, 1"})
    assert changed.label == "weighted(children=[item-knn(k=60), bias], weights=[2.0, 1.0])"
    assert lab.model("item-knn(k=60)", {"k": 70, "damping": "1"}).label == "item-knn(k=70, damping=1.0)"
    with pytest.raises(ModelError, match="no parameter 'model'"):
        lab.model(model.spec(), {"model": "bias"})
