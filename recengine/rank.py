"""From scores to a ranked list. Only this module masks what was seen and breaks ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recengine.data.dataset import Bool, Float32, Int32, freeze


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best `k` items of each query, best first.

    `item`: int32 `(b, k)`, padded with −1; `score`: float32 `(b, k)`, padded with NaN;
    `fallback`: bool `(b, k)`, true where the model had no opinion and its fallback ranked the item.
    """

    item: Int32
    score: Float32
    fallback: Bool


def rank(score: Float32, fallback: Float32, history: sp.csr_matrix, k: int, *, allowed: Bool | None = None) -> Ranking:
    """The `k` best items a row that the person has not rated.

    `score`: float32 `(b, n_items)`, NaN where the model has no opinion. Such items come after all others, in
    the order of `fallback` `(b, n_items)`. `history`: csr `(b, n_items)`; a stored cell is never returned.
    `allowed`: bool `(n_items,)`, a filter. Equal scores keep the order of their positions.
    Fewer than `k` candidates leave padding at the end. Cost: O(b · n_items + b · k log k).
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    opinion = np.isfinite(score)
    candidate = unseen(history) & (opinion | np.isfinite(fallback))
    if allowed is not None:
        candidate &= allowed
    own, own_score = _best(np.where(candidate & opinion, score, -np.inf), k)
    rest, rest_score = _best(np.where(candidate & ~opinion, fallback, -np.inf), k)
    # Own opinions first, then fallbacks, then padding: a stable sort of those three classes.
    item = np.concatenate([own, rest], axis=1)
    value = np.concatenate([own_score, rest_score], axis=1)
    order = np.argsort(item < 0, axis=1, kind="stable")[:, :k]
    stood_in = np.broadcast_to(np.arange(item.shape[1]) >= own.shape[1], item.shape)
    item = np.take_along_axis(item, order, 1)
    return Ranking(
        freeze(item),
        freeze(np.take_along_axis(value, order, 1)),
        freeze(np.take_along_axis(stood_in, order, 1) & (item >= 0)),
    )


def unseen(history: sp.csr_matrix) -> Bool:
    """What has not been rated, bool `(b, n_items)`; a stored cell of `history` has been, whatever its value."""
    found = np.ones(history.shape, np.bool_)
    found[np.repeat(np.arange(history.shape[0]), np.diff(history.indptr)), history.indices] = False
    return found


def _best(score: Float32, k: int) -> tuple[Int32, Float32]:
    """Positions and scores of the `k` largest finite entries a row, ties by position; −1 and NaN pad."""
    width = min(k, score.shape[1])
    item = np.full((len(score), k), -1, np.int32)
    value = np.full((len(score), k), np.nan, np.float32)
    for row, scores in enumerate(score):
        # The k-th largest value bounds the candidates; among its ties the earliest positions win.
        bound = np.partition(scores, len(scores) - width)[len(scores) - width]
        found = np.flatnonzero((scores >= bound) & (scores > -np.inf))
        found = found[np.argsort(-scores[found], kind="stable")][:k]
        item[row, : len(found)] = found
        value[row, : len(found)] = scores[found]
    return item, value


def position(
    score: Float32, fallback: Float32, history: sp.csr_matrix, item: int, *, allowed: Bool | None = None
) -> int:
    """The rank, from 1, at which `rank` would put an unseen `item` for the first query."""
    everything = rank(score[:1], fallback[:1], history[:1], score.shape[1], allowed=allowed)
    return int(np.flatnonzero(everything.item[0] == item)[0]) + 1
