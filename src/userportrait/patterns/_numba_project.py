"""The baskets of one first item: delivered, thinned out, turned into bitmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, fetch_ahead, trailing_zeros
from userportrait.patterns._numba_words import set_bit, sort_found

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = [
    "count_pairs",
    "deliver",
    "fill_bitmaps",
    "forget",
    "keep_frequent_pairs",
    "known_partners",
    "plan_columns",
    "thin_out",
    "with_partners",
]

AHEAD = 16  # rows asked of memory before they are read


@compiled
def deliver(
    rows: Array,
    places: Array,
    heavy: Array,
    first: Number,
    last: Number,
    end: Number,
    min_count: Number,
    least: Number,
    counts: Array,
    found: Array,
    copied: Array,
    weights: Array,
    origin: Array,
) -> tuple[Number, Number, Number]:
    """Count what stands to the right of one item; copy stretches of `least` items or more.

    Returns the number of frequent companions (in `found`, ascending), of entries copied (each
    row closed by `end`) and of rows copied. `counts` is left filled.
    """
    if len(heavy) > 0:
        return _deliver_weighted(
            rows, places, heavy, first, last, end, min_count, least, counts, found, copied,
            weights, origin,
        )  # fmt: skip
    n_found = 0
    n_copied = np.uint64(0)
    n_rows = np.uint64(0)
    one = np.uint64(1)
    for entry in range(np.uint64(first), np.uint64(last)):
        fetch_ahead(rows, np.int64(places[min(entry + np.uint64(AHEAD), np.uint64(last) - one)]))
        position = places[entry]
        begin = n_copied
        here = np.uint64(position) + one
        while rows[here] != end:
            item = np.uint32(rows[here])
            count = counts[item] + 1
            counts[item] = count
            copied[n_copied] = item
            if count == min_count:
                found[n_found] = item
                n_found += 1
            n_copied += one
            here += one
        copied[n_copied] = end
        origin[n_rows] = position
        enough = n_copied - begin >= np.uint64(least)
        n_copied = n_copied + one if enough else begin
        n_rows += np.uint64(enough)
    weights[: np.int64(n_rows)] = 1
    sort_found(found, n_found)
    return n_found, np.int64(n_copied), np.int64(n_rows)


@compiled
def _deliver_weighted(
    rows: Array,
    places: Array,
    heavy: Array,
    first: Number,
    last: Number,
    end: Number,
    min_count: Number,
    least: Number,
    counts: Array,
    found: Array,
    copied: Array,
    weights: Array,
    origin: Array,
) -> tuple[Number, Number, Number]:
    n_found = 0
    n_copied = 0
    n_rows = 0
    for entry in range(first, last):
        position = places[entry]
        weight = heavy[entry]
        begin = n_copied
        here = position + 1
        while rows[here] != end:
            item = rows[here]
            before = counts[item]
            counts[item] = before + weight
            if before < min_count and before + weight >= min_count:
                found[n_found] = item
                n_found += 1
            copied[n_copied] = item
            n_copied += 1
            here += 1
        if n_copied - begin >= least:
            copied[n_copied] = end
            n_copied += 1
            weights[n_rows] = weight
            origin[n_rows] = position
            n_rows += 1
        else:
            n_copied = begin
    sort_found(found, n_found)
    return n_found, n_copied, n_rows


@compiled
def forget(
    rows: Array, places: Array, first: Number, last: Number, end: Number, counts: Array
) -> None:
    """Set the counts that `deliver` made to nought."""
    for entry in range(first, last):
        here = places[entry] + 1
        while rows[here] != end:
            counts[rows[here]] = 0
            here += 1


@compiled
def thin_out(
    copied: Array,
    n_copied: Number,
    end: Number,
    new_id: Array,
    new_end: Number,
    least: Number,
    weights: Array,
    origin: Array,
) -> tuple[Number, Number, Number]:
    """Keep items with a new id, in rows that keep `least` of them; in place.

    Returns the entries and rows left, and how many pairs they hold.
    """
    n_left = 0
    n_rows = 0
    n_pairs = 0
    begin = 0
    row = 0
    for entry in range(n_copied):
        item = copied[entry]
        if item != end:
            mapped = new_id[item]
            copied[n_left] = mapped
            n_left += mapped >= 0
        else:
            length = n_left - begin
            if length >= least:
                n_pairs += length * (length - 1) // 2
                copied[n_left] = new_end
                n_left += 1
                weights[n_rows] = weights[row]
                origin[n_rows] = origin[row]
                n_rows += 1
                begin = n_left
            else:
                n_left = begin
            row += 1
    return n_left, n_rows, n_pairs


@compiled
def known_partners(
    pairs: Array,
    ids: Array,
    n: Number,
    known_until: Number,
    known_from: Number,
    sets: Array,
    width: Number,
) -> None:
    """Fill row b of `sets` with those c after b that may be frequent together with b.

    `pairs` holds, by rank, the frequent pairs found so far; items from `known_until` up to
    `known_from` have not been looked at yet.
    """
    six, low, one = np.uint64(6), np.uint64(63), np.uint64(1)
    for left in range(n):
        rank = ids[left]
        sure = pairs.shape[1] > 0 and (rank < known_until or rank >= known_from)
        known = np.uint64(rank)
        first = left + 1
        sets[left * width : (left + 1) * width] = 0
        for word in range(first >> 6, width):
            bits = np.uint64(0)
            for right in range(max(first, word << 6), min(n, (word + 1) << 6)):
                other = np.uint64(ids[right])
                fits = pairs[known, other >> six] >> (other & low) if sure else one
                bits |= (fits & one) << (np.uint64(right) & low)
            sets[left * width + word] = bits


@compiled
def with_partners(sets: Array, n: Number, width: Number, depth: Number, marks: Array) -> Number:
    """Mark what has a partner in `sets`, or for depth 2, two that are partners themselves."""
    marks[:width] = 0
    for left in range(n):
        here = left * width
        for word in range(width):
            bits = sets[here + word]
            while bits != 0:
                right = (word << 6) + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                if depth == 1:
                    set_bit(marks, 0, left)
                    set_bit(marks, 0, right)
                    continue
                there = right * width
                met = False
                for other in range(width):
                    shared = sets[here + other] & sets[there + other]
                    if shared != 0:
                        marks[other] |= shared
                        met = True
                if met:
                    set_bit(marks, 0, left)
                    set_bit(marks, 0, right)
    total = 0
    for item in range(n):
        if (marks[item >> 6] >> np.uint64(item & 63)) & np.uint64(1):
            total += 1
    return total


@compiled
def count_pairs(
    copied: Array, n_copied: Number, end: Number, weights: Array, n: Number, table: Array
) -> None:
    """Count all pairs of the rows in `table[left * n + right]`."""
    table[: n * n] = 0
    begin = 0
    row = 0
    for entry in range(n_copied):
        if copied[entry] != end:
            continue
        weight = weights[row]
        row += 1
        for left in range(begin, entry - 1):
            base = copied[left] * n
            for right in range(left + 1, entry):
                table[base + copied[right]] += weight
        begin = entry + 1


@compiled
def keep_frequent_pairs(
    table: Array, n: Number, min_count: Number, sets: Array, width: Number
) -> None:
    """Fill row b of `sets` with those c after b that are frequent together with b."""
    low = np.uint64(63)
    for left in range(n):
        first = left + 1
        base = np.uint64(left * n)
        sets[left * width : (left + 1) * width] = 0
        for word in range(first >> 6, width):
            bits = np.uint64(0)
            for right in range(
                np.uint64(max(first, word << 6)), np.uint64(min(n, (word + 1) << 6))
            ):
                bits |= np.uint64(table[base + right] >= min_count) << (right & low)
            sets[left * width + word] = bits


@compiled
def plan_columns(weights: Array, n_rows: Number, planes: Array) -> Number:
    """Say at which bit the rows of each power of two begin; return the words needed.

    A row of weight 5 stands in the columns of 4 and of 1.
    """
    planes[:] = 0
    for row in range(n_rows):
        weight = weights[row]
        plane = 0
        while weight != 0:
            planes[plane] += weight & 1
            weight >>= 1
            plane += 1
    words = 0
    for plane in range(64):
        size = planes[plane]
        planes[plane] = words << 6
        words += (size + 63) >> 6
    return words


@compiled
def fill_bitmaps(
    copied: Array,
    n_copied: Number,
    end: Number,
    weights: Array,
    planes: Array,
    slots: Array,
    words: Array,
    width: Number,
    shift: Array,
    row_of: Array,
) -> None:
    """Set one bit for each row and item, in the stretch of `words` of the item's slot."""
    begin = 0
    row = 0
    for entry in range(n_copied):
        if copied[entry] != end:
            continue
        weight = weights[row]
        plane = 0
        while weight != 0:
            if weight & 1:
                column = planes[plane]
                planes[plane] += 1
                shift[column >> 6] = plane
                row_of[column] = row
                bit = np.uint64(1) << np.uint64(column & 63)
                word = column >> 6
                for place in range(begin, entry):
                    words[slots[copied[place]] * width + word] |= bit
            weight >>= 1
            plane += 1
        row += 1
        begin = entry + 1
