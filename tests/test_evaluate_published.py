"""Evaluation against published numbers on MovieLens 100K."""

import pytest

from recengine.data import movielens, sources, split
from recengine.evaluate import evaluate
from recengine.models.baseline import Bias, GlobalMean, Popularity


@pytest.fixture(scope="module")
def published(ml100k_zip):
    """`published("u1")`: a published fold of MovieLens 100K."""
    dataset = sources.load(str(ml100k_zip)).dataset
    return lambda name: split.make(dataset, name, test_mask=movielens.canonical_fold(ml100k_zip, name, dataset))


def test_bias_on_u1_is_as_good_as_published(published):
    """Surprise 1.1.5, BaselineOnly with its defaults on u1: RMSE .9599 (measured with the same folds)."""
    (bias, mean) = evaluate(published("u1"), [Bias(), GlobalMean()], ["rmse", "mae"]).results
    told = bias.metrics["rmse"]
    assert (bias.n_ratings, bias.n_people) == (20_000, 459)
    assert 0.945 < told.value <= 0.960
    assert told.low < told.value < told.high < mean.metrics["rmse"].low
    assert 0.02 < told.high - told.low < 0.10


def test_popularity_on_ua_is_as_published(published):
    """NDCG@10 .1329: ten test ratings a person, all relevant, all unseen movies ranked; ties move the 4th digit."""
    (result,) = evaluate(published("ua"), [Popularity()], ["ndcg@10", "recall@10", "precision@10"]).results
    assert result.metrics["ndcg@10"].value == pytest.approx(0.1329, abs=0.0003)
    assert result.metrics["recall@10"] == result.metrics["precision@10"]
    assert (result.n_people, result.excluded_people) == (943, 0)
