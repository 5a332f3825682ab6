"""Steps of Bayesian personalised ranking, compiled: one batch of triples at a time."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled

__all__ = ["take_step"]


@compiled
def _mark(rows: Array, place: Array, listed: Array) -> Number:
    """Number the rows that occur, in the order of their first occurrence."""
    count = 0
    for row in rows:
        if place[row] < 0:
            place[row] = count
            listed[count] = row
            count += 1
    return count


@compiled
def _climb(
    factors: Array, squares: Array, slopes: Array, listed: Array, place: Array, rate: Number
) -> None:
    """Move each listed row along its slope, by less the more it has moved."""
    for number in range(len(listed)):
        row = listed[number]
        place[row] = -1
        for d in range(factors.shape[1]):
            slope = slopes[number, d]
            squares[row, d] += slope * slope
            factors[row, d] += rate * slope / np.sqrt(squares[row, d] + 1e-12)


@compiled
def take_step(
    customer: Array,
    item: Array,
    other: Array,
    x: Array,
    y: Array,
    x_squares: Array,
    y_squares: Array,
    x_place: Array,
    y_place: Array,
    rate: Number,
    l2: Number,
) -> Number:
    """Take one step with a batch; see `BPR`. Return the sum of its losses.

    The last place of an item's vector is its bias, which is not penalised. `x_place` and
    `y_place` hold -1 everywhere.
    """
    n, n_factors = len(customer), x.shape[1]
    x_listed, y_listed = np.empty(n, dtype=np.int64), np.empty(2 * n, dtype=np.int64)
    n_x = _mark(customer, x_place, x_listed)
    n_y = _mark(item, y_place, y_listed)
    for row in other:
        if y_place[row] < 0:
            y_place[row] = n_y
            y_listed[n_y] = row
            n_y += 1
    x_slopes, y_slopes = np.zeros((n_x, n_factors)), np.zeros((n_y, n_factors + 1))
    total = 0.0
    for place in range(n):
        u, i, j = customer[place], item[place], other[place]
        a, b, c = x_place[u], y_place[i], y_place[j]
        gap = y[i, n_factors] - y[j, n_factors]
        for d in range(n_factors):
            gap += x[u, d] * (y[i, d] - y[j, d])
        wrong = 1.0 / (1.0 + np.exp(gap))
        total += np.log1p(np.exp(-abs(gap))) + max(-gap, 0.0)
        y_slopes[b, n_factors] += wrong
        y_slopes[c, n_factors] -= wrong
        for d in range(n_factors):
            value = x[u, d]
            x_slopes[a, d] += wrong * (y[i, d] - y[j, d]) - l2 * value
            y_slopes[b, d] += wrong * value - l2 * y[i, d]
            y_slopes[c, d] -= wrong * value + l2 * y[j, d]
    _climb(x, x_squares, x_slopes, x_listed[:n_x], x_place, rate)
    _climb(y, y_squares, y_slopes, y_listed[:n_y], y_place, rate)
    return total
