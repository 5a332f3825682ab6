"""What the cleaning of every table has in common: columns checked, extras kept, errors worded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.params import InstanceOf, check_values
from userportrait._core.units import as_moment, to_micros
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawKind
    from userportrait.data._clean_facts import ColumnFacts
    from userportrait.data._clean_report import CleaningReport
    from userportrait.data._clean_table import RawTable

__all__ = [
    "check_any_left",
    "check_columns",
    "check_labels",
    "chosen_roles",
    "latest_moment",
    "other_ranks",
    "raise_if_empty",
    "rename_extras",
]


NO_LABELS = frozenset({"other", "time", "decimal"})
"""Kinds of columns that cannot be a label, such as a channel."""


def chosen_roles(**roles: str | None) -> dict[str, str]:
    """Return the roles that were given a column."""
    return {role: column for role, column in roles.items() if column is not None}


def check_columns(roles: Mapping[str, str], names: Sequence[str], *, owner: str) -> None:
    """Raise unless every role has a column of its own.

    Raises
    ------
    InvalidParameterError
        If a column's name is not a text, or stands for two roles.
    MissingColumnError
        If there is no such column.
    """
    check_values(owner, roles, dict.fromkeys(roles, InstanceOf((str,), "a column's name")))
    by_column: dict[str, str] = {}
    problems: list[str] = []
    for role, column in roles.items():
        if column in by_column:
            problems.append(f"'{column}' is given for both {by_column[column]} and {role}.")
        by_column.setdefault(column, role)
    if problems:
        raise InvalidParameterError(owner, problems)
    for role, column in roles.items():
        if column not in names:
            raise MissingColumnError(column, names, f"{owner}, {role}=")


def check_labels(facts: Mapping[str, ColumnFacts], roles: Mapping[str, str], *, owner: str) -> None:
    """Raise `ColumnTypeError` for a label whose column cannot be one."""
    for role, column in roles.items():
        kind = facts[role].kind
        if kind in NO_LABELS:
            held = {"time": "times", "decimal": "decimal numbers"}.get(kind, "another type")
            message = (
                f"{owner}: {role}='{column}' must hold texts, whole numbers or categories; "
                f"it holds {held}. Is it the right column?"
            )
            raise ColumnTypeError(message, column=column)


def latest_moment(now: object, *, owner: str) -> int:
    """Return the latest time that is not in the future, in epoch microseconds."""
    if now is not None:
        return to_micros(as_moment(now, owner=owner, name="now"))
    return to_micros(datetime.now(tz=UTC).replace(tzinfo=None) + timedelta(days=1))


def raise_if_empty(n_rows: int, *, owner: str) -> None:
    """Raise `InvalidDataError` for a frame without rows."""
    if not n_rows:
        message = f"{owner}: the frame has no rows. At least one is needed."
        raise InvalidDataError(message)


def other_ranks(raw: RawTable, names: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank rows by the values of some columns; equal rows come in any order."""
    keys = [raw.column(name).take(rows).ranks() for name in names]
    ranks = np.zeros(len(rows), dtype=np.int64)
    if keys:
        ranks[np.lexsort(keys[::-1])] = np.arange(len(rows))
    return ranks


def rename_extras(
    extras: Sequence[str], kinds: Mapping[str, RawKind], taken: set[str], free_labels: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Give each further column a name that no role needs.

    Parameters
    ----------
    extras : sequence of str
        Columns without a role.
    kinds : mapping of str to str
        What those hold whose name is that of a free label.
    taken : set of str
        Names that the result needs.
    free_labels : sequence of str
        Labels that no column was given for: an extra of that name keeps it if it can play it.

    Returns
    -------
    named : dict of str to str
    notes : list of str
    """
    named: dict[str, str] = {}
    notes: list[str] = []
    used = taken | set(extras)
    for name in extras:
        clash = name in taken
        if name in free_labels:
            clash = kinds[name] in NO_LABELS
        new = f"{name}_original" if clash else name
        while new != name and new in used:
            new += "_"
        used.add(new)
        named[name] = new
        if clash:
            notes.append(f"'{name}' has no role; it is now '{new}'.")
    return named, notes


def check_any_left(report: CleaningReport, roles: Mapping[str, str], *, owner: str) -> None:
    """Raise `InvalidDataError` if no row is left; say why, and what to try."""
    if not report.n_rows_out:
        raise InvalidDataError(_nothing_left(report, roles, owner))


def _nothing_left(report: CleaningReport, roles: Mapping[str, str], owner: str) -> str:
    removed = [found for found in report.reasons if found.action == "removed"]
    removed.sort(key=lambda found: (-found.n_rows, found.reason))
    listed = "; ".join(f"{r.n_rows:,} {r.reason} ({r.description})" for r in removed)
    first = removed[0].reason
    hint = next((f" {text}" for part, text in _HINTS.items() if first.endswith(part)), "")
    given = ", ".join(f"{role}='{column}'" for role, column in roles.items())
    return f"{owner}: none of {report.n_rows_in:,} rows is left: {listed}.{hint} Roles: {given}."


_HINTS = {
    "customer_id": "Is customer_id= the right column?",
    "unparsable_time": "Give time_format= or day_first=.",
    "future_time": "Check now= and time_zone=.",
    "invalid_quantity": "If texts use a decimal comma, give decimal=',' (in a shell, --decimal ,).",
    "invalid_price": "If texts use a decimal comma, give decimal=',' (in a shell, --decimal ,).",
    "invalid_amount": "If texts use a decimal comma, give decimal=',' (in a shell, --decimal ,).",
    "non_product": "Give detect_non_products=False if these codes are items.",
    "return_unmatched": "Give unmatched_returns='keep' to keep returns without a purchase.",
    "zero_price": "Give zero_price='keep' if free items count.",
}
