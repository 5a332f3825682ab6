"""The compiled loops of `_sequence_numba`; importing this needs numba.

A row is an entry: where the last item of an occurrence stands. Rows of a pattern are ordered by
customer and step. All rows lie in one arena; those of the children of a pattern stand behind its
own, and are written over when the next pattern of the stack is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from userportrait.patterns._numba_compile import compiled
from userportrait.patterns._sequence_compile import inner, larger, larger_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Asked", "Read", "mine_chunk"]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"


class Read(NamedTuple):
    """What the loops read: see `Steps`; empty arrays where there is no such limit."""

    items: Ints
    step: Ints
    item_ptr: Ints
    customer: Ints
    end: Ints
    after: Ints
    gap_end: Ints
    span_end: Ints
    entries_by_item: Ints
    item_starts: Ints
    weights: Longs


class Asked(NamedTuple):
    """What is looked for, and which rows matter."""

    first_only: bool
    is_flat: bool
    n_items: int
    n_customers: int
    min_count: int
    top_k: int
    min_length: int
    max_length: int
    min_steps: int
    max_steps: int
    quota: int


class _Room(NamedTuple):
    """Scratch for one item each: marks, counts and places.

    Columns of `cells`: the last customer, the customers and the rows of an item in later steps;
    the same beside the last item.
    """

    cells: Ints
    slot: Ints
    beside_slot: Ints
    touched: Ints


class _Out(NamedTuple):
    """The patterns found."""

    parent: Ints
    item: Ints
    is_new: NDArray[np.bool_]
    counts: Longs
    total: Longs


@inner
def _reach(read: Read, rows: Ints, begins: Ints, r: int, group_end: int) -> tuple[int, int]:
    """Return the steps that may be the next element after a row, less those of the next row."""
    here = read.step[rows[r]]
    low = read.after[here]
    high = read.end[here]
    if len(read.gap_end):
        high = min(high, read.gap_end[here])
    if len(read.span_end):
        high = min(high, read.span_end[begins[r]])
    if r + 1 < group_end:
        high = min(high, read.after[read.step[rows[r + 1]]])
    return int(low), int(max(low, high))


@inner
def _group_end(read: Read, rows: Ints, r: int, high: int) -> int:
    """Return one past the last row of the customer of row r."""
    owner = read.customer[read.step[rows[r]]]
    r += 1
    while r < high and read.customer[read.step[rows[r]]] == owner:
        r += 1
    return r


@inner
def _count_one(cells: Ints, touched: Ints, n: int, item: int, column: int, stamp: int) -> int:
    """Count one entry of an item for the customer of this stamp."""
    if cells[item, 1] == 0 and cells[item, 4] == 0:
        touched[n] = item
        n += 1
    if cells[item, column] != stamp:
        cells[item, column] = stamp
        cells[item, column + 1] += 1
    cells[item, column + 2] += 1
    return n


@inner
def _count_general(
    read: Read, room: _Room, rows: Ints, begins: Ints, low: int, high: int,
    later: bool, beside: bool, stamp: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Count customers and rows by item, in later steps and beside the last item.

    Returns how many items there are, the last stamp, and how many entries were looked at.
    """
    items, item_ptr, step = read.items, read.item_ptr, read.step
    cells, touched = room.cells, room.touched
    n, looks = 0, 0
    r = low
    while r < high:
        stop = _group_end(read, rows, r, high)
        stamp += 1
        for k in range(r, stop):
            if beside:
                for j in range(rows[k] + 1, item_ptr[step[rows[k]] + 1]):
                    n = _count_one(cells, touched, n, items[j], 3, stamp)
            if later:
                first, last = _reach(read, rows, begins, k, stop)
                looks += item_ptr[last] - item_ptr[first]
                for j in range(item_ptr[first], item_ptr[last]):
                    n = _count_one(cells, touched, n, items[j], 0, stamp)
        r = stop
    return n, stamp, looks + high - low


