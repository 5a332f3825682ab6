"""From counts by day to each customer's figures, for one day."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.units import MICROS_PER_DAY
from userportrait.features._behaviour_names import column_names
from userportrait.features._events_counts import is_new, run_lengths, sum_rows
from userportrait.features._funnel import Pairs, reach_steps
from userportrait.features._sessions import join_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.features._events import EventSettings
    from userportrait.features._events_tables import Counts, DayTables

__all__ = ["LAST_BUCKET", "WINDOWS", "behaviour_figures", "label_counts"]

WINDOWS: tuple[int, ...] = (7, 30, 90, 365)
LAST_BUCKET = np.iinfo(np.int64).max
_BLOCK = 65_536
"""Customers whose hours are counted at a time, so that the table of counts stays small."""


class _Customers:
    """The customers with an event, and their rows in a table that is sorted by customer."""

    def __init__(self, customer: NDArray[np.int64], n_all: int) -> None:
        self.starts = np.flatnonzero(is_new(customer))
        self.present = customer[self.starts]
        self.ends = np.append(self.starts[1:], len(customer)) - 1
        self.n = len(self.present)
        self.place = np.full(n_all, -1, dtype=np.int64)
        self.place[self.present] = np.arange(self.n)

    def bounds(self, customer: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return where each customer's rows start in a sorted column, and where the last end."""
        found = np.searchsorted(customer, self.present)
        return np.append(found, len(customer))


