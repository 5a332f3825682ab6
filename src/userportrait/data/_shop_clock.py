"""The sample shop's seasons: a clock that runs faster in busy hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.data._shop_model import HOUR, MONTH, SEGMENTS, WEEKDAY
from userportrait.data._shop_tools import DAY

if TYPE_CHECKING:
    from datetime import date

    from userportrait.data._shop_tools import Floats, Ints

__all__ = ["Clock", "make_clock"]

_FADING = 0.6
"""New customers become rarer by exp(-0.6) from the first to the last day."""


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """Turns calendar time into busy time and back, for each segment.

    Busy time counts days weighted by the factors of month, weekday and hour. Purchases
    that come at a constant rate in busy time follow the seasons in calendar time; this is
    the time change of an inhomogeneous Poisson process. [1]_

    Parameters
    ----------
    start, end : int
        The first and the last second of the period, in seconds since 1970.
    busy : ndarray of shape (n_segments, n_hours + 1)
        Busy days since the start, at each full hour.
    arrivals : ndarray of shape (n_segments, n_hours + 1)
        Share of new customers who have arrived, at each full hour.

    References
    ----------
    .. [1] Çinlar (1975), Introduction to Stochastic Processes, chapter 4.
    """

    start: int
    end: int
    busy: Floats
    arrivals: Floats

    @property
    def n_days(self) -> int:
        """Days of the period."""
        return (self.end + 1 - self.start) // DAY

    def busy_days(self, seconds: Ints, segment: Ints) -> Floats:
        """Return busy days from the start of the period to each moment."""
        found = np.empty(len(seconds), dtype=np.float64)
        hours = (seconds - self.start) / 3600.0
        grid = np.arange(self.busy.shape[1], dtype=np.float64)
        for code in range(len(self.busy)):
            rows = np.flatnonzero(segment == code)
            found[rows] = np.interp(hours[rows], grid, self.busy[code])
        return found

    def moments(self, busy_days: Floats, segment: Ints) -> Ints:
        """Return the moment at which so many busy days have passed; to the second below."""
        return self._invert(self.busy, busy_days, segment)

    def arrival(self, share: Floats, segment: Ints) -> Ints:
        """Return the moment by which this share of new customers has arrived."""
        return self._invert(self.arrivals, share, segment)

    def _invert(self, curves: Floats, values: Floats, segment: Ints) -> Ints:
        hours = np.empty(len(values), dtype=np.float64)
        grid = np.arange(curves.shape[1], dtype=np.float64)
        for code in range(len(curves)):
            rows = np.flatnonzero(segment == code)
            hours[rows] = np.interp(values[rows], curves[code], grid)
        seconds = self.start + np.floor(hours * 3600.0).astype(np.int64)
        found: Ints = np.minimum(seconds, self.end)
        return found


def make_clock(start: date, end: date) -> Clock:
    """Return the clock of a period; both days belong to it."""
    first = np.datetime64(start, "D")
    days = np.arange(first, np.datetime64(end, "D") + 1)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    by_day = MONTH[month] * WEEKDAY[weekday]
    weights = (by_day[None, :, None] * HOUR[:, None, :]).reshape(len(SEGMENTS), -1) / 24.0
    weights[:, 0] = 0.0  # leaves room for the visit that ends in the first order
    fading = np.exp(-_FADING * np.linspace(0.0, 1.0, weights.shape[1]))
    arrivals = _summed(weights * fading)
    begin = int(first.astype("datetime64[s]").astype(np.int64))
    return Clock(
        start=begin,
        end=begin + len(days) * DAY - 1,
        busy=_summed(weights),
        arrivals=arrivals / arrivals[:, -1:],
    )


def _summed(weights: Floats) -> Floats:
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1), dtype=np.float64)
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums
