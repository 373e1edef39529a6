"""GRU4Rec: what its network may look at, sessions cut by hand-made times, BPR-max against loops, published quality.

Protocol of the band: MovieLens 100K, each person's last movie is predicted from everything before it, all movies that
the person has not watched are ranked. Reference, same protocol: a plain recurrent network over whole sequences with the
softmax over all movies reaches HR@10 .199 and NDCG@10 .104.
"""

import dataclasses

import numpy as np
import pytest
import torch

from recengine.data.dataset import Query
from recengine.data.split import leave_last_out
from recengine.evaluate import evaluate
from recengine.model import Context
from recengine.models.neural.gru4rec import GRU4RecNet, bpr_max
from recengine.models.neural.sequences import sessions
from recengine.models.sequential import GRU4Rec

SMALL = GRU4Rec(factors=16, units=32, epochs=40, batch_size=8, learning_rate=0.02, dropout=0.0, patience=40)
HOUR = 3600


@pytest.fixture
def network():
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return GRU4RecNet(n_items=9, factors=4, units=6, dropout=0.5).eval()


def test_a_vector_a_position_and_a_score_a_movie(network):
    hidden = network(torch.tensor([[0, 0, 1, 5], [2, 3, 4, 9]]))
    weight, bias = network.head()
    assert hidden.shape == (2, 4, 4)
    assert weight.shape == (9, 4)
    assert bias.shape == (9,)


def test_a_later_movie_changes_nothing_before_it(network):
    before, after = network(torch.tensor([[3, 1, 4, 2]])), network(torch.tensor([[3, 1, 4, 9]]))
    torch.testing.assert_close(after[:, :3], before[:, :3], rtol=0, atol=0)
    assert not torch.allclose(after[:, 3], before[:, 3])


def test_an_earlier_movie_is_remembered(network):
    assert not torch.allclose(network(torch.tensor([[3, 1, 4, 2]]))[:, 3], network(torch.tensor([[9, 1, 4, 2]]))[:, 3])


def test_padding_changes_nothing(network):
    bare, padded = network(torch.tensor([[3, 1, 4]])), network(torch.tensor([[0, 0, 3, 1, 4], [1, 2, 3, 4, 5]]))
    torch.testing.assert_close(padded[:1, 2:], bare)


@pytest.mark.parametrize("loss", ["cross-entropy", "bpr-max"])
def test_it_learns_what_follows_what(circle, loss):
    fitted = SMALL.model_copy(update={"loss": loss}).fit(circle)
    for first in range(12):
        visitor = Query.of_visitor(12, [(first + step) % 12 for step in range(6)], [1.0] * 6)
        assert fitted.recommend(visitor, 1).item[0, 0] == (first + 6) % 12


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(circle):
    model = SMALL.model_copy(update={"epochs": 2})
    first, again, other = (model.fit(circle, Context(seed=seed)).weights.arrays for seed in (4, 4, 5))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_sessions_are_cut_where_the_gap_is_longer():
    movies, times = np.array([5, 3, 8, 1, 0, 7]), np.array([0, 1, 3, 3.5, 9, 9]) * HOUR
    cut = sessions([movies, movies[:1]], [times, times[:1]], 2 * HOUR)
    assert [part.tolist() for part in cut[0]] == [[5, 3, 8, 1], [0, 7], [5]]  # two hours are not longer than two
    assert [(part / HOUR).tolist() for part in cut[1]] == [[0, 1, 3, 3.5], [9, 9], [0]]
    assert [part.tolist() for part in sessions([movies], [times], 0)[0]] == [movies.tolist()]


def test_nothing_is_learned_across_a_gap(circle):
    """With more than the gap before each movie there is no session of two movies, hence nothing to learn from."""
    late = dataclasses.replace(circle.interactions, time=circle.interactions.time * 3)
    data = dataclasses.replace(circle, interactions=late)
    model = SMALL.model_copy(update={"epochs": 2, "session_gap": 2.0})
    assert (model.fit(data).curve.loss == 0).all()
    assert (model.fit(circle).curve.loss > 0).all()


def bpr_max_of_one(score, target, regularization):
    """Equation 10 of the paper as it is written, all other movies being the negatives."""
    others = [j for j in range(len(score)) if j != target and np.isfinite(score[j])]
    share = np.exp([score[j] for j in others])
    share /= share.sum()
    ahead = sum(s / (1 + np.exp(score[j] - score[target])) for s, j in zip(share, others, strict=True))
    return -np.log(ahead) + regularization * sum(s * score[j] ** 2 for s, j in zip(share, others, strict=True))


def test_bpr_max_is_the_papers_formula():
    score = np.random.default_rng(0).normal(size=(3, 6))
    target = np.array([2, 0, 5])
    score[0, 4] = score[2, 1] = -np.inf  # left out: no negative
    wanted = np.mean([bpr_max_of_one(row, i, 0.7) for row, i in zip(score, target, strict=True)])
    assert float(bpr_max(torch.tensor(score), torch.tensor(target), 0.7)) == pytest.approx(wanted, rel=1e-12)


def test_the_gradient_of_bpr_max():
    score = torch.tensor(np.random.default_rng(1).normal(size=(3, 5)), requires_grad=True)
    left_out = torch.tensor([[False] * 5, [True] + [False] * 4, [False] * 5])

    def loss(score):
        return bpr_max(score.masked_fill(left_out, -torch.inf), torch.tensor([1, 4, 0]), 0.5)

    assert torch.autograd.gradcheck(loss, score)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_next_movie_on_movielens_100k(ml100k):
    split = leave_last_out(ml100k("u.data"))
    found = evaluate(split, [GRU4Rec()], ["hit@10", "ndcg@10"], resamples=0).results[0].metrics
    assert 0.200 <= found["hit@10"].value <= 0.30
    assert 0.103 <= found["ndcg@10"].value <= 0.16
