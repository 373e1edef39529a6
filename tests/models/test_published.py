"""Published errors on MovieLens 100K, as bands.

Protocol: the canonical fold u1 as GroupLens distributes it (80,000 ratings to learn from, 20,000 to predict, every
one of them predicted, fallbacks included, clipped to 1 to 5 stars), root mean squared error.

Reference: Surprise 1.1.5 (Hug, JOSS 2020), same fold: `KNNBaseline` item-based with shrunk Pearson-baseline
similarity .9359, `BaselineOnly` .9599. Data: Harper and Konstan, ACM TiiS 5(4), 2015.
"""

import numpy as np
import pytest

from recengine import registry
from recengine.data.dataset import Query


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        pytest.param("item-knn", 0.90, 0.936, id="item-knn"),
        pytest.param("user-knn", 0.90, 0.942, id="user-knn"),
        pytest.param("bias", 0.93, 0.960, id="bias"),
        # The spread of the test ratings around the training mean: what no model may exceed.
        pytest.param("global-mean", 1.15, 1.16, id="global-mean"),
    ],
)
def test_the_defaults_reach_the_published_error_on_u1(name, low, high, ml100k):
    train, test = ml100k("u1.base"), ml100k("u1.test").interactions
    people, row = np.unique(test.user, return_inverse=True)
    fitted = registry.create(name).fit(train)
    prediction = fitted.predict(Query.of_users(train, people), row, test.item)
    error = np.sqrt(np.mean((prediction.value.astype(np.float64) - test.value) ** 2))
    assert len(test) == 20_000
    assert low <= error <= high
