"""The figures of a scorecard: differences of means, of ratios and of shares, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from userportrait.experiment._confidence_set import NO_VALUE, ConfidenceSet, fieller_set
from userportrait.experiment._proportion_intervals import (
    difference_score,
    difference_z,
    ratio_score,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = [
    "Difference",
    "MeanPair",
    "compare_means",
    "compare_ratios",
    "compare_shares",
    "compare_totals",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two values, one for each arm, and what may be said of their difference."""

    treated: float
    hold_out: float
    value: float
    region: ConfidenceSet
    relative: float
    relative_region: ConfidenceSet
    p_value: float
    n_treated: int
    n_hold_out: int


@dataclass(frozen=True, slots=True, eq=False)
class MeanPair:
    """Means of several values in two arms, with the covariances of those means.

    Parameters
    ----------
    hold_out, treated : ndarray of shape (k,)
    hold_out_cov, treated_cov, shared : ndarray of shape (k, k)
        The covariance of each arm's means, and between the treated arm's and the other's.
    freedom : tuple of float
        Degrees of freedom of the variances of the hold-out and of the treated arm.
    """

    hold_out: Floats
    treated: Floats
    hold_out_cov: Floats
    treated_cov: Floats
    shared: Floats
    freedom: tuple[float, float]
    counts: tuple[int, int]

    def effect(self, weights: Floats) -> float:
        """Return the difference of a weighted sum of the means."""
        return float(weights @ (self.treated - self.hold_out))

    def covariance(self, first: Floats, second: Floats) -> float:
        """Return the covariance of the differences of two weighted sums."""
        whole = self.hold_out_cov + self.treated_cov - self.shared - self.shared.T
        return float(first @ whole @ second)

    def critical(self, weights: Floats, alpha: float) -> float:
        """Return the quantile of the t distribution."""
        return _critical(self.freedom_of(weights), alpha)

    def p_value(self, weights: Floats, less: float = 0.0) -> float:
        """Return the p-value, two-sided, of a difference of a weighted sum that is `less`."""
        variance = self.covariance(weights, weights)
        return _p_value(self.effect(weights) - less, variance, self.freedom_of(weights))

    def freedom_of(self, weights: Floats) -> float:
        """Return the degrees of freedom of Welch and Satterthwaite."""
        parts = [float(weights @ m @ weights) for m in (self.hold_out_cov, self.treated_cov)]
        return _welch(parts, self.freedom)


def _welch(variances: list[float], freedom: tuple[float, float]) -> float:
    below = sum(v * v / f for v, f in zip(variances, freedom, strict=True))
    return sum(variances) ** 2 / below if below > 0 else math.inf


def _critical(freedom: float, alpha: float) -> float:
    if math.isinf(freedom):
        return -float(ndtri(alpha / 2))
    return -float(stdtrit(freedom, alpha / 2))


def _p_value(effect: float, variance: float, freedom: float) -> float:
    if not variance > 0:
        return 1.0 if effect == 0 else 0.0 if variance == 0 else math.nan
    z = abs(effect) / math.sqrt(variance)
    return 2.0 * float(stdtr(min(freedom, 1e15), -z))


def compare_means(values: Floats, treated: Bools, covariates: Floats | None = None) -> MeanPair:
    """Return the means of each column in both arms, adjusted for covariates in each arm.

    Parameters
    ----------
    values : ndarray of shape (n, k)
    treated : ndarray of bool, shape (n,)
    covariates : ndarray of shape (n, q), optional
        Known before the campaign. Each arm has slopes of its own. [1]_

    References
    ----------
    .. [1] Lin (2013), "Agnostic notes on regression adjustments to experimental data",
       Annals of Applied Statistics 7(1).
    """
    n, k = values.shape
    off = np.zeros((n, 0)) if covariates is None else covariates - covariates.mean(axis=0)
    spread = off.T @ off / max(n - 1, 1)
    means: list[Floats] = []
    covs: list[Floats] = []
    slopes: list[Floats] = []
    freedom: list[float] = []
    for inside in (~treated, treated):
        mine, around = values[inside], off[inside] - off[inside].mean(axis=0)
        mean = mine.mean(axis=0)
        slope = _slopes(around, mine - mean)
        rest: Floats = mine - mean - around @ slope
        free = max(len(mine) - 1 - off.shape[1], 1)
        means.append(mean - off[inside].mean(axis=0) @ slope)
        covs.append(rest.T @ rest / free / len(mine) + slope.T @ spread @ slope / n)
        slopes.append(slope)
        freedom.append(float(free))
    shared = slopes[1].T @ spread @ slopes[0] / n
    counts = (int((~treated).sum()), int(treated.sum()))
    return MeanPair(
        means[0], means[1], covs[0], covs[1], np.reshape(shared, (k, k)),
        (freedom[0], freedom[1]), counts,
    )  # fmt: skip


