"""Itemsets by looking at every candidate: slow, and plainly right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.patterns._itemsets import Itemsets
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["all_itemsets", "brute_itemsets", "closed", "generators", "maximal"]


def all_itemsets(lists: Iterable[Iterable[Any]], min_count: int) -> dict[frozenset[Any], int]:
    """Return every itemset in at least `min_count` baskets, with its count."""
    baskets = [frozenset(items) for items in lists]
    items = sorted({item for basket in baskets for item in basket})
    found: dict[frozenset[Any], int] = {}

    def extend(base: frozenset[Any], rows: list[frozenset[Any]], start: int) -> None:
        for position in range(start, len(items)):
            kept = [row for row in rows if items[position] in row]
            if len(kept) >= min_count:
                larger = base | {items[position]}
                found[larger] = len(kept)
                extend(larger, kept, position + 1)

    extend(frozenset(), baskets, 0)
    return found


def closed(found: dict[frozenset[Any], int]) -> dict[frozenset[Any], int]:
    """Keep the sets without a larger one of the same count."""
    return {s: n for s, n in found.items() if not any(s < t and n == m for t, m in found.items())}


def maximal(found: dict[frozenset[Any], int]) -> dict[frozenset[Any], int]:
    """Keep the sets without a larger one."""
    return {s: n for s, n in found.items() if not any(s < t for t in found)}


def generators(found: dict[frozenset[Any], int], n_baskets: int) -> dict[frozenset[Any], int]:
    """Keep the sets of which every smaller one, the empty one too, is in more baskets."""
    smaller = {**found, frozenset[Any](): n_baskets}
    return {s: n for s, n in found.items() if not any(t < s and n == m for t, m in smaller.items())}


def brute_itemsets(lists: Iterable[Iterable[Any]], min_count: int) -> Itemsets:
    """Return the result as the miners give it."""
    baskets = [frozenset(items) for items in lists]
    found = all_itemsets(baskets, min_count)
    items = sorted({item for basket in baskets for item in basket})
    code = {item: position for position, item in enumerate(items)}
    paths = sorted(tuple(sorted(code[item] for item in s)) for s in found)
    node = {path: position for position, path in enumerate(paths)}
    parent = np.array([node.get(path[:-1], -1) for path in paths], dtype=np.int32)
    item = np.array([path[-1] for path in paths], dtype=np.int32)
    counts = [found[frozenset(items[c] for c in path)] for path in paths]
    values = np.array(items) if items and isinstance(items[0], int) else np.array(items, object)
    trie = Trie(parent, item, np.array(counts, dtype=np.int32))
    return Itemsets(trie, values, len(baskets), min_count=min_count)
