"""Confidence sets of a ratio: an interval, what lies outside one, or every number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["NO_VALUE", "ConfidenceSet", "fieller_set"]

Part: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ConfidenceSet:
    """All values that the data agree with.

    Parameters
    ----------
    parts : tuple of (float, float)
        Closed intervals, ascending and apart; ends may be infinite. No part stands for a
        value that has no meaning, such as a division by a cost of 0.

    Examples
    --------
    >>> from userportrait.experiment import ConfidenceSet
    >>> found = ConfidenceSet(((float("-inf"), -40.0), (12.5, float("inf"))))
    >>> found.is_bounded, 20 in found, 0 in found
    (False, True, False)
    >>> found.hull
    (-inf, inf)
    >>> print(found)
    up to -40, or from 12.5 on
    """

    parts: tuple[Part, ...]

    @property
    def is_bounded(self) -> bool:
        """Whether the data bound the value on both sides."""
        low, high = self.hull
        return math.isfinite(low) and math.isfinite(high)

    @property
    def hull(self) -> Part:
        """The smallest interval that holds the set; NaN for a value without meaning."""
        if not self.parts:
            return (math.nan, math.nan)
        return (self.parts[0][0], self.parts[-1][1])

    def __contains__(self, value: float) -> bool:
        return any(low <= value <= high for low, high in self.parts)

    def shift(self, by: float) -> ConfidenceSet:
        """Return the set with a number added to every value."""
        return ConfidenceSet(tuple((low + by, high + by) for low, high in self.parts))

    def __str__(self) -> str:
        return ", or ".join(_told(part) for part in self.parts) or "no value has a meaning"


NO_VALUE = ConfidenceSet(())
"""What is known of a figure that has no meaning."""


def _told(part: Part) -> str:
    low, high = part
    if math.isinf(low) and math.isinf(high):
        return "any number"
    if math.isinf(low):
        return f"up to {high:,.6g}"
    if math.isinf(high):
        return f"from {low:,.6g} on"
    return f"{low:,.6g} to {high:,.6g}"


def fieller_set(
    numerator: float,
    denominator: float,
    *,
    variance: float,
    denominator_variance: float,
    covariance: float = 0.0,
    critical: float,
) -> ConfidenceSet:
    """Return the values of a ratio of two means that a test would not reject.

    Parameters
    ----------
    numerator, denominator : float
        The two estimates.
    variance, denominator_variance, covariance : float
        Of the estimates' sampling distribution.
    critical : float
        The quantile of the normal or t distribution.

    Returns
    -------
    ConfidenceSet
        One interval where the denominator differs from 0 beyond doubt, else what lies outside
        an interval, or every number.

    Notes
    -----
    All q with ``(numerator - q * denominator)**2 <= critical**2 * Var(numerator - q *
    denominator)``, which is a quadratic inequality in q. [1]_

    References
    ----------
    .. [1] Fieller (1954), "Some problems in interval estimation", Journal of the Royal
       Statistical Society B 16(2).

    Examples
    --------
    >>> from userportrait.experiment._confidence_set import fieller_set
    >>> print(fieller_set(10.0, 4.0, variance=1.0, denominator_variance=0.04, critical=1.96))
    1.97322 to 3.07526
    >>> print(fieller_set(10.0, 0.1, variance=1.0, denominator_variance=0.04, critical=1.96))
    up to -33.7521, or from 19.8307 on
    """
    if denominator == 0.0 and denominator_variance == 0.0:
        return NO_VALUE
    squared = critical * critical
    a = denominator * denominator - squared * denominator_variance
    half = numerator * denominator - squared * covariance
    c = numerator * numerator - squared * variance
    if a == 0.0:
        return _half_line(half, c)
    inside = half * half - a * c
    if inside < 0.0:  # by rounding, where the set is one point
        return ConfidenceSet(((-math.inf, math.inf),) if a < 0 else ((half / a, half / a),))
    low, high = _roots(a, half, c, math.sqrt(inside))
    if a > 0.0:
        return ConfidenceSet(((low, high),))
    return ConfidenceSet(((-math.inf, low), (high, math.inf)))


def _roots(a: float, half: float, c: float, root: float) -> Part:
    """Return both roots of ``a q**2 - 2 half q + c``, without cancellation."""
    large = half + math.copysign(root, half)
    first = large / a
    second = c / large if large else first
    return (min(first, second), max(first, second))


def _half_line(half: float, c: float) -> ConfidenceSet:
    """Solve ``c <= 2 half q``."""
    if half == 0.0:
        return ConfidenceSet(((-math.inf, math.inf),))
    end = c / (2.0 * half)
    return ConfidenceSet(((end, math.inf) if half > 0 else (-math.inf, end),))
