"""EASE and SLIM: worked by hand, against other solvers, by the laws of their optimum, and on MovieLens 100K."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from recengine import registry
from recengine.data import split
from recengine.data.dataset import Query
from recengine.errors import ModelError
from recengine.evaluate import evaluate
from recengine.model import Context
from recengine.models import linear
from recengine.models.sweep import sweep

X = np.nan

# People in rows. A was watched by 3, B by 4, C by 1, D by nobody; A and B share 2, B and C share 1, A and C nobody.
#            A  B  C  D
SEVEN = [
    [5, 4, X, X],
    [1, 2, X, X],
    [X, 3, 3, X],
    [X, 1, X, X],
    [4, X, X, X],
    [X, X, X, X],
]


def watched(n_users=80, n_items=30, seed=4):
    """Who watched what, in two groups of taste, some movies far more popular than others; stars at random."""
    rng = np.random.default_rng(seed)
    group, genre = rng.integers(0, 2, (n_users, 1)), rng.integers(0, 2, n_items)
    chance = np.where(group == genre, 0.5, 0.15) * rng.uniform(0.2, 1.5, n_items)
    return np.where(rng.random((n_users, n_items)) < chance, rng.integers(1, 6, (n_users, n_items)), X)


def gram_of(table):
    x = ~np.isnan(np.array(table))
    return x.T.astype(float) @ x


class TestEaseByHand:
    """Two movies alone: P = (G + λI)⁻¹ is the inverse of a 2 × 2 matrix."""

    def test_weights(self, make_dataset):
        # G + λ = [[3 + 1, 2], [2, 4 + 1]], so B_BA, from B to A, is 2 / 5, and B_AB, from A to B, 2 / 4.
        fitted = linear.Ease(regularization=1).fit(make_dataset(np.array(SEVEN)[:, :2]))
        np.testing.assert_allclose(fitted.weights, [[0, 2 / 4], [2 / 5, 0]], rtol=1e-6)

    def test_no_opinion(self, make_dataset):
        data = make_dataset(SEVEN)
        fitted = linear.Ease(regularization=1).fit(data)
        # Nobody watched D. Person 5 watched nothing, a visitor only D.
        known = np.isfinite(fitted.score(Query.of_users(data, range(6))))
        np.testing.assert_array_equal(known, np.outer([1, 1, 1, 1, 1, 0], [1, 1, 1, 0]))
        only_d = Query.of_visitor(4, [3], [5.0])
        assert np.isnan(fitted.score(only_d)).all()
        assert np.isnan(fitted.score_cells(only_d, np.array([0]), np.array([0]))).all()
        reasons = [fitted.explain(query, item).fallback for query, item in [
            (Query.of_users(data, [0]), 3), (only_d, 0), (Query.of_users(data, [5]), 0),
        ]]  # fmt: skip
        assert reasons == [
            "nobody has rated this movie; the user and item bias stands in",
            "nobody is known to have watched what was rated; the user and item bias stands in",
            "nothing has been rated yet; the user and item bias stands in",
        ]


@pytest.mark.parametrize("block", [1024, 7])
def test_a_column_of_ease_is_a_ridge_regression_on_the_other_movies(block, make_dataset, monkeypatch):
    monkeypatch.setattr(linear, "_BLOCK", block)
    table = watched()
    fitted, gram = linear.Ease(regularization=3).fit(make_dataset(table)), gram_of(table)
    for item in range(len(gram)):
        other = np.delete(np.arange(len(gram)), item)
        wanted = np.linalg.solve(gram[np.ix_(other, other)] + 3 * np.eye(len(other)), gram[other, item])
        np.testing.assert_allclose(fitted.weights[other, item], wanted, rtol=1e-4, atol=1e-6)
    assert (np.diag(fitted.weights) == 0).all()
    assert (fitted.weights < 0).any()


@pytest.mark.parametrize(("dropout", "pull"), [(0, 0), (0.5, 1), (0.75, 3), (0.95, 19)])
def test_dropout_is_a_pull_that_grows_with_the_people_who_rated(dropout, pull, make_dataset):
    table = watched()
    gram = gram_of(table)
    inverse = np.linalg.inv(gram + np.diag(3 + pull * np.diag(gram)))
    wanted = -inverse / np.diag(inverse)
    np.fill_diagonal(wanted, 0)
    found = linear.Ease(regularization=3, dropout=dropout).fit(make_dataset(table)).weights
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_dropout_is_the_best_guess_on_average_over_all_ways_to_lose_ratings(make_dataset):
    """Three movies, a person's ratings lost one by one with chance 0.4: eight ways, all gone through."""
    x = (~np.isnan(np.array(SEVEN)[:, :3])).astype(float)
    kept = (np.arange(8)[:, None] >> np.arange(3)) % 2
    chance = np.prod(np.where(kept, 0.6, 0.4), axis=1)
    seen = [x * way / 0.6 for way in kept]
    inner = sum(c * z.T @ z for c, z in zip(chance, seen, strict=True))
    outer = sum(c * z.T @ x for c, z in zip(chance, seen, strict=True))
    fitted = linear.Ease(regularization=2, dropout=0.4).fit(make_dataset(SEVEN))
    for item in range(3):
        other = np.delete(np.arange(3), item)
        wanted = np.linalg.solve(inner[np.ix_(other, other)] + 2 * np.eye(2), outer[other, item])
        np.testing.assert_allclose(fitted.weights[other, item], wanted, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 6, 7, 30])
