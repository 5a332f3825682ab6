"""Steps of Bayesian personalised ranking, with NumPy: one batch of triples at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["take_step"]


def take_step(
    customer: NDArray[np.intp],
    item: NDArray[np.intp],
    other: NDArray[np.intp],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    x_squares: NDArray[np.float64],
    y_squares: NDArray[np.float64],
    rate: float,
    l2: float,
) -> float:
    """Take one step with a batch; see `BPR`. Return the sum of its losses."""
    n_factors = x.shape[1]
    rows, better, worse = x[customer], y[item], y[other]
    apart = better - worse
    gap = apart[:, n_factors] + np.sum(rows * apart[:, :n_factors], axis=1)
    wrong = 1.0 / (1.0 + np.exp(np.clip(gap, -700.0, 700.0)))
    total = float(np.sum(np.log1p(np.exp(-np.abs(gap))) + np.maximum(-gap, 0.0)))
    wide = np.concatenate([rows, np.ones((len(rows), 1))], axis=1) * wrong[:, None]
    penalty = np.full(n_factors + 1, l2)
    penalty[n_factors] = 0.0
    x_slopes = wrong[:, None] * apart[:, :n_factors] - l2 * rows
    y_slopes = np.stack([wide - penalty * better, -wide - penalty * worse], axis=1)
    both = np.stack([item, other], axis=1).ravel()
    _climb(x, x_squares, customer, x_slopes, rate)
    _climb(y, y_squares, both, y_slopes.reshape(-1, n_factors + 1), rate)
    return total


def _climb(
    factors: NDArray[np.float64],
    squares: NDArray[np.float64],
    row: NDArray[np.intp],
    slopes: NDArray[Any],
    rate: float,
) -> None:
    """Move rows along their summed slopes, by less the more they have moved."""
    order = np.argsort(row, kind="stable")
    listed, starts = np.unique(row[order], return_index=True)
    slope = np.add.reduceat(slopes[order], starts, axis=0)
    squares[listed] += slope * slope
    factors[listed] += rate * slope / np.sqrt(squares[listed] + 1e-12)
