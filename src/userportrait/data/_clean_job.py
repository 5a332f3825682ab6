"""A cleaning as steps: the same ones for a whole table in memory and for each of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from userportrait.data._clean_common import (
    check_any_left,
    check_labels,
    raise_if_empty,
    rename_extras,
)
from userportrait.data._clean_facts import kind_facts
from userportrait.data._clean_plan import learn_columns
from userportrait.data._clean_report import make_report, record_rows, tally_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames import Kind
    from userportrait.data._clean_columns import RawKind
    from userportrait.data._clean_facts import ColumnFacts
    from userportrait.data._clean_known import Known, LineFacts
    from userportrait.data._clean_plan import ReadPlan
    from userportrait.data._clean_report import CleaningReport
    from userportrait.data._clean_table import NewColumn, RawTable
    from userportrait.data._clean_times import TimeOptions

__all__ = ["Job", "Judged", "clean_whole", "extras_of"]


@dataclass(slots=True, eq=False)
class Judged:
    """What was decided over some rows.

    Parameters
    ----------
    verdict : ndarray of int64
        0 for a kept row, else 1 + the position of its reason in the job's `reasons`.
    changed, flagged : dict of str to ndarray of bool
    new : dict of str to NewColumn
        Clean columns of the kept rows.
    facts : dict
        What the notes need, as JSON.
    """

    verdict: NDArray[np.int64]
    changed: Mapping[str, NDArray[np.bool_]]
    flagged: Mapping[str, NDArray[np.bool_]]
    new: dict[str, NewColumn]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def kept(self) -> NDArray[np.intp]:
        """Positions of the kept rows."""
        return np.flatnonzero(self.verdict == 0)


class Job(Protocol):
    """One cleaning: what the caller asked for, and the steps; picklable."""

    @property
    def owner(self) -> str:
        """The caller's name, for messages."""
        ...

    @property
    def table(self) -> str:
        """What is cleaned, for the report."""
        ...

    @property
    def roles(self) -> Mapping[str, str]:
        """Role to column."""
        ...

    @property
    def read_roles(self) -> tuple[str, ...]:
        """Roles whose columns are replaced by clean ones."""
        ...

    @property
    def label_roles(self) -> tuple[str, ...]:
        """Roles whose columns are kept as they are."""
        ...

    @property
    def reserved(self) -> frozenset[str]:
        """Names that the result needs, apart from its clean columns."""
        ...

    @property
    def times(self) -> TimeOptions:
        """How times are to be read."""
        ...

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons to remove a row, in the order in which they are tried."""
        ...

    @property
    def descriptions(self) -> Mapping[str, str]:
        """What reasons mean."""
        ...

    def plan(self, facts: Mapping[str, ColumnFacts], raw: RawTable | None = None) -> ReadPlan:
        """Decide how columns are read."""
        ...

    def needs_facts(self, plan: ReadPlan) -> bool:
        """Return whether all rows must be looked at before any can be judged."""
        ...

    def learn(
        self, raw: RawTable, plan: ReadPlan, services: frozenset[str] | None = None
    ) -> LineFacts:
        """Return what some rows say about all."""
        ...

    def known(self, facts: LineFacts, services: frozenset[str] | None = None) -> Known:
        """Return what facts of all rows say."""
        ...

    def judge(self, raw: RawTable, plan: ReadPlan, known: Known | None = None) -> Judged:
        """Decide over rows: all of them, or with `known` all those of some customers."""
        ...

    def kinds(self, plan: ReadPlan) -> dict[str, Kind]:
        """Return the clean columns of a part and what they hold."""
        ...

    def notes(self, facts: Mapping[str, Any]) -> list[str]:
        """Say what was decided over all rows together."""
        ...


def clean_whole(raw: RawTable, job: Job) -> tuple[Any, CleaningReport]:
    """Clean a table in memory.

    Returns
    -------
    frame : frame
        In the library of the input.
    report : CleaningReport

    Raises
    ------
    ColumnTypeError
        If a column cannot play its role.
    InvalidDataError
        If there are no rows, none is left, or times can be read in two ways.
    """
    raise_if_empty(len(raw), owner=job.owner)
    labels = {role: job.roles[role] for role in job.label_roles if role in job.roles}
    check_labels({r: kind_facts(raw.column(c)) for r, c in labels.items()}, labels, owner=job.owner)
    read = {role: job.roles[role] for role in job.read_roles if role in job.roles}
    plan = job.plan(learn_columns(raw, read, job.times), raw)
    judged = job.judge(raw, plan)
    kinds: dict[str, RawKind] = {
        name: raw.column(name).kind for name in raw.names if name in job.label_roles
    }
    named, notes = extras_of(job, raw.names, kinds, list(judged.new))
    report = make_report(
        job.table,
        tally_rows(judged.verdict, job.reasons, judged.changed, judged.flagged),
        descriptions=job.descriptions,
        notes=[*plan.time.notes, *job.notes(judged.facts), *notes],
        rows=record_rows(raw, judged.verdict, job.reasons, judged.flagged),
    )
    check_any_left(report, job.roles, owner=job.owner)
    return raw.build(judged.new, named, judged.kept), report


def extras_of(
    job: Job, names: Sequence[str], kinds: Mapping[str, RawKind], made: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the columns that are kept as they are, under their names in the result, and notes.

    Parameters
    ----------
    job : Job
    names : sequence of str
        The columns of the input, in order.
    kinds : mapping of str to str
        What columns with the name of a label hold.
    made : sequence of str
        The clean columns of the result.
    """
    labels = {job.roles[role]: role for role in job.label_roles if role in job.roles}
    replaced = {job.roles[role] for role in job.read_roles if role in job.roles}
    extras = [name for name in names if name not in replaced and name not in labels]
    taken = {*made, *labels.values(), *job.reserved}
    free = [role for role in job.label_roles if role not in job.roles]
    named, notes = rename_extras(extras, kinds, taken, free)
    return {**labels, **named}, notes
