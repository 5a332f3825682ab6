"""Ridge and logistic regression with a penalty of its own for each coefficient."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, xlog1py, xlogy

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Learner", "Linear", "Wrapped", "fit_logistic", "fit_ridge", "with_constant"]

_ALMOST_NONE = 1e-8  # on the constant: keeps an arm in which everybody buys from running away
_MOST_STEPS = 50


def with_constant(matrix: Floats) -> Floats:
    """Put a column of ones in front."""
    return np.column_stack([np.ones(len(matrix)), matrix])


def fit_ridge(matrix: Floats, y: Floats, penalty: Floats, weight: Floats | None = None) -> Floats:
    """Minimise half the squared errors plus half the penalised squares of the coefficients.

    Parameters
    ----------
    matrix : ndarray of shape (n, k)
        With a column of ones, if there is to be a constant.
    y : ndarray of shape (n,)
    penalty : ndarray of shape (k,)
        At least 0.
    weight : ndarray of shape (n,), optional
    """
    weighted = matrix if weight is None else matrix * weight[:, None]
    gram = weighted.T @ matrix
    return _solve(gram, penalty, weighted.T @ y)


def fit_logistic(
    matrix: Floats, y: Floats, penalty: Floats, weight: Floats | None = None
) -> Floats:
    """Minimise the log loss plus half the penalised squares, by damped Newton steps.

    Parameters
    ----------
    matrix, penalty, weight
        As for `fit_ridge`.
    y : ndarray of shape (n,)
        In [0, 1].
    """
    weights = np.ones(len(y)) if weight is None else weight
    lambdas = np.maximum(penalty, _ALMOST_NONE)
    coefficients = np.zeros(matrix.shape[1])
    loss = _log_loss(matrix, y, weights, lambdas, coefficients)
    for _ in range(_MOST_STEPS):
        chance = expit(matrix @ coefficients)
        slope = matrix.T @ (weights * (chance - y)) + lambdas * coefficients
        curved = weights * chance * (1 - chance)
        step = _solve((matrix * curved[:, None]).T @ matrix, lambdas, slope)
        scale = 1.0
        while True:
            moved = coefficients - scale * step
            lower = _log_loss(matrix, y, weights, lambdas, moved)
            if lower <= loss or scale < 1e-4:
                break
            scale /= 2
        coefficients, gained, loss = moved, loss - lower, lower
        if abs(gained) <= 1e-10 * (1 + abs(loss)):
            break
    return coefficients


def _log_loss(
    matrix: Floats, y: Floats, weights: Floats, lambdas: Floats, coefficients: Floats
) -> float:
    line = matrix @ coefficients
    rows = np.logaddexp(0.0, line) - y * line
    return float(weights @ rows + lambdas @ coefficients**2 / 2)


def log_likelihood(chance: Floats, y: Floats) -> float:
    """Return the Bernoulli log-likelihood."""
    return float(np.sum(xlogy(y, chance) + xlog1py(1 - y, -chance)))


def _solve(gram: Floats, penalty: Floats, right: Floats) -> Floats:
    # A tiny share of the diagonal keeps columns that repeat each other solvable.
    ridge = penalty + 1e-10 * (np.trace(gram) / max(len(gram), 1) + 1e-300)
    factor = cho_factor(gram + np.diag(ridge), check_finite=False)
    return np.asarray(cho_solve(factor, right, check_finite=False))


class Learner(Protocol):
    """A model of a mean, given features."""

    def fit(self, matrix: Floats, y: Floats, weight: Floats | None = None) -> None:
        """Learn."""
        ...

    def predict(self, matrix: Floats) -> Floats:
        """Return means."""
        ...


class Linear:
    """A ridge or logistic regression on standardised features."""

    def __init__(self, *, binary: bool, l2: float) -> None:
        self._binary, self._l2 = binary, l2

    def fit(self, matrix: Floats, y: Floats, weight: Floats | None = None) -> None:
        """Learn."""
        full = with_constant(matrix)
        penalty = np.r_[0.0, np.full(matrix.shape[1], self._l2)]
        find = fit_logistic if self._binary else fit_ridge
        self._coefficients = find(full, y, penalty, weight)

    def predict(self, matrix: Floats) -> Floats:
        """Return means: chances if the outcome was binary."""
        line = with_constant(matrix) @ self._coefficients
        return np.asarray(expit(line)) if self._binary else line


class Wrapped:
    """A copy of a scikit-learn estimator; of a classifier, the chance of its second class."""

    def __init__(self, base: Any, *, binary: bool) -> None:
        copy: Any = import_module("sklearn.base").clone
        self._model: Any = copy(base)
        self._classifies = hasattr(self._model, "predict_proba")
        if self._classifies and not binary:
            kind = type(base).__name__
            problem = (
                f"base is a classifier ({kind}), but outcomes are not 0 and 1. Give a regressor."
            )
            raise InvalidParameterError("Uplift", [problem])

    def fit(self, matrix: Floats, y: Floats, weight: Floats | None = None) -> None:
        """Learn; without weights the estimator need not know of them."""
        target: Any = y.astype(np.int64) if self._classifies else y
        self._constant = float(y[0]) if self._classifies and np.all(y == y[0]) else None
        if self._constant is None:
            extra = {} if weight is None else {"sample_weight": weight}
            self._model.fit(matrix, target, **extra)

    def predict(self, matrix: Floats) -> Floats:
        """Return means."""
        if self._constant is not None:
            return np.full(len(matrix), self._constant)
        if self._classifies:
            return np.asarray(self._model.predict_proba(matrix)[:, 1], dtype=np.float64)
        return np.asarray(self._model.predict(matrix), dtype=np.float64).ravel()
