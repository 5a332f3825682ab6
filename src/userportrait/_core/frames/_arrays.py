"""The border between frames and arrays: one collect, and the way back."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._columns import select_columns, select_finite_times, utc_times
from userportrait._core.frames._engine import Frame, column_kinds, column_names
from userportrait._core.frames._making import from_arrays, label_column, spark_from_arrow
from userportrait._core.lazy import optional_import
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = [
    "arrow_of",
    "collect_arrays",
    "collect_columns",
    "collect_keyed",
    "from_arrays",
    "label_column",
    "spark_from_arrow",
    "to_pandas",
    "values_of",
]

_LARGEST_INT = 2**63 - 1
_LARGEST_EXACT = 2**53


def collect_arrays(frame: Frame, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Collect columns into numpy arrays, all of them in one go.

    Parameters
    ----------
    frame : Frame
    columns : sequence of str

    Returns
    -------
    dict of str to ndarray
        Integers without nulls as int64, all other numbers as float64 with NaN for null,
        times and dates as datetime64[us] (converted to UTC) with NaT, booleans without nulls
        as bool, everything else as objects with None for null. Integers that would change as
        float64 (with nulls, and 2**53 or larger) are objects too; those beyond int64 are
        float64.
    """
    if not columns:
        return {}
    chosen = select_columns(frame, columns)
    if frame.worker == "duckdb":
        return _from_duckdb(chosen)
    native = chosen.native
    if frame.engine == "spark":
        table = arrow_of(chosen)
        return {name: _plain(_arrow_series(table.column(name))) for name in columns}
    if isinstance(chosen.inner, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, pd.DataFrame):
        return {name: _plain(native[name]) for name in columns}
    return {name: _from_polars(native[name]) for name in columns}


def collect_columns(frame: Frame, columns: Sequence[str]) -> dict[str, Any]:
    """Collect columns in the form that is coded and computed with fastest.

    As `collect_arrays`, but columns of a pandas frame stay as they are, and texts of an eager
    polars frame without nulls become Arrow texts of pandas where pyarrow is installed.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        return {name: native[name] for name in columns}
    found: dict[str, Any] = {}
    if isinstance(frame.inner, nw.DataFrame) and find_spec("pyarrow") is not None:
        kinds = column_kinds(frame, columns)
        texts = [n for n in columns if kinds[n] == "text" and native[n].null_count() == 0]
        found = {name: _arrow_texts(native[name]) for name in texts}
    rest = [name for name in columns if name not in found]
    return found | collect_arrays(frame, rest)


def _arrow_texts(series: Any) -> Any:
    pa: Any = import_module("pyarrow")
    texts: Any = pa.chunked_array([series.to_arrow().cast(pa.large_string())])
    return pd.array(texts, dtype=pd.ArrowDtype(pa.large_string()))


def arrow_of(frame: Frame) -> Any:
    """Collect a Spark frame into a pyarrow table."""
    from userportrait._core.frames._parts_spark import quiet_spark

    optional_import("pyarrow", what="Reading a Spark DataFrame", extra="spark")
    with quiet_spark():
        return frame.native.toArrow()


def _arrow_series(column: Any) -> pd.Series[Any]:
    return pd.Series(pd.array(column, dtype=pd.ArrowDtype(column.type)))


def to_pandas(frame: Frame) -> pd.DataFrame:
    """Collect into a pandas frame with the default index.

    Times and dates are datetime64[us] in UTC, whole numbers with nulls nullable Int64. The
    other columns of a pandas frame stay as they are; those of other engines get the types of
    `collect_arrays`.
    """
    kinds = column_kinds(frame)
    native = frame.native
    if isinstance(native, pd.DataFrame):
        timed = [name for name, kind in kinds.items() if kind in ("time", "date")]
        found = {n: utc_times(native[n]) for n in timed if native[n].dtype != "datetime64[us]"}
        return native.assign(**found)
    arrays: dict[str, Any] = collect_arrays(frame, column_names(frame))
    for name, kind in kinds.items():
        values = arrays[name]
        if kind == "integer" and (values.dtype == object or np.nanmax(values, initial=0) < 2**63):
            arrays[name] = pd.array(values, dtype="Int64") if values.dtype != np.int64 else values
    return pd.DataFrame(arrays)


def collect_keyed(
    frame: Frame, key: str, columns: Sequence[str]
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Collect columns as arrays, and the key column in the engine's own form.

    The key can go into `from_arrays` of the same engine without a detour through Python
    objects.
    """
    if frame.worker == "duckdb":
        found = collect_arrays(frame, [key, *columns])
        return found.pop(key), found
    if frame.engine == "spark":
        table = arrow_of(select_columns(frame, [key, *columns]))
        found = {name: _plain(_arrow_series(table.column(name))) for name in columns}
        return table.column(key), found
    native = frame.native
    if isinstance(frame.inner, nw.LazyFrame):
        native = native.collect()
    collected = frame.over(nw.from_native(native, eager_only=True))
    return native[key], collect_arrays(collected, columns)


