"""Clean events: names in one spelling, repeats and robots found, every row accounted for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule
from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._clean_common import (
    check_columns,
    check_labels,
    chosen_roles,
    latest_moment,
    nothing_left,
    raise_if_empty,
    rename_extras,
)
from userportrait.data._clean_ids import IdColumn, clean_ids, is_missing_text, strip_text
from userportrait.data._clean_judge import DESCRIPTIONS as LINE_DESCRIPTIONS
from userportrait.data._clean_judge import Treatment
from userportrait.data._clean_report import CleaningReport, make_report
from userportrait.data._clean_rules import repeated_rows
from userportrait.data._clean_table import Coded, NewColumn, RawTable, Whole, collect_table
from userportrait.data._clean_times import CleanTimes, TimeOptions, check_zone, clean_times
from userportrait.data._tables import Events
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn
    from userportrait.typing import IntoFrame

__all__ = ["clean_events"]

_OWNER = "clean_events"
_IDS = ("customer_id", "item_id", "session_id")
_LABELS = ("channel", "device", "query")
_BOT_HOURS = 22
_BOT_EVENTS = 100

_REMOVED = {
    "missing_customer_id": LINE_DESCRIPTIONS["missing_customer_id"],
    "missing_event": "no event",
    "missing_time": LINE_DESCRIPTIONS["missing_time"],
    "unparsable_time": LINE_DESCRIPTIONS["unparsable_time"],
    "future_time": LINE_DESCRIPTIONS["future_time"],
    "duplicate": LINE_DESCRIPTIONS["duplicate"],
    "bot": "of a customer who acts like a program",
    "repeat": "the same event again, too soon",
}
_REASONS = tuple(_REMOVED)
_DESCRIPTIONS = {
    **LINE_DESCRIPTIONS,
    **_REMOVED,
    "session_id_trimmed": "white space around the session ID taken off",
    "session_id_to_integer": "a session ID such as 12.0 became 12",
    "event_renamed": "an event's name spelt in the common way",
    "unknown_event": "an event that event_names does not name",
}


def clean_events(
    frame: IntoFrame,
    *,
    customer_id: str,
    event: str,
    occurred_at: str,
    item_id: str | None = None,
    session_id: str | None = None,
    channel: str | None = None,
    device: str | None = None,
    query: str | None = None,
    event_names: Mapping[str, str] | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    day_first: bool | None = None,
    now: object = None,
    duplicates: Treatment = "remove",
    repeat_seconds: float = 0.0,
    bots: Treatment = "flag",
    bot_daily_events: int = 1000,
) -> tuple[Events, CleaningReport]:
    """Clean events and account for every row.

    Parameters
    ----------
    frame : frame
        One row per event: a pandas or polars frame (eager or lazy), a pyarrow table or a
        DuckDB relation. It is not changed.
    customer_id, event, occurred_at : str
        Columns of who, what and when; IDs and times are read as `clean_orders` reads them.
        Events are texts or whole numbers; they are trimmed, put in lower case, and blanks and
        hyphens become ``_``: ``'Add to Cart'`` is ``'add_to_cart'``.
    item_id, session_id : str, optional
        Columns of the items and visits, read like `customer_id`; may be missing.
    channel, device, query : str, optional
        Columns of labels; kept as they are.
    event_names : mapping of str to str, optional
        Your name of an event to the name to use, such as ``{"pv": "view"}``; the keys are
        spelt in the common way first. Events that it does not name are kept and flagged.
    time_format, time_zone, day_first, now
        As for `clean_orders`.
    duplicates : {'remove', 'flag', 'keep'}, default='remove'
        What to do with a row that equals another one in every column; one of them stays.
        ``'flag'`` keeps rows and counts them, ``'keep'`` does not look.
    repeat_seconds : float, default=0.0
        The same event of the same customer with the same item is removed if it comes at most
        so many seconds after the one before it, so that a burst counts once. 0 removes none.
    bots : {'flag', 'remove', 'keep'}, default='flag'
        What to do with the events of customers who act like programs; see Notes.
    bot_daily_events : int, default=1000
        More events than this on one day are a program's; at least 100.

    Returns
    -------
    events : Events
        In the library of the input; canonical columns first, further columns are kept.
    report : CleaningReport

    Raises
    ------
    InvalidParameterError
        If an option has no such value, or one column plays two roles.
    MissingColumnError
        If a column is not there; the message names the nearest one.
    ColumnTypeError
        If a column cannot play its role.
    InvalidDataError
        If there are no rows, none is left, or times can be read in two ways.

    Notes
    -----
    Each removed row is counted once, for the first reason that applies: missing customer,
    event or time, unparsable or future time, duplicate, bot, repeat.

    A customer acts like a program if, on any one day (UTC), there are more than
    `bot_daily_events` events, or at least 100 events that fall into at least 22 of the 24
    hours. The rule is ours: people sleep.

    Examples
    --------
    >>> import pandas as pd
    >>> raw = pd.DataFrame(
    ...     {
    ...         "visitor": [7, 7, 8],
    ...         "what": ["View", "Add to Cart", "pv"],
    ...         "ts": [1_767_225_600, 1_767_225_660, 1_767_229_200],
    ...     }
    ... )
    >>> events, report = clean_events(
    ...     raw,
    ...     customer_id="visitor",
    ...     event="what",
    ...     occurred_at="ts",
    ...     time_format="unix_s",
    ...     event_names={"view": "view", "pv": "view", "add to cart": "cart"},
    ... )
    >>> events.frame
       customer_id event         occurred_at
    0            7  view 2026-01-01 00:00:00
    1            7  cart 2026-01-01 00:01:00
    2            8  view 2026-01-01 01:00:00
    """
    roles = chosen_roles(
        customer_id=customer_id, event=event, occurred_at=occurred_at, item_id=item_id,
        session_id=session_id, channel=channel, device=device, query=query,
    )  # fmt: skip
    options = {
        "time_format": time_format, "time_zone": time_zone, "day_first": day_first,
        "duplicates": duplicates, "repeat_seconds": repeat_seconds, "bots": bots,
        "bot_daily_events": bot_daily_events,
    }  # fmt: skip
    _check_options(options, event_names)
    entered = frames.enter(frame, argument="frame")
    check_columns(roles, frames.column_names(entered), owner=_OWNER)
    raw = collect_table(entered)
    raise_if_empty(raw, owner=_OWNER)
    labels = {role: column for role, column in roles.items() if role in _LABELS}
    check_labels(raw, labels, owner=_OWNER)
    times = TimeOptions(time_format, time_zone, day_first)
    rows = _read(raw, roles, times, event_names)
    verdict, flagged = _judge(raw, rows, roles, latest_moment(now, owner=_OWNER), options)
    return _result(raw, rows, roles, verdict, flagged)


def _check_options(options: Mapping[str, Any], event_names: object) -> None:
    text = Optional(InstanceOf((str,), "a text"))
    treatment = OneOf(("remove", "flag", "keep"))
    rules: dict[str, Rule] = {
        "time_format": text,
        "time_zone": text,
        "day_first": Optional(InstanceOf((bool,), "True or False")),
        "duplicates": treatment,
        "repeat_seconds": Between(0, 86_400),
        "bots": treatment,
        "bot_daily_events": Between(_BOT_EVENTS, 1e9, integer=True),
    }
    found = [rule.problem(name, options[name]) for name, rule in rules.items()]
    found.append(check_zone(options["time_zone"]))
    if event_names is not None and not hasattr(event_names, "items"):
        found.append("event_names must be a mapping of names to names.")
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParameterError(_OWNER, problems)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Events as arrays of equal length."""

    ids: dict[str, IdColumn]
    times: CleanTimes
    event: NDArray[np.int64]
    names: NDArray[Any]
    renamed: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


