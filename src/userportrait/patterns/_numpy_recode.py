"""Baskets made ready for the NumPy miner: rare items dropped, rarest of the rest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._baskets import Baskets

__all__ = ["Deliveries", "Recoded", "ramps", "recode"]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Where each item stands in the baskets, and what stands after it there.

    Parameters
    ----------
    ptr : ndarray of int64 of shape (n_items + 1,)
        The places of item `i` are those from ``ptr[i]`` to ``ptr[i + 1]``.
    start : ndarray of int64
        Where in `Recoded.entries` the items after it begin, by place.
    tail : ndarray of int64
        How many come after it.
    weights : ndarray of int64, optional
        Baskets that the place counts for; None if one each.
    stamps : ndarray of float64
        A random whole number of the basket of each place; empty if none were asked for.
    """

    ptr: NDArray[np.int64]
    start: NDArray[np.int64]
    tail: NDArray[np.int64]
    weights: NDArray[np.int64] | None
    stamps: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recoded:
    """Frequent items by rank, the rarest first, and the baskets in ranks.

    Items that are in every basket are set apart: they belong to every itemset and decide none.

    Parameters
    ----------
    items : ndarray of int32 of shape (n_items,)
        Vocabulary code of each rank.
    counts : ndarray of int64 of shape (n_items,)
    universal : ndarray of int32
        Codes of the items in every basket.
    n_baskets : int
    entries : ndarray of int32
        Ranks, ascending in each basket, one basket after the other.
    long : Deliveries
        Places with two or more items after them: what sets of three and more come from.
    short : Deliveries
        Places with one item after them.
    stamps : ndarray of float64
        By item: sum of the random numbers of the baskets that have it. Sums are exact: sets
        that are in the same baskets have the same sum. Zeros if none were asked for.
    is_stamped : bool
    """

    items: NDArray[np.int32]
    counts: NDArray[np.int64]
    universal: NDArray[np.int32]
    n_baskets: int
    entries: NDArray[np.int32]
    long: Deliveries
    short: Deliveries
    stamps: NDArray[np.float64]
    is_stamped: bool


def recode(baskets: Baskets, min_count: int, *, stamped: bool = False) -> Recoded:
    """Drop the items that are in fewer than `min_count` baskets and rank the others."""
    sizes = np.diff(baskets.indptr)
    counts = _item_counts(baskets, sizes)
    frequent = np.flatnonzero(counts >= max(min_count, 1))
    everywhere = counts[frequent] == baskets.n_baskets
    universal, frequent = frequent[everywhere], frequent[~everywhere]
    frequent = frequent[np.argsort(counts[frequent], kind="stable")]
    n_items = len(frequent)
    rank = np.full(len(counts), -1, dtype=np.int32)
    rank[frequent] = np.arange(n_items, dtype=np.int32)
    entries, tail, rows = _sorted_entries(rank[baskets.indices], sizes, n_items)
    columns = _Columns(entries, tail, rows, baskets.weights, _stamps(sizes, stamped=stamped))
    return Recoded(
        items=frequent.astype(np.int32),
        counts=counts[frequent],
        universal=universal.astype(np.int32),
        n_baskets=baskets.n_baskets,
        entries=entries,
        long=_deliveries(np.flatnonzero(tail >= 2), columns, n_items),
        short=_deliveries(np.flatnonzero(tail == 1), columns, n_items),
        stamps=_stamp_sums(columns, n_items),
        is_stamped=stamped,
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    entries: NDArray[np.int32]
    tail: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.int64] | None  # by row
    stamps: NDArray[np.float64]  # by row; empty if there are none


def _stamps(sizes: NDArray[np.int64], *, stamped: bool) -> NDArray[np.float64]:
    """Return a random number for each basket, so small that all together add up exactly."""
    most = 2 ** (52 - len(sizes).bit_length())
    numbers = np.random.default_rng(0).integers(1, most, size=len(sizes) if stamped else 0)
    return numbers.astype(np.float64)


def _stamp_sums(columns: _Columns, n_items: int) -> NDArray[np.float64]:
    if not len(columns.stamps):
        return np.zeros(n_items)
    numbers = columns.stamps[columns.rows]
    return np.bincount(columns.entries, numbers, minlength=n_items).astype(np.float64)


def ramps(lengths: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each length the run ``start, start + 1, ...``, one after the other."""
    ends = np.cumsum(lengths)
    found = np.repeat(starts - ends + lengths, lengths)
    found += np.arange(len(found))
    return found


def _item_counts(baskets: Baskets, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    n_items = len(baskets.items)
    if baskets.weights is None:
        return np.bincount(baskets.indices, minlength=n_items)
    repeated = np.repeat(baskets.weights, sizes)
    return np.bincount(baskets.indices, repeated, minlength=n_items).astype(np.int64)


def _sorted_entries(
    ranks: NDArray[np.int32], sizes: NDArray[np.int64], n_items: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return ranks ascending in each basket, how many follow each, and its basket."""
    bits = max(n_items - 1, 1).bit_length()
    narrow = len(sizes) << bits < 2**32
    kind: Any = np.uint32 if narrow else np.int64
    keys: NDArray[Any] = np.repeat(np.arange(len(sizes), dtype=kind) << bits, sizes)
    kept = ranks >= 0
    keys = keys[kept]
    keys |= ranks[kept].astype(kind)
    keys.sort()
    rows = (keys >> bits).astype(np.int64)
    ends = np.cumsum(np.bincount(rows, minlength=len(sizes)))
    tail = ends[rows] - np.arange(1, len(rows) + 1)
    return (keys & ((1 << bits) - 1)).astype(np.int32), tail, rows


def _deliveries(places: NDArray[np.intp], columns: _Columns, n_items: int) -> Deliveries:
    """Return places by item, those of one item in the order of the baskets."""
    bits = max(len(columns.entries), 1).bit_length()
    keys = columns.entries[places].astype(np.int64) << bits
    keys |= places
    keys.sort()
    ptr = np.zeros(n_items + 1, dtype=np.int64)
    np.cumsum(np.bincount(keys >> bits, minlength=n_items), out=ptr[1:])
    keys &= (1 << bits) - 1
    weights, stamps = columns.weights, columns.stamps
    return Deliveries(
        ptr=ptr,
        start=keys + 1,
        tail=columns.tail[keys],
        weights=None if weights is None else weights[columns.rows[keys]],
        stamps=stamps[columns.rows[keys]] if len(stamps) else stamps,
    )
