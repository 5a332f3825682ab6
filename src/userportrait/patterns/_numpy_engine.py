"""The engine of the core install: itemsets with NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._budget import Budget
from userportrait.patterns._numpy_blocks import search_blocks
from userportrait.patterns._numpy_cores import write_trie
from userportrait.patterns._numpy_kinds import of_kind
from userportrait.patterns._numpy_recode import recode
from userportrait.patterns._numpy_search import NODE_BYTES, PairFilter, Search, Stopped
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["mine"]


def mine(
    baskets: Baskets, *, min_count: int, kind: ItemsetKind, max_length: int | None, watch: Watch
) -> tuple[Trie, str | None]:
    """Find itemsets; the contract of an engine.

    Parameters
    ----------
    baskets : Baskets
    min_count : int
        Least number of baskets.
    kind : {'all', 'closed', 'maximal', 'generators'}
        What a set is compared with is never bounded by `max_length`: a closed set of at most
        `max_length` items is closed among the sets of all lengths.
    max_length : int, optional
        Most items of a set.
    watch : Watch
        Asked at least every tenth of a second of ordinary work.

    Returns
    -------
    trie : Trie
        The sets in codes of the vocabulary.
    stopped : str or None
        Why the search ended early; every set found by then is right.
    """
    recoded = recode(baskets, min_count)
    deeper = kind in ("closed", "maximal") and max_length is not None
    longest = max_length + 1 if deeper and max_length is not None else max_length
    rarest_first = kind in ("closed", "maximal") and watch.budget != Budget()
    pairs = None if rarest_first else PairFilter(len(recoded.items))
    search = Search(min_count=min_count, longest=longest, watch=watch, pairs=pairs)
    reason = None
    try:
        search_blocks(recoded, search, rarest_first=rarest_first)
    except Stopped as stopped:
        reason = str(stopped)
    if reason and kind != "all":
        return Trie.empty(), reason
    n_items = len(recoded.items)
    universal = np.arange(n_items, n_items + len(recoded.universal))
    cores = search.cores.collected(universal)
    codes = np.concatenate((recoded.items, recoded.universal))
    trie, cut = write_trie(cores, codes, recoded.n_baskets, longest, limit=_limit(watch))
    if kind != "all":
        trie = of_kind(trie, kind, recoded.n_baskets, max_length)
    return trie, reason or cut


def _limit(watch: Watch) -> int | None:
    """Return how many itemsets the budget leaves room for."""
    budget = watch.budget
    room = None if budget.max_bytes is None else budget.max_bytes // NODE_BYTES
    limits = [limit for limit in (budget.max_itemsets, room) if limit is not None]
    return min(limits, default=None)
