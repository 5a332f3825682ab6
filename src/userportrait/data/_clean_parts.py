"""Clean a table in parts: on Spark, and on DuckDB what does not fit in memory.

Three looks at the rows, each of which returns something small: at single columns, to decide
how they are read; at the customers of each part, to learn what all lines together say; and the
cleaning itself, part by part, with everything known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import reduce
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from userportrait._core import frames
from userportrait.data._clean_common import check_any_left, check_labels, raise_if_empty
from userportrait.data._clean_facts import ColumnFacts, facts_from_json
from userportrait.data._clean_job import clean_whole, extras_of
from userportrait.data._clean_known import Known, LineFacts, join_facts
from userportrait.data._clean_part_steps import (
    KEY,
    ROWS,
    SHARED,
    CleanPart,
    FlaggedRows,
    LearnBatch,
    LearnPart,
    RemovedRows,
    Step,
)
from userportrait.data._clean_plan import ID_ROLES, NUMBER_ROLES, TIME_ROLES
from userportrait.data._clean_report import Tally, make_report
from userportrait.data._clean_sql import (
    first_rows,
    forget,
    persisted,
    projected,
    rows_without,
    shared_keys,
    storable,
    texts_of,
    totals,
    with_cutting_key,
    zoned_columns,
)
from userportrait.data._clean_table import collect_table
from userportrait.errors import InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from userportrait._core.frames import Frame, Kind, Parts
    from userportrait.data._clean_columns import RawKind
    from userportrait.data._clean_job import Job
    from userportrait.data._clean_report import CleaningReport
    from userportrait.data._clean_times import TimeOptions

__all__ = ["PARTS_ABOVE", "ROWS_PER_PART", "clean_frame"]

PARTS_ABOVE = 3_000_000
"""Rows of a DuckDB relation up to which it is collected and cleaned as a whole."""
ROWS_PER_PART = 1_000_000
"""About so many rows are in memory at a time."""

_ACCOUNT = "__userportrait_account"
_PROBED = 10_000


def clean_frame(
    frame: Frame, job: Job, *, directory: str | PathLike[str] | None = None
) -> tuple[Any, CleaningReport]:
    """Clean a frame where it is: in memory as a whole, elsewhere in parts.

    Parameters
    ----------
    frame : Frame
    job : Job
    directory : path, optional
        Where DuckDB's temporary files go.

    Returns
    -------
    frame : frame
        In the library of the input.
    report : CleaningReport

    Raises
    ------
    ColumnTypeError, InvalidDataError
        As `clean_whole`; in parts without the positions of rows.
    InvalidParameterError
        If `directory` is not a folder.
    """
    if directory is not None and not Path(directory).is_dir():
        raise InvalidParameterError(job.owner, [f"directory='{directory}' is not a folder."])
    if frame.worker in ("duckdb", "spark"):
        n_rows = frames.count_rows(frame)
        raise_if_empty(n_rows, owner=job.owner)
        if frame.worker == "spark" or n_rows > PARTS_ABOVE:
            return _clean_in_parts(frame, job, n_rows, directory)
    return clean_whole(collect_table(frame), job)


def _clean_in_parts(
    frame: Frame, job: Job, n_rows: int, directory: str | PathLike[str] | None
) -> tuple[Any, CleaningReport]:
    source = storable(frame, set(job.roles.values()))
    zoned = zoned_columns(source)
    facts = _learn_columns(source, job, zoned)
    labels = {role: job.roles[role] for role in job.label_roles if role in job.roles}
    check_labels(facts, labels, owner=job.owner)
    plan = job.plan(facts)
    others = [column for role, column in job.roles.items() if role != "customer_id"]
    keyed = with_cutting_key(source, job.roles["customer_id"], others, KEY)
    parts = frames.cut_by_key(
        {ROWS: (keyed, KEY)},
        rows_per_part=ROWS_PER_PART,
        n_parts=max(1, ceil(n_rows / ROWS_PER_PART)) if source.worker == "duckdb" else None,
        n_rows=n_rows,
        directory=directory,
    )
    step = Step(job, plan, Known(), zoned)
    try:
        if job.needs_facts(plan):
            step = replace(step, known=_learn_rows(parts, step))
        return _apply(source, parts, step, {role: found.kind for role, found in facts.items()})
    except BaseException:
        parts.close()
        raise


# How columns are read


def _learn_columns(source: Frame, job: Job, zoned: frozenset[str]) -> dict[str, ColumnFacts]:
    """Return by role what all rows say; where the type alone tells, no row is looked at."""
    names = frames.column_names(source)
    free = {role: role for role in job.label_roles if role not in job.roles and role in names}
    roles = {**job.roles, **free}
    kinds = frames.column_kinds(source, set(roles.values()))
    facts = {role: ColumnFacts(_RAW_KINDS[kinds[column]], 1) for role, column in roles.items()}
    asked = {r: c for r, c in roles.items() if _must_look(r, kinds[c], job.times)}
    texts = {r: c for r, c in asked.items() if r in ID_ROLES and kinds[c] in _TEXTS}
    if texts:
        # Nearly always a few texts show that not all look like '17850.0'.
        probe = _collected(first_rows(source, _PROBED), texts, job.times, zoned)
        sure = {role: found for role, found in probe.items() if found.float_texts is False}
        facts |= sure
        asked = {role: column for role, column in asked.items() if role not in sure}
    if asked:
        facts |= _collected(source, asked, job.times, zoned)
    return facts


_TEXTS = ("text", "category")
_RAW_KINDS: dict[Kind, RawKind] = {
    "integer": "integer",
    "number": "number",
    "decimal": "decimal",
    "text": "text",
    "category": "text",
    "empty": "text",
    "boolean": "boolean",
    "time": "time",
    "date": "time",
    "other": "other",
}


def _must_look(role: str, kind: Kind, times: TimeOptions) -> bool:
    """Return whether the values of a column, not only its type, say how it is read.

    A column of a type that cannot play its role is looked at because it may hold nothing but
    nulls, and then it can.
    """
    if role in ID_ROLES:
        return kind != "integer"
    if role in TIME_ROLES:
        if kind in _TEXTS:
            return times.time_format is None
        if kind in ("integer", "number"):
            return times.time_format in (None, "%Y%m%d")
        return kind not in ("time", "date")
    if role in NUMBER_ROLES:
        return kind not in ("integer", "number", "decimal", *_TEXTS)
    return kind not in ("integer", "number", "boolean", *_TEXTS)


def _collected(
    source: Frame, roles: Mapping[str, str], times: TimeOptions, zoned: frozenset[str]
) -> dict[str, ColumnFacts]:
    chosen = frames.select_columns(source, list(dict.fromkeys(roles.values())))
    payloads = frames.collect_batches(chosen, LearnBatch(roles, times, zoned))
    batches = [facts_from_json(payload) for payload in payloads]
    return {role: reduce(ColumnFacts.join, (batch[role] for batch in batches)) for role in roles}


# What all rows together say


def _learn_rows(parts: Parts, step: Step) -> Known:
    known = step.job.known(_joined_facts(parts, LearnPart(step)))
    if known.limits is not None:
        return known
    # Too many items may be services: sizes are counted once those are known.
    return step.job.known(_joined_facts(parts, LearnPart(step, known.services)), known.services)


def _joined_facts(parts: Parts, look: LearnPart) -> LineFacts:
    return join_facts([LineFacts.from_bytes(payload) for payload in parts.collect(look)])


# The cleaning


def _apply(
    source: Frame, parts: Parts, step: Step, kinds: Mapping[str, RawKind]
) -> tuple[Any, CleaningReport]:
    job, names = step.job, frames.column_names(source)
    replaced = {job.roles[role] for role in job.read_roles if role in job.roles}
    extras = {name: f"__extra_{place}" for place, name in enumerate(names) if name not in replaced}
    clean = job.kinds(step.plan)
    schema: dict[str, Kind | frames.Like] = dict(clean)
    schema |= {made: frames.Like(name, ROWS) for name, made in extras.items()}
    result = persisted(parts.map(CleanPart(step, extras, _ACCOUNT), {**schema, _ACCOUNT: "text"}))
    try:
        accounts = [json.loads(text) for text in texts_of(result, _ACCOUNT)]
        tally = reduce(Tally.join, (Tally(**account["tally"]) for account in accounts))
        facts = _joined([account["facts"] for account in accounts])
        shape = _joined([account["shape"] for account in accounts])
        rows = rows_without(result, _ACCOUNT)
        shared = shared_keys(rows, "order_id", "customer_id") if "order_id" in job.roles else None
        if shared is not None:
            n_rows, facts["n_shared"] = totals(shared)
            tally = tally.join(Tally(0, {}, {}, {SHARED: n_rows}))
        made = [name for name in clean if name != "returned_order_id" or shape["matched"]]
        named, notes = extras_of(job, names, kinds, made)
        held = _Held(parts, step, tuple(names), result, shared if facts.get("n_shared") else None)
        report = make_report(
            job.table,
            tally,
            descriptions=job.descriptions,
            notes=[*step.plan.time.notes, *job.notes(facts), *notes],
            rows=(PartRows(held, "removed"), PartRows(held, "flagged")),
        )
        check_any_left(report, job.roles, owner=job.owner)
    except BaseException:
        forget(result)
        raise
    columns = {name: name for name in made} | {extras[old]: new for old, new in named.items()}
    whole = {} if "quantity" not in made or shape["fractions"] else {"quantity": "BIGINT"}
    return frames.leave(projected(rows, columns, whole)), report


def _joined(accounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Join what parts found: lists to one without repeats, the rest to what any has."""
    found: dict[str, Any] = {}
    for account in accounts:
        for name, value in account.items():
            if isinstance(value, list):  # of item codes
                codes: set[Any] = {*found.get(name, ()), *value}
                found[name] = sorted(codes)
            elif isinstance(value, dict):
                found[name] = {**found.get(name, {}), **value}
            else:
                found[name] = found.get(name, value) or value
    return found


