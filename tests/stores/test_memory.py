"""Portraits in memory."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime
from typing import Any

import pytest

from userportrait.errors import ColumnTypeError, InvalidDataError
from userportrait.stores import MemoryStore
from userportrait.testing import check_profile_store
from userportrait.typing import Build, ProfileStore, SupportsEncodedProfiles

BUILD = Build(as_of=datetime(2026, 1, 1), versions={"n": 1})


def test_it_keeps_the_promises_of_a_profile_store() -> None:
    check_profile_store(MemoryStore)


def test_it_is_a_profile_store_that_takes_no_encoded_profiles() -> None:
    assert isinstance(MemoryStore(), ProfileStore)
    assert not isinstance(MemoryStore(), SupportsEncodedProfiles)


def test_one_profile_is_read_by_its_id() -> None:
    store = MemoryStore()
    store.replace_profiles([(1, {"n": 1}), ("1", {"n": 2})], build=BUILD)
    assert store.read_profile(1) == {"n": 1}
    assert store.read_profile("1") == {"n": 2}
    assert store.read_profile(2) is None
    assert store.read_profile(10**30) is None


@pytest.mark.parametrize("key", [1.0, True, None])
def test_ids_of_other_types_are_refused_in_every_method(key: Any) -> None:
    store = MemoryStore()
    store.replace_profiles([(1, {"n": 1})], build=BUILD)
    for method in (store.read_profile, lambda k: store.read_profiles([k])):
        with pytest.raises(ColumnTypeError):
            method(key)
    with pytest.raises(ColumnTypeError):
        store.delete_customers([1, key])
    assert store.read_profile(1) == {"n": 1}


def test_facts_that_cannot_be_written_are_refused_here_too() -> None:
    store = MemoryStore()
    build = Build(as_of=datetime(2026, 1, 1), versions={}, facts={"set": {1}})
    with pytest.raises(InvalidDataError, match="facts"):
        store.replace_profiles([], build=build)


def test_a_build_may_erase_while_it_runs() -> None:
    store = MemoryStore()
    store.replace_profiles([(1, {"n": 1}), (2, {"n": 1})], build=BUILD)

    def profiles() -> Any:
        assert store.delete_customers([1]) == 1
        yield from store.scan_profiles()

    assert store.replace_profiles(profiles(), build=BUILD) == 1
    assert dict(store.scan_profiles()) == {2: {"n": 1}}


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_and_pickles_carry_the_profiles(duplicate: Any) -> None:
    store = MemoryStore()
    store.replace_profiles([(1, {"n": 1})], build=BUILD)
    twin = duplicate(store)
    assert dict(twin.scan_profiles()) == {1: {"n": 1}}
    assert twin.read_build() == BUILD
    twin.delete_customers([1])
    assert store.read_profile(1) == {"n": 1}


def test_it_is_shown_without_customers() -> None:
    store = MemoryStore()
    assert repr(store) == "<MemoryStore with 0 customers>"
    assert "never built" in store._repr_html_()
    store.replace_profiles([("ann", {"city": "Oslo"})], build=BUILD)
    assert repr(store) == "<MemoryStore with 1 customer>"
    for shown in (repr(store), store._repr_html_()):
        assert "ann" not in shown
        assert "Oslo" not in shown
    assert "2026-01-01" in store._repr_html_()
