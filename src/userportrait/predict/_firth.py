"""Firth's penalised likelihood: a finite answer where greatest likelihood has none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import linalg

from userportrait.predict._newton import evaluate, log_likelihood, probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.predict._design import Design
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["fit_firth", "penalised_slope", "penalised_state"]

_LONGEST = 5.0


def fit_firth(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    *,
    starts: Sequence[Floats] = (),
    max_iter: int = 200,
) -> Fit:
    """Return the coefficients of greatest likelihood times the root of the information.

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    weights : ndarray, optional
        How often each row counts.
    columns : ndarray of int
        Linearly independent columns, the intercept first.
    starts : sequence of ndarray of shape (width,), default=()
        Coefficients to start from, besides 0: with long tails there is more than one top.
    max_iter : int, default=200

    Notes
    -----
    `log_likelihood` of the result is the penalised one. [1]_

    References
    ----------
    .. [1] Firth (1993), "Bias reduction of maximum likelihood estimates", Biometrika 80(1).
    """
    best = _climbed(design, y, weights, columns, np.zeros(design.width), max_iter)
    for start in starts:
        found = _climbed(design, y, weights, columns, start, max_iter)
        if found[1] > best[1] + 1e-9 * abs(best[1]):
            best = found
    beta, value, n_iter, converged = best
    fit = evaluate(design, y, weights, columns, beta, n_iter, converged=converged)
    return replace(fit, log_likelihood=value, is_penalised=True)


def _climbed(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    beta: Floats,
    max_iter: int,
) -> tuple[Floats, float, int, bool]:
    """Return coefficients, penalised likelihood, steps, and whether the last was small enough."""
    at = np.ix_(columns, columns)
    value, eta, gram = penalised_state(design, y, weights, columns, beta)
    converged, n_iter = False, 0
    while not converged and n_iter < max_iter and np.isfinite(value):
        n_iter += 1
        try:
            factor = linalg.cho_factor(gram[at])
        except linalg.LinAlgError:
            break
        covariance: Floats = linalg.cho_solve(factor, np.eye(len(columns)))
        slope = penalised_slope(design, y, columns, eta, covariance)
        score = design.sums(slope if weights is None else weights * slope)[columns]
        step: Floats = covariance @ score
        decrement = float(step @ score)
        longest = float(np.abs(step).max())
        share = min(1.0, _LONGEST / longest) if longest > 0 else 1.0
        before = value
        for _ in range(40):
            moved = beta.copy()
            moved[columns] += share * step
            there, far, other = penalised_state(design, y, weights, columns, moved)
            if there >= value - 1e-13 * abs(value):
                beta, value, eta, gram = moved, there, far, other
                break
            share /= 2.0
        # Where the last digits of the likelihood no longer move, neither can the step shrink.
        still = value - before <= 1e-13 * abs(value)
        converged = decrement < 1e-12 or (still and decrement < 1e-7)
    return beta, value, n_iter, converged


def penalised_state(
    design: Design, y: Floats, weights: Floats | None, columns: Ints, beta: Floats
) -> tuple[float, Floats, Floats]:
    """Return the penalised log-likelihood, the predictor and the information."""
    eta = design.predictor(beta)
    p = probabilities(eta)
    curve = p * (1.0 - p)
    gram = design.gram(curve if weights is None else weights * curve)
    sign, log_determinant = np.linalg.slogdet(gram[np.ix_(columns, columns)])
    if sign <= 0:
        return -np.inf, eta, gram
    return log_likelihood(eta, y, weights) + 0.5 * float(log_determinant), eta, gram


def penalised_slope(
    design: Design, y: Floats, columns: Ints, eta: Floats, covariance: Floats
) -> Floats:
    """Return what one copy of each row adds to the gradient by its predictor."""
    p = probabilities(eta)
    leverage = _leverages(design, columns, covariance, p * (1.0 - p))
    slope: Floats = y - p + leverage * (0.5 - p)
    return slope


def _leverages(design: Design, columns: Ints, covariance: Floats, curve: Floats) -> Floats:
    """Return the diagonal of the hat matrix of one copy of each row."""
    whole = np.zeros((design.width, design.width))
    whole[np.ix_(columns, columns)] = covariance
    found = design.quadratic(whole)
    found *= curve
    return found