@inner
def _fill_general(
    read: Read, room: _Room, rows: Ints, begins: Ints, low: int, high: int,
    later: bool, beside: bool, first_only: bool, stamp: int,
) -> int:  # fmt: skip
    """Write the rows of each item that has a slot; return the last stamp."""
    items, item_ptr, step = read.items, read.item_ptr, read.step
    cells, slot, beside_slot = room.cells, room.slot, room.beside_slot
    has_span = len(read.span_end) > 0
    r = low
    while r < high:
        stop = _group_end(read, rows, r, high)
        stamp += 1
        for k in range(r, stop):
            if beside:
                for j in range(rows[k] + 1, item_ptr[step[rows[k]] + 1]):
                    place = beside_slot[items[j]]
                    if place >= 0:
                        rows[place] = j
                        if has_span:
                            begins[place] = begins[k]
                        beside_slot[items[j]] = place + 1
            if later:
                first, last = _reach(read, rows, begins, k, stop)
                for j in range(item_ptr[first], item_ptr[last]):
                    item = items[j]
                    place = slot[item]
                    if place < 0 or (first_only and cells[item, 0] == stamp):
                        continue
                    cells[item, 0] = stamp
                    rows[place] = j
                    if has_span:
                        begins[place] = begins[k]
                    slot[item] = place + 1
        r = stop
    return stamp


@inner
def _sum_weights(rows: Ints, low: int, high: int, owner: Ints, weights: Longs) -> int:
    """Sum the weight of each customer of the rows once."""
    total = 0
    last = -1
    for r in range(low, high):
        who = owner[rows[r]]
        if who != last:
            total += int(weights[who])
            last = who
    return total


@inner
def _clear(room: _Room, item: int) -> None:
    room.slot[item] = -1
    room.beside_slot[item] = -1
    room.cells[item, 1] = 0
    room.cells[item, 2] = 0
    room.cells[item, 4] = 0
    room.cells[item, 5] = 0


@inner
def _figures(room: _Room, asked: Asked, item: int, is_new: bool) -> tuple[int, int]:
    """Return the customers and the rows of an item."""
    column = 0 if is_new else 3
    n = room.cells[item, column + 1]
    if is_new and asked.first_only:
        return n, n
    return n, room.cells[item, column + 2]


@inner
def _keep_frequent(room: _Room, asked: Asked, n_touched: int, least: int) -> tuple[int, int]:
    """Keep the items that are frequent; return how many, and the rows they need."""
    n_kept = 0
    need = 0
    for t in range(n_touched):
        item = room.touched[t]
        n_later, later = _figures(room, asked, item, True)
        n_beside, beside = _figures(room, asked, item, False)
        if n_later < least and n_beside < least:
            _clear(room, item)
            continue
        room.touched[n_kept] = item
        n_kept += 1
        need += (later if n_later >= least else 0) + (beside if n_beside >= least else 0)
    return n_kept, need


@inner
def _note(
    room: _Room, asked: Asked, out: _Out, stack: Longs, depth: int, n_found: int, n_kept: int,
    place: int, least: int,
) -> int:  # fmt: skip
    """Write the children of the pattern at `depth`, and put them there; return how many."""
    node, _, _, length, n_steps, _ = stack[depth]
    n = 0
    for t in range(n_kept):
        item = room.touched[t]
        for is_new in (True, False):
            count, size = _figures(room, asked, item, is_new)
            if count < least:
                continue
            if is_new:
                room.slot[item] = place
            else:
                room.beside_slot[item] = place
            out.parent[n_found + n] = node
            out.item[n_found + n] = item
            out.is_new[n_found + n] = is_new
            out.counts[n_found + n] = count
            stack[depth + n, 0] = asked.n_items + n_found + n
            stack[depth + n, 1] = place
            stack[depth + n, 2] = place + size
            stack[depth + n, 3] = length + 1
            stack[depth + n, 4] = n_steps + is_new
            stack[depth + n, 5] = count
            place += size
            n += 1
    return n


@inner
def _hold(
    held: Longs, n_held: int, stack: Longs, depth: int, n: int, asked: Asked, least: int
) -> tuple[int, int]:
    """Count the patterns by their counts, and raise the threshold to that of the best k."""
    for s in range(depth, depth + n):
        if stack[s, 3] >= asked.min_length and stack[s, 4] >= asked.min_steps:
            held[stack[s, 5]] += 1
            n_held += 1
    while least <= asked.n_customers and n_held - held[least] >= asked.top_k:
        n_held -= held[least]
        least += 1
    return n_held, least


