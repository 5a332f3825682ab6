"""Clean times: texts, numbers and time zones become naive UTC microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._clean_ids import is_missing_text, strip_text
from userportrait.data._clean_time_texts import day_evidence, read_time_texts, text_shape
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    unknown_name,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn

__all__ = ["NUMBER_FORMATS", "CleanTimes", "TimeOptions", "check_zone", "clean_times", "local_days"]

NUMBER_FORMATS: dict[str, float] = {
    "unix_s": 1_000_000.0,
    "unix_ms": 1_000.0,
    "unix_us": 1.0,
    "unix_ns": 0.001,
    "excel": float(MICROS_PER_DAY),
}
"""Formats of times that are numbers: microseconds in one unit."""

_EXCEL_START = -25_569 * MICROS_PER_DAY
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class TimeOptions:
    """How the caller says that times are to be read."""

    time_format: str | None = None
    time_zone: str | None = None
    day_first: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CleanTimes:
    """Times in UTC, and what had to be done to read them.

    Parameters
    ----------
    micros : ndarray of int64
        Since 1970-01-01 00:00 UTC; 0 where missing or unparsable.
    missing, unparsable : ndarray of bool
    parsed, converted : ndarray of bool
        Read from texts or numbers; moved from a time zone to UTC.
    ambiguous, nonexistent : ndarray of bool
        Local times that the clock showed twice, or jumped over.
    notes : tuple of str
        Decisions about the whole column, for the report.
    """

    micros: NDArray[np.int64]
    missing: NDArray[np.bool_]
    unparsable: NDArray[np.bool_]
    parsed: NDArray[np.bool_]
    converted: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]
    nonexistent: NDArray[np.bool_]
    notes: tuple[str, ...] = field(default=())


@dataclass(slots=True)
class _Read:
    """Times before zones are settled."""

    micros: NDArray[np.int64]
    missing: NDArray[np.bool_]
    unparsable: NDArray[np.bool_]
    aware: NDArray[np.bool_]
    parsed: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def check_zone(name: object) -> str | None:
    """Return the problem with a time zone's name, None if it is known."""
    if not isinstance(name, str):
        return None  # None is no zone; of other types, the rules say what is wrong
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        listed = unknown_name("time zone", name, available_timezones())
        return f"time_zone: {listed.splitlines()[0]} Give an IANA name such as 'Europe/Berlin'."
    return None


def clean_times(
    raw: RawColumn, column: str, role: str, options: TimeOptions, *, owner: str
) -> CleanTimes:
    """Read a column of times.

    Raises
    ------
    ColumnTypeError
        If the values cannot be times.
    InvalidDataError
        If the texts can be read in two ways, if some times have a zone and others have not,
        or if numbers do not say what they count.
    InvalidParameterError
        If `time_format` is not a format.
    """
    where = f"{owner}: {role}='{column}'"
    if raw.kind == "time" and options.time_format is not None:
        message = (
            f"{where} holds times already, so time_format={options.time_format!r} has nothing to "
            f"read. Leave it out, or read the column as text: read_csv(..., "
            f"text_columns=[{column!r}])."
        )
        raise InvalidDataError(message, column=column)
    if raw.kind == "time":
        micros = np.where(raw.missing, 0, raw.values.view(np.int64))
        aware = np.zeros(len(raw), dtype=bool) if raw.aware is None else raw.aware
        nothing = np.zeros(len(raw), dtype=bool)
        read = _Read(micros, raw.missing, nothing, aware & ~raw.missing, nothing)
    elif raw.kind == "text":
        read = _from_texts(raw, column, where, options, owner)
    elif raw.kind in ("integer", "number"):
        read = _from_numbers(raw, column, where, options)
    else:
        held = "true and false" if raw.kind == "boolean" else "values of another type"
        message = f"{where} must hold dates or times; it holds {held}. Is it the right column?"
        raise ColumnTypeError(message, column=column)
    return _in_utc(read, column, where, options)


# Texts


def _from_texts(raw: RawColumn, column: str, where: str, options: TimeOptions, owner: str) -> _Read:
    texts = [] if raw.labels is None else [strip_text(text) for text in raw.labels]
    missing = np.array([*(is_missing_text(text) for text in texts), True], dtype=bool)
    known = np.flatnonzero(~missing)
    chosen = [texts[position] for position in known]
    notes: tuple[str, ...] = ()
    if options.time_format in NUMBER_FORMATS:
        micros, valid, aware = _number_texts(chosen, options.time_format)
    elif options.time_format is not None:
        micros, valid, aware = _by_format(chosen, options.time_format, owner)
    else:
        micros, valid, aware, notes = _by_shape(chosen, raw, known, column, where, options)
    all_micros = np.zeros(len(missing), dtype=np.int64)
    bad = np.zeros(len(missing), dtype=bool)
    zoned = np.zeros(len(missing), dtype=bool)
    all_micros[known], bad[known], zoned[known] = micros, ~valid, aware & valid
    codes = raw.values
    gone, wrong = missing[codes], bad[codes]
    return _Read(all_micros[codes], gone, wrong, zoned[codes], ~(gone | wrong), notes)


