"""The best items of each row of factors, with NumPy: products in blocks, longest items first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._top import Top, no_items, top_of_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._factors_top import ItemVectors
    from userportrait.recommend._interactions import Matrix

__all__ = ["numpy_scores", "numpy_top", "product_error"]

_ROWS = 512
_WIDTH = 2048


def product_error(n_factors: int) -> float:
    """Return how far a product of float32 may be off, times the lengths of both sides."""
    return (n_factors + 4) * float(np.finfo(np.float32).eps)


def numpy_scores(
    rows: NDArray[np.float64], turned: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Add the product of rows and items to `out`, in the order of the factors.

    BLAS would be faster, and would give other last bits for other numbers of rows.
    """
    n_items = turned.shape[1]
    step = max(1, _WIDTH * 16 // max(1, min(_WIDTH, n_items)))
    space = np.empty((step, min(_WIDTH, n_items)))
    for first in range(0, len(rows), step):
        chosen = rows[first : first + step]
        for low in range(0, n_items, _WIDTH):
            part = out[first : first + step, low : low + _WIDTH]
            product = space[: part.shape[0], : part.shape[1]]
            for d in range(len(turned)):
                np.multiply(chosen[:, d, None], turned[d, low : low + _WIDTH], out=product)
                part += product


def numpy_top(
    rows: NDArray[np.float64],
    items: ItemVectors,
    k: int,
    n_spare: int,
    starts: NDArray[np.float64],
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
) -> Top:
    """Return the k items of the largest product with each row; see `top_of_factors`."""
    n_rows = len(rows)
    found = no_items(n_rows, k)
    for first in range(0, n_rows, _ROWS):
        part = slice(first, first + _ROWS)
        mask = allowed if allowed is None or allowed.ndim == 1 else allowed[part]
        out = None if blocked is None else blocked[part]
        block = _Block(rows[part], items, starts[part], mask, out)
        top = block.best(k, k + n_spare)
        found.items[part], found.scores[part] = top.items, top.scores
    return found


class _Block:
    """Some rows, and what may be recommended to them."""

    def __init__(
        self,
        rows: NDArray[np.float64],
        items: ItemVectors,
        starts: NDArray[np.float64],
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> None:
        self._rows, self._items, self._starts = rows, items, starts
        self._lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        self._open = np.ones((1, len(items.vectors)), dtype=bool)
        if allowed is not None:
            self._open = np.atleast_2d(allowed)
        if blocked is not None:
            self._open = np.broadcast_to(self._open, (len(rows), self._open.shape[1])).copy()
            row = np.repeat(np.arange(len(rows)), np.diff(blocked.indptr))
            self._open[row, blocked.indices] = False

    def best(self, k: int, n_kept: int) -> Top:
        """Return the k best of each row, from `n_kept` candidates where these leave no doubt."""
        row, place, limit = self._candidates(n_kept)
        item = self._items.order[place]
        n_rows = len(self._rows)
        found = top_of_pairs(row, item, self._scores(row, item), n_rows, k)
        error = product_error(self._rows.shape[1])
        margin = error * self._lengths * self._items.lengths[0] + 1e-12 * np.abs(self._starts)
        doubt = ~(found.scores[:, -1] > self._starts + limit + margin) & (limit > -np.inf)
        for one in np.flatnonzero(doubt).tolist():
            every = np.flatnonzero(self._open[one if len(self._open) > 1 else 0])
            scores = self._scores(np.full(len(every), one), every)
            exact = top_of_pairs(np.zeros(len(every), np.intp), every, scores, 1, k)
            found.items[one], found.scores[one] = exact.items[0], exact.scores[0]
        return found

    def _candidates(
        self, n_kept: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Return rows and places in the order of items, and the worst value of full rows."""
        n_rows, items = len(self._rows), self._items
        rows32 = self._rows.astype(np.float32)
        values = np.full((n_rows, n_kept), -np.inf, dtype=np.float32)
        places = np.zeros((n_rows, n_kept), dtype=np.intp)
        active = np.arange(n_rows)
        for low in range(0, len(items.order), _WIDTH):
            limit = values[active].min(axis=1)
            reach = self._lengths[active] * items.lengths[low] * (1.0 + 1e-5)
            active = active[~(reach < limit)]
            if not len(active):
                break
            part = slice(low, low + _WIDTH)
            rough = rows32[active] @ items.sorted32[part].T
            order = items.order[part]
            mask = self._open[:, order] if len(self._open) == 1 else self._open[active][:, order]
            rough = np.where(mask, rough, np.float32(-np.inf))
            width = rough.shape[1]
            here: NDArray[Any] = np.arange(low, low + int(width))
            joined = np.concatenate([values[active], rough], axis=1)
            where = np.concatenate(
                [places[active], np.broadcast_to(here, (len(active), width))], axis=1
            )
            kept = np.argpartition(joined, width, axis=1)[:, width:]
            values[active] = np.take_along_axis(joined, kept, axis=1)
            places[active] = np.take_along_axis(where, kept, axis=1)
        row, column = np.nonzero(values > -np.inf)
        return row, places[row, column], values.min(axis=1).astype(np.float64)

    def _scores(self, row: NDArray[np.intp], item: NDArray[Any]) -> NDArray[np.float64]:
        """Add up the product of each pair in the order of the factors."""
        total = self._starts[row]
        for d in range(self._rows.shape[1]):
            total += self._rows[row, d] * self._items.vectors[item, d]
        return total
