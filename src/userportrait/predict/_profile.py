"""Intervals of a logistic regression from its likelihood, not from a bell curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import linalg, special

from userportrait._core.threads import one_blas_thread
from userportrait.predict._firth import penalised_slope, penalised_state
from userportrait.predict._newton import log_likelihood, probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.predict._design import Design
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["profile_limits"]

_LONGEST = 5.0


def profile_limits(
    design: Design,
    y: Floats,
    weights: Floats | None,
    fit: Fit,
    natural: Floats,
    confidence_level: float,
) -> Floats:
    """Return the lowest and highest value of each coefficient that the rows do not refuse.

    A value is refused where the greatest likelihood with the coefficient held at it is too
    far below that of the fit; for Firth's fits it is the penalised likelihood. [1]_

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    weights : ndarray, optional
    fit : Fit
    natural : ndarray of shape (n_coefficients, n_coefficients)
        Turns coefficients of scaled columns into those of the input.
    confidence_level : float

    Returns
    -------
    ndarray of shape (n_coefficients, 2)
        Infinite where the likelihood does not fall far enough.

    References
    ----------
    .. [1] Venzon and Moolgavkar (1988), "A method for computing profile-likelihood-based
       confidence intervals", Applied Statistics 37(1); Heinze and Schemper (2002), "A solution
       to the problem of separation in logistic regression", Statistics in Medicine 21.
    """
    rows = (design, y, weights)
    if not fit.is_penalised:
        rows = design.collapse(y, weights, fit.columns) or rows
    problem = _Problem(*rows, fit=fit)
    z = float(special.ndtri(0.5 + confidence_level / 2.0))
    found = np.empty((len(natural), 2))
    with one_blas_thread():
        for at, row in enumerate(natural):
            found[at] = [problem.limit(row, -z), problem.limit(row, z)]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Coefficients, and the likelihood with its derivatives there."""

    beta: Floats
    value: float
    score: Floats
    factor: Floats


class _Problem:
    """The likelihood with one sum of coefficients held."""

    def __init__(self, design: Design, y: Floats, weights: Floats | None, *, fit: Fit) -> None:
        self._design, self._y, self._weights = design, y, weights
        self._fit = fit
        self._best = self._place(fit.beta[fit.columns])

    def limit(self, row: Floats, target: float) -> float:
        """Return the value of a sum of coefficients at a signed root of the likelihood ratio.

        The root grows all but evenly with the value, and its slope is known, so Newton's
        steps, kept between the values that are known to be too near and too far, need few.
        """
        best = self._best
        centre = float(row @ best.beta)
        error = float(np.sqrt(row @ linalg.cho_solve((best.factor, True), row)))
        near, far = centre, np.inf * target
        value, place = centre + target * error, best
        for _ in range(60):
            try:
                place = self._held(place, row, value)
            except linalg.LinAlgError:  # so far out that no row tells anything
                far, value = value, 0.5 * (near + value)
                continue
            root = float(np.sqrt(max(0.0, 2.0 * (best.value - place.value))))
            gap = root - abs(target)
            if abs(gap) < 1e-6:
                return value
            if gap < 0:
                near = value
            else:
                far = value
            slope = self._slope(place, row) / max(root, 1e-8)
            step = value - gap / slope if abs(slope) > 0 else np.nan
            value = _inside(step, near, far, centre)
            if abs(value - centre) > 1e6 * error:
                return float(np.sign(target) * np.inf)
        return value

    def _slope(self, place: _Place, row: Floats) -> float:
        """Return how fast half the ratio grows with the value held: the multiplier."""
        return -float(place.score @ row) / float(row @ row)

    def _held(self, start: _Place, row: Floats, value: float) -> _Place:
        """Return the greatest likelihood with a sum of coefficients held at a value."""
        toward = linalg.cho_solve((start.factor, True), row)
        jump = (value - float(row @ start.beta)) * toward / float(row @ toward)
        place = self._place(start.beta + jump)
        for _ in range(100):
            free = linalg.cho_solve((place.factor, True), place.score)
            toward = linalg.cho_solve((place.factor, True), row)
            step = free - toward * float(row @ free) / float(row @ toward)
            decrement = float(step @ place.score)
            place = self._moved(place, step)
            if decrement < 1e-9:
                break
        return place

    def _moved(self, place: _Place, step: Floats) -> _Place:
        longest = float(np.abs(step).max())
        share = min(1.0, _LONGEST / longest) if longest > 0 else 1.0
        for _ in range(40):
            there = self._place(place.beta + share * step)
            if there.value >= place.value - 1e-13 * abs(place.value):
                return there
            share /= 2.0
        return place

    def _place(self, inside: Floats) -> _Place:
        design, y, weights = self._design, self._y, self._weights
        columns = self._fit.columns
        beta = np.zeros(self._design.width)
        beta[columns] = inside
        if self._fit.is_penalised:
            value, eta, gram = penalised_state(design, y, weights, columns, beta)
        else:
            eta = design.predictor(beta)
            value = log_likelihood(eta, y, weights)
            p = probabilities(eta)
            curve = p * (1.0 - p)
            gram = design.gram(curve if weights is None else weights * curve)
        factor: Floats = linalg.cholesky(gram[np.ix_(columns, columns)], lower=True)
        if self._fit.is_penalised:
            covariance: Floats = linalg.cho_solve((factor, True), np.eye(len(columns)))
            slope = penalised_slope(design, y, columns, eta, covariance)
        else:
            slope = y - probabilities(eta)
        score = design.sums(slope if weights is None else weights * slope)[columns]
        return _Place(inside, value, score, factor)


def _inside(step: float, near: float, far: float, centre: float) -> float:
    """Return a step, or a value between where it would leave the range known to hold the limit."""
    low, high = min(near, far), max(near, far)
    if np.isfinite(step) and low < step < high:
        return step
    return 0.5 * (near + far) if np.isfinite(far) else near + 2.0 * (near - centre)
