"""Mining of sequences with compiled loops: what the extra ``fast`` brings."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait.patterns._sequence_found import Best, Found, item_totals
from userportrait.patterns._sequence_steps import prepare_steps
from userportrait.patterns._sequence_threads import Team

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_loops import Asked, Read
    from userportrait.patterns._sequence_steps import Limits, Steps
    from userportrait.patterns._sequences import Sequences

__all__ = ["mine_in_numba", "warm_up"]

_PIECES = 12
"""Pieces of work for each thread."""
_ALONE = 1_000_000
"""Entries looked at up to which other threads do not pay."""
_MOST = 2**31 - 1


def mine_in_numba(
    sequences: Sequences,
    limits: Limits,
    min_count: int,
    *,
    watch: Watch,
    allowed: NDArray[np.bool_] | None = None,
    weights: NDArray[np.int64] | None = None,
    top_k: int | None = None,
    n_threads: int | None = None,
) -> tuple[Found, NDArray[np.int32], str | None]:
    """Find every pattern of at least `min_count` customers, without a window.

    Parameters
    ----------
    sequences : Sequences
    limits : Limits
    min_count : int
    watch : Watch
    allowed : ndarray of bool of shape (n_items,), optional
        Items that may be in a pattern; by default all.
    weights : ndarray of int64 of shape (n_customers,), optional
        Summed over the customers of each pattern.
    top_k : int, optional
        Patterns that are certainly not among the `top_k` most frequent may be left out.
    n_threads : int, optional
        By default as many as there are processors. The patterns do not depend on it.

    Returns
    -------
    Found, ndarray of int32, str or None
        The patterns, parents before children; the code of each of their items; and why mining
        stopped early.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    mine = _kernel()
    from userportrait.patterns import _sequence_flat_mine as flat

    threads = n_threads or os.cpu_count() or 1
    weighed = np.empty(0, dtype=np.int64) if weights is None else weights
    options: Any = {"watch": watch, "weights": weighed, "top_k": top_k, "n_threads": threads}
    singles = None
    if not limits.in_time:
        singles = flat.singles_of_sequences(sequences, min_count, allowed, weighed)
    if singles is None:
        steps = prepare_steps(sequences, limits, min_count, allowed=allowed, owner="mine_sequences")
        if steps.needs_first_only and not limits.min_gap:
            totals = weighed if weights is None else item_totals(steps, weights)
            singles = flat.singles_of_steps(steps, totals)
        else:
            found, stopped = _mine_steps(mine, steps, limits, min_count, **options)
            return found, steps.codes, stopped
    found, stopped = flat.mine_singles(singles, limits, min_count, **options)
    return found, singles.codes, stopped


def warm_up() -> None:
    """Compile the loops, or load them from the cache, before they are needed.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_steps import Limits
    from userportrait.patterns._sequences import Sequences

    lists = [["a", "b", "c"] * 2, ["a", "b", "c"]]
    for steps in (lists, [[step, "d"] for step in lists]):
        sequences = Sequences.from_lists(steps)
        for limits in (Limits(), Limits(max_gap=1, unit="steps")):
            mine_in_numba(sequences, limits, 1, watch=Watch())


def _mine_steps(
    mine: Any,
    steps: Steps,
    limits: Limits,
    min_count: int,
    *,
    watch: Watch,
    weights: NDArray[np.int64],
    top_k: int | None,
    n_threads: int,
) -> tuple[Found, str | None]:
    """Look at every occurrence: a while alone, then in several threads."""
    found = Found.of_items(steps, weights if len(weights) else None)
    best = Best(min_count, top_k)
    if limits.min_length <= 1 and limits.min_steps <= 1:
        best.add(steps.counts)
    order = np.argsort(-np.diff(steps.item_starts), kind="stable").astype(np.int32)
    if limits.max_length == 1 or not steps.n_items:
        return found, watch.stop(len(found), found.nbytes, 1.0)
    read = _read(steps, weights)
    if top_k is None:
        asked = _asked(steps, limits, best.min_count, None, _ALONE)
        part = mine(order, read, asked, np.zeros(8, dtype=np.int64))
        _add(found, steps.n_items, part, has_totals=len(weights) > 0)
        order = order[part[0] :]
    if not len(order):
        return found, watch.stop(len(found), found.nbytes, 1.0)
    asked = _asked(steps, limits, best.min_count, top_k, 2**62)
    threads = 1 if top_k is not None else n_threads
    chunks = [order] if top_k is not None else _chunks(order, steps, _PIECES * threads)

    def work(piece: int, _worker: int, signal: NDArray[np.int64]) -> Any:
        return mine(chunks[piece], read, asked, signal)

    parts, stopped = Team[Any](threads, watch, found, (0.0, 1.0)).do(work, len(chunks))
    for part in parts.values():
        _add(found, steps.n_items, part, has_totals=len(weights) > 0)
    return found, stopped or watch.stop(len(found), found.nbytes, 1.0)


def _chunks(order: NDArray[np.int32], steps: Steps, n: int) -> list[NDArray[np.int32]]:
    """Deal the first items out in pieces of about the same work, the largest ones first."""
    before = np.cumsum(np.diff(steps.item_starts)[order].astype(np.float64))
    n = min(len(order), n)
    bounds: NDArray[np.float64] = before[-1] * np.arange(1, n) / n
    cuts = np.unique(np.searchsorted(before, bounds) + 1)
    return [part for part in np.split(order, cuts) if len(part)]


def _read(steps: Steps, weights: NDArray[np.int64]) -> Read:
    from userportrait.patterns._sequence_loops import Read

    nothing = np.empty(0, dtype=np.int32)
    return Read(
        items=steps.item,
        step=steps.step,
        item_ptr=steps.item_ptr,
        customer=steps.customer,
        end=steps.end,
        after=steps.after,
        gap_end=nothing if steps.gap_end is None else steps.gap_end,
        span_end=nothing if steps.span_end is None else steps.span_end,
        entries_by_item=steps.entries_by_item,
        item_starts=steps.item_starts,
        weights=weights,
    )


def _asked(steps: Steps, limits: Limits, min_count: int, top_k: int | None, quota: int) -> Asked:
    from userportrait.patterns._sequence_loops import Asked

    return Asked(
        first_only=steps.needs_first_only,
        is_flat=steps.is_flat,
        n_items=steps.n_items,
        n_customers=steps.n_customers,
        min_count=min_count,
        top_k=top_k or 0,
        min_length=limits.min_length,
        max_length=limits.max_length or _MOST,
        min_steps=limits.min_steps,
        max_steps=limits.max_steps or _MOST,
        quota=quota,
    )


def _add(found: Found, n_items: int, part: Any, *, has_totals: bool) -> None:
    """Note the patterns of one piece of work; its own numbers begin after those of the items."""
    _, parent, item, is_new, count, total = part
    parent[parent >= n_items] += len(found) - n_items
    found.add(parent, item, is_new, count, total if has_totals else None)


@cache
def _kernel() -> Any:
    """Return the compiled search under limits."""
    optional_import("numba", what="mine_sequences(engine='numba')", extra="fast")
    from userportrait.patterns._sequence_loops import mine_chunk

    return mine_chunk
