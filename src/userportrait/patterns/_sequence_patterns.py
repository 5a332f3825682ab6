"""Patterns found in sequences: counts that are exact, frames on demand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from userportrait._core.display import definition_list, format_count, page_fragment, table
from userportrait._core.params import Between, Optional, check_values
from userportrait.errors import InvalidDataError
from userportrait.patterns._sequence_walk import walk_patterns
from userportrait.patterns._sequences import as_sequences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._sequence_kinds import SequenceKind
    from userportrait.patterns._sequence_steps import Limits
    from userportrait.patterns._sequence_trie import SequenceTrie
    from userportrait.patterns._sequences import IntoSequences

__all__ = ["SequencePatterns"]

_SHOWN = 10


class SequencePatterns:
    """Sequences of steps that enough customers hold, each with its exact count.

    Made by `mine_sequences`. The patterns are kept as a tree of 13 bytes each; frames and
    tuples are made when asked for.

    Parameters
    ----------
    trie : SequenceTrie
        The patterns, in codes.
    items : ndarray of shape (n_items,)
        The item of each code, ascending.
    n_customers : int
        Customers that were looked at, those without a step included.
    min_count : int
        The least number of customers asked for.
    limits : Limits
        The limits that the patterns were mined with.
    kind : {'all', 'closed', 'maximal'}
    engine : {'numpy', 'numba'}
        What mined them.
    stopped : str, optional
        Why mining stopped before its end: then every pattern and count is right, and patterns
        are missing. None if nothing is missing.

    Notes
    -----
    The public order of patterns is by `n_items`, then as tuples of tuples of codes compare.
    It depends on nothing but the patterns.

    Examples
    --------
    >>> from userportrait.patterns import Sequences, mine_sequences
    >>> sequences = Sequences.from_lists(
    ...     [[{"tea"}, {"pot", "tea"}, {"cup"}], [{"tea"}, {"cup"}], [{"cup"}, {"tea"}]]
    ... )
    >>> patterns = mine_sequences(sequences, min_support=2)
    >>> patterns.to_frame()
                pattern  n_items  n_steps  count   support
    0          ((cup,),)        1        1      3  1.000000
    1          ((tea,),)        1        1      3  1.000000
    2  ((tea,), (cup,))        2        2      2  0.666667
    >>> patterns.support_of([{"tea"}, {"cup"}])
    0.6666666666666666
    """

    def __init__(
        self,
        trie: SequenceTrie,
        items: NDArray[Any],
        n_customers: int,
        *,
        min_count: int,
        limits: Limits,
        kind: SequenceKind = "all",
        engine: str = "numpy",
        stopped: str | None = None,
    ) -> None:
        self.trie: SequenceTrie = trie
        self.items: NDArray[Any] = items
        self.n_customers: int = n_customers
        self.min_count: int = min_count
        self.limits: Limits = limits
        self.kind: SequenceKind = kind
        self.engine: str = engine
        self.stopped: str | None = stopped

    def __len__(self) -> int:
        return len(self.trie)

    @property
    def is_complete(self) -> bool:
        """Whether no pattern is missing."""
        return self.stopped is None

    @property
    def nbytes(self) -> int:
        """Bytes of the patterns."""
        return self.trie.nbytes

    @cached_property
    def max_length(self) -> int:
        """Items in the longest pattern; 0 if there is none."""
        nodes = self.trie.nodes()
        return int(self.trie.lengths[nodes].max()) if len(nodes) else 0

    @cached_property
    def nodes(self) -> NDArray[np.intp]:
        """Where each pattern stands in the tree, in the public order."""
        parts = [self.trie.ordered(length) for length in range(1, self.max_length + 1)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The customers of each pattern, in the public order."""
        return self.trie.count[self.nodes].astype(np.int64)

    def of_length(
        self, length: int
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int64]]:
        """Return the patterns of one number of items, in the public order.

        Parameters
        ----------
        length : int

        Returns
        -------
        codes : ndarray of int32 of shape (n, length)
        is_new : ndarray of bool of shape (n, length)
            Whether the item begins an element.
        counts : ndarray of int64 of shape (n,)
        """
        nodes = self.trie.ordered(length)
        path = self.trie.path(nodes, length)
        return self.trie.item[path], self.trie.is_new[path], self.trie.count[nodes].astype(np.int64)

    def patterns(self) -> list[tuple[tuple[Any, ...], ...]]:
        """Return the patterns as tuples of tuples of items, in the public order."""
        found: list[tuple[tuple[Any, ...], ...]] = []
        for length in range(1, self.max_length + 1):
            codes, is_new, _ = self.of_length(length)
            rows = zip(self.items[codes].tolist(), is_new.tolist(), strict=True)
            found.extend(_as_tuples(items, starts) for items, starts in rows)
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return the patterns, in the public order.

        Returns
        -------
        DataFrame
            `pattern` (a tuple of elements, each a tuple of items, ascending), `n_items`,
            `n_steps`, `count` (customers) and `support` (their share of all customers).
        """
        nodes = self.nodes
        pattern = pd.Series(self.patterns(), dtype=object)
        count = self.counts
        return pd.DataFrame(
            {
                "pattern": pattern,
                "n_items": self.trie.lengths[nodes].astype(np.int64),
                "n_steps": self.trie.n_steps[nodes].astype(np.int64),
                "count": count,
                "support": count / max(1, self.n_customers),
            }
        )

    def count_of(self, pattern: Sequence[Any]) -> int | None:
        """Return the customers of a pattern; None if it is not among the patterns.

        Parameters
        ----------
        pattern : sequence
            Its elements: sets, lists or tuples of items, or single items.
        """
        node = self._node_of(pattern)
        return None if node is None else int(self.trie.count[node])

    def support_of(self, pattern: Sequence[Any]) -> float | None:
        """Return the share of customers with a pattern; None if it is not among the patterns.

        Parameters
        ----------
        pattern : sequence
            Its elements: sets, lists or tuples of items, or single items.
        """
        count = self.count_of(pattern)
        return None if count is None else count / max(1, self.n_customers)

    def __contains__(self, pattern: Sequence[Any]) -> bool:
        return self._node_of(pattern) is not None

    def _node_of(self, pattern: Sequence[Any]) -> int | None:
        node = -1
        for element in pattern:
            single = isinstance(element, (str, bytes)) or not hasattr(element, "__iter__")
            codes = self._codes([element] if single else element)
            for place, code in enumerate(codes):
                if code < 0:
                    return None
                parent, item = np.array([node]), np.array([code])
                node = int(self.trie.child(parent, item, np.array([place == 0]))[0])
                if node < 0:
                    return None
        listed = self.trie.listed
        return node if node >= 0 and (listed is None or bool(listed[node])) else None

    def _codes(self, items: Iterable[Any]) -> list[int]:
        known = {item: code for code, item in enumerate(self.items.tolist())}
        return sorted({known.get(item, -1) for item in items})

    def filter(
        self,
        *,
        containing: Iterable[Any] | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        min_steps: int | None = None,
        max_steps: int | None = None,
        min_count: int | None = None,
    ) -> SequencePatterns:
        """Return the patterns that meet every condition; nothing is counted again.

        Parameters
        ----------
        containing : iterable of items, optional
            Keep patterns that hold all of these items, anywhere.
        min_length, max_length : int, optional
            Items of the pattern.
        min_steps, max_steps : int, optional
            Elements of the pattern.
        min_count : int, optional
            Customers.

        Raises
        ------
        InvalidDataError
            If an item is not in the vocabulary.
        """
        trie = self.trie
        bounds = {
            "min_length": min_length,
            "max_length": max_length,
            "min_steps": min_steps,
            "max_steps": max_steps,
            "min_count": min_count,
        }
        rule = Optional(Between(1, np.inf, integer=True))
        check_values("SequencePatterns.filter", bounds, dict.fromkeys(bounds, rule))
        kept = np.ones(len(trie.parent), dtype=bool)
        for values, least in (
            (trie.lengths, min_length),
            (trie.n_steps, min_steps),
            (trie.count, min_count),
        ):
            kept &= values >= (least or 0)
        for values, most in ((trie.lengths, max_length), (trie.n_steps, max_steps)):
            if most is not None:
                kept &= values <= most
        for item in containing or ():
            kept &= self._holds_item(item)
        return SequencePatterns(
            trie.keep(kept),
            self.items,
            self.n_customers,
            min_count=self.min_count,
            limits=self.limits,
            kind=self.kind,
            engine=self.engine,
            stopped=self.stopped,
        )

    def _holds_item(self, item: Any) -> NDArray[np.bool_]:
        code = self._codes([item])[0]
        if code < 0:
            message = "SequencePatterns.filter: containing holds an item that no customer has."
            raise InvalidDataError(message, column="containing")
        here: NDArray[np.bool_] = self.trie.item == code
        found: NDArray[np.bool_] = here.copy()
        node = self.trie.parent
        while (node >= 0).any():
            found |= (node >= 0) & here[np.maximum(node, 0)]
            node = np.where(node >= 0, self.trie.parent[np.maximum(node, 0)], -1)
        return found

    def matches(self, data: IntoSequences) -> sp.csr_array:
        """Say which customers of any data hold which pattern, under the same limits.

        Parameters
        ----------
        data : Sequences, Baskets or Events
            Of the customers of the patterns, or of others.

        Returns
        -------
        csr_array of bool of shape (n_customers, n_patterns)
            Rows as `Sequences.customer_ids`, columns in the public order.
        """
        sequences = as_sequences(data, owner="SequencePatterns.matches")
        column = np.full(len(self.trie.parent), -1)
        column[self.nodes] = np.arange(len(self))
        rows: list[NDArray[Any]] = [np.empty(0, dtype=np.int64)]
        columns: list[NDArray[Any]] = [np.empty(0, dtype=np.int64)]
        for visit in walk_patterns(self.trie, self.items, sequences, self.limits):
            where = column[visit.node]
            rows.append(visit.customer[where >= 0].astype(np.int64))
            columns.append(where[where >= 0])
        row, col = np.concatenate(rows), np.concatenate(columns)
        shape = (sequences.n_customers, len(self))
        return sp.csr_array((np.ones(len(row), dtype=bool), (row, col)), shape=shape)

    def _title(self) -> str:
        kind = "" if self.kind == "all" else f"{self.kind} "
        return format_count(len(self), f"{kind}pattern")

    def __repr__(self) -> str:
        stopped = "" if self.stopped is None else f", stopped: {self.stopped}"
        customers = format_count(self.n_customers, "customer")
        return f"<SequencePatterns: {self._title()}, {customers}{stopped}>"

    def _repr_html_(self) -> str:
        facts = {
            "customers": f"{self.n_customers:,}",
            "at least": format_count(self.min_count, "customer"),
            **self.limits.describe(),
            **({} if self.stopped is None else {"stopped": self.stopped}),
        }
        best = self.nodes[np.argsort(-self.counts, kind="stable")][:_SHOWN]
        rows = [
            (self._text(node), f"{count:,}", f"{count / max(1, self.n_customers):.2%}")
            for node, count in zip(best.tolist(), self.trie.count[best].tolist(), strict=True)
        ]
        shown = table(("pattern", "count", "support"), rows, numeric=("count", "support"))
        return page_fragment(f"Sequences: {self._title()}", definition_list(facts), shown)

    def _text(self, node: int) -> str:
        """Write one pattern, as 'tea, cup → pot'."""
        path = self.trie.path(np.array([node]), int(self.trie.lengths[node]))[0]
        elements = _as_tuples(
            self.items[self.trie.item[path]].tolist(), self.trie.is_new[path].tolist()
        )
        return " → ".join(", ".join(map(str, element)) for element in elements)


def _as_tuples(items: list[Any], starts: list[bool]) -> tuple[tuple[Any, ...], ...]:
    elements: list[list[Any]] = []
    for item, is_new in zip(items, starts, strict=True):
        if is_new:
            elements.append([item])
        else:
            elements[-1].append(item)
    return tuple(tuple(element) for element in elements)
