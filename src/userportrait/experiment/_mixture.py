"""Closed forms of the normal mixture: e-values, and the bounds at which they reach a level."""

from __future__ import annotations

import math

from scipy.special import log_ndtr

__all__ = ["log_e_value", "mixture_bound", "tightest_rate"]

_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


def log_e_value(statistic: float, ratio: float, *, two_sided: bool) -> float:
    """Return the logarithm of the likelihood ratio of a mixture of effects against none.

    Parameters
    ----------
    statistic : float
        Effect by standard error; for one side, turned so that up counts.
    ratio : float
        Variance of the mixture by the squared standard error, above 0.
    two_sided : bool
        Whether the mixture is a normal distribution around 0, or its upper half.

    Returns
    -------
    float

    References
    ----------
    .. [1] Robbins (1970), "Statistical methods related to the law of the iterated logarithm",
       The Annals of Mathematical Statistics 41(5).

    Examples
    --------
    >>> from userportrait.experiment._mixture import log_e_value
    >>> round(log_e_value(3.0, 8.0, two_sided=True), 4)
    2.9014
    """
    found = 0.5 * (statistic * statistic * (ratio / (1.0 + ratio)) - math.log1p(ratio))
    if two_sided:
        return found
    inner = float(log_ndtr(statistic * math.sqrt(ratio / (1.0 + ratio))))
    return found + math.log(2.0) + inner


def mixture_bound(log_level: float, ratio: float, *, two_sided: bool) -> float:
    """Return the statistic at which the e-value reaches a level.

    Parameters
    ----------
    log_level : float
        Logarithm of the level, such as ``log(1 / alpha)``.
    ratio : float
        Variance of the mixture by the squared standard error, above 0.
    two_sided : bool

    Returns
    -------
    float
        0 for a two-sided level that the e-value always has.

    Examples
    --------
    >>> import math
    >>> from userportrait.experiment._mixture import mixture_bound
    >>> round(mixture_bound(math.log(20.0), 8.0, two_sided=True), 4)
    3.0352
    """
    both = (1.0 + ratio) / ratio
    square = 2.0 * both * (log_level + 0.5 * math.log1p(ratio))
    if two_sided:
        return math.sqrt(max(square, 0.0))
    return _half_bound(log_level, ratio, math.sqrt(max(square, 0.0)))


def _half_bound(log_level: float, ratio: float, start: float) -> float:
    """Solve for one side by Newton's method; the logarithm of the e-value is convex and rises."""
    found, slope = start, math.sqrt(ratio / (1.0 + ratio))
    for _ in range(100):
        inner = found * slope
        hazard = math.exp(-0.5 * inner * inner - _LOG_ROOT - float(log_ndtr(inner)))
        change = (log_e_value(found, ratio, two_sided=False) - log_level) / (
            slope * (inner + hazard)
        )
        found -= change
        if abs(change) < 1e-13 * max(1.0, abs(found)):
            break
    return found


def tightest_rate(alpha: float, *, two_sided: bool) -> float:
    """Return the ratio that the mixture must have where its interval shall be the tightest.

    Notes
    -----
    The approximation in appendix B of Waudby-Smith and others, within 1 % of the best width.
    For one side twice `alpha` stands in, since half of the mixture is used. [1]_

    References
    ----------
    .. [1] Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit
       theory and asymptotic confidence sequences", The Annals of Statistics 52(6).
    """
    level = -2.0 * math.log(alpha if two_sided else min(2.0 * alpha, 0.9))
    return level + math.log(level + 1.0)
