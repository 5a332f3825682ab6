"""Logistic regression by Newton's method on sums and tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.predict._design import Design

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = [
    "Fit",
    "evaluate",
    "fit_logistic",
    "independent_columns",
    "log_likelihood",
    "null_log_likelihood",
    "probabilities",
]

_DONE = 1e-11
"""Newton's decrement a row at which a step is the last: the error after it is its square."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """A fitted model, in scaled columns.

    Parameters
    ----------
    columns : ndarray of int
        Columns in the model, the intercept first.
    beta : ndarray
        Coefficients of all columns of the design, 0 for those not in the model.
    covariance : ndarray
        Of the coefficients of `columns`.
    log_likelihood : float
    gram : ndarray of shape (width, width)
        Information of all columns, in the model or not, at the fit.
    score : ndarray of shape (width,)
        Gradient for all columns at the fit.
    n_iter : int
    converged : bool
    largest : float
        Largest absolute linear predictor.
    is_penalised : bool, default=False
        Whether it is Firth's.
    """

    columns: Ints
    beta: Floats
    covariance: Floats
    log_likelihood: float
    gram: Floats
    score: Floats
    n_iter: int
    converged: bool
    largest: float
    is_penalised: bool = False

    def without_errors(self) -> Fit:
        """Return the same coefficients with an unknown covariance."""
        return replace(self, covariance=np.full_like(self.covariance, np.nan))


def fit_logistic(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    *,
    start: Floats | None = None,
    max_iter: int = 50,
) -> Fit:
    """Return the coefficients of greatest likelihood.

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    weights : ndarray, optional
        How often each row counts.
    columns : ndarray of int
        Linearly independent columns, the intercept first.
    start : ndarray of shape (width,), optional
        Coefficients to start from.
    max_iter : int, default=50
    """
    small = design.collapse(y, weights, columns)
    beta, n_iter, converged = _climb(*(small or (design, y, weights)), columns, start, max_iter)
    return evaluate(design, y, weights, columns, beta, n_iter, converged=converged)


def evaluate(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    beta: Floats,
    n_iter: int,
    *,
    converged: bool,
) -> Fit:
    """Return what the rows say at given coefficients."""
    eta = design.predictor(beta)
    p = probabilities(eta)
    slope, curve = y - p, p * (1.0 - p)
    if weights is not None:
        slope, curve = weights * slope, weights * curve
    score, gram = design.sums(slope), design.gram(curve)
    factor = _factor(gram[np.ix_(columns, columns)])
    covariance = np.full((len(columns), len(columns)), np.nan)
    if factor is not None:
        covariance = linalg.cho_solve((factor, True), np.eye(len(columns)))
    largest = float(np.abs(eta).max())
    return Fit(
        columns=columns, beta=beta, covariance=covariance,
        log_likelihood=log_likelihood(eta, y, weights), gram=gram, score=score, n_iter=n_iter,
        converged=converged, largest=largest,
    )  # fmt: skip


def _climb(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    start: Floats | None,
    max_iter: int,
) -> tuple[Floats, int, bool]:
    """Return coefficients, the steps taken, and whether the last one was small enough."""
    beta = np.zeros(design.width)
    size = float(len(y) if weights is None else weights.sum())
    ones = float(y.sum() if weights is None else weights @ y)
    if start is None:
        beta[0] = np.log(ones / (size - ones))
    else:
        beta[columns] = start[columns]
    eta = design.predictor(beta)
    value = log_likelihood(eta, y, weights)
    for n_iter in range(1, max_iter + 1):
        p = probabilities(eta)
        slope, curve = y - p, p * (1.0 - p)
        if weights is not None:
            slope, curve = weights * slope, weights * curve
        score = design.sums(slope)[columns]
        information = design.gram(curve)[np.ix_(columns, columns)]
        factor = _factor(information)
        if factor is None:
            # All but singular: a little more on the diagonal still climbs.
            factor = _factor(information + np.diag(1e-8 * np.diag(information) + 1e-300))
        if factor is None:
            return beta, n_iter, False
        step: Floats = linalg.cho_solve((factor, True), score)
        decrement = float(step @ score)
        beta, eta, value = _moved(design, y, weights, columns, beta, step, value, eta)
        # Newton doubles the digits that are right: after a small step they all are.
        if decrement < _DONE * size:
            return beta, n_iter, True
    return beta, max_iter, False


def _moved(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    beta: Floats,
    step: Floats,
    value: float,
    eta: Floats,
) -> tuple[Floats, Floats, float]:
    """Return the coefficients after a step, halved until the likelihood does not fall."""
    share = 1.0
    for _ in range(30):
        moved = beta.copy()
        moved[columns] += share * step
        there = design.predictor(moved)
        gained = log_likelihood(there, y, weights)
        if gained >= value - 1e-12 * abs(value):
            return moved, there, gained
        share /= 2.0
    return beta, eta, value


def probabilities(eta: Floats) -> Floats:
    """Return 1 / (1 + exp(-eta)), without overflow."""
    small = np.exp(-np.abs(eta))
    found: Floats = np.where(eta > 0, 1.0, small)
    found /= 1.0 + small
    return found


def log_likelihood(eta: Floats, y: Floats, weights: Floats | None) -> float:
    """Return the log-likelihood of outcomes in [0, 1] at linear predictors."""
    size = np.abs(eta)
    losses = np.log1p(np.exp(-size))
    # log(1 + exp(eta)) less eta where y is 1: the larger part is linear.
    losses += 0.5 * (size + eta) - y * eta
    return -float(losses.sum() if weights is None else weights @ losses)


def null_log_likelihood(y: Floats, weights: Floats | None) -> float:
    """Return the log-likelihood of the intercept alone."""
    total = float(len(y) if weights is None else weights.sum())
    ones = float(y.sum() if weights is None else weights @ y)
    return ones * math.log(ones / total) + (total - ones) * math.log(1.0 - ones / total)


def _factor(information: Floats) -> Floats | None:
    try:
        found: Floats = linalg.cholesky(information, lower=True)
    except linalg.LinAlgError:
        return None
    return found


def independent_columns(gram: Floats, columns: Ints, tolerance: float = 1e-9) -> Ints:
    """Return the columns that are no sum of earlier ones, in the order given.

    Parameters
    ----------
    gram : ndarray of shape (width, width)
        Cross products of all columns.
    columns : ndarray of int
        Those to look at; earlier ones are kept before later ones.
    tolerance : float, default=1e-9
        Share of a column's square that earlier ones must leave.
    """
    inside = gram[np.ix_(columns, columns)].copy()
    squares = np.diag(inside).copy()
    factor = _factor(inside)
    if factor is not None and (np.diag(factor) ** 2 > tolerance * squares).all():
        return columns
    kept: list[int] = []
    for at in range(len(columns)):
        if squares[at] <= 0 or inside[at, at] <= tolerance * squares[at]:
            continue
        kept.append(at)
        row = inside[at, at:] / np.sqrt(inside[at, at])
        inside[at:, at:] -= np.outer(row, row)
    found: Ints = columns[kept]
    return found
