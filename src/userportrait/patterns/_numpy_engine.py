"""The engine of the core install: itemsets with NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._budget import Budget
from userportrait.patterns._numpy_blocks import search_blocks
from userportrait.patterns._numpy_cores import write_trie
from userportrait.patterns._numpy_kinds import (
    closed_cores,
    generator_cores,
    maximal_cores,
    write_picked,
)
from userportrait.patterns._numpy_recode import recode
from userportrait.patterns._numpy_search import NODE_BYTES, PairFilter, Search, Stopped

if TYPE_CHECKING:
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._numpy_recode import Recoded
    from userportrait.patterns._trie import Trie

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
    whole = kind in ("closed", "maximal")
    recoded = recode(baskets, min_count, stamped=whole)
    rarest_first = whole and (watch.budget != Budget() or _is_dense(recoded))
    search = Search(
        min_count=min_count,
        longest=max_length + 1 if whole and max_length is not None else max_length,
        watch=watch,
        pairs=None if rarest_first else PairFilter(len(recoded.items)),
        counts_free=kind == "all",
        prunes=whole and max_length is None,
    )
    reason = None
    try:
        search_blocks(recoded, search, rarest_first=rarest_first)
    except Stopped as stopped:
        reason = str(stopped)
    if kind != "all":
        return _picked(recoded, search, kind, max_length), reason
    n_items = len(recoded.items)
    universal = np.arange(n_items, n_items + len(recoded.universal))
    cores = search.cores.collected(universal)
    codes = np.concatenate((recoded.items, recoded.universal))
    trie, cut = write_trie(cores, codes, recoded.n_baskets, max_length, limit=_limit(watch))
    return trie, reason or cut


def _picked(recoded: Recoded, search: Search, kind: ItemsetKind, max_length: int | None) -> Trie:
    """Return the closed, the maximal or the generator itemsets among the cores found."""
    cores = search.cores.collected(np.empty(0, dtype=np.int64))
    base = recoded.universal
    if kind == "generators":
        base, picked = base[:0], generator_cores(cores)
    else:
        picked = closed_cores(cores, search.complete_below)
        if kind == "maximal":
            picked = maximal_cores(cores, picked)
    return write_picked(
        cores,
        picked,
        recoded.items,
        base,
        n_baskets=recoded.n_baskets,
        with_free=kind != "generators",
        max_length=max_length,
        lists_base=len(base) > 0 and (kind == "closed" or not len(recoded.items)),
    )


def _is_dense(recoded: Recoded) -> bool:
    """Whether items share so many baskets that a look at pairs first would save nothing."""
    return len(recoded.entries) > 0.05 * recoded.n_baskets * len(recoded.items)


def _limit(watch: Watch) -> int:
    """Return how many itemsets the budget leaves room for, its own limit or the default."""
    room = watch.max_bytes // NODE_BYTES
    most = watch.budget.max_itemsets
    return room if most is None else min(most, room)
