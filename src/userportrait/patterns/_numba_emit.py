"""Itemsets written into the arrays of the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["block_size", "write_block"]


@compiled
def block_size(n_free: Number, room: Number) -> Number:
    """Sets that grow from one by up to `room` of `n_free` items; at most 2 ** 40."""
    limit = 1 << 40
    if room >= n_free:
        return 1 << n_free if n_free < 40 else limit
    total = 1
    term = 1
    for size in range(1, room + 1):
        term = term * (n_free - size + 1) // size
        total += term
        if total >= limit:
            return limit
    return total


@compiled
def write_block(
    parents: Array,
    items: Array,
    counts: Array,
    at: Number,
    base: Number,
    parent: Number,
    item: Number,
    count: Number,
    free: Array,
    n_free: Number,
    room: Number,
) -> Number:
    """Write a set and its extensions by the items of `free`, which change no count.

    `base` is the position of the arrays' first node in the whole stream.
    """
    parents[at] = parent
    items[at] = item
    counts[at] = count
    size = 1
    if room >= n_free:
        for which in range(n_free):
            for node in range(size):
                parents[at + size + node] = base + at + node
                items[at + size + node] = free[which]
                counts[at + size + node] = count
            size *= 2
        return at + size
    first = 0
    for _ in range(room):
        last = size
        for node in range(first, last):
            for which in range(items[at + node] + 1 if node > 0 else 0, n_free):
                parents[at + size] = base + at + node
                items[at + size] = which
                counts[at + size] = count
                size += 1
        first = last
    for node in range(1, size):
        items[at + node] = free[items[at + node]]
    return at + size
