"""Does a class keep the promises of a profile store?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait.testing._profile_promises import PROMISES
from userportrait.testing._promises import check_promises, missing_methods

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

    def fresh() -> Any:
        store: Any = factory()
        missing_methods(store, _METHODS, "a ProfileStore")
        if store.read_build() is not None or list(store.scan_profiles()):
            close = getattr(store, "close", None)
            if callable(close):
                close()
            raise AssertionError(
                "factory() must return a new, empty store each time: this one has a build or "
                "profiles. Give each store a place of its own, such as a new file."
            )
        return store

    check_promises(fresh, PROMISES)