def test_the_sweep_is_the_inverse_whatever_the_block(n, monkeypatch):
    monkeypatch.setattr("recengine.models.sweep._BLOCK", 7)
    root = np.random.default_rng(n).normal(size=(n, n + 3))
    matrix, told = root @ root.T + np.eye(n), []
    swept = np.triu(matrix) + np.kron(np.eye(n // 7 + 1), np.ones((7, 7)))[:n, :n] * np.tril(matrix, -1)
    sweep(swept, told.append)
    np.testing.assert_allclose(np.triu(swept), -np.triu(np.linalg.inv(matrix)), atol=1e-10)
    assert told == pytest.approx(np.arange(0, n, 7) / n)


def test_ease_on_one_thread_of_the_linear_algebra_and_on_two(make_dataset):
    data = make_dataset(watched(400, 300))
    weights = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            weights.append(linear.Ease().fit(data).weights)
    np.testing.assert_allclose(*weights, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ["ease", "slim"])
def test_what_does_not_fit_in_memory_is_refused(name, make_dataset, monkeypatch, one_sentence):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5000))
    with pytest.raises(ModelError, match=r"on 30 movies needs .* choose rp3beta") as refused:
        registry.create(name).fit(make_dataset(watched()))
    assert one_sentence(str(refused.value))


class TestSlimByHand:
    def test_weights(self, make_dataset):
        # From B to A: (2 shared − l1) / (4 who watched B + l2); from A to B: (2 − .5) / (3 + 1); C shares 1 with B.
        data = make_dataset(SEVEN)
        fitted = linear.Slim(l1=0.5, l2=1).fit(data)
        weights = fitted.weights.toarray()
        # A and C share nobody, so each movie but B has B alone to lean on.
        np.testing.assert_allclose(weights[:, [0, 2]], [[0, 0], [1.5 / 5, 0.5 / 5], [0, 0], [0, 0]], rtol=1e-6)
        np.testing.assert_allclose(weights[:, 1], [1.5 / 4, 0, 0.5 / 2, 0], rtol=1e-6)
        score = fitted.score(Query.of_users(data, [2]))[0]
        np.testing.assert_allclose(score, [1.5 / 5, 0.5 / 2, 0.5 / 5, X], rtol=1e-6)

    def test_doubt_beyond_all_pairs_leaves_no_weight(self, make_dataset):
        data = make_dataset(SEVEN)
        fitted, query = linear.Slim(l1=2, l2=1).fit(data), Query.of_users(data, [0])
        assert fitted.weights.nnz == 0
        assert np.isnan(fitted.score(query)).all()
        assert fitted.recommend(query, 2).fallback.all()
        assert fitted.explain(query, 2).fallback.startswith("nothing that was rated leads to this movie")


@pytest.mark.parametrize(("l1", "l2"), [(0, 1), (1, 1), (2.5, 10), (8, 100)])
class TestSlimsOptimum:
    def test_no_weight_can_be_bettered(self, l1, l2, make_dataset):
        """The gradient is l1 where a weight is above 0, at most l1 where it is 0."""
        table = watched()
        gram, weights = gram_of(table), linear.Slim(l1=l1, l2=l2).fit(make_dataset(table)).weights.toarray()
        left = gram - gram @ weights - l2 * weights
        free = ~np.eye(len(gram), dtype=bool)
        np.testing.assert_allclose(left[weights > 0], l1, atol=1e-3)
        assert left[free & (weights == 0)].max() <= l1 + 1e-3
        assert (np.diag(weights) == 0).all()
        assert weights.min() == 0

    def test_another_solver_finds_the_same(self, l1, l2, make_dataset, monkeypatch):
        """Non-negative least squares on LLᵀ = G + l2, whose optimum is that of SLIM."""
        monkeypatch.setattr(linear, "_BLOCK", 7)
        table = watched(seed=9)
        gram, weights = gram_of(table), linear.Slim(l1=l1, l2=l2).fit(make_dataset(table)).weights.toarray()
        for item in range(len(gram)):
            other = np.delete(np.arange(len(gram)), item)
            root = np.linalg.cholesky(gram[np.ix_(other, other)] + l2 * np.eye(len(other)))
            wanted, _ = nnls(root.T, np.linalg.solve(root, gram[other, item] - l1))
            np.testing.assert_allclose(weights[other, item], wanted, atol=1e-4)


