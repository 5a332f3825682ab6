"""Events in a directory of Parquet files."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.lazy import optional_import
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import InvalidParameterError, StoreError
from userportrait.stores import _event_rows as rows
from userportrait.stores import _state_files as locks
from userportrait.stores._event_manifest import (
    MANIFEST,
    EventFile,
    Manifest,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from userportrait._core.frames import Engine
    from userportrait.data import Events
    from userportrait.stores._event_rows import Columns, Interval, Schema
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["ParquetEventStore"]

_OURS = re.compile(r"events-[0-9a-f]{32}\.parquet")
_ROW_GROUP = 131_072
_TRIES = 20
_RULES: dict[str, Rule] = {
    "directory": InstanceOf((str, os.PathLike), "a path"),
    "timeout": Between(0, 86_400),
}


class ParquetEventStore:
    """Keep events in a directory of Parquet files, one for each batch.

    Any engine can read the files, see `paths`. A batch is there as a whole or not at all,
    whatever stops the writer at whatever moment. Readers, in other threads and processes too,
    never wait. Needs the extra ``parquet``.

    Parameters
    ----------
    directory : str or path-like
        Made by the first batch; the directory it is in must exist. It must be the store's own.
    timeout : float, default=30.0
        How many seconds a writer waits for another writer; 0 to 86,400.

    Attributes
    ----------
    directory : pathlib.Path
        Absolute.
    timeout : float
        As given.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    InvalidParameterError
        If a parameter is of the wrong kind.
    StoreError
        If the path is a file, or the directory that it is in is missing.

    See Also
    --------
    userportrait.stores.DuckDBEventStore : The same in one file.

    Notes
    -----
    ``events.json`` lists the files that count, with their first and last time, the batches
    and what each column holds. It is replaced after a new file is on the disk; files that it
    does not list are left over from a writer that was killed, and the next writer removes
    them. A read opens the files whose times meet the interval. Small files are joined by
    `compact`, which sorts them by time as well. An erasure writes every file that has one of
    the customers anew and removes the old ones. Use a local disk: the lock is SQLite's.

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
    ...     store = ParquetEventStore(f"{folder}/events")
    ...     store.append_events(monday, batch_id="2026-01-05")
    ...     store.append_events(monday, batch_id="2026-01-05")  # sent again
    ...     len(store.read_events(since="2026-01-05 09:30"))
    2
    0
    1
    """

    def __init__(self, directory: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        values = {"directory": directory, "timeout": timeout}
        check_values("ParquetEventStore", values, _RULES)
        if str(directory) == "":
            problem = "directory must name a directory; got ''."
            raise InvalidParameterError("ParquetEventStore", [problem])
        _parquet()
        self.directory: Path = Path(directory).expanduser().absolute()
        self.timeout: float = float(timeout)
        locks.check_parent(self.directory, "the events")
        if self.directory.exists() and not self.directory.is_dir():
            message = f"'{self.directory}' is a file. Give a directory for the events."
            raise StoreError(message)
        self._seen: tuple[tuple[int, int, int], Manifest] | None = None

    def append_events(self, events: Events | IntoFrame, *, batch_id: str) -> int:
        """Append a batch of events as one file.

        Parameters
        ----------
        events : Events or frame
            With `customer_id`, `event`, `occurred_at` and any other columns of numbers,
            texts, truths or times. Columns without any value are left out.
        batch_id : str
            What the batch is called; one seen before writes nothing. Names that end in a
            slash and a number, such as ``'orders/17'``, are kept as ranges.

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
            If another writer is at work for longer than `timeout`.
        StoreError
            If the directory cannot be written. After any error nothing of the batch is there.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame(
        ...     {"customer_id": [1], "event": ["view"], "occurred_at": [pd.Timestamp("2026-01-05")]}
        ... )
        >>> ParquetEventStore("events").append_events(frame, batch_id="monday")
        1
        """
        name = rows.check_batch_id(batch_id, "ParquetEventStore.append_events")
        if self.has_batch(name):
            return 0
        columns, found = rows.plain_rows(events)
        locks.make_directory(self.directory)
        with self._writing() as manifest:
            if name in manifest.batch_ids:
                return 0
            columns, schema = rows.fit_rows(columns, found, manifest.schema)
            n_rows = rows.length_of(columns)
            added: tuple[EventFile, ...] = ()
            if n_rows:
                added = (self._write_file(rows.in_time_order(columns), schema),)
            else:
                schema = manifest.schema
            self._commit(Manifest((*manifest.files, *added), schema, manifest.batch_ids.add(name)))
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
            ``'pyarrow'`` or ``'duckdb'``. It is in memory in any case; see `paths` for more
            than fits there.

        Returns
        -------
        frame
            Every column ever appended, null where a batch lacked it.

        Raises
        ------
        StoreError
            If a file is missing or damaged.

        Examples
        --------
        >>> ParquetEventStore("events").read_events(since="2026-01-01").columns.tolist()
        ['customer_id', 'event', 'occurred_at']
        """
        owner = "ParquetEventStore.read_events"
        rows.check_engine(engine, owner)
        interval = rows.interval_of(since, until, owner)
        wanted = None if customer_ids is None else rows.wanted_ids(customer_ids, owner)
        parts, schema = self._read_parts(interval, wanted)
        joined = rows.join_rows(parts, schema)
        return rows.to_engine(rows.in_time_order(joined) if schema else joined, schema, engine)

    def has_batch(self, batch_id: str) -> bool:
        """Say whether a batch was appended.

        Examples
        --------
        >>> ParquetEventStore("events").has_batch("monday")
        False
        """
        return batch_id in self._manifest().batch_ids

    @property
    def batch_ids(self) -> list[str]:
        """The batches appended, sorted by name; numbered ones last."""
        return list(self._manifest().batch_ids)

    @property
    def n_events(self) -> int:
        """How many events are kept."""
        return sum(file.n_rows for file in self._manifest().files)

    def paths(self, *, since: object = None, until: object = None) -> list[Path]:
        """Return the files that may hold events of an interval, for an engine to scan.

        They hold whole batches: keep only the rows of the interval. A later erasure or
        `compact` removes files. Columns may differ from file to file.

        Parameters
        ----------
        since, until : datetime, date or ISO 8601 text, optional
            As in `read_events`.

        Returns
        -------
        list of pathlib.Path

        Examples
        --------
        >>> store = ParquetEventStore("events")
        >>> store.paths()
        []

        With DuckDB: ``duckdb.read_parquet([str(p) for p in store.paths()], union_by_name=True)``.
        """
        interval = rows.interval_of(since, until, "ParquetEventStore.paths")
        listed = self._manifest().files
        return [self.directory / f.name for f in listed if interval.meets(f.first, f.last)]

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers' events: every file that has one is written anew.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored.

        Returns
        -------
        int
            How many of these customers had events.

        Raises
        ------
        StoreLockedError
            If another writer is at work for longer than `timeout`.
        StoreError
            If a file cannot be written or removed.

        Examples
        --------
        >>> ParquetEventStore("events").delete_customers(["ann"])
        0
        """
        wanted = rows.wanted_ids(customer_ids, "ParquetEventStore.delete_customers")
        if not self.directory.is_dir():
            return 0
        with self._writing() as manifest:
            gone: set[CustomerId] = set()
            kept: list[EventFile] = []
            old: list[str] = []
            for file in manifest.files:
                found, left = self._without(file, manifest.schema, wanted)
                gone |= found
                kept += [file] if left is None else left
                old += [] if left is None else [file.name]
            if old:
                self._commit(replace(manifest, files=tuple(kept)))
                self._remove_all(old)
            return len(gone)

    def compact(self, *, rows_per_file: int = 1_000_000) -> int:
        """Join small files to larger ones, sorted by time; nothing that is read changes.

        Neighbours in time come together, so that a read of some days opens few files.

        Parameters
        ----------
        rows_per_file : int, default=1_000_000
            Files below half of it are joined until they have about as many rows; at most
            twice as many are held in memory. 1 to 100,000,000.

        Returns
        -------
        int
            How many files there are now.

        Raises
        ------
        StoreLockedError
            If another writer is at work for longer than `timeout`.
        StoreError
            If a file cannot be read or written.

        Examples
        --------
        >>> ParquetEventStore("events").compact()
        0
        """
        rules: dict[str, Rule] = {"rows_per_file": Between(1, 100_000_000, integer=True)}
        check_values("ParquetEventStore.compact", {"rows_per_file": rows_per_file}, rules)
        if not self.directory.is_dir():
            return 0
        with self._writing() as manifest:
            kept = list(manifest.files)
            for group in _small_groups(manifest.files, rows_per_file):
                parts = [self._read_file(f.name, manifest.schema) for f in group]
                joined = rows.in_time_order(rows.join_rows(parts, manifest.schema))
                old = {file.name for file in group}
                kept = [file for file in kept if file.name not in old]
                kept.append(self._write_file(joined, manifest.schema))
                manifest = replace(manifest, files=tuple(kept))
                self._commit(manifest)
                for name in old:  # what cannot be removed yet, the next writer removes
                    locks.remove_file(self.directory / name)
            return len(kept)

    def _manifest(self) -> Manifest:
        """Return what the directory holds now, read again only if it was replaced."""
        try:
            found = (self.directory / MANIFEST).stat()
        except FileNotFoundError:
            return Manifest()
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        seen = self._seen
        if seen is None or seen[0] != mark:
            seen = self._seen = (mark, read_manifest(self.directory))
        return seen[1]

    @contextmanager
    def _writing(self) -> Generator[Manifest]:
        """Hold the write lock; give what the directory holds, leftovers removed."""
        lock = self.directory / ".lock"
        with locks.write_lock(lock, self.timeout, self.directory):
            manifest = read_manifest(self.directory)
            self._sweep(manifest)
            yield manifest

    def _commit(self, manifest: Manifest) -> None:
        write_manifest(self.directory, manifest)

    def _sweep(self, manifest: Manifest) -> None:
        """Remove what killed writers left; only while the lock is held."""
        listed = {file.name for file in manifest.files}
        for path in self.directory.iterdir():
            unlisted = _OURS.fullmatch(path.name) and path.name not in listed
            if unlisted or path.name.startswith(locks.TEMPORARY):
                locks.remove_file(path)

    def _remove_all(self, names: Sequence[str]) -> None:
        held = [name for name in names if not locks.remove_file(self.directory / name)]
        locks.sync_directory(self.directory)
        if held:
            message = (
                f"the customers are deleted, but another reader of '{self.directory}' still holds "
                f"{format_count(len(held), 'file')} with their events. Call delete_customers again "
                f"when it has finished."
            )
            raise StoreError(message)

    def _write_file(self, columns: Columns, schema: Schema) -> EventFile:
        name = f"events-{uuid4().hex}.parquet"
        table = rows.to_arrow(columns, schema)
        pq = _parquet()

        def write(path: Path) -> None:
            pq.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP)

        locks.write_atomically(self.directory / name, write)
        at = columns["occurred_at"].astype(np.int64)
        return EventFile(name, len(at), int(at[0]), int(at[-1]))

    def _read_parts(
        self, interval: Interval, wanted: list[CustomerId] | None
    ) -> tuple[list[Columns], Schema]:
        missing: FileNotFoundError | None = None
        for _ in range(_TRIES):
            manifest = self._manifest()
            chosen = [file for file in manifest.files if interval.meets(file.first, file.last)]
            try:
                return [
                    self._read_file(file.name, manifest.schema, interval, wanted) for file in chosen
                ], manifest.schema
            except FileNotFoundError as error:  # an erasure or compact() came between
                missing = error
                if self._manifest() is manifest:
                    break
        message = f"the store '{self.directory}' lacks a file that it lists. Take a backup."
        raise StoreError(message) from missing

    def _read_file(
        self,
        name: str,
        schema: Schema,
        interval: Interval | None = None,
        wanted: list[CustomerId] | None = None,
    ) -> Columns:
        pq, path = _parquet(), self.directory / name
        try:
            with pq.ParquetFile(path) as file:
                groups = _groups_of(file, interval)
                names = [name for name in file.schema_arrow.names if name in schema]
                table = file.read_row_groups(groups, columns=names)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            message = f"the file '{path}' cannot be read: {error}."
            raise StoreError(message) from error
        if interval is not None:
            table = table.filter(_inside(table, interval, wanted))
        return rows.read_columns(table, schema)

    def _without(
        self, file: EventFile, schema: Schema, wanted: list[CustomerId]
    ) -> tuple[set[CustomerId], list[EventFile] | None]:
        """Return who was found in a file, and what takes its place; None if nobody was."""
        ids = self._read_file(file.name, {"customer_id": schema["customer_id"]})["customer_id"]
        found = rows.customers_of(ids[rows.is_one_of(ids, wanted)])
        if not found:
            return found, None
        columns = self._read_file(file.name, schema)
        left = rows.take_rows(columns, ~rows.is_one_of(columns["customer_id"], wanted))
        return found, [self._write_file(left, schema)] if rows.length_of(left) else []

    def __getstate__(self) -> dict[str, Any]:
        return {"directory": self.directory, "timeout": self.timeout, "_seen": None}

    def __repr__(self) -> str:
        manifest = self._manifest()
        n_batches = format_count(len(manifest.batch_ids), "batch", "batches")
        n_events = format_count(sum(file.n_rows for file in manifest.files), "event")
        return f"<ParquetEventStore '{self.directory.name}' with {n_events} in {n_batches}>"

    def _repr_html_(self) -> str:
        manifest = self._manifest()
        facts = {
            "directory": self.directory,
            "events": f"{sum(file.n_rows for file in manifest.files):,}",
            "batches": f"{len(manifest.batch_ids):,}",
            "files": f"{len(manifest.files):,}",
        }
        return page_fragment("ParquetEventStore", definition_list(facts))


def _parquet() -> Any:
    return optional_import("pyarrow.parquet", what="ParquetEventStore", extra="parquet")


def _groups_of(file: Any, interval: Interval | None) -> list[int]:
    """Return the row groups whose times meet the interval."""
    meta = file.metadata
    numbers = list(range(meta.num_row_groups))
    if interval is None or not numbers:
        return numbers
    at = meta.schema.names.index("occurred_at")
    return [i for i in numbers if _meets(meta.row_group(i).column(at).statistics, interval)]


def _meets(statistics: Any, interval: Interval) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    ends = (np.datetime64(end, "us") for end in (statistics.min, statistics.max))
    first, last = (int(end.astype(np.int64)) for end in ends)
    return interval.meets(first, last)


def _inside(table: Any, interval: Interval, wanted: list[CustomerId] | None) -> Any:
    pa: Any = optional_import("pyarrow", what="ParquetEventStore", extra="parquet")
    times = table.column("occurred_at").to_numpy()
    inside = interval.holds(times)
    if wanted is not None and inside.any():
        ids = table.column("customer_id")
        numbers = pa.types.is_integer(ids.type)
        chosen = [found for found in wanted if isinstance(found, int) == numbers]
        compute: Any = optional_import("pyarrow.compute", what="ParquetEventStore", extra="parquet")
        found = compute.is_in(ids, value_set=pa.array(chosen, ids.type))
        inside &= found.to_numpy(zero_copy_only=False)
    elif wanted is not None:
        inside = np.zeros(len(inside), dtype=bool)
    return pa.array(inside)


def _small_groups(listed: Sequence[EventFile], rows_per_file: int) -> Iterator[list[EventFile]]:
    """Yield groups of small files, neighbours in time, that make about one large file each."""
    small = [file for file in listed if file.n_rows * 2 < rows_per_file]
    group: list[EventFile] = []
    size = 0
    for file in sorted(small, key=lambda found: (found.first, found.last, found.name)):
        group.append(file)
        size += file.n_rows
        if size >= rows_per_file:
            yield group
            group, size = [], 0
    if len(group) > 1:
        yield group
