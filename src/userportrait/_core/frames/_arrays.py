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
from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames._engine import Engine

__all__ = [
    "collect_arrays",
    "collect_columns",
    "collect_keyed",
    "from_arrays",
    "label_column",
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
    chosen = select_columns(frame, columns)
    if frame.engine == "duckdb":
        return _from_duckdb(chosen)
    native = chosen.native
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
        texts = pd.Series(list(table), dtype=_pandas_text())
        return texts.take(codes).reset_index(drop=True)
    return table[codes]


def _null_where_negative(pl: Any, codes: NDArray[np.int32]) -> Any:
    series = pl.Series(codes)
    return series.set(series < 0, None)


def _pandas_text() -> Any:
    """Return the dtype that pandas itself gives to texts."""
    return pd.Series(["a"]).dtype


def _from_duckdb(frame: Frame) -> dict[str, NDArray[Any]]:
    frame = select_finite_times(frame)
    schema = frame.inner.collect_schema()
    wide = [n for n, dtype in schema.items() if dtype == nw.Int128 or dtype == nw.UInt128]
    if wide:  # fetched as float64 otherwise
        casts = [nw.col(name).cast(nw.Int64) for name in wide]
        frame = Frame(frame.engine, frame.inner.with_columns(*casts))
    found = frame.native.fetchnumpy()
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


def from_arrays(columns: Mapping[str, Any], engine: Engine) -> Any:
    """Make a frame of an engine's own kind from numpy arrays of equal length.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Object arrays hold texts, with None for null; NaN and NaT are null where the engine
        knows the difference; a column of the engine itself, such as `collect_keyed` returns,
        is taken as it is.
    engine : str
        The library that gets the frame. A DuckDB relation is made on DuckDB's default
        connection.
    """
    if engine == "pandas":
        return pd.DataFrame(dict(columns))
    if engine == "duckdb":
        duckdb = optional_import("duckdb", what="A DuckDB relation", extra="duckdb")
        typed = {name: _typed_series(values) for name, values in columns.items()}
        return duckdb.from_df(pd.DataFrame(typed))
    if engine == "pyarrow":
        pa = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
        return pa.table({name: _to_arrow(pa, values) for name, values in columns.items()})
    pl = optional_import("polars", what="A polars frame", extra="polars")
    made = pl.DataFrame({name: _to_polars(pl, values) for name, values in columns.items()})
    return made.lazy() if engine == "polars-lazy" else made


def _holds_texts(values: Any) -> bool:
    """Return whether this is an object array of texts and nulls, or of nulls only."""
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in (
        "string",
        "empty",
    )


def _typed_series(values: Any) -> Any:
    if _holds_texts(values):
        # Older DuckDB reads pandas' own null among texts as a text; a column of nulls is text too.
        return pd.Series(values, dtype=object if any(values != None) else "string")  # noqa: E711
    return pd.Series(values, dtype=values.dtype)


def _to_arrow(pa: Any, values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return pa.array(values)
    texts = _holds_texts(values)
    return pa.array(values, type=pa.string() if texts else None, from_pandas=True)


def _to_polars(pl: Any, values: Any) -> Any:
    if isinstance(values, pl.Series):
        return values
    if hasattr(values, "__arrow_array__"):
        return pl.from_arrow(values.__arrow_array__())
    if values.dtype == object:
        return pl.Series(list(values), dtype=pl.String if _holds_texts(values) else None)
    return pl.Series(values, nan_to_null=True)
