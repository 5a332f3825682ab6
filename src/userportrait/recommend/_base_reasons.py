"""Which past item speaks most for a recommended one, for many pairs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from userportrait.recommend._interactions import row_sizes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["Spread", "because_of", "best_of_each", "main_items", "spread_history"]


class Spread(Protocol):
    """What each item of one history adds to the score of an item; None if unknown."""

    def __call__(
        self, items: NDArray[np.intp], weights: NDArray[np.float64], known: int, item: int
    ) -> NDArray[np.float64] | None:
        """Return one number for each item of the history."""
        ...


def spread_history(
    history: Matrix, row: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Lay the histories of pairs end to end.

    Parameters
    ----------
    history : csr_array
    row : ndarray of int, shape (n_pairs,)
        The row of each pair.

    Returns
    -------
    place : ndarray of int
        Positions in ``history.indices`` and ``history.data``, pair by pair.
    ends : ndarray of int, shape (n_pairs + 1,)
        Where each pair's part starts and ends.
    """
    starts: NDArray[np.intp] = history.indptr[row].astype(np.intp)
    sizes = row_sizes(history)[row]
    ends = np.zeros(len(row) + 1, dtype=np.intp)
    np.cumsum(sizes, out=ends[1:])
    place: NDArray[np.intp] = np.arange(int(ends[-1])) + np.repeat(starts - ends[:-1], sizes)
    return place, ends


def best_of_each(values: NDArray[Any], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where the largest value of each part stands, -1 if none is above 0.

    Of equal values the first counts.

    Parameters
    ----------
    values : ndarray of float
        Parts laid end to end.
    ends : ndarray of int, shape (n_parts + 1,)
    """
    found = np.full(len(ends) - 1, -1, dtype=np.intp)
    filled = np.flatnonzero(np.diff(ends))
    if not len(filled):
        return found
    most = np.maximum.reduceat(values, ends[filled])
    part = np.repeat(np.arange(len(filled)), np.diff(ends)[filled])
    hits = np.flatnonzero((values == most[part]) & (values > 0))
    found[filled[part[hits[::-1]]]] = hits[::-1]  # the first one is written last
    return found


def main_items(
    contributions: Spread,
    history: Matrix,
    known: NDArray[np.intp],
    row: NDArray[np.intp],
    item: NDArray[Any],
) -> NDArray[np.intp]:
    """Return the item of the history that speaks most for each pair, -1 for none."""
    found = np.full(len(row), -1, dtype=np.intp)
    indptr, indices = history.indptr.tolist(), history.indices.astype(np.intp, copy=False)
    wanted = zip(row.tolist(), known[row].tolist(), item.tolist(), strict=True)
    for place, (r, customer, column) in enumerate(wanted):
        codes = indices[indptr[r] : indptr[r + 1]]
        if not len(codes):
            continue
        weights = history.data[indptr[r] : indptr[r + 1]]
        given = contributions(codes, weights, customer, column)
        if given is None:
            break
        best = int(given.argmax())
        if given[best] > 0:
            found[place] = codes[best]
    return found


def because_of(
    main: NDArray[np.intp], names: Callable[[NDArray[np.intp]], NDArray[Any]], otherwise: str
) -> NDArray[Any]:
    """Return a text for each main item; each name is made once."""
    found = np.full(len(main), otherwise, dtype=object)
    told = main >= 0
    if told.any():
        there = np.zeros(int(main.max()) + 1, dtype=bool)
        there[main[told]] = True
        used = np.flatnonzero(there)
        texts = np.empty(len(there), dtype=object)
        texts[used] = [f"because of {name}" for name in names(used).tolist()]
        found[told] = texts[main[told]]
    return found
