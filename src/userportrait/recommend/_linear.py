"""What linear models share: weights of interactions, dense item weights, exact sums for lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.params import OneOf
from userportrait.recommend._base_reasons import best_of_each, spread_history
from userportrait.recommend._interactions import csr
from userportrait.recommend._top import Top, top_of_pairs, top_of_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

    Rescore: TypeAlias = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]
    Columns: TypeAlias = Callable[[NDArray[np.intp]], NDArray[Any]]

__all__ = [
    "WEIGHTING_RULE",
    "Weighting",
    "column_sums",
    "dense_pair_sums",
    "dense_scores",
    "exact_top",
    "main_items_by_column",
    "power",
    "row_numbers",
    "row_sums",
    "weighted",
]

Weighting: TypeAlias = Literal["binary", "raw", "log"]
WEIGHTING_RULE = OneOf(("binary", "log", "raw"))

_MARGIN = 20
_CHUNK = 2**22  # numbers laid end to end at a time


def weighted(matrix: Matrix, weighting: Weighting) -> Matrix:
    """Return interactions as a model takes them: 1, the weight, or log(1 + weight)."""
    data: NDArray[np.float64] = np.asarray(matrix.data, dtype=np.float64)
    if weighting == "binary":
        data = np.ones(len(data))
    elif weighting == "log":
        data = np.log1p(data)
    return csr(data, matrix.indices, matrix.indptr, matrix.shape)


def row_numbers(matrix: Matrix) -> NDArray[np.intp]:
    """Return the row of each entry."""
    sizes: NDArray[np.intp] = np.diff(matrix.indptr)
    return np.repeat(np.arange(len(sizes)), sizes)


def row_sums(matrix: Matrix) -> NDArray[np.float64]:
    """Return the sum of each row, in the order of its entries."""
    found: Any = np.bincount(row_numbers(matrix), weights=matrix.data, minlength=matrix.shape[0])
    return np.asarray(found, dtype=np.float64)


def column_sums(matrix: Matrix) -> NDArray[np.float64]:
    """Return the sum of each column; entries are added in the order of rows."""
    found: Any = np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1])
    return np.asarray(found, dtype=np.float64)


def power(sums: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return powers of sums; 0 where there is nothing."""
    found = np.zeros(len(sums))
    inside = sums > 0
    found[inside] = sums[inside] ** exponent
    return found


def dense_scores(history: Matrix, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows times a dense matrix.

    Each row is summed in the order of its items, so it does not depend on the other rows.
    """
    narrow = csr(history.data.astype(np.float32), history.indices, history.indptr, history.shape)
    found: NDArray[np.float32] = narrow @ weights
    return found


def dense_pair_sums(
    history: Matrix, weights: NDArray[Any], row: NDArray[np.intp], item: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return single entries of rows times a dense matrix, summed in float64 in item order."""
    found = np.empty(len(row))
    for low, high in _chunks(np.diff(history.indptr)[row]):
        place, ends = spread_history(history, row[low:high])
        target = np.repeat(np.arange(high - low), np.diff(ends))
        values = weights[history.indices[place], item[low:high][target]] * history.data[place]
        found[low:high] = np.bincount(target, weights=values, minlength=high - low)
    return found


def exact_top(
    scores: NDArray[Any],
    rescore: Rescore,
    k: int,
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
    *,
    positive_only: bool = False,
) -> Top:
    """Return the k best of each row: chosen by approximate scores, ordered by exact ones.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows, n_items)
        They may differ from the exact ones by rounding only.
    rescore : callable
        Gives the exact scores of rows and items.
    k : int
    allowed, blocked
        As in `Recommender._top`.
    positive_only : bool, default=False
        Whether scores of 0 and below are left out.
    """
    n_rows = len(scores)
    found = top_of_scores(scores, k + _MARGIN, allowed=allowed, blocked=blocked).items
    row, place = np.nonzero(found >= 0)
    item = found[row, place].astype(np.intp)
    exact = rescore(row, item)
    if positive_only:
        exact = np.where(exact > 0, exact, -np.inf)
    return top_of_pairs(row, item, exact, n_rows, k)


def main_items_by_column(
    columns: Columns,
    history: Matrix,
    row: NDArray[np.intp],
    item: NDArray[Any],
    block: int = 256,
) -> NDArray[np.intp]:
    """Return the item of the history that adds most to each pair, -1 for none.

    Parameters
    ----------
    columns : callable
        Gives columns of the item weights, shape (n_items, number asked for).
    history : csr_array of float64
        As the model weights it.
    row, item : ndarray of int, shape (n_pairs,)
    block : int, default=256
        Columns asked for at a time.
    """
    found = np.full(len(row), -1, dtype=np.intp)
    order = np.argsort(item, kind="stable")
    distinct, starts = np.unique(item[order], return_index=True)
    bounds = np.r_[starts, len(order)]
    for low in range(0, len(distinct), block):
        chosen = distinct[low : low + block]
        table = columns(chosen.astype(np.intp))
        pairs = order[bounds[low] : bounds[low + len(chosen)]]
        at = np.searchsorted(chosen, item[pairs])
        sizes = np.diff(history.indptr)[row[pairs]]
        for first, last in _chunks(sizes):
            part = pairs[first:last]
            place, ends = spread_history(history, row[part])
            column = np.repeat(at[first:last], np.diff(ends))
            codes = history.indices[place]
            best = best_of_each(table[codes, column] * history.data[place], ends)
            told = best >= 0
            found[part[told]] = codes[best[told]]
    return found


def _chunks(sizes: NDArray[Any]) -> list[tuple[int, int]]:
    """Cut a list into parts of not too many numbers in all."""
    if not len(sizes):
        return []
    total = np.cumsum(sizes)
    cuts = np.searchsorted(total, np.arange(_CHUNK, int(total[-1]), _CHUNK), side="right")
    bounds = np.unique(np.r_[0, cuts, len(sizes)])
    return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
