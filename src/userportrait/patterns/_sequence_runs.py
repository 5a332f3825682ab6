"""Write sequences of single items as runs, with compiled loops; importing this needs numba.

A run holds what one customer does: for each entry twice the code of its item, plus one if the item
does not come again in the run; then the one's complement of the customer's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Runs", "count_customers", "lay_out", "sort_by_last"]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"


class Runs(NamedTuple):
    """The runs of all customers with two entries at least, one after the other.

    ``rows[starts[i]:stops[i]]`` are the first entries of item i, one for each customer, without
    those that end a run. `later` are the runs with the last entry of each item alone; those that
    follow entry e begin at ``later[tail[e]]``. Where few entries are repeats, `tail` is empty and
    `later` is `entries`.
    """

    entries: Ints
    rows: Ints
    starts: Ints
    stops: Ints
    later: Ints
    tail: Ints


@compiled
def count_customers(
    step_ptr: Longs, item_ptr: Longs, indices: Ints, n_items: int, weights: Longs
) -> tuple[bool, Ints, Longs]:
    """Count the customers of each item and sum their weights.

    Returns whether every step is a single item, too; if not, nothing is counted.
    """
    totals = np.zeros(n_items if len(weights) else 0, dtype=np.int64)
    cells = np.zeros((n_items, 2), dtype=np.int32)  # the last customer, the customers
    is_flat = len(item_ptr) == len(indices) + 1
    if is_flat:
        for step in range(len(item_ptr)):
            is_flat &= item_ptr[step] == step
    if not is_flat:
        return False, cells[:, 1].copy(), totals
    for customer in range(len(step_ptr) - 1):
        mark = customer + 1
        for e in range(step_ptr[customer], step_ptr[mark]):
            item = indices[e]
            is_new = cells[item, 0] != mark
            cells[item, 0] = mark
            cells[item, 1] += is_new
            if len(weights) and is_new:
                totals[item] += weights[customer]
    return True, cells[:, 1].copy(), totals


@compiled
def lay_out(
    step_ptr: Longs, indices: Ints, rank: Ints, counts: Ints
) -> tuple[Ints, Ints, Ints, Ints, int, int]:
    """Write the runs of the items with a rank, and the first entries of each item.

    Returns entries, rows, starts and stops as in `Runs`, how many entries are repeats, and how
    many pairs of entries there are whose first one is none.
    """
    entries = np.empty(len(indices) + len(step_ptr), dtype=np.int32)
    place = 0
    for customer in range(len(step_ptr) - 1):
        begin = place
        for e in range(step_ptr[customer], step_ptr[customer + 1]):
            entries[place] = rank[indices[e]]
            place += entries[place] >= 0
        entries[place] = ~customer
        place = place + 1 if place - begin > 1 else begin
    entries = entries[:place]
    n = len(counts)
    starts = np.empty(n, dtype=np.int32)
    size = 0
    for item in range(n):
        starts[item] = size
        size += counts[item] + 1  # one more, for what is written and not kept
    stops = starts.copy()
    rows = np.empty(size, dtype=np.int32)
    last = np.full(n, -1, dtype=np.int32)
    begin, n_first, n_repeats, n_pairs = 0, 0, 0, 0
    for i in range(place):
        item = entries[i]
        if item < 0:
            begin = i + 1
            n_first = 0
            continue
        before = last[item]
        last[item] = i
        is_first = int(before < begin)
        entries[i] = 2 * item + 1
        entries[i if is_first else before] -= 1 - is_first
        rows[stops[item]] = i
        stops[item] += is_first & int(entries[i + 1] >= 0)
        n_pairs += n_first
        n_first += is_first
        n_repeats += 1 - is_first
    return entries, rows, starts, stops, n_repeats, n_pairs


@compiled
def sort_by_last(entries: Ints) -> tuple[Ints, Ints]:
    """Return `later` and `tail` of `Runs`."""
    later = np.empty(len(entries), dtype=np.int32)
    tail = np.empty(len(entries), dtype=np.int32)
    top = 0
    for i in range(len(entries)):
        later[top] = entries[i]
        top += (entries[i] < 0) | (entries[i] & 1)
        tail[i] = top
    return later[:top], tail
