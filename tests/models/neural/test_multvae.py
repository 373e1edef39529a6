"""Mult-VAE: the loss by hand, gradients, what it learns by heart, what an answer is made of, published quality.

Protocol of the band: MovieLens 100K, published split ua, every test rating relevant, all unseen movies ranked.
References, same protocol: EASE 0.3169, popularity 0.1331 (README).
"""

import math

import numpy as np
import pytest
import torch

from recengine.data.dataset import Query
from recengine.metrics import ndcg as ndcg_of_hits
from recengine.model import Context
from recengine.models.multvae import MultVAE
from recengine.models.neural.multvae import MultVAENet, divergence, multinomial, ndcg
from recengine.store import Store, identity

UNRATED = 11
SMALL = MultVAE(factors=6, epochs=20, batch_size=8, learning_rate=0.02, anneal=20)


@pytest.fixture(scope="module")
def train(make_dataset):
    """24 people × 12 movies, half of them watched, of either half of the shelf mostly; the last by nobody."""
    rng = np.random.default_rng(3)
    side = (np.arange(24)[:, None] % 2) == (np.arange(12) < 6)
    table = np.where(rng.random((24, 12)) < np.where(side, 0.8, 0.2), 1.0, np.nan)
    table[:, UNRATED] = np.nan
    return make_dataset(table, scale=None)


@pytest.fixture(scope="module")
def fitted(train):
    return SMALL.fit(train)


def drawn(hidden=0, dropout=0.5):
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        return MultVAENet(n_items=7, factors=3, hidden=hidden, dropout=dropout)


