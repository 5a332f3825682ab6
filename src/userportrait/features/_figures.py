"""From order lines to each customer's figures, for one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY, to_micros
from userportrait.features._measures import (
    Lines,
    OrderEnds,
    count_distinct_pairs,
    exact_sums,
    greatest,
    least,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["WINDOWS", "column_order", "figures"]

WINDOWS: tuple[int, ...] = (30, 90, 365)
_NEVER = np.iinfo(np.int64).min
_LATE = np.iinfo(np.int64).max


def figures(
    lines: Lines,
    customer_ids: NDArray[Any],
    as_of: datetime,
    minor_digits: int,
    windows: Sequence[int],
) -> dict[str, Any]:
    """Return the columns of the customer summary; see `CustomerSummary.finalize`."""
    moment = to_micros(as_of)
    known = lines.at <= moment
    if not known.all():
        lines = lines.keep(known)
    n = lines.n_customers
    present = np.bincount(lines.customer, minlength=n) > 0
    bought = lines.keep(~lines.is_return) if lines.is_return.any() else lines
    orders = OrderEnds(bought)
    found = _counts(lines, bought, n) | {"n_orders": orders.count_since(_NEVER)}
    found |= _money(lines, bought, found["n_orders"], minor_digits)
    found |= _times(lines, bought, n, moment)
    gaps = np.maximum(found["n_days"] - 1, 1)
    span = found.pop("span")
    found["mean_gap"] = np.where(found["n_days"] >= 2, span / gaps, np.nan)
    for days in windows:
        start = (moment // MICROS_PER_DAY - days + 1) * MICROS_PER_DAY
        recent = lines.at >= start
        spent = exact_sums(lines.customer[recent], n, lines.amount[recent])
        found[f"orders_{days}d"] = orders.count_since(start)
        found[f"spend_{days}d"] = spent / float(10**minor_digits)
    columns = {"customer_id": customer_ids}
    columns |= {name: found[name] for name in column_order(windows)}
    if present.all():
        return columns
    return {name: values[present] for name, values in columns.items()}


def column_order(windows: Sequence[int]) -> list[str]:
    """Return the columns of the customer summary after `customer_id`, in order."""
    order = ("first_order_at", "last_order_at", "n_orders", "n_lines", "n_items", "n_days",
             "n_returns", "spend", "gross_spend", "refunds", "mean_order_value", "recency",
             "tenure", "mean_gap")  # fmt: skip
    return [*order, *(name for d in windows for name in (f"orders_{d}d", f"spend_{d}d"))]


def _counts(lines: Lines, bought: Lines, n: int) -> dict[str, Any]:
    units = exact_sums(bought.customer, n, bought.units)
    whole = units // 1_000_000
    items = whole if bool((whole * 1_000_000 == units).all()) else units / 1e6
    day = bought.day
    first = int(day.min()) if len(day) else 0
    return {
        "n_lines": exact_sums(bought.customer, n, bought.n_lines),
        "n_items": items,
        "n_days": count_distinct_pairs(bought.customer, n, day - first),
        "n_returns": exact_sums(lines.customer, n, lines.n_lines * lines.is_return),
    }


def _money(
    lines: Lines, bought: Lines, n_orders: NDArray[np.int64], minor_digits: int
) -> dict[str, Any]:
    scale, n = float(10**minor_digits), lines.n_customers
    net = exact_sums(lines.customer, n, lines.amount)
    gross = net if bought is lines else exact_sums(bought.customer, n, bought.amount)
    mean = np.divide(gross, n_orders * scale, out=np.full(n, np.nan), where=n_orders > 0)
    return {
        "spend": net / scale,
        "gross_spend": gross / scale,
        "refunds": (gross - net) / scale,
        "mean_order_value": mean,
    }


def _times(lines: Lines, bought: Lines, n: int, moment: int) -> dict[str, Any]:
    last = greatest(bought.customer, n, bought.at, _NEVER)
    first = least(bought.customer, n, bought.at, _LATE)
    never = last == _NEVER
    if never.any():
        last_any = greatest(lines.customer, n, lines.at, _NEVER)
        first_any = least(lines.customer, n, lines.at, _LATE)
    else:
        last_any, first_any = last, first
    today = moment // MICROS_PER_DAY
    last_day = np.where(never, last_any, last) // MICROS_PER_DAY
    first_day = np.where(never, first_any, first) // MICROS_PER_DAY
    return {
        "first_order_at": _moments(first, never),
        "last_order_at": _moments(last, never),
        "recency": today - last_day,
        "tenure": today - first_day,
        "span": last_day - first_day,
    }


def _moments(micros: NDArray[np.int64], never: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    found = np.where(never, 0, micros).view("datetime64[us]")
    return np.where(never, np.datetime64("NaT", "us"), found)
