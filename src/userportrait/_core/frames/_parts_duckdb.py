"""Parts of DuckDB relations: cut once into files of a directory, then worked on one by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

import narwhals.stable.v2 as nw
import pandas as pd

from userportrait._core.frames._aggregate import count_rows
from userportrait._core.frames._arrays import to_pandas
from userportrait._core.frames._beside import query_rows, unique_name
from userportrait._core.frames._engine import Frame, Kind, column_kinds
from userportrait._core.frames._parts_schema import (
    Like,
    Parts,
    check_schema_kinds,
    has_arrow,
    to_arrow,
    to_typed_pandas,
)
from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from userportrait._core.frames._parts_schema import Schema

__all__ = [
    "DuckDBParts",
    "collect_duckdb",
    "collect_relation_batches",
    "map_duckdb_batches",
    "on_duckdb",
    "relation_beside",
    "with_loose_key_on_duckdb",
]

_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "text": "VARCHAR",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMP",
    "date": "DATE",
}


_FLUSH = "partitioned_write_flush_threshold"
_ROWS_HELD = 1_000_000  # by each thread, over all parts; DuckDB's own limit is half of it for each
_LEAST_HELD = 8_192


def on_duckdb(frame: Frame) -> Any:
    """Return a frame as a DuckDB relation: itself, or its rows on the default connection."""
    native = frame.native
    if frame.worker == "duckdb":
        return native
    if frame.engine == "spark":
        native = native.toArrow()
    elif isinstance(frame.inner, nw.LazyFrame):
        native = native.collect()
    if not isinstance(native, pd.DataFrame) and hasattr(native, "to_arrow"):
        native = native.to_arrow()
    duckdb: Any = optional_import("duckdb", what="A DuckDB relation", extra="duckdb")
    return duckdb.from_df(native) if isinstance(native, pd.DataFrame) else duckdb.from_arrow(native)


def collect_duckdb(relation: Any) -> Any:
    """Collect a relation: as a pyarrow table, or as pandas where there is no pyarrow.

    Without pyarrow decimals come as Python's `Decimal`, so that no digit is lost.
    """
    if has_arrow():
        return relation.to_arrow_table()
    exact = [
        name
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if str(kind).startswith("DECIMAL") and not str(kind).endswith("]")
    ]
    chosen = [
        f"CAST({_quoted(n)} AS VARCHAR) AS {_quoted(n)}" if n in exact else _quoted(n)
        for n in relation.columns
    ]
    frame: Any = to_pandas(Frame("duckdb", nw.from_native(relation.project(", ".join(chosen)))))
    for name in exact:
        frame[name] = pd.Series([_decimal(text) for text in frame[name]], dtype=object)
    return frame


def _decimal(text: Any) -> Decimal | None:
    return None if pd.isna(text) else Decimal(str(text))


class DuckDBParts(Parts):
    """Parts that are files in a temporary directory; one at a time is in memory.

    Parameters
    ----------
    tables : mapping of str to (Frame, str)
    n_parts : int
    directory : path, optional
        Where the temporary directory is made; by default where the system has such files.
    """

    def __init__(
        self,
        tables: Mapping[str, tuple[Frame, str]],
        n_parts: int,
        *,
        directory: Path | None,
    ) -> None:
        first = next(iter(tables.values()))[0]
        self._model = first
        self.n_parts = n_parts
        self._directory = directory
        self._relations = {name: on_duckdb(frame) for name, (frame, _) in tables.items()}
        self._files = Folder(directory)
        for name, (frame, key) in tables.items():
            kind = column_kinds(frame, [key])[key]
            self._cut(name, key, kind)

    def _cut(self, name: str, key: str, kind: Kind) -> None:
        """Write a table's rows into one folder for each part, in one pass."""
        relation = self._relations[name]
        own = _quoted(key)
        text = f"TRY_CAST({own} AS BIGINT)" if kind == "integer" else f"CAST({own} AS VARCHAR)"
        part = _fresh("part", relation.columns)
        chosen = ", ".join(_storable(c, str(t)) for c, t in _fields(relation))
        target = self._folder(name)
        target.mkdir()
        place = f"CAST(hash({text}) % {self.n_parts} AS INTEGER) AS {part}"
        view = unique_name()
        rows = f"SELECT {chosen}, {place} FROM {view}"  # noqa: S608  # names are quoted
        options = f"(FORMAT PARQUET, PARTITION_BY ({part}), OVERWRITE_OR_IGNORE)"
        before = _setting(relation, _FLUSH)
        _set(relation, _FLUSH, max(_ROWS_HELD // self.n_parts, _LEAST_HELD))
        try:
            relation.query(view, f"COPY ({rows}) TO {_literal(target)} {options}")
        finally:
            _set(relation, _FLUSH, before)
        for folder in target.iterdir():
            folder.rename(target / folder.name.partition("=")[2])

    def _folder(self, name: str) -> Path:
        position = list(self._relations).index(name)
        return self._files.path / f"table_{position}"

    def _read(self, part: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, relation in self._relations.items():
            files = sorted((self._folder(name) / str(part)).glob("*.parquet"))
            found[name] = collect_duckdb(
                _from_files(relation, files) if files else relation.limit(0)
            )
        return found

    def _parts(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each part that has rows; one without any, if none has."""
        there = [
            part
            for part in range(self.n_parts)
            if any((self._folder(name) / str(part)).is_dir() for name in self._relations)
        ]
        for part in there or [0]:
            yield part, self._read(part)
            _release()

    def map(self, function: Callable[[dict[str, Any]], Any], schema: Schema) -> Frame:
        """Return what a function makes of each part; see `Parts.map`."""
        check_schema_kinds(schema)
        schema = {name: self._resolved(kind) for name, kind in schema.items()}
        results = _Results(next(iter(self._relations.values())), schema, self._directory)
        for part, tables in self._parts():
            results.add(function(tables), part)
            del tables
        return results.frame(self._model)

    def _resolved(self, kind: Kind | Like) -> Kind | Like:
        if not isinstance(kind, Like):
            return kind
        types = {name: str(own) for name, own in _fields(self._relations[kind.table])}
        return replace(kind, type=_stored_type(types[kind.column]))

    def collect(self, function: Callable[[dict[str, Any]], bytes]) -> list[bytes]:
        """Return the bytes that a function makes of each part; see `Parts.collect`."""
        return [function(tables) for _, tables in self._parts()]

    def close(self) -> None:
        """Delete the cut rows."""
        self._files.delete()


_KEPT: list[Folder] = []
"""Results that relations read; kept until the interpreter exits."""


class Folder:
    """A temporary directory that is deleted with the object, or when the interpreter exits."""

    def __init__(self, directory: Path | None) -> None:
        self.path: Path = Path(mkdtemp(prefix="userportrait-", dir=directory))
        self.delete = finalize(self, rmtree, self.path, ignore_errors=True)


class _Results:
    """Results of parts, written to files one by one."""

    def __init__(self, beside: Any, schema: Schema, directory: Path | None) -> None:
        self._beside = beside
        self._schema = dict(schema)
        self._files = Folder(directory)

    def add(self, result: Any, part: int) -> None:
        path = self._files.path / f"part_{part:05d}.parquet"
        _write(_typed(result, self._schema), self._schema, path)

    def frame(self, model: Frame) -> Frame:
        """Return the results on the engine and connection of the rows they come from."""
        _KEPT.append(self._files)
        files = sorted(self._files.path.glob("*.parquet"))
        return model.over(_from_files(self._beside, files))


def relation_beside(relation: Any, result: Any, schema: Schema) -> Any:
    """Return an eager frame as a relation on another one's connection, types as declared."""
    duckdb: Any = import_module("duckdb")
    made = _typed(result, schema)
    try:
        return query_rows(relation, made, _casts(schema))
    except duckdb.CatalogException:  # not where such names are switched off, as in ibis
        folder = Folder(None)
        _KEPT.append(folder)
        file = folder.path / "rows.parquet"
        _write(made, schema, file)
        return _from_files(relation, [file])


def _write(made: Any, schema: Schema, file: Path) -> None:
    """Write typed rows to a Parquet file, on DuckDB's default connection."""
    duckdb: Any = import_module("duckdb")
    source = duckdb.from_df(made) if isinstance(made, pd.DataFrame) else duckdb.from_arrow(made)
    source.project(_casts(schema)).to_parquet(str(file))


def _typed(result: Any, schema: Schema) -> Any:
    if has_arrow():
        return to_arrow(result, schema)
    made = to_typed_pandas(result, schema)
    for name in (name for name, kind in schema.items() if kind == "text"):
        # Older DuckDB reads pandas' own null among texts as a text.
        values = made[name].astype(object)
        made[name] = values.where(values.notna(), None)
    return made


def _casts(schema: Schema) -> str:
    return ", ".join(_cast(name, kind) for name, kind in schema.items())


def _cast(name: str, kind: Kind | Like) -> str:
    own = _quoted(name)
    sql = kind.type if isinstance(kind, Like) else _TYPES[kind]
    return own if sql is None else f"CAST({own} AS {sql}) AS {own}"


def _from_files(relation: Any, files: Sequence[Path]) -> Any:
    """Return the rows of Parquet files as a relation on the connection of another one."""
    listed = ", ".join(_literal(file) for file in files)
    source = f"read_parquet([{listed}], hive_partitioning=false)"
    return relation.query(unique_name(), f"SELECT * FROM {source}")  # noqa: S608


def _fields(relation: Any) -> Iterator[tuple[str, Any]]:
    return zip(relation.columns, relation.types, strict=True)


def _storable(name: str, kind: str) -> str:
    """Return a column as Parquet keeps it without loss."""
    own, kept = _quoted(name), _stored_type(kind)
    return own if kept == kind else f"CAST({own} AS {kept}) AS {own}"


def _stored_type(kind: str) -> str:
    if kind.startswith("ENUM") and not kind.endswith("]"):
        return "VARCHAR"
    return {"HUGEINT": "DECIMAL(38, 0)", "UHUGEINT": "DECIMAL(38, 0)"}.get(kind, kind)


def _fresh(name: str, taken: Sequence[str]) -> str:
    lower = {other.lower() for other in taken}
    while name in lower:
        name += "_"
    return name


def _setting(relation: Any, name: str) -> int:
    """Return a setting of the relation's connection."""
    found = relation.query(unique_name(), f"SELECT current_setting('{name}')")
    return int(found.fetchall()[0][0])


def _set(relation: Any, name: str, value: int) -> None:
    relation.query(unique_name(), f"SET {name} = {value}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _release() -> None:
    """Give back what Arrow keeps for its next table."""
    if has_arrow():
        pa: Any = import_module("pyarrow")
        pa.default_memory_pool().release_unused()


def map_duckdb_batches(
    frame: Frame, function: Callable[[Any], Any], schema: Mapping[str, Kind], rows: int
) -> Frame:
    """Run a function on so many rows of a relation at a time; see `map_batches`."""
    relation = on_duckdb(frame)
    results = _Results(relation, schema, None)
    for i, batch in enumerate(_batches(relation, rows)):
        results.add(function(batch), i)
    return results.frame(frame)


def collect_relation_batches(
    frame: Frame, function: Callable[[Any], bytes], rows: int
) -> list[bytes]:
    """Collect the bytes that a function makes of so many rows of a relation at a time."""
    return [function(batch) for batch in _batches(on_duckdb(frame), rows)]


def _batches(relation: Any, rows: int) -> Iterator[Any]:
    """Yield the rows, some at a time: from a temporary file, so that the connection stays free."""
    folder = Folder(None)
    try:
        file = folder.path / "rows.parquet"
        chosen = ", ".join(_storable(c, str(t)) for c, t in _fields(relation))
        relation.project(chosen).to_parquet(str(file))
        stored = _from_files(relation, [file])
        n = count_rows(Frame("duckdb", nw.from_native(stored)))
        for start in range(0, max(n, 1), rows):
            where = f"file_row_number BETWEEN {start} AND {start + rows - 1}"
            columns = ", ".join(_quoted(name) for name in relation.columns)
            source = f"read_parquet({_literal(file)}, file_row_number=true)"
            text = f"SELECT {columns} FROM {source} WHERE {where}"  # noqa: S608
            yield collect_duckdb(relation.query(unique_name(), text))
            _release()
    finally:
        folder.delete()


def with_loose_key_on_duckdb(frame: Frame, column: str, name: str, kind: Kind) -> Frame:
    """Add the loose key; see `with_loose_key`."""
    own = _quoted(column)
    if kind in ("integer", "number", "decimal"):
        key = f"TRY_CAST({own} AS BIGINT)"
    else:
        key = (
            rf"regexp_replace(split_part(CAST({own} AS VARCHAR), '.', 1), "
            rf"'[\s\p{{Z}}\p{{C}}]', '', 'g')"
        )
    return frame.over(frame.native.project(f"*, {key} AS {_quoted(name)}"))
