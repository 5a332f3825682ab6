"""Depth-first search for itemsets in blocks: bitmaps of many sets met at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_cores import Cores, n_subsets
from userportrait.patterns._numpy_recode import ramps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch

__all__ = ["NODE_BYTES", "Search", "Siblings", "Stopped"]

_CHUNK_WORDS = 1 << 16  # words met at once: what stays in a processor's own memory
_KEPT_WORDS = 1 << 20  # words of one level kept before the search goes deeper
NODE_BYTES = 12


class Stopped(Exception):
    """The budget is used up."""


@dataclass(slots=True)
class Siblings:
    """Itemsets of one length; those that differ in the last item only stand together.

    Parameters
    ----------
    core, item, count : ndarray of int64 of shape (n,)
        Number among the cores, last item, baskets.
    right : ndarray of int64 of shape (n,)
        Siblings that come after.
    n_free : ndarray of int64 of shape (n,)
        Items set aside for those that the itemset starts with.
    bits : ndarray of uint64 of shape (n, n_words)
        Baskets with the itemset, among those of its first item.
    scale : ndarray of int64 of shape (n, n_words), optional
        What a bit of each word counts for; None if one.
    """

    core: NDArray[np.int64]
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    right: NDArray[np.int64]
    n_free: NDArray[np.int64]
    bits: NDArray[np.uint64]
    scale: NDArray[np.int64] | None = None

    def take(self, places: slice | NDArray[np.int64]) -> Siblings:
        """Return some of them."""
        scale = None if self.scale is None else self.scale[places]
        columns = (self.core, self.item, self.count, self.right, self.n_free, self.bits)
        return Siblings(*(column[places] for column in columns), scale)

    @classmethod
    def joined(cls, parts: list[Siblings]) -> Siblings:
        """Return all of several in one."""
        if len(parts) == 1:
            return parts[0]
        scale = None
        if parts[0].scale is not None:
            scale = np.concatenate([p.scale for p in parts if p.scale is not None])
        return cls(
            np.concatenate([p.core for p in parts]),
            np.concatenate([p.item for p in parts]),
            np.concatenate([p.count for p in parts]),
            np.concatenate([p.right for p in parts]),
            np.concatenate([p.n_free for p in parts]),
            np.concatenate([p.bits for p in parts]),
            scale,
        )


class Search:
    """Finds the cores of all itemsets that `min_count` baskets have."""

    def __init__(self, *, min_count: int, longest: int | None, watch: Watch) -> None:
        self.cores = Cores()
        self.n_itemsets = 0.0
        self.share = 0.0
        self.min_count = min_count
        self._longest = longest
        self._watch = watch

    def ask(self) -> None:
        """Raise `Stopped` with the reason if the budget is used up."""
        n_itemsets = int(min(self.n_itemsets, 2.0**62))
        reason = self._watch.stop(n_itemsets, n_itemsets * NODE_BYTES, self.share)
        if reason:
            raise Stopped(reason)

    def may_grow(self, depth: int) -> bool:
        """Return whether itemsets of `depth` items may have one more."""
        return self._longest is None or depth < self._longest

    def tally(self, n_free: NDArray[np.int64], depth: int) -> None:
        """Count the itemsets that cores with so many free items stand for."""
        if not len(n_free):
            return
        times = np.bincount(n_free)
        rest = None if self._longest is None else self._longest - depth
        for size in np.flatnonzero(times):
            self.n_itemsets += int(times[size]) * n_subsets(int(size), rest)

    def deepen(self, level: Siblings, depth: int) -> None:
        """Find all itemsets that start with those of a level of `depth` items."""
        words = level.bits.shape[1]
        reach = np.cumsum(level.right)
        step = max(1, _CHUNK_WORDS // words)
        waiting: list[Siblings] = []
        n_waiting = low = 0
        while low < len(reach):
            before = int(reach[low - 1]) if low else 0
            high = max(low + 1, int(np.searchsorted(reach, before + step, "right")))
            children = self._meet(level, low, high, depth)
            self.ask()
            low = high
            if children is None:
                continue
            waiting.append(children)
            n_waiting += children.bits.size
            if n_waiting > _KEPT_WORDS and low < len(reach):
                self.deepen(Siblings.joined(waiting), depth + 1)
                waiting, n_waiting = [], 0
        if waiting:
            del level
            self.deepen(Siblings.joined(waiting), depth + 1)

    def _meet(self, level: Siblings, low: int, high: int, depth: int) -> Siblings | None:
        """Join each sibling with those after it; return what may be joined further."""
        right = level.right[low:high]
        first = np.repeat(np.arange(low, high), right)
        second = ramps(right, np.arange(low + 1, high + 1))
        met = level.bits.take(first, axis=0)
        met &= level.bits.take(second, axis=0)
        count = _popcounts(met, None if level.scale is None else level.scale[first])
        free = count == level.count[first]
        n_free = level.n_free[low:high]
        if free.any():
            aside = np.flatnonzero(free)
            self.cores.set_aside(level.core[first[aside]], level.item[second[aside]])
            n_free = n_free + np.bincount(first[aside] - low, minlength=high - low)
        self.tally(n_free, depth)
        kept = np.flatnonzero((count >= self.min_count) & ~free)
        first = first[kept]
        item, count = level.item[second[kept]], count[kept]
        core = self.cores.add(level.core[first], item, count, depth + 1)
        n_free = n_free[first - low]
        size = np.bincount(first - low, minlength=high - low)
        after = np.cumsum(size)[first - low] - 1 - np.arange(len(first))
        grows = size[first - low] > 1
        if not self.may_grow(depth + 1):
            grows[:] = False
        self.tally(n_free[~grows], depth + 1)
        if not grows.any():
            return None
        some = np.flatnonzero(grows)
        scale = None if level.scale is None else level.scale[first[some]]
        columns = (core[some], item[some], count[some], after[some], n_free[some])
        return Siblings(*columns, met[kept[some]], scale)


def _popcounts(met: NDArray[np.uint64], scale: NDArray[np.int64] | None) -> NDArray[np.int64]:
    ones = np.bitwise_count(met)
    if scale is not None:
        return np.einsum("ij,ij->i", ones, scale, dtype=np.int64)
    if ones.shape[1] == 1:
        return ones[:, 0].astype(np.int64)
    return ones.sum(axis=1, dtype=np.int64)
