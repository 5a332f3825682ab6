"""One pass over rows in memory: labels to groups, missing values counted, panel by panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.coding import code_values
from userportrait.errors import InvalidDataError
from userportrait.experiment._aggregates import Aggregates, Missing
from userportrait.experiment._aggregates_keys import NO_LABEL, label_of
from userportrait.experiment._aggregates_panel import PANEL_ROWS, panel_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.experiment._moments import Column

    Floats: TypeAlias = NDArray[np.float64]
    Key: TypeAlias = tuple[str, ...]

__all__ = ["Scan"]

_SHOWN = 5


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
        self._columns = tuple(columns)
        self._labels = tuple(labels)
        self._pairs = pairs
        self._missing = missing
        self._parts: list[Aggregates] = []
        self._bad: dict[tuple[str, str], list[int]] = {}
        self._n_bad: dict[tuple[str, str], int] = {}
        self._rows = 0

    def read_all(self, values: Mapping[str, Any]) -> None:
        """Read columns of any length."""
        rows = len(values[self._labels[0]])
        for start in range(0, max(rows, 1), PANEL_ROWS):
            part = {name: v[start : start + PANEL_ROWS] for name, v in values.items()}
            self.read(part)

    def read(self, values: Mapping[str, Any]) -> None:
        """Read one panel: a column of labels or numbers by name."""
        keys, codes = self._groups(values)
        columns = [column.compute(_numbers(values[column.source])) for column in self._columns]
        filled, dropped, columns, codes = self._known(columns, codes, len(keys))
        table = panel_table(codes, len(keys), columns, self._pairs)
        part = Aggregates(
            tuple(column.name for column in self._columns), self._labels[1:], keys,
            table.n, table.means, table.pairs, table.cross, filled, dropped,
        )  # fmt: skip
        self._parts.append(part)
        self._rows += len(codes)

    def result(self) -> Aggregates:
        """Return the aggregates.

        Raises
        ------
        InvalidDataError
            If values were missing that must not be, or infinite.
        """
        self._raise_bad()
        found = self._parts[0]
        for part in self._parts[1:]:
            found = found.merge(part)
        return found.collapse(self._labels[1:])

    def _groups(self, values: Mapping[str, Any]) -> tuple[tuple[Key, ...], NDArray[Any]]:
        """Return the distinct keys of a panel, and the position of each row's key."""
        coded = [code_values(values[name]) for name in self._labels]
        texts = [[*map(label_of, distinct.tolist()), NO_LABEL] for _, distinct in coded]
        if (coded[0][0] < 0).any():
            self._note(self._labels[0], "unassigned", coded[0][0] < 0)
        joint = np.zeros(len(coded[0][0]), dtype=np.int64)
        for (codes, _), names in zip(coded, texts, strict=True):
            joint *= len(names)
            joint += np.where(codes < 0, len(names) - 1, codes)
        distinct, codes = np.unique(joint, return_inverse=True)
        at = np.unravel_index(distinct, [len(names) for names in texts])
        keys = zip(
            *([names[i] for i in where.tolist()] for names, where in zip(texts, at, strict=True)),
            strict=True,
        )
        return tuple(keys), codes

    def _known(
        self, columns: list[Floats], codes: NDArray[Any], n_groups: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Floats], NDArray[Any]]:
        """Treat missing values as was asked for, and count them."""
        filled = np.zeros((n_groups, len(columns)), dtype=np.int64)
        lost = np.zeros(len(codes), dtype=bool)
        for at, (column, values) in enumerate(zip(self._columns, columns, strict=True)):
            if np.isfinite(values).all():
                continue
            absent = np.isnan(values)
            self._note(column.source, "infinite", ~absent & ~np.isfinite(values))
            if self._missing == "error":
                self._note(column.source, "missing", absent)
            if self._missing == "drop":
                lost |= absent
            else:
                filled[:, at] = np.bincount(codes[absent], minlength=n_groups)
            columns[at] = np.where(np.isfinite(values), values, 0.0)
        dropped = np.bincount(codes[lost], minlength=n_groups)
        if lost.any():
            columns, codes = [values[~lost] for values in columns], codes[~lost]
        return filled, dropped.astype(np.int64), columns, codes

    def _note(self, column: str, problem: str, where: NDArray[np.bool_]) -> None:
        found = np.flatnonzero(where)
        if len(found):
            key = (column, problem)
            rows = self._bad.setdefault(key, [])
            rows += (found[: _SHOWN - len(rows)] + self._rows).tolist()
            self._n_bad[key] = self._n_bad.get(key, 0) + len(found)

    def _raise_bad(self) -> None:
        for (column, problem), rows in self._bad.items():
            n = self._n_bad[column, problem]
            message = _PROBLEMS[problem].format(column=column, n=n)
            raise InvalidDataError(message, column=column, rows=rows, n_rows=n)


_PROBLEMS = {
    "unassigned": (
        "column '{column}' says of {n:,} rows no variant. Leave out units that were not "
        "assigned before the analysis."
    ),
    "infinite": "column '{column}' has {n:,} infinite values. Correct or cap them first.",
    "missing": (
        "column '{column}' has {n:,} missing values. Give missing='zero' if that means 0, or "
        "missing='drop' to leave these rows out."
    ),
}


def _numbers(values: Any) -> Floats:
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    if hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(values, dtype=np.float64)
