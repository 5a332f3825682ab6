"""Mining of sequences of single items without limits of time, with compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.patterns._sequence_flat import FlatAsked, Pairs, bits_of, mine_flat
from userportrait.patterns._sequence_found import Best, Found
from userportrait.patterns._sequence_pairs import add_part, list_pairs, pairs_of_rows
from userportrait.patterns._sequence_runs import Runs, count_customers, lay_out, sort_by_last
from userportrait.patterns._sequence_threads import Team

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._budget import Watch
    from userportrait.patterns._sequence_steps import Limits, Steps
    from userportrait.patterns._sequences import Sequences

__all__ = ["Singles", "mine_singles", "singles_of_sequences", "singles_of_steps"]

Ints: TypeAlias = "NDArray[np.int32]"
Longs: TypeAlias = "NDArray[np.int64]"

_ALONE = 1_000_000
"""Entries looked at up to which other threads do not pay."""
_CELLS = 2
"""Pairs of items, for each pair of entries, up to which all of them are counted at once."""
_INNER_CELLS = 8
"""The same for each entry, where the entries are few."""
_MOST_CELLS = 2**22
_REPEATS = 4
"""Sequences are sorted by last entries if one entry in so many is a repeat."""
_PIECES = 12
"""Pieces of work for each thread."""
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """Sequences of single items, and which items are frequent.

    ``rank[code]`` numbers the frequent items, and is -1 for others; `codes`, `counts` and
    `totals` are those of the frequent ones. `totals` is empty if there are no weights.
    """

    step_ptr: Longs
    indices: Ints
    rank: Ints
    codes: Ints
    counts: Ints
    totals: Longs


def singles_of_sequences(
    sequences: Sequences, min_count: int, allowed: NDArray[np.bool_] | None, weights: Longs
) -> Singles | None:
    """Count the items of sequences; None if a step has several of them."""
    step_ptr, indices = _own(sequences.step_ptr, np.int64), _own(sequences.indices, np.int32)
    is_flat, counts, totals = count_customers(
        step_ptr, _own(sequences.item_ptr, np.int64), indices, len(sequences.items), weights
    )
    if not is_flat:
        return None
    kept = counts >= min_count
    if allowed is not None:
        kept &= allowed
    codes = np.flatnonzero(kept).astype(np.int32)
    rank = np.full(len(kept), -1, dtype=np.int32)
    rank[codes] = np.arange(len(codes), dtype=np.int32)
    return Singles(
        step_ptr, indices, rank, codes, counts[codes], totals[codes] if len(totals) else totals
    )


def singles_of_steps(steps: Steps, totals: Longs) -> Singles:
    """Return steps that hold one frequent item each."""
    sizes = np.bincount(steps.customer, minlength=steps.n_customers)
    step_ptr = np.zeros(steps.n_customers + 1, dtype=np.int64)
    np.cumsum(sizes, out=step_ptr[1:])
    rank = np.arange(steps.n_items, dtype=np.int32)
    counts = steps.counts.astype(np.int32)
    return Singles(step_ptr, steps.item, rank, steps.codes, counts, totals)


def mine_singles(
    singles: Singles,
    limits: Limits,
    min_count: int,
    *,
    watch: Watch,
    weights: Longs,
    top_k: int | None,
    n_threads: int,
) -> tuple[Found, str | None]:
    """Find every pattern of at least `min_count` customers; see `mine_in_numba`."""
    search = _Search(singles, limits, Best(min_count, top_k), watch, weights, top_k, n_threads)
    return search.found, search.run()


def _own(values: NDArray[Any], kind: type[np.integer]) -> NDArray[Any]:
    """Return the values in the one form that the loops are compiled for."""
    found = np.ascontiguousarray(values, dtype=kind)
    return found if found.flags.writeable else found.copy()


def _pairs(starts: Longs, stops: Longs, items: Ints, counts: Ints) -> Pairs:
    return Pairs(starts, stops, items, counts, bits_of(starts, stops, items))


class _Search:
    """One search: items, then pairs, then what begins with each pair."""

    def __init__(
        self,
        singles: Singles,
        limits: Limits,
        best: Best,
        watch: Watch,
        weights: Longs,
        top_k: int | None,
        n_threads: int,
    ) -> None:
        self._singles = singles
        self._best = best
        self._watch = watch
        self._weights = weights
        self._top_k = top_k
        self._n_threads = 1 if top_k is not None else n_threads
        self._min_length = max(limits.min_length, limits.min_steps)
        self._max_length = min(limits.max_length or _MOST, limits.max_steps or _MOST)
        self._n = len(singles.codes)
        self._n_known = self._n
        self._n_customers = len(singles.step_ptr) - 1
        self.found: Found = Found()
        items = np.arange(self._n, dtype=np.int32)
        self._add(np.full(self._n, -1, dtype=np.int32), items, singles.counts, singles.totals, 1)

    def run(self) -> str | None:
        """Search; return why it stopped early."""
        stopped: str | None = None
        if self._n and self._max_length > 1:
            runs, n_looks = self._runs()
            n_cells = self._n * self._n
            if n_cells <= min(_CELLS * n_looks, _MOST_CELLS):
                pairs, stopped = self._pairs_of_all(runs, alone=n_looks <= _ALONE)
            else:
                pairs, stopped = self._pairs_of_rows(runs, alone=n_looks <= _ALONE)
            if stopped is None and self._max_length > 2:
                stopped = self._longer(runs, pairs)
        return stopped or self._watch.stop(len(self.found), self.found.nbytes, 1.0)

    def _add(self, parent: Ints, item: Ints, counts: Ints, totals: Longs, length: int) -> None:
        self.found.add(parent, item, True, counts, totals if len(self._weights) else None)
        if length >= self._min_length:
            self._best.add(counts)

    def _runs(self) -> tuple[Runs, int]:
        """Return the runs, and how many pairs of entries they hold."""
        one = self._singles
        entries, rows, starts, stops, n_repeats, n_looks = lay_out(
            one.step_ptr, one.indices, one.rank, one.counts
        )
        later, tail = entries, np.empty(0, dtype=np.int32)
        if n_repeats * _REPEATS > len(entries):
            later, tail = sort_by_last(entries)
        return Runs(entries, rows, starts, stops, later, tail), n_looks

    def _pairs_of_all(self, runs: Runs, *, alone: bool) -> tuple[Pairs, str | None]:
        """Count all pairs of items at once, each thread for some of the customers."""
        n, weights = self._n, self._weights
        n_threads = 1 if alone else self._n_threads
        n_parts = 1 if alone else _PIECES * n_threads
        n_sums = n * n if len(weights) else 0
        counts = np.zeros((n_threads, n * n), dtype=np.int32)
        totals = np.zeros((n_threads, n_sums), dtype=np.int64)

        def work(part: int, worker: int, _signal: Longs) -> None:
            add_part(part, n_parts, runs, n, weights, counts[worker], totals[worker])

        stopped = self._do(work, n_parts, alone=alone)[1]
        if stopped is not None:  # then the counts are not those of all customers
            nothing = np.zeros(n + 1, dtype=np.int64)
            return Pairs(nothing, nothing, runs.tail[:0], runs.tail[:0], nothing), stopped
        starts, items, found, summed = list_pairs(
            counts.sum(axis=0, dtype=np.int32) if n_threads > 1 else counts[0],
            totals.sum(axis=0) if n_threads > 1 else totals[0],
            n,
            self._best.min_count,
        )
        parent = np.repeat(np.arange(n, dtype=np.int32), np.diff(starts))
        self._add(parent, items, found, summed, 2)
        return _pairs(starts[:-1], starts[1:], items, found), None

    def _pairs_of_rows(self, runs: Runs, *, alone: bool) -> tuple[Pairs, str | None]:
        """Look at what follows each item, item by item."""
        n, weights, least = self._n, self._weights, self._best.min_count
        chunks = self._chunks(np.arange(n, dtype=np.int32), runs, alone=alone)

        def work(piece: int, _worker: int, signal: Longs) -> Any:
            return pairs_of_rows(chunks[piece], runs, n, least, weights, signal)

        parts, stopped = self._do(work, len(chunks), alone=alone)
        firsts = np.concatenate([chunks[piece] for piece in parts])
        sizes, items, counts, totals = (
            np.concatenate(column) for column in zip(*parts.values(), strict=True)
        )
        starts, stops = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        stops[firsts] = np.cumsum(sizes)
        starts[firsts] = stops[firsts] - sizes
        self._add(np.repeat(firsts, sizes), items, counts, totals, 2)
        return _pairs(starts, stops, items, counts), stopped

    def _longer(self, runs: Runs, pairs: Pairs) -> str | None:
        """Look behind the pairs: a while alone, then with the other threads."""
        self._n_known += len(pairs.items)
        order = np.flatnonzero(pairs.stops > pairs.starts).astype(np.int32)
        if self._top_k is None:
            signal = np.zeros(8, dtype=np.int64)
            asked = self._asked(_ALONE)
            part = mine_flat(order, runs, pairs, asked, self._weights, signal)
            self._add_longer(part)
            order = order[part[0] :]
        if not len(order):
            return None
        chunks = self._chunks(order, runs, alone=False)
        asked = self._asked(2**62)

        def work(piece: int, _worker: int, signal: Longs) -> Any:
            return mine_flat(chunks[piece], runs, pairs, asked, self._weights, signal)

        parts, stopped = self._do(work, len(chunks), alone=False)
        for part in parts.values():
            self._add_longer(part)
        return stopped

    def _asked(self, quota: int) -> FlatAsked:
        return FlatAsked(
            n_items=self._n,
            n_customers=self._n_customers,
            min_count=self._best.min_count,
            top_k=self._top_k or 0,
            min_length=self._min_length,
            max_length=self._max_length,
            quota=quota,
            cells=_INNER_CELLS,
        )

    def _add_longer(self, part: Any) -> None:
        """Note the patterns of one piece; its own numbers begin after those of the pairs."""
        _, parent, item, counts, totals = part
        own = parent >= self._n_known
        parent[own] += len(self.found) - self._n_known
        self.found.add(parent, item, True, counts, totals if len(self._weights) else None)

    def _do(self, work: Any, n_pieces: int, *, alone: bool) -> tuple[dict[int, Any], str | None]:
        if alone:
            return {0: work(0, 0, np.zeros(8, dtype=np.int64))}, None
        span = (0.0, 0.5) if self._n_known == self._n else (0.5, 1.0)
        return Team[Any](self._n_threads, self._watch, self.found, span).do(work, n_pieces)

    def _chunks(self, items: Ints, runs: Runs, *, alone: bool) -> list[Ints]:
        """Deal first items out in pieces of about the same work, the largest ones first."""
        if alone or self._top_k is not None:
            return [items]
        work = (runs.stops - runs.starts)[items].astype(np.float64)
        order = items[np.argsort(-work, kind="stable")]
        n = min(len(items), _PIECES * self._n_threads)
        before = np.cumsum(np.sort(work)[::-1])
        bounds: NDArray[np.float64] = before[-1] * np.arange(1, n) / n
        cuts = np.unique(np.searchsorted(before, bounds) + 1)
        return [part for part in np.split(order, cuts) if len(part)]
