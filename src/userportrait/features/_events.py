"""Events as arrays: what is counted, and the columns coded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import format_count
from userportrait._core.entries import Coded
from userportrait._core.params import Between, OneOf
from userportrait.data import Events
from userportrait.data._order_arrays import OrderArrays
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name
from userportrait.features._behaviour_names import name_clashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = [
    "FUNNEL",
    "KINDS",
    "LABELS",
    "EventLines",
    "EventSettings",
    "OtherEvents",
    "as_events",
    "check_event_names",
    "micros_of",
    "read_events",
    "wanted_columns",
]

OtherEvents: TypeAlias = Literal["raise", "count", "ignore"]

KINDS: tuple[str, ...] = ("view", "cart", "purchase", "search")
FUNNEL: tuple[str, ...] = ("view", "cart", "purchase")
LABELS: tuple[str, ...] = ("channel", "device")
_TAKEN = ("events", "days", "sessions", "items")
_NO_LABELS = ("customer_id", "event", "occurred_at", "item_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """What is counted of events; see `BehaviourSummary` for the meaning of each part."""

    kinds: Sequence[str] = KINDS
    event_names: Mapping[str, str] = field(default_factory=dict[str, str])
    other_events: OtherEvents = "raise"
    session_gap_minutes: float = 30
    funnel: Sequence[str] | None = None
    labels: Sequence[str] = LABELS
    night_hours: tuple[int, int] = (0, 6)
    zone: str | None = None

    @property
    def gap(self) -> int:
        """The session gap in microseconds."""
        return round(float(self.session_gap_minutes) * 60_000_000)

    @property
    def step_names(self) -> tuple[str, ...]:
        """The funnel's steps; by default those of the usual ones that are counted."""
        if self.funnel is None:
            return tuple(step for step in FUNNEL if step in self.kinds)
        return tuple(self.funnel)

    @property
    def steps(self) -> list[int]:
        """The positions of the funnel's steps among the kinds."""
        return [list(self.kinds).index(step) for step in self.step_names]

    @property
    def night(self) -> list[int]:
        """The hours of the night."""
        start, end = self.night_hours
        return [hour % 24 for hour in range(start, end + 24 * (end < start))]

    def to_json(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        found = asdict(self)
        lists = ("funnel", "kinds", "labels", "night_hours")
        return {
            name: list(value) if name in lists and value is not None else value
            for name, value in sorted(found.items())
        }

    def checked(self, owner: str) -> EventSettings:
        """Return the same in plain types, or raise one error that names all problems."""
        problems = [p for p in (*self._name_problems(), *self._number_problems()) if p]
        if problems:
            raise InvalidParameterError(owner, problems)
        return EventSettings(
            kinds=tuple(self.kinds),
            event_names=dict(sorted(self.event_names.items())),
            other_events=self.other_events,
            session_gap_minutes=float(self.session_gap_minutes),
            funnel=self.step_names,
            labels=tuple(self.labels),
            night_hours=(int(self.night_hours[0]), int(self.night_hours[1])),
            zone=self.zone,
        )

    def _name_problems(self) -> list[str | None]:
        funnel = () if self.funnel is None else self.funnel
        lists = {"kinds": self.kinds, "funnel": funnel, "labels": self.labels}
        found = [_names_problem(name, values) for name, values in lists.items()]
        if any(found):
            return list(found)
        if not 1 <= len(self.kinds) <= 1000:
            found.append("kinds must name at least one event and at most 1,000.")
        found += [
            f"kinds must not hold {name!r}, because n_{name} is another column."
            for name in self.kinds
            if name in _TAKEN
        ]
        found += [
            f"funnel: {unknown_name('kind', step, self.kinds)}"
            for step in funnel
            if step not in self.kinds
        ]
        found += [f"labels must not hold {name!r}." for name in self.labels if name in _NO_LABELS]
        found += self._event_name_problems()
        if not any(found):  # names with windows are checked where windows are known
            found += name_clashes(self, (), ("item_id", *self.labels))
        return found

    def _event_name_problems(self) -> list[str]:
        given: Any = self.event_names
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            return [f"event_names must be a mapping of your names to kinds; got {kind}."]
        return [
            f"event_names[{name!r}]: {unknown_name('kind', str(kind), self.kinds)}"
            for name, kind in self.event_names.items()
            if kind not in self.kinds
        ]

    def _number_problems(self) -> list[str | None]:
        minutes = Between(0, 1_440, open_low=True)
        found = [
            minutes.problem("session_gap_minutes", self.session_gap_minutes),
            OneOf(("raise", "count", "ignore")).problem("other_events", self.other_events),
        ]
        hours: Any = self.night_hours
        if not isinstance(hours, (tuple, list)) or len(cast("Sequence[Any]", hours)) != 2:
            found.append(f"night_hours must be two hours, such as (22, 6); got {hours!r}.")
        else:
            rule = Between(0, 24, integer=True)
            found += [rule.problem(f"night_hours[{i}]", h) for i, h in enumerate(self.night_hours)]
        zone: Any = self.zone
        if zone is not None and (not isinstance(zone, str) or zone not in available_timezones()):
            found.append(f"zone must be a time zone such as 'Asia/Shanghai'; got {zone!r}.")
        return found


def _names_problem(name: str, given: object) -> str | None:
    if isinstance(given, str) or not isinstance(given, Sequence):
        return f"{name} must be a list of texts; got {given!r}."
    values = list(cast("Sequence[object]", given))
    if not all(isinstance(value, str) and value for value in values):
        return f"{name} must hold texts only; got {values!r}."
    if len(set(values)) != len(values):
        return f"{name} must not hold a name twice; got {values!r}."
    return None


@dataclass(frozen=True, slots=True, eq=False)
class EventLines:
    """Events as parallel arrays.

    Parameters
    ----------
    customer : Coded
        Positions in the sorted customers; none is missing.
    at : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    kind : ndarray of int16
        Positions in the list of kinds; one more than the last for all other events.
    item : Coded or None
        -1 where missing; None if there is no such column.
    labels : mapping of str to Coded
        Those of the label columns that are there; distinct values are texts.
    """

    customer: Coded
    at: NDArray[np.int64]
    kind: NDArray[np.int16]
    item: Coded | None
    labels: Mapping[str, Coded]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def columns(self) -> tuple[str, ...]:
        """The optional columns that are there."""
        return (*(("item_id",) if self.item is not None else ()), *sorted(self.labels))

    def keep(self, rows: NDArray[np.bool_]) -> EventLines:
        """Return the events that a mask chooses."""
        return EventLines(
            Coded(self.customer.codes[rows], self.customer.distinct),
            self.at[rows],
            self.kind[rows],
            None if self.item is None else Coded(self.item.codes[rows], self.item.distinct),
            {n: Coded(c.codes[rows], c.distinct) for n, c in self.labels.items()},
        )


def as_events(batch: Events | IntoFrame) -> Events:
    """Return events, from events or from a raw frame with canonical names."""
    return batch if isinstance(batch, Events) else Events(batch)


def wanted_columns(settings: EventSettings, available: Sequence[str]) -> list[str]:
    """Name the columns that are read of those that are there."""
    wanted = [*_NO_LABELS, *settings.labels]
    return [name for name in wanted if name in available]


def read_events(events: Events, settings: EventSettings, *, owner: str) -> EventLines:
    """Collect the columns that matter and code them.

    Raises
    ------
    InvalidDataError
        If an event has an unknown name and the settings say that this is an error.
    """
    names = wanted_columns(settings, events.columns)
    columns = frames.collect_columns(frames.enter(events.frame), names)
    coder = OrderArrays(columns, 0)
    event, distinct = coder.codes("event")
    kind = _kinds_of(event, distinct, settings, owner)
    customer = Coded(*code_values(columns["customer_id"]))
    item = None
    if "item_id" in columns:
        codes, values = coder.codes("item_id")
        item = Coded(codes, values if len(values) else values.astype(object))
    labels = {n: _as_texts(*coder.codes(n)) for n in settings.labels if n in columns}
    lines = EventLines(customer, micros_of(columns["occurred_at"]), kind, item, labels)
    return lines.keep(kind >= 0) if settings.other_events == "ignore" else lines


def check_event_names(inner: frames.Frame, settings: EventSettings, *, owner: str) -> None:
    """Raise `InvalidDataError` for an event of an unknown name, where that is an error.

    For frames that are worked on in parts: before any work, and not on a worker.
    """
    if settings.other_events != "raise":
        return
    counted = frames.aggregate(inner, ["event"], {}, rows="n")
    found = frames.collect_arrays(counted, ["event"])["event"]
    known = set(_places(settings))
    unknown = sorted({str(name) for name in found.tolist()} - known)
    if unknown:
        raise InvalidDataError(_unknown_message(unknown, settings, owner), column="event")


def _places(settings: EventSettings) -> dict[str, int]:
    place = {name: i for i, name in enumerate(settings.kinds)}
    return place | {name: place[kind] for name, kind in settings.event_names.items()}


def _kinds_of(
    event: NDArray[np.int32], distinct: NDArray[Any], settings: EventSettings, owner: str
) -> NDArray[np.int16]:
    place = _places(settings)
    other = -1 if settings.other_events == "ignore" else len(settings.kinds)
    names = [str(name) for name in distinct.tolist()]
    table = np.array([place.get(name, other) for name in names], dtype=np.int16)
    if settings.other_events == "raise" and (table == other).any():
        rows = np.flatnonzero((table == other)[event])
        unknown = sorted(name for name in names if name not in place)
        message = _unknown_message(unknown, settings, owner)
        raise InvalidDataError(message, column="event", rows=rows[:5].tolist(), n_rows=len(rows))
    return table[event]


def _unknown_message(unknown: Sequence[str], settings: EventSettings, owner: str) -> str:
    n, first = len(unknown) - 1, unknown[0]
    more = f" {format_count(n, 'other name is', 'other names are')} unknown too." if n else ""
    return (
        f"{owner}: {unknown_name('event', first, _places(settings))}{more} "
        f"Map it with event_names={{{first!r}: …}}, add it to kinds, or give "
        f"other_events='count' or 'ignore'."
    )


def _as_texts(codes: NDArray[np.int32], distinct: NDArray[Any]) -> Coded:
    """Make texts of coded labels, with codes in the order of the texts."""
    if distinct.dtype == object:
        return Coded(codes, distinct)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [str(value) for value in distinct.tolist()]
    rank, ordered = code_values(texts)
    return Coded(np.append(rank, np.int32(-1))[codes], ordered.astype(object))


def micros_of(values: Any) -> NDArray[np.int64]:
    """Return times as microseconds since 1970-01-01 UTC."""
    dtype: Any = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return np.asarray(values).astype("datetime64[us]").view(np.int64)
    times = pd.to_datetime(pd.Series(values), utc=True)
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]").view(np.int64)
