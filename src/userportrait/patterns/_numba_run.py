"""The compiled search, run by several threads that share its first items."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.patterns._numba_closed import search_closed
from userportrait.patterns._numba_recode import count_items, fill_columns, fill_rows
from userportrait.patterns._numba_search import (
    ARENA_FULL,
    AT,
    BASE,
    DEPTH,
    DONE,
    END,
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
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["run"]

SLICE = 20_000_000  # units of work, about a nanosecond each, between two looks at the clock
FIRST_CHUNK = 1 << 18
LARGEST_CHUNK = 1 << 22
MOST_NODES = 2**31 - 1
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Recoded:
    """Frequent items by rank, ascending by support; baskets in rows and columns of ranks."""

    code: NDArray[np.int32]
    support: Array
    column: NDArray[np.int64]
    places: Array
    rows: NDArray[np.int32]
    heavy: Array
    longest: int
    n_entries: int


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
        each = in_parallel(executor, n_threads)
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


def in_parallel(
    executor: ThreadPoolExecutor | None, n_threads: int
) -> Callable[[Sequence[Callable[[], None]]], None]:
    """Return what runs the given calls side by side, the first of them in this thread."""

    def each(calls: Sequence[Callable[[], None]]) -> None:
        if executor is None:
            for call in calls:
                call()
            return
        running = [executor.submit(call) for call in calls[1:]]
        try:
            calls[0]()
        finally:
            for future in running:
                future.result()

    return each


def recode(
    baskets: Baskets,
    min_count: int,
    kind: ItemsetKind,
    each: Callable[[Sequence[Callable[[], None]]], None],
    n_threads: int,
) -> Recoded:
    """Keep frequent items, rank them, and turn the baskets round."""
    indptr, indices, weights = baskets.indptr, baskets.indices, baskets.weights
    number: Any = np.int32 if baskets.n_baskets < 2**31 else np.int64
    given = np.empty(0, number) if weights is None else weights.astype(number)
    n_rows, n_items = len(indptr) - 1, len(baskets.items)
    cuts = np.searchsorted(indptr, np.linspace(0, indptr[-1], n_threads + 1)[1:-1])
    cuts = np.concatenate(([0], cuts, [n_rows])).astype(np.int64)
    counted = [np.zeros((n_items, 2), number) for _ in range(n_threads)]
    each(
        [
            lambda part=part: count_items(
                indptr, indices, given, cuts[part], cuts[part + 1], counted[part]
            )
            for part in range(n_threads)
        ]
    )
    total = np.sum(counted, axis=0)[:, 1]
    few = total >= min_count
    if kind == "generators":
        few &= total < baskets.n_baskets  # the empty set has the same count
    code = np.flatnonzero(few)
    code = code[np.argsort(total[code], kind="stable")].astype(np.int32)
    rank = np.full(n_items, -1, np.int32)
    rank[code] = np.arange(len(code), dtype=np.int32)
    entries = np.stack([part[code, 0] for part in counted])  # (threads, ranks)
    ends = np.cumsum(entries.T.ravel(), dtype=np.int64).reshape(len(code), n_threads).T
    starts = ends - entries
    n_entries = int(ends[-1, -1]) if len(code) else 0
    place: Any = np.int32 if n_entries + n_rows < 2**31 else np.int64
    columns = np.empty(n_entries, place)
    lengths = np.empty(n_rows, place)
    each(
        [
            lambda part=part: fill_columns(
                indptr, indices, rank, cuts[part], cuts[part + 1], starts[part].copy(), columns,
                lengths,
            )  # fmt: skip
            for part in range(n_threads)
        ]
    )
    stops = np.cumsum(lengths + 1, dtype=place)
    fill = stops - lengths
    rows = np.empty(n_entries + n_rows + 1, np.int32)
    rows[0] = END  # each basket stands between two of them
    rows[stops] = END
    heavy = np.empty(0 if weights is None else n_entries, number)
    each(
        [
            lambda part=part: fill_rows(
                starts[part], ends[part], given, columns, fill, rows, heavy
            )
            for part in range(n_threads)
        ]
    )
    column = np.concatenate((starts[0], [n_entries])).astype(np.int64)
    longest = int(lengths.max(initial=0))
    return Recoded(code, total[code], column, columns, rows, heavy, longest, n_entries)


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

    def ask(self) -> None:
        """Ask whether to stop; only the first thread does."""
        n = sum(worker.n_nodes for worker in self._workers)
        column = self.recoded.column
        done = 1 - column[self._next] / max(1, column[-1])
        if self.stopped is None:
            self.stopped = self.watch.stop(n, n * self.node_bytes, float(done))

    @property
    def node_bytes(self) -> int:
        """Bytes of one node of the tree."""
        return 8 + self.recoded.support.itemsize

    def collect(self, workers: Sequence[Worker]) -> Trie:
        """Join what the workers found, in the order of the first items."""
        streams = [worker.stream() for worker in workers]
        if len(streams) == 1:
            return Trie(*streams[0])
        spans = self.segments[::-1]
        spans = spans[spans[:, 1] > spans[:, 0]]
        sizes = spans[:, 1] - spans[:, 0]
        offsets = np.cumsum(sizes) - sizes
        n = int(sizes.sum())
        parent, item = np.empty(n, np.int32), np.empty(n, np.int32)
        count = np.empty(n, self.recoded.support.dtype)
        listed = np.empty(n, np.bool_) if len(streams[0]) > 3 else None
        for (start, stop, owner), offset in zip(spans.tolist(), offsets.tolist(), strict=True):
            source = streams[owner]
            into = slice(offset, offset + stop - start)
            np.add(source[0][start:stop], offset - start, out=parent[into])
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
        self.table = np.empty(1 << 16, kind)
        self.free = np.empty(n + 1, np.int32)
        self.scratch = np.empty(n + 64, np.int64)
        self.local_counts = np.empty(n, np.int64)
        self.shift = np.zeros(((largest * bits) >> 6) + bits + 1, np.int64)
        self.levels = np.zeros((recoded.longest + 3, 16), np.int64)
        self.sets = np.empty(1 << 12, np.uint64)
        self.numbers = np.empty(1 << 12, np.int64)
        self.words = np.empty(1 << 16, np.uint64)
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
        if hunt.kind in {"closed", "maximal"}:
            return search_closed(
                recoded.rows, recoded.places, recoded.heavy, recoded.column, recoded.support,
                recoded.code, hunt.min_count, hunt.longest, hunt.kind == "maximal", hunt.pairs,
                hunt.segments, self.counts, self.found, self.new_id, self.copied, self.weights,
                self.origin, self.row_of, self.positions, self.left_weights, self.free,
                self.scratch, self.shift, self.now, self.levels, self.sets, self.numbers,
                self.words, *self.chunk,
            )  # fmt: skip
        return search(
            recoded.rows, recoded.places, recoded.heavy, recoded.column, recoded.support,
            recoded.code, hunt.min_count, hunt.longest, hunt.kind == "generators", hunt.pairs,
            hunt.segments, self.counts, self.found, self.new_id, self.copied, self.weights,
            self.origin, self.row_of, self.table, self.free, self.scratch, self.local_counts, self.shift,
            self.now, self.levels, self.sets, self.numbers, self.words, *self.chunk,
        )  # fmt: skip

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
            return
        used = int(now[AT])
        self.full.append(tuple(array[:used] for array in self.chunk))
        self.chunk = self._new_chunk(
            max(needed, min(LARGEST_CHUNK, 2 * len(self.chunk[0])))
        )
        now[BASE] += used
        now[AT] = 0

    def _grow_arenas(self) -> None:
        now = self.now
        self.sets = grown(self.sets, int(now[NEED_SETS]))
        self.numbers = grown(self.numbers, int(now[NEED_NUMBERS]))
        self.words = grown(self.words, int(now[NEED_WORDS]))
        self.table = grown(self.table, int(now[NEED_TABLE]))

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
