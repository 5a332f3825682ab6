"""Score limits: learned once from values, applied to any values later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Binning", "learn_limits", "score_values"]

Binning = Literal["quantile", "uniform", "kmeans", "mean", "median"]


def learn_limits(values: NDArray[Any], n_bins: int, binning: str) -> NDArray[np.float64]:
    """Return the ``n_bins - 1`` inner limits, ascending; equal limits leave a score empty.

    ``quantile`` interpolates linearly, as pandas.qcut does; ``uniform`` makes equal widths;
    ``kmeans`` puts limits half way between the centres of one-dimensional k-means started
    at the quantiles, which is deterministic; ``mean`` and ``median`` cut in two.
    """
    if binning == "mean":
        return np.array([float(np.mean(values, dtype=np.float64))])
    if binning == "median":
        return np.array([float(np.median(values))])
    shares = np.arange(1, n_bins) / n_bins
    if binning == "uniform":
        low, high = float(values.min()), float(values.max())
        return low + (high - low) * shares
    if binning == "quantile":
        if values.dtype.kind == "i" and int(values.max()) - int(values.min()) <= len(values):
            return _counted_quantiles(values, shares)
        limits: NDArray[np.float64] = np.quantile(values, shares)
        return limits
    return _kmeans_limits(values.astype(np.float64), n_bins)


def score_values(
    values: NDArray[Any], limits: NDArray[np.float64], *, low_is_best: bool
) -> NDArray[np.int64]:
    """Return scores from 1 (worst) to ``len(limits) + 1``; a value equal to a limit is below it."""
    above = np.zeros(len(values), dtype=np.int64)
    for limit in limits:
        above += values > limit
    return len(limits) + 1 - above if low_is_best else above + 1


def _counted_quantiles(
    values: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what numpy.quantile does, from counts: whole numbers of a narrow range."""
    low = int(values.min())
    ends = np.cumsum(np.bincount(values - low))
    places = shares * (len(values) - 1)
    below = np.floor(places).astype(np.int64)
    left = np.searchsorted(ends, below, side="right") + low
    right = np.searchsorted(ends, np.minimum(below + 1, len(values) - 1), side="right") + low
    weight = places - below
    step = (right - left).astype(np.float64)
    # numpy interpolates from the nearer side.
    return np.where(weight < 0.5, left + step * weight, right - step * (1 - weight))


def _kmeans_limits(values: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Lloyd's algorithm on sorted distinct values with weights, to a fixed point."""
    distinct, weights = np.unique(values, return_counts=True)
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
