"""The compiled search, run by several threads that share its first items."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._numba_closed import NEED_LEFT, search_closed
from userportrait.patterns._numba_ranks import in_parallel, recode
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
from userportrait.patterns._numba_trim import keep_nodes, mark_generators, mark_needed
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._numba_ranks import Recoded

__all__ = ["run"]

SLICE = 20_000_000  # units of work, about a nanosecond each, between two looks at the clock
FIRST_ARENA = 1 << 12
FIRST_CHUNK = 1 << 18
LARGEST_CHUNK = 1 << 22
MOST_NODES = 2**31 - 1
Array: TypeAlias = Any


def run(
    baskets: Baskets,
    min_count: int,
    kind: ItemsetKind,
    max_length: int | None,
    watch: Watch,
    n_threads: int,
) -> tuple[Trie, str | None]:
    """Mine with the compiled search."""
    pool = ThreadPoolExecutor(n_threads - 1) if n_threads > 1 else nullcontext(None)
    with pool as executor:
        each = in_parallel(executor)
        recoded = recode(baskets, min_count, kind, each, n_threads)
        if len(recoded.code) == 0:
            return Trie.empty(), None
        hunt = Hunt(recoded, min_count, kind, max_length, watch)
        workers = [hunt.worker() for _ in range(n_threads)]
        each([worker.work for worker in workers])
        tree = hunt.collect(workers)
    if kind == "generators":
        tree = proven_generators(tree, recoded.longest)
    elif kind != "all":
        tree = without_idle_nodes(tree)
    return tree, hunt.stopped


class Hunt:
    """First items to be searched, handed out from the last to the first."""

    def __init__(
        self,
        recoded: Recoded,
        min_count: int,
        kind: ItemsetKind,
        max_length: int | None,
        watch: Watch,
    ) -> None:
        self.recoded = recoded
        self.min_count = min_count
        self.kind = kind
        self.longest = max_length or 1 << 30
        self.watch = watch
        self.stopped: str | None = None
        n = len(recoded.code)
        self.segments = np.zeros((n, 3), np.int64)
        self.segments[:, 2] = -1
        small = n * n // 8 <= max(16 * recoded.n_entries, 1 << 20)
        self.pairs = np.zeros((n, (n + 63) >> 6 if small else 0), np.uint64)
        self._lock = Lock()
        self._next = n
        self._known_from = n
        self._running: dict[int, int] = {}
        self._share = max(1, recoded.n_entries // 64)
        self._workers: list[Worker] = []

    def worker(self) -> Worker:
        """Return one more worker."""
        self._workers.append(Worker(self, len(self._workers)))
        return self._workers[-1]

    def take(self, number: int) -> tuple[int, int, int] | None:
        """Hand out a range of ranks, and from where on all have been searched."""
        with self._lock:
            self._running.pop(number, None)
            high = self._next
            if high == 0 or self.stopped is not None:
                return None
            low = high - 1
            column = self.recoded.column
            while low > 0 and column[high] - column[low - 1] < self._share:
                low -= 1
            self._running[number] = high
            self._next = low
            self.segments[low:high, 2] = number
            return low, high, max(self._running.values())

    def ask(self, needed: int = 0) -> None:
        """Ask whether to stop, with so many nodes to come; the first thread does it regularly."""
        column = self.recoded.column
        done = 1 - column[self._next] / max(1, column[-1])
        with self._lock:
            n = needed + sum(worker.n_nodes for worker in self._workers)
            if self.stopped is None:
                self.stopped = self.watch.stop(n, n * self.node_bytes, float(done))

    @property
    def node_bytes(self) -> int:
        """Bytes of one node of the tree."""
        return 8 + int(self.recoded.support.itemsize)

    def collect(self, workers: Sequence[Worker]) -> Trie:
        """Join what the workers found, in the order of the first items."""
        streams: list[tuple[Array, ...]] = [worker.stream() for worker in workers]
        if len(streams) == 1:
            return Trie(*streams[0])
        spans = self.segments[::-1]
        spans = spans[spans[:, 1] > spans[:, 0]]
        sizes = spans[:, 1] - spans[:, 0]
        offsets = np.cumsum(sizes) - sizes
        n = int(sizes.sum())
        parent, item = np.empty(n, np.int32), np.empty(n, np.int32)
        count: Array = np.empty(n, self.recoded.support.dtype)
        listed = np.empty(n, np.bool_) if len(streams[0]) > 3 else None
        places: list[list[int]] = np.column_stack((spans, offsets)).tolist()
        for start, stop, owner, offset in places:
            source = streams[owner]
            into = slice(offset, offset + stop - start)
            parent[into] = source[0][start:stop] + (offset - start)
            parent[offset] = -1
            item[into] = source[1][start:stop]
            count[into] = source[2][start:stop]
            if listed is not None:
                listed[into] = source[3][start:stop]
        return Trie(parent, item, count, listed)


def without_idle_nodes(tree: Trie) -> Trie:
    """Leave out nodes that are no result and carry none."""
    if tree.listed is None:
        return tree
    needed = np.zeros(len(tree.parent), np.bool_)
    mark_needed(tree.parent, tree.listed, needed)
    return only(tree, needed)


def proven_generators(tree: Trie, longest: int) -> Trie:
    """Leave out sets with a subset, one item smaller, of the same count."""
    n = len(tree.parent)
    kept = np.zeros(n, np.bool_)
    table = np.full(1 << max(4, (2 * n).bit_length()), -1, np.int32)
    mark_generators(
        tree.parent, tree.item, tree.count, table, np.empty(longest + 2, np.int64), kept
    )
    return only(tree, kept)


def only(tree: Trie, kept: NDArray[np.bool_]) -> Trie:
    """Return the tree of the nodes kept; parents of kept nodes are kept."""
    if kept.all():
        return tree
    parent = tree.parent.copy()
    keep_nodes(parent, kept, np.empty(len(kept), np.int32))
    listed = None if tree.listed is None else tree.listed[kept]
    n = int(np.count_nonzero(kept))
    return Trie(parent[:n].copy(), tree.item[kept], tree.count[kept], listed)


class Worker:
    """One thread's arrays, and the results it wrote."""

    def __init__(self, hunt: Hunt, number: int) -> None:
        self.hunt = hunt
        self.number = number
        recoded = hunt.recoded
        n = len(recoded.code)
        kind: Any = recoded.support.dtype
        largest = int(np.diff(recoded.column).max())
        bits = 1
        if len(recoded.heavy):
            bits = int(recoded.heavy.max()).bit_length()
        self.now = np.zeros(24, np.int64)
        self.now[WEIGHTED] = bits > 1 or len(recoded.heavy) > 0
        self.now[DEPTH] = -1
        self.counts = np.zeros(n, kind)
        self.found = np.empty(n, np.int64)
        self.new_id = np.full(n, -1, np.int64)
        room = min(recoded.n_entries, largest * recoded.longest) + largest
        self.copied = np.empty(room + 1, np.int32)
        self.weights = np.empty(largest, np.int64)
        self.origin = np.empty(largest, np.int64)
        self.row_of = np.empty(largest * bits + 64 * bits, np.int64)
        self.positions = np.empty(len(self.row_of), np.int64)
        self.left_weights = np.empty(len(self.row_of) if len(recoded.heavy) else 0, kind)
        self.table = np.empty(16 * FIRST_ARENA, kind)
        self.free = np.empty(n + 1, np.int32)
        self.scratch = np.empty(n + 64, np.int64)
        self.local_counts = np.empty(n, np.int64)
        self.shift = np.zeros(((largest * bits) >> 6) + bits + 1, np.int64)
        self.levels = np.zeros((recoded.longest + 3, 16), np.int64)
        self.sets = np.empty(FIRST_ARENA, np.uint64)
        self.numbers = np.empty(FIRST_ARENA, np.int64)
        self.words = np.empty(16 * FIRST_ARENA, np.uint64)
        self.left = np.empty(FIRST_ARENA, np.uint64)
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
                    self._close_segment()
                    return

    def _close_segment(self) -> None:
        now = self.now
        if now[DEPTH] >= 0:
            self.hunt.segments[now[RANK], 1] = self.n_nodes

    def _search(self) -> int:
        hunt, recoded = self.hunt, self.hunt.recoded
        data = (recoded.rows, recoded.places, recoded.heavy, recoded.column, recoded.support)
        shared = (recoded.code, hunt.min_count, hunt.longest)
        kind = hunt.kind in {"generators", "maximal"}
        item = (self.counts, self.found, self.new_id, self.copied, self.weights, self.origin)
        tree = (self.now, self.levels, self.sets, self.numbers, self.words, *self.chunk)
        head = (*data, *shared, kind, hunt.pairs, hunt.segments, *item, self.row_of)
        if hunt.kind in {"closed", "maximal"}:
            left = (self.positions, self.left_weights, self.left)
            return int(search_closed(*head, *left, self.free, self.scratch, self.shift, *tree))
        middle = (self.table, self.free, self.scratch, self.local_counts, self.shift)
        return int(search(*head, *middle, *tree))

    def _new_chunk(self, size: int) -> tuple[Array, ...]:
        kinds: list[Any] = [np.int32, np.int32, self.hunt.recoded.support.dtype]
        if self.hunt.kind in {"closed", "maximal"}:
            kinds.append(np.bool_)
        return tuple(np.empty(size, kind) for kind in kinds)

    def _grow_out(self, needed: int) -> None:
        """Put the full chunk aside and begin another."""
        now = self.now
        if self.n_nodes + needed > MOST_NODES:
            self.hunt.stopped = f"more than {MOST_NODES:,} itemsets"
        if needed > LARGEST_CHUNK:
            self.hunt.ask(needed)
        if self.hunt.stopped is not None:
            return
        used = int(now[AT])
        self.full.append(tuple(array[:used] for array in self.chunk))
        self.chunk = self._new_chunk(max(needed, min(LARGEST_CHUNK, 2 * len(self.chunk[0]))))
        now[BASE] += used
        now[AT] = 0

    def _grow_arenas(self) -> None:
        now = self.now
        self.sets = grown(self.sets, int(now[NEED_SETS]))
        self.numbers = grown(self.numbers, int(now[NEED_NUMBERS]))
        self.words = grown(self.words, int(now[NEED_WORDS]))
        self.table = grown(self.table, int(now[NEED_TABLE]))
        self.left = grown(self.left, int(now[NEED_LEFT]))

    def stream(self) -> tuple[Array, ...]:
        """Return all nodes written, in order."""
        last = tuple(array[: int(self.now[AT])] for array in self.chunk)
        columns = list(zip(*self.full, last, strict=True))
        self.full = []
        return tuple(np.concatenate(column) for column in columns)


def grown(array: Array, needed: int) -> Array:
    """Return the array, or a larger one that begins with it."""
    if needed <= len(array):
        return array
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
