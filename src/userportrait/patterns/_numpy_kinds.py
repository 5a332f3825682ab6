"""Closed, maximal and generator itemsets, picked out of the cores that a search found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_recode import ramps
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._numpy_cores import FoundCores

__all__ = ["closed_cores", "generator_cores", "maximal_cores", "write_picked"]

_PAIRS_AT_ONCE = 1 << 18


def closed_cores(cores: FoundCores, complete_below: int) -> NDArray[np.intp]:
    """Return the cores that are closed together with all their free items.

    Every frequent set is a core with some of its free items, so each closed set is among the
    candidates, and is the longest of those that are in the same baskets. Candidates of one
    count and one sum of stamps are taken for such only if the longest contains the others.
    Only sets whose first item is below `complete_below` are judged.
    """
    length = cores.depth + cores.n_free
    order = np.lexsort((-length, cores.stamp, cores.count))
    same = np.zeros(len(order), dtype=np.bool_)
    count, stamp = cores.count[order], cores.stamp[order]
    same[1:] = (count[1:] == count[:-1]) & (stamp[1:] == stamp[:-1])
    leader = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))]
    closed = np.ones(len(order), dtype=np.bool_)
    closed[order[same]] = False
    followers = order[same]
    doubtful = followers[~_contains(cores, leader[same], followers)]
    for core in doubtful:
        peers = np.flatnonzero((cores.count == cores.count[core]) & (length > length[core]))
        closed[core] = not _contains(cores, peers, np.full(len(peers), core)).any()
    closed &= _first_items(cores) < complete_below
    return np.flatnonzero(closed)


def maximal_cores(cores: FoundCores, closed: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return those of the closed cores that no frequent set contains."""
    has_child = np.zeros(len(cores.parent), dtype=np.bool_)
    has_child[cores.parent[cores.parent >= 0]] = True
    leaves = closed[~has_child[closed]]
    size, codes = _item_lists(cores, leaves)
    n_items = int(codes.max(initial=0)) + 1
    times = np.bincount(codes, minlength=n_items)
    row = np.repeat(np.arange(len(leaves)), size)
    by_rarity = np.lexsort((times[codes], row))
    codes = codes[by_rarity]
    ptr = np.append(0, np.cumsum(size))
    holders = row[np.argsort(codes, kind="stable")]
    holder_ptr = np.append(0, np.cumsum(np.bincount(codes, minlength=n_items)))
    has = np.sort(row * n_items + codes)
    rarest = codes[ptr[:-1]]
    reach = np.cumsum(times[rarest])
    contained = np.zeros(len(leaves), dtype=np.bool_)
    low = 0
    while low < len(leaves):
        before = int(reach[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(reach, before + _PAIRS_AT_ONCE, "right")))
        small = np.repeat(np.arange(low, high), times[rarest[low:high]])
        large = holders[ramps(times[rarest[low:high]], holder_ptr[rarest[low:high]])]
        longer = size[large] > size[small]
        small, large = small[longer], large[longer]
        column = 1
        while len(small):
            ended = size[small] == column
            contained[small[ended]] = True
            small, large = small[~ended], large[~ended]
            key = large * n_items + codes[ptr[small] + column]
            place = np.minimum(np.searchsorted(has, key), len(has) - 1)
            kept = (has[place] == key) & ~contained[small]
            small, large = small[kept], large[kept]
            column += 1
        low = high
    return leaves[~contained]


def generator_cores(cores: FoundCores) -> NDArray[np.intp]:
    """Return the cores of which every set with one item less is a core of a larger count.

    A set that is no core contains an item that all its baskets have anyway: it is no
    generator, nor is any set that contains it.
    """
    n_items = int(cores.item.max(initial=0)) + 1
    keys = (cores.parent + 1) * n_items + cores.item
    by_key = np.argsort(keys)
    keys = keys[by_key]
    counts = np.append(cores.count, 0)  # of no core: that of the place -1
    fits = np.ones(len(cores.parent), dtype=np.bool_)
    above = np.flatnonzero(cores.depth == 1)
    fewer = np.full((len(above), 1), -1)  # by core and item left out: the core of the others
    for depth in range(2, int(cores.depth.max(initial=0)) + 1):
        level = np.flatnonzero(cores.depth == depth)
        parent = cores.parent[level]
        base = fewer[np.searchsorted(above, parent)]
        known = (base >= 0) if depth > 2 else np.ones_like(base, dtype=np.bool_)
        wanted = (base + 1) * n_items + cores.item[level][:, None]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = np.where((keys[place] == wanted) & known, by_key[place], -1)
        fewer = np.concatenate((found, parent[:, None]), axis=1)
        fits[level] = np.all(counts[fewer] > cores.count[level][:, None], axis=1)
        above = level
    return np.flatnonzero(fits)


