"""Which itemsets of a whole result are closed, maximal or generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._trie import Trie

__all__ = ["flags_of_kind"]


def flags_of_kind(trie: Trie, kind: str, n_items: int, n_baskets: int) -> NDArray[np.bool_]:
    """Return which nodes are of a kind, among all frequent itemsets.

    Every itemset is compared with those that have one item less, which are all there. They
    are found by the sum of random 64-bit numbers, one for each item; the sums of one length
    are checked to be all different, so what is found is certain.

    Parameters
    ----------
    trie : Trie
        All frequent itemsets, none missing.
    kind : {'closed', 'maximal', 'generators'}
    n_items : int
        Size of the vocabulary.
    n_baskets : int
        The count of the empty itemset.
    """
    flags = np.ones(len(trie.parent), dtype=bool)
    shorter = trie.nodes(1)
    if kind == "generators":
        flags[shorter] = trie.count[shorter] != n_baskets
    length = 2
    while len(shorter):
        longer = trie.nodes(length)
        _compare(trie, kind, flags, shorter, longer, length, n_items)
        shorter, length = longer, length + 1
    return flags


def _compare(
    trie: Trie,
    kind: str,
    flags: NDArray[np.bool_],
    shorter: NDArray[np.intp],
    longer: NDArray[np.intp],
    length: int,
    n_items: int,
) -> None:
    """Strike out the itemsets of two neighbouring lengths that are not of the kind."""
    numbers, keys, places = _keys(trie, shorter, length - 1, n_items)
    codes = trie.codes(longer, length)
    sums = numbers[codes].sum(axis=1, dtype=np.uint64)
    for column in range(length):
        wanted: NDArray[np.uint64] = sums - numbers[codes[:, column]]
        below = places[np.searchsorted(keys, wanted)]
        if kind == "maximal":
            flags[below] = False
            continue
        same = trie.count[below] == trie.count[longer]
        flags[below[same] if kind == "closed" else longer[same]] = False


def _keys(
    trie: Trie, nodes: NDArray[np.intp], length: int, n_items: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.intp]]:
    """Return random numbers of the items, and the nodes sorted by their different sums."""
    codes = trie.codes(nodes, length)
    seed = 0
    while True:
        numbers = np.random.default_rng(seed).integers(0, 2**64, size=n_items, dtype=np.uint64)
        sums = numbers[codes].sum(axis=1, dtype=np.uint64)
        order = np.argsort(sums)
        keys = sums[order]
        if not bool((keys[1:] == keys[:-1]).any()):
            return numbers, keys, nodes[order]
        seed += 1
