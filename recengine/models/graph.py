"""Random walks on the graph whose edges join people with the movies they rated."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recengine.data.dataset import Dataset
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import require_interactions
from recengine.models.linear import Positives, fitted_sparse, in_blocks, positives_of
from recengine.models.neighbors import all_people
from recengine.models.similarity import unpack


class RP3Beta(Recommender):
    """Where a random walk of three steps ends: a rated movie, somebody who rated it too, a movie of theirs.

    score_ui = Σ_{j∈I_u} B_ji,   B_ji = Σ_{v∈U_i∩U_j} (1 / |U_j|)^α (1 / |I_v|)^α / |U_i|^β,   B_ii = 0

    1 / |U_j| is the chance to step from movie j to person v, 1 / |I_v| from v on to i. α sharpens or flattens
    those chances; β holds back the popular movies that walks favour. Of the movies that lead to i, the `neighborhood`
    with the largest B_ji are kept. A visitor is scored from the query's ratings like anybody else (`linear`). An item
    to which nothing rated leads has no opinion: NaN, and the bias baseline (in data without ratings, the number of
    people) stands in. Cost: Σ_u |I_u|² to fit, |I_u| · neighborhood a query. Memory: O(n_items · neighborhood).
    Source: Paudel, Christoffel, Newell and Bernstein, ACM TiiS 7(1), 2017 (P³α and RP³β).
    Differs from the paper: only the strongest links are kept, as implementations do; the first step's (1 / |I_u|)^α,
    the same for every movie, is left out.
    """

    name: ClassVar[str] = "rp3beta"
    title: ClassVar[str] = "RP³β"
    family: ClassVar[Family] = "linear"

    alpha: float = Field(0.8, ge=0, le=2, description="Power of the walk's chances: above 1 sharpens them")
    beta: float = Field(0.2, ge=0, le=2, description="How much popular movies are held back")
    neighborhood: int = Field(100, ge=1, le=10_000, description="Movies kept that lead to each movie")
    positives: Positives = Field("all", description="Ratings that count: all, or from the person's own mean up")

    @property
    def traits(self) -> Traits:
        """Its scores are no ratings."""
        return Traits(ratings=False, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Walk backwards from every movie and keep the likeliest starts."""
        require_interactions(train, self.name)
        x = positives_of(all_people(train), self.positives).astype(np.float64)
        n_people = np.maximum(np.bincount(x.indices, minlength=train.n_items), 1)
        n_movies = np.maximum(np.diff(x.indptr), 1)
        arriving = sp.csr_matrix((sp.diags_array(n_movies**-self.alpha) @ x).T)
        leaving = sp.csr_matrix(x @ sp.diags_array(n_people**-self.alpha))

        def part(first: int, last: int) -> tuple[NDArray[Any], ...]:
            return strongest(sp.csr_matrix(arriving[first:last] @ leaving), first, self.neighborhood)

        parts = in_blocks(part, train.n_items, context, "walking")
        length, index, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        weight = (weight * np.repeat(n_people**-self.beta, length)).astype(np.float32)
        return fitted_sparse(self, train, self.positives, length, index, weight)


def strongest(block: sp.csr_matrix, first: int, keep: int) -> tuple[NDArray[Any], ...]:
    """The `keep` largest entries of each row, diagonal aside: how many, their columns, their values, largest first.

    `block`: rows `first` on of a square matrix without negatives. Among equals, the earliest columns are kept.
    """
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    other = block.indices != row + first
    bits = block.data[other].astype(np.float32).view(np.int32).astype(np.int64)
    keys = (bits << 32) | (0x7FFFFFFF - block.indices[other])
    return unpack(np.bincount(row[other], minlength=block.shape[0]), keys, keep)
