"""Which items can be among the best of one customer, told from numbers of one byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._top import blocked_rows, mask_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["CoarseItems"]

_BLOCK = 4096
_LARGEST = 127
_PLACES = 64  # rows of bytes are as long as a multiple of this, as processors read them
_LARGEST_SUM = 2**31 - 1
_ROUNDING = 1e-6  # of vectors in float32, and of their sums


class CoarseItems:
    """Vectors of items in bytes, and how far each is from what it stands for.

    A product with one vector reads all items once, so it takes as long as the memory does. Bytes
    are a quarter of float32. By Cauchy and Schwarz a product is off by no more than the errors of
    both times the lengths of the others, so no item that belongs to the best is missed.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_items, n)
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        n_items, n = vectors.shape
        self._n = n
        self._width = -(-n // _PLACES) * _PLACES
        self._values: NDArray[np.int8] = np.zeros((n_items, self._width), dtype=np.int8)
        self._step, self._error = np.empty(n_items), np.empty(n_items)
        length: Any = np.empty(n_items)
        self._length: NDArray[np.float64] = length
        for start in range(0, n_items, _BLOCK):
            rows = slice(start, start + _BLOCK)
            block: Any = vectors[rows].astype(np.float64)
            step: Any = np.abs(block).max(axis=1, initial=0.0) / _LARGEST
            step[step == 0] = 1.0
            rounded: Any = np.rint(block / step[:, None])
            self._values[rows, :n], self._step[rows] = rounded, step
            rounded *= step[:, None]
            length[rows] = _lengths(rounded)
            self._error[rows] = _lengths(block - rounded) + _ROUNDING * _lengths(block)

    def likely(
        self,
        starts: NDArray[np.float64],
        vectors: NDArray[np.float64],
        k: int,
        allowed: NDArray[np.bool_] | None,
        blocked: Matrix | None,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return pairs of rows and items; the k best with a score above 0 are among them.

        Parameters
        ----------
        starts : ndarray of float64, shape (n_rows, n_items)
            What is added to the products.
        vectors : ndarray of float64, shape (n_rows, n)
        k : int
        allowed, blocked
            As in `top_of_scores`.
        """
        from userportrait.recommend._graph_filter_numba import byte_scores, likely_items

        n_rows, n_items = starts.shape
        mask, (ends, out) = mask_rows(allowed, n_items), blocked_rows(blocked)
        found, score = np.empty(n_items, dtype=np.int64), np.empty(n_items)
        items: list[NDArray[Any]] = []
        for row in range(n_rows):
            narrow, unit, apart = self._narrow(vectors[row])
            byte_scores(self._values, self._step, narrow, unit, starts[row], score)
            bounds = (self._length, self._error, float(_lengths(vectors[row : row + 1])[0]), apart)
            own = mask[row] if len(mask) > 1 else mask.ravel()
            hidden = out[ends[row] : ends[row + 1]] if blocked is not None else out
            n_found = likely_items(score, *bounds, min(k, n_items), own, hidden, found)
            items.append(found[:n_found].copy())
        sizes = np.array([len(part) for part in items], dtype=np.intp)
        every = np.arange(len(starts))
        place: NDArray[np.intp] = np.repeat(every, sizes)
        return place, np.concatenate(items).astype(np.intp)

    def _narrow(self, vector: NDArray[np.float64]) -> tuple[NDArray[np.int16], float, float]:
        """Return a vector in int16, what 1 stands for, and how far it is from the vector."""
        largest = min(2**15 - 1, _LARGEST_SUM // (_LARGEST * self._width))
        step = float(np.abs(vector).max(initial=0.0)) / largest or 1.0
        rounded: Any = np.rint(vector / step)
        found: Any = np.zeros(self._width, dtype=np.int16)
        found[: self._n] = rounded
        return found, step, float(_lengths((vector - rounded * step)[None])[0])


def _lengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return found
