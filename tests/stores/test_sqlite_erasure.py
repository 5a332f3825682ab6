"""Erased and replaced customers leave no bytes on the disk."""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from userportrait.errors import StoreError
from userportrait.stores import SQLiteStore, _sqlite
from userportrait.typing import Build

if TYPE_CHECKING:
    from pathlib import Path

BUILD = Build(as_of=datetime(2026, 1, 1), versions={"n": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def traces(path: Path, words: list[str]) -> list[str]:
    """Return the words whose bytes are in the database, its log or any file beside it."""
    content = b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))
    found = set(re.findall(rb"<secret [0-9]{5}>|person-[0-9]{5}@example.com", content))
    return [word for word in words if word.encode() in found]


def id_of(i: int) -> str:
    return f"person-{i:05d}@example.com"


def mark_of(i: int) -> str:
    return f"<secret {i:05d}>"


def profile_of(i: int, rng: random.Random) -> dict[str, Any]:
    # From a few bytes to several pages: pages of rows, and rows of pages.
    return {"mark": mark_of(i), "padding": mark_of(i) * rng.choice([0, 1, 5, 40, 200, 800])}


@pytest.mark.parametrize("kind", ["integer", "text"])
@pytest.mark.parametrize("seed", range(2))
def test_erased_customers_leave_no_bytes(
    path: Path, kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_CHUNK", 37)  # rows come in no order: pages are split
    rng = random.Random(seed)
    n = 900
    keys: list[Any] = [i if kind == "integer" else id_of(i) for i in range(n)]
    order = list(range(n))
    rng.shuffle(order)
    store = SQLiteStore(path)
    store.replace_profiles([(keys[i], profile_of(i, rng)) for i in order], build=BUILD)
    assert len(traces(path, [mark_of(i) for i in range(n)])) == n

    rng.shuffle(order)
    gone: list[int] = []
    while order:
        size = rng.choice([1, 3, 30, 200])
        batch, order = order[:size], order[size:]
        assert store.delete_customers([keys[i] for i in batch]) == len(batch)
        gone += batch
        words = [mark_of(i) for i in gone] + [id_of(i) for i in gone]
        assert traces(path, words) == []
        assert len(traces(path, [mark_of(i) for i in order])) == len(order)
    assert store.read_build() == BUILD


def test_a_replaced_build_leaves_no_bytes(path: Path) -> None:
    rng = random.Random(1)
    store = SQLiteStore(path)
    for first, n in ((0, 2_000), (10_000, 500), (20_000, 3_000), (30_000, 0)):
        store.replace_profiles(
            [(id_of(i), profile_of(i, rng)) for i in range(first, first + n)], build=BUILD
        )
        gone = [i for i in range(33_000) if not first <= i < first + n]
        assert traces(path, [id_of(i) for i in gone] + [mark_of(i) for i in gone]) == []


def test_bytes_left_by_a_killed_build_are_erased_too(path: Path) -> None:
    code = """
import sys, time
from datetime import datetime
from userportrait.stores import SQLiteStore, _sqlite, _sqlite_file
from userportrait.typing import Build
_sqlite._CHUNK, _sqlite_file._WRITER_CACHE_KIB = 1_000, 64
def profiles():
    for i in range(20_000):
        yield f"person-{i:05d}@example.com", {"mark": f"<secret {i:05d}>"}
    print("written", flush=True)
    time.sleep(600)
build = Build(as_of=datetime(2026, 1, 1), versions={})
SQLiteStore(sys.argv[1]).replace_profiles(profiles(), build=build)
"""
    words = [id_of(7), mark_of(7)]
    for first_build in (True, False):
        run = [sys.executable, "-c", code, str(path)]
        with subprocess.Popen(run, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()
        assert traces(path, words) == words
        with SQLiteStore(path) as store:
            assert store.delete_customers([id_of(7)]) == 0
            assert traces(path, words) == []
            if first_build:
                store.replace_profiles([(i, {}) for i in range(10)], build=BUILD)


def test_during_a_scan_customers_are_gone_at_once_and_their_bytes_at_its_end(path: Path) -> None:
    store = SQLiteStore(path)
    rng = random.Random(0)
    store.replace_profiles([(id_of(i), profile_of(i, rng)) for i in range(100)], build=BUILD)
    words = [mark_of(i) for i in range(50)]
    for i, (key, _) in enumerate(store.scan_profiles()):
        if i < 50:
            assert store.delete_customers([key]) == 1
            assert store.read_profile(key) is None
    assert i == 99
    assert traces(path, words) == []


def test_a_reader_elsewhere_that_holds_the_bytes_is_reported(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.1)
    store.replace_profiles([(id_of(i), {"mark": mark_of(i)}) for i in range(10)], build=BUILD)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM text_profiles").fetchone()
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            store.delete_customers([id_of(3)])
        assert str(caught.value) == (
            f"the customers are deleted, but another reader of '{path}' still holds pages with "
            "their bytes after 0.1 s. Call delete_customers again when it has finished."
        )
    assert store.read_profile(id_of(3)) is None
    other.execute("COMMIT")
    assert store.delete_customers([id_of(3)]) == 0
    assert traces(path, [mark_of(3), id_of(3)]) == []
    other.close()
