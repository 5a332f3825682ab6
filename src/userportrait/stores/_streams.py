"""Streams: batches folded into states, or appended to events, each of them once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

from userportrait._core.params import Between, InstanceOf, Optional, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.stores._state_stores import as_state_store
from userportrait.stores._streams_batch import BatchReader
from userportrait.stores._streams_events import EventStream
from userportrait.stores._streams_state import StateStream
from userportrait.typing import EventStore, Mergeable

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from datetime import datetime

    import pandas as pd

    from userportrait.typing import StateStore

__all__ = ["foreach_batch"]

_LONGEST_NAME = 180
_RULES: dict[str, Rule] = {
    "name": InstanceOf((str,), "a text"),
    "time_column": Optional(InstanceOf((str,), "a text")),
    "max_ahead_days": Optional(Between(0, 36_500)),
    "collect_up_to": Between(1, 100_000_000, integer=True),
    "merge_every": Between(1, 10_000, integer=True),
}


@overload
def foreach_batch(
    state: Mergeable | Mapping[str, Mergeable],
    store: StateStore | MutableMapping[str, bytes],
    *,
    name: str = ...,
    convert: Callable[[Any], Any] | None = ...,
    time_column: str | None = ...,
    max_ahead_days: float | None = ...,
    clock: Callable[[], datetime] | None = ...,
    set_aside: Callable[[pd.DataFrame, str], object] | None = ...,
    collect_up_to: int = ...,
    merge_every: int = ...,
) -> StateStream: ...


@overload
def foreach_batch(
    state: None,
    store: EventStore,
    *,
    name: str = ...,
    convert: Callable[[Any], Any] | None = ...,
    time_column: str | None = ...,
    max_ahead_days: float | None = ...,
    clock: Callable[[], datetime] | None = ...,
    set_aside: Callable[[pd.DataFrame, str], object] | None = ...,
    collect_up_to: int = ...,
    merge_every: int = ...,
) -> EventStream: ...


def foreach_batch(
    state: Mergeable | Mapping[str, Mergeable] | None,
    store: StateStore | MutableMapping[str, bytes] | EventStore,
    *,
    name: str = "state",
    convert: Callable[[Any], Any] | None = None,
    time_column: str | None = None,
    max_ahead_days: float | None = 1.0,
    clock: Callable[[], datetime] | None = None,
    set_aside: Callable[[pd.DataFrame, str], object] | None = None,
    collect_up_to: int = 1_000_000,
    merge_every: int = 20,
) -> StateStream | EventStream:
    """Return what folds each batch of a stream into a state, once, and keeps it in a store.

    For Spark: ``events.writeStream.foreachBatch(foreach_batch(...))``. Any other stream calls
    the result itself.

    Parameters
    ----------
    state : Mergeable, mapping of str to Mergeable, or None
        An empty state to begin with, such as ``CustomerSummary()``, or several by name, which
        get the same batches. None if `store` is an event store, to which batches are appended.
    store : StateStore, MutableMapping of str to bytes, or EventStore
        Where the state is kept, and read from at the start.
    name : str, default='state'
        What the stream is called: the name of the state in the store, and the beginning of
        the names of its batches. Two streams in one store need two names, and a stream with a
        new checkpoint needs a new one. 1 to 180 characters, without ``#``.
    convert : callable, optional
        Given each batch as it came (a small Spark batch as a pyarrow table), returns the frame
        or table that is counted, such as ``lambda batch: clean_orders(batch)[0]``.
    time_column : str, optional
        The column whose times are compared with the clock; by default the first of
        `ordered_at`, `occurred_at`, `touched_at`, `reviewed_at` that is there.
    max_ahead_days : float or None, default=1.0
        Rows later than the clock by more days than this are set aside: a single wrong clock
        would move the newest time of all. They are logged and counted (`n_set_aside`), and
        handed to `set_aside`. None switches the check off.
    clock : callable, optional
        Returns the time now, UTC; by default the clock of this machine.
    set_aside : callable, optional
        Given a pandas frame of the rows set aside and the batch's name, before the batch is
        counted. Called again if the batch comes again.
    collect_up_to : int, default=1_000_000
        A Spark batch of at most so many rows is collected and reduced here, which costs one
        job. A larger one is reduced by Spark; for an event store it raises.
    merge_every : int, default=20
        What a batch adds is written as a part of its own; after so many parts everything is
        merged and written in one piece. 1 writes the whole state with every batch.

    Returns
    -------
    StateStream or EventStream
        Callable with a batch and its number. ``state()`` of the first gives the current state.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong kind.

    Notes
    -----
    Spark repeats a batch after a crash, with the same number and the same rows [1]_. What is
    written to the store carries the numbers, in one atomic write, so each batch counts once.
    States do not depend on order: late rows count like all others, and no watermark drops
    them. If anything fails half-way, the store is as it was.

    References
    ----------
    .. [1] Apache Spark, "Structured Streaming Programming Guide", section "ForeachBatch",
       https://spark.apache.org/docs/latest/streaming/

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.features import CustomerSummary
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo"],
    ...         "order_id": [1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06"]),
    ...         "amount": [10.0, 5.5],
    ...     }
    ... )
    >>> kept = {}
    >>> stream = foreach_batch(CustomerSummary(), kept, name="orders")
    >>> stream(frame, 0)
    >>> stream(frame, 0)  # comes again after a crash: skipped
    >>> stream
    <StateStream 'orders': 1 batch, 2 rows>
    >>> again = foreach_batch(CustomerSummary(), kept, name="orders")  # after a restart
    >>> again.state().finalize()[["customer_id", "spend"]]
      customer_id  spend
    0         ann   10.0
    1          bo    5.5
    """
    given = {
        "name": name,
        "time_column": time_column,
        "max_ahead_days": max_ahead_days,
        "collect_up_to": collect_up_to,
        "merge_every": merge_every,
    }
    check_values("foreach_batch", given, _RULES)
    _check_callables(convert=convert, clock=clock, set_aside=set_aside)
    if not 1 <= len(name) <= _LONGEST_NAME or "#" in name:
        problem = f"name must have 1 to {_LONGEST_NAME} characters and no '#'; got {name[:40]!r}."
        raise InvalidParameterError("foreach_batch", [problem])
    reader = BatchReader(
        owner=f"stream '{name}'",
        convert=convert,
        time_column=time_column,
        max_ahead_days=max_ahead_days,
        clock=clock,
        set_aside=set_aside,
        collect_up_to=collect_up_to,
        keeps_columns=state is not None,
        collects_all=state is None,
    )
    if state is None:
        if isinstance(store, EventStore):
            return EventStream(store, reader, name=name)
        problem = f"without a state, store must be an event store; got {type(store).__name__}."
        raise InvalidParameterError("foreach_batch", [problem])
    states = _checked_states(state)
    kept_in = as_state_store(store)
    if kept_in is None:
        hint = " Give None as state to append to it." if isinstance(store, EventStore) else ""
        problem = (
            f"store must be a state store or a mutable mapping; got {type(store).__name__}.{hint}"
        )
        raise InvalidParameterError("foreach_batch", [problem])
    single = not isinstance(state, Mapping)
    return StateStream(states, kept_in, reader, name=name, merge_every=merge_every, single=single)


def _checked_states(state: object) -> dict[str, Mergeable]:
    given: Any = state
    states: dict[Any, Any] = dict(given) if isinstance(state, Mapping) else {"state": state}
    problems = [f"state must not be an empty mapping; got {state!r}."] if not states else []
    for key, found in states.items():
        if not isinstance(key, str):
            problems.append(f"the names of states must be texts; got {key!r}.")
        if not isinstance(found, Mergeable) or isinstance(found, type):
            what = f"{found.__name__}, a class: call it" if isinstance(found, type) else found
            shown = what if isinstance(what, str) else type(what).__name__
            problems.append(f"state must be a mergeable state, or several by name; got {shown}.")
        elif len(found.batch_ids):
            problems.append(
                "state must be empty: it holds batches. Merge it with the stream's state() where "
                "you read that."
            )
    if problems:
        raise InvalidParameterError("foreach_batch", problems)
    return states


def _check_callables(**given: object) -> None:
    problems = [
        f"{name} must be callable; got {type(found).__name__}."
        for name, found in given.items()
        if found is not None and not callable(found)
    ]
    if problems:
        raise InvalidParameterError("foreach_batch", problems)
