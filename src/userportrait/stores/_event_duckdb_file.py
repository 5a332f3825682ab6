"""One DuckDB file of events: how it is opened, made, written anew, and what its errors mean."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any

from userportrait._core.lazy import optional_import
from userportrait.errors import StoreError, StoreLockedError
from userportrait.stores import _state_files as files

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from userportrait.stores._event_rows import Kind, Schema

__all__ = [
    "TYPES",
    "duckdb_module",
    "make_file",
    "opened",
    "process_lock",
    "quoted",
    "read_schema",
    "rewrite",
    "translated_errors",
]

_VERSION = 1
_PAUSE = 0.01

TYPES: dict[Kind, str] = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "text": "VARCHAR",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMP",
}
_KINDS: dict[str, Kind] = {sql: kind for kind, sql in TYPES.items()}

_guard = Lock()
_locks: dict[str, Any] = {}


def process_lock(path: Path) -> Any:
    """Return the lock of a file: DuckDB opens it in one way at a time in a process."""
    with _guard:
        return _locks.setdefault(str(path), RLock())


def duckdb_module() -> Any:
    """Import DuckDB, or say which extra to install."""
    return optional_import("duckdb", what="DuckDBEventStore", extra="duckdb")


def quoted(name: str) -> str:
    """Return a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def opened(path: Path, timeout: float, *, read_only: bool) -> Generator[Any]:
    """Open a store's file for one piece of work; the caller has the process's lock.

    Raises
    ------
    StoreLockedError
        If another process has the file open for longer than `timeout` seconds.
    """
    connection = _connect(path, timeout, read_only=read_only)
    try:
        _check_owner(connection, path)
        yield connection
    finally:
        connection.close()


def _connect(path: Path, timeout: float, *, read_only: bool) -> Any:
    duckdb = duckdb_module()
    deadline = time.monotonic() + timeout
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                message = f"the store '{path}' cannot be opened: {error}"
                raise StoreError(message) from error
            if time.monotonic() >= deadline:
                raise StoreLockedError(str(path), timeout) from error
        except duckdb.ConnectionException as error:
            message = (
                f"the store '{path}' is open elsewhere in this process. Close that connection: "
                f"the store opens the file for each piece of work."
            )
            raise StoreError(message) from error
        except duckdb.Error as error:
            message = f"the store '{path}' cannot be opened: {error}"
            raise StoreError(message) from error
        time.sleep(_PAUSE)


@contextmanager
def translated_errors(path: Path) -> Generator[None]:
    """Turn DuckDB's errors into the library's."""
    duckdb = duckdb_module()
    try:
        yield
    except duckdb.Error as error:
        message = f"the store '{path}' could not be read or written: {error}"
        raise StoreError(message) from error


def _check_owner(connection: Any, path: Path) -> None:
    duckdb = duckdb_module()
    try:
        found = connection.execute("SELECT version FROM userportrait_events").fetchall()
    except duckdb.CatalogException as error:
        message = f"the DuckDB file '{path}' belongs to another program. Give the store its own."
        raise StoreError(message) from error
    version = found[0][0]
    if version > _VERSION:
        message = (
            f"the store '{path}' was written by a newer userportrait (version {version}; this one "
            f"reads up to {_VERSION}). Upgrade userportrait."
        )
        raise StoreError(message)


def read_schema(connection: Any) -> Schema:
    """Return what each column of the events holds; nothing before the first events."""
    try:
        found = connection.table("events")
    except duckdb_module().CatalogException:
        return {}
    return {n: _KINDS[str(sql)] for n, sql in zip(found.columns, found.types, strict=True)}


def make_file(path: Path) -> None:
    """Make an empty store under another name, then give it its name."""
    _sweep(path)
    files.write_atomically(path, _make)


def _make(path: Path) -> None:
    with translated_errors(path):
        connection = duckdb_module().connect(str(path))
        try:
            _create_tables(connection)
        finally:
            connection.close()


def _create_tables(connection: Any) -> None:
    connection.execute(
        "CREATE TABLE userportrait_events AS SELECT ?::INTEGER AS version", [_VERSION]
    )
    connection.execute("CREATE TABLE batches (batch_id VARCHAR PRIMARY KEY, n_rows BIGINT)")


def rewrite(path: Path, timeout: float, condition: str, prepare: Any) -> None:
    """Write a file anew with the events that meet a condition; the old file is gone.

    Parameters
    ----------
    path : pathlib.Path
    timeout : float
    condition : str
        SQL over the columns of the events.
    prepare : callable
        Given the connection first, to register what the condition names.
    """
    _sweep(path)
    with opened(path, timeout, read_only=False) as connection, translated_errors(path):
        connection.execute("CHECKPOINT")
    if path.with_name(f"{path.name}.wal").exists():
        message = f"the log of '{path}' could not be folded into the file. Nobody is erased yet."
        raise StoreError(message)

    def copy(temporary: Path) -> None:
        with translated_errors(path):
            connection = duckdb_module().connect(str(temporary))
            try:
                _copy(connection, path, condition, prepare)
            finally:
                connection.close()

    files.write_atomically(path, copy)


def _copy(connection: Any, path: Path, condition: str, prepare: Any) -> None:
    _create_tables(connection)
    prepare(connection)
    source = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{source}' AS old (READ_ONLY)")
    connection.execute("INSERT INTO batches SELECT * FROM old.batches")
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'old'"
    ).fetchall()
    if ("events",) in tables:
        query = f"SELECT * FROM old.events WHERE {condition} ORDER BY occurred_at"  # noqa: S608
        connection.execute(f"CREATE TABLE events AS {query}")
    connection.execute("DETACH old")


def _sweep(path: Path) -> None:
    """Remove what a killed writer left; only while the lock is held."""
    for leftover in path.parent.glob(f"{files.TEMPORARY}{_escaped(path.name)}*"):
        files.remove_file(leftover)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
