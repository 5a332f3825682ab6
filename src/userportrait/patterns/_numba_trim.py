"""What remains to be done with a finished tree: generators proven, idle nodes removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["keep_nodes", "mark_generators", "mark_largest", "mark_needed", "measure"]


_SPREAD = 0x9E3779B97F4A7C15


@compiled
def mark_needed(parents: Array, listed: Array, needed: Array) -> None:
    """Mark the listed nodes and all above them."""
    for node in range(len(parents) - 1, -1, -1):
        if listed[node]:
            needed[node] = True
        if needed[node] and parents[node] >= 0:
            needed[parents[node]] = True


@compiled
def keep_nodes(parents: Array, kept: Array, moved: Array) -> None:
    """Renumber parents after all nodes but those of `kept` have gone; in place, at the front."""
    n = 0
    for node in range(len(parents)):
        if kept[node]:
            moved[node] = n
            parent = parents[node]
            parents[n] = moved[parent] if parent >= 0 else -1
            n += 1


@compiled
def measure(parents: Array, nodes: Array, sizes: Array) -> None:
    """Count the items of some nodes' sets."""
    for which in range(len(nodes)):
        size = 0
        node = nodes[which]
        while node >= 0:
            node = parents[node]
            size += 1
        sizes[which] = size


@compiled
def mark_largest(
    parents: Array,
    items: Array,
    rank: Array,
    nodes: Array,
    sizes: Array,
    index: Array,
    path: Array,
    kept: Array,
) -> None:
    """Mark those of the nodes, given from the largest set on, whose set no other contains.

    `index` is all noughts: it takes a bit for each item and marked set.
    """
    n_kept = 0
    first = 0
    while first < len(nodes):
        last = first
        while last < len(nodes) and sizes[last] == sizes[first]:
            length = _read_path(parents, items, rank, nodes[last], sizes[last], path)
            kept[nodes[last]] = not _any_with(index, (n_kept + 63) >> 6, path, length)
            last += 1
        for which in range(first, last):
            if kept[nodes[which]]:
                length = _read_path(parents, items, rank, nodes[which], sizes[which], path)
                for place in range(length):
                    index[path[place], n_kept >> 6] |= np.uint64(1) << np.uint64(n_kept & 63)
                n_kept += 1
        first = last


@compiled
def _read_path(
    parents: Array, items: Array, rank: Array, node: Number, size: Number, path: Array
) -> Number:
    for place in range(size - 1, -1, -1):
        path[place] = rank[items[node]]
        node = parents[node]
    return size


@compiled
def _any_with(index: Array, width: Number, path: Array, length: Number) -> bool:
    """Whether a set has all items of a path."""
    for word in range(width):
        sets = index[path[0], word]
        for place in range(1, length):
            if sets == 0:
                break
            sets &= index[path[place], word]
        if sets != 0:
            return True
    return False


@compiled
def mark_generators(
    parents: Array, items: Array, counts: Array, table: Array, path: Array, kept: Array
) -> None:
    """Mark the sets of which every subset smaller by one is there, with a larger count.

    `table` is all -1, its length a power of two, at least twice the number of nodes.
    """
    for node in range(len(parents)):
        place = _slot(parents, items, table, parents[node], items[node])
        table[place] = node
    for node in range(len(parents)):
        length = 0
        here = node
        while here >= 0:
            path[length] = here
            length += 1
            here = parents[here]
        proven = True
        for gone in range(1, length):  # without the last item: its count was looked at
            base = parents[path[gone]]
            for which in range(gone - 1, -1, -1):
                base = table[_slot(parents, items, table, base, items[path[which]])]
                if base < 0:
                    break
            if base < 0 or counts[base] == counts[node]:
                proven = False
                break
        kept[node] = proven


@compiled
def _slot(parents: Array, items: Array, table: Array, parent: Number, item: Number) -> Number:
    """Return the place of a child in the hash table, or the free place where it would be."""
    mask = np.uint64(len(table) - 1)
    key = (np.uint64(parent + 1) << np.uint64(32)) ^ np.uint64(item)
    key *= np.uint64(_SPREAD)
    place = (key ^ (key >> np.uint64(29))) & mask
    while table[place] >= 0:
        node = table[place]
        if parents[node] == parent and items[node] == item:
            return np.int64(place)
        place = (place + np.uint64(1)) & mask
    return np.int64(place)
