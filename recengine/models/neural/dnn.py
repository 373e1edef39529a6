"""Wide & deep: what attributes and their pairs add at once, and what a network finds in taste, person and movie."""

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
from recengine.models.leave_one_out import Ratings
from recengine.models.neural.train import Schedule, Validation, as_array, device, train

_SPREAD = 0.02  # of the first weights
_AT_ONCE = 256  # people whose ratings are guessed together while validating


class WideDeepNet(nn.Module):
    """Wide: 1 and the attributes of a person, times those of a movie. Deep: a network over taste, person and movie.

    `b`: people, `m`: ratings, `d`: factors, `f`, `g`: attributes of a movie and of a person, each after a 1.
    `attributes`: of all movies, sparse (n_items, 1 + f). Ratings count from the bias baseline, and where that leaves
    nothing to explain, the network says 0 from the start and stays there.
    """

    attributes: Tensor

    def __init__(self, attributes: Tensor, kinds: int, factors: int, hidden: int, dropout: float) -> None:
        super().__init__()
        n_items, f = attributes.shape
        self.register_buffer("attributes", attributes, persistent=False)
        self.movie = nn.Parameter(_SPREAD * torch.randn(n_items, factors))
        self.presence = nn.Parameter(torch.zeros(n_items, factors))
        self.of_movie = nn.Parameter(_SPREAD * torch.randn(f, factors))
        self.of_person = nn.Parameter(torch.zeros(kinds, factors))
        self.cross = nn.Parameter(torch.zeros(kinds, f))
        self.deep = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(5 * factors, hidden), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden, hidden // 2), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden // 2, 1, bias=False),
        )  # fmt: skip
        nn.init.zeros_(self.deep[-1].weight)  # type: ignore[arg-type]

    def forget(self, known: Tensor) -> None:
        """Set to 0 what no step will ever move: the vectors of movies that are not `known`, (n_items,)."""
        with torch.no_grad():
            self.movie[~known] = 0

    def movies(self) -> Tensor:
        """Every movie as a vector, its own plus its attributes': (n_items, d)."""
        own: Tensor = torch.sparse.mm(self.attributes, self.of_movie)
        return self.movie + own

    def taste(self, movies: Tensor, item: Tensor, deviation: Tensor, person: Tensor, b: int) -> Tensor:
        """n^−½ Σ_j (deviation_j q_j + z_j) over the ratings of each person: (m,) each → (b, d)."""
        q, z = (functional.embedding(item, table) for table in (movies, self.presence))  # (m, d)
        total = q.new_zeros(b, q.shape[1]).index_add(0, person, deviation[:, None] * q + z)
        return total / torch.bincount(person, minlength=b).clamp(min=1).sqrt()[:, None]

    def taste_without_each(
        self, movies: Tensor, item: Tensor, deviation: Tensor, generosity: Tensor, person: Tensor, b: int
    ) -> Tensor:
        """For each rating, its person's taste as if it had never been given: (m,) each → (m, d).

        `deviation`: from the movie's bias alone, since the person's `generosity` too is another without each.
        """
        q, z = (functional.embedding(item, table) for table in (movies, self.presence))  # (m, d)
        given = torch.cat([deviation[:, None] * q, q, z], 1)  # (m, 3d)
        total = given.new_zeros(b, given.shape[1]).index_add(0, person, given)
        liked, watched, met = (functional.embedding(person, total) - given).chunk(3, 1)  # (m, d) each
        left = (torch.bincount(person, minlength=b)[person] - 1).clamp(min=1)
        return (liked - generosity[:, None] * watched + met) / left.sqrt()[:, None]

    def wide(self, people: Tensor) -> Tensor:
        """What attributes add for each of some people to each movie: (b, 1 + g) → (n_items, b)."""
        added: Tensor = torch.sparse.mm(self.attributes, (people @ self.cross).T)
        return added

    def forward(self, taste: Tensor, person: Tensor, movie: Tensor, wide: Tensor) -> Tensor:
        """Ratings above the baseline, from a taste, a person's and a movie's vector and the wide part: (m,)."""
        x = torch.cat([taste, person, movie, taste * movie, person * movie], 1)  # (m, 5d)
        deep: Tensor = self.deep(x)[:, 0]
        return wide + deep + ((taste + person) * movie).sum(1)


def attributes_of(features: sp.csr_matrix) -> Tensor:
    """A column of ones and the movies' attributes, as a sparse tensor (n_items, 1 + f)."""
    table = sp.coo_matrix(sp.hstack([np.ones((features.shape[0], 1)), features]))
    place = torch.from_numpy(np.array([table.row, table.col], np.int64))
    return torch.sparse_coo_tensor(
        place, torch.from_numpy(table.data.astype(np.float32)), table.shape, check_invariants=True, device="cpu"
    ).coalesce()


