"""Intervals for the difference and the ratio of two proportions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from scipy.optimize import brentq

from userportrait._core.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    Counts: TypeAlias = tuple[int, int]
    """Successes and units of one arm."""
    Limits: TypeAlias = tuple[float, float]

__all__ = [
    "agresti_caffo",
    "difference_score",
    "log_ratio",
    "newcombe",
    "ratio_score",
    "wald",
    "wilson",
]


def wilson(arm: Counts, critical: float) -> Limits:
    """Return Wilson's score interval of one proportion; `critical` is in standard errors."""
    low, high = wilson_interval(*arm, critical)
    return float(low), float(high)


def newcombe(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return Newcombe's interval of the difference, made of two intervals of Wilson."""
    first, second = control[0] / control[1], variant[0] / variant[1]
    (low1, high1), (low2, high2) = wilson(control, critical), wilson(variant, critical)
    effect = second - first
    low = effect - math.hypot(second - low2, high1 - first)
    return low, effect + math.hypot(high2 - second, first - low1)


def wald(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return the interval of the difference with unpooled variances p(1 - p) / n."""
    first, second = control[0] / control[1], variant[0] / variant[1]
    return _plus_minus(first, second, control[1], variant[1], critical)


def agresti_caffo(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return the interval of the difference after one more success and failure in each arm."""
    first, second = (control[0] + 1) / (control[1] + 2), (variant[0] + 1) / (variant[1] + 2)
    low, high = _plus_minus(first, second, control[1] + 2, variant[1] + 2, critical)
    return max(low, -1.0), min(high, 1.0)


def _plus_minus(first: float, second: float, n1: int, n2: int, critical: float) -> Limits:
    half = critical * math.sqrt(first * (1.0 - first) / n1 + second * (1.0 - second) / n2)
    return second - first - half, second - first + half


def difference_score(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return the score interval of the difference, of Miettinen and Nurminen.

    The set of differences that the score test does not reject, with the variance under each
    of them and the factor N / (N - 1).
    """

    def excess(difference: float) -> float:
        return difference_z(control, variant, difference)

    effect = variant[0] / variant[1] - control[0] / control[1]
    low = -1.0 if effect <= -1.0 else _crossing(excess, critical, -1.0, effect)
    high = 1.0 if effect >= 1.0 else _crossing(excess, -critical, effect, 1.0)
    return low, high


def difference_z(control: Counts, variant: Counts, difference: float) -> float:
    """Return the score statistic for a true difference, in standard errors."""
    (x1, n1), (x2, n2) = control, variant
    first = _rate_given_difference(control, variant, difference)
    second = min(max(first + difference, 0.0), 1.0)
    n = n1 + n2
    variance = (first * (1.0 - first) / n1 + second * (1.0 - second) / n2) * n / (n - 1)
    off = x2 / n2 - x1 / n1 - difference
    if variance <= 0.0:
        return 0.0 if off == 0.0 else math.copysign(math.inf, off)
    return off / math.sqrt(variance)


def _rate_given_difference(control: Counts, variant: Counts, difference: float) -> float:
    """Return the control's likeliest rate if the variant's is larger by the difference.

    The only root of the likelihood's slope within the limits, from the trigonometric solution
    of a cubic; where rounding has spoilt that, by halving.
    """
    (x1, n1), (x2, n2) = control, variant
    n, total, d = n1 + n2, x1 + x2, difference
    # In shares of n, so that large counts do not overflow into lost digits.
    c2 = ((n2 + 2.0 * n1) * d - n - total) / n
    c1 = ((n1 * d - n - 2.0 * x1) * d + total) / n
    c0 = x1 * d * (1.0 - d) / n
    third = c2 / 3.0
    q = third**3 - c1 * c2 / 6.0 + c0 / 2.0
    inner = max(third * third - c1 / 3.0, 0.0)
    root = math.copysign(math.sqrt(inner), q)
    low, high = max(0.0, -d), min(1.0, 1.0 - d)
    if root == 0.0:
        return min(max(-third, low), high)
    angle = (math.pi + math.acos(min(max(q / root**3, -1.0), 1.0))) / 3.0
    return min(max(2.0 * root * math.cos(angle) - third, low), high)


def log_ratio(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return the interval of the ratio on the logarithmic scale, of Katz and others.

    From 0 to infinity where an arm has no success.
    """
    (x1, n1), (x2, n2) = control, variant
    if not (x1 and x2):
        return 0.0, math.inf
    half = critical * math.sqrt(1.0 / x1 - 1.0 / n1 + 1.0 / x2 - 1.0 / n2)
    middle = math.log(x2 / n2) - math.log(x1 / n1)
    return math.exp(middle - half), math.exp(middle + half)


def ratio_score(control: Counts, variant: Counts, critical: float) -> Limits:
    """Return the score interval of the ratio, of Koopman.

    It starts at 0 where the variant has no success and is unbounded where the control has
    none.
    """
    (x1, n1), (x2, n2) = control, variant
    if not (x1 or x2):
        return 0.0, math.inf

    def excess(log_of_ratio: float) -> float:
        return ratio_z(control, variant, math.exp(log_of_ratio))

    # Half a success stands in for none, only to find a place to start from.
    middle = math.log((x2 or 0.5) / n2) - math.log((x1 or 0.5) / n1)
    low = 0.0 if x2 == 0 else math.exp(_far_crossing(excess, critical, middle, -0.5))
    high = math.inf if x1 == 0 else math.exp(_far_crossing(excess, -critical, middle, 0.5))
    return low, high


def ratio_z(control: Counts, variant: Counts, ratio: float) -> float:
    """Return the score statistic for a true ratio, in standard errors."""
    (x1, n1), (x2, n2) = control, variant
    a = (n1 + n2) * ratio
    b = n1 + x2 + ratio * (n2 + x1)
    root = math.sqrt(max(b * b - 4.0 * a * (x1 + x2), 0.0))
    first = min(2.0 * (x1 + x2) / (b + root), 1.0, 1.0 / ratio)  # the smaller root, digits kept
    second = min(first * ratio, 1.0)
    variance = second * (1.0 - second) / n2 + ratio * ratio * first * (1.0 - first) / n1
    off = x2 / n2 - ratio * x1 / n1
    if variance <= 0.0:
        return 0.0 if off == 0.0 else math.copysign(math.inf, off)
    return off / math.sqrt(variance)


def _crossing(excess: Callable[[float], float], height: float, low: float, high: float) -> float:
    """Return where a falling function has a height; the nearer end if it never has."""

    def gap(at: float) -> float:  # infinite ends would stop the search
        return min(max(excess(at) - height, -1e9), 1e9)

    if gap(low) <= 0.0:
        return low
    if gap(high) >= 0.0:
        return high
    found: float = brentq(gap, low, high, xtol=1e-15, rtol=1e-14)
    return found


def _far_crossing(
    excess: Callable[[float], float], height: float, start: float, step: float
) -> float:
    """Return where a falling function has a height, on one side of a start, however far."""
    near, far = start, start + step
    while abs(far) < 700.0 and (excess(far) - height) * (1.0 if step < 0.0 else -1.0) < 0.0:
        near, far, step = far, far + 2.0 * step, 2.0 * step
    return _crossing(excess, height, min(near, far), max(near, far))
