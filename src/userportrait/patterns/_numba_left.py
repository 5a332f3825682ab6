"""Items to the left: does a set that begins with one item belong to an earlier one?

Baskets hold ranks in ascending order, so items before the first item of a set stand to its left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from userportrait.patterns._numba_compile import compiled, trailing_zeros

__all__ = ["any_in_all", "any_in_enough", "is_inside", "list_positions"]

Array = np.ndarray[Any, Any]


@compiled
def list_positions(
    words: Array, start: int, width: int, row_of: Array, origin: Array, into: Array
) -> int:
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
def any_in_all(rows: Array, positions: Array, n: int, end: int, kept: Array) -> bool:
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
    n: int,
    end: int,
    min_count: int,
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
def is_inside(words: Array, small: int, large: int, width: int) -> bool:
    """Whether the first bitmap has no bit that the second lacks."""
    for word in range(width):
        if words[small + word] & ~words[large + word]:
            return False
    return True
