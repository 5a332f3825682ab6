"""Words that choose columns, derive columns and keep rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._engine import Frame, check_names, check_plain_names, column_names
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._sql import (
    epoch_sql,
    filter_sql,
    kept_beside,
    project_sql,
    quoted,
    select_sql,
)
from userportrait._core.units import (
    HALF_TOLERANCE,
    MICROS_PER_DAY,
    WHOLE_FROM,
    minor_units,
    to_micros,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "floor_divided",
    "floor_remainder",
    "keep_rows_until",
    "known_number",
    "name_columns",
    "nullable",
    "select_columns",
    "select_finite_times",
    "sort_rows",
    "utc_times",
    "with_any_negative",
    "with_choice",
    "with_columns",
    "with_day_number",
    "with_epoch_micros",
    "with_integers",
    "with_minor_units",
    "with_null_where",
    "with_product",
    "with_quotient",
    "with_zero_for_missing",
]


def select_columns(frame: Frame, names: Sequence[str]) -> Frame:
    """Keep these columns, in this order."""
    if frame.is_sql:  # narwhals does not quote them, and "at" may be a keyword
        chosen = project_sql(frame, [quoted(frame, name) for name in names])
        return frame.over(chosen, same=names)
    return frame.over(frame.inner.select(*names), same=names)


def name_columns(frame: Frame, names: Mapping[str, str]) -> Frame:
    """Rename columns: old name to new name; all others stay.

    Raises
    ------
    InvalidDataError
        If two columns would share a name.
    """
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return frame
    renamed = [changed.get(name, name) for name in column_names(frame)]
    check_names(renamed, frame.engine, "frame")
    if frame.engine == "spark":
        old = column_names(frame)
        parts = [
            f"{quoted(frame, before)} AS {quoted(frame, after)}"
            for before, after in zip(old, renamed, strict=True)
        ]
        same = [name for name in old if name not in changed and name not in changed.values()]
        return frame.over(project_sql(frame, parts), same=same)
    return frame.over(frame.inner.rename(changed))


def keep_rows_until(frame: Frame, column: str, moment: datetime | int) -> Frame:
    """Keep the rows whose time is at or before a moment; a missing time is not kept.

    The column holds times or dates for a datetime (naive, UTC), epoch microseconds for an
    integer.
    """
    limit = to_micros(moment) if isinstance(moment, datetime) else moment
    native = frame.native
    if isinstance(native, pd.DataFrame):
        kept = native.loc[_until_mask(native[column], moment, limit)].reset_index(drop=True)
        return frame.over(kept)
    if not isinstance(moment, datetime):
        return frame.over(frame.inner.filter(column_of(frame, column) <= limit))
    if frame.engine == "spark":
        return filter_sql(frame, _until_spark(frame, column, moment))
    if frame.is_sql:
        return filter_sql(frame, f"{epoch_sql(frame, column)} <= {limit}")
    return frame.over(frame.inner.filter(_epoch_value(frame, column) <= limit))


def _until_spark(frame: Frame, column: str, moment: datetime) -> str:
    """Return a bare comparison, which Spark can hand down to the files."""
    dtype = frame.inner.collect_schema()[column]
    value = quoted(frame, column)
    if dtype == nw.Date:
        return f"{value} <= DATE '{moment.date().isoformat()}'"
    if getattr(dtype, "time_zone", None) is not None:
        return f"{value} <= timestamp_micros({to_micros(moment)})"
    return f"{value} <= TIMESTAMP_NTZ '{moment.isoformat(sep=' ')}'"


def _until_mask(column: pd.Series[Any], moment: datetime | int, limit: int) -> NDArray[np.bool_]:
    if isinstance(moment, datetime):
        return np.asarray(utc_times(column) <= np.datetime64(limit, "us"))
    return (column <= limit).to_numpy(dtype=bool, na_value=False)


def with_columns(frame: Frame, columns: Mapping[str, Any]) -> Frame:
    """Add or replace columns by narwhals expressions; for this package only."""
    if not columns:
        return frame
    check_plain_names(frame, [*column_names(frame), *columns])
    made = [value.alias(name) for name, value in columns.items()]
    kept = kept_beside(frame, list(columns))
    if frame.worker == "duckdb" and any(
        name not in kept and name not in columns for name in column_names(frame)
    ):
        # It does not tell case apart: of "Units" and "units" it silently reads the first.
        return frame.over(frame.inner.select(*kept, *made), same=kept)
    return frame.over(frame.inner.with_columns(*made), same=kept)


def with_epoch_micros(frame: Frame, column: str, name: str) -> Frame:
    """Add the microseconds since 1970-01-01 00:00 UTC as int64; null stays null.

    A time without a zone is taken as UTC; a time with one is converted; a date is its
    midnight; parts of a microsecond are cut off towards the past. DuckDB's 'infinity' is null.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        times = utc_times(native[column])
        return with_integers(frame, name, times.view(np.int64), ~np.isnat(times))
    if frame.is_sql:
        added = select_sql(frame, {name: epoch_sql(frame, column)})
        if column in frame.facts.missing:
            added.facts.missing[name] = frame.facts.missing[column]
        if column in frame.facts.spans:
            added.facts.spans[name] = frame.facts.spans[column]
        return added
    return with_columns(frame, {name: _epoch_value(frame, column)})


