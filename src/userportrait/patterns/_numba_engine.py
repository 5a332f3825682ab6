"""Itemsets by compiled code: the fastest engine, in as many threads as asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, get_args

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait.patterns._baskets import Baskets
from userportrait.patterns._budget import Watch
from userportrait.patterns._itemsets import ItemsetKind

if TYPE_CHECKING:
    from userportrait.patterns._trie import Trie

__all__ = ["mine", "warmup_numba"]


def mine(
    baskets: Baskets,
    *,
    min_count: int,
    kind: ItemsetKind,
    max_length: int | None,
    watch: Watch,
    n_threads: int | None = None,
) -> tuple[Trie, str | None]:
    """Return the itemsets as a tree, and why the search stopped early, if it did.

    Parameters
    ----------
    baskets : Baskets
        Read row by row, with their weights; identical baskets need not be merged.
    min_count : int
        Baskets that a set must be in.
    kind : {'all', 'closed', 'maximal', 'generators'}
        A set is closed, maximal or a generator among the sets of any length.
    max_length : int, optional
        The most items of a set; longer ones are never looked at.
    watch : Watch
        Asked several times a second whether to stop, by the calling thread alone.
    n_threads : int, optional
        By default as many as there are processors. The result is the same for any number.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    optional_import("numba", what="mine_itemsets(engine='numba')", extra="fast")
    from userportrait.patterns._numba_run import run

    threads = (os.cpu_count() or 1) if n_threads is None else n_threads
    return run(baskets, min_count, kind, max_length, watch, max(1, threads))


def warmup_numba() -> None:
    """Compile the numba engine now, so that the first mining does not wait for it.

    Takes about half a minute on a new machine. The machine code is kept on disk, beside the
    package or in the user's cache, and later processes load it in about a second.

    Raises
    ------
    MissingExtraError
        If numba is not installed.

    Examples
    --------
    >>> from userportrait.patterns import warmup_numba
    >>> warmup_numba()  # doctest: +SKIP
    """
    indptr = np.array([0, 3, 6, 8, 9], dtype=np.int64)
    indices = np.array([0, 1, 2, 0, 1, 2, 0, 2, 1], dtype=np.int32)
    items = np.arange(3)
    for weights in (None, np.array([1, 2, 1, 1], dtype=np.int64)):
        baskets = Baskets(indptr, indices, items, weights=weights)
        for kind in get_args(ItemsetKind):
            mine(baskets, min_count=1, kind=kind, max_length=None, watch=Watch(), n_threads=1)
    # Baskets of so many different items are not merged, which takes another search.
    many = 500
    for weights in (None, np.full(many, 2)):
        rows = (np.arange(many + 1, dtype=np.int64), np.arange(many, dtype=np.int32))
        baskets = Baskets(*rows, np.arange(many), weights=weights)
        mine(baskets, min_count=1, kind="closed", max_length=None, watch=Watch(), n_threads=1)
