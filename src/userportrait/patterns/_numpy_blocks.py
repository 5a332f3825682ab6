"""The first two items of itemsets: pairs counted where they stand, bitmaps of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_recode import ramps
from userportrait.patterns._numpy_search import Siblings, Stamps, fitting_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._numpy_recode import Deliveries, Recoded
    from userportrait.patterns._numpy_search import Search

__all__ = ["search_blocks"]

_MOST_CELLS = 1 << 18
_MOST_DELIVERED = 1 << 18


def search_blocks(recoded: Recoded, search: Search, *, rarest_first: bool) -> None:
    """Find all cores, a block of first items at a time."""
    n_items = len(recoded.items)
    top = np.full(n_items, -1, dtype=np.int64)
    search.cores.add(top, np.arange(n_items), recoded.counts, 1, recoded.stamps)
    if not search.may_grow(1):
        search.tally(np.full(n_items, len(recoded.universal)), 1)
        search.complete_below = n_items
        return
    blocks = list(_blocks(recoded))
    n_places = max(len(recoded.long.start), 1)
    done = 0
    for low, high in blocks if rarest_first else blocks[::-1]:
        search.share = done / n_places
        search.ask()
        level = _second_level(recoded, search, low, high)
        if level is not None:
            search.deepen(level, 2)
        done += int(recoded.long.ptr[high] - recoded.long.ptr[low])
        search.complete_below = high if rarest_first else 0
    search.complete_below = n_items


def _blocks(recoded: Recoded) -> Iterator[tuple[int, int]]:
    """Cut the first items so that tables and bitmaps of a block stay small and of like width."""
    ptr = recoded.long.ptr
    n_items = len(recoded.items)
    reach = np.append(0, np.cumsum(recoded.long.tail))[ptr]
    words = (np.diff(ptr) + 63) >> 6
    low = 0
    while low < n_items:
        high = low + max(1, _MOST_CELLS // (n_items - low))
        high = min(high, int(np.searchsorted(reach, reach[low] + _MOST_DELIVERED, "right")) - 1)
        high = min(max(high, low + 1), n_items)
        wider = np.flatnonzero(words[low:high] > max(2, 1.4 * words[low]))
        high = low + int(wider[0]) if len(wider) else high
        yield low, high
        low = high


def _second_level(recoded: Recoded, search: Search, low: int, high: int) -> Siblings | None:
    """Count the pairs of a block's items with all later ones; return those to search on."""
    width = len(recoded.items) - low
    code, tails = _delivered(recoded, low, high)
    table = _pair_table(recoded, low, high, code)
    frequent = np.flatnonzero(table >= search.min_count)
    first, item = np.divmod(frequent, width)
    item += low
    count = table[frequent]
    if search.pairs is not None:
        search.pairs.mark(low + first, item)
    free = count == recoded.counts[low + first]
    search.cores.set_aside(low + first[free], item[free])
    n_free = np.bincount(first[free], minlength=high - low) + len(recoded.universal)
    search.tally(n_free, 1)
    kept = np.flatnonzero(~free)
    frequent, first, item, count = frequent[kept], first[kept], item[kept], count[kept]
    stamps = None if recoded.stamps is None else _pair_stamps(recoded, low, high, code)[frequent]
    core = search.cores.add(low + first, item, count, 2, stamps)
    size = np.bincount(first, minlength=high - low)
    after = np.cumsum(size)[first] - 1 - np.arange(len(first))
    grows = (size[first] > 1) & search.may_grow(2)
    search.tally(n_free[first[~grows]], 2)
    some = np.flatnonzero(grows)
    if not len(some):
        return None
    row = np.full(len(table), -1, dtype=np.int32)
    row[frequent[some]] = np.arange(len(some))
    bits, scale = _bitmaps(recoded.long, code, tails, row, len(some), low, high, size > 1)
    if recoded.stamps is not None:
        search.stamps = Stamps(_bit_stamps(recoded.long, low, high, bits.shape[1]))
    first = first[some]
    columns = (core[some], item[some], count[some], after[some], n_free[first], first)
    return Siblings(*columns, bits, None if scale is None else scale[first])


