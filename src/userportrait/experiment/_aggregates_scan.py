"""One pass over rows in memory: labels to groups, missing values counted, panel by panel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait.errors import InvalidDataError
from userportrait.experiment._aggregates import Aggregates
from userportrait.experiment._aggregates_keys import NO_LABEL
from userportrait.experiment._aggregates_panel import panel_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._aggregates import Key, Missing
    from userportrait.experiment._moments import Column

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Labels", "Panel", "Problems", "Scan"]

_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels of rows: positions in a list of texts, -1 where there is none."""

    codes: NDArray[np.integer]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Some rows: their labels, and their numbers by the name of the source."""

    labels: Sequence[Labels]
    numbers: Mapping[str, Floats]


class Problems:
    """Values that cannot be used, counted, with the first rows of each kind."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[int]] = {}
        self._n: dict[tuple[str, str], int] = {}

    def note(self, column: str, problem: str, n: int, rows: Sequence[int] = ()) -> None:
        """Count values of a column that are 'missing', 'infinite' or 'unassigned'."""
        key = (column, problem)
        known = self._rows.setdefault(key, [])
        known.extend(rows[: _SHOWN - len(known)])
        self._n[key] = self._n.get(key, 0) + n

    def check(self) -> None:
        """Raise `InvalidDataError` if there are any, about the first column that has some."""
        for (column, problem), n in self._n.items():
            message = _MESSAGES[problem].format(column=column, n=n)
            rows = self._rows[column, problem]
            raise InvalidDataError(message, column=column, rows=rows, n_rows=n)


_MESSAGES = {
    "unassigned": (
        "column '{column}' names no variant in {n:,} rows. Leave out units that were not "
        "assigned before the analysis."
    ),
    "infinite": "column '{column}' has {n:,} infinite values. Correct or cap them first.",
    "missing": (
        "column '{column}' has {n:,} missing values. Give missing='zero' if that means 0, or "
        "missing='drop' to leave these rows out."
    ),
    "too large": "column '{column}' has values whose squares no float holds. Use a larger unit.",
}


class Scan:
    """Rows so far, as aggregates.

    Parameters
    ----------
    columns : sequence of Column
    labels : sequence of str
        The variant's column, then those of `by`.
    pairs : ndarray of shape (2, q)
    missing : {'error', 'drop', 'zero'}
    """

    def __init__(
        self,
        columns: Sequence[Column],
        labels: Sequence[str],
        pairs: NDArray[np.intp],
        missing: Missing,
    ) -> None:
        self.columns = tuple(columns)
        self.labels = tuple(labels)
        self.problems = Problems()
        self._pairs = pairs
        self._missing: Missing = missing
        self._parts: list[Aggregates] = []
        self._rows = 0

    def read(self, panel: Panel) -> None:
        """Read a panel of rows."""
        keys, codes = self._groups(panel.labels)
        columns = [column.compute(panel.numbers[column.source]) for column in self.columns]
        with np.errstate(invalid="ignore", over="ignore"):
            table, pilot = panel_table(codes, len(keys), columns, self._pairs)
        filled = np.zeros((len(keys), len(columns)), dtype=np.int64)
        dropped = np.zeros(len(keys), dtype=np.int64)
        n_rows = len(codes)
        if not np.isfinite(table.cross).all():
            columns, codes = self._known(columns, codes, filled, dropped)
            with np.errstate(invalid="ignore", over="ignore"):
                table, pilot = panel_table(codes, len(keys), columns, self._pairs)
            self._check_size(table.cross)
        names = tuple(column.name for column in self.columns)
        part = Aggregates(
            names, self.labels[1:], keys, table.n, pilot, table.offsets, table.pairs, table.cross,
            filled, dropped,
        )  # fmt: skip
        self._parts.append(part)
        self._rows += n_rows

    def result(self) -> Aggregates:
        """Return the aggregates.

        Raises
        ------
        InvalidDataError
            If values were missing that must not be, or infinite.
        """
        self.problems.check()
        return Aggregates.merge_all(self._parts)

    def _groups(self, labels: Sequence[Labels]) -> tuple[tuple[Key, ...], NDArray[Any]]:
        """Return the distinct keys of a panel, and the position of each row's key."""
        self._note(self.labels[0], "unassigned", labels[0].codes < 0)
        sizes = [len(label.texts) + 1 for label in labels]
        joint = _joint(labels, sizes)
        size = prod(sizes)
        if size <= 4 * len(joint) + 65_536:
            present = np.flatnonzero(np.bincount(joint, minlength=1))
            codes = joint
            if len(present) and present[-1] >= len(present):
                place = np.zeros(int(present[-1]) + 1, dtype=np.int64)
                place[present] = np.arange(len(present))
                codes = place[joint]
        else:
            present, codes = np.unique(joint, return_inverse=True)
        texts = [[*label.texts, NO_LABEL] for label in labels]
        places: list[list[int]] = [at.tolist() for at in np.unravel_index(present, sizes)]
        named = [[t[i] for i in at] for t, at in zip(texts, places, strict=True)]
        return tuple(zip(*named, strict=True)), codes

    def _known(
        self,
        columns: Sequence[Floats],
        codes: NDArray[Any],
        filled: NDArray[np.int64],
        dropped: NDArray[np.int64],
    ) -> tuple[list[Floats], NDArray[Any]]:
        """Treat missing values as was asked for, and count them."""
        lost = np.zeros(len(codes), dtype=bool)
        found: list[Floats] = []
        for at, (column, values) in enumerate(zip(self.columns, columns, strict=True)):
            absent, finite = np.isnan(values), np.isfinite(values)
            self._note(column.source, "infinite", ~absent & ~finite)
            if self._missing == "error":
                self._note(column.source, "missing", absent)
            if self._missing == "drop":
                lost |= absent
            else:
                filled[:, at] = np.bincount(codes[absent], minlength=len(filled))
            found.append(np.where(finite, values, 0.0))
        dropped += np.bincount(codes[lost], minlength=len(dropped))
        if not lost.any():
            return found, codes
        return [values[~lost] for values in found], codes[~lost]

    def _check_size(self, cross: Floats) -> None:
        for at, column in enumerate(self.columns):
            own = (self._pairs == at).all(axis=0)
            if not np.isfinite(cross[:, own]).all():
                self.problems.note(column.source, "too large", 1)

    def _note(self, column: str, problem: str, where: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(where)
        if len(rows):
            self.problems.note(column, problem, len(rows), (rows[:_SHOWN] + self._rows).tolist())


def _joint(labels: Sequence[Labels], sizes: Sequence[int]) -> NDArray[Any]:
    """Return one number for each row that stands for all its labels."""
    first = labels[0].codes
    if len(labels) == 1 and not (first < 0).any():
        return first
    joint = np.zeros(len(first), dtype=np.int64)
    for label, size in zip(labels, sizes, strict=True):
        joint *= size
        joint += np.where(label.codes < 0, size - 1, label.codes)
    return joint
