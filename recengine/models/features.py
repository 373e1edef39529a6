"""Movies as vectors of what is known of them: TF-IDF over genres, directors, tags, title words and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from recengine.data.dataset import Dataset, Float32, freeze, freeze_csr
from recengine.data.features import text_features

_WORDS = {
    "genre": "its genres",
    "director": "its directors",
    "based on": "what it is based on",
    "watched together with": "what it is watched together with",
}


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """`unit`: csr float32 `(n_items, f)`, rows of length 1, or empty where nothing telling is known.

    `length`: their length before, float32 `(n_items,)`. `names`: of the columns, such as "genre: Drama".
    """

    unit: sp.csr_matrix
    length: Float32
    names: tuple[str, ...]


def group_of(name: str) -> str:
    """The group that a column belongs to: "genre" of "genre: Drama"."""
    return name.partition(": ")[0]


def words_of(group: str) -> str:
    """A group of a movie's attributes in words, as a reason names it.

    >>> words_of("genre"), words_of("decade")
    ('its genres', 'its decade')
    """
    return _WORDS.get(group, f"its {group}")


def known_features(train: Dataset) -> tuple[sp.csr_matrix, tuple[str, ...]]:
    """Everything known of the movies, csr float32 `(n_items, f)`, and its names: attributes, tags, title words."""
    words, names = text_features(train.movies)
    return freeze_csr(sp.csr_matrix(sp.hstack([train.features, words]))), (*train.feature_names, *names)


def item_vectors(train: Dataset, weights: Mapping[str, float]) -> ItemVectors:
    """TF-IDF vectors of all movies: x_if = w_g · v_if · ln(n_items / n_f), then rows of length 1.

    v_if is 1 where movie i has feature f, n_f the number of movies that have it, g its group (`group_of`), and w_g
    that group's weight, 1 where `weights` is silent. What every movie has, and what weighs nothing, is no column.
    Cost: O(n_items). Source: Lops, de Gemmis and Semeraro, "Content-based Recommender Systems" (Recommender Systems
    Handbook, 2011), section "Keyword-based Vector Space Model". Differs from the paper: the weights of the groups.
    """
    raw, names = known_features(train)
    share = raw.getnnz(axis=0) / max(train.n_items, 1)
    weight = -np.log(np.where(share > 0, share, 1.0)) * [weights.get(group_of(name), 1.0) for name in names]
    kept = np.flatnonzero(weight > 0)
    weighted = sp.csr_matrix(raw[:, kept].astype(np.float64) @ sp.diags_array(weight[kept]))
    length = np.sqrt(np.asarray(weighted.power(2).sum(axis=1)).ravel())
    unit = sp.csr_matrix(sp.diags_array(1 / np.where(length > 0, length, 1.0)) @ weighted).astype(np.float32)
    return ItemVectors(freeze_csr(unit), freeze(length.astype(np.float32)), tuple(names[column] for column in kept))
