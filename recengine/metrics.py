"""What is measured: rating errors, ranking metrics and properties of the lists. Pure functions of arrays.

Ranking metrics are computed on the ranking of *all* items a person has not rated in training. Ranking a few sampled
items instead changes which model wins (Krichene and Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020).

`hit` is bool `(n, k)`: whether the item a person got at each of the k ranks is relevant, false where the list ended
early; `relevant` is int `(n,)`, how many relevant items the person has in the test. A person without any has no
ranking metric: NaN. Every metric of a list is float64 `(n,)`, one number a person, and costs O(n · k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Bool, Int32
from recengine.errors import DataError, NotFound

Float64 = NDArray[np.float64]
Count = NDArray[np.integer[Any]]
Kind = Literal["rating", "ranking", "list"]


@dataclass(frozen=True)
class Metric:
    """A metric as it was asked for: `name` "ndcg@10" is `base` "ndcg" and `k` 10; `k` is None for rating errors.

    `kind`: an error of predicted ratings, a ranking metric against the test, or a property of the lists alone.
    `label` and `unit` ("stars", "bits" or none) are for the axis, `help` for the tooltip.
    """

    name: str
    base: str
    k: int | None
    kind: Kind
    higher_is_better: bool
    label: str
    unit: str
    help: str


# base: kind, higher is better, label, unit, help
_KNOWN: dict[str, tuple[Kind, bool, str, str, str]] = {
    "rmse": ("rating", False, "RMSE", "stars", "Typical error of a predicted rating; large errors weigh more"),
    "mae": ("rating", False, "MAE", "stars", "Mean distance between predicted and true rating"),
    "precision": ("ranking", True, "Precision", "", "Share of the list that is relevant"),
    "recall": ("ranking", True, "Recall", "", "Share of the relevant movies that are in the list"),
    "hit": ("ranking", True, "Hit rate", "", "Share of people with a relevant movie in the list"),
    "mrr": ("ranking", True, "MRR", "", "One over the rank of the first relevant movie"),
    "map": ("ranking", True, "MAP", "", "Precision at each relevant movie's rank, averaged"),
    "ndcg": ("ranking", True, "NDCG", "", "Relevant movies count more the higher they stand; 1 is the best order"),
    "coverage": ("list", True, "Catalogue coverage", "", "Share of all movies that are in anybody's list"),
    "novelty": ("list", True, "Novelty", "bits", "How little known the listed movies are"),
    "diversity": ("list", True, "Diversity", "", "How unlike each other a list's movies are in their features"),
}

NAMES = tuple(f"{base}@k" if known[0] != "rating" else base for base, known in _KNOWN.items())


def parse(name: str) -> Metric:
    """The metric of a name such as "rmse" or "ndcg@10", any k ≥ 1.

    Raises `NotFound` for an unknown metric and `DataError` for a list length that is missing, impossible or not due.

    >>> parse("NDCG@5").k, parse("rmse").label
    (5, 'RMSE')
    """
    base, at, length = name.strip().lower().partition("@")
    if base not in _KNOWN:
        raise NotFound(f"There is no metric {name!r}: choose from {', '.join(NAMES)}.")
    kind, higher, label, unit, text = _KNOWN[base]
    if kind == "rating":
        if at:
            raise DataError(f"{base} measures ratings, not a list: write it without @{length}.")
        return Metric(base, base, None, kind, higher, label, unit, text)
    # Nine digits are beyond any catalogue, and within what int() and an array index take.
    k = int(length) if length.isascii() and length.isdigit() and len(length) < 10 else 0
    if k < 1:
        raise DataError(f"{name!r} needs the length of the list, a whole number from 1: write {base}@10, for example.")
    return Metric(f"{base}@{k}", base, k, kind, higher, f"{label}@{k}", unit, text)


def rmse(predicted: NDArray[Any], value: NDArray[Any]) -> float:
    """sqrt(Σ (r̂ − r)² / m), in stars; NaN for no ratings."""
    return float(np.sqrt(np.mean(_error(predicted, value) ** 2))) if len(value) else float("nan")


def mae(predicted: NDArray[Any], value: NDArray[Any]) -> float:
    """Σ |r̂ − r| / m, in stars; NaN for no ratings."""
    return float(np.mean(np.abs(_error(predicted, value)))) if len(value) else float("nan")


def precision(hit: Bool, relevant: Count) -> Float64:
    """Hits in the list over k, also where fewer than k items could be listed."""
    return _of_people(hit.sum(axis=1) / hit.shape[1], relevant)


def recall(hit: Bool, relevant: Count) -> Float64:
    """Hits in the list over the number of relevant items; with more than k of those, 1 is out of reach."""
    return _of_people(hit.sum(axis=1) / np.maximum(relevant, 1), relevant)


def hit_rate(hit: Bool, relevant: Count) -> Float64:
    """1 where the list has a hit, else 0. Source: Deshpande and Karypis (TOIS 2004), section 6.2."""
    return _of_people(np.any(hit, axis=1), relevant)


def mrr(hit: Bool, relevant: Count) -> Float64:
    """1 / rank of the first hit, 0 without one. Source: Voorhees, "The TREC-8 Question Answering Track" (1999)."""
    return _of_people((hit / _rank(hit)).max(axis=1), relevant)


def average_precision(hit: Bool, relevant: Count) -> Float64:
    """Σ_j hit_j · precision@j / min(k, relevant), so that a perfect list of k is 1; its mean over people is MAP@k.

    Source: Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), section 8.4.
    Differs from it in the denominator, which there is the number of relevant items, as whole rankings are judged.
    """
    at_rank = np.cumsum(hit, axis=1) / _rank(hit)
    return _of_people((hit * at_rank).sum(axis=1) / _reachable(hit, relevant), relevant)


def ndcg(hit: Bool, relevant: Count) -> Float64:
    """Σ_j hit_j / log2(j + 1), over the same sum for a list that starts with min(k, relevant) hits.

    The gain is binary. Source: Järvelin and Kekäläinen (TOIS 2002), with the discount log2(rank + 1) of Burges et
    al. (ICML 2005), which discounts the second rank too.
    """
    discount = 1 / np.log2(_rank(hit) + 1)
    ideal = np.cumsum(discount)[_reachable(hit, relevant) - 1]
    return _of_people(hit @ discount / ideal, relevant)


def coverage(item: Int32, n_items: int) -> float:
    """Share of the `n_items` movies that are in at least one list. `item`: int32 `(n, k)`, −1 pads.

    Source: Ge, Delgado-Battenfeld and Jannach (RecSys 2010), catalog coverage. Cost: O(n · k + n_items).
    """
    return float(np.bincount(item[item >= 0], minlength=n_items).astype(np.bool_).mean()) if n_items else float("nan")


def novelty(item: Int32, item_count: Count, n_people: int) -> Float64:
    """Mean of −log2(share of people who rated the item in training) over a list, in bits; NaN for an empty list.

    `item`: int32 `(n, k)`, −1 pads. `item_count`: `(n_items,)`, training ratings; an item nobody rated counts as
    rated once, which keeps its surprise finite. `n_people`: people with training ratings.
    Source: Zhou et al., "Solving the apparent diversity-accuracy dilemma" (PNAS 2010), self-information.
    """
    bits = np.log2(max(n_people, 1)) - np.log2(np.maximum(item_count, 1))
    listed = item >= 0
    return ratio((bits[item] * listed).sum(axis=1), listed.sum(axis=1))


def diversity(item: Int32, features: sp.csr_matrix) -> Float64:
    """1 − mean cosine of the feature vectors of a list's pairs; NaN for fewer than two items with features.

    `item`: int32 `(n, k)`, −1 pads. `features`: csr `(n_items, f)`; an item without any feature is in no pair.
    With s the sum of the unit vectors of n items, Σ_{i≠j} cos_ij = |s|² − n, so no pair is formed.
    Source: Smyth and McClave (ICCBR 2001). Cost: O(n · k · features an item + n · f).
    """
    length = np.sqrt(np.asarray(features.multiply(features).sum(axis=1), np.float64)).ravel()
    unit = sp.diags(1 / np.where(length > 0, length, 1)) @ features
    row, rank = np.nonzero((item >= 0) & (length > 0)[item])
    lists = sp.csr_matrix((np.ones(len(row)), (row, item[row, rank])), shape=(len(item), features.shape[0]))
    size = np.bincount(row, minlength=len(item))
    total = lists @ unit
    square = np.asarray(total.multiply(total).sum(axis=1)).ravel()
    cosine = np.minimum(ratio(square - size, size * (size - 1)), 1)  # rounding can pass 1
    return np.asarray(1 - cosine, np.float64)


RANKING: dict[str, Callable[[Bool, Count], Float64]] = {
    "precision": precision, "recall": recall, "hit": hit_rate, "mrr": mrr, "map": average_precision, "ndcg": ndcg,
}  # fmt: skip


def _error(predicted: NDArray[Any], value: NDArray[Any]) -> Float64:
    error: Float64 = np.subtract(predicted, value, dtype=np.float64)
    return error


def _rank(hit: Bool) -> Count:
    return np.arange(1, hit.shape[1] + 1)


def _reachable(hit: Bool, relevant: Count) -> Count:
    """Hits that a perfect list of this length would have, at least 1."""
    return np.clip(relevant, 1, hit.shape[1])


def _of_people(value: NDArray[Any], relevant: Count) -> Float64:
    return np.where(relevant > 0, value, np.nan).astype(np.float64)


def ratio(total: NDArray[Any], count: NDArray[Any]) -> Float64:
    """`total / count`, NaN where the count is 0."""
    result = np.full(np.shape(total), np.nan)
    np.divide(total, count, out=result, where=count > 0)
    return result
