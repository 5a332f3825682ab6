"""Store files that cannot be used, and what the message says."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from userportrait.errors import StoreError, StoreLockedError
from userportrait.stores import SQLiteStore, _sqlite_file
from userportrait.typing import Build

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = Build(as_of=datetime(2026, 1, 1), versions={"n": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with SQLiteStore(path, timeout=0.1) as store:
        store.replace_profiles([(i, {"n": i}) for i in range(100)], build=BUILD)
        yield store


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        SQLiteStore(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' is a directory. Give a file in it, such as '{tmp_path}/shop.db'."
    )


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        SQLiteStore(tmp_path / "data" / "shop.db")
    assert str(caught.value) == (
        f"cannot keep 'shop.db' in '{tmp_path}/data': that directory does not exist."
    )


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="data': that directory is not a directory"):
        SQLiteStore(tmp_path / "data" / "shop.db")


def test_a_directory_that_vanished_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store = SQLiteStore(tmp_path / "data" / "shop.db")
    (tmp_path / "data").rmdir()
    assert store.read_build() is None
    with pytest.raises(StoreError, match="that directory does not exist"):
        store.replace_profiles([], build=BUILD)


def test_a_file_that_is_not_sqlite_is_left_alone(path: Path) -> None:
    text = "customer_id,order_id\n" * 100
    path.write_text(text)
    with pytest.raises(StoreError) as caught:
        SQLiteStore(path)
    assert str(caught.value) == (
        f"the store '{path}' is not an SQLite file. Give the store a file of its own."
    )
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_stopped_being_sqlite_is_left_alone(store: SQLiteStore, path: Path) -> None:
    store.close()
    reopened = SQLiteStore(path)
    path.write_text("customer_id,order_id\n" * 100)
    with pytest.raises(StoreError, match="is not an SQLite file"):
        reopened.replace_profiles([], build=BUILD)


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE users (id)", "PRAGMA application_id = 5", "PRAGMA user_version = 5"]
)
def test_a_database_of_another_program_is_left_alone(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_another_program_may_not_come_between(path: Path) -> None:
    store = SQLiteStore(path)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id)")
    connection.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        store.replace_profiles([], build=BUILD)


def test_a_newer_schema_is_refused(store: SQLiteStore, path: Path) -> None:
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("PRAGMA application_id").fetchone() == (0x55507274,)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StoreError) as caught:
        SQLiteStore(path)
    assert str(caught.value) == (
        f"the store '{path}' was written by a newer userportrait (schema 2; this one reads up "
        "to 1). Upgrade userportrait, or build into a new file."
    )


def test_another_writer_makes_a_build_and_an_erasure_wait_and_then_fail(
    store: SQLiteStore, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for write in (
        lambda: store.replace_profiles([], build=BUILD),
        lambda: store.delete_customers([1]),
    ):
        started = time.monotonic()
        with pytest.raises(StoreLockedError) as caught:
            write()
        assert time.monotonic() - started >= 0.09
        assert str(caught.value) == (
            f"the store '{path}' stayed locked by another writer for 0.1 s. "
            "Wait for that writer to finish, or open the store with a longer timeout=."
        )
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(pickle.loads(pickle.dumps(caught.value)), StoreLockedError)
    assert store.read_profile(1) == {"n": 1}  # readers do not wait
    assert len(list(store.scan_profiles())) == 100
    other.execute("COMMIT")
    other.close()
    assert store.delete_customers([1]) == 1


def test_another_process_that_builds_makes_a_build_fail(path: Path) -> None:
    code = (
        "import sys, time; from datetime import datetime\n"
        "from userportrait.stores import SQLiteStore\n"
        "from userportrait.typing import Build\n"
        "def slowly():\n"
        "    print('building', flush=True); sys.stdin.readline(); yield 1, {}\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "store.replace_profiles(slowly(), build=Build(as_of=datetime(2026, 1, 1), versions={}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"building\n"
        with pytest.raises(StoreLockedError):
            SQLiteStore(path, timeout=0.1).replace_profiles([], build=BUILD)
        other.stdin.write(b"\n")
        other.stdin.close()
        assert other.wait(60) == 0
    assert SQLiteStore(path).read_profile(1) == {}


def test_a_file_locked_as_a_whole_cannot_be_read(store: SQLiteStore, path: Path) -> None:
    store.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLockedError):
        SQLiteStore(path, timeout=0.05)
    other.close()
    assert SQLiteStore(path).read_profile(1) == {"n": 1}


def test_a_locked_file_that_is_no_log_file_yet_is_waited_for(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreLockedError):
        SQLiteStore(path, timeout=0.05).replace_profiles([], build=BUILD)
    other.execute("COMMIT")
    other.close()
    assert SQLiteStore(path).replace_profiles([], build=BUILD) == 0


def test_damage_is_reported(store: SQLiteStore, path: Path) -> None:
    store.replace_profiles([(i, {"x": "y" * 500}) for i in range(2_000)], build=BUILD)
    store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096 * 200)
    damaged = SQLiteStore(path)
    with pytest.raises(StoreError, match="is damaged"):
        list(damaged.scan_profiles())


def test_a_truncated_file_is_reported(store: SQLiteStore, path: Path) -> None:
    store.replace_profiles([(i, {"x": "y" * 500}) for i in range(2_000)], build=BUILD)
    store.close()
    with path.open("r+b") as file:
        file.truncate(4096 * 20)
    with pytest.raises(StoreError):
        list(SQLiteStore(path).scan_profiles())


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_read_only_files_and_directories_are_reported() -> None:
    code = """
