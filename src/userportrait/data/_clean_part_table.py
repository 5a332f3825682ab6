"""Some rows of a raw table, as parts and batches bring them, and the rows that go back."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data._clean_columns import RawColumn, column_from_pandas
from userportrait.data._clean_table import Coded, NewColumn, RawTable, Whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

__all__ = ["PartTable"]


class PartTable(RawTable):
    """Rows in a pyarrow table, or in a pandas frame where there is no pyarrow.

    Parameters
    ----------
    frame : Table or DataFrame
    zoned : collection of str, default=()
        Columns of times that are instants, though they come in UTC and without a zone.
    without : str, optional
        A column to leave out.
    """

    def __init__(
        self, frame: Any, *, zoned: Collection[str] = (), without: str | None = None
    ) -> None:
        names = [str(name) for name in getattr(frame, "column_names", frame.columns)]
        super().__init__("pandas", frame)
        self._names = [name for name in names if name != without]
        self._zoned = zoned

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return self._names

    @property
    def in_pandas(self) -> bool:
        """Whether the rows are in a pandas frame."""
        return isinstance(self.frame, pd.DataFrame)

    def column(self, name: str) -> RawColumn:
        """Return a column, read when first asked for."""
        if name not in self._columns:
            found = column_from_pandas(self._series(name))
            if name in self._zoned and found.kind == "time":
                found = replace(found, aware=np.ones(len(found), dtype=bool))
            self._columns[name] = found
        return self._columns[name]

    def _series(self, name: str) -> Any:
        if self.in_pandas:
            return self.frame[name]
        return self.frame.column(name).to_pandas(types_mapper=pd.ArrowDtype)

    def result(
        self,
        new: Mapping[str, NewColumn],
        kept: Mapping[str, str],
        rows: NDArray[np.intp],
        *,
        last: Mapping[str, str] | None = None,
    ) -> Any:
        """Return rows as pyarrow or pandas: new columns, then kept ones under new names.

        Parameters
        ----------
        new : mapping of str to NewColumn
            As long as `rows`.
        kept : mapping of str to str
            Column of this table to its name in the result.
        rows : ndarray of int
            The rows of the kept columns.
        last : mapping of str to str, optional
            Columns that are null everywhere but in one more row, which holds these texts and
            nothing else.
        """
        if self.in_pandas:
            return self._pandas_result(new, kept, rows, last or {})
        pa: Any = import_module("pyarrow")
        columns = {name: _arrow_column(pa, value) for name, value in new.items()}
        at = pa.array(rows)
        for name, called in kept.items():
            columns[called] = self.frame.column(name).take(at)
        found = pa.table(columns)
        if last is None:
            return found
        empty = [pa.nulls(1, kind) for kind in found.schema.types]
        more = pa.table(empty, schema=found.schema)
        both = pa.concat_tables([found, more])
        for name, text in last.items():
            nothing = pa.nulls(len(rows), pa.string())
            both = both.append_column(name, pa.chunked_array([nothing, pa.array([text])]))
        return both

    def _pandas_result(
        self,
        new: Mapping[str, NewColumn],
        kept: Mapping[str, str],
        rows: NDArray[np.intp],
        last: Mapping[str, str],
    ) -> pd.DataFrame:
        plain = RawTable("pandas", self.frame)
        found: pd.DataFrame = plain.build(new, kept, rows.astype(np.int64))
        if not last:
            return found
        nullable = {
            name: {"i": "Int64", "b": "boolean"}[dtype.kind]
            for name, dtype in found.dtypes.items()
            if isinstance(dtype, np.dtype) and dtype.kind in "ib"
        }
        found = found.astype(nullable).reindex(range(len(rows) + 1))
        for name, text in last.items():
            found[name] = pd.Series([*[None] * len(rows), text], dtype=object)
        return found


def _arrow_column(pa: Any, value: NewColumn) -> Any:
    if isinstance(value, Whole):
        return pa.array(value.values)
    return _coded_column(pa, value)


def _coded_column(pa: Any, value: Coded) -> Any:
    kind = pa.string() if value.labels.dtype == object else pa.int64()
    positions = pa.array(value.codes, mask=value.codes < 0)
    if not len(value.labels):
        return pa.nulls(len(value.codes), kind)
    return pa.array(value.labels, type=kind).take(positions)
