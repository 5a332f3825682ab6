"""Versioned documents in memory, in an SQLite file, in a mapping."""

from __future__ import annotations

import copy
import dbm.dumb
import pickle
import shelve
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    StoreError,
    StoreLockedError,
)
from userportrait.stores import (
    MemoryDefinitionStore,
    SQLiteDefinitionStore,
    SQLiteStore,
    encode_document,
)
from userportrait.stores._definition_documents import decode_document
from userportrait.stores._definition_stores import as_definition_store
from userportrait.testing import check_definition_store, check_profile_store
from userportrait.typing import Build, DefinitionStore

if TYPE_CHECKING:
    from pathlib import Path

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


def test_the_store_in_memory_keeps_the_promises() -> None:
    check_definition_store(MemoryDefinitionStore)


def test_the_file_keeps_the_promises(tmp_path: Path) -> None:
    numbers = iter(range(1_000))
    check_definition_store(lambda: SQLiteDefinitionStore(tmp_path / f"{next(numbers)}.db"))


def test_a_shelf_keeps_the_promises(tmp_path: Path) -> None:
    numbers = iter(range(1_000))
    with ExitStack() as shelves:
        check_definition_store(
            lambda: shelves.enter_context(shelve.open(str(tmp_path / str(next(numbers)))))
        )


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5))
def test_any_json_object_comes_back(document: dict[str, Any]) -> None:
    back = decode_document(encode_document(document))
    assert repr(back) == repr(document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must be a mapping of texts to values; got a value of type list"),
        ({"a": {"b": [1, float("nan")]}}, "got nan at 'a.b.1'"),
        ({"a": {2: 1}}, "keys must be texts; got a value of type int at 'a'"),
        ({"at": datetime(2026, 1, 1)}, "got a value of type datetime at 'at'"),
        ({"n": 10**5_000}, "an integer of too many digits"),
    ],
)
def test_what_json_cannot_write_is_refused_with_its_place(document: Any, message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        encode_document(document)


def test_a_document_that_holds_itself_is_refused() -> None:
    document: dict[str, Any] = {}
    document["again"] = document
    with pytest.raises(InvalidDataError, match="nested more than 100 deep"):
        encode_document(document)


def test_a_version_is_a_number_from_one() -> None:
    for store in (MemoryDefinitionStore(), as_definition_store({})):
        assert store is not None
        for version in (0, -1, True, 1.0, "1", 2**63):
            with pytest.raises(InvalidParameterError, match="version must be an integer from 1"):
                store.read_definition("tag", "a", version)  # type: ignore[arg-type]


def test_a_mapping_is_taken_as_a_store_and_anything_else_is_not() -> None:
    kept: dict[str, str] = {"another": "program's", '["broken': "", "[1]": ""}
    store = as_definition_store(kept)
    assert isinstance(store, DefinitionStore)
    assert store.write_definition("tag", "a", {"x": 1}) == 1
    assert kept['["tag","a",1]'] == '{"x":1}'
    assert store.list_definitions("tag") == {"a": [1]}
    assert pickle.loads(pickle.dumps(store)).read_definition("tag", "a") == {"x": 1}
    assert repr(store) == "<definitions in a dict>"
    memory = MemoryDefinitionStore()
    assert as_definition_store(memory) is memory
    for other in ("folder", 1, None, [], (("a", ""),)):
        assert as_definition_store(other) is None


def test_a_mapping_that_gives_bytes_back_is_understood(tmp_path: Path) -> None:
    with closing(dbm.dumb.open(str(tmp_path / "kept"), "c")) as mapping:
        store = as_definition_store(mapping)
        assert store is not None
        store.write_definition("tag", "客户", {"x": 1})
        assert store.read_definition("tag", "客户") == {"x": 1}
        assert store.list_definitions("tag") == {"客户": [1]}


def test_a_copy_of_the_store_in_memory_is_another_store() -> None:
    store = MemoryDefinitionStore()
    store.write_definition("tag", "a", {"x": 1})
    twin = copy.deepcopy(store)
    assert twin.write_definition("tag", "a", {"x": 2}) == 2
    assert store.list_definitions("tag") == {"a": [1]}
    assert repr(twin) == "<MemoryDefinitionStore with 2 documents>"


def test_opening_and_reading_write_nothing(tmp_path: Path) -> None:
    store = SQLiteDefinitionStore(tmp_path / "shop.db")
    assert store.read_definition("tag", "a") is None
    assert store.list_definitions("tag") == {}
    assert store.delete_definition("tag", "a") == 0
    assert list(tmp_path.iterdir()) == []
    assert pickle.loads(pickle.dumps(store)).path == store.path
    assert repr(store) == f"SQLiteDefinitionStore({str(store.path)!r})"


def test_portraits_and_definitions_share_a_file(tmp_path: Path) -> None:
    numbers = iter(range(1_000))

    def beside_definitions() -> SQLiteStore:
        path = tmp_path / f"{next(numbers)}.db"
        SQLiteDefinitionStore(path).write_definition("tag", "a", {"x": 1})
        return SQLiteStore(path)

    def beside_portraits() -> SQLiteDefinitionStore:
        path = tmp_path / f"{next(numbers)}.db"
        build = Build(as_of=datetime(2026, 1, 1), versions={})
        with SQLiteStore(path) as store:
            store.replace_profiles([(1, {"n": 1})], build=build)
        return SQLiteDefinitionStore(path)

    check_definition_store(beside_portraits)
    last = next(numbers)
    check_profile_store(beside_definitions)
    for number in range(last):
        with SQLiteStore(tmp_path / f"{number}.db") as store:
            assert store.read_profile(1) == {"n": 1}
    for number in range(last + 1, next(numbers)):
        beside = SQLiteDefinitionStore(tmp_path / f"{number}.db")
        assert beside.read_definition("tag", "a") == {"x": 1}


def test_the_file_tells_a_notebook_what_it_has(tmp_path: Path) -> None:
    store = SQLiteDefinitionStore(tmp_path / "shop.db")
    assert "shop.db" in store._repr_html_()
    for _ in range(2):
        store.write_definition("a<b", "x", {})
    store.write_definition("tag", "x", {})
    assert "<dt>a&lt;b</dt><dd>2 versions</dd><dt>tag</dt><dd>1 version</dd>" in store._repr_html_()


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE definitions (a)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        SQLiteDefinitionStore(path)
    assert path.read_bytes() == before


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        SQLiteDefinitionStore(tmp_path)
    with pytest.raises(StoreError, match="does not exist"):
        SQLiteDefinitionStore(tmp_path / "missing" / "shop.db")
    with pytest.raises(InvalidParameterError, match="MemoryDefinitionStore keeps no file"):
        SQLiteDefinitionStore(":memory:")


def test_a_writer_waits_for_another_one_only_so_long(tmp_path: Path) -> None:
    store = SQLiteDefinitionStore(tmp_path / "shop.db", timeout=0.05)
    store.write_definition("tag", "a", {"x": 1})
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLockedError):
            store.write_definition("tag", "a", {"x": 2})
        assert store.read_definition("tag", "a") == {"x": 1}
    assert store.write_definition("tag", "a", {"x": 2}) == 2


