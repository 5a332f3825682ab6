"""Baskets as the compiled miners read them: frequent items by rank, in rows and in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from userportrait.patterns._numba_compile import compiled

if TYPE_CHECKING:
    from userportrait.patterns._numba_compile import Array, Number

__all__ = ["count_items", "fill_columns", "fill_rows"]


@compiled
def count_items(
    indptr: Array, indices: Array, weights: Array, first: Number, last: Number, counts: Array
) -> None:
    """Add the baskets of each item in rows `first` to `last`; no weights means one each."""
    if len(weights) == 0:
        for entry in range(indptr[first], indptr[last]):
            counts[indices[entry], 0] += 1
            counts[indices[entry], 1] += 1
    else:
        for row in range(first, last):
            for entry in range(indptr[row], indptr[row + 1]):
                counts[indices[entry], 0] += 1
                counts[indices[entry], 1] += weights[row]


@compiled
def fill_columns(
    indptr: Array,
    indices: Array,
    rank: Array,
    first: Number,
    last: Number,
    place: Array,
    columns: Array,
    lengths: Array,
) -> None:
    """Write down, column by column, the rows of each frequent item; `place` moves along."""
    for row in range(first, last):
        length = 0
        for entry in range(indptr[row], indptr[row + 1]):
            found = rank[indices[entry]]
            if found >= 0:
                columns[place[found]] = row
                place[found] += 1
                length += 1
        lengths[row] = length


@compiled
def fill_rows(
    start: Array,
    stop: Array,
    weights: Array,
    columns: Array,
    fill: Array,
    rows: Array,
    heavy: Array,
) -> None:
    """Write rows in order of rank; each column entry becomes its position in the rows."""
    weighted = len(weights) > 0
    for rank in range(len(start)):
        for entry in range(start[rank], stop[rank]):
            row = columns[entry]
            if weighted:
                heavy[entry] = weights[row]
            position = fill[row]
            rows[position] = rank
            columns[entry] = position
            fill[row] = position + 1
