"""What weights are worth, worked out from products and lists, against fits and rankings done the long way."""

import numpy as np
import pytest

from recengine.data.dataset import Query
from recengine.errors import DataError, ModelError
from recengine.metrics import ndcg
from recengine.model import Context
from recengine.models.baseline import Popularity
from recengine.models.content import Content
from recengine.models.demographic import Demographic
from recengine.models.hybrid.folds import fold_of, out_of_fold
from recengine.models.hybrid.weighted import Weighted
from recengine.models.linear import Ease
from recengine.models.neighbors import ItemKNN, UserKNN
from recengine.validation import STEPS, curve, shares_of, validate


@pytest.fixture(scope="module")
def tastes(make_dataset):
    """60 people × 40 movies of two tastes, half of the cells rated."""
    rng = np.random.default_rng(4)
    taste = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40))
    table = np.clip(np.round(3 + rng.normal(0, 0.5, (60, 1)) + 0.9 * taste), 1, 5)
    table[rng.random(table.shape) < 0.5] = np.nan
    return make_dataset(table, features=rng.random((40, 3)) < 0.4)


def test_the_error_of_any_weights_is_that_of_the_blended_predictions(tastes):
    model = Weighted(children=(ItemKNN(k=5), UserKNN(k=5)), folds=4)
    found = validate(model, tastes, Context(seed=3))
    said = [out_of_fold(child, tastes, Context(seed=3), 4) for child in model.children]
    for weights in ([0.5, 0.5], [0.2, 0.8], [1.0, 0.0], [1.5, -0.5]):
        blended = weights[0] * said[0] + weights[1] * said[1]
        long_way = np.sqrt(np.mean((blended - tastes.interactions.value) ** 2))
        assert found.worth(np.array(weights)) == pytest.approx(long_way, rel=1e-5)
    assert (found.metric, found.higher_is_better) == ("RMSE", False)
    assert (found.n_people, found.n_ratings) == (60, len(tastes.interactions))


@pytest.mark.parametrize("calibration", ["z-score", "quantile"])
@pytest.mark.parametrize(
    ("children", "weights"),
    [
        ((Ease(), Content(), Popularity()), (3, 1, 1)),
        # Neither knows the kind of anybody: what stands in makes the list, that of the first that weighs anything.
        ((Popularity(), Demographic(), Demographic(score="lift")), (0, 1, 1)),
    ],
    ids=["opinions", "fallbacks"],
)
def test_the_worth_of_lists_is_that_of_the_hybrid_fitted_without_the_fold(tastes, calibration, children, weights):
    model = Weighted(children=children, weights=weights, calibration=calibration)
    found = validate(model, tastes, Context(seed=3))
    held = fold_of(tastes, model.folds, 3) == 0
    rest = tastes.with_interactions(tastes.interactions.take(~held))
    people = np.unique(tastes.interactions.user[held])
    truth = tastes.interactions.take(held).matrix[people].toarray() > 0
    item = model.fit(rest).recommend(Query.of_users(rest, people), 10).item
    hit = np.take_along_axis(truth, np.maximum(item, 0), axis=1) & (item >= 0)
    worth = ndcg(hit, truth.sum(axis=1)).mean()
    assert found.worth(shares_of(model.weights, model)) == pytest.approx(worth, abs=1e-6)
    assert found.higher_is_better


def test_a_curve_runs_from_the_others_alone_to_one_child_alone(tastes):
    model = Weighted(children=(ItemKNN(k=5), UserKNN(k=5), ItemKNN(k=40)), weights=(1, 2, 1))
    found, weights = validate(model, tastes, Context()), np.array([0.25, 0.5, 0.25])
    shares, worth = curve(found, weights, 1)
    assert len(shares) == STEPS
    assert worth[0] == pytest.approx(found.worth(np.array([0.5, 0.0, 0.5])))
    assert worth[-1] == pytest.approx(found.worth(np.array([0.0, 1.0, 0.0])))
    assert worth[np.argmin(abs(shares - 0.5))] == pytest.approx(found.worth(weights))
    alone, _ = curve(found, np.array([0.0, 1.0, 0.0]), 1)
    assert alone[0] == 0


def test_too_few_ratings_are_refused(make_dataset, one_sentence):
    data = make_dataset([[5, 3], [np.nan, 2]])
    with pytest.raises(DataError) as refused:
        validate(Weighted(), data, Context())
    assert one_sentence(str(refused.value))


def test_weights_that_are_no_shares_are_refused(one_sentence):
    with pytest.raises(ModelError, match=r"sum to -0\.5") as refused:
        shares_of((-1.0, 0.5), Weighted())
    assert one_sentence(str(refused.value))
