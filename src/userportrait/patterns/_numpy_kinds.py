"""Closed, maximal and generator itemsets, picked out of all itemsets by exact look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._itemsets import ItemsetKind

__all__ = ["of_kind"]


@dataclass(frozen=True, slots=True)
class _Level:
    nodes: NDArray[np.intp]
    codes: NDArray[np.int32]
    keys: NDArray[np.uint64]  # ascending, and no two alike


def of_kind(trie: Trie, kind: ItemsetKind, n_baskets: int, max_length: int | None) -> Trie:
    """Keep the sets of a kind of at most `max_length` items; `trie` must hold one item more."""
    count = trie.count.astype(np.int64)
    fits = np.ones(len(count), dtype=np.bool_)
    deepest = int(trie.depths.max()) if len(count) else 0
    numbers = _numbers(trie)
    above: _Level | None = None
    for length in range(1, deepest + 1):
        level = _level(trie, length, numbers)
        if above is None:
            if kind == "generators":
                fits[level.nodes] = count[level.nodes] < n_baskets
        else:
            for column in range(length):
                wanted = level.keys - numbers[level.codes[:, column]]
                smaller = above.nodes[np.searchsorted(above.keys, wanted)]
                same = count[smaller] == count[level.nodes]
                if kind == "closed":
                    fits[smaller[same]] = False
                elif kind == "maximal":
                    fits[smaller] = False
                else:
                    fits[level.nodes[same]] = False
        above = level
    if max_length is not None:
        fits &= trie.depths <= max_length
    return _carried(trie, fits)


def _numbers(trie: Trie) -> NDArray[np.uint64]:
    """Return a random number for each code, such that no two sets of a length add up alike."""
    n_items = int(trie.item.max()) + 1 if len(trie.item) else 0
    lengths = range(1, int(trie.depths.max()) + 1 if len(trie.item) else 1)
    for seed in range(64):
        random = np.random.default_rng(seed)
        numbers = random.integers(0, 2**64, size=n_items, dtype=np.uint64)
        if all(_are_unique(_level(trie, length, numbers).keys) for length in lengths):
            return numbers
    message = "no numbers found that tell all itemsets apart"
    raise RuntimeError(message)


def _are_unique(keys: NDArray[np.uint64]) -> bool:
    return not np.any(keys[1:] == keys[:-1])


def _level(trie: Trie, length: int, numbers: NDArray[np.uint64]) -> _Level:
    nodes = trie.nodes(length)
    codes = trie.codes(nodes, length)
    keys = numbers[codes].sum(axis=1, dtype=np.uint64)
    order = np.argsort(keys)
    return _Level(nodes[order], codes[order], keys[order])


def _carried(trie: Trie, fits: NDArray[np.bool_]) -> Trie:
    """Drop the nodes that neither fit nor stand before one that does."""
    kept = fits.copy()
    for depth in range(int(trie.depths.max()) if len(fits) else 0, 1, -1):
        below = np.flatnonzero((trie.depths == depth) & kept)
        kept[trie.parent[below]] = True
    places = np.flatnonzero(kept)
    new = np.cumsum(kept, dtype=np.int32) - 1
    above = trie.parent[places]
    parent = np.where(above < 0, -1, new[above]).astype(np.int32)
    return Trie(parent, trie.item[places], trie.count[places], fits[places])
