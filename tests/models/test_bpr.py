"""BPR: one step against the numerical gradient, what may be drawn, the fold-in, published ranking quality.

Protocol of the band: fold ua as GroupLens distributes it (ten test ratings a person), all unseen movies ranked, every
test rating relevant, NDCG@10 averaged over people. Reference: popularity, same protocol: .133. The bounds leave
room for seeds.
"""

import numpy as np
import pytest

from recengine.data.dataset import Query, freeze
from recengine.data.split import Split
from recengine.evaluate import evaluate
from recengine.models import kernels_sgd
from recengine.models.bpr import BPR


def one_person(met, seed=0):
    """Who, where, what and the state that the kernel draws from, for one person."""
    fixed = (np.zeros(len(met), np.int32), np.array([0, len(met)]), np.array(met, np.int32))
    return (*(freeze(array) for array in fixed), np.array([seed], np.uint64))


def test_a_step_climbs_the_gradient_of_one_pair():
    """Somebody met movie 0 of two, so that the only draw possible is (0, 0, 1)."""
    rng = np.random.default_rng(0)
    arrays, first = one_person([0]), [rng.normal(size=2), rng.normal(size=(1, 3)), rng.normal(size=(2, 3))]
    rate, u_pull, i_pull = 1e-3, 0.3, 0.2

    def gain(b, p, q):
        x = b[0] - b[1] + p[0] @ (q[0] - q[1])
        return -np.log1p(np.exp(-x)) - u_pull / 2 * p[0] @ p[0] - i_pull / 2 * ((q * q).sum() + b @ b)

    moved = [array.copy() for array in first]
    kernels_sgd.bpr_epoch(*arrays, *moved, rate, u_pull, i_pull)
    for which, array in enumerate(first):
        for at in np.ndindex(array.shape):
            up, down = ([a.copy() for a in first] for _ in range(2))
            up[which][at] += 1e-5
            down[which][at] -= 1e-5
            slope = (gain(*up) - gain(*down)) / 2e-5
            assert moved[which][at] - array[at] == pytest.approx(rate * slope, abs=1e-10)


def test_only_movies_that_were_not_met_are_drawn_as_worse():
    """With vectors at 0 a step moves the biases of its two movies apart, and what was met only rises."""
    met = [0, 2, 3, 6]
    b, p, q = np.zeros(8), np.zeros((1, 2)), np.zeros((8, 2))
    arrays = one_person(met, seed=5)
    for _ in range(20):
        kernels_sgd.bpr_epoch(*arrays, b, p, q, 0.01, 0.0, 0.0)
    assert (b[met] > 0).all()
    assert (np.delete(b, met) < 0).all()
    assert b.sum() == pytest.approx(0, abs=1e-12)


def test_whoever_met_everything_moves_nothing():
    b, p, q = np.zeros(2), np.ones((1, 2)), np.ones((2, 2))
    kernels_sgd.bpr_epoch(*one_person([0, 1]), b, p, q, 0.1, 0.1, 0.1)
    assert (b == 0).all()
    assert (p == 1).all()
    assert (q == 1).all()


def test_a_fold_in_comes_near_the_best_vector_for_all_pairs():
    """Plain gradient steps over *all* pairs lead to nearly the same vector as the steps for pairs drawn."""
    rng = np.random.default_rng(4)
    q, b = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=30).astype(np.float32)
    met, pull = np.arange(0, 30, 3).astype(np.int32), 0.04
    arrays = [freeze(array) for array in (np.array([0, len(met)]), met, b, q)]
    found = kernels_sgd.bpr_fold_in(*arrays, 0.1, pull, 400, 0, 1)[0]
    pairs = (q[met][:, None] - np.delete(q, met, axis=0)[None]).reshape(-1, 3).astype(np.float64)
    offset = (b[met][:, None] - np.delete(b, met)[None]).ravel()
    best = np.zeros(3)
    for _ in range(5000):
        best += 0.2 * ((pairs / (1 + np.exp(pairs @ best + offset))[:, None]).mean(axis=0) - pull * best)
    np.testing.assert_allclose(found, best, atol=0.1 * np.linalg.norm(best))


def test_ratings_count_as_met_whatever_they_are(make_dataset):
    rng = np.random.default_rng(5)
    rated = rng.random((20, 12)) < 0.4
    stars = make_dataset(np.where(rated, rng.integers(1, 6, (20, 12)).astype(float), np.nan))
    watched = make_dataset(np.where(rated, 1.0, np.nan), scale=None)
    scores = [BPR().fit(data).score(Query.of_users(data, [0, 5])) for data in (stars, watched)]
    np.testing.assert_array_equal(*scores)


def test_a_vector_by_hand():
    """One movie met of two, one sweep: the only pair has g = σ(0) = ½, and a step of 0.1 adds 0.05 (q_0 − q_1)."""
    arrays = [
        freeze(array) for array in (np.array([0], np.int32), np.zeros(2, np.float32), np.eye(2, dtype=np.float32))
    ]
    vector, weight, drawn = kernels_sgd.bpr_climb(*arrays, 0.1, 0.04, 1)
    np.testing.assert_allclose(vector, [0.05, -0.05])
    np.testing.assert_allclose(weight, [[0.05]])
    np.testing.assert_array_equal(drawn, [[1]])


def test_a_vector_is_the_sum_of_its_pairs():
    rng = np.random.default_rng(8)
    met, b, q = np.array([1, 4, 5, 9]), rng.normal(size=12), rng.normal(size=(12, 3))
    arrays = [freeze(array) for array in (met.astype(np.int32), b.astype(np.float32), q.astype(np.float32))]
    vector, weight, drawn = kernels_sgd.bpr_climb(*arrays, 0.3, 0.2, 7)
    assert not np.isin(drawn, met).any()
    assert (weight > 0).all()
    total = (weight[:, :, None] * (q[met] - q[drawn])).sum(axis=(0, 1))
    np.testing.assert_allclose(vector, total, rtol=1e-5)


def test_an_explanation_shares_out_what_the_vectors_add(make_dataset):
    rng = np.random.default_rng(6)
    data = make_dataset(np.where(rng.random((30, 40)) < 0.4, 1.0, np.nan), scale=None)
    query, fitted = Query.of_users(data, [2]), BPR().fit(data)
    score = fitted.score(query)[0]
    for item in range(40):
        told = fitted.explain(query, item)
        named = {part.index: part.weight for part in told.parts if part.kind == "movie"}
        assert sorted(named) == sorted(query.history.indices)
        assert sum(named.values()) == pytest.approx(score[item] - fitted.bias[item], abs=1e-5)


def test_the_default_ranks_well_on_ua(ml100k):
    split = Split("ua", ml100k("ua.base"), ml100k("ua.test").interactions, "ten ratings of each person", 0)
    found = evaluate([split], [BPR()], ["ndcg@10"], resamples=0).results[0].metrics["ndcg@10"].value
    assert 0.28 <= found <= 0.32
