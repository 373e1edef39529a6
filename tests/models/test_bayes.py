"""Bayesian factorization machine: the sampler against plain regression, folding in, words, sureness, published error.

Protocol of the bands: fold u1 as GroupLens distributes it, see test_published. Reference: myFM 0.4.0, rank 10, 300
sweeps on the same blocks: .8868 with attributes (`benchmarks/peers_myfm.py`).
"""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm

from recengine.codec import decode, encode
from recengine.data import movielens, sources
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.models import kernels_bayes
from recengine.models.bayes import BayesFM

FEW = {"factors": 3, "iterations": 40, "draws": 10}
DAY = 86400


def test_ratings_drawn_from_the_model_give_back_its_noise_and_its_sureness(make_dataset):
    """The noise is found within 5 %, and nine in ten 90 % intervals of η, as far as draws differ, hold the truth."""
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(150, 2)), rng.normal(size=(80, 2))
    truth = 3 + rng.normal(0, 0.5, (150, 1)) + rng.normal(0, 0.5, 80) + 0.6 * p @ q.T
    table = np.where(rng.random(truth.shape) < 0.5, truth + rng.normal(0, 0.5, truth.shape), np.nan)
    data = make_dataset(table, scale=(-10.0, 20.0))
    fitted = BayesFM(factors=2, iterations=400, draws=160, features="ratings").fit(data)
    assert fitted.unit / np.sqrt(fitted.draws.alpha.mean()) == pytest.approx(0.5, rel=0.05)
    hits = []
    for person in range(0, 150, 10):
        query = Query.of_users(data, [person])
        for item in range(0, 80, 8):
            told = fitted.explain(query, item)
            sure = np.sqrt(told.deviation**2 - fitted.unit**2 * (1 / fitted.draws.alpha).mean())
            hits.append(abs(told.score - truth[person, item]) < 1.645 * sure)
    assert 0.8 < np.mean(hits) < 0.98


@pytest.mark.parametrize("track", ["ratings", "day"])
def test_a_person_is_the_solution_of_their_normal_equations(people_and_days, track):
    fitted = BayesFM(features=track, **FEW).fit(people_and_days)
    ratings, draws, s, person = people_and_days.interactions, fitted.draws, 4, 11
    query = Query.of_users(people_and_days, [person])
    mine = np.flatnonzero(ratings.user == person)
    mine = mine[np.argsort(ratings.item[mine])]
    day = np.zeros(len(mine), int) if track == "ratings" else ratings.time[mine] // DAY - 10
    movie, on = draws.movies[ratings.item[mine], s].astype(float), draws.days[day, s].astype(float)
    own, *rest = fitted.fold_in(query)[:, 0, s].astype(float)
    seen = draws.watched[ratings.item[mine], s].astype(float).sum(axis=0) / np.sqrt(len(mine))
    np.testing.assert_allclose(rest[0], seen, atol=1e-6)
    left = np.column_stack([np.ones(len(mine)), (movie + on)[:, 1:]])
    fixed = draws.base[s] + movie[:, 0] + on[:, 0] + (movie * on)[:, 1:].sum(axis=1) + left @ sum(rest)
    y = (ratings.value[mine] - fitted.mean) / fitted.unit
    matrix = np.diag(draws.precision[s]) + draws.alpha[s] * left.T @ left
    right = draws.precision[s] * draws.mean[s] + draws.alpha[s] * left.T @ (y - fixed)
    np.testing.assert_allclose(own, np.linalg.solve(matrix, right), rtol=1e-5, atol=1e-5)


def test_an_ordinal_person_is_at_the_mode(people_and_days):
    """The gradient of the log posterior of their own coefficients is 0."""
    fitted = BayesFM(features="ratings", target="ordinal", **FEW).fit(people_and_days)
    draws, s, query = fitted.draws, 2, Query.of_users(people_and_days, [3])
    own, seen = fitted.fold_in(query)[:, 0, s].astype(float)
    movie = draws.movies[query.history.indices, s].astype(float)
    left = np.column_stack([np.ones(len(movie)), movie[:, 1:]])
    edge = np.concatenate([[-np.inf], draws.cutpoints[s], [np.inf]])
    level = np.searchsorted(fitted.levels, query.history.data)
    at = draws.base[s] + movie[:, 0] + left @ (own + seen)
    low, high = edge[level] - at, edge[level + 1] - at
    pull = (norm.pdf(low) - norm.pdf(high)) / (norm.cdf(high) - norm.cdf(low))
    slope = left.T @ pull - draws.precision[s] * (own - draws.mean[s])
    assert np.abs(left.T @ pull).max() > 0.05
    np.testing.assert_allclose(slope, 0, atol=0.02)


