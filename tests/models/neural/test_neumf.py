"""NeuMF: what it draws, what it may not see, what it can learn, and what it reaches on MovieLens 100K."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from recengine.data import movielens, sources, split
from recengine.data.dataset import Query
from recengine.evaluate import evaluate
from recengine.model import Context
from recengine.models.dense import NeuMF
from recengine.models.neural import neumf
from recengine.models.neural.train import Schedule, rebuild

D = 3
QUICK = {"factors": 8, "hidden": 16, "epochs": 10}


def watched(n_users=14, n_items=11, density=0.4, seed=0):
    return sp.csr_matrix(np.random.default_rng(seed).random((n_users, n_items)) < density, dtype=np.float32)


def implicit(make_dataset, matrix):
    return make_dataset(np.where(matrix.toarray() > 0, 1.0, np.nan), scale=None)


def network(n_items=11, dtype=torch.float32):
    torch.manual_seed(0)
    return neumf.NeuMFNet(n_items, D, 8, 0.0).to(dtype).eval()


class TestUnwatched:
    def test_nobody_is_told_that_they_did_not_watch_what_they_did(self):
        matrix, rng = watched(density=0.8), np.random.default_rng(1)
        known = np.asarray(matrix.sum(axis=0)).ravel() > 0
        known[[0, 7]] = matrix[:, [0, 7]].nnz > 0
        unwatched = neumf.Unwatched(matrix, known)
        for person in np.flatnonzero(unwatched.some()):
            drawn = unwatched.draw(person, (300, 4), rng)
            assert drawn.shape == (300, 4)
            assert set(drawn.ravel()) == set(np.flatnonzero(known)) - set(matrix[[person]].indices)

    def test_each_is_as_likely_as_any_other(self):
        matrix = sp.csr_matrix(np.array([[1, 0, 0, 1, 0, 1, 0, 0]], np.float32))
        known = np.array([1, 1, 0, 1, 1, 1, 1, 1], np.bool_)
        drawn = neumf.Unwatched(matrix, known).draw(0, (10_000, 4), np.random.default_rng(0))
        share = np.bincount(drawn.ravel(), minlength=8) / drawn.size
        np.testing.assert_allclose(share, [0, 0.25, 0, 0, 0.25, 0, 0.25, 0.25], atol=0.01)

    def test_who_watched_everything_is_told_nothing(self):
        matrix = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
        known = np.array([True, True, False])
        np.testing.assert_array_equal(neumf.Unwatched(matrix, known).some(), [False, True])


class TestLeaveOneOut:
    def test_the_taste_is_that_of_the_other_movies(self):
        made, matrix = network(), watched()
        row, item = (torch.from_numpy(part.astype(np.int64)) for part in matrix.nonzero())
        found = made.taste_without_each(item, row, matrix.shape[0])
        for at in range(len(item)):
            rest = item[(row == row[at]) & (item != item[at])]
            wanted = made.taste(rest, torch.zeros_like(rest), 1)[0]
            torch.testing.assert_close(found[at], wanted, rtol=1e-4, atol=1e-6)

    def test_its_gradient(self):
        made = network(dtype=torch.float64)
        item, row = torch.tensor([0, 4, 5, 4, 8]), torch.tensor([0, 0, 0, 1, 1])

        def taste(table):
            return torch.func.functional_call(Without(made), {"made.watched": table}, (item, row))

        assert torch.autograd.gradcheck(taste, made.watched.detach().clone().requires_grad_())


class Without(torch.nn.Module):
    """`taste_without_each` as a module, so that its table can be another."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, item, row):
        return self.made.taste_without_each(item, row, 2)


def test_shapes():
    made = network()
    item, row = torch.tensor([0, 4, 5, 4, 8]), torch.tensor([0, 0, 0, 1, 1])
    assert made.taste(item, row, 2).shape == (2, 2 * D)
    assert made.taste_without_each(item, row, 2).shape == (5, 2 * D)
    people, movies = made.people(made.taste(item, row, 2)), made.movies()
    assert people.shape == (2, D + 8)
    assert movies.shape == (11, D + 8 + 1)
    assert made(people[:, None], movies).shape == (2, 11)
    assert made(people[:, None], movies[torch.tensor([[1, 2, 3], [4, 5, 6]])]).shape == (2, 3)


