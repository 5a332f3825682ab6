"""Events in one DuckDB file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError, StoreError
from userportrait.stores import _event_duckdb_file as database
from userportrait.stores import _event_rows as rows
from userportrait.stores import _state_files as locks

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from userportrait._core.frames import Engine
    from userportrait.data import Events
    from userportrait.stores._event_rows import Columns, Interval, Schema
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["DuckDBEventStore"]

_RULES: dict[str, Rule] = {
    "path": InstanceOf((str, os.PathLike), "a path"),
    "timeout": Between(0, 86_400),
}


class DuckDBEventStore:
    """Keep events in one DuckDB file.

    A batch is one transaction: whatever stops it, at whatever moment, all its rows are there
    or none. The file is opened for each piece of work and closed after it, so that other
    processes get their turn. Needs the extra ``duckdb``.

    Parameters
    ----------
    path : str or path-like
        The file, made by the first batch; its directory must exist. It must be the store's
        own.
    timeout : float, default=30.0
        How many seconds to wait for another process that has the file open; 0 to 86,400.

    Attributes
    ----------
    path : pathlib.Path
        The file, absolute.
    timeout : float
        As given.

    Raises
    ------
    MissingExtraError
        If DuckDB is not installed.
    InvalidParameterError
        If a parameter is of the wrong kind, or the path is ``":memory:"``.
    StoreError
        If the path is a directory, or its directory is missing.

    See Also
    --------
    userportrait.stores.ParquetEventStore : Readers there never wait for a writer.

    Notes
    -----
    DuckDB allows one process to write, or several to read [1]_: the others wait, at most
    `timeout` seconds. Threads of one process wait for each other. Deleting rows in DuckDB
    does not remove their bytes [2]_, so an erasure writes the file anew, without them, and
    puts it in the place of the old one; it needs room for a second file. A file
    ``.<name>.lock`` beside it keeps writers apart.

    References
    ----------
    .. [1] DuckDB, "Concurrency", https://duckdb.org/docs/stable/connect/concurrency
    .. [2] DuckDB, "Reclaiming Space",
       https://duckdb.org/docs/stable/operations_manual/footprint_of_duckdb/reclaiming_space

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> monday = pd.DataFrame(
    ...     {
    ...         "customer_id": ["bo", "ann"],
    ...         "event": ["view", "cart"],
    ...         "occurred_at": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 09:00"]),
    ...     }
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     store = DuckDBEventStore(f"{folder}/events.duckdb")
    ...     store.append_events(monday, batch_id="2026-01-05")
    ...     store.append_events(monday, batch_id="2026-01-05")  # sent again
    ...     len(store.read_events(since="2026-01-05 09:30"))
    2
    0
    1
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        check_values("DuckDBEventStore", {"path": path, "timeout": timeout}, _RULES)
        if str(path) in {"", ":memory:"}:
            problem = f"path must name a file; got {str(path)!r}. MemoryEventStore keeps no file."
            raise InvalidParameterError("DuckDBEventStore", [problem])
        database.duckdb_module()
        self.path: Path = Path(path).expanduser().absolute()
        self.timeout: float = float(timeout)
        locks.check_parent(self.path, "the events")
        if self.path.is_dir():
            message = f"'{self.path}' is a directory. Give a file in it, such as 'events.duckdb'."
            raise StoreError(message)

    def append_events(self, events: Events | IntoFrame, *, batch_id: str) -> int:
        """Append a batch of events in one transaction.

        Parameters
        ----------
        events : Events or frame
            With `customer_id`, `event`, `occurred_at` and any other columns of numbers,
            texts, truths or times. Columns without any value are left out. The names of two
            columns must differ in more than upper and lower case.
        batch_id : str
            What the batch is called; one seen before writes nothing.

        Returns
        -------
        int
            How many rows were written.

        Raises
        ------
        InvalidDataError
            If a column holds something else than in earlier batches, or a value is missing
            in one of the first three.
        MissingColumnError
            If one of the first three columns is missing.
        StoreLockedError
            If another process has the file open for longer than `timeout`.
        StoreError
            If the file cannot be written. After any error nothing of the batch is there.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame(
        ...     {"customer_id": [1], "event": ["view"], "occurred_at": [pd.Timestamp("2026-01-05")]}
        ... )
        >>> DuckDBEventStore("events.duckdb").append_events(frame, batch_id="monday")
        1
        """
        name = rows.check_batch_id(batch_id, "DuckDBEventStore.append_events")
        with self._writing():
            if not self.path.exists():
                database.make_file(self.path)
            with database.opened(self.path, self.timeout, read_only=False) as connection:
                if _has_batch(connection, name):
                    return 0
                columns, found = rows.plain_rows(events)
                old = database.read_schema(connection)
                columns, schema = rows.fit_rows(columns, found, old)
                _check_names(schema)
                with database.translated_errors(self.path):
                    connection.begin()
                    n_rows = _insert(connection, columns, old, schema)
                    connection.execute("INSERT INTO batches VALUES (?, ?)", [name, n_rows])
                    connection.commit()
                return n_rows

    def read_events(
        self,
        customer_ids: Sequence[CustomerId] | None = None,
        *,
        since: object = None,
        until: object = None,
        engine: Engine = "pandas",
    ) -> Any:
        """Return events in the order of time.

        Parameters
        ----------
        customer_ids : sequence of int or str, optional
            Whose; of all customers by default. Unknown ones are left out.
        since, until : datetime, date or ISO 8601 text, optional
            The interval; `since` belongs to it, `until` does not. By default it is open.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'`` or ``'duckdb'``. It is in memory in any case.

        Returns
        -------
        frame
            Every column ever appended, null where a batch lacked it.

        Raises
        ------
        StoreLockedError
            If another process writes for longer than `timeout`.
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> DuckDBEventStore("events.duckdb").read_events(since="2026-01-01").columns.tolist()
        ['customer_id', 'event', 'occurred_at']
        """
        owner = "DuckDBEventStore.read_events"
        rows.check_engine(engine, owner)
        interval = rows.interval_of(since, until, owner)
        wanted = None if customer_ids is None else rows.wanted_ids(customer_ids, owner)
        with self._reading() as connection:
            schema = {} if connection is None else database.read_schema(connection)
            columns = _select(connection, schema, interval, wanted) if schema else {}
        return rows.to_engine(columns, schema, engine)

    def has_batch(self, batch_id: str) -> bool:
        """Say whether a batch was appended.

        Examples
        --------
        >>> DuckDBEventStore("events.duckdb").has_batch("monday")
        False
        """
        with self._reading() as connection:
            return connection is not None and _has_batch(connection, batch_id)

    @property
    def batch_ids(self) -> list[str]:
        """The batches appended, sorted by name."""
        return [row[0] for row in self._fetch("SELECT batch_id FROM batches ORDER BY batch_id")]

    @property
    def n_events(self) -> int:
        """How many events are kept."""
        with self._reading() as connection:
            if connection is None or not database.read_schema(connection):
                return 0
            return int(connection.execute("SELECT count(*) FROM events").fetchall()[0][0])

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers' events: the file is written anew without them.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored. Hand over all of them in one call.

        Returns
        -------
        int
            How many of these customers had events.

        Raises
        ------
        StoreLockedError
            If another process has the file open for longer than `timeout`.
        StoreError
            If the file cannot be written. Then nobody is erased.

        Examples
        --------
        >>> DuckDBEventStore("events.duckdb").delete_customers(["ann"])
        0
        """
        wanted = rows.wanted_ids(customer_ids, "DuckDBEventStore.delete_customers")
        if not wanted or not self.path.exists():
            return 0
        with self._writing():
            with database.opened(self.path, self.timeout, read_only=True) as connection:
                schema = database.read_schema(connection)
                chosen = _fitting(wanted, schema)
                n_gone = 0
                if chosen:
                    _register(chosen, connection)
                    query = (
                        "SELECT count(DISTINCT customer_id) FROM events "
                        "WHERE customer_id IN (SELECT id FROM wanted)"
                    )
                    n_gone = int(connection.execute(query).fetchall()[0][0])
            condition = "customer_id NOT IN (SELECT id FROM wanted)" if chosen else "true"
            database.rewrite(self.path, self.timeout, condition, partial(_register, chosen))
            return n_gone

    @contextmanager
    def _reading(self) -> Generator[Any]:
        """Open the file for reading; None if nothing was ever written."""
        with database.process_lock(self.path):
            if not self.path.exists():
                yield None
                return
            with (
                database.opened(self.path, self.timeout, read_only=True) as connection,
                database.translated_errors(self.path),
            ):
                yield connection

    @contextmanager
    def _writing(self) -> Generator[None]:
        beside = self.path.with_name(f".{self.path.name}.lock")
        with (
            database.process_lock(self.path),
            locks.write_lock(beside, self.timeout, self.path),
        ):
            yield

    def _fetch(self, query: str) -> list[Any]:
        with self._reading() as connection:
            return [] if connection is None else list(connection.execute(query).fetchall())

    def __repr__(self) -> str:
        n_batches = format_count(len(self.batch_ids), "batch", "batches")
        n_events = format_count(self.n_events, "event")
        return f"<DuckDBEventStore '{self.path.name}' with {n_events} in {n_batches}>"

    def _repr_html_(self) -> str:
        facts = {
            "file": self.path,
            "events": f"{self.n_events:,}",
            "batches": f"{len(self.batch_ids):,}",
        }
        return page_fragment("DuckDBEventStore", definition_list(facts))


def _has_batch(connection: Any, batch_id: str) -> bool:
    query = "SELECT count(*) FROM batches WHERE batch_id = ?"
    return bool(connection.execute(query, [batch_id]).fetchall()[0][0])


def _check_names(schema: Schema) -> None:
    seen: dict[str, str] = {}
    for name in schema:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            message = (
                f"events: columns '{twin}' and '{name}' are one to DuckDB, which does not tell "
                f"upper from lower case. Rename one. Nothing of the batch was written."
            )
            raise InvalidDataError(message, column=name)


def _insert(connection: Any, columns: Columns, old: Schema, schema: Schema) -> int:
    n_rows = rows.length_of(columns)
    if not n_rows:
        return 0
    typed = {name: f"{database.quoted(name)} {database.TYPES[k]}" for name, k in schema.items()}
    if old:
        for name in schema.keys() - old.keys():
            connection.execute(f"ALTER TABLE events ADD COLUMN {typed[name]}")
    else:
        connection.execute(f"CREATE TABLE events ({', '.join(typed.values())})")
    names = ", ".join(map(database.quoted, schema))
    connection.register("batch", _frame(rows.in_time_order(columns), schema))
    connection.execute(f"INSERT INTO events ({names}) SELECT {names} FROM batch")  # noqa: S608
    connection.unregister("batch")
    return n_rows


def _frame(columns: Columns, schema: Schema) -> pd.DataFrame:
    """Return rows as the pandas types that DuckDB reads without guessing."""
    nullable: dict[str, Any] = {"integer": "Int64", "boolean": "boolean"}
    found: dict[str, Any] = {}
    for name, kind in schema.items():
        values: Any = columns[name]
        dtype = nullable.get(kind, object) if values.dtype == object else values.dtype
        found[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(found)


def _fitting(wanted: Sequence[CustomerId], schema: Schema) -> list[CustomerId]:
    numbers = schema.get("customer_id") == "integer"
    return [found for found in wanted if isinstance(found, int) == numbers] if schema else []


def _register(chosen: Sequence[CustomerId], connection: Any) -> None:
    numbers = bool(chosen) and isinstance(chosen[0], int)
    ids = pd.Series(list(chosen), dtype="int64" if numbers else object)
    connection.register("wanted", pd.DataFrame({"id": ids}))


def _select(
    connection: Any, schema: Schema, interval: Interval, wanted: list[CustomerId] | None
) -> Columns:
    conditions = ["true"]
    if interval.since is not None:
        conditions.append(f"occurred_at >= make_timestamp({interval.since})")
    if interval.until is not None:
        conditions.append(f"occurred_at < make_timestamp({interval.until})")
    if wanted is not None:
        chosen = _fitting(wanted, schema)
        if not chosen:
            return rows.join_rows([], schema)
        _register(chosen, connection)
        conditions.append("customer_id IN (SELECT id FROM wanted)")
    where = " AND ".join(conditions)
    query = f"SELECT * FROM events WHERE {where} ORDER BY occurred_at"  # noqa: S608
    return rows.read_columns(connection.sql(query), schema)
