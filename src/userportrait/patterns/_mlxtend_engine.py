"""The engine of mlxtend: its public functions, with counts that are exact again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.patterns._basket_matrices import sparse_frame
from userportrait.patterns._itemset_kinds import flags_of_kind
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["mine", "of_kind"]


def mine(
    baskets: Baskets, *, min_count: int, kind: ItemsetKind, max_length: int | None, watch: Watch
) -> tuple[Trie, str | None]:
    """Find itemsets with mlxtend's `fpgrowth`, maximal ones with `fpmax`.

    mlxtend works with shares; half a basket less than the threshold asks for the same
    baskets whatever the rounding, and a share times the baskets is rounded to a whole count.
    The search cannot be interrupted, so the budget does not matter.
    """
    patterns: Any = import_module("mlxtend.frequent_patterns")
    frequent = np.flatnonzero(baskets.item_counts >= min_count)
    if not len(frequent):
        return Trie.empty(), None
    matrix = baskets.to_sparse()[:, frequent]
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
    frame = sparse_frame(matrix)
    n_rows = len(frame)
    share = (min_count - 0.5) / n_rows
    if kind == "maximal":
        found: pd.DataFrame = patterns.fpmax(frame, min_support=share)
    else:
        longest = None if max_length is None else max_length + (kind == "closed")
        found = patterns.fpgrowth(frame, min_support=share, max_len=longest)
    trie = _trie(found, frequent, n_rows, baskets.n_items)
    if kind in ("closed", "generators"):
        trie = of_kind(trie, kind, baskets.n_items, baskets.n_baskets)
    if max_length is not None:
        trie = trie.list_only(trie.depths <= max_length)
    watch.stop(0, 0, 1.0)  # tells the progress; what is found is complete
    return trie, None


def _trie(found: pd.DataFrame, codes: NDArray[np.intp], n_rows: int, n_items: int) -> Trie:
    """Return a frame of column positions as a tree in vocabulary codes."""
    counts = np.rint(found["support"].to_numpy(dtype=np.float64) * n_rows).astype(np.int64)
    sets = [sorted(columns) for columns in found["itemsets"].tolist()]
    sizes = np.array([len(columns) for columns in sets], dtype=np.int64)
    parts: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for length in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == length)
        columns = np.array([sets[row] for row in rows.tolist()], dtype=np.intp)
        parts.append((codes[columns].astype(np.int32), counts[rows]))
    return Trie.from_codes(parts, n_items)


def of_kind(trie: Trie, kind: ItemsetKind, n_items: int, n_baskets: int) -> Trie:
    """Return the sets of a kind among all sets."""
    return trie.list_only(flags_of_kind(trie, kind, n_items, n_baskets))
