"""A stream whose batches are folded into states that a store keeps."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import InvalidDataError, StoreError, UserPortraitError
from userportrait.stores._streams_batch import check_batch_number, query_of
from userportrait.stores._streams_entry import Entry, Facts, head_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from userportrait.stores._streams_batch import Batch, BatchReader
    from userportrait.typing import CustomerId, Mergeable, StateStore

    _Heads = tuple[bytes | None, bytes | None]

__all__ = ["StateStream"]

_logger = logging.getLogger("userportrait.streams")

_TRIES = 10


class StateStream:
    """Folds the batches of a stream into states that a store keeps; made by `foreach_batch`.

    Call it with a batch and the batch's number. What a batch adds is written in one piece,
    with the batch's name inside: a batch that comes again, after a crash or from an older
    checkpoint, is skipped.

    Attributes
    ----------
    name : str
        The name of the stream, which is also that of the state in the store.
    store : StateStore

    See Also
    --------
    userportrait.stores.foreach_batch : Makes one.

    Notes
    -----
    In the store, ``<name>`` holds everything up to the last merge, and ``<name>#17`` what the
    seventeenth write added since. Each is one atomic write of the states' own bytes, the
    names of their batches and the counts. Before each write the stream looks whether both
    are as it left them. What another stream erased is read again; what another one folded
    raises, once. A store with ``lock_state`` is locked meanwhile; with any other, such as a
    mapping, only one stream may write at a time. Any number may read.

    Examples
    --------
    >>> from userportrait.features import CustomerSummary
    >>> from userportrait.stores import foreach_batch
    >>> foreach_batch(CustomerSummary(), {}, name="orders").n_batches
    0
    """

    def __init__(
        self,
        states: Mapping[str, Mergeable],
        store: StateStore,
        reader: BatchReader,
        *,
        name: str,
        merge_every: int,
        single: bool,
    ) -> None:
        self.name: str = name
        self.store: StateStore = store
        self._types: dict[str, type[Mergeable]] = {key: type(s) for key, s in states.items()}
        self._blanks: dict[str, bytes] = {key: s.to_bytes() for key, s in states.items()}
        self._reader = reader
        self._merge_every = merge_every
        self._single = single
        self._lock = RLock()
        self._facts: Facts | None = None
        self._base = 0
        self._heads: _Heads = (None, None)
        self._swept = False
        self._states: dict[str, Any] = {}
        self._added: list[dict[str, Any]] = []

    def __call__(self, batch: Any, batch_id: int | str) -> None:
        """Fold one batch, unless it was folded before.

        Parameters
        ----------
        batch : frame
            A Spark frame, or any frame that the states' ``update`` takes.
        batch_id : int or str
            The number that Spark gives, or a text of yours. It is remembered as
            ``"<name>/<batch_id>"``.

        Raises
        ------
        InvalidDataError
            If the states refuse the batch, or its columns are not those of earlier batches.
        StoreError
            If the store cannot be read or written, or something else writes this stream.
            A `StoreLockedError` if that takes longer than the store waits.
        """
        label = f"{self.name}/{check_batch_number(batch_id, self._reader.owner)}"
        with self._lock:
            facts = self._loaded()
            query = query_of(batch)
            self._check_query(facts, query)
            if label in facts.batch_ids:
                _logger.info("%s: batch %s is counted already; skipped.", self.name, label)
                return
            self._fold(batch, label, replace(facts, query=query or facts.query))

    def add(self, batch: Any, *, source: str, first: int, last: int) -> None:
        """Fold the rows of a source from one position to another, such as Kafka offsets.

        Batches may be cut elsewhere when they are sent again: leave out what `position` says
        is counted.

        Parameters
        ----------
        batch : frame
        source : str
            What the positions belong to, such as topic and partition.
        first, last : int
            The positions of the first and the last row, 0 or more.

        Raises
        ------
        InvalidDataError
            If only a part of the rows is counted already; then nothing of them is counted now.
        StoreError
            As for a call.

        Examples
        --------
        >>> import pandas as pd
        >>> from userportrait.features import CustomerSummary
        >>> from userportrait.stores import foreach_batch
        >>> frame = pd.DataFrame(
        ...     {
        ...         "customer_id": ["ann"],
        ...         "order_id": [1],
        ...         "ordered_at": pd.to_datetime(["2026-01-05"]),
        ...         "amount": [10.0],
        ...     }
        ... )
        >>> stream = foreach_batch(CustomerSummary(), {}, name="orders")
        >>> stream.add(frame, source="orders/0", first=17, last=17)
        >>> stream.position("orders/0")
        17
        """
        owner = self._reader.owner
        rules: dict[str, Rule] = {
            "source": InstanceOf((str,), "a text"),
            "first": Between(0, 2**62, integer=True),
            "last": Between(0, 2**62, integer=True),
        }
        check_values(owner, {"source": source, "first": first, "last": last}, rules)
        with self._lock:
            facts = self._loaded()
            known, n_before = facts.positions.get(source, (-1, 0))
            if last <= known:
                _logger.info("%s: %s is counted up to %d; skipped.", self.name, source, known)
                return
            if first <= known or last < first:
                message = (
                    f"{owner}: {source} is counted up to {known}; got {first} to {last}. Give the "
                    f"rows after position({source!r}) only. Nothing of them was counted."
                )
                raise InvalidDataError(message)
            label = f"{self.name}/{source}/{n_before}"
            self._fold(batch, label, facts.with_position(source, int(last)))

    def position(self, source: str) -> int:
        """Return the last position of a source that is counted; -1 before the first.

        Examples
        --------
        >>> from userportrait.features import CustomerSummary
        >>> from userportrait.stores import foreach_batch
        >>> foreach_batch(CustomerSummary(), {}).position("orders/0")
        -1
        """
        with self._lock:
            return self._loaded().positions.get(source, (-1, 0))[0]

    def state(self) -> Any:
        """Return the current state, or states by name; a copy that is yours.

        Any process may ask: make the same stream on the same store.

        Returns
        -------
        Mergeable, or dict of str to Mergeable
            As `foreach_batch` was given.

        Examples
        --------
        >>> from userportrait.features import CustomerSummary
        >>> from userportrait.stores import foreach_batch
        >>> foreach_batch(CustomerSummary(), {}).state()
        <CustomerSummary: 0 customers, 0 entries>
        """
        with self._lock, self._or_reload():
            self._loaded()
            self._settle()
            found = {key: self._read(key, self._states[key].to_bytes()) for key in self._types}
        return next(iter(found.values())) if self._single else found

    def refresh(self) -> None:
        """Forget what is in memory, so that the next use reads the store again.

        For a process that only reads what another one folds.

        Examples
        --------
        >>> from userportrait.features import CustomerSummary
        >>> from userportrait.stores import foreach_batch
        >>> foreach_batch(CustomerSummary(), {}).refresh()
        """
        with self._lock:
            self._facts = None

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers from the states, here and in the store.

        The store is read again first. Other streams that are alive notice at their next
        write; what they have in memory until then shows the customers.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored.

        Returns
        -------
        int
            How many were there; the most that any one of several states had.

        Raises
        ------
        StoreLockedError
            If another stream writes for longer than the store waits.
        StoreError
            If the store cannot be read or written. Then ask again.

        Examples
        --------
        >>> from userportrait.features import CustomerSummary
        >>> from userportrait.stores import foreach_batch
        >>> foreach_batch(CustomerSummary(), {}).forget(["ann"])
        0
        """
        with self._lock, self._locked_store(), self._or_reload():
            self._facts = None
            facts = self._loaded()
            if facts.number == 0:
                return 0
            self._settle()
            self._sweep()
            n_gone = max(state.forget(customer_ids) for state in self._states.values())
            self._write_all(facts)
            return int(n_gone)

    @property
    def n_batches(self) -> int:
        """How many batches are counted, also those without rows; over all restarts."""
        with self._lock:
            return self._loaded().n_batches

    @property
    def n_rows(self) -> int:
        """How many rows are counted; over all restarts."""
        with self._lock:
            return self._loaded().n_rows

    @property
    def n_set_aside(self) -> int:
        """How many rows were set aside for a time in the future; over all restarts."""
        with self._lock:
            return self._loaded().n_set_aside

    def _fold(self, batch: Any, label: str, facts: Facts) -> None:
        known = self._loaded()
        with self._reader.read(batch, label, facts.columns) as found:
            added = self._added_by(found, label)
        number = facts.number + 1
        now = replace(
            facts,
            number=number,
            batch_ids=facts.batch_ids.add(label),
            columns=found.columns,
            n_batches=facts.n_batches + 1,
            n_rows=facts.n_rows + found.n_rows,
            n_set_aside=facts.n_set_aside + found.n_set_aside,
        )
        with self._locked_store(), self._or_reload():
            self._look_again(known)
            if not self._swept:
                self._sweep()
            self._write_part(now, added)
            self._facts = now
            if added:
                self._added.append(added)
            if number - self._base >= self._merge_every:
                self._settle()
                self._write_all(now)

    def _added_by(self, found: Batch, label: str) -> dict[str, Any]:
        """Return what the batch adds to each state; nothing in memory is changed."""
        if found.frame is None:
            return {}
        return {
            key: self._read(key, blank).update(found.frame, batch_id=label)
            for key, blank in self._blanks.items()
        }

    def _look_again(self, known: Facts) -> None:
        """Read the store again if it was changed; raise if others folded batches.

        An erasure changes it and leaves the facts as they are. The caller holds the store's
        lock, if it has one.
        """
        same = True
        if self._facts is None or self._heads != self._heads_at(known.number):
            self._facts = None
            same = self._loaded().to_json() == known.to_json()
        if not same or self.store.read_state(self._part_name(known.number + 1)) is not None:
            message = (
                f"something else writes the stream '{self.name}' into this store: it is not as "
                f"this one left it. Each stream needs a name of its own. Nothing was counted; "
                f"the store is read again next time."
            )
            raise StoreError(message)

    def _heads_at(self, number: int) -> _Heads:
        """Return what tells the whole, and the part of a number, from any other write."""
        whole, part = (self.store.read_state(n) for n in (self.name, self._part_name(number)))
        return (
            None if whole is None else head_of(bytes(whole)),
            None if part is None else head_of(bytes(part)),
        )

    def _locked_store(self) -> AbstractContextManager[object]:
        """Keep other writers of this stream away, if the store can do that."""
        lock: Any = getattr(self.store, "lock_state", None)
        return nullcontext() if lock is None else lock(self.name)

    def _write_part(self, facts: Facts, added: Mapping[str, Any]) -> None:
        payloads = {key: state.to_bytes() for key, state in added.items()}
        payload = Entry(facts, payloads, self._kinds()).to_bytes()
        self.store.write_state(self._part_name(facts.number), payload)
        self._heads = (self._heads[0], head_of(payload))

    def _write_all(self, facts: Facts) -> None:
        """Write everything in one piece, then remove the parts that are in it."""
        payloads = {key: state.to_bytes() for key, state in self._states.items()}
        payload = Entry(facts, payloads, self._kinds()).to_bytes()
        self.store.write_state(self.name, payload)
        base, self._base = self._base, facts.number
        for number in range(base + 1, facts.number + 1):
            self.store.delete_state(self._part_name(number))
        self._heads = (head_of(payload), None)

    def _sweep(self) -> None:
        """Remove parts that are merged, left over from a process that died while removing."""
        number = self._base
        while number > 0 and self.store.delete_state(self._part_name(number)):
            number -= 1
        self._swept = True

    def _settle(self) -> None:
        """Merge what batches added into the states in memory."""
        states = self._states
        for added in self._added:
            states = {key: state.merge(added[key]) for key, state in states.items()}
        self._states, self._added = states, []

    def _loaded(self) -> Facts:
        if self._facts is None:
            for _ in range(_TRIES):
                if self._load():
                    break
        if self._facts is None:
            message = f"the stream '{self.name}' is written faster than it can be read. Try again."
            raise StoreError(message)
        return self._facts

    def _load(self) -> bool:
        """Read the store; False if it was merged meanwhile."""
        base = self._entry(self.name)
        facts = Facts() if base is None else base.facts
        blanks = {key: self._read(key, payload) for key, payload in self._blanks.items()}
        states = {**blanks, **({} if base is None else self._checked_states(base, blanks))}
        added: list[dict[str, Any]] = []
        number = facts.number
        heads: _Heads = (None if base is None else base.head, None)
        while (part := self._entry(self._part_name(facts.number + 1))) is not None:
            facts = part.facts
            if part.states:
                added.append(self._checked_states(part, blanks))
            heads = (heads[0], part.head)
        again = self.store.read_state(self.name)
        if (None if again is None else head_of(bytes(again))) != heads[0]:
            return False
        self._heads = heads
        self._facts, self._base, self._states, self._added = facts, number, states, added
        self._swept = False
        return True

    def _entry(self, name: str) -> Entry | None:
        payload = self.store.read_state(name)
        if payload is None:
            return None
        entry = Entry.from_bytes(bytes(payload), name)
        if dict(entry.kinds) != self._kinds():
            kept = ", ".join(f"{key}: {kind}" for key, kind in sorted(entry.kinds.items()))
            mine = ", ".join(f"{key}: {kind}" for key, kind in sorted(self._kinds().items()))
            message = (
                f"the stream '{self.name}' in the store holds other states ({kept}) than given "
                f"({mine}). Give the stream another name, or the states that it began with."
            )
            raise InvalidDataError(message)
        return entry

    def _checked_states(self, entry: Entry, blanks: Mapping[str, Any]) -> dict[str, Any]:
        """Return the states of an entry; raise unless they merge with those given."""
        found = {key: self._read(key, payload) for key, payload in entry.states.items()}
        for key, state in found.items():
            try:
                blanks[key].merge(state)
            except (UserPortraitError, TypeError, ValueError) as error:
                message = (
                    f"the stream '{self.name}' in the store has other settings than given, or "
                    f"cannot be merged with the state given ({error}). Give the stream another "
                    f"name, or the settings that it began with. Nothing was written."
                )
                raise InvalidDataError(message) from error
        return found

    def _read(self, key: str, payload: bytes) -> Any:
        return self._types[key].from_bytes(payload)

    def _kinds(self) -> dict[str, str]:
        return {key: kind.__qualname__ for key, kind in self._types.items()}

    def _part_name(self, number: int) -> str:
        return f"{self.name}#{number}"

    def _check_query(self, facts: Facts, query: str | None) -> None:
        if query and facts.query and query != facts.query:
            message = (
                f"the stream '{self.name}' was written by a query with another checkpoint, so the "
                f"numbers of its batches mean other rows. Go on with the old checkpoint, or give "
                f"the stream another name. Nothing was counted."
            )
            raise StoreError(message)

    @contextmanager
    def _or_reload(self) -> Generator[None]:
        """After an error half-way, only the store knows what is true: read it again."""
        try:
            yield
        except BaseException:
            self._facts = None
            raise

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        del kept["_lock"]
        return {**kept, "_facts": None, "_states": {}, "_added": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()

    def __repr__(self) -> str:
        if self._facts is None:
            return f"<StateStream '{self.name}', not read yet>"
        batches = format_count(self._facts.n_batches, "batch", "batches")
        rows = format_count(self._facts.n_rows, "row")
        aside = f", {self._facts.n_set_aside:,} set aside" if self._facts.n_set_aside else ""
        return f"<StateStream '{self.name}': {batches}, {rows}{aside}>"

    def _repr_html_(self) -> str:
        facts = self._loaded()
        rows = {
            "states": ", ".join(sorted(self._kinds().values())),
            "batches": f"{facts.n_batches:,}",
            "rows": f"{facts.n_rows:,}",
            "set aside": f"{facts.n_set_aside:,}",
        }
        return page_fragment(f"StateStream {self.name}", definition_list(rows))
