"""Which items a search is about: their codes, and the nearest name of an unknown one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait.errors import InvalidParameterError, unknown_name
from userportrait.patterns._basket_merge import take_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets
    from userportrait.patterns._trie import Trie

__all__ = ["Wanted", "codes_or_missing", "item_codes", "keep_entries", "listed_nodes"]

_COMPARED = 20_000
"""Names that an unknown one is compared with, at most: comparing is slow."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Which items the sets may, must or must not hold.

    Parameters
    ----------
    allowed : ndarray of bool of shape (n_items,), optional
        Sets of these items only; by default of all.
    contains : ndarray of int32, optional
        Codes of which a set must hold one.
    words : tuple of str
        The same in words.
    """

    allowed: NDArray[np.bool_] | None = None
    contains: NDArray[np.int32] | None = None
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)

    @classmethod
    def of(
        cls,
        baskets: Baskets,
        items: Iterable[Any] | None,
        contains: Iterable[Any] | None,
        without: Iterable[Any] | None,
        *,
        owner: str,
    ) -> Wanted:
        """Look the items up; unknown ones raise `InvalidParameterError`."""
        words: list[str] = []
        found: dict[str, NDArray[np.int32]] = {}
        given = {"items": items, "contains": contains, "without": without}
        for name, chosen in given.items():
            if chosen is not None:
                found[name] = item_codes(baskets.items, chosen, owner=owner, argument=name)
                words.append(f"{_WORDS[name]} {format_count(len(found[name]), 'item')}")
        allowed = None
        if "items" in found or "without" in found:
            allowed = np.full(baskets.n_items, "items" not in found)
            allowed[found.get("items", _NONE)] = True
            allowed[found.get("without", _NONE)] = False
        return cls(allowed, found.get("contains"), tuple(words))


_WORDS = {"items": "of", "contains": "with one of", "without": "without"}
_NONE: NDArray[np.int32] = np.empty(0, dtype=np.int32)


def keep_entries(baskets: Baskets, wanted: Wanted, kind: str) -> Baskets:
    """Return baskets without what cannot count; the vocabulary stays.

    Where a set must hold one of some items, baskets without any of them are left out: such
    sets and their supersets are in none of them. Generators are compared with smaller sets,
    which may be, so there all baskets stay.
    """
    allowed, contains = wanted.allowed, wanted.contains
    indptr, indices, weights = baskets.indptr, baskets.indices, baskets.weights
    if allowed is not None:
        entries = allowed[indices]
        ends = np.concatenate(([0], np.cumsum(entries, dtype=np.int64)))
        indptr, indices = ends[indptr], indices[entries]
    if contains is not None and kind != "generators":
        hits = np.isin(indices, contains)
        before = np.concatenate(([0], np.cumsum(hits, dtype=np.int64)))
        rows = np.flatnonzero(np.diff(before[indptr]))
        indptr, indices = take_rows(indptr, indices, rows)
        weights = None if weights is None else weights[rows]
    if indices is baskets.indices:
        return baskets
    return type(baskets)(indptr, indices, baskets.items, weights=weights)


def listed_nodes(
    trie: Trie, wanted: Wanted, min_length: int, max_length: int | None
) -> NDArray[np.bool_] | None:
    """Return which sets of a tree fit; None if all do."""
    flags: NDArray[np.bool_] | None = None
    if wanted.contains is not None:
        flags = trie.inherited(np.isin(trie.item, wanted.contains))
    if min_length > 1:
        long = trie.depths >= min_length
        flags = long if flags is None else flags & long
    if max_length is not None:
        short = trie.depths <= max_length
        flags = short if flags is None else flags & short
    return flags


def item_codes(
    items: NDArray[Any], chosen: Iterable[Any], *, owner: str, argument: str
) -> NDArray[np.int32]:
    """Return the positions of items in a sorted vocabulary, each once, ascending.

    Raises
    ------
    InvalidParameterError
        If `chosen` is one text instead of a list, or an item is unknown.
    """
    if isinstance(chosen, (str, bytes)) or not hasattr(chosen, "__iter__"):
        problem = f"{argument} must be a list of items; got {type(chosen).__name__}."
        raise InvalidParameterError(owner, [problem])
    wanted = list(chosen)
    found = codes_or_missing(items, wanted)
    unknown = [item for item, code in zip(wanted, found.tolist(), strict=True) if code < 0]
    if unknown:
        raise InvalidParameterError(owner, [f"{argument}: {_unknown(items, unknown)}"])
    return np.unique(found).astype(np.int32)


def codes_or_missing(items: NDArray[Any], wanted: list[Any]) -> NDArray[np.intp]:
    """Return the positions of items in a vocabulary, -1 for unknown ones."""
    values = np.empty(len(wanted), dtype=object)
    values[:] = wanted
    is_whole = items.dtype.kind in "iu"
    fit = np.array([_fits(value, is_whole) for value in wanted], dtype=bool)
    found = np.full(len(wanted), -1, dtype=np.intp)
    if fit.any():
        keys = values[fit].astype(np.int64) if is_whole else values[fit]
        found[fit] = pd.Index(items).get_indexer(pd.Index(keys))
    return found


def _fits(value: Any, is_whole: bool) -> bool:
    if is_whole:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return isinstance(value, str)


def _unknown(items: NDArray[Any], unknown: list[Any]) -> str:
    kind = "whole numbers" if items.dtype.kind in "iu" else "texts"
    fits = [item for item in unknown if _fits(item, items.dtype.kind in "iu")]
    if len(items) and not fits:
        return f"the items of these baskets are {kind}; got {type(unknown[0]).__name__}."
    text = unknown_name("item", str(unknown[0]), (str(item) for item in items[:_COMPARED]))
    head, _, listed = text.partition("\nKnown: ")
    more = f" {len(unknown) - 1:,} more are unknown." if len(unknown) > 1 else ""
    shown = f"\nKnown: {listed}" if len(items) <= 30 and listed else ""
    return f"{head}{more}{shown}"
