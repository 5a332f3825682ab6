"""The account of a cleaning: where every row went, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.display import format_count, page_fragment, table
from userportrait.data._clean_table import Coded, NewColumn, RawTable, Whole
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Action", "CleaningReport", "Reason", "RowRecord", "make_report"]

Action: TypeAlias = Literal["removed", "changed", "flagged"]

_ACTIONS: tuple[Action, ...] = ("removed", "changed", "flagged")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, what was done for it, and to how many rows.

    Parameters
    ----------
    reason : str
    n_rows : int
    action : {'removed', 'changed', 'flagged'}
    description : str
        The reason in words.

    Examples
    --------
    >>> Reason("duplicate", 3, "removed", "equals another row in every column").n_rows
    3
    """

    reason: str
    n_rows: int
    action: Action
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class RowRecord:
    """Rows that can be read back: as they came, where they were, and why they are here.

    Parameters
    ----------
    rows : RawTable
        The rows as they came.
    positions : ndarray of int64
        Their positions in the input, counted from 0.
    reasons : tuple of str
    marks : ndarray of int64
        A bit for each reason.
    """

    rows: RawTable
    positions: NDArray[np.int64]
    reasons: tuple[str, ...]
    marks: NDArray[np.int64]

    def select(self, reason: str | None) -> Any:
        """Return the rows of one reason, or all, in the caller's library."""
        chosen = np.arange(len(self.positions), dtype=np.int64)
        if reason is not None:
            bit = 1 << self.reasons.index(reason)
            chosen = np.flatnonzero((self.marks & bit) != 0)
        distinct, codes = np.unique(self.marks[chosen], return_inverse=True)
        labels = np.empty(len(distinct), dtype=object)
        labels[:] = [self._names(int(mark)) for mark in distinct]
        row, why = self._free_names()
        new: dict[str, NewColumn] = {
            row: Whole(self.positions[chosen]),
            why: Coded(codes.astype(np.int64), labels),
        }
        return self.rows.take(chosen).with_columns(new)

    def _names(self, mark: int) -> str:
        return ", ".join(name for bit, name in enumerate(self.reasons) if mark >> bit & 1)

    def _free_names(self) -> tuple[str, str]:
        found: list[str] = []
        for name in ("row", "reason"):
            while name in self.rows.names:
                name += "_"
            found.append(name)
        return found[0], found[1]


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What a cleaning did with every row.

    Made by `clean_orders` and `clean_events`. Each row that came in was kept, or removed for
    one reason: the first that applies, in the order of the report. A kept row may have been
    changed and flagged for several reasons.

    Parameters
    ----------
    table : str
        What was cleaned: ``'orders'`` or ``'events'``.
    n_rows_in, n_rows_out : int
        Rows that came in and rows that were kept.
    reasons : tuple of Reason
        Each with `reason`, `n_rows`, `action` (``removed``, ``changed`` or ``flagged``) and
        `description`.
    notes : tuple of str
        Decisions about whole columns, such as how dates were read.

    Raises
    ------
    InvalidDataError
        If rows in are not rows out plus rows removed.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.data import clean_orders
    >>> raw = pd.DataFrame(
    ...     {
    ...         "who": ["ann", None, "bo"],
    ...         "order": ["1", "2", "3"],
    ...         "when": ["2026-01-05", "2026-01-05", "2026-01-07"],
    ...         "total": [10.0, 3.0, 5.5],
    ...     }
    ... )
    >>> orders, report = clean_orders(
    ...     raw, customer_id="who", order_id="order", ordered_at="when", amount="total"
    ... )
    >>> print(report)
    Cleaning of orders
    rows in                             3
    removed                             1
      missing_customer_id               1  no customer
    rows kept                           2
    changed
      time_parsed                       2  a text or number became a time
    >>> report.removed_rows("missing_customer_id")[["order", "row", "reason"]]
      order  row               reason
    0     2    1  missing_customer_id
    """

    table: str
    n_rows_in: int
    n_rows_out: int
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...] = ()
    _removed: RowRecord | None = field(default=None, repr=False, compare=False)
    _flagged: RowRecord | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.n_rows_in != self.n_rows_out + self.n_removed:
            message = (
                f"the cleaning report does not add up: {self.n_rows_in:,} rows in, "
                f"{self.n_rows_out:,} out, {self.n_removed:,} removed."
            )
            raise InvalidDataError(message)

    @property
    def n_removed(self) -> int:
        """Rows that were removed."""
        return sum(self.removed.values())

    @property
    def removed(self) -> dict[str, int]:
        """Removed rows by reason, in the order in which the reasons are tried."""
        return self._counts("removed")

    @property
    def changed(self) -> dict[str, int]:
        """Kept rows that were changed, by reason; a row may have several."""
        return self._counts("changed")

    @property
    def flagged(self) -> dict[str, int]:
        """Kept rows that deserve a look, by reason; a row may have several."""
        return self._counts("flagged")

    def _counts(self, action: Action) -> dict[str, int]:
        return {found.reason: found.n_rows for found in self.reasons if found.action == action}

    def removed_rows(self, reason: str | None = None) -> Any:
        """Return removed rows as they came.

        Parameters
        ----------
        reason : str, optional
            One of `removed`; by default all of them.

        Returns
        -------
        frame
            In the library of the input: all its columns, then `row` (position in the input,
            from 0) and `reason`. Where the input has columns of these names, a ``_`` is added.

        Raises
        ------
        InvalidParameterError
            If no row was removed for this reason.
        """
        return self._rows(self._removed, "removed", reason)

    def flagged_rows(self, reason: str | None = None) -> Any:
        """Return flagged rows as they came; `reason` then lists all their flags.

        Parameters
        ----------
        reason : str, optional
            One of `flagged`; by default all of them.

        Returns
        -------
        frame
            As for `removed_rows`.

        Raises
        ------
        InvalidParameterError
            If no row was flagged for this reason.
        """
        return self._rows(self._flagged, "flagged", reason)

    def _rows(self, record: RowRecord | None, action: Action, reason: str | None) -> Any:
        known = self._counts(action)
        if reason is not None and reason not in known:
            method = f"CleaningReport.{action}_rows"
            raise InvalidParameterError(method, [unknown_name("reason", reason, known)])
        if record is None:
            message = "this report was made without rows, so none can be read back."
            raise InvalidDataError(message)
        return record.select(reason)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per reason: `reason`, `n_rows`, `action`, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(
            {
                "reason": [found.reason for found in self.reasons],
                "n_rows": np.array([found.n_rows for found in self.reasons], dtype=np.int64),
                "action": [str(found.action) for found in self.reasons],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the account, without the rows, as a dict that JSON can write."""
        return {
            "table": self.table,
            "n_rows_in": self.n_rows_in,
            "n_rows_out": self.n_rows_out,
            "n_removed": self.n_removed,
            "removed": self.removed,
            "changed": self.changed,
            "flagged": self.flagged,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [
            f"Cleaning of {self.table}",
            _line("rows in", self.n_rows_in),
            _line("removed", self.n_removed),
            *self._reason_lines("removed"),
            _line("rows kept", self.n_rows_out),
        ]
        for action in ("changed", "flagged"):
            found = self._reason_lines(action)
            lines += [action, *found] if found else []
        if self.notes:
            lines += ["notes", *(f"  {note}" for note in self.notes)]
        return "\n".join(lines)

    def _reason_lines(self, action: Action) -> list[str]:
        return [
            f"{_line('  ' + found.reason, found.n_rows)}  {found.description}"
            for found in self.reasons
            if found.action == action
        ]

    def _repr_html_(self) -> str:
        counts = [
            ("rows in", f"{self.n_rows_in:,}"),
            ("removed", f"{self.n_removed:,}"),
            ("rows kept", f"{self.n_rows_out:,}"),
        ]
        parts = [table(("", "rows"), counts, numeric=("rows",))]
        for action in _ACTIONS:
            rows = [
                (found.reason, f"{found.n_rows:,}", found.description)
                for found in self.reasons
                if found.action == action
            ]
            if rows:
                parts.append(table((action, "rows", "meaning"), rows, numeric=("rows",)))
        if self.notes:
            parts.append(table(("notes",), [(note,) for note in self.notes]))
        kept = format_count(self.n_rows_out, "row")
        return page_fragment(f"Cleaning of {self.table}: {kept} kept", *parts)


def _line(name: str, n_rows: int) -> str:
    return f"{name:<26}{n_rows:>11,}" if len(name) <= 26 else f"{name} {n_rows:,}"


def make_report(
    name: str,
    raw: RawTable,
    verdict: NDArray[np.int64],
    removed: Sequence[str],
    changed: Mapping[str, NDArray[np.bool_]],
    flagged: Mapping[str, NDArray[np.bool_]],
    *,
    descriptions: Mapping[str, str],
    notes: Sequence[str] = (),
) -> CleaningReport:
    """Count every row and keep those that can be read back.

    Parameters
    ----------
    name : str
        What was cleaned.
    raw : RawTable
    verdict : ndarray of int64
        0 for a kept row, else 1 + the position of its reason in `removed`.
    removed : sequence of str
        Reasons in order of precedence.
    changed, flagged : mapping of str to ndarray of bool
        Rows by reason; only kept rows are counted.
    descriptions : mapping of str to str
    notes : sequence of str, default=()
    """
    kept = verdict == 0
    counts = np.bincount(verdict, minlength=len(removed) + 1)
    reasons = [
        Reason(reason, int(counts[place + 1]), "removed", descriptions[reason])
        for place, reason in enumerate(removed)
        if counts[place + 1]
    ]
    parts: tuple[tuple[Action, Mapping[str, NDArray[np.bool_]]], ...] = (
        ("changed", changed),
        ("flagged", flagged),
    )
    for action, marks in parts:
        for reason, rows in marks.items():
            n_rows = int((rows & kept).sum())
            if n_rows:
                reasons.append(Reason(reason, n_rows, action, descriptions[reason]))
    gone = np.flatnonzero(~kept)
    bits = np.int64(1) << (verdict[gone] - 1)
    flags = np.zeros(len(verdict), dtype=np.int64)
    for place, rows in enumerate(flagged.values()):
        flags[rows & kept] |= np.int64(1) << place
    looked_at = np.flatnonzero(flags)
    return CleaningReport(
        table=name,
        n_rows_in=len(verdict),
        n_rows_out=int(kept.sum()),
        reasons=tuple(reasons),
        notes=tuple(notes),
        _removed=RowRecord(raw.take(gone), gone, tuple(removed), bits),
        _flagged=RowRecord(raw.take(looked_at), looked_at, tuple(flagged), flags[looked_at]),
    )
