"""Small frames of stated types in every form that a caller's frame can take."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "ARROW_FLAVOURS",
    "FLAVOURS",
    "build",
    "build_spark",
    "engine_of",
    "every_flavour",
    "quiet",
    "read",
    "read_rows",
    "types_of",
]

_NEEDS = {
    "pandas": (),
    "pandas-nullable": (),
    "pandas-arrow": ("pyarrow",),
    "polars": ("polars", "pyarrow"),
    "polars-lazy": ("polars", "pyarrow"),
    "pyarrow": ("pyarrow", "polars"),
    "duckdb": ("duckdb", "pyarrow"),
    "duckdb-private": ("duckdb", "pyarrow"),
    "ibis": ("ibis", "pyarrow_hotfix", "duckdb", "pyarrow"),
}
FLAVOURS = tuple(_NEEDS)
# Null and NaN are two things in these.
ARROW_FLAVOURS = tuple(name for name in FLAVOURS if name not in ("pandas", "pandas-nullable"))

every_flavour = pytest.mark.parametrize("flavour", FLAVOURS)

_PANDAS = {"float64": "float64", "float32": "float32", "bool": "bool"}
_NULLABLE = {"float64": "Float64", "float32": "Float32", "bool": "boolean", "text": "string"}


def engine_of(flavour: str) -> str:
    """Name the engine that a flavour belongs to, as the library calls it."""
    return flavour if flavour == "polars-lazy" else flavour.partition("-")[0]


def build(flavour: str, **columns: tuple[str, Sequence[Any]]) -> Any:
    """Make a frame from columns given as (type, values); None is null.

    Types are int8 … int64, uint8 … uint64, float32, float64, decimal, text, bool, category,
    date, zoned (a time in Europe/Paris) and time, time_s, time_ms, time_ns.
    """
    missing = [package for package in _NEEDS[flavour] if find_spec(package) is None]
    if missing:
        pytest.skip(f"{flavour} needs {', '.join(missing)}")
    if flavour in ("pandas", "pandas-nullable"):
        return _pandas_frame(columns, nullable=flavour == "pandas-nullable")
    table = _arrow_table(columns)
    if flavour == "pyarrow":
        return table
    if flavour == "pandas-arrow":
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    if flavour.startswith("duckdb"):
        connection = _private_connection() if flavour == "duckdb-private" else _default()
        return _relation(connection, table, columns)
    if flavour == "ibis":
        return _ibis_table(table, columns)
    import polars as pl

    frame: Any = pl.from_arrow(table)
    return frame.lazy() if flavour == "polars-lazy" else frame


def _pandas_frame(columns: dict[str, tuple[str, Sequence[Any]]], *, nullable: bool) -> pd.DataFrame:
    made = {
        name: _pandas_column(kind, values, nullable) for name, (kind, values) in columns.items()
    }
    return pd.DataFrame(made)


def _pandas_column(kind: str, values: Sequence[Any], nullable: bool) -> Any:
    has_null = any(value is None for value in values)
    if kind.startswith(("int", "uint")):
        title = kind.replace("uint", "UInt").replace("int", "Int") if kind[0] == "i" else ""
        name = title or kind.replace("uint", "UInt")
        return pd.Series(values, dtype=name if nullable or has_null else kind)
    if kind.startswith("time"):
        unit = kind.partition("_")[2] or "us"
        return pd.Series(pd.to_datetime(list(values)), dtype=f"datetime64[{unit}]")
    if kind == "zoned":
        times: Any = pd.Series(pd.to_datetime(list(values), utc=True))
        return times.dt.tz_convert("Europe/Paris").astype("datetime64[us, Europe/Paris]")
    if kind == "category":
        return pd.Series(values, dtype="category")
    if nullable and kind in _NULLABLE:
        return pd.Series(values, dtype=_NULLABLE[kind])
    if kind == "bool" and has_null:
        return pd.Series(values, dtype=object)
    if kind == "text":
        return pd.Series(values, dtype=pd.Series(["a"]).dtype)  # str from pandas 3 on
    return pd.Series(values, dtype=_PANDAS.get(kind, object))


def _arrow_table(columns: dict[str, tuple[str, Sequence[Any]]]) -> Any:
    import pyarrow as pa

    types = {
        "decimal": pa.decimal128(18, 4),
        "text": pa.string(),
        "bool": pa.bool_(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "date": pa.date32(),
        "zoned": pa.timestamp("us", "Europe/Paris"),
        "time": pa.timestamp("us"),
    }
    types |= {f"time_{unit}": pa.timestamp(unit) for unit in ("s", "ms", "ns")}
    arrays = {}
    for name, (kind, values) in columns.items():
        dtype = types.get(kind) or getattr(pa, kind)()
        if kind == "time_ns":
            values = [None if v is None else pd.Timestamp(v) for v in values]
        if kind == "category":
            arrays[name] = pa.array(list(values), pa.string()).dictionary_encode()
        else:
            arrays[name] = pa.array(list(values), dtype)
    return pa.table(arrays)


def build_spark(session: Any, **columns: tuple[str, Sequence[Any]]) -> Any:
    """Make a Spark DataFrame as `build` does; `zoned` is TIMESTAMP, other times TIMESTAMP_NTZ."""
    from userportrait._core.frames._arrays import spark_from_arrow

    return spark_from_arrow(session, _arrow_table(columns))


def _relation(connection: Any, table: Any, columns: dict[str, tuple[str, Sequence[Any]]]) -> Any:
    parts = []
    for name, (kind, values) in columns.items():
        quoted = '"' + name.replace('"', '""') + '"'
        if kind == "category":
            texts = sorted({v for v in values if v is not None}) or ["an enum has a label"]
            labels = ", ".join(f"'{text}'" for text in texts)
            parts.append(f"CAST({quoted} AS ENUM({labels})) AS {quoted}")
        else:
            parts.append(quoted)
    return connection.from_arrow(table).project(", ".join(parts))


def _ibis_table(table: Any, columns: dict[str, tuple[str, Sequence[Any]]]) -> Any:
    backend = _ibis_connection()
    name = f"table_{next(_NUMBERS)}"
    _relation(backend.con, table, columns).to_table(name)
    with quiet():
        return backend.table(name)


_NUMBERS = count()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep quiet what ibis calls of DuckDB that DuckDB calls old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@cache
def _ibis_connection() -> Any:
    import ibis

    return ibis.duckdb.connect()


def _default() -> Any:
    import duckdb

    return duckdb


@cache
def _private_connection() -> Any:
    import duckdb

    return duckdb.connect()  # older versions end it with its last name


def read(native: Any) -> dict[str, list[Any]]:
    """Return the values of any frame as Python values, None for null, rows in their order."""
    if isinstance(native, pd.DataFrame):
        assert native.index.equals(pd.RangeIndex(len(native)))
        return {name: [_plain(v) for v in native[name]] for name in native.columns}
    if hasattr(native, "sparkSession"):
        native = native.toArrow()
    if hasattr(native, "to_pyarrow"):
        with quiet():
            native = native.to_pyarrow()
    if hasattr(native, "fetchall"):
        rows = native.fetchall()
        return {name: [row[i] for row in rows] for i, name in enumerate(native.columns)}
    if hasattr(native, "collect"):
        native = native.collect()
    if hasattr(native, "to_pydict"):
        return dict(native.to_pydict())
    return dict(native.to_dict(as_series=False))


def read_rows(native: Any) -> list[tuple[Any, ...]]:
    """Return the rows of any frame, sorted; for results whose order is not promised."""
    columns = read(native)
    rows = list(zip(*columns.values(), strict=True))
    return sorted(rows, key=lambda row: [(value is None, str(type(value)), value) for value in row])


def types_of(native: Any) -> dict[str, str]:
    """Name the type of each column, such as Int64; the same words for every library."""
    schema = nw.from_native(native).collect_schema()  # of ibis tables, too
    return {name: str(dtype) for name, dtype in schema.items()}


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