def _slopes(covariates: Floats, values: Floats) -> Floats:
    solve: Any = np.linalg.lstsq
    found: Floats = solve(covariates, values, rcond=None)[0]
    return found


def compare_totals(pair: MeanPair, weights: Floats, alpha: float) -> Difference:
    """Return the difference of a weighted sum of means, with Fieller's set of the relative one."""
    effect, variance = pair.effect(weights), pair.covariance(weights, weights)
    critical = pair.critical(weights, alpha)
    half = critical * math.sqrt(max(variance, 0.0))
    base = float(weights @ pair.hold_out)
    base_variance = float(weights @ pair.hold_out_cov @ weights)
    shared = float(weights @ pair.shared @ weights) - base_variance
    relative = fieller_set(
        effect, base, variance=variance, denominator_variance=base_variance,
        covariance=shared, critical=critical,
    )  # fmt: skip
    return Difference(
        treated=float(weights @ pair.treated),
        hold_out=base,
        value=effect,
        region=ConfidenceSet(((effect - half, effect + half),)),
        relative=effect / base if base else math.nan,
        relative_region=relative,
        p_value=pair.p_value(weights),
        n_treated=pair.counts[1],
        n_hold_out=pair.counts[0],
    )


def compare_ratios(
    above: Floats, below: Floats, treated: Bools, alpha: float, *, counted: Bools
) -> Difference:
    """Return the difference of two ratios of sums, by the delta method with customers as units.

    `counted` says who is counted as a unit of the arm, such as those who bought.
    """
    rates: list[float] = []
    variances: list[float] = []
    sizes: list[int] = []
    for inside in (~treated, treated):
        top, bottom = above[inside], below[inside]
        n, mean = len(bottom), float(bottom.mean())
        rate = float(top.sum() / bottom.sum()) if mean else math.nan
        rest = top - rate * bottom if mean else np.full(n, np.nan)
        rates.append(rate)
        variances.append(float(rest @ rest) / (n - 1) / n / mean**2 if mean else math.nan)
        sizes.append(int((counted & inside).sum()))
    effect, variance = rates[1] - rates[0], sum(variances)
    if min(sizes) < 2:
        return _without_region(rates, sizes)
    freedom = _welch(variances, (max(sizes[0] - 1.0, 1.0), max(sizes[1] - 1.0, 1.0)))
    critical = _critical(freedom, alpha)
    half = critical * math.sqrt(variance)
    quotient = fieller_set(
        rates[1], rates[0], variance=variances[1], denominator_variance=variances[0],
        critical=critical,
    )  # fmt: skip
    return Difference(
        treated=rates[1],
        hold_out=rates[0],
        value=effect,
        region=ConfidenceSet(((effect - half, effect + half),)),
        relative=effect / rates[0] if rates[0] else math.nan,
        relative_region=quotient.shift(-1.0),
        p_value=_p_value(effect, variance, freedom),
        n_treated=sizes[1],
        n_hold_out=sizes[0],
    )


def compare_shares(yes: Bools, counted: Bools, treated: Bools, alpha: float) -> Difference:
    """Return the difference of two shares with score intervals."""
    hits = [int((yes & counted & arm).sum()) for arm in (~treated, treated)]
    sizes = [int((counted & arm).sum()) for arm in (~treated, treated)]
    rates = [x / n if n else math.nan for x, n in zip(hits, sizes, strict=True)]
    if min(sizes) < 2:
        return _without_region(rates, sizes)
    control, variant = (hits[0], sizes[0]), (hits[1], sizes[1])
    critical = -float(ndtri(alpha / 2))
    z = difference_z(control, variant, 0.0)
    quotient = ConfidenceSet((ratio_score(control, variant, critical),))
    return Difference(
        treated=rates[1],
        hold_out=rates[0],
        value=rates[1] - rates[0],
        region=ConfidenceSet((difference_score(control, variant, critical),)),
        relative=rates[1] / rates[0] - 1.0 if rates[0] else math.nan,
        relative_region=quotient.shift(-1.0),
        p_value=min(2.0 * float(stdtr(1e15, -abs(z))), 1.0),
        n_treated=sizes[1],
        n_hold_out=sizes[0],
    )


def _without_region(rates: list[float], sizes: list[int]) -> Difference:
    return Difference(
        treated=rates[1], hold_out=rates[0], value=rates[1] - rates[0], region=NO_VALUE,
        relative=math.nan, relative_region=NO_VALUE, p_value=math.nan,
        n_treated=sizes[1], n_hold_out=sizes[0],
    )  # fmt: skip
