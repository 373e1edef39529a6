"""`FunkSVD`: biases and factors learned rating by rating."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from recengine.data.dataset import Dataset, freeze
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import estimate_biases, require_ratings
from recengine.models.descent import FittedByDescent, by_frequency, descend, start, unit_of
from recengine.models.factors import Movies
from recengine.models.similarity import kernel_array, kernel_csr, rows_of


class FunkSVD(Recommender):
    """Bias, plus how well the person's tastes and the movie's character match, learned rating by rating.

    r̂_ui = μ + b_u + b_i + p_u·q_i, by stochastic gradient descent on
    Σ (r_ui − r̂_ui)² + λ Σ_u |I_u|^½ (b_u² + ‖p_u‖²) + λ Σ_i |U_i|^½ (b_i² + ‖q_i‖²), ratings shuffled in every epoch.
    The fit keeps b_i and q_i; b_u and p_u minimise the same loss for the ratings in the query, in closed form, for
    stored people as for visitors. Somebody without a rating of a known movie, and a movie nobody rated, have no
    opinion: NaN, and the bias baseline stands in. Cost: O(m d) an epoch, in one thread; O(|I_u| d² + d³) a query.
    Source: Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems" (Computer 42(8), 2009),
    eqs. 4 and 5; Funk, "Netflix update: try this at home" (2006).
    Differs from the papers: λ is divided by the root of the number of ratings in each step, so that it grows with
    their root and not with their number; the step shrinks with the epochs; ratings are divided by
    a quarter of their scale's width, which changes nothing for one to five stars; people are folded in.
    """

    name: ClassVar[str] = "funk-svd"
    title: ClassVar[str] = "Matrix factorization (SGD)"
    family: ClassVar[Family] = "factors"
    revision: ClassVar[int] = 2

    factors: int = Field(100, ge=1, le=500, description="Length of the vectors of people and movies")
    epochs: int = Field(60, ge=1, le=500, description="Passes over the ratings")
    learning_rate: float = Field(0.015, ge=1e-5, le=1, description="Step size of the first epoch")
    decay: float = Field(0.98, ge=0.5, le=1, description="What multiplies the step size after every epoch")
    regularization: float = Field(1.1, ge=1e-3, le=100, description="Pull to 0, per root of the number of ratings")
    spread: float = Field(0.02, ge=1e-4, le=1, description="Standard deviation of the movies' first vectors")

    @property
    def traits(self) -> Traits:
        """It predicts ratings."""
        return Traits(ratings=True, personal=True)

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Run through the ratings, in an order drawn from the seed."""
        from recengine.models import kernels_sgd

        require_ratings(train, self.name)
        ratings = train.interactions
        mean, unit = float(ratings.value.mean(dtype=np.float64)), unit_of(train)
        q, state = start(context.seed, ratings.item_count, self.factors, self.spread)
        p = np.zeros((train.n_users, self.factors))
        b_u, b_i = np.zeros(train.n_users), np.zeros(train.n_items)
        _, item, value = kernel_csr(ratings.matrix)
        user, target = kernel_array(rows_of(ratings.matrix), np.int32), freeze((value - np.float64(mean)) / unit)
        w_u, w_i, order = by_frequency(ratings.user_count), by_frequency(ratings.item_count), np.arange(len(ratings))

        def epoch(rate: float) -> None:
            kernels_sgd.shuffle(state, order)
            kernels_sgd.funk_epoch(user, item, target, order, w_u, w_i, b_u, b_i, p, q, rate, self.regularization)

        bias, factors = descend(epoch, self.epochs, self.learning_rate, self.decay, context, (b_i, q))
        return FittedByDescent(
            model=self, scale=train.scale, mean=mean, unit=unit, bias=bias, movies=Movies(factors, ratings.item_count),
            implicit=freeze(np.zeros((0, self.factors), np.float32)), regularization=self.regularization,
            biases=estimate_biases(ratings),
        )  # fmt: skip