def _read(
    raw: RawTable, roles: Mapping[str, str], times: TimeOptions, names: Mapping[str, str] | None
) -> _Rows:
    ids = {
        role: clean_ids(raw.column(roles[role]), roles[role], role, owner=_OWNER)
        for role in _IDS
        if role in roles
    }
    column = roles["occurred_at"]
    found = clean_times(raw.column(column), column, "occurred_at", times, owner=_OWNER)
    column = roles["event"]
    codes, labels, renamed, unknown = _event_names(raw.column(column), column, names)
    return _Rows(ids, found, codes, labels, renamed, unknown)


_Named = tuple["NDArray[np.int64]", "NDArray[Any]", "NDArray[np.bool_]", "NDArray[np.bool_]"]


def _event_names(raw: RawColumn, column: str, names: Mapping[str, str] | None) -> _Named:
    if raw.kind not in ("text", "integer"):
        message = (
            f"{_OWNER}: event='{column}' must hold texts or whole numbers; "
            f"it holds {_HOLDS.get(raw.kind, 'values of another type')}. Is it the right column?"
        )
        raise ColumnTypeError(message, column=column)
    texts, codes = _event_texts(raw)
    wanted = {_spelling(key): value for key, value in (names or {}).items()}
    gone = [is_missing_text(strip_text(text)) for text in texts]
    spelt = [_spelling(text) for text in texts]
    final = [wanted.get(text, text) for text in spelt]
    labels = np.array(sorted({t for t, lost in zip(final, gone, strict=True) if not lost}), object)
    position = {text: place for place, text in enumerate(labels)}
    new = [-1 if lost else position[text] for text, lost in zip(final, gone, strict=True)]
    changed = [not lost and a != b for a, b, lost in zip(texts, final, gone, strict=True)]
    odd = [names is not None and not lost and t not in wanted
           for t, lost in zip(spelt, gone, strict=True)]  # fmt: skip
    return (
        np.array([*new, -1], dtype=np.int64)[codes],
        labels,
        np.array([*changed, False], dtype=bool)[codes],
        np.array([*odd, False], dtype=bool)[codes],
    )


