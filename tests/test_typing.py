"""The public Protocols are structural, and a build survives JSON."""

from __future__ import annotations

import json
import pickle
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.typing import (
    Build,
    EventStore,
    Mergeable,
    ProfileStore,
    Scorer,
    StateStore,
    SupportsEncodedProfiles,
)

AS_OF = datetime(2026, 1, 31, 12, 30, 0, 5)


def test_a_build_comes_back_from_its_dict_through_json() -> None:
    build = Build(as_of=AS_OF, versions={"n_orders": 2, "spend": 1}, facts={"months": [1, 2]})

    back = Build.from_dict(json.loads(json.dumps(build.to_dict())))

    assert back == build
    assert list(back.versions) == ["n_orders", "spend"]


def test_a_build_written_without_facts_can_be_read() -> None:
    build = Build.from_dict({"as_of": "2026-01-31T00:00:00", "versions": {}})

    assert build == Build(as_of=datetime(2026, 1, 31), versions={})
    assert dict(build.facts) == {}


@given(
    st.datetimes(),
    st.dictionaries(st.text(), st.integers(1, 99)),
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()),
)
def test_any_build_comes_back(
    as_of: datetime, versions: dict[str, int], facts: dict[str, Any]
) -> None:
    build = Build(as_of=as_of, versions=versions, facts=facts)

    assert Build.from_dict(json.loads(json.dumps(build.to_dict()))) == build


def test_a_build_is_frozen_and_can_be_pickled() -> None:
    build = Build(as_of=AS_OF, versions={"n_orders": 2}, facts={})

    with pytest.raises(AttributeError):
        build.as_of = datetime(2027, 1, 1)  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(build)) == build


def test_a_build_without_facts_can_be_pickled_too() -> None:
    build = Build(as_of=AS_OF, versions={"n_orders": 2})

    assert pickle.loads(pickle.dumps(build)) == build


class Store:
    def replace_profiles(self, profiles: Any, *, build: Build) -> int:
        return 0

    def read_profiles(self, customer_ids: Any) -> dict[Any, Any]:
        return {}

    def scan_profiles(self) -> Any:
        return iter(())

    def read_build(self) -> None:
        return None

    def delete_customers(self, customer_ids: Any) -> int:
        return 0


class Counter:
    batch_ids: tuple[str, ...] = ()

    def update(self, batch: Any, *, batch_id: str | None = None) -> Counter:
        return self

    def merge(self, other: Counter) -> Counter:
        return self

    def finalize(self, as_of: Any = None) -> int:
        return 0

    def forget(self, customer_ids: Any) -> int:
        return 0

    def to_bytes(self) -> bytes:
        return b""

    @classmethod
    def from_bytes(cls, payload: bytes) -> Counter:
        return cls()


class Log:
    def append_events(self, events: Any, *, batch_id: str) -> int:
        return 0

    def read_events(self, customer_ids: Any = None, *, since: Any = None, until: Any = None) -> Any:
        return None

    def has_batch(self, batch_id: str) -> bool:
        return False

    def delete_customers(self, customer_ids: Any) -> int:
        return 0


class Folder:
    def read_state(self, name: str) -> bytes | None:
        return None

    def write_state(self, name: str, payload: bytes) -> None: ...

    def delete_state(self, name: str) -> bool:
        return False


class Model:
    def score(self, orders: Any, *, as_of: datetime) -> Any:
        return None


@pytest.mark.parametrize(
    ("value", "protocol"),
    [
        (Store(), ProfileStore),
        (Counter(), Mergeable),
        (Model(), Scorer),
        (Log(), EventStore),
        (Folder(), StateStore),
    ],
)
def test_a_class_fits_a_protocol_without_inheriting(value: object, protocol: type) -> None:
    assert isinstance(value, protocol)
    assert not isinstance(object(), protocol)


def test_an_extra_ability_is_found_by_its_method() -> None:
    class Fast(Store):
        def replace_encoded(self, profiles: Any, *, build: Build) -> int:
            return 0

    assert isinstance(Fast(), SupportsEncodedProfiles)
    assert isinstance(Fast(), ProfileStore)
    assert not isinstance(Store(), SupportsEncodedProfiles)
