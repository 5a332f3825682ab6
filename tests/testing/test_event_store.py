"""The conformance suite: passes an honest store, names each promise that a broken one breaks."""

from __future__ import annotations

import re
import time
from typing import Any

import pandas as pd
import pytest

from userportrait.data import Events
from userportrait.errors import InvalidDataError
from userportrait.stores import MemoryEventStore
from userportrait.stores import _event_rows as rows
from userportrait.testing import _event_promises, _event_store, check_event_store
from userportrait.testing._event_promises import PROMISES


class Honest(MemoryEventStore):
    """Keeps every promise, from the smallest store of the library."""


class KeepsAnEventOfItsOwn(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        return super().delete_customers(customer_ids) or len(customer_ids)


class ChangesRows(Honest):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        raise NotImplementedError

    def read_events(self, *args: Any, **options: Any) -> Any:
        return self.change(super().read_events(*args, **options))


class DropsOwnColumns(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[["customer_id", "event", "occurred_at"]]


class RoundsNumbers(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        numbers = frame.select_dtypes("float").columns
        return frame.assign(**{name: frame[name].round(6) for name in numbers})


class StripsTexts(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        ids = frame["customer_id"]
        return frame.assign(customer_id=ids.str.strip("\n") if ids.dtype != "int64" else ids)


class TruthsAsNumbers(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        truths = frame.select_dtypes(include=["bool", "boolean"]).columns
        return frame.assign(**{name: frame[name].astype("Int64") for name in truths})


class LargeNumbersAsFloats(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if isinstance(events, pd.DataFrame):
            large = events.select_dtypes("uint64").columns
            events = events.assign(**{name: events[name].astype(float) for name in large})
        return super().append_events(events, batch_id=batch_id)


class NumbersThroughFloats(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        whole = [n for n in frame.columns if str(frame[n].dtype) == "Int64"]
        return frame.assign(**{name: frame[name].astype("float64") for name in whole})


class WholeSeconds(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(occurred_at=frame["occurred_at"].dt.floor("s"))


class LocalTimes(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if isinstance(events, pd.DataFrame) and "occurred_at" in events:
            at = events["occurred_at"]
            if isinstance(at.dtype, pd.DatetimeTZDtype):
                events = events.assign(occurred_at=at.dt.tz_localize(None))
        return super().append_events(events, batch_id=batch_id)


class Unsorted(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[::-1]


class WritesAgain(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        self._batch_ids.pop(batch_id, None)
        return super().append_events(events, batch_id=batch_id)


class CountsAgain(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        n = super().append_events(events, batch_id=batch_id)
        return n or len(events)


class FoldsCase(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        name = batch_id.lower() if isinstance(batch_id, str) else batch_id
        return super().append_events(events, batch_id=name)

    def has_batch(self, batch_id: str) -> bool:
        return super().has_batch(batch_id.lower())


class FindsPrefixes(Honest):
    def has_batch(self, batch_id: str) -> bool:
        return any(str(name).startswith(batch_id) for name in self._batch_ids)


class ForgetsEmptyBatches(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        return super().append_events(events, batch_id=batch_id) if len(events) else 0


class KeepsTenBatches(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        n = super().append_events(events, batch_id=batch_id)
        self._parts = self._parts[-10:]
        return n


class ClosedIntervals(Honest):
    def read_events(self, customer_ids: Any = None, *, since: Any = None, until: Any = None) -> Any:
        later = None if until is None else pd.Timestamp(until) + pd.Timedelta(microseconds=1)
        return super().read_events(customer_ids, since=since, until=later)


class WholeDays(Honest):
    def read_events(self, customer_ids: Any = None, *, since: Any = None, until: Any = None) -> Any:
        day = None if since is None else pd.Timestamp(since).floor("D")
        return super().read_events(customer_ids, since=day, until=until)


class RaisesForStrangers(Honest):
    def read_events(self, customer_ids: Any = None, **options: Any) -> Any:
        found = super().read_events(customer_ids, **options)
        if self._parts and customer_ids and not set(customer_ids) <= set(found["customer_id"]):
            raise KeyError("unknown customer")
        return found


class RepeatsCustomers(Honest):
    def read_events(self, customer_ids: Any = None, **options: Any) -> Any:
        if customer_ids is None:
            return super().read_events(**options)
        parts = [
            super(RepeatsCustomers, self).read_events([key], **options) for key in customer_ids
        ]
        found = pd.concat([super().read_events([], **options), *parts])
        return found.sort_values("occurred_at")


class NobodyIsEverybody(Honest):
    def read_events(self, customer_ids: Any = None, **options: Any) -> Any:
        return super().read_events(customer_ids or None, **options)


class IdsThroughFloats(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        ids = frame["customer_id"]
        return frame.assign(customer_id=ids.astype("float64")) if ids.dtype == "int64" else frame


class FirstBatchSaysTheColumns(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if self._schema and isinstance(events, pd.DataFrame):
            events = events[[name for name in events.columns if name in self._schema]]
        return super().append_events(events, batch_id=batch_id)


class FillsColumns(ChangesRows):
    def change(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.fillna({"device": "unknown"})


class AcceptsAnyType(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if isinstance(events, pd.DataFrame) and "item_id" in events:
            events = events.assign(item_id=events["item_id"].astype(str))
        return super().append_events(events, batch_id=batch_id)


class KeepsHalfOfWhatItRefuses(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        try:
            return super().append_events(events, batch_id=batch_id)
        except InvalidDataError:
            good = events.dropna()
            super().append_events(good.drop(columns="item_id", errors="ignore"), batch_id="half")
            raise


class NamesNoColumn(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        try:
            return super().append_events(events, batch_id=batch_id)
        except InvalidDataError as error:
            raise InvalidDataError(str(error)) from None


class DropsRowsWithNulls(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if isinstance(events, pd.DataFrame) and {"event", "occurred_at"} <= set(events):
            events = events.dropna(subset=["event", "occurred_at"])
        return super().append_events(events, batch_id=batch_id)


class OtherErrors(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        try:
            return super().append_events(events, batch_id=batch_id)
        except Exception as error:
            raise RuntimeError("no") from error


class MarksFailedBatches(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        try:
            return super().append_events(events, batch_id=batch_id)
        except LookupError:
            self._batch_ids[batch_id] = None
            raise


class RefusesTables(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        if isinstance(events, Events):
            raise TypeError("frames only")
        return super().append_events(events, batch_id=batch_id)


class KeepsWhatWasGiven(Honest):
    """Keeps the frame itself, and reads it when asked."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[pd.DataFrame] = []

    def append_events(self, events: Any, *, batch_id: str) -> int:
        n = super().append_events(events, batch_id=batch_id)
        self.given += [events] if n else []
        return n

    def read_events(self, *args: Any, **options: Any) -> Any:
        return pd.concat(self.given) if self.given else super().read_events(*args, **options)


class GivesAwayItsFrame(Honest):
    """Returns the same frame every time."""

    found: pd.DataFrame | None = None

    def read_events(self, *args: Any, **options: Any) -> Any:
        if self.found is None or not len(self.found):
            self.found = super().read_events(*args, **options)
        return self.found


class CountsRows(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        before = self.n_events
        super().delete_customers(customer_ids)
        return before - self.n_events


class ErasesNewestOnly(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        old, self._parts = self._parts[:-1], self._parts[-1:]
        n = super().delete_customers(customer_ids)
        self._parts = old + self._parts
        return n


class ErasesTextsOfNumbers(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        return super().delete_customers([str(key) for key in customer_ids])


class ForgetsErasedBatches(Honest):
    def delete_customers(self, customer_ids: Any) -> int:
        n = super().delete_customers(customer_ids)
        if not self._parts:
            self._batch_ids.clear()
        return n


class AcceptsAnyId(Honest):
    def read_events(self, customer_ids: Any = None, **options: Any) -> Any:
        plain = None if customer_ids is None else [i for i in customer_ids if type(i) in (int, str)]
        return super().read_events(plain, **options)


class AcceptsAnyBatchId(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        return super().append_events(events, batch_id=str(batch_id) or "none")


class TwoWritersWriteTwice(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        name = rows.check_batch_id(batch_id, "append_events")
        if name in self._batch_ids:
            return 0
        time.sleep(0.01)
        columns, schema = rows.plain_rows(events)
        self._parts, self._schema = (*self._parts, columns), schema
        self._batch_ids[name] = None
        return len(events)


class ShowsHalfBatches(Honest):
    def append_events(self, events: Any, *, batch_id: str) -> int:
        half = len(events) // 2
        first = super().append_events(events[:half], batch_id=batch_id)
        time.sleep(0.01)
        self._batch_ids.pop(batch_id, None)
        return first + super().append_events(events[half:], batch_id=batch_id)


BROKEN: dict[str, list[type[Honest]]] = {
    "an empty store has no events, no batches and no customers": [KeepsAnEventOfItsOwn],
    "a batch comes back as it was appended, with its columns": [
        DropsOwnColumns,
        RoundsNumbers,
        StripsTexts,
        TruthsAsNumbers,
    ],
    "whole numbers and truths with nulls come back as they were": [
        NumbersThroughFloats,
        TruthsAsNumbers,
    ],
    "times are kept to the microsecond, those with a zone as UTC": [WholeSeconds, LocalTimes],
    "a batch that comes again writes nothing": [WritesAgain, CountsAgain],
    "batch IDs are told apart to the letter, and remembered": [FoldsCase, FindsPrefixes],
    "a batch without rows is a batch too": [ForgetsEmptyBatches],
    "many batches are kept one beside the other": [KeepsTenBatches, Unsorted],
    "an interval holds its beginning and not its end": [ClosedIntervals, WholeDays],
    "unknown customers are left out; order and repetition do not matter": [
        RaisesForStrangers,
        RepeatsCustomers,
        NobodyIsEverybody,
    ],
    "integer IDs come back as integers, also the largest": [IdsThroughFloats],
    "a new column is null in earlier rows, a column left out is null in later ones": [
        FirstBatchSaysTheColumns,
        FillsColumns,
    ],
    "a column that holds something else than before is refused": [
        AcceptsAnyType,
        KeepsHalfOfWhatItRefuses,
        NamesNoColumn,
    ],
    "whole numbers that need more than 64 bits with a sign are refused": [LargeNumbersAsFloats],
    "a batch without a required column or value is refused": [DropsRowsWithNulls, OtherErrors],
    "a batch that fails half-way leaves nothing": [MarksFailedBatches],
    "an Events table is taken like a frame": [RefusesTables],
    "what was given and what was returned is not connected to the store": [
        KeepsWhatWasGiven,
        GivesAwayItsFrame,
    ],
    "erasing counts the customers who were there, and they are gone": [
        CountsRows,
        ErasesNewestOnly,
        ErasesTextsOfNumbers,
    ],
    "an erased batch that comes again brings nobody back": [ForgetsErasedBatches],
    "IDs that are neither integer nor text are refused": [AcceptsAnyId],
    "a batch ID is a text that is not empty": [AcceptsAnyBatchId],
    "writers in several threads lose nothing and write no batch twice": [TwoWritersWriteTwice],
    "readers in other threads see whole batches": [ShowsHalfBatches],
}


def test_an_honest_store_passes() -> None:
    check_event_store(Honest)


@pytest.mark.parametrize(
    ("promise", "store"),
    [(promise, store) for promise, stores in BROKEN.items() for store in stores],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_promise_is_named(
    promise: str, store: type[Honest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_event_promises, "_LONGEST", 5.0)
    monkeypatch.setattr(_event_store, "PROMISES", {promise: PROMISES[promise]})
    with pytest.raises(AssertionError, match=re.escape(f"- {promise}: ")):
        check_event_store(store)


def test_every_promise_can_be_broken() -> None:
    assert set(BROKEN) == set(PROMISES)


def test_the_message_says_which_promise_and_what_was_seen() -> None:
    with pytest.raises(AssertionError) as caught:
        check_event_store(CountsRows)
    assert str(caught.value) == (
        "CountsRows breaks one promise.\n"
        "- erasing counts the customers who were there, and they are gone: "
        "delete_customers returned 3 where 2 of the customers were there"
    )
    assert isinstance(caught.value.__cause__, AssertionError)


def test_missing_methods_are_named() -> None:
    class Half:
        def read_events(self) -> None: ...

    with pytest.raises(AssertionError, match=r"not an EventStore: it lacks append_events, delete"):
        check_event_store(Half)  # type: ignore[arg-type]


def test_a_factory_that_returns_a_used_store_is_refused() -> None:
    store = Honest()
    with pytest.raises(AssertionError, match="factory\\(\\) must return a new, empty store"):
        check_event_store(lambda: store)


def test_stores_are_closed_after_each_check_also_a_failed_one() -> None:
    opened: list[Honest] = []
    closed: list[Honest] = []

    class Closing(CountsRows):
        def __init__(self) -> None:
            super().__init__()
            opened.append(self)

        def close(self) -> None:
            closed.append(self)

    with pytest.raises(AssertionError):
        check_event_store(Closing)
    assert opened == closed
