"""Gibbs sampling of a factorization machine over the sides of `blocks`: people, movies and, where wanted, days."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from recengine.data.dataset import Int64
from recengine.models.blocks import Side
from recengine.models.similarity import Float64, kernel_array

_SPREAD = 0.1  # standard deviation of the first factors
_VAGUE = 0.01  # precision of the prior on each cutpoint


class Target(ABC):
    """What the ratings say about η, given everything else: the residuals y − η and their precision α."""

    @abstractmethod
    def renew(self, residual: Float64, rng: np.random.Generator) -> float:
        """Draw what belongs to the target anew, `residual` being changed in place; returns α."""


@dataclass
class Gaussian(Target):
    """y = η + noise of precision α, whose prior is Gamma(½, ½)."""

    def renew(self, residual: Float64, rng: np.random.Generator) -> float:
        """Draw α."""
        return float(rng.gamma(0.5 * (1 + len(residual))) / (0.5 * (1 + np.einsum("m,m->", residual, residual))))


@dataclass
class Ordinal(Target):
    """A rating is level k where γ_{k−1} < z ≤ γ_k, z = η + standard normal noise (Albert and Chib, JASA 1993).

    `level` int64 `(m,)`, `levels` many. z is drawn anew from its truncated normal, after the cutpoints γ have been
    drawn with z integrated out, by one Metropolis–Hastings step whose proposal is the normal around a Newton step.
    """

    level: Int64
    levels: int
    cutpoints: Float64 = field(init=False)
    latent: Float64 = field(init=False)

    def __post_init__(self) -> None:
        share = np.cumsum(np.bincount(self.level, minlength=self.levels)) / max(len(self.level), 1)
        self.cutpoints = ndtri(share[:-1])
        self.latent = np.zeros(len(self.level))

    def renew(self, residual: Float64, rng: np.random.Generator) -> float:
        """Draw γ and z."""
        eta = self.latent - residual
        if self.levels > 1:
            self._move(eta, rng)
        low, high = self._bounds(self.cutpoints, eta)
        sign = np.where(low > 0, -1.0, 1.0)  # in the lower tail Φ is precise
        first, last = ndtr(sign * np.where(sign > 0, low, high)), ndtr(sign * np.where(sign > 0, high, low))
        share = np.maximum(first + rng.random(len(eta)) * (last - first), 1e-300)
        residual[:] = np.clip(sign * ndtri(share), low, high)
        self.latent = eta + residual
        return 1.0

    def _bounds(self, cutpoints: Float64, eta: Float64) -> tuple[Float64, Float64]:
        """Where the noise of each rating begins and ends."""
        edge = np.concatenate([[-np.inf], cutpoints, [np.inf]])
        return edge[self.level] - eta, edge[self.level + 1] - eta

    def _move(self, eta: Float64, rng: np.random.Generator) -> None:
        here, step, root = self._newton(self.cutpoints, eta)
        normal = rng.normal(size=len(step))
        proposed = self.cutpoints + step + np.linalg.solve(root.T, normal)
        threshold = np.log(rng.random())
        if not (np.diff(proposed) > 0).all():
            return
        there, back, other = self._newton(proposed, eta)
        reverse = other.T @ (self.cutpoints - proposed - back)
        ratio = (
            there - here + np.log(np.diag(other) / np.diag(root)).sum() - 0.5 * (reverse @ reverse - normal @ normal)
        )
        if threshold < ratio:
            self.cutpoints = proposed

    def _newton(self, cutpoints: Float64, eta: Float64) -> tuple[float, Float64, Float64]:
        """The log posterior of the cutpoints, the Newton step from there, and L of −Hessian = L Lᵀ."""
        low, high = self._bounds(cutpoints, eta)
        sign = np.where(low > 0, -1.0, 1.0)
        mass = np.maximum(sign * (ndtr(sign * high) - ndtr(sign * low)), 1e-300)
        at_low, at_high = (np.exp(-0.5 * side**2) / np.sqrt(2 * np.pi) / mass for side in (low, high))
        finite_low, finite_high = (np.where(np.isfinite(side), side, 0.0) for side in (low, high))
        k, n = self.level, self.levels + 1  # edge k lies below level k
        slope = np.bincount(k + 1, at_high, n) - np.bincount(k, at_low, n)
        own = np.bincount(k + 1, at_high * (finite_high + at_high), n)
        own += np.bincount(k, at_low * (at_low - finite_low), n)
        both = np.bincount(k, at_low * at_high, n)[1:-2]  # of the edges below and above levels that have both
        matrix = np.diag(own[1:-1] + _VAGUE) - np.diag(both, 1) - np.diag(both, -1)
        step = np.linalg.solve(matrix, slope[1:-1] - _VAGUE * cutpoints)
        value = np.log(mass).sum() - 0.5 * _VAGUE * cutpoints @ cutpoints
        return float(value), step, np.linalg.cholesky(matrix)


@dataclass
class State:
    """A side while it is sampled, factor by factor; index 0 stands for the weights.

    `v` `(1 + d, features)`, `q` `(1 + d, rows)`, the sums Σ x v of each row. `mean`, `precision` `(1 + d, blocks)`, and
    `guess`, the variance that the prior on a precision stands for. The rest is what the kernels work on, `(rows,)`.
    """

    side: Side
    guess: float
    v: Float64
    q: Float64
    mean: Float64
    precision: Float64
    moved: Float64
    square: Float64
    slope: Float64

    @classmethod
    def start(cls, side: Side, factors: int, guess: float, rng: np.random.Generator) -> State:
        """Factors at random, weights at 0."""
        v = rng.normal(0.0, _SPREAD, (1 + factors, side.features.shape[1]))
        v[0] = 0.0
        q = np.ascontiguousarray((side.features @ v.T).T)
        hyper = np.zeros((1 + factors, len(side.blocks)))
        sums = np.zeros((3, q.shape[1]))
        return cls(side, guess, v, q, hyper, hyper + 1.0, *sums)

    def renew_prior(self, rng: np.random.Generator) -> None:
        """Draw each block's μ and λ, its coefficients being their data: λ ~ Gamma(½, ½ guess), μ ~ N(0, 1/λ)."""
        for g, (first, last) in enumerate(zip(self.side.start, self.side.start[1:], strict=False)):
            v, n = self.v[:, first:last], last - first
            mean = v.mean(axis=1)
            scale = 0.5 * (self.guess + ((v - mean[:, None]) ** 2).sum(axis=1) + n / (n + 1) * mean**2)
            self.precision[:, g] = rng.gamma(0.5 * (1 + n), size=len(v)) / scale
            self.mean[:, g] = n * mean / (n + 1) + rng.normal(size=len(v)) / np.sqrt((n + 1) * self.precision[:, g])

    def settled(self, g: int) -> Float64:
        """The coefficients of block g, float64 `(features, 1 + d)`; those that no rating touches at their mean.

        Given the rest these have their prior, and its mean serves predictions better than a draw.
        """
        block = slice(*self.side.start[g : g + 2])
        touched = self.side.share[block] > 0
        return np.where(touched[:, None], self.v[:, block].T, self.mean[:, g])

    def given(self, g: int) -> Float64:
        """What block g gives to each row, float64 `(rows, 1 + d)`."""
        return np.asarray(self.side.blocks[g].features @ self.settled(g))

    def averages(self) -> Float64:
        """What each block gives to a rating on average, float64 `(blocks, 1 + d)`."""
        share = self.side.share
        bounds = zip(self.side.start, self.side.start[1:], strict=False)
        return np.array([self.v[:, first:last] @ share[first:last] for first, last in bounds])


