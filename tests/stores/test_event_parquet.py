"""Events in Parquet files: what is on the disk, compaction, and who may write when."""

from __future__ import annotations

import itertools
import json
import re
from threading import Thread
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from userportrait.errors import (
    InvalidParameterError,
    MissingExtraError,
    StoreError,
    StoreLockedError,
)
from userportrait.stores import ParquetEventStore, _event_parquet
from userportrait.stores import _state_files as files
from userportrait.typing import EventStore

if TYPE_CHECKING:
    from pathlib import Path

pq: Any = pytest.importorskip("pyarrow.parquet")


def events(first: int, n: int = 4, *, day: str = "2026-01-05") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"person-{i:05d}" for i in range(first, first + n)],
            "event": "view",
            "occurred_at": pd.date_range(day, periods=n, freq="h"),
            "query": [f"<secret {i:05d}>" for i in range(first, first + n)],
        }
    )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def traces(folder: Path) -> set[int]:
    """Return the customers whose words are in any file."""
    found: set[int] = set()
    for path in folder.iterdir():
        content = path.read_bytes()
        if path.suffix == ".parquet" or path.name.startswith(".tmp-events"):
            content = str(pq.read_table(path).to_pydict()).encode()
        found |= {int(n) for n in re.findall(rb"(?:secret |person-)([0-9]{5})", content)}
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "events"


def test_opening_and_reading_write_nothing(folder: Path) -> None:
    store = ParquetEventStore(folder)
    assert isinstance(store, EventStore)
    assert len(store.read_events()) == 0
    assert not store.has_batch("a")
    assert store.delete_customers(["a"]) == 0
    assert store.compact() == 0
    assert store.paths() == []
    assert not folder.exists()


def test_a_batch_is_one_file_that_any_engine_reads_sorted_by_time(folder: Path) -> None:
    store = ParquetEventStore(folder)
    store.append_events(events(0).sample(frac=1.0, random_state=1), batch_id="a")
    assert [name.partition("-")[0] for name in names_in(folder)] == [
        ".lock",
        "events",
        "events.json",
    ]
    (path,) = store.paths()
    table = pq.read_table(path)
    types = [str(kind) for kind in table.schema.types]
    assert types == ["string", "string", "timestamp[us]", "string"]
    assert pd.Series(table["occurred_at"].to_pylist()).is_monotonic_increasing


def test_a_read_opens_only_files_whose_times_meet_the_interval(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParquetEventStore(folder)
    for i in range(5):
        store.append_events(events(4 * i, day=f"2026-01-{10 + i}"), batch_id=f"s/{i}")
    opened: list[str] = []
    read = ParquetEventStore._read_file

    def counted(self: Any, name: str, *args: Any) -> Any:
        opened.append(name)
        return read(self, name, *args)

    monkeypatch.setattr(ParquetEventStore, "_read_file", counted)
    assert len(store.read_events(since="2026-01-11 03:00", until="2026-01-12 02:00")) == 3
    assert len(opened) == 2
    assert [p.name for p in store.paths(since="2026-01-11 03:00", until="2026-01-12 02:00")] == (
        opened
    )
    assert len(store.paths(since="2026-01-11 03:00:00.000001", until="2026-01-12")) == 0


def test_row_groups_outside_the_interval_are_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_event_parquet, "_ROW_GROUP", 10)
    store = ParquetEventStore(folder)
    store.append_events(events(0, 100), batch_id="a")
    asked: list[list[int]] = []
    meets = _event_parquet._groups_of

    def counted(file: Any, interval: Any) -> list[int]:
        asked.append(meets(file, interval))
        return asked[-1]

    monkeypatch.setattr(_event_parquet, "_groups_of", counted)
    assert len(store.read_events(since="2026-01-06", until="2026-01-06 03:00")) == 3
    assert asked == [[2]]


def test_compaction_changes_no_row_and_leaves_few_files_in_the_order_of_time(folder: Path) -> None:
    store = ParquetEventStore(folder)
    for i in range(12):
        day = f"2026-01-{10 + (7 * i) % 12}"
        store.append_events(events(4 * i, day=day), batch_id=f"s/{i}")
    store.append_events(events(900).assign(price=1.5), batch_id="more")
    before = store.read_events().sort_values(["occurred_at", "customer_id"], ignore_index=True)
    assert store.compact(rows_per_file=20) == 3
    after = store.read_events().sort_values(["occurred_at", "customer_id"], ignore_index=True)
    pd.testing.assert_frame_equal(after, before)
    assert len([name for name in names_in(folder) if name.endswith(".parquet")]) == 3
    spans = sorted((f.first, f.last) for f in store._manifest().files)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert store.compact(rows_per_file=20) == 3
    assert all(store.append_events(events(0), batch_id=f"s/{i}") == 0 for i in range(12))
    assert store.compact() == 1
    assert store.compact() == 1
    with pytest.raises(InvalidParameterError, match="rows_per_file must be an integer"):
        store.compact(rows_per_file=0)


def test_erased_customers_are_in_no_file(folder: Path) -> None:
    store = ParquetEventStore(folder)
    for i in range(6):
        store.append_events(events(3 * i, 4), batch_id=f"s/{i}")
    assert traces(folder) == set(range(19))
    untouched = store.paths()[5]
    assert store.delete_customers([f"person-{i:05d}" for i in (0, 3, 9, 77)]) == 3
    assert traces(folder) == set(range(19)) - {0, 3, 9}
    assert untouched in store.paths()
    store.compact()
    assert store.delete_customers([f"person-{i:05d}" for i in range(1, 19)]) == 16
    assert traces(folder) == set()
    assert names_in(folder) == [".lock", "events.json"]
    assert json.loads((folder / "events.json").read_text())["batches"]["ranges"] == {"s": [[0, 5]]}


