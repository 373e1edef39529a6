"""What a Bayesian factorization machine keeps of its sampler's draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recengine.data.dataset import Float32, freeze
from recengine.models.blocks import IMPLICIT, ITSELF, REST, Side
from recengine.models.gibbs import Ordinal, Sampler
from recengine.models.similarity import Float64


@dataclass(frozen=True, eq=False)
class Draws:
    """What is kept of `S` draws; index 0 of an array's last axis is a weight, 1 to d are factors.

    `base`: w_0, `alpha`: α, float64 `(S,)`. `mean`, `precision`: of the prior of a person's own coefficients, float64
    `(S, 1 + d)`. `cutpoints`: float64 `(S, levels − 1)`, no columns for target=gaussian.
    `movies`: each movie in all, `raters`: as far as who rated it goes, `watched`: what having rated it says of a
    person, float32 `(n_items, S, 1 + d)`. `of_people`, `of_movies`: of attributes, float32 `(features, S, 1 + d)`.
    `days`: float32 `(days + 1, S, 1 + d)`, the last for an unknown day; 0 where days are not used.
    `average_people`, `average_movies`, `average_days`: of each block over all ratings, float32 `(blocks, S, 1 + d)`.
    """

    base: Float64
    alpha: Float64
    mean: Float64
    precision: Float64
    cutpoints: Float64
    movies: Float32
    raters: Float32
    watched: Float32
    of_people: Float32
    of_movies: Float32
    days: Float32
    average_people: Float32
    average_movies: Float32
    average_days: Float32

    @classmethod
    def empty(cls, sides: list[Side], count: int, factors: int, cutpoints: int) -> Draws:
        """Room for `count` draws."""
        people, movies = sides[:2]
        n_items, n_days = movies.features.shape[0], sides[2].features.shape[0] if len(sides) > 2 else 0

        def room(n: int) -> Float32:
            return np.zeros((n, count, 1 + factors), np.float32)

        return cls(
            np.zeros(count), np.zeros(count), np.zeros((count, 1 + factors)), np.zeros((count, 1 + factors)),
            np.zeros((count, cutpoints)), room(n_items), room(n_items), room(n_items),
            room(int(people.start[-1] - people.start[REST])), room(int(movies.start[-1] - movies.start[REST])),
            room(n_days + 1), room(len(people.blocks)), room(len(movies.blocks)), room(1),
        )  # fmt: skip

    def keep(self, s: int, sampler: Sampler) -> None:
        """Write the sampler's present state down as draw `s`."""
        people, movies, *days = sampler.states
        self.base[s], self.alpha[s] = sampler.base, sampler.alpha
        self.mean[s], self.precision[s] = people.mean[:, ITSELF], people.precision[:, ITSELF]
        if isinstance(sampler.target, Ordinal):
            self.cutpoints[s] = sampler.target.cutpoints
        given = [movies.given(g) for g in range(len(movies.side.blocks))]
        self.movies[:, s], self.raters[:, s] = sum(given), given[IMPLICIT]
        self.watched[:, s] = people.settled(IMPLICIT)
        for state, out in ((people, self.of_people), (movies, self.of_movies)):
            rest = [state.settled(g) for g in range(REST, len(state.side.blocks))]
            out[:, s] = np.concatenate([np.zeros((0, out.shape[2])), *rest])
        for state, average in ((people, self.average_people), (movies, self.average_movies)):
            average[:, s] = state.averages()
        for state in days:
            self.days[:-1, s], self.days[-1, s] = state.settled(ITSELF), state.mean[:, ITSELF]
            self.average_days[:, s] = state.averages()

    def frozen(self) -> Draws:
        """The same, read-only."""
        for array in vars(self).values():
            freeze(array)
        return self
