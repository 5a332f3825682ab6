"""The depth-first search for closed and maximal itemsets where many baskets are alike.

Baskets are rows of a weight and a bitmap of items. Below each set, rows that agree in all that
may still be added are merged, and keep what they have in common of the items passed over. An
item passed over that all rows of a set have shows that the set belongs to an earlier one (Uno,
Kiyomi and Arimura, 2004, "LCM ver. 2"), so that no set found need be remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, inlined, trailing_zeros
from userportrait.patterns._numba_search import (
    ARENA_FULL,
    AT,
    BASE,
    DEPTH,
    DONE,
    LOWEST,
    NEED_OUT,
    NEED_WORDS,
    OUT_FULL,
    PAUSED,
    RANK,
    WORK,
)

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["INSIDE", "PARENT", "search_merged"]

TODO, INSIDE, BEFORE = range(3)  # `sets` of a level: items to be added yet, all of them, passed
FIRST, LAST, PARENT, SIZE = range(4)  # `levels`: its rows; the node and the size of the set above
SPREAD = 0x9E3779B97F4A7C15


@compiled
def search_merged(
    start: Array,
    nodes: Array,
    node_weights: Array,
    support: Array,
    code: Array,
    min_count: Number,
    longest: Number,
    maximal: bool,
    segments: Array,
    rows: Array,
    chosen: Array,
    table: Array,
    common: Array,
    levels: Array,
    sets: Array,
    totals: Array,
    free: Array,
    now: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Go on until first item `now[LOWEST]` is done, an array is full or the time is up.

    First items are taken from the rarest on, and so are those of each level. Sets that contain
    another one come before it, unless they add a later item to it. Of maximal sets all are
    listed, and some that an earlier one contains.
    """
    width = len(common)
    while True:
        depth = now[DEPTH]
        rank = now[RANK]
        if depth == 0 and rank < now[LOWEST]:
            return DONE
        item = len(code) - 1 - rank if depth == 0 else _first(sets, depth, width)
        if item < 0:
            now[DEPTH] = depth - 1
            if depth == 1:
                segments[rank, 1] = now[BASE] + now[AT]
                now[RANK] = rank - 1
            continue
        if now[WORK] <= 0:
            return PAUSED
        if depth == 0:
            segments[rank, 0] = now[BASE] + now[AT]
            total = np.int64(support[item])
            n_rows = start[rank + 1] - start[rank]
            if n_rows * (width + 1) > len(rows):
                now[NEED_WORDS] = n_rows * (width + 1)
                return ARENA_FULL
            _take(nodes, node_weights, start[rank], n_rows, rows, chosen, common)
            levels[0, LAST] = n_rows * (width + 1)
        else:
            total = totals[depth, item]
            first, last = levels[depth, FIRST], levels[depth, LAST]
            n_rows = _choose(rows, first, last, item, chosen, common)
            now[WORK] -= last - first
        status = _add(
            item, total, n_rows, depth, code, min_count, longest, maximal, rows, chosen, table,
            common, levels, sets, totals, free, now, parents, items, results, listed,
        )  # fmt: skip
        if status != DONE:
            return status
        if depth > 0:
            sets[depth, TODO, item >> 6] &= ~(np.uint64(1) << np.uint64(item & 63))
        elif now[DEPTH] == 0:
            segments[rank, 1] = now[BASE] + now[AT]
            now[RANK] = rank - 1


@inlined
def _first(sets: Array, depth: Number, width: Number) -> Number:
    for word in range(width):
        if sets[depth, TODO, word] != 0:
            return (word << 6) + trailing_zeros(sets[depth, TODO, word])
    return -1


@compiled
def _take(
    nodes: Array,
    node_weights: Array,
    first: Number,
    n: Number,
    rows: Array,
    chosen: Array,
    common: Array,
) -> None:
    """Copy the nodes of a first item to the front of the rows, and choose them all."""
    width = len(common)
    common[:] = ~np.uint64(0)
    here = 0
    for node in range(first, first + n):
        chosen[node - first] = here
        rows[here] = node_weights[node]
        for word in range(width):
            bitmap = nodes[node * width + word]
            rows[here + 1 + word] = bitmap
            common[word] &= bitmap
        here += 1 + width


