"""Distinct values of each customer with their counts: what all statistics are made from."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from userportrait.tags._values import Values, number_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.tags._context import TagContext
    from userportrait.tags._lines import Lines

__all__ = [
    "Chosen",
    "DistinctPairs",
    "Pairs",
    "choose",
    "count_distinct",
    "count_pairs",
    "distinct_pairs",
    "exact_sums",
]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The observations of a statistic, those with a known value only.

    Parameters
    ----------
    customer : ndarray of int32
    at : ndarray of int64
    values : Values
    """

    customer: NDArray[np.int32]
    at: NDArray[np.int64]
    values: Values


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """One row for each customer and distinct value, sorted by customer, then value.

    Parameters
    ----------
    customer, code, count : ndarray of int64
    values : Values
        What the codes mean.
    """

    customer: NDArray[np.int64]
    code: NDArray[np.int64]
    count: NDArray[np.int64]
    values: Values

    @property
    def numbers(self) -> NDArray[Any]:
        """Each pair's value, in units of 1/divisor."""
        if len(self.code) == 0:
            return np.zeros(0)
        found: NDArray[Any] = self.values.distinct[self.code]
        return found


def choose(
    context: TagContext,
    column: str | None,
    lines: str,
    window_days: int | None,
    per: str,
    zone: str | None,
    summed: bool,
) -> Chosen | None:
    """Choose the observations of a statistic; None if there is no such column."""
    source = context.lines if column is None else context.lines_with(column)
    if column is None:
        values: Values | None = Values(np.zeros(len(source), dtype=np.int32), np.zeros(1, int))
    else:
        values = source.values(column, zone)
    if values is None:
        return None
    kept = (values.codes >= 0) & _wanted(source, lines)
    if window_days is not None:
        kept &= source.day > context.today - window_days
    chosen = Chosen(source.customer[kept], source.at[kept], values.take(kept))
    if per == "line":
        return chosen
    group = source.order[kept] if per == "order" else source.day[kept]
    return _group(chosen, group, summed=summed and values.is_number)


def _wanted(lines: Lines, which: str) -> NDArray[np.bool_]:
    if which == "all":
        return np.ones(len(lines), dtype=bool)
    return lines.is_return if which == "returns" else ~lines.is_return


def _group(chosen: Chosen, group: NDArray[Any], *, summed: bool) -> Chosen:
    """Make one observation of each customer's order or day: sums, or each value once."""
    groups = distinct_pairs(chosen.customer, group)
    at = np.full(len(groups.first), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(at, groups.place, chosen.at)
    customer = groups.first.astype(np.int32)
    values = chosen.values
    inside = distinct_pairs(groups.place, values.codes)
    if summed:
        counted = Pairs(inside.first, inside.second, inside.times, values)
        return Chosen(customer, at, number_values(exact_sums(counted, len(at)), values.divisor))
    once = Values(inside.second.astype(np.int32), values.distinct, values.divisor)
    return Chosen(customer[inside.first], at[inside.first], once)


class DistinctPairs(NamedTuple):
    """The distinct pairs of two integer arrays, sorted, and where each row's pair stands."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    times: NDArray[np.int64]
    place: NDArray[np.int64]


def distinct_pairs(first: NDArray[Any], second: NDArray[Any]) -> DistinctPairs:
    """Sort and count the distinct pairs of two integer arrays of equal length."""
    if len(first) == 0:
        none = np.zeros(0, dtype=np.int64)
        return DistinctPairs(none, none, none, none)
    low = int(second.min())
    span = int(second.max()) - low + 1
    keys = first.astype(np.int64) * span + (second.astype(np.int64) - low)
    distinct, place, count = np.unique(keys, return_inverse=True, return_counts=True)
    return DistinctPairs(
        distinct // span, distinct % span + low, count.astype(np.int64), place.reshape(-1)
    )


def count_distinct(
    parts: list[NDArray[Any]],
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Sort and count the distinct rows of integer arrays of equal length.

    Parameters
    ----------
    parts : list of ndarray of int

    Returns
    -------
    parts : list of ndarray of int64
        One value for each distinct row, in the order of the first part, then the second …
    times : ndarray of int64
        How often each row comes.
    """
    if len(parts[0]) == 0:
        none = np.zeros(0, dtype=np.int64)
        return [none for _ in parts], none
    lows = [int(part.min()) for part in parts]
    spans = [int(part.max()) - low + 1 for part, low in zip(parts, lows, strict=True)]
    if prod(spans) >= 2**63:
        head = distinct_pairs(parts[0], parts[1])
        (place, *tail), times = count_distinct([head.place, *parts[2:]])
        return [head.first[place], head.second[place], *tail], times
    keys = np.zeros(len(parts[0]), dtype=np.int64)
    for part, low, span in zip(parts, lows, spans, strict=True):
        keys *= span
        keys += part
        keys -= low
    distinct, times = np.unique(keys, return_counts=True)
    found: list[NDArray[np.int64]] = []
    for low, span in zip(reversed(lows), reversed(spans), strict=True):
        found.insert(0, distinct % span + low)
        distinct = distinct // span
    return found, times.astype(np.int64)


def count_pairs(chosen: Chosen) -> Pairs:
    """Count each customer's distinct values."""
    (customer, code), times = count_distinct([chosen.customer, chosen.values.codes])
    return Pairs(customer, code, times, chosen.values)


def exact_sums(pairs: Pairs, n: int) -> NDArray[Any]:
    """Sum by customer: whole numbers exactly, others in the order of the sorted values."""
    numbers = pairs.numbers
    if numbers.dtype.kind != "i":
        return np.bincount(pairs.customer, weights=pairs.count * numbers, minlength=n)
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, pairs.customer, pairs.count * numbers)
    return sums