import os, sys
from datetime import datetime
from userportrait.errors import StoreError
from userportrait.stores import SQLiteStore
from userportrait.typing import Build
folder, path = sys.argv[1], sys.argv[1] + "/shop.db"
build = Build(as_of=datetime(2026, 1, 1), versions={})
with SQLiteStore(path) as store:
    store.replace_profiles([(1, {"n": 1})], build=build)
os.chmod(path, 0o444)
os.chmod(folder, 0o777)
if os.geteuid() == 0:
    os.setuid(65534)
with SQLiteStore(path) as store:
    print(store.read_profile(1))
    try:
        store.replace_profiles([], build=build)
    except StoreError as error:
        print(str(error).replace(folder, "DIR"))
    try:
        store.delete_customers([1])
    except StoreError as error:
        print(str(error).replace(folder, "DIR"))
"""
    directory = "import os, sys; os.chmod(sys.argv[1], 0o555)\n"
    new_file = (
        directory
        + code[: code.index("with SQLite")]
        + (
            "if os.geteuid() == 0:\n    os.setuid(65534)\n"
            "try:\n    SQLiteStore(folder + '/new.db').replace_profiles([], build=build)\n"
            "except StoreError as error:\n    print(str(error).replace(folder, 'DIR'))\n"
        )
    )
    folder = tempfile.mkdtemp()
    try:
        found = [
            subprocess.run(
                [sys.executable, "-c", script, folder], check=True, capture_output=True, text=True
            ).stdout.splitlines()
            for script in (code, new_file)
        ]
    finally:
        Path(folder).chmod(0o755)
        shutil.rmtree(folder)
    refused = "the store 'DIR/shop.db' cannot be written: the file or its directory is read-only."
    assert found[0] == ["{'n': 1}", refused, refused]
    closed = (
        "the store 'DIR/new.db' cannot be opened. The file and its directory must be readable "
        "and writable: SQLite keeps a '-wal' and a '-shm' file beside it."
    )
    assert found[1] == [closed]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_FULL, "the disk is full. The old profiles are kept."),
        (sqlite3.SQLITE_IOERR_WRITE, "could not be read or written: sample."),
        (sqlite3.SQLITE_INTERNAL, "failed: sample."),
        (0, "failed: sample."),
    ],
)
def test_other_errors_say_what_they_mean(path: Path, code: int, meaning: str) -> None:
    error = sqlite3.OperationalError("sample")
    error.sqlite_errorcode = code
    found = _sqlite_file.store_error(error, path, 1)
    assert str(found).startswith(f"the store '{path}' ")
    assert str(found).endswith(meaning)
