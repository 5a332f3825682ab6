"""Frequent items ranked, and the baskets turned round, by as many threads as there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._numba_recode import count_items, fill_columns, fill_rows
from userportrait.patterns._numba_search import END

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["Recoded", "in_parallel", "recode"]

Array: TypeAlias = Any


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
    entries = np.stack([part[code, 0] for part in counted])  # (threads, ranks)
    ends = np.cumsum(entries.T.ravel(), dtype=np.int64).reshape(len(code), n_threads).T
    starts = ends - entries
    n_entries = int(ends[-1, -1]) if len(code) else 0
    place: Any = np.int32 if n_entries + n_rows < 2**31 else np.int64
    columns, lengths = np.empty(n_entries, place), np.empty(n_rows, place)
    fill_column = partial(fill_columns, indptr, indices, rank)
    each([partial(fill_column, *cut, starts[i].copy(), columns, lengths) for i, cut in spans])
    stops: Array = np.cumsum(lengths + 1, dtype=place)
    fill = stops - lengths
    rows = np.empty(n_entries + n_rows + 1, np.int32)
    rows[0] = END  # each basket stands between two of them
    rows[stops] = END
    heavy = np.empty(0 if weights is None else n_entries, number)
    each(
        [
            partial(fill_rows, starts[i], ends[i], given, columns, fill, rows, heavy)
            for i, _ in spans
        ]
    )
    column: NDArray[np.int64] = np.concatenate((starts[0], [n_entries])).astype(np.int64)
    longest = int(lengths.max(initial=0))
    return Recoded(code, total[code], column, columns, rows, heavy, longest, n_entries)
