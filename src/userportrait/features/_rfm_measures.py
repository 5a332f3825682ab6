"""Recency, frequency and money of each customer, by the shortest way on each engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait._core.units import MICROS_PER_DAY, to_micros
from userportrait.features._measures import count_distinct_pairs, exact_sums, greatest
from userportrait.features._summary_engine import RecentLines

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.data import Orders

__all__ = ["RFMMeasures", "measure_rfm", "measure_rfm_frame"]

_NEVER = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True)
class RFMMeasures:
    """Three figures for each customer, in the order of `customer_ids`.

    Parameters
    ----------
    customer_ids : ndarray, or a column of the engine
        Sorted.
    recency : ndarray of int64
        Whole days since the last purchase; since the last line without a purchase.
    frequency : ndarray of int64
        Orders with a purchase.
    spend : ndarray of int64
        Minor units, net of refunds or gross.

    Examples
    --------
    >>> import numpy as np
    >>> RFMMeasures(np.array([7]), np.array([3]), np.array([2]), np.array([1999])).spend
    array([1999])
    """

    customer_ids: Any
    recency: NDArray[np.int64]
    frequency: NDArray[np.int64]
    spend: NDArray[np.int64]


def measure_rfm(orders: Orders, as_of: datetime, *, net: bool) -> RFMMeasures:
    """Measure customers with a line at or before `as_of`.

    Parameters
    ----------
    orders : Orders
    as_of : datetime
    net : bool
        Whether refunds are taken off the spend.

    Returns
    -------
    RFMMeasures
        Customers sorted by ID.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.data import Orders
    >>> orders = Orders(
    ...     pd.DataFrame(
    ...         {
    ...             "customer_id": [1, 1],
    ...             "order_id": [1, 2],
    ...             "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-15"]),
    ...             "amount": [10.0, 20.0],
    ...         }
    ...     )
    ... )
    >>> measure_rfm(orders, orders.newest, net=True).frequency
    array([2])
    """
    if orders.in_memory:
        return _measure_arrays(orders, as_of, net=net)
    return _measure_on_engine(orders, as_of, net=net)


def _measure_arrays(orders: Orders, as_of: datetime, *, net: bool) -> RFMMeasures:
    arrays = orders.arrays
    customer, order, day, amount = arrays.customer, arrays.order_key, arrays.day, arrays.amount
    bought: Any = None
    if arrays.has_returns:
        bought = ~arrays.is_return
    ids = arrays.customer_column
    n = len(ids)
    present: Any = None
    if as_of < orders.newest:
        known = arrays.at <= to_micros(as_of)
        customer, order, day, amount = customer[known], order[known], day[known], amount[known]
        bought = None if bought is None else bought[known]
        present = np.bincount(customer, minlength=n) > 0
    if bought is None:
        last = greatest(customer, n, day, _NEVER)
        owners = arrays.owners if present is None else None
        if owners is None:
            frequency = count_distinct_pairs(customer, n, order)
        else:
            frequency = np.bincount(owners, minlength=n)
        spend = exact_sums(customer, n, amount)
    else:
        buyer = customer[bought]
        last = greatest(buyer, n, day[bought], _NEVER)
        frequency = count_distinct_pairs(buyer, n, order[bought])
        spend = exact_sums(customer, n, amount) if net else exact_sums(buyer, n, amount[bought])
        never = last == _NEVER
        if never.any():
            last = np.where(never, greatest(customer, n, day, _NEVER), last)
    recency = to_micros(as_of) // MICROS_PER_DAY - last.astype(np.int64)
    if present is not None and not present.all():
        return RFMMeasures(ids[present], recency[present], frequency[present], spend[present])
    return RFMMeasures(ids, recency, frequency, spend)


def _measure_on_engine(orders: Orders, as_of: datetime, *, net: bool) -> RFMMeasures:
    lines = orders.lines
    if as_of < orders.newest:
        lines = frames.keep_rows_until(lines, "at", to_micros(as_of))
    bought = {"at": "at", "order": "order_id", "amount": "amount_minor"}
    returns = orders.has_returns
    if returns:
        signs = ["amount_minor", *(["quantity"] if "quantity" in orders.columns else [])]
        lines = frames.with_any_negative(lines, signs, "is_return")
        copies = {f"bought_{name}": column for name, column in bought.items()}
        lines = frames.with_null_where(lines, "is_return", copies)
        bought = {name: f"bought_{name}" for name in bought}
    measures: dict[str, frames.Aggregation] = {
        "last_bought": (bought["at"], "max"),
        "frequency": (bought["order"], "n_unique"),
        "spend": ("amount_minor" if net else bought["amount"], "sum"),
    }
    if returns:
        measures["last"] = ("at", "max")
    found = frames.sort_rows(
        frames.aggregate(lines, ["customer_id"], measures, complete=True), ["customer_id"]
    )
    ids, columns = frames.collect_keyed(found, "customer_id", list(measures))
    last = columns["last_bought"]
    if last.dtype.kind == "f":
        last = np.where(np.isnan(last), columns["last"], last).astype(np.int64)
    recency = to_micros(as_of) // MICROS_PER_DAY - last // MICROS_PER_DAY
    return RFMMeasures(ids, recency, columns["frequency"], columns["spend"].astype(np.int64))


def measure_rfm_frame(orders: Orders, as_of: datetime, *, net: bool) -> frames.Frame:
    """Measure customers as a query of the engine; nothing is collected.

    Orders are reduced first, so that their count needs no distinct count.

    Parameters
    ----------
    orders : Orders
        Of an engine that is not in memory.
    as_of : datetime
    net : bool
        Whether refunds are taken off the spend.

    Returns
    -------
    Frame
        `customer_id`, `recency`, `frequency` and `monetary` (in the currency), in no order.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.data import Orders
    >>> lines = pd.DataFrame(
    ...     {
    ...         "customer_id": [1, 1],
    ...         "order_id": [1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-15"]),
    ...         "amount": [10.0, 20.0],
    ...     }
    ... )
    >>> import duckdb
    >>> orders = Orders(duckdb.from_df(lines))
    >>> frames.leave(measure_rfm_frame(orders, orders.newest, net=True)).fetchall()
    [(1, 0, 2, 30.0)]
    """
    lines = RecentLines(orders, as_of)
    found = frames.aggregate(
        lines.frame,
        ["customer_id", "order_id"],
        {
            "money": ("amount" if net else lines.bought("amount"), "sum"),
            "last_bought": (lines.bought("at"), "max"),
            "last_seen": ("at", "max"),
        },
        complete=True,
    )
    found = frames.aggregate(
        found,
        ["customer_id"],
        {
            "money": ("money", "sum"),
            "frequency": ("last_bought", "count"),
            "last_bought": ("last_bought", "max"),
            "last_seen": ("last_seen", "max"),
        },
        complete=True,
    )
    found = frames.with_first_known(found, ["last_bought", "last_seen"], "last")
    found = frames.with_day_number(found, "last", "last_day")
    today = to_micros(as_of) // MICROS_PER_DAY
    found = frames.with_arithmetic(found, today, "-", "last_day", "recency")
    found = frames.with_value(found, "scale", 10**orders.minor_digits)
    found = frames.with_ratio(found, "money", "scale", "monetary")
    return frames.select_columns(found, ["customer_id", "recency", "frequency", "monetary"])
