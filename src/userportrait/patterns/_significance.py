"""Tests of one rule against chance: Fisher, mid-p, chi-square, G; odds ratios with intervals."""

from __future__ import annotations

from functools import lru_cache
from math import lgamma, log
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy.special import log_ndtr, ndtri, xlog1py

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Alternative",
    "SignificanceMethod",
    "chi_squared",
    "g_statistic",
    "log_p_values",
    "log_tail",
    "odds_ratio_interval",
]

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"
Alternative: TypeAlias = Literal["greater", "less", "two-sided"]
SignificanceMethod: TypeAlias = Literal["fisher", "fisher_midp", "chi2", "g"]

_BLOCK = 1 << 15
_STEPS = 16
_ENOUGH = 1e-16


def log_p_values(
    both: Ints,
    left: Ints,
    right: Ints,
    n: Ints | int,
    *,
    method: SignificanceMethod = "fisher",
    alternative: Alternative = "greater",
) -> Floats:
    """Return the natural logarithm of each rule's p-value under independence of its sides.

    Parameters
    ----------
    both, left, right : ndarray of int64 of shape (n_rules,)
        Baskets with both sides, with the antecedent, with the consequent.
    n : int or ndarray of int64
        All baskets.
    method : {'fisher', 'fisher_midp', 'chi2', 'g'}, default='fisher'
        Fisher's exact test; the same with half the weight on the table itself; Pearson's
        chi-square and the likelihood ratio G, both without continuity correction.
    alternative : {'greater', 'less', 'two-sided'}, default='greater'
        Together more often than by chance, less often, or either. Two-sided exact values are
        twice the smaller tail, at most 1. One-sided chi-square and G take the signed root as
        normal.

    Returns
    -------
    ndarray of float64
        At most 0. A side that is in no basket or in every basket gives 0: nothing is tested.

    Notes
    -----
    The hypergeometric point probability is the exponential of -G / 2 times a factor of the
    Stirling remainders of the nine counts, so that large numbers never cancel. The tail is the
    sum of ratios of neighbours, over whichever side of the mode is the shorter.
    """
    whole = np.broadcast_to(np.asarray(n, dtype=np.int64), both.shape)
    if method in ("chi2", "g"):
        statistic = (chi_squared if method == "chi2" else g_statistic)(both, left, right, whole)
        return _log_normal(statistic, _excess(both, left, right, whole), alternative)
    mid = method == "fisher_midp"
    if alternative == "greater":
        return log_tail(both, left, right, whole, mid=mid)
    # Fewer together is the same as more of the antecedent without the consequent.
    less = log_tail(left - both, left, whole - right, whole, mid=mid)
    if alternative == "less":
        return less
    greater = log_tail(both, left, right, whole, mid=mid)
    either: Floats = np.minimum(np.minimum(greater, less) + np.log(2.0), 0.0)
    return either


def _excess(both: Ints, left: Ints, right: Ints, n: Ints) -> Floats:
    """Return how far the joint count is above its expectation, exact until the division."""
    return (both * n - left * right) / np.maximum(n, 1)


def chi_squared(both: Ints, left: Ints, right: Ints, n: Ints | int) -> Floats:
    """Return Pearson's statistic of each 2x2 table; 0 where a margin is empty."""
    whole = np.broadcast_to(np.asarray(n, dtype=np.int64), both.shape)
    margins = left.astype(np.float64) * right * (whole - left) * (whole - right)
    top = _excess(both, left, right, whole) ** 2 * whole.astype(np.float64) ** 3
    found = np.zeros(len(both))
    np.divide(top, margins, out=found, where=margins > 0)
    return found


def g_statistic(both: Ints, left: Ints, right: Ints, n: Ints | int) -> Floats:
    """Return the likelihood-ratio statistic of each 2x2 table; 0 where a margin is empty."""
    whole = np.broadcast_to(np.asarray(n, dtype=np.int64), both.shape)
    return np.maximum(2 * _half_g(both, left, right, whole), 0.0)


def _half_g(both: Ints, left: Ints, right: Ints, n: Ints) -> Floats:
    """Sum O log(O / E) over the four cells.

    Written as O log(1 + d / E), where d is the same distance in every cell: it cancels least.
    """
    cross = (both * n - left * right).astype(np.float64)
    total = np.zeros(len(both))
    for cell, row, column, sign in (
        (both, left, right, 1.0),
        (left - both, left, n - right, -1.0),
        (right - both, n - left, right, -1.0),
        (n - left - right + both, n - left, n - right, 1.0),
    ):
        expected = row.astype(np.float64) * column
        away = np.divide(sign * cross, expected, out=np.zeros(len(both)), where=expected > 0)
        total += xlog1py(cell, np.where(cell > 0, away, 0.0))
    return total


def _log_normal(statistic: Floats, excess: Floats, alternative: Alternative) -> Floats:
    root = np.sqrt(statistic)
    if alternative == "two-sided":
        found = log_ndtr(-root) + np.log(2.0)
    else:
        toward = 1.0 if alternative == "greater" else -1.0
        found = log_ndtr(-toward * np.sign(excess) * root)
    return np.where(statistic > 0, np.minimum(found, 0.0), 0.0)


