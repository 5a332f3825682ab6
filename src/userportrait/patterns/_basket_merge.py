"""Identical baskets merged into one with a weight, and rows of lines made into a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Merged", "merge_rows", "rows_from_pairs", "sum_by_code", "take_rows"]

_SEED = 20_260_401
_CHUNK = 4_000_000
"""Entries that are hashed at a time, so that large data need no large temporary array."""


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Baskets with identical ones merged: what the miners read.

    Parameters
    ----------
    indptr : ndarray of int64 of shape (n_distinct + 1,)
    indices : ndarray of int32
        Item codes, ascending in each basket; the empty basket is left out.
    weights : ndarray of int64 of shape (n_distinct,)
        Baskets that are alike.
    n_items : int
        Size of the vocabulary.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.int64]
    n_items: int


def rows_from_pairs(
    row: NDArray[np.int32], item: NDArray[np.int32], n_rows: int, n_items: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the distinct (row, item) pairs as a sparse matrix, items ascending in each row.

    Parameters
    ----------
    row, item : ndarray of int32
        From 0; pairs may repeat.
    n_rows, n_items : int

    Returns
    -------
    indptr : ndarray of int64 of shape (n_rows + 1,)
    indices : ndarray of int32
    """
    bits = max(int(n_items - 1).bit_length(), 1)
    keys = row.astype(np.int64)
    keys <<= bits
    keys |= item
    # Lines mostly come order by order, and then there is little to sort.
    if not bool((keys[1:] > keys[:-1]).all()):
        keys.sort()
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys
    indices = (keys & ((1 << bits) - 1)).astype(np.int32)
    keys >>= bits
    sizes = np.bincount(keys, minlength=n_rows)
    return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))), indices


def take_rows(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return some rows of a sparse matrix, in the order given."""
    sizes = np.diff(indptr)[rows]
    found = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    return found, indices[_places(indptr[rows], sizes, found)]


def _places(
    starts: NDArray[np.int64], sizes: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return where the entries of rows stand, row after row."""
    return np.arange(int(ends[-1]), dtype=np.int64) + np.repeat(starts - ends[:-1], sizes)


def sum_by_code(
    codes: NDArray[Any], weights: NDArray[np.int64] | None, n_codes: int
) -> NDArray[np.int64]:
    """Count codes from 0, or add up whole numbers for each of them, exactly."""
    if weights is None:
        return np.bincount(codes, minlength=n_codes).astype(np.int64, copy=False)
    if len(weights) and float(np.abs(weights).astype(np.float64).sum()) >= 2.0**53:
        found = np.zeros(n_codes, dtype=np.int64)
        np.add.at(found, codes, weights)
        return found
    return np.bincount(codes, weights=weights, minlength=n_codes).astype(np.int64)


def merge_rows(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.int64] | None,
    n_items: int,
) -> Merged:
    """Merge identical rows; the empty ones are left out.

    Rows with equal 64-bit sums of random numbers are compared item by item before they are
    merged, so a collision can cost time and never a wrong count. Distinct rows come in the
    order of their first appearance.
    """
    sizes = np.diff(indptr)
    kept = np.flatnonzero(sizes)
    starts, sizes = indptr[kept], sizes[kept]
    keys = _hash_rows(starts, sizes, indices, n_items)
    group = _verified(_groups(keys), starts, sizes, indices)
    n_groups = int(group.max(initial=-1)) + 1
    own = None if weights is None else weights[kept]
    counted = sum_by_code(group, own, n_groups)
    if n_groups == len(kept):
        ends = np.concatenate((starts[:1], starts[1:], indptr[-1:])) if len(kept) else indptr[:1]
        return Merged(ends, indices, counted, n_items)
    first = np.empty(n_groups, dtype=np.intp)
    first[group[::-1]] = np.arange(len(kept))[::-1]
    found, entries = take_rows(indptr, indices, kept[first])
    return Merged(found, entries, counted, n_items)


def _hash_rows(
    starts: NDArray[np.int64], sizes: NDArray[np.int64], indices: NDArray[np.int32], n_items: int
) -> NDArray[np.uint64]:
    """Return the sum of its items' random numbers for each row, none of them empty."""
    numbers = np.random.default_rng(_SEED).integers(0, 2**64, size=n_items, dtype=np.uint64)
    found = np.empty(len(starts), dtype=np.uint64)
    ends = starts + sizes
    low = 0
    while low < len(starts):
        limit = int(starts[low]) + _CHUNK
        high = int(np.searchsorted(ends, limit, side="right"))
        high = max(high, low + 1)
        entries = numbers[indices[starts[low] : ends[high - 1]]]
        found[low:high] = np.add.reduceat(entries, starts[low:high] - starts[low])
        low = high
    return found


def _groups(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Number equal keys alike, by first appearance."""
    factorize = cast("Callable[[Any], tuple[NDArray[np.intp], Any]]", pd.factorize)
    values: Any = keys
    codes, _ = factorize(values)
    return codes


def _verified(
    group: NDArray[np.intp],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    indices: NDArray[np.int32],
) -> NDArray[np.intp]:
    """Return the groups, split where rows differ although their keys are equal."""
    n_groups = int(group.max(initial=-1)) + 1
    if n_groups == len(group):
        return group
    first = np.empty(n_groups, dtype=np.intp)
    first[group[::-1]] = np.arange(len(group))[::-1]
    model = first[group]
    later = np.flatnonzero(model != np.arange(len(group)))
    differs = sizes[later] != sizes[model[later]]
    alike = later[~differs]
    ends = np.concatenate(([0], np.cumsum(sizes[alike], dtype=np.int64)))
    for low in range(0, len(alike), _CHUNK // 8):
        part = alike[low : low + _CHUNK // 8]
        at = ends[low : low + len(part) + 1] - ends[low]
        mine = indices[_places(starts[part], sizes[part], at)]
        others = indices[_places(starts[model[part]], sizes[part], at)]
        wrong = np.flatnonzero(mine != others)
        if len(wrong):
            rows = np.searchsorted(at, wrong, side="right") - 1
            differs[np.searchsorted(later, part[np.unique(rows)])] = True
    return _split(group, later[differs], starts, sizes, indices)


def _split(
    group: NDArray[np.intp],
    strangers: NDArray[np.intp],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    indices: NDArray[np.int32],
) -> NDArray[np.intp]:
    """Give rows that do not belong to their group groups of their own, one for equal rows."""
    if not len(strangers):
        return group
    group = group.copy()
    fresh: dict[bytes, int] = {}
    n_groups = int(group.max()) + 1
    for row in strangers.tolist():
        content = indices[starts[row] : starts[row] + sizes[row]].tobytes()
        group[row] = fresh.setdefault(content, n_groups + len(fresh))
    return _groups(group)
