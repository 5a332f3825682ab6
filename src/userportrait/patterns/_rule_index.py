"""Every itemset by its place, with the places of its subsets: what rules are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError
from userportrait.patterns._itemset_rows import row_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.patterns._itemsets import Itemsets

__all__ = ["SetIndex", "index_itemsets", "link_sets"]

Codes: TypeAlias = "NDArray[np.int32]"
Ints: TypeAlias = "NDArray[np.int64]"

_FEW = 1 << 9
"""Up to so many numbers, a search costs less than a table of hashes."""

_BLOCK = 1 << 16
"""Itemsets looked up together."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2 ** 64 over the golden ratio: Fibonacci hashing (Knuth, volume 3, section 6.4)."""


@dataclass(frozen=True, slots=True, eq=False)
class SetIndex:
    """Itemsets by length, then by codes, and where each stands without one of its items.

    Two places follow the last itemset: one for the empty set, one for sets whose count is not
    known because mining left them out.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        The item of each code.
    n_baskets : int
        Baskets, empty ones included: the count of the empty set.
    codes : tuple of ndarray of int32
        For each length from 1 on, the sets of that length, codes ascending.
    starts : ndarray of int64 of shape (max_length + 1,)
        Place of the first set of each length; the last is the number of sets.
    counts : ndarray of int32 or int64 of shape (n_sets + 2,)
        Baskets with the set; for the unknown, the largest number there is.
    facets : ndarray of int32 of shape (max_length, n_sets + 2)
        ``facets[j, place]`` is the place of the set without its item number `j`; the unknown
        where the set has fewer items.
    is_whole : bool
        Whether the count of every subset of every set is known.
    """

    items: NDArray[Any]
    n_baskets: int
    codes: tuple[Codes, ...]
    starts: Ints
    counts: NDArray[np.signedinteger[Any]]
    facets: Codes
    is_whole: bool

    @property
    def n_sets(self) -> int:
        """How many itemsets there are."""
        return int(self.starts[-1])

    @property
    def empty(self) -> int:
        """The place of the empty set."""
        return self.n_sets

    @property
    def unknown(self) -> int:
        """The place of sets without a count."""
        return self.n_sets + 1

    @property
    def max_length(self) -> int:
        """Items of the longest set."""
        return len(self.codes)

    def lengths(self, places: NDArray[np.signedinteger[Any]]) -> NDArray[np.intp]:
        """Return the number of items of the set at each place."""
        return np.searchsorted(self.starts, places, side="right")

    def codes_at(self, places: Codes, length: int) -> Codes:
        """Return the codes of sets of one length."""
        found: Codes = self.codes[length - 1][places - self.starts[length - 1]]
        return found

    def whether(self, of_items: NDArray[np.bool_], *, every: bool) -> NDArray[np.bool_]:
        """Return for each place whether any (or every) item of the set is marked."""
        found = np.zeros(self.n_sets + 2, dtype=np.bool_)
        for length, codes in enumerate(self.codes):
            marks = of_items[codes]
            into = found[self.starts[length] : self.starts[length + 1]]
            np.all(marks, axis=1, out=into) if every else np.any(marks, axis=1, out=into)
        return found


def index_itemsets(itemsets: Itemsets, *, owner: str) -> SetIndex:
    """Find the place of every subset of every itemset.

    Raises
    ------
    InvalidDataError
        If the itemsets are not of kind 'all': rules need the counts of all subsets.
    """
    if itemsets.kind != "all":
        message = (
            f"{owner} needs the counts of all subsets, which itemsets of kind "
            f"'{itemsets.kind}' lack. Mine with kind='all'; "
            "prune('minimal') then keeps the rules between generators and closed itemsets."
        )
        raise InvalidDataError(message)
    found = [itemsets.of_length(length) for length in range(1, itemsets.max_length + 1)]
    codes = tuple(c for c, _ in found)
    starts = _starts_of(codes)
    n_sets = int(starts[-1])
    if n_sets > np.iinfo(np.int32).max - 2:
        message = f"{owner} takes at most {np.iinfo(np.int32).max - 2:,} itemsets; got {n_sets:,}."
        raise InvalidDataError(message)
    small = itemsets.n_baskets < np.iinfo(np.int32).max
    counts: NDArray[np.signedinteger[Any]] = (
        np.empty(n_sets + 2, dtype=np.int32) if small else np.empty(n_sets + 2, dtype=np.int64)
    )
    for length, (_, of_length) in enumerate(found):
        counts[starts[length] : starts[length + 1]] = of_length
    counts[n_sets], counts[n_sets + 1] = itemsets.n_baskets, np.iinfo(counts.dtype).max
    linked = link_sets(codes, len(itemsets.items))
    facets, is_whole = _link_partial(codes, len(itemsets.items)) if linked is None else linked
    return SetIndex(itemsets.items, itemsets.n_baskets, codes, starts, counts, facets, is_whole)


def _starts_of(codes: Sequence[Codes]) -> Ints:
    return np.cumsum([0, *(len(c) for c in codes)], dtype=np.int64)


