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
from torch.nn import functional

from recengine.data.dataset import Float32, Int64
from recengine.model import Context
from recengine.models.learned import (
    Curve,
    Weights,
    some,
)
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_AT_ONCE = 128  # sequences answered together where bits need not be those of a single one
_TOP = 10  # places that the validation counts


Objective = Callable[[Any, Tensor, Tensor], Tensor]
"""The mean loss of a batch: of the network, the sequences (b, l), and the movie after each position (b, l), or 0."""


def among_unseen(network: Any, before: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """At the k positions that a movie follows: the scores that a loss compares, (k, n_items), and that movie, (k,).

    What was watched earlier in the sequence cannot follow, and nobody asks for its score: it is −∞.
    """
    known = target > 0
    score = functional.linear(network(before)[known], *network.head())  # (k, n_items)
    row, place = known.nonzero(as_tuple=True)
    turn = torch.arange(before.shape[1], dtype=torch.int16, device=before.device)
    first = turn.new_full((len(before), score.shape[1] + 1), before.shape[1]).scatter(1, before, turn.expand_as(before))
    return score.masked_fill(first[row, 1:] <= turn[place, None], -torch.inf), target[known] - 1


def softmax_among_unseen(network: Any, before: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the softmax over the movies not yet watched, the mean over all positions that one follows."""
    return functional.cross_entropy(*among_unseen(network, before, target))


def learn(
    build: Callable[[], Any], pasts: Sequence[Int64], times: Sequence[Int64], length: int, schedule: Schedule,
    context: Context, *, name: str, objective: Objective = softmax_among_unseen, gap: float = 0.0,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train a network to tell each movie of `pasts` (positions, oldest first, one array a person) from those before it.

    `times`: when, beside them. Movies of the same time are in no known order, so each epoch draws one anew.
    `gap`: see `sessions`; what is validated is one session. Validation: NDCG@10 of each person's last
    movie among all that they have not watched; that movie is not learned from.
    """
    able = some(np.flatnonzero([len(past) > 2 for past in pasts]), context.seed)
    held = sorted((pasts[person] for person in able), key=len)  # so that those measured together pad little
    kept = [len(past) - 1 if len(past) > 2 else len(past) for past in pasts]
    known = [past[:n] for past, n in zip(pasts, kept, strict=True)]
    window, rank = windows(*sessions(known, times, gap), length + 1)
    where = device(context)

    def loss(network: Any, batch: Int64, rng: np.random.Generator) -> Tensor:
        chosen = torch.from_numpy(shuffled(window[batch], rank[batch], rng)).to(where)
        return objective(network, chosen[:, :-1], chosen[:, 1:])

    def measure(network: Any) -> float:
        return ndcg(network, [past[:-1] for past in held], np.array([past[-1] for past in held]), length, context.check)

    validation = Validation(f"ndcg@{_TOP}", True, measure) if held else None
    return train(build, loss, len(window), schedule, context, validation, name=name)


def sessions(pasts: Sequence[Int64], times: Sequence[Int64], gap: float) -> tuple[list[Int64], list[Int64]]:
    """Pasts and their times cut wherever more than `gap` passed between two movies; 0 cuts nowhere."""
    if gap == 0:
        return list(pasts), list(times)
    cuts = [1 + np.flatnonzero(np.diff(time[: len(past)]) > gap) for past, time in zip(pasts, times, strict=True)]
    movies = [part for past, cut in zip(pasts, cuts, strict=True) for part in np.split(past, cut)]
    moments = [
        part for time, past, cut in zip(times, pasts, cuts, strict=True) for part in np.split(time[: len(past)], cut)
    ]
    return movies, moments


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


def shuffled(window: Int64, rank: Int64, rng: np.random.Generator) -> Int64:
    """The movies of each row, those of the same rank among themselves in random order: int64 `(b, length)`."""
    return np.take_along_axis(window, np.argsort(rank + rng.random(rank.shape), axis=1), axis=1)


def padded(pasts: Sequence[Int64], length: int) -> Tensor:
    """The last `length` movies of each, raised by 1 and padded on the left with 0: `(b, l)`, l no more than needed."""
    width = min(length, max(map(len, pasts)))
    rows = [np.pad(past[-width:] + 1, (max(0, width - len(past)), 0)) for past in pasts]
    return torch.from_numpy(np.array(rows, np.int64).reshape(-1, width))


def ndcg(
    network: Any, pasts: Sequence[Int64], target: Int64, length: int, check: Callable[[], None] = lambda: None
) -> float:
    """Mean over people of 1 / log₂(1 + place of the target among the unseen), 0 beyond the tenth place.

    `check` is called between blocks of people, to stop where that is wanted.
    """
    where, gain = next(network.parameters()).device, 0.0
    for start in range(0, len(pasts), _AT_ONCE):
        check()
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
