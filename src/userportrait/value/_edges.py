"""Score limits: learned once from values, applied to any values later."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Binning", "learn_limits", "score_values"]

Binning = Literal["quantile", "uniform", "kmeans", "mean", "median"]


def learn_limits(
    values: NDArray[Any], n_bins: int, binning: str, counts: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return the ``n_bins - 1`` inner limits, ascending; equal limits leave a score empty.

    ``quantile`` interpolates linearly, as pandas.qcut does; ``uniform`` makes equal widths;
    ``kmeans`` puts limits half way between the centres of one-dimensional k-means started
    at the quantiles, which is deterministic; ``mean`` and ``median`` cut in two.

    Parameters
    ----------
    values : ndarray of int64 or float64
        In any order; or distinct and ascending, with `counts`.
    n_bins : int
    binning : str
    counts : ndarray of int64, optional
        How often each value comes. The limits are the same, bit for bit, as those of the
        values written out.
    """
    shares = np.arange(1, n_bins) / n_bins
    if binning == "uniform":
        low, high = float(values.min()), float(values.max())
        return low + (high - low) * shares
    if binning == "quantile" and counts is None:
        if values.dtype.kind == "i" and int(values.max()) - int(values.min()) <= len(values):
            low = int(values.min())
            every = np.bincount(values - low)
            return _counted_quantiles(np.arange(low, low + len(every)), every, shares)
        limits: NDArray[np.float64] = np.quantile(values, shares)
        return limits
    if counts is None:
        values, counts = np.unique(values, return_counts=True)
    if binning == "quantile":
        return _counted_quantiles(values, counts, shares)
    if binning == "mean":
        return np.array([_counted_mean(values, counts)])
    if binning == "median":
        return np.array([_counted_median(values, counts)])
    return _kmeans_limits(values.astype(np.float64), counts, n_bins)


def score_values(
    values: NDArray[Any], limits: NDArray[np.float64], *, low_is_best: bool
) -> NDArray[np.int64]:
    """Return scores from 1 (worst) to ``len(limits) + 1``; a value equal to a limit is below it."""
    above = np.zeros(len(values), dtype=np.int64)
    for limit in limits:
        above += values > limit
    return len(limits) + 1 - above if low_is_best else above + 1


def _counted_quantiles(
    distinct: NDArray[Any], counts: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what numpy.quantile does for values written out."""
    ends = np.cumsum(counts)
    n = int(ends[-1])
    places = shares * (n - 1)
    below = np.floor(places).astype(np.int64)
    left = distinct[np.searchsorted(ends, below, side="right")]
    right = distinct[np.searchsorted(ends, np.minimum(below + 1, n - 1), side="right")]
    weight = places - below
    step = (right - left).astype(np.float64)
    # numpy interpolates from the nearer side.
    limits: NDArray[np.float64] = np.where(
        weight < 0.5, left + step * weight, right - step * (1 - weight)
    )
    return limits


def _counted_mean(distinct: NDArray[Any], counts: NDArray[np.int64]) -> float:
    """Return the mean; its last bit does not depend on the order of values."""
    if distinct.dtype.kind == "i":
        pairs = zip(distinct.tolist(), counts.tolist(), strict=True)
        return float(sum(value * n for value, n in pairs) / int(counts.sum()))
    return math.fsum((distinct * counts).tolist()) / int(counts.sum())


def _counted_median(distinct: NDArray[Any], counts: NDArray[np.int64]) -> float:
    ends = np.cumsum(counts)
    n = int(ends[-1])
    middle = np.searchsorted(ends, [(n - 1) // 2, n // 2], side="right")
    return float(np.mean(distinct[middle], dtype=np.float64))


def _kmeans_limits(
    distinct: NDArray[np.float64], weights: NDArray[np.int64], n_bins: int
) -> NDArray[np.float64]:
    """Lloyd's algorithm on sorted distinct values with weights, to a fixed point."""
    if len(distinct) <= n_bins:
        limits = (distinct[1:] + distinct[:-1]) / 2
        return np.concatenate([limits, np.full(n_bins - 1 - len(limits), np.inf)])
    total = np.concatenate([[0.0], np.cumsum(distinct * weights)])
    count = np.concatenate([[0], np.cumsum(weights)])
    ranks = (np.arange(n_bins) + 0.5) / n_bins
    centres = np.quantile(distinct, ranks)
    cuts = np.zeros(n_bins + 1, dtype=np.int64)
    cuts[-1] = len(distinct)
    for _ in range(1000):
        limits = (centres[1:] + centres[:-1]) / 2
        new = cuts.copy()
        new[1:-1] = np.searchsorted(distinct, limits, side="right")
        if np.array_equal(new, cuts):
            break
        cuts = new
        size = count[cuts[1:]] - count[cuts[:-1]]
        mean = (total[cuts[1:]] - total[cuts[:-1]]) / np.maximum(size, 1)
        centres = np.where(size > 0, mean, centres)
    return (centres[1:] + centres[:-1]) / 2
