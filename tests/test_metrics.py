"""Metrics: worked by hand, against plain loops, and laws over any lists."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recengine import metrics
from recengine.errors import DataError, NotFound, RecengineError

steady = settings(derandomize=True, deadline=None)

HIT = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]], np.bool_)
RELEVANT = np.array([3, 2, 1, 9])

BY_HAND = {
    "precision": [2 / 4, 0, 1 / 4, 1],
    "recall": [2 / 3, 0, 1, 4 / 9],
    "hit": [1, 0, 1, 1],
    "mrr": [1, 0, 1 / 2, 1],
    "map": [(1 + 2 / 3) / 3, 0, 1 / 2, 1],
    # Hits at ranks 1 and 3 of at best 1, 2 and 3: (1 + 1/2) / (1 + 1/log2(3) + 1/2).
    "ndcg": [1.5 / (1.5 + 1 / math.log2(3)), 0, 1 / math.log2(3), 1],
}


@pytest.mark.parametrize("base", metrics.RANKING)
def test_ranking_metrics_by_hand(base):
    np.testing.assert_allclose(metrics.RANKING[base](HIT, RELEVANT), BY_HAND[base], rtol=1e-12)


@pytest.mark.parametrize("base", metrics.RANKING)
def test_who_has_nothing_relevant_has_no_ranking_metric(base):
    value = metrics.RANKING[base](np.zeros((2, 3), np.bool_), np.array([0, 1]))
    assert np.isnan(value[0])
    assert value[1] == 0


def test_rating_errors_by_hand():
    predicted, value = np.array([3, 4.5, 1], np.float32), np.array([4, 4, 3], np.float32)
    assert metrics.rmse(predicted, value) == pytest.approx(math.sqrt((1 + 0.25 + 4) / 3))
    assert metrics.mae(predicted, value) == pytest.approx(3.5 / 3)
    assert math.isnan(metrics.rmse(predicted[:0], value[:0]))
    assert math.isnan(metrics.mae(predicted[:0], value[:0]))


# Laws and loops


@st.composite
def judged(draw):
    """Lists of hits with as many relevant items as hits or more."""
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    hit = np.array(draw(st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=n, max_size=n)), np.bool_)
    missed = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    return hit, hit.sum(axis=1) + missed


def one_person(base: str, hits: list[bool], relevant: int) -> float:
    """The definition, spelled out for one person."""
    if relevant == 0:
        return math.nan
    k, found = len(hits), [rank for rank, hit in enumerate(hits, start=1) if hit]
    if base == "precision":
        return len(found) / k
    if base == "recall":
        return len(found) / relevant
    if base == "hit":
        return float(len(found) > 0)
    if base == "mrr":
        return 1 / found[0] if found else 0.0
    if base == "map":
        return sum((number + 1) / rank for number, rank in enumerate(found)) / min(k, relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, relevant) + 1))
    return sum(1 / math.log2(rank + 1) for rank in found) / ideal


@pytest.mark.parametrize("base", metrics.RANKING)
@steady
@given(case=judged())
def test_ranking_metrics_against_a_loop_over_people(base, case):
    hit, relevant = case
    expected = [one_person(base, row.tolist(), int(count)) for row, count in zip(hit, relevant, strict=True)]
    np.testing.assert_allclose(metrics.RANKING[base](hit, relevant), expected, rtol=1e-12)


@pytest.mark.parametrize("base", metrics.RANKING)
@steady
@given(case=judged())
def test_ranking_metrics_lie_between_0_and_1(base, case):
    value = metrics.RANKING[base](*case)
    assert np.all((value >= 0) & (value <= 1 + 1e-12) | np.isnan(value))
    assert np.array_equal(np.isnan(value), case[1] == 0)


@pytest.mark.parametrize("base", metrics.RANKING)
@steady
@given(case=judged(), random=st.randoms())
def test_the_order_of_the_people_changes_nothing(base, case, random):
    order = list(range(len(case[1])))
    random.shuffle(order)
    whole = metrics.RANKING[base](*case)
    np.testing.assert_array_equal(metrics.RANKING[base](case[0][order], case[1][order]), whole[order])


@pytest.mark.parametrize("base", ["hit", "mrr", "map", "ndcg"])
@steady
@given(k=st.integers(1, 8), relevant=st.integers(1, 12))
def test_a_perfect_list_scores_1(base, k, relevant):
    hit = (np.arange(k) < relevant)[None, :]
    assert metrics.RANKING[base](hit, np.array([relevant]))[0] == pytest.approx(1)


@pytest.mark.parametrize("base", ["mrr", "map", "ndcg"])
@steady
@given(case=judged(), rank=st.integers(0, 5))
def test_a_hit_one_rank_further_up_never_hurts(base, case, rank):
    hit, relevant = np.pad(case[0], ((0, 0), (0, 1))), case[1]
    rank %= case[0].shape[1]
    better = hit.copy()
    better[:, rank] = hit[:, rank] | hit[:, rank + 1]
    better[:, rank + 1] = hit[:, rank] & hit[:, rank + 1]
    before, after = metrics.RANKING[base](hit, relevant), metrics.RANKING[base](better, relevant)
    assert np.all((after >= before - 1e-12) | np.isnan(before))


# Properties of lists

LISTS = np.array([[0, 1, 2], [3, 0, -1], [2, -1, -1], [-1, -1, -1]], np.int32)


def test_coverage_by_hand():
    assert metrics.coverage(LISTS, 8) == 4 / 8
    assert metrics.coverage(LISTS[3:], 8) == 0
    assert math.isnan(metrics.coverage(LISTS[:0], 0))


def test_novelty_by_hand():
    # Rated by 8, 4, 0 and 1 of 8 people: 0, 1, 3 (as if rated once) and 3 bits.
    value = metrics.novelty(LISTS, np.array([8, 4, 0, 1]), 8)
    np.testing.assert_allclose(value, [4 / 3, 3 / 2, 3, np.nan])


def test_diversity_by_hand():
    features = sp.csr_matrix(np.array([[1, 0], [2, 0], [0, 3], [1, 1], [0, 0]], np.float32))
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 1, 2], [0, 3, 4], [0, 4, -1], [-1, -1, -1]], np.int32)
    # Same direction; right angle; one pair of three alike; 45°, the item without features left out; no pair left.
    expected = [0, 1, 2 / 3, 1 - math.sqrt(0.5), np.nan, np.nan]
    np.testing.assert_allclose(metrics.diversity(lists, features), expected, atol=1e-7)


def test_without_features_there_is_no_diversity():
    assert np.isnan(metrics.diversity(LISTS, sp.csr_matrix((4, 0), dtype=np.float32))).all()


@steady
@given(seed=st.integers(0, 50), n=st.integers(1, 5), k=st.integers(1, 6))
def test_diversity_against_a_loop_over_pairs(seed, n, k):
    rng = np.random.default_rng(seed)
    dense = (rng.random((9, 4)) < 0.4).astype(np.float32)
    lists = np.array([rng.permutation(9)[:k] for _ in range(n)], np.int32)
    lists[rng.random(lists.shape) < 0.2] = -1
    for row, value in zip(lists, metrics.diversity(lists, sp.csr_matrix(dense)), strict=True):
        known = [dense[i] / np.linalg.norm(dense[i]) for i in row if i >= 0 and dense[i].any()]
        cosines = [known[a] @ known[b] for a in range(len(known)) for b in range(a)]
        assert value == pytest.approx(1 - np.mean(cosines), abs=1e-6) if cosines else np.isnan(value)
        assert not cosines or -1e-12 <= value <= 1 + 1e-12


# Names


def test_names_are_read():
    metric = metrics.parse(" NDCG@10 ")
    assert (metric.name, metric.base, metric.k, metric.kind, metric.label) == (
        "ndcg@10", "ndcg", 10, "ranking", "NDCG@10",
    )  # fmt: skip
    assert metrics.parse("recall@007").name == "recall@7"
    assert metrics.parse("rmse").k is None
    assert metrics.parse("rmse").unit == "stars"
    assert [metrics.parse(name.replace("@k", "@3")).kind for name in metrics.NAMES] == (
        ["rating"] * 2 + ["ranking"] * 6 + ["list"] * 3
    )


def test_only_errors_are_better_when_lower():
    parsed = [metrics.parse(name.replace("@k", "@3")) for name in metrics.NAMES]
    assert {metric.base for metric in parsed if not metric.higher_is_better} == {"rmse", "mae"}


def test_every_ranking_metric_has_a_function():
    parsed = [metrics.parse(name.replace("@k", "@3")) for name in metrics.NAMES]
    assert {metric.base for metric in parsed if metric.kind == "ranking"} == set(metrics.RANKING)


@pytest.mark.parametrize("name", ["", "auc", "@10", "nd cg@10", "ｎｄｃｇ@10", "rmse;mae"])
def test_an_unknown_metric_offers_the_list(name, one_sentence):
    with pytest.raises(NotFound, match="ndcg@k") as error:
        metrics.parse(name)
    assert one_sentence(str(error.value))


@pytest.mark.parametrize(
    "name",
    ["ndcg", "ndcg@", "ndcg@0", "ndcg@-3", "ndcg@1.5", "ndcg@ten", "ndcg@１０", "ndcg@1@2", "ndcg@" + "9" * 5000],
)
def test_a_list_length_that_is_missing_or_impossible(name, one_sentence):
    with pytest.raises(DataError, match="whole number from 1") as error:
        metrics.parse(name)
    assert one_sentence(str(error.value))


def test_a_rating_error_takes_no_list_length(one_sentence):
    with pytest.raises(DataError, match="without @10") as error:
        metrics.parse("rmse@10")
    assert one_sentence(str(error.value))


@steady
@given(name=st.text() | st.builds("{}@{}".format, st.sampled_from(["ndcg", "rmse"]), st.text()))
def test_no_text_breaks_the_reader(name):
    try:
        known = metrics.parse(name)
    except RecengineError:
        return
    assert metrics.parse(known.name) == known
