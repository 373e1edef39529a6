"""AutoRec: the masked loss by hand, gradients, a table learned by heart, the person's weights, published quality.

Protocol of the band: MovieLens 100K, published split u1. References, same protocol: bias 0.9536, bayes-fm without
attributes 0.8900 (README); a graph autoencoder, van den Berg, Kipf and Welling, KDD 2018, table 3: 0.910.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from recengine.data.dataset import Query
from recengine.metrics import rmse
from recengine.model import Context
from recengine.models.als import residuals
from recengine.models.autorec import AutoRec
from recengine.models.learned import hold_back
from recengine.models.neural.autorec import AutoRecNet, dense, squared_error
from recengine.store import Store, identity

BOTH = pytest.mark.parametrize("by", ["movie", "person"])
UNRATED = 11


def small(**changed):
    return AutoRec(
        **{"factors": 6, "epochs": 15, "batch_size": 4, "learning_rate": 0.02, "regularization": 0.5} | changed
    )


@pytest.fixture(scope="module")
def train(make_dataset):
    """20 people × 12 movies, half of them rated, by two tastes; the last by nobody."""
    rng = np.random.default_rng(1)
    stars = np.clip(3 + rng.normal(size=(20, 2)) @ rng.normal(size=(2, 12)), 1, 5)
    table = np.where(rng.random(stars.shape) < 0.5, stars, np.nan)
    table[:, UNRATED] = np.nan
    return make_dataset(table)


def drawn(n_columns=5, factors=3):
    """A network whose decoder says something already."""
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        network = AutoRecNet(n_columns, factors).double()
        torch.nn.init.normal_(network.decoder.weight)
    return network


CELLS = sp.csr_matrix(([1.0, 0.0, -2.0], [0, 3, 1], [0, 2, 3]), (2, 5))  # the second stored cell is a 0


def test_a_code_a_row_and_a_value_a_column():
    network, (x, seen) = drawn(), dense(CELLS)
    assert network.encode(x.double(), seen.double()).shape == (2, 3)
    assert network(x.double(), seen.double()).shape == (2, 5)


def test_a_stored_nought_is_seen_and_an_empty_cell_is_not():
    x, seen = dense(CELLS)
    assert x.tolist() == [[1, 0, 0, 0, 0], [0, -2, 0, 0, 0]]
    assert seen.tolist() == [[1, 0, 0, 1, 0], [0, 1, 0, 0, 0]]


def test_the_loss_by_hand():
    """Rated 1 and 0, given back 3 and 0.5: 4 + 0.25. Rated −2, given back −1: 1. Nothing else is asked."""
    given_back = torch.tensor([[3.0, 9, 9, 0.5, 9], [9, -1, 9, 9, 9]])
    assert squared_error(given_back, *dense(CELLS)).item() == pytest.approx(5.25)


def test_the_network_by_hand():
    network = drawn()
    v, z, a, w = (p.detach().numpy() for p in (
        network.values.weight, network.seen.weight, network.values.bias, network.decoder.weight
    ))  # fmt: skip
    code = 1 / (1 + np.exp(-(v[:, 0] + z[:, 0] + z[:, 3] + a)))
    x, seen = (part.double() for part in dense(CELLS))
    np.testing.assert_allclose(network(x, seen)[0].detach(), w @ code)


def test_the_gradient_of_the_loss_is_that_of_its_differences():
    x, seen = (part.double() for part in dense(CELLS))
    given_back = torch.linspace(-1, 2, 10, dtype=torch.float64).reshape(2, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda value: squared_error(value, x, seen), given_back)


def test_a_cell_that_is_not_seen_gets_no_gradient():
    network, (x, seen) = drawn(), (part.double() for part in dense(CELLS))
    squared_error(network(x, seen), x, seen).backward()
    rated = torch.tensor([True, True, False, True, False])
    for gradient in (network.values.weight.grad.T, network.seen.weight.grad.T, network.decoder.weight.grad):
        assert (gradient[~rated] == 0).all()
    assert (network.seen.weight.grad.T[rated] != 0).all()
    assert (network.decoder.weight.grad[rated] != 0).all()


@BOTH
def test_it_learns_a_small_table_by_heart(by, train):
    fitted = small(by=by, factors=30, epochs=200, patience=200, batch_size=20, regularization=0.01).fit(train)
    given = train.interactions
    found = fitted.score(Query.of_users(train, np.arange(20)))[given.user, given.item]
    spread = float(np.std(given.value))
    assert np.sqrt(np.mean((found - given.value) ** 2)) < 0.25 * spread


@BOTH
def test_it_starts_from_the_biases_and_gets_better_on_what_was_held_back(by, train):
    curve = small(by=by).fit(train).curve
    assert curve.metric == "rmse"
    assert curve.validation[curve.best - 1] == curve.validation.min()
    assert curve.loss[-1] < curve.loss[0]


@BOTH
def test_the_validation_is_on_ratings_that_are_not_learned_from(by, train):
    """Other stars for what is held back change what is measured, and nothing that is learned."""
    held, given = hold_back(train, 0.05, 0), train.interactions
    value = np.where(held, 6 - given.value, given.value).astype(np.float32)
    found = [small(by=by).fit(data).curve for data in (train, train.with_interactions(replace(given, value=value)))]
    n = min(len(curve.loss) for curve in found)
    np.testing.assert_array_equal(found[0].loss[:n], found[1].loss[:n])
    assert (found[0].validation[:n] != found[1].validation[:n]).all()


def test_a_persons_weights_are_those_of_ridge_regression_on_the_codes(train):
    fitted, query = small().fit(train), Query.of_users(train, [4])
    rated, codes = query.history.indices, fitted.codes.astype(float)
    target = residuals(fitted.biases, query).data
    a = codes[rated].T @ codes[rated] + 0.5 * np.eye(6)
    wanted = np.linalg.solve(a, codes[rated].T @ target)
    np.testing.assert_allclose(fitted.people(query)[0], wanted, rtol=1e-3, atol=1e-5)
    known = np.arange(12) != UNRATED
    expected = fitted.biases.score(query)[0] + codes @ wanted
    np.testing.assert_allclose(fitted.score(query)[0, known], expected[known], rtol=1e-4)


@BOTH
def test_a_visitor_is_the_person(by, train):
    fitted, person = small(by=by).fit(train), Query.of_users(train, [7])
    rated = person.sequence[0]
    visitor = Query.of_visitor(12, rated, person.history.toarray()[0, rated])
    np.testing.assert_array_equal(fitted.score(visitor), fitted.score(person))


@BOTH
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(by, train):
    first, second, other = (
        small(by=by).fit(train, Context(seed=seed)).score(Query.of_users(train, [0, 1])) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert np.nanmax(np.abs(first - other)) > 1e-4


def test_by_person_a_part_is_what_the_prediction_loses_without_the_movie(train):
    fitted, query = small(by="person").fit(train), Query.of_users(train, [2])
    score = fitted.score(query)[0, 3]
    why = fitted.explain(query, 3)
    assert len(why.parts) == query.history.nnz
    assert why.method
    for part in why.parts:
        assert part.weight == pytest.approx(score - fitted.score(query.without(part.index))[0, 3], abs=1e-4)


@BOTH
def test_a_movie_nobody_else_rated_tells_nothing(by, train):
    fitted = small(by=by).fit(train)
    bare, more = Query.of_visitor(12, [2, 5], [4, 1]), Query.of_visitor(12, [2, 5, UNRATED], [4, 1, 3])
    without = fitted.score(bare) - fitted.biases.score(bare)
    np.testing.assert_allclose(fitted.score(more) - fitted.biases.score(more), without, atol=0.05)
    assert np.isnan(fitted.score(more)[0, UNRATED])


@BOTH
def test_the_reconstruction_is_what_is_predicted_of_what_was_rated(by, train):
    fitted, query = small(by=by).fit(train), Query.of_visitor(12, [2, UNRATED, 5], [4, 3, 1])
    found = fitted.reconstruction(query)
    assert found.item.tolist() == [2, 5]
    assert found.rating.tolist() == [4, 1]
    np.testing.assert_allclose(found.given_back, np.clip(fitted.score(query)[0, [2, 5]], 1, 5))


@BOTH
def test_it_comes_back_from_the_store_as_it_went(by, train, tmp_path):
    model, query = small(by=by), Query.of_users(train, [0, 1])
    kept = [Store(tmp_path).fetch({"model": identity(model)}, lambda: model.fit(train)).value for _ in range(2)]
    np.testing.assert_array_equal(kept[0].score(query), kept[1].score(query))
    np.testing.assert_array_equal(kept[0].curve.validation, kept[1].curve.validation)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("by", "low", "high"), [("movie", 0.89, 0.915), ("person", 0.90, 0.93)])
def test_ratings_on_movielens_100k(ml100k, by, low, high):
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    predicted = AutoRec(by=by).fit(train).predict(Query.of_users(train, people), row, test.item)
    assert low <= rmse(predicted.value, test.value) <= high
