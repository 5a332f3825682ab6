"""Visits: events of one customer with no longer pause between them than a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.units import MICROS_PER_DAY
from userportrait.features._events_counts import is_new, run_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pieces", "bucket_of", "coalesce", "cut_pieces", "join_pieces"]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Stretches of activity, sorted by customer and start; parallel arrays of int64.

    Parameters
    ----------
    customer : ndarray
    start, end : ndarray
        Microseconds of the first and of the last event.
    n : ndarray
        Events.
    """

    customer: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    n: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def keep(self, rows: NDArray[np.bool_]) -> Pieces:
        """Return the pieces that a mask chooses."""
        return Pieces(self.customer[rows], self.start[rows], self.end[rows], self.n[rows])


def bucket_of(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of each time: 2 D for midnight at the start of day D, 2 D + 1 after it.

    A moment that is a midnight thus has whole buckets at or before it, and whole buckets
    after it.
    """
    day = at // MICROS_PER_DAY
    bucket = day * 2
    bucket += at != day * MICROS_PER_DAY
    return bucket


def cut_pieces(
    customer: NDArray[np.int64],
    at: NDArray[np.int64],
    bucket: NDArray[np.int64],
    gap: int,
) -> Pieces:
    """Make pieces of events that are sorted by customer and time; none reaches over a bucket.

    Parameters
    ----------
    customer, at, bucket : ndarray of int64
    gap : int
        Microseconds; a longer pause ends a piece.
    """
    new = is_new(customer, bucket)
    new[1:] |= (at[1:] - at[:-1]) > gap
    starts = np.flatnonzero(new)
    n = run_lengths(starts, len(at))
    return Pieces(customer[starts], at[starts], at[starts + n - 1], n)


def coalesce(pieces: Pieces, gap: int) -> Pieces:
    """Join the pieces of one bucket with no longer pause between them than the gap.

    Pieces may overlap, as those of two states do; what comes out is the same for any split
    of the events into pieces.
    """
    if len(pieces) == 0:
        return pieces
    bucket = bucket_of(pieces.start)
    group = is_new(pieces.customer, bucket)
    before = _latest_end(pieces.end, group)
    new = group.copy()
    new[1:] |= (pieces.start[1:] - before[:-1]) > gap
    starts = np.flatnonzero(new)
    if len(starts) == len(pieces):
        return pieces
    return Pieces(
        pieces.customer[starts],
        pieces.start[starts],
        np.maximum.reduceat(pieces.end, starts),
        np.add.reduceat(pieces.n, starts),
    )


def _latest_end(end: NDArray[np.int64], group: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the latest end up to each piece within its group."""
    low = int(end.min())
    span = int(end.max()) - low + 1
    number = np.cumsum(group)
    if int(number[-1]) * span < 2**62:
        shifted = number * span + (end - low)
        return np.asarray(np.maximum.accumulate(shifted) - number * span + low)
    # Ends of one bucket are less than a day apart, so that much is enough to keep groups apart.
    latest = end.copy()
    first = np.flatnonzero(group)
    within = np.arange(len(end)) - np.repeat(first, run_lengths(first, len(end)))
    step = 1
    while step <= int(within.max()):
        reaching = np.flatnonzero(within >= step)
        latest[reaching] = np.maximum(latest[reaching], latest[reaching - step])
        step *= 2
    return latest


def join_pieces(pieces: Pieces, gap: int) -> Pieces:
    """Make sessions of pieces: those with no longer pause between them, over midnight too."""
    if len(pieces) == 0:
        return pieces
    new = is_new(pieces.customer)
    new[1:] |= (pieces.start[1:] - pieces.end[:-1]) > gap
    starts = np.flatnonzero(new)
    n = run_lengths(starts, len(pieces))
    return Pieces(
        pieces.customer[starts],
        pieces.start[starts],
        pieces.end[starts + n - 1],
        np.add.reduceat(pieces.n, starts),
    )
