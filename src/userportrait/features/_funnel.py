"""A funnel of steps: how far each customer gets with each item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.features._events_counts import is_new

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ItemDays", "Pairs", "reach_steps"]

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class ItemDays:
    """Who did what with which item on which day, each once; arrays of int64.

    Sorted by customer, item and bucket. `item` are codes, `kind` positions in the list of
    event kinds.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    bucket: NDArray[np.int64]
    kind: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> ItemDays:
        """Return the rows that a mask chooses."""
        return ItemDays(self.customer[rows], self.item[rows], self.bucket[rows], self.kind[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """One row for each customer and item, sorted.

    Parameters
    ----------
    customer : ndarray of int64
    last_day : ndarray of int64
        Day number of the pair's last event.
    depth : ndarray of int64
        How many steps of the funnel the pair has reached, in order.
    """

    customer: NDArray[np.int64]
    last_day: NDArray[np.int64]
    depth: NDArray[np.int64]


def reach_steps(rows: ItemDays, steps: Sequence[int]) -> Pairs:
    """Find the pairs of customer and item, and how far each one gets.

    A pair reaches the first step with its first event of that kind, and each further step
    with its first event of that kind on the same day as the step before, or later.

    Parameters
    ----------
    rows : ItemDays
    steps : sequence of int
        The kinds that are the funnel's steps, in order.
    """
    new = is_new(rows.customer, rows.item)
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(new)) - 1 if len(starts) else starts
    depth = np.zeros(len(starts), dtype=np.int64)
    if not steps:
        return Pairs(rows.customer[starts], rows.bucket[ends] >> 1, depth)
    pair = np.cumsum(new) - 1
    day = rows.bucket >> 1
    reached = np.full(len(starts), np.iinfo(np.int64).min, dtype=np.int64)
    for step in steps:
        chosen = np.flatnonzero(rows.kind == step)
        chosen = chosen[day[chosen] >= reached[pair[chosen]]][::-1]
        found = np.full(len(starts), _NEVER, dtype=np.int64)
        found[pair[chosen]] = day[chosen]  # from the last day to the first, which stays
        depth += found != _NEVER
        reached = found
    return Pairs(rows.customer[starts], day[ends], depth)
