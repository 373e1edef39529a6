"""Wide & deep: what a rating is guessed from, what the parts can learn, and what it reaches on MovieLens 100K."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from recengine.data import movielens, sources, split
from recengine.data.dataset import Query
from recengine.evaluate import evaluate
from recengine.model import Context
from recengine.models.baseline import Biases, estimate_biases
from recengine.models.dense import WideDeep, kinds_of
from recengine.models.leave_one_out import Ratings
from recengine.models.neighbors import all_people
from recengine.models.neural import dnn
from recengine.models.neural.train import Schedule, rebuild

D = 3
QUICK = {"factors": 8, "hidden": 16, "epochs": 15}


def table(n_users=12, n_items=9, seed=0):
    rng = np.random.default_rng(seed)
    stars = rng.integers(1, 6, (n_users, n_items)).astype(float)
    return np.where(rng.random(stars.shape) < 0.7, stars, np.nan)


def kinds_and_genres(make_dataset, stars):
    """Every other person is of kind A, every other movie of genre 0."""
    data = make_dataset(stars, features=np.eye(2)[np.arange(stars.shape[1]) % 2])
    kinds = sp.csr_matrix(np.eye(2, dtype="f4")[np.arange(stars.shape[0]) % 2])
    return dataclasses.replace(data, user_features=kinds, user_feature_names=("gender: A", "gender: B"))


def network(n_items=9, f=2, kinds=3, dropout=0.0, seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    attributes = dnn.attributes_of(sp.csr_matrix(np.eye(f)[np.arange(n_items) % f]))
    made = dnn.WideDeepNet(attributes, kinds, D, 8, dropout)
    torch.nn.init.normal_(made.deep[-1].weight)
    for start in (made.cross, made.presence, made.of_person):
        torch.nn.init.normal_(start)
    return made.to(dtype).eval()


def told_of(data):
    return Ratings.of(all_people(data), estimate_biases(data.interactions), 1.0)


def tensors(told):
    return [torch.from_numpy(part) for part in (told.item, told.deviation, told.generosity, told.person)]


class TestLeaveOneOut:
    def test_the_generosity_is_that_of_the_other_ratings(self, make_dataset):
        data = make_dataset(table())
        biases, query = estimate_biases(data.interactions), all_people(data)
        told = Ratings.of(query, biases, 2.0)
        for at, (person, item) in enumerate(zip(told.person, told.item, strict=True)):
            rest = Query.of_users(data, [person]).without(item)
            assert told.generosity[at] == pytest.approx(biases.user(rest)[0] / 2, abs=1e-6)
            assert told.generous[person] == pytest.approx(biases.user(query)[person] / 2, abs=1e-6)

    def test_the_taste_is_that_of_the_other_ratings(self, make_dataset):
        data, made = make_dataset(table()), network()
        biases, told, movies = estimate_biases(data.interactions), told_of(data), made.movies()
        found = made.taste_without_each(movies, *tensors(told), data.n_users)
        for at, (person, item) in enumerate(zip(told.person, told.item, strict=True)):
            rest = Ratings.of(Query.of_users(data, [person]).without(item), biases, 1.0)
            i, person_of = torch.from_numpy(rest.item), torch.from_numpy(rest.person)
            wanted = made.taste(movies, i, torch.from_numpy(rest.own), person_of, 1)
            torch.testing.assert_close(found[at], wanted[0], rtol=1e-4, atol=1e-6)

    def test_a_rating_does_not_reach_what_it_is_guessed_from(self, make_dataset):
        made, biases, other = network(), Biases(3.0, np.zeros(9, np.float32), 5.0), table()
        rated = np.argwhere(~np.isnan(other))[10]
        inputs = []
        for stars in (1.0, 5.0):
            other[tuple(rated)] = stars
            told = Ratings.of(all_people(make_dataset(other)), biases, 1.0)
            taste = made.taste_without_each(made.movies(), *tensors(told), 12).detach().numpy()
            inputs.append((told.generosity, taste))
        own = (told.person == rated[0]) & (told.item == rated[1])
        others = (told.person == rated[0]) & ~own
        for before, after in zip(*inputs, strict=True):
            np.testing.assert_allclose(after[own], before[own], rtol=1e-5, atol=1e-6)
            assert (np.abs(after[others] - before[others]) > 1e-4).any(axis=-1).all()

    def test_its_gradient(self):
        made = network(dtype=torch.float64)
        item, person = torch.tensor([0, 4, 5, 4, 8]), torch.tensor([0, 0, 0, 1, 1])
        numbers = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in ((9, D), (5,), (5,))]
        assert torch.autograd.gradcheck(
            lambda movies, deviation, generosity: made.taste_without_each(
                movies, item, deviation, generosity, person, 2
            ),
            numbers,
        )


def test_shapes():
    made = network()
    item, person = torch.tensor([0, 3, 8, 8]), torch.tensor([0, 0, 1, 1])
    kinds, number = torch.eye(2, 3), torch.ones(4)
    movies = made.movies()
    assert movies.shape == (9, D)
    taste = made.taste_without_each(movies, item, number, number, person, 2)
    assert taste.shape == (4, D)
    assert made.taste(movies, item, number, person, 2).shape == (2, D)
    wide = made.wide(kinds)
    assert wide.shape == (9, 2)
    rated = made(taste, (kinds @ made.of_person)[person], movies[item], wide[item, person])
    assert rated.shape == (4,)


def test_the_wide_part_is_a_sum_over_pairs_of_attributes():
    made, kind = network(), np.array([[1, 0, 1]], np.float32)
    feature = np.array([[1, 1, 0], [1, 0, 1]], np.float32)[np.arange(9) % 2]
    wanted = [sum(kind[0, a] * made.cross[a, c].item() * row[c] for a in range(3) for c in range(3)) for row in feature]
    np.testing.assert_allclose(made.wide(torch.from_numpy(kind))[:, 0].detach(), wanted, rtol=1e-5)


def test_it_can_learn_by_heart(make_dataset):
    """Random stars: there is nothing in them but themselves."""
    data = make_dataset(table())
    biases = estimate_biases(data.interactions)
    told, kinds, known = told_of(data), kinds_of(data), np.ones(9, np.bool_)
    nothing = told.held(all_people(data.with_interactions(data.interactions.take([]))), biases)

    def build():
        return WideDeep(factors=16, hidden=32, dropout=0).network(data.features, 1)

    schedule = Schedule(epochs=300, batch_size=4, learning_rate=0.01)
    weights, curve = dnn.learn(build, told, nothing, kinds, known, 0.0, schedule, Context(), name="dnn")
    made = rebuild(build, weights)
    movies = made.movies()
    item, _, _, person = tensors(told)
    taste = made.taste_without_each(movies, *tensors(told), data.n_users)
    vector = (torch.tensor(kinds) @ made.of_person)[person]
    guess = made(taste, vector, movies[item], made.wide(torch.tensor(kinds))[item, person]).numpy()
    assert np.sqrt(np.mean(told.target**2)) > 1
    assert np.sqrt(np.mean((guess - told.target) ** 2)) < 0.1
    assert curve.loss[-1] < 0.05


def test_attributes_speak_for_a_person_who_rated_nothing(make_dataset):
    """A likes genre 0, B genre 1, and each rated one movie, so that attributes are all there is to go by.

    Person 80 is an A, 81 a B; they have rated nothing, and nobody has rated movies 12 and 13.
    """
    person, rated = np.arange(80), np.random.default_rng(1).integers(0, 12, 80)
    stars = np.full((82, 14), np.nan)
    stars[person, rated] = np.where((person + rated) % 2 == 0, 5.0, 1.0)
    data = kinds_and_genres(make_dataset, stars)
    fitted = WideDeep(**{**QUICK, "epochs": 60}, learning_rate=0.01, weight_decay=0.1, unknown=0).fit(data)
    score = fitted.score(Query.of_users(data, [80, 81]))
    assert score[0, 0::2].min() > score[0, 1::2].max() + 1
    assert score[1, 1::2].min() > score[1, 0::2].max() + 1
    assert np.isnan(fitted.score(Query.of_users(data, [-1]))).all()
    why = {part.what: part.weight for part in fitted.explain(Query.of_users(data, [80]), 12).parts}
    assert set(why) == {"the person's gender: A", "its genres: g0"}
    assert min(why.values()) > 0.5


def test_data_without_attributes(make_dataset):
    data = make_dataset(table())
    fitted = WideDeep(**QUICK).fit(data)
    assert np.isfinite(fitted.score(Query.of_users(data, range(12)))).all()
    assert {part.kind for part in fitted.explain(Query.of_users(data, [0]), 1).parts} == {"movie"}


def test_a_visitor_is_a_person_of_whom_no_attribute_is_known(make_dataset):
    data = kinds_and_genres(make_dataset, table())
    told = np.array([1.0] * 11 + [0.0])
    data = dataclasses.replace(data, user_features=sp.csr_matrix(sp.diags_array(told) @ data.user_features))
    fitted, stored = WideDeep(**QUICK).fit(data), Query.of_users(data, [11, 10])
    visitors = Query(np.array([-1, -1], np.int32), stored.history, stored.sequence)
    np.testing.assert_array_equal(fitted.score(visitors)[0], fitted.score(stored)[0])
    assert (fitted.score(visitors)[1] != fitted.score(stored)[1]).all()


def test_what_a_movie_is_worth_is_what_the_score_loses_without_it(make_dataset):
    data = kinds_and_genres(make_dataset, table())
    fitted, query = WideDeep(**QUICK).fit(data), Query.of_users(data, [3])
    for item in range(9):
        why = fitted.explain(query, item)
        weight = {part.index: part.weight for part in why.parts if part.kind == "movie"}
        assert set(weight) == set(query.history.indices)
        for other, told in weight.items():
            rest = fitted.score(query.without(other))[0, item]
            assert told == pytest.approx(float(fitted.score(query)[0, item]) - rest, abs=1e-4)


def test_the_validation_is_the_same_however_many_people_are_guessed_for_together(make_dataset, monkeypatch):
    data, found = kinds_and_genres(make_dataset, table()), []
    for people in (256, 5):
        monkeypatch.setattr(dnn, "_AT_ONCE", people)
        found.append(WideDeep(**QUICK).fit(data).curve.validation)
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert np.ptp(found[0]) > 1e-3


def test_the_same_seed_gives_the_same_weights(make_dataset):
    data = kinds_and_genres(make_dataset, table())
    first, second, third = (WideDeep(**QUICK).fit(data, Context(seed=seed)) for seed in (1, 1, 2))
    for a, b in zip(first.weights.arrays, second.weights.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.score(Query.of_users(data, [0])) != third.score(Query.of_users(data, [0]))).all()


def test_on_movielens_100k(ml100k_zip):
    """Fold u1, u1.base → u1.test, with attributes."""
    loaded = sources.load(str(ml100k_zip))
    u1 = split.canonical(loaded.dataset, "u1", movielens.canonical_fold(loaded.where, "u1", loaded.dataset))
    found = evaluate(u1, [WideDeep()], ["rmse"], resamples=0).results[0].metrics["rmse"].value
    assert 0.895 < found < 0.92
