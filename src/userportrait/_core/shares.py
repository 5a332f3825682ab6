"""Intervals of shares, and how far shares have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["stability_terms", "wilson_interval"]


def wilson_interval(count: Any, n: Any, critical: float) -> tuple[Floats, Floats]:
    """Return Wilson's score interval of shares.

    Parameters
    ----------
    count, n : int or ndarray
        Successes, and how many were tried: 1 or more.
    critical : float
        Half width in standard errors, such as 1.96.

    Returns
    -------
    low, high : ndarray of float64
        In [0, 1]; exactly 0 and 1 where nothing and everything succeeded.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical
       inference", Journal of the American Statistical Association 22.
    """
    hits = np.asarray(count, dtype=np.float64)
    size = np.asarray(n, dtype=np.float64)
    share, square = hits / size, critical * critical
    centre = share + square / (2.0 * size)
    reach = critical * np.sqrt(share * (1.0 - share) / size + square / (4.0 * size * size))
    scale = 1.0 + square / size
    low = np.where(hits == 0, 0.0, np.maximum((centre - reach) / scale, 0.0))
    high = np.where(hits == size, 1.0, np.minimum((centre + reach) / scale, 1.0))
    return low, high


def stability_terms(before: Floats, after: Floats) -> Floats:
    """Return what each class adds to the population stability index.

    Parameters
    ----------
    before, after : ndarray of float64, shape (n_classes,)
        Counts; neither side is empty. A class that is empty on one side counts there as half
        a row, one that is empty on both adds 0.

    Returns
    -------
    ndarray of float64

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley.
    """
    low = np.maximum(before, 0.5) / before.sum()
    high = np.maximum(after, 0.5) / after.sum()
    found: Floats = np.where(before + after > 0, (high - low) * np.log(high / low), 0.0)
    return found
