"""SLIM by coordinate descent on residuals, compiled: one column of weights at a time."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled

__all__ = ["fit_columns"]


@compiled
def fit_columns(
    customer_ptr: Array,
    items: Array,
    customer_values: Array,
    item_ptr: Array,
    customers: Array,
    item_values: Array,
    squares: Array,
    l1: Number,
    l2: Number,
    tolerance: Number,
    max_sweeps: Number,
    columns: Array,
    out_start: Array,
    out_items: Array,
    out_weights: Array,
    counts: Array,
    gaps: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill the weights of some columns; `counts` says how many of each are above 0.

    An item that shares less than `l1` with the column's item can have no weight, so it is left out
    before the descent; the rest are visited in ascending order.
    """
    n_customers, n_items = len(customer_ptr) - 1, len(item_ptr) - 1
    shared = np.zeros(n_items)
    residual = np.zeros(n_customers)
    candidates = np.empty(n_items, dtype=np.int64)
    weights = np.zeros(n_items)
    for number in range(start, stop):
        column = columns[number]
        for place in range(item_ptr[column], item_ptr[column + 1]):
            customer = customers[place]
            residual[customer] = item_values[place]
            for other in range(customer_ptr[customer], customer_ptr[customer + 1]):
                shared[items[other]] += customer_values[other] * item_values[place]
        n = 0
        for item in range(n_items):
            if shared[item] > l1 and item != column:
                candidates[n] = item
                n += 1
            shared[item] = 0.0
        limit = tolerance * squares[column]
        every = True
        gap = 0.0
        for _ in range(max_sweeps):
            gap = 0.0
            for place in range(n):
                item = candidates[place]
                old = weights[item]
                if not every and old == 0.0:
                    continue
                gradient = 0.0
                for other in range(item_ptr[item], item_ptr[item + 1]):
                    gradient += item_values[other] * residual[customers[other]]
                new = (gradient + squares[item] * old - l1) / (squares[item] + l2)
                if new < 0.0:
                    new = 0.0
                if new != old:
                    weights[item] = new
                    change = new - old
                    for other in range(item_ptr[item], item_ptr[item + 1]):
                        residual[customers[other]] -= item_values[other] * change
                    move = change * change * (squares[item] + l2)
                    gap = max(gap, move)
            if gap <= limit:
                if every:
                    break
                every = True
            else:
                every = False
        gaps[number] = 0.0 if gap <= limit and every else gap / squares[column]
        free = out_start[number]
        for place in range(n):
            item = candidates[place]
            if weights[item] > 0.0:
                out_items[free] = item
                out_weights[free] = weights[item]
                free += 1
            for other in range(item_ptr[item], item_ptr[item + 1]):
                residual[customers[other]] = 0.0
            weights[item] = 0.0
        for place in range(item_ptr[column], item_ptr[column + 1]):
            residual[customers[place]] = 0.0
        counts[number] = free - out_start[number]