X = torch.tensor([[1.0, 0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_code_a_person_and_a_chance_a_movie(hidden):
    log_chance, mean, log_variance = drawn(hidden)(X)
    assert log_chance.shape == (2, 7)
    assert mean.shape == log_variance.shape == (2, 3)
    torch.testing.assert_close(log_chance.exp().sum(1), torch.ones(2))


def test_an_answer_by_hand():
    network = drawn().eval()
    (v, a), (w, b) = (
        (p.detach().numpy() for p in layer[0].parameters()) for layer in (network.encoder, network.decoder)
    )
    code = (v[:3, 0] + v[:3, 3] + v[:3, 6]) / math.sqrt(3) + a[:3]
    logits = w @ code + b
    found = network.log_chances(network.encode(X)[0])[0].detach().numpy()
    np.testing.assert_allclose(found, logits - np.log(np.exp(logits).sum()), rtol=1e-5)


def test_an_answer_draws_nothing_and_learning_does():
    network = drawn(dropout=0.0)
    answers = [network.log_chances(network.encode(X)[0]) for _ in range(2)]
    torch.testing.assert_close(answers[0], answers[1], rtol=0, atol=0)
    with torch.random.fork_rng([]):
        assert (network(X)[0] - network(X)[0]).abs().max() > 1e-3


def test_the_losses_by_hand():
    chance = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    x = torch.tensor([[1.0, 1, 0], [0, 0, 1]])
    wanted = (math.log(2) + math.log(4) - math.log(0.8)) / 2
    assert multinomial(chance.log(), x).item() == pytest.approx(wanted)
    mean, variance = torch.tensor([[0.0, 2.0], [0, 0]]), torch.tensor([[1.0, 1.0], [4, 1]])
    # ½ 2² for the mean; ½ (4 − 1 − ln 4) for the variance; over two people.
    assert divergence(mean, variance.log()).item() == pytest.approx((2 + (3 - math.log(4)) / 2) / 2)


def test_the_divergence_is_that_of_the_normal_distributions():
    mean, log_variance = torch.tensor([[0.3, -1.2]]), torch.tensor([[0.5, -0.7]])
    normal, standard = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0, 1)
    wanted = torch.distributions.kl_divergence(normal, standard).sum()
    torch.testing.assert_close(divergence(mean, log_variance), wanted)


def test_the_gradients_of_the_losses_are_those_of_their_differences():
    logits = torch.linspace(-1, 2, 14, dtype=torch.float64).reshape(2, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda value: multinomial(value.log_softmax(1), X.double()), logits)
    code = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(divergence, (code, code.detach().flip(1).requires_grad_()))


def test_a_movie_that_was_not_watched_gives_the_encoder_no_gradient():
    network = drawn(dropout=0.0)
    multinomial(network(X)[0], X).backward()
    gradient, watched = network.encoder[0].weight.grad.T, X.sum(0) > 0
    assert (gradient[~watched] == 0).all()
    assert (gradient[watched] != 0).all()
    assert (network.decoder[0].bias.grad != 0).all()  # its chance is pressed down all the same


def test_the_validation_is_ndcg_among_the_unseen():
    rng = np.random.default_rng(0)
    score, kind = rng.random((6, 30)).astype(np.float32), rng.random((6, 30))
    x, wanted = (kind < 0.2).astype(np.float32), ((kind > 0.6) & (np.arange(30) < 25)).astype(np.float32)
    wanted[0] = 0
    wanted[0, np.flatnonzero(x[0] == 0)[:2]] = 1
    best = np.argsort(-np.where(x > 0, -np.inf, score), axis=1)[:, :10]
    expected = ndcg_of_hits(np.take_along_axis(wanted, best, 1) > 0, wanted.sum(1).astype(int))
    np.testing.assert_allclose(ndcg(*map(torch.from_numpy, (score, x, wanted))), expected, rtol=1e-5)


def test_it_learns_a_small_table_by_heart(train):
    model = SMALL.model_copy(
        update={"factors": 20, "epochs": 150, "patience": 150, "beta": 0.0, "dropout": 0.0, "batch_size": 24}
    )
    score = model.fit(train).score(Query.of_users(train, np.arange(24)))
    watched = train.interactions.matrix.toarray() > 0
    for row, own in zip(score, watched, strict=True):
        assert (own[np.argsort(-row[:UNRATED])[: own.sum()]]).mean() > 0.8


def test_the_divergence_pulls_the_codes_together(train):
    loose, tight = (SMALL.model_copy(update={"beta": beta, "anneal": 0}).fit(train) for beta in (0.0, 10.0))
    everyone = Query.of_users(train, np.arange(24))
    spread = [np.ptp(fitted.score(everyone)[:, :UNRATED], axis=0).mean() for fitted in (loose, tight)]
    assert spread[1] < 0.5 * spread[0]


def test_the_score_is_the_logarithm_of_a_chance(train, fitted):
    score = fitted.score(Query.of_users(train, [0, 5]))
    assert (np.exp(score[:, :UNRATED]).sum(axis=1) <= 1 + 1e-5).all()
    assert np.isnan(score[:, UNRATED]).all()


def test_a_visitor_is_the_person(train, fitted):
    person = Query.of_users(train, [7])
    rated = person.sequence[0]
    visitor = Query.of_visitor(12, rated, np.full(len(rated), 3.0))  # how many stars plays no part
    np.testing.assert_array_equal(fitted.score(visitor), fitted.score(person))


def test_without_an_opinion_it_says_why(train, fitted):
    for rated, item, why in [
        ([2], UNRATED, "nobody has rated this movie"),
        ([UNRATED], 3, "nobody else rated what this person did"),
        ([], 3, "nothing has been rated yet"),
    ]:
        found = fitted.explain(Query.of_visitor(12, rated, np.ones(len(rated))), item)
        assert found.fallback == f"{why}; the number of ratings stands in"


def test_a_part_is_what_the_score_loses_without_the_movie(train, fitted):
    query = Query.of_users(train, [2])
    score, why = fitted.score(query)[0, 3], fitted.explain(query, 3)
    assert len(why.parts) == query.history.nnz
    assert why.method
    for part in why.parts:
        assert part.weight == pytest.approx(score - fitted.score(query.without(part.index))[0, 3], abs=1e-4)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(train, fitted):
    everyone = Query.of_users(train, np.arange(24))
    again, other = (SMALL.fit(train, Context(seed=seed)).score(everyone) for seed in (0, 1))
    np.testing.assert_array_equal(again, fitted.score(everyone))
    assert np.nanmax(np.abs(again - other)) > 1e-3


def test_it_comes_back_from_the_store_as_it_went(train, tmp_path):
    query = Query.of_users(train, [0, 1])
    kept = [Store(tmp_path).fetch({"model": identity(SMALL)}, lambda: SMALL.fit(train)).value for _ in range(2)]
    np.testing.assert_array_equal(kept[0].score(query), kept[1].score(query))
    np.testing.assert_array_equal(kept[0].curve.validation, kept[1].curve.validation)


@pytest.mark.timeout(600)
def test_lists_on_movielens_100k(ml100k):
    train, test = ml100k("ua.base"), ml100k("ua.test").interactions
    people = np.unique(test.user)
    ranking = MultVAE().fit(train).recommend(Query.of_users(train, people), 10)
    relevant = test.matrix[people].toarray() > 0
    hit = np.take_along_axis(relevant, ranking.item.astype(np.int64), axis=1)
    assert 0.300 <= ndcg_of_hits(hit, relevant.sum(axis=1)).mean() <= 0.33
