"""Compiled loops (numba) of the Bayesian factorization machine: Gibbs updates of a side, the pass between sides,
and the exact conditional of a person given a draw.

Updates run in one thread, feature after feature, with normals drawn beforehand. Fold-in and scores work on a range of
rows, each row in a fixed order. No sum's order depends on the number of threads.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from recengine.models.kernels_factors import backward, factorize, forward

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
# "reassoc" lets a dot product run in lanes; the lanes are fixed when it is compiled, so bits stay the same.
_summed = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


@_compiled
def update(indptr, rows, x, start, mean, precision, alpha, normal, v, square, slope, moved):
    """Draw the coefficients v of a side's features anew in one factor, one after the other.

    A feature of value x_r in row r changes η by x_r o, o being the sum of the other sides' coefficients (1 for the
    weights). So all it needs of row r's ratings is `square` Σo² and `slope` Σ e o, e the residuals:
    v_j ~ N((λμ + α Σ_r (x_r slope_r + v_j x_r² square_r)) / Λ, 1/Λ), Λ = λ + α Σ_r x_r² square_r, (μ, λ) its block's.
    `moved`: what each row's coefficient gained. Cost: O(nonzeros).
    """
    for g in range(len(mean)):
        for j in range(start[g], start[g + 1]):
            weight, pull = 0.0, 0.0
            for p in range(indptr[j], indptr[j + 1]):
                r = rows[p]
                weight += x[p] * x[p] * square[r]
                pull += x[p] * slope[r]
            total = precision[g] + alpha * weight
            drawn = (precision[g] * mean[g] + alpha * (pull + weight * v[j])) / total + normal[j] / math.sqrt(total)
            step = drawn - v[j]
            v[j] = drawn
            for p in range(indptr[j], indptr[j + 1]):
                r = rows[p]
                slope[r] -= step * x[p] * square[r]
                moved[r] += step * x[p]


@_compiled
def carry(a, b, c, residual, moved, old_b, old_c, new_a, new_c, square, slope):
    """Take what side `a` gained off the residuals, and sum up what side `b` needs next, in one pass over the ratings.

    `a`, `b`, `c`: each rating's rows. `old_b + old_c`: what `moved` is multiplied by; `new_a + new_c`: the o of b.
    Cost: O(m).
    """
    square[:] = 0.0
    slope[:] = 0.0
    for t in range(len(residual)):
        i, j, k = a[t], b[t], c[t]
        e = residual[t] - (old_b[j] + old_c[k]) * moved[i]
        residual[t] = e
        o = new_a[i] + new_c[k]
        square[j] += o * o
        slope[j] += e * o
    moved[:] = 0.0


@_compiled
def _mass(low, high):
    """Φ(high) − Φ(low), precise in both tails."""
    sign = -1.0 if low > 0 else 1.0
    near, far = (high, low) if sign > 0 else (low, high)
    return 0.5 * (math.erfc(-sign * near * math.sqrt(0.5)) - math.erfc(-sign * far * math.sqrt(0.5)))


@_compiled
def _expected(low, high):
    """The mean of a standard normal between two bounds."""
    mass = _mass(low, high)
    if mass < 1e-280:
        return low if low > 0 else high
    return math.sqrt(0.5 / math.pi) * (math.exp(-0.5 * low * low) - math.exp(-0.5 * high * high)) / mass


@_compiled
def _prepare(first, last, s, indices, days_of, movies, days, base, rest, precision, alpha, matrix, left, fixed):
    """What one person's own (w, v) sees of a history in draw s: its regressors `left`, what is `fixed`, and L.

    A rating of movie i on day t is fixed + left·(w, v) + noise, left = (1, q_i + v_t), where `rest` holds the
    person's other blocks and `base` w_0. `matrix` becomes the Cholesky factor of diag(precision) + α Σ left leftᵀ.
    """
    d = len(rest)
    matrix[:] = 0.0
    for f in range(d):
        matrix[f, f] = precision[f]
    for p in range(first, last):
        movie, day, row = movies[indices[p], s], days[days_of[p], s], left[p - first]
        row[0] = 1.0
        value = base + rest[0] + movie[0] + day[0]
        for f in range(1, d):
            row[f] = movie[f] + day[f]
            value += rest[f] * row[f] + movie[f] * day[f]
        fixed[p - first] = value
        for f in range(d):
            scaled = alpha * row[f]
            for g in range(f + 1):
                matrix[f, g] += scaled * row[g]
    factorize(matrix)


@_compiled
def _implicit(first, last, s, indices, watched, average, out):
    """|I_u|^−½ Σ y_j over a history in draw s; without one, the average of those who have."""
    out[:] = average
    if first < last:
        out[:] = 0.0
        for p in range(first, last):
            out += watched[indices[p], s]
        out /= math.sqrt(last - first)


@_compiled
def fold_in(
    indptr, indices, value, days_of, movies, watched, days, base, attributes, average, mean, precision,
    alpha, cutpoints, ordinal, steps, first, last,
):  # fmt: skip
    """The people of rows `first` to `last` in every draw, float32 `(rows, 2, draws, 1 + d)`, weights before factors.

    At 0 their own (w, v), the mean of its conditional given the draw and their history; at 1 what they have rated.
    Ratings in stars have a normal conditional. Of ordinal ones `value` is the level's number, and its mode is found by
    `steps` of EM, each of which puts the latent value at its mean (Albert and Chib, 1993).
    """
    draws, d = mean.shape
    out = np.empty((last - first, 2, draws, d), np.float32)
    matrix, right, x, rest, seen = np.empty((d, d)), np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    for r in range(first, last):
        start, stop = indptr[r], indptr[r + 1]
        left, fixed = np.empty((stop - start, d)), np.empty(stop - start)
        for s in range(draws):
            _implicit(start, stop, s, indices, watched, average[s], seen)
            rest[:] = seen + attributes[r, s]
            x[:] = mean[s]
            if start < stop:
                _prepare(
                    start, stop, s, indices, days_of, movies, days, base[s], rest, precision[s], alpha[s],
                    matrix, left, fixed,
                )  # fmt: skip
                for _ in range(steps):
                    right[:] = precision[s] * mean[s]
                    for p in range(stop - start):
                        target = value[start + p] - fixed[p]
                        if ordinal:
                            predicted = 0.0
                            for f in range(d):
                                predicted += left[p, f] * x[f]
                            k, at = int(value[start + p]), predicted + fixed[p]
                            low = cutpoints[s, k - 1] - at if k > 0 else -np.inf
                            high = cutpoints[s, k] - at if k < cutpoints.shape[1] else np.inf
                            target = predicted + _expected(low, high)
                        for f in range(d):
                            right[f] += alpha[s] * target * left[p, f]
                    x[:] = right
                    forward(matrix, x)
                    backward(matrix, x)
            out[r - first, 0, s] = x
            out[r - first, 1, s] = seen
    return out


@_compiled
def roots(indptr, indices, days_of, movies, days, precision, alpha):
    """The Cholesky factor of the precision of (w, v) given the history of the first row, float64 `(draws, d, d)`."""
    draws, d = precision.shape
    n = indptr[1] - indptr[0]
    out, left, fixed, rest = np.empty((draws, d, d)), np.empty((n, d)), np.empty(n), np.zeros(d)
    for s in range(draws):
        _prepare(
            indptr[0], indptr[1], s, indices, days_of, movies, days, 0.0, rest, precision[s], alpha[s],
            out[s], left, fixed,
        )  # fmt: skip
    return out


@_compiled
def spread(roots, asked, constant, movies, day, first, last):
    """η of the movies `first` to `last` and its variance in every draw, both float64 `(draws, last − first)`.

    `asked`, `constant`: one person's question. The variance is that of (1, movie + day)·(w, v), given L from `roots`.
    """
    draws, d = asked.shape
    eta, within, x = np.empty((draws, last - first)), np.empty((draws, last - first)), np.empty(d)
    for s in range(draws):
        for i in range(first, last):
            total = constant[s]
            for f in range(d):
                total += asked[s, f] * np.float64(movies[i, s, f])
                x[f] = movies[i, s, f] + day[s, f]
            x[0] = 1.0
            forward(roots[s], x)
            eta[s, i - first] = total
            within[s, i - first] = np.sum(x * x)
    return eta, within


@_summed
def _dot(left, right):
    total = np.float32(0.0)
    for f in range(len(left)):
        total += left[f] * right[f]
    return total


@_summed
def linear_scores(people, movies, first, last):
    """Each person's dot product with the movies `first` to `last`, float32 `(rows, last − first)`."""
    out = np.empty((len(people), last - first), np.float32)
    for i in range(first, last):
        movie = movies[i]
        for r in range(len(people)):
            out[r, i - first] = _dot(people[r], movie)
    return out


