"""Patterns of sequences as a prefix tree: 13 bytes a pattern, expanded when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SequenceTrie"]


class SequenceTrie:
    """Patterns that share their beginnings.

    Parameters
    ----------
    parent : ndarray of int32 of shape (n_patterns,)
        Where the pattern without its last item stands; -1 for a single item. A parent stands
        before its children.
    item : ndarray of int32 of shape (n_patterns,)
        Code of the last item; items ascend within an element.
    is_new : ndarray of bool of shape (n_patterns,)
        Whether the last item begins an element, or joins the last one.
    count : ndarray of int32 or int64 of shape (n_patterns,)
        Customers with the whole pattern.
    n_items : int
        Size of the vocabulary.
    listed : ndarray of bool of shape (n_patterns,), optional
        Whether the node is a pattern of the result, or stands only for its children.
    """

    def __init__(
        self,
        parent: NDArray[np.int32],
        item: NDArray[np.int32],
        is_new: NDArray[np.bool_],
        count: NDArray[np.signedinteger],
        n_items: int,
        listed: NDArray[np.bool_] | None = None,
    ) -> None:
        self.parent = parent
        self.item = item
        self.is_new = is_new
        self.count = count
        self.n_items = n_items
        self.listed = listed

    def __len__(self) -> int:
        return len(self.parent) if self.listed is None else int(np.count_nonzero(self.listed))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        arrays = (self.parent, self.item, self.is_new, self.count)
        return sum(a.nbytes for a in arrays) + (0 if self.listed is None else self.listed.nbytes)

    def keep(self, nodes: NDArray[np.bool_]) -> SequenceTrie:
        """Return the tree with only these of its nodes listed."""
        listed = nodes if self.listed is None else nodes & self.listed
        return SequenceTrie(self.parent, self.item, self.is_new, self.count, self.n_items, listed)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """Items on the path of each node."""
        return self._summed(np.ones(len(self.parent), dtype=np.int32))

    @cached_property
    def n_steps(self) -> NDArray[np.int32]:
        """Elements on the path of each node."""
        return self._summed(self.is_new.astype(np.int32))

    def _summed(self, value: NDArray[np.int32]) -> NDArray[np.int32]:
        found = value.copy()
        above = np.flatnonzero(self.parent >= 0)
        node = self.parent[above]
        while len(above):
            found[above] += value[node]
            node = self.parent[node]
            further = node >= 0
            above, node = above[further], node[further]
        return found

    def nodes(self, length: int | None = None) -> NDArray[np.intp]:
        """Return where the listed patterns stand, of this length or of all."""
        chosen = np.ones(len(self.parent), dtype=bool) if self.listed is None else self.listed
        return np.flatnonzero(chosen if length is None else chosen & (self.lengths == length))

    def path(self, nodes: NDArray[np.intp], length: int) -> NDArray[np.intp]:
        """Return the nodes from the root to nodes of one length, as (n_nodes, length)."""
        found = np.empty((len(nodes), length), dtype=np.intp)
        node: NDArray[np.signedinteger] = nodes
        for column in range(length - 1, -1, -1):
            found[:, column] = node
            node = self.parent[node]
        return found

    def ordered(self, length: int) -> NDArray[np.intp]:
        """Return the listed patterns of one length, in the order of their codes.

        Patterns compare as tuples of tuples: a new element comes before another item in the
        same one.
        """
        nodes = self.nodes(length)
        path = self.path(nodes, length)
        tokens = self.item[path].astype(np.int64) + self.n_items * ~self.is_new[path]
        return nodes[np.lexsort(tokens.T[::-1])] if len(nodes) else nodes

    @cached_property
    def _children(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        keys = self.key(self.parent.astype(np.int64), self.item, self.is_new)
        order = np.argsort(keys)
        return keys[order], order

    def key(
        self, parent: NDArray[np.int64], item: NDArray[np.integer], is_new: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return one number for a parent, -1 for none, an item and how it is added."""
        return ((parent + 1) * 2 + is_new) * self.n_items + item

    def child(
        self, parent: NDArray[np.int64], item: NDArray[np.integer], is_new: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Return the nodes that add an item to a parent; -1 where there is none."""
        keys, order = self._children
        if not len(keys):
            return np.full(len(parent), -1, dtype=np.intp)
        wanted = self.key(parent, item, is_new)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, order[place], -1)
