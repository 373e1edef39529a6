"""The infinitely wide autoencoder: its kernel, a plain ridge regression, a wide network, and MovieLens 100K."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from recengine.data import split
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.evaluate import evaluate
from recengine.models import kernel
from recengine.models.kernel import InfiniteAE

X = np.nan

# Person 0 and 1 have A in common; D was watched by nobody, B by 1 of 3.
#         A  B  C  D
THREE = [[5, 2, X, X], [3, X, X, X], [X, X, 4, X]]


def watched(n_users=60, n_items=40, seed=4):
    """Who watched what, in two groups of taste, some movies far more popular than others; stars at random."""
    rng = np.random.default_rng(seed)
    group, genre = rng.integers(0, 2, (n_users, 1)), rng.integers(0, 2, n_items)
    chance = np.where(group == genre, 0.5, 0.1) * rng.uniform(0.2, 1.5, n_items)
    return np.where(rng.random((n_users, n_items)) < chance, rng.integers(1, 6, (n_users, n_items)), X)


def tangent(c):
    """k as the neural tangent kernel is put together: c κ0 + κ1."""
    angle = np.arccos(np.clip(c, 0, 1))
    return c * (np.pi - angle) / np.pi + (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def plainly(table, asked, regularization):
    """The same model with dense matrices: scores of the rows `asked`, of zeros and ones."""
    a = (~np.isnan(table)).astype(float)
    count = a.sum(axis=0)
    idf = np.where(count > 0, np.log(len(a) / np.maximum(count, 1)), 0)

    def unit(x):
        rows = x * np.sqrt(idf)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    ridge = tangent(unit(a) @ unit(a).T) + regularization * np.eye(len(a))
    return tangent(unit(asked) @ unit(a).T) @ np.linalg.solve(ridge, a)


def test_by_hand(make_dataset):
    """Persons 0 and 2 have nothing in common and A makes 0 like 1: a system of three equations."""
    data = make_dataset(THREE)
    fitted = InfiniteAE(regularization=1).fit(data)
    c = np.sqrt(np.log(3 / 2) / (np.log(3 / 2) + np.log(3)))  # x_0 = (√ln 1.5, √ln 3, 0), x_1 = (√ln 1.5, 0, 0)
    k01, k02 = (2 * c * (np.pi - np.arccos(c)) + np.sqrt(1 - c**2)) / np.pi, 1 / np.pi
    k = np.array([[2, k01, k02], [k01, 2, k02], [k02, k02, 2]])
    wanted = k @ np.linalg.inv(k + np.eye(3)) @ [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    score = fitted.score(Query.of_users(data, [0, 1, 2]))
    np.testing.assert_allclose(score[:, :3], wanted, rtol=1e-6)
    assert np.isnan(score[:, 3]).all()


@pytest.mark.parametrize("regularization", [0.01, 4, 300])
@pytest.mark.parametrize("block", [1024, 7])
def test_it_is_a_plain_kernel_ridge_regression(regularization, block, make_dataset, monkeypatch):
    for module in ("kernel", "linear", "sweep"):
        monkeypatch.setattr(f"recengine.models.{module}._BLOCK", block)
    table = watched()
    data = make_dataset(table)
    fitted = InfiniteAE(regularization=regularization).fit(data)
    watching = np.flatnonzero((~np.isnan(table)).any(axis=1))
    wanted = plainly(table, (~np.isnan(table[watching])).astype(float), regularization)
    found = fitted.score(Query.of_users(data, watching))
    known = data.interactions.item_count > 0
    np.testing.assert_allclose(found[:, known], wanted[:, known], atol=1e-5)


def test_the_kernel_is_that_of_a_wide_network():
    """Gradients of √(2 / n) Σ v ReLU(w·x) by all weights, w and v drawn: their product is k, up to the drawing."""
    rng = np.random.default_rng(0)
    x = kernel.unit_rows(sp.csr_matrix(rng.random((4, 6)) < 0.6), np.sqrt(np.arange(1.0, 7.0))).toarray()
    n = 400_000
    w, v = rng.normal(size=(n, 6)), rng.normal(size=n)
    hidden = np.maximum(w @ x.T, 0) * np.sqrt(2 / n)  # by v
    open_ = (w @ x.T > 0) * (v * np.sqrt(2 / n))[:, None]  # by w, times x
    found = hidden.T @ hidden + (open_.T @ open_) * (x @ x.T)
    sparse = sp.csr_matrix(x)
    np.testing.assert_allclose(kernel.likeness(sparse, sparse), found, atol=0.02)


def test_without_regularization_everybody_gets_back_what_they_watched(make_dataset):
    """K is positive definite where no two people watched the same, so a small λ leaves hardly any error."""
    table = watched()
    table = table[(~np.isnan(table)).any(axis=1)]
    data = make_dataset(table)
    found = InfiniteAE(regularization=0.01).fit(data).score(Query.of_users(data, np.arange(len(table))))
    known = data.interactions.item_count > 0
    assert np.abs(found - ~np.isnan(table))[:, known].max() < 0.2
    far = InfiniteAE(regularization=10_000).fit(data).score(Query.of_users(data, np.arange(len(table))))
    assert np.abs(far[:, known]).max() < 0.02


def test_what_everybody_watched_makes_nobody_alike(make_dataset):
    """A was watched by all: somebody who watched only A is as like to one person as to another."""
    data = make_dataset([[5, 1, X], [5, X, 1], [5, X, X]])
    fitted = InfiniteAE().fit(data)
    np.testing.assert_allclose(fitted.likeness(Query.of_users(data, [2])), 1 / np.pi)
    why = fitted.explain(Query.of_users(data, [2]), 1)
    assert why.parts == ()
    assert why.score == why.base == pytest.approx(fitted.score(Query.of_users(data, [2]))[0, 1])


def test_an_explanation_shares_out_what_was_watched_in_common(make_dataset):
    """C leads to what its watchers watched, and A, of the other group, away from it."""
    data = make_dataset(np.array([[1, 1, X, X]] * 4 + [[X, X, 1, 1]] * 4 + [[1, X, 1, X]] * 2))
    fitted, visitor = InfiniteAE(regularization=1).fit(data), Query.of_visitor(4, [0, 2], [5, 1])
    why = fitted.explain(visitor, 3)
    weight = {part.index: part.weight for part in why.parts}
    assert weight[2] > 0 > weight[0]
    assert {part.rating for part in why.parts} == {None}
    assert why.score == pytest.approx(fitted.score(visitor)[0, 3], abs=1e-6)


def test_no_opinion(make_dataset):
    data = make_dataset(THREE)
    fitted = InfiniteAE().fit(data)
    only_d = Query.of_visitor(4, [3], [5.0])
    assert np.isnan(fitted.score(only_d)).all()
    reasons = [fitted.explain(query, item).fallback for query, item in [
        (Query.of_users(data, [0]), 3), (only_d, 0), (Query.of_users(data, [-1]), 0),
    ]]  # fmt: skip
    assert reasons == [
        "nobody has rated this movie; the number of ratings stands in",
        "nobody else rated what this person did; the number of ratings stands in",
        "nothing has been rated yet; the number of ratings stands in",
    ]
    ranking = fitted.recommend(only_d, 3)
    assert ranking.fallback.all()
    assert ranking.item[0, 0] == 0  # A, which two people rated


def test_an_unknown_movie_beside_known_ones_changes_nothing(make_dataset):
    fitted = InfiniteAE().fit(make_dataset(THREE))
    with_d, without = (fitted.score(Query.of_visitor(4, rated, [5.0] * len(rated))) for rated in ([0, 3], [0]))
    np.testing.assert_array_equal(with_d, without)


def test_on_one_thread_of_the_linear_algebra_and_on_two(make_dataset):
    data = make_dataset(watched(600, 80))
    weights = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            weights.append(InfiniteAE().fit(data).movies.factors)
    np.testing.assert_allclose(*weights, rtol=1e-5, atol=1e-7)


def test_what_does_not_fit_in_memory_is_refused(make_dataset, monkeypatch, one_sentence):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5000))
    with pytest.raises(ModelError, match=r"on 60 people and 40 movies needs .* choose ease") as refused:
        InfiniteAE().fit(make_dataset(watched()))
    assert one_sentence(str(refused.value))


def test_lists_on_movielens_100k(ml100k):
    """Fold ua: ten ratings of each of 943 people held back, all of them relevant, all unseen movies ranked."""
    train, test = ml100k("ua.base"), ml100k("ua.test").interactions
    ua = split.Split("ua", train, test, "Published split ua.", 0)
    result = evaluate([ua], [InfiniteAE()], ["ndcg@10"], resamples=0).results[0]
    assert 0.310 <= result.metrics["ndcg@10"].value <= 0.330
