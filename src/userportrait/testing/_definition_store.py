"""Does a class keep the promises of a store of definitions?"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait.stores._definition_stores import as_definition_store
from userportrait.testing._promises import (
    check_promises,
    expect,
    missing_methods,
    promise_into,
)

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from userportrait.typing import DefinitionStore

    Check: TypeAlias = "Callable[[DefinitionStore], None]"

__all__ = ["check_definition_store"]

_METHODS = ("delete_definition", "list_definitions", "read_definition", "write_definition")
_LONGEST = 60.0
_NAMES = (
    "loyal", "Loyal", "LOYAL", "loyal/1", "loyal/10", "loyal.1", "../up", ".", "loyal ", "a%41",
    "客户", "é", "e\u0301", "x" * 200, "x" * 199 + "y", "客" * 200, " ", "tab\tnew\nline",
    "'quote\"", '["a","b"]', "%", "_", "\x00", "1",
)  # fmt: skip
_DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"truth": True, "number": 1, "float": 1.0, "tenth": 0.1, "text": "1", "none": None},
    {"list": [1, [2, {"deep": []}], {}], "mapping": {"b": 1, "a": 2}},
    {"": "", "客户": "李\n\u0000\U0001f600", "large": 2**70, "small": -1e-300, "zero": -0.0},
    {"long": "x" * 1_000_000},
)

_PROMISES: dict[str, Check] = {}
_promise = promise_into(_PROMISES)


def check_definition_store(
    factory: Callable[[], DefinitionStore | MutableMapping[str, str]],
) -> None:
    """Check that a store keeps every promise of `userportrait.typing.DefinitionStore`.

    Put it in your own tests. A mutable mapping, which is taken wherever a store of definitions
    is asked for, is checked in the same way. If the store has a ``close`` method, it is called
    after each check.

    Parameters
    ----------
    factory : callable
        Called without arguments, about ten times; returns a new, empty store each time.

    Raises
    ------
    AssertionError
        If a promise is broken. The message names every broken promise and what was seen
        instead; the first error is its cause.

    Notes
    -----
    What a check cannot see is not checked: a process killed during a write.

    Examples
    --------
    >>> from userportrait.stores import MemoryDefinitionStore
    >>> check_definition_store(MemoryDefinitionStore)
    >>> check_definition_store(dict)
    """

    def fresh() -> Any:
        given = factory()
        store = as_definition_store(given)
        if store is None:
            missing_methods(given, _METHODS, "a DefinitionStore")
        found: Any = store
        if any(found.list_definitions(kind) for kind in ("tag", "model")):
            raise AssertionError(
                "factory() must return a new, empty store each time: this one has definitions. "
                "Give each store a place of its own, such as a new file."
            )
        return found

    check_promises(fresh, _PROMISES)


def _expect_document(
    store: DefinitionStore, version: int | None, wanted: object, when: str, name: str = "a"
) -> None:
    found = store.read_definition("tag", name, version)
    asked = f"read_definition('tag', {name[:30]!r}, {version})"
    if wanted is None or found is None:
        same = found is wanted
    else:
        same = _typed(dict(found)) == _typed(wanted)
    if not same:
        shown = "nothing" if found is None else f"another document than was written: {found!s:.60}"
        raise AssertionError(f"{when}, {asked} gives {shown}")


def _typed(value: Any) -> Any:
    """Return a value in which 1, 1.0 and True differ, and the order of keys counts."""
    known: Any = value
    if isinstance(value, dict):
        return ("mapping", [(key, _typed(part)) for key, part in known.items()])
    if isinstance(value, (list, tuple)):
        return ("list", [_typed(part) for part in known])
    return (type(known).__name__, repr(known))


def _expect_list(
    store: DefinitionStore, kind: str, wanted: dict[str, list[int]], when: str
) -> None:
    listed = store.list_definitions(kind)
    found = {name: list(versions) for name, versions in listed.items()}
    expect(found == wanted, f"{when}, list_definitions({kind!r}) gives {found!s:.200}")


@_promise("a name that was never written has nothing")
def _nothing(store: DefinitionStore) -> None:
    _expect_document(store, None, None, "in an empty store")
    _expect_document(store, 1, None, "in an empty store")
    _expect_list(store, "tag", {}, "in an empty store")
    expect(store.delete_definition("tag", "a") == 0, "delete_definition of nothing is not 0")
    store.write_definition("tag", "b", {"x": 1})
    _expect_document(store, None, None, "after another name was written")
    _expect_document(store, 2, None, "after one version was written", "b")


@_promise("documents come back as they were written")
def _documents(store: DefinitionStore) -> None:
    for version, document in enumerate(_DOCUMENTS, 1):
        given = store.write_definition("tag", "a", document)
        expect(given == version, f"write number {version} returned {given!r}")
        _expect_document(store, None, document, f"after write number {version}")


@_promise("old versions stay readable")
def _versions(store: DefinitionStore) -> None:
    for number in range(1, 13):
        given = store.write_definition("tag", "a", {"at": number})
        expect(given == number, f"write number {number} returned {given!r}")
    for number in range(1, 13):
        _expect_document(store, number, {"at": number}, "after twelve versions were written")
    _expect_document(store, None, {"at": 12}, "after twelve versions were written")
    _expect_list(store, "tag", {"a": list(range(1, 13))}, "after twelve versions were written")


@_promise("any text of 1 to 200 characters is a kind and a name of its own")
def _names(store: DefinitionStore) -> None:
    for at, name in enumerate(_NAMES):
        given = store.write_definition("tag", name, {"at": at})
        expect(given == 1, f"the first version of {name[:30]!r} is number {given!r}")
        store.write_definition(name, "kind", {"at": at})
    for at, name in enumerate(_NAMES):
        _expect_document(store, None, {"at": at}, "after similar names were written", name)
        found = store.read_definition(name, "kind")
        expect(found == {"at": at}, f"the kind {name[:30]!r} has the document of another kind")
    _expect_list(store, "tag", {name: [1] for name in _NAMES}, "after similar names were written")


@_promise("a kind or a name that is no text, empty or too long is refused")
def _odd_names(store: DefinitionStore) -> None:
    odd: list[Any] = ["", "x" * 201, None, 1, b"a"]
    for name in odd:
        for kind, own in ((name, "a"), ("tag", name)):
            try:
                store.write_definition(kind, own, {})
            except (TypeError, ValueError):
                continue
            raise AssertionError(f"write_definition accepted {str(name)[:30]!r}")


@_promise("what is no document is refused, and nothing is written")
def _odd_documents(store: DefinitionStore) -> None:
    store.write_definition("tag", "a", {"old": 1})
    odd: list[Any] = [
        None, [1], "text", {"x": float("nan")}, {"x": [float("inf")]}, {1: "x"}, {"x": {None: 1}},
        {"x": b"bytes"}, {"x": {1, 2}}, {"x": object()},
    ]  # fmt: skip
    for document in odd:
        try:
            store.write_definition("tag", "a", document)
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"write_definition accepted {document!r:.60}, which JSON cannot write")
    _expect_document(store, None, {"old": 1}, "after other things were refused")
    _expect_list(store, "tag", {"a": [1]}, "after other things were refused")


@_promise("deleting says how many were there, and they are gone")
def _delete(store: DefinitionStore) -> None:
    for number in range(1, 4):
        store.write_definition("tag", "a", {"at": number})
    store.write_definition("tag", "b", {"at": 0})
    expect(store.delete_definition("tag", "a", 2) == 1, "deleting one version did not return 1")
    expect(store.delete_definition("tag", "a", 2) == 0, "deleting it again did not return 0")
    _expect_document(store, 2, None, "after it was deleted")
    _expect_document(store, 1, {"at": 1}, "after another version was deleted")
    _expect_list(store, "tag", {"a": [1, 3], "b": [1]}, "after version 2 was deleted")
    store.delete_definition("tag", "a", 3)
    _expect_document(store, None, {"at": 1}, "after the last version was deleted")
    store.write_definition("tag", "a", {"at": 4})
    expect(store.delete_definition("tag", "a") == 2, "deleting two versions did not return 2")
    _expect_document(store, None, None, "after all versions were deleted")
    _expect_list(store, "tag", {"b": [1]}, "after all versions of another name were deleted")


@_promise("a number is never given twice")
def _numbers(store: DefinitionStore) -> None:
    for _ in range(3):
        store.write_definition("tag", "a", {})
    store.delete_definition("tag", "a", 3)
    given = store.write_definition("tag", "a", {})
    expect(given == 4, f"after version 3 was deleted, the next one is {given!r}, not 4")
    store.delete_definition("tag", "a")
    given = store.write_definition("tag", "a", {})
    expect(given == 5, f"after all four were deleted, the next one is {given!r}, not 5")


@_promise("what was given and what is returned may be changed afterwards")
def _changed(store: DefinitionStore) -> None:
    given: dict[str, Any] = {"list": [1]}
    store.write_definition("tag", "a", given)
    given["list"].append(2)
    _expect_document(store, None, {"list": [1]}, "after a change of what was given")
    found: Any = store.read_definition("tag", "a")
    found["list"].append(3)
    _expect_document(store, None, {"list": [1]}, "after a change of what was returned")


@_promise("writers in other threads get numbers of their own, readers see whole documents")
def _threads(store: DefinitionStore) -> None:
    problems: list[str] = []
    done: list[bool] = []
    numbers: list[int] = []
    store.write_definition("tag", "a", {"text": "0" * 10_000})

    def look() -> None:
        try:
            while not done and not problems:
                found: Any = store.read_definition("tag", "a")
                if found is None or len(found["text"]) != 10_000 or len(set(found["text"])) != 1:
                    problems.append("a reader saw a part of a document")
        except Exception as error:
            problems.append(f"a reader raised {type(error).__name__}: {error}")

    def write(letter: str) -> None:
        try:
            numbers.extend(
                store.write_definition("tag", "a", {"text": letter * 10_000}) for _ in range(8)
            )
        except Exception as error:
            problems.append(f"a writer raised {type(error).__name__}: {error}")

    readers = [Thread(target=look, daemon=True) for _ in range(2)]
    writers = [Thread(target=write, args=(letter,), daemon=True) for letter in "1234"]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join(_LONGEST)
    done.append(True)
    for thread in readers:
        thread.join(_LONGEST)
    hanging = any(thread.is_alive() for thread in (*readers, *writers))
    expect(not hanging, f"a writer or a reader hangs: not finished after {_LONGEST:g} s")
    expect(not problems, problems[0] if problems else "")
    expect(sorted(numbers) == list(range(2, 34)), f"32 writes got the numbers {sorted(numbers)}")
