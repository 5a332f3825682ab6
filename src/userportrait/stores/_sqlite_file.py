"""One store file: how it is opened, checked, left and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from userportrait.errors import StoreError, StoreLockedError
from userportrait.stores._sqlite_rows import create_tables

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = [
    "APPLICATION_ID",
    "SCHEMA_VERSION",
    "Session",
    "check_location",
    "open_reader",
    "store_error",
    "translated_errors",
    "truncate_log",
    "write_transaction",
]

APPLICATION_ID = 0x55507274
"""What SQLite's header says of our files: 'UPrt'."""

SCHEMA_VERSION = 1
"""SQLite's ``user_version`` of our tables; a newer file is refused."""

_WRITER_CACHE_KIB = 65_536
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_abandoned: list[sqlite3.Connection] = []
"""Connections inherited by a fork: SQLite forbids a child to use or to close them."""


class Session:
    """One connection with its cursor, closed when it is dropped, but never after a fork."""

    __slots__ = ("__weakref__", "connection", "cursor", "era", "file_number", "pid")

    def __init__(self, connection: sqlite3.Connection, era: int, file_number: int = 0) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.era = era
        self.file_number = file_number
        self.pid = os.getpid()

    def close(self) -> None:
        """Close the connection, or leave it alone in a forked child."""
        if self.pid == os.getpid():
            self.connection.close()
        else:
            _abandoned.append(self.connection)

    def __del__(self) -> None:
        self.close()


def check_location(path: Path) -> None:
    """Raise unless the path is, or can become, a store file."""
    if path.is_dir():
        message = f"'{path}' is a directory. Give a file in it, such as '{path / 'shop.db'}'."
        raise StoreError(message)
    if not path.parent.is_dir():
        what = "is not a directory" if path.parent.exists() else "does not exist"
        message = f"cannot keep '{path.name}' in '{path.parent}': that directory {what}."
        raise StoreError(message)


def open_reader(path: Path, timeout: float) -> sqlite3.Connection | None:
    """Open a store file for reading; None if nothing was ever written to it."""
    if not _has_content(path):
        return None
    with translated_errors(path, timeout):
        connection = _connect(path, timeout, mode="rw")
        try:
            if _schema_version(connection, path) == 0:
                connection.close()
                return None
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def write_transaction(path: Path, timeout: float) -> Generator[sqlite3.Connection]:
    """Hold the write lock on a connection of its own; commit at the end or roll back.

    Errors of the caller's own code pass unchanged. Until the commit, every other
    connection sees the old content, and so does everyone after a crash.
    """
    check_location(path)
    with translated_errors(path, timeout):
        connection = _connect(path, timeout, mode="rwc")
    try:
        with translated_errors(path, timeout):
            _schema_version(connection, path)
            _use_write_ahead_log(connection, timeout)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            connection.execute("BEGIN IMMEDIATE")
        try:
            with translated_errors(path, timeout):
                _create_schema(connection, path)
            yield connection
            with translated_errors(path, timeout):
                connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    finally:
        connection.close()


def truncate_log(path: Path, timeout: float, wait: float) -> bool:
    """Move everything from the write-ahead log into the file and empty the log.

    Returns False if readers still need the log after `wait` seconds.
    """
    with translated_errors(path, timeout):
        connection = _connect(path, wait, mode="rw")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        finally:
            connection.close()
        return not busy


@contextmanager
def translated_errors(path: Path, timeout: float) -> Generator[None]:
    """Turn SQLite's errors into the library's."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path, timeout) from error


def store_error(error: sqlite3.Error, path: Path, timeout: float) -> StoreError:
    """Say what an error of SQLite means for the store."""
    if _is_busy(error):
        return StoreLockedError(str(path), timeout)
    meaning = {
        sqlite3.SQLITE_NOTADB: "is not an SQLite file. Give the store a file of its own.",
        sqlite3.SQLITE_CORRUPT: "is damaged. Take a backup, or delete the file and build again.",
        sqlite3.SQLITE_READONLY: "cannot be written: the file or its directory is read-only.",
        sqlite3.SQLITE_CANTOPEN: (
            "cannot be opened. The file and its directory must be readable and writable: "
            "SQLite keeps a '-wal' and a '-shm' file beside it."
        ),
        sqlite3.SQLITE_FULL: "could not be written: the disk is full. The old profiles are kept.",
        sqlite3.SQLITE_IOERR: f"could not be read or written: {error}.",
    }.get(_code(error), f"failed: {error}.")
    return StoreError(f"the store '{path}' {meaning}")


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"the store '{path}' cannot be opened: {error.strerror}."
        raise StoreError(message) from error


def _connect(path: Path, timeout: float, *, mode: str) -> sqlite3.Connection:
    # No isolation level: transactions are begun and ended by hand. Connections are used
    # by one thread at a time; close() and a dropped scan may come from another one.
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=32,
    )


def _schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the tables, 0 for none; refuse other programs' files."""
    owner, version, used = _marks(connection)
    if owner != APPLICATION_ID and (owner or version or used):
        message = f"the SQLite file '{path}' belongs to another program. Give the store its own."
        raise StoreError(message)
    if version > SCHEMA_VERSION:
        message = (
            f"the store '{path}' was written by a newer userportrait (schema {version}; this one "
            f"reads up to {SCHEMA_VERSION}). Upgrade userportrait, or build into a new file."
        )
        raise StoreError(message)
    return version


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Read the owner, the version and the number of tables at one moment.

    Another process may be making the tables just now.
    """
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        statements = (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_master",
        )
        # The table is read first: it is what opens the transaction's view of the file.
        used, version, owner = (connection.execute(s).fetchone()[0] for s in statements[::-1])
    finally:
        if alone and connection.in_transaction:
            connection.execute("ROLLBACK")
    return owner, version, used


def _create_schema(connection: sqlite3.Connection, path: Path) -> None:
    if _schema_version(connection, path) == SCHEMA_VERSION:
        return
    create_tables(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _use_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> None:
    # SQLite does not wait for this lock by itself.
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _code(error: sqlite3.Error) -> Any:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in _BUSY