def log_tail(both: Ints, left: Ints, right: Ints, n: Ints | int, *, mid: bool = False) -> Floats:
    """Return log P(C >= both) for hypergeometric C, or log of the mid-p value.

    Where nothing can vary, because a side is in no basket or in every basket, it is 0.
    """
    whole = np.broadcast_to(np.asarray(n, dtype=np.int64), both.shape)
    found = np.zeros(len(both))
    # Tables that are alike, as both directions of a rule are, are worked out once.
    small, large = np.minimum(left, right), np.maximum(left, right)
    for start in range(0, len(both), _BLOCK):
        part = slice(start, start + _BLOCK)
        found[part] = _tail_block(both[part], small[part], large[part], whole[part], mid=mid)
    return found


def _tail_block(both: Ints, left: Ints, right: Ints, n: Ints, *, mid: bool) -> Floats:
    fixed = (left == 0) | (right == n) | (n == 0)
    point = _log_point(both, left, right, n)
    above = both * (n + 2) > (left + 1) * (right + 1)
    found = np.empty(len(both))
    up, down = np.flatnonzero(above), np.flatnonzero(~above)
    ratio = _sum_of_ratios(both[up], left[up], right[up], n[up])
    found[up] = point[up] + np.log(ratio - 0.5 if mid else ratio)
    # Below the mode the other tail is the short one: P(C >= k) = 1 - P(C <= k - 1), and
    # P(C <= k - 1) is P(C <= k) without its own point, seen from the mirrored table.
    mirrored = left[down] - both[down], left[down], n[down] - right[down], n[down]
    rest = _sum_of_ratios(*mirrored) - (0.5 if mid else 1.0)
    lower = np.minimum(np.exp(point[down]) * rest, 1.0)
    # At the lower end of the range nothing lies below, so that nothing is subtracted.
    with np.errstate(divide="ignore"):
        found[down] = np.log1p(-lower)
    found[fixed] = 0.0
    return np.minimum(found, 0.0)


def _sum_of_ratios(both: Ints, left: Ints, right: Ints, n: Ints) -> Floats:
    """Return P(C >= both) / P(C = both), term by term until nothing is added."""
    total = np.ones(len(both))
    at = both.astype(np.float64)
    # P(k + 1) / P(k) = (left - k)(right - k) / ((k + 1)(n - left - right + k + 1))
    first, second = left - at, right - at
    third, fourth = at + 1, (n - left - right) + at + 1
    term, place = np.ones(len(both)), np.arange(len(both))
    added = np.zeros(len(both))
    while len(place):
        added[:] = 0
        for _ in range(_STEPS):
            term *= first * second
            term /= third * fourth
            added += term
            first -= 1
            second -= 1
            third += 1
            fourth += 1
        total[place] += added
        going = np.abs(term) > _ENOUGH * total[place]
        going &= (first > 0) & (second > 0)
        place, term, first, second = place[going], term[going], first[going], second[going]
        third, fourth, added = third[going], fourth[going], added[going]
    return total


def _log_point(both: Ints, left: Ints, right: Ints, n: Ints) -> Floats:
    """Return log P(C = both) for hypergeometric C."""
    rest = _remainder_table() if len(n) and n.max() < _TABLE else None
    cells = np.zeros(len(both))
    for sign, some in (
        (1.0, (left, right, n - left, n - right)),
        (-1.0, (n, both, left - both, right - both, n - left - right + both)),
    ):
        for k in some:
            cells += sign * (stirling_remainder(k) if rest is None else rest[k])
    return cells - _half_g(both, left, right, n)


_TABLE = 1 << 18


@lru_cache(maxsize=1)
def _remainder_table() -> Floats:
    return stirling_remainder(np.arange(_TABLE))


def stirling_remainder(k: Ints) -> Floats:
    """Return ``log(k!) - (k log k - k)`` for whole k from 0 on."""
    large = np.maximum(k, 1).astype(np.float64)
    inverse = 1 / large
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    found = 0.5 * np.log(2 * np.pi * large) + series
    small = k < len(_FEW)
    found[small] = _FEW[k[small]]
    return found


_FEW: Floats = np.array([0.0, *(lgamma(k + 1) - (k * log(k) - k) for k in range(1, 32))])


def odds_ratio_interval(
    both: Ints, left: Ints, right: Ints, n: Ints | int, *, confidence_level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Return the odds ratio of each 2x2 table and its interval.

    Half a basket is added to every cell, after Haldane and Anscombe, so that no cell is empty;
    the interval is Woolf's, normal on the logarithm.

    Parameters
    ----------
    both, left, right, n
        See `log_p_values`.
    confidence_level : float, default=0.95

    Returns
    -------
    odds_ratio, low, high : ndarray of float64
        All finite and positive.

    References
    ----------
    .. [1] Woolf (1955), "On estimating the relation between blood group and disease", Annals
       of Human Genetics 19(4).
    .. [2] Haldane (1956), "The estimation and significance of the logarithm of a ratio of
       frequencies", Annals of Human Genetics 20(4).
    """
    cells: list[Any] = [both, left - both, right - both, n - left - right + both]
    a, b, c, d = (cell + 0.5 for cell in cells)
    log_ratio = np.log(a) - np.log(b) - np.log(c) + np.log(d)
    reach = ndtri(0.5 + confidence_level / 2) * np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return np.exp(log_ratio), np.exp(log_ratio - reach), np.exp(log_ratio + reach)
