"""One half of alternating least squares by conjugate gradients, in memory that is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.threads import one_blas_thread
from userportrait.recommend import _als_numpy
from userportrait.recommend._als_products import squares, turn_into
from userportrait.recommend._engines import uses_numba
from userportrait.recommend._least_squares import run_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._engines import Engine
    from userportrait.recommend._least_squares import Rows

__all__ = ["Side", "improve"]


class Side:
    """Rows of one side, and their factors, which steps improve in place.

    Parameters
    ----------
    rows : Rows
        Targets are 1 plus the weight.
    factors : ndarray of float32, shape (n_rows, n_factors)
        To start from; not changed.
    ridge : ndarray of float64, shape (n_rows,)

    Attributes
    ----------
    factors : ndarray of float32, shape (n_rows, n_factors)
        In axes that steps change, on both sides alike.
    loss : ndarray of float64, shape (n_rows,)
        Of each row after the last steps, its penalty included.
    """

    def __init__(
        self, rows: Rows, factors: NDArray[np.float32], ridge: NDArray[np.float64]
    ) -> None:
        self.rows = rows
        self.weight: NDArray[np.float32] = rows.weight.astype(np.float32)
        self.ridge: NDArray[np.float32] = ridge.astype(np.float32)
        self.factors: NDArray[np.float32] = factors.copy()
        self.spare: NDArray[np.float32] = np.empty_like(self.factors)
        self.loss: NDArray[np.float64] = np.zeros(len(rows))

    def turn(self, axes: NDArray[np.float32], n_jobs: int | None) -> None:
        """Take other axes."""
        turn_into(self.spare, self.factors, axes, n_jobs)
        self.factors, self.spare = self.spare, self.factors


def improve(side: Side, other: Side, n_steps: int, engine: Engine, n_jobs: int | None) -> None:
    """Take steps of conjugate gradients in each row of a side; all pairs count."""
    with one_blas_thread():
        base, axes = np.linalg.eigh(squares(other.factors, n_jobs))
        for one in (side, other):
            one.turn(axes.astype(np.float32), n_jobs)
        rows, common = side.rows, np.maximum(base, 0.0).astype(np.float32)
        given: tuple[Any, ...] = (rows.indptr, rows.indices, side.weight, other.factors, common)
        rest: tuple[Any, ...] = (side.ridge, side.factors, n_steps, side.spare, side.loss)
        if not uses_numba(engine, "improve"):
            _als_numpy.stepped_rows(*given, *rest)
        else:
            from userportrait.recommend import _als_numba

            compiled: Any = _als_numba.stepped_rows

            def work(start: int, stop: int) -> None:
                compiled(*given, *rest, start, stop)

            run_rows(work, rows.sizes + 8, len(rows.indices), n_jobs)
    side.factors, side.spare = side.spare, side.factors
