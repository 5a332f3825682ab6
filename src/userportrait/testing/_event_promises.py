"""The promises of an event store, each with the check that can break it."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait.data import Events
from userportrait.testing._event_samples import (
    TEXTS,
    append,
    events_of,
    expect_kept,
    expect_refused,
    expect_rows,
    read,
)
from userportrait.testing._promises import expect, promise_into

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from userportrait.typing import EventStore

    Check: TypeAlias = "Callable[[EventStore], None]"

__all__ = ["PROMISES"]

PROMISES: dict[str, Check] = {}
"""What is promised, in plain words, and the check that raises if it is not kept."""
promise = promise_into(PROMISES)

_LONGEST = 60.0
_MINUTE = pd.Timedelta(minutes=1)


@promise("an empty store has no events, no batches and no customers")
def _empty(store: EventStore) -> None:
    expect_rows(read(store), events_of([]), "read_events of an empty store")
    expect_rows(read(store, ["ann"], since="2026-01-01"), events_of([]), "read_events of one")
    expect(not store.has_batch("a"), "has_batch of an empty store found a batch")
    expect(store.delete_customers(["ann"]) == 0, "delete_customers deleted somebody")


@promise("a batch comes back as it was appended, with its columns")
def _values(store: EventStore) -> None:
    n = len(TEXTS)
    batch = events_of(
        list(TEXTS),
        item_id=pd.Series([f"p{i}" for i in range(n)], dtype=object),
        query=pd.Series([*TEXTS[1:], None], dtype=object),
        price=[0.1 + 0.2 * i for i in range(n - 1)] + [np.nan],
        units=pd.Series([2**62, -1, *range(n - 2)], dtype="int64"),
        opened=[i % 2 == 0 for i in range(n)],
        shipped_at=pd.Series([pd.Timestamp("1999-12-31 23:59:59.999999")] * (n - 1) + [pd.NaT]),
    )
    append(store, batch, "a")
    expect_kept(store, batch, "after a batch with columns of every kind")


@promise("whole numbers and truths with nulls come back as they were")
def _nulls(store: EventStore) -> None:
    batch = events_of(
        [1, 2, 3],
        units=pd.Series([7, None, -(2**60) - 1], dtype="Int64"),
        opened=pd.Series([True, None, False], dtype="boolean"),
    )
    append(store, batch, "a")
    expect_kept(store, batch, "after a batch with nulls")


@promise("times are kept to the microsecond, those with a zone as UTC")
def _times(store: EventStore) -> None:
    texts = ["1969-12-31 23:59:59.999999", "2026-01-05 10:00:00.000001", "2100-02-28 00:00"]
    times = pd.to_datetime(pd.Series(texts), format="mixed").astype("datetime64[us]")
    wanted = events_of([1, 2, 3]).assign(occurred_at=times)
    zoned = wanted.assign(occurred_at=times.dt.tz_localize("UTC").dt.tz_convert("Asia/Shanghai"))
    append(store, zoned, "a")
    expect_kept(store, wanted, "after a batch with a time zone")


@promise("a batch that comes again writes nothing")
def _again(store: EventStore) -> None:
    batch = events_of(["ann", "bo"])
    append(store, batch, "a")
    for again in (batch, events_of(["cy"], day="2026-01-06"), batch.drop(columns="event")):
        n = store.append_events(again, batch_id="a")
        expect(n == 0, f"append_events returned {n} for a batch seen before")
    expect_kept(store, batch, "after a batch that came again")


@promise("batch IDs are told apart to the letter, and remembered")
def _batch_ids(store: EventStore) -> None:
    names = ["a", "A", "a ", "a/1", "a/01", "a/10", "/1", "1", "客户", "x" * 150, "a_b"]
    parts = [events_of([f"c{i}"], day=f"2026-02-{i + 1:02d}") for i in range(len(names))]
    for name, part in zip(names, parts, strict=True):
        expect(not store.has_batch(name), f"has_batch found {name!r} before it was appended")
        append(store, part, name)
        expect(store.has_batch(name), f"has_batch did not find {name!r}")
    for name in ("a/3", "a/1/", "b", "aa", "axb", "x" * 149, "客"):
        expect(not store.has_batch(name), f"has_batch found {name!r}, which was never appended")
    expect_kept(store, pd.concat(parts), "after batches with similar names")


@promise("a batch without rows is a batch too")
def _no_rows(store: EventStore) -> None:
    n = store.append_events(events_of([]), batch_id="empty")
    expect(n == 0, f"append_events returned {n} for a batch without rows")
    expect(store.has_batch("empty"), "has_batch did not find a batch without rows")
    n = store.append_events(events_of([1]), batch_id="empty")
    expect(n == 0, f"append_events returned {n} for a batch seen before, without rows")
    append(store, events_of(["ann"]), "a")
    expect_kept(store, events_of(["ann"]), "after a batch without rows")


@promise("many batches are kept one beside the other")
def _many(store: EventStore) -> None:
    parts = [events_of([i % 7, i], day=f"2026-01-{1 + i % 28:02d}") for i in range(60)]
    for i, part in enumerate(parts):
        append(store, part, f"stream/{i}")
    expect_kept(store, pd.concat(parts), "after 60 batches")
    expect(store.has_batch("stream/59"), "has_batch did not find the 60th batch")
    expect(not store.has_batch("stream/60"), "has_batch found a 61st batch")


@promise("an interval holds its beginning and not its end")
def _interval(store: EventStore) -> None:
    batch = events_of(["ann", "bo", "cy", "di"])
    append(store, batch, "a")
    append(store, events_of(["ed"], day="2026-03-01"), "b")
    at = batch["occurred_at"]
    cases: list[tuple[Any, Any, slice]] = [
        (at[1], at[3], slice(1, 3)),
        (at[0], at[0], slice(0, 0)),
        (at[1] + pd.Timedelta(microseconds=1), "2026-01-06", slice(2, 4)),
        (None, at[2], slice(0, 2)),
        ("2026-01-05", at[3] + _MINUTE, slice(0, 4)),
        (pd.Timestamp("2026-01-06"), pd.Timestamp("2026-02-28"), slice(0, 0)),
    ]
    for since, until, chosen in cases:
        how = f"read_events(since={since}, until={until})"
        expect_rows(read(store, since=since, until=until), batch[chosen], how)
    days = [read(store, since=f"2026-0{m}-01", until=f"2026-0{m + 1}-01") for m in (1, 2, 3)]
    sizes = [len(found["event"]) for found in days]
    expect(sizes == [4, 0, 1], f"months side by side hold {sizes} events, not [4, 0, 1]")


@promise("unknown customers are left out; order and repetition do not matter")
def _customers(store: EventStore) -> None:
    batch = events_of(["ann", "bo", "ann", "1"])
    append(store, batch, "a")
    ann = batch[batch["customer_id"] == "ann"]
    expect_rows(read(store, ["zoe", "ann", "ann"]), ann, "read_events of one customer")
    expect_rows(read(store, ["1", "ann", "bo"]), batch, "read_events of all, in another order")
    expect_rows(read(store, []), batch[:0], "read_events of nobody")
    expect_rows(read(store, [1, "Ann"]), batch[:0], "read_events of 1 where '1' is a customer")
    some = read(store, ["ann", "bo"], since=batch["occurred_at"][1])
    expect_rows(some, batch[1:3], "read_events of two customers since a moment")


@promise("integer IDs come back as integers, also the largest")
def _integers(store: EventStore) -> None:
    batch = events_of([0, -1, 2**63 - 1, -(2**63)])
    append(store, batch, "a")
    expect_kept(store, batch, "after a batch of integer IDs")
    for key in (2**63 - 1, -(2**63)):
        wanted = batch[batch["customer_id"] == key]
        expect_rows(read(store, [key]), wanted, f"read_events of customer {key}")
    expect_rows(read(store, ["0", 2**70]), batch[:0], "read_events of '0' where 0 is a customer")


@promise("a new column is null in earlier rows, a column left out is null in later ones")
def _columns(store: EventStore) -> None:
    old, new, third = events_of(["ann"]), events_of(["bo"]), events_of(["cy"])
    append(store, old.assign(device="phone"), "a")
    append(store, new.assign(item_id="p1", units=3), "b")
    append(store, third.assign(device=[None], units=[np.nan], note=[None]), "c")
    wanted = pd.concat([old, new, third]).assign(
        device=["phone", None, None], item_id=[None, "p1", None], units=[None, 3, None]
    )
    expect_kept(store, wanted, "after batches with different columns")


@promise("a column that holds something else than before is refused")
def _schema(store: EventStore) -> None:
    first = events_of(["ann", "bo"]).assign(item_id=["p1", "p2"], price=[1.5, 2.0], opened=True)
    append(store, first, "a")
    later = events_of(["cy", "di"]).assign(item_id=["p1", "p2"], price=[1.5, 2.0], opened=True)
    times = pd.to_datetime(["2026-01-05", "2026-01-06"])
    cases: dict[str, Any] = {
        "customer_id": later.assign(customer_id=[1, 2]),
        "item_id": later.assign(item_id=[1, 2]),
        "price": later.assign(price=["1.5", "2.0"]),
        "opened": later.assign(opened=times),
    }
    for column, batch in cases.items():
        expect_refused(store, batch, f"another type in '{column}'", first, column=column)
    append(store, later, "refused")
    expect_kept(store, pd.concat([first, later]), "after refused batches and a good one")


@promise("whole numbers that need more than 64 bits with a sign are refused")
def _too_large(store: EventStore) -> None:
    kept = events_of(["ann", "bo"]).assign(units=[1, 2])
    append(store, kept, "a")
    for column in ("units", "serial"):
        bad = kept.assign(**{column: np.array([2**64 - 1, 1], dtype="uint64")})
        expect_refused(store, bad, f"2**64 - 1 in '{column}'", kept, column=column)


@promise("a batch without a required column or value is refused")
def _required(store: EventStore) -> None:
    kept = events_of(["ann", "bo"])
    append(store, kept, "a")
    for column in ("customer_id", "event", "occurred_at"):
        bad = kept.drop(columns=column)
        expect_refused(store, bad, f"a batch without '{column}'", kept, column=column)
        holes = kept.assign(**{column: [kept[column][0], None]})
        expect_refused(store, holes, f"a batch with a null '{column}'", kept, column=column)


@promise("a batch that fails half-way leaves nothing")
def _failing(store: EventStore) -> None:
    kept = events_of(["ann"])
    for wanted in (kept[:0], kept):
        if len(wanted):
            append(store, kept, "a")
        try:
            store.append_events(_Failing(events_of(["bo"] * 500)), batch_id="b")
        except Exception:  # any error will do
            expect_kept(store, wanted, "after a batch that failed")
        else:
            raise AssertionError("a frame that cannot be read was accepted")
        expect(not store.has_batch("b"), "has_batch found a batch that failed")
    append(store, events_of(["bo"]), "b")
    expect_kept(store, events_of(["ann"]).pipe(_with, events_of(["bo"])), "after the batch again")


@promise("an Events table is taken like a frame")
def _table(store: EventStore) -> None:
    batch = events_of(["ann", "bo"], session_id=["s1", "s2"])
    append(store, Events(batch), "a")
    expect_kept(store, batch, "after an Events table")


@promise("what was given and what was returned is not connected to the store")
def _connected(store: EventStore) -> None:
    batch = events_of(["ann", "bo"])
    given = batch.copy()
    append(store, given, "a")
    given.loc[0, "customer_id"] = "changed"
    expect_kept(store, batch, "after a change of what was given")
    found = store.read_events()
    if isinstance(found, pd.DataFrame):
        found.loc[0, "event"] = "changed"
    expect_kept(store, batch, "after a change of what was returned")


@promise("erasing counts the customers who were there, and they are gone")
def _delete(store: EventStore) -> None:
    parts = [events_of(["ann", "bo", "1"]), events_of(["ann", "cy"], day="2026-01-06")]
    for i, part in enumerate(parts):
        append(store, part, f"b/{i}")
    n = store.delete_customers(["ann", "zoe", 1, "ann", "cy"])
    expect(n == 2, f"delete_customers returned {n} where 2 of the customers were there")
    both = pd.concat(parts)
    left = both[both["customer_id"].isin(["bo", "1"])]
    expect_kept(store, left, "after an erasure")
    expect_rows(read(store, ["ann", "cy"]), left[:0], "read_events of erased customers")
    n = store.delete_customers(["ann", "cy"])
    expect(n == 0, f"delete_customers returned {n} for customers who were gone")
    expect(store.delete_customers([]) == 0, "delete_customers of nobody deleted somebody")
    n = store.delete_customers(["1", "bo"])
    expect(n == 2, f"delete_customers returned {n} for the last 2 customers")
    expect_kept(store, both[:0], "after the erasure of everybody")


@promise("an erased batch that comes again brings nobody back")
def _erased_again(store: EventStore) -> None:
    batch = events_of(["ann"])
    append(store, batch, "a")
    store.delete_customers(["ann"])
    expect(store.has_batch("a"), "has_batch forgot a batch whose customers were erased")
    n = store.append_events(batch, batch_id="a")
    expect(n == 0, f"append_events returned {n} for a batch whose customers were erased")
    expect_kept(store, batch[:0], "after an erased batch came again")
    append(store, events_of(["bo"]), "b")
    expect_kept(store, events_of(["bo"]), "after a new batch")


@promise("IDs that are neither integer nor text are refused")
def _odd_ids(store: EventStore) -> None:
    batch = events_of([1, 2])
    append(store, batch, "a")
    odd: list[Any] = [1.0, True, None]
    for key in odd:
        for method in (store.read_events, store.delete_customers):
            try:
                method([2, key])
            except TypeError:
                continue
            except Exception as error:
                kind = type(error).__name__
                message = f"{method.__name__}([{key!r}]) raised {kind}, not ColumnTypeError"
                raise AssertionError(message) from error
            raise AssertionError(f"{method.__name__} accepted the ID {key!r}")
    expect_kept(store, batch, "after odd IDs were refused")


@promise("a batch ID is a text that is not empty")
def _odd_batch_ids(store: EventStore) -> None:
    odd: list[Any] = ["", None, 1]
    for batch_id in odd:
        try:
            store.append_events(events_of([1]), batch_id=batch_id)
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"append_events accepted the batch ID {batch_id!r}")
    expect_kept(store, events_of([]), "after odd batch IDs were refused")


@promise("writers in several threads lose nothing and write no batch twice")
def _writers(store: EventStore) -> None:
    parts = [events_of([i, i + 100], day=f"2026-01-{1 + i:02d}") for i in range(8)]
    written: list[int] = []
    problems: list[str] = []

    def write(order: Sequence[int]) -> None:
        try:
            written.extend(store.append_events(parts[i], batch_id=f"s/{i}") for i in order)
        except Exception as error:
            problems.append(f"a writer raised {type(error).__name__}: {error}")

    _run([Thread(target=write, args=(o,), daemon=True) for o in (range(8), range(7, -1, -1))])
    expect(not problems, problems[0] if problems else "")
    expect(sum(written) == 16, f"two writers of the same 16 rows wrote {sum(written)}")
    expect_kept(store, pd.concat(parts), "after two writers of the same batches")


@promise("readers in other threads see whole batches")
def _readers(store: EventStore) -> None:
    size, problems, done = 40, list[str](), list[bool]()

    def look() -> None:
        try:
            while not done and not problems:
                found = read(store)
                counts = np.unique(found["customer_id"], return_counts=True)[1]
                if (counts != size).any():
                    problems.append(f"a reader saw {counts.min()} of the {size} rows of a batch")
        except Exception as error:
            problems.append(f"a reader raised {type(error).__name__}: {error}")

    def write() -> None:
        try:
            for i in range(6):
                append(store, events_of([i] * size, day=f"2026-01-{1 + i:02d}"), f"s/{i}")
            store.delete_customers([2, 3])
        except Exception as error:
            problems.append(f"a writer raised {type(error).__name__}: {error}")
        finally:
            done.append(True)

    _run([Thread(target=target, daemon=True) for target in (look, look, write)])
    expect(not problems, problems[0] if problems else "")
    n = len(read(store)["event"])
    expect(n == 4 * size, f"after all batches and an erasure, {n} of {4 * size} rows are there")


class _Failing(pd.DataFrame):
    """A frame whose values cannot be read to the end."""

    @property
    def _constructor(self) -> Any:
        return _Failing

    def __getitem__(self, key: Any) -> Any:
        if key == "event":
            raise LookupError("the source of the events failed")
        frame: Any = super()
        return frame.__getitem__(key)


def _with(first: Any, second: Any) -> Any:
    return pd.concat([first, second])


def _run(threads: Sequence[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONGEST)
    hanging = any(thread.is_alive() for thread in threads)
    expect(not hanging, f"a writer or a reader hangs: not finished after {_LONGEST:g} s")
