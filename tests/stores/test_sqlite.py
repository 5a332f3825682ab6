"""Portraits in one SQLite file."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import sqlite3
import subprocess
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    StoreError,
)
from userportrait.stores import SQLiteStore, _sqlite, _sqlite_rows
from userportrait.testing import check_profile_store
from userportrait.typing import Build, ProfileStore, SupportsEncodedProfiles


def build(number: int) -> Build:
    return Build(as_of=datetime(2026, 1, 1), versions={"n": number})


def profiles(number: int, n: int = 20) -> dict[Any, dict[str, Any]]:
    return {(i if i % 2 else str(i)): {"build": number} for i in range(n)}


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def log_size(path: Path) -> int:
    log = Path(f"{path}-wal")  # SQLite removes it when the last connection closes
    return log.stat().st_size if log.exists() else 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def test_it_keeps_the_promises_of_a_profile_store(tmp_path: Path) -> None:
    names = count()
    check_profile_store(lambda: SQLiteStore(tmp_path / f"{next(names)}.db"))
    assert {file.suffix for file in tmp_path.iterdir()} == {".db"}


def test_it_takes_encoded_profiles(path: Path) -> None:
    assert isinstance(SQLiteStore(path), ProfileStore)
    assert isinstance(SQLiteStore(path), SupportsEncodedProfiles)


def test_nothing_is_written_before_the_first_build(tmp_path: Path, path: Path) -> None:
    store = SQLiteStore(path)
    assert store.read_build() is None
    assert store.read_profile(1) is None
    assert store.delete_customers([1]) == 0
    assert list(store.scan_profiles()) == []
    assert "never built" in store._repr_html_()
    assert names_in(tmp_path) == []


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    store = SQLiteStore(path)
    assert store.read_build() is None
    assert store.replace_profiles(profiles(1).items(), build=build(1)) == 20
    assert dict(store.scan_profiles()) == profiles(1)


def test_the_next_process_finds_the_profiles(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.replace_profiles(profiles(1).items(), build=build(1))
    with SQLiteStore(str(path)) as store:
        assert dict(store.scan_profiles()) == profiles(1)
        assert store.read_build() == build(1)
    assert names_in(path.parent) == ["shop.db"]


def test_paths_may_hold_any_character(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "a b?mode=memory#c%20é客.db")
    store.replace_profiles(profiles(1).items(), build=build(1))
    store.close()
    assert names_in(tmp_path) == ["a b?mode=memory#c%20é客.db"]


def test_a_relative_path_keeps_its_meaning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    store = SQLiteStore("shop.db")
    monkeypatch.chdir("/")
    store.replace_profiles([], build=build(1))
    assert store.path == path
    assert path.is_file()


def test_one_profile_is_read_by_its_id(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles([(1, {"n": 1}), ("1", {"n": 2})], build=build(1))
    assert store.read_profile(1) == {"n": 1}
    assert store.read_profile("1") == {"n": 2}
    assert store.read_profile(2) is None
    for never_kept in (10**30, "half \udce9"):
        assert store.read_profile(never_kept) is None
        assert store.read_profiles([never_kept, 1]) == {1: {"n": 1}}
        assert store.delete_customers([never_kept]) == 0


@pytest.mark.parametrize("key", [1.0, True, None, b"1"])
def test_ids_of_other_types_are_refused_in_every_method(path: Path, key: Any) -> None:
    store = SQLiteStore(path)
    store.replace_profiles([(1, {"n": 1})], build=build(1))
    with pytest.raises(ColumnTypeError):
        store.read_profile(key)
    with pytest.raises(ColumnTypeError):
        store.read_profiles([key])
    with pytest.raises(ColumnTypeError):
        store.delete_customers([1, key])
    assert store.read_profile(1) == {"n": 1}


def test_numpy_ids_and_values_are_taken(path: Path) -> None:
    np = pytest.importorskip("numpy")
    store = SQLiteStore(path)
    store.replace_profiles(
        [(np.int64(1), {"n": np.int64(2), "x": np.float64(0.5)})], build=build(1)
    )
    assert store.read_profile(np.int64(1)) == {"n": 2, "x": 0.5}
    assert store.read_profiles(np.array([1, 2])) == {1: {"n": 2, "x": 0.5}}
    assert [type(key) for key, _ in store.scan_profiles()] == [int]
    assert store.delete_customers(np.array([1, 2])) == 1


@pytest.mark.parametrize("n", [1, 2, 8, 9, 64, 65, 512, 513, 1030])
def test_any_number_of_customers_is_read_at_once(path: Path, n: int) -> None:
    store = SQLiteStore(path)
    kept = profiles(1, 1100)
    store.replace_profiles(kept.items(), build=build(1))
    keys = list(kept)
    random.Random(n).shuffle(keys)
    for wanted in (keys[:n], [k for k in keys if type(k) is int][:n]):
        assert store.read_profiles([*wanted, -5]) == {key: kept[key] for key in wanted}
        assert store._session().connection.in_transaction is False  # type: ignore[union-attr]


def test_order_of_the_profiles_does_not_matter(path: Path) -> None:
    keys = [*range(-3_000, 3_000), *map(str, range(3_000))]
    random.Random(1).shuffle(keys)
    store = SQLiteStore(path)
    store.replace_profiles([(key, {"key": key}) for key in keys], build=build(1))
    assert dict(store.scan_profiles()) == {key: {"key": key} for key in keys}
    assert [key for key, _ in store.scan_profiles() if type(key) is int] == list(range(-3000, 3000))


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(("first", "second"), [(3, 17), (3, 24_000), (1, 11_111)])
def test_a_repeated_customer_is_found_at_its_position(
    path: Path, shuffled: bool, first: int, second: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_CHUNK", 10_000)
    keys: list[Any] = list(range(25_000))
    if shuffled:
        random.Random(0).shuffle(keys)
    keys[1::4] = [f"c{key}" for key in keys[1::4]]
    keys[second] = keys[first]
    store = SQLiteStore(path)
    for replace in (
        lambda: store.replace_profiles(((key, {}) for key in keys), build=build(1)),
        lambda: store.replace_encoded(((key, "{}") for key in keys), build=build(1)),
    ):
        with pytest.raises(InvalidDataError) as caught:
            replace()
        assert caught.value.rows == (second,)
        assert caught.value.column == "customer_id"
        assert "comes twice" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", " {}", "{} ", '"a"', b"{}", None, {"n": 1}])
def test_an_encoded_profile_is_a_json_object(path: Path, text: Any) -> None:
    store = SQLiteStore(path)
    with pytest.raises(InvalidDataError, match="the text of one JSON object") as caught:
        store.replace_encoded([(1, "{}"), (2, text)], build=build(1))
    assert caught.value.rows == (1,)
    assert store.read_build() is None


def test_an_encoded_profile_with_half_a_character_is_refused(path: Path) -> None:
    with pytest.raises(InvalidDataError, match="ensure_ascii=True"):
        SQLiteStore(path).replace_encoded([(1, '{"name":"\udce9"}')], build=build(1))


def test_a_damaged_encoded_profile_is_a_store_error_when_read(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_encoded([(1, "{nonsense}")], build=build(1))
    with pytest.raises(StoreError, match="not JSON"):
        store.read_profile(1)


def test_an_error_of_the_callers_own_database_passes_unchanged(path: Path) -> None:
    def failing() -> Any:
        yield 1, {}
        raise sqlite3.OperationalError("the caller's own")

    with pytest.raises(sqlite3.OperationalError, match="the caller's own"):
        SQLiteStore(path).replace_profiles(failing(), build=build(1))


def test_an_interrupted_build_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sqlite, "_CHUNK", 1_000)
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))

    def interrupted() -> Any:
        yield from profiles(2, 12_000).items()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.replace_profiles(interrupted(), build=build(2))
    assert dict(store.scan_profiles()) == profiles(1)
    store.replace_profiles(profiles(3).items(), build=build(3))
    assert dict(store.scan_profiles()) == profiles(3)


def test_repeated_builds_do_not_grow_the_file(path: Path) -> None:
    store = SQLiteStore(path)
    rng = random.Random(7)
    sizes = []
    for number in range(8):
        keys = rng.sample(range(10**6), 4_000)
        rows = [(key, {"build": number, "text": "x" * 500}) for key in keys]
        store.replace_profiles(rows, build=build(number))
        sizes.append(sum(file.stat().st_size for file in path.parent.iterdir()))
    assert max(sizes) < 1.2 * sizes[0]
    assert log_size(path) == 0


def test_the_log_is_emptied_when_the_last_scan_ends(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    one, two = store.scan_profiles(), store.scan_profiles()
    next(one), next(two)
    store.replace_profiles(profiles(2, 5_000).items(), build=build(2))
    assert log_size(path) > 0
    one.close()  # type: ignore[attr-defined]
    assert log_size(path) > 0
    assert dict([*two]).keys() < profiles(1).keys()
    assert log_size(path) == 0


def test_a_log_that_cannot_be_emptied_is_no_failed_build(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(path, timeout=0.05)
    store.replace_profiles(profiles(1).items(), build=build(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM build").fetchone()
    with caplog.at_level("INFO", "userportrait.stores"):
        assert store.replace_profiles(profiles(2).items(), build=build(2)) == 20
    assert "is being read: its log is emptied later" in caplog.text
    assert log_size(path) > 0
    other.close()

    def fails(*args: Any) -> bool:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(_sqlite, "truncate_log", fails)
        assert store.replace_profiles(profiles(3).items(), build=build(3)) == 20
    assert "the write-ahead log is emptied later: the disk is full" in caplog.text
    assert dict(store.scan_profiles()) == profiles(3)
    assert log_size(path) == 0


def test_a_read_leaves_no_transaction_open(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    store.read_profile(1)
    store.read_profiles([1])
    store.read_build()
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    other.execute("UPDATE build SET n_profiles = 5")
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.close()


def test_readers_in_another_process_see_the_old_build_until_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_CHUNK", 1_000)
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    seen = []

    def look() -> None:
        code = (
            "import sys; from userportrait.stores import SQLiteStore\n"
            "with SQLiteStore(sys.argv[1]) as store:\n"
            "    builds = {tags['build'] for _, tags in store.scan_profiles()}\n"
            "    print(builds, store.read_build().versions['n'])"
        )
        run = [sys.executable, "-c", code, str(path)]
        seen.append(subprocess.run(run, check=True, capture_output=True, text=True).stdout)

    def looked_at() -> Any:
        for i, item in enumerate(profiles(2, 15_000).items()):
            if i == 14_000:
                look()
            yield item

    store.replace_profiles(looked_at(), build=build(2))
    look()
    assert seen == ["{1} 1\n", "{2} 2\n"]


def test_threads_have_a_connection_each_and_leave_none_behind(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    found: list[Any] = []
    store.read_profile(1)
    for _ in range(5):
        thread = Thread(target=lambda: found.append(store.read_profile(1)))
        thread.start()
        thread.join()
    del thread
    gc.collect()
    assert found == [{"build": 1}] * 5
    assert len(store._sessions) == 1


def test_a_forked_child_opens_its_own_connection(path: Path) -> None:
    code = """
