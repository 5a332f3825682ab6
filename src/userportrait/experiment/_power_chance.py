"""Chances to find an effect: noncentral t, two one-sided tests, and designs with looks."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import gammaln, ndtr

from userportrait.experiment._group_sequential import GroupSequential
from userportrait.experiment._intervals import critical_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Alternative

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Looks", "drift_curve", "drift_power", "equivalence_power", "one_look_power"]

_NEARLY_NORMAL = 1e7


@runtime_checkable
class Looks(Protocol):
    """A design with several looks, which knows what it costs."""

    def needed_drift(self, alpha: float, power: float, alternative: Alternative) -> float:
        """Return the mean of the last statistic that finds an effect with this power."""
        ...

    def __hash__(self) -> int:
        """Return the same number for equal designs: answers that take long are kept."""
        ...


def one_look_power(
    drift: float, degrees_of_freedom: float, alpha: float, alternative: Alternative
) -> float:
    """Return the chance of a significant effect in the direction of the true one.

    Parameters
    ----------
    drift : float
        True effect in standard errors, turned so that the right direction is up.
    degrees_of_freedom : float
        Of the t-test; inf stands for the normal distribution.
    alpha : float
    alternative : {'two-sided', 'greater', 'less'}
        Two-sided tests have half of alpha on each side.
    """
    critical = critical_value(alpha, alternative, degrees_of_freedom)
    return _mean_over_spread(lambda s: ndtr(drift - critical * s), degrees_of_freedom)


def equivalence_power(
    to_low: float, to_high: float, degrees_of_freedom: float, alpha: float
) -> float:
    """Return the chance that both one-sided tests of an equivalence reject.

    Parameters
    ----------
    to_low, to_high : float
        Distance of the true effect from the lower and to the upper margin, in standard errors.
    degrees_of_freedom : float
    alpha : float
        Of each test.
    """
    critical = critical_value(alpha, "greater", degrees_of_freedom)
    if math.isinf(degrees_of_freedom) or degrees_of_freedom > _NEARLY_NORMAL:
        return max(float(ndtr(to_low - critical) - ndtr(critical - to_high)), 0.0)

    def both(s: Floats) -> Floats:
        return ndtr(to_low - critical * s) - ndtr(critical * s - to_high)

    # Beyond this spread the two rejection regions do not meet.
    end = max((to_low + to_high) / (2.0 * critical), 0.0)
    return _mean_over_spread(both, degrees_of_freedom, end)


def _mean_over_spread(
    given: Callable[[Floats], Floats], degrees_of_freedom: float, end: float = math.inf
) -> float:
    """Return the mean of a function of the estimated standard error by the true one.

    Its square is chi-square by its degrees of freedom. Independent of the mean, so that a
    power is the normal one, averaged: exact for noncentral t.
    """
    v = degrees_of_freedom
    if math.isinf(v) or v > _NEARLY_NORMAL:
        return float(given(np.ones(1))[0]) if end > 1.0 else 0.0
    nodes, weights = _rule()
    reach = 12.0 / math.sqrt(2.0 * v)
    low, high = max(0.0, 1.0 - reach), min(1.0 + reach, end)
    if high <= low:
        return 0.0
    s = low + (high - low) * nodes
    log_density = math.log(2.0) + 0.5 * v * math.log(0.5 * v) - float(gammaln(0.5 * v))
    density = np.exp(log_density + (v - 1.0) * np.log(s) - 0.5 * v * s * s)
    return float(np.sum(weights * density * given(s))) * (high - low)


@lru_cache(maxsize=1)
def _rule() -> tuple[Floats, Floats]:
    """Return nodes and weights of Gauss and Legendre on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def drift_power(design: Looks, drift: float, alpha: float, alternative: Alternative) -> float:
    """Return the chance that a design with looks finds an effect, in its direction.

    Parameters
    ----------
    design : design with `needed_drift`
    drift : float
        True effect in standard errors at the last look.
    alpha : float
    alternative : {'two-sided', 'greater', 'less'}
    """
    if isinstance(design, GroupSequential):
        return float(design.bounds(alpha, alternative).exits(drift).above.sum())
    return _inverted(design, round(drift, 9), alpha, alternative)


def drift_curve(
    design: Looks, drifts: Floats, alpha: float, alternative: Alternative
) -> list[float]:
    """Return `drift_power` of many drifts, right to about 0.002.

    Where the design says only what it needs for a power, that is interpolated between nine
    powers, in normal quantiles, in which it is nearly linear.
    """
    if isinstance(design, GroupSequential):
        return [drift_power(design, drift, alpha, alternative) for drift in drifts.tolist()]
    needed, scores = _table(design, alpha, alternative)
    within = np.clip(drifts, needed[0], needed[-1])
    found = np.asarray(PchipInterpolator(needed, scores)(within)) + (drifts - within)
    chances: list[float] = np.asarray(ndtr(found), dtype=np.float64).tolist()
    return chances


@lru_cache(maxsize=64)
def _table(design: Looks, alpha: float, alternative: Alternative) -> tuple[Floats, Floats]:
    scores = np.linspace(_lowest(alpha, alternative), 3.0, 9)
    powers: list[float] = np.asarray(ndtr(scores), dtype=np.float64).tolist()
    needed = [design.needed_drift(alpha, chance, alternative) for chance in powers]
    return np.array(needed), scores


def _lowest(alpha: float, alternative: Alternative) -> float:
    """Return the normal quantile of the lowest power that a design is asked about.

    It is the power of one look at a drift of 0.75; further down, drift and quantile are taken
    to go together one to one.
    """
    return 0.75 - critical_value(alpha, alternative)


@lru_cache(maxsize=4096)
def _inverted(design: Looks, drift: float, alpha: float, alternative: Alternative) -> float:
    """Solve the needed drift for the power; both are nearly linear in normal quantiles."""

    def excess(score: float) -> float:
        return design.needed_drift(alpha, float(ndtr(score)), alternative) - drift

    lowest, highest = _lowest(alpha, alternative), 5.0
    first, second = 0.84, 1.28  # powers of 0.8 and 0.9, near what is mostly asked
    at_first, at_second = excess(first), excess(second)
    for _ in range(12):
        if at_second == at_first:
            break
        step = second - at_second * (second - first) / (at_second - at_first)
        step = min(max(step, lowest), highest)
        if abs(step - second) < 1e-5:
            break
        first, at_first, second = second, at_second, step
        at_second = excess(second)
    if second == lowest and at_second > 0.0:
        second -= at_second
    return float(ndtr(second))
