"""The k best items of each row: equal scores go by item order, whoever computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

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

__all__ = [
    "Top",
    "block_rows",
    "blocked_rows",
    "drop_blocked",
    "mask_rows",
    "no_items",
    "top_of_pairs",
    "top_of_scores",
]

_BLOCK_BYTES = 32 * 2**20
_FEW_SCORES = 2**14  # below, NumPy answers before numba has been imported
_MANY_SCORES = 2**21  # from here on, threads pay


class Top(NamedTuple):
    """The best items of each row, best first.

    Parameters
    ----------
    items : ndarray of int32, shape (n_rows, k)
        Positions of items; -1 where there are no more.
    scores : ndarray of float64, shape (n_rows, k)
        0 where there are no more items.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float64]


def block_rows(n_items: int, itemsize: int = 8) -> int:
    """Return how many rows of scores are worked on at a time."""
    return max(1, min(1024, _BLOCK_BYTES // max(1, n_items * itemsize)))


def no_items(n_rows: int, k: int) -> Top:
    """Return empty lists."""
    return Top(np.full((n_rows, k), -1, dtype=np.int32), np.zeros((n_rows, k)))


def drop_blocked(scores: NDArray[Any], blocked: Matrix | None) -> None:
    """Set the scores of blocked items to minus infinity, in place."""
    if blocked is not None:
        sizes: NDArray[np.intp] = np.diff(blocked.indptr)
        scores[np.repeat(np.arange(len(sizes)), sizes), blocked.indices] = -np.inf


def mask_rows(allowed: NDArray[np.bool_] | None, n_items: int) -> NDArray[np.bool_]:
    """Return a mask for compiled code: no row if everything is allowed, one, or one for each."""
    if allowed is None:
        return np.ones((0, n_items), dtype=np.bool_)
    return plain_array(np.atleast_2d(allowed), np.bool_)


def blocked_rows(blocked: Matrix | None) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return blocked items for compiled code: where each row starts, and the items."""
    if blocked is None:
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    return plain_array(blocked.indptr, np.int64), plain_array(blocked.indices, np.int32)


def top_of_scores(
    scores: NDArray[Any],
    k: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    blocked: Matrix | None = None,
    positive_only: bool = False,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> Top:
    """Return the k best of each row of scores; minus infinity and NaN are left out.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows, n_items)
        Not changed.
    k : int
    allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
        By default everything.
    blocked : csr_array, shape (n_rows, n_items), optional
        Items of each row that must not come.
    positive_only : bool, default=False
        Whether scores of 0 and below are left out.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
    n_jobs : int, optional
        Threads of the compiled code; by default one for each processor.
    """
    n_rows, n_items = scores.shape
    if n_items == 0 or n_rows == 0:
        return no_items(n_rows, k)
    floor = 0.0 if positive_only else -np.inf
    few = engine == "auto" and scores.size < _FEW_SCORES
    if few or not uses_numba(engine, "top_of_scores"):
        return _numpy_top(scores, k, floor, allowed, blocked)
    from userportrait.recommend._top_numba import top_rows

    dtype = np.float32 if scores.dtype == np.float32 else np.float64
    given = plain_array(scores, dtype)
    n = min(k, n_items)
    items = np.empty((n_rows, n), dtype=np.int32)
    values = np.empty((n_rows, n))
    mask, (blocked_ptr, out) = mask_rows(allowed, n_items), blocked_rows(blocked)

    def work(start: int, stop: int) -> None:
        top_rows(given, n, floor, mask, blocked_ptr, out, items, values, start, stop)

    n_threads = thread_count(n_jobs) if scores.size >= _MANY_SCORES else 1
    run_in_parts(work, part_bounds(np.ones(len(scores), dtype=np.int64), n_threads), n_threads)
    return _widened(Top(items, values), k)


def _widened(top: Top, k: int) -> Top:
    """Return lists of k places; the last ones are empty where there are fewer items."""
    n_rows, n = top.items.shape
    if n == k:
        return top
    found = no_items(n_rows, k)
    found.items[:, :n] = top.items
    found.scores[:, :n] = top.scores
    return found


def _numpy_top(
    scores: NDArray[Any],
    k: int,
    floor: float,
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
) -> Top:
    n_rows, n_items = scores.shape
    with np.errstate(invalid="ignore"):
        clean = np.where(scores > floor, scores, -np.inf)  # NaN is not above anything
    if allowed is not None:
        clean[~np.broadcast_to(allowed, clean.shape)] = -np.inf
    drop_blocked(clean, blocked)
    n = min(k, n_items)
    inside = clean > -np.inf
    if n < n_items:
        limit = np.partition(clean, n_items - n, axis=1)[:, n_items - n]
        inside &= clean >= limit[:, None]
    row, item = np.nonzero(inside)
    return top_of_pairs(row, item, clean[row, item].astype(np.float64), n_rows, k)


def top_of_pairs(
    row: NDArray[Any], item: NDArray[Any], score: NDArray[np.float64], n_rows: int, k: int
) -> Top:
    """Return the k best of each row, of pairs in any order; minus infinity is left out."""
    keep = score > -np.inf
    row, item, score = row[keep], item[keep], score[keep]
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    starts = np.searchsorted(row, np.arange(n_rows))
    place = np.arange(len(row)) - starts[row]
    inside = place < k
    found = no_items(n_rows, k)
    found.items[row[inside], place[inside]] = item[inside]
    found.scores[row[inside], place[inside]] = score[inside]
    return found
