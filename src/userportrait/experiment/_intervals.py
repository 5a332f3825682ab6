"""Critical values, p-values whose logarithm never ends, and intervals of a relative effect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from scipy.special import betaln, log_ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from userportrait.experiment._estimate import Alternative, Estimate

__all__ = [
    "RelativeMethod",
    "critical_value",
    "effect_interval",
    "log_p",
    "relative_interval",
    "relative_std_error",
]

RelativeMethod: TypeAlias = Literal["fieller", "log", "delta"]
"""How to bound a share of two means."""

_NEARLY_NORMAL = 1e10
_SMALL_TAIL = 1e-280


def critical_value(
    alpha: float, alternative: Alternative, degrees_of_freedom: float = math.inf
) -> float:
    """Return how many standard errors an interval reaches from the estimate.

    Parameters
    ----------
    alpha : float
        Chance that the interval misses; both tails together if `alternative` is two-sided.
    alternative : {'two-sided', 'greater', 'less'}
    degrees_of_freedom : float, default=inf
        Of Student's distribution; inf stands for the normal one.

    Returns
    -------
    float

    Examples
    --------
    >>> round(critical_value(0.05, "two-sided"), 4)
    1.96
    >>> round(critical_value(0.05, "greater", 10.0), 4)
    1.8125
    """
    tail = alpha / 2.0 if alternative == "two-sided" else alpha
    if degrees_of_freedom > _NEARLY_NORMAL:
        return -float(ndtri(tail))
    return -float(stdtrit(degrees_of_freedom, tail))


def log_p(
    statistic: float, alternative: Alternative, degrees_of_freedom: float = math.inf
) -> float:
    """Return the natural logarithm of a p-value, however small.

    Parameters
    ----------
    statistic : float
        Estimate by standard error.
    alternative : {'two-sided', 'greater', 'less'}
    degrees_of_freedom : float, default=inf
        Of Student's distribution; inf stands for the normal one.

    Returns
    -------
    float
        NaN if `statistic` is NaN, minus infinity if it is infinite.

    Examples
    --------
    >>> round(log_p(60.0, "two-sided"), 4)
    -1804.3204
    >>> round(math.exp(log_p(2.0, "two-sided", 10.0)), 6)
    0.073388
    """
    if math.isnan(statistic):
        return math.nan
    if alternative == "two-sided":
        return min(math.log(2.0) + _log_tail(abs(statistic), degrees_of_freedom), 0.0)
    towards = statistic if alternative == "greater" else -statistic
    if towards >= 0.0:
        return _log_tail(towards, degrees_of_freedom)
    return math.log1p(-math.exp(_log_tail(-towards, degrees_of_freedom)))


def effect_interval(
    effect: float, std_error: float, critical: float, alternative: Alternative
) -> tuple[float, float]:
    """Return the interval of an effect; one end is infinite if the alternative has one side.

    Parameters
    ----------
    effect, std_error : float
    critical : float
        Standard errors from the estimate to the end.
    alternative : {'two-sided', 'greater', 'less'}

    Returns
    -------
    tuple of float
    """
    reach = critical * std_error
    low = -math.inf if alternative == "less" else effect - reach
    high = math.inf if alternative == "greater" else effect + reach
    return low, high


def relative_interval(
    estimate: Estimate,
    critical: float,
    alternative: Alternative,
    method: RelativeMethod = "fieller",
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Return the interval of the effect as a share of the control's mean.

    Parameters
    ----------
    estimate : Estimate
        Means, variances and covariance.
    critical : float
        Standard errors from the estimate to the end, of `critical_value` or a design's own.
    alternative : {'two-sided', 'greater', 'less'}
        Of the effect. Where the control's mean is negative, the bounded end changes sides.
    method : {'fieller', 'log', 'delta'}, default='fieller'
        Fieller's set keeps its level for any control mean that varies like a normal number;
        the other two are approximations that need a control mean far from 0, the logarithm
        also two means of one sign.

    Returns
    -------
    interval : tuple of float
        Infinite ends where the data cannot bound the share, both NaN where it has no meaning.
    notes : tuple of str
        Why an end is infinite or NaN.

    References
    ----------
    .. [1] Fieller (1954), "Some problems in interval estimation", Journal of the Royal
       Statistical Society B 16(2).
    """
    if estimate.control_mean == 0.0:
        return (math.nan, math.nan), ("The control's mean is 0, so no share of it exists.",)
    if math.isnan(estimate.relative) or math.isnan(critical):
        return (math.nan, math.nan), ()
    if math.isinf(critical):
        return (-math.inf, math.inf), ()
    found = {"fieller": _fieller, "log": _log_ratio, "delta": _delta}[method](estimate, critical)
    (low, high), notes = found
    upward = (alternative == "greater") == (estimate.control_mean > 0.0)
    if alternative != "two-sided" and not math.isnan(low):
        low, high = (low, math.inf) if upward else (-math.inf, high)
    return (low, high), notes