@pytest.mark.parametrize("positives", ["all", "liked"])
@pytest.mark.parametrize("name", ["ease", "slim", "rp3beta"])
def test_a_score_is_the_sum_of_the_weights_of_what_counts(name, positives, make_dataset):
    table = watched()
    data = make_dataset(table)
    fitted = registry.create(name, {"positives": positives}).fit(data)
    weights = fitted.weights if name == "ease" else fitted.weights.toarray()
    x = ~np.isnan(table)
    if positives == "liked":
        x &= table >= np.nanmean(np.where(x.any(axis=1, keepdims=True), table, 0), axis=1, keepdims=True)
    wanted = x @ weights
    if name != "ease":
        wanted[x.astype(float) @ (weights > 0) == 0] = np.nan
    wanted[~x.any(axis=1)] = np.nan
    query = Query.of_users(data, np.arange(data.n_users))
    np.testing.assert_allclose(fitted.score(query), wanted, rtol=1e-4, atol=1e-6)


def test_what_counts_decides_what_is_learned_and_what_speaks(make_dataset):
    """B goes with A only for those who dislike both; with "liked" it is no reason, and leads nowhere."""
    table = np.array([[1, 1, 5, X]] * 4 + [[X, 2, X, 4]] * 4)
    data = make_dataset(table)
    query = Query.of_visitor(4, [1, 2], [1.0, 5.0])
    parts = {
        positives: linear.Ease(positives=positives, regularization=1).fit(data).explain(query, 3).parts
        for positives in ("all", "liked")
    }
    assert [part.index for part in parts["all"]] == [1, 2]
    assert parts["liked"] == ()


def test_an_explanation_names_each_rated_movie_and_its_weight_but_no_stars(make_dataset):
    data = make_dataset(SEVEN)
    fitted = linear.Ease(regularization=1).fit(data)
    why = fitted.explain(Query.of_users(data, [0]), 2)
    assert [(part.index, part.rating) for part in why.parts] == [(1, None), (0, None)]
    assert [part.weight for part in why.parts] == pytest.approx([fitted.weights[1, 2], fitted.weights[0, 2]])
    assert why.parts[1].weight < 0
    assert why.exact


def test_the_visitor_of_a_movie_is_not_told_to_watch_it(make_dataset):
    """A weight to oneself would make the best guess of what was seen."""
    data = make_dataset(watched())
    for name in ("ease", "slim", "rp3beta"):
        score = registry.create(name).fit(data).score(Query.of_visitor(30, [0], [5.0]))[0]
        assert score[0] == 0 or np.isnan(score[0])


def test_progress_is_told_between_blocks(make_dataset, monkeypatch):
    monkeypatch.setattr(linear, "_BLOCK", 10)
    told = []
    linear.Slim().fit(make_dataset(watched()), Context(progress=lambda fraction, message: told.append(fraction)))
    assert told == pytest.approx([0, 1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        # EASE on fold ua, protocol as below; RP³β and SLIM beside it. Popularity has .133.
        pytest.param("ease", 0.310, 0.335, id="ease"),
        pytest.param("slim", 0.312, 0.335, id="slim"),
        pytest.param("rp3beta", 0.275, 0.300, id="rp3beta"),
    ],
)
def test_lists_on_movielens_100k(name, low, high, ml100k):
    """Fold ua: ten ratings of each of 943 people held back, all of them relevant, all unseen movies ranked."""
    train, test = ml100k("ua.base"), ml100k("ua.test").interactions
    ua = split.Split("ua", train, test, "Published split ua.", 0)
    result = evaluate([ua], [registry.create(name)], ["ndcg@10"], resamples=0).results[0]
    assert result.n_people == 943
    assert low <= result.metrics["ndcg@10"].value <= high
