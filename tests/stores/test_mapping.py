"""Portraits in any mapping."""

from __future__ import annotations

import pickle
import shelve
from collections import UserDict
from contextlib import ExitStack
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from userportrait.errors import InvalidParameterError, StoreError
from userportrait.stores import MappingStore
from userportrait.testing import check_profile_store
from userportrait.typing import Build

if TYPE_CHECKING:
    from pathlib import Path


def build(number: int) -> Build:
    return Build(as_of=datetime(2026, 1, 1), versions={"n": number})


def profiles(number: int, n: int = 5) -> dict[Any, dict[str, Any]]:
    return {(i if i % 2 else str(i)): {"build": number} for i in range(n)}


class Service(UserDict[Any, Any]):
    """Keeps bytes, as a key-value service does."""

    def __setitem__(self, key: Any, value: Any) -> None:
        assert type(key) is str
        assert type(value) is str
        super().__setitem__(key.encode(), value.encode())

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key.encode() if isinstance(key, str) else key)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key.encode())

    def __contains__(self, key: Any) -> bool:
        return super().__contains__(key.encode() if isinstance(key, str) else key)


class Crashing(UserDict[str, str]):
    """Fails after some operations and then forever, as a process that was killed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.n_left = 10**9

    def step(self) -> None:
        self.n_left -= 1
        if self.n_left < 0:
            raise KeyboardInterrupt

    def __setitem__(self, key: str, value: str) -> None:
        if "n_left" in self.__dict__:
            self.step()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.step()
        super().__delitem__(key)

    def __iter__(self) -> Any:
        self.step()
        return super().__iter__()


@pytest.mark.parametrize("mapping", [dict, Service])
def test_it_keeps_the_promises_of_a_profile_store(mapping: Any) -> None:
    check_profile_store(lambda: MappingStore(mapping()))


def test_a_shelf_keeps_the_promises_too(tmp_path: Path) -> None:
    names = map(str, count())
    with ExitStack() as shelves:
        check_profile_store(
            lambda: MappingStore(shelves.enter_context(shelve.open(str(tmp_path / next(names)))))
        )


def test_a_shelf_keeps_profiles_for_the_next_process(tmp_path: Path) -> None:
    with shelve.open(str(tmp_path / "shelf")) as shelf:
        MappingStore(shelf).replace_profiles(profiles(1).items(), build=build(1))
    with shelve.open(str(tmp_path / "shelf")) as shelf:
        store = MappingStore(shelf)
        assert dict(store.scan_profiles()) == profiles(1)
        assert store.read_build() == build(1)


def test_the_keys_are_as_documented() -> None:
    mapping: dict[str, str] = {}
    MappingStore(mapping, prefix="up:").replace_profiles([(7, {"n": 1}), ("7", {})], build=build(1))
    name = mapping["up:current"]
    assert len(name) == 12
    assert set(mapping) == {
        "up:current",
        f"up:{name}/build",
        f"up:{name}/i/7",
        f"up:{name}/s/7",
    }
    assert mapping[f"up:{name}/i/7"] == '{"n":1}'


def test_a_crash_at_any_operation_leaves_one_whole_build() -> None:
    seen = set()
    for n_steps in range(60):
        mapping = Crashing()
        MappingStore(mapping).replace_profiles(profiles(1).items(), build=build(1))
        mapping.n_left = n_steps
        try:
            MappingStore(mapping).replace_profiles(profiles(2, 7).items(), build=build(2))
        except KeyboardInterrupt:
            finished = False
        else:
            finished = True
        mapping.n_left = 10**9

        store = MappingStore(mapping)  # another process, later
        kept = store.read_build()
        number = kept.versions["n"] if kept else 0
        wanted = profiles(number, 5 if number == 1 else 7)
        assert dict(store.scan_profiles()) == wanted
        assert store.read_profiles(list(profiles(2, 9))) == wanted
        seen.add((number, finished))

        store.replace_profiles(profiles(3, 2).items(), build=build(3))
        assert len(mapping) == 2 + 2  # the next build removes every leftover
    assert seen == {(1, False), (2, False), (2, True)}


def test_erasure_reaches_the_leftovers_of_a_crash() -> None:
    mapping = Crashing()
    MappingStore(mapping).replace_profiles(profiles(1).items(), build=build(1))
    mapping.n_left = 4
    with pytest.raises(KeyboardInterrupt):
        MappingStore(mapping).replace_profiles(
            [("ann", {}), ("bo", {}), ("cy", {})] * 9, build=build(2)
        )
    mapping.n_left = 10**9
    assert any("ann" in key for key in mapping)
    assert MappingStore(mapping).delete_customers(["ann"]) == 0
    assert not any("ann" in key for key in mapping)
    assert dict(MappingStore(mapping).scan_profiles()) == profiles(1)


def test_a_failed_build_cleans_up_at_once() -> None:
    mapping: dict[str, str] = {}
    store = MappingStore(mapping)
    store.replace_profiles(profiles(1).items(), build=build(1))
    before = dict(mapping)

    def failing() -> Any:
        yield from profiles(2).items()
        raise LookupError

    with pytest.raises(LookupError):
        store.replace_profiles(failing(), build=build(2))
    assert mapping == before


def test_a_build_may_erase_and_rebuild_while_it_runs() -> None:
    mapping: dict[str, str] = {}
    store = MappingStore(mapping)
    store.replace_profiles(profiles(1).items(), build=build(1))

    def nested() -> Any:
        yield "first", {}
        assert store.delete_customers([1]) == 1
        store.replace_profiles([("inner", {})], build=build(2))
        yield "last", {}

    store.replace_profiles(nested(), build=build(3))
    assert dict(store.scan_profiles()) == {"first": {}, "last": {}}
    assert len(mapping) == 4


def test_other_entries_are_left_alone() -> None:
    mapping: dict[Any, Any] = {"other": 1, 5: 2, "userportrait": 3, b"\xff": 4}
    store = MappingStore(mapping)
    store.replace_profiles(profiles(1).items(), build=build(1))
    store.delete_customers(list(profiles(1)))
    assert {k: mapping[k] for k in ("other", 5, "userportrait", b"\xff")} == {
        "other": 1,
        5: 2,
        "userportrait": 3,
        b"\xff": 4,
    }


def test_two_prefixes_are_two_stores() -> None:
    mapping: dict[str, str] = {}
    one, two = MappingStore(mapping, prefix="a/"), MappingStore(mapping, prefix="b/")
    one.replace_profiles(profiles(1).items(), build=build(1))
    two.replace_profiles(profiles(2, 3).items(), build=build(2))
    one.delete_customers([1])
    assert len(dict(one.scan_profiles())) == 4
    assert dict(two.scan_profiles()) == profiles(2, 3)


def test_reads_during_a_change_of_build_start_again() -> None:
    mapping: Any = {}
    writer = MappingStore(mapping)
    writer.replace_profiles(profiles(1).items(), build=build(1))

    class Slow(UserDict[str, str]):
        changes = 3

        def get(self, key: str, default: Any = None) -> Any:
            found = mapping.get(key, default)
            if key.endswith("current") and self.changes:
                Slow.changes -= 1
                writer.replace_profiles(profiles(9 - self.changes).items(), build=build(9))
            return found

        def __iter__(self) -> Any:
            return iter(list(mapping))

    reader = MappingStore(Slow())
    assert reader.read_profiles(list(profiles(9))) == profiles(9)
    Slow.changes = 3
    assert dict(reader.scan_profiles()) == profiles(9)
    Slow.changes = 3
    assert reader.read_build() == build(9)


def test_a_lost_build_is_an_error_and_not_an_endless_search() -> None:
    mapping: dict[str, str] = {}
    store = MappingStore(mapping)
    store.replace_profiles(profiles(1).items(), build=build(1))
    del mapping[f"userportrait/{mapping['userportrait/current']}/build"]
    with pytest.raises(StoreError, match="the mapping has lost 'userportrait/"):
        store.read_build()


def test_a_damaged_entry_is_a_store_error() -> None:
    mapping: dict[str, str] = {}
    store = MappingStore(mapping)
    store.replace_profiles([(1, {})], build=build(1))
    mapping[f"userportrait/{mapping['userportrait/current']}/i/1"] = "?"
    with pytest.raises(StoreError, match="not JSON"):
        store.read_profile(1)


@pytest.mark.parametrize(
    ("mapping", "prefix", "message"),
    [
        ([], "a", "mapping must be a mutable mapping; got list"),
        ({}, "", "prefix must not be empty"),
        ({}, 1, "prefix must be a text; got int"),
    ],
)
def test_bad_parameters_are_named(mapping: Any, prefix: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        MappingStore(mapping, prefix=prefix)


def test_pickles_carry_the_mapping() -> None:
    store = MappingStore({})
    store.replace_profiles(profiles(1).items(), build=build(1))
    twin = pickle.loads(pickle.dumps(store))
    assert dict(twin.scan_profiles()) == profiles(1)
    twin.replace_profiles([], build=build(2))
    assert store.read_build() == build(1)


def test_it_is_shown_without_customers() -> None:
    store = MappingStore({})
    assert repr(store) == "<MappingStore in a dict under 'userportrait/'>"
    assert "never built" in store._repr_html_()
    store.replace_profiles([("ann", {"city": "Oslo"})], build=build(1))
    assert "2026-01-01" in store._repr_html_()
    assert "ann" not in store._repr_html_() + repr(store)