def _from_duckdb(frame: Frame) -> dict[str, NDArray[Any]]:
    frame = select_finite_times(frame)
    schema = frame.inner.collect_schema()
    wide = [n for n, dtype in schema.items() if dtype == nw.Int128 or dtype == nw.UInt128]
    if wide:  # fetched as float64 otherwise
        casts = [nw.col(name).cast(nw.Int64) for name in wide]
        frame = frame.over(frame.inner.with_columns(*casts))
    try:
        found = frame.native.fetchnumpy()
    except Exception as error:
        if wide and type(error).__name__ == "ConversionException":
            names = " or ".join(f"'{name}'" for name in wide)
            message = f"Column {names} holds a whole number that needs more than 64 bits."
            raise InvalidDataError(message, column=wide[0]) from error
        raise
    return {name: _from_masked(found[name]) for name in schema}


def _from_masked(values: Any) -> NDArray[Any]:
    if getattr(values, "mask", None) is None:
        return _plain(pd.Series(values))
    mask: NDArray[np.bool_] = np.ma.getmaskarray(values)
    data: NDArray[Any] = np.asarray(values.data)
    if data.dtype.kind in "iu":
        return _integers(data, mask)
    missing = {"M": np.datetime64("NaT"), "f": np.nan}.get(data.dtype.kind)
    data = data.astype(object) if missing is None else data.copy()
    data[mask] = missing
    return _plain(pd.Series(data, dtype=data.dtype))


def _integers(values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Return integers in the one form that `collect_arrays` promises."""
    shown = values[~missing] if missing.any() else values
    low, high = (int(shown.min()), int(shown.max())) if len(shown) else (0, 0)
    if high > _LARGEST_INT:
        return np.where(missing, np.nan, values.astype(np.float64))
    if len(shown) == len(values):
        return values.astype(np.int64, copy=False)
    if max(-low, high) < _LARGEST_EXACT:
        return np.where(missing, np.nan, values.astype(np.float64))
    found = values.astype(object)
    found[missing] = None
    return found


def _from_polars(series: Any) -> NDArray[Any]:
    import polars as pl

    if series.dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return np.asarray(series.dt.cast_time_unit("us").to_numpy())
    if dtype == pl.Date:
        return np.asarray(series.cast(pl.Datetime("us")).to_numpy())
    if dtype.is_integer():
        missing = series.is_null().to_numpy()
        wide = pl.UInt64 if dtype == pl.UInt64 else pl.Int64
        return _integers(series.fill_null(0).cast(wide).to_numpy(), missing)
    if dtype.is_numeric():
        return np.asarray(series.cast(pl.Float64).to_numpy())
    if dtype == pl.Boolean and series.null_count() == 0:
        return np.asarray(series.to_numpy())
    found = np.empty(len(series), dtype=object)
    found[:] = series.to_list()
    return found


def _plain(series: pd.Series[Any]) -> NDArray[Any]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = values_of(series)
    dtype: Any = series.dtype
    kind = pd.api.types.infer_dtype(series, skipna=True) if dtype.kind == "O" else ""
    if (pd.api.types.is_bool_dtype(dtype) or kind == "boolean") and not series.hasnans:
        return series.to_numpy(dtype=bool)
    if kind == "integer":
        series = _whole_objects(series)
        dtype = series.dtype
    if pd.api.types.is_integer_dtype(dtype):
        if isinstance(dtype, np.dtype):
            return _integers(series.to_numpy(), np.zeros(len(series), dtype=bool))
        wide = np.uint64 if "uint64" in str(dtype).lower() else np.int64
        missing = series.isna().to_numpy(dtype=bool)
        return _integers(series.to_numpy(dtype=wide, na_value=0), missing)
    if str(dtype).startswith(("datetime64", "timestamp", "date32", "date64")):
        return np.asarray(utc_times(series))
    if kind in ("datetime", "datetime64", "date"):
        return np.asarray(utc_times(series))
    fractional = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if fractional or kind in ("decimal", "floating", "mixed-integer-float"):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    values = series.to_numpy(dtype=object)
    missing = series.isna().to_numpy(dtype=bool)
    if missing.any():
        values = values.copy()
        values[missing] = None
    return values


def _whole_objects(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of Python integers as nullable Int64, as float64 if that is too small."""
    try:
        return series.astype("Int64")
    except OverflowError:
        return series.astype("float64")


def values_of(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a categorical column as what its categories are; whole numbers stay whole."""
    if isinstance(series.dtype, pd.ArrowDtype):
        return series.astype(_arrow_value_type(series.dtype))
    categories = series.cat.categories
    if series.hasnans and pd.api.types.is_integer_dtype(categories.dtype):
        values = pd.array(categories.to_numpy(), dtype="Int64")
        taken = pd.api.extensions.take(values, series.cat.codes.to_numpy(), allow_fill=True)
        return pd.Series(taken)
    return series.astype(categories.dtype)


def _arrow_value_type(dtype: Any) -> pd.ArrowDtype:
    return pd.ArrowDtype(dtype.pyarrow_dtype.value_type)