def test_an_expected_rating_worked_by_hand(people_and_days):
    """Levels 1, 2, 5 with cutpoints −1 and ½ at η = 0: 1 + 1·Φ(1) + 3·Φ(−½) = 1 + 0.8413 + 3·0.3085 = 2.7669."""
    fitted = BayesFM(target="ordinal", **FEW).fit(people_and_days)
    draws = dataclasses.replace(fitted.draws, cutpoints=np.tile([-1.0, 0.5], (10, 1)))
    fitted = dataclasses.replace(fitted, draws=draws, levels=np.array([1, 2, 5], np.float32))
    np.testing.assert_allclose(fitted._expected(np.zeros(10)), 2.7669, atol=1e-4)
    curve, low, step = fitted.curve
    for at in (-9.0, -0.77, 0.3, 8.0):
        wanted = fitted._expected(np.full(10, at))[0]
        assert kernels_bayes._on_curve(curve[0], low, step, at) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("target", ["gaussian", "ordinal"])
@pytest.mark.parametrize("track", ["ratings", "attributes", "day"])
def test_explanations_name_every_block_and_add_up(people_and_days, track, target):
    fitted = BayesFM(features=track, target=target, **FEW).fit(people_and_days)
    query = Query.of_users(people_and_days, [5, 7, -1], [12 * DAY, 10 * DAY, 99 * DAY])
    score = fitted.score(query)
    for row in range(3):
        told = fitted.explain(query.rows(row, row + 1), 8)
        assert told.score == pytest.approx(score[row, 8], abs=2e-4)
        assert told.base + sum(part.weight for part in told.parts) == pytest.approx(told.score, abs=1e-6)
        names = {part.what for part in told.parts}
        assert {"the people it draws", "what the person has rated"} <= names
        assert ("the person's occupation" in names) == ("its genres" in names)
        assert ("the person's occupation" in names) == (track != "ratings")
        assert ("the day" in names) == (track == "day")
        assert 0 < told.deviation < 2


@pytest.mark.parametrize("target", ["gaussian", "ordinal"])
def test_a_batch_of_deviations_is_that_of_the_explanations(people_and_days, target):
    fitted = BayesFM(features="day", target=target, **FEW).fit(people_and_days)
    query = Query.of_users(people_and_days, [5, 7, -1], [12 * DAY, 10 * DAY, 99 * DAY])
    deviation = fitted.deviation(query)
    told = [[fitted.explain(query.rows(r, r + 1), i).deviation for i in range(30)] for r in range(3)]
    np.testing.assert_array_equal(deviation, np.array(told, np.float32))
    assert fitted.model.traits.uncertainty
    assert fitted.deviation(query.rows(0, 0)).shape == (0, 30)


def test_a_deviation_is_the_spread_of_draws_and_the_normal_equations_inverse(people_and_days):
    """Var r = unit² (variance of η over draws + mean of q·A⁻¹q + mean of 1/α), A = diag(λ) + α Σ q qᵀ over the history.

    q is (1, q_i + v_t); the days of a history are those it was given on.
    """
    fitted = BayesFM(features="day", **FEW).fit(people_and_days)
    ratings, draws, person, item = people_and_days.interactions, fitted.draws, 11, 4
    query = Query.of_users(people_and_days, [person], [12 * DAY])
    mine = np.flatnonzero(ratings.user == person)
    on, within = ratings.time[mine] // DAY - 10, []
    for s in range(10):
        left = (draws.movies[ratings.item[mine], s] + draws.days[on, s]).astype(float)
        asked = (draws.movies[item, s] + draws.days[2, s]).astype(float)
        left[:, 0] = asked[0] = 1.0
        within.append(asked @ np.linalg.solve(np.diag(draws.precision[s]) + draws.alpha[s] * left.T @ left, asked))
    people = fitted.fold_in(query)[:, 0].sum(axis=0, dtype=float)
    movie, day = draws.movies[item].astype(float), draws.days[2].astype(float)
    eta = draws.base + people[:, 0] + movie[:, 0] + day[:, 0]
    eta += (people * movie + people * day + movie * day)[:, 1:].sum(axis=1)
    wanted = fitted.unit * np.sqrt(eta.var() + np.mean(within) + np.mean(1 / draws.alpha))
    assert fitted.deviation(query)[0, item] == pytest.approx(wanted, rel=1e-5)


