"""Itemsets as a prefix tree in three arrays: 12 bytes an itemset, expanded when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self.parent: NDArray[np.int32] = parent
        self.item: NDArray[np.int32] = item
        self.count: NDArray[np.signedinteger] = count
        self.listed: NDArray[np.bool_] | None = listed

    @classmethod
    def empty(cls) -> Trie:
        """Return a tree of no itemsets."""
        nothing = np.empty(0, dtype=np.int32)
        return cls(nothing, nothing, nothing)

    @classmethod
    def from_codes(
        cls, parts: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]], n_items: int
    ) -> Trie:
        """Return a tree of itemsets that are all different.

        Beginnings that are no itemset themselves become nodes that are not listed, with
        count 0.

        Parameters
        ----------
        parts : sequence of (codes, counts)
            Codes of shape (n, length), ascending in each row, one array for each length.
        n_items : int
            Codes are below it.
        """
        parts = [(codes, counts) for codes, counts in parts if len(codes) and codes.shape[1]]
        at = [np.full(len(codes), -1, dtype=np.int64) for codes, _ in parts]
        parents: list[NDArray[np.int64]] = []
        items: list[NDArray[np.int64]] = []
        n_nodes = 0
        longest = max((codes.shape[1] for codes, _ in parts), default=0)
        for depth in range(longest):
            open_ = [i for i, (codes, _) in enumerate(parts) if codes.shape[1] > depth]
            keys = [(at[i] + 1) * n_items + parts[i][0][:, depth] for i in open_]
            distinct, inverse = np.unique(np.concatenate(keys), return_inverse=True)
            parents.append(distinct // n_items - 1)
            items.append(distinct % n_items)
            ends = np.cumsum([len(key) for key in keys])[:-1]
            for i, nodes in zip(open_, np.split(inverse, ends), strict=True):
                at[i] = nodes + n_nodes
            n_nodes += len(distinct)
        if not parts:
            return cls.empty()
        count = np.zeros(n_nodes, dtype=np.int64)
        listed = np.zeros(n_nodes, dtype=bool)
        for nodes, (_, counts) in zip(at, parts, strict=True):
            count[nodes] = counts
            listed[nodes] = True
        narrow = count.astype(np.int32) if int(count.max()) < 2**31 else count
        parent, item = np.concatenate(parents), np.concatenate(items)
        return cls(
            parent.astype(np.int32),
            item.astype(np.int32),
            narrow,
            None if listed.all() else listed,
        )

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
            every = np.arange(len(self.parent))
            return every if self.listed is None else np.flatnonzero(self.listed)
        fits = self.depths == length
        return np.flatnonzero(fits if self.listed is None else fits & self.listed)

    def codes(self, nodes: NDArray[np.intp], length: int) -> NDArray[np.int32]:
        """Return the items of nodes of one length, ascending, as (n_nodes, length)."""
        found = np.empty((len(nodes), length), dtype=np.int32)
        node: NDArray[Any] = nodes
        for column in range(length - 1, -1, -1):
            found[:, column] = self.item[node]
            node = self.parent[node]
        found.sort(axis=1)
        return found

    def inherited(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether a node or any node above it has a flag."""
        found = flags.copy()
        depths = self.depths
        for depth in range(2, int(depths.max(initial=0)) + 1):
            nodes = np.flatnonzero(depths == depth)
            found[nodes] |= found[self.parent[nodes]]
        return found

    def list_only(self, flags: NDArray[np.bool_]) -> Trie:
        """Return the tree with only those listed nodes that have a flag.

        Nodes that no listed one stands upon are left out.
        """
        listed: NDArray[np.bool_] = flags if self.listed is None else flags & self.listed
        if listed.all():
            return Trie(self.parent, self.item, self.count)
        needed = listed.copy()
        node = self.parent[np.flatnonzero(listed)]
        node = np.unique(node[node >= 0])
        while len(node):
            node = node[~needed[node]]
            needed[node] = True
            node = self.parent[node]
            node = np.unique(node[node >= 0])
        place = np.cumsum(needed, dtype=np.int32) - np.int32(1)
        parent = self.parent[needed]
        parent = np.where(parent >= 0, place[parent], -1).astype(np.int32)
        rest = listed[needed]
        only = None if rest.all() else rest
        return Trie(parent, self.item[needed], self.count[needed], only)
