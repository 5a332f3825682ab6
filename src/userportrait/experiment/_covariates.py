"""Compare two arms on a mean or a ratio, with covariates in each arm or pooled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError
from userportrait.experiment._estimate import Estimate
from userportrait.experiment._intervals import log_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._metrics import Adjustment, Term
    from userportrait.experiment._moments import Moments

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["compare", "linearised"]

_OWN_SHARE = 1e-8
"""A covariate of which the others leave less than this share of variance is one of them."""
_CONSTANT = 1e-24
_ROUNDING = 1e-13
_WORSE = 1.01
_REFUSED, _DOUBTFUL = 3.0, 10.0
_IMBALANCE = math.log(0.0005)


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm after adjustment: mean, residual variance per unit and what the slope adds."""

    n: int
    mean: float
    variance: float
    freedom: float
    stretch: float = 0.0


def compare(
    name: str,
    outcome: Term,
    covariates: Sequence[Term],
    control: Moments,
    variant: Moments,
    *,
    adjustment: Adjustment = "lin",
    equal_variance: bool = False,
) -> Estimate:
    """Return the means of a term in two arms, adjusted for covariates if there are any.

    Parameters
    ----------
    name : str
        Of the metric.
    outcome : Term
    covariates : sequence of Term
    control, variant : Moments
        With at least 2 units each.
    adjustment : {'lin', 'pooled'}, default='lin'
    equal_variance : bool, default=False

    Raises
    ------
    InvalidDataError
        If an arm has fewer than 2 units, or a denominator is too near 0.
    """
    for label, arm in (("control", control), ("variant", variant)):
        if arm.n < 2:
            units = "1 unit" if arm.n == 1 else f"{arm.n} units"
            message = f"{name}: the {label} has {units}; a variance needs at least 2."
            raise InvalidDataError(message)
    notes = _check_denominators((outcome, *covariates), control, variant)
    plain = _plain(name, outcome, control, variant, equal_variance=equal_variance)
    if covariates:
        plain = _adjusted(
            plain, outcome, covariates, control, variant, adjustment, equal_variance=equal_variance
        )
    return _with_notes(plain, notes)


def linearised(moments: Moments, terms: Sequence[Term]) -> tuple[Floats, Floats]:
    """Return the values of some terms and the covariance of their linearised units.

    Parameters
    ----------
    moments : Moments
        Of one group, with at least 2 units.
    terms : sequence of Term
        Means and ratios, k of them.

    Returns
    -------
    values : ndarray of shape (k,)
    covariance : ndarray of shape (k, k)
        Per unit, divided by n - 1.
    """
    names = moments.names
    at = [names.index(term.numerator.name) for term in terms]
    values: Floats = moments.means[at]
    if all(term.denominator is None for term in terms):
        cross: Floats = moments.cross[at][:, at]
        return values, cross / (moments.n - 1)
    columns = sorted({names.index(c.name) for term in terms for c in term.columns})
    weights, values = np.zeros((len(terms), len(columns))), values.copy()
    for row, term in enumerate(terms):
        if term.denominator is None:
            weights[row, columns.index(at[row])] = 1.0
            continue
        below = names.index(term.denominator.name)
        mean = moments.means[below]
        values[row] /= mean
        weights[row, columns.index(at[row])] = 1.0 / mean
        weights[row, columns.index(below)] -= values[row] / mean
    inner = moments.cross[columns][:, columns] / (moments.n - 1)
    return values, weights @ inner @ weights.T


def _plain(
    name: str, outcome: Term, control: Moments, variant: Moments, *, equal_variance: bool
) -> Estimate:
    arms: list[_Arm] = []
    for moments in (control, variant):
        value, spread = _one_term(moments, outcome)
        arms.append(_Arm(moments.n, value, spread, moments.n - 1.0))
    return _estimate(name, arms[0], arms[1], equal_variance=equal_variance)


def _one_term(moments: Moments, term: Term) -> tuple[float, float]:
    """Return the value and the variance per unit of one term, in plain numbers: it is fast."""
    at = moments.names.index(term.numerator.name)
    mean, cross = float(moments.means[at]), moments.cross
    if term.denominator is None:
        return mean, float(cross[at, at]) / (moments.n - 1)
    below = moments.names.index(term.denominator.name)
    size = float(moments.means[below])
    ratio = mean / size
    total = float(cross[at, at]) - 2.0 * ratio * float(cross[at, below])
    total += ratio * ratio * float(cross[below, below])
    floor = _ROUNDING * (float(cross[at, at]) + ratio * ratio * float(cross[below, below]))
    return ratio, (total if total > floor else 0.0) / (size * size) / (moments.n - 1)


