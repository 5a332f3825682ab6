"""Itemsets found in baskets: counts that are exact, frames on demand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.state import pack, unpack
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._constraints import codes_or_missing, item_codes
from userportrait.patterns._itemset_algebra import (
    common,
    parts_of_frame,
    rows_of,
    same_sets,
    united,
)
from userportrait.patterns._itemset_kinds import flags_of_kind
from userportrait.patterns._itemset_rows import no_collection, objects_of, row_order
from userportrait.patterns._support import min_count_of
from userportrait.patterns._trie import Trie

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["ItemsetKind", "Itemsets"]

ItemsetKind: TypeAlias = Literal["all", "closed", "maximal", "generators"]

_KIND, _VERSION, _WHAT = "UPIS", 1, "set of itemsets"


class Itemsets:
    """Items that stand together in enough baskets, each set with its exact count.

    Made by `mine_itemsets`. The sets are kept as a tree of 12 to 17 bytes a set; frames are
    made when asked for. Everything that lists them does so by length, then item by item in
    the order of the vocabulary, whatever engine found them.

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
    kind : {'all', 'closed', 'maximal', 'generators'}, default='all'
        ``closed``: no larger set is in as many baskets; ``maximal``: no larger set is there
        at all; ``generators``: every smaller set, the empty one too, is in more baskets.
    stopped : str, optional
        Why mining stopped before its end: then every set and count is right, and sets are
        missing. None if nothing is missing.
    limits : tuple of str, default=()
        What else was asked of the sets, such as ``'max_length=3'``.

    See Also
    --------
    mine_itemsets : Makes them.
    derive_rules : Rules from them.

    Examples
    --------
    >>> from userportrait.patterns import Baskets, mine_itemsets
    >>> baskets = Baskets.from_lists([["tea", "pot"], ["tea", "pot", "cup"], ["tea"], []])
    >>> found = mine_itemsets(baskets, min_support=2)
    >>> found
    <Itemsets: 3 itemsets of up to 2 items in 2 or more of 4 baskets>
    >>> found.to_frame()
            items  length  count  support
    0      (pot,)       1      2     0.50
    1      (tea,)       1      3     0.75
    2  (pot, tea)       2      2     0.50
    >>> ["pot", "tea"] in found, found.count_of(["tea", "pot"]), found.support_of(["tea"])
    (True, 2, 0.75)
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
        limits: tuple[str, ...] = (),
    ) -> None:
        self.trie: Trie = trie
        self.items: NDArray[Any] = items
        self.n_baskets: int = n_baskets
        self.min_count: int = min_count
        self.kind: ItemsetKind = kind
        self.stopped: str | None = stopped
        self.limits: tuple[str, ...] = limits

    # How many

    def __len__(self) -> int:
        return len(self.trie)

    @property
    def is_complete(self) -> bool:
        """Whether no set is missing."""
        return self.stopped is None

    @property
    def nbytes(self) -> int:
        """Bytes of the sets, without the names of the items."""
        return self.trie.nbytes

    @cached_property
    def max_length(self) -> int:
        """Items in the longest set; 0 if there is none."""
        nodes = self.trie.nodes()
        return int(self.trie.depths[nodes].max()) if len(nodes) else 0

    @cached_property
    def n_of_length(self) -> dict[int, int]:
        """How many sets there are of each length that occurs."""
        found = np.bincount(self.trie.depths[self.trie.nodes()])
        return {length: n for length, n in enumerate(found.tolist()) if n}

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of items of each set, in public order."""
        found = self.n_of_length
        return np.repeat(np.array(list(found), np.int64), np.array(list(found.values()), np.int64))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The number of baskets with each set, in public order."""
        parts = [self.trie.count[self._order(length)] for length in self.n_of_length]
        return np.concatenate([np.empty(0, dtype=np.int64), *parts]).astype(np.int64)

    @property
    def supports(self) -> NDArray[np.float64]:
        """The share of baskets with each set, in public order."""
        return self.counts / self.n_baskets if self.n_baskets else self.counts.astype(np.float64)

    def _order(self, length: int) -> NDArray[np.intp]:
        """Return where the sets of one length stand in the tree, in public order."""
        cache: dict[int, NDArray[np.intp]] = self.__dict__.setdefault("_orders", {})
        if length not in cache:
            nodes = self.trie.nodes(length)
            cache[length] = nodes[row_order(self.trie.codes(nodes, length), len(self.items))]
        return cache[length]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_orders", "counts")}

    # The sets

    def of_length(self, length: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the sets of one length as arrays.

        Returns
        -------
        codes : ndarray of int32 of shape (n, length)
            Positions in `items`, ascending in each row; rows in lexicographic order.
        counts : ndarray of int64 of shape (n,)
        """
        nodes = self._order(length)
        return self.trie.codes(nodes, length), self.trie.count[nodes].astype(np.int64)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per set, as a pandas frame.

        Returns
        -------
        DataFrame
            `items` (tuples, ascending), `length` and `count` (int64), `support` (share of
            the baskets). A frame without rows has the columns too.
        """
        return pd.DataFrame(
            {
                "items": self._sets(tuple),
                "length": self.lengths,
                "count": self.counts,
                "support": self.supports,
            }
        )

    def to_mlxtend(self) -> pd.DataFrame:
        """Return the frame that mlxtend's `fpgrowth` makes, and `association_rules` takes.

        Returns
        -------
        DataFrame
            `support`, and `itemsets` as frozensets of items; the same rows and numbers as
            mlxtend's, in the order of `to_frame`.
        """
        return pd.DataFrame({"support": self.supports, "itemsets": self._sets(frozenset)})

    def _sets(self, form: type[Any]) -> NDArray[Any]:
        """Return the sets as Python objects of one class, in public order."""
        found = np.empty(len(self), dtype=object)
        at = 0
        with no_collection():
            for length in self.n_of_length:
                codes, _ = self.of_length(length)
                rows: Iterable[Any] = zip(*(self.items[c].tolist() for c in codes.T), strict=True)
                found[at : at + len(codes)] = objects_of(rows if form is tuple else map(form, rows))
                at += len(codes)
        return found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the sets as tuples of items, in public order."""
        for length in self.n_of_length:
            codes, _ = self.of_length(length)
            yield from zip(*(self.items[c].tolist() for c in codes.T), strict=True)

    def top(self, n: int = 10, *, min_length: int = 1) -> pd.DataFrame:
        """Return the sets that are in most baskets, most first; ties in public order.

        Parameters
        ----------
        n : int, default=10
        min_length : int, default=1
            The least number of items.

        Returns
        -------
        DataFrame
            As `to_frame`, at most `n` rows.
        """
        chosen = self if min_length <= 1 else self.filter(min_length=min_length)
        counts = chosen.counts
        rows = np.argsort(-counts, kind="stable")[: max(n, 0)]
        return pd.DataFrame(
            {
                "items": objects_of(chosen.set_at(row) for row in rows.tolist()),
                "length": chosen.lengths[rows],
                "count": counts[rows],
                "support": chosen.supports[rows],
            }
        )

    def set_at(self, place: int) -> tuple[Any, ...]:
        """Return the set at a place in public order, counted from 0.

        Raises
        ------
        IndexError
            If there are fewer sets.
        """
        for length, n in self.n_of_length.items():
            if place < n:
                node = self._order(length)[place : place + 1]
                return tuple(self.items[self.trie.codes(node, length)[0]].tolist())
            place -= n
        raise IndexError(place)

    # Looking up

    def count_of(self, itemset: Iterable[Any]) -> int:
        """Return in how many baskets a set is.

        Parameters
        ----------
        itemset : iterable
            Its items, in any order. The empty set is in every basket.

        Raises
        ------
        KeyError
            If the set was not found: it is rarer than `min_count`, not of this kind, or
            beyond the limits.
        """
        node = self._node_of(itemset)
        if node == -1:
            return self.n_baskets
        if node < 0:
            message = (
                f"this set is not among the {format_count(len(self), 'itemset')} found in at "
                f"least {format_count(self.min_count, 'basket')}. Test with `in` first."
            )
            raise KeyError(message)
        return int(self.trie.count[node])

    def support_of(self, itemset: Iterable[Any]) -> float:
        """Return the share of baskets with a set; see `count_of`."""
        return self.count_of(itemset) / self.n_baskets

    def __contains__(self, itemset: object) -> bool:
        given: Any = itemset
        if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
            return False
        return self._node_of(given) >= 0

    def _node_of(self, itemset: Iterable[Any]) -> int:
        """Return where a set stands in the tree; -1 for the empty set, -2 for an unknown one."""
        if isinstance(itemset, (str, bytes)):
            problem = f"itemset must be a list of items; got {type(itemset).__name__}."
            raise InvalidParameterError("Itemsets", [problem])
        codes = np.unique(codes_or_missing(self.items, list(itemset)))
        if not len(codes):
            return -1
        if codes[0] < 0 or len(codes) not in self.n_of_length:
            return -2
        wanted, order = codes.tolist(), self._order(len(codes))
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            row = self.trie.codes(order[middle : middle + 1], len(wanted))[0].tolist()
            if row == wanted:
                return int(order[middle])
            low, high = (middle + 1, high) if row < wanted else (low, middle)
        return -2

    # Parts

    def filter(
        self,
        *,
        min_length: int = 1,
        max_length: int | None = None,
        contains: Iterable[Any] | None = None,
        without: Iterable[Any] | None = None,
        min_support: float | None = None,
    ) -> Itemsets:
        """Keep the sets that fit all that is asked.

        Parameters
        ----------
        min_length, max_length : int, optional
            The number of items.
        contains : iterable, optional
            Items of which a set must hold at least one.
        without : iterable, optional
            Items of which a set must hold none.
        min_support : int or float, optional
            A count or a share, as for `mine_itemsets`.

        Returns
        -------
        Itemsets
            They keep their counts and their kind: a closed set stays one among all sets.

        Raises
        ------
        InvalidParameterError
            If an item is unknown, or `min_support` is no threshold.

        Examples
        --------
        >>> from userportrait.patterns import Baskets, mine_itemsets
        >>> found = mine_itemsets(Baskets.from_lists([["tea", "pot"], ["tea"]]), min_support=1)
        >>> list(found.filter(contains=["pot"])), list(found.filter(min_support=2))
        ([('pot',), ('pot', 'tea')], [('tea',)])
        """
        trie, owner = self.trie, "Itemsets.filter"
        kept = trie.depths >= min_length
        limits = [] if min_length <= 1 else [f"min_length={min_length}"]
        if max_length is not None:
            kept &= trie.depths <= max_length
            limits.append(f"max_length={max_length}")
        for name, chosen in (("contains", contains), ("without", without)):
            if chosen is not None:
                codes = item_codes(self.items, chosen, owner=owner, argument=name)
                inside = trie.inherited(np.isin(trie.item, codes))
                kept &= inside if name == "contains" else ~inside
                limits.append(f"{name} {format_count(len(codes), 'item')}")
        count = self.min_count
        if min_support is not None:
            count = max(count, min_count_of(min_support, self.n_baskets, owner=owner))
            kept &= trie.count >= count
        return self._with(trie.list_only(kept), min_count=count, limits=tuple(limits))

    def _with(self, trie: Trie, *, min_count: int, limits: tuple[str, ...]) -> Itemsets:
        return Itemsets(
            trie,
            self.items,
            self.n_baskets,
            min_count=min_count,
            kind=self.kind,
            stopped=self.stopped,
            limits=tuple(dict.fromkeys((*self.limits, *limits))),
        )

    def closed(self) -> Itemsets:
        """Return the sets of which no larger one is in as many baskets.

        From all sets only, none missing; `mine_itemsets` with ``kind="closed"`` finds them
        without the others.

        Raises
        ------
        InvalidDataError
            If these are not all frequent sets.
        """
        return self._of_kind("closed")

    def maximal(self) -> Itemsets:
        """Return the sets of which no larger one is frequent; see `closed`."""
        return self._of_kind("maximal")

    def generators(self) -> Itemsets:
        """Return the sets of which every smaller one is in more baskets; see `closed`.

        The empty set counts as a smaller one, so an item of every basket is none.
        """
        return self._of_kind("generators")

    def _of_kind(self, kind: ItemsetKind) -> Itemsets:
        if self.kind == kind:
            return self
        if self.kind != "all" or self.limits or not self.is_complete:
            message = (
                f"{kind} sets can be told from all frequent sets only, and these are {self!r}. "
                f"Call mine_itemsets(..., kind='{kind}')."
            )
            raise InvalidDataError(message)
        flags = flags_of_kind(self.trie, kind, len(self.items), self.n_baskets)
        found = self._with(self.trie.list_only(flags), min_count=self.min_count, limits=())
        found.kind = kind
        return found

    # Algebra

    def __and__(self, other: Itemsets) -> Itemsets:
        """Return the sets that the other result has too, with the counts of this one."""
        return self._kept(other, "in another result", wanted=True)

    def __sub__(self, other: Itemsets) -> Itemsets:
        """Return the sets that the other result lacks, with the counts of this one."""
        return self._kept(other, "not in another result", wanted=False)

    def _kept(self, other: Itemsets, limit: str, *, wanted: bool) -> Itemsets:
        flags = np.zeros(len(self.trie.parent), dtype=bool)
        for length in self.n_of_length:
            nodes = self._order(length)
            shared = common(rows_of(self, length), rows_of(other, length), self.items, other.items)
            flags[nodes] = shared if wanted else ~shared
        return self._with(self.trie.list_only(flags), min_count=self.min_count, limits=(limit,))

    def __or__(self, other: Itemsets) -> Itemsets:
        """Return the sets of either result; both must come from the same baskets.

        Raises
        ------
        InvalidParameterError
            If the numbers of baskets or the thresholds differ, or a set has two counts.
        """
        same = (self.n_baskets, self.min_count) == (other.n_baskets, other.min_count)
        if not same:
            problem = (
                "only results of the same baskets and threshold can be united: "
                f"{self.min_count:,} of {self.n_baskets:,} baskets and {other.min_count:,} of "
                f"{other.n_baskets:,}."
            )
            raise InvalidParameterError("Itemsets", [problem])
        parts, items = united(self, other)
        return Itemsets(
            Trie.from_codes(parts, max(len(items), 1)),
            items,
            self.n_baskets,
            min_count=self.min_count,
            kind=self.kind,
            stopped=self.stopped or other.stopped,
            limits=() if self.limits == other.limits == () else ("a union",),
        )

    # Other forms

    @classmethod
    def from_mlxtend(
        cls,
        frame: pd.DataFrame,
        n_baskets: int,
        *,
        min_support: float | None = None,
        kind: ItemsetKind = "all",
    ) -> Itemsets:
        """Take what mlxtend's `fpgrowth`, `apriori` or `fpmax` made.

        Parameters
        ----------
        frame : DataFrame
            With `support` and `itemsets`; made with ``use_colnames=True``, or the items are
            positions of columns.
        n_baskets : int
            Rows of the one-hot frame: supports are turned into counts with it.
        min_support : int or float, optional
            What was asked for; by default the least count that occurs.
        kind : {'all', 'closed', 'maximal', 'generators'}, default='all'
            ``maximal`` for `fpmax`.

        Raises
        ------
        MissingColumnError
            If a column is not there.
        InvalidDataError
            If a support is no whole number of so many baskets, or items are neither whole
            numbers nor texts.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"support": [0.75, 0.5], "itemsets": [{"tea"}, {"tea", "pot"}]})
        >>> Itemsets.from_mlxtend(frame, 4).to_frame()
                items  length  count  support
        0      (tea,)       1      3     0.75
        1  (pot, tea)       2      2     0.50
        """
        parts, items = parts_of_frame(frame, n_baskets)
        least = min((int(counts.min()) for _, counts in parts), default=1)
        if min_support is not None:
            least = min_count_of(min_support, n_baskets, owner="Itemsets.from_mlxtend")
        trie = Trie.from_codes(parts, max(len(items), 1))
        return cls(trie, items, n_baskets, min_count=least, kind=kind)

    def to_bytes(self) -> bytes:
        """Return everything as bytes, compressed; equal results give equal bytes."""
        parts = [self.of_length(length) for length in self.n_of_length]
        trie = Trie.from_codes(parts, max(len(self.items), 1))
        listed = np.ones(len(trie.parent), dtype=bool) if trie.listed is None else trie.listed
        nodes = {"parent": trie.parent, "item": trie.item, "count": trie.count, "listed": listed}
        tables = {"nodes": nodes, "items": {"item": self.items}}
        return pack(_KIND, _VERSION, self._facts(), tables)

    def _facts(self) -> dict[str, Any]:
        """Return what holds for all the sets."""
        return {
            "n_baskets": self.n_baskets,
            "min_count": self.min_count,
            "kind": self.kind,
            "stopped": self.stopped,
            "limits": list(self.limits),
        }

    @classmethod
    def from_bytes(cls, payload: bytes) -> Itemsets:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are something else, damaged, or of a later version.

        Examples
        --------
        >>> from userportrait.patterns import Baskets, mine_itemsets
        >>> found = mine_itemsets(Baskets.from_lists([["tea", "pot"], ["tea"]]), min_support=1)
        >>> Itemsets.from_bytes(found.to_bytes())
        <Itemsets: 3 itemsets of up to 2 items in 1 or more of 2 baskets>
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, _WHAT)
        nodes, items = tables["nodes"], tables["items"]["item"]
        listed, counts = nodes["listed"], nodes["count"]
        narrow = counts.astype(np.int32) if int(counts.max(initial=0)) < 2**31 else counts
        parent, item = nodes["parent"].astype(np.int32), nodes["item"].astype(np.int32)
        trie = Trie(parent, item, narrow, None if listed.all() else listed)
        return cls(
            trie,
            items,
            int(facts["n_baskets"]),
            min_count=int(facts["min_count"]),
            kind=facts["kind"],
            stopped=facts["stopped"],
            limits=tuple(facts["limits"]),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Itemsets):
            return NotImplemented
        return self._facts() == other._facts() and same_sets(self, other)

    def __hash__(self) -> int:
        raise TypeError("Itemsets cannot be hashed.")

    def __repr__(self) -> str:
        kind = "" if self.kind == "all" else f"{self.kind} "
        sets = f"{len(self):,} {kind}{'itemset' if len(self) == 1 else 'itemsets'}"
        if len(self):
            sets += f" of up to {format_count(self.max_length, 'item')}"
        baskets = format_count(self.n_baskets, "basket")
        limits = f", {', '.join(self.limits)}" if self.limits else ""
        partial = "" if self.stopped is None else f"; PARTIAL: {self.stopped}"
        return f"<Itemsets: {sets} in {self.min_count:,} or more of {baskets}{limits}{partial}>"

    def __str__(self) -> str:
        return f"{self!r}\n{self.top(10).to_string()}" if len(self) else repr(self)

    def _repr_html_(self) -> str:
        best = self.top(10)
        columns = (best["items"], best["count"], best["support"])
        rows = [
            (", ".join(map(str, s)), f"{n:,}", f"{p:.4f}") for s, n, p in zip(*columns, strict=True)
        ]
        found = table(("items", "baskets", "support"), rows, numeric=("baskets", "support"))
        return page_fragment(repr(self).strip("<>"), found)
