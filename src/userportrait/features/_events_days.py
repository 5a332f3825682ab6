"""Moments of states that count by day, and key columns of entries as positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.coding import code_values
from userportrait._core.entries import Coded
from userportrait._core.units import MICROS_PER_DAY, as_moment, from_micros, to_micros
from userportrait.errors import InvalidParameterError
from userportrait.features._events_counts import is_new, run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ALL", "codes_of", "day_limit"]

ALL = np.iinfo(np.int64).max
"""The limit that no bucket reaches."""


def day_limit(as_of: object, low: int, high: int, *, owner: str, what: str) -> tuple[int, int]:
    """Return the last bucket that counts, and the day of the moment.

    Parameters
    ----------
    as_of : datetime, date, ISO 8601 text or None
        A midnight, or a moment after the newest day; None for the newest day.
    low, high : int
        The first and the last bucket; see `bucket_of`.
    owner : str
    what : str
        What is counted, such as ``"event"``, for messages.

    Raises
    ------
    InvalidParameterError
        If it is before the first bucket, or inside a day.
    """
    if as_of is None:
        return ALL, high >> 1
    moment = as_moment(as_of, owner=owner)
    day, time = divmod(to_micros(moment), MICROS_PER_DAY)
    if day > high >> 1:
        return ALL, day
    if time == 0 and 2 * day >= low:
        return 2 * day, day
    first, last = _date(low >> 1), _date((high >> 1) + 1)
    if day < low >> 1 or time == 0:
        problem = (
            f"as_of={moment.isoformat()} is before the first {what}, which is of {first}. A date "
            f"is midnight at its start."
        )
    else:
        problem = (
            f"as_of={moment.isoformat()} is inside a day, and this state counts by day. Give a "
            f"midnight, such as '{_date(day)}' or '{_date(day + 1)}', or a moment from {last} on."
        )
    raise InvalidParameterError(owner, [problem])


def _date(day: int) -> str:
    return from_micros(day * MICROS_PER_DAY).date().isoformat()


def codes_of(column: Any, *, presorted: bool = False) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return a key column of entries as positions in its sorted distinct values; -1 for null."""
    if isinstance(column, Coded):
        return column.codes.astype(np.int64), column.distinct
    if presorted:
        starts = np.flatnonzero(is_new(column))
        lengths = run_lengths(starts, len(column))
        return np.repeat(np.arange(len(starts)), lengths), column[starts]
    codes, distinct = code_values(column)
    return codes.astype(np.int64), distinct
