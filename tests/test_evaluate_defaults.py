"""What an evaluation calls a model, and what it measures unless told."""

import numpy as np

from recengine import trial
from recengine.evaluate import default_metrics
from recengine.metrics import parse
from recengine.models.baseline import Bias, GlobalMean, Popularity
from recengine.models.hybrid.mixed import Mixed


def test_labels_name_what_differs_from_the_defaults():
    assert Bias().label == "bias"
    assert Bias(user_damping=1, item_damping=2).label == "bias(user_damping=1.0, item_damping=2.0)"


def test_default_metrics(make_dataset):
    rated = make_dataset(np.full((3, 20), 4.0))
    seen = make_dataset(np.full((3, 20), 1.0), scale=None)
    assert default_metrics([Popularity(), Bias()], rated) == ("rmse", "mae", "ndcg@10")
    assert default_metrics([Popularity()], rated) == ("ndcg@10",)
    assert default_metrics([Bias()], seen) == ("ndcg@10",)
    assert default_metrics([Bias()], make_dataset(np.full((3, 5), 4.0))) == ("rmse", "mae", "ndcg@5")
    assert all(parse(name) for name in default_metrics([Bias()], rated))


def test_a_hybrids_kernels_are_built_beforehand_whatever_it_is_made_of(make_dataset, monkeypatch):
    """Else the seconds of a second hybrid of the same kind, but of other models, would be a compiler's."""
    monkeypatch.setattr(trial, "_warm", set())
    data = make_dataset([[5, 3, 1, 4], [2, 4, 5, 1]])
    trial.warm(Mixed(children=(Popularity(), GlobalMean())), data)
    assert trial._warm == {Mixed, Popularity, GlobalMean}
    trial.warm(Mixed(children=(Popularity(), Bias())), data)
    assert trial._warm == {Mixed, Popularity, GlobalMean, Bias}
