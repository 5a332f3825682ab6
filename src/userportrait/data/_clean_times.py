"""Clean times: texts, numbers and time zones become naive UTC microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._clean_facts import MOST_TEXTS, ColumnFacts, kind_facts
from userportrait.data._clean_ids import stripped_labels
from userportrait.data._clean_time_numbers import (
    NUMBER_FORMATS,
    likely_format,
    magnitudes,
    read_dates,
    read_number_texts,
    scaled,
)
from userportrait.data._clean_time_texts import (
    day_evidence,
    read_plain_texts,
    read_time_texts,
    text_shape,
)
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    unknown_name,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn

__all__ = [
    "CleanTimes",
    "TimeOptions",
    "TimePlan",
    "check_zone",
    "clean_times",
    "learn_times",
    "local_days",
    "plan_times",
]


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


@dataclass(frozen=True, slots=True)
class TimePlan:
    """How a column of times is read.

    Parameters
    ----------
    day_first : bool
        How to read year-last dates.
    notes : tuple of str
        What was decided, for the report.
    """

    day_first: bool = False
    notes: tuple[str, ...] = ()


def learn_times(raw: RawColumn, options: TimeOptions) -> ColumnFacts:
    """Return what these rows say about how a column of times is to be read."""
    facts = kind_facts(raw)
    if raw.kind == "time" and raw.aware is not None:
        aware = int(np.count_nonzero(raw.aware & ~raw.missing))
        naive = facts.known - aware
        return replace(facts, naive=(naive, naive), aware=(aware, aware))
    if raw.kind == "text" and options.time_format is None:
        return _learn_texts(raw, facts, options.day_first)
    if raw.kind in ("integer", "number") and options.time_format in _DATE_FORMATS:
        known = raw.values[~raw.missing]
        _, valid = read_dates(known)
        dates = int(np.count_nonzero(valid))
        return replace(facts, dates=dates, magnitudes=magnitudes(known))
    return facts


def plan_times(
    facts: ColumnFacts,
    column: str,
    role: str,
    options: TimeOptions,
    *,
    owner: str,
    raw: RawColumn | None = None,
) -> TimePlan:
    """Decide how a column of times is read.

    Parameters
    ----------
    facts : ColumnFacts
        Of all its rows.
    column, role, owner : str
        For messages.
    options : TimeOptions
    raw : RawColumn, optional
        All rows, where they are at hand, to name those at fault.

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
    plan = TimePlan(bool(options.day_first))
    if facts.kind == "time":
        if options.time_format is not None:
            message = (
                f"{where} holds times already, so time_format={options.time_format!r} has nothing "
                f"to read. Leave it out, or read the column as text: read_csv(..., "
                f"text_columns=[{column!r}])."
            )
            raise InvalidDataError(message, column=column)
    elif facts.kind == "text":
        if options.time_format is None:
            plan = _plan_texts(facts, column, where, options, raw)
        elif options.time_format not in NUMBER_FORMATS:
            _ = _by_format(["2026"], options.time_format, owner)
    elif facts.kind in ("integer", "number"):
        plan = _plan_numbers(facts, column, where, options)
    else:
        held = "true and false" if facts.kind == "boolean" else "values of another type"
        message = f"{where} must hold dates or times; it holds {held}. Is it the right column?"
        raise ColumnTypeError(message, column=column)
    _check_zones(facts, column, where, options, plan, raw)
    return plan


def clean_times(
    raw: RawColumn,
    column: str,
    role: str,
    options: TimeOptions,
    *,
    owner: str,
    plan: TimePlan | None = None,
) -> CleanTimes:
    """Read a column of times.

    Parameters
    ----------
    raw : RawColumn
    column, role, owner : str
        For messages.
    options : TimeOptions
    plan : TimePlan, optional
        What `plan_times` decided; by default these rows decide.

    Raises
    ------
    InvalidDataError, InvalidParameterError
        As `plan_times`.
    """
    if plan is None:
        facts = learn_times(raw, options)
        plan = plan_times(facts, column, role, options, owner=owner, raw=raw)
    read = _read_times(raw, options, plan, owner)
    return _in_utc(read, options, plan)


def _read_times(raw: RawColumn, options: TimeOptions, plan: TimePlan, owner: str) -> _Read:
    nothing = np.zeros(len(raw), dtype=bool)
    if raw.missing.all():
        return _Read(np.zeros(len(raw), dtype=np.int64), raw.missing, nothing, nothing, nothing)
    if raw.kind == "time":
        micros = np.where(raw.missing, 0, raw.values.view(np.int64))
        aware = nothing if raw.aware is None else raw.aware & ~raw.missing
        return _Read(micros, raw.missing, nothing, aware, nothing)
    if raw.kind == "text":
        return _from_texts(raw, options, plan, owner)
    return _from_numbers(raw, options)


# Texts


