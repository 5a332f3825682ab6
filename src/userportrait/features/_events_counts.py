"""Sort and count rows of small whole numbers, packed into one integer each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["count_rows", "distinct_rows", "is_new", "pack", "run_lengths", "sum_rows", "unpack"]

_BITS = 63


def pack(keys: Sequence[NDArray[Any]], sizes: Sequence[int]) -> NDArray[np.int64] | None:
    """Put several whole numbers into one that sorts as they do; None if 63 bits are too few.

    Parameters
    ----------
    keys : sequence of ndarray of int
        From 0 to below the size.
    sizes : sequence of int
    """
    widths = [_width(size) for size in sizes]
    if sum(widths) > _BITS:
        return None
    packed: NDArray[np.int64] = keys[0].astype(np.int64)
    for key, width in zip(keys[1:], widths[1:], strict=True):
        packed <<= width
        packed |= key
    return packed


def unpack(packed: NDArray[np.int64], sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """Take apart what `pack` put together."""
    found: list[NDArray[np.int64]] = []
    for size in reversed(sizes[1:]):
        width = _width(size)
        found.append(packed & ((1 << width) - 1))
        packed = packed >> width
    return [packed, *reversed(found)]


def _width(size: int) -> int:
    return max(int(size) - 1, 0).bit_length()


def is_new(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows differ from the row before in any key; the first one does."""
    new = np.ones(len(keys[0]), dtype=bool)
    if len(new) > 1:
        np.not_equal(keys[0][1:], keys[0][:-1], out=new[1:])
        for key in keys[1:]:
            new[1:] |= key[1:] != key[:-1]
    return new


def run_lengths(starts: NDArray[np.intp], n: int) -> NDArray[np.int64]:
    """Return how many rows follow each start, up to the next one."""
    lengths = np.empty(len(starts), dtype=np.int64)
    if len(starts):
        np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
        lengths[-1] = n - starts[-1]
    return lengths


def count_rows(
    keys: Sequence[NDArray[Any]], sizes: Sequence[int]
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the distinct rows, sorted by the keys in turn, and how often each comes.

    Parameters
    ----------
    keys : sequence of ndarray of int
        From 0 to below the size.
    sizes : sequence of int
    """
    rows, starts = _sorted_rows(keys, sizes)
    return rows, run_lengths(starts, len(keys[0]))


def distinct_rows(keys: Sequence[NDArray[Any]], sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return the distinct rows, sorted by the keys in turn."""
    return _sorted_rows(keys, sizes)[0]


def _sorted_rows(
    keys: Sequence[NDArray[Any]], sizes: Sequence[int]
) -> tuple[list[NDArray[np.int64]], NDArray[np.intp]]:
    """Return the distinct rows in order, and where each starts among all rows in order."""
    packed = pack(keys, sizes)
    if packed is None:
        order = np.lexsort(tuple(reversed(keys)))
        chosen = [key[order].astype(np.int64) for key in keys]
        starts = np.flatnonzero(is_new(*chosen))
        return [key[starts] for key in chosen], starts
    packed.sort()
    new = is_new(packed)
    if new.all():
        return unpack(packed, sizes), np.arange(len(packed))
    starts = np.flatnonzero(new)
    return unpack(packed[starts], sizes), starts


def sum_rows(
    keys: Sequence[NDArray[Any]], sizes: Sequence[int], n: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the distinct rows, sorted by the keys in turn, and the sum of `n` over each."""
    packed = pack(keys, sizes)
    order = np.lexsort(tuple(reversed(keys))) if packed is None else np.argsort(packed)
    chosen = [key[order].astype(np.int64) for key in keys] if packed is None else [packed[order]]
    starts = np.flatnonzero(is_new(*chosen))
    sums = np.add.reduceat(n[order], starts) if len(starts) else np.zeros(0, dtype=np.int64)
    found = [key[starts] for key in chosen]
    return (found if packed is None else unpack(found[0], sizes)), sums