def learn(
    build: Callable[[], WideDeepNet], told: Ratings, held: Ratings, people: Float32, known: Bool, unknown: float,
    schedule: Schedule, context: Context, *, name: str,
) -> tuple[Weights, Curve]:  # fmt: skip
    """Train on the ratings `told`, a person at a time, each rating guessed from the person's others.

    `people`: attributes after a 1, `(n_users, 1 + g)`; a share `unknown` of the people is left without, in each step.
    `known`: movies that are among the ratings told, `(n_items,)`.
    Loss: mean squared error. Validation: RMSE of the ratings `held`, guessed from all that are told.
    """
    where = device(context)
    start = np.searchsorted(told.person, np.arange(len(people) + 1))
    kinds = torch.tensor(people, device=where)
    active = np.flatnonzero(np.diff(start))
    columns = (told.item, told.deviation, told.generosity, told.target)
    item, deviation, generosity, target = (torch.from_numpy(column).to(where) for column in columns)

    def new() -> WideDeepNet:
        network = build()
        network.forget(torch.from_numpy(known))
        return network

    def loss(network: WideDeepNet, batch: Int64, rng: np.random.Generator) -> Tensor:
        chosen = active[batch]
        rows = torch.from_numpy(np.concatenate([np.arange(start[u], start[u + 1]) for u in chosen])).to(where)
        person = torch.from_numpy(np.repeat(np.arange(len(chosen)), np.diff(start)[chosen])).to(where)  # (m,)
        kind = kinds[torch.from_numpy(chosen).to(where)]  # (b, 1 + g)
        kind[torch.from_numpy(rng.random(len(chosen)) < unknown).to(where), 1:] = 0
        movies, b = network.movies(), len(chosen)
        taste = network.taste_without_each(movies, item[rows], deviation[rows], generosity[rows], person, b)
        wide = functional.embedding(item[rows], network.wide(kind)).gather(1, person[:, None])[:, 0]
        vector = functional.embedding(person, kind @ network.of_person)
        guess = network(taste, vector, functional.embedding(item[rows], movies), wide)
        return functional.mse_loss(guess, target[rows])

    def measure(network: WideDeepNet) -> float:
        movies, own = network.movies(), torch.from_numpy(told.own).to(where)
        whose, error = torch.from_numpy(told.person).to(where), 0.0
        for first in range(0, len(people), _AT_ONCE):
            kind = kinds[first : first + _AT_ONCE]
            theirs = slice(start[first], start[first + len(kind)])
            taste = network.taste(movies, item[theirs], own[theirs], whose[theirs] - first, len(kind))
            chosen = slice(*np.searchsorted(held.person, [first, first + _AT_ONCE]))
            person, i, wanted = (
                torch.from_numpy(column[chosen]).to(where) for column in (held.person, held.item, held.target)
            )
            wide = network.wide(kind)[i, person - first]
            guess = network(taste[person - first], (kind @ network.of_person)[person - first], movies[i], wide)
            error += float(functional.mse_loss(guess, wanted, reduction="sum"))
        return told.unit * float(np.sqrt(error / len(held.item)))

    validation = Validation("rmse", False, measure) if len(held.item) else None
    return train(new, loss, len(active), schedule, context, validation, name=name)


@torch.inference_mode()
def score(network: WideDeepNet, told: Ratings, kind: Float32, item: Int64 | None = None) -> Float32:
    """One person's ratings of all movies, or of some, above the baseline and in units, float32 `(n_items,)`.

    `told`: that person's ratings; `kind`: their attributes after a 1, `(1 + g,)`.
    """
    movies, person = network.movies(), torch.from_numpy(kind)[None]
    taste = network.taste(movies, *_columns(told), 1)
    wide = network.wide(person)[:, 0]
    if item is not None:
        movies, wide = movies[torch.from_numpy(item)], wide[torch.from_numpy(item)]
    n = len(movies)
    return as_array(network(taste.expand(n, -1), (person @ network.of_person).expand(n, -1), movies, wide))


@torch.inference_mode()
def variants(network: WideDeepNet, told: Ratings, kinds: Float32, features: Float32, item: int) -> Float32:
    """One movie's rating above the baseline, in units: without each of the person's n ratings, then k other variants.

    `kinds` `(k, 1 + g)`, `features` `(k, 1 + f)`: attributes of person and movie; the first are the true ones, which go
    with the ratings left out. float32 `(n + k,)`. One pass.
    """
    movies, n = network.movies(), len(told.item)
    i, own, person = _columns(told)
    whole = network.taste(movies, i, own, person, 1)
    deviation, generosity = torch.from_numpy(told.deviation), torch.from_numpy(told.generosity)
    taste = torch.cat(
        [network.taste_without_each(movies, i, deviation, generosity, person, 1), whole.expand(len(kinds), -1)]
    )
    which = torch.cat([torch.zeros(n, dtype=torch.int64), torch.arange(len(kinds))])
    kind, feature = torch.from_numpy(kinds), torch.from_numpy(features)
    wide = ((kind @ network.cross) * feature).sum(1)
    movie = network.movie[item] + feature @ network.of_movie
    return as_array(network(taste, (kind @ network.of_person)[which], movie[which], wide[which]))


def _columns(told: Ratings) -> tuple[Tensor, Tensor, Tensor]:
    """Item, deviation and row of one person's ratings."""
    return torch.from_numpy(told.item), torch.from_numpy(told.own), torch.from_numpy(told.person)