def test_the_score_is_what_the_docstring_says():
    made, matrix = network(), watched()
    for person in range(3):
        seen = matrix[[person]].indices.astype(np.int64)
        taste = (made.watched[seen].sum(0) / np.sqrt(len(seen))).detach()
        wanted = []
        for item in range(11):
            (p, p_tower), (q, q_tower) = taste.chunk(2), made.movie[item].chunk(2)
            tower = made.tower(made.of_person(p_tower) + made.of_movie(q_tower))[0]
            wanted.append(((made.weight * p * q).sum() + tower + made.bias[item, 0]).item())
        np.testing.assert_allclose(neumf.score(made, made.movies(), seen), wanted, rtol=1e-4, atol=1e-6)


def test_it_can_learn_by_heart():
    """Who watched what at random: a movie watched gets better odds, from the others, than all that were not."""
    matrix, known = watched(), np.ones(11, np.bool_)
    nobody = np.zeros(0, np.int64)

    def build():
        return NeuMF(factors=16, hidden=32, dropout=0).network(11)

    schedule = Schedule(epochs=300, batch_size=4, learning_rate=0.01)
    weights, curve = neumf.learn(build, matrix, nobody, known, 4, schedule, Context(), name="neumf")
    made = rebuild(build, weights)
    assert curve.loss[-1] < 0.1 < curve.loss[0]
    row, item = (torch.from_numpy(part.astype(np.int64)) for part in matrix.nonzero())
    odds = made(made.people(made.taste_without_each(item, row, 14))[:, None], made.movies()).numpy()
    others = np.where(matrix.toarray()[row] > 0, -np.inf, odds)
    assert (odds[np.arange(len(item)), item] > others.max(axis=1)).mean() > 0.95


def test_nothing_is_learned_from_whom_the_validation_asks():
    matrix, known, held = watched().toarray(), np.ones(11, np.bool_), np.array([2, 5])
    schedule, found = Schedule(epochs=1, batch_size=4, learning_rate=0.01), []
    for rows in (matrix[held], 1 - matrix[held]):
        matrix[held] = rows
        told = sp.csr_matrix(matrix)
        found.append(neumf.learn(network, told, held, known, 4, schedule, Context(), name="neumf"))
    (before, first), (after, second) = found
    assert first.validation[0] != second.validation[0]
    for a, b in zip(before.arrays, after.arrays, strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_with_and_without_stars_say_the_same(make_dataset):
    matrix = watched()
    stars = np.where(matrix.toarray() > 0, np.random.default_rng(2).integers(1, 6, matrix.shape), np.nan)
    rated, seen = make_dataset(stars), implicit(make_dataset, matrix)
    first, second = (NeuMF(**QUICK).fit(data).score(Query.of_users(data, range(14))) for data in (rated, seen))
    np.testing.assert_array_equal(first, second)


def test_what_a_movie_is_worth_is_what_the_score_loses_without_it(make_dataset):
    data = implicit(make_dataset, watched())
    fitted, query = NeuMF(**QUICK).fit(data), Query.of_users(data, [3])
    score = fitted.score(query)[0]
    for item in range(11):
        why = fitted.explain(query, item)
        assert why.score == pytest.approx(score[item], abs=1e-5)
        assert {part.index for part in why.parts} == set(query.history.indices)
        for part in why.parts:
            rest = fitted.score(query.without(part.index))[0, item]
            assert part.weight == pytest.approx(score[item] - rest, abs=1e-4)


def test_the_same_seed_gives_the_same_weights(make_dataset):
    data = implicit(make_dataset, watched())
    first, second, third = (NeuMF(**QUICK).fit(data, Context(seed=seed)) for seed in (1, 1, 2))
    for a, b in zip(first.weights.arrays, second.weights.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.score(Query.of_users(data, [0])) != third.score(Query.of_users(data, [0]))).all()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_movielens_100k(ml100k_zip):
    """Fold ua, ua.base → ua.test, all movies ranked."""
    loaded = sources.load(str(ml100k_zip))
    ua = split.canonical(loaded.dataset, "ua", movielens.canonical_fold(loaded.where, "ua", loaded.dataset))
    found = evaluate(ua, [NeuMF()], ["ndcg@10"], resamples=0).results[0].metrics["ndcg@10"].value
    assert 0.295 < found < 0.32