def test_an_ordinal_deviation_worked_by_hand(people_and_days):
    """Levels 1, 2, 5, cutpoints −1 and ½, η = 0 known for sure: chances Φ(−1) = 0.1587, 0.5328 and Φ(−½) = 0.3085.

    Mean 0.1587 + 2·0.5328 + 5·0.3085 = 2.7668; of the squares 0.1587 + 4·0.5328 + 25·0.3085 = 10.0024: √2.3472.
    """
    fitted = BayesFM(target="ordinal", **FEW).fit(people_and_days)
    draws = dataclasses.replace(fitted.draws, cutpoints=np.tile([-1.0, 0.5], (10, 1)))
    fitted = dataclasses.replace(fitted, draws=draws, levels=np.array([1, 2, 5], np.float32))
    known, unsure = fitted._in_all(np.zeros((10, 2)), np.tile([0.0, 4.0], (10, 1)))
    assert known == pytest.approx(np.sqrt(2.3472), abs=1e-3)
    assert unsure > known


@pytest.mark.parametrize("target", ["gaussian", "ordinal"])
def test_who_rated_more_is_known_better_and_what_is_unknown_has_no_deviation(make_dataset, target):
    rng = np.random.default_rng(8)
    liking = rng.normal(3, 1, (60, 1)) + rng.normal(0, 0.5, (60, 30))  # what is learned is how generous someone is
    table = np.where(rng.random((60, 30)) < 0.5, np.clip(np.round(liking), 1, 5), np.nan)
    table[:, 29] = np.nan
    data = make_dataset(table)
    fitted = BayesFM(features="ratings", target=target, **FEW).fit(data)
    few, many = (fitted.deviation(Query.of_visitor(30, range(n), np.full(n, 3.0))) for n in (1, 20))
    assert many[0, 20:29].mean() < few[0, 20:29].mean()
    assert np.isfinite(few[0, :29]).all()
    assert np.isnan(few[0, 29])
    assert fitted.explain(Query.of_users(data, [0]), 29).deviation is None


def test_what_is_not_known_of_a_person_adds_nothing(people_and_days):
    """A visitor has no occupation and person 7 no age; someone without a history rated neither much nor little."""
    fitted = BayesFM(**FEW).fit(people_and_days)
    stored = Query.of_users(people_and_days, [7])
    visitor = dataclasses.replace(stored, user=np.array([-1], np.int32))
    weight = {part.what: part.weight for part in fitted.explain(stored, 2).parts}
    assert weight["the person's age"] == pytest.approx(0, abs=1e-9)
    assert abs(weight["the person's occupation"]) > 0.01
    of_visitor = {part.what: part.weight for part in fitted.explain(visitor, 2).parts}
    assert of_visitor["the person's occupation"] == pytest.approx(0, abs=1e-9)
    of_nobody = {part.what: part.weight for part in fitted.explain(Query.of_users(people_and_days, [-1]), 2).parts}
    assert of_nobody["what the person has rated"] == pytest.approx(0, abs=1e-9)


def test_an_occupation_speaks_for_those_who_have_rated_nothing(people_and_days):
    """Artists like odd movies and lawyers even ones; the history is taken away, the occupation stays."""
    fitted = BayesFM(factors=3, iterations=200).fit(people_and_days)
    silent = sp.csr_matrix((40, 30), dtype=np.float32)
    everyone = Query(np.arange(40, dtype=np.int32), silent, np.zeros((40, 0), np.int32))
    score, artist = fitted.score(everyone), people_and_days.people["occupation"].to_numpy() == "artist"
    liking = score[:, 1::2].mean(axis=1) - score[:, ::2].mean(axis=1)
    assert liking[artist].min() > 0.5
    assert liking[~artist].max() < -0.5


def test_the_day_counts_where_it_is_known(people_and_days):
    fitted = BayesFM(features="day", **FEW).fit(people_and_days)
    asked = [fitted.score(Query.of_users(people_and_days, [1], time)) for time in ([10 * DAY], [13 * DAY + 5])]
    assert np.abs(asked[0] - asked[1]).max() > 1e-3
    unknown = [fitted.score(Query.of_users(people_and_days, [1], time)) for time in (None, [99 * DAY], [0])]
    np.testing.assert_array_equal(unknown[0], unknown[1])
    np.testing.assert_array_equal(unknown[0], unknown[2])


