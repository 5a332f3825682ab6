"""A stream whose batches are appended to an event store."""

from __future__ import annotations

import logging
from threading import RLock
from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.display import format_count
from userportrait.stores._streams_batch import check_batch_number

if TYPE_CHECKING:
    from userportrait.stores._streams_batch import BatchReader
    from userportrait.typing import EventStore

__all__ = ["EventStream"]

_logger = logging.getLogger("userportrait.streams")


class EventStream:
    """Appends the batches of a stream to an event store; made by `foreach_batch`.

    Call it with a batch and the batch's number. The store knows the batches that it has, so
    one that comes again is skipped. A batch of which nothing is left is remembered, too.

    Attributes
    ----------
    name : str
        The name of the stream; a batch is called ``"<name>/<batch_id>"``.
    store : EventStore
    n_batches, n_rows, n_set_aside : int
        Batches and rows appended, and rows set aside for a time in the future, since this
        object was made.

    See Also
    --------
    userportrait.stores.foreach_batch : Makes one.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.stores import MemoryEventStore, foreach_batch
    >>> frame = pd.DataFrame(
    ...     {"customer_id": [1], "event": ["view"], "occurred_at": [pd.Timestamp("2026-01-05")]}
    ... )
    >>> stream = foreach_batch(None, MemoryEventStore(), name="clicks")
    >>> stream(frame, 0)
    >>> stream.store.has_batch("clicks/0")
    True
    """

    def __init__(self, store: EventStore, reader: BatchReader, *, name: str) -> None:
        self.name: str = name
        self.store: EventStore = store
        self.n_batches: int = 0
        self.n_rows: int = 0
        self.n_set_aside: int = 0
        self._reader = reader
        self._lock = RLock()

    def __call__(self, batch: Any, batch_id: int | str) -> None:
        """Append one batch, unless it was appended before.

        Parameters
        ----------
        batch : frame
            A Spark frame, or any frame of events.
        batch_id : int or str
            The number that Spark gives, or a text of yours.

        Raises
        ------
        InvalidDataError
            If the store refuses the batch, or it is too large to be collected.
        StoreError
            If the store cannot be written.
        """
        label = f"{self.name}/{check_batch_number(batch_id, self._reader.owner)}"
        with self._lock:
            if self.store.has_batch(label):
                _logger.info("%s: batch %s is appended already; skipped.", self.name, label)
                return
            with self._reader.read(batch, label, {}) as found:
                events = _no_events() if found.frame is None else found.frame
                self.store.append_events(events, batch_id=label)
            self.n_batches += 1
            self.n_rows += found.n_rows
            self.n_set_aside += found.n_set_aside

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        del kept["_lock"]
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()

    def __repr__(self) -> str:
        batches = format_count(self.n_batches, "batch", "batches")
        rows = format_count(self.n_rows, "row")
        aside = f", {self.n_set_aside:,} set aside" if self.n_set_aside else ""
        return f"<EventStream '{self.name}': {batches}, {rows}{aside}>"


def _no_events() -> pd.DataFrame:
    """Return a frame without rows, with which a store only remembers the batch."""
    none: list[str] = []
    return pd.DataFrame(
        {
            "customer_id": pd.Series(none, dtype=object),
            "event": pd.Series(none, dtype=object),
            "occurred_at": pd.Series(none, dtype="datetime64[us]"),
        }
    )
