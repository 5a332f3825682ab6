"""Depth-first search for itemsets in blocks: bitmaps of many sets met at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_bits import popcounts
from userportrait.patterns._numpy_cores import Cores, n_subsets
from userportrait.patterns._numpy_recode import ramps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._numpy_bits import Stamps

__all__ = ["NODE_BYTES", "PairFilter", "Search", "Siblings", "Stopped"]

NODE_BYTES = 12
_CHUNK_PAIRS = 1 << 16  # pairs looked at together
_CHUNK_WORDS = 1 << 16  # words met at once: what stays in a processor's own memory
_KEPT_WORDS = 1 << 19  # words of one level kept before the search goes deeper
_FILTER_CELLS = 1 << 24


class Stopped(Exception):
    """The budget is used up."""


class PairFilter:
    """Remembers frequent pairs; may take an infrequent pair for one, never the reverse."""

    def __init__(self, n_items: int) -> None:
        size = min(n_items * n_items, _FILTER_CELLS)
        self._n_items = n_items
        self._mask = (1 << max(size - 1, 1).bit_length()) - 1
        self._seen = np.zeros(self._mask + 1, dtype=np.bool_)

    def mark(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
        """Take pairs of ranks as frequent."""
        self._seen[(first * self._n_items + second) & self._mask] = True

    def passes(
        self, items: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.intp]:
        """Return where the items at `first` and `second` may be a frequent pair."""
        cell = (items * self._n_items)[first]
        cell += items[second]
        cell &= self._mask
        return np.flatnonzero(self._seen[cell])


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
    owner : ndarray of int64 of shape (n,)
        First item, counted from that of the block.
    """

    core: NDArray[np.int64]
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    right: NDArray[np.int64]
    n_free: NDArray[np.int64]
    owner: NDArray[np.int64]
    bits: NDArray[np.uint64]
    scale: NDArray[np.int64] | None = None

    @classmethod
    def joined(cls, parts: list[Siblings]) -> Siblings:
        """Return all of several in one."""
        if len(parts) == 1:
            return parts[0]
        scales = [part.scale for part in parts if part.scale is not None]
        return cls(
            np.concatenate([part.core for part in parts]),
            np.concatenate([part.item for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.right for part in parts]),
            np.concatenate([part.n_free for part in parts]),
            np.concatenate([part.owner for part in parts]),
            np.concatenate([part.bits for part in parts]),
            np.concatenate(scales) if scales else None,
        )


class Search:
    """Finds the cores of all itemsets that `min_count` baskets have."""

    def __init__(
        self,
        *,
        min_count: int,
        longest: int | None,
        watch: Watch,
        pairs: PairFilter | None = None,
        counts_free: bool = True,
        prunes: bool = False,
    ) -> None:
        self.cores = Cores()
        self.stamps: Stamps | None = None
        self.complete_below = 0
        self.n_itemsets = 0.0
        self.share = 0.0
        self.min_count = min_count
        self.pairs = pairs
        self._longest = longest
        self._counts_free = counts_free
        self._prunes = prunes
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
        if not self._counts_free or not n_free.any():
            self.n_itemsets += len(n_free)
            return
        times = np.bincount(n_free)
        rest = None if self._longest is None else self._longest - depth
        for size in np.flatnonzero(times):
            self.n_itemsets += int(times[size]) * n_subsets(int(size), rest)

    def deepen(self, level: Siblings, depth: int) -> None:
        """Find all itemsets that start with those of a level of `depth` items."""
        reach = np.cumsum(level.right)
        covered = np.zeros(len(reach), dtype=np.bool_)
        waiting: list[Siblings] = []
        n_waiting = low = 0
        while low < len(reach):
            before = int(reach[low - 1]) if low else 0
            high = max(low + 1, int(np.searchsorted(reach, before + _CHUNK_PAIRS, "right")))
            children = self._extend(level, low, high, depth, covered)
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

    def _extend(
        self, level: Siblings, low: int, high: int, depth: int, covered: NDArray[np.bool_]
    ) -> Siblings | None:
        """Join each sibling with those after it; return what may be joined further.

        Where only closed sets are wanted, a sibling all of whose baskets have an earlier one is
        `covered`: nothing that starts with it is closed.
        """
        right = level.right[low:high]
        first = np.repeat(np.arange(low, high), right)
        second = ramps(right, np.arange(low + 1, high + 1))
        if depth == 2 and self.pairs is not None:
            likely = self.pairs.passes(level.item, first, second)
            first, second = first[likely], second[likely]
        first, second, count, bits = self._met(level, first, second)
        free = count == level.count[first]
        n_free = level.n_free[low:high]
        if free.any():
            aside = first[free]
            self.cores.set_aside(level.core[aside], level.item[second[free]])
            n_free = n_free + np.bincount(aside - low, minlength=high - low)
            kept = np.flatnonzero(~free)
            first, second, count, bits = first[kept], second[kept], count[kept], bits[kept]
        if self._prunes:
            covered[second[count == level.count[second]]] = True
            kept = np.flatnonzero(~covered[first])
            first, second, count, bits = first[kept], second[kept], count[kept], bits[kept]
        self.tally(n_free, depth)
        item = level.item[second]
        owner = level.owner[first]
        stamps = None if self.stamps is None else self.stamps.sums(bits, owner)
        core = self.cores.add(level.core[first], item, count, depth + 1, stamps)
        if not len(core):
            return None
        family = first - low
        n_free = n_free[family]
        size = np.bincount(family, minlength=high - low)
        if not self.may_grow(depth + 1) or size.max() < 2:
            self.tally(n_free, depth + 1)
            return None
        after = np.cumsum(size)[family]
        after -= np.arange(1, len(family) + 1)
        grows = size[family] > 1
        self.tally(n_free[~grows], depth + 1)
        some = np.flatnonzero(grows)
        scale = None if level.scale is None else level.scale[first[some]]
        columns = (core[some], item[some], count[some], after[some], n_free[some])
        return Siblings(*columns, owner[some], bits[some], scale)

    def _met(
        self, level: Siblings, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """Return the frequent ones of the pairs, how many baskets have both, and which."""
        words = level.bits.shape[1]
        step = max(256, _CHUNK_WORDS // words)
        kept: list[NDArray[np.intp]] = []
        counts: list[NDArray[np.int64]] = []
        bits: list[NDArray[np.uint64]] = []
        for start in range(0, len(first), step):
            one = first[start : start + step]
            met = level.bits.take(one, axis=0)
            met &= level.bits.take(second[start : start + step], axis=0)
            count = popcounts(met, None if level.scale is None else level.scale[one])
            some = np.flatnonzero(count >= self.min_count)
            kept.append(some + start)
            counts.append(count[some].astype(np.int64))
            bits.append(met[some])
        if not kept:
            return first, second, first, level.bits[:0]
        places = np.concatenate(kept)
        return first[places], second[places], np.concatenate(counts), np.concatenate(bits)
