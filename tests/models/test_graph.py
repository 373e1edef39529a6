"""RP³β: worked by hand, against a plain loop, and by what a random walk must keep."""

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

from recengine.data.dataset import Query
from recengine.models.graph import RP3Beta, strongest

X = np.nan

#            A  B  C
THREE = [
    [5, 3, X],
    [4, X, 2],
    [1, 1, X],
]


def walk(**parameters):
    return RP3Beta(**{"alpha": 1, "beta": 0, "neighborhood": 10_000} | parameters)


def test_by_hand(make_dataset):
    # A was rated by 3, B by 2, C by 1; everybody rated 2.
    # From A to B over persons 0 and 2: 2 · 1/3 · 1/2 = 1/3; to C over person 1: 1/3 · 1/2 = 1/6.
    # From B to A over persons 0 and 2: 2 · 1/2 · 1/2 = 1/2; from C to A: 1 · 1/2. B and C share nobody.
    data = make_dataset(THREE)
    wanted = np.array([[0, 1 / 3, 1 / 6], [1 / 2, 0, 0], [1 / 2, 0, 0]])
    np.testing.assert_allclose(walk().fit(data).weights.toarray(), wanted, rtol=1e-6)
    # β = 1 divides by the raters of the movie at the end.
    np.testing.assert_allclose(walk(beta=1).fit(data).weights.toarray(), wanted / [3, 2, 1], rtol=1e-6)
    # α = 2 squares both steps.
    squared = [[0, 2 / 36, 1 / 36], [2 / 16, 0, 0], [1 / 4, 0, 0]]
    np.testing.assert_allclose(walk(alpha=2).fit(data).weights.toarray(), squared, rtol=1e-6)
    score = walk().fit(data).score(Query.of_users(data, [0]))[0]
    np.testing.assert_allclose(score, [1 / 2, 1 / 3, 1 / 6], rtol=1e-6)


def table(n_users=40, n_items=25, seed=1):
    rng = np.random.default_rng(seed)
    rated = rng.random((n_users, n_items)) < rng.uniform(0.02, 0.4, n_items)
    rated[:, -1] = rated[-1] = False
    return np.where(rated, 3.0, X)


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (0.8, 0.2), (0, 1), (1.7, 0.6)])
@pytest.mark.parametrize("neighborhood", [10_000, 6])
def test_the_formula_pair_by_pair(alpha, beta, neighborhood, make_dataset):
    stars = table()
    x = ~np.isnan(stars)
    n_people, n_movies, n = x.sum(axis=0), x.sum(axis=1), x.shape[1]
    wanted = np.zeros((n, n))
    for j, i in product(range(n), range(n)):
        if i != j:
            steps = [1 / (n_people[j] * n_movies[v]) ** alpha for v in range(len(x)) if x[v, j] and x[v, i]]
            wanted[j, i] = sum(steps) / max(n_people[i], 1) ** beta
    found = RP3Beta(alpha=alpha, beta=beta, neighborhood=neighborhood).fit(make_dataset(stars)).weights.toarray()
    links = (found > 0).sum(axis=0)
    np.testing.assert_array_equal(links, np.minimum((wanted > 0).sum(axis=0), neighborhood))
    np.testing.assert_allclose(found[found > 0], wanted[found > 0], rtol=1e-5)
    for i in range(n):
        assert wanted[found[:, i] == 0, i].max() <= wanted[found[:, i] > 0, i].min(initial=np.inf) * (1 + 1e-6)


def test_a_walk_is_somewhere_after_two_steps(make_dataset):
    """With α = 1 and β = 0 a row of B is a chance: with the way back to the start it sums to 1."""
    stars = table()
    x = (~np.isnan(stars)).astype(float)
    rated = x.sum(axis=0) > 0
    back = (x / np.maximum(x.sum(axis=1, keepdims=True), 1)).sum(axis=0)[rated] / x.sum(axis=0)[rated]
    weights = walk().fit(make_dataset(stars)).weights.toarray()
    np.testing.assert_allclose(weights.sum(axis=1)[rated] + back, 1, rtol=1e-5)
    assert weights[~rated].sum() == 0


def test_beta_holds_the_popular_back(make_dataset):
    data = make_dataset(table())
    everyone = Query.of_users(data, np.arange(data.n_users))
    count = data.interactions.item_count
    listed = [count[walk(beta=beta).fit(data).recommend(everyone.rows(0, 20), 3).item].mean() for beta in (0, 0.5, 1)]
    assert listed == sorted(listed, reverse=True)
    assert listed[0] > listed[2]


def test_the_strongest_entries_of_each_row():
    block = sp.csr_matrix(np.array([[0.2, 9.0, 0.2, 0.7, 0.2], [0, 0, 3.0, 0, 1.0], [0, 0, 0, 1.0, 0]]))
    # Rows 1 to 3 of a square matrix: the 9, the 3 and the 1 lie on its diagonal.
    length, index, value = strongest(block, 1, 3)
    assert length.tolist() == [3, 1, 0]
    assert index.tolist() == [3, 0, 2, 4]
    np.testing.assert_allclose(value, [0.7, 0.2, 0.2, 1.0], rtol=1e-6)