def select_finite_times(frame: Frame) -> Frame:
    """Return a DuckDB frame with null for the times 'infinity' and '-infinity'."""
    parts: list[str] = []
    for name, dtype in frame.inner.collect_schema().items():
        value = quoted(frame, name)
        is_time = dtype == nw.Datetime or dtype == nw.Date
        finite = f"CASE WHEN isfinite({value}) THEN {value} END AS {value}"
        parts.append(finite if is_time else value)
    return frame.over(project_sql(frame, parts))


def _epoch_value(frame: Frame, column: str) -> Any:
    dtype = frame.inner.collect_schema()[column]
    value = nw.col(column).cast(nw.Datetime("us", getattr(dtype, "time_zone", None)))
    return value.dt.timestamp("us").cast(nw.Int64)


def utc_times(column: pd.Series[Any]) -> Any:
    """Return a pandas column of times or dates as datetime64[us] in UTC, NaT for null."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return column.to_numpy().astype("datetime64[us]")
    times = pd.to_datetime(column, utc=True).dt.tz_localize(None)
    return np.asarray(times.to_numpy(dtype="datetime64[us]"))


def with_integers(frame: Frame, name: str, values: Any, known: Any) -> Frame:
    """Add a pandas column of int64, or of nullable Int64 where something is missing."""
    column: Any = np.asarray(values, dtype=np.int64)
    if not known.all():
        column = pd.arrays.IntegerArray(column.copy(), ~np.asarray(known, dtype=bool))
    return frame.over(frame.native.assign(**{name: column}))


def with_day_number(frame: Frame, column: str, name: str) -> Frame:
    """Add the day number of a column of epoch microseconds: days since 1970-01-01, floored.

    int64; null stays null.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        known = native[column].notna().to_numpy(dtype=bool)
        micros = native[column].to_numpy(dtype=np.int64, na_value=0)
        return with_integers(frame, name, micros // MICROS_PER_DAY, known)
    return with_quotient(frame, column, MICROS_PER_DAY, name)


def with_quotient(frame: Frame, column: str, divisor: int, name: str) -> Frame:
    """Add an int64 column divided by a positive constant, rounded down; not for pandas.

    The engine's own integer division, once: what narwhals makes of ``//`` divides five times.
    """
    if frame.is_sql:
        value = quoted(frame, column)
        sign = "div" if frame.engine == "spark" else "//"  # both cut towards 0
        shifted = f"({value} - CASE WHEN {value} < 0 THEN {divisor - 1} ELSE 0 END)"
        return select_sql(frame, {name: f"CAST({shifted} {sign} {divisor} AS BIGINT)"})
    return with_columns(frame, {name: (column_of(frame, column) // divisor).cast(nw.Int64)})


def floor_remainder(value: Any, divisor: int) -> Any:
    """Return what is left of a whole number, from 0 to the divisor less 1."""
    return ((value % divisor) + divisor) % divisor


def floor_divided(frame: Frame, value: Any, divisor: int) -> Any:
    """Divide a whole number, rounding down, as int64; narwhals would do it with floats on Spark."""
    multiple = value - floor_remainder(value, divisor)
    if frame.engine == "spark":
        return (multiple / divisor).round().cast(nw.Int64)
    return (multiple // divisor).cast(nw.Int64)


def known_number(frame: Frame, column: str, dtype: Any = None) -> Any:
    """Return a numeric column as an int64 or float64 expression, null where it is NaN."""
    if dtype is None:
        dtype = frame.inner.collect_schema()[column]
    value = column_of(frame, column)
    if dtype.is_integer() or dtype == nw.Boolean:
        return value if dtype == nw.Int64 else value.cast(nw.Int64)
    if dtype != nw.Float64:
        value = value.cast(nw.Float64)
    native = frame.native
    if isinstance(native, pd.DataFrame) and isinstance(native[column].dtype, np.dtype):
        return value  # NaN is null
    return nw.when(~value.is_nan()).then(value)


def with_minor_units(
    frame: Frame, column: str, name: str, *, digits: int, plain: bool = False
) -> Frame:
    """Add money as int64 minor units (cents for two digits).

    Halves go away from zero, so that a refund cancels its purchase; a value within 1e-6
    minor units of a half counts as a half, because 1.005 has no exact binary form. The
    arithmetic is the same IEEE operations on every engine. Null, NaN and what int64 cannot
    hold become null.

    `plain` promises values from 0 to 2**52 minor units without null or NaN, which saves
    passes.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values = native[column].to_numpy(dtype="float64", na_value=float("nan"))
        known = np.abs(values) < 2.0**63 / 10**digits
        whole = minor_units(np.where(known, values, 0.0), digits)
        return with_integers(frame, name, whole, known)
    scaled = column_of(frame, column).cast(nw.Float64) * float(10**digits)
    if plain:
        up = (scaled + (0.5 + HALF_TOLERANCE)).floor()
        return with_columns(frame, {name: up.cast(nw.Int64)})
    size = scaled.abs()
    rounded = (size + (0.5 + HALF_TOLERANCE)).floor()
    if frame.engine == "spark":  # it rounds to bigint and fails beyond
        near = nw.when(size < WHOLE_FROM).then(size)
        rounded = (near + (0.5 + HALF_TOLERANCE)).floor()
    # NaN is greater than every number, or compares with none: both ways it becomes null.
    whole_size = nw.when(size < WHOLE_FROM).then(rounded).when(size < 2.0**63).then(size)
    signed = nw.when(scaled < 0).then(-whole_size).otherwise(whole_size)
    return with_columns(frame, {name: signed.cast(nw.Int64)})


def with_product(frame: Frame, left: str, right: str, name: str) -> Frame:
    """Add the product of two numeric columns as float64; null where either is null or NaN."""
    product = known_number(frame, left).cast(nw.Float64) * known_number(frame, right)
    return with_columns(frame, {name: product.cast(nw.Float64)})


def with_any_negative(frame: Frame, columns: Sequence[str], name: str) -> Frame:
    """Add whether any of these numeric columns, none of them null, is below 0."""
    negative = column_of(frame, columns[0]) < 0
    for column in columns[1:]:
        negative = negative | (column_of(frame, column) < 0)
    return with_columns(frame, {name: negative})


def with_choice(frame: Frame, flag: str, yes: int, no: int, name: str) -> Frame:
    """Add one of two whole numbers, int64, by a boolean column without nulls."""
    choice = nw.when(column_of(frame, flag)).then(nw.lit(yes)).otherwise(nw.lit(no))
    return with_columns(frame, {name: choice.cast(nw.Int64)})


def with_null_where(frame: Frame, flag: str, columns: Mapping[str, str]) -> Frame:
    """Add copies of columns, null where a boolean column without nulls is true.

    `columns` maps the new name to the column that is copied. Whole numbers stay whole: in
    pandas they become nullable Int64.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        hidden = native[flag].to_numpy(dtype=bool)
        copies = {name: nullable(native[column]) for name, column in columns.items()}
        made = {name: column.mask(hidden) for name, column in copies.items()}
        return frame.over(native.assign(**made))
    shown = {
        name: nw.when(~column_of(frame, flag)).then(column_of(frame, column))
        for name, column in columns.items()
    }
    return with_columns(frame, shown)


def nullable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a pandas column that can hold null and keeps whole numbers whole."""
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else ""
    if kind in "iu" and kind:
        return column.astype("Int64")
    return column.astype("boolean") if kind == "b" else column


def sort_rows(frame: Frame, columns: Sequence[str]) -> Frame:
    """Sort by columns without nulls, ascending; texts by Unicode code point."""
    inner = frame.inner.sort(*(_sort_name(frame, name) for name in columns))
    native = inner.to_native()
    if isinstance(native, pd.DataFrame):  # pandas keeps the old index
        return frame.over(native.reset_index(drop=True))
    return frame.over(inner)


def _sort_name(frame: Frame, name: str) -> str:
    return quoted(frame, name) if frame.engine == "spark" and "." in name else name


def with_zero_for_missing(frame: Frame, columns: Sequence[str]) -> Frame:
    """Replace null and NaN by 0 in numeric columns, which become int64 or float64."""
    return with_columns(frame, {name: known_number(frame, name).fill_null(0) for name in columns})
