"""How the kernels' sums become scores and reasons: what neighborhood models share, and the fallback of others."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recengine.data.dataset import Float32, Int64, Query
from recengine.explain import Explanation, Part
from recengine.model import Fitted
from recengine.models.centering import Center

Aggregation = Literal["average", "sum", "votes"]


def added(aggregation: Aggregation, center: Center, query: Query) -> Float32:
    """What each stored rating of the histories adds: d when averaged, r when summed, 1 as a vote; float32 `(nnz,)`."""
    if aggregation == "average":
        return center.deviations(query)
    return query.history.data if aggregation == "sum" else np.ones(query.history.nnz, np.float32)


def score_of(parts: list[NDArray[Any]], center: Center, query: Query, *, average: bool) -> Float32:
    """The kernels' results of consecutive rows, brought back from deviations to ratings when averaged."""
    value = np.concatenate(parts) if parts else np.zeros(query.history.shape, np.float32)
    if not average:
        return value
    c, z = center.at(query, np.arange(len(query))[:, None], np.arange(query.history.shape[1])[None, :])
    return np.asarray(c + z * value, np.float32)


def cells_of(
    parts: list[NDArray[Any]], order: Int64, center: Center, query: Query, row: Int64, item: Int64, *, average: bool
) -> Float32:  # fmt: skip
    """As `score_of` for chosen cells, whose results come in `order`."""
    value = np.full(len(order), np.nan, np.float32)
    value[order] = np.concatenate(parts) if parts else value[order]
    if not average:
        return value
    c, z = center.at(query, row, item)
    return np.asarray(c + z * value, np.float32)


def stand_in(center: Center, item_count: NDArray[Any], query: Query) -> Float32:
    """What stands in for no opinion: the bias baseline, or the number of ratings in data without ratings."""
    if center.biases:
        return center.biases.score(query)
    return np.tile(item_count.astype(np.float32), (len(query), 1))


def no_opinion(fitted: Fitted, center: Center, query: Query, item: int, why: str) -> Explanation:
    """An explanation that names the fallback."""
    name = "user and item bias" if center.biases else "number of ratings"
    value = float(fitted.fallback(query)[0, item])
    return Explanation(value, value, name, (), exact=True, fallback=f"{why}; the {name} stands in")


def explain_of(
    kind: Literal["movie", "person"], index: NDArray[Any], similarity: NDArray[Any], rating: NDArray[Any],
    value: NDArray[Any], center: Center, query: Query, item: int, damping: float, *, average: bool,
) -> Explanation:  # fmt: skip
    """A neighborhood's score of one item, split by neighbor, strongest first; `value`: what each adds (`added`)."""
    s = similarity.astype(np.float64)
    base, name, weight = 0.0, "no evidence", s * value
    if average:
        c, z = center.at(query, 0, item)
        base, weight = float(c), float(z) * weight / (s.sum() + damping)
        name = {
            "none": "no stars", "baseline": "user and item bias",
            "mean": f"the {center.by}'s mean", "z-score": f"the {center.by}'s mean",
        }[center.how]  # fmt: skip
    parts = [
        Part(kind, float(w), index=int(i), similarity=float(a), rating=float(r))
        for w, i, a, r in zip(weight, index, s, rating, strict=True)
    ]
    parts.sort(key=lambda part: -abs(part.weight))
    return Explanation(base + float(weight.sum()), base, name, tuple(parts), exact=True)
