"""Words about time: all of them read epoch microseconds, int64, UTC; null stays null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._columns import (
    floor_divided,
    floor_remainder,
    with_columns,
    with_integers,
)
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._sql import quoted, select_sql
from userportrait._core.units import MICROS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait._core.frames._engine import Frame

    Division: TypeAlias = Callable[[Any, int], Any]
    Formula: TypeAlias = Callable[[Any, Division, Division], Any]

__all__ = [
    "with_days_between",
    "with_hour",
    "with_month_number",
    "with_time",
    "with_week_start",
    "with_weekday",
]

_MICROS_PER_HOUR = MICROS_PER_DAY // 24
_THURSDAY = 3  # 1970-01-01, counted from Monday


def with_days_between(frame: Frame, start: str, end: str, name: str) -> Frame:
    """Add the whole calendar days from one moment to another, int64.

    The day number of `end` less that of `start`: 1 from 23:59 to 00:01 of the next day,
    negative where `end` is earlier, null where either is null.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        first, known = _whole(native[start])
        last, also = _whole(native[end])
        return with_integers(
            frame, name, last // MICROS_PER_DAY - first // MICROS_PER_DAY, known & also
        )
    days = [floor_divided(frame, column_of(frame, c), MICROS_PER_DAY) for c in (end, start)]
    return with_columns(frame, {name: days[0] - days[1]})


def with_weekday(frame: Frame, at: str, name: str) -> Frame:
    """Add the day of the week, int64: Monday is 1, Sunday 7, on every engine."""
    return _with_formula(frame, at, name, lambda value, div, mod: _weekday(value, div, mod) + 1)


def with_week_start(frame: Frame, at: str, name: str) -> Frame:
    """Add the day number of the week's Monday, int64: days since 1970-01-01."""

    def monday(value: Any, div: Division, mod: Division) -> Any:
        return div(value, MICROS_PER_DAY) - _weekday(value, div, mod)

    return _with_formula(frame, at, name, monday)


def with_hour(frame: Frame, at: str, name: str) -> Frame:
    """Add the hour of the day, int64: 0 to 23."""

    def hour(value: Any, div: Division, mod: Division) -> Any:
        return div(mod(value, MICROS_PER_DAY), _MICROS_PER_HOUR)

    return _with_formula(frame, at, name, hour)


def with_month_number(frame: Frame, at: str, name: str) -> Frame:
    """Add the number of the calendar month, int64: months since January 1970."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values, known = _whole(native[at])
        months = values.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        return with_integers(frame, name, months, known)
    if frame.is_sql:
        moment = _moment_sql(frame, at)
        number = f"CAST((year({moment}) - 1970) * 12 + month({moment}) - 1 AS BIGINT)"
        return select_sql(frame, {name: number})
    date = nw.col(at).cast(nw.Datetime("us")).dt
    since = (date.year().cast(nw.Int64) - 1970) * 12 + date.month().cast(nw.Int64) - 1
    return with_columns(frame, {name: since})


def with_time(frame: Frame, at: str, name: str) -> Frame:
    """Add the time that epoch microseconds stand for, without a zone; on Spark TIMESTAMP_NTZ."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values, known = _whole(native[at])
        times = np.where(known, values.view("datetime64[us]"), np.datetime64("NaT", "us"))
        return frame.over(native.assign(**{name: times}))
    if frame.is_sql:
        return select_sql(frame, {name: _moment_sql(frame, at)})
    return with_columns(frame, {name: nw.col(at).cast(nw.Datetime("us"))})


def _moment_sql(frame: Frame, at: str) -> str:
    value = quoted(frame, at)
    if frame.engine != "spark":
        return f"make_timestamp({value})"
    rest = f"pmod({value}, {MICROS_PER_DAY})"
    days = f"CAST(({value} - {rest}) div {MICROS_PER_DAY} AS INT)"
    # A cast from TIMESTAMP would depend on the time zone of the session.
    seconds = f"CAST(CAST({rest} AS DECIMAL(18, 0)) / 1000000 AS DECIMAL(18, 6))"
    return f"TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval({days}, 0, 0, {seconds})"


def _weekday(value: Any, div: Division, mod: Division) -> Any:
    """Return 0 for Monday to 6 for Sunday."""
    return mod(div(value, MICROS_PER_DAY) + _THURSDAY, 7)


def _with_formula(frame: Frame, at: str, name: str, formula: Formula) -> Frame:
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values, known = _whole(native[at])
        return with_integers(frame, name, formula(values, np.floor_divide, np.remainder), known)

    def divided(value: Any, divisor: int) -> Any:
        return floor_divided(frame, value, divisor)

    made = formula(column_of(frame, at), divided, floor_remainder)
    return with_columns(frame, {name: made.cast(nw.Int64)})


def _whole(column: pd.Series[Any]) -> tuple[Any, Any]:
    """Return whole numbers as int64, and which of them are known."""
    return column.to_numpy(dtype=np.int64, na_value=0), column.notna().to_numpy(dtype=bool)
