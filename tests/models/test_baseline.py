"""Baselines: biases against the least-squares problem they solve, and what the simple ones say."""

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.model import Context
from recengine.models.baseline import estimate_biases

X = np.nan
FOUR = [[5, 3, X, 1], [4, X, X, 1], [1, 1, X, 5], [X, 1, 5, 4]]


def ratings(seed=0):
    rng = np.random.default_rng(seed)
    stars = np.clip(np.round(3 + rng.normal(0, 1, (30, 1)) + rng.normal(0, 1, 20) + rng.normal(0, 1, (30, 20))), 1, 5)
    stars[rng.random(stars.shape) > 0.3] = np.nan
    return stars


def solved(stars, user_damping, item_damping):
    """b_u and b_i of the docstring's objective, from its normal equations as one dense system."""
    user, item = np.nonzero(~np.isnan(stars))
    n_users, n_items = stars.shape
    design = np.zeros((len(user), n_users + n_items))
    design[np.arange(len(user)), user] = design[np.arange(len(user)), n_users + item] = 1
    rest = stars[user, item] - np.nanmean(stars)
    ridge = np.diag([user_damping] * n_users + [item_damping] * n_items)
    both = np.linalg.solve(design.T @ design + ridge, design.T @ rest)
    return both[:n_users], both[n_users:]


def test_the_biases_solve_their_least_squares_problem(make_dataset):
    stars = ratings()
    data = make_dataset(stars)
    biases = estimate_biases(data.interactions, user_damping=5, item_damping=3, iterations=200)
    user, item = solved(stars, 5, 3)
    assert biases.mean == pytest.approx(np.nanmean(stars))
    np.testing.assert_allclose(biases.item, item, atol=1e-5)
    np.testing.assert_allclose(biases.user(Query.of_users(data, np.arange(30))), user, atol=1e-5)


def test_few_iterations_are_close_to_converged(make_dataset):
    data = make_dataset(ratings())
    few, many = (estimate_biases(data.interactions, iterations=n) for n in (15, 300))
    np.testing.assert_allclose(few.item, many.item, atol=1e-3)


@pytest.mark.parametrize("iterations", [1, 3, 15])
def test_the_gradient_of_the_block_just_solved_is_zero(make_dataset, iterations):
    """People's biases are solved last: Σ_i (r_ui − μ − b_u − b_i) = λ_u b_u for everyone, whatever came before."""
    stars = ratings()
    data = make_dataset(stars)
    biases = estimate_biases(data.interactions, user_damping=4, iterations=iterations)
    everyone = Query.of_users(data, np.arange(data.n_users))
    residual = np.nansum(stars - biases.score(everyone), axis=1)
    np.testing.assert_allclose(residual, 4 * biases.user(everyone), atol=1e-4)


def test_damping_pulls_every_bias_to_nought(make_dataset):
    data = make_dataset(ratings())
    everyone = Query.of_users(data, np.arange(data.n_users))
    item, user = [], []
    for damping in (0.1, 10, 1000, 1e7):
        biases = estimate_biases(data.interactions, user_damping=damping, item_damping=damping)
        item.append(np.linalg.norm(biases.item))
        user.append(np.linalg.norm(biases.user(everyone)))
    assert item == sorted(item, reverse=True)
    assert user == sorted(user, reverse=True)
    assert max(item[-1], user[-1]) < 1e-4


def test_without_damping_one_rating_is_met_exactly(make_dataset):
    data = make_dataset([[2, X], [X, 5]])
    model = registry.create("bias", {"user_damping": 0, "item_damping": 0})
    score = model.fit(data).score(Query.of_users(data, [0, 1]))
    assert [score[0, 0], score[1, 1]] == pytest.approx([2, 5], abs=1e-6)


def test_bias_by_hand(make_dataset):
    """Ratings 5, 3 of one person: μ = 4, b_A = 1 / (1 + 1) = .5, b_B = −.5, and the person is on average."""
    data = make_dataset([[5, 3]])
    model = registry.create("bias", {"user_damping": 1, "item_damping": 1})
    assert model.fit(data).score(Query.of_users(data, [0])).tolist() == [[4.5, 3.5]]


def test_a_visitors_bias_comes_from_what_they_rated(make_dataset):
    data = make_dataset([[5, 3], [5, 3]])
    fitted = registry.create("bias", {"user_damping": 0, "item_damping": 0}).fit(data)
    # μ = 4, b = (1, −1): a visitor who gives the second movie 5 stars is two stars generous.
    assert fitted.score(Query.of_visitor(2, [1], [5.0])) == pytest.approx(np.array([[7, 5]]), abs=1e-5)
    assert fitted.score(Query.of_visitor(2, [], [])) == pytest.approx(np.array([[5, 3]]), abs=1e-5)
    assert fitted.predict(Query.of_visitor(2, [1], [5.0]), [0], [0]).value[0] == 5


def test_the_global_mean_is_the_mean(make_dataset):
    data = make_dataset(FOUR)
    score = registry.create("global-mean").fit(data).score(Query.of_users(data, [0, -1]))
    np.testing.assert_allclose(score, np.nanmean(FOUR), rtol=1e-6)


def test_the_most_rated_movies_are_popular(make_dataset):
    data = make_dataset(FOUR)
    fitted = registry.create("popularity").fit(data)
    assert fitted.score(Query.of_users(data, [2])).tolist() == [[3, 3, 1, 4]]
    assert fitted.recommend(Query.of_users(data, [-1]), 4).item.tolist() == [[3, 0, 1, 2]]
    assert fitted.recommend(Query.of_users(data, [1]), 4).item.tolist() == [[1, 2, -1, -1]]


def test_random_is_uniform_and_follows_the_seed(make_dataset):
    data = make_dataset(np.ones((4, 5000)))
    model, query = registry.create("random"), Query.of_users(data, [0, 1, -1])
    score = model.fit(data, Context(seed=1)).score(query)
    assert score.min() >= 0
    assert score.max() < 1
    np.testing.assert_allclose(np.histogram(score, 10, (0, 1))[0], 1500, atol=200)
    other_person, other_seed = score[1], model.fit(data, Context(seed=2)).score(query)[0]
    for other in (other_person, other_seed):
        assert abs(np.corrcoef(score[0], other)[0, 1]) < 0.05
