"""Each similarity measure against its formula, written out with numpy over every pair of rows."""

from itertools import product

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query
from recengine.models import similarity as similarity_module
from recengine.models.baseline import estimate_biases

MEASURES = ["cosine", "adjusted-cosine", "pearson", "pearson-baseline", "jaccard", "msd"]
NEAR = 1e-5


def table(n_users=24, n_items=18, seed=1):
    """Sparse ratings on a scale that holds 0, with a constant row, a constant column and an unrated movie."""
    rng = np.random.default_rng(seed)
    stars = rng.integers(0, 11, (n_users, n_items)) / 2.0
    stars[3], stars[:, 4] = 2.0, 3.5
    stars[rng.random(stars.shape) > 0.45] = np.nan
    stars[:, -1] = np.nan
    return stars


def centered(stars, measure, data, by):
    """The values that a measure compares; NaN stays where there is no rating."""
    if measure == "adjusted-cosine":
        axis = 0 if by == "user-knn" else 1  # the other side's habit
        count = np.maximum((~np.isnan(stars)).sum(axis, keepdims=True), 1)
        return stars - np.nansum(stars, axis, keepdims=True) / count
    if measure == "pearson-baseline":
        biases = estimate_biases(data.interactions)
        return stars - biases.score(Query.of_users(data, np.arange(data.n_users)))
    return stars


def similarity(x, y, measure):
    """The table of the module's docstring, for two rows with NaN where there is no rating; and n."""
    both = ~np.isnan(x) & ~np.isnan(y)
    n, a, b = int(both.sum()), x[both], y[both]
    if n == 0:
        return 0.0, 0
    if measure == "cosine":
        norm = np.sqrt(np.nansum(x**2) * np.nansum(y**2))
        return (a @ b / norm if norm > 0 else 0.0), n
    if measure in ("adjusted-cosine", "pearson-baseline"):
        norm = np.sqrt((a @ a) * (b @ b))
        return (a @ b / norm if norm > 0 else 0.0), n
    if measure == "pearson":
        a, b = a - a.mean(), b - b.mean()
        norm = np.sqrt((a @ a) * (b @ b))
        return (a @ b / norm if norm > 1e-9 else 0.0), n
    if measure == "jaccard":
        return n / ((~np.isnan(x)).sum() + (~np.isnan(y)).sum() - n), n
    return 1 / (1 + ((a - b) ** 2).mean()), n


def all_similarities(stars, measure, data, by, *, shrinkage, min_support):
    """Every pair of rows, float64 `(n, n)`; 0 where the pair is not kept."""
    rows = centered(stars, measure, data, by)
    rows = rows if by == "user-knn" else rows.T
    found = np.zeros((len(rows), len(rows)))
    for i, j in product(range(len(rows)), repeat=2):
        value, n = similarity(rows[i], rows[j], measure)
        value *= n / (n + shrinkage) if n else 0.0
        if i != j and n >= min_support and value > 0:
            found[i, j] = value
    return found


def found_by(model, data):
    """What a model finds, as a dense matrix `(n, n)`, and its lists of neighbors."""
    fitted = model.fit(data)
    if model.name == "user-knn":
        near, n = fitted.neighbors(Query.of_users(data, np.arange(data.n_users))), data.n_users
    else:
        near, n = fitted.neighbors, data.n_items
    lists = [near.row(r) for r in range(n)]
    dense = np.zeros((n, n))
    for r, (index, value) in enumerate(lists):
        dense[r, index] = value
    return dense, lists


@pytest.mark.parametrize("by", ["user-knn", "item-knn"])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("shrinkage", "min_support"), [(0, 1), (10, 1), (2.5, 4)])
def test_every_measure_is_its_formula(by, measure, shrinkage, min_support, make_dataset):
    stars = table()
    data = make_dataset(stars, scale=(0.0, 5.0))
    model = registry.create(by, {"similarity": measure, "shrinkage": shrinkage, "min_support": min_support})
    wanted = all_similarities(stars, measure, data, by, shrinkage=shrinkage, min_support=min_support)
    found, lists = found_by(model, data)
    assert (wanted > NEAR).sum() > 20
    np.testing.assert_allclose(found, wanted, atol=NEAR)
    for index, value in lists:
        assert (value > 0).all()
        assert (np.diff(value) <= 0).all()
        tied = np.diff(value) == 0
        assert (np.diff(index)[tied] > 0).all()


