"""Frames in and out: which engine holds a frame, what its columns are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from uuid import uuid4

import narwhals.stable.v2 as nw
import pandas as pd

from userportrait._core.lazy import optional_import
from userportrait.errors import InvalidDataError, UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from userportrait.typing import IntoFrame

__all__ = [
    "ENGINES",
    "Engine",
    "Facts",
    "Frame",
    "Kind",
    "check_names",
    "check_plain_names",
    "column_kinds",
    "column_names",
    "enter",
    "lazily",
    "leave",
]

Engine: TypeAlias = Literal["pandas", "polars", "polars-lazy", "pyarrow", "duckdb", "spark", "ibis"]
Kind: TypeAlias = Literal[
    "integer", "number", "decimal", "text", "boolean", "time", "date", "category", "empty", "other"
]

ENGINES: tuple[Engine, ...] = (
    "pandas",
    "polars",
    "polars-lazy",
    "pyarrow",
    "duckdb",
    "spark",
    "ibis",
)

_SUPPORTED = (
    "a pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, "
    "a Spark DataFrame or an ibis table on DuckDB"
)


@dataclass(slots=True)
class Facts:
    """What is already known of a lazy frame, so that no job asks for it twice.

    Parameters
    ----------
    rows : int, optional
    missing : dict of str to int
        Missing values of each column that has been looked at.
    spans : dict of str to (low, high)
        As a pass brought them: times and dates as epoch microseconds.
    """

    rows: int | None = None
    missing: dict[str, int] = field(default_factory=dict[str, int])
    spans: dict[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])

    def of(self, columns: Iterable[str]) -> Facts:
        """Return what is known of these columns."""
        names = list(columns)
        missing = {name: self.missing[name] for name in names if name in self.missing}
        spans = {name: self.spans[name] for name in names if name in self.spans}
        return Facts(self.rows, missing, spans)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame inside the vocabulary.

    Parameters
    ----------
    engine : str
        The library that the caller's frame came from, which gets the results too.
    inner : narwhals DataFrame or LazyFrame
        Work happens here; a pyarrow table is held as polars or pandas, an ibis table as the
        relation of its DuckDB connection.
    home : object, optional
        The caller's ibis table, whose connection gets the results.
    facts : Facts, optional
        What earlier passes over a lazy frame have found.
    """

    engine: Engine
    inner: nw.DataFrame[Any] | nw.LazyFrame[Any]
    home: Any = field(default=None, compare=False, repr=False)
    facts: Facts = field(default_factory=Facts, compare=False, repr=False)

    @property
    def native(self) -> Any:
        """The frame of the library that does the work."""
        return self.inner.to_native()

    @property
    def worker(self) -> Literal["pandas", "polars", "duckdb", "spark"]:
        """The library that does the work."""
        if self.engine in ("duckdb", "ibis"):
            return "duckdb"
        if self.engine == "spark":
            return "spark"
        return "pandas" if isinstance(self.native, pd.DataFrame) else "polars"

    @property
    def is_sql(self) -> bool:
        """Whether the work is written as SQL: on DuckDB and Spark."""
        return self.engine in ("duckdb", "ibis", "spark")

    def over(self, inner: Any, *, same: Iterable[str] | None = None) -> Frame:
        """Return what was made of this frame, narwhals or native, on the same engine.

        `same` names the columns whose values have not changed; given, it promises that no
        row has come or gone.
        """
        wrapped = isinstance(inner, (nw.DataFrame, nw.LazyFrame))
        made: Any = cast("Any", inner) if wrapped else nw.from_native(inner)
        facts = Facts() if same is None else self.facts.of(same)
        return Frame(self.engine, made, self.home, facts)


def enter(frame: IntoFrame, *, argument: str = "frame") -> Frame:
    """Take a caller's frame in.

    Parameters
    ----------
    frame : frame
        A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation of any
        connection, a Spark DataFrame (not a streaming one), or an ibis table on DuckDB. The
        index of a pandas frame is left behind; column names become texts.
    argument : str, default='frame'
        The caller's name for it, used in messages.

    Raises
    ------
    UnsupportedOnEngine
        If the library is not one of these, before any work.
    InvalidDataError
        If two columns share a name.
    """
    engine = _engine_of(frame, argument)
    home = None
    if engine == "pandas":
        frame = _plain_pandas(frame, argument)
    elif engine == "pyarrow":
        check_names(frame.column_names, engine, argument)
        frame = _arrow_to_worker(frame)
    elif engine == "ibis":
        home, frame = frame, _relation_of(frame, argument)
        check_names(frame.columns, engine, argument)
    elif engine in ("duckdb", "spark"):
        check_names(frame.columns, engine, argument)
        if engine == "spark" and frame.isStreaming:
            remedy = "Give each micro-batch to the state with foreach_batch."
            raise UnsupportedOnEngine(f"{argument}=", "a streaming Spark DataFrame", remedy)
    return Frame(engine, nw.from_native(frame), home)


