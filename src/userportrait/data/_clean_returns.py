"""Match returned units with earlier purchases: the newest first, without a loop over rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Matching", "match_returns", "row_order"]


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """What earlier purchases cover of each return.

    Parameters
    ----------
    covered : ndarray of int64
        Units of each row that are covered; 0 for a purchase.
    purchase : ndarray of int64
        Row of the newest purchase that a return takes units from; -1 for none.
    """

    covered: NDArray[np.int64]
    purchase: NDArray[np.int64]


def match_returns(
    groups: tuple[NDArray[np.int64], ...], units: tuple[NDArray[np.int64], ...], order: Any
) -> Matching:
    """Cover returns by earlier purchases of the same group, in one pass per grouping.

    A pass goes through the rows of a group in `order`. A purchase adds its units to those that
    can be returned; a return takes the newest of them. What one pass leaves, purchases as well
    as returns, goes into the next.

    Parameters
    ----------
    groups : tuple of ndarray of int64
        For each pass, the group of each row; finer groupings come first.
    units : tuple of ndarray of int64
        For each pass, each row's units in that pass's unit: positive for a purchase, negative
        for a return. Where the unit changes from one pass to the next, only rows that the
        first has not touched take part in the second.
    order : ndarray of int64
        The rows, sorted by time, purchases before returns of the same time.

    Returns
    -------
    Matching
        Covered units in the last pass's unit.

    Notes
    -----
    The stock that can be returned is a walk reflected at 0: with the running total C of units,
    it is C - min(0, min C), and the uncovered units so far are -min(0, min C). A purchase keeps
    what the walk never sinks below again. Nothing but running sums and minima; the loop that
    they replace is in the tests.

    Newest first, because people return what they have just bought. It also covers most: older
    units can still cover every later return.
    """
    n_rows = len(order)
    purchase = np.full(n_rows, -1, dtype=np.int64)
    left = units[0].copy()
    covered = np.zeros(n_rows, dtype=np.int64)
    for place, (group, unit) in enumerate(zip(groups, units, strict=True)):
        if place and unit is not units[place - 1]:
            touched = left != units[place - 1]
            covered = -unit * (touched & (unit < 0))
            left = unit * ~touched
        used, first = _pass(group, left, order)
        covered += np.where(left < 0, used, 0)
        purchase = np.where((purchase < 0) & (first >= 0), first, purchase)
        left -= np.sign(left) * used
    return Matching(covered, purchase)


def _pass(
    group: NDArray[np.int64], left: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many units of each row are matched, and each return's first purchase."""
    used = np.zeros(len(left), dtype=np.int64)
    first = np.full(len(left), -1, dtype=np.int64)
    rows = order[left[order] != 0]
    rows = rows[np.argsort(group[rows], kind="stable")]
    if not len(rows):
        return used, first
    key, change = group[rows], left[rows]
    total = _running_sum(change, key)
    uncovered = -np.minimum(_running_minimum(total, key), 0)
    new = np.diff(uncovered, prepend=0)
    starts = _starts(key)
    new[starts] = uncovered[starts]
    stock = total + uncovered
    is_return = change < 0
    lowest_from_here = _running_minimum(stock[::-1], key[::-1])[::-1]
    kept = np.maximum(lowest_from_here - (stock - change), 0)
    used[rows] = np.where(is_return, -change - new, change - kept)
    hit = np.flatnonzero(is_return & (-change > new))
    newest = _previous_smaller(stock, key, hit - 1) + 1
    first[rows[hit]] = rows[newest]
    return used, first


def _starts(key: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.flatnonzero(np.r_[True, key[1:] != key[:-1]])


def _running_sum(values: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.cumsum(values)
    starts = _starts(key)
    sizes = np.diff(np.r_[starts, len(key)])
    running: NDArray[np.int64] = total - np.repeat(total[starts] - values[starts], sizes)
    return running


def _running_minimum(values: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(pd.Series(values).groupby(key, sort=False).cummin(), dtype=np.int64)


def _previous_smaller(
    stock: NDArray[np.int64], key: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for some rows the last row before them in their group with less stock.

    Where there is none, it is the row before the group. All pointers jump at once, from a row
    with no less stock to that row's own pointer.
    """
    starts = _starts(key)
    before = np.repeat(starts - 1, np.diff(np.r_[starts, len(key)]))
    pointer = np.arange(len(key), dtype=np.int64) - 1
    active = np.arange(len(key), dtype=np.int64)
    while len(active):
        target = pointer[active]
        inside = target > before[active]
        active, target = active[inside], target[inside]
        too_high = stock[target] >= stock[active]
        active, target = active[too_high], target[too_high]
        pointer[active] = pointer[target]
    return pointer[wanted]


def row_order(
    keys: tuple[NDArray[Any], ...], tie_break: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Sort rows by several keys, the first being the most important.

    Parameters
    ----------
    keys : tuple of ndarray
    tie_break : callable
        Given the rows that are equal in all keys, returns their ranks by whatever else they
        hold. Only called if there are any.
    """
    order = np.lexsort(keys[::-1])
    if len(order) < 2:
        return order
    same = np.ones(len(order) - 1, dtype=bool)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    if not same.any():
        return order
    tied = np.r_[same, False] | np.r_[False, same]
    rows = np.sort(order[tied])
    ranks = np.zeros(len(order), dtype=np.int64)
    ranks[rows] = tie_break(rows)
    return np.lexsort((ranks, *keys[::-1]))
