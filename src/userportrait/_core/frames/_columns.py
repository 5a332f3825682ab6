"""Words that choose columns, derive columns and keep rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._engine import Frame
from userportrait._core.units import HALF_TOLERANCE, MICROS_PER_DAY, minor_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = [
    "keep_rows_until",
    "name_columns",
    "select_columns",
    "sort_rows",
    "with_any_negative",
    "with_choice",
    "with_day_number",
    "with_epoch_micros",
    "with_minor_units",
    "with_null_where",
    "with_product",
    "with_zero_for_missing",
]


def select_columns(frame: Frame, names: Sequence[str]) -> Frame:
    """Keep these columns, in this order."""
    return Frame(frame.engine, frame.inner.select(*names))


def name_columns(frame: Frame, names: Mapping[str, str]) -> Frame:
    """Rename columns: old name to new name; all others stay."""
    changed = {old: new for old, new in names.items() if old != new}
    return Frame(frame.engine, frame.inner.rename(changed)) if changed else frame


def keep_rows_until(frame: Frame, column: str, moment: datetime | int) -> Frame:
    """Keep the rows whose time is at or before a moment; a missing time is not kept.

    The column holds naive times for a datetime, epoch microseconds for an integer.
    """
    return Frame(frame.engine, frame.inner.filter(nw.col(column) <= moment))


def with_epoch_micros(frame: Frame, column: str, name: str) -> Frame:
    """Add the microseconds since 1970-01-01 00:00 UTC as int64; null stays null.

    A time without a zone is taken as UTC; a time with one is converted; a date is its
    midnight.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        times = pd.to_datetime(native[column], utc=True).dt.tz_localize(None)
        known = times.notna()
        micros = times.astype("datetime64[us]").astype("int64")
        return _with_integers(frame, name, micros.to_numpy(), known.to_numpy(dtype=bool))
    dtype = frame.inner.collect_schema()[column]
    if frame.engine == "duckdb":
        zoned = getattr(dtype, "time_zone", None) is not None
        sql_type = "TIMESTAMPTZ" if zoned else "TIMESTAMP"
        moment = f'epoch_us(CAST("{_quoted(column)}" AS {sql_type}))'
        added = native.project(f'*, {moment} AS "{_quoted(name)}"')
        return Frame(frame.engine, nw.from_native(added))
    value = nw.col(column).cast(nw.Datetime("us", getattr(dtype, "time_zone", None)))
    whole = value.dt.timestamp("us").cast(nw.Int64).alias(name)
    return Frame(frame.engine, frame.inner.with_columns(whole))


def _with_integers(frame: Frame, name: str, values: Any, known: Any) -> Frame:
    """Add a pandas column of int64, or of nullable Int64 where something is missing."""
    column = pd.Series(values, dtype="int64")
    if not known.all():
        column = column.astype("Int64").where(pd.Series(known))
    return Frame(frame.engine, nw.from_native(frame.native.assign(**{name: column})))


def with_day_number(frame: Frame, column: str, name: str) -> Frame:
    """Add the day number of a column of epoch microseconds: days since 1970-01-01, floored."""
    micros = nw.col(column)
    remainder = ((micros % MICROS_PER_DAY) + MICROS_PER_DAY) % MICROS_PER_DAY
    day = (micros - remainder) // MICROS_PER_DAY
    if frame.engine != "pandas":
        day = day.cast(nw.Int64)
    return Frame(frame.engine, frame.inner.with_columns(day.alias(name)))


def with_minor_units(frame: Frame, column: str, name: str, *, digits: int) -> Frame:
    """Add money as int64 minor units (cents for two digits).

    Halves go away from zero, so that a refund cancels its purchase; a value within 1e-6
    minor units of a half counts as a half, because 1.005 has no exact binary form. The
    arithmetic is the same IEEE operations on every engine. Null stays null.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values = native[column].to_numpy(dtype="float64", na_value=float("nan"))
        known = values == values
        whole = minor_units(np.where(known, values, 0.0), digits)
        return _with_integers(frame, name, whole, known)
    scaled = nw.col(column).cast(nw.Float64) * float(10**digits)
    up = (scaled.abs() + (0.5 + HALF_TOLERANCE)).floor()
    signed = nw.when(scaled < 0).then(-up).otherwise(up)
    return Frame(frame.engine, frame.inner.with_columns(signed.cast(nw.Int64).alias(name)))


def with_product(frame: Frame, left: str, right: str, name: str) -> Frame:
    """Add the product of two numeric columns as float64; null where either is null."""
    product = nw.col(left).cast(nw.Float64) * nw.col(right).cast(nw.Float64)
    return Frame(frame.engine, frame.inner.with_columns(product.alias(name)))


def with_any_negative(frame: Frame, columns: Sequence[str], name: str) -> Frame:
    """Add whether any of these numeric columns, none of them null, is below 0."""
    negative = nw.col(columns[0]) < 0
    for column in columns[1:]:
        negative = negative | (nw.col(column) < 0)
    return Frame(frame.engine, frame.inner.with_columns(negative.alias(name)))


def with_choice(frame: Frame, flag: str, yes: int, no: int, name: str) -> Frame:
    """Add one of two whole numbers, int64, by a boolean column without nulls."""
    choice = nw.when(nw.col(flag)).then(nw.lit(yes)).otherwise(nw.lit(no))
    return Frame(frame.engine, frame.inner.with_columns(choice.cast(nw.Int64).alias(name)))


def with_null_where(frame: Frame, flag: str, columns: Mapping[str, str]) -> Frame:
    """Add copies of columns, null where a boolean column without nulls is true.

    `columns` maps the new name to the column that is copied.
    """
    copies = [
        nw.when(~nw.col(flag)).then(nw.col(column)).alias(name) for name, column in columns.items()
    ]
    return Frame(frame.engine, frame.inner.with_columns(*copies))


def sort_rows(frame: Frame, columns: Sequence[str]) -> Frame:
    """Sort by columns without nulls, ascending; texts by Unicode code point."""
    return Frame(frame.engine, frame.inner.sort(*columns))


def with_zero_for_missing(frame: Frame, columns: Sequence[str]) -> Frame:
    """Replace null by 0 in numeric columns."""
    filled = [nw.col(name).fill_null(0) for name in columns]
    return Frame(frame.engine, frame.inner.with_columns(*filled)) if filled else frame


def _quoted(name: str) -> str:
    return name.replace('"', '""')
