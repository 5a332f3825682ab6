"""Several variants against one control: Dunnett's test, by quadrature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, log_ndtr, ndtr

from userportrait.experiment._intervals import critical_value, log_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Alternative, Estimate

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["control_loads", "dunnett_level", "dunnett_log_p", "statistic_of"]

_NEARLY_NORMAL = 1e7
_SMALL = 1e-12
_FAR, _NODES = 9.0, 8


def control_loads(estimates: Sequence[Estimate]) -> Floats:
    """Return how much of each comparison's error comes from the control they share.

    Parameters
    ----------
    estimates : sequence of Estimate
        One for each variant, of one metric and one control.

    Returns
    -------
    ndarray of shape (k,)
        Square roots of shares of variance: two comparisons correlate by the product of theirs.
    """
    shares = [
        (e.control_variance - e.covariance) / e.std_error**2 if e.std_error > 0.0 else 0.0
        for e in estimates
    ]
    found: Floats = np.sqrt(np.clip(shares, 0.0, 0.9999))
    return found


def dunnett_log_p(
    statistic: float, loads: Floats, degrees_of_freedom: float, alternative: Alternative
) -> float:
    """Return log P(the largest of k statistics > `statistic`), there being no effect at all.

    Parameters
    ----------
    statistic : float
    loads : ndarray of shape (k,)
        Of `control_loads`.
    degrees_of_freedom : float
        Of the standard error; inf for the normal distribution.
    alternative : {'two-sided', 'greater', 'less'}
        Two-sided takes absolute values; ``'less'`` asks for the smallest instead.

    Returns
    -------
    float
        Never above k times the unadjusted p-value; that bound is returned below 1e-12,
        where the two hardly differ.

    References
    ----------
    .. [1] Dunnett (1955), "A multiple comparison procedure for comparing several treatments
       with a control", Journal of the American Statistical Association 50(272).

    Examples
    --------
    Two variants, equal arms, 20 degrees of freedom: the 5 % point in Dunnett's table is 2.38.

    >>> round(math.exp(dunnett_log_p(2.38, np.sqrt([0.5, 0.5]), 20.0, "two-sided")), 3)
    0.05
    """
    bound = min(log_p(statistic, alternative, degrees_of_freedom) + math.log(len(loads)), 0.0)
    if math.isnan(bound) or bound < math.log(_SMALL):
        return bound
    at = abs(statistic) if alternative == "two-sided" else statistic
    at = -at if alternative == "less" else at
    tail = _tail(at, loads, degrees_of_freedom, both=alternative == "two-sided")
    return min(math.log(tail), bound) if tail > 0.0 else bound


def dunnett_level(
    alpha: float, loads: Floats, degrees_of_freedom: float, alternative: Alternative
) -> float:
    """Return the level of a single interval for which all k cover at once with 1 - `alpha`.

    Parameters
    ----------
    alpha : float
    loads : ndarray of shape (k,)
    degrees_of_freedom : float
    alternative : {'two-sided', 'greater', 'less'}

    Returns
    -------
    float
        Between alpha / k and `alpha`.
    """
    both = alternative == "two-sided"
    side: Alternative = "two-sided" if both else "greater"
    low = critical_value(alpha, side, degrees_of_freedom)
    high = critical_value(alpha / len(loads), side, degrees_of_freedom)

    def excess(critical: float) -> float:
        return _tail(critical, loads, degrees_of_freedom, both=both) - alpha

    if len(loads) == 1 or excess(high) >= 0.0 or excess(low) <= 0.0:
        return alpha / len(loads)
    critical = float(brentq(excess, low, high, xtol=1e-8))
    return math.exp(log_p(critical, side, degrees_of_freedom))


def statistic_of(log: float, alternative: Alternative, degrees_of_freedom: float) -> float:
    """Return the statistic that has a given p-value, not negative if it has two sides."""
    p_value = math.exp(log)
    if p_value <= 0.0:
        return math.inf if alternative != "less" else -math.inf
    if p_value >= 1.0:
        return 0.0 if alternative == "two-sided" else -math.inf * (-1.0) ** (alternative == "less")
    found = critical_value(p_value, alternative, degrees_of_freedom)
    return -found if alternative == "less" else found


def _tail(statistic: float, loads: Floats, degrees_of_freedom: float, *, both: bool) -> float:
    """Return P(max > statistic): given the control's error and the scale, all are independent."""
    own = np.sqrt(1.0 - loads * loads)
    # The less error a variant has of its own, the steeper the integrand.
    z, weights = _panels(-_FAR, _FAR, 36 if own.min() > 0.3 else 144)
    weights = weights * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    scales, masses = _scales(degrees_of_freedom)
    reach = statistic * scales[:, None]
    log_inside: Floats = np.zeros((len(scales), len(z)))
    for load, rest in zip(loads.tolist(), own.tolist(), strict=True):
        if both:
            beyond = _below((load * z - reach) / rest) + _below((-load * z - reach) / rest)
            log_inside = log_inside + np.log1p(-np.minimum(beyond, 1.0 - 1e-16))
        else:
            log_inside = log_inside + _log_below((reach - load * z) / rest)
    return min(float(masses @ (-np.expm1(log_inside) @ weights)), 1.0)


def _below(z: Floats) -> Floats:
    found: Any = ndtr(z)
    return cast("Floats", found)


def _log_below(z: Floats) -> Floats:
    found: Any = log_ndtr(z)
    return cast("Floats", found)


def _scales(degrees_of_freedom: float) -> tuple[Floats, Floats]:
    """Return nodes and masses of the estimated standard deviation by the true one."""
    if degrees_of_freedom > _NEARLY_NORMAL:
        return np.ones(1), np.ones(1)
    # Beyond these limits less than exp(-45) is left, by bounds of Laurent and Massart.
    part = 45.0 / degrees_of_freedom
    high = 0.5 * math.log1p(2.0 * math.sqrt(part) + 2.0 * part)
    low = 0.5 * math.log1p(-2.0 * math.sqrt(part)) if part < 0.2 else -part - 2.0
    logs, weights = _panels(low, high, 16 if degrees_of_freedom >= 10.0 else 96)
    half = degrees_of_freedom / 2.0
    density = np.exp(
        math.log(2.0) + half * math.log(half) - float(gammaln(half))
        + degrees_of_freedom * logs - half * np.exp(2.0 * logs)
    )  # fmt: skip
    masses = weights * density
    heavy = masses > 1e-18
    return np.exp(logs[heavy]), masses[heavy]


def _panels(low: float, high: float, n: int) -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss-Legendre quadrature on n panels of equal width."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    width = (high - low) / n
    starts = low + width * np.arange(n)[:, None]
    found: Floats = (starts + width * (nodes + 1.0) / 2.0).ravel()
    return found, np.tile(weights * width / 2.0, n)
