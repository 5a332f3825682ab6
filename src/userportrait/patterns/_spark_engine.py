"""The engine of Spark: MLlib's parallel FP-growth."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.frames import quiet_spark
from userportrait._core.lazy import optional_import
from userportrait.errors import UnsupportedOnEngine
from userportrait.patterns._itemset_kinds import flags_of_kind
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["mine"]

_WHAT = "Mining with engine='spark'"


def mine(
    baskets: Baskets, *, min_count: int, kind: ItemsetKind, max_length: int | None, watch: Watch
) -> tuple[Trie, str | None]:
    """Find itemsets with MLlib's `FPGrowth` in the active session.

    MLlib takes a share and counts exactly; half a basket less than the threshold asks for the
    same baskets whatever the rounding. It knows neither lengths nor kinds, so all itemsets
    are collected, and the budget does not matter.
    """
    frequent = baskets.item_counts >= min_count
    if not frequent.any():
        return Trie.empty(), None
    entries = frequent[baskets.indices]
    before = np.concatenate(([0], np.cumsum(entries, dtype=np.int64)))
    indptr, indices = before[baskets.indptr], baskets.indices[entries]
    if baskets.weights is not None:
        from userportrait.patterns._basket_merge import take_rows

        rows = np.repeat(np.arange(len(indptr) - 1), baskets.weights)
        indptr, indices = take_rows(indptr, indices, rows)
    indptr = np.concatenate((indptr[:1], indptr[1:][np.diff(indptr) > 0]))
    sets, counts = _mined(indptr, indices, min_count)
    trie = _trie(sets, counts, baskets.n_items)
    if kind != "all":
        flags = flags_of_kind(trie, kind, baskets.n_items, baskets.n_baskets)
        trie = trie.list_only(flags)
    if max_length is not None:
        trie = trie.list_only(trie.depths <= max_length)
    watch.stop(0, 0, 1.0)  # tells the progress; what is found is complete
    return trie, None


def _mined(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], min_count: int
) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Return the frequent sets and their counts, as Spark finds them."""
    optional_import("pyspark", what=_WHAT, extra="spark")
    arrow: Any = optional_import("pyarrow", what=_WHAT, extra="spark")
    session: Any = import_module("pyspark.sql").SparkSession.getActiveSession()
    if session is None:
        remedy = "Start one: SparkSession.builder.getOrCreate()."
        raise UnsupportedOnEngine(_WHAT, "Spark without an active session", remedy)
    fpm: Any = import_module("pyspark.ml.fpm")
    offsets = arrow.array(indptr.astype(np.int32))
    lists = arrow.ListArray.from_arrays(offsets, arrow.array(indices))
    n_rows = len(indptr) - 1
    with quiet_spark():
        frame = session.createDataFrame(arrow.table({"items": lists}))
        share = (min_count - 0.5) / n_rows
        model = fpm.FPGrowth(itemsCol="items", minSupport=share).fit(frame)
        found = model.freqItemsets.toArrow()
    counts = np.asarray(found.column("freq"), dtype=np.int64)
    return found.column("items").to_pylist(), counts


def _trie(sets: list[list[int]], counts: NDArray[np.int64], n_items: int) -> Trie:
    sizes = np.array([len(items) for items in sets], dtype=np.int64)
    parts: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for length in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == length)
        codes = np.sort(np.array([sets[row] for row in rows.tolist()], dtype=np.int32), axis=1)
        parts.append((codes, counts[rows]))
    return Trie.from_codes(parts, n_items)
