"""Order lines reduced to entries: one for each customer, order, time and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait._core.entries import Coded, Entries, group_starts
from userportrait._core.units import minor_units
from userportrait.features._measures import Lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data import Orders

__all__ = [
    "UNIT_DIGITS",
    "entry_columns",
    "lines_of_entries",
    "lines_of_orders",
    "new_entries",
    "with_direction",
]

UNIT_DIGITS = 6
"""Units are summed in millionths, so that weights such as 1.5 kg add up exactly too."""
_KEYS = ("customer_id", "order_id", "at", "is_return")
_SUMS = ("n_lines", "units", "amount")


def new_entries() -> Entries:
    """Return entries with no rows."""
    return Entries(_KEYS, _SUMS)


def entry_columns(orders: Orders) -> dict[str, Any]:
    """Return the columns of entries: reduced by the engine, or as lines from memory."""
    if orders.in_memory:
        arrays, lines = orders.arrays, lines_of_orders(orders)
        return {
            "customer_id": Coded(arrays.customer, arrays.customer_ids),
            "order_id": Coded(arrays.order, arrays.order_ids),
            "at": lines.at,
            "is_return": lines.is_return,
            "n_lines": lines.n_lines,
            "units": lines.units,
            "amount": lines.amount,
        }
    reduced = frames.aggregate(
        with_direction(orders.lines),
        list(_KEYS),
        {"units": ("units", "sum"), "amount": ("amount_minor", "sum")},
        rows="n_lines",
        complete=True,
    )
    found: dict[str, Any] = frames.collect_arrays(reduced, [*_KEYS, *_SUMS])
    found["is_return"] = found["is_return"].astype(bool)
    return found


def with_direction(lines: frames.Frame) -> frames.Frame:
    """Add `units` (millionths) and `is_return` to the lines of an engine."""
    if "quantity" in frames.column_names(lines):
        if frames.column_kinds(lines, ["quantity"])["quantity"] == "integer":
            lines = frames.with_arithmetic(lines, "quantity", "*", 10**UNIT_DIGITS, "units")
        else:
            lines = frames.with_minor_units(lines, "quantity", "units", digits=UNIT_DIGITS)
        return frames.with_any_negative(lines, ["amount_minor", "units"], "is_return")
    lines = frames.with_any_negative(lines, ["amount_minor"], "is_return")
    return frames.with_choice(lines, "is_return", -(10**UNIT_DIGITS), 10**UNIT_DIGITS, "units")


def lines_of_orders(orders: Orders) -> Lines:
    """Return the order lines of a table in memory."""
    arrays = orders.arrays
    return Lines(
        customer=arrays.customer,
        n_customers=len(arrays.customer_ids),
        order=arrays.order_key,
        at=arrays.at,
        amount=arrays.amount,
        units=_units(arrays.quantity),
        is_return=arrays.is_return,
        n_lines=np.ones(len(arrays), dtype=np.int64),
    )


def lines_of_entries(entries: Entries) -> tuple[Lines, NDArray[Any]]:
    """Return entries, not none, as lines, and the customers that they count from 0.

    Entries are sorted by customer and order, so nothing has to be hashed.
    """
    columns = entries.settled_keys()
    sums = entries.packed()
    customer, ids = _codes(columns["customer_id"])
    new_order = group_starts(columns["customer_id"], columns["order_id"])
    lines = Lines(
        customer=customer,
        n_customers=len(ids),
        order=(np.cumsum(new_order) - 1).astype(np.int32),
        at=_plain(columns["at"]),
        amount=_plain(sums["amount"]),
        units=_plain(sums["units"]),
        is_return=_plain(columns["is_return"]),
        n_lines=_plain(sums["n_lines"]),
    )
    return lines, ids


def _codes(column: Any) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if isinstance(column, Coded):
        return column.codes, column.distinct
    new = group_starts(column)
    return (np.cumsum(new) - 1).astype(np.int32), column[new]


def _plain(column: Any) -> NDArray[Any]:
    return np.asarray(column)


def _units(quantity: NDArray[Any]) -> NDArray[np.int64]:
    if quantity.dtype.kind == "i":
        whole: NDArray[np.int64] = quantity * 10**UNIT_DIGITS
        return whole
    return minor_units(quantity, UNIT_DIGITS)
