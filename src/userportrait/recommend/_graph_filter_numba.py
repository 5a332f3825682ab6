"""The graph of customers and items, compiled: two steps on it, what adds most, what can be best."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled
from userportrait.recommend._top_numba import offer

__all__ = ["byte_scores", "likely_items", "main_past", "two_steps"]


@compiled
def two_steps(
    history_ptr: Array,
    history: Array,
    history_values: Array,
    item_ptr: Array,
    customers: Array,
    item_values: Array,
    customer_ptr: Array,
    items: Array,
    customer_values: Array,
    found: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill rows of ``history @ across @ graph``.

    Sums go by item, then by customer, both ascending, as SciPy's products go.
    """
    reached = np.zeros(len(customer_ptr) - 1)
    for row in range(start, stop):
        found[row, :] = 0.0
        for place in range(history_ptr[row], history_ptr[row + 1]):
            weight = history_values[place]
            item = history[place]
            for other in range(item_ptr[item], item_ptr[item + 1]):
                reached[customers[other]] += item_values[other] * weight
        for customer in range(len(reached)):
            amount = reached[customer]
            if amount != 0.0:
                reached[customer] = 0.0
                for place in range(customer_ptr[customer], customer_ptr[customer + 1]):
                    found[row, items[place]] += customer_values[place] * amount


@compiled
def main_past(
    history_ptr: Array,
    history: Array,
    history_values: Array,
    pair_ptr: Array,
    pair_item: Array,
    item_ptr: Array,
    customers: Array,
    item_values: Array,
    directions: Array,
    low: Array,
    slope: Number,
    n_customers: Number,
    found: Array,
    start: Number,
    stop: Number,
) -> None:
    """Find the entry of each row's history that adds most to each of its pairs, -1 for none.

    Pairs are sorted by row; `pair_ptr` says where those of each row start.
    """
    n_directions, reached = len(low), np.zeros(n_customers)
    whole = n_directions // 4 * 4
    for row in range(start, stop):
        first, n = history_ptr[row], history_ptr[row + 1] - history_ptr[row]
        base, m = pair_ptr[row], pair_ptr[row + 1] - pair_ptr[row]
        if n == 0 or m == 0:
            continue
        aims, table = np.empty((n_directions, m)), np.zeros((n, m))
        for j in range(m):
            for d in range(n_directions):
                aims[d, j] = directions[pair_item[base + j], d]
        for p in range(n):
            item = history[first + p]
            for d in range(0, whole, 4):
                a, b = directions[item, d] * low[d], directions[item, d + 1] * low[d + 1]
                c, e = directions[item, d + 2] * low[d + 2], directions[item, d + 3] * low[d + 3]
                for j in range(m):
                    table[p, j] += (
                        a * aims[d, j]
                        + b * aims[d + 1, j]
                        + c * aims[d + 2, j]
                        + e * aims[d + 3, j]
                    )
            for d in range(whole, n_directions):
                a = directions[item, d] * low[d]
                for j in range(m):
                    table[p, j] += a * aims[d, j]
        for j in range(m):
            item = pair_item[base + j]
            for place in range(item_ptr[item], item_ptr[item + 1]):
                reached[customers[place]] = item_values[place]
            most = 0.0
            for p in range(n):
                past, near = history[first + p], 0.0
                for place in range(item_ptr[past], item_ptr[past + 1]):
                    near += item_values[place] * reached[customers[place]]
                value = history_values[first + p] * (slope * near + table[p, j])
                if value > most:
                    most = value
                    found[base + j] = p
            for place in range(item_ptr[item], item_ptr[item + 1]):
                reached[customers[place]] = 0.0


@compiled
def byte_scores(
    values: Array, step: Array, vector: Array, unit: Number, starts: Array, found: Array
) -> None:
    """Write what rows of bytes times a vector of int16 come to; sums must fit into int32."""
    for item in range(len(values)):
        total = np.int32(0)
        for d in range(len(vector)):
            total = np.int32(total + np.int32(values[item, d]) * np.int32(vector[d]))
        found[item] = starts[item] + unit * step[item] * total


@compiled
def likely_items(
    score: Array,
    length: Array,
    error: Array,
    long: Number,
    apart: Number,
    k: Number,
    allowed: Array,
    blocked: Array,
    found: Array,
) -> Number:
    """Write the items that can be among the k best into `found`; return how many there are.

    `allowed` is empty if everything is. Scores are off by the error of the item times how
    long the vector is, and its length times how far the vector is from its numbers, at most. An
    item can be among them if the most that its score may be is above 0, and not below the least
    that k others may have.
    """
    n_items = len(score)
    is_open = np.ones(n_items, dtype=np.bool_)
    for item in range(len(allowed)):
        is_open[item] = allowed[item]
    for item in blocked:
        is_open[item] = False
    best, least = np.empty(k, dtype=np.int32), np.empty(k)
    size, limit = 0, -np.inf
    for item in range(n_items):
        value = score[item] - (long * error[item] + apart * length[item])
        if value > limit and is_open[item]:
            size = offer(best, least, size, k, item, value)
            if size == k:
                limit = least[0]
    n_found = 0
    for item in range(n_items):
        most = score[item] + (long * error[item] + apart * length[item])
        if most > 0.0 and most >= limit and is_open[item]:
            found[n_found] = item
            n_found += 1
    return n_found
