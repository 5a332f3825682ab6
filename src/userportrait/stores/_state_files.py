"""Files written all or nothing, and a lock that one writer holds at a time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from userportrait.errors import StoreError, StoreLockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = [
    "TEMPORARY",
    "check_parent",
    "make_directory",
    "remove_file",
    "sync_directory",
    "sync_file",
    "write_atomically",
    "write_lock",
]

TEMPORARY = ".tmp-"
"""How the names of unfinished files begin."""


def check_parent(path: Path, what: str) -> None:
    """Raise unless the directory that shall hold the path is there."""
    if path.parent.is_dir():
        return
    how = "is not a directory" if path.parent.exists() else "does not exist"
    message = f"cannot keep {what} '{path.name}' in '{path.parent}': that directory {how}."
    raise StoreError(message)


def make_directory(path: Path) -> None:
    """Make a directory of a store, or raise `StoreError`."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        message = f"the directory '{path}' cannot be made: {error.strerror}."
        raise StoreError(message) from error


@contextmanager
def write_lock(path: Path, timeout: float, store: Path) -> Generator[None]:
    """Hold the only write lock of a store; the system frees it when a process dies.

    SQLite's lock on an empty database holds between threads and processes alike, and is the
    same on every system.

    Raises
    ------
    StoreLockedError
        If another writer holds it for longer than `timeout` seconds.
    """
    try:
        connection = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        message = f"the store '{store}' cannot be written: {error}."
        raise StoreError(message) from error
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if busy:
                raise StoreLockedError(str(store), timeout) from error
            message = f"the store '{store}' cannot be locked for writing: {error}."
            raise StoreError(message) from error
        yield
    finally:
        connection.close()


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under another name, make sure of it, then give it its name.

    The name of the file on the way begins with `TEMPORARY`; the caller holds the lock.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        write(temporary)
        sync_file(temporary)
        os.replace(temporary, path)  # noqa: PTH105 - the one call that tests interrupt
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        message = f"'{path}' cannot be written: {error.strerror or error}. The old content is kept."
        raise StoreError(message) from error
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until a directory's names are on the disk, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_file(path: Path) -> bool:
    """Remove a file; say whether it is gone (another process may hold it on Windows)."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
