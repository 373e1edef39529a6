"""`BayesFM`: a Bayesian factorization machine that knows how sure it is."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recengine import memory
from recengine.data.dataset import Dataset, Int64, Interactions, freeze, freeze_csr
from recengine.errors import ModelError
from recengine.model import Context, Family, Fitted, Recommender, Traits
from recengine.models.baseline import estimate_biases, require_ratings
from recengine.models.blocks import DAY, Attributes, Side, Track, day_side, known, movie_side, people_side
from recengine.models.draws import Draws
from recengine.models.gibbs import Gaussian, Ordinal, Sampler, Target
from recengine.models.posterior import FittedBayes
from recengine.models.similarity import Float64, in_parts

_REPORTS = 100  # of progress, at least
_LEVELS = 200  # of ordinal ratings at most: the work grows with them


class BayesFM(Recommender):
    """Factorization machine over all that is known of a person, a movie and, if wanted, the day; averaged over draws.

    With u = Σ_j x_j (w_j, v_j) over the features of the person (who they are; each rated movie, 1/√|I_u|; age by
    decade, gender, occupation, first character of the zip code), i likewise of the movie (which it is; who rated it,
    1/√|U_i|; genres, each and all together, and other attributes; year) and t of the day:
    η = w_0 + w_u + w_i + w_t + v_u·v_i + v_u·v_t + v_i·v_t. `features` names the track: errors of different tracks do
    not compare, and "day" needs to know when a rating is given. target=gaussian: (r − mean)/deviation = η + noise.
    target=ordinal: r is the level between whose cutpoints η + standard normal noise falls, and r̂ its expectation. Every
    block has a normal prior in each factor, with a mean and a precision of its own, which have priors too. Everything
    is sampled (Gibbs), in `chains` that begin anew, and predictions are means over the draws of all of them.
    A draw keeps the movies, the priors and what all features weigh. The person's own (w, v) is not kept: given the
    draw and the query's history it has a normal conditional, whose mean serves a stored person and a visitor alike
    (ordinal: its mode, by EM). What is not known of a person, history included, stands at the average; a day without
    ratings at the days' mean; a movie nobody rated at its attributes alone. Without those it has no opinion: NaN, and
    the bias baseline stands in.
    Cost: O(d (m + nonzeros)) a sweep in one thread; O(|I_u| d²) a draw to fold a person in, O(d) a draw and movie.
    Source: Rendle, "Factorization Machines with libFM" (TIST 2012), section 5, and "Scaling Factorization Machines to
    Relational Data" (VLDB 2013); Rendle, Zhang and Koren, "On the Difficulty of Evaluating Baselines" (2019), section
    3; Albert and Chib, "Bayesian Analysis of Binary and Polychotomous Response Data" (JASA 1993) for ordinal.
    Differs from the paper: no pairs within a side, which for one row only shift what its own weight can say; the prior
    on a precision expects `prior_variance`, where 1 keeps small blocks and idle factors from vanishing; people are
    folded in, which leaves less to chance than their draws; cutpoints move with the latent values integrated out.
    """

    name: ClassVar[str] = "bayes-fm"
    title: ClassVar[str] = "Bayesian factorization machine"
    family: ClassVar[Family] = "factors"
    revision: ClassVar[int] = 2

    factors: int = Field(16, ge=1, le=200, description="Length of the vectors of people, movies and attributes")
    iterations: int = Field(200, ge=10, le=5000, description="Sweeps of each sampler")
    burn_in: float = Field(0.2, ge=0, le=0.9, description="Share of the sweeps before the first draw is kept")
    draws: int = Field(60, ge=1, le=1000, description="Draws kept and averaged, at most one a sweep")
    chains: int = Field(2, ge=1, le=16, description="Samplers run side by side, among which the draws are divided")
    prior_variance: float = Field(
        0.01, ge=1e-6, le=100, description="Guess at the variance of a block's coefficients; it weighs as one of them"
    )
    target: Literal["gaussian", "ordinal"] = Field("gaussian", description="Ratings as numbers or as ordered levels")
    features: Track = Field("attributes", description="Ratings alone, with attributes, or with the day as well")

    @property
    def traits(self) -> Traits:
        """It predicts ratings; the track decides what it reads."""
        by_day = self.features == "day"
        return Traits(
            ratings=True, personal=True, exact=True, time=by_day, features=self.features != "ratings", day=by_day,
            uncertainty=True,
        )  # fmt: skip

    def fit(self, train: Dataset, context: Context = Context()) -> Fitted:
        """Sample, and keep draws at even distances after the burn-in."""
        require_ratings(train, self.name)
        ratings = train.interactions.take(np.argsort(train.interactions.user, kind="stable"))  # a pass meets a row once
        sides = [people_side(train, ratings, self.features), movie_side(train, ratings, self.features)]
        days = freeze(np.zeros(0, np.int64))
        if self.features == "day":
            side, days = day_side(ratings)
            sides.append(side)
        mean, unit = float(ratings.value.mean(dtype=np.float64)), float(ratings.value.std(dtype=np.float64))
        levels, level = np.unique(ratings.value, return_inverse=True)
        if self.target == "ordinal" and len(levels) > _LEVELS:
            raise ModelError(
                f"{self.name} is to learn from {len(levels):,} different ratings, too many to be levels one above the "
                "other: set target=gaussian."
            )
        y = np.zeros(len(ratings)) if self.target == "ordinal" else (ratings.value - np.float64(mean)) / (unit or 1.0)
        target: Target = Ordinal(level.astype(np.int64), len(levels)) if self.target == "ordinal" else Gaussian()
        draws = self._sample(sides, target, y, len(levels) - 1 if self.target == "ordinal" else 0, context)
        context.step(1.0, "done")
        return FittedBayes(
            model=self, scale=train.scale, mean=mean, unit=unit,
            levels=freeze(levels if self.target == "ordinal" else levels[:0]), draws=draws,
            people=Attributes.of(sides[0].blocks), movies=Attributes.of(sides[1].blocks), days=days,
            rated_on=freeze_csr(_rated_on(ratings, days)),
            known=freeze((ratings.item_count > 0) | known(sides[1].blocks)), biases=estimate_biases(ratings),
        )  # fmt: skip

    def _sample(self, sides: list[Side], target: Target, y: Float64, cutpoints: int, context: Context) -> Draws:
        """Run the chains side by side; each has a generator of its own, so their threads do not change the bits."""
        keep, seed = self._kept(), context.seed
        seeds: list[int | tuple[int, int]] = [seed, *((seed, chain) for chain in range(1, self.chains))]
        self._require_memory(sides, len(y), len(keep) * self.chains)
        samplers = [
            Sampler(sides, deepcopy(target), y, self.factors, self.prior_variance, np.random.default_rng(own))
            for own in seeds
        ]
        draws = Draws.empty(sides, len(keep) * self.chains, self.factors, cutpoints)
        for sweep in range(self.iterations):
            if sweep % max(1, self.iterations // _REPORTS) == 0:
                context.step(sweep / self.iterations, f"sweep {sweep + 1} of {self.iterations}")
            in_parts(lambda chain, _: samplers[chain].sweep(), self.chains, rows=1)
            if sweep in keep:
                for chain, sampler in enumerate(samplers):
                    draws.keep(chain * len(keep) + keep.index(sweep), sampler)
        return draws.frozen()

    def _kept(self) -> list[int]:
        """The sweeps whose draws are kept, of each chain."""
        first = int(self.burn_in * self.iterations)
        count = min(max(1, self.draws // self.chains), self.iterations - first)
        return [first + (self.iterations - first) * (k + 1) // count - 1 for k in range(count)]

    def _require_memory(self, sides: list[Side], n_ratings: int, kept: int) -> None:
        n_items = sides[1].features.shape[0]
        floats = kept * (1 + self.factors) * (3 * n_items + sum(int(side.start[-1]) for side in sides))
        features = sum(int(side.start[-1]) * 2 + side.features.shape[0] for side in sides)
        wanted = 4 * floats + 8 * self.chains * (features * (1 + self.factors) + 10 * n_ratings)
        memory.require(wanted, f"{self.title} on {n_items:,} movies", "keep fewer draws or factors")


def _rated_on(ratings: Interactions, days: Int64) -> sp.csr_matrix:
    """The number of the day of each rating plus 1, csr int32 `(n_users, n_items)`; empty without days."""
    shape = (ratings.n_users, ratings.n_items)
    if ratings.time is None or len(days) == 0:
        return sp.csr_matrix(shape, dtype=np.int32)
    number = np.searchsorted(days, ratings.time // DAY).astype(np.int32)
    return sp.csr_matrix((number + 1, (ratings.user, ratings.item)), shape)
