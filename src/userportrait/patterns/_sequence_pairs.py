"""Find which item follows which, with compiled loops; importing this needs numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.patterns._numba_compile import compiled
from userportrait.patterns._sequence_compile import inner, larger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequence_runs import Runs

__all__ = [
    "add_pairs",
    "add_part",
    "add_weights",
    "follow_rows",
    "list_pairs",
    "pairs_of_rows",
    "weigh_rows",
]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"


@inner
def add_pairs(
    entries: Ints, later: Ints, tail: Ints, seen: Ints, low: int, high: int, n: int, counts: Ints
) -> None:
    """Count the customers of each pair of items in some runs."""
    has_tail = len(tail) > 0
    seen[:n] = -1
    begin = low
    for i in range(low, high):
        first = entries[i] >> 1
        if first < 0:
            begin = i + 1
            continue
        if seen[first] >= begin:
            continue
        seen[first] = i
        row = first * n
        j = tail[i] if has_tail else i + 1
        entry = later[j]
        while entry >= 0:
            counts[row + (entry >> 1)] += entry & 1
            j += 1
            entry = later[j]


@inner
def add_weights(
    entries: Ints, seen: Ints, low: int, high: int, n: int, weights: Longs, totals: Longs
) -> None:
    """Sum the weights of the customers of each pair of items in some runs."""
    seen[:n] = -1
    begin = low
    end = low - 1
    for i in range(low, high):
        if i > end:
            begin = i
            end = i
            while entries[end] >= 0:
                end += 1
        first = entries[i] >> 1
        if first < 0 or seen[first] >= begin:
            continue
        seen[first] = i
        row = first * n
        for j in range(i + 1, end):
            totals[row + (entries[j] >> 1)] += weights[~entries[end]] * (entries[j] & 1)


@inner
def _run_at(entries: Ints, part: int, n_parts: int) -> int:
    """Return where the first run of a part begins."""
    place = len(entries) * part // n_parts
    while 0 < place < len(entries) and entries[place - 1] >= 0:
        place += 1
    return place


@compiled
def add_part(
    part: int, n_parts: int, runs: Runs, n: int, weights: Longs, counts: Ints, totals: Longs
) -> None:
    """Count all pairs in one part of the customers, and sum their weights."""
    seen = np.empty(n, dtype=np.int32)
    low, high = _run_at(runs.entries, part, n_parts), _run_at(runs.entries, part + 1, n_parts)
    add_pairs(runs.entries, runs.later, runs.tail, seen, low, high, n, counts)
    if len(weights):
        add_weights(runs.entries, seen, low, high, n, weights, totals)


@compiled
def list_pairs(counts: Ints, totals: Longs, n: int, least: int) -> tuple[Longs, Ints, Ints, Longs]:
    """List the frequent pairs: where those of each first item begin, second items, figures."""
    starts = np.empty(n + 1, dtype=np.int64)
    size = 0
    for first in range(n):
        starts[first] = size
        for item in range(n):
            size += counts[first * n + item] >= least
    starts[n] = size
    items = np.empty(size + 1, dtype=np.int32)
    found = np.empty(size + 1, dtype=np.int32)
    summed = np.empty(size if len(totals) else 0, dtype=np.int64)
    for first in range(n):
        place = starts[first]
        if starts[first + 1] == place:
            continue
        for item in range(n):
            count = counts[first * n + item]
            items[place] = item
            found[place] = count
            if len(totals) and count >= least:
                summed[place] = totals[first * n + item]
            place += count >= least
    return starts, items[:size], found[:size], summed


@inner
def follow_rows(
    later: Ints, tail: Ints, rows: Ints, low: int, high: int, tally: Ints, touched: Ints
) -> int:
    """Count the customers of each item after the rows; return how many items there are."""
    has_tail = len(tail) > 0
    n = 0
    for r in range(low, high):
        j = tail[rows[r]] if has_tail else rows[r] + 1
        entry = later[j]
        while entry >= 0:
            item = entry >> 1
            count = tally[item]
            touched[n] = item
            n += (count == 0) & (entry & 1)
            tally[item] = count + (entry & 1)
            j += 1
            entry = later[j]
    return n


@inner
def weigh_rows(entries: Ints, rows: Ints, low: int, high: int, weights: Longs, sums: Longs) -> None:
    """Sum the weights of the customers of each item after the rows."""
    for r in range(low, high):
        end = rows[r] + 1
        while entries[end] >= 0:
            end += 1
        for j in range(rows[r] + 1, end):
            sums[entries[j] >> 1] += weights[~entries[end]] * (entries[j] & 1)


@compiled
def pairs_of_rows(
    first_items: Ints, runs: Runs, n: int, least: int, weights: Longs, signal: Longs
) -> tuple[Longs, Ints, Ints, Longs]:
    """List the frequent pairs that begin with some items: how many each has, and as above.

    A first value of `signal` other than 0 stops it; the second is the number of pairs so far.
    """
    has_weights = len(weights) > 0
    tally = np.zeros(n, dtype=np.int32)
    touched = np.empty(n + 1, dtype=np.int32)
    sums = np.zeros(n if has_weights else 0, dtype=np.int64)
    sizes = np.zeros(len(first_items), dtype=np.int64)
    items = np.empty(1024, dtype=np.int32)
    counts = np.empty(1024, dtype=np.int32)
    totals = np.empty(1024 if has_weights else 0, dtype=np.int64)
    size = 0
    for number in range(len(first_items)):
        first = first_items[number]
        low, high = int(runs.starts[first]), int(runs.stops[first])
        if high - low < least or signal[0] != 0:
            continue
        n_touched = follow_rows(runs.later, runs.tail, runs.rows, low, high, tally, touched)
        if has_weights:
            weigh_rows(runs.entries, runs.rows, low, high, weights, sums)
        if size + n_touched >= len(items):
            items = larger(items, size, size + n_touched + 1)
            counts = larger(counts, size, len(items))
            if has_weights:
                totals = larger(totals, size, len(items))
        before = size
        for t in range(n_touched):
            item = touched[t]
            items[size] = item
            counts[size] = tally[item]
            tally[item] = 0
            if has_weights:
                totals[size] = sums[item]
                sums[item] = 0
            size += counts[size] >= least
        sizes[number] = size - before
        signal[1] = size
    return sizes, items[:size], counts[:size], totals[: size if has_weights else 0]