def _pair_table(
    recoded: Recoded, low: int, high: int, code: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return by cell how many baskets have the pair."""
    long, short = recoded.long, recoded.short
    cells = (high - low) * (len(recoded.items) - low)
    few = _short_cells(recoded, low, high)
    if long.weights is None or short.weights is None:
        found = np.bincount(code, minlength=cells)
        found += np.bincount(few, minlength=cells)
        return found
    places = _slice(long, low, high)
    weights = np.repeat(long.weights[places], long.tail[places])
    sums = np.bincount(code, weights, minlength=cells) + np.bincount(
        few, short.weights[_slice(short, low, high)], minlength=cells
    )
    return sums.astype(np.int64)


def _slice(deliveries: Deliveries, low: int, high: int) -> slice:
    return slice(int(deliveries.ptr[low]), int(deliveries.ptr[high]))


def _short_cells(recoded: Recoded, low: int, high: int) -> NDArray[np.int64]:
    """Return the cell of the pair at each place that has one item after it."""
    short = recoded.short
    width = len(recoded.items) - low
    base = np.repeat(np.arange(high - low) * width - low, np.diff(short.ptr[low : high + 1]))
    base += recoded.entries[short.start[_slice(short, low, high)]]
    return base


def _delivered(
    recoded: Recoded, low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cell of each pair by its first item, and how many pairs each item has."""
    long = recoded.long
    width = len(recoded.items) - low
    places = _slice(long, low, high)
    tail = long.tail[places]
    reach = np.append(0, np.cumsum(tail))
    tails = np.diff(reach[long.ptr[low : high + 1] - places.start])
    code = np.repeat(np.arange(high - low) * width - low, tails)
    code += recoded.entries.take(ramps(tail, long.start[places]))
    return code, tails


def _bitmaps(
    long: Deliveries,
    code: NDArray[np.int64],
    tails: NDArray[np.int64],
    row: NDArray[np.int32],
    n_rows: int,
    low: int,
    high: int,
    alive: NDArray[np.bool_],
) -> tuple[NDArray[np.uint64], NDArray[np.int64] | None]:
    """Return for each row the places of its first item at which the pair stands."""
    sizes = np.diff(long.ptr[low : high + 1])
    places = _slice(long, low, high)
    planes, used_words = _planes(long, sizes, places)
    words = fitting_words(int(used_words[alive].max()) * 64)
    used = np.repeat(alive, sizes)
    tail = long.tail[places]
    if not alive.all():
        code = code[np.repeat(alive, tails)]
        tail = tail[used]
    found = row.take(code)
    there = np.flatnonzero(found >= 0)
    found = found[there].astype(np.int64)
    found *= 2 * words
    halves = np.zeros(n_rows * 2 * words)
    for place in planes:
        bit = np.repeat(place[used], tail)[there]
        cell = found + (bit >> 5)
        power = _POWERS[bit & 31]
        if long.weights is not None:
            cell, power = cell[bit >= 0], power[bit >= 0]
        halves += np.bincount(cell, power, minlength=len(halves))
    bits = halves.astype("<u4").view("<u8").astype(np.uint64, copy=False).reshape(n_rows, words)
    return bits, None if long.weights is None else _scale(planes, sizes, words)


_POWERS = 2.0 ** np.arange(32)


def _planes(
    long: Deliveries, sizes: NDArray[np.int64], places: slice
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the bit of each place, and how many words each item of the block needs.

    A place that counts for several baskets has one bit for each binary digit of their number;
    the bits of one digit fill words of their own. A place without the digit has -1.
    """
    first = np.cumsum(sizes) - sizes
    if long.weights is None:
        ranks = np.arange(int(sizes.sum())) - np.repeat(first, sizes)
        return [ranks], (sizes + 63) >> 6
    weights = long.weights[places]
    used = np.zeros(len(sizes), dtype=np.int64)
    planes: list[NDArray[np.int64]] = []
    for digit in range(int(weights.max(initial=1)).bit_length()):
        has = (weights >> digit) & 1
        before = np.append(0, np.cumsum(has))
        start = np.repeat(used * 64 - before[first], sizes)
        planes.append(np.where(has > 0, start + before[:-1], -1))
        used += (before[first + sizes] - before[first] + 63) >> 6
    return planes, used


def _pair_stamps(
    recoded: Recoded, low: int, high: int, code: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return by cell the sum of the numbers of the baskets that have the pair."""
    long, short = recoded.long, recoded.short
    assert long.stamps is not None
    assert short.stamps is not None
    width = len(recoded.items) - low
    cells = (high - low) * width
    places = _slice(long, low, high)
    stamps = np.repeat(long.stamps[places], long.tail[places])
    found: NDArray[np.float64] = np.bincount(code, stamps, minlength=cells) + np.bincount(
        _short_cells(recoded, low, high), short.stamps[_slice(short, low, high)], minlength=cells
    )
    return found


def _bit_stamps(long: Deliveries, low: int, high: int, words: int) -> NDArray[np.float64]:
    """Return for each item of a block the number of the basket of each bit.

    A basket of several bits has its number at one of them and zero at the others.
    """
    assert long.stamps is not None
    sizes = np.diff(long.ptr[low : high + 1])
    places = _slice(long, low, high)
    found = np.zeros((high - low, words * 64))
    item = np.repeat(np.arange(high - low), sizes)
    stamps = long.stamps[places].copy()
    for place in _planes(long, sizes, places)[0]:
        there = np.flatnonzero((place >= 0) & (stamps > 0) & (place < words * 64))
        found[item[there], place[there]] = stamps[there]
        stamps[there] = 0
    return found


def _scale(
    planes: list[NDArray[np.int64]], sizes: NDArray[np.int64], words: int
) -> NDArray[np.int64]:
    """Return for each item of a block what a bit of each word counts for."""
    scale = np.zeros((len(sizes), words), dtype=np.int64)
    item = np.repeat(np.arange(len(sizes)), sizes)
    for digit, place in enumerate(planes):
        there = (place >= 0) & (place < 64 * words)
        scale[item[there], place[there] >> 6] = 1 << digit
    return scale
