"""The first two items of itemsets: pairs counted where they stand, bitmaps of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_recode import ramps
from userportrait.patterns._numpy_search import Siblings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._numpy_recode import Deliveries, Recoded
    from userportrait.patterns._numpy_search import Search

__all__ = ["search_blocks"]

_MOST_CELLS = 1 << 18
_MOST_DELIVERED = 1 << 19
_MOST_WORDS = 1 << 20


def search_blocks(recoded: Recoded, search: Search) -> None:
    """Find all cores, a block of first items at a time."""
    n_items = len(recoded.items)
    n_free = len(recoded.universal)
    top = np.full(n_items, -1, dtype=np.int64)
    ranks = np.arange(n_items)
    search.cores.add(top, ranks, recoded.counts, 1)
    if not search.may_grow(1):
        search.tally(np.full(n_items, n_free), 1)
        return
    for low, high in _blocks(recoded):
        search.share = float(recoded.long.ptr[low] / max(recoded.long.ptr[-1], 1))
        search.ask()
        level = _second_level(recoded, search, low, high)
        if level is not None:
            search.deepen(level, 2)


def _blocks(recoded: Recoded) -> Iterator[tuple[int, int]]:
    """Cut the first items so that tables and bitmaps of a block stay small and of like width."""
    long = recoded.long
    n_items = len(recoded.items)
    reach = np.concatenate(([0], np.cumsum(long.tail)))[long.ptr]
    words = _n_words(recoded, 0, n_items)
    low = 0
    while low < n_items:
        high = low + max(1, _MOST_CELLS // (n_items - low))
        high = min(high, int(np.searchsorted(reach, reach[low] + _MOST_DELIVERED, "right")) - 1)
        wider = np.flatnonzero(words[low : max(high, low + 1)] > max(2, 2 * words[low]))
        high = min(high, low + int(wider[0])) if len(wider) else high
        high = min(max(high, low + 1), n_items)
        yield low, high
        low = high


def _n_words(recoded: Recoded, low: int, high: int) -> NDArray[np.int64]:
    return (np.diff(recoded.long.ptr[low : high + 1]) + 63) >> 6


def _second_level(recoded: Recoded, search: Search, low: int, high: int) -> Siblings | None:
    """Count the pairs of a block's items with all later ones; return those to search on."""
    n_items = len(recoded.items)
    width = n_items - low
    cells = (high - low) * width
    table = _counted(recoded.short, recoded.entries, low, high, width, cells)
    parts = list(_delivered(recoded.long, recoded.entries, low, high, width))
    for code, _, weights in parts:
        table += _table(code, weights, cells)
    frequent = np.flatnonzero(table >= search.min_count)
    first, item = frequent // width, frequent % width + low
    count = table[frequent]
    free = count == recoded.counts[low + first]
    search.cores.set_aside(low + first[free], item[free])
    n_free = np.bincount(first[free], minlength=high - low) + len(recoded.universal)
    search.tally(n_free, 1)
    kept = np.flatnonzero(~free)
    frequent, first, item, count = frequent[kept], first[kept], item[kept], count[kept]
    core = search.cores.add(low + first, item, count, 2)
    size = np.bincount(first, minlength=high - low)
    after = np.cumsum(size)[first] - 1 - np.arange(len(first))
    grows = (size[first] > 1) & search.may_grow(2)
    search.tally(n_free[first[~grows]], 2)
    some = np.flatnonzero(grows)
    if not len(some):
        return None
    row = np.full(cells, -1, dtype=np.int64)
    row[frequent[some]] = np.arange(len(some))
    bits, scale = _bitmaps(recoded, parts, row, len(some), low, high)
    columns = (core[some], item[some], count[some], after[some], n_free[first[some]])
    return Siblings(*columns, bits, None if scale is None else scale[first[some]])


def _table(
    code: NDArray[np.int64], weights: NDArray[np.int64] | None, cells: int
) -> NDArray[np.int64]:
    if weights is None:
        return np.bincount(code, minlength=cells)
    return np.bincount(code, weights, minlength=cells).astype(np.int64)


