"""Compare two arms on a mean or a ratio, with covariates in each arm or pooled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.experiment._estimate import Estimate
from userportrait.experiment._intervals import log_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._metrics import Adjustment, Term
    from userportrait.experiment._moments import Column, Moments

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["compare", "linearised", "place"]

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
        terms = (outcome, *covariates)
        plain = _adjusted(plain, terms, control, variant, adjustment, equal_variance=equal_variance)
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
    at = [place(moments, term.numerator) for term in terms]
    values: Floats = moments.means[at]
    free = moments.n - 1
    if all(term.denominator is None for term in terms):
        cross: Floats = moments.cross[at][:, at] / free
        return values, cross
    parts: list[tuple[tuple[int, float], ...]] = []
    for row, term in enumerate(terms):
        if term.denominator is None:
            parts.append(((at[row], 1.0),))
            continue
        below = place(moments, term.denominator)
        mean = float(moments.means[below])
        values[row] /= mean
        parts.append(((at[row], 1.0 / mean), (below, -float(values[row]) / mean)))
    return values, _cross_of(parts, moments.cross) / free


def _cross_of(parts: Sequence[Sequence[tuple[int, float]]], cross: Floats) -> Floats:
    """Return the cross products of weighted sums of columns."""
    k = len(parts)
    found = np.empty((k, k))
    for i in range(k):
        for j in range(i, k):
            products = [v * w * cross.item(a, b) for a, v in parts[i] for b, w in parts[j]]
            total = sum(products)
            if i == j and total < _ROUNDING * sum(map(abs, products)):
                total = 0.0  # a ratio without spread of its own
            found[i, j] = found[j, i] = total
    return found


def place(moments: Moments, column: Column) -> int:
    """Return the position of a column in moments.

    Raises
    ------
    MissingColumnError
        If it was not aggregated.
    """
    try:
        return moments.names.index(column.name)
    except ValueError:
        raise MissingColumnError(column.name, moments.names) from None


def _plain(
    name: str, outcome: Term, control: Moments, variant: Moments, *, equal_variance: bool
) -> Estimate:
    arms: list[_Arm] = []
    for moments in (control, variant):
        value, spread = _one_term(moments, outcome)
        arms.append(_Arm(moments.n, value, spread, moments.n - 1.0))
    return _estimate(name, arms[0], arms[1], equal_variance=equal_variance)


def _one_term(moments: Moments, term: Term) -> tuple[float, float]:
    """Return the value and the variance per unit of one term."""
    if term.denominator is None:
        at = place(moments, term.numerator)
        return moments.means.item(at), moments.cross.item(at, at) / (moments.n - 1)
    values, spread = linearised(moments, (term,))
    return values.item(0), spread.item(0, 0)


def _estimate(
    name: str,
    control: _Arm,
    variant: _Arm,
    shared: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    equal_variance: bool,
) -> Estimate:
    """Put two arms together; `shared` adds to the two variances and to the covariance."""
    first, second = (
        arm.variance if arm.variance > _CONSTANT * arm.mean * arm.mean else 0.0
        for arm in (control, variant)
    )
    variant_mean = variant.mean
    if first == second == 0.0 and math.isclose(control.mean, variant_mean, rel_tol=1e-12):
        variant_mean = control.mean  # the same constant, summed over other numbers of units
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
        variant_mean=variant_mean,
        control_variance=first + shared[0],
        variant_variance=second + shared[1],
        covariance=shared[2],
        degrees_of_freedom=freedom,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One arm before adjustment: the outcome first, then the covariates."""

    n: int
    values: Floats
    spread: Floats

    def take(self, at: list[int]) -> _Side:
        return _Side(self.n, self.values[at], self.spread[at][:, at])


