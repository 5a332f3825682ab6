"""The conformance suite: passes an honest store, names each promise that a broken one breaks."""

from __future__ import annotations

import re
import time
from collections import UserDict
from typing import Any

import pytest

from userportrait.errors import InvalidParameterError
from userportrait.stores import MemoryStateStore
from userportrait.testing import _state_store, check_state_store
from userportrait.testing._state_store import _PROMISES


class Honest(MemoryStateStore):
    """Keeps every promise."""


class EmptyForNothing(Honest):
    def delete_state(self, name: str) -> bool:
        super().delete_state(name)
        return True


class ReadsText(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        if isinstance(payload, bytes):
            payload = payload.replace(b"\r\n", b"\n")
        super().write_state(name, payload)


class EmptyIsNothing(Honest):
    def read_state(self, name: str) -> bytes | None:
        return super().read_state(name) or None


class WritesOver(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        if isinstance(payload, bytes):
            old = self.read_state(name) or b""
            payload = payload + old[len(payload) :]
        super().write_state(name, payload)


class FoldsCase(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        super().write_state(name.lower() if isinstance(name, str) else name, payload)

    def read_state(self, name: str) -> bytes | None:
        return super().read_state(name.lower())

    def delete_state(self, name: str) -> bool:
        return super().delete_state(name.lower())


class CutsNames(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        super().write_state(name[:100] if isinstance(name, str) else name, payload)

    def read_state(self, name: str) -> bytes | None:
        return super().read_state(name[:100])

    def delete_state(self, name: str) -> bool:
        return super().delete_state(name[:100])


class AnyName(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        try:
            super().write_state(name, payload)
        except InvalidParameterError:
            super().write_state("other", payload)


class AnyPayload(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        super().write_state(name, payload if isinstance(payload, bytes) else repr(payload).encode())


class ForgetsBeforeItRefuses(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        super().write_state(name, b"")
        super().write_state(name, payload)


class DeletesEverything(Honest):
    def delete_state(self, name: str) -> bool:
        there = super().delete_state(name)
        self._kept.clear()
        return there


class KeepsWhatWasGiven(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        super().write_state(name, payload)
        self._kept[name] = payload


class WritesInSteps(Honest):
    def write_state(self, name: str, payload: bytes) -> None:
        old = self._kept.get(name, b"") if isinstance(name, str) else b""
        super().write_state(name, payload)
        whole, half = bytes(payload), len(payload) // 2
        self._kept[name] = whole[:half] + old[half:]
        time.sleep(0.002)
        self._kept[name] = whole


BROKEN: dict[str, list[type[Honest]]] = {
    "a name that was never written has nothing": [EmptyForNothing],
    "bytes come back as they were written": [ReadsText, EmptyIsNothing],
    "a write replaces what was there": [WritesOver],
    "any text of 1 to 200 characters is a name of its own": [FoldsCase, CutsNames],
    "a name that is no text, empty or too long is refused": [AnyName],
    "what is not bytes is refused, and the old bytes stay": [AnyPayload, ForgetsBeforeItRefuses],
    "deleting says whether there was anything, and it is gone": [
        DeletesEverything,
        EmptyForNothing,
    ],
    "bytes that were given may be changed afterwards": [KeepsWhatWasGiven],
    "readers in other threads see whole states": [WritesInSteps],
}


@pytest.mark.parametrize("factory", [Honest, dict, UserDict])
def test_an_honest_store_and_any_mapping_pass(factory: Any) -> None:
    check_state_store(factory)


@pytest.mark.parametrize(
    ("promise", "store"),
    [(promise, store) for promise, stores in BROKEN.items() for store in stores],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_promise_is_named(
    promise: str, store: type[Honest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_state_store, "_PROMISES", {promise: _PROMISES[promise]})
    with pytest.raises(AssertionError, match=re.escape(f"- {promise}: ")):
        check_state_store(store)


def test_every_promise_can_be_broken() -> None:
    assert set(BROKEN) == set(_PROMISES)


def test_missing_methods_are_named() -> None:
    class Half:
        def read_state(self) -> None: ...

    with pytest.raises(AssertionError, match=r"Half is not a StateStore: it lacks delete_state, w"):
        check_state_store(Half)  # type: ignore[arg-type]


def test_a_factory_that_returns_a_used_store_is_refused() -> None:
    store = {"orders": b""}
    with pytest.raises(AssertionError, match="factory\\(\\) must return a new, empty store"):
        check_state_store(lambda: store)
