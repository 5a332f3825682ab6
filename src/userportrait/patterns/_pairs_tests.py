"""Tests of very many pairs at once: exact tails in logarithms, false discoveries, intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

__all__ = [
    "Adjustment",
    "adjust_log_p",
    "binomial_log_tail",
    "hypergeometric_log_tail",
    "share_interval",
]

Adjustment: TypeAlias = Literal["bh", "by", "holm", "bonferroni", "none"]
"""How p-values are adjusted for the number of pairs tested."""

_SMALLEST_TERM = 1e-17  # below this share of the sum, further terms change no digit
_EULER = 0.57721566490153286


def hypergeometric_log_tail(
    observed: Ints,
    n_first: Ints,
    n_second: Ints,
    n_total: Ints,
    *,
    upper: bool,
    ceiling: float = 1.0,
) -> Floats:
    """Return ln P(X >= observed), or ln P(X <= observed), of a hypergeometric X.

    It is Fisher's exact one-sided test of two items: X is how many of `n_total` baskets hold
    both, if `n_first` of them hold the one and `n_second`, drawn at random, the other.

    Parameters
    ----------
    observed, n_first, n_second, n_total : ndarray of int64, of one shape
    upper : bool
        Which tail.
    ceiling : float, default=1.0
        Above this the sum is not finished: the result is then too low, but above `ceiling`.

    Returns
    -------
    ndarray of float64
        0 where `observed` is on the other side of the mean: there p is not small.

    Notes
    -----
    The probability of `observed` comes from log-gamma values; further terms from their ratio,
    until they no longer matter. Relative error about 1e-16 times the log-factorial of `n_total`.
    """
    k, a, b, n = (np.asarray(v, dtype=np.float64) for v in (observed, n_first, n_second, n_total))
    mean = a * b / np.maximum(n, 1.0)
    rows = np.flatnonzero(k > mean if upper else k < mean)
    k, a, b, rest = k[rows], a[rows], b[rows], (n - a - b)[rows]
    log_first = _log_choose(a, k) + _log_choose(n[rows] - a, b - k) - _log_choose(n[rows], b)

    def ratio(i: Floats, at: NDArray[np.intp]) -> Floats:
        if upper:
            return (a[at] - i) * (b[at] - i) / ((i + 1.0) * (rest[at] + i + 1.0))
        return i * (rest[at] + i) / ((a[at] - i + 1.0) * (b[at] - i + 1.0))

    found = np.zeros(len(observed))
    found[rows] = _sum_tail(log_first, k, ratio, upper=upper, ceiling=ceiling)
    return found


def binomial_log_tail(
    observed: Ints, n_trials: Ints, expected: Floats, *, upper: bool, ceiling: float = 1.0
) -> Floats:
    """Return ln P(X >= observed), or ln P(X <= observed), of X binomial with a given mean.

    By Hoeffding's theorem [1]_ this bounds the tail of any sum of independent trials with the
    same number and mean, whatever each trial's chance, where `observed` is one or more away from
    the mean: a test with it reports no more false alarms than it says.

    Parameters
    ----------
    observed, n_trials : ndarray of int64
    expected : ndarray of float64
        The mean, at most `n_trials`.
    upper : bool
        Which tail.
    ceiling : float, default=1.0
        Above this the sum is not finished: the result is then too low, but above `ceiling`.

    Returns
    -------
    ndarray of float64
        0 where `observed` is less than one away from the mean, or on the other side of it.

    References
    ----------
    .. [1] Hoeffding (1956), "On the distribution of the number of successes in independent
       trials", Annals of Mathematical Statistics 27(3), 713-721, theorem 5.
    """
    k, n = np.asarray(observed, dtype=np.float64), np.asarray(n_trials, dtype=np.float64)
    rows = np.flatnonzero(k >= expected + 1.0 if upper else k <= expected - 1.0)
    k, n = k[rows], n[rows]
    p = np.minimum(expected[rows] / np.maximum(n, 1.0), 1.0 - 1e-12)
    odds = p / (1.0 - p)
    log_first = _log_choose(n, k) + k * np.log(np.maximum(p, 1e-300)) + (n - k) * np.log1p(-p)

    def ratio(i: Floats, at: NDArray[np.intp]) -> Floats:
        if upper:
            return (n[at] - i) / (i + 1.0) * odds[at]
        return i / ((n[at] - i + 1.0) * odds[at])

    found = np.zeros(len(observed))
    found[rows] = _sum_tail(log_first, k, ratio, upper=upper, ceiling=ceiling)
    return found


def _sum_tail(
    log_first: Floats, start: Floats, ratio: Any, *, upper: bool, ceiling: float
) -> Floats:
    """Add terms away from the mean, where each is smaller than the last, until none matters."""
    total, limit = np.ones(len(start)), np.log(ceiling)
    rows = np.arange(len(start))
    term, at = np.ones(len(start)), start.copy()
    while len(rows):
        term = term * ratio(at, rows)
        at = at + (1.0 if upper else -1.0)
        total[rows] += term
        more = term > _SMALLEST_TERM * total[rows]
        if ceiling < 1.0:
            more &= log_first[rows] + np.log(total[rows]) <= limit
        rows, term, at = rows[more], term[more], at[more]
    return np.minimum(log_first + np.log(total), 0.0)


def _log_choose(n: Floats, k: Floats) -> Floats:
    from scipy.special import gammaln

    found: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return found


def adjust_log_p(log_p: Floats, n_tested: int, adjustment: Adjustment) -> Floats:
    """Return the logarithms of adjusted p-values.

    Parameters
    ----------
    log_p : ndarray of float64
        The smallest p-values of the family, as logarithms. Those that are left out must all
        be larger; then a result is exact wherever it is below the smallest one left out.
    n_tested : int
        How many hypotheses the family has, those left out included.
    adjustment : {'bh', 'by', 'holm', 'bonferroni', 'none'}
        Benjamini and Hochberg [1]_, Benjamini and Yekutieli (any dependence) [2]_, Holm [3]_,
        Bonferroni, or no adjustment.

    Returns
    -------
    ndarray of float64
        At most 0.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal of the
       Royal Statistical Society B 57(1), 289-300.
    .. [2] Benjamini and Yekutieli (2001), "The control of the false discovery rate in multiple
       testing under dependency", Annals of Statistics 29(4), 1165-1188.
    .. [3] Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian
       Journal of Statistics 6(2), 65-70.
    """
    if adjustment == "none" or not len(log_p):
        return log_p.copy()
    order = np.argsort(log_p, kind="stable")
    ranks = np.arange(1, len(log_p) + 1, dtype=np.float64)
    sorted_p = log_p[order]
    if adjustment == "bonferroni":
        adjusted = sorted_p + np.log(n_tested)
    elif adjustment == "holm":
        adjusted = np.maximum.accumulate(sorted_p + np.log(n_tested - ranks + 1.0))
    else:
        scale = np.log(n_tested) + (np.log(_harmonic(n_tested)) if adjustment == "by" else 0.0)
        adjusted = np.minimum.accumulate((sorted_p + scale - np.log(ranks))[::-1])[::-1]
    found = np.empty(len(log_p))
    found[order] = np.minimum(adjusted, 0.0)
    return found


def _harmonic(n: int) -> float:
    """Return 1 + 1/2 + … + 1/n."""
    from scipy.special import digamma

    return float(digamma(n + 1.0)) + _EULER


def share_interval(
    successes: Ints, n_trials: Ints, confidence_level: float
) -> tuple[Floats, Floats]:
    """Return Clopper and Pearson's exact interval [1]_ of a share.

    Parameters
    ----------
    successes, n_trials : ndarray of int64
        `n_trials` is 1 or more.
    confidence_level : float

    Returns
    -------
    tuple of ndarray of float64
        The lower and the upper limit, in [0, 1].

    References
    ----------
    .. [1] Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in
       the case of the binomial", Biometrika 26(4), 404-413.
    """
    from scipy.special import betaincinv

    tail = (1.0 - confidence_level) / 2.0
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(n_trials, dtype=np.float64)
    low = np.where(k > 0, betaincinv(np.maximum(k, 1.0), n - k + 1.0, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1.0, np.maximum(n - k, 1.0), 1.0 - tail), 1.0)
    return low, high
