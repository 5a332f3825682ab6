"""Frequent items ranked, and the baskets turned round, by as many threads as there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._numba_recode import count_items, fill_columns, fill_rows
from userportrait.patterns._numba_search import END
from userportrait.patterns._numba_tree import build_tree, fill_bitmaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["Columns", "Merged", "Recoded", "in_parallel", "merge", "rank_items", "turn_round"]

MOST_ITEMS = 256  # frequent items up to which baskets may be merged
LARGEST_SHARE = 1 / 3  # nodes of the tree, to entries of the baskets, up to which it pays

Array: TypeAlias = Any


@dataclass(frozen=True)
class Columns:
    """Frequent items by rank, ascending by support, and the rows of each."""

    code: NDArray[np.int32]
    support: Array
    given: Array  # weights of the rows; none means one each
    entries: Array  # rows, column by column
    starts: NDArray[np.int64]  # of a thread's part of each column
    ends: NDArray[np.int64]
    lengths: Array  # frequent items of each row

    @property
    def column(self) -> NDArray[np.int64]:
        """Where each column begins, and where the last one ends."""
        return np.concatenate((self.starts[0], [len(self.entries)])).astype(np.int64)


@dataclass(frozen=True)
class Recoded:
    """Baskets in rows and columns of ranks."""

    code: NDArray[np.int32]
    support: Array
    column: NDArray[np.int64]
    places: Array
    rows: NDArray[np.int32]
    heavy: Array
    longest: int
    n_entries: int


@dataclass(frozen=True)
class Merged:
    """Baskets in a prefix tree, the nodes of the most frequent item first.

    The nodes of rank `i` begin at ``column[n - 1 - i]``. Each has a weight and a bitmap of
    ranks: those above it, and those that all baskets through it have below.
    """

    code: NDArray[np.int32]
    support: Array
    column: NDArray[np.int64]
    nodes: NDArray[np.uint64]
    weights: NDArray[np.int64]
    longest: int
    n_entries: int


def in_parallel(
    executor: ThreadPoolExecutor | None,
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


def rank_items(
    baskets: Baskets,
    min_count: int,
    kind: ItemsetKind,
    each: Callable[[Sequence[Callable[[], None]]], None],
    n_threads: int,
) -> Columns:
    """Keep frequent items, rank them, and list the rows of each."""
    indptr, indices, weights = baskets.indptr, baskets.indices, baskets.weights
    number: Any = np.int32 if baskets.n_baskets < 2**31 else np.int64
    given = np.empty(0, number) if weights is None else weights.astype(number)
    n_rows, n_items = len(indptr) - 1, len(baskets.items)
    shares: list[float] = np.linspace(0, int(indptr[-1]), n_threads + 1).tolist()
    cuts = [0, *(int(np.searchsorted(indptr, share)) for share in shares[1:-1]), n_rows]
    spans = list(enumerate(pairwise(cuts)))
    counted = [np.zeros((n_items, 2), number) for _ in spans]
    each([partial(count_items, indptr, indices, given, *cut, counted[i]) for i, cut in spans])
    total: Array = np.sum(counted, axis=0, dtype=number)[:, 1]
    few = total >= min_count
    if kind == "generators":
        few &= total < baskets.n_baskets  # the empty set has the same count
    code: NDArray[np.int32] = np.flatnonzero(few).astype(np.int32)
    code = code[np.argsort(total[code], kind="stable")]
    rank = np.full(n_items, -1, np.int32)
    rank[code] = np.arange(len(code), dtype=np.int32)
    sizes = np.stack([part[code, 0] for part in counted])  # (threads, ranks)
    ends = np.cumsum(sizes.T.ravel(), dtype=np.int64).reshape(len(code), n_threads).T
    starts = ends - sizes
    n_entries = int(ends[-1, -1]) if len(code) else 0
    place: Any = np.int32 if n_entries + n_rows < 2**31 else np.int64
    entries, lengths = np.empty(n_entries, place), np.empty(n_rows, place)
    fill_column = partial(fill_columns, indptr, indices, rank)
    each([partial(fill_column, *cut, starts[i].copy(), entries, lengths) for i, cut in spans])
    return Columns(code, total[code], given, entries, starts, ends, lengths)


def turn_round(columns: Columns, each: Callable[[Sequence[Callable[[], None]]], None]) -> Recoded:
    """Write the rows of ranks; the columns become positions in them."""
    entries, given = columns.entries, columns.given
    n_rows, n_entries = len(columns.lengths), len(entries)
    stops: Array = np.cumsum(columns.lengths + 1, dtype=entries.dtype)
    fill = stops - columns.lengths
    rows = np.empty(n_entries + n_rows + 1, np.int32)
    rows[0] = END  # each basket stands between two of them
    rows[stops] = END
    heavy = np.empty(n_entries if len(given) else 0, given.dtype)
    parts = zip(columns.starts, columns.ends, strict=True)
    each([partial(fill_rows, *part, given, entries, fill, rows, heavy) for part in parts])
    longest = int(columns.lengths.max(initial=0))
    return Recoded(
        columns.code, columns.support, columns.column, entries, rows, heavy, longest, n_entries
    )


def merge(columns: Columns) -> Merged | None:
    """Merge baskets that go on alike from their most frequent item; None if too few do."""
    n, n_rows, n_entries = len(columns.code), len(columns.lengths), len(columns.entries)
    if n > MOST_ITEMS or columns.entries.dtype != np.int32:
        return None
    most = int(n_entries * LARGEST_SHARE) + 64
    child, child_item, parent, item = (np.empty(most, np.int32) for _ in range(4))
    at, start = np.empty(n_rows, np.int32), np.empty(n + 1, np.int64)
    weights = np.empty(most, np.int64)
    n_nodes: int = build_tree(
        columns.column, columns.entries, columns.given, at, child, child_item, parent, item, start,
        weights,
    )  # fmt: skip
    if n_nodes < 0:
        return None
    width = (n + 63) >> 6
    nodes = np.empty(n_nodes * width, np.uint64)
    fill_bitmaps(parent, item, n_nodes, width, at, nodes)
    longest = int(columns.lengths.max(initial=0))
    return Merged(columns.code, columns.support, start, nodes, weights, longest, n_nodes)
