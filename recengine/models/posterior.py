"""What a Bayesian factorization machine says: its draws, read for a query, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtr

from recengine.data.dataset import Bool, Float32, Int64, Query, freeze
from recengine.explain import Explanation, Part
from recengine.model import Uncertain
from recengine.models.baseline import Biases
from recengine.models.blocks import DAY, IMPLICIT, REST, Attributes
from recengine.models.draws import Draws
from recengine.models.similarity import Float64, in_parts, kernel_array, kernel_csr, rows_of

if TYPE_CHECKING:
    from recengine.models.bayes import BayesFM

_STEPS = 6  # of EM, for a person's ordinal ratings
_POINTS = 1024  # at which E[r | η] is tabulated
_BEYOND = 6.0  # standard deviations past the outer cutpoints where the table ends


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedBayes(Uncertain):
    """Draws, and what it takes to read them.

    `mean`, `unit`: η = 0 and a step of η in stars, for target=gaussian. `levels`: the ratings there are, float32, for
    target=ordinal. `people`, `movies`: their attributes. `days`: the days with ratings, int64, and `rated_on` the
    number of each training rating's day plus 1, csr `(n_users, n_items)`. `known`: which movies there is an opinion on,
    bool `(n_items,)`. `biases`: what stands in.
    """

    model: BayesFM
    mean: float
    unit: float
    levels: Float32
    draws: Draws
    people: Attributes
    movies: Attributes
    days: Int64
    rated_on: sp.csr_matrix
    known: Bool
    biases: Biases

    @cached_property
    def curve(self) -> tuple[Float64, float, float]:
        """E[r | η] in each draw at even steps, float64 `(S, points)`, the first η and the step (target=ordinal)."""
        edge = self.draws.cutpoints
        low, high = edge.min(initial=0.0) - _BEYOND, edge.max(initial=0.0) + _BEYOND
        eta = np.linspace(low, high, _POINTS)
        return freeze(self._expected(np.tile(eta, (len(edge), 1)))), float(low), float(eta[1] - eta[0])

    def _above(self, eta: Float64, variance: Float64 | None = None) -> Float64:
        """P(r > level k) for η `(S, …)`, float64 `(S, …, levels − 1)`, where η has a `variance` of its own."""
        edge = self.draws.cutpoints.reshape(len(eta), *(1,) * (eta.ndim - 1), -1)
        width = 1.0 if variance is None else np.sqrt(1 + variance)[..., None]
        return np.asarray(ndtr((eta[..., None] - edge) / width), np.float64)

    def _expected(self, eta: Float64) -> Float64:
        """E[r | η] in stars for η `(S, …)`, float64."""
        if self.model.target == "gaussian":
            return np.asarray(self.mean + self.unit * eta, np.float64)
        levels = self.levels.astype(np.float64)
        return np.asarray(levels[0] + self._above(eta) @ np.diff(levels), np.float64)

    def _day_of(self, query: Query) -> Int64:
        """The number of the day each query is asked on, int64 `(b,)`; the last one, for unknown, where it is not."""
        unknown = len(self.days)
        if query.time is None or unknown == 0:
            return np.full(len(query), unknown, np.int64)
        day = query.time // DAY
        place = np.minimum(np.searchsorted(self.days, day), unknown - 1)
        return np.asarray(np.where(self.days[place] == day, place, unknown), np.int64)

    def _days_of(self, query: Query) -> Int64:
        """The day of every rating of the histories, int64 `(nnz,)`: as stored, else the day of the question."""
        asked = self._day_of(query)[rows_of(query.history)]
        if len(self.days) == 0 or len(asked) == 0:
            return asked
        person = query.user[rows_of(query.history)]
        stored = np.asarray(self.rated_on[np.maximum(person, 0), query.history.indices]).ravel().astype(np.int64)
        return np.where((person >= 0) & (stored > 0), stored - 1, asked)

    def _values(self, query: Query) -> Float64:
        """The ratings of the histories as the kernels take them: in units of η, or the nearest level's number."""
        value = query.history.data.astype(np.float64)
        if self.model.target == "gaussian":
            return np.asarray((value - self.mean) / (self.unit or 1.0), np.float64)
        return np.asarray(np.searchsorted((self.levels[1:] + self.levels[:-1]) / 2, value), np.float64)

    def fold_in(self, query: Query) -> Float32:
        """What each block gives to the people of a query, float32 `(blocks, b, S, 1 + d)`.

        Cost: O(|I_u| d² + d³) a draw and person.
        """
        from recengine.models import kernels_bayes

        draws, ordinal = self.draws, self.model.target == "ordinal"
        given = self.people.give(query.user, draws.of_people, draws.average_people[REST:])
        indptr, indices, _ = kernel_csr(query.history)
        arrays = (
            indptr, indices, kernel_array(self._values(query), np.float64),
            kernel_array(self._days_of(query), np.int64), draws.movies, draws.watched, draws.days, draws.base,
            kernel_array(given.sum(axis=0, dtype=np.float64), np.float64), draws.average_people[IMPLICIT],
            draws.mean, draws.precision, draws.alpha, draws.cutpoints, ordinal, _STEPS if ordinal else 1,
        )  # fmt: skip

        def part(first: int, last: int) -> Float32:
            found: Float32 = kernels_bayes.fold_in(*arrays, first, last)
            return found

        parts = in_parts(part, len(query), rows=16)
        own = np.concatenate(parts).swapaxes(0, 1) if parts else np.zeros((2, *given.shape[1:]), np.float32)
        return np.concatenate([own, given])

    def _questions(self, query: Query, people: Float32) -> tuple[Float32, Float64]:
        """What a movie is multiplied by, (1, v_u + v_t), float32 `(b, S, 1 + d)`, and the rest of η, `(b, S)`.

        `people`: those of the query, folded in.
        """
        person, day = people.sum(axis=0, dtype=np.float64), self.draws.days[self._day_of(query)]
        constant = self.draws.base + person[:, :, 0] + day[:, :, 0] + (person[:, :, 1:] * day[:, :, 1:]).sum(axis=2)
        asked = (person + day).astype(np.float32)
        asked[:, :, 0] = 1.0
        return asked, constant

    def score(self, query: Query) -> Float32:
        """The mean of E[r] over draws; NaN for a movie that nobody rated and nothing is known of."""
        from recengine.models import kernels_bayes

        asked, constant = self._questions(query, self.fold_in(query))
        movies, n_items = self.draws.movies, len(self.known)
        if self.model.target == "gaussian":
            flat, by_draw = (
                kernel_array(asked.reshape(len(query), math.prod(asked.shape[1:])), np.float32),
                movies.reshape(n_items, math.prod(asked.shape[1:])),
            )
            parts = in_parts(lambda a, b: kernels_bayes.linear_scores(flat, by_draw, a, b), n_items, rows=512)
            value = self._in_stars(np.concatenate(parts, axis=1), constant.mean(axis=1)[:, None])
        else:
            arrays = (kernel_array(asked, np.float32), kernel_array(constant, np.float64), movies, *self.curve)
            parts = in_parts(lambda a, b: kernels_bayes.curved_scores(*arrays, a, b), n_items, rows=512)
            value = np.concatenate(parts, axis=1)
        value[:, ~self.known] = np.nan
        return value

    def score_cells(self, query: Query, row: Int64, item: Int64) -> Float32:
        """The same for chosen cells."""
        from recengine.models import kernels_bayes

        asked, constant = self._questions(query, self.fold_in(query))
        movies, cells = self.draws.movies, (kernel_array(row, np.int64), kernel_array(item, np.int64))
        if self.model.target == "gaussian":
            flat, by_draw = (
                kernel_array(asked.reshape(len(query), math.prod(asked.shape[1:])), np.float32),
                movies.reshape(len(movies), math.prod(asked.shape[1:])),
            )
            value = self._in_stars(kernels_bayes.linear_cells(flat, by_draw, *cells), constant.mean(axis=1)[row])
        else:
            arrays = (kernel_array(asked, np.float32), kernel_array(constant, np.float64), movies, *self.curve)
            value = kernels_bayes.curved_cells(*arrays, *cells)
        return np.where(self.known[item], value, np.float32(np.nan))

    def _in_stars(self, total: Float32, constant: Float64) -> Float32:
        return (self.mean + self.unit * (constant + total / np.float64(len(self.draws.base)))).astype(np.float32)

    def fallback(self, query: Query) -> Float32:
        """The bias baseline."""
        return self.biases.score(query)

    def deviation(self, query: Query) -> Float32:
        """The standard deviation of the rating itself, in stars: of η over draws and within one, and the noise.

        Within a draw it is that of the person's own (w, v), given their history; NaN where there is no opinion.
        Cost: O(d²) a draw and cell, beyond folding in twice.
        """
        asked, constant = self._questions(query, self.fold_in(query))
        value = np.empty((len(query), len(self.known)), np.float32)
        for row in range(len(query)):
            part = self._deviations(query.rows(row, row + 1), asked[row], constant[row])
            value[row] = np.concatenate(in_parts(part, len(self.known), rows=256))
        value[:, ~self.known] = np.nan
        return value

    def _deviations(self, query: Query, asked: Float32, constant: Float64) -> Callable[[int, int], Float32]:
        """What gives the deviations of the movies `first` to `last` for the one query whose question is given."""
        from recengine.models import kernels_bayes

        draws = self.draws
        indptr, indices, _ = kernel_csr(query.history)
        roots = kernels_bayes.roots(
            indptr, indices, kernel_array(self._days_of(query), np.int64), draws.movies, draws.days,
            draws.precision, draws.alpha,
        )  # fmt: skip
        arrays = (
            freeze(roots), kernel_array(asked, np.float32), kernel_array(constant, np.float64), draws.movies,
            kernel_array(draws.days[self._day_of(query)[0]], np.float32),
        )  # fmt: skip

        def part(first: int, last: int) -> Float32:
            return self._in_all(*kernels_bayes.spread(*arrays, first, last)).astype(np.float32)

        return part

    def _in_all(self, eta: Float64, within: Float64) -> Float64:
        """Deviations in stars, `(n,)`, from η `(S, n)` and its variance within each draw."""
        if self.model.target == "gaussian":
            noise = (1 / self.draws.alpha).mean()
            return np.asarray(self.unit * np.sqrt(eta.var(axis=0) + within.mean(axis=0) + noise), np.float64)
        levels = self.levels.astype(np.float64)
        above = np.pad(self._above(eta, within).mean(axis=0), ((0, 0), (1, 0)), constant_values=1.0)
        chance = -np.diff(above, axis=1, append=0.0)
        mean = (chance * levels).sum(axis=1, keepdims=True)
        return np.asarray(np.sqrt((chance * (levels - mean) ** 2).sum(axis=1)), np.float64)

    def explain(self, query: Query, item: int) -> Explanation:
        """What each block adds to what the average person says of the average movie: exact, and how sure it is.

        In each draw the Shapley value of a block x with average x̄: its weight's difference and (v_x − v̄_x)·(o + ō)/2,
        o being the other sides. Under target=ordinal those of η are scaled to the difference in stars.
        """
        query = query.rows(0, 1)
        if not self.known[item]:
            value, name = float(self.fallback(query)[0, item]), "user and item bias"
            why = f"nobody has rated this movie and nothing is known of it; the {name} stands in"
            return Explanation(value, value, name, (), exact=True, fallback=why)
        people = self.fold_in(query)
        eta, start, share = self._shares(query, item, people)
        asked, constant = self._questions(query, people)
        said, base = self._expected(eta), self._expected(start)
        apart = np.abs(eta - start) > 1e-6
        near = (self._expected(start + 0.5e-3) - self._expected(start - 0.5e-3)) / 1e-3
        stars = np.where(apart, (said - base) / np.where(apart, eta - start, 1.0), near)
        names = (*self.people.what, *self.movies.what, *(["the day"] if len(self.days) else []))
        parts = [
            Part("effect", float(weight), what=what)
            for what, weight in zip(names, (share * stars).mean(axis=1), strict=True)
        ]
        parts.sort(key=lambda part: -abs(part.weight))
        return Explanation(
            float(said.mean()), float(base.mean()), "average person, average movie", tuple(parts), exact=True,
            deviation=float(self._deviations(query, asked[0], constant[0])(item, item + 1)[0]),
        )  # fmt: skip

    def _shares(self, query: Query, item: int, people: Float32) -> tuple[Float64, Float64, Float64]:
        """η and that of the averages, float64 `(S,)`, and what each block adds in between, `(blocks, S)`."""
        draws = self.draws
        attributes = self.movies.give(np.array([item]), draws.of_movies, draws.average_movies[REST:] * 0)[:, 0]
        rest = draws.movies[item] - attributes.sum(axis=0) - draws.raters[item]
        movie = np.concatenate([rest[None], draws.raters[None, item], attributes])
        sides = [(people[:, 0], draws.average_people), (movie, draws.average_movies)]
        if len(self.days):
            sides.append((draws.days[None, self._day_of(query)[0]], draws.average_days))
        exact = [(blocks.astype(np.float64), average.astype(np.float64)) for blocks, average in sides]
        wholes = [[blocks.sum(axis=0) for blocks in side] for side in exact]
        found = []
        for at, (blocks, average) in enumerate(exact):
            others = sum((whole + mean) / 2 for place, (whole, mean) in enumerate(wholes) if place != at)
            step = blocks - average
            found.append(step[:, :, 0] + (step[:, :, 1:] * others[:, 1:]).sum(axis=2))
        eta, start = (self.draws.base + _meeting([whole[which] for whole in wholes]) for which in (0, 1))
        return eta, start, np.concatenate(found)


def _meeting(sides: list[Float64]) -> Float64:
    """Σ w + Σ_{A<B} v_A·v_B over the sides `(S, 1 + d)`, float64 `(S,)`."""
    total = sum(side[:, 0] for side in sides)
    for at, side in enumerate(sides):
        total = total + sum((side[:, 1:] * other[:, 1:]).sum(axis=1) for other in sides[:at])
    return np.asarray(total, np.float64)
