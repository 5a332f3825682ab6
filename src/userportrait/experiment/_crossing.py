"""How often a Brownian motion crosses a mixture's bound when it is watched all the time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from userportrait.experiment._boundaries import clip_regions, grid
from userportrait.experiment._mixture import mixture_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Peeks", "find_last", "find_peeks", "log_chance"]

_RATIO = 0.08
"""Logarithm of a moment watched by the one before.

Between them the bound is taken as straight, which lies below it, so that chances come out
larger, by 0.1 % here.
"""
_BEYOND = 8.0
"""A crossing of a bound as much higher, in squares, is too rare to count."""
_LEAST_LOG, _MOST_LOG = 0.02, 200.0


@dataclass(slots=True)
class _Curve:
    """A Brownian motion that has stayed within a bound of straight pieces.

    Between two times the chance that a path crossed a straight line is known in closed form,
    so that no moment goes unwatched. [1]_

    References
    ----------
    .. [1] Wang and Poetzelberger (1997), "Boundary crossing probability for Brownian motion
       and general boundaries", Journal of Applied Probability 34(1).
    """

    drift: float
    two_sided: bool
    time: float = 0.0
    limit: float = 0.0
    nodes: Floats = field(default_factory=lambda: np.zeros(1))
    mass: Floats = field(default_factory=lambda: np.ones(1))

    def start(self, time: float, limit: float, next_time: float) -> float:
        """Go to the first time, unwatched; return the chance to be above the limit then."""
        root = math.sqrt(time)
        nodes, weights = self._grid(time, limit, min(time, next_time - time))
        scaled = (nodes - self.drift * time) / root
        self.mass = weights * np.exp(-0.5 * scaled * scaled) / (root * math.sqrt(2.0 * math.pi))
        self.time, self.limit, self.nodes = time, limit, nodes
        return float(ndtr((self.drift * time - limit) / root))

    def _grid(self, time: float, limit: float, finest: float) -> tuple[Floats, Floats]:
        low = -limit if self.two_sided else -math.inf
        region = clip_regions([(low, limit)], self.drift * time, math.sqrt(time))
        return grid(region, math.sqrt(finest))

    def leave(self, time: float, limit: float, end: float | None = None) -> float:
        """Return the chance to cross the upper limit on the way to a time.

        With `end`, below the limit, a path that is above it at that time counts too.
        """
        gap = time - self.time
        root = math.sqrt(gap)
        room = self.limit - self.nodes
        slope = (limit - self.limit) / gap - self.drift
        rise = (limit if end is None else min(end, limit)) - self.nodes - self.drift * gap
        straight = ndtr(-rise / root)
        bent = np.exp(-2.0 * slope * room + log_ndtr((rise - 2.0 * room) / root))
        return float(self.mass @ (straight + bent))

    def step(self, time: float, limit: float) -> None:
        """Go on to a time, and drop every path that crossed."""
        gap = time - self.time
        nodes, weights = self._grid(time, limit, gap)
        spread = math.sqrt(gap)
        kernel = np.subtract.outer((nodes - self.drift * gap) / spread, self.nodes / spread)
        kernel *= kernel
        kernel *= -0.5
        np.exp(kernel, out=kernel)
        kept = 1.0 - _touched(limit - nodes, self.limit - self.nodes, gap)
        if self.two_sided:
            kept -= _touched(limit + nodes, self.limit + self.nodes, gap)
            np.maximum(kept, 0.0, out=kept)
        kernel *= kept
        self.mass = weights * (kernel @ self.mass) / (spread * math.sqrt(2.0 * math.pi))
        self.time, self.limit, self.nodes = time, limit, nodes

    def above(self, limit: float, time: float) -> float:
        """Return the chance to be still within bounds, then above a limit at a later time."""
        gap = time - self.time
        return float(self.mass @ ndtr((self.nodes + self.drift * gap - limit) / math.sqrt(gap)))


def _touched(after: Floats, before: Floats, gap: float) -> Floats:
    """Return the chance that a bridge between two points touched a line, by its rooms."""
    found = np.multiply.outer(after * (-2.0 / gap), before)
    np.maximum(found, -45.0, out=found)
    return np.exp(found, out=found)


@dataclass(frozen=True, slots=True)
class Peeks:
    """A bound on a Brownian motion that may be watched all the time up to time 1.

    Parameters
    ----------
    log_level : float
        Logarithm of the e-value that stops.
    rate : float
        Ratio of the mixture at time 1.
    two_sided : bool
    """

    log_level: float
    rate: float
    two_sided: bool

    def bound(self, time: float) -> float:
        """Return the bound of the statistic at a time."""
        return mixture_bound(self.log_level, self.rate * time, two_sided=self.two_sided)

    def crossing(self, drift: float = 0.0) -> float:
        """Return the chance to cross the upper bound up to time 1."""
        return self.chances(None, 1.0, drift)[0]

    def crossing_or_above(self, last: float, time: float = 1.0, drift: float = 0.0) -> float:
        """Return the chance to cross the upper bound up to time 1, or a last one from then on."""
        return self.chances(last, time, drift)[1]

    def chances(self, last: float | None, time: float, drift: float) -> tuple[float, float]:
        """Return what `crossing` and `crossing_or_above` do."""
        curve, found = self._approach(drift)
        limit = self.bound(1.0)
        crossed = found + curve.leave(1.0, limit)
        if last is None:
            return crossed, crossed
        if time <= 1.0:
            return crossed, found + curve.leave(1.0, limit, last)
        curve.step(1.0, limit)
        return crossed, crossed + curve.above(last * math.sqrt(time), time)

    def last_log_p(self, statistic: float, share: float, time: float = 1.0) -> float:
        """Return the smallest level, in logarithms, at which one more look would stop.

        A level gives a share of itself to the looks before.
        """

        def excess(log_level: float) -> float:
            crossed, both = replace(self, log_level=log_level).chances(statistic, time, 0.0)
            return math.log(both * share / crossed)

        if excess(_LEAST_LOG) > 0.0:
            return 0.0
        high = 2.0
        while excess(high) < 0.0 and high < _MOST_LOG:
            high *= 2.0
        found = float(brentq(excess, _LEAST_LOG, high, xtol=1e-9)) if high < _MOST_LOG else high
        log_p = log_chance(replace(self, log_level=found)) - math.log(share)
        return min(log_p, 0.0)

    def _approach(self, drift: float) -> tuple[_Curve, float]:
        """Walk to the moment before the last; return the chance to have crossed above."""
        times = self._times()
        limits = [self.bound(time) * math.sqrt(time) for time in times]
        curve = _Curve(drift, self.two_sided)
        found = curve.start(times[0], limits[0], times[1])
        for time, limit in zip(times[1:-1], limits[1:-1], strict=True):
            found += curve.leave(time, limit)
            curve.step(time, limit)
        return curve, found

    def _times(self) -> list[float]:
        """Return moments from the first at which a crossing counts, in equal proportions."""
        far = math.hypot(self.bound(1.0), _BEYOND)

        def excess(log_time: float) -> float:
            return self.bound(math.exp(log_time)) - far

        first = float(brentq(excess, -60.0, 0.0, xtol=1e-3))
        steps = max(16, math.ceil(-first / _RATIO))
        return [math.exp(float(moment)) for moment in np.linspace(first, 0.0, steps + 1)]


def log_chance(peeks: Peeks) -> float:
    """Return the logarithm of the chance to cross at all up to time 1, on either side.

    Never above the bound of all times, one by the e-value, which is what is left where the
    chance is too small to be of interest.
    """
    most = -max(peeks.log_level, 0.0)
    if not _LEAST_LOG < peeks.log_level < _MOST_LOG:
        return most
    sides = 2.0 if peeks.two_sided else 1.0
    return min(math.log(sides * peeks.crossing()), most)


@lru_cache(maxsize=256)
def find_peeks(alpha: float, rate: float, *, two_sided: bool) -> Peeks:
    """Return the bound that is crossed up to time 1 with a chance `alpha`, on either side."""
    wanted = math.log(alpha)

    def excess(log_level: float) -> float:
        return log_chance(Peeks(log_level, rate, two_sided)) - wanted

    if -wanted >= _MOST_LOG or excess(_LEAST_LOG) <= 0.0:
        return Peeks(max(-wanted, _LEAST_LOG), rate, two_sided)
    return Peeks(float(brentq(excess, _LEAST_LOG, -wanted, xtol=1e-10)), rate, two_sided)


@lru_cache(maxsize=256)
def find_last(peeks: Peeks, alpha: float, time: float) -> float:
    """Return the bound of one more look, at a time from 1 on, that uses up `alpha` above."""

    def excess(bound: float) -> float:
        return peeks.crossing_or_above(bound, time) - alpha

    low = -float(ndtri(alpha)) - 1e-6
    high = peeks.bound(1.0) if time <= 1.0 else 12.0
    return high if excess(high) >= 0.0 else float(brentq(excess, low, high, xtol=1e-10))