def long_table(n_users=120, n_items=90, seed=2):
    """Most people share a column with hardly anyone, a few with everyone: both ways through the kernel."""
    rng = np.random.default_rng(seed)
    stars = rng.integers(0, 11, (n_users, n_items)) / 2.0
    stars[rng.random(stars.shape) > 0.03] = np.nan
    stars[::30] = rng.integers(0, 11, (n_users // 30, n_items)) / 2.0
    return stars


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("shrinkage", "min_support"), [(0, 1), (3, 2)])
def test_few_common_ratings_are_compared_by_the_same_formula(measure, shrinkage, min_support, make_dataset):
    stars = long_table()
    data = make_dataset(stars, scale=(0.0, 5.0))
    met = (~np.isnan(stars)).astype(int) @ (~np.isnan(stars)).sum(axis=0)  # co-ratings, the person's own included
    assert (4 * met < len(stars)).sum() > 20
    assert (4 * met >= len(stars)).sum() > 20
    model = registry.create("user-knn", {"similarity": measure, "shrinkage": shrinkage, "min_support": min_support})
    wanted = all_similarities(stars, measure, data, "user-knn", shrinkage=shrinkage, min_support=min_support)
    found, lists = found_by(model, data)
    assert (wanted > NEAR).sum() > 20
    np.testing.assert_allclose(found, wanted, atol=NEAR)
    assert all(len(set(index.tolist())) == len(index) for index, _ in lists)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_bits_are_the_same_on_any_number_of_threads_and_for_a_row_alone(measure, make_dataset, monkeypatch):
    data = make_dataset(long_table(), scale=(0.0, 5.0))
    fitted = registry.create("user-knn", {"similarity": measure, "neighborhood": 7}).fit(data)
    everyone = Query.of_users(data, np.arange(data.n_users))
    whole = fitted.neighbors(everyone)
    for cores, candidates in ((1, 4_000_000), (3, 1000)):
        monkeypatch.setattr(similarity_module.os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(similarity_module, "_KEYS", candidates)
        again = fitted.neighbors(everyone)
        for name in ("start", "index", "similarity"):
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    for r in (0, 1, 77):
        for alone, row in zip(fitted.neighbors(everyone.rows(r, r + 1)).row(0), whole.row(r), strict=True):
            np.testing.assert_array_equal(alone, row)


@pytest.mark.parametrize("by", ["user-knn", "item-knn"])
@pytest.mark.parametrize("measure", MEASURES)
def test_the_neighborhood_keeps_the_nearest(by, measure, make_dataset):
    data = make_dataset(table(), scale=(0.0, 5.0))
    _, whole = found_by(registry.create(by, {"similarity": measure}), data)
    _, short = found_by(registry.create(by, {"similarity": measure, "neighborhood": 3}), data)
    assert max(len(index) for index, _ in whole) > 3
    for (index, value), (kept, kept_value) in zip(whole, short, strict=True):
        assert kept.tolist() == index[:3].tolist()
        np.testing.assert_array_equal(kept_value, value[:3])


def test_neighbors_as_similar_as_each_other_stand_in_the_order_of_their_positions(make_dataset):
    """Jaccard on one column: everyone shares it and nothing else, so all similarities are 1."""
    data = make_dataset([[stars, np.nan] for stars in (5, 1, 3, 2, 4)])
    _, lists = found_by(registry.create("user-knn", {"similarity": "jaccard", "neighborhood": 3}), data)
    assert [index.tolist() for index, _ in lists] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]


def test_negative_similarities_are_nobodys_neighbors(make_dataset):
    data = make_dataset([[1, 5, 3, 1], [5, 1, 3, 5], [1, 5, 2, 1]])
    _, lists = found_by(registry.create("user-knn", {"similarity": "pearson", "shrinkage": 0}), data)
    assert [index.tolist() for index, _ in lists] == [[2], [], [0]]


@pytest.mark.parametrize("measure", ["cosine", "pearson", "msd", "jaccard"])
def test_a_visitor_with_a_persons_ratings_has_that_person_as_nearest(measure, make_dataset):
    """The law of visitors for people's neighbors: the stored double comes first, then the person's own neighbors."""
    data = make_dataset(table(), scale=(0.0, 5.0))
    fitted = registry.create("user-knn", {"similarity": measure, "shrinkage": 0}).fit(data)
    for person in (0, 5, 11):
        stored = Query.of_users(data, [person])
        items = stored.history.indices
        visitor = Query.of_visitor(data.n_items, items, stored.history.data)
        index, value = fitted.neighbors(visitor).row(0)
        own_index, own_value = fitted.neighbors(stored).row(0)
        assert value[index == person] == pytest.approx(1, abs=1e-6)
        assert value.max() <= 1 + 1e-6
        assert index[index != person].tolist() == own_index.tolist()
        np.testing.assert_array_equal(value[index != person], own_value)
