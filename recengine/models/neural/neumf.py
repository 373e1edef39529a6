"""Neural matrix factorization: a product and a network, side by side, both told which movies a person has watched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from recengine.data.dataset import Bool, Float32, Int64
from recengine.model import Context
from recengine.models.learned import Curve, Weights
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_SPREAD = 0.05  # of the first weights
_TOP = 10  # places that the validation counts
_ASKED = 0.2  # of what those held back watched is asked for


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

    def taste(self, item: Tensor, row: Tensor, b: int) -> Tensor:
        """n^−½ Σ of what the n movies of each row say: (m,) each → (b, 2d)."""
        given = functional.embedding(item, self.watched)  # (m, 2d)
        total = given.new_zeros(b, given.shape[1]).index_add(0, row, given)
        return total / torch.bincount(row, minlength=b).clamp(min=1).sqrt()[:, None]

    def taste_without_each(self, item: Tensor, row: Tensor, b: int) -> Tensor:
        """For each movie watched, its row's taste as if it had not been: (m,) each → (m, 2d)."""
        given = functional.embedding(item, self.watched)  # (m, 2d)
        total = given.new_zeros(b, given.shape[1]).index_add(0, row, given)
        left = (torch.bincount(row, minlength=b)[row] - 1).clamp(min=1)
        return (functional.embedding(row, total) - given) / left.sqrt()[:, None]

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
        product = (person[..., :d] * movie[..., :d]).sum(-1)
        tower: Tensor = self.tower(person[..., d:] + movie[..., d : d + h])[..., 0]
        return product + tower + movie[..., -1]


class Unwatched:
    """The movies that a person did not watch, to draw from; `watched` csr `(n_users, n_items)`.

    `known`: the movies that may be drawn, bool `(n_items,)`; what is watched is among them.
    """

    def __init__(self, watched: sp.csr_matrix, known: Bool) -> None:
        self._known = np.flatnonzero(known)
        self._start, self._place = watched.indptr, (np.cumsum(known) - 1)[watched.sorted_indices().indices]

    def some(self) -> Bool:
        """Whom any movie is left for, bool `(n_users,)`."""
        return np.asarray(np.diff(self._start) < len(self._known))

    def draw(self, person: int, size: tuple[int, int], rng: np.random.Generator) -> Int64:
        """So many of them, each as likely as any other, with repetition."""
        seen = self._place[self._start[person] : self._start[person + 1]]
        number = rng.integers(len(self._known) - len(seen), size=size)
        # The k-th that is left stands k places up, and one more for each seen before it.
        found: Int64 = self._known[number + np.searchsorted(seen - np.arange(len(seen)), number, side="right")]
        return found


def learn(
    build: Callable[[], NeuMFNet], matrix: sp.csr_matrix, held: Int64, known: Bool, negatives: int,
    schedule: Schedule, context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train to tell what each person watched (`matrix`) from movies drawn among those that they did not.

    For each movie watched, `negatives` others are drawn anew in each epoch, among the `known`.
    Loss: binary cross-entropy; a person is all that they watched but the movie at hand.
    Validation: NDCG@10 of a fifth of what each person of `held` (positions) watched, drawn at random, among all known
    movies but the other four fifths, which are what is told of that person. Nothing is learned from them.
    """
    where = device(context)
    start, watched = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    unwatched, n = Unwatched(matrix, known), np.diff(start)
    active = np.setdiff1d(np.flatnonzero((n > 0) & unwatched.some()), held)

    def loss(network: NeuMFNet, batch: Int64, rng: np.random.Generator) -> Tensor:
        chosen = active[batch]
        own = np.concatenate([watched[start[u] : start[u + 1]] for u in chosen])
        others = np.concatenate([unwatched.draw(u, (n[u], negatives), rng) for u in chosen])
        row = torch.from_numpy(np.repeat(np.arange(len(chosen)), n[chosen])).to(where)  # (m,)
        item = torch.from_numpy(np.column_stack([own, others])).to(where)  # (m, 1 + negatives)
        person = network.people(network.taste_without_each(item[:, 0], row, len(chosen)))[:, None]  # (m, 1, d + h)
        odds = network(person, functional.embedding(item, network.movies()))  # (m, 1 + negatives)
        wanted = torch.zeros_like(odds)
        wanted[:, 0] = 1
        return functional.binary_cross_entropy_with_logits(odds, wanted)

    def measure(network: NeuMFNet) -> float:
        movies, gain = network.movies(), 0.0
        for asked, told in parts:
            context.check()
            score = _scores(network, movies, told)
            score[hidden] = -torch.inf
            score[torch.from_numpy(told).to(where)] = -torch.inf
            found = torch.isin(score.topk(min(_TOP, len(score))).indices, torch.from_numpy(asked).to(where))
            gain += float((found * discount[: len(found)]).sum() / discount[: len(asked)].sum())
        return gain / len(parts)

    draw = np.random.default_rng(context.seed)
    parts = [
        np.split(draw.permutation(watched[start[u] : start[u + 1]]), [max(1, int(_ASKED * n[u]))])
        for u in held[n[held] > 1]
    ]
    discount, hidden = 1 / torch.log2(torch.arange(_TOP, device=where) + 2.0), torch.from_numpy(~known).to(where)
    validation = Validation(f"ndcg@{_TOP}", True, measure) if parts else None
    return train(build, loss, len(active), schedule, context, validation, name=name)


@torch.inference_mode()
def score(network: NeuMFNet, movies: Tensor, watched: Int64) -> Float32:
    """The log-odds of some rows of `network.movies()` for somebody who watched these, float32."""
    return as_array(_scores(network, movies, watched))


@torch.inference_mode()
def occluded(network: NeuMFNet, watched: Int64, item: int) -> Float32:
    """The log-odds of one movie without each of those watched in turn, float32 `(n,)`."""
    row = torch.zeros(len(watched), dtype=torch.int64)
    person = network.people(network.taste_without_each(torch.from_numpy(watched), row, 1))
    return as_array(network(person, network.movies()[item].expand(len(watched), -1)))


def _scores(network: NeuMFNet, movies: Tensor, watched: Int64) -> Tensor:
    item = torch.from_numpy(watched).to(movies.device)
    return network(network.people(network.taste(item, torch.zeros_like(item), 1)), movies)  # type: ignore[no-any-return]
