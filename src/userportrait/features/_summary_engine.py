"""The customer summary as one query of the engine that holds the order lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait._core import frames
from userportrait._core.units import MICROS_PER_DAY, to_micros
from userportrait.features._entries import UNIT_DIGITS, with_direction
from userportrait.features._figures import column_order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from userportrait.data import Orders

__all__ = ["RecentLines", "summarise_on_engine"]

_UNIT = 10**UNIT_DIGITS


class RecentLines:
    """Order lines of an engine until a moment, with what every figure needs.

    Parameters
    ----------
    orders : Orders
    as_of : datetime

    Attributes
    ----------
    frame : Frame
        `customer_id`, `order_id`, `at`, `day`, `amount`, `units`, `is_return`; with returns
        also, null for them, `bought_at`, `bought_day`, `bought_amount`, `bought_units`.
    has_returns : bool
        False if there is certainly no return.
    """

    def __init__(self, orders: Orders, as_of: datetime) -> None:
        lines = orders.lines
        if as_of < orders.newest:
            lines = frames.keep_rows_until(lines, "at", to_micros(as_of))
        lines = with_direction(lines)
        kept = ["customer_id", "order_id", "at", "amount_minor", "units", "is_return"]
        lines = frames.name_columns(frames.select_columns(lines, kept), {"amount_minor": "amount"})
        lines = frames.with_day_number(lines, "at", "day")
        self.has_returns: bool = orders.has_returns
        if self.has_returns:
            copies = {f"bought_{name}": name for name in ("at", "day", "amount", "units")}
            lines = frames.with_null_where(lines, "is_return", copies)
        self.frame: frames.Frame = lines

    def bought(self, column: str) -> str:
        """Name the column that holds something of purchases only."""
        return f"bought_{column}" if self.has_returns else column


def summarise_on_engine(orders: Orders, as_of: datetime, windows: Sequence[int]) -> frames.Frame:
    """Return the customer summary, in no particular order; nothing is collected.

    Two aggregations are joined: the lines of each customer, and the orders of each customer,
    of which only the last purchase is needed. So no distinct count of orders is
    needed, neither in all nor in a window, and each is one hash table of the engine.
    """
    lines = RecentLines(orders, as_of)
    today = to_micros(as_of) // MICROS_PER_DAY
    starts = {days: (today - days + 1) * MICROS_PER_DAY for days in windows}
    found = _totals(lines, starts)
    found = frames.join_rows(found, _orders(lines, starts), ["customer_id"], "inner")
    found = _with_times(found, lines, today)
    found = _with_items(found, whole=_has_whole_units(orders, lines))
    found = _with_money(found, windows, 10**orders.minor_digits, returns=lines.has_returns)
    return frames.select_columns(found, ["customer_id", *column_order(windows)])


def _totals(lines: RecentLines, starts: dict[int, int]) -> frames.Frame:
    """Add up the lines of each customer; count the days with a purchase."""
    frame = lines.frame
    measures: dict[str, frames.Aggregation] = {
        "net": ("amount", "sum"),
        "items": (lines.bought("units"), "sum"),
        "n_days": (lines.bought("day"), "n_unique"),
        "first_bought": (lines.bought("at"), "min"),
        "last_bought": (lines.bought("at"), "max"),
    }
    for days, start in starts.items():
        frame = frames.with_condition(frame, "at", ">=", start, "is_recent")
        frame = frames.with_where(frame, "is_recent", "amount", f"net_{days}")
        measures[f"net_{days}"] = (f"net_{days}", "sum")
    if not lines.has_returns:
        found = frames.aggregate(frame, ["customer_id"], measures, rows="n_lines", complete=True)
        return frames.with_value(found, "n_returns", 0)
    measures |= {
        "gross": (lines.bought("amount"), "sum"),
        "n_lines": (lines.bought("at"), "count"),
        "first_seen": ("at", "min"),
        "last_seen": ("at", "max"),
    }
    found = frames.aggregate(frame, ["customer_id"], measures, rows="n_all", complete=True)
    return frames.with_arithmetic(found, "n_all", "-", "n_lines", "n_returns")


def _orders(lines: RecentLines, starts: dict[int, int]) -> frames.Frame:
    """Count the orders with a purchase of each customer, in all and in each window."""
    last: dict[str, frames.Aggregation] = {"last": (lines.bought("at"), "max")}
    found = frames.aggregate(lines.frame, ["customer_id", "order_id"], last, complete=True)
    measures: dict[str, frames.Aggregation] = {"n_orders": ("last", "count")}
    for days, start in starts.items():
        found = frames.with_condition(found, "last", ">=", start, f"in_{days}")
        found = frames.with_choice(found, f"in_{days}", 1, 0, f"orders_{days}d")
        measures[f"orders_{days}d"] = (f"orders_{days}d", "sum")
    return frames.aggregate(found, ["customer_id"], measures, complete=True)


def _with_times(found: frames.Frame, lines: RecentLines, today: int) -> frames.Frame:
    found = frames.with_time(found, "first_bought", "first_order_at")
    found = frames.with_time(found, "last_bought", "last_order_at")
    if lines.has_returns:  # customers without a purchase count from their lines
        found = frames.with_first_known(found, ["first_bought", "first_seen"], "first_bought")
        found = frames.with_first_known(found, ["last_bought", "last_seen"], "last_bought")
    found = frames.with_day_number(found, "first_bought", "first_day")
    found = frames.with_day_number(found, "last_bought", "last_day")
    found = frames.with_arithmetic(found, today, "-", "last_day", "recency")
    found = frames.with_arithmetic(found, today, "-", "first_day", "tenure")
    found = frames.with_arithmetic(found, "last_day", "-", "first_day", "span")
    found = frames.with_arithmetic(found, "n_days", "-", 1, "gaps")
    found = frames.with_arithmetic(found, "gaps", "max", 0, "gaps")  # no gap: the ratio is null
    return frames.with_ratio(found, "span", "gaps", "mean_gap")


def _with_items(found: frames.Frame, *, whole: bool) -> frames.Frame:
    if whole:
        return frames.with_arithmetic(found, "items", "//", _UNIT, "n_items")
    found = frames.with_value(found, "unit", _UNIT)
    return frames.with_ratio(found, "items", "unit", "n_items")


def _has_whole_units(orders: Orders, lines: RecentLines) -> bool:
    """Return whether every customer bought whole units, which the type of `n_items` tells.

    Whole numbers and no quantity at all need no look; others need one more pass.
    """
    if orders.holds_whole_units:
        return True
    bought: dict[str, frames.Aggregation] = {"items": (lines.bought("units"), "sum")}
    items = frames.aggregate(lines.frame, ["customer_id"], bought, complete=True)
    items = frames.with_arithmetic(items, "items", "//", _UNIT, "whole")
    items = frames.with_arithmetic(items, "whole", "*", _UNIT, "whole")
    items = frames.with_arithmetic(items, "items", "-", "whole", "rest")
    return bool(frames.extremes(items, "rest")[1] == 0)


def _with_money(
    found: frames.Frame, windows: Sequence[int], scale: int, *, returns: bool
) -> frames.Frame:
    """Turn minor units into the currency, each by one division of exact numbers."""
    found = frames.with_value(found, "scale", scale)
    if not returns:
        found = frames.with_arithmetic(found, "net", "+", 0, "gross")
    found = frames.with_arithmetic(found, "gross", "-", "net", "returned")
    found = frames.with_arithmetic(found, "n_orders", "*", scale, "scaled_orders")
    found = frames.with_ratio(found, "net", "scale", "spend")
    found = frames.with_ratio(found, "gross", "scale", "gross_spend")
    found = frames.with_ratio(found, "returned", "scale", "refunds")
    found = frames.with_ratio(found, "gross", "scaled_orders", "mean_order_value")
    for days in windows:
        found = frames.with_ratio(found, f"net_{days}", "scale", f"spend_{days}d")
    return found