@compiled
def mine_chunk(
    first_items: Ints, read: Read, asked: Asked, signal: Longs
) -> tuple[int, Ints, Ints, NDArray[np.bool_], Longs, Longs]:
    """Find the longer patterns that begin with some items.

    Returns how many of the items are done, and the parent, item, is_new, count and total of each
    pattern. Parents below the number of items are the items themselves; the patterns here are
    numbered from there on. When more than `quota` entries have been looked at, the item of the
    moment is given up, and so are all behind it. A first value of `signal` other than 0 stops
    the search; the second is the number of patterns so far.
    """
    has_span = len(read.span_end) > 0
    has_weights = len(read.weights) > 0
    owner = read.customer[read.step] if has_weights else read.customer
    beside = not asked.is_flat
    room = _Room(
        np.zeros((asked.n_items, 6), dtype=np.int32),
        np.full(asked.n_items, -1, dtype=np.int32),
        np.full(asked.n_items, -1, dtype=np.int32),
        np.empty(asked.n_items + 1, dtype=np.int32),
    )
    rows = np.empty(len(read.items) + 1024, dtype=np.int32)
    begins = np.empty(len(rows) if has_span else 0, dtype=np.int32)
    # One row of the stack: node, first row, one past the last, items, elements, customers.
    stack = np.empty((256, 6), dtype=np.int64)
    out = _Out(
        np.empty(1024, dtype=np.int32),
        np.empty(1024, dtype=np.int32),
        np.empty(1024, dtype=np.bool_),
        np.empty(1024, dtype=np.int64),
        np.empty(1024 if has_weights else 0, dtype=np.int64),
    )
    held = np.zeros(asked.n_customers + 2 if asked.top_k > 0 else 0, dtype=np.int64)
    n_held, n_found, stamp, work, done = 0, 0, 0, 0, 0
    least = asked.min_count
    for first in first_items:
        n_before = n_found
        start, stop = read.item_starts[first], read.item_starts[first + 1]
        rows[: stop - start] = read.entries_by_item[start:stop]
        if has_span:
            begins[: stop - start] = read.step[rows[: stop - start]]
        stack[0, 0] = first
        stack[0, 1] = 0
        stack[0, 2] = stop - start
        stack[0, 3] = 1
        stack[0, 4] = 1
        stack[0, 5] = asked.n_customers
        depth = 1
        while depth > 0 and signal[0] == 0 and work <= asked.quota:
            depth -= 1
            _, low, high, length, n_steps, count = stack[depth]
            if count < least:
                continue
            later = n_steps < asked.max_steps
            if stamp > 2_000_000_000:
                room.cells[:, 0] = 0
                room.cells[:, 3] = 0
                stamp = 0
            n_touched, stamp, looks = _count_general(
                read, room, rows, begins, low, high, later, beside, stamp
            )
            work += looks
            n_kept, need = _keep_frequent(room, asked, n_touched, least)
            if n_kept == 0:
                continue
            size = n_found + 2 * n_kept
            out = _Out(
                larger(out.parent, n_found, size),
                larger(out.item, n_found, size),
                larger(out.is_new, n_found, size),
                larger(out.counts, n_found, size),
                larger(out.total, n_found, size) if has_weights else out.total,
            )
            stack = larger_rows(stack, depth + 1, depth + 2 * n_kept)
            grows = length + 1 < asked.max_length
            n = _note(room, asked, out, stack, depth, n_found, n_kept, high, least)
            if grows or has_weights:
                rows = larger(rows, high, high + need + 1)
                if has_span:
                    begins = larger(begins, high, len(rows))
                stamp = _fill_general(
                    read, room, rows, begins, low, high, later, beside, asked.first_only, stamp
                )
            if has_weights:
                for s in range(depth, depth + n):
                    out.total[stack[s, 0] - asked.n_items] = _sum_weights(
                        rows, stack[s, 1], stack[s, 2], owner, read.weights
                    )
            for t in range(n_kept):
                _clear(room, room.touched[t])
            if asked.top_k > 0:
                n_held, least = _hold(held, n_held, stack, depth, n, asked, least)
            n_found += n
            if grows:
                depth += n
            signal[1] = n_found
        if signal[0] != 0:
            break
        if depth > 0:
            n_found = n_before
            break
        done += 1
    return (
        done,
        out.parent[:n_found].copy(),
        out.item[:n_found].copy(),
        out.is_new[:n_found].copy(),
        out.counts[:n_found].copy(),
        out.total[: n_found if has_weights else 0].copy(),
    )
