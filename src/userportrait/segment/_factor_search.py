"""Loadings that reproduce correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["LEAST_UNIQUENESS", "fit_likelihood", "fit_principal_axis"]

LEAST_UNIQUENESS = 0.005
"""No feature is explained by factors beyond 1 less this: more would be a Heywood case."""


def fit_likelihood(
    correlations: Floats, n_factors: int, max_iter: int, tol: float
) -> tuple[Floats, float, int]:
    """Return the loadings of the largest likelihood, the discrepancy and the iterations.

    The likelihood is maximal in the loadings for given unique variances, so only these are
    searched, as logarithms (Jöreskog 1967).
    """

    def discrepancy(log_unique: Floats) -> tuple[float, Floats]:
        values, vectors, root = _scaled_eigen(correlations, log_unique)
        rest = values[n_factors:]
        loadings = root[:, None] * vectors[:, :n_factors] * np.sqrt(_over(values, n_factors))
        residual = (loadings**2).sum(axis=1) + root**2 - 1.0
        return float((rest - 1.0 - np.log(rest)).sum()), residual / root**2

    runs = [
        optimize.minimize(
            discrepancy,
            np.log(start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(np.log(LEAST_UNIQUENESS), 0.0)] * len(start),
            options={"maxiter": max_iter, "ftol": 1e-15, "gtol": tol},
        )
        for start in _starts(correlations, n_factors)
    ]
    # With fewer factors than there are there is more than one peak; the first of equal ones
    # counts.
    found = runs[0] if runs[0].fun <= runs[1].fun + 1e-9 else runs[1]
    values, vectors, root = _scaled_eigen(correlations, found.x)
    loadings = root[:, None] * vectors[:, :n_factors] * np.sqrt(_over(values, n_factors))
    return _within_limit(loadings), float(found.fun), max(int(found.nit), 1)


def _scaled_eigen(correlations: Floats, log_unique: Floats) -> tuple[Floats, Floats, Floats]:
    root = np.exp(0.5 * log_unique)
    split: Any = np.linalg.eigh(correlations / root / root[:, None])
    values, vectors = split
    return np.maximum(values[::-1], 1e-300), vectors[:, ::-1], root


def _over(values: Floats, n_factors: int) -> Floats:
    found: Floats = np.maximum(values[:n_factors] - 1.0, 0.0)
    return found


def _starts(correlations: Floats, n_factors: int) -> tuple[Floats, Floats]:
    """Return what other features leave unexplained, shrunk, and what components leave."""
    inverse: Any = np.linalg.inv(correlations)
    left: Floats = 1.0 / np.diag(inverse)
    shrunk = (1.0 - 0.5 * n_factors / len(correlations)) * left
    split: Any = np.linalg.eigh(correlations)
    values, vectors = split
    told: Floats = (vectors[:, -n_factors:] ** 2 * values[-n_factors:]).sum(axis=1)
    low = 10.0 * LEAST_UNIQUENESS
    return np.clip(shrunk, low, 1.0), np.clip(1.0 - told, low, 1.0)


def fit_principal_axis(
    correlations: Floats, n_factors: int, max_iter: int, tol: float
) -> tuple[Floats, int]:
    """Return the loadings whose communalities repeat themselves, and the iterations.

    Starts at the squared multiple correlations.
    """
    communalities = 1.0 - 1.0 / np.diag(np.linalg.inv(correlations))
    reduced = correlations.copy()
    loadings = np.zeros((len(correlations), n_factors))
    n_iter, change = 0, np.inf
    while n_iter < max_iter and change >= tol:
        n_iter += 1
        np.fill_diagonal(reduced, communalities)
        split: Any = np.linalg.eigh(reduced)
        values, vectors = split
        largest = np.maximum(values[::-1][:n_factors], 0.0)
        loadings = vectors[:, ::-1][:, :n_factors] * np.sqrt(largest)
        following = np.minimum((loadings**2).sum(axis=1), 1.0 - LEAST_UNIQUENESS)
        change = float(np.abs(following - communalities).max())
        communalities = following
    return _within_limit(loadings), n_iter


def _within_limit(loadings: Floats) -> Floats:
    """Shorten rows that tell more of a feature than the limit allows."""
    told = np.sqrt((loadings**2).sum(axis=1))
    most = np.sqrt(1.0 - LEAST_UNIQUENESS)
    found: Floats = loadings * (most / np.maximum(told, most))[:, None]
    return found