_Parsed = tuple["NDArray[np.int64]", "NDArray[np.bool_]", "NDArray[np.bool_]"]


def _by_format(texts: list[str], time_format: str, owner: str) -> _Parsed:
    zoned = "%z" in time_format or "%Z" in time_format
    try:
        found = pd.to_datetime(
            pd.Series(texts, dtype=object), format=time_format, errors="coerce", utc=True
        )
    except ValueError as error:
        problem = f"time_format={time_format!r} is not a format that can be read: {error}."
        raise InvalidParameterError(owner, [problem]) from None
    valid = found.notna().to_numpy(dtype=bool)
    naive = found.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    micros = np.where(valid, naive.view(np.int64), 0)
    return micros, valid, np.full(len(texts), zoned)


def _by_shape(
    texts: list[str],
    raw: RawColumn,
    known: NDArray[Any],
    column: str,
    where: str,
    options: TimeOptions,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_], tuple[str, ...]]:
    day_first = options.day_first
    notes: tuple[str, ...] = ()
    fast = _plain_iso(texts)
    if fast is not None:
        return fast, np.ones(len(texts), dtype=bool), np.zeros(len(texts), dtype=bool), ()
    if day_first is None:
        day_first, note = _decide_day_first(texts, column, where)
        notes = (note,) if note else ()
    found = read_time_texts(texts, day_first=day_first)
    if options.day_first is None and found.short_dashed.any():
        message = (
            f"{where} holds dates such as 11-02-13, which could start with the day, the month "
            f"or the year. Give time_format=, such as '%d-%m-%y'."
        )
        labels = known[found.short_dashed]
        rows = np.flatnonzero(np.isin(raw.values, labels))
        raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
    if len(texts) and not found.valid.any():
        message = (
            f"{where}: none of the {format_count(len(texts), 'different text')} is a date or time "
            f"that is known; the first looks like '{text_shape(min(texts))}' (9 is a digit, a a "
            f"letter). Give time_format=, such as '%d.%m.%Y %H:%M', or another column."
        )
        raise InvalidDataError(message, column=column)
    return found.micros, found.valid, found.aware, notes


def _plain_iso(texts: list[str]) -> NDArray[np.int64] | None:
    """Read ISO 8601 texts without a zone quickly; None if there is any other text."""
    if not all(_looks_iso(text) for text in texts):
        return None
    try:
        return np.array(texts, dtype="datetime64[us]").view(np.int64)
    except ValueError:
        return None


def _looks_iso(text: str) -> bool:
    return (
        len(text) in (10, 19)
        and text[4] == "-"
        and text[7] == "-"
        and text[:4].isdecimal()
        and text.isascii()
        and (len(text) == 10 or (text[10] in " T" and text[13] == ":" and text[16] == ":"))
    )


def _decide_day_first(texts: list[str], column: str, where: str) -> tuple[bool, str]:
    day_first, month_first, either = day_evidence(texts)
    if day_first and month_first:
        message = (
            f"{where} mixes orders of day and month: {format_count(day_first, 'date')} can only "
            f"start with the day, {month_first:,} only with the month. Give day_first=True or "
            f"day_first=False (in a shell, --day-first or --month-first); what does not fit is "
            f"then removed and counted."
        )
        raise InvalidDataError(message, column=column)
    if either and not (day_first or month_first):
        message = (
            f"{where}: dates such as 03/04/2026 could start with the day or with the month, and "
            f"every date fits both. Give day_first=True or day_first=False (in a shell, "
            f"--day-first or --month-first)."
        )
        raise InvalidDataError(message, column=column)
    if not (day_first or month_first):
        return False, ""
    which, n = ("day", day_first) if day_first else ("month", month_first)
    fitting = format_count(n, "different date fits", "different dates fit")
    note = f"'{column}': dates start with the {which}; {fitting} no other way."
    return bool(day_first), note


# Numbers


def _number_texts(texts: list[str], time_format: str) -> _Parsed:
    numbers = np.zeros(len(texts), dtype=np.float64)
    valid = np.zeros(len(texts), dtype=bool)
    exact = np.zeros(len(texts), dtype=np.int64)
    for position, text in enumerate(texts):
        try:
            numbers[position] = float(text)
        except ValueError:
            continue
        valid[position] = True
        exact[position] = int(text) if text.isdecimal() and len(text) <= 18 else 0
    whole = exact if valid.all() and (exact == numbers).all() else numbers
    micros, fits = _scaled(whole, time_format)
    return micros, valid & fits, np.full(len(texts), time_format != "excel")


