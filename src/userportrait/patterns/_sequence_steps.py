"""What a miner of sequences reads: frequent items only, and how far each step reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp

from userportrait._core.units import MICROS_PER_DAY
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.patterns._sequences import Sequences

__all__ = ["GapUnit", "Limits", "Steps", "prepare_steps"]

GapUnit: TypeAlias = Literal["days", "steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a pattern and its occurrences may be; None is no limit.

    Parameters
    ----------
    min_length, max_length : int
        Items of a pattern, counted over all of its steps.
    min_steps, max_steps : int
    min_gap, max_gap, max_span, window : float
        In `unit`; see `mine_sequences`.
    unit : {'days', 'steps'}
    """

    min_length: int = 1
    max_length: int | None = None
    min_steps: int = 1
    max_steps: int | None = None
    min_gap: float | None = None
    max_gap: float | None = None
    max_span: float | None = None
    window: float | None = None
    unit: GapUnit = "days"

    @property
    def in_time(self) -> bool:
        """Whether any limit is one of distance."""
        found = (self.min_gap, self.max_gap, self.max_span, self.window)
        return any(value is not None for value in found)

    def describe(self) -> dict[str, str]:
        """Return the limits that are set, for people."""
        names = ("min_length", "max_length", "min_steps", "max_steps")
        plain = {"min_length": 1, "min_steps": 1}
        found: dict[str, str] = {}
        for name in names:
            value = getattr(self, name)
            if value is not None and value != plain.get(name):
                found[name] = f"{value}"
        for name in ("min_gap", "max_gap", "max_span", "window"):
            value = getattr(self, name)
            if value is not None:
                found[name] = f"{value:g} {self.unit}"
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps with frequent items only, as positions; all customers one after the other.

    `item` and `step` say of each entry what it is and where. Every reach is a position of a
    step: ``after[q]`` the first step that may begin the next element, ``gap_end[q]`` and
    ``span_end[q]`` one past the last step that `max_gap` and `max_span` allow, from
    ``near_start[q]`` to below ``near_end[q]`` the steps within the window of q. None where
    there is no such limit. `entries_by_item` are the entries of each item in order, from
    ``item_starts[item]`` on; `is_first` says which are the first of their customer.
    """

    n_customers: int
    codes: NDArray[np.int32]
    counts: NDArray[np.int64]
    item: NDArray[np.int32]
    step: NDArray[np.int32]
    item_ptr: NDArray[np.int32]
    customer: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    after: NDArray[np.int32]
    gap_end: NDArray[np.int32] | None
    span_end: NDArray[np.int32] | None
    near_start: NDArray[np.int32] | None
    near_end: NDArray[np.int32] | None
    entries_by_item: NDArray[np.int32]
    is_first: NDArray[np.bool_]
    item_starts: NDArray[np.int32]

    @property
    def n_items(self) -> int:
        """Frequent items."""
        return len(self.codes)

    @property
    def is_flat(self) -> bool:
        """Whether every step is a single item."""
        return len(self.item) == len(self.customer)

    @property
    def needs_first_only(self) -> bool:
        """Whether the earliest occurrence of a customer stands for all of them."""
        no_end = self.gap_end is None and self.span_end is None and self.near_end is None
        return self.is_flat and no_end


def prepare_steps(
    sequences: Sequences,
    limits: Limits,
    min_count: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    owner: str,
) -> Steps:
    """Keep what can be in a pattern, and measure the reach of each step.

    Parameters
    ----------
    sequences : Sequences
    limits : Limits
    min_count : int
        Items of fewer customers are left out.
    allowed : ndarray of bool of shape (n_items,), optional
        Items that may be in a pattern; by default all.
    owner : str
        Who asks, for messages.
    """
    clock = _clock(sequences, limits, owner=owner)
    entry_ptr = sequences.item_ptr[sequences.step_ptr]
    entries, is_first = _by_item(entry_ptr, sequences.indices, len(sequences.items))
    customers = _sums(is_first, entries.starts)
    keep_item = customers >= min_count
    if allowed is not None:
        keep_item &= allowed
    chosen = keep_item[sequences.indices]
    rank = (np.cumsum(keep_item) - 1).astype(np.int32)
    before = _sums_before(chosen)
    item_sizes = np.diff(before[sequences.item_ptr])
    kept = item_sizes > 0
    item_sizes = item_sizes[kept]
    steps_before = _sums_before(kept)
    bounds = steps_before[sequences.step_ptr]
    customer = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))
    by_item = np.repeat(keep_item, np.diff(entries.starts))
    reach = _Reach(bounds, None if clock is None else clock[kept], limits)
    return Steps(
        n_customers=sequences.n_customers,
        codes=np.flatnonzero(keep_item).astype(np.int32),
        counts=customers[keep_item],
        item=rank[sequences.indices[chosen]],
        step=np.repeat(np.arange(len(customer), dtype=np.int32), item_sizes),
        item_ptr=_sums_before(item_sizes),
        customer=customer,
        start=reach.start,
        end=reach.end,
        after=reach.after(),
        gap_end=reach.until(limits.max_gap),
        span_end=reach.until(limits.max_span),
        near_start=reach.since(limits.window),
        near_end=reach.until(limits.window),
        entries_by_item=before[entries.values[by_item]],
        is_first=is_first[by_item],
        item_starts=_sums_before(np.diff(entries.starts)[keep_item]),
    )


def _sums_before(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return the sum of all values before each place, and of all."""
    found = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(values, out=found[1:])
    return found


