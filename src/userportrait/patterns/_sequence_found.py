"""Patterns while they are found: growing arrays, and the threshold of the best k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequence_steps import Steps

__all__ = ["Best", "Found", "item_totals"]


class Found:
    """Patterns as a tree: parent, item, whether the item begins a step, customers, totals."""

    bytes_each = 13
    """Of one pattern in the result."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._n = 0

    @classmethod
    def of_items(cls, steps: Steps, weights: NDArray[np.int64] | None) -> Found:
        """Return the patterns of one item."""
        found = cls()
        items = np.arange(steps.n_items)
        totals = None if weights is None else item_totals(steps, weights)
        found.add(np.full(steps.n_items, -1), items, True, steps.counts, totals)
        return found

    def add(
        self,
        parent: NDArray[np.signedinteger],
        item: NDArray[np.integer],
        is_new: bool | NDArray[np.bool_],
        count: NDArray[np.signedinteger],
        total: NDArray[np.int64] | None,
    ) -> NDArray[np.int64]:
        """Note patterns and return their numbers."""
        n = len(parent)
        totals = np.zeros(0, dtype=np.int64) if total is None else total
        starts = np.full(n, is_new) if isinstance(is_new, bool) else is_new
        narrow = parent.astype(np.int32, copy=False), item.astype(np.int32, copy=False)
        self._parts.append((*narrow, starts, count, totals))
        numbers = np.arange(self._n, self._n + n, dtype=np.int64)
        self._n += n
        return numbers

    def __len__(self) -> int:
        return self._n

    @property
    def nbytes(self) -> int:
        """Bytes of the result."""
        return self.bytes_each * self._n

    def arrays(
        self,
    ) -> tuple[
        NDArray[np.int32],
        NDArray[np.int32],
        NDArray[np.bool_],
        NDArray[np.int64],
        NDArray[np.int64] | None,
    ]:
        """Return parent, item, is_new, count and totals of all."""
        parent, item, is_new, count, total = (
            np.concatenate(column) for column in zip(*self._parts, strict=True)
        )
        return parent, item, is_new, count, total if len(total) == self._n else None


class Best:
    """The threshold below which a pattern cannot be among the k most frequent."""

    def __init__(self, min_count: int, top_k: int | None) -> None:
        self.min_count = min_count
        self._top_k = top_k
        self._best = np.empty(0, dtype=np.int64)

    def add(self, counts: NDArray[np.signedinteger]) -> None:
        """Look at the counts of further patterns."""
        k = self._top_k
        if k is None or not len(counts):
            return
        best = np.sort(np.concatenate([self._best, counts]))[-k:]
        self._best = best
        if len(best) == k:
            self.min_count = max(self.min_count, int(best[0]))


def item_totals(steps: Steps, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the summed weights of each item's customers."""
    owner = steps.customer[steps.step[steps.entries_by_item]]
    item = np.repeat(np.arange(steps.n_items), np.diff(steps.item_starts))
    new = steps.is_first
    totals = np.zeros(steps.n_items, dtype=np.int64)
    np.add.at(totals, item[new], weights[owner[new]])
    return totals