import os, sys
from datetime import datetime
from userportrait.stores import SQLiteStore
from userportrait.typing import Build
path = sys.argv[1]
store = SQLiteStore(path)
build = Build(as_of=datetime(2026, 1, 1), versions={})
store.replace_profiles([(1, {"n": 1}), (2, {"n": 1})], build=build)
assert store.read_profile(1) == {"n": 1}
parents, scan = store._session(), store.scan_profiles()
next(scan)
child = os.fork()
if child == 0:
    try:
        assert store.read_profile(1) == {"n": 1}
        assert store._session() is not parents
        store.replace_profiles([(1, {"n": 2})], build=build)
        store.close()
    except BaseException as error:
        print(repr(error))
        os._exit(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert store._session() is parents
assert list(scan) == [(2, {"n": 1})]
assert store.read_profile(1) == {"n": 2} and store.read_profile(2) is None
store.replace_profiles([(3, {"n": 3})], build=build)
store.close()
print("well")
"""
    run = [sys.executable, "-W", "error", "-c", code, str(path)]
    assert subprocess.run(run, check=False, capture_output=True, text=True).stdout == "well\n"


def test_a_file_made_anew_is_seen_by_readers_of_the_same_store(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    assert store.read_profile(1) == {"build": 1}
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.joinpath("takes the old inode").touch()
    store.replace_profiles(profiles(2).items(), build=build(2))
    assert store.read_profile(1) == {"build": 2}


def test_two_processes_may_make_the_file_at_once(path: Path) -> None:
    code = (
        "import sys; from datetime import datetime\n"
        "from userportrait.stores import SQLiteStore\n"
        "from userportrait.typing import Build\n"
        "n = int(sys.argv[2]); store = SQLiteStore(sys.argv[1])\n"
        "build = Build(as_of=datetime(2026, 1, 1), versions={'n': n})\n"
        "for _ in range(5): store.replace_profiles([(i, {'n': n}) for i in range(50)], build=build)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    store = SQLiteStore(path)
    kept = store.read_build()
    assert kept is not None
    assert {tags["n"] for _, tags in store.scan_profiles()} == {kept.versions["n"]}


def test_a_closed_store_says_so(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    store.close()
    store.close()
    for use in (
        lambda: store.read_profile(1),
        lambda: store.read_profiles([1]),
        lambda: list(store.scan_profiles()),
        store.read_build,
        lambda: store.delete_customers([1]),
        lambda: store.replace_profiles([], build=build(2)),
    ):
        with pytest.raises(StoreError, match="is closed"):
            use()
    assert "is closed" in store._repr_html_()
    assert dict(SQLiteStore(path).scan_profiles()) == profiles(1)


def test_closing_reaches_the_connections_of_other_threads(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles(profiles(1).items(), build=build(1))
    held: list[Any] = []
    thread = Thread(target=lambda: held.append(store._session()))
    thread.start()
    thread.join()
    store.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        held[0].connection.execute("SELECT 1")


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_a_pickle_opens_the_same_file(path: Path, duplicate: Any) -> None:
    store = SQLiteStore(path, timeout=5)
    store.replace_profiles(profiles(1).items(), build=build(1))
    twin = duplicate(store)
    assert (twin.path, twin.timeout) == (path, 5.0)
    twin.replace_profiles(profiles(2).items(), build=build(2))
    assert dict(store.scan_profiles()) == profiles(2)


def test_it_is_shown_without_customers(path: Path) -> None:
    store = SQLiteStore(path)
    store.replace_profiles([("ann", {"city": "Oslo"}), ("bo", {})], build=build(1))
    store.delete_customers(["bo"])
    assert repr(store) == f"SQLiteStore('{path}')"
    shown = store._repr_html_()
    assert "<dt>customers</dt><dd>1</dd>" in shown
    assert "2026-01-01" in shown
    assert "ann" not in shown
    assert "Oslo" not in shown


@pytest.mark.parametrize(
    ("path_given", "timeout", "message"),
    [
        (1, 30, "path must be a path; got int"),
        (b"shop.db", 30, "path must be a path; got bytes"),
        ("shop.db", -1, r"timeout must be a number in \[0, 86400\]; got -1"),
        ("shop.db", float("nan"), r"timeout must be a number in \[0, 86400\]; got nan"),
        (":memory:", 30, "path must name a file; got ':memory:'. MemoryStore keeps no file."),
        ("", 30, "path must name a file; got ''. MemoryStore keeps no file."),
    ],
)
def test_bad_parameters_are_named(path_given: Any, timeout: float, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        SQLiteStore(path_given, timeout=timeout)


def test_batches_stay_below_the_smallest_limit_of_variables() -> None:
    # SQLite before 3.32 takes 999 variables (https://www.sqlite.org/limits.html).
    assert max(_sqlite_rows._BATCHES) <= 999
