"""Several estimates of nearly the same effect: do they differ, and what is each likely to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import gammaincc, ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Heterogeneity", "Shrunk", "heterogeneity", "shrink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Whether effects differ by more than chance.

    Parameters
    ----------
    n : int
        Effects compared.
    pooled, std_error : float
        Their mean weighted by precision, as if they were all equal, and its standard error.
    q, p_value : float
        Cochran's statistic, and the chance of a larger one if all effects are equal.
    spread : float
        Standard deviation of the true effects, estimated after Paule and Mandel.
    share : float
        I squared: the part of what Q sums up that is not chance, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import heterogeneity
    >>> found = heterogeneity(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> found.q, round(found.p_value, 4), found.pooled
    (2.0, 0.1573, 2.0)
    """

    n: int
    pooled: float
    std_error: float
    q: float
    p_value: float
    spread: float
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Shrunk:
    """Estimates drawn to their common mean, each by as much as its uncertainty asks for.

    Parameters
    ----------
    means, low, high : ndarray of shape (n,)
        Posterior means and limits of central intervals.
    mean, spread : float
        Posterior means of the common mean and of the standard deviation of true effects.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import shrink
    >>> found = shrink(np.array([0.0, 1.0, 5.0]), np.array([1.0, 1.0, 1.0]))
    >>> bool(found.low[2] < found.means[2] < 5.0), round(found.mean, 6)
    (True, 2.0)
    """

    means: Floats
    low: Floats
    high: Floats
    mean: float
    spread: float


def heterogeneity(effects: Floats, std_errors: Floats) -> Heterogeneity:
    """Test whether independent effects differ, by Cochran's Q.

    Parameters
    ----------
    effects, std_errors : ndarray of shape (n,)
        Two or more independent estimates, with standard errors above 0.

    Returns
    -------
    Heterogeneity

    References
    ----------
    .. [1] Cochran (1954), "The combination of estimates from different experiments",
       Biometrics 10(1).
    .. [2] Paule and Mandel (1982), "Consensus values and weighting factors", Journal of
       Research of the National Bureau of Standards 87(5).
    .. [3] Higgins and Thompson (2002), "Quantifying heterogeneity in a meta-analysis",
       Statistics in Medicine 21(11).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import heterogeneity
    >>> heterogeneity(np.array([1.0, 1.1, 5.0]), np.array([1.0, 1.0, 1.0])).p_value < 0.01
    True
    """
    weights = 1.0 / std_errors**2
    pooled = float(weights @ effects / weights.sum())
    q = float(weights @ (effects - pooled) ** 2)
    freedom = len(effects) - 1
    return Heterogeneity(
        n=len(effects),
        pooled=pooled,
        std_error=1.0 / math.sqrt(float(weights.sum())),
        q=q,
        p_value=float(gammaincc(freedom / 2.0, q / 2.0)) if freedom else math.nan,
        spread=math.sqrt(_paule_mandel(effects, std_errors)),
        share=max(0.0, 1.0 - freedom / q) if q > 0 else 0.0,
    )


def _paule_mandel(effects: Floats, std_errors: Floats) -> float:
    """Return the variance of true effects at which Q equals its degrees of freedom."""
    from scipy.optimize import brentq

    freedom = len(effects) - 1

    def excess(variance: float) -> float:
        weights = 1.0 / (std_errors**2 + variance)
        mean = weights @ effects / weights.sum()
        return float(weights @ (effects - mean) ** 2) - freedom

    if freedom < 1 or excess(0.0) <= 0.0:
        return 0.0
    top = float(np.ptp(effects) ** 2) + 1e-300
    while excess(top) > 0.0:
        top *= 4.0
    # In units of its own size, so that effects of any scale are solved alike.
    return float(brentq(lambda share: excess(share * top), 0.0, 1.0, xtol=1e-14, rtol=1e-13)) * top


def shrink(
    effects: Floats, std_errors: Floats, *, alpha: float = 0.05, n_grid: int = 400
) -> Shrunk:
    """Shrink effects to their common mean, without taking their spread for known.

    Parameters
    ----------
    effects, std_errors : ndarray of shape (n,)
        Two or more independent estimates, with standard errors above 0.
    alpha : float, default=0.05
        One minus the level of the intervals.
    n_grid : int, default=400
        Values of the spread that the posterior is summed over.

    Returns
    -------
    Shrunk

    Notes
    -----
    Estimates are normal around true effects, and these around a common mean with an unknown
    spread. The mean has a flat prior; the spread t has the density ``s / (s + t)**2`` with s
    the harmonic mean variance's root, which is proper whatever the number of effects [1]_ and
    half of it lies below s. Both are integrated out, the spread on a grid. The usual
    empirical Bayes estimate takes the likeliest spread for the true one: often 0, with
    intervals that are then too short. [2]_

    References
    ----------
    .. [1] DuMouchel (1994), "Hierarchical Bayes linear models for meta-analysis", National
       Institute of Statistical Sciences, technical report 27.
    .. [2] Morris (1983), "Parametric empirical Bayes inference: theory and applications",
       Journal of the American Statistical Association 78(381).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.experiment import shrink
    >>> shrink(np.array([0.0, 1.0, 5.0]), np.array([1.0, 1.0, 1.0])).means.round(2).tolist()
    [0.46, 1.23, 4.31]
    """
    variance = std_errors**2
    scale = math.sqrt(len(variance) / float((1.0 / variance).sum()))
    share = (np.arange(n_grid) + 0.5) / n_grid  # the prior's distribution function, evenly
    spread = scale * share / (1.0 - share)
    total = variance[None, :] + spread[:, None] ** 2
    weights = 1.0 / total
    precision = weights.sum(axis=1)
    mean = weights @ effects / precision
    log = 0.5 * np.log(weights).sum(axis=1) - 0.5 * np.log(precision)
    log -= 0.5 * (weights * (effects - mean[:, None]) ** 2).sum(axis=1)
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    pull = variance[None, :] * weights  # how much of each estimate is replaced by the mean
    means = (1.0 - pull) * effects + pull * mean[:, None]
    spreads = np.sqrt((1.0 - pull) * variance + pull**2 / precision[:, None])
    low, high = (_quantiles(means, spreads, chance, p) for p in (alpha / 2.0, 1.0 - alpha / 2.0))
    return Shrunk(chance @ means, low, high, float(chance @ mean), float(chance @ spread))


def _quantiles(means: Floats, spreads: Floats, chance: Floats, p: float) -> Floats:
    """Return quantiles of mixtures of normal distributions, one for each column, by halving."""
    low: Floats = (means - 40.0 * spreads).min(axis=0)
    high: Floats = (means + 40.0 * spreads).max(axis=0)
    normal: Any = ndtr
    for _ in range(100):
        middle: Floats = 0.5 * (low + high)
        below: NDArray[np.bool_] = chance @ normal((middle - means) / spreads) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Floats = 0.5 * (low + high)
    return found
