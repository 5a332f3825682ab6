"""Which engine mines, and how it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._itemsets import ItemsetKind
    from userportrait.patterns._trie import Trie

__all__ = ["ENGINES", "choose_engine", "run_engine"]

ENGINES = ("mlxtend", "numba", "numpy", "spark")

_WORTH_COMPILING = 20_000_000
"""Pairs of frequent items, over all baskets, from which on numba is worth its start."""


def choose_engine(engine: str, baskets: Baskets, min_count: int) -> str:
    """Return the engine's name: numba for 'auto' where it saves time, else numpy."""
    if engine != "auto":
        return engine
    if find_spec("numba") is None:
        return "numpy"
    if _is_compiled() or _n_pairs(baskets, min_count) >= _WORTH_COMPILING:
        return "numba"
    return "numpy"


def _is_compiled() -> bool:
    """Return whether this process has numba's machine code already."""
    return f"{__package__}._numba_run" in sys.modules


def _n_pairs(baskets: Baskets, min_count: int) -> float:
    frequent = baskets.item_counts >= min_count
    before = np.concatenate(([0], np.cumsum(frequent[baskets.indices], dtype=np.int64)))
    sizes = np.diff(before[baskets.indptr]).astype(np.float64)
    return float((sizes * (sizes - 1)).sum() / 2)


def run_engine(
    engine: str,
    baskets: Baskets,
    *,
    min_count: int,
    kind: ItemsetKind,
    max_length: int | None,
    watch: Watch,
    n_threads: int | None,
) -> tuple[Trie, str | None]:
    """Return the itemsets that an engine finds, and why it stopped early.

    Sets of a kind are told among all sets, longer ones than `max_length` too.
    """
    module: Any = import_module(f"{__package__}._{engine}_engine")
    threads = {"n_threads": n_threads} if engine == "numba" else {}
    found: tuple[Trie, str | None] = module.mine(
        baskets, min_count=min_count, kind=kind, max_length=max_length, watch=watch, **threads
    )
    return found