def _adjusted(
    plain: Estimate,
    terms: Sequence[Term],
    control: Moments,
    variant: Moments,
    adjustment: Adjustment,
    *,
    equal_variance: bool,
) -> Estimate:
    sides = [_Side(arm.n, *linearised(arm, terms)) for arm in (control, variant)]
    kept, notes = _independent(terms, sides)
    if min(control.n, variant.n) < len(kept) + 2:
        notes.append("There are too few units for the covariates: means are not adjusted.")
        kept = kept[:1]
    if len(kept) == 1:
        return _with_notes(plain, tuple(notes))
    if len(kept) < len(terms):
        sides = [side.take(kept) for side in sides]
        terms = [terms[i] for i in kept]
    centre = _centre(terms[1:], control, variant)
    if adjustment == "lin":
        first, second, shared = _lin(sides, centre)
    else:
        _, spread = linearised(control.merge(variant), terms)
        first, second, shared = _pooled(sides, centre, _solve(spread[1:, 1:], spread[1:, 0]))
    found = _estimate(plain.metric, first, second, shared, equal_variance=equal_variance)
    notes += _imbalance(terms, sides)
    if plain.std_error > 0.0 and found.std_error > _WORSE * plain.std_error:
        notes.append(
            "The covariates explain too little to pay for themselves: means are not adjusted."
        )
        found = plain
    return _with_notes(found, tuple(notes))


def _independent(terms: Sequence[Term], sides: Sequence[_Side]) -> tuple[list[int], list[str]]:
    """Return the outcome's place and those of the covariates that tell something new.

    In both arms, they must vary, and not be determined by the covariates before them.
    """
    kept, notes = [0], list[str]()
    constants = [_constant(side) for side in sides]
    work = [_correlations(side) for side in sides] if len(terms) > 2 else []
    for at, term in enumerate(terms[1:], start=1):
        constant = [flags[at] for flags in constants]
        if any(constant):
            where = "constant" if all(constant) else "constant in one arm"
            notes.append(f"Covariate '{term.name}' is {where} and was left out.")
        elif all(rest[at, at] > _OWN_SHARE for rest in work):
            kept.append(at)
            for rest in work:
                rest -= np.outer(rest[:, at], rest[at] / rest[at, at])
        else:
            notes.append(
                f"Covariate '{term.name}' is determined by those before it and was left out."
            )
    return kept, notes


def _constant(side: _Side) -> list[bool]:
    """Return which terms do not vary but for rounding."""
    own = side.spread.diagonal().tolist()
    pairs = zip(own, side.values.tolist(), strict=True)
    return [not (spread > 0.0 and spread > _CONSTANT * value * value) for spread, value in pairs]


def _correlations(side: _Side) -> Floats:
    scale = np.sqrt(side.spread.diagonal())
    scale = np.where(scale > 0.0, scale, 1.0)
    found: Floats = side.spread / (scale[:, None] * scale)
    return found


def _solve(spread: Floats, right: Floats) -> Floats:
    """Return the slopes; scaled first, since covariates have units as different as 1e9."""
    found: Floats
    if len(right) == 1:
        found = right / spread[0]
        return found
    scale = np.sqrt(spread.diagonal())
    found = np.linalg.solve(spread / (scale[:, None] * scale), right / scale) / scale
    return found


def _centre(covariates: Sequence[Term], control: Moments, variant: Moments) -> Floats:
    """Return the values of the covariates in both arms together."""
    share = control.n / (control.n + variant.n)
    found: list[float] = []
    for term in covariates:
        means = [share * control.mean(c.name) + (1.0 - share) * variant.mean(c.name)
                 for c in term.columns]  # fmt: skip
        found.append(means[0] if len(means) == 1 else means[0] / means[1])
    return np.array(found)


