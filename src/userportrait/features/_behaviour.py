"""What customers do: events as a state that merges, and its figures for a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from userportrait._core import frames
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.state import BatchIds, check_other, pack, unpack
from userportrait._core.units import MICROS_PER_DAY, as_moment, from_micros, to_micros
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._behaviour_figures import (
    LAST_BUCKET,
    WINDOWS,
    behaviour_figures,
)
from userportrait.features._behaviour_names import check_column_names
from userportrait.features._behaviour_tables import EventEntries
from userportrait.features._behaviour_views import funnel_table, session_table, share_table
from userportrait.features._behaviour_windows import checked_customers, checked_windows
from userportrait.features._events import KINDS, LABELS, EventSettings, as_events, read_events
from userportrait.features._events_tables import count_events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from userportrait.data import Events
    from userportrait.features._events import OtherEvents
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["BehaviourSummary"]

_KIND = "UPBH"
_VERSION = 1
_WHAT = "behaviour summary"


class BehaviourSummary:
    """What customers do, from events, as a state that merges.

    `update` folds in a batch, `merge` joins two states, `finalize` makes the table for a day
    of your choice. Any split of the events, in any order, on any engine, gives the same
    table, bit for bit, because the state holds whole numbers only.

    Parameters
    ----------
    kinds : sequence of str, default=('view', 'cart', 'purchase', 'search')
        The events that get columns of their own, in this order.
    event_names : mapping of str to str, optional
        Your name of an event to its kind, such as ``{"pv": "view", "buy": "purchase"}``.
    other_events : {'raise', 'count', 'ignore'}, default='raise'
        What to do with events of any other name: refuse the batch, count them as activity
        without columns of their own, or leave them out.
    session_gap_minutes : float, default=30
        A longer pause than this between two events of a customer ends a session; at most
        1,440.
    funnel : sequence of str, optional
        Kinds, in order. By default view, cart, purchase, as far as they are among `kinds`.
    labels : sequence of str, default=('channel', 'device')
        Columns to name the favourite value of; those that the events lack are passed over.
    night_hours : (int, int), default=(0, 6)
        First hour of the night, and the first after it; ``(22, 6)`` is fine too.
    zone : str, optional
        The time zone of hours and weekdays, such as ``'Asia/Shanghai'``; by default UTC.
        Days are UTC days in any case.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.

    Notes
    -----
    The state keeps counts by customer and day, so that another `as_of` needs no event again:
    events of each kind, stretches of activity cut at midnight, hours of the week, items,
    and label values. An event exactly at midnight is kept apart from the rest of its day;
    thus any midnight is exact. An event given twice counts twice.

    A session [1]_ counts once, on its first day, also if it goes on over midnight.

    References
    ----------
    .. [1] Catledge and Pitkow (1995), "Characterizing browsing strategies in the World-Wide
       Web", Computer Networks and ISDN Systems 27(6), 1065-1073.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "bo", "ann"],
    ...         "event": ["view", "cart", "view", "purchase"],
    ...         "occurred_at": pd.to_datetime(
    ...             ["2026-01-05 10:00", "2026-01-05 10:20", "2026-01-06 09:00", "2026-01-07 12:00"]
    ...         ),
    ...         "item_id": ["p1", "p1", "p1", "p1"],
    ...     }
    ... )
    >>> monday, later = frame[:2], frame[2:]
    >>> state = BehaviourSummary().update(monday).merge(BehaviourSummary().update(later))
    >>> state.finalize()[["customer_id", "n_view", "n_sessions", "recency", "deepest_step"]]
      customer_id  n_view  n_sessions  recency deepest_step
    0         ann       1           2        0     purchase
    1          bo       1           1        1         view
    """

    def __init__(
        self,
        *,
        kinds: Sequence[str] = KINDS,
        event_names: Mapping[str, str] | None = None,
        other_events: OtherEvents = "raise",
        session_gap_minutes: float = 30,
        funnel: Sequence[str] | None = None,
        labels: Sequence[str] = LABELS,
        night_hours: tuple[int, int] = (0, 6),
        zone: str | None = None,
    ) -> None:
        settings = EventSettings(
            kinds=kinds,
            event_names={} if event_names is None else event_names,
            other_events=other_events,
            session_gap_minutes=session_gap_minutes,
            funnel=funnel,
            labels=labels,
            night_hours=night_hours,
            zone=zone,
        )
        self._settings: EventSettings = settings.checked("BehaviourSummary")
        self._entries: EventEntries = EventEntries(self._settings)
        self._batch_ids: BatchIds = BatchIds()

    def update(self, batch: Events | IntoFrame, *, batch_id: str | None = None) -> Self:
        """Fold events into the state and return it.

        A batch costs what it holds itself, not what the state holds. A batch that is refused
        leaves the state as it was. Frames on Spark and large DuckDB relations are reduced in
        parts, where they are.

        Parameters
        ----------
        batch : Events or frame
            A raw frame must have canonical names.
        batch_id : str, optional
            The batch's name. It is remembered, so that the batch cannot count twice.

        Raises
        ------
        DuplicateBatchError
            If a batch of this name is in the state already.
        InvalidDataError
            If an event has an unknown name, if a column such as `item_id` is in some batches
            only, or if IDs are texts in one batch and whole numbers in another.
        """
        owner = "BehaviourSummary.update"
        self._batch_ids.check_new(batch_id, owner=owner)
        events = as_events(batch)
        inner = frames.enter(events.frame)
        if frames.is_large(inner, len(events)):
            self._entries = self._joined_parts(inner)
        else:
            lines = read_events(events, self._settings, owner=owner)
            self._entries.add(lines, count_events(lines, self._settings))
        self._batch_ids = self._batch_ids.add(batch_id)
        return self

    def _joined_parts(self, inner: frames.Frame) -> EventEntries:
        document = self._settings.to_json()

        def reduce(part: Any) -> bytes:
            state = BehaviourSummary(**document)
            return (state.update(part) if len(part) else state).to_bytes()

        entries = self._entries
        for payload in frames.collect_batches(inner, reduce):
            entries = entries.join(self.from_bytes(payload)._entries)  # noqa: SLF001
        return entries

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed.

        Raises
        ------
        DuplicateBatchError
            If both hold a batch of the same name.
        InvalidDataError
            If a column such as `item_id` is in one only, or if IDs are texts in one and whole
            numbers in the other.
        InvalidParameterError
            If their settings differ, or `other` is no such state.
        """
        check_other(BehaviourSummary, other)
        mine, its = self._settings.to_json(), other._settings.to_json()
        problems = [
            f"{name} differs: {mine[name]!r} and {its[name]!r}."
            for name in mine
            if mine[name] != its[name]
        ]
        if problems:
            raise InvalidParameterError("BehaviourSummary.merge", problems)
        entries = self._entries.join(other._entries)
        return self._made(mine, entries, self._batch_ids.join(other._batch_ids))

    @classmethod
    def _made(cls, settings: Mapping[str, Any], entries: EventEntries, batch_ids: BatchIds) -> Self:
        state = cls(**settings)
        state._entries, state._batch_ids = entries, batch_ids
        return state

    def finalize(
        self,
        as_of: object = None,
        *,
        windows: Sequence[int] = WINDOWS,
        engine: frames.Engine = "pandas",
    ) -> Any:
        """Return one row per customer with an event at or before `as_of`, sorted by ID.

        Parameters
        ----------
        as_of : datetime, date or ISO 8601 text, optional
            A midnight, or a moment that is not before the newest event; later events are not
            used. By default the newest event's time.
        windows : sequence of int, default=(7, 30, 90, 365)
            Lengths in days of the windows that end at `as_of`: its day and the days before
            it, UTC; 1 to 36,500.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'`` or ``'duckdb'``.

        Returns
        -------
        frame
            The page on behaviour explains each column. `customer_id`; `first_event_at`,
            `last_event_at`; `n_events`, and `n_view` and so on for each kind; `n_days` with
            an event; whole days since the last event (`recency`), the last one of each kind
            (`recency_view`; NaN for never) and the first event (`tenure`); `mean_gap`,
            `longest_gap` in days between days with an event (NaN under two of them);
            `n_sessions`, their mean length (`session_minutes`) and mean number of events
            (`session_events`); `preferred_hour` (0 to 23), `preferred_weekday` (1 is Monday),
            `night_share`, `weekend_share`, and `hour_spread` (0: always the same hour, 1: all
            hours alike). With items `n_items`, `deepest_step`, and for each step of the
            funnel the items that reach it (`funnel_cart`) and their share of those at the step
            before (`funnel_cart_share`; NaN for none). For each label `favourite_channel`
            and its share of the events that have one. For each window `n_events_7d`,
            `n_view_7d`, `n_days_7d`, `n_sessions_7d`, `n_items_7d` and so on.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If `as_of` is before the first event, or inside a day that has events after it; or
            if a window is not a number of days, or makes a name such as `n_view_7d` that
            stands for a kind already.
        """
        return frames.from_arrays(self.finalize_arrays(as_of, windows=windows), engine)

    def finalize_arrays(
        self, as_of: object = None, *, windows: Sequence[int] = WINDOWS
    ) -> dict[str, Any]:
        """Do as `finalize`, and return arrays by column name."""
        owner = "BehaviourSummary.finalize"
        chosen = checked_windows(windows, owner=owner)
        bucket, today = self._limit(as_of, "finalize")
        entries = self._entries
        check_column_names(self._settings, chosen, entries.columns or (), owner=owner)
        tables = entries.tables()
        tables = tables if bucket == LAST_BUCKET else tables.until(bucket)
        values = entries.label_values()
        return behaviour_figures(
            tables, entries.customer_ids(), today, self._settings, chosen, values
        )

    def funnel(self, as_of: object = None, *, engine: frames.Engine = "pandas") -> Any:
        """Return how many get to each step of the funnel, all customers together.

        Parameters
        ----------
        as_of, engine
            As for `finalize`.

        Returns
        -------
        frame
            One row per step: `step`; `n_pairs` (pairs of customer and item that reach it),
            `n_customers` (with such a pair), `share_of_previous` (of pairs; NaN for the first
            step and where there is none before), `share_of_first`.

        Raises
        ------
        InvalidDataError
            If the state is empty or its events have no `item_id`.
        InvalidParameterError
            If `as_of` does not fit.
        """
        bucket, _ = self._limit(as_of, "funnel")
        items = self._entries.tables().items
        if items is None:
            message = "BehaviourSummary.funnel needs events with item_id; these have none."
            raise InvalidDataError(message, column="item_id")
        kept = items.keep(items.bucket <= bucket)
        return frames.from_arrays(funnel_table(kept, self._settings), engine)

    def shares(self, label: str, as_of: object = None, *, engine: frames.Engine = "pandas") -> Any:
        """Return every customer's shares of a label's values.

        Parameters
        ----------
        label : str
            One of the state's labels, such as ``'device'``.
        as_of, engine
            As for `finalize`.

        Returns
        -------
        frame
            `customer_id`, `value`, `n` (events), `share` of the customer's events that have a
            value; by customer, the most frequent first, of equal ones the first in the
            alphabet. Customers without a value have no row.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If there is no such label, or `as_of` does not fit.
        """
        bucket, _ = self._limit(as_of, "shares")
        entries = self._entries
        entries.check_label(label, owner="BehaviourSummary.shares")
        counts = entries.tables().labels[label]
        kept = counts.keep(counts.bucket <= bucket)
        columns = share_table(kept, entries.customer_ids(), entries.label_values()[label])
        return frames.from_arrays(columns, engine)

    def sessions(self, as_of: object = None, *, engine: frames.Engine = "pandas") -> Any:
        """Return every session.

        Parameters
        ----------
        as_of, engine
            As for `finalize`. A session that goes on over `as_of` ends with its last event
            before.

        Returns
        -------
        frame
            `customer_id`, `started_at`, `ended_at` (first and last event), `n_events`; by
            customer and time.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If `as_of` does not fit.
        """
        bucket, _ = self._limit(as_of, "sessions")
        entries = self._entries
        pieces = entries.tables().until(bucket).pieces
        columns = session_table(pieces, entries.customer_ids(), self._settings)
        return frames.from_arrays(columns, engine)

    def _limit(self, as_of: object, method: str) -> tuple[int, int]:
        """Return the last bucket that counts, and the day of the moment."""
        owner = f"BehaviourSummary.{method}"
        if not self._entries:
            message = f"{owner}: the state is empty. Update it with events first."
            raise InvalidDataError(message)
        oldest, newest = self._entries.span()
        if as_of is None:
            return LAST_BUCKET, newest // MICROS_PER_DAY
        moment = as_moment(as_of, owner=owner)
        micros = to_micros(moment)
        day, time = divmod(micros, MICROS_PER_DAY)
        if micros >= newest:
            return LAST_BUCKET, day
        if micros < oldest:
            problem = (
                f"as_of={moment.isoformat()} is before the first event "
                f"({from_micros(oldest).isoformat()}); no event would be left. A date is midnight "
                f"at its start."
            )
            raise InvalidParameterError(owner, [problem])
        if time:
            midnight = from_micros(day * MICROS_PER_DAY).date().isoformat()
            following = from_micros((day + 1) * MICROS_PER_DAY).date().isoformat()
            problem = (
                f"as_of={moment.isoformat()} is inside a day, and this state counts by day. Give "
                f"a midnight, such as '{midnight}' or '{following}', a moment from the newest "
                f"event on ({from_micros(newest).isoformat()}), or use summarise_events, which "
                f"reads the events again."
            )
            raise InvalidParameterError(owner, [problem])
        return 2 * day, day

    @property
    def n_customers(self) -> int:
        """How many customers the state knows."""
        return len(self._entries.customer_ids())

    @property
    def batch_ids(self) -> Collection[str]:
        """The names of the batches that were given with one; tests membership with ``in``."""
        return self._batch_ids

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers, with their events; ignore unknown ones; return how many were there.

        The names of batches stay: a batch that comes again is still refused.
        """
        chosen = checked_customers(customer_ids, owner="BehaviourSummary.forget")
        self._entries, n = self._entries.without(chosen)
        return n

    def to_bytes(self) -> bytes:
        """Serialise, with a version; the same content always gives the same bytes."""
        facts = {
            "settings": self._settings.to_json(),
            "columns": self._entries.columns,
            "batch_ids": self._batch_ids.to_json(),
        }
        return pack(_KIND, _VERSION, facts, self._entries.packed())

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are not a behaviour summary, or from a later version.
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, _WHAT, coded=True)
        settings = EventSettings(**facts["settings"]).checked("BehaviourSummary.from_bytes")
        entries = EventEntries.from_packed(settings, facts["columns"], tables)
        return cls._made(facts["settings"], entries, BatchIds.from_json(facts["batch_ids"]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BehaviourSummary):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        message = "a BehaviourSummary changes with update, so it cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        n = self._entries.n_rows
        return f"<BehaviourSummary: {self.n_customers:,} customers, {n:,} entries>"

    def _repr_html_(self) -> str:
        rows = {
            "customers": f"{self.n_customers:,}",
            "entries": f"{self._entries.n_rows:,}",
            "kinds": ", ".join(self._settings.kinds),
            "named batches": f"{len(self._batch_ids):,}",
        }
        return page_fragment("BehaviourSummary", definition_list(rows))
