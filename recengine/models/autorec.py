"""AutoRec: ratings from a network with a bottleneck, by movie or by person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine.data.dataset import Dataset, Float32, Int32, Int64, Interactions, Query, freeze
from recengine.explain import Explanation
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.als import residuals
from recengine.models.autoencoders import HELD, known_part, require_room_for_rows, row_by_row, without_each
from recengine.models.baseline import Biases, estimate_biases, require_ratings
from recengine.models.factors import Movies, Objective, split_by_history
from recengine.models.learned import (
    OCCLUSION,
    BatchSize,
    Epochs,
    Learned,
    LearningRate,
    Patience,
    PerQuery,
    hold_back,
    no_opinion,
    why_not,
    without,
)
from recengine.models.neighbors import all_people

_BIAS = "user and item bias"


class AutoRec(Recommender):
    """A network with a bottleneck gives back the rated cells of a row, and its gaps with them.

    h(r) = σ(V e + Z s + a),   e the row's residuals r − b_ui, 0 where empty,   s 1 where there is a rating
    by movie (default): r̂_ui = b_ui + w_u·h(r_i), r_i what everybody gave the movie;
    by person:          r̂_ui = b_ui + w_i·h(r_u), r_u what the person gave every movie.

    V, Z, a and the decoder W, whose rows are the w, minimise Σ over the ratings of (r − r̂)² + λ (‖V‖² + ‖Z‖² + ‖W‖²).
    A twentieth of the ratings is held back for early stopping; the codes h and the queries use them all. By person, a
    query is one pass. By movie, whoever asks gets the w_u that minimises the same loss over the ratings in the query
    with the codes as they are, Σ_i (r_ui − r̂_ui)² + λ ‖w_u‖²: ridge regression. Stored people take the same path; for
    them its RMSE is 0.001 above that of the decoder's own rows (cross-validation inside the training part of u1).
    Somebody without a rating of a known movie, and a movie nobody rated, have no opinion: NaN, and the bias baseline
    stands in. By movie, explanations are exact, given the codes: w_u is linear in the residuals. By person, they are by
    occlusion.
    Cost: epochs · n_users · n_items · d to fit; d³ + n_items · d a query by movie, n_items · d by person.
    Source: Sedhain, Menon, Sanner and Xie, "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015, equation 4.
    Differs from the paper: residuals of the biases instead of ratings; which cells are rated has weights of its own,
    where the paper's r tells both at once; the decoder has no biases, as b_ui has them; W starts at 0; w_u, see above.
    """

    name: ClassVar[str] = "autorec"
    title: ClassVar[str] = "AutoRec"
    family: ClassVar[Family] = "neural"

    by: Literal["movie", "person"] = Field(
        "movie", description="Whose ratings are a row: all of a movie, or a person's"
    )
    factors: int = Field(100, ge=1, le=1000, description="Width of the bottleneck, d")
    regularization: float = Field(30.0, ge=0.01, le=10_000, description="Pull of the weights to 0, λ")
    epochs: Epochs = 200
    batch_size: BatchSize = 128
    learning_rate: LearningRate = 0.001
    patience: Patience = 10

    @property
    def traits(self) -> Traits:
        """It predicts ratings; by movie, w_u is linear in them."""
        return Traits(ratings=True, personal=True, exact=self.by == "movie")

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Train the network to give back the residuals of the biases."""
        from recengine.models.neural import autorec
        from recengine.models.neural.train import Schedule, rebuild

        require_ratings(train, self.name)
        rows, columns = (train.n_items, train.n_users) if self.by == "movie" else (train.n_users, train.n_items)
        what = f"{self.name} on {train.n_users:,} people and {train.n_items:,} movies"
        require_room_for_rows(what, rows, columns, self.batch_size, 3 * columns * self.factors)
        ratings, held = train.interactions, hold_back(train, HELD, context.seed)
        told = self.rows(train, ratings.take(~held), ratings.take(~held))
        rest = self.rows(train, ratings.take(~held), ratings.take(held))
        schedule = Schedule(self.epochs, self.batch_size, self.learning_rate, patience=self.patience)
        weights, curve = autorec.learn(
            lambda: self.network(told.shape[1]), told, rest, self.regularization, schedule, context, name=self.name
        )
        biases, count = estimate_biases(ratings), ratings.item_count
        if self.by == "person":
            return FittedByPerson(
                model=self, scale=train.scale, weights=weights, curve=curve, count=count, biases=biases
            )
        network = rebuild(lambda: self.network(told.shape[1]), weights)
        codes = autorec.codes(network, self.rows(train, ratings, ratings))
        codes[count == 0] = 0  # what is known of a movie nobody rated is nothing to learn a person's w from
        return FittedByMovie(
            model=self, scale=train.scale, weights=weights, curve=curve, count=count, biases=biases, codes=freeze(codes)
        )

    def rows(self, train: Dataset, told: Interactions, asked: Interactions) -> sp.csr_matrix:
        """Residuals of the ratings `asked` from the biases of those `told`, a row a movie or a person."""
        known = all_people(train.with_interactions(told))
        baseline = estimate_biases(told).cells(known, asked.user.astype(np.int64), asked.item.astype(np.int64))
        table = sp.csr_matrix((asked.value - baseline, (asked.user, asked.item)), (train.n_users, train.n_items))
        return sp.csr_matrix(table.T) if self.by == "movie" else table

    def network(self, n_columns: int) -> Any:
        """See `recengine.models.neural.autorec`."""
        from recengine.models.neural.autorec import AutoRecNet

        return AutoRecNet(n_columns, self.factors)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What one person rated, `item` int32 `(k,)`, the ratings, and what a network gives back, float32 `(k,)`."""

    item: Int32
    rating: Float32
    given_back: Float32


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedAutoRec(Learned):
    """`biases`: what the network's answers are measured from."""

    model: AutoRec
    biases: Biases

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def reconstruction(self, query: Query) -> Reconstruction:
        """What the first person rated, of what others know too, beside what comes back, within the scale."""
        history = known_part(query.rows(0, 1).history, self.count)
        given_back = self.predict(query, np.zeros(history.nnz, np.int64), history.indices).value
        return Reconstruction(freeze(history.indices), freeze(history.data), freeze(given_back))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedByMovie(FittedAutoRec):
    """`codes`: h of every movie, float32 `(n_items, d)`, 0 for one that nobody rated."""

    codes: Float32

    @cached_property
    def movies(self) -> Movies:
        """The codes as vectors that a person's vector is multiplied with."""
        return Movies(self.codes, self.count)

    @property
    def objective(self) -> Objective:
        """What a person's w minimises."""
        return Objective(self.model.regularization, exponent=0.0)

    def people(self, query: Query) -> Float32:
        """w_u from the query's ratings, float32 `(b, d)`."""
        return self.objective.solve(residuals(self.biases, query), self.codes)

    def score(self, query: Query) -> Float32:
        """b_ui + w_u·h_i; NaN for an unknown person or movie."""
        return self.movies.opinions(self.biases.score(query) + self.movies.products(self.people(query)), query)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        value = self.biases.cells(query, row, item) + self.movies.products_at(self.people(query), row, item)
        return self.movies.opinions_at(value, query, row, item)

    def explain(self, query: Query, item: int) -> Explanation:
        """w_u is linear in the residuals, so r̂ splits into b_ui and a part for each rated movie: exact."""
        query = query.rows(0, 1)
        stranger = self.movies.stranger(self, query, item, _BIAS)
        if stranger:
            return stranger
        target = residuals(self.biases, query)
        weight, _ = self.objective.influence(self.people(query)[0], target, self.codes, item)
        return split_by_history(query, weight, target.data, float(self.biases.score(query)[0, item]), _BIAS)


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedByPerson(FittedAutoRec):
    """A trained network through which each person's ratings go."""

    @cached_property
    def network(self) -> Any:
        """Built again from the weights."""
        from recengine.models.neural.train import rebuild

        return rebuild(lambda: self.model.network(len(self.count)), self.weights)

    def given_back(self, cells: sp.csr_matrix) -> Float32:
        """Residuals for all movies from rows of residuals, in one pass, float32 `(b, n_items)`."""
        from recengine.models.neural import autorec

        return autorec.given_back(self.network, cells)

    def score(self, query: Query) -> Float32:
        """b_ui + w_i·h(r_u); NaN for an unknown person or movie."""
        cells = known_part(residuals(self.biases, query), self.count)
        return self.biases.score(query) + row_by_row(cells, self.count, self.given_back)

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """Cells of whole rows: the pass is what costs."""
        return np.asarray(self.score(query)[row, item], np.float32)

    def explain(self, query: Query, item: int) -> Explanation:
        """What the prediction loses without each of the rated movies."""
        history = known_part(query.rows(0, 1).history, self.count)
        if not history.nnz or self.count[item] == 0:
            return no_opinion(self, query, item, why_not(query, somebody=history.nnz > 0), _BIAS)
        score, rest = self._occlusions(query, lambda: self._without_each(query.rows(0, 1), history))
        base = float(self.biases.score(query.rows(0, 1))[0, item])
        stars = dict(zip(history.indices, history.data, strict=True))
        parts = [
            replace(part, rating=float(stars[part.index]))
            for part in without(history.indices, float(score[item]), rest[:, item])
        ]
        return Explanation(float(score[item]), base, _BIAS, tuple(parts), exact=False, method=OCCLUSION)

    @cached_property
    def _occlusions(self) -> PerQuery:
        return PerQuery()

    def _without_each(self, query: Query, history: sp.csr_matrix) -> tuple[Float32, Float32]:
        """The scores, and those without each of the known movies in turn, float32 `(k, n_items)`."""

        def score(left: sp.csr_matrix) -> Float32:
            b = left.shape[0]
            rest = Query(np.full(b, -1, np.int32), left, np.full((b, 0), -1, np.int32))
            return self.biases.score(rest) + self.given_back(residuals(self.biases, rest))

        return self.score(query)[0], without_each(history, score)