@inlined
def _choose(
    rows: Array, first: Number, last: Number, item: Number, chosen: Array, common: Array
) -> Number:
    """Choose the rows with an item, and find what they have in common; return their number."""
    one = np.uint64(1)
    step = np.uint64(len(common)) + one
    place, bit = np.uint64((item >> 6) + 1), np.uint64(item & 63)
    n: Number = 0
    for row in range(np.uint64(first), np.uint64(last), step):
        chosen[n] = row
        n += np.int64((rows[row + place] >> bit) & one)
    for word in range(one, step):
        shared = ~np.uint64(0)
        for which in range(n):
            shared &= rows[chosen[which] + word]
        common[word - one] = shared
    return n


@inlined
def _add(
    item: Number,
    total: Number,
    n_rows: Number,
    depth: Number,
    code: Array,
    min_count: Number,
    longest: Number,
    maximal: bool,
    rows: Array,
    chosen: Array,
    table: Array,
    common: Array,
    levels: Array,
    sets: Array,
    totals: Array,
    free: Array,
    now: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Add an item to the set of a level: drop it, or write its closure and open a level below."""
    n_free = _split(sets, depth, item, common, code, free)
    size = levels[depth, SIZE] + 1 + n_free
    if n_free < 0 or size > longest:
        return DONE
    end = levels[depth, LAST]
    needed = 1 + n_free + (len(code) if maximal else 0)
    if now[AT] + needed > len(parents):
        now[NEED_OUT] = needed
        return OUT_FULL
    if end + n_rows * (len(common) + 1) > len(rows):
        now[NEED_WORDS] = end + n_rows * (len(common) + 1)
        return ARENA_FULL
    n_inside = 0
    if size < longest and n_rows > 1:
        n_inside = _count(rows, chosen, n_rows, min_count, sets, totals, depth + 1)
        now[WORK] -= 8 * n_rows
    is_listed = not maximal or n_inside == 0
    node = _write_chain(
        code[item], total, levels[depth, PARENT], free, n_free, is_listed, now, parents, items,
        results, listed,
    )  # fmt: skip
    if n_inside == 0:
        return DONE
    last, whole = _merge(rows, chosen, n_rows, sets, depth + 1, end, table)
    if maximal and whole >= 0 and np.int64(rows[whole]) >= min_count:
        # All items that could be added can be added together: no other set is maximal.
        if not _belongs_before(rows, whole, sets, depth + 1):
            n_free = _list_inside(sets, depth + 1, code, free)
            count = np.int64(rows[whole])
            _write_chain(
                free[0], count, node, free[1:], n_free - 1, True, now, parents, items, results,
                listed,
            )  # fmt: skip
        return DONE
    levels[depth + 1, FIRST] = end
    levels[depth + 1, LAST] = last
    levels[depth + 1, PARENT] = node
    levels[depth + 1, SIZE] = size
    now[DEPTH] = depth + 1
    return DONE


@inlined
def _split(
    sets: Array, depth: Number, item: Number, common: Array, code: Array, free: Array
) -> Number:
    """Part the items for the level below; return how many follow from the item.

    Returns -1 if the set belongs to an earlier one, which has an item passed over.
    """
    n_free = 0
    one = np.uint64(1)
    own = item >> 6
    for word in range(len(common)):
        bit = one << np.uint64(item & 63) if word == own else np.uint64(0)
        earlier = bit - one if word == own else np.uint64(0) - np.uint64(word < own)
        inside = sets[depth, INSIDE, word]
        before = sets[depth, BEFORE, word] | (inside & earlier)
        if before & common[word] != 0:
            return -1
        later = inside & ~(earlier | bit)
        bits = later & common[word]
        sets[depth + 1, BEFORE, word] = before
        sets[depth + 1, INSIDE, word] = later ^ bits
        while bits != 0:
            free[n_free] = code[(word << 6) + trailing_zeros(bits)]
            n_free += 1
            bits &= bits - one
    return n_free


@inlined
def _count(
    rows: Array,
    chosen: Array,
    n_rows: Number,
    min_count: Number,
    sets: Array,
    totals: Array,
    depth: Number,
) -> Number:
    """Count the items of a level in the chosen rows, and keep those of `min_count` there."""
    one = np.uint64(1)
    n_kept = 0
    for word in range(sets.shape[2]):
        inside = sets[depth, INSIDE, word]
        low = word << 6
        bits = inside
        while bits != 0:
            totals[depth, low + trailing_zeros(bits)] = 0
            bits &= bits - one
        place = np.uint64(word) + one
        for which in range(n_rows):
            row = chosen[which]
            weight = np.int64(rows[row])
            bits = rows[row + place] & inside
            while bits != 0:
                totals[depth, low + trailing_zeros(bits)] += weight
                bits &= bits - one
        bits = inside
        while bits != 0:
            bit = bits & (~bits + one)
            bits ^= bit
            if totals[depth, low + trailing_zeros(bit)] < min_count:
                inside ^= bit
            else:
                n_kept += 1
        sets[depth, INSIDE, word] = inside
        sets[depth, TODO, word] = inside
    return n_kept


@inlined
def _merge(
    rows: Array,
    chosen: Array,
    n_rows: Number,
    sets: Array,
    depth: Number,
    end: Number,
    table: Array,
) -> tuple[Number, Number]:
    """Write the chosen rows from `end` on, those as one that agree in all items of a level.

    Returns the new end, and the row that has all items of the level, or -1.
    """
    one = np.uint64(1)
    width = sets.shape[2]
    size = 4
    while size < 2 * n_rows:
        size *= 2
    table[:size] = -1
    last_slot = np.uint64(size - 1)
    into = np.uint64(end)
    whole: Number = -1
    for which in range(n_rows):
        row = chosen[which]
        key, lacking = np.uint64(0), np.uint64(0)
        is_empty = True
        for word in range(width):
            inside = sets[depth, INSIDE, word]
            kept = rows[row + one + np.uint64(word)] & inside
            lacking |= kept ^ inside
            is_empty &= kept == 0
            key = (key ^ kept) * np.uint64(SPREAD)
        if is_empty:
            continue
        slot = (key >> np.uint64(32)) & last_slot
        while table[slot] >= 0 and _differ(rows, row, np.uint64(table[slot]), sets, depth):
            slot = (slot + one) & last_slot
        if table[slot] >= 0:
            at = np.uint64(table[slot])
            rows[at] += rows[row]
            for word in range(one, one + np.uint64(width)):
                rows[at + word] &= rows[row + word]
            continue
        table[slot] = into
        if lacking == 0:
            whole = np.int64(into)
        rows[into] = rows[row]
        for word in range(width):
            place = one + np.uint64(word)
            shown = sets[depth, INSIDE, word] | sets[depth, BEFORE, word]
            rows[into + place] = rows[row + place] & shown
        into += one + np.uint64(width)
    return np.int64(into), whole


@inlined
def _differ(rows: Array, left: Number, right: Number, sets: Array, depth: Number) -> bool:
    """Whether two rows differ in items of a level."""
    for word in range(sets.shape[2]):
        place = np.uint64(word) + np.uint64(1)
        if (rows[left + place] ^ rows[right + place]) & sets[depth, INSIDE, word] != 0:
            return True
    return False


@compiled
def _belongs_before(rows: Array, row: Number, sets: Array, depth: Number) -> bool:
    """Whether a row has an item passed over."""
    for word in range(sets.shape[2]):
        if rows[row + 1 + word] & sets[depth, BEFORE, word] != 0:
            return True
    return False


@compiled
def _list_inside(sets: Array, depth: Number, code: Array, free: Array) -> Number:
    """Write the items of a level to `free`; return how many."""
    n = 0
    for word in range(sets.shape[2]):
        bits = sets[depth, INSIDE, word]
        while bits != 0:
            free[n] = code[(word << 6) + trailing_zeros(bits)]
            n += 1
            bits &= bits - np.uint64(1)
    return n


@compiled
def _write_chain(
    item: Number,
    count: Number,
    parent: Number,
    free: Array,
    n_free: Number,
    is_listed: bool,
    now: Array,
    parents: Array,
    items: Array,
    results: Array,
    listed: Array,
) -> Number:
    """Write an item and those that follow from it; only the last node may be a result."""
    at, base = now[AT], now[BASE]
    for which in range(n_free + 1):
        parents[at] = parent
        items[at] = item
        results[at] = count
        listed[at] = is_listed and which == n_free
        parent = base + at
        if which < n_free:
            item = free[which]
        at += 1
    now[AT] = at
    return parent
