"""Work in parts: the code for tables in memory, run on what does not fit there.

Rows are cut by a hash of the customer, so that one part has all rows of its customers; then
the same function that works on a whole table in memory works on each part. Spark runs it on
its workers, DuckDB part by part from a temporary directory, and engines in memory have one
part.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from userportrait._core.frames._aggregate import count_rows
from userportrait._core.frames._columns import with_columns
from userportrait._core.frames._engine import Frame, column_kinds, enter
from userportrait._core.frames._parts_duckdb import (
    DuckDBParts,
    collect_duckdb,
    collect_relation_batches,
    map_duckdb_batches,
    relation_beside,
    with_loose_key_on_duckdb,
)
from userportrait._core.frames._parts_schema import Like, Parts, check_schema_kinds, in_engine
from userportrait._core.frames._parts_spark import (
    SparkParts,
    collect_spark_batches,
    map_spark_batches,
    quiet_spark,
    with_loose_key_on_spark,
)
from userportrait.errors import ColumnTypeError, MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from userportrait._core.frames._engine import Kind
    from userportrait._core.frames._parts_schema import Schema

__all__ = [
    "PARTS_ABOVE",
    "Like",
    "Parts",
    "collect_batches",
    "collect_some",
    "cut_by_key",
    "is_large",
    "map_batches",
    "quiet_spark",
    "with_loose_key",
]

PARTS_ABOVE = 3_000_000
"""Rows of a DuckDB relation or ibis table up to which it is collected as a whole."""

_ON_DUCKDB = ("duckdb", "ibis")


def is_large(frame: Frame, n_rows: int | None = None) -> bool:
    """Return whether a frame is worked on in parts: on Spark always, on DuckDB by its rows."""
    if frame.engine == "spark":
        return True
    if frame.engine not in _ON_DUCKDB:
        return False
    return (count_rows(frame) if n_rows is None else n_rows) > PARTS_ABOVE


def cut_by_key(
    tables: Mapping[str, tuple[Frame, str]],
    *,
    rows_per_part: int = 2_000_000,
    n_parts: int | None = None,
    n_rows: int | None = None,
    directory: str | PathLike[str] | None = None,
) -> Parts:
    """Cut tables by a hash of their keys, so that equal keys are in one part.

    Parameters
    ----------
    tables : mapping of str to (Frame, str)
        For each name a frame and its key column: whole numbers, or texts, the same in all
        tables. Null is a key too. The first table's engine does the work and gets the
        results; tables of another kind are moved to it.
    rows_per_part : int, default=2_000_000
        How many rows a part has, about; on Spark there are at least as many parts as Spark
        has shuffle partitions.
    n_parts : int, optional
        How many parts; by default as many as the rows need. A DuckDB relation of up to
        `PARTS_ABOVE` rows is one part then, in memory.
    n_rows : int, optional
        How many rows the tables have together, if that is known; else they are counted.
    directory : path, optional
        Where DuckDB's temporary files go.

    Returns
    -------
    Parts

    Raises
    ------
    ColumnTypeError
        If keys are neither whole numbers nor texts, or not the same in all tables.
    MissingColumnError
        If there is no such column.
    UnsupportedOnEngine
        If Spark's workers cannot run this library.
    """
    engine = next(iter(tables.values()))[0].engine
    outside = engine in ("spark", *_ON_DUCKDB)
    _check_keys(tables, strict=outside)
    if outside and n_parts is None and n_rows is None:
        n_rows = sum(count_rows(frame) for frame, _ in tables.values())
    needed = n_parts or max(1, ceil((n_rows or 0) / rows_per_part))
    if engine == "spark":
        return SparkParts(tables, needed, at_least_shuffled=n_parts is None)
    if outside and (n_parts is not None or (n_rows or 0) > PARTS_ABOVE):
        folder = None if directory is None else Path(directory)
        return DuckDBParts(tables, needed, directory=folder)
    return _OnePart({name: frame for name, (frame, _) in tables.items()})


def _check_keys(tables: Mapping[str, tuple[Frame, str]], *, strict: bool) -> None:
    found: dict[str, str] = {}
    for name, (frame, key) in tables.items():
        kinds = column_kinds(frame)
        if key not in kinds:
            raise MissingColumnError(key, list(kinds), f"the key of '{name}'")
        kind = "text" if kinds[key] in ("category", "empty") else kinds[key]
        found[name] = kind
        if strict and kind not in ("integer", "text"):
            message = f"the key '{key}' of '{name}' must hold whole numbers or texts; got {kind}."
            raise ColumnTypeError(message, column=key)
    if strict and len(set(found.values())) > 1:
        listed = ", ".join(f"{name}: {kind}" for name, kind in found.items())
        key = next(iter(tables.values()))[1]
        message = f"'{key}' must hold whole numbers in all tables, or texts in all; got {listed}."
        raise ColumnTypeError(message, column=key)


class _OnePart(Parts):
    """Tables in memory, or small enough to be collected."""

    def __init__(self, tables: Mapping[str, Frame]) -> None:
        self._tables = dict(tables)

    def _collected(self) -> dict[str, Any]:
        return {name: _eager(frame) for name, frame in self._tables.items()}

    def map(self, function: Callable[[dict[str, Any]], Any], schema: Schema) -> Frame:
        """Return what a function makes of the tables; see `Parts.map`."""
        check_schema_kinds(schema)
        model = next(iter(self._tables.values()))
        return _on_engine_of(model, function(self._collected()), schema)

    def collect(self, function: Callable[[dict[str, Any]], bytes]) -> list[bytes]:
        """Return the bytes that a function makes of the tables; see `Parts.collect`."""
        return [function(self._collected())]


def _eager(frame: Frame) -> Any:
    """Return the rows as an eager frame: pandas, polars or pyarrow."""
    if frame.engine == "spark":
        with quiet_spark():
            return frame.native.toArrow()
    if frame.worker == "duckdb":
        return collect_duckdb(frame.native)
    native = frame.native
    return native.collect() if isinstance(frame.inner, nw.LazyFrame) else native


def _on_engine_of(model: Frame, result: Any, schema: Schema) -> Frame:
    """Bring a result in memory to the engine of another frame, with the declared types."""
    engine = model.engine
    if model.worker == "duckdb":
        return model.over(relation_beside(model.native, result, schema))
    made = in_engine(result, engine, schema)
    return enter(made) if engine == "pyarrow" else Frame(engine, nw.from_native(made))


def map_batches(frame: Frame, function: Callable[[Any], Any], schema: Mapping[str, Kind]) -> Frame:
    """Return what a function makes of the rows, some at a time: for work on single rows.

    Parameters
    ----------
    frame : Frame
    function : callable
        Gets an eager frame (pandas, polars or pyarrow) and returns one. On Spark it runs on
        the workers, where the rows are, when the result is computed; a DuckDB relation of
        more than `PARTS_ABOVE` rows comes in chunks; all else at once.
    schema : mapping of str to kind
        The columns of the results, as for `Parts.map`.
    """
    check_schema_kinds(schema)
    if frame.engine == "spark":
        return map_spark_batches(frame, function, schema)
    if is_large(frame):
        return map_duckdb_batches(frame, function, schema, PARTS_ABOVE)
    return _on_engine_of(frame, function(_eager(frame)), schema)


def collect_batches(frame: Frame, function: Callable[[Any], bytes]) -> list[bytes]:
    """Return the bytes that a function makes of the rows, some at a time, in any order.

    As `map_batches`, for evidence that is merged by the caller. Without a row there may be
    no call.
    """
    if frame.engine == "spark":
        return collect_spark_batches(frame, function)
    if is_large(frame):
        return collect_relation_batches(frame, function, PARTS_ABOVE)
    return [function(_eager(frame))]


def collect_some(frame: Frame, n: int) -> Any:
    """Return up to so many rows, any of them, as an eager frame."""
    return _eager(frame.over(frame.inner.head(n)))


def with_loose_key(frame: Frame, column: str, name: str) -> Frame:
    """Add a column to cut raw rows by: equal for all IDs that cleaning makes equal.

    Parameters
    ----------
    frame : Frame
    column : str
        Raw IDs: numbers or texts.
    name : str
        The new column: whole numbers (int64) of numbers; of texts what stands before the
        first ``.``, without white space and invisible characters. Null for null. IDs that
        differ may have the same key. Engines in memory have one part and get 0 everywhere.
    """
    kind = column_kinds(frame, [column])[column]
    if frame.engine == "spark":
        return with_loose_key_on_spark(frame, column, name, kind)
    if frame.worker == "duckdb":
        return with_loose_key_on_duckdb(frame, column, name, kind)
    return with_columns(frame, {name: nw.lit(0).cast(nw.Int64)})