@dataclass(frozen=True, slots=True, eq=False)
class _Shaped:
    """The labels of a text column that are not missing, read by their shape."""

    micros: NDArray[np.int64]
    valid: NDArray[np.bool_]
    aware: NDArray[np.bool_]
    dashed: NDArray[np.bool_]


def _present(raw: RawColumn) -> tuple[list[str], NDArray[np.intp]]:
    """Return the labels that are not missing, stripped, and their positions."""
    texts, missing = stripped_labels(raw)
    known = np.flatnonzero(~missing)
    return [texts[position] for position in known], known


def _shaped(raw: RawColumn, *, day_first: bool) -> _Shaped:
    texts, _ = _present(raw)
    plain = raw.once("plain", lambda: read_plain_texts(texts))
    if plain is not None:
        nothing = np.zeros(len(texts), dtype=bool)
        return _Shaped(plain, ~nothing, nothing, nothing)
    name = f"shaped, {day_first}"
    found = raw.once(name, lambda: read_time_texts(texts, day_first=day_first))
    return _Shaped(found.micros, found.valid, found.aware, found.short_dashed)


def _learn_texts(raw: RawColumn, facts: ColumnFacts, day_first: bool | None) -> ColumnFacts:
    texts, known = _present(raw)
    if not texts:
        return facts
    if day_first is None and raw.once("plain", lambda: read_plain_texts(texts)) is None:
        days, months, either = day_evidence(texts)
        facts = replace(facts, day_dates=days, month_dates=months, either=either)
        sure = not (either or (days and months))
        readings = (bool(days),) if sure else (False, True)
    else:
        readings = (bool(day_first),)
    shaped = {reading: _shaped(raw, day_first=reading) for reading in readings}
    naive, aware = [0, 0], [0, 0]
    for reading in (False, True):
        found = shaped.get(reading, next(iter(shaped.values())))
        naive[reading] = _n_rows(raw, known[found.valid & ~found.aware])
        aware[reading] = _n_rows(raw, known[found.valid & found.aware])
    nothing = any(not found.valid.any() for found in shaped.values())
    dashed = next(iter(shaped.values())).dashed
    return replace(
        facts,
        naive=(naive[0], naive[1]),
        aware=(aware[0], aware[1]),
        dashed=_n_rows(raw, known[dashed]),
        unread=tuple(sorted(set(texts))[: MOST_TEXTS + 1]) if nothing else (),
    )


def _n_rows(raw: RawColumn, labels: NDArray[np.intp]) -> int:
    """Count the rows that hold one of these labels."""
    if not len(labels) or raw.labels is None:
        return 0
    n_labels = len(raw.labels)
    counts: NDArray[np.int64] = raw.once(
        "counts", lambda: np.bincount(raw.values[raw.values >= 0], minlength=n_labels)
    )
    return int(counts[labels].sum())


def _plan_texts(
    facts: ColumnFacts, column: str, where: str, options: TimeOptions, raw: RawColumn | None
) -> TimePlan:
    plan = TimePlan(bool(options.day_first))
    if options.day_first is None:
        plan = _decide_day_first(facts, column, where)
    if options.day_first is None and facts.dashed:
        message = (
            f"{where} holds dates such as 11-02-13, which could start with the day, the month "
            f"or the year. Give time_format=, such as '%d-%m-%y'."
        )
        rows = [] if raw is None else _rows_of(raw, _shaped(raw, day_first=False).dashed)
        raise InvalidDataError(message, column=column, rows=rows, n_rows=facts.dashed)
    reading = int(plan.day_first)
    if facts.unread and not facts.naive[reading] + facts.aware[reading]:
        n_texts = len(facts.unread)
        more = "more than " if n_texts > MOST_TEXTS else ""
        counted = format_count(min(n_texts, MOST_TEXTS), "different text")
        message = (
            f"{where}: none of the {more}{counted} is a date or time that is known; the first "
            f"looks like '{text_shape(facts.unread[0])}' (9 is a digit, a a letter). Give "
            f"time_format=, such as '%d.%m.%Y %H:%M', or another column."
        )
        raise InvalidDataError(message, column=column)
    return plan


def _rows_of(raw: RawColumn, labels: NDArray[np.bool_]) -> list[int]:
    """Return the first rows that hold one of the marked labels."""
    chosen = _present(raw)[1][labels]
    return [int(row) for row in np.flatnonzero(np.isin(raw.values, chosen))[:5]]


def _decide_day_first(facts: ColumnFacts, column: str, where: str) -> TimePlan:
    days, months = len(facts.day_dates), len(facts.month_dates)
    if days and months:
        message = (
            f"{where} mixes orders of day and month: {format_count(days, 'date')} can only "
            f"start with the day, {months:,} only with the month. Give day_first=True or "
            f"day_first=False (in a shell, --day-first or --month-first); what does not fit is "
            f"then removed and counted."
        )
        raise InvalidDataError(message, column=column)
    if facts.either and not (days or months):
        message = (
            f"{where}: dates such as 03/04/2026 could start with the day or with the month, and "
            f"every date fits both. Give day_first=True or day_first=False (in a shell, "
            f"--day-first or --month-first)."
        )
        raise InvalidDataError(message, column=column)
    if not (days or months):
        return TimePlan()
    which, n = ("day", days) if days else ("month", months)
    fitting = format_count(n, "different date fits", "different dates fit")
    note = f"'{column}': dates start with the {which}; {fitting} no other way."
    return TimePlan(bool(days), (note,))


