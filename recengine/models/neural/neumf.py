"""Neural matrix factorization: a product and a network, side by side, both told which movies a person has watched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from recengine.data.dataset import Bool, Float32, Int64
from recengine.model import Context
from recengine.models.learned import Curve, Weights
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_SPREAD = 0.05  # of the first weights
_TOP = 10  # places that the validation counts


class NeuMFNet(nn.Module):
    """GMF: person times movie, factor by factor. MLP: a tower over both. Their last layers are added up.

    `m`: pairs of a person and a movie, `d`: factors, `h`: width of the tower's first layer. The tables hold both
    parts' vectors side by side: `watched` what a movie says of those who watched it, `movie` what it is itself.
    """

    def __init__(self, n_items: int, factors: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.watched = nn.Parameter(_SPREAD * torch.randn(n_items, 2 * factors))
        self.movie = nn.Parameter(_SPREAD * torch.randn(n_items, 2 * factors))
        self.bias = nn.Parameter(torch.zeros(n_items, 1))
        self.weight = nn.Parameter(torch.ones(factors))
        self.of_person, self.of_movie = nn.Linear(factors, hidden), nn.Linear(factors, hidden, bias=False)
        self.tower = nn.Sequential(
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden // 2),
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden // 2, 1, bias=False),
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)

    def people(self, person: Tensor) -> Tensor:
        """What the pairs need of each person: weighted GMF part and first layer of the tower, (b, 2d) → (b, d + h)."""
        product, tower = self.dropout(person).chunk(2, 1)
        return torch.cat([self.weight * product, self.of_person(tower)], 1)

    def movies(self) -> Tensor:
        """The same of each movie, with its bias: (n_items, d + h + 1)."""
        product, tower = self.movie.chunk(2, 1)
        return torch.cat([product, self.of_movie(tower), self.bias], 1)

    def forward(self, person: Tensor, movie: Tensor) -> Tensor:
        """Log-odds that the person watches the movie, from rows of `people` and `movies`: (…, d + h), … → (…)."""
        d, h = len(self.weight), self.of_person.out_features
        (p, tower_p), (q, tower_q, bias) = person.split([d, h], -1), movie.split([d, h, 1], -1)
        return (p * q).sum(-1) + self.tower(tower_p + tower_q)[..., 0] + bias[..., 0]


def unseen(seen: Int64, n: int, draws: NDArray[np.float64]) -> Int64:
    """Numbers below `n` that are not `seen` (ascending), all as likely, one for each draw from [0, 1)."""
    place = (draws * (n - len(seen))).astype(np.int64)
    return place + np.searchsorted(seen - np.arange(len(seen)), place, side="right")


def learn(
    build: Callable[[], NeuMFNet], told: sp.csr_matrix, held: sp.csr_matrix, known: Bool, negatives: int,
    schedule: Schedule, context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train to tell what each person watched (`told`) from movies drawn among those that they did not.

    For each movie watched, `negatives` others are drawn anew in each epoch, among the `known` that are neither told nor
    held. Loss: binary cross-entropy; a person is all that they watched but the movie at hand.
    Validation: NDCG@10 of what is `held`, among all known movies that are not told.
    """
    where = device(context)
    start, watched = told.indptr.astype(np.int64), told.indices.astype(np.int64)
    everything, catalogue = sp.csr_matrix(told + held), np.flatnonzero(known)
    place = np.cumsum(known) - 1
    n = np.diff(start)
    active = np.flatnonzero((n > 0) & (np.diff(everything.indptr) < len(catalogue)))

    def drawn(person: int, rng: np.random.Generator) -> Int64:
        seen = place[everything.indices[everything.indptr[person] : everything.indptr[person + 1]]]
        return catalogue[unseen(seen, len(catalogue), rng.random((n[person], negatives)))]

    def loss(network: NeuMFNet, batch: Int64, rng: np.random.Generator) -> Tensor:
        chosen = active[batch]
        own = np.concatenate([watched[start[u] : start[u + 1]] for u in chosen])
        others = np.concatenate([drawn(u, rng) for u in chosen])
        row = torch.from_numpy(np.repeat(np.arange(len(chosen)), n[chosen])).to(where)  # (m,)
        item = torch.from_numpy(np.column_stack([own, others])).to(where)  # (m, 1 + negatives)
        person = network.people(without_each(network, item[:, 0], row, len(chosen)))[:, None]  # (m, 1, d + h)
        odds = network(person, functional.embedding(item, network.movies()))  # (m, 1 + negatives)
        wanted = torch.zeros_like(odds)
        wanted[:, 0] = 1
        return functional.binary_cross_entropy_with_logits(odds, wanted)
    ...
