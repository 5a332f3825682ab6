"""Behaviour figures in one go, in the library that the events are in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.units import MICROS_PER_DAY, as_moment, from_micros, to_micros
from userportrait.data import Events
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._behaviour_figures import WINDOWS, behaviour_figures
from userportrait.features._behaviour_names import check_column_names, column_names
from userportrait.features._behaviour_windows import checked_windows
from userportrait.features._events import (
    KINDS,
    LABELS,
    EventSettings,
    as_events,
    check_event_names,
    read_events,
    wanted_columns,
)
from userportrait.features._events_tables import count_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from userportrait._core.frames._engine import Kind
    from userportrait.features._events import EventLines, OtherEvents
    from userportrait.typing import IntoFrame

__all__ = ["summarise_events"]

_OWNER = "summarise_events"


def summarise_events(
    events: Events | IntoFrame,
    *,
    as_of: object = None,
    windows: Sequence[int] = WINDOWS,
    kinds: Sequence[str] = KINDS,
    event_names: Mapping[str, str] | None = None,
    other_events: OtherEvents = "raise",
    session_gap_minutes: float = 30,
    funnel: Sequence[str] | None = None,
    labels: Sequence[str] = LABELS,
    night_hours: tuple[int, int] = (0, 6),
    zone: str | None = None,
) -> Any:
    """Summarise each customer's events in one go.

    Parameters
    ----------
    events : Events or frame
        A raw frame must have canonical names.
    as_of : datetime, date or ISO 8601 text, optional
        Events after this moment are not used; by default the newest event's time. Here it
        can be any moment.
    windows : sequence of int, default=(7, 30, 90, 365)
        Lengths in days of the windows that end at `as_of`, 1 to 36,500.
    kinds, event_names, other_events, session_gap_minutes, funnel, labels, night_hours, zone
        As for `BehaviourSummary`.

    Returns
    -------
    frame
        The same table as `BehaviourSummary.finalize`, in the library of the input. Rows are
        sorted by customer, but have no order where events are cut into parts: on Spark, and
        on DuckDB with more than 3 million events.

    Raises
    ------
    InvalidDataError
        If an event has an unknown name.
    InvalidParameterError
        If parameters do not fit, or `as_of` is before the first event.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann"],
    ...         "event": ["pv", "buy"],
    ...         "occurred_at": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 10:15"]),
    ...     }
    ... )
    >>> table = summarise_events(frame, event_names={"pv": "view", "buy": "purchase"})
    >>> table[["customer_id", "n_view", "n_purchase", "session_minutes"]]
      customer_id  n_view  n_purchase  session_minutes
    0         ann       1           1             15.0
    """
    settings = EventSettings(
        kinds=kinds,
        event_names={} if event_names is None else event_names,
        other_events=other_events,
        session_gap_minutes=session_gap_minutes,
        funnel=funnel,
        labels=labels,
        night_hours=night_hours,
        zone=zone,
    ).checked(_OWNER)
    chosen = checked_windows(windows, owner=_OWNER)
    table = as_events(events)
    check_column_names(settings, chosen, wanted_columns(settings, table.columns), owner=_OWNER)
    inner = frames.enter(table.frame)
    if frames.is_large(inner, len(table)):
        return _in_parts(table, inner, settings, as_of, chosen)
    lines = read_events(table, settings, owner=_OWNER)
    if len(lines) == 0:
        message = f"{_OWNER}: no event is left, because other_events='ignore' leaves out all."
        raise InvalidDataError(message, column="event")
    moment = _moment(as_of, int(lines.at.min()), int(lines.at.max()))
    columns = _figures(lines, settings, moment, chosen)
    return frames.from_arrays(columns, inner.engine, like=inner)


def _moment(as_of: object, oldest: int, newest: int) -> int:
    if as_of is None:
        return newest
    moment = as_moment(as_of, owner=_OWNER)
    if to_micros(moment) < oldest:
        problem = (
            f"as_of={moment.isoformat()} is before the first event "
            f"({from_micros(oldest).isoformat()}); no event would be left. A date is midnight at "
            f"its start."
        )
        raise InvalidParameterError(_OWNER, [problem])
    return to_micros(moment)


def _figures(
    lines: EventLines, settings: EventSettings, moment: int, windows: Sequence[int]
) -> dict[str, Any]:
    known = lines.at <= moment
    if not known.all():
        lines = lines.keep(known)
    tables = count_events(lines, settings)
    values = {name: coded.distinct for name, coded in lines.labels.items()}
    ids = lines.customer.distinct
    today = moment // MICROS_PER_DAY
    return behaviour_figures(tables, ids, today, settings, windows, values)


def _in_parts(
    events: Events,
    inner: frames.Frame,
    settings: EventSettings,
    as_of: object,
    windows: Sequence[int],
) -> Any:
    check_event_names(inner, settings, owner=_OWNER)
    low, high = frames.spans(inner, ["occurred_at"])["occurred_at"]
    moment = _moment(as_of, to_micros(low), to_micros(high))
    columns = wanted_columns(settings, events.columns)
    cut = frames.select_columns(inner, columns)
    ids = frames.column_kinds(inner, ["customer_id"])["customer_id"]
    schema = _schema(column_names(settings, windows, columns), settings, ids)
    work = partial(
        _summarise_part,
        settings=settings.to_json(),
        moment=moment,
        windows=tuple(windows),
        schema=schema,
    )
    with frames.cut_by_key({"events": (cut, "customer_id")}) as parts:
        return frames.leave(parts.map(work, schema))


def _schema(names: Sequence[str], settings: EventSettings, ids: Kind) -> dict[str, Kind]:
    """Declare the type of each column: whole numbers where every customer has one."""
    steps = settings.step_names
    texts = {"deepest_step", *(f"favourite_{name}" for name in settings.labels)}
    numbers = {"mean_gap", "longest_gap", "session_minutes", "session_events", "hour_spread",
               "night_share", "weekend_share", *(f"recency_{kind}" for kind in settings.kinds),
               *(f"funnel_{step}_share" for step in steps[1:]),
               *(f"favourite_{name}_share" for name in settings.labels)}  # fmt: skip
    found: dict[str, Kind] = {}
    for name in names:
        if name == "customer_id":
            found[name] = ids
        elif name in ("first_event_at", "last_event_at"):
            found[name] = "time"
        elif name in texts:
            found[name] = "text"
        else:
            found[name] = "number" if name in numbers else "integer"
    return found


def _summarise_part(
    part: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    moment: int,
    windows: Sequence[int],
    schema: Mapping[str, Kind],
) -> pd.DataFrame:
    """Summarise the events of some customers; runs where the part is."""
    chosen = EventSettings(**settings).checked(_OWNER)
    rows = part["events"]
    if len(rows):
        lines = read_events(Events(rows), chosen, owner=_OWNER)
        lines = lines.keep(lines.at <= moment)
        if len(lines):
            return pd.DataFrame(_figures(lines, chosen, moment, windows))
    return pd.DataFrame({name: np.zeros(0, dtype=_DTYPES[k]) for name, k in schema.items()})


_DTYPES = {"integer": "int64", "number": "float64", "text": "object", "time": "datetime64[us]"}
