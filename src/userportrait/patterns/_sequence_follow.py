"""What customers buy within some days after a moment: counts, delays, and what is usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.patterns._sequence_steps import Limits, prepare_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequence_walk import Visit
    from userportrait.patterns._sequences import Sequences

__all__ = ["Followed", "Follower"]

_ENTRIES = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """Items bought after patterns, one row for each pattern and item.

    Parameters
    ----------
    node, item : ndarray of int64
    count : ndarray of int64
        Customers who bought it in time.
    delay : ndarray of float64
        Median microseconds from the end of the pattern to the first such purchase.
    """

    node: NDArray[np.int64]
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    delay: NDArray[np.float64]


class Follower:
    """Looks at the time after moments of sequences.

    Parameters
    ----------
    sequences : Sequences
        With times.
    within : float
        Days.
    until : int
        Microseconds; a moment counts if its days are over by then.
    """

    def __init__(self, sequences: Sequences, within: float, until: int) -> None:
        limits = Limits(max_gap=within)
        steps = prepare_steps(sequences, limits, 0, owner="derive_next_purchases")
        assert steps.gap_end is not None  # noqa: S101  # max_gap was given
        assert sequences.at is not None  # noqa: S101  # checked by the caller
        self._item = steps.item
        self._at: NDArray[np.int64] = sequences.at
        self._customer: NDArray[np.int32] = steps.customer
        self._n_items = len(sequences.items)
        self._low: NDArray[np.int32] = steps.item_ptr[1:]
        self._high: NDArray[np.int32] = steps.item_ptr[steps.gap_end]
        self._step: NDArray[np.int32] = steps.step
        width = round(within * 86_400_000_000)
        self.is_over: NDArray[np.bool_] = self._at <= until - width

    def after(self, visit: Visit, min_count: int) -> Followed:
        """Count, for each pattern of a visit, what its customers buy after its first end."""
        over = self.is_over[visit.moment]
        node, moment = visit.node[over], visit.moment[over]
        nodes, rank = np.unique(node, return_inverse=True)
        row, entry = _expanded(self._low[moment], self._high[moment])
        key = rank[row].astype(np.int64) * self._n_items + self._item[entry]
        often = np.bincount(key, minlength=len(nodes) * self._n_items) >= min_count
        row, entry, key = row[often[key]], entry[often[key]], key[often[key]]
        order = np.argsort(key, kind="stable")
        row, entry, key = row[order], entry[order], key[order]
        first = _is_new(key, row)
        row, entry, key = row[first], entry[first], key[first]
        keys, count = np.unique(key, return_counts=True)
        waited = self._at[self._step[entry]] - self._at[moment[row]]
        delay = _medians(key, waited, count)
        kept = count >= min_count
        pattern, item = np.divmod(keys[kept], self._n_items)
        return Followed(nodes[pattern], item, count[kept].astype(np.int64), delay[kept])

    def usual(self) -> NDArray[np.float64]:
        """Return, for each item, the chance that a basket is followed by it.

        It is the mean over customers of the share of their baskets, among those whose days
        are over, that are followed by the item in time.
        """
        moments = np.flatnonzero(self.is_over)
        customer = self._customer[moments]
        n = np.bincount(customer, minlength=int(customer.max(initial=-1)) + 1)
        share = 1 / n[customer] if len(moments) else np.empty(0)
        total = np.zeros(self._n_items)
        sizes = np.maximum(self._high[moments] - self._low[moments], 0)
        before = np.cumsum(sizes, dtype=np.int64)
        most = int(before[-1]) if len(before) else 0
        cuts = np.searchsorted(before, np.arange(_ENTRIES, most, _ENTRIES))
        for part in np.split(np.arange(len(moments)), np.unique(cuts)):
            here = moments[part]
            row, entry = _expanded(self._low[here], self._high[here])
            pairs = np.unique(row.astype(np.int64) * self._n_items + self._item[entry])
            row, item = np.divmod(pairs, self._n_items)
            total += np.bincount(item, weights=share[part][row], minlength=self._n_items)
        mean: NDArray[np.float64] = total / max(1, int(np.count_nonzero(n)))
        return mean


def _medians(
    key: NDArray[np.int64], value: NDArray[np.int64], count: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the median of each run of keys; `count` is the length of the runs."""
    ordered = value[np.lexsort((value, key))]
    start = np.cumsum(count) - count
    low, high = ordered[start + (count - 1) // 2], ordered[start + count // 2]
    middle: NDArray[np.float64] = (low + high) / 2
    return middle


def _expanded(
    starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return every position of every range, with the number of its range."""
    sizes = np.maximum(ends - starts, 0).astype(np.int64)
    row = np.repeat(np.arange(len(starts)), sizes)
    before = np.cumsum(sizes) - sizes
    return row, np.arange(len(row), dtype=np.int64) + np.repeat(starts - before, sizes)


def _is_new(*keys: NDArray[np.integer]) -> NDArray[np.bool_]:
    new = np.ones(len(keys[0]), dtype=bool)
    for at, key in enumerate(keys):
        changed = key[1:] != key[:-1]
        new[1:] = changed if at == 0 else new[1:] | changed
    return new
