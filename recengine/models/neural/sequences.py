"""What the sequence networks share: windows to learn from, the loss, the validation, and single questions.

A network here has `forward`, (b, l) → (b, l, d), what each position knows of its past, and `head`, what turns that into
scores: a vector a movie `(n_items, d)` and its bias `(n_items,)`. Sequences hold item + 1, oldest first, padded on the
left with 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import LinearCrossEntropyOptions, functional

from recengine.data.dataset import Float32, Int64
from recengine.model import Context
from recengine.models.learned import Curve, Weights
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_AT_ONCE = 128  # sequences answered together where bits need not be those of a single one
_TOP = 10  # places that the validation counts


def learn(
    build: Callable[[], Any], pasts: Sequence[Int64], times: Sequence[Int64], length: int, schedule: Schedule,
    context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train a network to tell each movie of `pasts` (positions, oldest first, one array a person) from those before it.

    `times`: when, beside them. Movies of the same time are in no known order, so each epoch draws one anew.
    Loss: cross-entropy of the softmax over all movies, at every position. Validation: NDCG@10 of each person's last
    movie among all that they have not watched; that movie is not learned from.
    """
    held = [past for past in pasts if len(past) > 2]
    kept = [len(past) - 1 if len(past) > 2 else len(past) for past in pasts]
    window, rank = windows([past[:n] for past, n in zip(pasts, kept, strict=True)], times, length + 1)
    where = device(context)

    def loss(network: Any, batch: Int64, rng: np.random.Generator) -> Tensor:
        order = np.argsort(rank[batch] + rng.random((len(batch), rank.shape[1])), axis=1)
        chosen = torch.from_numpy(np.take_along_axis(window[batch], order, 1)).to(where)
        before, target = chosen[:, :-1], chosen[:, 1:]
        known = target > 0
        weight, bias = network.head()
        return functional.linear_cross_entropy(
            network(before)[known], weight, target[known] - 1, linear_bias=bias, options=LinearCrossEntropyOptions()
        )

    def measure(network: Any) -> float:
        return ndcg(network, [past[:-1] for past in held], np.array([past[-1] for past in held]), length)

    validation = Validation(f"ndcg@{_TOP}", True, measure) if held else None
    return train(build, loss, len(window), schedule, context, validation, name=name)


def windows(pasts: Sequence[Int64], times: Sequence[Int64], length: int) -> tuple[Int64, Int64]:
    """Sequences cut into pieces of at most `length`, each overlapping the next by one: two arrays int64 `(w, length)`.

    So every movie but a person's first is the one to be told, once. First the positions, raised by 1, where 0 pads on
    the left; then which of the piece's times it was, from 1, where 0 pads likewise.
    """
    cut, rank = [], []
    for past, time in zip(pasts, times, strict=True):
        for end in range(len(past), 1, 1 - length):
            piece = slice(max(0, end - length), end)
            width = (length - (end - piece.start), 0)
            cut.append(np.pad(past[piece] + 1, width))
            rank.append(np.pad(1 + np.cumsum(np.diff(time[piece], prepend=time[piece][0]) > 0), width))
    return np.array(cut, np.int64).reshape(-1, length), np.array(rank, np.int64).reshape(-1, length)


def padded(pasts: Sequence[Int64], length: int) -> Tensor:
    """The last `length` movies of each, raised by 1 and padded on the left with 0: `(b, l)`, l no more than needed."""
    width = min(length, max(map(len, pasts)))
    rows = [np.pad(past[-width:] + 1, (max(0, width - len(past)), 0)) for past in pasts]
    return torch.from_numpy(np.array(rows, np.int64).reshape(-1, width))


def ndcg(network: Any, pasts: Sequence[Int64], target: Int64, length: int) -> float:
    """Mean over people of 1 / log₂(1 + place of the target among the unseen), 0 beyond the tenth place."""
    where, gain = next(network.parameters()).device, 0.0
    for start in range(0, len(pasts), _AT_ONCE):
        asked = pasts[start : start + _AT_ONCE]
        score = scores(network, padded(asked, length).to(where))  # (b, n_items)
        for row, past in enumerate(asked):
            score[row, torch.from_numpy(past).to(where)] = -torch.inf
        wanted = torch.from_numpy(target[start : start + _AT_ONCE]).to(where)
        own = score.gather(1, wanted[:, None])
        place = 1 + (score > own).sum(1)
        gain += float((place <= _TOP).div(torch.log2(1 + place)).sum())
    return gain / len(pasts)


def scores(network: Any, sequence: Tensor) -> Tensor:
    """The score of every movie to come after the last: (b, l) → (b, n_items)."""
    return functional.linear(network(sequence)[:, -1], *network.head())


@torch.inference_mode()
def score(network: Any, past: Int64, length: int) -> Float32:
    """The score of every movie after one past, float32 `(n_items,)`."""
    return as_array(scores(network, padded([past], length))[0])


@torch.inference_mode()
def occluded(network: Any, past: Int64, length: int) -> Float32:
    """The scores after the past without each of its last `length` movies in turn, float32 `(l, n_items)`."""
    last = range(max(0, len(past) - length), len(past))
    rest = [np.delete(past, j) for j in last]
    found = []
    for start in range(0, len(rest), _AT_ONCE):
        found.append(as_array(scores(network, padded(rest[start : start + _AT_ONCE], length))))
    return np.concatenate(found)


@torch.inference_mode()
def attention(network: Any, past: Int64, length: int) -> Float32:
    """The last position's attention to each of the last `length` movies, float32 `(l,)`; it sums to 1."""
    return as_array(network.attention(padded([past], length))[0])
