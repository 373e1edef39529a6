"""Ratings made up at any size: for measuring speed and memory where no real data may be carried along."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recengine.data.dataset import Dataset, Int64, Interactions
from recengine.data.vocab import Vocab
from recengine.errors import DataError

SCALE = (0.5, 5.0)

_GROUPS = 20  # tastes: each person has one, each movie belongs to one
_FAITH = 0.6  # share of the draws that stay within a person's taste
_POPULARITY, _ACTIVITY = (50.0, 1.2), (100.0, 0.6)  # offset c and exponent a of the law (rank + c)^−a
_MOST = 0.2  # of all pairs that may be asked for: drawing distinct ones takes ever longer beyond
_FIRST_TIME, _SPAN = 1_000_000_000, 300_000_000  # Unix seconds


def power_law(n_users: int, n_items: int, n_ratings: int, *, seed: int = 0) -> Dataset:
    """Ratings with the long tails and the groups of taste that real ones have, but of nobody.

    The movie of popularity rank r is drawn in proportion to (r + 50)^−1.2, the person of activity rank r to
    (r + 100)^−0.6. There are 20 tastes: six in ten draws are of movies of the person's own, the rest of any. Pairs are
    distinct. A rating is the movie's quality, a bonus for one's own taste and noise, in half stars within 0.5 and 5;
    times are uniform over ten years. People and movies that were not drawn stay, without ratings.
    Raises `DataError` where more than a fifth of all pairs are asked for. Cost: O(n_ratings log n_ratings).
    """
    most = int(_MOST * n_users * n_items)
    if not 0 < n_ratings <= most:
        raise DataError(
            f"{n_ratings:,} ratings of {n_items:,} movies by {n_users:,} people cannot be made: "
            f"ask for at least 1 and at most a fifth of all pairs, {most:,}."
        )
    rng = np.random.default_rng(seed)
    pairs = np.empty(0, np.int64)
    while len(pairs) < n_ratings:
        draws = int(1.2 * (n_ratings - len(pairs))) + 1000
        user = _ranks(rng.random(draws), n_users, *_ACTIVITY)
        group = user % _GROUPS
        faithful = (rng.random(draws) < _FAITH) & (group < n_items)
        size = np.where(faithful, (n_items - group + _GROUPS - 1) // _GROUPS, n_items)
        rank = _ranks(rng.random(draws), size, *_POPULARITY)
        item = np.where(faithful, rank * _GROUPS + group, rank)
        pairs = np.sort(np.concatenate([pairs, user * n_items + item]))
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # many times as fast as numpy's unique, which hashes
    user, item = np.divmod(rng.choice(pairs, n_ratings, replace=False, shuffle=False), n_items)
    quality, bonus = rng.normal(3.2, 0.5, n_items), 0.5 * (user % _GROUPS == item % _GROUPS)
    raw = quality[item] + bonus + rng.normal(0, 0.8, n_ratings)
    time = _FIRST_TIME + rng.integers(_SPAN, size=n_ratings)
    # Positions are shuffled: a rank must not be read off an id.
    ratings = Interactions.of(
        rng.permutation(n_users)[user], rng.permutation(n_items)[item], np.clip(np.round(2 * raw) / 2, *SCALE), time,
        n_users=n_users, n_items=n_items,
    )  # fmt: skip
    return _dataset(ratings)


def _ranks(uniform: NDArray[np.float64], size: Int64 | int, offset: float, exponent: float) -> Int64:
    """Ranks below `size` in proportion to (rank + offset)^−exponent: the inverse of its integral at uniform numbers."""
    low, high = offset ** (1 - exponent), (size + offset) ** (1 - exponent)
    rank: NDArray[np.float64] = (low + uniform * (high - low)) ** (1 / (1 - exponent)) - offset
    return np.minimum(rank.astype(np.int64), size - 1)


def _dataset(ratings: Interactions) -> Dataset:
    n = ratings.n_items
    columns: dict[str, NDArray[np.object_] | pd.api.extensions.ExtensionArray | list[str]] = {
        "title": [f"Movie {item}" for item in range(n)],
        "year": pd.array([None] * n, dtype="Int16"),
        "genres": np.fromiter(((),) * n, object, n),
    }
    nothing = sp.csr_matrix((n, 0), dtype=np.float32)
    users, items = Vocab.of(np.arange(ratings.n_users)), Vocab.of(np.arange(n))
    movies = pd.DataFrame(columns)
    return Dataset("synthetic", users, items, ratings, movies, nothing, (), SCALE, about="Made up: ratings of nobody.")