def _estimate(
    name: str,
    control: _Arm,
    variant: _Arm,
    shared: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    equal_variance: bool,
) -> Estimate:
    """Put two arms together; `shared` adds to the two variances and to the covariance."""
    first, second = control.variance, variant.variance
    freedom = control.freedom + variant.freedom
    if equal_variance:
        first = second = (control.freedom * first + variant.freedom * second) / freedom
    first *= 1.0 / control.n + control.stretch
    second *= 1.0 / variant.n + variant.stretch
    if not equal_variance and first + second > 0.0:
        share = first / (first + second)
        freedom = 1.0 / (share * share / control.freedom + (1.0 - share) ** 2 / variant.freedom)
    return Estimate(
        metric=name,
        control="control",
        variant="variant",
        n_control=control.n,
        n_variant=variant.n,
        control_mean=control.mean,
        variant_mean=variant.mean,
        control_variance=first + shared[0],
        variant_variance=second + shared[1],
        covariance=shared[2],
        degrees_of_freedom=freedom,
    )


def _adjusted(
    plain: Estimate,
    outcome: Term,
    covariates: Sequence[Term],
    control: Moments,
    variant: Moments,
    adjustment: Adjustment,
    *,
    equal_variance: bool,
) -> Estimate:
    kept, notes = _independent(covariates, control, variant)
    if min(control.n, variant.n) < len(kept) + 3:
        notes = (*notes, "There are too few units for the covariates: means are not adjusted.")
        kept = []
    if not kept:
        return _with_notes(plain, notes)
    terms = (outcome, *(covariates[i] for i in kept))
    fit = _lin if adjustment == "lin" else _pooled
    first, second, shared = fit(terms, control, variant)
    found = _estimate(plain.metric, first, second, shared, equal_variance=equal_variance)
    notes = (*notes, *_imbalance(terms[1:], control, variant))
    if plain.std_error > 0.0 and found.std_error > _WORSE * plain.std_error:
        note = "The covariates explain too little to pay for themselves: means are not adjusted."
        return _with_notes(plain, (*notes, note))
    return _with_notes(found, notes)


def _independent(
    covariates: Sequence[Term], control: Moments, variant: Moments
) -> tuple[list[int], tuple[str, ...]]:
    """Return which covariates vary, and are not determined by those before them, in both arms."""
    kept: list[int] = []
    notes: list[str] = []
    parts = [_correlations(arm, covariates) for arm in (control, variant)]
    for at, term in enumerate(covariates):
        if not all(constant[at] for _, constant in parts):
            if any(constant[at] for _, constant in parts):
                notes.append(f"Covariate '{term.name}' is constant in one arm and was left out.")
                continue
            if all(work[at, at] > _OWN_SHARE for work, _ in parts):
                kept.append(at)
                for work, _ in parts:
                    work -= np.outer(work[:, at], work[at] / work[at, at])
            else:
                notes.append(
                    f"Covariate '{term.name}' is determined by those before it and was left out."
                )
        else:
            notes.append(f"Covariate '{term.name}' is constant and was left out.")
    return kept, tuple(notes)


def _correlations(arm: Moments, covariates: Sequence[Term]) -> tuple[Floats, list[bool]]:
    """Return the correlations of the covariates and which of them are constant."""
    values, spread = linearised(arm, covariates)
    own = np.diagonal(spread)
    constant = ~(own > _CONSTANT * values * values) | ~(own > 0.0)
    scale = np.sqrt(np.where(constant, 1.0, own))
    return spread / np.outer(scale, scale), constant.tolist()


def _solve(spread: Floats, right: Floats) -> Floats:
    """Return the slopes; scaled first, since covariates have units as different as 1e9."""
    if len(right) == 1:
        return right / spread[0]
    scale = np.sqrt(np.diagonal(spread))
    found: Floats = np.linalg.solve(spread / np.outer(scale, scale), right / scale) / scale
    return found


def _centre(covariates: Sequence[Term], control: Moments, variant: Moments) -> Floats:
    """Return the values of the covariates in both arms together."""
    both = control.n + variant.n
    columns = {column.name for term in covariates for column in term.columns}
    mean = {
        name: (control.n * control.mean(name) + variant.n * variant.mean(name)) / both
        for name in columns
    }
    return np.array(
        [
            mean[t.numerator.name] / (1.0 if t.denominator is None else mean[t.denominator.name])
            for t in covariates
        ]
    )


