"""Events in a DuckDB file: what is on the disk, other processes, and other programs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingExtraError,
    StoreError,
    StoreLockedError,
)
from userportrait.stores import DuckDBEventStore

if TYPE_CHECKING:
    from pathlib import Path

duckdb: Any = pytest.importorskip("duckdb")


def events(first: int, n: int = 4, *, day: str = "2026-01-05") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"person-{i:05d}" for i in range(first, first + n)],
            "event": "view",
            "occurred_at": pd.date_range(day, periods=n, freq="h"),
            "query": [f"<secret {i:05d}>" for i in range(first, first + n)],
        }
    )


def traces(path: Path) -> set[int]:
    """Return the customers whose words are in any file beside the store's."""
    content = b"".join(p.read_bytes() for p in sorted(path.parent.iterdir()) if p.is_file())
    return {int(n) for n in re.findall(rb"(?:secret |person-)([0-9]{5})", content)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it's events.duckdb"


def test_opening_and_reading_write_nothing(path: Path) -> None:
    store = DuckDBEventStore(path)
    assert len(store.read_events()) == 0
    assert not store.has_batch("a")
    assert store.delete_customers(["a"]) == 0
    assert list(path.parent.iterdir()) == []


def test_the_file_is_a_plain_duckdb_file_with_a_table_of_events(path: Path) -> None:
    DuckDBEventStore(path).append_events(events(0).assign(units=1, price=0.5), batch_id="a")
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.table("events")
        assert list(zip(found.columns, map(str, found.types), strict=True)) == [
            ("customer_id", "VARCHAR"),
            ("event", "VARCHAR"),
            ("occurred_at", "TIMESTAMP"),
            ("query", "VARCHAR"),
            ("units", "BIGINT"),
            ("price", "DOUBLE"),
        ]
        assert connection.execute("SELECT * FROM batches").fetchall() == [("a", 4)]


def test_after_each_piece_of_work_the_file_is_closed(path: Path) -> None:
    store = DuckDBEventStore(path)
    store.append_events(events(0), batch_id="a")
    assert sorted(p.name for p in path.parent.iterdir()) == [f".{path.name}.lock", path.name]
    with duckdb.connect(str(path)) as connection:
        connection.execute("SELECT 1").fetchall()
    assert len(store.read_events()) == 4


def test_erased_customers_leave_no_bytes(path: Path) -> None:
    store = DuckDBEventStore(path)
    for i in range(4):
        store.append_events(events(300 * i, 300), batch_id=f"s/{i}")
    assert store.n_events == 1_200
    if not traces(path):
        pytest.skip("this DuckDB compresses such texts: their bytes cannot be searched for")
    gone = set(range(0, 1_200, 7))
    assert store.delete_customers([f"person-{i:05d}" for i in gone]) == len(gone)
    assert not traces(path) & gone
    assert store.n_events == 1_200 - len(gone)
    assert store.delete_customers([f"person-{i:05d}" for i in range(1_200)]) == 1_200 - len(gone)
    assert traces(path) == set()
    assert store.batch_ids == [f"s/{i}" for i in range(4)]
    assert store.append_events(events(0), batch_id="new") == 4


def test_an_erasure_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDBEventStore(path)
    store.append_events(events(0), batch_id="a")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("userportrait.stores._state_files.os.replace", full)
        with pytest.raises(StoreError, match="No space left on device"):
            store.delete_customers(["person-00000"])
    assert store.n_events == 4
    assert not [p for p in path.parent.iterdir() if p.name.startswith(".tmp-")]


def test_another_process_is_waited_for_and_then_named(path: Path) -> None:
    store = DuckDBEventStore(path, timeout=0.2)
    store.append_events(events(0), batch_id="a")
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute('SELECT 1').fetchall(); print('open', flush=True); sys.stdin.read()"
    )
    run = [sys.executable, "-c", code, str(path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE, "text": True}
    with subprocess.Popen(run, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        started = time.monotonic()
        for use in (store.read_events, lambda: store.append_events(events(4), batch_id="b")):
            with pytest.raises(StoreLockedError, match=r"locked by another writer for 0.2 s"):
                use()
        assert time.monotonic() - started >= 0.4
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)
    assert store.append_events(events(4), batch_id="b") == 4


def test_a_connection_elsewhere_in_the_process_is_named(path: Path) -> None:
    store = DuckDBEventStore(path)
    store.append_events(events(0), batch_id="a")
    with (
        duckdb.connect(str(path)),
        pytest.raises(StoreError, match="is open elsewhere in this process"),
    ):
        store.read_events()


def test_files_of_other_programs_are_left_alone(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    store = DuckDBEventStore(path)
    for use in (
        store.read_events,
        lambda: store.append_events(events(0), batch_id="a"),
        lambda: store.delete_customers(["a"]),
    ):
        with pytest.raises(StoreError, match="belongs to another program"):
            use()
    path.write_bytes(b"no database at all" * 1_000)
    with pytest.raises(StoreError, match="cannot be opened"):
        store.read_events()


def test_a_file_of_a_newer_release_is_refused(path: Path) -> None:
    DuckDBEventStore(path).append_events(events(0), batch_id="a")
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE userportrait_events SET version = 2")
    with pytest.raises(StoreError, match=r"newer userportrait \(version 2"):
        DuckDBEventStore(path).read_events()


def test_columns_that_differ_in_case_only_are_refused(path: Path) -> None:
    store = DuckDBEventStore(path)
    store.append_events(events(0).assign(Device="phone"), batch_id="a")
    with pytest.raises(InvalidDataError, match="'Device' and 'device' are one to DuckDB"):
        store.append_events(events(4).assign(device="phone"), batch_id="b")
    assert not store.has_batch("b")
    assert store.n_events == 4


def test_names_of_columns_may_hold_anything(path: Path) -> None:
    store = DuckDBEventStore(path)
    odd = {'say "hi"': 1.5, "select": 2.5, "a;b": 3.5, "数量": 4.5}
    store.append_events(events(0).assign(**odd), batch_id="a")
    store.append_events(events(4).assign(**{"more 'quotes'": 0.5}), batch_id="b")
    found = store.read_events(["person-00000"])
    assert {name: found[name][0] for name in odd} == odd


def test_bad_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"2 problems.\n- path.*\n- timeout"):
        DuckDBEventStore(1, timeout=-1)  # type: ignore[arg-type]
    for given in ("", ":memory:"):
        with pytest.raises(InvalidParameterError, match="MemoryEventStore keeps no file"):
            DuckDBEventStore(given)
    with pytest.raises(StoreError, match="is a directory"):
        DuckDBEventStore(tmp_path)
    with pytest.raises(StoreError, match="that directory does not exist"):
        DuckDBEventStore(tmp_path / "no" / "events.duckdb")


def test_without_duckdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r'pip install "userportrait\[duckdb\]"'):
        DuckDBEventStore(tmp_path / "events.duckdb")
