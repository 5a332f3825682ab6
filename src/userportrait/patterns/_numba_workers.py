"""One thread of the compiled search: its arrays, and the results it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._numba_closed import NEED_LEFT, search_closed
from userportrait.patterns._numba_merged import INSIDE, PARENT, search_merged
from userportrait.patterns._numba_search import (
    ARENA_FULL,
    AT,
    BASE,
    DEPTH,
    DONE,
    KNOWN_FROM,
    KNOWN_UNTIL,
    LOWEST,
    NEED_NUMBERS,
    NEED_OUT,
    NEED_SETS,
    NEED_TABLE,
    NEED_WORDS,
    OUT_FULL,
    RANK,
    WEIGHTED,
    WORK,
    search,
)

if TYPE_CHECKING:
    from userportrait.patterns._numba_ranks import Merged, Recoded
    from userportrait.patterns._numba_run import Hunt

__all__ = ["MergedWorker", "RowWorker", "Worker"]

SLICE = 20_000_000  # units of work, about a nanosecond each, between two looks at the clock
FIRST_ARENA = 1 << 12
FIRST_CHUNK = 1 << 18
LARGEST_CHUNK = 1 << 22
MOST_NODES = 2**31 - 1
Array: TypeAlias = Any


class Worker:
    """What the searches have in common: first items taken from a hunt, nodes written."""

    def __init__(self, hunt: Hunt, number: int, outermost: int) -> None:
        self.hunt = hunt
        self.number = number
        self.outermost = outermost  # the depth between two first items
        self.now = np.zeros(24, np.int64)
        self.now[DEPTH] = outermost
        self.full: list[tuple[Array, ...]] = []
        self.chunk = self._new_chunk(FIRST_CHUNK)

    @property
    def n_nodes(self) -> int:
        """Nodes written so far."""
        return int(self.now[BASE] + self.now[AT])

    def work(self) -> None:
        """Search first items until there are none, or a stop is called."""
        hunt, now = self.hunt, self.now
        while (part := hunt.take(self.number)) is not None:
            now[LOWEST], now[KNOWN_UNTIL], now[KNOWN_FROM] = part
            now[RANK] = part[1] - 1
            status = -1
            while status != DONE:
                now[WORK] = SLICE
                status = self._search()
                if status == OUT_FULL:
                    self._grow_out(int(now[NEED_OUT]))
                elif status == ARENA_FULL:
                    self._grow_arenas()
                if self.number == 0:
                    hunt.ask()
                if hunt.stopped is not None:
                    if status != DONE:
                        self._leave()
                    return

    def _leave(self) -> None:
        """Close the first item that the search is within, and say that more would follow."""
        rank = int(self.now[RANK])
        if self.now[DEPTH] > self.outermost:
            self.hunt.segments[rank, 1] = self.n_nodes
        self.hunt.left_at = max(self.hunt.left_at, rank)

    def _search(self) -> int:
        raise NotImplementedError

    def _new_chunk(self, size: int) -> tuple[Array, ...]:
        kinds: list[Any] = [np.int32, np.int32, self.hunt.baskets.support.dtype]
        if self.hunt.kind in {"closed", "maximal"}:
            kinds.append(np.bool_)
        return tuple(np.empty(size, kind) for kind in kinds)

    def _grow_out(self, needed: int) -> None:
        """Put the full chunk aside and begin another."""
        now = self.now
        if self.n_nodes + needed > MOST_NODES:
            self.hunt.stopped = f"more than {MOST_NODES:,} itemsets"
        if needed > FIRST_CHUNK:
            self.hunt.ask(needed)
        if self.hunt.stopped is not None:
            return
        used = int(now[AT])
        self.full.append(tuple(array[:used] for array in self.chunk))
        self.chunk = self._new_chunk(max(needed, min(LARGEST_CHUNK, 2 * len(self.chunk[0]))))
        now[BASE] += used
        now[AT] = 0

    def _grow_arenas(self) -> None:
        raise NotImplementedError

    def stream(self) -> tuple[Array, ...]:
        """Return all nodes written, in order."""
        last = tuple(array[: int(self.now[AT])] for array in self.chunk)
        columns = list(zip(*self.full, last, strict=True))
        self.full = []
        return tuple(np.concatenate(column) for column in columns)


class RowWorker(Worker):
    """Searches baskets of many different items."""

    def __init__(self, hunt: Hunt, baskets: Recoded, number: int) -> None:
        super().__init__(hunt, number, -1)
        self.baskets = baskets
        n = len(baskets.code)
        kind: Any = baskets.support.dtype
        largest = int(np.diff(baskets.column).max())
        bits = 1
        if len(baskets.heavy):
            bits = int(baskets.heavy.max()).bit_length()
        self.now[WEIGHTED] = bits > 1 or len(baskets.heavy) > 0
        self.counts = np.zeros(n, kind)
        self.found = np.empty(n, np.int64)
        self.new_id = np.full(n, -1, np.int64)
        room = min(baskets.n_entries, largest * baskets.longest) + largest
        self.copied = np.empty(room + 1, np.int32)
        self.weights = np.empty(largest, np.int64)
        self.origin = np.empty(largest, np.int64)
        self.row_of = np.empty(largest * bits + 64 * bits, np.int64)
        self.positions = np.empty(len(self.row_of), np.int64)
        self.left_weights = np.empty(len(self.row_of) if len(baskets.heavy) else 0, kind)
        self.table = np.empty(16 * FIRST_ARENA, kind)
        self.free = np.empty(n + 1, np.int32)
        self.scratch = np.empty(n + 64, np.int64)
        self.local_counts = np.empty(n, np.int64)
        self.shift = np.zeros(((largest * bits) >> 6) + bits + 1, np.int64)
        self.levels = np.zeros((baskets.longest + 3, 16), np.int64)
        self.sets = np.empty(FIRST_ARENA, np.uint64)
        self.numbers = np.empty(FIRST_ARENA, np.int64)
        self.words = np.empty(16 * FIRST_ARENA, np.uint64)
        self.left = np.empty(FIRST_ARENA, np.uint64)

    def _search(self) -> int:
        hunt, baskets = self.hunt, self.baskets
        data = (baskets.rows, baskets.places, baskets.heavy, baskets.column, baskets.support)
        shared = (baskets.code, hunt.min_count, hunt.longest)
        kind = hunt.kind in {"generators", "maximal"}
        item = (self.counts, self.found, self.new_id, self.copied, self.weights, self.origin)
        tree = (self.now, self.levels, self.sets, self.numbers, self.words, *self.chunk)
        head = (*data, *shared, kind, hunt.pairs, hunt.segments, *item, self.row_of)
        if hunt.kind in {"closed", "maximal"}:
            left = (self.positions, self.left_weights, self.left)
            return int(search_closed(*head, *left, self.free, self.scratch, self.shift, *tree))
        middle = (self.table, self.free, self.scratch, self.local_counts, self.shift)
        return int(search(*head, *middle, *tree))

    def _grow_arenas(self) -> None:
        now = self.now
        self.sets = grown(self.sets, int(now[NEED_SETS]))
        self.numbers = grown(self.numbers, int(now[NEED_NUMBERS]))
        self.words = grown(self.words, int(now[NEED_WORDS]))
        self.table = grown(self.table, int(now[NEED_TABLE]))
        self.left = grown(self.left, int(now[NEED_LEFT]))


class MergedWorker(Worker):
    """Searches merged baskets for closed or maximal sets."""

    def __init__(self, hunt: Hunt, baskets: Merged, number: int) -> None:
        super().__init__(hunt, number, 0)
        self.baskets = baskets
        n = len(baskets.code)
        width = (n + 63) >> 6
        largest = int(np.diff(baskets.column).max())
        depth = baskets.longest + 2
        self.rows = np.empty(16 * FIRST_ARENA, np.uint64)
        self.chosen = np.empty(largest + 1, np.uint64)
        self.table = np.empty(1 << max(2, (2 * largest).bit_length()), np.int64)
        self.common = np.empty(width, np.uint64)
        self.levels = np.zeros((depth, 4), np.int64)
        self.levels[0, PARENT] = -1
        self.sets = np.zeros((depth, 3, width), np.uint64)
        self.sets[0, INSIDE] = ~np.uint64(0)
        self.sets[0, INSIDE, -1] >>= np.uint64(64 * width - n)
        self.totals = np.empty((depth, 64 * width), np.int64)
        self.free = np.empty(n + 1, np.int32)

    def _search(self) -> int:
        hunt, baskets = self.hunt, self.baskets
        data = (baskets.column, baskets.nodes, baskets.weights, baskets.support, baskets.code)
        asked = (hunt.min_count, hunt.longest, hunt.kind == "maximal", hunt.segments)
        rows = (self.rows, self.chosen, self.table, self.common)
        levels = (self.levels, self.sets, self.totals, self.free, self.now)
        return int(search_merged(*data, *asked, *rows, *levels, *self.chunk))

    def _grow_arenas(self) -> None:
        self.rows = grown(self.rows, int(self.now[NEED_WORDS]))


def grown(array: Array, needed: int) -> Array:
    """Return the array, or a larger one that begins with it."""
    if needed <= len(array):
        return array
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
