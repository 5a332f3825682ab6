"""Words that make IDs what they must be: int64, or texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._arrays import collect_arrays, values_of
from userportrait._core.frames._columns import known_number, with_columns, with_integers
from userportrait._core.frames._engine import Frame, column_kinds
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._survey import count_rows, extremes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["unfit_ids", "with_category_values", "with_whole_ids"]

_LARGEST_INT = 2**63 - 1
_EXACT_BELOW = {"float64": 2**53, "float32": 2**24}


def with_category_values(frame: Frame, columns: Sequence[str]) -> Frame:
    """Replace categorical columns by their values: texts; in pandas what the categories are."""
    if not columns:
        return frame
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values = {name: values_of(native[name]) for name in columns}
        return frame.over(native.assign(**values))
    return with_columns(frame, {name: column_of(frame, name).cast(nw.String) for name in columns})


def unfit_ids(frame: Frame, column: str) -> NDArray[np.intp]:
    """Find the numbers that cannot be an ID.

    An ID is a whole number that int64 holds, and that the column's own type holds exactly:
    below 2**53 for float64, below 2**24 for float32. Null and NaN are not found.

    Parameters
    ----------
    frame : Frame
    column : str
        Integers or other numbers.

    Returns
    -------
    ndarray of int
        Row positions, counted from 0; on Spark, where rows have no position, -1 for each.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        flags = _unfit_pandas(native[column], column_kinds(frame, [column])[column])
        return np.flatnonzero(flags)
    unfit = _unfit(frame, column)
    if unfit is None:
        return np.flatnonzero(())
    if frame.engine == "spark":
        return np.full(count_rows(frame.over(frame.inner.filter(unfit))), -1, dtype=np.intp)
    flagged = frame.over(frame.inner.select(unfit.cast(nw.Int64).alias("unfit")))
    if not extremes(flagged, "unfit")[1]:
        return np.flatnonzero(())
    return np.flatnonzero(collect_arrays(flagged, ["unfit"])["unfit"])


def _unfit_pandas(series: pd.Series[Any], kind: str) -> Any:
    type_name = str(series.dtype).lower()
    if kind == "integer":
        if type_name.startswith("uint64"):
            return series.to_numpy(dtype=np.uint64, na_value=0) > _LARGEST_INT
        return series.where(series.notna(), 0) > _LARGEST_INT if series.dtype == object else ()
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    narrow = type_name.startswith(("float32", "float["))
    limit = _EXACT_BELOW["float32" if narrow else "float64"]
    return ~np.isnan(values) & ((values != np.floor(values)) | (np.abs(values) >= limit))


def _unfit(frame: Frame, column: str) -> Any:
    dtype = frame.inner.collect_schema()[column]
    if dtype == nw.UInt64 or dtype == nw.UInt128:
        return column_of(frame, column).fill_null(0) > _LARGEST_INT
    if dtype == nw.Int128:
        value = column_of(frame, column).fill_null(0)
        return (value > _LARGEST_INT) | (value < -_LARGEST_INT)
    if dtype.is_integer():
        return None
    value = known_number(frame, column, dtype).fill_null(0.0)
    limit = _EXACT_BELOW["float32" if dtype == nw.Float32 else "float64"]
    if frame.engine == "spark":  # it rounds to bigint and fails beyond
        value = nw.when(value.abs() < limit).then(value).otherwise(0.5)
    return (value != value.floor()) | (value.abs() >= limit)


def with_whole_ids(frame: Frame, columns: Sequence[str]) -> Frame:
    """Turn numeric columns, all of them fit to be IDs, into int64; null stays null.

    In pandas a column with nulls becomes nullable Int64, unless it is an arrow column.
    """
    native = frame.native
    schema = frame.inner.collect_schema()
    if not isinstance(native, pd.DataFrame):
        narrow = [name for name in columns if schema[name] != nw.Int64]
        whole = {name: known_number(frame, name, schema[name]).cast(nw.Int64) for name in narrow}
        made = with_columns(frame, whole)
        return frame.over(made.inner, same=schema)  # 7.0 and 7 are the same ID
    for name in columns:
        series = native[name]
        if schema[name] == nw.Int64:
            continue
        if schema[name].is_integer() and not isinstance(series.dtype, np.dtype):
            frame = with_columns(frame, {name: nw.col(name).cast(nw.Int64)})
            continue
        frame = with_integers(frame, name, *_whole(series))
    return frame


def _whole(series: pd.Series[Any]) -> tuple[Any, Any]:
    """Return whole numbers as int64, and which of them are known."""
    if series.dtype == object:
        series = series.astype("Int64")
        known = series.notna().to_numpy(dtype=bool)
        return series.to_numpy(dtype=np.int64, na_value=0), known
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        return series.to_numpy().astype(np.int64), np.ones(len(series), dtype=bool)
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).astype(np.int64), known
