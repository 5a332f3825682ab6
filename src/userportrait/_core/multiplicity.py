"""Adjust p-values for the number of hypotheses that were tested, in logarithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import digamma

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Adjustment", "adjust_log_p", "adjust_p"]

Floats: TypeAlias = "NDArray[np.float64]"
Adjustment: TypeAlias = Literal["bonferroni", "holm", "bh", "by"]


def adjust_log_p(log_p: Floats, method: Adjustment | None, n_tested: int) -> Floats:
    """Return adjusted p-values as natural logarithms, so that small ones stay apart.

    Parameters
    ----------
    log_p : ndarray of float64
        Logarithms of the p-values at hand.
    method : {'bonferroni', 'holm', 'bh', 'by'} or None
        Bonferroni and Holm keep the chance of any false discovery, Benjamini and Hochberg the
        expected share of false ones among the discoveries, Benjamini and Yekutieli the same
        under any dependence. None leaves the values as they are.
    n_tested : int
        How many hypotheses were tested, those without a value here included: they count as
        p-values of 1. At least as many as `log_p` has values.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> p = np.array([0.01, 0.02, 0.03])
    >>> np.exp(adjust_log_p(np.log(p), "bonferroni", 10)).round(3).tolist()
    [0.1, 0.2, 0.3]
    >>> np.exp(adjust_log_p(np.log(p), "bh", 10)).round(3).tolist()
    [0.1, 0.1, 0.1]

    References
    ----------
    .. [1] Holm (1979), "A simple sequentially rejective multiple test procedure",
       Scandinavian Journal of Statistics 6(2).
    .. [2] Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal of
       the Royal Statistical Society B 57(1).
    .. [3] Benjamini and Yekutieli (2001), "The control of the false discovery rate in multiple
       testing under dependency", Annals of Statistics 29(4).
    """
    if method is None or not len(log_p):
        return log_p.copy()
    if method == "bonferroni":
        found: Floats = np.minimum(log_p + np.log(n_tested), 0.0)
        return found
    order = np.argsort(log_p, kind="stable")
    ranked = log_p[order]
    rank = np.arange(1, len(ranked) + 1, dtype=np.float64)
    if method == "holm":
        ranked = np.maximum.accumulate(ranked + np.log(n_tested - rank + 1))
    else:
        # All that have no value are larger, so the ranks of the others are known.
        factor = _harmonic(n_tested) if method == "by" else 1.0
        scaled = ranked + np.log(n_tested * factor) - np.log(rank)
        ranked = np.minimum.accumulate(scaled[::-1])[::-1]
    found = np.empty(len(log_p))
    found[order] = np.minimum(ranked, 0.0)
    return found


def adjust_p(p_values: Floats, method: Adjustment | None) -> Floats:
    """Return p-values adjusted for their number; NaN stays, and does not count."""
    found = p_values.copy()
    known = np.flatnonzero(~np.isnan(p_values))
    with np.errstate(divide="ignore"):
        log_p = np.log(p_values[known])
    found[known] = np.exp(adjust_log_p(log_p, method, len(known)))
    return found


def _harmonic(n: int) -> float:
    """Return 1 + 1/2 + … + 1/n."""
    return float(digamma(n + 1) + np.euler_gamma)
