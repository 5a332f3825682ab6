"""Does a class keep the promises of a state store?"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from userportrait.stores._state_stores import as_state_store
from userportrait.testing._promises import (
    check_promises,
    expect,
    missing_methods,
    promise_into,
)

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from userportrait.typing import StateStore

    Check: TypeAlias = "Callable[[StateStore], None]"

__all__ = ["check_state_store"]

_METHODS = ("delete_state", "read_state", "write_state")
_LONGEST = 60.0
_NAMES = (
    "orders", "Orders", "ORDERS", "orders#1", "orders#10", "orders.1", "orders/1", "../up", ".",
    "orders ", "a%41", "aA", "客户", "é", "e\u0301", "con", "x" * 200, "x" * 199 + "y", "客" * 200,
    " ", "tab\tnew\nline", "'quote\"", "orders~1", "\x00",
)  # fmt: skip

_PROMISES: dict[str, Check] = {}
_promise = promise_into(_PROMISES)


def check_state_store(factory: Callable[[], StateStore | MutableMapping[str, bytes]]) -> None:
    """Check that a store keeps every promise of `userportrait.typing.StateStore`.

    Put it in your own tests. A mutable mapping, which is taken wherever a state store is
    asked for, is checked in the same way. If the store has a ``close`` method, it is called
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
    >>> from userportrait.stores import MemoryStateStore
    >>> check_state_store(MemoryStateStore)
    >>> check_state_store(dict)
    """

    def fresh() -> Any:
        given = factory()
        store = as_state_store(given)
        if store is None:
            missing_methods(given, _METHODS, "a StateStore")
        found: Any = store
        if any(found.read_state(name) is not None for name in ("orders", "a")):
            raise AssertionError(
                "factory() must return a new, empty store each time: this one has states. "
                "Give each store a place of its own, such as a new directory."
            )
        return found

    check_promises(fresh, _PROMISES)


def _expect_state(store: StateStore, name: str, wanted: bytes | None, when: str) -> None:
    found = store.read_state(name)
    plain = None if found is None else bytes(found)
    if plain != wanted:
        shown = "nothing" if plain is None else f"{len(plain)} bytes"
        told = "nothing" if wanted is None else f"{len(wanted)} bytes"
        raise AssertionError(f"{when}, read_state({name[:30]!r}) gives {shown}, not {told} as kept")


@_promise("a name that was never written has nothing")
def _nothing(store: StateStore) -> None:
    _expect_state(store, "a", None, "in an empty store")
    expect(store.delete_state("a") is False, "delete_state of nothing did not return False")
    store.write_state("a", b"1")
    _expect_state(store, "b", None, "after another name was written")


@_promise("bytes come back as they were written")
def _bytes(store: StateStore) -> None:
    payloads = [b"", b"\x00", bytes(range(256)), b"\r\n\x1a", b"text", b"\xff" * 1_000_000]
    for payload in payloads:
        store.write_state("a", payload)
        _expect_state(store, "a", payload, f"after {len(payload)} bytes")


@_promise("a write replaces what was there")
def _replace(store: StateStore) -> None:
    for payload in (b"long" * 1_000, b"short", b""):
        store.write_state("a", payload)
        _expect_state(store, "a", payload, "after a shorter state was written")


@_promise("any text of 1 to 200 characters is a name of its own")
def _names(store: StateStore) -> None:
    for i, name in enumerate(_NAMES):
        store.write_state(name, b"%d" % i)
    for i, name in enumerate(_NAMES):
        _expect_state(store, name, b"%d" % i, "after similar names were written")
    for i, name in enumerate(_NAMES):
        expect(store.delete_state(name) is True, f"delete_state({name[:30]!r}) found nothing")
        for later, other in enumerate(_NAMES[i + 1 :], i + 1):
            _expect_state(store, other, b"%d" % later, f"after {name[:30]!r} was deleted")


@_promise("a name that is no text, empty or too long is refused")
def _odd_names(store: StateStore) -> None:
    odd: list[Any] = ["", "x" * 201, None, 1, b"a"]
    for name in odd:
        try:
            store.write_state(name, b"1")
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"write_state accepted the name {str(name)[:30]!r}")


@_promise("what is not bytes is refused, and the old bytes stay")
def _odd_payloads(store: StateStore) -> None:
    store.write_state("a", b"old")
    odd: list[Any] = ["text", None, 1, [1, 2]]
    for payload in odd:
        try:
            store.write_state("a", payload)
        except (TypeError, ValueError):
            _expect_state(store, "a", b"old", f"after {payload!r} was refused")
            continue
        raise AssertionError(f"write_state accepted {payload!r}, which is not bytes")


@_promise("deleting says whether there was anything, and it is gone")
def _delete(store: StateStore) -> None:
    store.write_state("a", b"1")
    store.write_state("b", b"2")
    expect(store.delete_state("a") is True, "delete_state did not return True")
    _expect_state(store, "a", None, "after it was deleted")
    _expect_state(store, "b", b"2", "after another name was deleted")
    expect(store.delete_state("a") is False, "delete_state of a deleted name returned True")
    store.write_state("a", b"3")
    _expect_state(store, "a", b"3", "after it was written again")


@_promise("bytes that were given may be changed afterwards")
def _changed(store: StateStore) -> None:
    given: Any = bytearray(b"old")
    store.write_state("a", given)
    given[:] = b"new"
    _expect_state(store, "a", b"old", "after a change of what was given")


@_promise("readers in other threads see whole states")
def _threads(store: StateStore) -> None:
    problems: list[str] = []
    done: list[bool] = []
    store.write_state("a", b"0" * 100_000)

    def look() -> None:
        try:
            while not done and not problems:
                found = store.read_state("a")
                if found is None or len(found) != 100_000 or len(set(bytes(found))) != 1:
                    size = None if found is None else len(found)
                    problems.append(f"a reader saw a mixture of states ({size} bytes)")
        except Exception as error:
            problems.append(f"a reader raised {type(error).__name__}: {error}")

    def write(letters: bytes) -> None:
        try:
            for letter in letters * 4:
                store.write_state("a", bytes([letter]) * 100_000)
        except Exception as error:
            problems.append(f"a writer raised {type(error).__name__}: {error}")

    readers = [Thread(target=look, daemon=True) for _ in range(2)]
    writers = [Thread(target=write, args=(text,), daemon=True) for text in (b"123", b"456")]
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
