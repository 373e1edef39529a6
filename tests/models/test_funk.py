"""Matrix factorization by gradient descent: the kernel's step, a table it must learn, the fold-in, published error.

Protocol of the band: fold u1 as GroupLens distributes it, see test_published. Reference: Surprise 1.1.5 (Hug, JOSS
2020), `SVD` at its defaults, same fold: .9515. The upper bound leaves room for seeds.
"""

import numpy as np
import pytest

from recengine.data.dataset import Query, freeze
from recengine.errors import ModelError
from recengine.model import Context
from recengine.models import kernels_factors, kernels_sgd
from recengine.models.baseline import Biases
from recengine.models.descent import FittedByDescent
from recengine.models.factors import Movies
from recengine.models.funk import FunkSVD
from recengine.models.svdpp import SVDpp


def test_a_step_goes_down_the_gradient_of_one_rating():
    """What the kernel moves is −η/2 times the numerical derivative of (r − μ − r̂)² + λ (w_u ‖·‖² + w_i ‖·‖²)."""
    rng = np.random.default_rng(0)
    first = [rng.normal(size=2), rng.normal(size=3), rng.normal(size=(2, 4)), rng.normal(size=(3, 4))]
    w_u, w_i, target, pull, rate = np.array([0.5, 0.3]), np.array([0.2, 0.7, 0.4]), 1.7, 0.3, 1e-3

    def loss(b_u, b_i, p, q):
        miss = target - b_u[1] - b_i[2] - p[1] @ q[2]
        return miss**2 + pull * (w_u[1] * (b_u[1] ** 2 + p[1] @ p[1]) + w_i[2] * (b_i[2] ** 2 + q[2] @ q[2]))

    moved = [array.copy() for array in first]
    fixed = [freeze(array) for array in (np.array([1], np.int32), np.array([2], np.int32), np.array([target]))]
    kernels_sgd.funk_epoch(*fixed, np.array([0]), freeze(w_u), freeze(w_i), *moved, rate, pull)
    for which, array in enumerate(first):
        for at in np.ndindex(array.shape):
            up, down = ([a.copy() for a in first] for _ in range(2))
            up[which][at] += 1e-5
            down[which][at] -= 1e-5
            slope = (loss(*up) - loss(*down)) / 2e-5
            assert moved[which][at] - array[at] == pytest.approx(-rate / 2 * slope, abs=1e-10)


def test_a_shuffle_keeps_everything_and_follows_the_state():
    orders = [np.arange(100) for _ in range(3)]
    for order, seed in zip(orders, (1, 1, 2), strict=True):
        kernels_sgd.shuffle(np.array([seed], np.uint64), order)
    np.testing.assert_array_equal(np.sort(orders[0]), np.arange(100))
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()
    assert (orders[0] != np.arange(100)).any()


def test_a_table_of_rank_one_is_learned(make_dataset):
    """Two hidden cells of r = 3 ± a_u b_i follow from the others."""
    taste, character = np.array([1, -1, 0.5, -0.5, 1, -1]), np.array([1.5, -1.5, 1, -1, 0.5, -0.5])
    whole = 3 + np.outer(taste, character)
    table = whole.copy()
    table[0, 1] = table[3, 2] = np.nan
    model = FunkSVD(factors=1, epochs=500, learning_rate=0.05, decay=1, regularization=0.001)
    data = make_dataset(table)
    found = model.fit(data).score(Query.of_users(data, np.arange(6)))
    np.testing.assert_allclose(found, whole, atol=0.02)


def test_a_person_minimises_their_own_loss(make_dataset):
    """The gradient of Σ (r − r̂)² + λ √n (b_u² + ‖p_u‖²) is 0 in b_u and p_u."""
    rng = np.random.default_rng(1)
    table = np.where(rng.random((30, 12)) < 0.6, rng.integers(1, 6, (30, 12)).astype(float), np.nan)
    data = make_dataset(table)
    fitted = FunkSVD(factors=5, regularization=0.4).fit(data)
    query = Query.of_users(data, [4])
    rated = query.history.indices
    b_u, p_u = fitted.people(query)[0, 0], fitted.people(query)[0, 1:]
    q = fitted.movies.factors[rated].astype(np.float64)
    left = query.history.data - fitted.mean - b_u - fitted.bias[rated] - q @ p_u
    pull = 0.4 * np.sqrt(len(rated))
    assert left.sum() == pytest.approx(pull * b_u, abs=1e-5)
    np.testing.assert_allclose(q.T @ left, pull * p_u, atol=1e-5)


def test_a_fold_in_by_hand():
    """One factor, one rating: q = 2, b_i = 0.5, r − μ = 3.5, λ = 1, so (b_u, p_u) = 3 · (1, 2) / (1 + 4 + 1)."""
    arrays = (
        np.array([0, 1]), np.array([0], np.int32), np.array([3.5]), np.array([0.5], np.float32),
        np.array([[2.0]], np.float32), np.zeros((0, 1), np.float32),
    )  # fmt: skip
    found = kernels_sgd.fold_in(*(freeze(array) for array in arrays), 1.0, 0, 1)
    np.testing.assert_allclose(found, [[0.5, 1.0]])


def test_influence_is_that_of_the_inverse():
    rng = np.random.default_rng(9)
    matrix, rated, asked = 0.7 * np.eye(6), rng.normal(size=(4, 6)), rng.normal(size=6)
    wanted = rated @ np.linalg.solve(matrix + rated.T @ rated, asked)
    np.testing.assert_allclose(kernels_factors.influence(matrix, freeze(rated), freeze(asked)), wanted, rtol=1e-10)


