"""Inference after a stop: p-value, median-unbiased estimate and interval by the stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.optimize import brentq

from userportrait.experiment._boundaries import Walk

if TYPE_CHECKING:
    from userportrait.experiment._futility import Bounds

__all__ = ["Stopped"]


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where a trial stopped, ordered among all that might have been.

    Parameters
    ----------
    bounds : Bounds
    look : int
        Index of the look, from 0.
    statistic : float
        Turned so that up is what the alternative asks for.
    binding : bool, default=False
        Whether a stop for futility counts.

    Notes
    -----
    A stop above the upper bound is more extreme the earlier it came; at one look the larger
    statistic is more extreme. [1]_ What might have been done at later looks plays no part.

    References
    ----------
    .. [1] Tsiatis, Rosner and Mehta (1984), "Exact confidence intervals following a group
       sequential test", Biometrics 40(3).
    """

    bounds: Bounds
    look: int
    statistic: float
    binding: bool = False

    def tails(self, drift: float) -> tuple[float, float]:
        """Return the chances of a higher and of a lower outcome under a drift."""
        walk = Walk(drift)
        above = below = 0.0
        for look in range(self.look):
            region = self.bounds.region(look, futility=self.binding)
            time = self.bounds.times[look]
            above += walk.above(region[-1][1], time)
            below += walk.below(region[0][0], time)
            walk.step(time, region, self.bounds.times[look + 1])
        time = self.bounds.times[self.look]
        limit = self.statistic * math.sqrt(time)
        return above + walk.above(limit, time), below + walk.below(limit, time)

    def log_p_value(self) -> float:
        """Return the logarithm of the p-value of no effect."""
        if self.look == 0:
            limit = self.statistic * math.sqrt(self.bounds.times[0])
            if not self.bounds.two_sided:
                return Walk().log_above(limit, self.bounds.times[0])
            one = Walk().log_above(abs(limit), self.bounds.times[0])
            return min(math.log(2.0) + one, 0.0)
        above, below = self.tails(0.0)
        found = min(1.0, 2.0 * min(above, below)) if self.bounds.two_sided else above
        return math.log(found) if found > 0.0 else -math.inf

    def drift_at(self, chance: float) -> float:
        """Return the drift under which a higher outcome has a given chance."""
        time = self.bounds.times[self.look]

        def excess(drift: float) -> float:
            above, below = (max(tail, 1e-300) for tail in self.tails(drift))
            if chance == 0.5:
                return math.log(above / below)
            return math.log(above / chance) if chance < 0.5 else math.log((1.0 - chance) / below)

        centre, reach = self.statistic / math.sqrt(time), 1.0 / math.sqrt(time)
        low, high = centre - reach, centre + reach
        while excess(low) > 0.0:
            low, reach = low - reach, 2.0 * reach
        while excess(high) < 0.0:
            high, reach = high + reach, 2.0 * reach
        return float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))
