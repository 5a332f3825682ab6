"""Itemsets while they are found: cores, and the items that may join them at no cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_recode import ramps
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Cores", "FoundCores", "n_subsets", "write_trie"]

_MOST_NODES = 2**31 - 1
_AT_ONCE = 1 << 18


class Cores:
    """Collects cores: itemsets none of whose items is in all baskets of those before it.

    An item that is in all baskets of a core is no core of its own: it is set aside, and every
    itemset that starts with the core is there with and without it, with the same count.
    """

    def __init__(self) -> None:
        self.n = 0
        self._parents: list[NDArray[np.int64]] = []
        self._items: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._depths: list[int] = []
        self._stamps: list[NDArray[np.float64]] = []
        self._owners: list[NDArray[np.int64]] = []
        self._aside: list[NDArray[np.int64]] = []

    def add(
        self,
        parents: NDArray[np.int64],
        items: NDArray[np.int64],
        counts: NDArray[np.int64],
        depth: int,
        stamps: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Take cores of `depth` items and return their numbers; -1 is the parent of one item."""
        if stamps is not None:
            self._stamps.append(stamps)
        self._parents.append(parents)
        self._items.append(items)
        self._counts.append(counts)
        self._depths.append(depth)
        first, self.n = self.n, self.n + len(items)
        return np.arange(first, self.n)

    def set_aside(self, owners: NDArray[np.int64], items: NDArray[np.int64]) -> None:
        """Take items that are in all baskets of a core."""
        if len(owners):
            self._owners.append(owners)
            self._aside.append(items)

    def collected(self, universal: NDArray[np.int64]) -> FoundCores:
        """Return all as arrays; `universal` items are set aside for every core."""
        nothing = np.empty(0, dtype=np.int64)
        sizes = [len(items) for items in self._items]
        parent = np.concatenate([nothing, *self._parents])
        depth = np.repeat(np.array(self._depths, dtype=np.int64), sizes)
        owner = np.concatenate([nothing, *self._owners])
        aside = np.concatenate([nothing, *self._aside])
        found = FoundCores(
            parent=parent,
            item=np.concatenate([nothing, *self._items]),
            count=np.concatenate([nothing, *self._counts]),
            depth=depth,
            free_ptr=np.zeros(self.n + 1, dtype=np.int64),
            free=nothing,
            universal=universal,
            stamp=np.concatenate([np.empty(0), *self._stamps]),
        )
        return found if not len(owner) and not len(universal) else _handed_down(found, owner, aside)


@dataclass(frozen=True, slots=True)
class FoundCores:
    """Cores in arrays; the free items of core `c` are ``free[free_ptr[c]:free_ptr[c + 1]]``."""

    parent: NDArray[np.int64]
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    depth: NDArray[np.int64]
    free_ptr: NDArray[np.int64]
    free: NDArray[np.int64]
    universal: NDArray[np.int64]
    stamp: NDArray[np.float64]  # sum of the numbers of its baskets, if asked for

    @property
    def n_free(self) -> NDArray[np.int64]:
        """Number of free items of each core."""
        return np.diff(self.free_ptr)


def n_subsets(n_free: int, longest: int | None) -> float:
    """Return how many subsets of at most `longest` items there are, as a float."""
    if longest is None or longest >= n_free:
        return 2.0**n_free if n_free < 1000 else float("inf")
    return float(sum(comb(n_free, length) for length in range(max(longest, -1) + 1)))


def write_trie(
    cores: FoundCores,
    codes: NDArray[np.int32],
    n_baskets: int,
    max_length: int | None,
    limit: int | None = None,
    stop: Callable[[int, float], str | None] | None = None,
) -> tuple[Trie, str | None]:
    """Write every core with every choice of its free items, `codes` giving names to ranks.

    Blocks of fewer free items come first, so that whatever `limit` cuts off, parents stay
    before their children.
    """
    plan = _plan(cores, max_length)
    total = float(plan.sizes.sum()) - 1
    most = min(_MOST_NODES, total if limit is None else limit)
    reason = f"more than {int(most):,} itemsets" if total > most else None
    parent = np.empty(int(most) + 1, dtype=np.int32)
    item = np.empty_like(parent)
    wide = n_baskets >= 2**31
    count: NDArray[np.signedinteger] = np.empty(len(parent), dtype=np.int64 if wide else np.int32)
    done, stopped = _fill(cores, plan, (parent, item, count), codes, n_baskets, stop)
    arrays = (parent[1:done], item[1:done], count[1:done])
    return Trie(*arrays), stopped or reason


@dataclass(frozen=True, slots=True)
class _Plan:
    order: NDArray[np.int64]  # blocks in the order of writing, the empty set's first
    n_free: NDArray[np.int64]  # of each block in that order
    longest: NDArray[np.int64]  # free items that a set of the block may have
    sizes: NDArray[np.float64]  # sets in each block
    base: NDArray[np.int64]  # by core, the empty set last: its node; the empty set's is -1


