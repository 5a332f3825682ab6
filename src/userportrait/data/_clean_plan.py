"""How the columns of a raw table are read: learnt from all rows, then the same for each part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from userportrait.data._clean_facts import ColumnFacts, kind_facts
from userportrait.data._clean_ids import IdForm, learn_ids, plan_ids
from userportrait.data._clean_numbers import plan_numbers
from userportrait.data._clean_times import TimeOptions, TimePlan, learn_times, plan_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from userportrait.data._clean_columns import RawColumn
    from userportrait.data._clean_table import RawTable

__all__ = ["ID_ROLES", "NUMBER_ROLES", "TIME_ROLES", "ReadPlan", "learn_columns", "plan_columns"]

ID_ROLES = ("customer_id", "order_id", "item_id", "session_id")
TIME_ROLES = ("ordered_at", "occurred_at")
NUMBER_ROLES = ("quantity", "price", "amount")


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How the columns of a raw table are read.

    Parameters
    ----------
    ids : dict of str to str
        Role to how its IDs are read.
    time : TimePlan
    """

    ids: dict[str, IdForm] = field(default_factory=dict[str, IdForm])
    time: TimePlan = field(default_factory=TimePlan)


def learn_columns(
    raw: RawTable, roles: Mapping[str, str], options: TimeOptions
) -> dict[str, ColumnFacts]:
    """Return by role what some rows say about the columns.

    Parameters
    ----------
    raw : RawTable
        Some rows.
    roles : mapping of str to str
        Role to column.
    options : TimeOptions
    """

    def learn(role: str, column: RawColumn) -> ColumnFacts:
        if role in ID_ROLES:
            return learn_ids(column)
        return learn_times(column, options) if role in TIME_ROLES else kind_facts(column)

    return {role: learn(role, raw.column(column)) for role, column in roles.items()}


def plan_columns(
    facts: Mapping[str, ColumnFacts],
    roles: Mapping[str, str],
    options: TimeOptions,
    *,
    owner: str,
    raw: RawTable | None = None,
) -> ReadPlan:
    """Decide how the columns are read, from facts of all rows.

    Parameters
    ----------
    facts : mapping of str to ColumnFacts
        By role.
    roles : mapping of str to str
        Role to column, in the order in which they are checked.
    options : TimeOptions
    owner : str
        The caller's name, for messages.
    raw : RawTable, optional
        All rows, where they are at hand, to name those at fault.

    Raises
    ------
    ColumnTypeError
        If a column cannot play its role.
    InvalidDataError
        If times can be read in two ways.
    InvalidParameterError
        If `time_format` is not a format.
    """
    ids: dict[str, IdForm] = {}
    time = TimePlan()
    for role, column in roles.items():
        found = facts[role]
        rows = None if raw is None else raw.column(column)
        if role in ID_ROLES:
            ids[role] = plan_ids(found, column, role, owner=owner, raw=rows)
        elif role in TIME_ROLES:
            time = plan_times(found, column, role, options, owner=owner, raw=rows)
        elif role in NUMBER_ROLES:
            plan_numbers(found, column, role, owner=owner)
    return ReadPlan(ids, time)
