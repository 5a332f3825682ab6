"""The best items of each row of factors: exact in float64, whichever engine does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.threads import one_blas_thread
from userportrait.recommend._engines import (
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)
from userportrait.recommend._factors_top_numpy import numpy_scores, numpy_top, product_error
from userportrait.recommend._top import Top, blocked_rows, mask_rows, no_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["ItemVectors", "item_vectors", "scores_of_factors", "top_of_factors"]

_SPARE = 4  # candidates beyond the list, so that float32 rarely leaves a doubt
_MANY_PRODUCTS = 2**22  # from here on, threads pay
_FEW_ALLOWED = 0.5


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Items as vectors, ready to be searched.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n_items, n_factors)
    order : ndarray of int32, shape (n_sorted,)
        Items from the longest vector to the shortest.
    ranks : ndarray of int32, shape (n_items,)
        Where each item stands in that order; -1 if it does not.
    sorted32 : ndarray of float32, shape (n_sorted, n_factors)
        Their vectors in that order.
    lengths : ndarray of float64, shape (n_sorted,)
        Their lengths in that order.
    """

    vectors: NDArray[np.float64]
    order: NDArray[np.int32]
    ranks: NDArray[np.int32]
    sorted32: NDArray[np.float32]
    lengths: NDArray[np.float64]

    def only(self, allowed: NDArray[np.bool_]) -> ItemVectors:
        """Return the allowed items only, still with their positions in `vectors`."""
        kept = allowed[self.order]
        order = self.order[kept]
        ranks = _ranks(order, len(self.vectors))
        return ItemVectors(self.vectors, order, ranks, self.sorted32[kept], self.lengths[kept])


def _ranks(order: NDArray[np.int32], n_items: int) -> NDArray[np.int32]:
    ranks = np.full(n_items, -1, dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks


def item_vectors(vectors: NDArray[np.float64]) -> ItemVectors:
    """Sort vectors by their length."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    order = np.argsort(-length, kind="stable").astype(np.int32)
    sorted32 = plain_array(vectors[order], np.float32)
    ranks = _ranks(order, len(order))
    return ItemVectors(plain_array(vectors, np.float64), order, ranks, sorted32, length[order])


def top_of_factors(
    rows: NDArray[np.float64],
    items: ItemVectors,
    k: int,
    *,
    starts: NDArray[np.float64] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    blocked: Matrix | None = None,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> Top:
    """Return the k items of the largest product with each row; equal ones by position.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_factors)
    items : ItemVectors
    k : int
    starts : ndarray of float64, shape (n_rows,), optional
        Added to all scores of a row.
    allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
    blocked : csr_array, shape (n_rows, n_items), optional
        Items of each row that must not come.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
    n_jobs : int, optional

    Notes
    -----
    Scores are sums in float64 in the order of the factors, and do not depend on the engine, on
    the other rows or on `k`. Candidates come from products of float32; where these leave a doubt,
    the row is scored in float64 as a whole.
    """
    n_rows, n_items = len(rows), len(items.vectors)
    if not n_rows or not n_items:
        return no_items(n_rows, k)
    rows = plain_array(rows, np.float64)
    first = np.zeros(n_rows) if starts is None else plain_array(starts, np.float64)
    with one_blas_thread():
        if not uses_numba(engine, "top_of_factors"):
            return numpy_top(rows, items, k, _SPARE, first, allowed, blocked)
        return _compiled_top(rows, items, k, first, allowed, blocked, thread_count(n_jobs))


def _compiled_top(
    rows: NDArray[np.float64],
    items: ItemVectors,
    k: int,
    starts: NDArray[np.float64],
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
    n_threads: int,
) -> Top:
    from userportrait.recommend._factors_top_numba import top_of_rows

    n_rows, n_items = len(rows), len(items.vectors)
    if n_rows > 1 and allowed is not None and allowed.ndim == 1 and allowed.mean() < _FEW_ALLOWED:
        items, allowed = items.only(allowed), None
    found = no_items(n_rows, k)
    n = min(k, n_items)
    best, values = np.empty((n_rows, n), np.int32), np.empty((n_rows, n))
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    sides = (rows, rows.astype(np.float32), lengths, starts)
    catalogue = (items.vectors, items.sorted32, items.order, items.ranks, items.lengths)
    mask, out = mask_rows(allowed, n_items), blocked_rows(blocked)
    kept, error = min(k + _SPARE, n_items), product_error(rows.shape[1])

    def work(start: int, stop: int) -> None:
        top_of_rows(*sides, *catalogue, mask, *out, kept, error, best, values, start, stop)

    few = n_rows * n_items * rows.shape[1] < _MANY_PRODUCTS
    n_threads = 1 if few else n_threads
    run_in_parts(work, part_bounds(np.ones(n_rows, dtype=np.int64), n_threads), n_threads)
    found.items[:, :n], found.scores[:, :n] = best, values
    return found


def scores_of_factors(
    rows: NDArray[np.float64],
    items: ItemVectors,
    *,
    starts: NDArray[np.float64] | None = None,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Return the score of each row and item, as `top_of_factors` has it."""
    n_rows = len(rows)
    found = np.zeros((n_rows, len(items.vectors)))
    if starts is not None:
        found += starts[:, None]
    turned = plain_array(items.vectors.T, np.float64)
    if not uses_numba(engine, "scores_of_factors"):
        numpy_scores(rows, turned, found)
        return found
    from userportrait.recommend._factors_top_numba import ordered_scores

    whole = plain_array(rows, np.float64)

    def work(start: int, stop: int) -> None:
        ordered_scores(whole, turned, found, start, stop)

    n_threads = thread_count(n_jobs) if found.size >= _MANY_PRODUCTS else 1
    run_in_parts(work, part_bounds(np.ones(n_rows, dtype=np.int64), n_threads), n_threads)
    return found