def test_a_name_that_ends_in_a_number_is_kept_as_a_range(folder: Path) -> None:
    store = ParquetEventStore(folder)
    for i in range(30):
        store.append_events(events(0, 1), batch_id=f"clicks/{i}")
    document = json.loads((folder / "events.json").read_text())
    assert document["batches"] == {"names": [], "ranges": {"clicks": [[0, 29]]}}


def test_leftovers_of_a_killed_writer_are_not_read_and_removed_by_the_next(folder: Path) -> None:
    store = ParquetEventStore(folder)
    store.append_events(events(0), batch_id="a")
    (kept,) = store.paths()
    strange = folder / "mine.parquet"
    for name in (f"events-{'0' * 32}.parquet", f".tmp-events-{'1' * 32}.parquet", "mine.parquet"):
        (folder / name).write_bytes(kept.read_bytes())
    assert len(store.read_events()) == 4
    store.append_events(events(10), batch_id="b")
    assert len(store.read_events()) == 8
    assert strange.exists()
    assert len(names_in(folder)) == 5  # the lock, the list, two files, and the strange one


def test_another_writer_is_waited_for_and_then_named(folder: Path) -> None:
    store = ParquetEventStore(folder, timeout=0.05)
    store.append_events(events(0), batch_id="a")
    with files.write_lock(folder / ".lock", 1.0, folder):
        for write in (
            lambda: store.append_events(events(1), batch_id="b"),
            lambda: store.delete_customers(["person-00000"]),
            store.compact,
        ):
            with pytest.raises(StoreLockedError, match="stayed locked by another writer"):
                write()
        assert len(store.read_events()) == 4
        assert store.append_events(events(0), batch_id="a") == 0
    assert store.append_events(events(1), batch_id="b") == 4


def test_a_writer_waits_for_its_turn(folder: Path) -> None:
    store = ParquetEventStore(folder, timeout=30)
    store.append_events(events(0), batch_id="a")
    with files.write_lock(folder / ".lock", 1.0, folder):
        thread = Thread(target=store.append_events, args=(events(1),), kwargs={"batch_id": "b"})
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
    thread.join(30)
    assert store.has_batch("b")


def test_a_second_store_of_the_same_directory_sees_every_change(folder: Path) -> None:
    one, two = ParquetEventStore(folder), ParquetEventStore(folder)
    one.append_events(events(0), batch_id="a")
    assert two.has_batch("a")
    two.append_events(events(10), batch_id="b")
    assert len(one.read_events()) == 8
    one.delete_customers(["person-00010"])
    assert len(two.read_events()) == 7
    two.compact()
    assert len(one.read_events()) == 7


def test_a_reader_overtaken_by_compaction_reads_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = ParquetEventStore(folder), ParquetEventStore(folder)
    for i in range(3):
        store.append_events(events(4 * i), batch_id=f"s/{i}")
    read = ParquetEventStore._read_file
    calls: list[str] = []

    def overtaken(self: Any, name: str, *args: Any) -> Any:
        calls.append(name)
        if len(calls) == 2:
            monkeypatch.setattr(ParquetEventStore, "_read_file", read)
            other.compact()
        return read(self, name, *args)

    monkeypatch.setattr(ParquetEventStore, "_read_file", overtaken)
    assert len(store.read_events()) == 12


def test_a_failed_write_leaves_the_old_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ParquetEventStore(folder)
    store.append_events(events(0), batch_id="a")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(files.os, name, full)
            with pytest.raises(StoreError, match=r"cannot be written: No space left.*old content"):
                store.append_events(events(4), batch_id="b")
        assert not store.has_batch("b")
        assert len(store.read_events()) == 4
        assert not [n for n in names_in(folder) if n.startswith(".tmp-")]
    assert store.append_events(events(4), batch_id="b") == 4


def test_a_missing_or_damaged_file_is_named(folder: Path) -> None:
    store = ParquetEventStore(folder)
    store.append_events(events(0), batch_id="a")
    (path,) = store.paths()
    content = path.read_bytes()
    path.write_bytes(content[:100])
    with pytest.raises(StoreError, match=f"the file '{re.escape(str(path))}' cannot be read"):
        store.read_events()
    path.unlink()
    with pytest.raises(StoreError, match="lacks a file that it lists"):
        store.read_events()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not the list of an event store, or it is damaged"),
        ("[]", "is not the list of an event store, or it is damaged"),
        ('{"format": "other"}', "is not the list of an event store"),
        ('{"format": "userportrait events", "version": 2}', "written by a newer userportrait"),
        ('{"format": "userportrait events", "version": 1}', "it is damaged"),
    ],
)
def test_a_list_of_files_that_is_not_ours_is_refused(folder: Path, text: str, words: str) -> None:
    folder.mkdir()
    (folder / "events.json").write_text(text)
    store = ParquetEventStore(folder)
    for use in (
        store.read_events,
        lambda: store.has_batch("a"),
        lambda: store.append_events(events(0), batch_id="a"),
    ):
        with pytest.raises(StoreError, match=words):
            use()
    assert (folder / "events.json").read_text() == text


def test_bad_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"2 problems.\n- directory.*\n- timeout"):
        ParquetEventStore(1, timeout=-1)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="got ''"):
        ParquetEventStore("")
    with pytest.raises(StoreError, match="that directory does not exist"):
        ParquetEventStore(tmp_path / "no" / "events")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"is a file\. Give a directory"):
        ParquetEventStore(tmp_path / "file")


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "userportrait\[parquet\]"'):
        ParquetEventStore(tmp_path / "events")