def _from_numbers(raw: RawColumn, column: str, where: str, options: TimeOptions) -> _Read:
    known = ~raw.missing
    values = np.where(known, raw.values, 0)
    notes: tuple[str, ...] = ()
    if options.time_format in NUMBER_FORMATS:
        micros, valid = _scaled(values, options.time_format)
        aware = options.time_format != "excel"
    elif options.time_format not in (None, "%Y%m%d"):
        message = (
            f"{where} holds numbers, but time_format={options.time_format!r} describes texts. "
            f"Known formats of numbers: {', '.join(map(repr, NUMBER_FORMATS))}."
        )
        raise InvalidDataError(message, column=column)
    else:
        micros, valid = _from_eight_digits(values)
        aware = False
        if int((valid & known).sum()) * 2 <= int(known.sum()) and known.any():
            raise InvalidDataError(_what_numbers(values[known], where), column=column)
        if known.any():
            notes = (f"'{column}': whole numbers such as 20260131 were read as dates.",)
    wrong = known & ~valid
    micros = np.where(known & valid, micros, 0)
    zoned = np.full(len(raw), aware) & known & valid
    return _Read(micros, raw.missing, wrong, zoned, known & valid, notes)


def _from_eight_digits(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    fits = np.isfinite(values) & (values >= 1800_01_01) & (values < 2200_01_01)
    whole = np.where(fits, values, 0).astype(np.int64)
    fits &= whole == values
    distinct, codes = np.unique(np.where(fits, whole, 0), return_inverse=True)
    found = read_time_texts([str(value) for value in distinct], day_first=False)
    return found.micros[codes], found.valid[codes] & fits


def _scaled(values: NDArray[Any], time_format: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    unit = NUMBER_FORMATS[time_format]
    if values.dtype.kind == "i" and time_format != "excel":
        fits = np.abs(values.astype(np.float64)) * unit < _LARGEST
        safe = np.where(fits, values, 0)
        return (safe // 1_000 if unit < 1 else safe * int(unit)), fits
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.round(values.astype(np.float64) * unit)
        fits = np.isfinite(scaled) & (np.abs(scaled) < _LARGEST)
    micros = np.where(fits, scaled, 0.0).astype(np.int64)
    if time_format == "excel":
        micros = np.round(micros / 1_000).astype(np.int64) * 1_000 + _EXCEL_START
    return micros, fits


def _what_numbers(values: NDArray[Any], where: str) -> str:
    middle = float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else 0.0
    likely = next(
        (name for name, low, high in _MAGNITUDES if low <= middle < high),
        None,
    )
    hint = f" They look like time_format='{likely}'." if likely else ""
    return (
        f"{where} holds numbers that are not dates such as 20260131.{hint} Say what they count: "
        f"time_format must be one of {', '.join(map(repr, NUMBER_FORMATS))}."
    )


# Times between 1990 and 2100 in each unit.
_MAGNITUDES = (
    ("excel", 32_874.0, 73_051.0),
    ("unix_s", 6.3e8, 4.2e9),
    ("unix_ms", 6.3e11, 4.2e12),
    ("unix_us", 6.3e14, 4.2e15),
    ("unix_ns", 6.3e17, 4.2e18),
)


# Zones


def _in_utc(read: _Read, column: str, where: str, options: TimeOptions) -> CleanTimes:
    usable = ~(read.missing | read.unparsable)
    naive = usable & ~read.aware
    nothing = np.zeros(len(usable), dtype=bool)
    micros, ambiguous, nonexistent = read.micros, nothing, nothing
    if options.time_zone is None:
        if naive.any() and read.aware.any():
            rows = np.flatnonzero(naive)
            message = (
                f"{where} mixes {format_count(int(read.aware.sum()), 'time')} with a zone and "
                f"{len(rows):,} without one. Give time_zone=, the IANA name of the zone of those "
                f"without, such as 'UTC' or 'Europe/Berlin'."
            )
            raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
        converted = read.aware
    else:
        micros, ambiguous, nonexistent = _localized(micros, naive, options.time_zone)
        converted = read.aware | (naive & (micros != read.micros))
    return CleanTimes(
        micros, read.missing, read.unparsable, read.parsed, converted,
        ambiguous, nonexistent, read.notes,
    )  # fmt: skip


def _localized(
    micros: NDArray[np.int64], naive: NDArray[np.bool_], zone: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Read local times; one shown twice is the earlier, one jumped over moves forward."""
    distinct, codes = np.unique(micros[naive], return_inverse=True)
    local = pd.DatetimeIndex(distinct.view("datetime64[us]"))
    strict = local.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    first = np.ones(len(local), dtype=bool)
    resolved = local.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    forward = local.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    utc = forward.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    found, twice, never = micros.copy(), np.zeros_like(naive), np.zeros_like(naive)
    found[naive] = utc.view(np.int64)[codes]
    jumped = np.asarray(resolved.isna(), dtype=bool)
    twice[naive] = (np.asarray(strict.isna(), dtype=bool) & ~jumped)[codes]
    never[naive] = jumped[codes]
    return found, twice, never


def local_days(micros: NDArray[np.int64], zone: str | None) -> NDArray[np.int64]:
    """Return the calendar day in a zone (UTC for None) as days since 1970-01-01."""
    if zone is None:
        return micros // MICROS_PER_DAY
    distinct, codes = np.unique(micros, return_inverse=True)
    moments = pd.DatetimeIndex(distinct.view("datetime64[us]")).tz_localize("UTC")
    local = moments.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[us]")
    return (local.view(np.int64) // MICROS_PER_DAY)[codes]