# Rows that are read back


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Held:
    """What is kept, so that rows can be found again; files go with the report at the latest."""

    parts: Parts
    step: Step
    names: tuple[str, ...]
    result: Frame
    shared: Frame | None
    closed: bool = field(default=False)

    def __post_init__(self) -> None:
        finalize(self, self.parts.close)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.parts.close()
            forget(self.result)


@dataclass(frozen=True, slots=True, eq=False)
class PartRows:
    """Removed or flagged rows of a table that was cleaned in parts, found when asked for."""

    held: _Held | None
    action: str

    def __reduce__(self) -> tuple[Any, ...]:
        return (PartRows, (None, self.action))

    def select(self, reason: str | None) -> Any:
        """Return the rows of one reason, or all, in the caller's library."""
        if self.held is None or self.held.closed:
            message = (
                "the rows of this report can no longer be read: it was closed, or it comes from "
                "a pickle, and the table was cleaned in parts."
            )
            raise InvalidDataError(message)
        held, why = self.held, "reason"
        while why in held.names:
            why += "_"
        look: RemovedRows | FlaggedRows = RemovedRows(held.step, reason, why)
        if self.action == "flagged":
            shared = None
            if held.shared is not None:
                orders = frames.collect_arrays(held.shared, ["order_id"])["order_id"]
                shared = frozenset(orders.tolist())
            look = FlaggedRows(held.step, reason, why, shared)
        schema: dict[str, Kind | frames.Like] = {n: frames.Like(n, ROWS) for n in held.names}
        return frames.leave(held.parts.map(look, {**schema, why: "text"}))

    def close(self) -> None:
        """Free the temporary files and what Spark keeps of the clean rows."""
        if self.held is not None:
            self.held.close()
