"""A batch, an erasure or a compaction killed at any moment: all of it is there, or nothing.

Most moments are looked at in a copy of the directory, made at that moment: it holds what a
killed process leaves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from userportrait.stores import DuckDBEventStore, ParquetEventStore, _event_duckdb
from userportrait.stores import _state_files as files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def events(day: str, n: int = 10) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % 10}" for i in range(n)],
            "event": "view",
            "occurred_at": pd.date_range(day, periods=n, freq="min"),
        }
    )


def store_of(kind: str, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    if kind == "parquet":
        pytest.importorskip("pyarrow")
        return ParquetEventStore(folder / "events")
    pytest.importorskip("duckdb")
    return DuckDBEventStore(folder / "events.duckdb")


def moments(
    folder: Path, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, Path]]:
    """Do the work; return copies of the folder around each renaming and before a commit."""
    found: list[tuple[str, Path]] = []
    rename, insert = files.os.replace, _event_duckdb._insert

    def look(when: str) -> None:
        copy = folder.with_name(f"{folder.name}-{len(found)}")
        shutil.copytree(folder, copy)
        found.append((when, copy))

    def replace(*paths: Any) -> None:
        look("before a renaming")
        rename(*paths)
        look("after a renaming")

    def inserted(*args: Any) -> int:
        n = insert(*args)
        look("before a commit")
        return n

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", replace)
        patch.setattr(_event_duckdb, "_insert", inserted)
        work()
    look("at the end")
    return found


@pytest.mark.parametrize(("kind", "there"), [("parquet", [0, 0, 0, 1, 1]), ("duckdb", [0, 1])])
def test_a_batch_is_whole_or_gone_and_can_come_again(
    kind: str, there: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(kind, tmp_path / "shop")
    store.append_events(events("2026-01-05"), batch_id="old")
    batch = events("2026-02-01", 200)
    seen = moments(
        tmp_path / "shop", lambda: store.append_events(batch, batch_id="new"), monkeypatch
    )
    # A Parquet batch renames its file, then the list of files; DuckDB commits.
    assert len(seen) == len(there)
    for (when, folder), found in zip(seen, there, strict=True):
        killed = store_of(kind, folder)
        assert killed.has_batch("new") == bool(found), when
        assert killed.n_events == 10 + 200 * found, when
        assert len(killed.read_events(until="2026-02-01")) == 10, when
        assert killed.append_events(batch, batch_id="new") == 200 * (not found), when
        assert killed.n_events == 210, when
        assert not list(folder.rglob(".tmp-*")), when


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_the_first_batch_leaves_an_empty_store_or_is_there(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, batch = store_of(kind, tmp_path / "shop"), events("2026-01-05")
    for when, folder in moments(
        tmp_path / "shop", lambda: store.append_events(batch, batch_id="a"), monkeypatch
    ):
        killed = store_of(kind, folder)
        there = killed.has_batch("a")
        assert killed.n_events == 10 * there, when
        assert killed.append_events(batch, batch_id="a") == 10 * (not there), when
        assert len(killed.read_events()) == 10, when


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_an_erasure_is_done_or_can_be_repeated(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(kind, tmp_path / "shop")
    for i in range(3):
        store.append_events(events(f"2026-01-0{i + 1}"), batch_id=f"s/{i}")
    sizes = []
    for when, folder in moments(
        tmp_path / "shop", lambda: store.delete_customers(["c1", "c2"]), monkeypatch
    ):
        killed = store_of(kind, folder)
        sizes.append(killed.n_events)
        assert killed.delete_customers(["c1", "c2"]) == (2 if sizes[-1] == 30 else 0), when
        assert killed.n_events == 24, when
        assert len(killed.read_events(["c1", "c2"])) == 0, when
        assert not list(folder.rglob(".tmp-*")), when
        if kind == "parquet":
            assert len(list(folder.rglob("*.parquet"))) == 3, when
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {30, 24}


def test_a_compaction_changes_no_row_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of("parquet", tmp_path / "shop")
    for i in range(3):
        store.append_events(events(f"2026-01-0{i + 1}"), batch_id=f"s/{i}")
    before = store.read_events()
    for when, folder in moments(tmp_path / "shop", store.compact, monkeypatch):
        killed = store_of("parquet", folder)
        pd.testing.assert_frame_equal(killed.read_events(), before, obj=when)
        assert killed.compact() == 1, when
        pd.testing.assert_frame_equal(killed.read_events(), before, obj=when)
        assert len(list(folder.rglob("*.parquet"))) == 1, when


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_a_process_that_is_killed_leaves_its_lock_and_its_batch_behind(
    kind: str, tmp_path: Path
) -> None:
    code = """
import sys, time
import pandas as pd
from userportrait.stores import DuckDBEventStore, ParquetEventStore, _event_duckdb, _state_files

def stop(*args):
    print("stopped", flush=True)
    time.sleep(600)

inserted = _event_duckdb._insert
_event_duckdb._insert = lambda *args: stop(inserted(*args))
kind, path = sys.argv[1:]
if kind == "parquet":
    _state_files.os.replace = stop
store = ParquetEventStore(path) if kind == "parquet" else DuckDBEventStore(path)
frame = pd.DataFrame({
    "customer_id": [f"c{i % 50}" for i in range(300_000)], "event": "cart",
    "occurred_at": pd.date_range("2026-02-01", periods=300_000, freq="s"),
})
store.append_events(frame, batch_id="new")
"""
    store = store_of(kind, tmp_path / "shop")
    store.append_events(events("2026-01-05"), batch_id="old")
    path = store.directory if kind == "parquet" else store.path
    run = [sys.executable, "-c", code, kind, str(path)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        process.kill()
    assert not store.has_batch("new")
    assert store.n_events == 10
    assert store.append_events(events("2026-02-01"), batch_id="new") == 10
    assert store.n_events == 20
    assert not list(tmp_path.rglob(".tmp-*"))
