"""From arrays to frames: a frame of an engine's own kind, on the connection it belongs to."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.frames._beside import query_rows, unique_name
from userportrait._core.frames._engine import ENGINES
from userportrait._core.lazy import optional_import
from userportrait.errors import InvalidParameterError, UnsupportedOnEngine, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames._engine import Engine, Frame

__all__ = ["from_arrays", "label_column", "spark_from_arrow"]


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


def from_arrays(columns: Mapping[str, Any], engine: Engine, *, like: Frame | None = None) -> Any:
    """Make a frame of an engine's own kind from numpy arrays of equal length.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Object arrays hold texts, with None for null; NaN and NaT are null where the engine
        knows the difference; a column of the engine itself, such as `collect_keyed` returns,
        is taken as it is. Times are UTC; on Spark they become TIMESTAMP_NTZ.
    engine : str
        The library that gets the frame.
    like : Frame, optional
        A frame whose connection or session the result joins. Without it a DuckDB relation
        is made on DuckDB's default connection, a Spark DataFrame in the active session.

    Raises
    ------
    InvalidParameterError
        If there is no such engine.
    UnsupportedOnEngine
        If there is no active Spark session.
    """
    if engine not in ENGINES:
        raise InvalidParameterError("engine", [unknown_name("engine", str(engine), ENGINES)])
    if engine == "pandas":
        return pd.DataFrame(dict(columns))
    if engine == "duckdb":
        return _relation(columns, like)
    if engine == "pyarrow":
        pa = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
        return _arrow_table(pa, columns)
    if engine == "ibis":
        ibis: Any = optional_import("ibis", what="An ibis table", extra="ibis")
        return ibis.memtable(_arrow_table(import_module("pyarrow"), columns))
    if engine == "spark":
        return _spark_frame(columns, like)
    pl = optional_import("polars", what="A polars frame", extra="polars")
    made = pl.DataFrame({name: _to_polars(pl, values) for name, values in columns.items()})
    return made.lazy() if engine == "polars-lazy" else made


def _arrow_table(pa: Any, columns: Mapping[str, Any]) -> Any:
    return pa.table({name: _to_arrow(pa, values) for name, values in columns.items()})


def _relation(columns: Mapping[str, Any], like: Frame | None) -> Any:
    duckdb = optional_import("duckdb", what="A DuckDB relation", extra="duckdb")
    typed = pd.DataFrame({name: _typed_series(values) for name, values in columns.items()})
    if like is None or like.worker != "duckdb":
        return duckdb.from_df(typed)
    name = unique_name()
    if like.home is not None:
        like.home.get_backend().con.register(name, typed)
        return like.home.get_backend().con.table(name)
    return _on_connection_of(like.native, typed) or duckdb.from_df(typed)


def _on_connection_of(relation: Any, rows: pd.DataFrame) -> Any:
    """Return rows on a relation's own connection; None where it does not look for variables."""
    duckdb: Any = import_module("duckdb")
    try:
        return query_rows(relation, rows)
    except duckdb.CatalogException:
        return None


def _spark_frame(columns: Mapping[str, Any], like: Frame | None) -> Any:
    optional_import("pyspark", what="A Spark DataFrame", extra="spark")
    pa = optional_import("pyarrow", what="A Spark DataFrame", extra="spark")
    session = _spark_session(like)
    table = _arrow_table(pa, columns)
    return spark_from_arrow(session, table)


def _spark_session(like: Frame | None) -> Any:
    if like is not None and like.engine == "spark":
        return like.native.sparkSession
    sql: Any = import_module("pyspark.sql")
    session = sql.SparkSession.getActiveSession()
    if session is None:
        remedy = "Start one: SparkSession.builder.getOrCreate()."
        raise UnsupportedOnEngine("A result", "Spark without an active session", remedy)
    return session


def spark_from_arrow(session: Any, table: Any) -> Any:
    """Return a Spark DataFrame of an arrow table; times without a zone are TIMESTAMP_NTZ."""
    pa: Any = import_module("pyarrow")
    types: Any = import_module("pyspark.sql.types")
    arrow_types: Any = import_module("pyspark.sql.pandas.types")
    fields: list[Any] = []
    for position, field in enumerate(table.schema):
        dtype = field.type
        if pa.types.is_timestamp(dtype):
            dtype = pa.timestamp("us", dtype.tz)
        elif pa.types.is_unsigned_integer(dtype):
            dtype = pa.decimal128(20, 0) if dtype == pa.uint64() else pa.int64()
        elif pa.types.is_dictionary(dtype):
            dtype = dtype.value_type
        if dtype != field.type:
            cast = table.column(position).cast(dtype, safe=False)
            table = table.set_column(position, field.name, cast)
        spark_type = arrow_types.from_arrow_type(dtype, prefer_timestamp_ntz=True)
        fields.append(types.StructField(field.name, spark_type, True))
    return session.createDataFrame(table, schema=types.StructType(fields))


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
    if isinstance(values, pa.ChunkedArray):
        return values
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