def _plan(cores: FoundCores, max_length: int | None) -> _Plan:
    n_free = np.append(cores.n_free, len(cores.universal))
    depth = np.append(cores.depth, 0)
    longest = n_free if max_length is None else np.minimum(n_free, max_length - depth)
    shape = (n_free << 16) | depth if n_free.any() else depth
    order = np.argsort(shape, kind="stable")
    pairs, of_pair = np.unique((n_free << 32) | longest, return_inverse=True)
    size = [n_subsets(int(p) >> 32, int(p) & 0xFFFFFFFF) for p in pairs]
    sizes = np.array(size)[of_pair][order]
    base = np.empty(len(order), dtype=np.int64)
    ends = np.minimum(np.cumsum(sizes), 2.0**40)
    base[order] = np.concatenate(([0], ends[:-1])).astype(np.int64) - 1
    return _Plan(order, n_free[order], longest[order], sizes, base)


def _fill(
    cores: FoundCores,
    plan: _Plan,
    out: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.signedinteger]],
    codes: NDArray[np.int32],
    n_baskets: int,
    stop: Callable[[int, float], str | None] | None,
) -> tuple[int, str | None]:
    """Write blocks of one shape at a time; return the nodes written and why it stopped."""
    above = np.append(plan.base[cores.parent], -1)
    last = np.append(codes[cores.item], 0)
    counts = np.append(cores.count, n_baskets)
    ptr = np.append(cores.free_ptr, cores.free_ptr[-1] + len(cores.universal))
    free = codes[np.append(cores.free, cores.universal)]
    shape = (plan.n_free << 32) | plan.longest
    edges = np.flatnonzero(np.diff(shape)) + 1
    parent, item, count = out
    done, room = 0, len(parent)
    for low, high in zip([0, *edges], [*edges, len(shape)], strict=True):
        n_free, longest = int(plan.n_free[low]), int(plan.longest[low])
        above_of, added = _power_set(n_free, longest, room)
        width = len(above_of)
        step = max(1, _AT_ONCE // width)
        for start in range(int(low), int(high), step):
            some = plan.order[start : min(start + step, int(high))]
            begin, end = done, min(done + len(some) * width, room)
            block = np.empty((len(some), width), dtype=np.int32)
            block[:, 1:] = (plan.base[some][:, None] + above_of[1:]).astype(np.int32)
            block[:, 0] = above[some]
            parent[begin:end] = block.ravel()[: end - begin]
            if n_free:
                block[:, 1:] = free[ptr[some][:, None] + added[1:]]
            block[:, 0] = last[some]
            item[begin:end] = block.ravel()[: end - begin]
            count[begin:end] = np.repeat(counts[some], width)[: end - begin]
            done = end
            if done == room:
                return done, None
            reason = stop(done, done / room) if stop else None
            if reason:
                return done, reason
    return done, None


@cache
def _cached_power_set(n_free: int, longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return _grown_power_set(n_free, longest, 2**62)


def _power_set(n_free: int, longest: int, room: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the subsets as a tree, by length: each one's parent and the position added."""
    small = n_free <= 12
    return _cached_power_set(n_free, longest) if small else _grown_power_set(n_free, longest, room)


def _grown_power_set(
    n_free: int, longest: int, room: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    parents = [np.full(1, -1, dtype=np.int64)]
    added = [np.full(1, -1, dtype=np.int64)]
    n_nodes = 1
    for _ in range(longest):
        fewer = n_free - 1 - added[-1]
        if n_nodes >= room or not fewer.any():
            break
        fits = int(np.searchsorted(np.cumsum(fewer), room)) + 1
        fewer = fewer[:fits]
        first = n_nodes - len(added[-1])
        parents.append(np.repeat(np.arange(first, first + len(fewer)), fewer))
        added.append(ramps(fewer, added[-1][:fits] + 1))
        n_nodes += len(added[-1])
    return np.concatenate(parents), np.concatenate(added)


def _handed_down(
    found: FoundCores, owner: NDArray[np.int64], aside: NDArray[np.int64]
) -> FoundCores:
    """Give each core what was set aside for it and for the cores that it starts with."""
    n = len(found.parent)
    own = np.bincount(owner, minlength=n)
    by_owner = np.argsort(owner, kind="stable")
    by_depth = np.argsort(found.depth, kind="stable")
    n_deep = np.bincount(found.depth)
    levels = np.split(by_depth, np.cumsum(n_deep)[:-1])
    size = np.append(own, len(found.universal))
    for level in levels:
        size[level] += size[found.parent[level]]
    ptr = np.concatenate(([0], np.cumsum(size)))
    free = np.empty(int(ptr[-1]), dtype=np.int64)
    free[ptr[n] :] = found.universal
    free[ramps(own, ptr[1 : n + 1] - own)] = aside[by_owner]
    for level in levels:
        above = found.parent[level]
        inherited = size[above]
        start = np.where(above < 0, ptr[n], ptr[above])
        free[ramps(inherited, ptr[level])] = free[ramps(inherited, start)]
    return replace(found, free_ptr=ptr[:-1], free=free[: ptr[n]])
