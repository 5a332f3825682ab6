"""Conditional logistic regression: which of several alternatives is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import linalg, special

from userportrait._core.threads import one_blas_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.int64]

__all__ = ["Choice", "fit_choice"]

_DONE = 1e-12
"""Newton's decrement a row at which a step is the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A fitted model.

    Parameters
    ----------
    levels : ndarray of shape (n_alternatives,)
        What each alternative has of its own.
    weights : ndarray of shape (n_features,)
        What a feature adds, for every alternative alike.
    """

    levels: Floats
    weights: Floats

    def probabilities(self, x: Floats, base: Floats) -> Floats:
        """Return the chance of each alternative, one row each."""
        found: Floats = special.softmax(_utility(x, base, self.levels, self.weights), axis=1)
        return found


def fit_choice(
    x: Floats,
    base: Floats,
    chosen: Codes,
    *,
    level_penalty: float,
    weight_penalty: float,
    start: Choice | None = None,
    max_iter: int = 50,
) -> Choice:
    """Return the levels and weights of greatest penalised likelihood.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_alternatives, n_features)
    base : ndarray of shape (n_rows, n_alternatives)
        Logarithms of the chances before anything is known of a row.
    chosen : ndarray of int
        The alternative that each row took.
    level_penalty, weight_penalty : float
        Half of it times the sum of squares is taken off the log-likelihood; above 0.
    start : Choice, optional
        Where to begin; it does not change the answer.
    max_iter : int, default=50

    Notes
    -----
    The likelihood is concave, so Newton's steps, halved where they go too far, end at its one
    highest point. [1]_

    References
    ----------
    .. [1] McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in
       Frontiers in Econometrics.
    """
    n_alternatives, n_features = x.shape[1:]
    penalty = np.repeat([level_penalty, weight_penalty], [n_alternatives, n_features])
    beta = np.zeros(n_alternatives + n_features)
    if start is not None:
        beta = np.concatenate([start.levels, start.weights])
    with one_blas_thread():
        value = _value(x, base, chosen, beta, penalty)
        for _ in range(max_iter):
            slope, curve = _derivatives(x, base, chosen, beta, penalty)
            step: Floats = linalg.solve(curve, slope, assume_a="pos")
            beta, value = _moved(x, base, chosen, beta, step, value, penalty)
            if float(step @ slope) < _DONE * len(chosen):
                break
    return Choice(beta[:n_alternatives], beta[n_alternatives:])


def _utility(x: Floats, base: Floats, levels: Floats, weights: Floats) -> Floats:
    return x @ weights + base + levels


def _value(x: Floats, base: Floats, chosen: Codes, beta: Floats, penalty: Floats) -> float:
    size = x.shape[1]
    logs = special.log_softmax(_utility(x, base, beta[:size], beta[size:]), axis=1)
    return float(logs[np.arange(len(chosen)), chosen].sum() - 0.5 * (penalty * beta) @ beta)


def _derivatives(
    x: Floats, base: Floats, chosen: Codes, beta: Floats, penalty: Floats
) -> tuple[Floats, Floats]:
    """Return the gradient, and the second derivative with its sign turned."""
    size = x.shape[1]
    p = special.softmax(_utility(x, base, beta[:size], beta[size:]), axis=1)
    left = -p
    left[np.arange(len(chosen)), chosen] += 1.0
    slope = np.concatenate([left.sum(axis=0), np.einsum("nc,nck->k", left, x)]) - penalty * beta
    mean = np.einsum("nc,nck->nk", p, x)
    weighted = p[:, :, None] * x
    flat, raw = weighted.reshape(-1, x.shape[2]), x.reshape(-1, x.shape[2])
    across = weighted.sum(axis=0) - p.T @ mean
    curve = np.block(
        [
            [np.diag(p.sum(axis=0)) - p.T @ p, across],
            [across.T, flat.T @ raw - mean.T @ mean],
        ]
    )
    return slope, curve + np.diag(penalty)


def _moved(
    x: Floats,
    base: Floats,
    chosen: Codes,
    beta: Floats,
    step: Floats,
    value: float,
    penalty: Floats,
) -> tuple[Floats, float]:
    """Return the place after a step, halved until the likelihood does not fall."""
    share = 1.0
    for _ in range(40):
        moved = beta + share * step
        there = _value(x, base, chosen, moved, penalty)
        if there >= value - 1e-12 * abs(value):
            return moved, there
        share /= 2.0
    return beta, value
