"""From baskets to each customer's habits: exact means, medians, maxima and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait.features._events_counts import is_new, run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Baskets", "Spend", "habit_figures"]


class Baskets(NamedTuple):
    """Rows of orders, sorted by customer and order; arrays of int64.

    `first` and `second` are lines and money in minor units; of items, the item and nothing.
    """

    customer: NDArray[np.int64]
    order: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


class Spend(NamedTuple):
    """Money by customer and tier, in minor units."""

    customer: NDArray[np.int64]
    tier: NDArray[np.int64]
    amount: NDArray[np.int64]
    n_tiers: int


def habit_figures(
    baskets: Baskets, items: Baskets | None, spend: Spend | None, customer_ids: Any, digits: int
) -> dict[str, Any]:
    """Return the columns of the habits; `favourite_tier` as a position, -1 for none."""
    starts = np.flatnonzero(is_new(baskets.customer, baskets.order))
    owner, order = baskets.customer[starts], baskets.order[starts]
    firsts = np.flatnonzero(is_new(owner))
    present = owner[firsts]
    n_orders = run_lengths(firsts, len(owner))
    found: dict[str, Any] = {"customer_id": customer_ids[present], "n_orders": n_orders}
    lines = np.add.reduceat(baskets.first, starts)
    found |= _three("basket_lines", lines, owner, firsts, 1)
    if items is not None:
        found |= _three("basket_items", _count_items(items, owner, order), owner, firsts, 1)
    value = np.add.reduceat(baskets.second, starts)
    found |= _three("order_value", value, owner, firsts, 10**digits)
    if spend is not None:
        found |= _tiers(spend, present, len(customer_ids))
    return found


def _count_items(
    items: Baskets, owner: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the distinct items of each order; 0 where none is known."""
    rows = np.flatnonzero(is_new(items.customer, items.order, items.first))
    customer, of_order = items.customer[rows], items.order[rows]
    starts = np.flatnonzero(is_new(customer, of_order))
    counts = run_lengths(starts, len(rows))
    span = int(max(order.max(initial=0), of_order.max(initial=0))) + 1
    mine = owner * span + order
    place = np.searchsorted(mine, customer[starts] * span + of_order[starts])
    found = np.zeros(len(owner), dtype=np.int64)
    found[place] = counts
    return found


def _three(
    name: str,
    values: NDArray[np.int64],
    owner: NDArray[np.int64],
    firsts: NDArray[np.intp],
    divisor: int,
) -> dict[str, Any]:
    """Return mean, median and maximum of each customer's baskets.

    Whole numbers are added and compared, and divided once.
    """
    n = run_lengths(firsts, len(owner))
    ordered = values[np.lexsort((values, owner))]
    twice_median = ordered[firsts + (n - 1) // 2] + ordered[firsts + n // 2]
    greatest = ordered[firsts + n - 1]
    return {
        f"{name}_mean": np.add.reduceat(values, firsts) / (n * divisor),
        f"{name}_median": twice_median / (2 * divisor),
        f"{name}_max": greatest if divisor == 1 else greatest / divisor,
    }


def _tiers(spend: Spend, present: NDArray[np.int64], n_customers: int) -> dict[str, Any]:
    sums = np.zeros((n_customers, spend.n_tiers), dtype=np.int64)
    np.add.at(sums, (spend.customer, spend.tier), spend.amount)
    sums = sums[present]
    total = sums.sum(axis=1)
    found: dict[str, Any] = {}
    for tier in range(spend.n_tiers):
        share = np.full(len(sums), np.nan)
        np.divide(sums[:, tier], total, out=share, where=total > 0)
        found[f"spend_share_tier_{tier + 1}"] = share
    found["favourite_tier"] = np.where(total > 0, sums.argmax(axis=1), -1)
    return found
