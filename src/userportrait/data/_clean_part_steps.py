"""What runs on each part of a table that is cleaned in parts; Spark sends it to its workers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.data._clean_facts import facts_to_json
from userportrait.data._clean_part_table import PartTable
from userportrait.data._clean_plan import learn_columns
from userportrait.data._clean_report import flag_bits, names_of_bits, tally_rows
from userportrait.data._clean_table import Coded, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait.data._clean_job import Job, Judged
    from userportrait.data._clean_known import Known
    from userportrait.data._clean_plan import ReadPlan
    from userportrait.data._clean_times import TimeOptions

__all__ = [
    "KEY",
    "ROWS",
    "SHARED",
    "CleanPart",
    "FlaggedRows",
    "LearnBatch",
    "LearnPart",
    "RemovedRows",
    "Step",
]

ROWS = "rows"
"""Name of the table in its parts."""
KEY = "__userportrait_customer"
"""The column by which rows are cut."""
SHARED = "shared_order_id"
"""The flag that no part can see by itself."""


@dataclass(frozen=True, slots=True)
class LearnBatch:
    """Returns as bytes what some rows say about columns.

    Parameters
    ----------
    roles : mapping of str to str
        Role to column.
    times : TimeOptions
    zoned : frozenset of str
        Columns of instants.
    """

    roles: Mapping[str, str]
    times: TimeOptions
    zoned: frozenset[str]

    def __call__(self, batch: Any) -> bytes:
        raw = PartTable(batch, zoned=self.zoned)
        return facts_to_json(learn_columns(raw, self.roles, self.times))


@dataclass(frozen=True, slots=True)
class Step:
    """Everything that a part needs to be cleaned.

    Parameters
    ----------
    job : Job
    plan : ReadPlan
    known : Known
    zoned : frozenset of str
        Columns of instants.
    """

    job: Job
    plan: ReadPlan
    known: Known
    zoned: frozenset[str]

    def read(self, part: Mapping[str, Any]) -> PartTable:
        """Return the rows of a part."""
        return PartTable(part[ROWS], zoned=self.zoned, without=KEY)

    def judge(self, raw: PartTable) -> Judged:
        """Decide over the rows of a part."""
        return self.job.judge(raw, self.plan, self.known)


@dataclass(frozen=True, slots=True)
class LearnPart:
    """Returns as bytes what the rows of a part say about all.

    Parameters
    ----------
    step : Step
        What is known so far.
    services : frozenset of str, optional
        Item codes that are not items, where a first look has told.
    """

    step: Step
    services: frozenset[str] | None = None

    def __call__(self, part: Mapping[str, Any]) -> bytes:
        raw = self.step.read(part)
        return self.step.job.learn(raw, self.step.plan, self.services).to_bytes()


@dataclass(frozen=True, slots=True)
class CleanPart:
    """Returns the clean rows of a part, and in one row more what was done, as JSON.

    Parameters
    ----------
    step : Step
    extras : mapping of str to str
        Columns that are kept as they are, and their names in the result.
    account : str
        The column of the JSON.
    """

    step: Step
    extras: Mapping[str, str]
    account: str

    def __call__(self, part: Mapping[str, Any]) -> Any:
        raw = self.step.read(part)
        judged = self.step.judge(raw)
        tally = tally_rows(judged.verdict, self.step.job.reasons, judged.changed, judged.flagged)
        account = {"tally": asdict(tally), "facts": judged.facts, "shape": _shape(judged.new)}
        last = {self.account: json.dumps(account)}
        return raw.result(judged.new, self.extras, judged.kept, last=last)


def _shape(new: Mapping[str, Any]) -> dict[str, bool]:
    """Say what only all rows together decide: whole quantities, no matched return."""
    units, returned = new.get("quantity"), new.get("returned_order_id")
    fractions = isinstance(units, Whole) and bool((units.values != np.floor(units.values)).any())
    matched = isinstance(returned, Coded) and bool((returned.codes >= 0).any())
    return {"fractions": fractions, "matched": matched}


@dataclass(frozen=True, slots=True)
class RemovedRows:
    """Returns the removed rows of a part as they came, and why.

    Parameters
    ----------
    step : Step
    reason : str, optional
        By default all.
    why : str
        The column of the reasons.
    """

    step: Step
    reason: str | None
    why: str

    def __call__(self, part: Mapping[str, Any]) -> Any:
        raw = self.step.read(part)
        verdict = self.step.judge(raw).verdict
        reasons = self.step.job.reasons
        chosen = verdict > 0
        if self.reason is not None:
            chosen = verdict == 1 + reasons.index(self.reason)
        return _picked(raw, np.flatnonzero(chosen), verdict - 1, list(reasons), self.why)


@dataclass(frozen=True, slots=True)
class FlaggedRows:
    """Returns the flagged rows of a part as they came, and all their flags.

    Parameters
    ----------
    step : Step
    reason : str, optional
        By default all.
    why : str
        The column of the flags.
    shared : frozenset of int or str, optional
        Orders of several customers; None if orders are not looked at.
    """

    step: Step
    reason: str | None
    why: str
    shared: frozenset[int | str] | None

    def __call__(self, part: Mapping[str, Any]) -> Any:
        raw = self.step.read(part)
        judged = self.step.judge(raw)
        flagged = dict(judged.flagged)
        if self.shared is not None:
            flagged[SHARED] = _in_shared(judged, self.shared)
        bits = flag_bits(judged.verdict, flagged)
        chosen = bits != 0
        if self.reason is not None:
            chosen = flagged[self.reason] & (judged.verdict == 0)
        distinct, codes = np.unique(bits, return_inverse=True)
        names = [names_of_bits(int(mark), tuple(flagged)) for mark in distinct]
        return _picked(raw, np.flatnonzero(chosen), codes, names, self.why)


def _in_shared(judged: Judged, shared: frozenset[int | str]) -> NDArray[np.bool_]:
    found = np.zeros(len(judged.verdict), dtype=bool)
    orders = judged.new["order_id"]
    if isinstance(orders, Coded):
        marked = np.array([label in shared for label in orders.labels.tolist()], dtype=bool)
        found[judged.kept] = marked[orders.codes]
    return found


def _picked(
    raw: PartTable, rows: NDArray[np.intp], codes: NDArray[Any], names: list[str], why: str
) -> Any:
    labels = np.array(names, dtype=object)
    new = {why: Coded(codes[rows].astype(np.int64), labels)}
    return raw.result(new, {name: name for name in raw.names}, rows)
