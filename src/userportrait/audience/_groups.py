"""The values of a tag as a few rows that a person can read, with their counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from userportrait._core.columns import BooleanColumn, NumberColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait._core.columns import Column, TextColumn

__all__ = ["MISSING", "NO", "OTHER", "YES", "Group", "group_values"]

BoolArray: TypeAlias = "NDArray[np.bool_]"

YES, NO, OTHER, MISSING = "yes", "no", "(other)", "(missing)"

_MOST_TEXTS = 20
_FEW_NUMBERS = 10
_WIDEST_TALLY = 1 << 20
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")


class Group(NamedTuple):
    """One value, or some that stand together.

    Parameters
    ----------
    label : str
    n_inside, n_all : int
        Members and customers with it.
    """

    label: str
    n_inside: int
    n_all: int


class _Tally(NamedTuple):
    """Distinct values in ascending order, or the upper limits of bins, with their counts."""

    values: NDArray[Any]
    n_inside: NDArray[Any]
    n_all: NDArray[Any]


def group_values(column: Column, inside: BoolArray, *, n_bins: int, min_size: int) -> list[Group]:
    """Count the values of a column, for all rows and for those inside.

    Parameters
    ----------
    column : column
    inside : ndarray of bool
    n_bins : int
        How many bins numbers get at most, if they have more than 10 distinct values.
    min_size : int
        Values that fewer rows have are put together.

    Returns
    -------
    list of Group
        In the order of the values, unknown values last.
    """
    if isinstance(column, BooleanColumn):
        groups = _group_booleans(column, inside)
    elif isinstance(column, NumberColumn):
        groups = _group_numbers(column, inside, n_bins, min_size)
    elif len(column.labels) > _MOST_TEXTS and all(map(_DATE.fullmatch, column.labels)):
        groups = _group_dates(column, inside, n_bins, min_size)
    else:
        groups = _group_texts(column, inside, min_size)
    n_known = sum(group.n_all for group in groups)
    if n_known < len(column):
        n_inside = int(np.count_nonzero(inside)) - sum(group.n_inside for group in groups)
        groups.append(Group(MISSING, n_inside, len(column) - n_known))
    return groups


def _group_booleans(column: BooleanColumn, inside: BoolArray) -> list[Group]:
    rows = {YES: column.values & column.known, NO: column.known & ~column.values}
    groups = [
        Group(label, int(np.count_nonzero(where & inside)), int(np.count_nonzero(where)))
        for label, where in rows.items()
    ]
    return [group for group in groups if group.n_all]


# --- texts -------------------------------------------------------------------------------


def _group_texts(column: TextColumn, inside: BoolArray, min_size: int) -> list[Group]:
    tally = _count_texts(column, inside)
    frequent = np.argsort(-tally.n_all, kind="stable")
    if len(frequent) > _MOST_TEXTS + 1:  # one text alone is no shorter as '(other)'
        frequent = frequent[:_MOST_TEXTS]
    shown = np.sort(frequent[tally.n_all[frequent] >= min_size])
    groups = _as_groups(_Tally(*(part[shown] for part in tally)), str)
    if len(shown) < len(tally.values):
        n_inside = int(tally.n_inside.sum()) - sum(group.n_inside for group in groups)
        n_all = int(tally.n_all.sum()) - sum(group.n_all for group in groups)
        groups.append(Group(OTHER, n_inside, n_all))
    return groups


def _group_dates(column: TextColumn, inside: BoolArray, n_bins: int, min_size: int) -> list[Group]:
    """Cut dates into spans that about the same number of rows fall into."""
    tally = _count_texts(column, inside)
    dates = tally.values
    ranks = tally._replace(values=np.arange(len(dates)))
    limits = _choose_limits(ranks.values, ranks, n_bins, rounded=False)
    bins = _cut(ranks, limits, min_size)
    starts = dict(zip(bins.values.tolist(), [0, *(bins.values[:-1] + 1).tolist()], strict=True))

    def label(last: int) -> str:
        first = starts[last]
        return str(dates[last]) if first == last else f"{dates[first]} – {dates[last]}"

    return _as_groups(bins, label)


def _count_texts(column: TextColumn, inside: BoolArray) -> _Tally:
    """Count each text that occurs."""
    n_labels = len(column.labels)
    shifted = column.codes + 1  # 0 is unknown
    n_all = np.bincount(shifted, minlength=n_labels + 1)[1:]
    n_inside = np.bincount(shifted[inside], minlength=n_labels + 1)[1:]
    occurring = [code for code in range(n_labels) if n_all[code]]
    codes = np.array(sorted(occurring, key=column.labels.__getitem__), dtype=np.int64)
    texts = np.array([column.labels[code] for code in codes.tolist()], dtype=object)
    return _Tally(texts, n_inside[codes], n_all[codes])


# --- numbers -----------------------------------------------------------------------------


def _group_numbers(
    column: NumberColumn, inside: BoolArray, n_bins: int, min_size: int
) -> list[Group]:
    everybody, members = column.values, column.values[inside & column.known]
    if not column.known.all():
        everybody = everybody[column.known]
    if not len(everybody):
        return []
    if _is_whole(everybody):
        everybody, members = everybody.astype(np.int64), members.astype(np.int64)
    tally = _count_numbers(everybody, members)
    if tally is not None and len(tally.values) <= _FEW_NUMBERS:
        limits = tally.values
    else:
        limits = _choose_limits(everybody, tally, n_bins, rounded=True)
    bins = _cut(tally or _count_between(everybody, members, limits), limits, min_size)
    single = _count_at(everybody, tally, bins.values) == bins.n_all
    return _as_groups(bins, _NumberLabels(bins, single, everybody.min().item()))


def _is_whole(values: NDArray[Any]) -> bool:
    if values.dtype.kind in "iu":
        return True
    some = values[:1000]
    if not np.array_equal(some, np.rint(some)):
        return False
    return bool(np.array_equal(values, np.rint(values))) and bool(np.abs(values).max() < 2.0**53)


def _count_numbers(everybody: NDArray[Any], members: NDArray[Any]) -> _Tally | None:
    """Count each number that occurs; None where there are too many to count cheaply."""
    lowest, highest = everybody.min(), everybody.max()
    if everybody.dtype.kind in "iu" and int(highest) - int(lowest) < _WIDEST_TALLY:
        n_all = np.bincount(everybody - lowest)
        n_inside = np.bincount(members - lowest, minlength=len(n_all))
        occurring = np.flatnonzero(n_all)
        return _Tally(occurring + lowest, n_inside[occurring], n_all[occurring])
    values = np.unique(everybody[:1000])
    if len(values) <= _FEW_NUMBERS and _count_equal(everybody, values).sum() < len(everybody):
        values = np.unique(everybody)
    if len(values) > _FEW_NUMBERS:
        return None
    return _Tally(values, _count_equal(members, values), _count_equal(everybody, values))


def _count_equal(numbers: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    return np.array([np.count_nonzero(numbers == value) for value in values], dtype=np.int64)


class _NumberLabels:
    """Names bins by their upper limits: ``0``, ``1``, ``2–5``, ``> 5``."""

    def __init__(self, bins: _Tally, single: BoolArray, lowest: Any) -> None:
        self.limits: list[Any] = bins.values.tolist()
        self.single: list[bool] = single.tolist()
        self.lowest = lowest

    def __call__(self, limit: Any) -> str:
        place = self.limits.index(limit)
        if self.single[place]:
            return _shown(limit)
        if len(self.limits) == 1:
            return _span(self.lowest, limit)
        if place == 0:
            return f"≤ {_shown(limit)}"
        below = self.limits[place - 1]
        if place == len(self.limits) - 1:
            return f"> {_shown(below)}"
        if isinstance(limit, int):
            return _span(below + 1, limit)
        # Both ends of a span are shown; that the lower one is not part of it matters where it
        # has a row of its own.
        return f"> {_span(below, limit)}" if self.single[place - 1] else _span(below, limit)


def _span(low: Any, high: Any) -> str:
    return f"{_shown(low)}{' to ' if low < 0 else '–'}{_shown(high)}"


def _shown(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.15g}"


# --- bins --------------------------------------------------------------------------------


def _choose_limits(
    everybody: NDArray[Any], tally: _Tally | None, n_bins: int, *, rounded: bool
) -> NDArray[Any]:
    """Return upper limits of bins that hold about as many rows each.

    A value that fills a bin gets one of its own. Other limits are rounded to three significant
    digits, so that labels are short and still say exactly what the bin is.
    """
    quantiles = _quantiles(everybody if tally is None else tally, n_bins)
    n_rows = len(everybody)
    if tally is not None:
        everybody, n_rows = tally.values, int(tally.n_all.sum())
    lowest, highest = everybody.min().item(), quantiles[-1].item()
    filling = _count_at(everybody, tally, quantiles) * n_bins >= n_rows
    chosen: set[Any] = set()
    for limit, fills in zip(quantiles.tolist(), filling.tolist(), strict=True):
        if fills:
            below = everybody[everybody < limit]
            chosen |= {limit, below.max().item()} if len(below) else {limit}
        elif limit < highest:
            chosen.add(float(f"{limit:.3g}") if rounded else limit)
    inner = sorted(limit for limit in chosen if lowest <= limit < highest)
    return np.array([*inner, highest], dtype=everybody.dtype)


def _count_at(
    everybody: NDArray[Any], tally: _Tally | None, limits: NDArray[Any]
) -> NDArray[np.int64]:
    """Count the rows that have exactly these values."""
    if tally is None:
        return _count_equal(everybody, limits)
    places = np.minimum(tally.values.searchsorted(limits), len(tally.values) - 1)
    return np.where(tally.values[places] == limits, tally.n_all[places], 0)


def _quantiles(source: _Tally | NDArray[Any], n_bins: int) -> NDArray[Any]:
    """Return upper limits of bins that hold about as many rows each; values that occur."""
    if isinstance(source, _Tally):
        below: NDArray[np.int64] = np.cumsum(source.n_all)
        wanted: NDArray[np.int64] = -(-np.arange(1, n_bins + 1) * below[-1] // n_bins)
        places: NDArray[np.int64] = np.unique(below.searchsorted(wanted))
        return np.asarray(source.values[places])
    shares = np.arange(1, n_bins + 1) / n_bins
    limits: NDArray[Any] = np.quantile(source, shares, method="inverted_cdf")
    return np.unique(limits)


def _count_between(everybody: NDArray[Any], members: NDArray[Any], limits: NDArray[Any]) -> _Tally:
    """Count the values up to each limit and above the one before."""
    counts = (
        np.diff([np.count_nonzero(numbers <= limit) for limit in limits], prepend=0)
        for numbers in (members, everybody)
    )
    return _Tally(limits, *counts)


def _cut(tally: _Tally, limits: NDArray[Any], min_size: int) -> _Tally:
    """Put values together up to each limit, and small bins with the next one."""
    place = np.searchsorted(limits, tally.values)
    sizes = np.zeros(len(limits), dtype=np.int64)
    np.add.at(sizes, place, tally.n_all)
    lasts: list[int] = []
    waiting = 0
    for position, size in enumerate(sizes.tolist()):
        waiting += size
        if waiting >= min_size:
            lasts.append(position)
            waiting = 0
    if waiting:
        lasts = [*lasts[:-1], len(limits) - 1]
    bins = np.searchsorted(np.array(lasts), place)
    counts = (np.zeros(len(lasts), dtype=np.int64), np.zeros(len(lasts), dtype=np.int64))
    np.add.at(counts[0], bins, tally.n_inside)
    np.add.at(counts[1], bins, tally.n_all)
    return _Tally(limits[lasts], *counts)


def _as_groups(tally: _Tally, label: Callable[[Any], str]) -> list[Group]:
    rows = zip(*(part.tolist() for part in tally), strict=True)
    return [Group(label(value), n_inside, n_all) for value, n_inside, n_all in rows]
