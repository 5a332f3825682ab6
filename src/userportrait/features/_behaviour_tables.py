"""The entries of a behaviour summary: counts by customer and day under the customers' own IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from userportrait._core.entries import Coded, Entries
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.features._events_days import codes_of
from userportrait.features._events_tables import Counts, Days, DayTables
from userportrait.features._funnel import ItemDays
from userportrait.features._sessions import Pieces, coalesce

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.features._events import EventLines, EventSettings

__all__ = ["EventEntries"]

_ITEMS = "item_id"


class EventEntries:
    """The tables of a behaviour summary, to which events, and other entries, can be added.

    Parameters
    ----------
    settings : EventSettings
    columns : sequence of str, optional
        The optional columns that the events have; None before the first events.
    """

    def __init__(self, settings: EventSettings, columns: Sequence[str] | None = None) -> None:
        self._settings = settings
        self.columns: list[str] | None = None if columns is None else list(columns)
        kinds = [f"n{i}" for i in range(len(settings.kinds) + 1)]
        self._parts: dict[str, Entries] = {
            "days": Entries(["customer_id", "bucket"], kinds),
            "pieces": Entries(["customer_id", "start", "end"], ["n"]),
            "slots": Entries(["customer_id", "bucket", "slot"], ["n"]),
            "items": Entries(["customer_id", "item_id", "bucket", "kind"], []),
            **{
                f"label {name}": Entries(["customer_id", "bucket", "value"], ["n"])
                for name in settings.labels
            },
        }
        self._cache: dict[str, Any] = {}

    def add(self, lines: EventLines, tables: DayTables) -> None:
        """Fold in the tables of some events; all of them or, if refused, none."""
        batch = EventEntries(self._settings, lines.columns)
        ids = lines.customer.distinct

        def customer(codes: NDArray[np.int64]) -> Coded:
            return Coded(codes.astype(np.int32), ids)

        parts = batch._parts
        days, pieces, slots = tables.days, tables.pieces, tables.slots
        sums = {f"n{i}": days.n[:, i] for i in range(days.n.shape[1])}
        parts["days"].add({"customer_id": customer(days.customer), "bucket": days.bucket, **sums})
        parts["pieces"].add(
            {
                "customer_id": customer(pieces.customer),
                "start": pieces.start,
                "end": pieces.end,
                "n": pieces.n,
            }
        )
        parts["slots"].add(
            {
                "customer_id": customer(slots.customer),
                "bucket": slots.bucket,
                "slot": slots.value,
                "n": slots.n,
            }
        )
        items = tables.items
        if items is not None and lines.item is not None:
            parts["items"].add(
                {
                    "customer_id": customer(items.customer),
                    "item_id": Coded(items.item.astype(np.int32), lines.item.distinct),
                    "bucket": items.bucket,
                    "kind": items.kind,
                }
            )
        for name, counts in tables.labels.items():
            parts[f"label {name}"].add(
                {
                    "customer_id": customer(counts.customer),
                    "bucket": counts.bucket,
                    "value": Coded(counts.value.astype(np.int32), lines.labels[name].distinct),
                    "n": counts.n,
                }
            )
        joined = self.join(batch)
        self._parts, self.columns, self._cache = joined._parts, joined.columns, {}  # noqa: SLF001

    def join(self, other: EventEntries) -> EventEntries:
        """Return the entries of both; neither is changed."""
        self._check_columns(other.columns)
        columns = self.columns if other.columns is None else other.columns
        joined = EventEntries(self._settings, columns)
        its = other._parts
        joined._parts = {name: part.join(its[name]) for name, part in self._parts.items()}
        return joined

    def _check_columns(self, columns: Sequence[str] | None) -> None:
        if self.columns is None or columns is None or sorted(self.columns) == sorted(columns):
            return
        name = min(set(self.columns) ^ set(columns))
        message = (
            f"some events have the column '{name}' and others do not, so what is counted of it "
            f"would be wrong. Add it where it is missing, with nulls if nothing is known"
            + ("." if name == _ITEMS else ", or leave it out of labels.")
        )
        raise InvalidDataError(message, column=name)

    def without(self, customer_ids: Iterable[object]) -> tuple[EventEntries, int]:
        """Return entries that lack these customers, and how many of them were there."""
        gone = list(customer_ids)
        kept = EventEntries(self._settings, self.columns)
        found = {name: part.without("customer_id", gone) for name, part in self._parts.items()}
        kept._parts = {name: part for name, (part, _) in found.items()}
        return kept, found["days"][1]

    def packed(self) -> dict[str, Any]:
        """Return the tables for bytes."""
        self._settle()
        return {name: entries.packed() for name, entries in self._parts.items()}

    @classmethod
    def from_packed(
        cls,
        settings: EventSettings,
        columns: Sequence[str] | None,
        tables: Mapping[str, Mapping[str, Any]],
    ) -> Self:
        """Return the entries that `packed` gave."""
        made = cls(settings, columns)
        for name, table in tables.items():
            if table:
                made._parts[name].add(table)
        return made

    def _settle(self) -> None:
        """Join pieces that batches and states have left too short."""
        if "settled" in self._cache:
            return
        columns = self._parts["pieces"].packed()
        if columns:
            customer, ids = codes_of(columns["customer_id"], presorted=True)
            start, end, n = (_array(columns[name]) for name in ("start", "end", "n"))
            pieces = Pieces(customer, start, end, n)
            joined = coalesce(pieces, self._settings.gap)
            if len(joined) < len(pieces):
                entries = Entries(["customer_id", "start", "end"], ["n"])
                coded = Coded(joined.customer.astype(np.int32), ids)
                entries.add(
                    {
                        "customer_id": coded,
                        "start": joined.start,
                        "end": joined.end,
                        "n": joined.n,
                    }
                )
                self._parts["pieces"] = entries
        self._cache["settled"] = True

    def __bool__(self) -> bool:
        return bool(self._parts["days"])

    @property
    def n_rows(self) -> int:
        """How many entries there are in all tables."""
        self._settle()
        return sum(entries.n_rows for entries in self._parts.values())

    def customer_ids(self) -> NDArray[Any]:
        """Return the customers, sorted."""
        if "customers" not in self._cache:
            self._cache["customers"] = self._parts["days"].distinct("customer_id")
        found: NDArray[Any] = self._cache["customers"]
        return found

    def label_values(self) -> dict[str, NDArray[Any]]:
        """Return what the codes of labels mean in `tables`."""
        found = {name: self._parts[f"label {name}"].distinct("value") for name in self._labels}
        return {name: values.astype(object) for name, values in found.items()}

    @property
    def _labels(self) -> list[str]:
        return [name for name in self._settings.labels if name in (self.columns or ())]

    def check_label(self, label: str, *, owner: str) -> None:
        """Raise `InvalidParameterError` if there is no such label."""
        if label not in self._labels:
            raise InvalidParameterError(owner, [unknown_name("label", str(label), self._labels)])

    def span(self) -> tuple[int, int]:
        """Return the times of the oldest and the newest event."""
        columns = self._parts["pieces"].packed()
        return int(_array(columns["start"]).min()), int(_array(columns["end"]).max())

    def tables(self) -> DayTables:
        """Return the tables with customers as positions among all; made once."""
        self._settle()
        if "tables" not in self._cache:
            self._cache["tables"] = self._tables()
        found: DayTables = self._cache["tables"]
        return found

    def _tables(self) -> DayTables:
        columns = self._parts["days"].packed()
        sums = [_array(columns[f"n{i}"]) for i in range(len(self._settings.kinds) + 1)]
        days = Days(self._customers(columns), _array(columns["bucket"]), np.stack(sums, axis=1))
        columns = self._parts["pieces"].packed()
        pieces = Pieces(
            self._customers(columns),
            _array(columns["start"]),
            _array(columns["end"]),
            _array(columns["n"]),
        )
        items = self._items() if _ITEMS in (self.columns or ()) else None
        labels = {name: self._counts(f"label {name}", "value") for name in self._labels}
        return DayTables(days, pieces, self._counts("slots", "slot"), items, labels)

    def _counts(self, part: str, value: str) -> Counts:
        columns = self._parts[part].packed()
        if not columns:
            nothing = np.zeros(0, dtype=np.int64)
            return Counts(nothing, nothing, nothing, nothing)
        values = columns[value]
        codes = values.codes.astype(np.int64) if isinstance(values, Coded) else _array(values)
        return Counts(
            self._customers(columns), _array(columns["bucket"]), codes, _array(columns["n"])
        )

    def _items(self) -> ItemDays:
        columns = self._parts["items"].packed()
        if not columns:
            nothing = np.zeros(0, dtype=np.int64)
            return ItemDays(nothing, nothing, nothing, nothing)
        item, _ = codes_of(columns["item_id"])
        return ItemDays(
            self._customers(columns), item, _array(columns["bucket"]), _array(columns["kind"])
        )

    def _customers(self, columns: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return positions among all customers, for rows that are sorted by customer."""
        codes, ids = codes_of(columns["customer_id"], presorted=True)
        among = self.customer_ids()
        if len(ids) == len(among):
            return codes
        index: Any = pd.Index(among, dtype=among.dtype)
        place: NDArray[np.int64] = index.get_indexer(pd.Index(ids, dtype=ids.dtype))
        return place.astype(np.int64)[codes]


def _array(column: Any) -> NDArray[np.int64]:
    found: NDArray[np.int64] = column
    return found
