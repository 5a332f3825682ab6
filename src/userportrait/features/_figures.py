"""From order lines to each customer's figures, for one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY, to_micros
from userportrait.features._measures import (
    Lines,
    count_distinct_pairs,
    exact_sums,
    greatest,
    least,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["WINDOWS", "figures"]

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
    found = _counts(lines, bought, n) | _money(lines, bought, n, minor_digits)
    found |= _times(lines, bought, n, moment)
    gaps = np.maximum(found["n_days"] - 1, 1)
    span = found.pop("span")
    found["mean_gap"] = np.where(found["n_days"] >= 2, span / gaps, np.nan)
    for days in windows:
        found |= _window(lines, bought, n, moment, days, minor_digits)
    order = ("first_order_at", "last_order_at", "n_orders", "n_lines", "n_items", "n_days",
             "n_returns", "spend", "gross_spend", "refunds", "mean_order_value", "recency",
             "tenure", "mean_gap")  # fmt: skip
    names = [*order, *(name for d in windows for name in (f"orders_{d}d", f"spend_{d}d"))]
    columns = {"customer_id": customer_ids, **{name: found[name] for name in names}}
    if present.all():
        return columns
    return {name: values[present] for name, values in columns.items()}


def _counts(lines: Lines, bought: Lines, n: int) -> dict[str, Any]:
    units = exact_sums(bought.customer, n, bought.units)
    whole = units // 1_000_000
    items = whole if bool((whole * 1_000_000 == units).all()) else units / 1e6
    day = bought.day
    first = int(day.min()) if len(day) else 0
    return {
        "n_orders": count_distinct_pairs(bought.customer, n, bought.order),
        "n_lines": exact_sums(bought.customer, n, bought.n_lines),
        "n_items": items,
        "n_days": count_distinct_pairs(bought.customer, n, day - first),
        "n_returns": exact_sums(lines.customer, n, lines.n_lines * lines.is_return),
    }


def _money(lines: Lines, bought: Lines, n: int, minor_digits: int) -> dict[str, Any]:
    scale = float(10**minor_digits)
    net = exact_sums(lines.customer, n, lines.amount)
    gross = net if bought is lines else exact_sums(bought.customer, n, bought.amount)
    n_orders = count_distinct_pairs(bought.customer, n, bought.order)
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


def _window(
    lines: Lines, bought: Lines, n: int, moment: int, days: int, minor_digits: int
) -> dict[str, Any]:
    """Count what happened in the last days: today and the ``days - 1`` days before it."""
    start = (moment // MICROS_PER_DAY - days + 1) * MICROS_PER_DAY
    recent = lines.at >= start
    recent_bought = recent if bought is lines else bought.at >= start
    orders = count_distinct_pairs(bought.customer[recent_bought], n, bought.order[recent_bought])
    spend = exact_sums(lines.customer[recent], n, lines.amount[recent])
    return {f"orders_{days}d": orders, f"spend_{days}d": spend / float(10**minor_digits)}