def test_a_deleted_document_leaves_the_bytes_of_the_file(tmp_path: Path) -> None:
    store = SQLiteDefinitionStore(tmp_path / "shop.db")
    store.write_definition("tag", "a", {"x": "secret-word" * 2_000})
    store.write_definition("tag", "b", {"x": 1})
    assert b"secret-word" in store.path.read_bytes()
    assert store.delete_definition("tag", "a") == 1
    assert not any(b"secret-word" in file.read_bytes() for file in tmp_path.iterdir())


KILLED = """
import sys, time
from userportrait.stores import SQLiteDefinitionStore
store = SQLiteDefinitionStore(sys.argv[1])
while True:
    print(store.write_definition("tag", "a", {"text": "x" * 100_000}), flush=True)
"""


@pytest.mark.parametrize("n_writes", [1, 4])
def test_a_version_that_was_returned_survives_a_kill(tmp_path: Path, n_writes: int) -> None:
    path = tmp_path / "shop.db"
    run = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(n_writes)]
        process.kill()
    store = SQLiteDefinitionStore(path)
    kept = store.list_definitions("tag")["a"]
    assert kept[:n_writes] == told == list(range(1, n_writes + 1))
    for version in kept:
        assert store.read_definition("tag", "a", version) == {"text": "x" * 100_000}
    assert store.write_definition("tag", "a", {}) == len(kept) + 1


def test_processes_get_numbers_of_their_own(tmp_path: Path) -> None:
    script = KILLED.replace("while True", "for _ in range(5)")
    run = [sys.executable, "-c", script, str(tmp_path / "shop.db")]
    started = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate()[0] for process in started]
    assert sorted(int(line) for text in told for line in text.split()) == list(range(1, 16))
