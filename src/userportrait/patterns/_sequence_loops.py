"""The compiled loops of `_sequence_numba`; importing this needs numba.

A row is an entry: where the last item of an occurrence stands. Rows of a pattern are ordered by
customer and step. All rows lie in one arena; those of the children of a pattern stand behind its
own, and are written over when the next pattern of the stack is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Asked", "Read", "mine_chunk"]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"

_Scalar = TypeVar("_Scalar", bound=np.generic)


_Function = TypeVar("_Function", bound="Callable[..., object]")


def _inner(function: _Function) -> _Function:
    """Compile for other compiled functions alone, which takes a third of the time."""
    numba: Any = optional_import("numba", what="mine_sequences(engine='numba')", extra="fast")
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: _Function = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return made


class Read(NamedTuple):
    """What the loops read: see `Steps`; empty arrays where there is no such limit."""

    items: Ints
    previous: Ints
    owner: Ints
    step: Ints
    item_ptr: Ints
    customer: Ints
    end: Ints
    after: Ints
    gap_end: Ints
    span_end: Ints
    first_rows: Ints
    first_starts: Ints
    weights: Longs


class Asked(NamedTuple):
    """What is looked for, and which loops will do."""

    is_plain: bool
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


class _Room(NamedTuple):
    """Scratch for one item each: counts, marks and places.

    Columns of `cells`: the last customer, the customers and the rows of an item in later steps;
    the same beside the last item.
    """

    counts: Ints
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


@_inner
def _count_plain(
    items: Ints, previous: Ints, counts: Ints, touched: Ints, rows: Ints, low: int, high: int
) -> int:
    """Count the customers of each item after the rows; return how many items there are.

    Without branches but the end of the loop: what an entry is cannot be foretold.
    """
    n = 0
    for r in range(low, high):
        e = rows[r]
        j = e + 1
        item = items[j]
        while item >= 0:
            is_first = previous[j] <= e  # of its kind after the row
            count = counts[item]
            touched[n] = item
            n += is_first & (count == 0)
            counts[item] = count + is_first
            j += 1
            item = items[j]
    return n


@_inner
def _fill_plain(items: Ints, previous: Ints, slot: Ints, rows: Ints, low: int, high: int) -> None:
    """Write the rows of each item that has a slot; the last place of all takes what is not."""
    nowhere = len(rows) - 1
    for r in range(low, high):
        e = rows[r]
        j = e + 1
        item = items[j]
        while item >= 0:
            place = slot[item]
            is_row = (previous[j] <= e) & (place >= 0)
            rows[place if is_row else nowhere] = j
            slot[item] = place + is_row
            j += 1
            item = items[j]


@_inner
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


@_inner
def _group_end(read: Read, rows: Ints, r: int, high: int) -> int:
    """Return one past the last row of the customer of row r."""
    owner = read.customer[read.step[rows[r]]]
    r += 1
    while r < high and read.customer[read.step[rows[r]]] == owner:
        r += 1
    return r


@_inner
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


@_inner
def _count_general(
    read: Read, room: _Room, rows: Ints, begins: Ints, low: int, high: int,
    later: bool, beside: bool, stamp: int,
) -> tuple[int, int]:  # fmt: skip
    """Count customers and rows by item, in later steps and beside the last item."""
    items, item_ptr, step = read.items, read.item_ptr, read.step
    cells, touched = room.cells, room.touched
    n = 0
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
                for j in range(item_ptr[first], item_ptr[last]):
                    n = _count_one(cells, touched, n, items[j], 0, stamp)
        r = stop
    return n, stamp


@_inner
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


@_inner
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


@_inner
def _clear(room: _Room, item: int, is_plain: bool) -> None:
    if is_plain:
        room.counts[item] = 0
        room.slot[item] = -1
        return
    room.slot[item] = -1
    room.beside_slot[item] = -1
    room.cells[item, 1] = 0
    room.cells[item, 2] = 0
    room.cells[item, 4] = 0
    room.cells[item, 5] = 0


@_inner
def _figures(room: _Room, asked: Asked, item: int, is_new: bool) -> tuple[int, int]:
    """Return the customers and the rows of an item."""
    if asked.is_plain:
        n = room.counts[item] if is_new else 0
        return n, n
    column = 0 if is_new else 3
    n = room.cells[item, column + 1]
    if is_new and asked.first_only:
        return n, n
    return n, room.cells[item, column + 2]


@_inner
def _keep_frequent(room: _Room, asked: Asked, n_touched: int, least: int) -> tuple[int, int]:
    """Keep the items that are frequent; return how many, and the rows they need."""
    n_kept = 0
    need = 0
    for t in range(n_touched):
        item = room.touched[t]
        n_later, later = _figures(room, asked, item, True)
        n_beside, beside = _figures(room, asked, item, False)
        if n_later < least and n_beside < least:
            _clear(room, item, asked.is_plain)
            continue
        room.touched[n_kept] = item
        n_kept += 1
        need += (later if n_later >= least else 0) + (beside if n_beside >= least else 0)
    return n_kept, need


@_inner
def _keep_plain(counts: Ints, touched: Ints, n_touched: int, least: int) -> tuple[int, int]:
    """Do as `_keep_frequent`, where there are only later steps."""
    n_kept = 0
    need = 0
    for t in range(n_touched):
        item = touched[t]
        count = counts[item]
        if count >= least:
            touched[n_kept] = item
            n_kept += 1
            need += int(count)
        else:
            counts[item] = 0
    return n_kept, need


@_inner
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


@_inner
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


@_inner
def _larger(array: NDArray[_Scalar], used: int, size: int) -> NDArray[_Scalar]:
    """Return the array, or a copy of its used part with room for `size` values."""
    if size <= len(array):
        return array
    grown = np.empty(max(size, 2 * len(array)), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


@_inner
def _larger_stack(stack: Longs, used: int, size: int) -> Longs:
    if size <= len(stack):
        return stack
    grown = np.empty((2 * size, 6), dtype=np.int64)
    grown[:used] = stack[:used]
    return grown


@compiled
def mine_chunk(
    first_items: Ints, read: Read, asked: Asked, signal: Longs
) -> tuple[Ints, Ints, NDArray[np.bool_], Longs, Longs]:
    """Find the longer patterns that begin with some items.

    Returns parent, item, is_new, count and total of each. Parents below the number of items are
    the items themselves; the patterns here are numbered from there on. A first value of
    `signal` other than 0 stops the search; the second is the number of patterns so far.
    """
    is_plain = asked.is_plain
    has_span = len(read.span_end) > 0
    has_weights = len(read.weights) > 0
    owner = read.customer[read.step] if has_weights and not is_plain else read.owner
    n_general = 0 if is_plain else asked.n_items
    room = _Room(
        np.zeros(asked.n_items - n_general, dtype=np.int32),
        np.zeros((n_general, 6), dtype=np.int32),
        np.full(asked.n_items, -1, dtype=np.int32),
        np.full(n_general, -1, dtype=np.int32),
        np.empty(asked.n_items + 1, dtype=np.int32),
    )
    # Plain names: a tuple costs time at each call.
    items, previous = read.items, read.previous
    counts, touched, slot = room.counts, room.touched, room.slot
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
    n_held = 0
    least = asked.min_count
    n_found = 0
    stamp = 0
    for first in first_items:
        start, stop = read.first_starts[first], read.first_starts[first + 1]
        rows[: stop - start] = read.first_rows[start:stop]
        if has_span:
            begins[: stop - start] = read.step[rows[: stop - start]]
        stack[0, 0] = first
        stack[0, 1] = 0
        stack[0, 2] = stop - start
        stack[0, 3] = 1
        stack[0, 4] = 1
        stack[0, 5] = asked.n_customers
        depth = 1
        while depth > 0 and signal[0] == 0:
            depth -= 1
            _, low, high, length, n_steps, count = stack[depth]
            if count < least:
                continue
            beside = not asked.is_flat
            later = n_steps < asked.max_steps
            if is_plain:
                n_touched = 0
                if later:
                    n_touched = _count_plain(items, previous, counts, touched, rows, low, high)
                n_kept, need = _keep_plain(counts, touched, n_touched, least)
            else:
                if stamp > 2_000_000_000:
                    room.cells[:, 0] = 0
                    room.cells[:, 3] = 0
                    stamp = 0
                n_touched, stamp = _count_general(
                    read, room, rows, begins, low, high, later, beside, stamp
                )
                n_kept, need = _keep_frequent(room, asked, n_touched, least)
            if n_kept == 0:
                continue
            size = n_found + 2 * n_kept
            out = _Out(
                _larger(out.parent, n_found, size),
                _larger(out.item, n_found, size),
                _larger(out.is_new, n_found, size),
                _larger(out.counts, n_found, size),
                _larger(out.total, n_found, size) if has_weights else out.total,
            )
            stack = _larger_stack(stack, depth + 1, depth + 2 * n_kept)
            grows = length + 1 < asked.max_length
            n = _note(room, asked, out, stack, depth, n_found, n_kept, high, least)
            if grows or has_weights:
                rows = _larger(rows, high, high + need + 1)
                if has_span:
                    begins = _larger(begins, high, len(rows))
                if is_plain:
                    _fill_plain(items, previous, slot, rows, low, high)
                else:
                    stamp = _fill_general(
                        read, room, rows, begins, low, high, later, beside, asked.first_only, stamp
                    )
            if has_weights:
                for s in range(depth, depth + n):
                    out.total[stack[s, 0] - asked.n_items] = _sum_weights(
                        rows, stack[s, 1], stack[s, 2], owner, read.weights
                    )
            for t in range(n_kept):
                _clear(room, touched[t], is_plain)
            if asked.top_k > 0:
                n_held, least = _hold(held, n_held, stack, depth, n, asked, least)
            n_found += n
            if grows:
                depth += n
            signal[1] = n_found
    return (
        out.parent[:n_found].copy(),
        out.item[:n_found].copy(),
        out.is_new[:n_found].copy(),
        out.counts[:n_found].copy(),
        out.total[: n_found if has_weights else 0].copy(),
    )
