"""From events to counts by customer and day: whole numbers that add up in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.features._events_counts import (
    count_rows,
    distinct_rows,
    is_new,
    pack,
    run_lengths,
    unpack,
)
from userportrait.features._funnel import ItemDays
from userportrait.features._sessions import Pieces, bucket_of, cut_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.entries import Coded
    from userportrait.features._events import EventLines, EventSettings

__all__ = ["Counts", "DayTables", "Days", "count_events"]

_MICROS_PER_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """One row for each customer and bucket of a day, sorted.

    Parameters
    ----------
    customer, bucket : ndarray of int64
    n : ndarray of int64, shape (n_rows, n_kinds + 1)
        Events of each kind; all others in the last column.
    """

    customer: NDArray[np.int64]
    bucket: NDArray[np.int64]
    n: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> Days:
        """Return the rows that a mask chooses."""
        return Days(self.customer[rows], self.bucket[rows], self.n[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Events by customer, bucket and a small whole number, sorted by customer; int64."""

    customer: NDArray[np.int64]
    bucket: NDArray[np.int64]
    value: NDArray[np.int64]
    n: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> Counts:
        """Return the rows that a mask chooses."""
        return Counts(self.customer[rows], self.bucket[rows], self.value[rows], self.n[rows])


@dataclass(frozen=True, slots=True, eq=False)
class DayTables:
    """What is kept of events; customers are positions in one sorted list.

    Parameters
    ----------
    days : Days
    pieces : Pieces
        Stretches of activity within a bucket.
    slots : Counts
        The value is the hour of the week in the shop's time zone, from 0 (Monday at
        midnight) to 167.
    items : ItemDays or None
    labels : mapping of str to Counts
        The values are codes.
    """

    days: Days
    pieces: Pieces
    slots: Counts
    items: ItemDays | None
    labels: Mapping[str, Counts]

    def until(self, bucket: int) -> DayTables:
        """Return what there is up to a bucket, and with it."""
        items = self.items
        return DayTables(
            self.days.keep(self.days.bucket <= bucket),
            self.pieces.keep(bucket_of(self.pieces.start) <= bucket),
            self.slots.keep(self.slots.bucket <= bucket),
            None if items is None else items.keep(items.bucket <= bucket),
            {name: counts.keep(counts.bucket <= bucket) for name, counts in self.labels.items()},
        )


def count_events(lines: EventLines, settings: EventSettings) -> DayTables:
    """Reduce events to counts by customer and day."""
    n_customers, n_kinds = len(lines.customer.distinct), len(settings.kinds) + 1
    customer, at, kind = _in_order(lines, n_customers, n_kinds)
    bucket = bucket_of(at)
    new_day = is_new(customer, bucket)
    starts = np.flatnonzero(new_day)
    run: NDArray[np.int64] = np.cumsum(new_day, dtype=np.int64)
    run -= 1
    run *= n_kinds
    run += kind
    n = np.bincount(run, minlength=len(starts) * n_kinds).reshape(len(starts), n_kinds)
    del run, kind
    days = Days(customer[starts], bucket[starts], n.astype(np.int64, copy=False))
    pieces = cut_pieces(customer, at, bucket, settings.gap)
    slot = _week_hours(at, settings.zone)
    new_day |= is_new(slot)
    firsts = np.flatnonzero(new_day)
    slots = Counts(customer[firsts], bucket[firsts], slot[firsts], run_lengths(firsts, len(at)))
    del customer, at, bucket, new_day, slot, firsts
    if lines.item is None and not lines.labels:
        return DayTables(days, pieces, slots, None, {})
    bucket = bucket_of(lines.at)
    low = int(bucket.min(initial=0))
    span = int(bucket.max(initial=0)) - low + 1
    bucket -= low
    items = None if lines.item is None else _items(lines, lines.item, bucket, span, n_kinds)
    labels = {n: _labels(lines, coded, bucket, span) for n, coded in lines.labels.items()}
    if items is not None:
        np.add(items.bucket, low, out=items.bucket)
    for counts in labels.values():
        np.add(counts.bucket, low, out=counts.bucket)
    return DayTables(days, pieces, slots, items, labels)


def _in_order(
    lines: EventLines, n_customers: int, n_kinds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return customers, times and kinds, sorted by all three."""
    low = int(lines.at.min(initial=0)) if len(lines) else 0
    offset = lines.at - low
    unit = next((u for u in (1_000_000, 1_000) if _is_multiple(offset, u)), 1)
    if unit > 1:
        offset //= unit
    sizes = [n_customers, int(offset.max(initial=0)) + 1, n_kinds]
    keys: list[NDArray[Any]] = [lines.customer.codes, offset, lines.kind]
    packed = pack(keys, sizes)
    if packed is None:
        order = np.lexsort((lines.kind, offset, lines.customer.codes))
        customer = lines.customer.codes[order].astype(np.int64)
        return customer, lines.at[order], lines.kind[order].astype(np.int64)
    packed.sort()
    customer, offset, kind = unpack(packed, sizes)
    if unit > 1:
        offset *= unit
    offset += low
    return customer, offset, kind


def _is_multiple(values: NDArray[np.int64], unit: int) -> bool:
    return not (values[:1000] % unit).any() and not (values % unit).any()


def _week_hours(at: NDArray[np.int64], zone: str | None) -> NDArray[np.int64]:
    """Return the hour of the week of times, in a time zone; Monday at midnight is 0."""
    if zone is None:
        hour = at // (60 * _MICROS_PER_MINUTE)
        hour += 3 * 24  # 1970-01-01 was a Thursday
        hour %= 7 * 24
        return hour
    minute = at // _MICROS_PER_MINUTE
    low, high = int(minute.min(initial=0)), int(minute.max(initial=0))
    if len(minute) and high - low < 4 * len(minute):
        low = int(minute.min())
        table = _local_week_hours(np.arange(low, high + 1), zone)
        return table[minute - low]
    return _local_week_hours(minute, zone)


def _local_week_hours(minute: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    times = pd.DatetimeIndex((minute * _MICROS_PER_MINUTE).view("datetime64[us]"))
    local = times.tz_localize("UTC").tz_convert(zone)
    found: NDArray[np.int64] = np.asarray(local.day_of_week, dtype=np.int64) * 24
    return found + np.asarray(local.hour, dtype=np.int64)


def _items(
    lines: EventLines, item: Coded, bucket: NDArray[np.int64], span: int, n_kinds: int
) -> ItemDays:
    keys: list[NDArray[Any]] = [lines.customer.codes, item.codes, bucket, lines.kind]
    known = item.codes >= 0
    if not known.all():
        keys = [key[known] for key in keys]
    sizes = [len(lines.customer.distinct), len(item.distinct), span, n_kinds]
    return ItemDays(*distinct_rows(keys, sizes))


def _labels(lines: EventLines, coded: Coded, bucket: NDArray[np.int64], span: int) -> Counts:
    keys: list[NDArray[Any]] = [lines.customer.codes, bucket, coded.codes]
    known = coded.codes >= 0
    if not known.all():
        keys = [key[known] for key in keys]
    sizes = [len(lines.customer.distinct), span, len(coded.distinct)]
    (customer, day, value), n = count_rows(keys, sizes)
    return Counts(customer, day, value, n)
