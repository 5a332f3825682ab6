"""Exact tests of two proportions: Fisher's, Barnard's and Boschloo's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.experiment._estimate import Alternative

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = ["EXACT_LIMIT", "barnard_log_p", "boschloo_log_p", "fisher_log_p"]

EXACT_LIMIT = 1_000_000
"""Most pairs of counts, one arm's units times the other's, that an unconditional test lists."""

_TIE = 1e-9
"""Tables count as extreme as the observed one up to this relative difference."""
_GRID = 256
_REFINED = 4


def fisher_log_p(
    control: tuple[int, int], variant: tuple[int, int], alternative: Alternative
) -> float:
    """Return the logarithm of the p-value of Fisher's exact test.

    Parameters
    ----------
    control, variant : tuple of int
        Successes and units of each arm.
    alternative : {'two-sided', 'greater', 'less'}
        Two-sided adds up all tables that are no more probable than the observed one.
    """
    counts, log_p = _given_total(control[1], variant[1], control[0] + variant[0])
    at = int(np.searchsorted(counts, variant[0]))
    if alternative == "greater":
        return _log_sum(log_p[at:])
    if alternative == "less":
        return _log_sum(log_p[: at + 1])
    return _log_sum(log_p[log_p <= log_p[at] + _TIE])


def barnard_log_p(
    control: tuple[int, int], variant: tuple[int, int], alternative: Alternative
) -> float:
    """Return the logarithm of the p-value of Barnard's test, ordered by the pooled z-statistic.

    Takes at most `EXACT_LIMIT` pairs of counts, see `fisher_log_p` for the parameters.
    """
    z = _pooled_z(control[1], variant[1])
    observed = float(z[control[0], variant[0]])
    slack = _TIE * max(abs(observed), 1.0)
    if alternative == "two-sided":
        extreme = np.abs(z) >= abs(observed) - slack
    elif alternative == "greater":
        extreme = z >= observed - slack
    else:
        extreme = z <= observed + slack
    return _worst_case(extreme)


def boschloo_log_p(
    control: tuple[int, int], variant: tuple[int, int], alternative: Alternative
) -> float:
    """Return the logarithm of the p-value of Boschloo's test, ordered by Fisher's p-value.

    Two-sided is twice the smaller one-sided value. Takes at most `EXACT_LIMIT` pairs of
    counts, see `fisher_log_p` for the parameters.
    """
    if alternative == "two-sided":
        sides: tuple[Alternative, ...] = ("greater", "less")
        smaller = min(boschloo_log_p(control, variant, side) for side in sides)
        return min(smaller + math.log(2.0), 0.0)
    if alternative == "less":  # the same question with the roles of success and failure changed
        control = (control[1] - control[0], control[1])
        variant = (variant[1] - variant[0], variant[1])
    tail = _fisher_greater(control[1], variant[1])
    return _worst_case(tail <= tail[control[0], variant[0]] + _TIE)


def _given_total(n_control: int, n_variant: int, total: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the variant's possible successes for a total, and their log probabilities."""
    low, high = max(0, total - n_control), min(total, n_variant)
    counts = np.arange(low, high + 1, dtype=np.int64)
    k = counts[:-1].astype(np.float64)
    # Ratios of neighbours, added up: gamma functions of large numbers would lose digits.
    steps = np.log((n_variant - k) * (total - k)) - np.log((k + 1) * (n_control - total + k + 1))
    log_p = np.concatenate(([0.0], np.cumsum(steps)))
    log_p -= log_p.max()
    return counts, log_p - _log_sum(log_p)


def _log_sum(values: Floats) -> float:
    """Return log(sum(exp(values))); SciPy's own takes ten times as long for short arrays."""
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum())) if top > -math.inf else top


def _pooled_z(n_control: int, n_variant: int) -> Floats:
    """Return z for each pair of counts, control by variant; 0 where all units are alike."""
    x = np.arange(n_control + 1.0)[:, None]
    y = np.arange(n_variant + 1.0)[None, :]
    rate = (x + y) / (n_control + n_variant)
    spread = np.sqrt(rate * (1.0 - rate) * (1.0 / n_control + 1.0 / n_variant))
    off = y / n_variant - x / n_control
    return np.divide(off, spread, out=np.zeros_like(off), where=spread > 0.0)


