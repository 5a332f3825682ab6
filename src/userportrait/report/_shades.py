"""Seven shades, light to dark, and which of them a number gets."""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["COUNT_BEND", "N_SHADES", "WORTH_LIMITS", "heat_limits", "heat_step", "worth_step"]

N_SHADES = 7

WORTH_LIMITS = (0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Spend per customer against the shop's mean: the limits between the shades."""

COUNT_BEND = 0.6
"""For counts, which differ by orders of magnitude: below 1, small ones still differ."""


def worth_step(mean_spend: float, shop_mean: float) -> int:
    """Return the shade, 0 to 6, of a spend per customer against the shop's mean."""
    if not shop_mean > 0:
        return N_SHADES // 2
    return bisect_right(WORTH_LIMITS, mean_spend / shop_mean)


def heat_step(value: float, top: float, bend: float = 1.0) -> int:
    """Return the shade, 0 to 6, of a number between 0 and `top`."""
    if not top > 0 or not value > 0:
        return 0
    return min(N_SHADES - 1, int(N_SHADES * (value / top) ** bend + 1e-9))


def heat_limits(top: float, bend: float = 1.0) -> list[float]:
    """Return the eight numbers between which the shades of `heat_step` lie."""
    highest = top if top > 0 else 1.0
    return [highest * (step / N_SHADES) ** (1 / bend) for step in range(N_SHADES + 1)]
