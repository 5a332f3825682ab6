"""The totals of a shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core import frames
from userportrait._core.units import to_micros
from userportrait.data import Orders
from userportrait.features._months_engine import bought_lines
from userportrait.features._summary_engine import RecentLines

if TYPE_CHECKING:
    from datetime import datetime

    from userportrait.typing import IntoFrame

__all__ = ["OrderTotals", "order_totals"]


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """What a shop's order lines add up to.

    Parameters
    ----------
    n_customers : int
        Customers with a line.
    n_orders : int
        Distinct orders with a purchase.
    n_lines : int
        Order lines, returns too.
    spend : float
        Money net of refunds, in the currency.
    refunds : float
        Money of returns, as a positive number.

    Examples
    --------
    >>> OrderTotals(n_customers=2, n_orders=3, n_lines=5, spend=20.5, refunds=0.0).n_orders
    3
    """

    n_customers: int
    n_orders: int
    n_lines: int
    spend: float
    refunds: float


def order_totals(orders: Orders | IntoFrame, *, as_of: object = None) -> OrderTotals:
    """Add up all order lines, on the engine that holds them.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; a raw frame must have canonical names.
    as_of : datetime, date or ISO 8601 text, optional
        Lines after this moment are not used; by default the newest line's time.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "ann"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"]),
    ...         "amount": [10.0, 5.5, -2.0],
    ...     }
    ... )
    >>> order_totals(frame)
    OrderTotals(n_customers=2, n_orders=2, n_lines=3, spend=13.5, refunds=2.0)
    """
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="order_totals")
    if table.in_memory:
        return _totals_of_arrays(table, moment)
    lines = RecentLines(table, moment)
    measures: dict[str, frames.Aggregation] = {
        "net": ("amount", "sum"),
        "gross": (lines.bought("amount"), "sum"),
    }
    customers = frames.aggregate(
        lines.frame, ["customer_id"], measures, rows="n_lines", complete=True
    )
    sums: dict[str, frames.Aggregation] = {n: (n, "sum") for n in ("net", "gross", "n_lines")}
    customers = frames.with_value(customers, "shop", 0)
    total = frames.aggregate(customers, ["shop"], sums, rows="n_customers", complete=True)
    names = ["net", "gross", "n_lines", "n_customers"]
    found = frames.collect_arrays(total, names)
    net, gross, n_lines, n_customers = (int(found[name][0]) for name in names)
    orders_with_purchase = frames.aggregate(
        bought_lines(table, moment), ["order_id"], {}, rows="n_lines", complete=True
    )
    scale = float(10**table.minor_digits)
    n_orders = frames.count_rows(orders_with_purchase)
    return OrderTotals(n_customers, n_orders, n_lines, net / scale, (gross - net) / scale)


def _totals_of_arrays(orders: Orders, as_of: datetime) -> OrderTotals:
    arrays = orders.arrays
    known = arrays.at <= to_micros(as_of)
    bought = known & ~arrays.is_return
    scale = float(10**orders.minor_digits)
    net = int(arrays.amount[known].sum())
    return OrderTotals(
        n_customers=len(np.unique(arrays.customer[known])),
        n_orders=len(np.unique(arrays.order[bought])),
        n_lines=int(known.sum()),
        spend=net / scale,
        refunds=(int(arrays.amount[bought].sum()) - net) / scale,
    )