def _count(chosen: NDArray[np.bool_], bounds: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count the chosen rows between bounds."""
    running = np.zeros(len(chosen) + 1, dtype=np.int64)
    np.cumsum(chosen, out=running[1:])
    return np.diff(running[bounds])


def behaviour_figures(
    tables: DayTables,
    customer_ids: Any,
    today: int,
    settings: EventSettings,
    windows: Sequence[int],
    label_values: Mapping[str, NDArray[Any]],
) -> dict[str, Any]:
    """Return the columns of the behaviour summary; see `BehaviourSummary.finalize`.

    Parameters
    ----------
    tables : DayTables
        Up to the moment, with at least one day.
    customer_ids : ndarray
        What the positions in the tables mean.
    today : int
        Day number of the moment.
    settings : EventSettings
    windows : sequence of int
        Days, ascending.
    label_values : mapping of str to ndarray
        What the codes of the labels mean.
    """
    days = tables.days
    customers = _Customers(days.customer, len(customer_ids))
    found: dict[str, Any] = {"customer_id": customer_ids[customers.present]}
    found |= _activity(tables, customers, today, settings, windows)
    found |= _sessions(tables, today, settings, windows)
    found |= _hours(tables.slots, customers, settings)
    if tables.items is not None:
        pairs = reach_steps(tables.items, settings.steps)
        found |= _items(pairs, customers, today, settings, windows)
    for name, counts in tables.labels.items():
        found |= _favourite(name, counts, customers, label_values[name])
    names = column_names(settings, windows, ("item_id",) * (tables.items is not None)
                         + tuple(tables.labels))  # fmt: skip
    return {name: found[name] for name in names}


def _activity(
    tables: DayTables,
    customers: _Customers,
    today: int,
    settings: EventSettings,
    windows: Sequence[int],
) -> dict[str, Any]:
    days = tables.days
    day = days.bucket >> 1
    new = is_new(days.customer, day)
    first, last = day[customers.starts], day[customers.ends]
    recent = _recent_starts(days.customer, day, customers, today, windows)
    found: dict[str, Any] = _named("n_days", windows, _totals(new, customers, recent))
    n_events = [np.zeros(customers.n, dtype=np.int64) for _ in range(len(recent) + 1)]
    for place in range(days.n.shape[1]):
        totals = _totals(days.n[:, place], customers, recent)
        for both, total in zip(n_events, totals, strict=True):
            both += total
        if place < len(settings.kinds):
            kind = settings.kinds[place]
            found |= _named(f"n_{kind}", windows, totals)
            rows = np.flatnonzero(days.n[:, place])
            since = np.full(customers.n, np.nan)
            # Days ascend, so that the last one stays.
            since[customers.place[days.customer[rows]]] = today - day[rows]
            found[f"recency_{kind}"] = since
    found |= _named("n_events", windows, n_events)
    gap = np.zeros(len(day), dtype=np.int64)
    gap[1:] = day[1:] - day[:-1]
    gap[customers.starts] = 0
    longest = np.maximum.reduceat(gap, customers.starts)
    return found | {
        "recency": today - last,
        "tenure": today - first,
        "mean_gap": _ratio(last - first, found["n_days"] - 1),
        "longest_gap": np.where(found["n_days"] >= 2, longest, np.nan),
    }


def _recent_starts(
    customer: NDArray[np.int64],
    day: NDArray[np.int64],
    customers: _Customers,
    today: int,
    windows: Sequence[int],
) -> list[NDArray[np.intp]]:
    """Find each customer's first row in each window; rows are sorted by customer and day."""
    low = int(day.min())
    span = today - low + 2
    key = customer * span + (day - low)
    since = [max(today - window + 1 - low, 0) for window in windows]
    return [np.searchsorted(key, customers.present * span + first) for first in since]


def _totals(
    n: NDArray[Any], customers: _Customers, recent: Sequence[NDArray[np.intp]]
) -> list[NDArray[np.int64]]:
    """Sum a column of the table over all days, then over the days of each window."""
    running = np.zeros(len(n) + 1, dtype=np.int64)
    np.cumsum(n, out=running[1:])
    through = running[customers.ends + 1]
    return [through - running[rows] for rows in (customers.starts, *recent)]


def _named(
    name: str, windows: Sequence[int], values: Sequence[NDArray[np.int64]]
) -> dict[str, NDArray[np.int64]]:
    names = [name, *(f"{name}_{window}d" for window in windows)]
    return dict(zip(names, values, strict=True))


def _sessions(
    tables: DayTables,
    today: int,
    settings: EventSettings,
    windows: Sequence[int],
) -> dict[str, Any]:
    sessions = join_pieces(tables.pieces, settings.gap)
    starts = np.flatnonzero(is_new(sessions.customer))
    n = run_lengths(starts, len(sessions))
    length = np.add.reduceat(sessions.end - sessions.start, starts)
    found: dict[str, Any] = {
        "first_event_at": sessions.start[starts].view("datetime64[us]"),
        "last_event_at": sessions.end[starts + n - 1].view("datetime64[us]"),
        "n_sessions": n,
        "session_minutes": length / n / 60e6,
        "session_events": np.add.reduceat(sessions.n, starts) / n,
    }
    bounds = np.append(starts, len(sessions))
    for window in windows:
        recent = sessions.start >= (today - window + 1) * MICROS_PER_DAY
        found[f"n_sessions_{window}d"] = _count(recent, bounds)
    return found


def _hours(slots: Counts, customers: _Customers, settings: EventSettings) -> dict[str, Any]:
    """Say when customers are active; rows of `slots` are sorted by customer."""
    place = customers.place[slots.customer]
    bounds = np.arange(0, customers.n + _BLOCK, _BLOCK)
    cuts = np.searchsorted(place, bounds)
    parts: list[dict[str, Any]] = []
    for block, (low, high) in enumerate(pairwise(cuts.tolist())):
        size = min(_BLOCK, customers.n - block * _BLOCK)
        if size > 0:
            rows = slice(int(low), int(high))
            inside = place[rows] - block * _BLOCK
            parts.append(_hours_of(inside, slots.value[rows], slots.n[rows], size, settings.night))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _hours_of(
    place: NDArray[np.int64],
    slot: NDArray[np.int64],
    n: NDArray[np.int64],
    size: int,
    night: list[int],
) -> dict[str, Any]:
    by_hour = _table(place, slot % 24, n, (size, 24))
    by_day = _table(place, slot // 24, n, (size, 7))
    total = by_hour.sum(axis=1)
    return {
        "preferred_hour": by_hour.argmax(axis=1),
        "preferred_weekday": by_day.argmax(axis=1) + 1,
        "night_share": by_hour[:, night].sum(axis=1) / total,
        "weekend_share": by_day[:, 5:].sum(axis=1) / total,
        "hour_spread": _spread(by_hour, total),
    }


def _table(
    row: NDArray[np.int64], column: NDArray[np.int64], n: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.int64]:
    cells = np.bincount(row * shape[1] + column, weights=n, minlength=shape[0] * shape[1])
    return cells.astype(np.int64).reshape(shape)


def _spread(counts: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Shannon's entropy of each row, as a share of the greatest one possible.

    Hours are added one after the other, so that every engine and every part gives the same bits.
    """
    found = np.zeros(len(counts))
    for hour in range(counts.shape[1]):
        share = counts[:, hour] / total
        found -= share * np.log(np.where(share > 0, share, 1.0))
    return np.asarray(np.clip(found / np.log(counts.shape[1]), 0.0, 1.0))


def _items(
    pairs: Pairs,
    customers: _Customers,
    today: int,
    settings: EventSettings,
    windows: Sequence[int],
) -> dict[str, Any]:
    bounds = customers.bounds(pairs.customer)
    found: dict[str, Any] = {"n_items": np.diff(bounds)}
    for window in windows:
        found[f"n_items_{window}d"] = _count(pairs.last_day > today - window, bounds)
    steps = settings.step_names
    deepest = np.zeros(customers.n, dtype=np.int64)
    before: Any = None
    for depth, step in enumerate(steps, start=1):
        reached = _count(pairs.depth >= depth, bounds)
        found[f"funnel_{step}"] = reached
        deepest[reached > 0] = depth
        if before is not None:
            found[f"funnel_{step}_share"] = _ratio(reached, before)
        before = reached
    names = np.array([None, *steps], dtype=object)
    found["deepest_step"] = names[deepest]
    return found


def _favourite(
    name: str, counts: Counts, customers: _Customers, values: NDArray[Any]
) -> dict[str, Any]:
    """Name each customer's most frequent value; of several, the first in the alphabet."""
    customer, code, n = label_counts(counts, len(customers.place), len(values))
    favourite = np.full(customers.n, None, dtype=object)
    share = np.full(customers.n, np.nan)
    if len(customer):
        starts = np.flatnonzero(is_new(customer))
        most = np.repeat(np.maximum.reduceat(n, starts), run_lengths(starts, len(n)))
        rows = np.flatnonzero(n == most)
        rows = rows[is_new(customer[rows])]
        place = customers.place[customer[rows]]
        favourite[place] = values[code[rows]]
        share[place] = n[rows] / np.add.reduceat(n, starts)
    return {f"favourite_{name}": favourite, f"favourite_{name}_share": share}


def label_counts(
    counts: Counts, n_customers: int, n_values: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sum a label's counts over all days: customer, value and events, sorted."""
    keys = [counts.customer, counts.value]
    (customer, code), n = sum_rows(keys, [n_customers, max(n_values, 1)], counts.n)
    return customer, code, n


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide; NaN where there is nothing to divide by."""
    empty = np.full(len(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=empty, where=denominator > 0))
