"""Which items can be among the best of one customer, told from numbers of one byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._engines import plain_array
from userportrait.recommend._top import blocked_rows, mask_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["CoarseItems"]

_BLOCK = 4096
_LARGEST = 127
_ROUNDING = 2e-7  # of a sum in float32, for each term


class CoarseItems:
    """Vectors of items in bytes, and how far each is from what it stands for.

    A product with one vector reads all items once, so it takes as long as the memory does. Bytes
    are a quarter of float32. By Cauchy and Schwarz a product is off by no more than the error of
    the item times the length of the vector, so no item that belongs to the best is missed.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_items, n)
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        n_items, n = vectors.shape
        self._values: NDArray[np.int8] = np.empty((n_items, n), dtype=np.int8)
        self._step: NDArray[np.float32] = np.empty(n_items, dtype=np.float32)
        self._error: NDArray[np.float64] = np.empty(n_items)
        for start in range(0, n_items, _BLOCK):
            rows = slice(start, start + _BLOCK)
            block = vectors[rows]
            step = np.abs(block).max(axis=1, initial=0.0) / np.float32(_LARGEST)
            step[step == 0] = 1.0
            rounded: NDArray[np.float32] = np.rint(block / step[:, None])
            apart = (block - rounded * step[:, None]).astype(np.float64)
            whole = block.astype(np.float64)
            error: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
            error += _ROUNDING * n * np.sqrt(np.einsum("ij,ij->i", whole, whole))
            self._values[rows], self._step[rows], self._error[rows] = rounded, step, error

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
        from userportrait.recommend._graph_filter_numba import likely_items

        n_rows, n_items = starts.shape
        mask, (ends, out) = mask_rows(allowed, n_items), blocked_rows(blocked)
        length: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        narrow = plain_array(vectors, np.float32)
        items: list[NDArray[Any]] = []
        for row in range(n_rows):
            found = np.empty(n_items, dtype=np.int64)
            own = mask[row] if len(mask) > 1 else mask[0] if len(mask) else mask.ravel()
            hidden = out[ends[row] : ends[row + 1]] if blocked is not None else out
            given = (self._values, self._step, self._error, narrow[row], length[row])
            n_found = likely_items(*given, starts[row], min(k, n_items), own, hidden, found)
            items.append(found[:n_found])
        sizes = [len(part) for part in items]
        return np.repeat(np.arange(n_rows), sizes), np.concatenate(items).astype(np.intp)