def _from_texts(raw: RawColumn, options: TimeOptions, plan: TimePlan, owner: str) -> _Read:
    _, missing = stripped_labels(raw)
    texts, known = _present(raw)
    if options.time_format is None:
        found = _shaped(raw, day_first=plan.day_first)
    elif options.time_format in NUMBER_FORMATS:
        micros, valid = read_number_texts(texts, options.time_format)
        zoned = np.full(len(texts), options.time_format != "excel")
        found = _Shaped(micros, valid, zoned, ~valid)
    else:
        found = _by_format(texts, options.time_format, owner)
    micros = np.zeros(len(missing), dtype=np.int64)
    bad = np.zeros(len(missing), dtype=bool)
    zoned = np.zeros(len(missing), dtype=bool)
    micros[known], bad[known], zoned[known] = found.micros, ~found.valid, found.aware & found.valid
    codes = raw.values
    gone, wrong = missing[codes], bad[codes]
    return _Read(micros[codes], gone, wrong, zoned[codes], ~(gone | wrong))


def _by_format(texts: list[str], time_format: str, owner: str) -> _Shaped:
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
    return _Shaped(micros, valid, np.full(len(texts), zoned), ~valid)


# Numbers


_DATE_FORMATS = (None, "%Y%m%d")


def _plan_numbers(facts: ColumnFacts, column: str, where: str, options: TimeOptions) -> TimePlan:
    if options.time_format in NUMBER_FORMATS:
        return TimePlan()
    if options.time_format not in _DATE_FORMATS:
        message = (
            f"{where} holds numbers, but time_format={options.time_format!r} describes texts. "
            f"Known formats of numbers: {', '.join(map(repr, NUMBER_FORMATS))}."
        )
        raise InvalidDataError(message, column=column)
    if not facts.known:
        return TimePlan()
    if facts.dates * 2 <= facts.known:
        likely = likely_format(facts.magnitudes)
        hint = f" They look like time_format='{likely}'." if likely else ""
        message = (
            f"{where} holds numbers that are not dates such as 20260131.{hint} Say what they "
            f"count: time_format must be one of {', '.join(map(repr, NUMBER_FORMATS))}."
        )
        raise InvalidDataError(message, column=column)
    return TimePlan(notes=(f"'{column}': whole numbers such as 20260131 were read as dates.",))


def _from_numbers(raw: RawColumn, options: TimeOptions) -> _Read:
    known = ~raw.missing
    values = np.where(known, raw.values, 0)
    if options.time_format in NUMBER_FORMATS:
        micros, valid = scaled(values, options.time_format)
        aware = options.time_format != "excel"
    else:
        micros, valid = read_dates(values)
        aware = False
    good = known & valid
    zoned = np.full(len(raw), aware) & good
    return _Read(np.where(good, micros, 0), raw.missing, known & ~valid, zoned, good)


# Zones


def _check_zones(
    facts: ColumnFacts,
    column: str,
    where: str,
    options: TimeOptions,
    plan: TimePlan,
    raw: RawColumn | None,
) -> None:
    naive, aware = facts.naive[plan.day_first], facts.aware[plan.day_first]
    if options.time_zone is not None or not (naive and aware):
        return
    rows: list[int] = []
    if raw is not None:
        read = _read_times(raw, options, plan, where)
        usable = ~(read.missing | read.unparsable)
        rows = np.flatnonzero(usable & ~read.aware)[:5].tolist()
    message = (
        f"{where} mixes {format_count(aware, 'time')} with a zone and {naive:,} without one. "
        f"Give time_zone=, the IANA name of the zone of those without, such as 'UTC' or "
        f"'Europe/Berlin'."
    )
    raise InvalidDataError(message, column=column, rows=rows, n_rows=naive)


def _in_utc(read: _Read, options: TimeOptions, plan: TimePlan) -> CleanTimes:
    nothing = np.zeros(len(read.micros), dtype=bool)
    micros, ambiguous, nonexistent = read.micros, nothing, nothing
    converted = read.aware
    if options.time_zone is not None:
        naive = ~(read.missing | read.unparsable | read.aware)
        micros, ambiguous, nonexistent = _localized(micros, naive, options.time_zone)
        converted = read.aware | (naive & (micros != read.micros))
    return CleanTimes(
        micros, read.missing, read.unparsable, read.parsed, converted,
        ambiguous, nonexistent, plan.notes,
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
