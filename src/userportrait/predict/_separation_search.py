"""A direction of the columns along which no row contradicts its outcome, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.optimize import linprog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.predict._design import Design

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["separating_direction"]

_TOLERANCE = 1e-7
"""Share of a row's largest value by which a solver may leave the row on the wrong side."""
_MOST_ROWS = 4000
"""Rows that one round may add to the program."""
_FARTHEST = 1e4
"""Largest coefficient in scaled columns: beyond it a direction is one of rounding."""


def separating_direction(design: Design, y: Floats, columns: Ints) -> Floats | None:
    """Return the shortest direction that separates the outcome; None if there is none.

    Parameters
    ----------
    design : Design
    y : ndarray of 0.0 and 1.0
    columns : ndarray of int
        Linearly independent columns, the intercept first.

    Returns
    -------
    ndarray of shape (n_columns,) or None
        Nearly all rows of outcome 1 have a predictor of 0 or more along it, those of outcome
        0 one of 0 or less, and not all are 0. Few of its coefficients differ from 0.

    Notes
    -----
    Greatest likelihood has a finite answer if and only if there is no such direction. [1]_ A
    linear program finds it: the least sum of absolute coefficients, such that no row is on
    the wrong side and the sides add up to 1. [2]_ Few rows decide, so only those enter the
    program that the last answer contradicts. If a program of some rows has no answer, that
    of all rows has none.

    References
    ----------
    .. [1] Albert and Anderson (1984), "On the existence of maximum likelihood estimates in
       logistic regression models", Biometrika 71(1).
    .. [2] Konis (2007), "Linear programming algorithms for detecting separated data in binary
       logistic regression models", thesis, University of Oxford.
    """
    side = 2.0 * y - 1.0
    total = design.sums(side)[columns]
    rows = np.empty((0, len(columns)))
    direction = np.sign(total)
    while True:
        along = side * _predictor(design, columns, direction)
        wrong = _contradicted(design, columns, side, along)
        if wrong is None:
            return direction
        wider = np.unique(np.concatenate([rows, wrong]), axis=0)
        if len(wider) == len(rows):
            return None  # the solver can do no better than these rows by rounding
        rows = wider
        found = _shortest(rows, total)
        if found is None:
            return None
        direction = found


def _predictor(design: Design, columns: Ints, direction: Floats) -> Floats:
    beta = np.zeros(design.width)
    beta[columns] = direction
    return design.predictor(beta)


def _contradicted(design: Design, columns: Ints, side: Floats, along: Floats) -> Floats | None:
    """Return rows on the wrong side, scaled; None if there are none but by rounding."""
    lost, won = -float(along[along < 0].sum()), float(along[along > 0].sum())
    if won > 0 and lost <= 1e-3 * won and along.min() >= -_TOLERANCE * max(1.0, won):
        return None
    wrong = np.flatnonzero(along < 0)
    if len(wrong) > _MOST_ROWS:
        order = np.argsort(along[wrong], kind="stable")
        spread = np.linspace(0, len(wrong) - 1, _MOST_ROWS // 2).astype(np.intp)
        wrong = wrong[order[np.union1d(np.arange(_MOST_ROWS // 2), spread)]]
    signed = design.dense(columns, wrong) * side[wrong, None]
    found: Floats = signed / np.abs(signed).max(axis=1, keepdims=True)
    return found


def _shortest(rows: Floats, total: Floats) -> Floats | None:
    size = len(total)
    both = np.concatenate([rows, -rows], axis=1)
    scale = max(1.0, float(np.abs(total).max()))
    sides = np.concatenate([total, -total])[None, :] / scale
    solve: Any = linprog
    found: Any = solve(
        np.ones(2 * size), A_ub=np.concatenate([-both, -sides]),
        b_ub=np.concatenate([np.zeros(len(rows)), [-1.0 / scale]]),
        bounds=(0.0, _FARTHEST), method="highs",
    )  # fmt: skip
    if found.x is None:
        return None
    answer: Floats = found.x[:size] - found.x[size:]
    return answer
