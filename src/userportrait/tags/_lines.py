"""Order lines and events as arrays, up to one moment, for tags to share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.coding import code_values
from userportrait._core.units import MICROS_PER_DAY
from userportrait.errors import InvalidParameterError
from userportrait.tags._values import Values, date_texts, label_values, number_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["CLOCK", "Lines", "clock_values", "coded"]

CLOCK = ("date", "hour", "month", "weekday")
"""Columns that every line has, made from its time."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Lines:
    """What happened, line by line, at or before a moment.

    Parameters
    ----------
    customer : ndarray of int32
        Each line's customer, as a position in the context's `customer_ids`.
    at : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    column : callable
        Returns the coded values of a named column, or None if there is no such column.
    is_return : ndarray of bool
        Whether the line takes something back.
    order : ndarray of int32
        Each line's order, coded.
    """

    def __init__(
        self,
        *,
        customer: NDArray[np.int32],
        at: NDArray[np.int64],
        column: Callable[[str], Values | None],
        is_return: NDArray[np.bool_],
        order: NDArray[np.int32],
    ) -> None:
        self.customer = customer
        self.at = at
        self.is_return = is_return
        self.order = order
        self._column = column
        self._cache: dict[tuple[str, str | None], Values | None] = {}

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def day(self) -> NDArray[np.int64]:
        """Each line's day number, UTC."""
        days: NDArray[np.int64] = self.at // MICROS_PER_DAY
        return days

    def values(self, column: str, zone: str | None = None) -> Values | None:
        """Return a column's coded values, None if there is no such column.

        Parameters
        ----------
        column : str
            Beside the table's columns and those of the items: ``hour`` (0 to 23),
            ``weekday`` (``'Monday'`` …), ``month`` (1 to 12) and ``date``.
        zone : str, optional
            The time zone for these four; by default UTC.
        """
        key = (column, zone if column in CLOCK else None)
        if key not in self._cache:
            made = clock_values(self.at, column, zone) if column in CLOCK else self._column(column)
            self._cache[key] = made
        return self._cache[key]


def clock_values(at: NDArray[np.int64], column: str, zone: str | None) -> Values:
    """Return the hour, weekday, month or date of times, in a time zone."""
    times = pd.DatetimeIndex(at.view("datetime64[us]"))
    if zone is not None:
        try:
            times = times.tz_localize("UTC").tz_convert(zone).tz_localize(None)
        except (KeyError, ValueError, TypeError):
            problem = f"zone must be a time zone such as 'Asia/Shanghai'; got {zone!r}."
            raise InvalidParameterError("Tag", [problem]) from None
    if column == "hour":
        return number_values(np.asarray(times.hour, dtype=np.int64))
    if column == "month":
        return number_values(np.asarray(times.month, dtype=np.int64))
    if column == "weekday":
        names = np.empty(7, dtype=object)
        names[:] = _WEEKDAYS
        return Values(np.asarray(times.day_of_week, dtype=np.int32), names)
    days = times.to_numpy(dtype="datetime64[D]").astype(np.int64)
    codes, texts = date_texts(days)
    return Values(codes, texts)


def coded(values: NDArray[Any], *, as_label: bool) -> Values:
    """Code a collected column: numbers as numbers unless they are labels, times as dates."""
    if values.dtype.kind == "M":
        known = ~np.isnat(values)
        codes = np.full(len(values), -1, dtype=np.int32)
        found, texts = date_texts(values[known].astype("datetime64[D]").astype(np.int64))
        codes[known] = found
        return Values(codes, texts)
    if values.dtype.kind in "iuf" and not as_label:
        return number_values(values)
    if values.dtype.kind in "iuf":
        codes, distinct = code_values(values)
        return label_values(codes, distinct)
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if v is None or v != v else str(v) for v in values.tolist()]
    codes, distinct = code_values(texts)
    return Values(codes, distinct)
