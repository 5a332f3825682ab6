"""Small tools of the sample shop: random streams, numbered IDs, coded texts, days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "DAY",
    "NEVER",
    "Bools",
    "Callback",
    "Code",
    "Day",
    "Floats",
    "Ints",
    "as_date",
    "as_times",
    "group_positions",
    "numbered",
    "pick",
    "spread",
    "stream",
]

Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"
Bools: TypeAlias = "NDArray[np.bool_]"

DAY: int = 86_400
"""Seconds."""

NEVER: int = int(np.iinfo(np.int64).min)
"""A moment that is missing; numpy reads it as NaT."""

_PARTS = (
    "customers", "people", "items", "purchases", "baskets", "returns", "campaign", "touches",
    "events", "reviews", "faults",
)  # fmt: skip


def stream(seed: int, part: str) -> np.random.Generator:
    """Return the random numbers of one part, which no other part draws from.

    Equal to ``SeedSequence(seed).spawn(...)`` at the part's place, so a new part, put at
    the end of the list, leaves all others as they are.
    """
    spawned = np.random.SeedSequence(seed, spawn_key=(_PARTS.index(part),))
    return np.random.Generator(np.random.PCG64(spawned))


def numbered(prefix: str, count: int, width: int) -> NDArray[np.object_]:
    """Return IDs such as P0001, P0002, …, wide enough that sorting texts sorts numbers."""
    width = max(width, len(str(count)))
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    letters = np.empty((count, 1 + width), dtype=np.uint32)
    letters[:, 0] = ord(prefix)
    letters[:, 1:] = np.arange(1, count + 1, dtype=np.int64)[:, None] // powers % 10 + ord("0")
    return letters.view(f"U{1 + width}").reshape(count).astype(object)


def spread(labels: Sequence[str] | NDArray[np.object_], codes: NDArray[Any]) -> pd.Series[Any]:
    """Return a column of texts from codes; a negative code is a missing text."""
    texts: Any = pd.Series(list(labels), dtype="str").array
    return pd.Series(texts.take(codes, allow_fill=True))


def as_times(seconds: Ints) -> NDArray[np.datetime64]:
    """Return seconds since 1970 as datetime64[us]; `NEVER` becomes NaT."""
    return seconds.astype("datetime64[s]").astype("datetime64[us]")


def pick(shares: Floats, rows: Ints, draws: Floats, *, chunk: int = 1_000_000) -> Ints:
    """Return for each draw a column of `shares[row]`, with that row's shares as chances.

    Parameters
    ----------
    shares : ndarray of shape (n_rows, n_columns)
        Non-negative, at least one positive in a row; a column of 0 is never picked.
    rows : ndarray of shape (n_draws,)
        Which row each draw uses.
    draws : ndarray of shape (n_draws,)
        Uniform in [0, 1).
    """
    limits = np.cumsum(shares, axis=1)
    found = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        row_limits = limits[rows[part]]
        target = draws[part] * row_limits[:, -1]
        # Rounding may put the target on the last limit: stay below it.
        target = np.minimum(target, np.nextafter(row_limits[:, -1], 0.0))
        found[part] = (row_limits <= target[:, None]).sum(axis=1)
    return found


def group_positions(counts: Ints) -> Ints:
    """Return 0, 1, …, count - 1 for each group in turn.

    Examples
    --------
    >>> group_positions(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    starts = np.cumsum(counts) - counts
    positions: Ints = np.arange(int(counts.sum()), dtype=np.int64) - np.repeat(starts, counts)
    return positions


def as_date(value: str | date) -> date:
    """Return a date from ISO text, a date, or a naive midnight."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return value
    if (
        value.tzinfo is not None
        or value.replace(hour=0, minute=0, second=0, microsecond=0) != value
    ):
        message = "not a whole day"
        raise ValueError(message)
    return value.date()


@dataclass(frozen=True, slots=True)
class Day:
    """Rule: a day of the years 1971 to 2150, not before another one."""

    not_before: object = None

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        expected = f"{name} must be a day from 1971 to 2150, as a date or as text 'YYYY-MM-DD'"
        day = _day_or_none(value)
        if day is None or not 1971 <= day.year <= 2150:
            return f"{expected}; got {value!r}."
        earliest = _day_or_none(self.not_before)
        if earliest is not None and day < earliest:
            return f"{name} must not be before {earliest}; got {day}."
        return None


def _day_or_none(value: object) -> date | None:
    if not isinstance(value, (str, date)):
        return None
    try:
        return as_date(value)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Callback:
    """Rule: something to call, or None."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if value is None or callable(value):
            return None
        return f"{name} must be a function of (step, share), or None; got {value!r}."


@dataclass(frozen=True, slots=True)
class Code:
    """Rule: the code of a currency."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        letters = value if isinstance(value, str) else ""
        if len(letters) == 3 and letters.isascii() and letters.isalpha() and letters.isupper():
            return None
        return f"{name} must be three capital letters, such as 'EUR'; got {value!r}."