def _lin(
    terms: Sequence[Term], control: Moments, variant: Moments
) -> tuple[_Arm, _Arm, tuple[float, float, float]]:
    """Fit a regression in each arm, and read both off at the means of the two together."""
    centre = _centre(terms[1:], control, variant)
    k, both = len(centre), control.n + variant.n
    arms: list[_Arm] = []
    slopes: list[Floats] = []
    within = np.zeros((k, k))
    for moments in (control, variant):
        values, spread = linearised(moments, terms)
        inner, right = spread[1:, 1:], spread[1:, 0]
        slope = _solve(inner, right)
        off = values[1:] - centre
        rest = _without_rounding(float(spread[0, 0] - slope @ right), float(spread[0, 0]))
        free = moments.n - 1.0
        stretch = float(off @ _solve(inner, off)) / free
        mean = float(values[0] - slope @ off)
        arms.append(_Arm(moments.n, mean, rest * free / (free - k), free - k, stretch))
        slopes.append(slope)
        within += inner * (moments.n / both)
    first, second = slopes
    shared = (
        float(first @ within @ first) / both,
        float(second @ within @ second) / both,
        float(first @ within @ second) / both,
    )
    return arms[0], arms[1], shared


def _pooled(
    terms: Sequence[Term], control: Moments, variant: Moments
) -> tuple[_Arm, _Arm, tuple[float, float, float]]:
    """Take one slope from both arms as one sample, as published for CUPED."""
    merged = control.merge(variant)
    _, spread = linearised(merged, terms)
    slope = _solve(spread[1:, 1:], spread[1:, 0])
    centre = _centre(terms[1:], control, variant)
    weights = np.concatenate([[1.0], -slope])
    arms: list[_Arm] = []
    leans: list[float] = []
    common = 0.0
    for moments in (control, variant):
        values, own = linearised(moments, terms)
        mean = float(values[0] - slope @ (values[1:] - centre))
        rest = _without_rounding(float(weights @ own @ weights), float(own[0, 0]))
        arms.append(_Arm(moments.n, mean, rest, moments.n - 1.0))
        # The pooled covariate means vary with the units of this arm, and so with its residuals.
        leans.append(float(slope @ (own[1:] @ weights)) / merged.n)
        common += float(slope @ own[1:, 1:] @ slope) * moments.n / merged.n**2
    shared = (common + 2.0 * leans[0], common + 2.0 * leans[1], common + leans[0] + leans[1])
    return arms[0], arms[1], shared


def _without_rounding(rest: float, whole: float) -> float:
    return rest if rest > _ROUNDING * whole else 0.0


def _imbalance(covariates: Sequence[Term], control: Moments, variant: Moments) -> tuple[str, ...]:
    """Say where a covariate differs between the arms by more than chance allows."""
    notes: list[str] = []
    for term in covariates:
        (first, first_spread), (second, second_spread) = (
            _one_term(arm, term) for arm in (control, variant)
        )
        error = math.sqrt(first_spread / control.n + second_spread / variant.n)
        log = log_p((second - first) / error, "two-sided") if error > 0.0 else 0.0
        if log < _IMBALANCE:
            notes.append(
                f"Covariate '{term.name}' differs between the arms (p = {math.exp(log):.2g}, "
                "alarm below 0.0005): check the assignment, and that it was measured before."
            )
    return tuple(notes)


def _check_denominators(
    terms: Sequence[Term], control: Moments, variant: Moments
) -> tuple[str, ...]:
    """Refuse ratios whose denominator may be 0, and warn where it is not far from it."""
    notes: dict[str, None] = {}
    for term in terms:
        if term.denominator is None:
            continue
        name = term.denominator.name
        for label, arm in (("control", control), ("variant", variant)):
            mean, spread = arm.mean(name), arm.variance(name)
            error = math.sqrt(spread / arm.n)
            if mean == 0.0 or abs(mean) < _REFUSED * error:
                message = (
                    f"{term.name}: the mean of '{name}' in the {label} is {mean:.4g} with a "
                    f"standard error of {error:.4g}, too near 0 to divide by. Use the mean of "
                    f"'{term.numerator.name}', or wait for more units."
                )
                raise InvalidDataError(message, column=name)
            if abs(mean) < _DOUBTFUL * error:
                note = (
                    f"The mean of '{name}' is less than {_DOUBTFUL:g} standard errors from 0: "
                    "the linearised variance of the ratio is rough."
                )
                notes[note] = None
    return tuple(notes)


def _with_notes(estimate: Estimate, notes: tuple[str, ...]) -> Estimate:
    if not notes:
        return estimate
    return replace(estimate, notes=(*estimate.notes, *notes))
