"""Every itemset by its place, with the places of its subsets: what rules are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._itemsets import Itemsets

__all__ = ["SetIndex", "index_itemsets"]

Codes: TypeAlias = "NDArray[np.int32]"
Ints: TypeAlias = "NDArray[np.int64]"

_MOST_DRAWS = 8


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
        ``facets[j, place]`` is the place of the set without its item number `j`.
    """

    items: NDArray[Any]
    n_baskets: int
    codes: tuple[Codes, ...]
    starts: Ints
    counts: NDArray[np.signedinteger[Any]]
    facets: Codes

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

    def has_unknown(self) -> bool:
        """Whether a subset of some itemset has no count."""
        return bool((self.facets[:, : self.n_sets] == self.unknown).any())

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

    Each item gets a random 64-bit number and a set the wrapped sum of its items' numbers, so
    that the key of a subset is one subtraction away. Keys must differ within a length, and
    what is found must have the right codes; otherwise other numbers are drawn. So the result is
    exact, whatever the numbers.

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
    starts = np.cumsum([0, *(len(c) for c in codes)], dtype=np.int64)
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
    facets = np.full((len(codes), n_sets + 2), n_sets + 1, dtype=np.int32)
    if codes:
        facets[0, : len(codes[0])] = n_sets
    for seed in range(_MOST_DRAWS):
        numbers = _draw_numbers(len(itemsets.items), seed)
        lengths = range(2, len(codes) + 1)
        if all(_link(codes[k - 1], codes[k - 2], starts, facets, numbers) for k in lengths):
            break
    else:
        message = f"no random numbers told {n_sets:,} itemsets apart."
        raise AssertionError(message)
    return SetIndex(itemsets.items, itemsets.n_baskets, codes, starts, counts, facets)


def _link(
    codes: Codes, shorter: Codes, starts: Ints, facets: Codes, numbers: NDArray[np.uint64]
) -> bool:
    """Write where the sets of one length stand without each item; False if numbers collide."""
    length = codes.shape[1]
    below, here = int(starts[length - 2]), int(starts[length - 1])
    index: Any = pd.Index(numbers[shorter].sum(axis=1, dtype=np.uint64))
    if not index.is_unique:
        return False
    of_items = numbers[codes.T]
    wanted = of_items.sum(axis=0, dtype=np.uint64) - of_items
    places: NDArray[np.intp] = index.get_indexer(wanted.ravel()).reshape(wanted.shape)
    if not _is_right(codes, shorter, places):
        return False
    into = facets[:length, here : here + len(codes)]
    np.copyto(into, places + below, where=places >= 0, casting="same_kind")
    return True


def _is_right(codes: Codes, shorter: Codes, places: NDArray[np.intp]) -> bool:
    """Say whether each place holds the set without that item, or nothing."""
    length = codes.shape[1]
    for without in range(length):
        found = places[without]
        for column in range(length - 1):
            kept = codes[:, column + (column >= without)]
            if not bool(((shorter[:, column][found] == kept) | (found < 0)).all()):
                return False
    return True


def _draw_numbers(n_items: int, seed: int) -> NDArray[np.uint64]:
    """Return a random number for each item."""
    return np.random.default_rng(seed).integers(
        0, np.iinfo(np.uint64).max, size=n_items, dtype=np.uint64, endpoint=True
    )
