"""The compiled loops of `_sequence_numba`; importing this needs numba.

A row is an entry: where the last item of an occurrence stands. Rows of a pattern are ordered by
customer and step. All rows lie in one arena; the children of a pattern stand behind it, and a
pattern is done with when its children begin to be written over.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["mine_chunk"]

njit: Any = numba.njit(nogil=True, cache=True)


@njit
def _count_plain(items, previous, rows, low, high, counts, touched):
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


@njit
def _fill_plain(items, previous, rows, low, high, slot):
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


@njit
def _reach(r, group_end, rows, begins, step, end, after, gap_end, span_end):
    """Return the steps that may be the next element after a row, less those of the next row."""
    here = step[rows[r]]
    low = after[here]
    high = end[here]
    if len(gap_end):
        high = min(high, gap_end[here])
    if len(span_end):
        high = min(high, span_end[begins[r]])
    if r + 1 < group_end:
        high = min(high, after[step[rows[r + 1]]])
    return low, high


@njit
def _group_end(rows, r, high, step, customer):
    owner = customer[step[rows[r]]]
    r += 1
    while r < high and customer[step[rows[r]]] == owner:
        r += 1
    return r


@njit
def _count_general(
    items, step, item_ptr, customer, end, after, gap_end, span_end, rows, begins, low, high,
    later, beside, cells, touched, stamp,
):  # fmt: skip
    """Count customers and rows by item, in later steps (columns 0-2) and beside (3-5)."""
    n = 0
    r = low
    while r < high:
        stop = _group_end(rows, r, high, step, customer)
        stamp += 1
        for k in range(r, stop):
            if beside:
                for j in range(rows[k] + 1, item_ptr[step[rows[k]] + 1]):
                    item = items[j]
                    if cells[item, 1] == 0 and cells[item, 4] == 0:
                        touched[n] = item
                        n += 1
                    if cells[item, 3] != stamp:
                        cells[item, 3] = stamp
                        cells[item, 4] += 1
                    cells[item, 5] += 1
            if later:
                first, last = _reach(k, stop, rows, begins, step, end, after, gap_end, span_end)
                if first < last:
                    for j in range(item_ptr[first], item_ptr[last]):
                        item = items[j]
                        if cells[item, 1] == 0 and cells[item, 4] == 0:
                            touched[n] = item
                            n += 1
                        if cells[item, 0] != stamp:
                            cells[item, 0] = stamp
                            cells[item, 1] += 1
                        cells[item, 2] += 1
        r = stop
    return n, stamp


@njit
def _fill_general(
    items, step, item_ptr, customer, end, after, gap_end, span_end, rows, begins, low, high,
    later, beside, first_only, slot, beside_slot, cells, stamp,
):  # fmt: skip
    """Write the rows of each item that has a slot."""
    has_span = len(span_end) > 0
    r = low
    while r < high:
        stop = _group_end(rows, r, high, step, customer)
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
                first, last = _reach(k, stop, rows, begins, step, end, after, gap_end, span_end)
                if first < last:
                    for j in range(item_ptr[first], item_ptr[last]):
                        item = items[j]
                        place = slot[item]
                        if place >= 0:
                            if first_only:
                                if cells[item, 0] == stamp:
                                    continue
                                cells[item, 0] = stamp
                            rows[place] = j
                            if has_span:
                                begins[place] = begins[k]
                            slot[item] = place + 1
        r = stop
    return stamp


@njit
def _sum_weights(rows, low, high, owner, weights):
    """Sum the weight of each customer of the rows once."""
    total = 0
    last = -1
    for r in range(low, high):
        who = owner[rows[r]]
        if who != last:
            total += weights[who]
            last = who
    return total


@njit
def _larger(array, used, size):
    """Return the array with room for `size` values."""
    room = max(size, 2 * len(array))
    grown = np.empty(room, dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


@njit
def mine_chunk(
    first_items, items, previous, owner, step, item_ptr, customer, end, after, gap_end, span_end,
    first_rows, first_starts, weights, is_plain, first_only, is_flat, n_items, n_customers,
    min_count, top_k, min_length, max_length, min_steps, max_steps, signal,
):  # fmt: skip
    """Find the longer patterns that begin with some items.

    Returns parent, item, is_new, count and total of each. Parents below `n_items` are the
    items themselves; the patterns here are numbered from there on.
    """
    has_span = len(span_end) > 0
    has_weights = len(weights) > 0
    entry_owner = owner
    if has_weights and not is_plain:
        entry_owner = customer[step]
    counts = np.zeros(n_items if is_plain else 0, dtype=np.int32)
    cells = np.zeros((0 if is_plain else n_items, 6), dtype=np.int32)
    slot = np.full(n_items, -1, dtype=np.int32)
    beside_slot = np.full(0 if is_plain else n_items, -1, dtype=np.int32)
    touched = np.empty(n_items + 1, dtype=np.int32)
    rows = np.empty(max(1024, 4 * len(items) // 3), dtype=np.int32)
    begins = np.empty(len(rows) if has_span else 0, dtype=np.int32)
    # One row of the stack: node, first row, one past the last, items, elements, count.
    stack = np.empty((256, 6), dtype=np.int64)
    parents = np.empty(1024, dtype=np.int32)
    last_items = np.empty(1024, dtype=np.int32)
    starts = np.empty(1024, dtype=np.bool_)
    found_counts = np.empty(1024, dtype=np.int64)
    totals = np.empty(1024 if has_weights else 0, dtype=np.int64)
    held = np.zeros(n_customers + 2 if top_k > 0 else 0, dtype=np.int64)
    n_held = 0
    least = min_count
    n_found = 0
    stamp = 0
    for first in first_items:
        size = first_starts[first + 1] - first_starts[first]
        if size >= len(rows):
            rows = _larger(rows, 0, size + 1)
            if has_span:
                begins = _larger(begins, 0, len(rows))
        rows[:size] = first_rows[first_starts[first] : first_starts[first + 1]]
        if has_span:
            for r in range(size):
                begins[r] = step[rows[r]]
        stack[0, :] = np.array([first, 0, size, 1, 1, n_customers])
        depth = 1
        while depth > 0:
            if signal[0] != 0:
                break
            depth -= 1
            node, low, high, length, n_steps, count = stack[depth]
            if count < least:
                continue
            # Count.
            beside = not is_flat
            later = n_steps < max_steps
            if is_plain:
                if not later:
                    continue
                n_touched = _count_plain(items, previous, rows, low, high, counts, touched)
            else:
                if stamp > 2_000_000_000:
                    cells[:, 0] = 0
                    cells[:, 3] = 0
                    stamp = 0
                n_touched, stamp = _count_general(
                    items, step, item_ptr, customer, end, after, gap_end, span_end, rows, begins,
                    low, high, later, beside, cells, touched, stamp,
                )  # fmt: skip
            # Choose.
            n_kept = 0
            need = high + 1
            grows = length + 1 < max_length
            for t in range(n_touched):
                item = touched[t]
                if is_plain:
                    if counts[item] >= least:
                        need += counts[item]
                        touched[n_kept] = item
                        n_kept += 1
                    else:
                        counts[item] = 0
                elif cells[item, 1] >= least or cells[item, 4] >= least:
                    if cells[item, 1] >= least:
                        need += cells[item, 1] if first_only else cells[item, 2]
                    if cells[item, 4] >= least:
                        need += cells[item, 5]
                    touched[n_kept] = item
                    n_kept += 1
                else:
                    cells[item, 1] = 0
                    cells[item, 2] = 0
                    cells[item, 4] = 0
                    cells[item, 5] = 0
            if n_kept == 0:
                continue
            if n_found + 2 * n_kept > len(parents):
                parents = _larger(parents, n_found, n_found + 2 * n_kept)
                last_items = _larger(last_items, n_found, len(parents))
                starts = _larger(starts, n_found, len(parents))
                found_counts = _larger(found_counts, n_found, len(parents))
                if has_weights:
                    totals = _larger(totals, n_found, len(parents))
            if depth + 2 * n_kept > len(stack):
                wider = np.empty((2 * (depth + 2 * n_kept), 6), dtype=np.int64)
                wider[:depth] = stack[:depth]
                stack = wider
            fills = grows or has_weights
            if fills and need > len(rows):
                rows = _larger(rows, high, need)
                if has_span:
                    begins = _larger(begins, high, len(rows))
            # Note, and give each item its place.
            place = high
            bottom = depth
            for t in range(n_kept):
                item = touched[t]
                for is_new in (True, False):
                    if is_plain:
                        if not is_new:
                            continue
                        n, size = counts[item], counts[item]
                    elif is_new:
                        n = cells[item, 1]
                        size = n if first_only else cells[item, 2]
                    else:
                        n, size = cells[item, 4], cells[item, 5]
                    if n < least:
                        continue
                    parents[n_found] = node
                    last_items[n_found] = item
                    starts[n_found] = is_new
                    found_counts[n_found] = n
                    if is_new:
                        slot[item] = place
                    else:
                        beside_slot[item] = place
                    stack[depth, 0] = n_items + n_found
                    stack[depth, 1] = place
                    stack[depth, 2] = place + size
                    stack[depth, 3] = length + 1
                    stack[depth, 4] = n_steps + is_new
                    stack[depth, 5] = n
                    depth += 1
                    place += size
                    n_found += 1
                    if top_k > 0 and length + 1 >= min_length and n_steps + is_new >= min_steps:
                        held[n] += 1
                        n_held += 1
            if fills:
                if is_plain:
                    _fill_plain(items, previous, rows, low, high, slot)
                else:
                    stamp = _fill_general(
                        items, step, item_ptr, customer, end, after, gap_end, span_end, rows,
                        begins, low, high, later, beside, first_only, slot, beside_slot, cells,
                        stamp,
                    )  # fmt: skip
            if has_weights:
                for s in range(bottom, depth):
                    totals[stack[s, 0] - n_items] = _sum_weights(
                        rows, stack[s, 1], stack[s, 2], entry_owner, weights
                    )
            for t in range(n_kept):
                item = touched[t]
                slot[item] = -1
                if is_plain:
                    counts[item] = 0
                else:
                    beside_slot[item] = -1
                    cells[item, 1] = 0
                    cells[item, 2] = 0
                    cells[item, 4] = 0
                    cells[item, 5] = 0
            if not grows:
                depth = bottom
            if top_k > 0:
                while least <= n_customers and n_held - held[least] >= top_k:
                    n_held -= held[least]
                    least += 1
            signal[1] = n_found
    return (
        parents[:n_found].copy(),
        last_items[:n_found].copy(),
        starts[:n_found].copy(),
        found_counts[:n_found].copy(),
        totals[:n_found].copy() if has_weights else totals,
    )