_REFUSED = {
    "dask": (
        "Give dask_frame.compute(): dask adds up the distinct counts of its partitions and "
        "has no order of rows."
    ),
    "pyspark": "Give frame.to_spark(), a Spark DataFrame.",
}


def _engine_of(frame: object, argument: str) -> Engine:
    if isinstance(frame, pd.DataFrame):
        return "pandas"
    kind = type(frame)
    library, name = kind.__module__.partition(".")[0], kind.__name__
    known: dict[tuple[str, str], Engine] = {
        ("polars", "DataFrame"): "polars",
        ("polars", "LazyFrame"): "polars-lazy",
        ("pyarrow", "Table"): "pyarrow",
        ("duckdb", "DuckDBPyRelation"): "duckdb",
        ("_duckdb", "DuckDBPyRelation"): "duckdb",
        ("ibis", "Table"): "ibis",
    }
    for base in kind.__mro__:
        found = known.get((base.__module__.partition(".")[0], base.__name__))
        if found is not None:
            return found
        if base.__name__ == "DataFrame" and base.__module__.startswith("pyspark.sql."):
            return "spark"
    given = f"{library}.{name}" if library != "builtins" else name
    remedy = _REFUSED.get(library, "") if name == "DataFrame" else ""
    raise UnsupportedOnEngine(f"{argument}=", given, remedy or f"Give {_SUPPORTED}.")


def _relation_of(table: Any, argument: str) -> Any:
    """Return an ibis table as a relation of its own DuckDB connection."""
    ibis: Any = import_module("ibis")
    try:
        backend = table.get_backend()
    except ibis.common.exceptions.IbisError:
        backend = None
    if backend is None or backend.name != "duckdb":
        where = "no connection, or several" if backend is None else backend.name
        remedy = "Give an ibis table on one DuckDB connection, or table.to_pyarrow()."
        raise UnsupportedOnEngine(f"{argument}=", f"ibis on {where}", remedy)
    operations: Any = import_module("ibis.expr.operations")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of ibis, about DuckDB
        for held in table.op().find(operations.InMemoryTable):
            backend.con.register(held.name, held.data.to_pyarrow(held.schema))
        return backend.con.sql(str(ibis.to_sql(table, dialect="duckdb")))


def check_names(names: Sequence[str], engine: Engine, argument: str) -> None:
    """Raise `InvalidDataError` if two columns share a name; SQL engines ignore case."""
    seen: set[str] = set()
    caseless = {"duckdb": "DuckDB", "ibis": "DuckDB", "spark": "Spark"}.get(engine)
    for name in names:
        key = name.lower() if caseless else name
        if key in seen:
            alike = f" ({caseless} does not tell case apart)" if caseless else ""
            message = f"{argument} has two columns named '{name}'{alike}. Rename or drop one."
            raise InvalidDataError(message, column=name)
        seen.add(key)


def check_plain_names(frame: Frame, names: Iterable[str]) -> None:
    """Raise `InvalidDataError` if expressions on the engine would take a name apart."""
    if frame.worker != "duckdb" or not _reads_names_as_paths():
        return
    for name in names:
        if "." in name or '"' in name:
            message = (
                f"This release of DuckDB takes the dot or the quote in the column name {name!r} "
                "for a part of a path. Rename the column, or update DuckDB: "
                'pip install "duckdb>=2.0".'
            )
            raise InvalidDataError(message, column=name)


@cache
def _reads_names_as_paths() -> bool:
    """Whether DuckDB's expressions split a column's name, as those before 2.0 do."""
    duckdb: Any = import_module("duckdb")
    return int(duckdb.__version__.partition(".")[0]) < 2


