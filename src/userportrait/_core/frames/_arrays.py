"""The border between frames and arrays: one collect, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._columns import select_columns
from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames._engine import Engine, Frame

__all__ = ["collect_arrays", "from_arrays"]


def collect_arrays(frame: Frame, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Collect columns into numpy arrays, all of them in one go.

    Parameters
    ----------
    frame : Frame
    columns : sequence of str

    Returns
    -------
    dict of str to ndarray
        Integers without nulls as int64, other numbers as float64 with NaN for null, times
        and dates as datetime64[us] (converted to UTC) with NaT, everything else as objects
        with None for null.
    """
    chosen = select_columns(frame, columns)
    native = chosen.native
    if frame.engine == "duckdb":
        found = native.fetchnumpy()
        return {name: _plain(pd.Series(_unmask(found[name]))) for name in columns}
    if isinstance(chosen.inner, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, pd.DataFrame):
        return {name: _plain(native[name]) for name in columns}
    return {name: _from_polars(native[name]) for name in columns}


def _unmask(values: Any) -> Any:
    """Turn a masked array into one with None, NaN or NaT."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    mask = np.ma.getmaskarray(values)
    data = np.asarray(values.data)
    if not mask.any():
        return data
    if data.dtype.kind == "M":
        found = data.copy()
        found[mask] = np.datetime64("NaT")
        return found
    found = data.astype(np.float64 if data.dtype.kind in "iuf" else object)
    found[mask] = np.nan if found.dtype.kind == "f" else None
    return found


def _from_polars(series: Any) -> NDArray[Any]:
    import polars as pl

    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    if isinstance(series.dtype, pl.Datetime):
        if series.dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        series = series.dt.cast_time_unit("us")
    elif series.dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    elif series.dtype.is_integer() and series.null_count() == 0:
        series = series.cast(pl.Int64)
    elif series.dtype.is_numeric() and not isinstance(series.dtype, pl.Decimal):
        series = series.cast(pl.Float64)
    elif series.dtype in (pl.String, pl.Boolean) or isinstance(series.dtype, pl.Decimal):
        if series.dtype == pl.Boolean and series.null_count() == 0:
            return np.asarray(series.to_numpy())
        found = np.empty(len(series), dtype=object)
        found[:] = series.to_list()
        return found
    return np.asarray(series.to_numpy())


def _plain(series: pd.Series[Any]) -> NDArray[Any]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    dtype: Any = series.dtype
    if pd.api.types.is_bool_dtype(dtype) and not series.hasnans:
        return series.to_numpy(dtype=bool)
    if pd.api.types.is_integer_dtype(dtype) and not series.hasnans:
        return series.to_numpy(dtype=np.int64)
    if _is_time(dtype):
        return _utc_micros(series)
    if (
        pd.api.types.is_numeric_dtype(dtype)
        and not pd.api.types.is_bool_dtype(dtype)
        and "decimal" not in str(dtype)
    ):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    values = series.to_numpy(dtype=object)
    missing = series.isna().to_numpy(dtype=bool)
    if missing.any():
        values = values.copy()
        values[missing] = None
    return values


def _is_time(dtype: Any) -> bool:
    text = str(dtype)
    return text.startswith(("datetime64", "timestamp", "date32"))


def _utc_micros(series: pd.Series[Any]) -> NDArray[Any]:
    times = pd.to_datetime(series)
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(times.to_numpy(dtype="datetime64[us]"))


def from_arrays(columns: Mapping[str, NDArray[Any]], engine: Engine) -> Any:
    """Make a frame of an engine's own kind from numpy arrays of equal length.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Object arrays hold texts, with None for null.
    engine : str
        The library that gets the frame. A DuckDB relation is made on DuckDB's default
        connection.
    """
    if engine == "pandas":
        return pd.DataFrame(dict(columns))
    if engine == "duckdb":
        duckdb = optional_import("duckdb", what="A DuckDB relation", extra="duckdb")
        frame = pd.DataFrame({n: pd.Series(v, dtype=v.dtype) for n, v in columns.items()})
        return duckdb.from_df(frame)
    if engine == "pyarrow":
        pa = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
        arrays = {n: pa.array(v, from_pandas=v.dtype == object) for n, v in columns.items()}
        return pa.table(arrays)
    pl = optional_import("polars", what="A polars frame", extra="polars")
    made = pl.DataFrame({name: _to_polars(pl, values) for name, values in columns.items()})
    return made.lazy() if engine == "polars-lazy" else made


def _to_polars(pl: Any, values: NDArray[Any]) -> Any:
    if values.dtype == object:
        kinds = {type(value) for value in values[:1000] if value is not None}
        dtype = pl.String if kinds <= {str} else None
        return pl.Series(list(values), dtype=dtype)
    return pl.Series(values)
