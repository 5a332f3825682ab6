"""Events in memory: for tests, notebooks and small shops."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.stores import _event_rows as rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait._core.frames import Engine
    from userportrait.data import Events
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["MemoryEventStore"]


class MemoryEventStore:
    """Keep events in memory, for as long as the process lives.

    Needs no extra. Safe to use from several threads; a read sees whole batches.

    See Also
    --------
    userportrait.stores.ParquetEventStore : The same in a directory of Parquet files.
    userportrait.stores.DuckDBEventStore : The same in one DuckDB file.

    Notes
    -----
    Pickling or copying a store takes its events along.

    Examples
    --------
    >>> import pandas as pd
    >>> store = MemoryEventStore()
    >>> monday = pd.DataFrame(
    ...     {
    ...         "customer_id": ["bo", "ann"],
    ...         "event": ["view", "cart"],
    ...         "occurred_at": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 09:00"]),
    ...     }
    ... )
    >>> store.append_events(monday, batch_id="2026-01-05")
    2
    >>> store.append_events(monday, batch_id="2026-01-05")  # sent again: nothing is written
    0
    >>> store.read_events(["ann"])
      customer_id event         occurred_at
    0         ann  cart 2026-01-05 09:00:00
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._parts: tuple[rows.Columns, ...] = ()
        self._schema: rows.Schema = {}
        self._batch_ids: dict[str, None] = {}

    def append_events(self, events: Events | IntoFrame, *, batch_id: str) -> int:
        """Append a batch of events.

        Parameters
        ----------
        events : Events or frame
            With `customer_id`, `event`, `occurred_at` and any other columns of numbers,
            texts, truths or times. Columns without any value are left out.
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

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame(
        ...     {"customer_id": [1], "event": ["view"], "occurred_at": [pd.Timestamp("2026-01-05")]}
        ... )
        >>> MemoryEventStore().append_events(frame, batch_id="monday")
        1
        """
        name = rows.check_batch_id(batch_id, "MemoryEventStore.append_events")
        if self.has_batch(name):
            return 0
        columns, found = rows.plain_rows(events)
        with self._lock:
            if name in self._batch_ids:
                return 0
            columns, schema = rows.fit_rows(columns, found, self._schema)
            n_rows = rows.length_of(columns)
            if n_rows:
                self._parts, self._schema = (*self._parts, columns), schema
            self._batch_ids[name] = None
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
            ``'pyarrow'`` or ``'duckdb'``.

        Returns
        -------
        frame
            Every column ever appended, null where a batch lacked it.

        Examples
        --------
        >>> MemoryEventStore().read_events(since="2026-01-01").columns.tolist()
        ['customer_id', 'event', 'occurred_at']
        """
        owner = "MemoryEventStore.read_events"
        rows.check_engine(engine, owner)
        interval = rows.interval_of(since, until, owner)
        wanted = None if customer_ids is None else rows.wanted_ids(customer_ids, owner)
        with self._lock:
            parts, schema = self._parts, self._schema
        chosen: list[rows.Columns] = []
        for part in parts:
            inside = interval.holds(part["occurred_at"])
            if wanted is not None:
                inside &= rows.is_one_of(part["customer_id"], wanted)
            chosen.append(rows.take_rows(part, inside))
        joined = rows.join_rows(chosen, schema)
        return rows.to_engine(rows.in_time_order(joined) if schema else joined, schema, engine)

    def has_batch(self, batch_id: str) -> bool:
        """Say whether a batch was appended.

        Examples
        --------
        >>> MemoryEventStore().has_batch("monday")
        False
        """
        return batch_id in self._batch_ids

    @property
    def batch_ids(self) -> list[str]:
        """The batches appended, the first one first."""
        return list(self._batch_ids)

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers' events.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored.

        Returns
        -------
        int
            How many of these customers had events.

        Examples
        --------
        >>> MemoryEventStore().delete_customers(["ann"])
        0
        """
        wanted = rows.wanted_ids(customer_ids, "MemoryEventStore.delete_customers")
        with self._lock:
            kept: list[rows.Columns] = []
            gone: set[CustomerId] = set()
            for part in self._parts:
                erased = rows.is_one_of(part["customer_id"], wanted)
                gone |= rows.customers_of(part["customer_id"][erased])
                kept.append(rows.take_rows(part, ~erased) if erased.any() else part)
            self._parts = tuple(part for part in kept if rows.length_of(part))
            return len(gone)

    @property
    def n_events(self) -> int:
        """How many events are kept."""
        return sum(rows.length_of(part) for part in self._parts)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {
                "_parts": self._parts,
                "_schema": dict(self._schema),
                "_batch_ids": dict(self._batch_ids),
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()

    def __repr__(self) -> str:
        n_batches = format_count(len(self._batch_ids), "batch", "batches")
        return f"<MemoryEventStore with {format_count(self.n_events, 'event')} in {n_batches}>"

    def _repr_html_(self) -> str:
        facts = {"events": f"{self.n_events:,}", "batches": f"{len(self._batch_ids):,}"}
        return page_fragment("MemoryEventStore", definition_list(facts))
