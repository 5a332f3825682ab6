"""Baskets of few different items, merged: a prefix tree whose nodes are bitmaps of items.

Baskets that agree in their most frequent items share nodes (Han, Pei and Yin, 2000). The bitmap
of a node holds the items above it, and those that all baskets through it have below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["build_tree"]


@compiled
def build_tree(
    column: Array,
    columns: Array,
    given: Array,
    at: Array,
    child: Array,
    child_item: Array,
    parent: Array,
    item: Array,
    start: Array,
    weights: Array,
) -> Number:
    """Build the tree item by item, the most frequent, the last column, first.

    Node 0 is the root; the nodes of column `i` begin at ``start[n - 1 - i]``. Returns the number
    of nodes, or -1 if there are more than the arrays hold. No `given` weights means one each.
    """
    n = len(column) - 1
    at[:] = 0
    n_nodes = 1
    child_item[0] = -1
    for rank in range(n - 1, -1, -1):
        start[n - 1 - rank] = n_nodes
        for entry in range(column[rank], column[rank + 1]):
            row = np.uint64(columns[entry])
            above = np.uint64(at[row])
            if child_item[above] != rank:
                if n_nodes == len(parent):
                    return -1
                child_item[above] = rank
                child[above] = n_nodes
                child_item[n_nodes] = -1
                parent[n_nodes] = above
                item[n_nodes] = rank
                weights[n_nodes] = 0
                n_nodes += 1
            node = np.uint64(child[above])
            weights[node] += given[row] if len(given) > 0 else 1
            at[row] = node
    start[n] = n_nodes
    return n_nodes


@compiled
def fill_bitmaps(
    parent: Array, item: Array, n_nodes: Number, width: Number, at: Array, nodes: Array
) -> None:
    """Write what all baskets of a node have below it, then add what stands above it."""
    one = np.uint64(1)
    nodes[: n_nodes * width] = ~np.uint64(0)
    for row in range(len(at)):
        for word in range(at[row] * width, (at[row] + 1) * width):
            nodes[word] = 0
    for node in range(n_nodes - 1, 0, -1):
        here, there = node * width, parent[node] * width
        own = item[node]
        for word in range(width):
            bit = one << np.uint64(own & 63) if word == own >> 6 else np.uint64(0)
            nodes[there + word] &= nodes[here + word] | bit
    for node in range(1, n_nodes):
        here, there = node * width, parent[node] * width
        if there == 0:
            continue
        own = item[parent[node]]
        place = own >> 6
        bit = one << np.uint64(own & 63)
        nodes[here + place] |= bit | (nodes[there + place] & ~(bit - one))
        for word in range(place + 1, width):
            nodes[here + word] |= nodes[there + word]
