"""Items to the left: does a set that begins with one item belong to an earlier one?

Baskets hold ranks in ascending order, so items before the first item of a set stand to its left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, count_ones, trailing_zeros

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = [
    "any_around",
    "any_common",
    "any_in_all",
    "any_in_enough",
    "count_left",
    "fill_left",
    "is_inside",
    "list_positions",
]


@compiled
def list_positions(
    words: Array, start: Number, width: Number, row_of: Array, origin: Array, into: Array
) -> Number:
    """Write where in the rows the baskets of a bitmap are; return how many."""
    n = 0
    for word in range(width):
        bits = words[start + word]
        while bits != 0:
            row = row_of[(word << 6) + trailing_zeros(bits)]
            bits &= bits - np.uint64(1)
            into[n] = row
            n += 1
    for which in range(n):
        into[which] = origin[into[which]]
    return n


@compiled
def any_in_all(rows: Array, positions: Array, n: Number, end: Number, kept: Array) -> bool:
    """Whether an item stands to the left of all positions."""
    n_kept = 0
    here = positions[0] - 1
    while rows[here] != end:
        kept[n_kept] = rows[here]
        n_kept += 1
        here -= 1
    for which in range(1, n):
        if n_kept == 0:
            return False
        here = positions[which] - 1
        left = 0
        for place in range(n_kept):
            item = kept[place]
            while rows[here] != end and rows[here] > item:
                here -= 1
            if rows[here] == item:
                kept[left] = item
                left += 1
        n_kept = left
    return n_kept > 0


@compiled
def any_in_enough(
    rows: Array,
    positions: Array,
    weights: Array,
    n: Number,
    end: Number,
    min_count: Number,
    counts: Array,
) -> bool:
    """Whether an item stands to the left of positions of weight `min_count` together.

    `counts` is all noughts before and after; no weights means one each.
    """
    met = False
    last = n
    for which in range(n):
        here = positions[which] - 1
        weight = weights[which] if len(weights) > 0 else 1
        while rows[here] != end:
            counts[rows[here]] += weight
            if counts[rows[here]] >= min_count:
                met = True
            here -= 1
        if met:
            last = which + 1
            break
    for which in range(last):
        here = positions[which] - 1
        while rows[here] != end:
            counts[rows[here]] = 0
            here -= 1
    return met


@compiled
def is_inside(words: Array, small: Number, large: Number, width: Number) -> bool:
    """Whether the first bitmap has no bit that the second lacks."""
    for word in range(width):  # noqa: SIM110 - compiled
        if words[small + word] & ~words[large + word]:
            return False
    return True


@compiled
def count_left(
    rows: Array,
    words: Array,
    n_slots: Number,
    width: Number,
    row_of: Array,
    origin: Array,
    shift: Array,
    end: Number,
    min_count: Number,
    counts: Array,
    left_id: Array,
    found: Array,
) -> Number:
    """Find the items to the left of enough baskets of a first item, and give them ids."""
    n_found = 0
    for word in range(width):
        bits = _any_of(words, n_slots, width, word)
        weight = np.int64(1) << shift[word]
        while bits != 0:
            here = origin[row_of[(word << 6) + trailing_zeros(bits)]] - 1
            bits &= bits - np.uint64(1)
            while rows[here] != end:
                item = rows[here]
                before = counts[item]
                counts[item] = before + weight
                if before < min_count and before + weight >= min_count:
                    left_id[item] = n_found
                    found[n_found] = item
                    n_found += 1
                here -= 1
    for word in range(width):
        bits = _any_of(words, n_slots, width, word)
        while bits != 0:
            here = origin[row_of[(word << 6) + trailing_zeros(bits)]] - 1
            bits &= bits - np.uint64(1)
            while rows[here] != end:
                counts[rows[here]] = 0
                here -= 1
    return n_found


@compiled
def fill_left(
    rows: Array,
    words: Array,
    n_slots: Number,
    width: Number,
    row_of: Array,
    origin: Array,
    end: Number,
    left_id: Array,
    left: Array,
) -> None:
    """Write a bitmap, over the same baskets, for each item that `count_left` found."""
    for word in range(width):
        bits = _any_of(words, n_slots, width, word)
        while bits != 0:
            bit = bits & (~bits + np.uint64(1))
            here = origin[row_of[(word << 6) + trailing_zeros(bits)]] - 1
            bits ^= bit
            while rows[here] != end:
                which = left_id[rows[here]]
                if which >= 0:
                    left[which * width + word] |= bit
                here -= 1


@compiled
def _any_of(words: Array, n_slots: Number, width: Number, word: Number) -> Number:
    bits = np.uint64(0)
    for slot in range(n_slots):
        bits |= words[slot * width + word]
    return bits


@compiled
def any_around(words: Array, here: Number, left: Array, n_left: Number, width: Number) -> bool:
    """Whether one of the first `n_left` bitmaps of `left` has all bits of the one `here`."""
    for which in range(n_left):
        start = which * width
        inside = True
        for word in range(width):
            if words[here + word] & ~left[start + word]:
                inside = False
                break
        if inside:
            return True
    return False


@compiled
def any_common(
    words: Array,
    here: Number,
    left: Array,
    n_left: Number,
    width: Number,
    shift: Array,
    min_count: Number,
) -> bool:
    """Whether one of them shares bits worth `min_count` baskets with the one `here`."""
    for which in range(n_left):
        ahead = np.uint64(which * width)
        start = np.uint64(here)
        total = 0
        for word in range(np.uint64(width)):
            total += count_ones(words[start + word] & left[ahead + word]) << shift[word]
        if total >= min_count:
            return True
    return False
