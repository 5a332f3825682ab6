"""Serialised states in memory, in a directory, in a mapping."""

from __future__ import annotations

import copy
import pickle
import shelve
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from userportrait.errors import ColumnTypeError, InvalidParameterError, StoreError, StoreLockedError
from userportrait.stores import DirectoryStateStore, MemoryStateStore
from userportrait.stores import _state_files as files
from userportrait.stores._state_stores import as_state_store
from userportrait.testing import check_state_store
from userportrait.typing import StateStore

if TYPE_CHECKING:
    from pathlib import Path


def test_the_store_in_memory_keeps_the_promises() -> None:
    check_state_store(MemoryStateStore)


def test_the_directory_keeps_the_promises(tmp_path: Path) -> None:
    numbers = iter(range(1_000))
    check_state_store(lambda: DirectoryStateStore(tmp_path / str(next(numbers))))


def test_a_shelf_keeps_the_promises(tmp_path: Path) -> None:
    numbers = iter(range(1_000))
    with ExitStack() as shelves:
        check_state_store(
            lambda: shelves.enter_context(shelve.open(str(tmp_path / str(next(numbers)))))
        )


def test_a_mapping_is_taken_as_a_store_and_anything_else_is_not() -> None:
    kept: dict[str, bytes] = {}
    store = as_state_store(kept)
    assert isinstance(store, StateStore)
    store.write_state("a", b"1")
    assert kept == {"a": b"1"}
    twin = pickle.loads(pickle.dumps(store))
    assert twin.read_state("a") == b"1"
    assert repr(store) == "<states in a dict>"
    memory = MemoryStateStore()
    assert as_state_store(memory) is memory
    for other in ("folder", 1, None, [], (("a", b""),)):
        assert as_state_store(other) is None


def test_opening_and_reading_write_nothing(tmp_path: Path) -> None:
    store = DirectoryStateStore(tmp_path / "states")
    assert store.read_state("a") is None
    assert store.delete_state("a") is False
    assert not (tmp_path / "states").exists()


def test_a_file_holds_the_bytes_and_shows_the_name(tmp_path: Path) -> None:
    store = DirectoryStateStore(tmp_path / "states")
    store.write_state("orders#12", b"\x00bytes")
    store.write_state("Orders", b"")
    found = sorted(p.name for p in store.path.iterdir())
    assert found == ["%4frders.state", ".lock", "orders%2312.state"]
    assert (store.path / "orders%2312.state").read_bytes() == b"\x00bytes"


@pytest.mark.parametrize("moment", ["replace", "fsync"])
def test_a_write_that_fails_leaves_the_old_bytes(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStateStore(tmp_path / "states")
    store.write_state("a", b"old")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, moment, full)
        with pytest.raises(StoreError, match="No space left on device"):
            store.write_state("a", b"new")
    assert store.read_state("a") == b"old"
    assert sorted(p.name for p in store.path.iterdir()) == [".lock", "a.state"]


@pytest.mark.parametrize(("stop", "kept"), [("before", b"old"), ("after", b"new" * 10_000)])
def test_a_killed_write_leaves_the_old_bytes_or_the_new(
    stop: str, kept: bytes, tmp_path: Path
) -> None:
    code = """
import sys, time
from userportrait.stores import DirectoryStateStore, _state_files
real = _state_files.os.replace
def replace(*paths):
    if sys.argv[2] == "after":
        real(*paths)
    print("stopped", flush=True)
    time.sleep(600)
_state_files.os.replace = replace
DirectoryStateStore(sys.argv[1]).write_state("a", b"new" * 10_000)
"""
    store = DirectoryStateStore(tmp_path / "states")
    store.write_state("a", b"old")
    run = [sys.executable, "-c", code, str(store.path), stop]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        with pytest.raises(StoreLockedError):
            DirectoryStateStore(store.path, timeout=0.05).write_state("b", b"")
        process.kill()
    assert store.read_state("a") == kept
    store.write_state("b", b"2")
    assert sorted(p.name for p in store.path.iterdir()) == [".lock", "a.state", "b.state"]


def test_bad_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"2 problems.\n- path.*\n- timeout"):
        DirectoryStateStore(1, timeout=-1)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="got ''"):
        DirectoryStateStore("")
    with pytest.raises(StoreError, match="that directory does not exist"):
        DirectoryStateStore(tmp_path / "no" / "states")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        DirectoryStateStore(tmp_path / "file")
    with pytest.raises(InvalidParameterError, match="got one of 201 characters"):
        MemoryStateStore().read_state("x" * 201)
    with pytest.raises(ColumnTypeError, match=r"got str. Call to_bytes\(\) first"):
        MemoryStateStore().write_state("a", "text")  # type: ignore[arg-type]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_and_pickles_have_the_states(twin: Any, tmp_path: Path) -> None:
    for store in (MemoryStateStore(), DirectoryStateStore(tmp_path / "states")):
        store.write_state("a", b"1")
        assert twin(store).read_state("a") == b"1"


def test_they_are_shown_by_count_and_place(tmp_path: Path) -> None:
    memory, directory = MemoryStateStore(), DirectoryStateStore(tmp_path / "states")
    assert repr(directory) == "<DirectoryStateStore 'states'>"
    assert "<dd>0</dd>" in directory._repr_html_()
    for store in (memory, directory):
        store.write_state("a", b"1")
    assert repr(memory) == "<MemoryStateStore with 1 state>"
    assert "<dd>1</dd>" in directory._repr_html_()
