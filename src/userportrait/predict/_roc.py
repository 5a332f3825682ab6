"""Areas under the curve with DeLong's variances, and the curve itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import optimize, special
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "areas_with_covariance",
    "counts_by_score",
    "delong_interval",
    "delong_p_value",
    "roc_frame",
]

_ranks: Any = rankdata
_NOTHING = 1e-18
"""A variance below this is rounding."""


def areas_with_covariance(y: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return the area under the curve of each score and DeLong's covariance of the areas.

    Parameters
    ----------
    y : ndarray of 0.0 and 1.0, shape (n_rows,)
    scores : ndarray of shape (n_scores, n_rows)

    Notes
    -----
    Sorted ranks give the placements of each row, O(n log n). [1]_ Equal scores count half.

    References
    ----------
    .. [1] DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3); Sun and Xu (2014), IEEE
       Signal Processing Letters 21(11).
    """
    ones, zeros = y > 0.5, y < 0.5
    m, n = int(ones.sum()), int(zeros.sum())
    above = np.empty((len(scores), m))
    below = np.empty((len(scores), n))
    for at, score in enumerate(scores):
        everywhere = _ranks(score)
        above[at] = (everywhere[ones] - _ranks(score[ones])) / n
        below[at] = 1.0 - (everywhere[zeros] - _ranks(score[zeros])) / m
    areas: Floats = above.mean(axis=1)
    covariance = _covariance(above) / m + _covariance(below) / n
    return areas, covariance


def _covariance(rows: Floats) -> Floats:
    if rows.shape[1] < 2:
        return np.full((len(rows), len(rows)), np.nan)
    off = rows - rows.mean(axis=1, keepdims=True)
    found: Floats = off @ off.T / (rows.shape[1] - 1)
    return found


def delong_interval(
    area: float, variance: float, confidence_level: float, n_of_class: tuple[int, int]
) -> tuple[float, float]:
    """Return an interval of an area, built on the logit so that it stays in [0, 1].

    Parameters
    ----------
    area, variance : float
    confidence_level : float
    n_of_class : tuple of int
        Rows with and without the outcome.

    Notes
    -----
    Where all rows of a class are placed alike, as in a perfect order or with one score for
    all, DeLong's variance is 0 and says nothing. The interval is then that of the areas whose
    own variance, after Hanley and McNeil, reaches the area found: Newcombe's fifth method. [1]_
    One row of a class has no variance at all, and leaves everything possible.

    References
    ----------
    .. [1] Newcombe (2006), "Confidence intervals for an effect size measure based on the
       Mann-Whitney statistic. Part 2: asymptotic methods and evaluation", Statistics in
       Medicine 25; Hanley and McNeil (1982), Radiology 143.
    """
    if not np.isfinite(variance):
        return 0.0, 1.0
    z = float(special.ndtri(0.5 + confidence_level / 2.0))
    if variance <= _NOTHING or area in (0.0, 1.0):
        return _newcombe(area, z, n_of_class)
    middle = np.log(area / (1.0 - area))
    half = z * np.sqrt(variance) / (area * (1.0 - area))
    ends: Floats = np.array([middle - half, middle + half])
    low, high = special.expit(ends)
    return float(low), float(high)


def _newcombe(area: float, z: float, n_of_class: tuple[int, int]) -> tuple[float, float]:
    m, n = n_of_class
    more = (m + n) / 2.0 - 1.0

    def excess(theta: float) -> float:
        """Return the squared distance from the area, less that which z errors reach."""
        both = (1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta)
        variance = theta * (1.0 - theta) * (1.0 + more * both) / (m * n)
        return (theta - area) ** 2 - z * z * variance

    root: Any = optimize.brentq
    low = 0.0 if area == 0.0 else float(root(excess, 0.0, _inside(area)))
    high = 1.0 if area == 1.0 else float(root(excess, _inside(area), 1.0))
    return low, high


def _inside(area: float) -> float:
    return min(max(area, 1e-12), 1.0 - 1e-12)


def delong_p_value(
    areas: Floats, covariance: Floats, first: int, second: int, n_of_class: tuple[int, int]
) -> float:
    """Return the two-sided p-value that two areas of the same rows are equal.

    Where the difference has no variance, as between a perfect order and one score for all,
    it is that of the exact test: the share of all ways to give out the outcomes that set the
    areas as far apart. Where that cannot be told either, it is NaN.
    """
    off = float(areas[first] - areas[second])
    variance = float(
        covariance[first, first] + covariance[second, second] - 2.0 * covariance[first, second]
    )
    if variance > _NOTHING:
        return math.erfc(abs(off) / math.sqrt(2.0 * variance))
    if abs(off) < 1e-12:
        return 1.0
    # A perfect order has one outcome above all others in one way, and below them in one.
    ends = {float(areas[at]) for at in (first, second)}
    if np.isnan(variance) or not ends <= {0.0, 0.5, 1.0}:
        return math.nan
    m, n = n_of_class
    ways = math.lgamma(m + n + 1) - math.lgamma(m + 1) - math.lgamma(n + 1)
    return min(1.0, 2.0 * math.exp(-ways))


def counts_by_score(y: Floats, score: Floats) -> tuple[Floats, Floats, Floats]:
    """Return distinct scores from the highest down, and rows and outcomes at or above each."""
    unique: Any = np.unique
    distinct: Floats
    codes: NDArray[np.intp]
    distinct, codes = unique(-score, return_inverse=True)
    n_rows = np.cumsum(np.bincount(codes, minlength=len(distinct))).astype(np.float64)
    n_ones = np.cumsum(np.bincount(codes, weights=y, minlength=len(distinct)))
    highest: Floats = -distinct
    return highest, n_rows, n_ones.astype(np.float64)


def roc_frame(y: Floats, score: Floats) -> pd.DataFrame:
    """Return the curve: one row a threshold, from nobody to everybody.

    Columns are ``threshold`` (a row is chosen if its score is at least this), ``n_rows``,
    ``true_positive_rate``, ``false_positive_rate``, ``precision``.
    """
    thresholds, n_rows, n_ones = counts_by_score(y, score)
    ones = float(y.sum())
    zeros = len(y) - ones
    return pd.DataFrame(
        {
            "threshold": np.r_[np.inf, thresholds],
            "n_rows": np.r_[0, n_rows].astype(np.int64),
            "true_positive_rate": np.r_[0.0, n_ones / ones],
            "false_positive_rate": np.r_[0.0, (n_rows - n_ones) / zeros],
            "precision": np.r_[1.0, n_ones / n_rows],
        }
    )
