"""`SVDpp`: factors of a person from what they rated at all, as well as from how."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from recengine.data.dataset import Dataset, freeze
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import estimate_biases, require_ratings
from recengine.models.descent import FittedByDescent, by_frequency, descend, start, unit_of
from recengine.models.factors import Movies
from recengine.models.similarity import kernel_csr


class SVDpp(Recommender):
    """Matrix factorization that also learns from which movies a person chose to rate.

    r̂_ui = μ + b_u + b_i + q_i·(p_u + |I_u|^−½ Σ_{j∈I_u} y_j), by stochastic gradient descent on the squared error with
    pull λ on b, p, q (as `funk-svd`) and λ_y on every y_j of the person, in each step. People come in an order drawn
    anew in every epoch, one's ratings in a row and shuffled. The fit keeps b_i, q_i and y_j; for a query Σ y_j is read
    off the history and b_u, p_u follow in closed form, for stored people as for visitors. Somebody without a rating of
    a known movie, and a movie nobody rated, have no opinion: NaN, and the bias baseline stands in.
    Cost: O(m d) an epoch, in one thread, since a person's steps move all their y_j by one map, applied once
    (`kernels_sgd.svdpp_epoch`); O(|I_u| d² + d³) a query.
    Source: Koren, "Factorization meets the neighborhood" (KDD 2008), eq. 15 and section 4.
    Differs from the paper: λ is divided by the root of the number of ratings of the person or movie; λ_y is its own;
    the step shrinks with the epochs; ratings are divided by a quarter of their scale's width, which changes nothing for
    one to five stars; people are folded in.
    """

    name: ClassVar[str] = "svdpp"
    title: ClassVar[str] = "SVD++"
    family: ClassVar[Family] = "factors"
    revision: ClassVar[int] = 2

    factors: int = Field(100, ge=1, le=500, description="Length of the vectors of people and movies")
    epochs: int = Field(40, ge=1, le=500, description="Passes over the ratings")
    learning_rate: float = Field(0.01, ge=1e-5, le=1, description="Step size of the first epoch")
    decay: float = Field(0.98, ge=0.5, le=1, description="What multiplies the step size after every epoch")
    regularization: float = Field(1.0, ge=1e-3, le=100, description="Pull to 0, per root of the number of ratings")
    implicit_regularization: float = Field(0.005, ge=0, le=1, description="Pull of a rated movie's own vector to 0")
    spread: float = Field(0.02, ge=1e-4, le=1, description="Standard deviation of the movies' first vectors")

    @property
    def traits(self) -> Traits:
        """It predicts ratings."""
        return Traits(ratings=True, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Run through the ratings, person by person, in an order drawn from the seed."""
        from recengine.models import kernels_sgd

        require_ratings(train, self.name)
        ratings = train.interactions
        mean, unit = float(ratings.value.mean(dtype=np.float64)), unit_of(train)
        q, state = start(context.seed, ratings.item_count, self.factors, self.spread)
        p, y = np.zeros((train.n_users, self.factors)), np.zeros_like(q)
        b_u, b_i = np.zeros(train.n_users), np.zeros(train.n_items)
        indptr, item, value = kernel_csr(ratings.matrix)
        target, people = freeze((value - np.float64(mean)) / unit), np.arange(train.n_users)
        w_u, w_i = by_frequency(ratings.user_count), by_frequency(ratings.item_count)

        def epoch(rate: float) -> None:
            kernels_sgd.shuffle(state, people)
            kernels_sgd.svdpp_epoch(
                indptr, item, target, people, state, w_u, w_i, b_u, b_i, p, q, y, rate,
                self.regularization, self.implicit_regularization,
            )  # fmt: skip

        bias, factors, implicit = descend(epoch, self.epochs, self.learning_rate, self.decay, context, (b_i, q, y))
        return FittedByDescent(
            model=self, scale=train.scale, mean=mean, unit=unit, bias=bias, movies=Movies(factors, ratings.item_count),
            implicit=implicit, regularization=self.regularization, biases=estimate_biases(ratings),
        )  # fmt: skip
