"""Many hypotheses in one experiment: adjusted p-values, and intervals that go with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from userportrait._core.multiplicity import adjust_log_p
from userportrait.experiment._dunnett import (
    control_loads,
    dunnett_level,
    dunnett_log_p,
    statistic_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Alternative, Estimate

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["MULTIPLICITY", "Multiplicity", "adjust_family", "adjust_with_control"]

Multiplicity: TypeAlias = Literal["bonferroni", "holm", "bh", "by", "dunnett"]
"""How the chance of error is shared between hypotheses."""
MULTIPLICITY = ("bonferroni", "holm", "bh", "by", "dunnett")


def adjust_family(
    log_p: Sequence[float], method: Literal["bonferroni", "holm", "bh", "by"], alpha: float
) -> tuple[Floats, float]:
    """Adjust the p-values of one family, and say at which level its intervals are made.

    Parameters
    ----------
    log_p : sequence of float
        Logarithms; NaN, of hypotheses that have no p-value, stays and does not count.
    method : {'bonferroni', 'holm', 'bh', 'by'}
    alpha : float
        Chance of any false alarm (Bonferroni, Holm), or expected share of false ones among
        the alarms (Benjamini-Hochberg, Benjamini-Yekutieli).

    Returns
    -------
    adjusted : ndarray of float64
        Logarithms.
    interval_alpha : float
        What one interval may miss with. Bonferroni's intervals cover all effects at once;
        they go with Holm's p-values too, which may reject where such an interval holds 0.
        With the other two, R of m hypotheses being rejected, it is alpha R / m (and with
        Benjamini-Yekutieli another 1 + 1/2 + ... + 1/m less): then the expected share of
        misses among the intervals of the rejected is at most alpha, and an interval excludes
        0 exactly where its hypothesis is rejected. [1]_

    References
    ----------
    .. [1] Benjamini and Yekutieli (2005), "False discovery rate-adjusted multiple confidence
       intervals for selected parameters", Journal of the American Statistical Association
       100(469).

    Examples
    --------
    >>> log_p, level = adjust_family([math.log(p) for p in (0.001, 0.03, 0.4)], "bh", 0.05)
    >>> [round(float(p), 3) for p in np.exp(log_p)], round(level, 4)
    ([0.003, 0.045, 0.4], 0.0333)
    """
    found = np.array(log_p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(found))
    m = len(known)
    if not m:
        return found, alpha
    found[known] = adjust_log_p(found[known], method, m)
    if method in ("bonferroni", "holm"):
        return found, alpha / m
    rejected = int((found[known] <= math.log(alpha)).sum())
    harmonic = float((1.0 / np.arange(1, m + 1)).sum()) if method == "by" else 1.0
    return found, alpha * max(rejected, 1) / (m * harmonic)


def adjust_with_control(
    log_p: Sequence[float],
    estimates: Sequence[Estimate],
    alternative: Alternative,
    alpha: float,
) -> tuple[list[float], list[float]]:
    """Adjust comparisons of one metric that share a control, by Dunnett's test.

    Parameters
    ----------
    log_p : sequence of float
        Logarithms; NaN stays, and its comparison does not count.
    estimates : sequence of Estimate
        In the same order. Each comparison is judged with its own degrees of freedom, all
        with the correlations that the shared control makes.
    alternative : {'two-sided', 'greater', 'less'}
    alpha : float

    Returns
    -------
    adjusted : list of float
        Logarithms.
    interval_alpha : list of float
        Levels of intervals that cover all effects at once.
    """
    known = [i for i, log in enumerate(log_p) if not math.isnan(log)]
    loads = control_loads([estimates[i] for i in known])
    adjusted, levels = list(log_p), [alpha] * len(log_p)
    for i in known:
        freedom = estimates[i].degrees_of_freedom
        if estimates[i].std_error == 0.0:
            adjusted[i] = min(log_p[i] + math.log(len(known)), 0.0)
            continue
        statistic = statistic_of(log_p[i], alternative, freedom)
        adjusted[i] = dunnett_log_p(statistic, loads, freedom, alternative)
        levels[i] = dunnett_level(alpha, loads, freedom, alternative)
    return adjusted, levels
