"""The account of a cleaning: where every row went, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from userportrait._core.display import format_count, page_fragment, table
from userportrait.data._clean_table import Coded, NewColumn, RawTable, Whole
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "Action",
    "CleaningReport",
    "Reason",
    "RowRecord",
    "RowSource",
    "Tally",
    "flag_bits",
    "make_report",
    "names_of_bits",
    "record_rows",
    "tally_rows",
]

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


class RowSource(Protocol):
    """Rows that can be read back."""

    def select(self, reason: str | None) -> Any:
        """Return the rows of one reason, or all, in the caller's library."""
        ...

    def close(self) -> None:
        """Free what the rows occupy outside of memory."""
        ...


def names_of_bits(mark: int, reasons: Sequence[str]) -> str:
    """Return the reasons whose bits are set."""
    return ", ".join(name for bit, name in enumerate(reasons) if mark >> bit & 1)


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
        labels[:] = [names_of_bits(int(mark), self.reasons) for mark in distinct]
        row, why = self._free_names()
        new: dict[str, NewColumn] = {
            row: Whole(self.positions[chosen]),
            why: Coded(codes.astype(np.int64), labels),
        }
        return self.rows.take(chosen).with_columns(new)

    def close(self) -> None:
        """Do nothing: the rows are in memory."""

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
    _removed: RowSource | None = field(default=None, repr=False, compare=False)
    _flagged: RowSource | None = field(default=None, repr=False, compare=False)

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
            A table that was cleaned in parts, on Spark or out of core on DuckDB, has no order
            of rows: there is no `row`, and the rows are found again when they are asked for.

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

    def _rows(self, record: RowSource | None, action: Action, reason: str | None) -> Any:
        known = self._counts(action)
        if reason is not None and reason not in known:
            method = f"CleaningReport.{action}_rows"
            raise InvalidParameterError(method, [unknown_name("reason", reason, known)])
        if record is None:
            message = "this report was made without rows, so none can be read back."
            raise InvalidDataError(message)
        return record.select(reason)

    def close(self) -> None:
        """Free what a cleaning in parts occupies; rows can then not be read back any more.

        On DuckDB these are the temporary files of the raw rows, on Spark the clean rows that
        it keeps: they are computed again when the orders or events are used. Of a table that
        was cleaned in memory there is nothing to free.
        """
        for record in (self._removed, self._flagged):
            if record is not None:
                record.close()

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


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows were removed, changed and flagged, by reason, zeros included.

    Parameters
    ----------
    n_rows : int
        Rows that came in.
    removed : dict of str to int
        In the order in which reasons are tried.
    changed, flagged : dict of str to int
        Kept rows.
    """

    n_rows: int
    removed: dict[str, int]
    changed: dict[str, int]
    flagged: dict[str, int]

    def join(self, other: Tally) -> Tally:
        """Return the counts of both sets of rows."""
        pairs = (
            (self.removed, other.removed),
            (self.changed, other.changed),
            (self.flagged, other.flagged),
        )
        sums = ({name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}} for a, b in pairs)
        return Tally(self.n_rows + other.n_rows, *sums)


def tally_rows(
    verdict: NDArray[np.int64],
    removed: Sequence[str],
    changed: Mapping[str, NDArray[np.bool_]],
    flagged: Mapping[str, NDArray[np.bool_]],
) -> Tally:
    """Count every row.

    Parameters
    ----------
    verdict : ndarray of int64
        0 for a kept row, else 1 + the position of its reason in `removed`.
    removed : sequence of str
        Reasons in order of precedence.
    changed, flagged : mapping of str to ndarray of bool
        Rows by reason; only kept rows are counted.
    """
    kept = verdict == 0
    counts = np.bincount(verdict, minlength=len(removed) + 1)
    return Tally(
        len(verdict),
        {reason: int(counts[place + 1]) for place, reason in enumerate(removed)},
        {reason: int((rows & kept).sum()) for reason, rows in changed.items()},
        {reason: int((rows & kept).sum()) for reason, rows in flagged.items()},
    )


def flag_bits(
    verdict: NDArray[np.int64], flagged: Mapping[str, NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Return a number for each row that has a bit for each flag; 0 for removed rows."""
    flags = np.zeros(len(verdict), dtype=np.int64)
    for place, rows in enumerate(flagged.values()):
        flags[rows & (verdict == 0)] |= np.int64(1) << place
    return flags


def record_rows(
    raw: RawTable,
    verdict: NDArray[np.int64],
    removed: Sequence[str],
    flagged: Mapping[str, NDArray[np.bool_]],
) -> tuple[RowRecord, RowRecord]:
    """Keep the removed and the flagged rows, so that they can be read back."""
    gone = np.flatnonzero(verdict)
    bits = np.int64(1) << (verdict[gone] - 1)
    flags = flag_bits(verdict, flagged)
    looked_at = np.flatnonzero(flags)
    return (
        RowRecord(raw.take(gone), gone, tuple(removed), bits),
        RowRecord(raw.take(looked_at), looked_at, tuple(flagged), flags[looked_at]),
    )


def make_report(
    name: str,
    tally: Tally,
    *,
    descriptions: Mapping[str, str],
    notes: Sequence[str] = (),
    rows: tuple[RowSource, RowSource] | None = None,
) -> CleaningReport:
    """Write the account of a cleaning.

    Parameters
    ----------
    name : str
        What was cleaned.
    tally : Tally
    descriptions : mapping of str to str
    notes : sequence of str, default=()
    rows : tuple of two RowSource, optional
        The removed and the flagged rows.
    """
    parts: tuple[tuple[Action, Mapping[str, int]], ...] = (
        ("removed", tally.removed),
        ("changed", tally.changed),
        ("flagged", tally.flagged),
    )
    reasons = tuple(
        Reason(reason, n_rows, action, descriptions[reason])
        for action, counts in parts
        for reason, n_rows in counts.items()
        if n_rows
    )
    removed, flagged = rows if rows is not None else (None, None)
    return CleaningReport(
        table=name,
        n_rows_in=tally.n_rows,
        n_rows_out=tally.n_rows - sum(tally.removed.values()),
        reasons=reasons,
        notes=tuple(notes),
        _removed=removed,
        _flagged=flagged,
    )
