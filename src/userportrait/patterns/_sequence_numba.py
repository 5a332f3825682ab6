"""Mining of sequences with compiled loops: what the extra ``fast`` brings."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait.patterns._sequence_found import Best, Found

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_loops import Asked, Read
    from userportrait.patterns._sequence_steps import Limits, Steps

__all__ = ["mine_in_numba", "warm_up"]

_CHUNKS = 12
"""Pieces of work for each thread."""
_TELL_SECONDS = 0.1
"""How often the clock is looked at."""


def mine_in_numba(
    steps: Steps,
    limits: Limits,
    min_count: int,
    *,
    watch: Watch,
    weights: NDArray[np.int64] | None = None,
    top_k: int | None = None,
    n_threads: int | None = None,
) -> tuple[Found, str | None]:
    """Find every pattern of at least `min_count` customers, without a window.

    Parameters are those of `mine_in_numpy`, and so are the patterns, whatever the number of
    threads.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    mine = _kernel()
    found = Found.of_items(steps, weights)
    best = Best(min_count, top_k)
    if limits.min_length <= 1 and limits.min_steps <= 1:
        best.add(steps.counts)
    if limits.max_length == 1 or not steps.n_items:
        return found, watch.stop(len(found), found.nbytes, 1.0)
    threads = 1 if top_k is not None else n_threads or os.cpu_count() or 1
    chunks = _chunks(steps, threads)
    signals = np.zeros((len(chunks), 8), dtype=np.int64)  # a line of cache for each
    arguments = _arguments(steps, limits, best.min_count, weights, top_k)

    def run(number: int) -> Any:
        return mine(chunks[number], *arguments, signals[number])

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run, number) for number in range(len(chunks))]
        try:
            reason = _wait(futures, signals, watch, found)
        finally:
            signals[:, 0] = 1
    for future in futures:
        _add(found, steps.n_items, future.result(), has_totals=weights is not None)
    return found, reason


def warm_up() -> None:
    """Compile the loops, or load them from the cache, before they are needed.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_steps import Limits, prepare_steps
    from userportrait.patterns._sequences import Sequences

    sequences = Sequences.from_lists([[["a", "b"], ["a"]], [["a"], ["b"]]])
    for limits in (Limits(), Limits(max_gap=1, unit="steps")):
        steps = prepare_steps(sequences, limits, 1, owner="warm_up")
        mine_in_numba(steps, limits, 1, watch=Watch())


def _wait(
    futures: list[Future[Any]], signals: NDArray[np.int64], watch: Watch, found: Found
) -> str | None:
    """Look at the clock until all is done; tell the loops when to stop."""
    reason: str | None = None
    while True:
        _, open_ = wait(futures, timeout=_TELL_SECONDS)
        n = len(found) + int(signals[:, 1].sum())
        share = 1 - len(open_) / len(futures)
        if reason is None:
            reason = watch.stop(n, n * 13, share)
            signals[:, 0] = reason is not None
        if not open_:
            return reason


def _chunks(steps: Steps, threads: int) -> list[NDArray[np.int32]]:
    """Deal the first items out in pieces of about the same work, the largest ones first."""
    work = np.diff(steps.item_starts).astype(np.float64)
    order = np.argsort(-work, kind="stable").astype(np.int32)
    if threads == 1:
        return [order]
    n = min(len(order), _CHUNKS * threads)
    before = np.cumsum(work[order])
    bounds: NDArray[np.float64] = before[-1] * np.arange(1, n) / n
    cuts = np.unique(np.searchsorted(before, bounds) + 1)
    return [part for part in np.split(order, cuts) if len(part)]


def _arguments(
    steps: Steps,
    limits: Limits,
    min_count: int,
    weights: NDArray[np.int64] | None,
    top_k: int | None,
) -> tuple[Read, Asked]:
    """Return what every piece of work reads."""
    from userportrait.patterns._sequence_loops import Asked, Read

    nothing = np.empty(0, dtype=np.int32)
    is_plain = steps.needs_first_only and not limits.min_gap
    most = 2**31 - 1
    items, previous, owner = _with_ends(steps) if is_plain else (steps.item, nothing, nothing)
    read = Read(
        items=items,
        previous=previous,
        owner=owner,
        step=steps.step,
        item_ptr=steps.item_ptr,
        customer=steps.customer,
        end=steps.end,
        after=steps.after,
        gap_end=nothing if steps.gap_end is None else steps.gap_end,
        span_end=nothing if steps.span_end is None else steps.span_end,
        first_rows=_first_rows(steps) if is_plain else steps.entries_by_item,
        first_starts=_first_starts(steps) if is_plain else steps.item_starts,
        weights=np.empty(0, dtype=np.int64) if weights is None else weights,
    )
    asked = Asked(
        is_plain=is_plain,
        first_only=steps.needs_first_only,
        is_flat=steps.is_flat,
        n_items=steps.n_items,
        n_customers=steps.n_customers,
        min_count=min_count,
        top_k=top_k or 0,
        min_length=limits.min_length,
        max_length=limits.max_length or most,
        min_steps=limits.min_steps,
        max_steps=limits.max_steps or most,
    )
    return read, asked


def _with_ends(
    steps: Steps,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return the items with -1 after each customer, the same item's last place, the owners."""
    place = np.arange(len(steps.item), dtype=np.int32) + steps.customer
    size = len(steps.item) + steps.n_customers
    items = np.full(size, -1, dtype=np.int32)
    items[place] = steps.item
    owner = np.zeros(size, dtype=np.int32)
    owner[place] = steps.customer
    where = place[steps.entries_by_item]
    again = np.flatnonzero(~steps.is_first)
    previous = np.full(size, -1, dtype=np.int32)
    previous[where[again]] = where[again - 1]
    return items, previous, owner


def _first_rows(steps: Steps) -> NDArray[np.int32]:
    chosen = steps.entries_by_item[steps.is_first]
    return chosen + steps.customer[chosen]


def _first_starts(steps: Steps) -> NDArray[np.int32]:
    before = np.concatenate(([0], np.cumsum(steps.is_first)))
    return before[steps.item_starts].astype(np.int32)


def _add(found: Found, n_items: int, part: Any, *, has_totals: bool) -> None:
    """Note the patterns of one piece of work; its own numbers begin after those of the items."""
    parent, item, is_new, count, total = part
    shift = len(found) - n_items
    parents: NDArray[np.int64] = parent.astype(np.int64)
    parents[parents >= n_items] += shift
    found.add(parents, item, is_new, count, total if has_totals else None)


@cache
def _kernel() -> Any:
    """Return the compiled search."""
    optional_import("numba", what="mine_sequences(engine='numba')", extra="fast")
    from userportrait.patterns._sequence_loops import mine_chunk

    return mine_chunk