def _lin(sides: Sequence[_Side], centre: Floats) -> tuple[_Arm, _Arm, tuple[float, float, float]]:
    """Fit a regression in each arm, and read both off at the means of the two together."""
    if len(centre) == 1:
        return _lin_one(sides, centre.item())
    k, both = len(centre), sides[0].n + sides[1].n
    arms: list[_Arm] = []
    slopes: list[Floats] = []
    within = np.zeros((k, k))
    for side in sides:
        inner, right, whole = side.spread[1:, 1:], side.spread[1:, 0], float(side.spread[0, 0])
        slope, off, free = _solve(inner, right), side.values[1:] - centre, side.n - 1.0
        rest = _without_rounding(whole - float(slope @ right), whole) * free / (free - k)
        stretch = float(off @ _solve(inner, off)) / free
        arms.append(_Arm(side.n, float(side.values[0] - slope @ off), rest, free - k, stretch))
        slopes.append(slope)
        within += inner * (side.n / both)
    first, second = slopes
    lean = within @ second
    shared = (float(first @ within @ first), float(second @ lean), float(first @ lean))
    return arms[0], arms[1], _by(shared, both)


def _lin_one(
    sides: Sequence[_Side], centre: float
) -> tuple[_Arm, _Arm, tuple[float, float, float]]:
    """Do the same for one covariate in plain numbers, which takes a fifth of the time."""
    both = sides[0].n + sides[1].n
    arms: list[_Arm] = []
    slopes: list[float] = []
    within = 0.0
    for side in sides:
        outcome, covariate = side.values.tolist()
        (whole, right), (_, inner) = side.spread.tolist()
        slope, off, free = right / inner, covariate - centre, side.n - 1.0
        rest = _without_rounding(whole - slope * right, whole) * free / (free - 1.0)
        stretch = off * off / inner / free
        arms.append(_Arm(side.n, outcome - slope * off, rest, free - 1.0, stretch))
        slopes.append(slope)
        within += inner * (side.n / both)
    first, second = slopes
    shared = (first * first * within, second * second * within, first * second * within)
    return arms[0], arms[1], _by(shared, both)


def _pooled(
    sides: Sequence[_Side], centre: Floats, slope: Floats
) -> tuple[_Arm, _Arm, tuple[float, float, float]]:
    """Adjust both arms by one slope, as published for CUPED."""
    both = sides[0].n + sides[1].n
    weights = np.concatenate([[1.0], -slope])
    arms: list[_Arm] = []
    leans: list[float] = []
    common = 0.0
    for side in sides:
        mean = float(side.values[0] - slope @ (side.values[1:] - centre))
        residual = side.spread @ weights
        rest = _without_rounding(float(weights @ residual), float(side.spread[0, 0]))
        arms.append(_Arm(side.n, mean, rest, side.n - 1.0))
        # The pooled covariate means vary with the units of this arm, and so with its residuals.
        leans.append(float(slope @ residual[1:]))
        common += float(slope @ side.spread[1:, 1:] @ slope) * side.n / both
    shared = (common + 2.0 * leans[0], common + 2.0 * leans[1], common + leans[0] + leans[1])
    return arms[0], arms[1], _by(shared, both)


def _by(shared: tuple[float, float, float], both: int) -> tuple[float, float, float]:
    return shared[0] / both, shared[1] / both, shared[2] / both


def _without_rounding(rest: float, whole: float) -> float:
    return rest if rest > _ROUNDING * whole else 0.0


def _imbalance(terms: Sequence[Term], sides: Sequence[_Side]) -> list[str]:
    """Say where a covariate differs between the arms by more than chance allows."""
    first, second = sides
    off = (second.values - first.values).tolist()
    own, other = first.spread.diagonal().tolist(), second.spread.diagonal().tolist()
    notes: list[str] = []
    for at, term in enumerate(terms[1:], start=1):
        error = math.sqrt(own[at] / first.n + other[at] / second.n)
        log = log_p(off[at] / error, "two-sided")
        if log < _IMBALANCE:
            notes.append(
                f"Covariate '{term.name}' differs between the arms (p = {math.exp(log):.2g}, "
                "alarm below 0.0005): check the assignment, and that it was measured before."
            )
    return notes


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
