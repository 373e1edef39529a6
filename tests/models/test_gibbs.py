"""The sampler of the Bayesian factorization machine against regressions and distributions worked out plainly."""

import copy

import numpy as np
import pytest
from scipy.stats import norm

from recengine.models import kernels_bayes
from recengine.models.blocks import day_side, movie_side, people_side
from recengine.models.gibbs import Gaussian, Ordinal, Sampler


def sampler(data, target=None, factors=3, seed=0):
    ratings = data.interactions.take(np.argsort(data.interactions.user, kind="stable"))
    sides = [people_side(data, ratings, "day"), movie_side(data, ratings, "day"), day_side(ratings)[0]]
    y = ratings.value.astype(np.float64) - 3
    return Sampler(sides, target or Gaussian(), y, factors, 0.1, np.random.default_rng(seed)), y


def test_an_update_is_the_regression_worked_by_hand():
    """Two ratings of residual 0.5 and −1 where o is 1 and 2, v = 0.3, prior N(0.1, 1/2), noise 1/4.

    y = e + o v is 0.8 and −0.4, Σ o y = 0, Σ o² = 5: precision 2 + 4·5 = 22, mean (2·0.1 + 4·0) / 22.
    """
    found = []
    for normal in (0.0, 1.0):
        v, slope, moved = np.array([0.3]), np.array([0.5 * 1 - 1.0 * 2]), np.zeros(1)
        kernels_bayes.update(
            np.array([0, 1]), np.array([0], np.int32), np.ones(1), np.array([0, 1]), np.array([0.1]), np.array([2.0]),
            4.0, np.array([normal]), v, np.array([5.0]), slope, moved,
        )  # fmt: skip
        found.append(v[0])
        assert moved[0] == pytest.approx(v[0] - 0.3)
        assert slope[0] == pytest.approx((0.8 - v[0]) + 2 * (-0.4 - 2 * v[0]))
    assert found[0] == pytest.approx(0.2 / 22)
    assert found[1] - found[0] == pytest.approx(1 / np.sqrt(22))


def plain_sweep(s, y):
    """The same sweep without sums: every coefficient by a regression over all ratings of an explicit design."""
    s.alpha = s.target.renew(s.residual, s.rng)
    for state in s.states:
        state.renew_prior(s.rng)
    s._renew_base()
    normals = [s.rng.normal(size=state.v.shape) for state in s.states]
    design = [state.side.features.toarray()[state.side.row] for state in s.states]
    for f in range(1 + s.factors):
        for state, x, normal in zip(s.states, design, normals, strict=True):
            block = np.repeat(np.arange(len(state.side.blocks)), np.diff(state.side.start))
            others = [(o, z) for o, z in zip(s.states, design, strict=True) if o is not state]
            o = sum(z @ other.v[f] for other, z in others) if f else np.ones(len(y))
            for j in range(x.shape[1]):
                h = x[:, j] * o
                rest = y - eta(s, design) + h * state.v[f, j]
                prior = state.precision[f, block[j]]
                total = prior + s.alpha * h @ h
                mean = (prior * state.mean[f, block[j]] + s.alpha * h @ rest) / total
                state.v[f, j] = mean + normal[f, j] / np.sqrt(total)


def eta(s, design):
    """w_0 + Σ w x + Σ_{A<B} over all pairs of features of different sides, from the explicit design."""
    total = s.base + sum(x @ state.v[0] for state, x in zip(s.states, design, strict=True))
    for a in range(len(design)):
        for b in range(a):
            total = total + ((design[a] @ s.states[a].v[1:].T) * (design[b] @ s.states[b].v[1:].T)).sum(axis=1)
    return total


def test_the_sums_of_a_sweep_give_the_plain_regressions_numbers(people_and_days):
    fast, y = sampler(people_and_days)
    for _ in range(2):
        plain = copy.deepcopy(fast)
        fast.sweep()
        plain_sweep(plain, y)
        for ours, theirs in zip(fast.states, plain.states, strict=True):
            np.testing.assert_allclose(ours.v, theirs.v, rtol=1e-8, atol=1e-10)
    design = [state.side.features.toarray()[state.side.row] for state in fast.states]
    np.testing.assert_allclose(fast.residual, y - eta(fast, design), atol=1e-9)


def test_cutpoints_are_drawn_from_their_posterior():
    """With η known, the draws' mean and deviation are those of the normal around the maximum likelihood."""
    rng = np.random.default_rng(1)
    known = rng.normal(size=4000)
    level = np.searchsorted([-1.0, 0.2, 1.5], known + rng.normal(size=4000))
    target, found = Ordinal(level, 4), []
    for _ in range(600):
        residual = target.latent - known
        target.renew(residual, rng)
        found.append(target.cutpoints)
    best = np.mean(found, axis=0)
    for _ in range(5):
        _, step, root = target._newton(best, known)
        best = best + step
    deviation = np.sqrt(np.diag(np.linalg.inv(root @ root.T)))
    np.testing.assert_allclose(np.mean(found[50:], axis=0), best, atol=0.3 * deviation.max())
    np.testing.assert_allclose(np.std(found[50:], axis=0), deviation, rtol=0.2)
    np.testing.assert_allclose(best, [-1.0, 0.2, 1.5], atol=0.12)


@pytest.mark.parametrize("edges", [(-np.inf, -9.0), (-1.0, 0.4), (7.0, 7.5), (0.3, np.inf)])
def test_latent_values_stay_between_their_edges_with_the_mean_of_a_truncated_normal(edges):
    cutpoints = np.array([edge for edge in edges if np.isfinite(edge)])
    target = Ordinal(np.full(4000, int(np.isfinite(edges[0]))), len(cutpoints) + 1)
    target.cutpoints, target._move = cutpoints, lambda eta, rng: None
    residual = np.zeros(4000)
    target.renew(residual, np.random.default_rng(2))
    low, high = edges
    mass = norm.sf(low) - norm.sf(high) if low > 0 else norm.cdf(high) - norm.cdf(low)
    mean = (norm.pdf(low) - norm.pdf(high)) / mass
    assert low <= residual.min() <= residual.max() <= high
    assert residual.mean() == pytest.approx(mean, abs=5 * residual.std() / np.sqrt(4000))
    assert kernels_bayes._expected(low, high) == pytest.approx(mean, rel=1e-6)
