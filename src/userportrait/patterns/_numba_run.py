"""The compiled search, run by several threads that share its first items."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._numba_ranks import (
    Merged,
    in_parallel,
    merge,
    rank_items,
    turn_round,
)
from userportrait.patterns._numba_trim import (
    keep_nodes,
    mark_generators,
    mark_largest,
    mark_needed,
    measure,
)
from userportrait.patterns._numba_workers import MergedWorker, RowWorker
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._numba_ranks import Columns, Recoded
    from userportrait.patterns._numba_workers import Worker

__all__ = ["Hunt", "run"]

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
        columns = rank_items(baskets, min_count, kind, each, n_threads)
        if len(columns.code) == 0:
            return Trie.empty(), None
        merged = merge(columns) if _may_be_merged(columns, kind, max_length) else None
        ready = merged or turn_round(columns, each)
        hunt = Hunt(ready, min_count, kind, max_length, watch, n_threads)
        workers = [hunt.worker() for _ in range(n_threads)]
        each([worker.work for worker in workers])
        tree = hunt.collect(workers)
    if kind == "generators":
        tree = proven_generators(tree, ready.longest)
    elif kind != "all":
        if kind == "maximal" and merged is not None:
            tree = not_contained(tree, merged.code)
        tree = without_idle_nodes(tree)
    return tree, hunt.stopped


def _may_be_merged(columns: Columns, kind: ItemsetKind, max_length: int | None) -> bool:
    """Whether the search of merged baskets tells this kind of sets.

    It knows maximal sets by comparing all of them, so none may be left out for its length.
    """
    if kind == "maximal" and max_length is not None:
        return max_length >= int(columns.lengths.max(initial=0))
    return kind in {"closed", "maximal"}


class Hunt:
    """First items to be searched, handed out from the last to the first."""

    def __init__(
        self,
        baskets: Recoded | Merged,
        min_count: int,
        kind: ItemsetKind,
        max_length: int | None,
        watch: Watch,
        n_threads: int,
    ) -> None:
        self.baskets = baskets
        self.min_count = min_count
        self.kind = kind
        self.longest = max_length or 1 << 30
        self.watch = watch
        self.stopped: str | None = None
        self.left_at = -1  # the highest first item whose search was left unfinished
        n = len(baskets.code)
        self.segments = np.zeros((n, 3), np.int64)
        self.segments[:, 2] = -1
        small = n * n // 8 <= max(16 * baskets.n_entries, 1 << 20)
        self.pairs = np.zeros((n, (n + 63) >> 6 if small else 0), np.uint64)
        self._lock = Lock()
        self._next = n
        self._running: dict[int, int] = {}
        pieces = 64
        if isinstance(baskets, Merged):
            pieces = 1 if n_threads == 1 else 8 * n_threads
        self._share = max(1, baskets.n_entries // pieces)
        self._workers: list[Worker] = []

    def worker(self) -> Worker:
        """Return one more worker."""
        number, baskets = len(self._workers), self.baskets
        made = (
            MergedWorker(self, baskets, number)
            if isinstance(baskets, Merged)
            else RowWorker(self, baskets, number)
        )
        self._workers.append(made)
        return made

    def take(self, number: int) -> tuple[int, int, int] | None:
        """Hand out a range of ranks, and from where on all have been searched."""
        with self._lock:
            self._running.pop(number, None)
            high = self._next
            if high == 0 or self.stopped is not None:
                return None
            low = high - 1
            column = self.baskets.column
            while low > 0 and column[high] - column[low - 1] < self._share:
                low -= 1
            self._running[number] = high
            self._next = low
            self.segments[low:high, 2] = number
            return low, high, max(self._running.values())

    def ask(self, needed: int = 0) -> None:
        """Ask whether to stop; the first thread does it regularly, and tells the progress.

        Any thread asks before it writes a block of `needed` nodes, and tells nothing.
        """
        column = self.baskets.column
        done = -1.0 if needed else 1 - float(column[self._next]) / max(1, int(column[-1]))
        with self._lock:
            n = needed + sum(worker.n_nodes for worker in self._workers)
            if self.stopped is None:
                self.stopped = self.watch.stop(n, n * self.node_bytes, done)

    @property
    def node_bytes(self) -> int:
        """Bytes of one node of the tree."""
        return 8 + int(self.baskets.support.itemsize)

    def collect(self, workers: Sequence[Worker]) -> Trie:
        """Join what the workers found, in the order of the first items."""
        streams: list[tuple[Array, ...]] = [worker.stream() for worker in workers]
        if len(streams) == 1:
            return Trie(*streams[0])
        ranks = np.flatnonzero(self.segments[:, 1] > self.segments[:, 0])[::-1]
        spans = self.segments[ranks]
        sizes = spans[:, 1] - spans[:, 0]
        n = int(sizes.sum())
        parent, item = np.empty(n, np.int32), np.empty(n, np.int32)
        count: Array = np.empty(n, self.baskets.support.dtype)
        listed = np.empty(n, np.bool_) if len(streams[0]) > 3 else None
        offset = 0
        pieces: list[list[int]] = in_one_piece(spans).tolist()
        for start, stop, owner in pieces:
            source = streams[owner]
            into = slice(offset, offset + stop - start)
            np.add(source[0][start:stop], offset - start, out=parent[into])
            item[into] = source[1][start:stop]
            count[into] = source[2][start:stop]
            if listed is not None:
                listed[into] = source[3][start:stop]
            offset += stop - start
        parent[np.cumsum(sizes) - sizes] = -1  # each first item
        if listed is not None and self.left_at >= 0 and isinstance(self.baskets, Merged):
            # A larger set may be missing: those before the first gap have been compared with all.
            listed[int(sizes[ranks >= self.left_at].sum()) :] = False
        return Trie(parent, item, count, listed)


def in_one_piece(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return spans (start, stop, owner), those joined that follow each other in one stream."""
    if len(spans) == 0:
        return spans
    follows = (spans[1:, 0] == spans[:-1, 1]) & (spans[1:, 2] == spans[:-1, 2])
    first = np.concatenate(([0], np.flatnonzero(~follows) + 1))
    last = np.concatenate((first[1:], [len(spans)])) - 1
    return np.column_stack((spans[first, 0], spans[last, 1], spans[first, 2]))


def without_idle_nodes(tree: Trie) -> Trie:
    """Leave out nodes that are no result and carry none."""
    if tree.listed is None:
        return tree
    needed = np.zeros(len(tree.parent), np.bool_)
    mark_needed(tree.parent, tree.listed, needed)
    return only(tree, needed)


def not_contained(tree: Trie, code: NDArray[np.int32]) -> Trie:
    """List no set that another listed one contains."""
    nodes = tree.nodes()
    sizes = np.empty(len(nodes), np.int64)
    measure(tree.parent, nodes, sizes)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(int(code.max()) + 1, np.int32)
    rank[code] = np.arange(len(code), dtype=np.int32)
    index = np.zeros((len(code), (len(nodes) + 63) >> 6), np.uint64)
    path = np.empty(int(sizes.max(initial=0)), np.int64)
    listed = np.zeros(len(tree.parent), np.bool_)
    mark_largest(tree.parent, tree.item, rank, nodes[order], sizes[order], index, path, listed)
    return Trie(tree.parent, tree.item, tree.count, listed)


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
