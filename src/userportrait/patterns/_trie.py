"""Itemsets as a prefix tree in three arrays: 12 bytes an itemset, expanded when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Trie"]


class Trie:
    """Itemsets that share their beginnings.

    Parameters
    ----------
    parent : ndarray of int32 of shape (n_itemsets,)
        Where the itemset without its last item stands; -1 for a single item. A parent stands
        before its children.
    item : ndarray of int32 of shape (n_itemsets,)
        Code of the item added last. Items of one path may come in any order.
    count : ndarray of int32 or int64 of shape (n_itemsets,)
        Baskets with the whole itemset.
    listed : ndarray of bool of shape (n_itemsets,), optional
        Whether the node is an itemset of the result, or stands only for its children, as
        happens among closed itemsets. By default all are.
    """

    def __init__(
        self,
        parent: NDArray[np.int32],
        item: NDArray[np.int32],
        count: NDArray[np.signedinteger],
        listed: NDArray[np.bool_] | None = None,
    ) -> None:
        self.parent = parent
        self.item = item
        self.count = count
        self.listed = listed

    @classmethod
    def empty(cls) -> Trie:
        """Return a tree of no itemsets."""
        nothing = np.empty(0, dtype=np.int32)
        return cls(nothing, nothing, nothing)

    def __len__(self) -> int:
        return len(self.parent) if self.listed is None else int(np.count_nonzero(self.listed))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        arrays = (self.parent, self.item, self.count)
        return sum(a.nbytes for a in arrays) + (0 if self.listed is None else self.listed.nbytes)

    @cached_property
    def depths(self) -> NDArray[np.uint16]:
        """Items on the path of each node."""
        found = np.ones(len(self.parent), dtype=np.uint16)
        above = np.flatnonzero(self.parent >= 0)
        node = self.parent[above]
        while len(above):
            found[above] += 1
            node = self.parent[node]
            further = node >= 0
            above, node = above[further], node[further]
        return found

    def nodes(self, length: int | None = None) -> NDArray[np.intp]:
        """Return where the listed itemsets stand, of this length or of all."""
        if length is None:
            every = np.arange(len(self.parent)) if self.listed is None else self.listed
            return every if self.listed is None else np.flatnonzero(every)
        fits = self.depths == length
        return np.flatnonzero(fits if self.listed is None else fits & self.listed)

    def codes(self, nodes: NDArray[np.intp], length: int) -> NDArray[np.int32]:
        """Return the items of nodes of one length, ascending, as (n_nodes, length)."""
        found = np.empty((len(nodes), length), dtype=np.int32)
        node = nodes
        for column in range(length - 1, -1, -1):
            found[:, column] = self.item[node]
            node = self.parent[node]
        found.sort(axis=1)
        return found