@_summed
def linear_cells(people, movies, row, item):
    """The same for chosen cells, float32 `(m,)`."""
    out = np.empty(len(row), np.float32)
    for m in range(len(row)):
        out[m] = _dot(people[row[m]], movies[item[m]])
    return out


@_compiled
def _on_curve(curve, low, step, at):
    """A tabulated function at `at`, linear between its points and constant beyond them."""
    place = min(max((at - low) / step, 0.0), len(curve) - 1.001)
    k = int(place)
    return curve[k] + (place - k) * (curve[k + 1] - curve[k])


@_summed
def curved_scores(people, constant, movies, curve, low, step, first, last):
    """The mean over draws of a function of η = constant + people·movies, float32 `(rows, last − first)`.

    `people`, `movies` `(·, draws, 1 + d)`; `constant` `(rows, draws)`; `curve` `(draws, points)`, from `low` by `step`.
    """
    draws = len(curve)
    out = np.empty((len(people), last - first), np.float32)
    for i in range(first, last):
        for r in range(len(people)):
            total = 0.0
            for s in range(draws):
                total += _on_curve(curve[s], low, step, constant[r, s] + _dot(people[r, s], movies[i, s]))
            out[r, i - first] = total / draws
    return out


@_summed
def curved_cells(people, constant, movies, curve, low, step, row, item):
    """The same for chosen cells, float32 `(m,)`."""
    draws = len(curve)
    out = np.empty(len(row), np.float32)
    for m in range(len(row)):
        total = 0.0
        for s in range(draws):
            at = constant[row[m], s] + _dot(people[row[m], s], movies[item[m], s])
            total += _on_curve(curve[s], low, step, at)
        out[m] = total / draws
    return out
