"""Compiled loops (numba) of stochastic gradient descent and of fitting a person's vector to fixed item vectors.

An epoch runs in one thread, rating after rating in an order drawn from a seed, so its bits depend on nothing else; it
writes to the parameters it is given. A fold-in works on a range of rows, each row in a fixed order.
"""

from __future__ import annotations

import numba
import numpy as np

from recengine.models.kernels_factors import solve

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _below(state, n):
    """A whole number from 0 to n − 1; `state` uint64 `(1,)` moves on (SplitMix64, Steele et al., OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.int64(((z >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@_compiled
def shuffle(state, order):
    """Fisher-Yates, in place."""
    for k in range(len(order) - 1, 0, -1):
        other = _below(state, k + 1)
        order[k], order[other] = order[other], order[k]


@_compiled
def funk_epoch(user, item, target, order, w_u, w_i, b_u, b_i, p, q, rate, regularization):
    """One pass over the ratings in the given order; `target`: r − μ, `w_*`: what multiplies λ for a person or movie."""
    d = p.shape[1]
    for t in order:
        u, i = user[t], item[t]
        lambda_u, lambda_i = regularization * w_u[u], regularization * w_i[i]
        e = target[t] - b_u[u] - b_i[i]
        for f in range(d):
            e -= p[u, f] * q[i, f]
        b_u[u] += rate * (e - lambda_u * b_u[u])
        b_i[i] += rate * (e - lambda_i * b_i[i])
        for f in range(d):
            p_f, q_f = p[u, f], q[i, f]
            p[u, f] += rate * (e * q_f - lambda_u * p_f)
            q[i, f] += rate * (e * p_f - lambda_i * q_f)


@_compiled
def svdpp_epoch(
    indptr, indices, target, people, state, w_u, w_i, b_u, b_i, p, q, y, rate, regularization, y_lambda
):  # fmt: skip
    """One pass over the ratings, person by person in the given order, each one's ratings shuffled.

    A rating moves all y_j of a person alike, y_j ← (1 − ηλ) y_j + η e n^−½ q_i, so their sum and the map itself are
    carried along and applied once at the end: the sequential rule's numbers, in O(n · d) instead of O(n² · d).
    """
    d = p.shape[1]
    z, moved = np.empty(d), np.empty(d)
    keep = 1.0 - rate * y_lambda
    for u in people:
        first, last = indptr[u], indptr[u + 1]
        if first == last:
            continue
        norm = 1.0 / np.sqrt(last - first)
        z[:], moved[:], kept = 0.0, 0.0, 1.0
        for t in range(first, last):
            for f in range(d):
                z[f] += norm * y[indices[t], f]
        order = np.arange(first, last)
        shuffle(state, order)
        for t in order:
            i = indices[t]
            lambda_u, lambda_i = regularization * w_u[u], regularization * w_i[i]
            e = target[t] - b_u[u] - b_i[i]
            for f in range(d):
                e -= (p[u, f] + z[f]) * q[i, f]
            b_u[u] += rate * (e - lambda_u * b_u[u])
            b_i[i] += rate * (e - lambda_i * b_i[i])
            for f in range(d):
                p_f, q_f, z_f = p[u, f], q[i, f], z[f]
                p[u, f] += rate * (e * q_f - lambda_u * p_f)
                q[i, f] += rate * (e * (p_f + z_f) - lambda_i * q_f)
                moved[f] = keep * moved[f] + rate * e * norm * q_f
                z[f] = keep * z_f + rate * e * q_f
            kept *= keep
        for t in range(first, last):
            for f in range(d):
                y[indices[t], f] = kept * y[indices[t], f] + moved[f]


@_compiled
def bpr_epoch(user, indptr, indices, state, b_i, p, q, rate, lambda_u, lambda_i):
    """As many draws as there are interactions: one of them, (u, i), and a movie j outside u's history, uniformly.

    A step climbs ln σ(x_ui − x_uj) − ½ λ‖·‖². Whoever met everything has no j and is passed over.
    """
    d, n_items, m = p.shape[1], len(b_i), len(indices)
    for _ in range(m):
        t = _below(state, m)
        u, i = user[t], indices[t]
        first, last = indptr[u], indptr[u + 1]
        if last - first == n_items:
            continue
        j = _below(state, n_items)
        while _holds(indices, first, last, j):
            j = _below(state, n_items)
        x = b_i[i] - b_i[j]
        for f in range(d):
            x += p[u, f] * (q[i, f] - q[j, f])
        g = 1.0 / (1.0 + np.exp(x))
        b_i[i] += rate * (g - lambda_i * b_i[i])
        b_i[j] -= rate * (g + lambda_i * b_i[j])
        for f in range(d):
            p_f, q_i, q_j = p[u, f], q[i, f], q[j, f]
            p[u, f] += rate * (g * (q_i - q_j) - lambda_u * p_f)
            q[i, f] += rate * (g * p_f - lambda_i * q_i)
            q[j, f] -= rate * (g * p_f + lambda_i * q_j)


@_compiled
def _holds(indices, first, last, j):
    """Whether sorted `indices[first:last]` has j."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if indices[middle] < j:
            low = middle + 1
        else:
            high = middle
    return low < last and indices[low] == j


