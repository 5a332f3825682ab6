"""The conformance suite: passes an honest store, names each promise that a broken one breaks."""

from __future__ import annotations

import json
import re
import time
from collections import UserDict
from typing import Any

import pytest

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.stores import MemoryDefinitionStore
from userportrait.testing import _definition_store, check_definition_store
from userportrait.testing._definition_store import _PROMISES


class Honest(MemoryDefinitionStore):
    """Keeps every promise."""


class EmptyForNothing(Honest):
    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        return super().read_definition(kind, name, version) or {}


class CountsNothing(Honest):
    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        super().delete_definition(kind, name, version)
        return 1


class SortsKeys(Honest):
    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        found = super().read_definition(kind, name, version)
        return None if found is None else json.loads(json.dumps(found, sort_keys=True))


class MakesFloats(Honest):
    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        found = super().read_definition(kind, name, version)
        return None if found is None else json.loads(json.dumps(found), parse_int=float)


class KeepsTheLast(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        given = super().write_definition(kind, name, document)
        super().delete_definition(kind, name, given - 1 or None) if given > 1 else None
        return given


class SortsVersionsAsTexts(Honest):
    def list_definitions(self, kind: str) -> dict[str, list[int]]:
        found = super().list_definitions(kind)
        return {name: sorted(versions, key=str) for name, versions in found.items()}


class FoldsCase(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        return super().write_definition(kind, name.lower() if name else name, document)

    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        return super().read_definition(kind, name.lower(), version)


class OneKind(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        return super().write_definition("all" if kind else kind, name, document)

    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        return super().read_definition("all", name, version)

    def list_definitions(self, kind: str) -> dict[str, list[int]]:
        return super().list_definitions("all")


class AnyName(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        try:
            return super().write_definition(kind, name, document)
        except InvalidParameterError:
            return super().write_definition("tag", "other", document)


class AnyDocument(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        try:
            return super().write_definition(kind, name, document)
        except InvalidDataError:
            return super().write_definition(kind, name, {"shown": repr(document)})


class WritesBeforeItRefuses(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        if not isinstance(document, dict):
            super().write_definition(kind, name, {})
        return super().write_definition(kind, name, document)


class DeletesAllVersions(Honest):
    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        return super().delete_definition(kind, name)


class GivesNumbersAgain(Honest):
    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        n_deleted = super().delete_definition(kind, name, version)
        self._last[kind, name] = max(self._kept.get((kind, name), {}), default=0)
        return n_deleted


class KeepsWhatWasGiven(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.given: dict[Any, Any] = {}

    def write_definition(self, kind: str, name: str, document: Any) -> int:
        self.given[name] = document
        return super().write_definition(kind, name, document)

    def read_definition(self, kind: str, name: str, version: int | None = None) -> Any:
        return self.given.get(name)


class CountsWithoutLock(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        number = max(self._kept.get((kind, name), {}), default=0) + 1
        time.sleep(0.002)
        super().write_definition(kind, name, document)
        return number


class WritesInSteps(Honest):
    def write_definition(self, kind: str, name: str, document: Any) -> int:
        number = super().write_definition(kind, name, {**document, "text": ""})
        time.sleep(0.002)
        self._kept[kind, name][number] = json.dumps(document)
        return number


BROKEN: dict[str, list[type[Honest]]] = {
    "a name that was never written has nothing": [EmptyForNothing, CountsNothing],
    "documents come back as they were written": [SortsKeys, MakesFloats],
    "old versions stay readable": [KeepsTheLast, SortsVersionsAsTexts],
    "any text of 1 to 200 characters is a kind and a name of its own": [FoldsCase, OneKind],
    "a kind or a name that is no text, empty or too long is refused": [AnyName],
    "what is no document is refused, and nothing is written": [AnyDocument, WritesBeforeItRefuses],
    "deleting says how many were there, and they are gone": [DeletesAllVersions, CountsNothing],
    "a number is never given twice": [GivesNumbersAgain],
    "what was given and what is returned may be changed afterwards": [KeepsWhatWasGiven],
    "writers in other threads get numbers of their own, readers see whole documents": [
        CountsWithoutLock,
        WritesInSteps,
    ],
}


@pytest.mark.parametrize("factory", [Honest, dict, UserDict])
def test_an_honest_store_and_any_mapping_pass(factory: Any) -> None:
    check_definition_store(factory)


@pytest.mark.parametrize(
    ("promise", "store"),
    [(promise, store) for promise, stores in BROKEN.items() for store in stores],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_promise_is_named(
    promise: str, store: type[Honest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_definition_store, "_PROMISES", {promise: _PROMISES[promise]})
    with pytest.raises(AssertionError, match=re.escape(f"- {promise}: ")):
        check_definition_store(store)


def test_every_promise_can_be_broken() -> None:
    assert set(BROKEN) == set(_PROMISES)


def test_missing_methods_are_named() -> None:
    class Half:
        def read_definition(self) -> None: ...

    with pytest.raises(AssertionError, match="Half is not a DefinitionStore: it lacks delete_def"):
        check_definition_store(Half)  # type: ignore[arg-type]


def test_a_factory_that_returns_a_used_store_is_refused() -> None:
    store = MemoryDefinitionStore()
    store.write_definition("tag", "a", {})
    with pytest.raises(AssertionError, match="factory\\(\\) must return a new, empty store"):
        check_definition_store(lambda: store)