class Sampler:
    """η = w_0 + Σ_sides Σ_j w_j x_j + Σ_{sides A<B} (Σ_{j∈A} x_j v_j)·(Σ_{j∈B} x_j v_j), drawn sweep by sweep.

    `base` is w_0, `alpha` the noise's precision, `states` the sides.
    """

    def __init__(
        self, sides: Sequence[Side], target: Target, y: Float64, factors: int, guess: float, rng: np.random.Generator
    ) -> None:
        self.rng, self.target, self.factors = rng, target, factors
        self.states = [State.start(side, factors, guess, rng) for side in sides]
        self.base, self.alpha = 0.0, 1.0
        self.residual = y - self._eta()
        self._nowhere = kernel_array(np.zeros(len(y)), np.int32)
        self._nothing, self._one = np.zeros(1), [np.ones(len(state.q[0])) for state in self.states]

    def _eta(self) -> Float64:
        at = [state.q[:, state.side.row] for state in self.states]
        eta = sum(q[0] for q in at)
        for place, q in enumerate(at):
            eta = eta + sum(np.einsum("fm,fm->m", q[1:], other[1:]) for other in at[:place])
        return np.asarray(eta, np.float64)

    def sweep(self) -> None:
        """Draw everything once, given the rest. Cost: O(d · (m + nonzeros))."""
        self.alpha = self.target.renew(self.residual, self.rng)
        for state in self.states:
            state.renew_prior(self.rng)
        self._renew_base()
        normals = [self.rng.normal(size=state.v.shape) for state in self.states]
        last = len(self.states) - 1, 0  # what moved last, which has to be carried to the side that is next
        for f in range(1 + self.factors):
            for s in range(len(self.states)):
                self._carry(last, (s, f))
                self._update(s, f, normals[s][f])
                last = s, f
        self._carry(last, (0, 0))

    def _renew_base(self) -> None:
        total = 1 + self.alpha * len(self.residual)
        drawn = self.alpha * (self.residual.sum() + len(self.residual) * self.base) / total
        drawn += self.rng.normal() / np.sqrt(total)
        self.residual -= drawn - self.base
        self.base = drawn

    def _multiplier(self, s: int, f: int) -> Float64:
        return self.states[s].q[f] if f else self._one[s]

    def _carry(self, moved: tuple[int, int], to: tuple[int, int]) -> None:
        from recengine.models import kernels_bayes

        (s, f), (t, g) = moved, to
        others = [place for place in range(len(self.states)) if place not in (s, t)]
        row, old, new = self._nowhere, self._nothing, self._nothing
        if others and s != t:
            row = self.states[others[0]].side.row
            old, new = (self._multiplier(others[0], at) if at else self._zeros(others[0]) for at in (f, g))
        a, b = self.states[s], self.states[t]
        kernels_bayes.carry(
            a.side.row, b.side.row, row, self.residual, a.moved, self._multiplier(t, f), old,
            self._multiplier(s, g), new, b.square, b.slope,
        )  # fmt: skip

    def _zeros(self, s: int) -> Float64:
        return np.zeros(len(self.states[s].moved))

    def _update(self, s: int, f: int, normal: Float64) -> None:
        from recengine.models import kernels_bayes

        state = self.states[s]
        kernels_bayes.update(
            *state.side.by_feature, state.side.start, state.mean[f], state.precision[f], self.alpha, normal,
            state.v[f], state.square, state.slope, state.moved,
        )  # fmt: skip
        state.q[f] += state.moved
