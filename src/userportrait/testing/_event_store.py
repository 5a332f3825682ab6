"""Does a class keep the promises of an event store?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait.testing._event_promises import PROMISES
from userportrait.testing._event_samples import read
from userportrait.testing._promises import check_promises, missing_methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.typing import EventStore

__all__ = ["check_event_store"]

_METHODS = ("append_events", "delete_customers", "has_batch", "read_events")


def check_event_store(factory: Callable[[], EventStore]) -> None:
    """Check that a store keeps every promise of `userportrait.typing.EventStore`.

    Put it in your own tests. The stores of this library pass the same checks. If the store
    has a ``close`` method, it is called after each check.

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
    Takes about a second for a store in memory. What a check cannot see is not checked: a
    process killed during a batch, and bytes that stay on a disk after an erasure.

    Examples
    --------
    >>> from userportrait.stores import MemoryEventStore
    >>> check_event_store(MemoryEventStore)

    A store of your own, in a test:

    >>> def test_my_store_keeps_its_promises(tmp_path):
    ...     check_event_store(lambda: MyEventStore(tmp_path / str(uuid4())))
    """

    def fresh() -> Any:
        store: Any = factory()
        missing_methods(store, _METHODS, "an EventStore")
        if len(read(store)["customer_id"]):
            raise AssertionError(
                "factory() must return a new, empty store each time: this one has events. "
                "Give each store a place of its own, such as a new directory."
            )
        return store

    check_promises(fresh, PROMISES)
