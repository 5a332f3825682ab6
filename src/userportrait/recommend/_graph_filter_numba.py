"""Two steps on the graph of customers and items, compiled: from items to customers and back."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled

__all__ = ["two_steps"]


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