def test_days_without_times_are_refused(make_dataset, one_sentence):
    data = make_dataset([[4, 2], [3, 5]])
    timeless = dataclasses.replace(data, interactions=dataclasses.replace(data.interactions, time=None))
    with pytest.raises(ModelError, match="no times") as refused:
        BayesFM(features="day", **FEW).fit(timeless)
    assert one_sentence(str(refused.value))
    assert BayesFM(**FEW).fit(timeless).score(Query.of_users(timeless, [0])).shape == (1, 2)


def test_a_movie_nobody_rated_is_judged_by_its_attributes_alone(make_dataset):
    rng = np.random.default_rng(3)
    table = np.where(rng.random((50, 20)) < 0.6, np.where(np.arange(20) % 2, 5.0, 2.0), np.nan)
    table[:, [18, 19]] = np.nan
    data = make_dataset(table, features=np.eye(2)[np.arange(20) % 2])
    query = Query.of_users(data, [0, -1])
    score = BayesFM(**FEW).fit(data).score(query)
    assert (score[:, 19] > score[:, 18] + 1).all()
    nameless = BayesFM(features="ratings", **FEW).fit(data)
    assert np.isnan(nameless.score(query)[:, 18:]).all()
    assert np.isfinite(nameless.score(query)[:, :18]).all()
    assert "nobody has rated" in nameless.explain(query, 18).fallback


def test_chains_are_samplers_of_their_own_whose_draws_are_divided(people_and_days):
    one, four = (BayesFM(chains=n, **{**FEW, "draws": 8}).fit(people_and_days).draws for n in (1, 4))
    assert four.movies.shape == one.movies.shape
    assert len(four.base) == 8
    chains = four.base.reshape(4, 2)
    assert len(np.unique(chains)) == 8
    # The first chain is the one that would run alone, whose draws lie closer together.
    assert chains[0, -1] == one.base[-1]


def test_an_artifact_answers_with_the_same_bits(people_and_days, tmp_path):
    fitted = BayesFM(features="day", target="ordinal", **FEW).fit(people_and_days)
    query = Query.of_users(people_and_days, [2, -1], [11 * DAY] * 2)
    again = decode(encode(fitted, tmp_path, lambda part: None), tmp_path, {}.__getitem__)
    np.testing.assert_array_equal(again.score(query), fitted.score(query))
    assert again.explain(query, 3) == fitted.explain(query, 3)


@pytest.fixture(scope="module")
def u1(ml100k_zip):
    """Fold u1 with everything that is known: the training data and the test ratings."""
    everything = sources.load(str(ml100k_zip)).dataset
    held_out = movielens.canonical_fold(ml100k_zip, "u1", everything)
    ratings = everything.interactions
    return everything.with_interactions(ratings.take(~held_out)), ratings.take(held_out)


@pytest.mark.parametrize(
    ("parameters", "low", "high"),
    [
        pytest.param({}, 0.865, 0.8868, id="attributes"),
        pytest.param({"features": "ratings"}, 0.870, 0.892, id="ratings"),
    ],
)
def test_the_published_error_on_u1(parameters, low, high, u1):
    train, test = u1
    people, row = np.unique(test.user, return_inverse=True)
    fitted = BayesFM(**parameters).fit(train)
    prediction = fitted.predict(Query.of_users(train, people), row, test.item)
    error = np.sqrt(np.mean((prediction.value.astype(np.float64) - test.value) ** 2))
    assert low <= error <= high


@pytest.mark.parametrize("target", ["gaussian", "ordinal"])
def test_nine_in_ten_ratings_fall_within_their_interval(target, u1):
    """Calibration on 400 ratings held back: r within r̂ ± 1.645 deviations, for 90 %, give or take."""
    train, test = u1
    fitted = BayesFM(factors=6, iterations=60, draws=30, target=target).fit(train)
    rows = np.random.default_rng(0).choice(len(test), 400, replace=False)
    told = [fitted.explain(Query.of_users(train, [test.user[row]]), test.item[row]) for row in rows]
    off = np.array([one.score for one in told]) - test.value[rows]
    assert 0.86 <= np.mean(np.abs(off) <= 1.645 * np.array([one.deviation for one in told])) <= 0.95


def test_ratings_that_are_hardly_levels_are_refused_before_the_work_grows_with_them(make_dataset, one_sentence):
    """Errors of another model, as a hybrid has them learned, are nearly all different."""
    data = make_dataset(1 + 4 * np.random.default_rng(0).random((30, 10)))
    with pytest.raises(ModelError, match=r"300 different ratings.*target=gaussian") as refused:
        BayesFM(target="ordinal", **FEW).fit(data)
    assert one_sentence(str(refused.value))
    BayesFM(**FEW).fit(data)
