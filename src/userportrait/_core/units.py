"""Exact units: money in minor units, time in microseconds and day numbers, all int64."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "HALF_TOLERANCE",
    "MICROS_PER_DAY",
    "WHOLE_FROM",
    "as_moment",
    "day_numbers",
    "from_micros",
    "minor_units",
    "to_micros",
]

MICROS_PER_DAY = 86_400_000_000
HALF_TOLERANCE = 1e-6
"""How near to half a minor unit, in minor units, still counts as half."""
WHOLE_FROM = 2.0**52
"""From here on float64 holds whole numbers only, and adding a half would go wrong."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def minor_units(values: NDArray[np.floating[Any]], digits: int) -> NDArray[np.int64]:
    """Return money as whole minor units (cents for two digits).

    Halves go away from zero, so that a refund cancels its purchase; a value within 1e-6
    minor units of a half counts as a half, because 1.005 has no exact binary form.

    Parameters
    ----------
    values : ndarray of float64
        Finite, and below 2**63 minor units.
    digits : int
        Decimal digits of the currency.
    """
    scaled = values * float(10**digits)
    if scaled.min(initial=0.0) >= 0.0 and scaled.max(initial=0.0) < WHOLE_FROM:
        scaled += 0.5 + HALF_TOLERANCE
        floored: NDArray[np.int64] = scaled.astype(np.int64)  # truncation is the floor from 0 on
        return floored
    size = np.abs(scaled)
    rounds: Any = True if size.max(initial=0.0) < WHOLE_FROM else size < WHOLE_FROM
    np.add(size, 0.5 + HALF_TOLERANCE, out=size, where=rounds)
    np.floor(size, out=size)
    np.copysign(size, scaled, out=size)
    whole: NDArray[np.int64] = size.astype(np.int64)
    return whole


def day_numbers(micros: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return whole days since 1970-01-01, floored, from epoch microseconds."""
    days: NDArray[np.int32] = (micros // MICROS_PER_DAY).astype(np.int32)
    return days


def to_micros(moment: datetime) -> int:
    """Return the microseconds since the epoch of a naive UTC time."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_micros(micros: int) -> datetime:
    """Return the naive UTC time of epoch microseconds."""
    moment: datetime = np.datetime64(int(micros), "us").item()
    return moment


def as_moment(value: object, *, owner: str, name: str = "as_of") -> datetime:
    """Read a moment: a datetime, a date, a pandas or numpy time, or ISO 8601 text.

    A date is midnight at its start. A time without a zone is UTC; one with a zone is
    converted to UTC.

    Raises
    ------
    InvalidParameterError
        If it is none of these.
    """
    found: Any = value
    problem = f"{name} must be a date or time, such as '2026-01-31' or a datetime; got {value!r}."
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found.strip())
        except ValueError:
            raise InvalidParameterError(owner, [problem]) from None
    elif isinstance(found, np.datetime64):
        found = found.astype("datetime64[us]").item()
    elif hasattr(found, "to_pydatetime"):
        found = found.to_pydatetime(warn=False)
    elif isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)  # noqa: DTZ001
    if not isinstance(found, datetime) or found != found:
        raise InvalidParameterError(owner, [problem])
    moment: datetime = found
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise InvalidParameterError(owner, [problem]) from None