def write_picked(
    cores: FoundCores,
    picked: NDArray[np.intp],
    codes: NDArray[np.int32],
    base: NDArray[np.int32],
    *,
    n_baskets: int,
    with_free: bool,
    max_length: int | None,
    lists_base: bool,
) -> Trie:
    """Write some cores, with all their free items or with none, below the items of `base`.

    Items of `base` are in every basket; the set of all of them is listed if `lists_base`.
    """
    n_free = cores.n_free if with_free else np.zeros(len(cores.parent), dtype=np.int64)
    if max_length is not None:
        picked = picked[cores.depth[picked] + n_free[picked] + len(base) <= max_length]
        lists_base = lists_base and len(base) <= max_length
    kept = np.zeros(len(cores.parent), dtype=np.bool_)
    node = picked
    while len(node):
        kept[node] = True
        node = cores.parent[node]
        node = node[node >= 0]
        node = node[~kept[node]]
    stem = np.flatnonzero(kept)
    if not len(stem) and not lists_base:
        return Trie.empty()
    n_base = len(base)
    number = np.cumsum(kept) - 1 + n_base
    above = cores.parent[stem]
    chained = picked[n_free[picked] > 0]
    added = n_free[chained]
    first = n_base + len(stem)
    links = np.arange(first - 1, first - 1 + int(added.sum()))
    ends = np.cumsum(added)
    links[ends - added] = number[chained]
    parent = np.concatenate(
        (np.arange(-1, n_base - 1), np.where(above < 0, n_base - 1, number[above]), links)
    )
    chain = cores.free[ramps(added, cores.free_ptr[chained])]
    listed = np.zeros(len(parent), dtype=np.bool_)
    if n_base:
        listed[n_base - 1] = lists_base
    listed[number[picked[n_free[picked] == 0]]] = True
    listed[first + ends - 1] = True
    count = (np.full(n_base, n_baskets), cores.count[stem], np.repeat(cores.count[chained], added))
    return Trie(
        parent.astype(np.int32),
        np.concatenate((base, codes[cores.item[stem]], codes[chain])),
        np.concatenate(count).astype(np.int64 if n_baskets >= 2**31 else np.int32),
        listed,
    )


def _first_items(cores: FoundCores) -> NDArray[np.int64]:
    first = cores.item.copy()
    for depth in range(2, int(cores.depth.max(initial=0)) + 1):
        level = np.flatnonzero(cores.depth == depth)
        first[level] = first[cores.parent[level]]
    return first


def _item_lists(
    cores: FoundCores, some: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many items each core has with its free ones, and the items, core by core."""
    depth, n_free = cores.depth[some], cores.n_free[some]
    size = depth + n_free
    start = np.cumsum(size) - size
    found = np.empty(int(size.sum()), dtype=np.int64)
    found[ramps(n_free, start + depth)] = cores.free[ramps(n_free, cores.free_ptr[some])]
    node, place = some, start
    while len(node):
        found[place] = cores.item[node]
        node = cores.parent[node]
        node, place = node[node >= 0], place[node >= 0] + 1
    return size, found


def _contains(
    cores: FoundCores, large: NDArray[np.intp], small: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return for each pair whether the large core, with its free items, has all of the small."""
    n_items = int(cores.item.max(initial=0)) + 1
    row, of_row = np.unique(large, return_inverse=True)
    size, codes = _item_lists(cores, row)
    has = np.sort(np.repeat(np.arange(len(row)), size) * n_items + codes)
    size, codes = _item_lists(cores, small)
    wanted = np.repeat(of_row, size) * n_items + codes
    place = np.minimum(np.searchsorted(has, wanted), max(len(has) - 1, 0))
    missing = np.repeat(np.arange(len(small)), size)[has[place] != wanted] if len(has) else small
    found = np.ones(len(small), dtype=np.bool_)
    found[missing] = False
    return found
