"""The border between frames and arrays: one collect, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._columns import select_columns
from userportrait._core.frames._engine import Frame
from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames._engine import Engine

__all__ = ["collect_arrays", "collect_keyed", "from_arrays", "label_column"]


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


def collect_keyed(
    frame: Frame, key: str, columns: Sequence[str]
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Collect columns as arrays, and the key column in the engine's own form.

    The key can go into `from_arrays` of the same engine without a detour through Python
    objects.
    """
    if frame.engine == "duckdb":
        found = collect_arrays(frame, [key, *columns])
        return found.pop(key), found
    native = frame.native
    if isinstance(frame.inner, nw.LazyFrame):
        native = native.collect()
    collected = Frame(frame.engine, nw.from_native(native, eager_only=True))
    return native[key], collect_arrays(collected, columns)


def label_column(codes: NDArray[np.int32], labels: Sequence[str], engine: Engine) -> Any:
    """Return a text column in an engine's own form, from positions in a list of labels.

    The result goes into `from_arrays`. A code of -1 is null.
    """
    if engine in ("polars", "polars-lazy"):
        pl = optional_import("polars", what="A polars frame", extra="polars")
        positions = (
            pl.Series(codes) if codes.min(initial=0) >= 0 else _null_where_negative(pl, codes)
        )
        return pl.Series(list(labels), dtype=pl.String).gather(positions)
    table = np.array([*labels, None], dtype=object)
    if engine == "pandas":
        return pd.Series(pd.array(list(table), dtype=_pandas_text()).take(codes))
    return table[codes]


def _null_where_negative(pl: Any, codes: NDArray[np.int32]) -> Any:
    series = pl.Series(codes)
    return series.set(series < 0, None)


def _pandas_text() -> Any:
    """Return the dtype that pandas itself gives to texts."""
    return pd.Series(["a"]).dtype


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


def from_arrays(columns: Mapping[str, Any], engine: Engine) -> Any:
    """Make a frame of an engine's own kind from numpy arrays of equal length.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Object arrays hold texts, with None for null; a column of the engine itself, such
        as `collect_keyed` returns, is taken as it is.
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


def _to_polars(pl: Any, values: Any) -> Any:
    if isinstance(values, pl.Series):
        return values
    if values.dtype == object:
        kinds = {type(value) for value in values[:1000] if value is not None}
        dtype = pl.String if kinds <= {str} else None
        return pl.Series(list(values), dtype=dtype)
    return pl.Series(values)