def link_sets(codes: Sequence[Codes], n_items: int) -> tuple[Codes, bool] | None:
    """Return the facets of sets; None if the beginning of one, its first items, is no set.

    A set is one number: the rank of its beginning among the sets of that length, and its last
    item. These numbers ascend with the sets. The subset without an item is the same subset of
    the beginning with the last item added, so that each takes one look, and is exact.

    Parameters
    ----------
    codes : sequence of ndarray of int32 of shape (n, length)
        For each length from 1 on, the sets, ascending.
    n_items : int
        Codes are below it.

    Returns
    -------
    facets : ndarray of int32 of shape (max_length, n_sets + 2)
        See `SetIndex`.
    is_whole : bool
        Whether every subset is there.
    """
    is_whole = True
    starts = _starts_of(codes)
    n_sets = int(starts[-1])
    facets = np.full((len(codes), n_sets + 2), n_sets + 1, dtype=np.int32)
    levels: list[_Level] = []
    for length, of_length in enumerate(codes, start=1):
        here = slice(int(starts[length - 1]), int(starts[length]))
        if length == 1:
            facets[0, here] = n_sets
            levels.append(_Level(of_length[:, 0].astype(np.int64)))
            continue
        columns = np.ascontiguousarray(of_length.T)
        beginnings = _beginnings(columns, levels, n_items)
        if beginnings is None:
            return None
        below = int(starts[length - 2])
        facets[length - 1, here] = beginnings + below
        last = columns[-1].astype(np.int64)
        # What a subset of the beginning is counted from: the sets two items shorter.
        base = int(starts[length - 3]) if length > 2 else n_sets
        for start in range(0, len(last), _BLOCK):
            some = slice(start, start + _BLOCK)
            shorter = facets[: length - 1].take(beginnings[some] + below, axis=1)
            wanted = (shorter.astype(np.int64) - base) * n_items
            wanted += last[some]
            if not is_whole:
                wanted[shorter == n_sets + 1] = -1
            ranks = levels[-1].find(wanted.ravel()).reshape(wanted.shape)
            into = facets[: length - 1, here][:, some]
            if ranks.min() < 0:
                is_whole = False
                np.copyto(into, ranks + below, where=ranks >= 0, casting="same_kind")
            else:
                into[:] = ranks
                into += np.int32(below)
        levels.append(_Level(beginnings * n_items + last))
    return facets, is_whole


def _beginnings(columns: Codes, levels: Sequence[_Level], n_items: int) -> Ints | None:
    """Return the rank of each set without its last item; None if one is not there."""
    first = np.ones(columns.shape[1], dtype=np.bool_)
    first[1:] = (columns[:-1, 1:] != columns[:-1, :-1]).any(axis=0)
    heads = np.flatnonzero(first)
    rank = np.zeros(len(heads), dtype=np.int64)
    for column, level in zip(columns[:-1, heads], levels, strict=True):
        rank = level.find(rank * n_items + column)
        if len(rank) and rank.min() < 0:
            return None
    found: NDArray[np.int64] = rank[np.cumsum(first) - 1]
    return found


class _Level:
    """The sets of one length as ascending numbers, and where each stands.

    Most numbers are found at once in a table of hashes, in which the last of those that share
    a place is kept; a search finds the others.
    """

    def __init__(self, numbers: Ints) -> None:
        self.numbers = numbers
        self.table: Codes | None = None
        if len(numbers) > _FEW:
            bits = (8 * len(numbers)).bit_length()
            self.shift = np.uint64(64 - bits)
            self.table = np.zeros(1 << bits, dtype=np.int32)
            self.table[self._hash(numbers)] = np.arange(len(numbers), dtype=np.int32)

    def _hash(self, numbers: Ints) -> Ints:
        return (numbers.view(np.uint64) * _GOLDEN >> self.shift).view(np.int64)

    def find(self, wanted: Ints) -> Ints:
        """Return the rank of each number; -1 where it is not there."""
        if self.table is None or len(wanted) <= _FEW:
            return self._search(wanted)
        found = self.table[self._hash(wanted)].astype(np.int64)
        others = np.flatnonzero(self.numbers[found] != wanted)
        found[others] = self._search(wanted[others])
        return found

    def _search(self, wanted: Ints) -> Ints:
        if not len(self.numbers):
            return np.full(len(wanted), -1)
        found = np.searchsorted(self.numbers, wanted)
        np.minimum(found, len(self.numbers) - 1, out=found)
        found[self.numbers[found] != wanted] = -1
        return found


def _link_partial(codes: Sequence[Codes], n_items: int) -> tuple[Codes, bool]:
    """Return the facets of sets whose beginnings are not all there.

    The missing ones are put among them, and taken out again when all are linked.
    """
    every, is_set = list(codes), [np.ones(len(c), dtype=np.bool_) for c in codes]
    for length in range(len(codes) - 1, 0, -1):
        both = np.concatenate((codes[length - 1], every[length][:, :-1]))
        order = row_order(both, n_items)  # equal rows: the set before the beginnings
        rows, first = both[order], np.ones(len(both), dtype=np.bool_)
        first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        every[length - 1] = rows[first]
        is_set[length - 1] = order[first] < len(codes[length - 1])
    kept = np.concatenate((*is_set, [True, True]))
    n_sets = int(np.count_nonzero(kept)) - 2
    place = np.full(len(kept), n_sets + 1, dtype=np.int32)
    place[kept] = np.arange(n_sets + 2, dtype=np.int32)
    linked = link_sets(every, n_items)
    if linked is None:
        message = "a beginning is missing that was put in"
        raise AssertionError(message)
    return place[linked[0][:, kept]], False