def _counted(
    short: Deliveries, entries: NDArray[np.int64], low: int, high: int, width: int, cells: int
) -> NDArray[np.int64]:
    begin, end = short.ptr[low], short.ptr[high]
    base = np.repeat(np.arange(high - low) * width - low, np.diff(short.ptr[low : high + 1]))
    weights = None if short.weights is None else short.weights[begin:end]
    return _table(entries[short.start[begin:end]] + base, weights, cells)


def _delivered(
    long: Deliveries, entries: NDArray[np.int64], low: int, high: int, width: int
) -> Iterator[tuple[NDArray[np.int64], slice, NDArray[np.int64] | None]]:
    """Yield for some places at a time the cell of each pair that begins there."""
    begin, end = int(long.ptr[low]), int(long.ptr[high])
    base = np.repeat(np.arange(high - low) * width - low, np.diff(long.ptr[low : high + 1]))
    places = slice(begin, end)
    tail = long.tail[places]
    code = entries[ramps(tail, long.start[places])]
    code += np.repeat(base, tail)
    weights = None if long.weights is None else np.repeat(long.weights[places], tail)
    yield code, places, weights


def _bitmaps(
    recoded: Recoded,
    parts: list[tuple[NDArray[np.int64], slice, NDArray[np.int64] | None]],
    row: NDArray[np.int64],
    n_rows: int,
    low: int,
    high: int,
) -> tuple[NDArray[np.uint64], NDArray[np.int64] | None]:
    """Return for each row the places of its first item at which the pair stands."""
    long = recoded.long
    sizes = np.diff(long.ptr[low : high + 1])
    places = slice(int(long.ptr[low]), int(long.ptr[high]))
    planes, words = _planes(long, sizes, places)
    halves = np.zeros(n_rows * 2 * words)
    for code, some, _ in parts:
        found = row[code]
        tail = long.tail[some]
        for place in planes:
            bit = np.repeat(place[some.start - places.start : some.stop - places.start], tail)
            there = np.flatnonzero((found >= 0) & (bit >= 0))
            bit = bit[there]
            cell = found[there] * (2 * words) + (bit >> 5)
            halves += np.bincount(cell, _POWERS[bit & 31], minlength=len(halves))
    bits = halves.astype(np.uint32).view(np.uint64).reshape(n_rows, words)
    return bits, None if long.weights is None else _scale(planes, sizes, words)


_POWERS = 2.0 ** np.arange(32)


def _planes(
    long: Deliveries, sizes: NDArray[np.int64], places: slice
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the bit of each place, and the words that suffice for every item of the block.

    A place that counts for several baskets has one bit for each binary digit of their number;
    the bits of one digit fill words of their own. A place without the digit has -1.
    """
    first = np.cumsum(sizes) - sizes
    if long.weights is None:
        ranks = np.arange(int(sizes.sum())) - np.repeat(first, sizes)
        return [ranks], max(1, int((sizes.max() + 63) >> 6))
    weights = long.weights[places]
    used = np.zeros(len(sizes), dtype=np.int64)
    planes: list[NDArray[np.int64]] = []
    for digit in range(int(weights.max(initial=1)).bit_length()):
        has = (weights >> digit) & 1
        before = np.concatenate(([0], np.cumsum(has)))
        start = np.repeat(used * 64 - before[first], sizes)
        planes.append(np.where(has > 0, start + before[:-1], -1))
        used += (before[first + sizes] - before[first] + 63) >> 6
    return planes, max(1, int(used.max()))


def _scale(
    planes: list[NDArray[np.int64]], sizes: NDArray[np.int64], words: int
) -> NDArray[np.int64]:
    """Return for each item of a block what a bit of each word counts for."""
    scale = np.zeros((len(sizes), words), dtype=np.int64)
    item = np.repeat(np.arange(len(sizes)), sizes)
    for digit, place in enumerate(planes):
        there = place >= 0
        scale[item[there], place[there] >> 6] = 1 << digit
    return scale
