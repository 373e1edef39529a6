"""Alternating least squares: `ALS` predicts ratings, `IALS` ranks by what was watched at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int64, Query, freeze
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.alternating import alternate, both_ways, start
from recengine.models.baseline import Biases, estimate_biases, require_interactions, require_ratings
from recengine.models.factors import Movies, Objective, split_by_history, truncated_svd
from recengine.models.neighbors import all_people
from recengine.models.similarity import Float64, stored_biases
from recengine.models.weighting import binary


class ALS(Recommender):
    """Bias, plus how well the person's tastes and the movie's character match, learned from the ratings.

    r̂_ui = b_ui + p_u·q_i, with p and q minimising
    Σ (r_ui − b_ui − p_u·q_i)² + λ (Σ_u |I_u| ‖p_u‖² + Σ_i |U_i| ‖q_i‖²), each side solved exactly in turn.
    p_u follows from the query's ratings in closed form (fold-in), for visitors as for stored people. Somebody
    without a rating of a known movie, and a movie nobody rated, have no opinion: NaN, and the bias baseline stands in.
    Factors beyond the table's rank stay 0. Cost: O(m d² + (n_users + n_items) d³) an iteration.
    Source: Zhou et al., "Large-scale parallel collaborative filtering for the Netflix Prize" (AAIM 2008), ALS-WR.
    Differs from the paper: residuals of the biases instead of ratings; starts from a truncated SVD of them, not from
    chance, so the order of people and movies plays no part.
    """

    name: ClassVar[str] = "als"
    title: ClassVar[str] = "Alternating least squares"
    family: ClassVar[Family] = "factors"

    factors: int = Field(50, ge=1, le=500, description="Length of the vectors of people and movies")
    regularization: float = Field(0.14, ge=1e-4, le=10, description="Pull of a vector to 0, per rating")
    iterations: int = Field(5, ge=1, le=200, description="How often both sides are solved in turn")

    @property
    def traits(self) -> Traits:
        """It predicts ratings."""
        return Traits(ratings=True, personal=True)

    @property
    def objective(self) -> Objective:
        """What is minimised: per-row regularisation is ν = 1."""
        return Objective(self.regularization)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Take the biases off, then alternate."""
        require_ratings(train, self.name)
        context.step(0.0, "decomposing the residuals")
        biases, everyone = estimate_biases(train.interactions), all_people(train)
        cells = residuals(biases, everyone)
        u, s, _ = truncated_svd(cells, self.factors, context.seed)
        _, items = self.objective.fit(cells, (u * np.sqrt(s)).astype(np.float32), self.iterations, context)
        movies = Movies(items, train.interactions.item_count)
        return FittedALS(model=self, scale=train.scale, movies=movies, biases=biases)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedALS(Fitted):
    """The biases and the movies' vectors; a person's vector is worked out from the query."""

    model: ALS
    movies: Movies
    biases: Biases

    def people(self, query: Query) -> Float32:
        """p_u from the query's ratings, float32 `(b, d)`."""
        return self.model.objective.solve(residuals(self.biases, query), self.movies.factors)

    def score(self, query: Query) -> Float32:
        """b_ui + p_u·q_i; NaN for an unknown person or movie."""
        return self.movies.opinions(self.biases.score(query) + self.movies.products(self.people(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        value = self.biases.cells(query, row, item) + self.movies.products_at(self.people(query), row, item)
        return self.movies.opinions_at(value, query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """p_u is linear in the residuals, so r̂ splits into b_ui and a part for each rated movie: exact."""
        query, name = query.rows(0, 1), "user and item bias"
        stranger = self.movies.stranger(self, query, item, name)
        if stranger:
            return stranger
        target = residuals(self.biases, query)
        weight, _ = self.model.objective.influence(self.people(query)[0], target, self.movies.factors, item)
        return split_by_history(query, weight, target.data, float(self.biases.score(query)[0, item]), name)


class IALS(Recommender):
    """How well tastes and movies match, learned from what was watched and, faintly, from what was not.

    score_ui = p_u·q_i, with p and q minimising
    Σ_{(u,i) watched} (1 − p_u·q_i)² + α Σ_{all u,i} (p_u·q_i)² + Σ_u λ_u ‖p_u‖² + Σ_i λ_i ‖q_i‖²,
    λ_u = λ (|I_u| + α n_items)^ν, λ_i = λ (|U_i| + α n_users)^ν, each side improved in turn by three conjugate
    gradient steps. A rating counts as watched, whatever its value. p_u follows from the query's history in closed form
    (fold-in), for visitors as for stored people. Somebody without a known movie, and a movie nobody rated, have no
    opinion: NaN, and the number of ratings stands in. Cost: O(m d + (n_users + n_items) d²) an iteration; all pairs
    enter through one d × d sum. Memory: the table twice and the vectors. O(|I_u| d² + d³) a query.
    Source: Hu, Koren and Volinsky (ICDM 2008), eqs. 3 to 5; conjugate gradients from Takács, Pilászy and Tikk,
    "Applications of the conjugate gradient method for implicit feedback collaborative filtering" (RecSys 2011); the
    regularisation's scale by frequency from Rendle, Krichene, Zhang and Koren, "Revisiting the performance of iALS on
    item recommendation benchmarks" (RecSys 2022).
    Differs from the papers: starts from a truncated SVD, not from chance, so the order of people and movies plays no
    part (beyond two million interactions from one worked out roughly, where it plays a small one); the steps are
    preconditioned by what all pairs contribute, and three come close to solving a side exactly; all watched movies
    count alike.
    """

    name: ClassVar[str] = "ials"
    title: ClassVar[str] = "Implicit alternating least squares"
    family: ClassVar[Family] = "factors"
    revision: ClassVar[int] = 2

    factors: int = Field(32, ge=1, le=500, description="Length of the vectors of people and movies")
    regularization: float = Field(0.3, ge=1e-6, le=100, description="Pull of a vector to 0")
    exponent: float = Field(0.5, ge=0, le=1, description="How far that pull grows with the number of ratings")
    unobserved: float = Field(1.0, ge=1e-4, le=10, description="Weight of a movie that was not watched")
    iterations: int = Field(5, ge=1, le=200, description="How often both sides are improved in turn")

    @property
    def traits(self) -> Traits:
        """It ranks: 1 is watched, 0 is not."""
        return Traits(ratings=False, personal=True)

    @property
    def objective(self) -> Objective:
        """What is minimised."""
        return Objective(self.regularization, self.exponent, self.unobserved)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Decompose the table for a start, then alternate."""
        require_interactions(train, self.name)
        context.step(0.0, "decomposing the table")
        objective, watched = self.objective, both_ways(train.interactions.matrix)
        users, items = start(*watched, self.factors, context.seed)
        alternate(objective, *watched, users, items, self.iterations, context)
        movies = Movies(freeze(items), train.interactions.item_count)
        return FittedIALS(model=self, scale=train.scale, movies=movies, gram=objective.gram(items))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedIALS(Fitted):
    """The movies' vectors and their sum of squares `gram`, α Σ q qᵀ, float64 `(d, d)`."""

    model: IALS
    movies: Movies
    gram: Float64

    def people(self, query: Query) -> Float32:
        """p_u from the query's history, float32 `(b, d)`."""
        return self.model.objective.solve(binary(query.history), self.movies.factors, self.gram)

    def score(self, query: Query) -> Float32:
        """p_u·q_i; NaN for an unknown person or movie."""
        return self.movies.opinions(self.movies.products(self.people(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        return self.movies.opinions_at(self.movies.products_at(self.people(query), row, item), query, row, item)

    def fallback(self, query: Query) -> Float32:
        """The number of ratings, the same for everyone."""
        return self.movies.counts(query)

    def explain(self, query: Query, item: int) -> Explanation:
        """The paper's weights, a part for each movie watched (Hu, Koren and Volinsky, section 5): exact."""
        query = query.rows(0, 1)
        stranger = self.movies.stranger(self, query, item, "number of ratings")
        if stranger:
            return stranger
        target = binary(query.history)
        weight, _ = self.model.objective.influence(self.people(query)[0], target, self.movies.factors, item, self.gram)
        return split_by_history(query, weight, target.data, 0.0, "no evidence", stars=False)


def residuals(biases: Biases, query: Query) -> sp.csr_matrix:
    """r_ui − b_ui of every rating in the histories, csr float32; a residual of 0 stays a stored cell."""
    history = query.history
    return sp.csr_matrix((history.data - stored_biases(biases, query), history.indices, history.indptr), history.shape)
