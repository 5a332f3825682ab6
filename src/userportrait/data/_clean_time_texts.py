"""Read dates and times from texts, and never guess between day and month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["TextTimes", "day_evidence", "read_plain_texts", "read_time_texts", "text_shape"]

_CLOCK = (
    r"(?:(?:\s*,\s*|\s+|T)(?P<hour>\d{1,2})(?:(?:[:时点])(?P<minute>\d{2})(?:[:分](?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?秒?|分)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?|上午|下午)?)?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
_MONTH_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.年])(?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?" + _CLOCK
)
_DIGITS = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:[T ]?(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2}))?)?(?P<zone>Z)?"
)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _CLOCK
)
_DAY_NAME = r"(?:[A-Za-z]{3,9}\.?,?\s+)?"
_NAMED = (
    re.compile(
        _DAY_NAME
        + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[-/ .]{0,2}"
        + _MONTH_NAME
        + r"[-/ .,]{0,2}(?P<year>\d{4}|\d{2})"
        + _CLOCK
    ),
    re.compile(
        _DAY_NAME
        + _MONTH_NAME
        + r"[-/ ](?P<day>\d{1,2})(?:st|nd|rd|th)?,?[-/ ]{1,2}(?P<year>\d{4})"
        + _CLOCK
    ),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTH_NUMBER = {
    **{name: i + 1 for i, name in enumerate(_MONTHS)},
    **{name: i + 1 for i, name in enumerate(_FULL_MONTHS)},
    "sept": 9,
}
_FIELDS = ("year", "month", "day", "hour", "minute", "second", "micro", "offset")
_NOT_A_TIME = (0,) * len(_FIELDS)


@dataclass(frozen=True, slots=True, eq=False)
class TextTimes:
    """Times read from distinct texts.

    Parameters
    ----------
    micros : ndarray of int64
        Microseconds since 1970-01-01: UTC where there was a zone, else local.
    valid, aware : ndarray of bool
        Whether the text is a time that exists; whether it has a zone.
    short_dashed : ndarray of bool
        Texts such as 11-02-13, which could start with the day, the month or the year.
    """

    micros: NDArray[np.int64]
    valid: NDArray[np.bool_]
    aware: NDArray[np.bool_]
    short_dashed: NDArray[np.bool_]


def day_evidence(texts: Sequence[str]) -> tuple[frozenset[int], frozenset[int], bool]:
    """Find dates such as 31/12/2026 that only the day-first, only the month-first reading fits.

    Returns
    -------
    day_first, month_first : frozenset of int
        The different dates, as numbers. Those that fit neither reading are left out.
    either : bool
        Whether any date fits both and is not the same in both.
    """
    day_first: set[int] = set()
    month_first: set[int] = set()
    either = False
    for text in texts:
        match = _YEAR_LAST.fullmatch(text)
        if match is None:
            continue
        first, second = int(match["first"]), int(match["second_"])
        fits_day = 1 <= first <= 31 and 1 <= second <= 12
        fits_month = 1 <= first <= 12 and 1 <= second <= 31
        if fits_day != fits_month:
            date = (_full_year(match["year"]) * 100 + first) * 100 + second
            (day_first if fits_day else month_first).add(date)
        either = either or (fits_day and fits_month and first != second)
    return frozenset(day_first), frozenset(month_first), either


def read_time_texts(texts: Sequence[str], *, day_first: bool) -> TextTimes:
    """Read stripped texts.

    Known are ISO 8601 (also with one-digit months, slashes, dots or 年月日), eight digits,
    year-last dates with `-`, `/` or `.`, and dates with an English month name; each with an
    optional clock, half of the day and zone.

    Parameters
    ----------
    texts : sequence of str
    day_first : bool
        How to read year-last dates.
    """
    fields = np.array([_read(text, day_first) for text in texts], dtype=np.int64)
    fields = fields.reshape(len(texts), len(_FIELDS) + 2)
    names: tuple[str, ...] = (*_FIELDS, "aware", "dashed")
    parts: dict[str, NDArray[np.int64]] = dict(zip(names, fields.T, strict=True))
    micros, valid = _assemble(parts)
    return TextTimes(micros, valid, parts["aware"] > 0, parts["dashed"] > 0)


def _read(text: str, day_first: bool) -> tuple[int, ...]:
    match = _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text)
    if match is not None:
        return _numbers(match, int(match["month"]), int(match["day"]), dashed=False)
    match = _YEAR_LAST.fullmatch(text)
    if match is not None:
        first, second = int(match["first"]), int(match["second_"])
        month, day = (second, first) if day_first else (first, second)
        dashed = match["mark"] == "-" and len(match["year"]) == 2
        return _numbers(match, month, day, dashed=dashed)
    for pattern in _NAMED:
        match = pattern.fullmatch(text)
        month = _MONTH_NUMBER.get(match["name"].casefold(), 0) if match is not None else 0
        if match is not None and month:
            return _numbers(match, month, int(match["day"]), dashed=False)
    return (*_NOT_A_TIME, 0, 0)


def _numbers(match: re.Match[str], month: int, day: int, *, dashed: bool) -> tuple[int, ...]:
    found = match.groupdict()
    year = _full_year(match["year"])
    hour = int(found.get("hour") or 0)
    half = (found.get("half") or "").casefold()
    if half:
        if not 1 <= hour <= 12 and half.isascii():
            return (*_NOT_A_TIME, 0, 0)
        late = half.startswith("p") or half == "下午"
        hour = hour % 12 + 12 if late else (hour % 12 if half.isascii() else hour)
    micro = int((found.get("fraction") or "").ljust(6, "0")[:6])
    zone = found.get("zone") or ""
    return (
        year, month, day, hour, int(found.get("minute") or 0), int(found.get("second") or 0),
        micro, _offset(zone), int(bool(zone)), int(dashed),
    )  # fmt: skip


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:
        year += 2000 if year <= 68 else 1900
    return year


def _offset(zone: str) -> int:
    """Return minutes east of Greenwich."""
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if zone[0] == "-" else minutes


def _assemble(parts: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    month, day = parts["month"], parts["day"]
    inside = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (parts["year"] >= 1)
    inside &= (parts["hour"] <= 23) & (parts["minute"] <= 59) & (parts["second"] <= 59)
    inside &= np.abs(parts["offset"]) < 24 * 60
    months = np.where(inside, (parts["year"] - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid = inside & (day <= following - first)
    seconds = (first + day - 1) * 86_400 + parts["hour"] * 3_600 + parts["minute"] * 60
    seconds += parts["second"] - parts["offset"] * 60
    micros = np.where(valid, seconds * 1_000_000 + parts["micro"], 0)
    return micros, valid


_PLAIN = re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2})?")


def read_plain_texts(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Read ISO 8601 texts without a zone quickly; None if there is any other text."""
    if not all(map(_PLAIN.fullmatch, texts)):
        return None
    try:
        return np.array(texts, dtype="datetime64[us]").view(np.int64)
    except ValueError:
        return None


def text_shape(text: str) -> str:
    """Return what a text looks like without saying what it is: 9 for digits, a for letters.

    Examples
    --------
    >>> text_shape("Q3 2026")
    'a9 9999'
    """
    short = text[:30]
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", short))
