"""Non-negative factors: tastes that only add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query
from recengine.explain import Explanation, Part
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.als import residuals
from recengine.models.baseline import Biases, estimate_biases, require_ratings
from recengine.models.factors import Movies, Objective, split_by_history, truncated_svd
from recengine.models.neighbors import all_people


class NMF(Recommender):
    """Tastes and characters that only add up: no factor of a person or a movie is below 0.

    r̂_ui = low + p_u·q_i, low the scale's lowest rating, with p, q ≥ 0 minimising, over the ratings there are,
    Σ (r_ui − low − p_u·q_i)² + λ (Σ_u |I_u| ‖p_u − c‖² + Σ_i |U_i| ‖q_i − c‖²), c = √((μ − low) / d).
    Each side is solved exactly in turn: non-negative least squares for each row. p_u follows from the query's ratings
    likewise (fold-in). Somebody without a rating of a known movie, and a movie nobody rated, have no opinion: NaN, and
    the bias baseline stands in. Cost: O(m d² + (n_users + n_items) d² sweeps) an iteration.
    Source: Kim and Park (SIAM J. Matrix Anal. Appl. 2008), alternating non-negative least squares, on the ratings
    there are as in Luo et al. (IEEE Trans. Ind. Informatics 2014).
    Differs from the papers: few ratings pull a prediction to the mean (c), not to the lowest rating (0); the start is
    c and a truncated SVD of the biases' residuals, not chance, so the order of people and movies plays no part.
    """

    name: ClassVar[str] = "nmf"
    title: ClassVar[str] = "Non-negative factors"
    family: ClassVar[Family] = "factors"

    factors: int = Field(30, ge=1, le=200, description="Length of the vectors of people and movies")
    regularization: float = Field(0.14, ge=1e-4, le=10, description="Pull of a vector to the mean, per rating")
    iterations: int = Field(15, ge=1, le=200, description="How often both sides are solved in turn")

    @property
    def traits(self) -> Traits:
        """It predicts ratings."""
        return Traits(ratings=True, personal=True)

    def objective(self, mean: float) -> Objective:
        """What is minimised, for ratings that lie `mean` above the lowest on average."""
        prior = float(np.sqrt(max(mean, 0.0) / self.factors))
        return Objective(self.regularization, prior=prior, nonnegative=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Measure ratings from the lowest, then alternate."""
        require_ratings(train, self.name)
        context.step(0.0, "decomposing the residuals")
        low = float(train.scale[0]) if train.scale else 0.0
        biases, everyone = estimate_biases(train.interactions), all_people(train)
        objective = self.objective(biases.mean - low)
        u, s, _ = truncated_svd(residuals(biases, everyone), self.factors, context.seed)
        start = np.maximum(objective.prior + u * np.sqrt(s), 0).astype(np.float32)
        _, items = objective.fit(above(low, everyone), start, self.iterations, context)
        movies = Movies(items, train.interactions.item_count)
        return FittedNMF(model=self, scale=train.scale, movies=movies, biases=biases, low=low)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedNMF(Fitted):
    """The movies' vectors, and the biases as a fallback; `low`: the scale's lowest rating, in stars."""

    model: NMF
    movies: Movies
    biases: Biases
    low: float

    @property
    def objective(self) -> Objective:
        """What is minimised."""
        return self.model.objective(self.biases.mean - self.low)

    def people(self, query: Query) -> Float32:
        """p_u ≥ 0 from the query's ratings, float32 `(b, d)`."""
        return self.objective.solve(above(self.low, query), self.movies.factors)

    def score(self, query: Query) -> Float32:
        """low + p_u·q_i; NaN for an unknown person or movie."""
        return self.movies.opinions(np.float32(self.low) + self.movies.products(self.people(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        value = np.float32(self.low) + self.movies.products_at(self.people(query), row, item)
        return self.movies.opinions_at(value, query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """What c alone would predict, and how each rated movie moves p_u from there: exact.

        Among the factors above 0, p_u is linear in how far each rating lies from what they predict at c.
        """
        query = query.rows(0, 1)
        stranger = self.movies.stranger(self, query, item, "user and item bias")
        if stranger:
            return stranger
        person, factors, cells = self.people(query)[0], self.movies.factors, above(self.low, query)
        prior = self.objective.prior
        weight, lost = self.objective.influence(person, cells, factors, item)
        surprise = cells.data - prior * factors[cells.indices][:, person > 0].sum(axis=1)
        base = self.low + prior * float(factors[item].sum())
        extra = [Part("effect", lost, what="tastes that this person has none of")] if lost else []
        return split_by_history(query, weight, surprise, base, "what the average person would give", extra)


def above(low: float, query: Query) -> sp.csr_matrix:
    """r_ui − low of every rating in the histories, csr float32; 0 stays a stored cell."""
    history = query.history
    return sp.csr_matrix((history.data - np.float32(low), history.indices, history.indptr), history.shape)
