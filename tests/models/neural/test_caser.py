"""Caser: its filters against a computation by hand, what its network may look at, published quality.

Protocol of the band: MovieLens 100K, each person's last movie is predicted from everything before it, all movies that
the person has not watched are ranked.
"""

import numpy as np
import pytest
import torch

from recengine.data.dataset import Query
from recengine.data.split import leave_last_out
from recengine.evaluate import evaluate
from recengine.model import Context
from recengine.models.neural.caser import CaserNet
from recengine.models.sequential import Caser

SMALL = Caser(
    factors=16, window=3, horizontal=8, vertical=2, units=32, epochs=40, batch_size=8, learning_rate=0.02, dropout=0.0,
    patience=40,
)  # fmt: skip


@pytest.fixture
def network():
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return CaserNet(n_items=9, window=3, factors=4, horizontal=2, vertical=2, units=6, dropout=0.5).eval()


def test_a_vector_a_position_and_a_score_a_movie(network):
    hidden = network(torch.tensor([[0, 0, 1, 5], [2, 3, 4, 9]]))
    weight, bias = network.head()
    assert hidden.shape == (2, 4, 4)
    assert weight.shape == (9, 4)
    assert bias.shape == (9,)


def test_the_filters_by_hand():
    """Two movies of two numbers each. Filters of height 1 and 2, one each, and one vertical.

    Movies (1, 2) and (3, −1); before the first there is nothing, (0, 0).
    Height 1 takes the first number minus the second: −1 at the first movie, 4 at the second. Height 2 takes the first
    number of the earlier and twice the second of the later, minus 1: 0 + 4 − 1 = 3 at the first, 1 − 2 − 1 = −2 at the
    second. Vertical takes ten times the earlier and the later: (1, 2) at the first, (13, 19) at the second.
    """
    network = CaserNet(n_items=2, window=2, factors=2, horizontal=1, vertical=1, units=3, dropout=0.0)
    with torch.no_grad():
        network.horizontal[0].weight.copy_(torch.tensor([[[1.0], [-1.0]]]))
        network.horizontal[0].bias.fill_(0)
        network.horizontal[1].weight.copy_(torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]))
        network.horizontal[1].bias.fill_(-1)
        network.vertical.weight.copy_(torch.tensor([[10.0, 1.0]]))
        found = network.filtered(torch.tensor([[[1.0, 2.0], [3.0, -1.0]]]))
    # Height 1 sees both rows of the window and the better counts, nothing (0) among them; negative counts as 0.
    wanted = torch.tensor([[[0.0, 3.0, 1.0, 2.0], [4.0, 0.0, 13.0, 19.0]]])
    torch.testing.assert_close(found, wanted)


def test_what_lasts_is_the_sum_over_the_root_of_the_number(network):
    """With filters that see nothing, the answer depends on the movies alone and not on their order."""
    with torch.no_grad():
        network.mixed.weight.fill_(0)
    one, other = network(torch.tensor([[3, 1, 4]]))[:, 2], network(torch.tensor([[4, 3, 1]]))[:, 2]
    torch.testing.assert_close(one, other)
    with torch.no_grad():
        lasting = network.item.weight[[3, 1, 4]].sum(0) / 3**0.5
        recent = torch.relu(network.mixed.bias)
        torch.testing.assert_close(one[0], network.out(torch.cat([recent, lasting])))


def test_a_later_movie_changes_nothing_before_it(network):
    before, after = network(torch.tensor([[3, 1, 4, 2]])), network(torch.tensor([[3, 1, 4, 9]]))
    torch.testing.assert_close(after[:, :3], before[:, :3], rtol=0, atol=0)
    assert not torch.allclose(after[:, 3], before[:, 3])


def test_padding_changes_nothing(network):
    bare, padded = network(torch.tensor([[3, 1, 4]])), network(torch.tensor([[0, 0, 3, 1, 4], [1, 2, 3, 4, 5]]))
    torch.testing.assert_close(padded[:1, 2:], bare)


def test_it_learns_what_follows_what(circle):
    fitted = SMALL.fit(circle)
    for first in range(12):
        visitor = Query.of_visitor(12, [(first + step) % 12 for step in range(6)], [1.0] * 6)
        assert fitted.recommend(visitor, 1).item[0, 0] == (first + 6) % 12


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(circle):
    model = SMALL.model_copy(update={"epochs": 2})
    first, again, other = (model.fit(circle, Context(seed=seed)).weights.arrays for seed in (4, 4, 5))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_next_movie_on_movielens_100k(ml100k):
    split = leave_last_out(ml100k("u.data"))
    found = evaluate(split, [Caser()], ["hit@10", "ndcg@10"], resamples=0).results[0].metrics
    assert 0.170 <= found["hit@10"].value <= 0.30
    assert 0.085 <= found["ndcg@10"].value <= 0.16
