"""A build killed at any moment leaves the old portraits or the new ones, never a mixture."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from userportrait.stores import SQLiteStore
from userportrait.typing import Build

N_OLD, N_NEW = 3_000, 25_000
BUILD = Build(as_of=datetime(2026, 1, 1), versions={"n": 1})

# With small chunks and a small cache, most of the build is in the log before the commit.
SCRIPT = """
import sys, time
from datetime import datetime
from userportrait.stores import SQLiteStore, _sqlite, _sqlite_file
from userportrait.typing import Build

path, n, stop_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
_sqlite._CHUNK, _sqlite_file._WRITER_CACHE_KIB = 1_000, 64

def profiles():
    for i in range(n):
        if i == stop_at:
            print("stopped", flush=True)
            time.sleep(600)
        yield (i if i % 2 else f"c{i}"), {"build": 2, "text": "new portrait " * 20}
    print("committing", flush=True)
    if stop_at == n:
        time.sleep(600)

build = Build(as_of=datetime(2026, 1, 1), versions={"n": 2})
SQLiteStore(path).replace_profiles(profiles(), build=build)
print("done", flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def kill_a_build(path: Path, stop_at: int, word: str, delay: float = 0.0) -> None:
    """Start a build in another process; kill -9 it `delay` seconds after it says `word`."""
    run = [sys.executable, "-c", SCRIPT, str(path), str(N_NEW), str(stop_at)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == word:
                break
        time.sleep(delay)
        process.kill()


def write_the_old_build(path: Path) -> None:
    with SQLiteStore(path) as store:
        old = [((i if i % 2 else f"c{i}"), {"build": 1}) for i in range(N_OLD)]
        store.replace_profiles(old, build=BUILD)


def kept_build(path: Path) -> int:
    """Return the number of the build that is kept, after checking that it is whole."""
    with SQLiteStore(path) as store:
        build = store.read_build()
        number = build.versions["n"] if build else 0
        found = dict(store.scan_profiles())
        assert {tags["build"] for tags in found.values()} == ({number} if number else set())
        assert len(found) == {0: 0, 1: N_OLD, 2: N_NEW}[number]
        assert store.read_profiles(list(found)) == found
        if build:
            assert f"<dd>{len(found):,}</dd>" in store._repr_html_()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return number


@pytest.mark.parametrize("stop_at", [0, 1, 10_000, 20_001, N_NEW])
def test_killed_before_the_commit_the_old_build_is_kept(path: Path, stop_at: int) -> None:
    write_the_old_build(path)
    kill_a_build(path, stop_at, "committing" if stop_at == N_NEW else "stopped")
    if stop_at > 10_000:  # rows of the new build did reach the disk
        assert b"new portrait" in Path(f"{path}-wal").read_bytes()
    assert kept_build(path) == 1


def test_the_first_build_killed_leaves_an_empty_store(path: Path) -> None:
    kill_a_build(path, 20_001, "stopped")
    assert kept_build(path) == 0
    write_the_old_build(path)
    assert kept_build(path) == 1


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16])
def test_killed_during_the_commit_or_the_checkpoint_one_build_is_whole(
    path: Path, delay: float
) -> None:
    write_the_old_build(path)
    kill_a_build(path, -1, "committing", delay)
    assert kept_build(path) in (1, 2)


def test_killed_after_the_build_the_new_build_is_kept(path: Path) -> None:
    write_the_old_build(path)
    kill_a_build(path, -1, "done")
    assert kept_build(path) == 2


def test_after_a_kill_the_next_build_and_readers_work_as_ever(path: Path) -> None:
    write_the_old_build(path)
    with SQLiteStore(path) as reader:
        assert reader.read_profile(1) == {"build": 1}
        for _ in range(3):
            kill_a_build(path, 20_001, "stopped")
            assert reader.read_profile(1) == {"build": 1}
            assert len(list(reader.scan_profiles())) == N_OLD
        size = path.stat().st_size
        write_the_old_build(path)
        assert path.stat().st_size == size
        assert Path(f"{path}-wal").stat().st_size == 0
    assert kept_build(path) == 1
