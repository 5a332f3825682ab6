"""The target group index: interval, exact test, false discovery rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import gammaln, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["exact_p_values", "false_discovery_rates", "index_interval"]

FloatArray: TypeAlias = "NDArray[np.float64]"

_BISECTIONS = 60
_CHUNK = 64


def index_interval(
    n_inside: NDArray[Any], n_all: NDArray[Any], size: int, base: int, confidence_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the target group index.

    The index is a monotone function of the ratio between the share inside the audience and
    the share outside it, so the limits are those of that ratio, carried over.

    Parameters
    ----------
    n_inside, n_all : ndarray of int
        Members and customers with a value; at least one customer each.
    size, base : int
        All members and all customers.
    confidence_level : float

    Returns
    -------
    low, high : ndarray of float
        0 and the highest possible index for an empty audience; 100 for an audience of
        everybody, whose index cannot be anything else.

    Notes
    -----
    The limits of the ratio invert the score test of Miettinen and Nurminen (1985), "Comparative
    analysis of two rates", Statistics in Medicine 4(2), section 3, by bisection.
    """
    inside, everybody = n_inside.astype(np.float64), n_all.astype(np.float64)
    if size == 0:
        return np.zeros_like(inside), 100.0 * base / everybody
    if size == base:
        return np.full_like(inside, 100.0), np.full_like(inside, 100.0)
    z = float(ndtri(0.5 + confidence_level / 2))
    outside, n_outside = everybody - inside, float(base - size)
    counts = (inside, outside, float(size), n_outside)
    low = np.where(inside == 0, 0.0, _where_score_is(z, *counts))
    high = np.where(outside == 0, 1.0, _where_score_is(-z, *counts))
    return _as_index(low, size / base), _as_index(high, size / base)


def _where_score_is(
    level: float, x1: FloatArray, x2: FloatArray, n1: float, n2: float
) -> FloatArray:
    """Find the ratio, as t = ratio / (1 + ratio), where the score, which falls, has a value."""
    low, high = np.zeros_like(x1), np.ones_like(x1)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = _score(middle, x1, x2, n1, n2) > level
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _score(t: FloatArray, x1: FloatArray, x2: FloatArray, n1: float, n2: float) -> FloatArray:
    """Return the score statistic of the hypothesis that the ratio is t / (1 - t)."""
    n = n1 + n2
    s = 1 - t
    b = n1 * t + x1 * s + n2 * s + x2 * t
    root = np.sqrt(np.maximum(b * b - 4 * n * t * s * (x1 + x2), 0.0))
    scale = 2 * (x1 + x2) / (b + root)  # the likeliest shares are scale * t and scale * s
    p1, p2 = np.minimum(scale * t, 1.0), np.minimum(scale * s, 1.0)
    difference = s * x1 / n1 - t * x2 / n2
    variance = (s * s * p1 * (1 - p1) / n1 + t * t * p2 * (1 - p2) / n2) * n / (n - 1)
    certain = variance <= 0
    score = difference / np.sqrt(np.where(certain, 1.0, variance))
    return np.where(certain, np.sign(difference) * 1e300, score) if certain.any() else score


def _as_index(t: FloatArray, share: float) -> FloatArray:
    return 100.0 * t / (share * t + (1 - share) * (1 - t))


def exact_p_values(n_inside: NDArray[Any], n_all: NDArray[Any], size: int, base: int) -> FloatArray:
    """Return Fisher's exact p-values: is the audience a random draw with regard to a value?

    Two-sided by doubling the smaller tail of the hypergeometric distribution; 1 where nothing
    can be learned: an audience of nobody or everybody, a value that everybody has.

    Parameters
    ----------
    n_inside, n_all : ndarray of int
        Members and customers with a value.
    size, base : int
        All members and all customers.

    Returns
    -------
    ndarray of float
    """
    k, with_value = n_inside.astype(np.float64), n_all.astype(np.float64)
    found = np.ones(len(k))
    testable = (with_value > 0) & (with_value < base) & (0 < size < base)
    if not testable.any():
        return found
    k, with_value = k[testable], with_value[testable]
    # The lower tail of k members with the value is the upper tail of those without it.
    lower = k * base < with_value * size
    k, with_value = np.where(lower, size - k, k), np.where(lower, base - with_value, with_value)
    point = np.exp(_log_point(k, with_value, float(size), float(base)))
    tail = point * _tail_over_point(k, with_value, float(size), float(base))
    other = 1.0 - tail + point
    found[testable] = np.minimum(1.0, 2 * np.minimum(tail, other))
    return found


def _log_point(k: FloatArray, with_value: FloatArray, size: float, base: float) -> FloatArray:
    chosen = _log_choose(with_value, k) + _log_choose(base - with_value, size - k)
    return chosen - _log_choose(np.float64(base), np.float64(size))


def _log_choose(n: Any, k: Any) -> FloatArray:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def _tail_over_point(k: FloatArray, with_value: FloatArray, size: float, base: float) -> FloatArray:
    """Sum P(X >= k) / P(X = k) by the ratio of neighbours, until nothing is added."""
    total = np.ones_like(k)
    active = np.arange(len(k))
    term, at, marked = total.copy(), k.copy(), with_value
    while active.size:
        for _ in range(_CHUNK):
            rest = base - marked - size + at + 1
            term = term * (marked - at) * (size - at) / ((at + 1) * rest)
            term = np.maximum(term, 0.0)
            total[active] += term
            at = at + 1
        going = term > 1e-17 * total[active]
        active, term, at, marked = active[going], term[going], at[going], marked[going]
    return total


def false_discovery_rates(p_values: FloatArray) -> FloatArray:
    """Return q-values: the smallest false discovery rate at which each row is a finding.

    Parameters
    ----------
    p_values : ndarray of float

    Returns
    -------
    ndarray of float

    Notes
    -----
    Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57(1).
    """
    n = len(p_values)
    order = np.argsort(p_values)
    scaled = p_values[order] * n / np.arange(1, n + 1)
    found = np.empty(n)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found
