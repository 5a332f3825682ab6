"""The steps of cleaning events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._clean_ids import IdColumn, clean_ids, is_missing_text, strip_text
from userportrait.data._clean_job import Judged
from userportrait.data._clean_plan import plan_columns
from userportrait.data._clean_rules import bits_of, repeated_rows
from userportrait.data._clean_table import Coded, NewColumn, RawTable, Whole
from userportrait.data._clean_times import CleanTimes, TimeOptions, clean_times
from userportrait.data._clean_verdict import DESCRIPTIONS as LINE_DESCRIPTIONS
from userportrait.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.frames import Kind
    from userportrait.data._clean_columns import RawColumn
    from userportrait.data._clean_facts import ColumnFacts
    from userportrait.data._clean_known import Known, LineFacts
    from userportrait.data._clean_plan import ReadPlan
    from userportrait.data._clean_verdict import Treatment

__all__ = ["LABELS", "LEAST_BOT_EVENTS", "EventJob", "EventRules"]

_OWNER = "clean_events"
_IDS = ("customer_id", "item_id", "session_id")
LABELS = ("channel", "device", "query")
"""Roles whose columns are kept as they are."""

_BOT_HOURS = 22
LEAST_BOT_EVENTS = 100

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


@dataclass(frozen=True, slots=True)
class EventRules:
    """What the caller wants done with events."""

    now: int
    names: dict[str, str] | None
    duplicates: Treatment
    repeat_micros: int
    bots: Treatment
    bot_daily_events: int


@dataclass(frozen=True, slots=True)
class EventJob:
    """The cleaning of events, as a `Job`.

    Parameters
    ----------
    roles : mapping of str to str
        Role to column.
    times : TimeOptions
    rules : EventRules
    """

    roles: Mapping[str, str]
    times: TimeOptions
    rules: EventRules

    owner = _OWNER
    table = "events"
    read_roles = (*_IDS, "occurred_at", "event")
    label_roles = LABELS
    reserved = frozenset({*_IDS, "occurred_at", "event"})
    reasons = _REASONS
    descriptions = _DESCRIPTIONS

    def plan(self, facts: Mapping[str, ColumnFacts], raw: RawTable | None = None) -> ReadPlan:
        """Decide how columns are read."""
        roles = {role: self.roles[role] for role in self.read_roles if role in self.roles}
        plan = plan_columns(facts, roles, self.times, owner=_OWNER, raw=raw)
        _plan_events(facts["event"], roles["event"])
        return plan

    def needs_facts(self, plan: ReadPlan) -> bool:
        """Return False: every customer's events are judged by themselves."""
        del plan
        return False

    def learn(
        self, raw: RawTable, plan: ReadPlan, services: frozenset[str] | None = None
    ) -> LineFacts:
        """Refuse: there is nothing to learn."""
        raise NotImplementedError

    def known(self, facts: LineFacts, services: frozenset[str] | None = None) -> Known:
        """Refuse: there is nothing to learn."""
        raise NotImplementedError

    def judge(self, raw: RawTable, plan: ReadPlan, known: Known | None = None) -> Judged:
        """Decide over events."""
        del known
        rows = self._read(raw, plan)
        changed = {
            "time_parsed": rows.times.parsed,
            "time_zone_converted": rows.times.converted,
            "event_renamed": rows.renamed,
        }
        for role, column in rows.ids.items():
            changed[f"{role}_trimmed"] = column.trimmed
            changed[f"{role}_to_integer"] = column.to_integer
        verdict, flagged = self._verdict(raw, rows, changed)
        kept = np.flatnonzero(verdict == 0)
        customer = rows.ids["customer_id"]
        new: dict[str, NewColumn] = {
            "customer_id": Coded(customer.codes[kept], customer.labels),
            "event": Coded(rows.event[kept], rows.names),
            "occurred_at": Whole(rows.times.micros[kept].view("datetime64[us]")),
        }
        for role in ("item_id", "session_id"):
            if role in rows.ids:
                new[role] = Coded(rows.ids[role].codes[kept], rows.ids[role].labels)
        return Judged(verdict, changed, flagged, new)

    def kinds(self, plan: ReadPlan) -> dict[str, Kind]:
        """Return the clean columns of a part and what they hold."""
        ids: dict[str, Kind] = {
            role: "text" if form == "text" else "integer" for role, form in plan.ids.items()
        }
        found: dict[str, Kind] = {"customer_id": ids.pop("customer_id")}
        return {**found, "event": "text", "occurred_at": "time", **ids}

    def notes(self, facts: Mapping[str, Any]) -> list[str]:
        """Return nothing: no decision is over all rows."""
        del facts
        return []

    def _read(self, raw: RawTable, plan: ReadPlan) -> _Rows:
        roles = self.roles
        ids = {
            role: clean_ids(
                raw.column(roles[role]), roles[role], role, owner=_OWNER, form=plan.ids[role]
            )
            for role in _IDS
            if role in roles
        }
        column = roles["occurred_at"]
        found = clean_times(
            raw.column(column), column, "occurred_at", self.times, owner=_OWNER, plan=plan.time
        )
        named = _event_names(raw.column(roles["event"]), self.rules.names)
        return _Rows(ids, found, *named)

    def _verdict(
        self, raw: RawTable, rows: _Rows, changed: Mapping[str, NDArray[np.bool_]]
    ) -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
        verdict = np.zeros(len(raw), dtype=np.int64)
        flagged: dict[str, NDArray[np.bool_]] = {}
        rules = self.rules

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
        treat(times.micros > rules.now, "future_time", "remove")
        if rules.duplicates != "keep":
            clean = (column.codes for column in rows.ids.values())
            read = {self.roles[role] for role in self.read_roles if role in self.roles}
            others = (raw.column(name).identity() for name in raw.names if name not in read)
            columns = chain([times.micros], clean, [rows.event], others)
            marks = [*changed.values(), rows.unknown, times.ambiguous, times.nonexistent]
            found = repeated_rows(columns, verdict == 0, changes=lambda at: bits_of(marks, at))
            treat(found, "duplicate", rules.duplicates)
        if rules.bots != "keep":
            found = _bots(customer.codes, times.micros, verdict == 0, rules.bot_daily_events)
            treat(found, "bot", rules.bots)
        if rules.repeat_micros > 0:
            treat(_repeats(rows, verdict == 0, rules.repeat_micros), "repeat", "remove")
        flagged["unknown_event"] = rows.unknown
        flagged["ambiguous_time"] = times.ambiguous
        flagged["nonexistent_time"] = times.nonexistent
        return verdict, flagged


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Events as arrays of equal length."""

    ids: dict[str, IdColumn]
    times: CleanTimes
    event: NDArray[np.int64]
    names: NDArray[Any]
    renamed: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


_Named = tuple["NDArray[np.int64]", "NDArray[Any]", "NDArray[np.bool_]", "NDArray[np.bool_]"]


def _plan_events(facts: ColumnFacts, column: str) -> None:
    if facts.kind not in ("text", "integer"):
        message = (
            f"{_OWNER}: event='{column}' must hold texts or whole numbers; "
            f"it holds {_HOLDS.get(facts.kind, 'values of another type')}. Is it the right column?"
        )
        raise ColumnTypeError(message, column=column)


def _event_names(raw: RawColumn, names: Mapping[str, str] | None) -> _Named:
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
    sleepless = (counts["nunique"] >= _BOT_HOURS) & (counts["size"] >= LEAST_BOT_EVENTS)
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