def relative_std_error(estimate: Estimate) -> float:
    """Return the standard error of the relative effect by linearisation; NaN for a mean of 0."""
    if estimate.control_mean == 0.0:
        return math.nan
    ratio = estimate.variant_mean / estimate.control_mean
    spread = (
        estimate.variant_variance
        - 2.0 * ratio * estimate.covariance
        + ratio * ratio * estimate.control_variance
    )
    return math.sqrt(max(spread, 0.0)) / abs(estimate.control_mean)


def _fieller(estimate: Estimate, critical: float) -> tuple[tuple[float, float], tuple[str, ...]]:
    """Solve (variant - r control)^2 = critical^2 var(variant - r control) for the ratio r."""
    square = critical * critical
    control, variant = estimate.control_mean, estimate.variant_mean
    a = control * control - square * estimate.control_variance
    b = control * variant - square * estimate.covariance
    c = variant * variant - square * estimate.variant_variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    if a > 0.0:
        # Of the two forms of each root, the one that subtracts no two near numbers.
        sum_of_signs = b + math.copysign(root, b)
        first = sum_of_signs / a
        second = c / sum_of_signs if sum_of_signs else first
        low, high = min(first, second), max(first, second)
        return (low - 1.0, high - 1.0), ()
    note = (
        "The control's mean cannot be told from 0 at this level, "
        "so the data set no bounds to the relative effect"
    )
    if a < 0.0 and b * b > a * c:
        ends = sorted(((b - root) / a, (b + root) / a))
        note += f"; they only rule out values from {ends[0] - 1.0:+.1%} to {ends[1] - 1.0:+.1%}"
    return (-math.inf, math.inf), (f"{note}.",)


def _log_ratio(estimate: Estimate, critical: float) -> tuple[tuple[float, float], tuple[str, ...]]:
    ratio = estimate.variant_mean / estimate.control_mean
    if ratio <= 0.0:
        note = "The two means do not have the same sign, so their ratio has no logarithm."
        return (math.nan, math.nan), (note,)
    reach = critical * relative_std_error(estimate) / ratio
    return (ratio * math.exp(-reach) - 1.0, ratio * math.exp(min(reach, 700.0)) - 1.0), ()


def _delta(estimate: Estimate, critical: float) -> tuple[tuple[float, float], tuple[str, ...]]:
    reach = critical * relative_std_error(estimate)
    return (estimate.relative - reach, estimate.relative + reach), ()


def _log_tail(statistic: float, degrees_of_freedom: float) -> float:
    """Return log P(T > statistic) for a statistic of at least 0."""
    if math.isinf(statistic):
        return -math.inf
    if degrees_of_freedom > _NEARLY_NORMAL:
        return float(log_ndtr(-statistic))
    tail = float(stdtr(degrees_of_freedom, -statistic))
    if tail > _SMALL_TAIL:
        return math.log(tail)
    return _log_small_tail(statistic, degrees_of_freedom)


def _log_small_tail(statistic: float, degrees_of_freedom: float) -> float:
    """Return log P(T > statistic) by the continued fraction of the incomplete beta function."""
    a, square = degrees_of_freedom / 2.0, statistic * statistic
    log_x = -math.log1p(square / degrees_of_freedom)
    log_rest = math.log(square) - math.log(degrees_of_freedom) + log_x
    front = a * log_x + 0.5 * log_rest - math.log(a) - _log_beta_half(a)
    return math.log(0.5) + front - math.log(_fraction(a, 0.5, math.exp(log_x)))


def _log_beta_half(a: float) -> float:
    """Return log B(a, 1/2) without the difference of two large gamma functions."""
    if a < 25.0:
        return float(betaln(a, 0.5))
    inverse = 1.0 / (a * a)
    series = (-1.0 / 8.0 + inverse * (1.0 / 192.0 - inverse / 640.0)) / a
    return 0.5 * math.log(math.pi) - 0.5 * math.log(a) - series


def _fraction(a: float, b: float, x: float) -> float:
    """Return the denominator of I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) / fraction, by Lentz."""
    tiny = 1e-300
    value, upper, lower = 1.0, 1.0, 0.0
    for step in range(1, 200_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1.0 / ((1.0 + term * lower) or tiny)
        upper = (1.0 + term / upper) or tiny
        change = upper * lower
        value *= change
        if abs(change - 1.0) < 1e-16:
            break
    return value