_HOLDS = {
    "boolean": "true and false",
    "time": "times",
    "number": "numbers with a fraction",
    "decimal": "decimal numbers",
}


def _event_texts(raw: RawColumn) -> tuple[list[str], NDArray[np.int64]]:
    if raw.labels is not None:
        return [str(label) for label in raw.labels], raw.values
    codes, distinct = pd.factorize(raw.values)
    found = np.where(raw.missing, -1, codes).astype(np.int64)
    return [str(value) for value in distinct], found


def _spelling(text: str) -> str:
    return re.sub(r"[\s\-]+", "_", strip_text(str(text)).casefold())


def _judge(
    raw: RawTable, rows: _Rows, roles: Mapping[str, str], now: int, options: Mapping[str, Any]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    verdict = np.zeros(len(raw), dtype=np.int64)
    flagged: dict[str, NDArray[np.bool_]] = {}

    def treat(found: NDArray[np.bool_], reason: str, treatment: str) -> None:
        if treatment == "remove":
            verdict[(verdict == 0) & found] = 1 + _REASONS.index(reason)
        elif treatment == "flag":
            flagged[reason] = found & (verdict == 0)

    customer, times = rows.ids["customer_id"], rows.times
    treat(customer.missing, "missing_customer_id", "remove")
    treat(rows.event < 0, "missing_event", "remove")
    treat(times.missing, "missing_time", "remove")
    treat(times.unparsable, "unparsable_time", "remove")
    treat(times.micros > now, "future_time", "remove")
    if options["duplicates"] != "keep":
        clean = [column.codes for column in rows.ids.values()]
        read = {roles[role] for role in (*_IDS, "event", "occurred_at") if role in roles}
        others = [raw.column(name).identity() for name in raw.names if name not in read]
        columns = [rows.event, times.micros, *clean, *others]
        treat(repeated_rows(columns, verdict == 0), "duplicate", options["duplicates"])
    if options["bots"] != "keep":
        found = _bots(customer.codes, times.micros, verdict == 0, options["bot_daily_events"])
        treat(found, "bot", options["bots"])
    if options["repeat_seconds"] > 0:
        within = int(options["repeat_seconds"] * 1_000_000)
        treat(_repeats(rows, verdict == 0, within), "repeat", "remove")
    flagged["unknown_event"] = rows.unknown
    flagged["ambiguous_time"] = times.ambiguous
    flagged["nonexistent_time"] = times.nonexistent
    return verdict, flagged


def _bots(
    customer: NDArray[np.int64], micros: NDArray[np.int64], kept: NDArray[np.bool_], most: int
) -> NDArray[np.bool_]:
    days = micros[kept] // MICROS_PER_DAY
    seen = pd.DataFrame(
        {
            "customer": customer[kept],
            "day": days,
            "hour": micros[kept] // (MICROS_PER_DAY // 24) - days * 24,
        }
    )
    counts = seen.groupby(["customer", "day"], sort=False)["hour"].agg(["size", "nunique"])
    busy = counts["size"] > most
    sleepless = (counts["nunique"] >= _BOT_HOURS) & (counts["size"] >= _BOT_EVENTS)
    bots = counts.index[busy | sleepless].get_level_values("customer").unique()
    return kept & np.isin(customer, np.asarray(bots))


def _repeats(rows: _Rows, kept: NDArray[np.bool_], within: int) -> NDArray[np.bool_]:
    customer = rows.ids["customer_id"].codes
    item = rows.ids["item_id"].codes if "item_id" in rows.ids else np.zeros(len(kept), np.int64)
    keys = (rows.times.micros, item, rows.event, customer)
    order = np.flatnonzero(kept)
    order = order[np.lexsort([key[order] for key in keys])]
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys[1:]:
        same &= key[order][1:] == key[order][:-1]
    soon = np.diff(rows.times.micros[order]) <= within
    found = np.zeros(len(kept), dtype=bool)
    found[order[1:][same & soon]] = True
    return found


def _result(
    raw: RawTable,
    rows: _Rows,
    roles: Mapping[str, str],
    verdict: NDArray[np.int64],
    flagged: Mapping[str, NDArray[np.bool_]],
) -> tuple[Events, CleaningReport]:
    changed = {
        "time_parsed": rows.times.parsed,
        "time_zone_converted": rows.times.converted,
        "event_renamed": rows.renamed,
    }
    for role, column in rows.ids.items():
        changed[f"{role}_trimmed"] = column.trimmed
        changed[f"{role}_to_integer"] = column.to_integer
    new_roles = {*_IDS, "event", "occurred_at"}
    replaced = {column for role, column in roles.items() if role in new_roles}
    labels = {roles[role]: role for role in _LABELS if role in roles}
    extras = [name for name in raw.names if name not in replaced and name not in labels]
    taken = {*new_roles, *labels.values()}
    named, notes = rename_extras(raw, extras, taken, [r for r in _LABELS if r not in roles])
    report = make_report(
        "events",
        raw,
        verdict,
        _REASONS,
        changed,
        flagged,
        descriptions=_DESCRIPTIONS,
        notes=[*rows.times.notes, *notes],
    )
    kept = np.flatnonzero(verdict == 0)
    if not len(kept):
        raise InvalidDataError(nothing_left(report, roles, owner=_OWNER))
    new: dict[str, NewColumn] = {
        "customer_id": Coded(rows.ids["customer_id"].codes[kept], rows.ids["customer_id"].labels),
        "event": Coded(rows.event[kept], rows.names),
        "occurred_at": Whole(rows.times.micros[kept].view("datetime64[us]")),
    }
    for role in ("item_id", "session_id"):
        if role in rows.ids:
            new[role] = Coded(rows.ids[role].codes[kept], rows.ids[role].labels)
    return Events(raw.build(new, {**labels, **named}, kept)), report
