"""The k best items of each row: equal scores go by item order, whoever computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["Top", "block_rows", "drop_blocked", "no_items", "top_of_pairs", "top_of_scores"]

_BLOCK_BYTES = 32 * 2**20


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
        row = np.repeat(np.arange(blocked.shape[0]), np.diff(blocked.indptr))
        scores[row, blocked.indices] = -np.inf


def top_of_scores(scores: NDArray[Any], k: int) -> Top:
    """Return the k best of each row of scores; minus infinity and NaN are left out.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows, n_items)
    k : int
    """
    n_rows, n_items = scores.shape
    found = no_items(n_rows, k)
    if n_items == 0 or n_rows == 0:
        return found
    clean = np.where(np.isnan(scores), -np.inf, scores)
    n = min(k, n_items)
    limit = np.partition(clean, n_items - n, axis=1)[:, n_items - n]
    for row in range(n_rows):
        values = clean[row]
        chosen = np.flatnonzero(values >= limit[row]) if n < n_items else np.arange(n_items)
        chosen = chosen[values[chosen] > -np.inf]
        best = chosen[np.argsort(-values[chosen], kind="stable")[:n]]
        found.items[row, : len(best)] = best
        found.scores[row, : len(best)] = values[best]
    return found


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