@_compiled
def fold_in(indptr, indices, target, b_i, q, y, regularization, first, last):
    """b_u and p_u + |I_u|^−½ Σ y_j of rows `first` to `last`, float64 `(rows, 1 + d)`; `target`: r − μ.

    Minimises Σ (r − μ − b_i − b_u − (p_u + |I_u|^−½ Σ y_j)·q_i)² + λ |I_u|^½ (b_u² + ‖p_u‖²): normal equations and
    Cholesky. `y` may have no rows, for models without it. A row without ratings is 0.
    """
    d = q.shape[1]
    out = np.zeros((last - first, 1 + d))
    matrix, z, asked = np.empty((1 + d, 1 + d)), np.empty(d), np.empty(1 + d)
    for r in range(first, last):
        n = indptr[r + 1] - indptr[r]
        if n == 0:
            continue
        z[:], matrix[:], found = 0.0, 0.0, out[r - first]
        if len(y):
            for t in range(indptr[r], indptr[r + 1]):
                for f in range(d):
                    z[f] += y[indices[t], f] / np.sqrt(n)
        for f in range(1 + d):
            matrix[f, f] = regularization * np.sqrt(n)
        asked[0] = 1.0
        for t in range(indptr[r], indptr[r + 1]):
            i = indices[t]
            asked[1:] = q[i]
            left = target[t] - b_i[i]
            for f in range(d):
                left -= z[f] * asked[1 + f]
            for f in range(1 + d):
                found[f] += left * asked[f]
                for g in range(f + 1):
                    matrix[f, g] += asked[f] * asked[g]
        solve(matrix, found)
        found[1:] += z
    return out


@_compiled
def bpr_fold_in(indptr, indices, b_i, q, rate, lambda_u, sweeps, first, last):
    """p_u of rows `first` to `last`, float64 `(rows, d)`: `bpr_climb` for each."""
    out = np.zeros((last - first, q.shape[1]))
    for r in range(first, last):
        out[r - first], _, _ = bpr_climb(indices[indptr[r] : indptr[r + 1]], b_i, q, rate, lambda_u, sweeps)
    return out


@_compiled
def bpr_climb(met, b_i, q, rate, lambda_u, sweeps):
    """p_u of one history, `met` sorted: the steps of `bpr_epoch` on p_u alone, from 0; and the pairs it is made of.

    Draws start anew for every history, so it always gives the same vector. The step shrinks, and the second half of
    the sweeps is averaged, which takes the noise of the draws out. Without interactions, or with all, it is 0.
    Returns p_u `(d,)`, and `weight` and `drawn` `(sweeps, n)`: p_u = Σ_s Σ_t weight[s, t] (q_met[t] − q_drawn[s, t]).
    """
    d, n_items, n = q.shape[1], len(b_i), len(met)
    mean, p, state = np.zeros(d), np.zeros(d), np.zeros(1, np.uint64)
    weight, drawn = np.zeros((sweeps, n)), np.zeros((sweeps, n), np.int32)
    if n == 0 or n == n_items:
        return mean, weight, drawn
    averaged = (sweeps - sweeps // 2) * n
    for sweep in range(sweeps):
        step = rate / (1.0 + 0.1 * sweep)
        for t in range(n):
            i, j = met[t], _below(state, n_items)
            while _holds(met, 0, n, j):
                j = _below(state, n_items)
            x = b_i[i] - b_i[j]
            for f in range(d):
                x += p[f] * (q[i, f] - q[j, f])
            g = 1.0 / (1.0 + np.exp(x))
            for f in range(d):
                p[f] += step * (g * (q[i, f] - q[j, f]) - lambda_u * p[f])
            if sweep >= sweeps // 2:
                mean += p
            weight[sweep, t], drawn[sweep, t] = step * g, j
    left = 0.0  # of a step's share in p_u: how many of the averaged vectors hold it, and how much of it
    for sweep in range(sweeps - 1, -1, -1):
        for t in range(n - 1, -1, -1):
            left += sweep >= sweeps // 2
            weight[sweep, t] *= left / averaged
            left *= 1.0 - rate / (1.0 + 0.1 * sweep) * lambda_u
    mean /= averaged
    return mean, weight, drawn
