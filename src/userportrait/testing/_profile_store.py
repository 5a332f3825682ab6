"""Does a class keep the promises of a profile store?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait.testing._profile_promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.typing import ProfileStore

__all__ = ["check_profile_store"]

_METHODS = (
    "delete_customers",
    "read_build",
    "read_profiles",
    "replace_profiles",
    "scan_profiles",
)


def check_profile_store(factory: Callable[[], ProfileStore]) -> None:
    """Check that a store keeps every promise of `userportrait.typing.ProfileStore`.

    Put it in your own tests. The stores of this library pass the same checks. If the
    store has a ``replace_encoded`` method, that is checked too; if it has a ``close``
    method, that is called after each check.

    Parameters
    ----------
    factory : callable
        Called without arguments, about 25 times; returns a new, empty store each time.

    Raises
    ------
    AssertionError
        If a promise is broken. The message names every broken promise and what was seen
        instead; the first error is its cause.

    Notes
    -----
    Takes about a second for a store in memory. What a check cannot see is not checked:
    a process killed during a build, and bytes that stay on a disk after an erasure.

    Examples
    --------
    >>> from userportrait.stores import MemoryStore
    >>> check_profile_store(MemoryStore)

    A store of your own, in a test:

    >>> def test_my_store_keeps_its_promises(tmp_path):
    ...     check_profile_store(lambda: MyStore(tmp_path / str(uuid4())))
    """
    broken: list[str] = []
    first: Exception | None = None
    kind = ""
    for promise, check in PROMISES.items():
        store = _fresh(factory)
        kind = type(store).__qualname__
        try:
            check(store)
        except Exception as error:  # any error at all breaks the promise
            broken.append(f"- {promise}: {_seen(error)}")
            first = first or error
        finally:
            _close(store)
    if broken:
        raise AssertionError(f"{kind} breaks {_count(broken)}.\n" + "\n".join(broken)) from first


def _fresh(factory: Callable[[], ProfileStore]) -> ProfileStore:
    store: Any = factory()
    missing = [name for name in _METHODS if not callable(getattr(store, name, None))]
    if missing:
        kind, names = type(store).__qualname__, ", ".join(missing)
        raise AssertionError(f"{kind} is no ProfileStore: it lacks {names}.")
    if store.read_build() is not None or list(store.scan_profiles()):
        _close(store)
        raise AssertionError(
            "factory() must return a new, empty store each time: this one has a build or "
            "profiles. Give each store a place of its own, such as a new file."
        )
    return store  # type: ignore[no-any-return]


def _close(store: object) -> None:
    close = getattr(store, "close", None)
    if callable(close):
        close()


def _seen(error: Exception) -> str:
    text = str(error) or "no message"
    return text if isinstance(error, AssertionError) else f"raised {type(error).__name__}: {text}"


def _count(broken: list[str]) -> str:
    return "one promise" if len(broken) == 1 else f"{len(broken)} promises"