def two_movies(implicit):
    """A fitted model of μ = 3 and λ = 1 for stars of 1 to 5: q = 2 and 3, b_i = 0.5 and 0.25."""
    given = [freeze(np.array(a, np.float32)) for a in ([0.5, 0.25], [[2], [3]], implicit, [0, 0])]
    bias, factors, implicit, baseline = given
    return FittedByDescent(
        model=FunkSVD(), scale=(1.0, 5.0), mean=3.0, unit=1.0, bias=bias,
        movies=Movies(factors, freeze(np.array([1, 1]))), implicit=implicit.reshape(-1, 1), regularization=1.0,
        biases=Biases(3.0, baseline, 5.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("implicit", "effect", "share"),
    [
        # As above, b_u = 0.5 and p_u = 1: movie 0 gives 3 · 2 / (4 + 1) · (3.5 − 0.5 − 0.5) = 3 = p_u · 3.
        ([], 0.5, 3.0),
        # With y_0 = 1 the residual of 3 is 3 − 1 · 2 = 1, so (b_u, p_u) = (1, 2) / 6 and x_u = 1/3 + 1: 4 = x_u · 3.
        ([1, 0], 1 / 6, 4.0),
    ],
)
def test_an_explanation_by_hand(implicit, effect, share):
    fitted, visitor = two_movies(implicit), Query.of_visitor(2, [0], [6.5])
    told = fitted.explain(visitor, 1)
    named = {part.what or part.index: part.weight for part in told.parts}
    effects = {"how generous the person is": effect, "how well liked the movie is": 0.25}
    assert named == pytest.approx({0: share, **effects})
    assert told.base == 3
    assert told.score == pytest.approx(3 + effect + 0.25 + share)
    assert fitted.score(visitor)[0, 1] == pytest.approx(told.score)
    assert told.exact


@pytest.mark.parametrize("kind", [FunkSVD, SVDpp])
def test_every_rated_movie_is_named_with_what_it_adds(kind, make_dataset):
    rng = np.random.default_rng(2)
    data = make_dataset(np.where(rng.random((20, 40)) < 0.7, rng.integers(1, 6, (20, 40)).astype(float), np.nan))
    fitted, query = kind(factors=3, spread=1.0).fit(data), Query.of_users(data, [3])
    told = fitted.explain(query, 5)
    named = {part.index for part in told.parts if part.kind == "movie"}
    assert named == set(query.history.indices)
    assert told.score == pytest.approx(fitted.score(query)[0, 5], abs=1e-5)


@pytest.mark.parametrize("kind", [FunkSVD, SVDpp])
def test_half_a_star_more_moves_the_score_by_that_movies_weight(kind, make_dataset):
    """r_uj moves r̂_ui by s_ij, and by way of b_u, which every rating is measured from, by (1 − Σ_j s_ij) b_u."""
    rng = np.random.default_rng(2)
    data = make_dataset(np.where(rng.random((20, 40)) < 0.7, rng.integers(1, 6, (20, 40)).astype(float), np.nan))
    fitted, query = kind(factors=3, spread=1.0).fit(data), Query.of_users(data, [3])
    history = query.history.copy()
    history.data[7] += 0.5
    changed = Query(query.user, history, query.sequence)
    before, after = (fitted.explain(asked, 5) for asked in (query, changed))
    weight = {part.index: part.similarity for part in before.parts if part.kind == "movie"}
    own, generous = weight[history.indices[7]], fitted.people(changed)[0, 0] - fitted.people(query)[0, 0]
    assert abs(own) > 1e-3
    assert after.score - before.score == pytest.approx(own / 2 + (1 - sum(weight.values())) * generous, abs=1e-6)


@pytest.mark.parametrize("kind", [FunkSVD, SVDpp])
def test_a_scale_twenty_times_as_wide_gives_twenty_times_the_stars(kind, make_dataset):
    rng = np.random.default_rng(7)
    table = np.where(rng.random((30, 12)) < 0.6, rng.integers(1, 6, (30, 12)).astype(float), np.nan)
    stars, points = make_dataset(table), make_dataset(20 * table, scale=(20.0, 100.0))
    scores = [kind().fit(data).score(Query.of_users(data, np.arange(30))) for data in (stars, points)]
    np.testing.assert_allclose(scores[1], 20 * scores[0], rtol=1e-4)
    told = kind().fit(points).explain(Query.of_users(points, [0]), 3)
    assert told.score == pytest.approx(scores[1][0, 3], rel=1e-5)


def test_another_seed_is_another_fit(make_dataset):
    data = make_dataset(np.random.default_rng(3).integers(1, 6, (8, 6)).astype(float))
    first, second = (FunkSVD().fit(data, Context(seed=seed)).movies.factors for seed in (0, 1))
    assert (first != second).any()


def test_steps_that_run_away_are_refused(make_dataset, one_sentence):
    table = np.where(np.arange(40)[:, None] % 2 == np.arange(30) % 2, 5.0, 1.0)
    with pytest.raises(ModelError, match="learning_rate") as refused:
        FunkSVD(learning_rate=1).fit(make_dataset(table))
    assert one_sentence(str(refused.value))


def test_the_default_reaches_the_published_error_on_u1(ml100k):
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    prediction = FunkSVD().fit(train).predict(Query.of_users(train, people), row, test.item)
    error = np.sqrt(np.mean((prediction.value.astype(np.float64) - test.value) ** 2))
    assert 0.90 <= error <= 0.925
