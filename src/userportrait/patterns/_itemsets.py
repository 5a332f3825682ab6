"""Itemsets found in baskets: counts that are exact, frames on demand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._trie import Trie

__all__ = ["ItemsetKind", "Itemsets"]

ItemsetKind: TypeAlias = Literal["all", "closed", "maximal", "generators"]


class Itemsets:
    """Items that stand together in enough baskets, each set with its exact count.

    Parameters
    ----------
    trie : Trie
        The sets, in codes.
    items : ndarray of shape (n_items,)
        The item of each code, ascending.
    n_baskets : int
        Baskets that were looked at, empty ones included.
    min_count : int
        The least number of baskets asked for.
    kind : {'all', 'closed', 'maximal', 'generators'}
    stopped : str, optional
        Why mining stopped before its end: then every set and count is right, and sets are
        missing. None if nothing is missing.
    """

    def __init__(
        self,
        trie: Trie,
        items: NDArray[Any],
        n_baskets: int,
        *,
        min_count: int,
        kind: ItemsetKind = "all",
        stopped: str | None = None,
    ) -> None:
        self.trie = trie
        self.items = items
        self.n_baskets = n_baskets
        self.min_count = min_count
        self.kind: ItemsetKind = kind
        self.stopped = stopped

    def __len__(self) -> int:
        return len(self.trie)

    @property
    def is_complete(self) -> bool:
        """Whether no set is missing."""
        return self.stopped is None

    @cached_property
    def max_length(self) -> int:
        """Items in the longest set; 0 if there is none."""
        nodes = self.trie.nodes()
        return int(self.trie.depths[nodes].max()) if len(nodes) else 0

    def of_length(self, length: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the sets of one length, sorted: codes (n, length) ascending, and counts."""
        nodes = self.trie.nodes(length)
        codes = self.trie.codes(nodes, length)
        order = np.lexsort(codes.T[::-1]) if len(nodes) else np.empty(0, dtype=np.intp)
        return codes[order], self.trie.count[nodes[order]].astype(np.int64)

    def to_frame(self) -> pd.DataFrame:
        """Return the sets: `items` (tuples, ascending), `length`, `count`, `support`."""
        parts: list[pd.DataFrame] = []
        for length in range(1, self.max_length + 1):
            codes, counts = self.of_length(length)
            sets = list(zip(*self.items[codes].T.tolist(), strict=True))
            parts.append(pd.DataFrame({"items": sets, "length": length, "count": counts}))
        found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        return found.assign(support=found["count"] / self.n_baskets)
