"""Sets of baskets and of items as 64-bit words, for the compiled miners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numba_compile import compiled, count_ones

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["count_common", "count_common_weighted", "keep_common", "set_bit", "sort_found"]


@compiled
def count_common(words: Array, left: Number, right: Number, width: Number) -> Number:
    """Count the bits that two stretches of `words` share."""
    ahead = np.uint64(right) - np.uint64(left)
    first = np.uint64(left)
    total = 0
    for position in range(first, first + np.uint64(width)):
        total += count_ones(words[position] & words[position + ahead])
    return total


@compiled
def count_common_weighted(
    words: Array, left: Number, right: Number, width: Number, shift: Array
) -> Number:
    """Count them where a bit of word `w` stands for 2 ** shift[w] baskets."""
    ahead = np.uint64(right) - np.uint64(left)
    behind = np.uint64(left)
    total = 0
    for word in range(np.uint64(width)):
        position = word + behind
        total += count_ones(words[position] & words[position + ahead]) << shift[word]
    return total


@compiled
def keep_common(words: Array, left: Number, right: Number, into: Number, width: Number) -> None:
    """Write the shared bits of two stretches to a third."""
    second = np.uint64(right) - np.uint64(left)
    third = np.uint64(into) - np.uint64(left)
    first = np.uint64(left)
    for position in range(first, first + np.uint64(width)):
        words[position + third] = words[position] & words[position + second]


@compiled
def set_bit(words: Array, start: Number, bit: Number) -> None:
    """Set one bit of the set that begins at word `start`."""
    words[start + (bit >> 6)] |= np.uint64(1) << np.uint64(bit & 63)


@compiled
def sort_found(values: Array, n: Number) -> None:
    """Sort the first `n` values ascending, in place (Shell, 1959)."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for here in range(gap, n):
            value = values[here]
            back = here
            while back >= gap and values[back - gap] > value:
                values[back] = values[back - gap]
                back -= gap
            values[back] = value
        gap //= 3
