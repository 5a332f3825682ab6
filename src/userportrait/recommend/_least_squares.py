"""Weighted least squares of many short rows: one half of alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.threads import one_blas_thread
from userportrait.recommend import _als_numpy
from userportrait.recommend._als_products import squares, turned
from userportrait.recommend._engines import (
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["Axes", "Rows", "axes_of", "main_entries", "rows_of", "run_rows", "solve_rows"]

_LEAST_WEIGHT = 1e-14
_FEW_ENTRIES = 2_000  # below, a second thread does not pay


@dataclass(frozen=True, eq=False)
class Rows:
    """Entries of many rows, each with a weight and a target.

    Row x minimises the sum over its entries of w (x y)^2 - 2 t (x y), plus x (G + r I) x, where y
    are factors of the other side, G is their `Axes`, and r is the ridge of the row.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
    indices : ndarray of int32, shape (n_entries,)
        Rows of the other side.
    weight, target : ndarray of float64, shape (n_entries,)
        Weights are above 0.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weight: NDArray[np.float64]
    target: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of entries of each row."""
        return np.diff(self.indptr)


def rows_of(matrix: Matrix, weight: NDArray[Any], target: NDArray[Any]) -> Rows:
    """Give the entries of a CSR array weights and targets."""
    return Rows(
        plain_array(matrix.indptr, np.int64),
        plain_array(matrix.indices, np.int32),
        np.maximum(plain_array(weight, np.float64), _LEAST_WEIGHT),
        plain_array(target, np.float64),
    )


@dataclass(frozen=True, eq=False)
class Axes:
    """Factors of one side in the axes of what all rows of the other side have in common.

    Parameters
    ----------
    factors : ndarray of float64, shape (n_rows, n_factors)
        In these axes.
    base : ndarray of float64, shape (n_factors,)
        The common part, which is diagonal in these axes.
    turn : ndarray of float64, shape (n_factors, n_factors)
        Each axis in the terms of the original ones; no row if they are the same.
    """

    factors: NDArray[np.float64]
    base: NDArray[np.float64]
    turn: NDArray[np.float64]


def axes_of(factors: NDArray[np.float64], *, is_common: bool, n_jobs: int | None = None) -> Axes:
    """Turn factors.

    Parameters
    ----------
    factors : ndarray of float64, shape (n_rows, n_factors)
    is_common : bool
        Whether all pairs count, so that rows have the product of the factors in common; otherwise
        they have nothing in common.
    n_jobs : int, optional
        Threads; by default one for each processor. The answer does not depend on it.
    """
    if not is_common:
        n = int(np.shape(factors)[1])
        nothing: NDArray[np.float64] = np.zeros(n)
        return Axes(plain_array(factors, np.float64), nothing, np.zeros((0, n)))
    with one_blas_thread():
        linalg: Any = np.linalg
        values, axes = linalg.eigh(squares(factors, n_jobs))
        base: NDArray[np.float64] = plain_array(values, np.float64)
        found = plain_array(turned(factors, axes, n_jobs), np.float64)
    return Axes(found, np.maximum(base, 0.0), plain_array(axes.T, np.float64))


def solve_rows(
    rows: Rows, axes: Axes, ridge: NDArray[np.float64], engine: Engine, n_jobs: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve each row exactly; rows do not depend on each other.

    Returns
    -------
    factors : ndarray of float64, shape (n_rows, n_factors)
    gain : ndarray of float64, shape (n_rows,)
        What is reached: minus the minimum.
    """
    n_factors = axes.factors.shape[1]
    out, gain = np.empty((len(rows), n_factors)), np.empty(len(rows))
    given = (rows.indptr, rows.indices, rows.weight, rows.target, axes.factors, axes.base)
    rest = (plain_array(ridge, np.float64), axes.turn, out, gain)
    with one_blas_thread():
        if not uses_numba(engine, "solve_rows"):
            _als_numpy.exact_rows(*given, *rest)
            return out, gain
        from userportrait.recommend._als_numba import exact_rows

        def work(start: int, stop: int) -> None:
            exact_rows(*given, *rest, start, stop)

        sizes = rows.sizes
        costs = sizes * np.minimum(sizes, n_factors) + n_factors
        run_rows(work, costs, len(rows.indices), n_jobs)
    return out, gain


def main_entries(
    rows: Rows,
    axes: Axes,
    ridge: NDArray[np.float64],
    pair_ptr: NDArray[np.int64],
    pair_item: NDArray[np.int64],
    engine: Engine,
    n_jobs: int | None,
) -> NDArray[np.int64]:
    """Return which entry of its row adds most to each pair, -1 if none adds anything.

    Parameters
    ----------
    rows, axes, ridge
        As in `solve_rows`.
    pair_ptr : ndarray of int64, shape (n_rows + 1,)
        Where the pairs of each row start.
    pair_item : ndarray of int64, shape (n_pairs,)
    """
    found = np.full(len(pair_item), -1, dtype=np.int64)
    given = (rows.indptr, rows.indices, rows.weight, rows.target, axes.factors, axes.base)
    rest = (plain_array(ridge, np.float64), pair_ptr, pair_item, found)
    with one_blas_thread():
        if not uses_numba(engine, "main_entries"):
            _als_numpy.main_entries(*given, *rest)
            return found
        from userportrait.recommend import _als_numba

        def work(start: int, stop: int) -> None:
            _als_numba.main_entries(*given, *rest, start, stop)

        n_factors = axes.factors.shape[1]
        costs = rows.sizes * (np.diff(pair_ptr) + np.minimum(rows.sizes, n_factors))
        run_rows(work, costs, len(rows.indices), n_jobs)
    return found


def run_rows(work: Any, costs: NDArray[Any], n_entries: int, n_jobs: int | None) -> None:
    """Call ``work(start, stop)`` for parts of about equal cost; for few entries in one thread."""
    n_threads = thread_count(n_jobs) if n_entries >= _FEW_ENTRIES else 1
    run_in_parts(work, part_bounds(costs, n_threads), n_threads)
