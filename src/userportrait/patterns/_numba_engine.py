"""Itemsets by compiled code: the fastest engine, in as many threads as asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._trie import Trie

__all__ = ["mine"]


def mine(
    baskets: Baskets,
    *,
    min_count: int,
    kind: ItemsetKind,
    max_length: int | None,
    watch: Watch,
    n_threads: int | None = None,
) -> tuple[Trie, str | None]:
    """Return the itemsets as a tree, and why the search stopped early, if it did."""
    optional_import("numba", what="mine_itemsets(engine='numba')", extra="fast")
    from userportrait.patterns._numba_run import run

    threads = (os.cpu_count() or 1) if n_threads is None else n_threads
    return run(baskets, min_count, kind, max_length, watch, max(1, threads))
