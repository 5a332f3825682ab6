"""The compiled search among sequences of single items without limits of time; needs numba.

What follows a pattern is written out, for each of its customers, with the items alone that may go
on. All pairs in it are then counted run by run: patterns longer by two items. Where there are more
pairs than entries, each item is followed by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from userportrait.patterns._numba_compile import compiled, trailing_zeros
from userportrait.patterns._sequence_compile import inner, larger, larger_rows
from userportrait.patterns._sequence_pairs import add_pairs, add_weights, follow_rows, weigh_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequence_runs import Runs

__all__ = ["FlatAsked", "Pairs", "bits_of", "mine_flat"]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"

_WIDE = 4096
"""Items up to which one bit for each pair of them is kept."""


class Pairs(NamedTuple):
    """The frequent pairs: ``items[starts[i]:stops[i]]`` follow item i; see `bits_of` too."""

    starts: Longs
    stops: Longs
    items: Ints
    counts: Ints
    bits: Longs


class FlatAsked(NamedTuple):
    """What is looked for, and how.

    All pairs of items are counted at once where there are at most `cells` for each entry.
    """

    n_items: int
    n_customers: int
    min_count: int
    top_k: int
    min_length: int
    max_length: int
    quota: int
    cells: int


@inner
def _project(
    source: Ints, rows: Ints, low: int, high: int, code: Ints, entries: Ints, top: int
) -> tuple[int, int]:
    """Write what follows the rows, the items with a code alone; return the end, and the work."""
    work = 0
    for r in range(low, high):
        begin = top
        j = rows[r] + 1
        work -= j
        entry = source[j]
        while entry >= 0:
            item = code[entry >> 1]
            entries[top] = 2 * item + (entry & 1)
            top += int(item >= 0)
            j += 1
            entry = source[j]
        work += j
        entries[top] = entry
        top = top + 1 if top - begin > 1 else begin  # nothing follows a single item
    return top, work


@inner
def _mark_pairs(counts: Ints, n: int, least: int, bits: Longs) -> int:
    """Set one bit for each frequent pair, and return how many there are."""
    width = (n + 63) >> 6
    found = 0
    for first in range(n):
        for word in range(width):
            here = np.int64(0)
            for item in range(word << 6, min(n, (word + 1) << 6)):
                is_frequent = int(counts[first * n + item] >= least)
                here |= np.int64(is_frequent) << np.int64(item & 63)
                found += is_frequent
            bits[first * width + word] = here
    return found


@inner
def _find_rows(
    entries: Ints, low: int, high: int, slot: Ints, seen: Ints, n: int, rows: Ints
) -> None:
    """Write the first entries of the items that have a slot, but for those that end a run."""
    nowhere = len(rows) - 1
    seen[:n] = -1
    begin = low
    for i in range(low, high):
        item = entries[i] >> 1
        if item < 0:
            begin = i + 1
            continue
        place = slot[item]
        is_row = (place >= 0) & (seen[item] < begin) & (entries[i + 1] >= 0)
        seen[item] = i
        rows[place if is_row else nowhere] = i
        slot[item] = place + is_row


@inner
def _keep_partners(
    items: Ints, n_items: int, bits: Longs, first: int, width: int, ends: Longs, kept: Ints,
    low: int, at: int, node: int,
) -> int:  # fmt: skip
    """Note the next items that may be in a pattern longer by two; return the end of the notes.

    These are the items of the frequent pairs among the next ones; all of them if `width` is 0.
    """
    ends[:width] = 0
    for t in range(n_items):
        for word in range(width):
            ends[word] |= bits[items[t] * width + word] & bits[first * width + word]
    for t in range(n_items):
        item = items[t]
        if width > 0 and not (ends[item >> 6] >> (item & 63)) & 1:
            starts = False
            for word in range(width):
                starts |= (bits[item * width + word] & bits[first * width + word]) != 0
            if not starts:
                continue
        kept[at, 0] = item
        kept[at, 1] = node + t
        kept[at, 2] = item if low < 0 else kept[low + item, 2]
        at += 1
    return at


@inner
def _customers(node: int, pairs: Pairs, asked: FlatAsked, counts: Ints) -> int:
    """Return the customers of a pattern, which has two items at least."""
    place = node - asked.n_items
    known = len(pairs.counts)
    return int(pairs.counts[place] if place < known else counts[place - known])


@inner
def _push(
    stack: Ints, depth: int, rows: int, kept_low: int, kept_high: int, top: int, size: int,
    length: int, item: int,
) -> None:  # fmt: skip
    stack[depth, 0] = rows
    stack[depth, 1] = rows
    stack[depth, 2] = kept_low
    stack[depth, 3] = kept_high
    stack[depth, 4] = top
    stack[depth, 5] = size
    stack[depth, 6] = length
    stack[depth, 7] = item


@inner
def _hold(
    held: Longs, n_held: int, counts: Ints, low: int, high: int, asked: FlatAsked, least: int
) -> tuple[int, int]:
    """Count the patterns by their counts, and raise the threshold to that of the best k."""
    for found in range(low, high):
        held[counts[found]] += 1
    n_held += high - low
    while least <= asked.n_customers and n_held - held[least] >= asked.top_k:
        n_held -= held[least]
        least += 1
    return n_held, least


@compiled
def bits_of(starts: Longs, stops: Longs, items: Ints) -> Longs:
    """Return one bit for each frequent pair; nothing if there are too many items."""
    n = len(starts)
    width = (n + 63) >> 6 if n <= _WIDE else 0
    bits = np.zeros(n * width, dtype=np.int64)
    if width:
        for first in range(n):
            for p in range(starts[first], stops[first]):
                item = items[p]
                bits[first * width + (item >> 6)] |= np.int64(1) << np.int64(item & 63)
    return bits


@compiled
def mine_flat(
    first_items: Ints, runs: Runs, pairs: Pairs, asked: FlatAsked, weights: Longs, signal: Longs
) -> tuple[int, Ints, Ints, Ints, Longs]:
    """Find the patterns of three items and more that begin with some items.

    Returns how many of the items are done, and the parent, the last item, the customers and the
    summed weights of each pattern. Parents below the number of items are the items, then come
    the pairs; the patterns here are numbered from there on. When more than `quota` entries have
    been looked at, the item of the moment is given up, and so are all behind it. A first value of
    `signal` other than 0 stops the search; the second is the number of patterns so far.
    """
    has_weights = len(weights) > 0
    n_items, n_known = asked.n_items, asked.n_items + len(pairs.items)
    first_bits = pairs.bits
    ends = np.empty((n_items + 63) >> 6, dtype=np.int64)
    code = np.full(n_items, -1, dtype=np.int32)
    seen = np.empty(n_items, dtype=np.int32)
    slot = np.empty(n_items, dtype=np.int32)
    tally = np.zeros(n_items, dtype=np.int32)
    found_items = np.empty(n_items + 1, dtype=np.int32)
    sums = np.zeros(n_items if has_weights else 0, dtype=np.int64)
    no_tail = np.empty(0, dtype=np.int32)
    entries = np.empty(1024, dtype=np.int32)
    rows = np.empty(1024, dtype=np.int32)
    counts = np.empty(256, dtype=np.int32)
    totals = np.empty(256 if has_weights else 0, dtype=np.int64)
    bits = np.empty(64, dtype=np.int64)
    # Next items of the patterns of the stack: code, pattern, item.
    kept = np.empty((1024, 3), dtype=np.int32)
    # First row, end of rows, of kept, end of kept, of entries, size of the source, length of the
    # pattern, its last item.
    stack = np.empty((64, 8), dtype=np.int32)
    out_parent = np.empty(1024, dtype=np.int32)
    out_item = np.empty(1024, dtype=np.int32)
    out_counts = np.empty(1024, dtype=np.int32)
    out_totals = np.empty(1024 if has_weights else 0, dtype=np.int64)
    held = np.zeros(asked.n_customers + 2 if asked.top_k > 0 else 0, dtype=np.int64)
    n_held, n_found, work, done = 0, 0, 0, 0
    least = asked.min_count
    for first in first_items:
        n_before = n_found
        low, high = int(pairs.starts[first]), int(pairs.stops[first])
        n = high - low
        kept = larger_rows(kept, 0, n)
        width = (n_items + 63) >> 6 if len(first_bits) else 0
        at = _keep_partners(
            pairs.items[low:high], n, first_bits, first, width, ends, kept, -1, 0, n_items + low
        )
        depth = 0
        if at > 0:
            low, high = int(runs.starts[first]), int(runs.stops[first])
            rows = larger(rows, 0, high - low)
            rows[: high - low] = runs.rows[low:high]
            _push(stack, 0, 0, 0, at, 0, len(runs.entries), 1, first)
            stack[0, 1] = high - low
            depth = 1
        while depth > 0 and signal[0] == 0 and work <= asked.quota:
            depth -= 1
            low, high = int(stack[depth, 0]), int(stack[depth, 1])
            if high - low < least:
                continue
            kept_low, kept_high = int(stack[depth, 2]), int(stack[depth, 3])
            top, size = int(stack[depth, 4]), int(stack[depth, 5])
            length = int(stack[depth, 6])
            entries = larger(entries, top, top + size)
            n = kept_high - kept_low
            for k in range(n):
                code[kept[kept_low + k, 0]] = k
            source = runs.entries if length == 1 else entries
            end, used = _project(source, rows, low, high, code, entries, top)
            for k in range(n):
                code[kept[kept_low + k, 0]] = -1
            work += used + n * n
            if end - top < 3 * least:
                continue
            knows_pairs = n * n <= asked.cells * (end - top)
            width = (n + 63) >> 6 if knows_pairs else 0
            place = high
            if knows_pairs:
                counts = larger(counts, 0, n * n)
                counts[: n * n] = 0
                add_pairs(entries, entries, no_tail, seen, top, end, n, counts)
                bits = larger(bits, 0, n * width)
                if _mark_pairs(counts, n, least, bits) == 0:
                    continue
                if has_weights:
                    totals = larger(totals, 0, n * n)
                    totals[: n * n] = 0
                    add_weights(entries, seen, top, end, n, weights, totals)
                slot[:n] = -1
            else:
                for k in range(n):
                    slot[k] = place
                    place += _customers(kept[kept_low + k, 1], pairs, asked, out_counts)
                rows = larger(rows, high, place + 1)
                _find_rows(entries, top, end, slot, seen, n, rows)
                place = high
            at = kept_high
            bottom = depth
            n_start = n_found
            for k in range(n):
                node = kept[kept_low + k, 1]
                n_rows = _customers(node, pairs, asked, out_counts)
                start = place
                if n_found + n > len(out_parent):
                    out_parent = larger(out_parent, n_found, n_found + n)
                    out_item = larger(out_item, n_found, len(out_parent))
                    out_counts = larger(out_counts, n_found, len(out_parent))
                    if has_weights:
                        out_totals = larger(out_totals, n_found, len(out_parent))
                found = 0
                if knows_pairs:
                    for word in range(width):
                        here = bits[k * width + word]
                        while here != 0:
                            item = (word << 6) + trailing_zeros(here)
                            here &= here - 1
                            found_items[found] = item
                            out_counts[n_found + found] = counts[k * n + item]
                            if has_weights:
                                out_totals[n_found + found] = totals[k * n + item]
                            found += 1
                else:
                    place += n_rows
                    n_touched = follow_rows(
                        entries, no_tail, rows, start, slot[k], tally, found_items
                    )
                    if has_weights:
                        weigh_rows(entries, rows, start, slot[k], weights, sums)
                    for t in range(n_touched):
                        item = found_items[t]
                        found_items[found] = item
                        out_counts[n_found + found] = tally[item]
                        if has_weights:
                            out_totals[n_found + found] = sums[item]
                            sums[item] = 0
                        found += int(tally[item] >= least)
                        tally[item] = 0
                if found == 0:
                    continue
                for t in range(found):
                    out_parent[n_found + t] = node
                    out_item[n_found + t] = kept[kept_low + found_items[t], 2]
                if asked.max_length > length + 2:
                    kept = larger_rows(kept, at, at + found)
                    stop = _keep_partners(
                        found_items, found, bits, k, width, ends, kept, kept_low, at,
                        n_known + n_found,
                    )  # fmt: skip
                    if stop > at:
                        if knows_pairs:
                            slot[k] = place
                            place += n_rows
                        stack = larger_rows(stack, depth, depth + 1)
                        _push(stack, depth, start, at, stop, end, end - top, length + 1, k)
                        depth += 1
                        at = stop
                n_found += found
            if depth > bottom:
                if knows_pairs:
                    rows = larger(rows, high, place + 1)
                    _find_rows(entries, top, end, slot, seen, n, rows)
                for s in range(bottom, depth):
                    stack[s, 1] = slot[stack[s, 7]]
            if asked.top_k > 0 and asked.min_length <= length + 2:
                n_held, least = _hold(held, n_held, out_counts, n_start, n_found, asked, least)
            signal[1] = n_found
        if signal[0] != 0:
            break
        if depth > 0:
            n_found = n_before
            break
        done += 1
    return (
        done,
        out_parent[:n_found].copy(),
        out_item[:n_found].copy(),
        out_counts[:n_found].copy(),
        out_totals[: n_found if has_weights else 0].copy(),
    )
