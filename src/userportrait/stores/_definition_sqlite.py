"""Versioned documents in one SQLite file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.stores._definition_documents import (
    check_names,
    check_version,
    decode_document,
    encode_document,
)
from userportrait.stores._sqlite_file import (
    check_location,
    open_reader,
    translated_errors,
    truncate_log,
    write_transaction,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Mapping

__all__ = ["SQLiteDefinitionStore"]

_RULES: dict[str, Rule] = {
    "path": InstanceOf((str, os.PathLike), "a path"),
    "timeout": Between(0, 86_400),
}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS definitions (kind TEXT NOT NULL, name TEXT NOT NULL, "
    "version INTEGER NOT NULL, document TEXT, PRIMARY KEY (kind, name, version))"
)
_OF_NAME = "FROM definitions WHERE kind = ? AND name = ?"


class SQLiteDefinitionStore:
    """Keep versioned documents in one SQLite file.

    A write is one transaction: once it has returned a number, that version is in the file,
    also if the process is killed the next moment. Needs nothing but Python.

    Parameters
    ----------
    path : str or path-like
        The file, made by the first write; its directory must exist. A file of
        `SQLiteStore` will do: portraits and definitions leave each other alone.
    timeout : float, default=30.0
        How many seconds a write waits for another writer; 0 to 86,400.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute.
    timeout : float
        As given.

    Raises
    ------
    StoreError
        If the path is a directory, the directory is missing, or the file is not a store of
        this or an earlier version of the library.
    InvalidParameterError
        If a parameter is of the wrong kind, or the path is ``":memory:"``.

    See Also
    --------
    userportrait.stores.MemoryDefinitionStore : The same without a file.

    Notes
    -----
    Every call opens a connection of its own, so threads, forked processes and pickled copies
    may share a store. A document may have up to a billion bytes. A build of portraits holds
    the write lock until it is done: where builds are long, give definitions their own file. A
    deleted document is overwritten with zeros, its number is kept. Use a local disk: SQLite's
    locks do not hold on most network file systems. [1]_

    References
    ----------
    .. [1] SQLite, "Write-Ahead Logging", https://www.sqlite.org/wal.html

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     store = SQLiteDefinitionStore(f"{folder}/shop.db")
    ...     store.write_definition("tag", "loyal", {"at_least": 3})
    ...     store.list_definitions("tag")
    1
    {'loyal': [1]}
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        check_values("SQLiteDefinitionStore", {"path": path, "timeout": timeout}, _RULES)
        if str(path) in {"", ":memory:"}:
            problem = (
                f"path must name a file; got {str(path)!r}. MemoryDefinitionStore keeps no file."
            )
            raise InvalidParameterError("SQLiteDefinitionStore", [problem])
        self.path: Path = Path(path).expanduser().absolute()
        self.timeout: float = float(timeout)
        check_location(self.path)
        self._read("SELECT 1", ())

    def read_definition(
        self, kind: str, name: str, version: int | None = None
    ) -> dict[str, Any] | None:
        """Return a version of a document, by default the last one; None if it is not there.

        Parameters
        ----------
        kind, name : str
        version : int, optional

        Returns
        -------
        dict or None

        Raises
        ------
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> SQLiteDefinitionStore("not-written-yet.db").read_definition("tag", "loyal") is None
        True
        """
        check_names("SQLiteDefinitionStore.read_definition", kind=kind, name=name)
        check_version("SQLiteDefinitionStore.read_definition", version)
        statement = f"SELECT document {_OF_NAME} AND document IS NOT NULL"
        if version is None:
            found = self._read(f"{statement} ORDER BY version DESC LIMIT 1", (kind, name))
        else:
            found = self._read(f"{statement} AND version = ?", (kind, name, version))
        return decode_document(found[0][0]) if found else None

    def write_definition(self, kind: str, name: str, document: Mapping[str, Any]) -> int:
        """Add a version of a document; return its number.

        Parameters
        ----------
        kind, name : str
            1 to 200 characters.
        document : mapping of str to JSON value
            As `userportrait.stores.encode_document` says.

        Returns
        -------
        int
            1 for the first version, then 2, 3, …

        Raises
        ------
        InvalidDataError
            If the document cannot be kept.
        StoreLockedError
            If another writer holds the file for longer than `timeout`.
        StoreError
            If the file cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     store = SQLiteDefinitionStore(f"{folder}/shop.db")
        ...     store.write_definition("tag", "loyal", {"at_least": 3})
        1
        """
        check_names("SQLiteDefinitionStore.write_definition", kind=kind, name=name)
        text = encode_document(document)
        with self._writing() as connection:
            last = connection.execute(f"SELECT max(version) {_OF_NAME}", (kind, name)).fetchone()
            version = int(last[0] or 0) + 1
            connection.execute(
                "INSERT INTO definitions VALUES (?, ?, ?, ?)", (kind, name, version, text)
            )
        return version

    def list_definitions(self, kind: str) -> dict[str, list[int]]:
        """Return the names of a kind, sorted, and the versions of each, ascending.

        Raises
        ------
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> SQLiteDefinitionStore("not-written-yet.db").list_definitions("tag")
        {}
        """
        check_names("SQLiteDefinitionStore.list_definitions", kind=kind)
        found: dict[str, list[int]] = {}
        for name, version in self._read(
            "SELECT name, version FROM definitions WHERE kind = ? AND document IS NOT NULL", (kind,)
        ):
            found.setdefault(name, []).append(version)
        return {name: sorted(found[name]) for name in sorted(found)}

    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        """Remove a version, by default all of them; return how many were there.

        Raises
        ------
        StoreLockedError
            If another writer holds the file for longer than `timeout`.
        StoreError
            If the file cannot be written.

        Examples
        --------
        >>> SQLiteDefinitionStore("not-written-yet.db").delete_definition("tag", "loyal")
        0
        """
        check_names("SQLiteDefinitionStore.delete_definition", kind=kind, name=name)
        check_version("SQLiteDefinitionStore.delete_definition", version)
        versions = self.list_definitions(kind).get(name, [])
        if not versions or version not in (None, *versions):
            return 0
        # The last row stays without its document, so that its number is not given again.
        statement = (
            "UPDATE definitions SET document = NULL "
            "WHERE kind = ? AND name = ? AND version = coalesce(?, version) "
            "AND document IS NOT NULL"
        )
        with self._writing() as connection:
            return connection.execute(statement, (kind, name, version)).rowcount

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopen, (str(self.path), self.timeout))

    def __repr__(self) -> str:
        return f"SQLiteDefinitionStore({str(self.path)!r})"

    def _repr_html_(self) -> str:
        counted = self._read(
            "SELECT kind, count(document) FROM definitions GROUP BY kind ORDER BY kind", ()
        )
        facts = {"file": self.path, **{kind: format_count(n, "version") for kind, n in counted}}
        return page_fragment("SQLiteDefinitionStore", definition_list(facts))

    def _read(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        connection = open_reader(self.path, self.timeout)
        if connection is None:
            return []
        try:
            with translated_errors(self.path, self.timeout):
                is_there = "SELECT 1 FROM sqlite_master WHERE name = 'definitions'"
                if connection.execute(is_there).fetchone() is None:
                    return []
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        translated = translated_errors(self.path, self.timeout)
        with write_transaction(self.path, self.timeout) as connection, translated:
            connection.execute(_TABLE)
            yield connection
        # The log keeps the write from a kill; moving it to the file also syncs it to the disk.
        truncate_log(self.path, self.timeout, 0.0)


def _reopen(path: str, timeout: float) -> SQLiteDefinitionStore:
    return SQLiteDefinitionStore(path, timeout=timeout)
