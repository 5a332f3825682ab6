"""The first two items of itemsets: pairs counted where they stand, bitmaps of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._numpy_bits import Stamps, fitting_words
from userportrait.patterns._numpy_recode import ramps
from userportrait.patterns._numpy_search import Siblings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.patterns._numpy_recode import Deliveries, Recoded
    from userportrait.patterns._numpy_search import Search

__all__ = ["search_blocks"]

_MOST_CELLS = 1 << 18
_MOST_DELIVERED = 1 << 18
_POWERS = 2.0 ** np.arange(32)


def search_blocks(recoded: Recoded, search: Search, *, rarest_first: bool) -> None:
    """Find all cores, a block of first items at a time."""
    n_items = len(recoded.items)
    top = np.full(n_items, -1, dtype=np.int64)
    stamps = recoded.stamps if recoded.is_stamped else None
    search.cores.add(top, np.arange(n_items), recoded.counts, 1, stamps)
    if search.may_grow(1):
        blocks = list(_cuts(recoded))
        n_places = max(len(recoded.long.start), 1)
        done = 0
        for low, high in blocks if rarest_first else blocks[::-1]:
            search.share = done / n_places
            search.ask()
            level = _Block(recoded, low, high).second_level(search)
            if level is not None:
                search.deepen(level, 2)
            done += int(recoded.long.ptr[high] - recoded.long.ptr[low])
            search.complete_below = high if rarest_first else 0
    else:
        search.tally(np.full(n_items, len(recoded.universal)), 1)
    search.complete_below = n_items


def _cuts(recoded: Recoded) -> Iterator[tuple[int, int]]:
    """Cut the first items so that tables and bitmaps of a block stay small and of like width."""
    ptr = recoded.long.ptr
    n_items = len(recoded.items)
    delivered: NDArray[np.int64] = np.append(0, np.cumsum(recoded.long.tail))
    reach = delivered[ptr]
    words: NDArray[np.int64] = (ptr[1:] - ptr[:-1] + 63) >> 6
    low = 0
    while low < n_items:
        high = low + max(1, _MOST_CELLS // (n_items - low))
        high = min(
            high, int(np.searchsorted(reach, int(reach[low]) + _MOST_DELIVERED, "right")) - 1
        )
        high = min(max(high, low + 1), n_items)
        most = max(2.0, 1.4 * float(words[low]))
        wider: list[int] = np.flatnonzero(words[low:high] > most)[:1].tolist()
        high = low + wider[0] if wider else high
        yield low, high
        low = high


class _Block:
    """First items `low` to ``high - 1``: a table of their pairs, one cell for each."""

    def __init__(self, recoded: Recoded, low: int, high: int) -> None:
        self.recoded = recoded
        self.low = low
        self.high = high
        self.width = len(recoded.items) - low
        self.n_cells = (high - low) * self.width
        self.base = np.arange(high - low) * self.width - low
        self.long = _cut(recoded.long, low, high)
        self.short = _cut(recoded.short, low, high)
        self._parts = self._cut_parts()
        self._only: NDArray[np.int64] | None = None

    def second_level(self, search: Search) -> Siblings | None:
        """Count the pairs; return those to search on."""
        low, n_first = self.low, self.high - self.low
        recoded = self.recoded
        table = self.pair_table()
        frequent = np.flatnonzero(table >= search.min_count)
        count = table[frequent]
        first = frequent // self.width
        item = frequent - first * self.width + low
        if search.pairs is not None:
            search.pairs.mark(low + first, item)
        free = count == recoded.counts[low + first]
        search.cores.set_aside(low + first[free], item[free])
        n_free = np.bincount(first[free], minlength=n_first) + len(recoded.universal)
        search.tally(n_free, 1)
        kept = np.flatnonzero(~free)
        frequent, first, item, count = frequent[kept], first[kept], item[kept], count[kept]
        stamps = self.pair_stamps()[frequent] if recoded.is_stamped else None
        core = search.cores.add(low + first, item, count, 2, stamps)
        size = np.bincount(first, minlength=n_first)
        grows = (size[first] > 1) & search.may_grow(2)
        search.tally(n_free[first[~grows]], 2)
        some = np.flatnonzero(grows)
        if not len(some):
            return None
        after = np.cumsum(size)[first] - 1 - np.arange(len(first))
        bits, scale = self.bitmaps(frequent[some], size > 1)
        if recoded.is_stamped:
            search.stamps = Stamps(self.bit_stamps(bits.shape[1]))
        first = first[some]
        columns = (core[some], item[some], count[some], after[some], n_free[first], first)
        return Siblings(*columns, bits, None if scale is None else scale[first])

    def pair_table(self) -> NDArray[np.int64]:
        """Return by cell how many baskets have the pair."""
        found = self._summed(self.long.weights, self.short.weights)
        return found.astype(np.int64, copy=False)

    def pair_stamps(self) -> NDArray[np.float64]:
        """Return by cell the sum of the numbers of the baskets that have the pair."""
        found = self._summed(self.long.stamps, self.short.stamps)
        return found.astype(np.float64, copy=False)

    def bitmaps(
        self, cells: NDArray[np.int64], alive: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64] | None]:
        """Return for each cell the places of its first item at which the pair stands.

        Only cells of first items that are `alive` are asked for.
        """
        planes, needed = _planes(self.long)
        words = fitting_words(int(needed[alive].max()) * 64)
        row = np.full(self.n_cells, -1, dtype=np.int32)
        row[cells] = np.arange(len(cells))
        halves = np.zeros(len(cells) * 2 * words)
        for part in range(len(self._parts)):
            code, places = self._codes(part), self._parts[part]
            tail = self.long.tail[places]
            if not alive.all():
                used = np.repeat(alive, np.diff(self.long.ptr))[places]
                code, tail = code[np.repeat(used, tail)], tail[used]
                some: slice | NDArray[np.intp] = places.start + np.flatnonzero(used)
            else:
                some = places
            found = row.take(code)
            there = np.flatnonzero(found >= 0)
            start = found[there].astype(np.int64) * (2 * words)
            for plane in planes:
                bit = np.repeat(plane[some], tail)[there]
                cell, power = start + (bit >> 5), _POWERS[bit & 31]
                if self.long.weights is not None:
                    cell, power = cell[bit >= 0], power[bit >= 0]
                if len(cell):
                    halves += np.bincount(cell, power, minlength=len(halves))
        bits = halves.astype("<u4").view("<u8").astype(np.uint64, copy=False)
        scale = None if self.long.weights is None else _scale(planes, self.long, words)
        return bits.reshape(len(cells), words), scale

    def bit_stamps(self, words: int) -> NDArray[np.float64]:
        """Return for each first item the number of the basket of each bit.

        A basket of several bits has its number at one of them and zero at the others.
        """
        sizes = np.diff(self.long.ptr)
        found = np.zeros((len(sizes), words * 64))
        item = np.repeat(np.arange(len(sizes)), sizes)
        stamps = self.long.stamps.copy()
        for place in _planes(self.long)[0]:
            there = np.flatnonzero((place >= 0) & (stamps > 0) & (place < words * 64))
            found[item[there], place[there]] = stamps[there]
            stamps[there] = 0
        return found

    def _cut_parts(self) -> list[slice]:
        """Cut the places so that few pairs are delivered at a time."""
        reach = np.cumsum(self.long.tail)
        parts: list[slice] = []
        start, n_places = 0, len(reach)
        while start < n_places:
            before = int(reach[start - 1]) if start else 0
            end = int(np.searchsorted(reach, before + 2 * _MOST_DELIVERED, "right"))
            parts.append(slice(start, max(end, start + 1)))
            start = parts[-1].stop
        return parts

    def _codes(self, part: int) -> NDArray[np.int64]:
        """Return the cell of each pair whose first item stands at the places of a part."""
        if self._only is not None:
            return self._only
        places = self._parts[part]
        tail = self.long.tail[places]
        reach = np.append(0, np.cumsum(tail))
        edges = np.clip(self.long.ptr, places.start, places.stop) - places.start
        code = np.repeat(self.base, np.diff(reach[edges]))
        code += self.recoded.entries.take(ramps(tail, self.long.start[places]))
        if len(self._parts) == 1:
            self._only = code
        return code

    def _summed(
        self, long: NDArray[np.generic] | None, short: NDArray[np.generic] | None
    ) -> NDArray[np.number]:
        """Return by cell the sum of what the places of a pair have; one each if None."""
        total: NDArray[np.number] | None = None
        for part, places in enumerate(self._parts):
            each = None if long is None else np.repeat(long[places], self.long.tail[places])
            some = np.bincount(self._codes(part), each, minlength=self.n_cells)
            total = some if total is None else total + some
        code = np.repeat(self.base, np.diff(self.short.ptr))
        code += self.recoded.entries[self.short.start]
        if total is None:
            return np.bincount(code, short, minlength=self.n_cells)
        np.add.at(total, code, 1 if short is None else short)
        return total


def _cut(all_places: Deliveries, low: int, high: int) -> Deliveries:
    """Return the places of some items."""
    ptr = all_places.ptr[low : high + 1]
    places = slice(int(ptr[0]), int(ptr[-1]))
    weights = all_places.weights
    return replace(
        all_places,
        ptr=ptr - ptr[0],
        start=all_places.start[places],
        tail=all_places.tail[places],
        weights=None if weights is None else weights[places],
        stamps=all_places.stamps[places],
    )


def _planes(long: Deliveries) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the bit of each place, and how many words each item needs.

    A place that counts for several baskets has one bit for each binary digit of their number;
    the bits of one digit fill words of their own. A place without the digit has -1.
    """
    first, sizes = long.ptr[:-1], np.diff(long.ptr)
    if long.weights is None:
        ranks = np.arange(int(long.ptr[-1])) - np.repeat(first, sizes)
        return [ranks], (sizes + 63) >> 6
    used = np.zeros(len(sizes), dtype=np.int64)
    planes: list[NDArray[np.int64]] = []
    for digit in range(int(long.weights.max(initial=1)).bit_length()):
        has = (long.weights >> digit) & 1
        before = np.append(0, np.cumsum(has))
        start = np.repeat(used * 64 - before[first], sizes)
        planes.append(np.where(has > 0, start + before[:-1], -1))
        used += (before[long.ptr[1:]] - before[first] + 63) >> 6
    return planes, used


def _scale(planes: list[NDArray[np.int64]], long: Deliveries, words: int) -> NDArray[np.int64]:
    """Return for each item of a block what a bit of each word counts for."""
    sizes = np.diff(long.ptr)
    scale = np.zeros((len(sizes), words), dtype=np.int64)
    item = np.repeat(np.arange(len(sizes)), sizes)
    for digit, place in enumerate(planes):
        there = (place >= 0) & (place < 64 * words)
        scale[item[there], place[there] >> 6] = 1 << digit
    return scale
