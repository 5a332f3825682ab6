"""Counts by calendar month as queries of the engine; only the counts are collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core import frames
from userportrait.features._summary_engine import RecentLines

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.data import Orders

__all__ = ["ActiveCustomers", "bought_lines", "count_active", "count_month_orders", "month_spend"]


@dataclass(frozen=True, slots=True, eq=False)
class ActiveCustomers:
    """Customers with a purchase in a month, by the month of their first purchase.

    Parameters
    ----------
    first, month, n_customers : ndarray of int64
        Months since 1970-01.
    """

    first: NDArray[np.int64]
    month: NDArray[np.int64]
    n_customers: NDArray[np.int64]


def bought_lines(orders: Orders, as_of: datetime) -> frames.Frame:
    """Return the lines of purchases until a moment, with `month`."""
    lines = RecentLines(orders, as_of)
    found = frames.with_month_number(lines.frame, "at", "month")
    if not lines.has_returns:
        return found
    return frames.keep_where(
        frames.with_condition(found, "is_return", "==", constant=False, name="is_bought"),
        "is_bought",
    )


def count_active(orders: Orders, as_of: datetime) -> ActiveCustomers:
    """Count the customers of each first month and month."""
    lines = bought_lines(orders, as_of)
    pairs = frames.aggregate(lines, ["customer_id", "month"], {}, rows="n_lines", complete=True)
    firsts = frames.aggregate(pairs, ["customer_id"], {"first": ("month", "min")}, complete=True)
    both = frames.join_rows(pairs, firsts, ["customer_id"], "inner")
    counted = frames.aggregate(both, ["first", "month"], {}, rows="n", complete=True)
    found = frames.collect_arrays(counted, ["first", "month", "n"])
    return ActiveCustomers(*(found[name].astype(np.int64) for name in ("first", "month", "n")))


def count_month_orders(orders: Orders, as_of: datetime) -> tuple[NDArray[np.int64], ...]:
    """Return months with a purchase, and the distinct orders in each."""
    lines = bought_lines(orders, as_of)
    pairs = frames.aggregate(lines, ["month", "order_id"], {}, rows="n_lines", complete=True)
    counted = frames.aggregate(pairs, ["month"], {}, rows="n", complete=True)
    found = frames.collect_arrays(counted, ["month", "n"])
    return found["month"].astype(np.int64), found["n"].astype(np.int64)


def month_spend(orders: Orders, as_of: datetime) -> tuple[NDArray[np.int64], ...]:
    """Return months with a line, and the money of each in minor units, net of refunds."""
    lines = frames.with_month_number(RecentLines(orders, as_of).frame, "at", "month")
    summed = frames.aggregate(lines, ["month"], {"net": ("amount", "sum")}, complete=True)
    found = frames.collect_arrays(summed, ["month", "net"])
    return found["month"].astype(np.int64), found["net"].astype(np.int64)