def _plain_pandas(frame: pd.DataFrame, argument: str) -> pd.DataFrame:
    """Return a frame of its own that shares the values: text names, index 0, 1, and so on."""
    names = [str(name) for name in frame.columns]
    check_names(names, "pandas", argument)
    frame = frame.copy(deep=False)
    frame.columns = pd.Index(names)
    frame.index = pd.RangeIndex(len(frame))
    return frame


def _arrow_to_worker(table: Any) -> Any:
    try:
        polars: Any = import_module("polars")
    except ImportError:
        return table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    return polars.from_arrow(table)


def leave(frame: Frame) -> Any:
    """Give a frame back to the caller, in the library that it came from."""
    native = frame.native
    if frame.engine == "polars" and isinstance(frame.inner, nw.LazyFrame):
        return native.collect()
    if frame.engine == "pandas":
        return native.copy(deep=False)
    if frame.engine == "ibis":
        return _table_of(frame)
    if frame.engine != "pyarrow":
        return native
    if isinstance(native, pd.DataFrame):
        pa: Any = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
        return pa.Table.from_pandas(native, preserve_index=False).replace_schema_metadata(None)
    return native.to_arrow()


def _table_of(frame: Frame) -> Any:
    """Return a relation as a table of the caller's ibis connection, by way of a view."""
    ibis: Any = import_module("ibis")
    if frame.home is None:
        return ibis.memtable(frame.native.to_arrow_table())
    name = f"userportrait_{uuid4().hex}"
    frame.native.create_view(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of ibis, about DuckDB
        return frame.home.get_backend().table(name)


def lazily(frame: Frame) -> Frame:
    """Put off the work on polars until it is collected, all of it at once; else do nothing."""
    if frame.engine == "polars" and isinstance(frame.inner, nw.DataFrame):
        return frame.over(frame.inner.lazy())
    return frame


def column_names(frame: Frame) -> list[str]:
    """Return the names of the columns, in order."""
    return list(frame.inner.collect_schema().names())


def column_kinds(frame: Frame, columns: Iterable[str] | None = None) -> dict[str, Kind]:
    """Return what each column holds, by name; of all columns by default.

    ``category`` is a categorical or enum column; ``decimal`` an exact decimal, also Python
    `Decimal` objects in pandas; ``empty`` holds nothing but nulls and has no type; ``other``
    is what no role can take, such as lists, or times with and without a zone in one column.
    """
    schema = frame.inner.collect_schema()
    native = frame.native
    chosen = list(schema) if columns is None else list(columns)
    found: dict[str, Kind] = {name: _kind(schema[name]) for name in chosen}
    if isinstance(native, pd.DataFrame):
        for name, kind in found.items():
            if kind in ("other", "text") and native[name].dtype == object:
                found[name] = _object_kind(native[name])
            elif kind == "other" and str(native[name].dtype) == "null[pyarrow]":
                found[name] = "empty"
    elif "other" in found.values():
        for name in _empty_columns(frame) & set(found):
            found[name] = "empty"
    return found


def _empty_columns(frame: Frame) -> set[str]:
    """Name the columns whose type is that of a bare null."""
    native = frame.native
    if frame.engine == "spark":
        return {name for name, sql_type in native.dtypes if sql_type == "void"}
    if frame.is_sql:
        types = zip(native.columns, native.types, strict=True)
        return {name for name, sql_type in types if str(sql_type).strip('"') == "NULL"}
    return {name for name, dtype in native.collect_schema().items() if str(dtype) == "Null"}


def _kind(dtype: Any) -> Kind:
    if dtype == nw.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "number"
    if dtype == nw.Decimal:
        return "decimal"
    if dtype == nw.String:
        return "text"
    if dtype in (nw.Categorical, nw.Enum):
        return "category"
    if dtype == nw.Datetime:
        return "time"
    return "date" if dtype == nw.Date else "other"


_OBJECT_KINDS: dict[str, Kind] = {
    "string": "text",
    "empty": "empty",
    "decimal": "decimal",
    "integer": "integer",
    "floating": "number",
    "mixed-integer-float": "number",
    "boolean": "boolean",
    "datetime": "time",
    "datetime64": "time",
    "date": "date",
}


def _object_kind(column: pd.Series[Any]) -> Kind:
    kind = _OBJECT_KINDS.get(pd.api.types.infer_dtype(column, skipna=True), "other")
    if kind in ("time", "date"):
        zoned = {_has_zone(value) for value in column[column.notna()]}
        return kind if len(zoned) == 1 else "other"
    return kind


def _has_zone(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
