"""Portraits in one SQLite file: embedded, atomic, fast to read."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, StoreError
from userportrait.stores import _sqlite_rows as rows
from userportrait.stores._encoding import (
    can_be_kept,
    decode_build,
    decode_profile,
    encode_build,
    encode_profile,
    encoded_profiles,
    look_up_id,
)
from userportrait.stores._sqlite_file import (
    Session,
    check_location,
    open_reader,
    store_error,
    translated_errors,
    truncate_log,
    write_transaction,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from userportrait.typing import Build, CustomerId, TagValue

__all__ = ["SQLiteStore"]

_logger = logging.getLogger("userportrait.stores")

_CHUNK = 50_000
_RULES: dict[str, Rule] = {
    "path": InstanceOf((str, os.PathLike), "a path"),
    "timeout": Between(0, 86_400),
}


class SQLiteStore:
    """Keep portraits in one SQLite file.

    A build is one transaction: whatever stops it, at whatever moment, the file holds
    either the old portraits or the new ones. Readers, in other threads and processes
    too, see the old ones until the new ones are complete. Needs nothing but Python.

    Parameters
    ----------
    path : str or path-like
        The file; its directory must exist. The file is made by the first build. It must
        be the store's own. SQLite keeps ``-wal`` and ``-shm`` files beside it while it
        is open.
    timeout : float, default=30.0
        How many seconds a build or an erasure waits for another writer; 0 to 86,400.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute.
    timeout : float
        As given.

    Raises
    ------
    StoreError
        If the path is a directory, the directory is missing, or the file is not a store
        of this or an earlier version of the library.
    InvalidParameterError
        If a parameter is of the wrong kind, or the path is ``":memory:"``.

    See Also
    --------
    userportrait.stores.MemoryStore : The same without a file.

    Notes
    -----
    One row for each customer holds the tags as compact JSON; integer and text IDs have a
    table each. The write-ahead log [1]_ is folded into the file after each build. Deleted
    and replaced content is overwritten with zeros [2]_. Use a local disk: SQLite's
    locks do not hold on most network file systems. Threads have a connection each, a
    forked process opens its own, and pickling gives a store that opens the same file.
    The file is never made smaller: a smaller build leaves free pages to the next one.

    References
    ----------
    .. [1] SQLite, "Write-Ahead Logging", https://www.sqlite.org/wal.html
    .. [2] SQLite, "PRAGMA secure_delete",
       https://www.sqlite.org/pragma.html#pragma_secure_delete

    Examples
    --------
    >>> from datetime import datetime
    >>> from tempfile import TemporaryDirectory
    >>> from userportrait.typing import Build
    >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
    >>> with TemporaryDirectory() as folder, SQLiteStore(f"{folder}/shop.db") as store:
    ...     store.replace_profiles([(17850, {"n_orders": 34})], build=build)
    ...     store.read_profile(17850)
    1
    {'n_orders': 34}
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        check_values("SQLiteStore", {"path": path, "timeout": timeout}, _RULES)
        if str(path) in {"", ":memory:"}:
            problem = f"path must name a file; got {str(path)!r}. MemoryStore keeps no file."
            raise InvalidParameterError("SQLiteStore", [problem])
        self.path: Path = Path(path).expanduser().absolute()
        self.timeout: float = float(timeout)
        self._local = local()
        self._sessions: WeakValueDictionary[int, Session] = WeakValueDictionary()
        self._scans: dict[int, int] = {}
        self._era = 0
        self._closed = False
        self._log_is_due = False
        check_location(self.path)
        self._session()

    def replace_profiles(
        self,
        profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]],
        *,
        build: Build,
    ) -> int:
        """Replace everything by the profiles of one build, in one transaction.

        Parameters
        ----------
        profiles : iterable of (customer_id, tags)
            One profile for each customer. Any order will do, ascending IDs are fastest.
            It is read once, while the write lock is held; it may read this store.
        build : Build
            What the profiles have in common.

        Returns
        -------
        int
            How many profiles were written.

        Raises
        ------
        InvalidDataError
            As `userportrait.stores.check_profiles` says.
        StoreLockedError
            If another writer holds the file for longer than `timeout`.
        StoreError
            If the file cannot be written. After any error the old build is kept.

        Examples
        --------
        >>> from datetime import datetime
        >>> from tempfile import TemporaryDirectory
        >>> from userportrait.typing import Build
        >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
        >>> with TemporaryDirectory() as folder, SQLiteStore(f"{folder}/shop.db") as store:
        ...     store.replace_profiles([("ann", {"n_orders": 3})], build=build)
        1
        """
        return self._replace(encoded_profiles(profiles, encode_profile), build)

    def replace_encoded(self, profiles: Iterable[tuple[CustomerId, str]], *, build: Build) -> int:
        """Do as `replace_profiles`, from profiles already written as JSON.

        Parameters
        ----------
        profiles : iterable of (customer_id, JSON text)
            Each text one JSON object of tag values, without blanks around it. Only its
            braces are checked, not its values.
        build : Build
            What the profiles have in common.

        Returns
        -------
        int
            How many profiles were written.

        Raises
        ------
        InvalidDataError, StoreLockedError, StoreError
            As `replace_profiles`.

        Examples
        --------
        >>> from datetime import datetime
        >>> from tempfile import TemporaryDirectory
        >>> from userportrait.typing import Build
        >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
        >>> with TemporaryDirectory() as folder, SQLiteStore(f"{folder}/shop.db") as store:
        ...     store.replace_encoded([("ann", '{"n_orders":3}')], build=build)
        1
        """
        return self._replace(encoded_profiles(profiles, _check_object), build)

    def read_profiles(
        self, customer_ids: Sequence[CustomerId]
    ) -> dict[CustomerId, dict[str, TagValue]]:
        """Return the tags of the customers found, all of them from one build.

        Parameters
        ----------
        customer_ids : sequence of int or str
            In any order; unknown customers are left out, repeated ones count once.

        Returns
        -------
        dict of customer_id to dict of str to tag value

        Raises
        ------
        ColumnTypeError
            If an ID is neither an integer nor a text.
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> SQLiteStore("not-built-yet.db").read_profiles([17850])
        {}
        """
        wanted = {key for key in map(look_up_id, customer_ids) if can_be_kept(key)}
        session = self._session()
        if session is None or not wanted:
            return {}
        try:
            found = rows.read_many(session.cursor, wanted)
        except sqlite3.Error as error:
            raise store_error(error, self.path, self.timeout) from error
        return {key: decode_profile(text) for key, text in found}

    def read_profile(self, customer_id: CustomerId) -> dict[str, TagValue] | None:
        """Return one customer's tags, None if the customer is unknown: the fast path.

        Parameters
        ----------
        customer_id : int or str

        Returns
        -------
        dict of str to tag value, or None

        Raises
        ------
        ColumnTypeError
            If the ID is neither an integer nor a text.
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> SQLiteStore("not-built-yet.db").read_profile("ann") is None
        True
        """
        statement = rows.READ_ONE.get(type(customer_id))
        if statement is None:
            customer_id = look_up_id(customer_id)
            statement = rows.READ_ONE[type(customer_id)]
        session = self._session()
        if session is None:
            return None
        try:
            found = session.cursor.execute(statement, (customer_id,)).fetchone()
        except (OverflowError, UnicodeEncodeError):
            return None  # no such ID can be kept
        except sqlite3.Error as error:
            raise store_error(error, self.path, self.timeout) from error
        return None if found is None else decode_profile(found[0])

    def scan_profiles(self) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        """Yield every profile once, all of them from the build the scan began with.

        Builds and erasures go on meanwhile; the scan does not see them, and the bytes of
        erased customers leave the disk when it ends.

        Yields
        ------
        customer_id : int or str
            Integers first.
        tags : dict of str to tag value

        Raises
        ------
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> list(SQLiteStore("not-built-yet.db").scan_profiles())
        []
        """
        self._check_open()
        connection = open_reader(self.path, self.timeout)
        if connection is None:
            return
        session = Session(connection, self._era)
        self._scans[id(session)] = session.pid
        try:
            with translated_errors(self.path, self.timeout):
                session.cursor.execute("BEGIN")
            for statement in rows.SCANS:
                with translated_errors(self.path, self.timeout):
                    session.cursor.execute(statement)
                while True:
                    with translated_errors(self.path, self.timeout):
                        found = session.cursor.fetchmany(1_000)
                    if not found:
                        break
                    for customer_id, text in found:
                        yield customer_id, decode_profile(text)
        finally:
            session.close()
            self._scans.pop(id(session), None)
            self._finish_log()

    def read_build(self) -> Build | None:
        """Return what the kept profiles have in common, None before the first build.

        Returns
        -------
        Build or None

        Raises
        ------
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> SQLiteStore("not-built-yet.db").read_build() is None
        True
        """
        found = self._build_row()
        return None if found is None else decode_build(found[0])

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers, from the bytes of the file too.

        The rows that stay move to new pages, the old pages are overwritten with zeros, and
        the write-ahead log is emptied. That takes as long as a build, in one transaction:
        hand over all customers in one call.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored.

        Returns
        -------
        int
            How many were there.

        Raises
        ------
        ColumnTypeError
            If an ID is neither an integer nor a text; then nobody is erased.
        StoreLockedError
            If another writer holds the file for longer than `timeout`.
        StoreError
            If the customers are deleted, but a reader in another process still holds the
            old pages after `timeout`: call again when it has finished.

        Notes
        -----
        While a scan of this store is open, the bytes leave the disk when it ends. What the
        file system or the disk keeps of earlier bytes (snapshots, backups, spare flash
        blocks) is out of SQLite's reach.

        Examples
        --------
        >>> SQLiteStore("not-built-yet.db").delete_customers([17850])
        0
        """
        wanted = {key for key in map(look_up_id, customer_ids) if can_be_kept(key)}
        if self._session() is None:
            return 0
        with self._writing() as connection, translated_errors(self.path, self.timeout):
            n_deleted = rows.delete_many(connection, wanted)
        if not self._empty_log(self.timeout) and not self._n_scans():
            raise StoreError(
                f"the customers are deleted, but another reader of '{self.path}' still holds "
                f"pages with their bytes after {self.timeout:g} s. "
                "Call delete_customers again when it has finished."
            )
        return n_deleted

    def close(self) -> None:
        """Close the connections of all threads; later calls raise `StoreError`.

        Examples
        --------
        >>> SQLiteStore("not-built-yet.db").close()
        """
        self._closed = True
        self._era += 1
        for reference in self._sessions.valuerefs():
            session = reference()
            if session is not None:
                session.close()
        self._finish_log()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopen, (str(self.path), self.timeout))

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {"file": self.path}
        try:
            found = self._build_row()
        except StoreError as error:
            facts["state"] = error
        else:
            facts["customers"] = f"{found[1] if found else 0:,}"
            facts["as of"] = decode_build(found[0]).as_of if found else "never built"
            facts["size"] = f"{self.path.stat().st_size / 1e6:,.1f} MB" if found else "0.0 MB"
        return page_fragment("SQLiteStore", definition_list(facts))

    def _build_row(self) -> tuple[str, int] | None:
        session = self._session()
        if session is None:
            return None
        with translated_errors(self.path, self.timeout):
            return rows.read_build(session.cursor)

    def _replace(self, profiles: Iterator[tuple[CustomerId, str]], build: Build) -> int:
        document = encode_build(build)
        n_profiles = 0
        with self._writing() as connection:
            with translated_errors(self.path, self.timeout):
                rows.clear(connection)
            while chunk := list(islice(profiles, _CHUNK)):
                with translated_errors(self.path, self.timeout):
                    rows.insert_chunk(connection, chunk, n_profiles)
                n_profiles += len(chunk)
            with translated_errors(self.path, self.timeout):
                rows.write_build(connection, document, n_profiles)
        self._log_is_due = True
        self._finish_log(min(self.timeout, 1.0))
        return n_profiles

    def _session(self) -> Session | None:
        """Return this thread's connection; None while there is nothing to read."""
        session: Session | None = getattr(self._local, "session", None)
        if session is not None and session.era == self._era and session.pid == os.getpid():
            return session
        self._check_open()
        connection = open_reader(self.path, self.timeout)
        if connection is None:
            self._local.session = None
            return None
        session = Session(connection, self._era, _file_number(self.path))
        self._local.session = session
        self._sessions[id(session)] = session
        return session

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        self._check_open()
        with write_transaction(self.path, self.timeout) as connection:
            yield connection
        # If the file was deleted and made anew, readers must let go of the old one.
        number = _file_number(self.path)
        held = (reference() for reference in self._sessions.valuerefs())
        if any(session is not None and session.file_number != number for session in held):
            self._era += 1

    def _empty_log(self, wait: float) -> bool:
        """Empty the write-ahead log, or remember that it is due."""
        done = truncate_log(self.path, self.timeout, 0.0 if self._n_scans() else wait)
        self._log_is_due = not done
        return done

    def _finish_log(self, wait: float = 0.0) -> None:
        """Empty the log if that is due; whatever prevents it, the profiles are safe."""
        if not self._log_is_due or self._n_scans():
            return
        try:
            done = self._empty_log(wait)
        except StoreError as error:
            _logger.warning("the write-ahead log is emptied later: %s", error)
        else:
            if not done:
                _logger.info("'%s' is being read: its log is emptied later", self.path)

    def _n_scans(self) -> int:
        return list(self._scans.values()).count(os.getpid())

    def _check_open(self) -> None:
        if self._closed:
            message = f"the store '{self.path}' is closed. Open it again with SQLiteStore(path)."
            raise StoreError(message)


def _reopen(path: str, timeout: float) -> SQLiteStore:
    return SQLiteStore(path, timeout=timeout)


def _check_object(text: Any) -> str:
    if isinstance(text, str) and text.startswith("{") and text.endswith("}"):
        return text
    raise InvalidDataError("an encoded profile must be the text of one JSON object: {...}.")


def _file_number(path: Path) -> int:
    return path.stat().st_ino