def _sums(values: NDArray[np.bool_], starts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how many are true in each run."""
    found: NDArray[np.int64] = np.diff(_sums_before(values)[starts]).astype(np.int64)
    return found


def _clock(sequences: Sequences, limits: Limits, *, owner: str) -> NDArray[np.int64] | None:
    """Return each step's moment, in microseconds or in steps; None if no limit asks for it."""
    if not limits.in_time:
        return None
    if limits.unit == "steps":
        first = np.repeat(sequences.step_ptr[:-1], np.diff(sequences.step_ptr))
        return np.arange(sequences.n_steps, dtype=np.int64) - first
    if sequences.at is None:
        message = (
            f"{owner}: the sequences have no times, so gaps, spans and windows cannot be in "
            f"days. Give unit='steps', or times in Sequences.from_lists(…, at=…)."
        )
        raise InvalidDataError(message)
    return sequences.at


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Values in runs, one run for each item."""

    values: NDArray[np.int32]
    starts: NDArray[np.integer]


def _by_item(
    entry_ptr: NDArray[np.integer], item: NDArray[np.int32], n_items: int
) -> tuple[_Runs, NDArray[np.bool_]]:
    """Return the entries by item, in order, and which of them are the first of a customer."""
    shape = (len(entry_ptr) - 1, n_items)
    numbers = np.arange(len(item), dtype=np.int32)
    narrow = entry_ptr.astype(np.int32)
    matrix = sp.csr_array((numbers, item, narrow), shape=shape).tocsc()
    owners, starts = matrix.indices, matrix.indptr
    new = np.ones(len(owners), dtype=bool)
    np.not_equal(owners[1:], owners[:-1], out=new[1:])
    new[starts[:-1][np.diff(starts) > 0]] = True
    return _Runs(matrix.data, starts), new


class _Reach:
    """How far each step reaches within its customer's steps."""

    def __init__(
        self,
        bounds: NDArray[np.int32],
        clock: NDArray[np.int64] | None,
        limits: Limits,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._unit = MICROS_PER_DAY if limits.unit == "days" else 1
        sizes = np.diff(bounds)
        self.start = np.repeat(bounds[:-1], sizes)
        self.end = np.repeat(bounds[1:], sizes)

    @cached_property
    def _next(self) -> NDArray[np.int32]:
        return np.arange(1, len(self.start) + 1, dtype=np.int32)

    def after(self) -> NDArray[np.int32]:
        """Return the first step that is later by `min_gap`, and is another step."""
        if not self._limits.min_gap:
            return self._next
        return np.maximum(self._first(self._distance(self._limits.min_gap), self.end), self._next)

    def until(self, distance: float | None) -> NDArray[np.int32] | None:
        """Return one past the last step at most `distance` later."""
        if distance is None:
            return None
        return self._first(self._distance(distance) + 1, self.end)

    def since(self, distance: float | None) -> NDArray[np.int32] | None:
        """Return the first step at most `distance` earlier."""
        if distance is None:
            return None
        return self._first(-self._distance(distance), self._next)

    def _distance(self, value: float) -> int:
        return round(min(value * self._unit, 2.0**61))

    def _first(self, distance: int, high: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the first step below `high` whose time is that much later, or later still."""
        clock = self._clock
        assert clock is not None  # noqa: S101  # limits of distance bring a clock
        wanted = clock + distance
        low, high = self.start.copy(), high.copy()
        open_ = low < high
        while open_.any():
            middle = (low + high) >> 1
            earlier = open_ & (clock[np.minimum(middle, len(clock) - 1)] < wanted)
            low = np.where(earlier, middle + 1, low)
            high = np.where(open_ & ~earlier, middle, high)
            open_ = low < high
        return low.astype(np.int32)
