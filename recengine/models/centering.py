"""Where ratings are measured from: means, spreads and baselines taken off before ratings are compared or averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from recengine.data.dataset import Dataset, Float32, Query, freeze
from recengine.models.baseline import Biases, estimate_biases
from recengine.models.similarity import rows_of

Centering = Literal["none", "mean", "z-score", "baseline"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and standard deviation of the ratings in each row of a matrix, float32 `(n,)`.

    A row without ratings has mean NaN; one without variation has the spread of all ratings.
    """

    mean: Float32
    spread: Float32

    @classmethod
    def of(cls, ratings: sp.csr_matrix, overall_spread: float) -> Moments:
        """The moments of each row."""
        n, of_row, count = ratings.shape[0], rows_of(ratings), np.diff(ratings.indptr)
        mean = np.bincount(of_row, ratings.data, n) / np.where(count > 0, count, np.nan)
        square = np.bincount(of_row, (ratings.data - mean[of_row]) ** 2, n) / np.maximum(count, 1)
        spread = np.where(square > 1e-8, np.sqrt(square), overall_spread)
        return cls(freeze(mean.astype(np.float32)), freeze(spread.astype(np.float32)))


@dataclass(frozen=True, eq=False)
class Center:
    """Where ratings are measured from: c and z of the module's formula.

    `by`: whose mean "mean" and "z-score" take. `item`: moments of the movies' ratings. `biases`: None for
    data without ratings.
    """

    by: Literal["person", "movie"]
    how: Centering
    item: Moments
    overall_spread: float
    biases: Biases | None

    def at(self, query: Query, row: Any, item: Any) -> tuple[Any, Any]:
        """c and z of cells: query numbers and items, two integers or two arrays that broadcast."""
        if self.how == "baseline" and self.biases:
            return self.biases.cells(query, row, item), np.float32(1)
        if self.how == "none":
            return np.float32(0), np.float32(1)
        moments, of = self._moments(query), row if self.by == "person" else item
        return moments.mean[of], moments.spread[of] if self.how == "z-score" else np.float32(1)

    def deviations(self, query: Query) -> Float32:
        """d of every stored rating of the histories, float32 `(nnz,)`."""
        center, spread = self.at(query, rows_of(query.history), query.history.indices)
        return np.asarray((query.history.data - center) / spread, np.float32)

    def _moments(self, query: Query) -> Moments:
        return Moments.of(query.history, self.overall_spread) if self.by == "person" else self.item


def center_of(train: Dataset, by: Literal["person", "movie"], how: Centering) -> Center:
    """The centering of a model, from its training data."""
    overall = float(train.interactions.value.std()) or 1.0
    biases = estimate_biases(train.interactions) if train.explicit else None
    return Center(by, how, Moments.of(sp.csr_matrix(train.interactions.matrix.T), overall), overall, biases)


def person_mean(query: Query) -> Float32:
    """The person's mean rating for every stored rating, float32 `(nnz,)`."""
    return Moments.of(query.history, 1.0).mean[rows_of(query.history)]


def movie_mean(center: Center, query: Query) -> Float32:
    """The movie's mean rating for every stored rating, float32 `(nnz,)`; a movie nobody rated is at its own."""
    mean = center.item.mean[query.history.indices]
    return np.asarray(np.where(np.isnan(mean), query.history.data, mean), np.float32)
