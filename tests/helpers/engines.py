"""Take one pandas frame to every dataframe engine, and any engine's frame back to pandas."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest

__all__ = ["ENGINES", "MORE", "installed_engines", "require_engine", "to_engine", "to_pandas"]

ENGINES = ("pandas", "pandas-pyarrow", "polars", "polars-lazy", "pyarrow", "duckdb")
# Further forms that `to_engine` makes; Spark needs the session of the fixture `spark`.
MORE = ("duckdb-private", "ibis", "spark")

# Frames travel by arrow, so that every engine sees the same types and nulls.
_NEEDS = {
    "pandas": (),
    "pandas-pyarrow": ("pyarrow",),
    "polars": ("polars", "pyarrow"),
    "polars-lazy": ("polars", "pyarrow"),
    "pyarrow": ("pyarrow",),
    "duckdb": ("duckdb", "pyarrow"),
    "duckdb-private": ("duckdb", "pyarrow"),
    "ibis": ("ibis", "pyarrow_hotfix", "duckdb", "pyarrow"),
    "spark": ("pyspark", "pyarrow"),
}


def installed_engines() -> list[str]:
    """Name the engines whose packages are installed."""
    return [name for name in (*ENGINES, *MORE) if not _missing(name)]


def require_engine(name: str) -> str:
    """Return the name, or skip the test where a package is missing."""
    missing = _missing(name)
    if missing:
        pytest.skip(f"engine {name} needs {', '.join(missing)}")
    return name


def to_engine(name: str, frame: pd.DataFrame) -> Any:
    """Hand the frame to an engine: same columns, same row order, NaN and None as null.

    The index is dropped. A DuckDB relation lives on the default connection, unless the
    engine is duckdb-private. A Spark DataFrame is made in the active session; its times are
    TIMESTAMP_NTZ.
    """
    plain = frame.reset_index(drop=True)
    if name == "pandas":
        return plain
    table = _to_arrow(plain)
    if name == "pyarrow":
        return table
    if name == "pandas-pyarrow":
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    if name.startswith("duckdb"):
        import duckdb

        return (_private() if name == "duckdb-private" else duckdb).from_arrow(table)
    if name == "ibis":
        import ibis

        return ibis.memtable(table)
    if name == "spark":
        from pyspark.sql import SparkSession

        from userportrait._core.frames._arrays import spark_from_arrow

        return spark_from_arrow(SparkSession.getActiveSession(), table)
    import polars as pl

    eager = pl.from_arrow(table)
    assert isinstance(eager, pl.DataFrame)
    return eager.lazy() if name == "polars-lazy" else eager


@cache
def _private() -> Any:
    import duckdb

    return duckdb.connect()


def to_pandas(native: Any) -> pd.DataFrame:
    """Return any engine's frame as pandas: numpy types, texts as objects, times in microseconds.

    A null is None in a text or boolean column, NaN in a number column, NaT in a time column.
    The index is 0, 1, …
    """
    frame = _collect(native).reset_index(drop=True)
    return pd.DataFrame({name: _plain(frame[name]) for name in frame.columns})


def _missing(name: str) -> list[str]:
    return [package for package in _NEEDS[name] if find_spec(package) is None]


def _to_arrow(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _collect(native: Any) -> pd.DataFrame:
    if isinstance(native, pd.DataFrame):
        return native
    package = type(native).__module__.partition(".")[0]
    if package == "pyspark":
        return native.toArrow().to_pandas()
    if package == "ibis":
        return native.to_pyarrow().to_pandas()
    if package == "polars":
        eager = native.collect() if hasattr(native, "collect") else native
        return eager.to_pandas(date_as_object=True)
    if package in {"duckdb", "_duckdb"}:
        return native.to_arrow_table().to_pandas()
    return native.to_pandas()


def _plain(series: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(series.dtype, pd.ArrowDtype):
        series = series.array.__arrow_array__().to_pandas()
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return series.astype("datetime64[us]")
    if isinstance(series.dtype, np.dtype) and series.dtype != object:
        return series
    values = series.astype(object)
    return values.where(values.notna(), None)