def _fisher_greater(n_control: int, n_variant: int) -> Floats:
    """Return the log p-value of Fisher's test against a larger rate, for each pair of counts."""
    found = np.empty((n_control + 1, n_variant + 1))
    for total in range(n_control + n_variant + 1):
        counts, log_p = _given_total(n_control, n_variant, total)
        found[total - counts, counts] = np.logaddexp.accumulate(log_p[::-1])[::-1]
    return found


def _worst_case(extreme: Bools) -> float:
    """Return the log of the largest probability of a set of tables over all common rates.

    The rows of the set are cut into runs of variant counts, so that a rate costs two
    cumulative sums. A grid, even in the arcsine of the root, finds the peaks; the highest
    ones are then refined.
    """
    if extreme.all():
        return 0.0
    log_probability = _probability_of(extreme)
    angles = (np.arange(_GRID) + 0.5) * (math.pi / 2.0 / _GRID)
    heights = np.array([log_probability(angle) for angle in angles])
    padded = np.concatenate(([-np.inf], heights, [-np.inf]))
    peaks = np.flatnonzero((heights >= padded[:-2]) & (heights >= padded[2:]))
    highest = peaks[np.argsort(-heights[peaks], kind="stable")][:_REFINED]
    return min(max(_refine(log_probability, float(angles[at])) for at in highest), 0.0)


def _probability_of(extreme: Bools) -> Callable[[float], float]:
    """Return the log probability of a set of tables as a function of the rate's angle."""
    n_control, n_variant = extreme.shape[0] - 1, extreme.shape[1] - 1
    edges = np.diff(extreme.astype(np.int8), axis=1, prepend=0, append=0)
    starts, ends = np.nonzero(edges == 1), np.nonzero(edges == -1)  # in the same order of runs
    rows, first, last = starts[0], starts[1], ends[1]
    ways_x, ways_y = _log_choose(n_control), _log_choose(n_variant)
    from_right = first > n_variant - last  # a tail is summed from its own end, to stay exact

    def log_probability(angle: float) -> float:
        rate = math.sin(angle) ** 2
        log_x, log_y = ways_x + _log_powers(n_control, rate), ways_y + _log_powers(n_variant, rate)
        top = float(log_y.max())
        weight = np.exp(log_y - top)
        below = np.concatenate(([0.0], np.cumsum(weight)))
        above = np.concatenate((np.cumsum(weight[::-1])[::-1], [0.0]))
        mass = np.where(from_right, above[first] - above[last], below[last] - below[first])
        with np.errstate(divide="ignore"):
            return _log_sum(log_x[rows] + np.log(np.maximum(mass, 0.0))) + top

    return log_probability


def _log_choose(n: int) -> Floats:
    """Return the logarithms of all binomial coefficients of n."""
    k = np.arange(n + 1, dtype=np.float64)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0), dtype=np.float64)


def _log_powers(n: int, rate: float) -> Floats:
    """Return log(rate^k (1 - rate)^(n - k)) for k from 0 to n."""
    k = np.arange(n + 1, dtype=np.float64)
    return np.asarray(xlogy(k, rate) + xlog1py(n - k, -rate), dtype=np.float64)


def _refine(height: Callable[[float], float], angle: float) -> float:
    """Return the largest height within a step of the grid, by golden section."""
    step, shrink = math.pi / 2.0 / _GRID, (math.sqrt(5.0) - 1.0) / 2.0
    low, high = max(angle - step, 0.0), min(angle + step, math.pi / 2.0)
    left, right = high - shrink * (high - low), low + shrink * (high - low)
    at_left, at_right = height(left), height(right)
    best = max(height(angle), at_left, at_right)
    while high - low > 1e-9:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - shrink * (high - low)
            at_left = height(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + shrink * (high - low)
            at_right = height(right)
        best = max(best, at_left, at_right)
    return best
