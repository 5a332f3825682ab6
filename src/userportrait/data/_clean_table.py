"""A raw frame collected once, so that every decision sees the same rows in the same order."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from userportrait._core.lazy import optional_import
from userportrait.data._clean_columns import (
    RawColumn,
    coded,
    column_from_pandas,
    column_from_polars,
    with_none,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames import Engine, Frame

__all__ = ["Coded", "NewColumn", "RawTable", "Whole", "collect_table"]


class Coded:
    """A new column of texts or whole numbers: positions in labels, -1 for null."""

    def __init__(self, codes: NDArray[np.int64], labels: NDArray[Any]) -> None:
        self.codes: NDArray[np.int64] = codes
        self.labels: NDArray[Any] = labels

    def take(self, rows: NDArray[Any]) -> Coded:
        """Return these rows."""
        return Coded(self.codes[rows], self.labels)


class Whole:
    """A new column of numbers or times without nulls."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values: NDArray[Any] = values

    def take(self, rows: NDArray[Any]) -> Whole:
        """Return these rows."""
        return Whole(self.values[rows])


NewColumn = Coded | Whole


class RawTable:
    """An eager frame, pandas or polars, and the engine that its results go to.

    Parameters
    ----------
    engine : str
        The library of the caller's frame.
    frame : DataFrame
        pandas for pandas, DuckDB and ibis; polars for polars; either of them for pyarrow.
    """

    def __init__(self, engine: Engine, frame: Any) -> None:
        self.engine: Engine = engine
        self.frame: Any = frame
        self._columns: dict[str, RawColumn] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def __getstate__(self) -> dict[str, Any]:
        return {"engine": self.engine, "frame": self.frame, "_columns": {}}

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [str(name) for name in self.frame.columns]

    def column(self, name: str) -> RawColumn:
        """Return a column, read when first asked for."""
        if name not in self._columns:
            series = self.frame[name]
            in_pandas = isinstance(self.frame, pd.DataFrame)
            self._columns[name] = (column_from_pandas if in_pandas else column_from_polars)(series)
        return self._columns[name]

    def take(self, rows: NDArray[Any]) -> RawTable:
        """Return the rows at these positions."""
        if isinstance(self.frame, pd.DataFrame):
            return RawTable(self.engine, self.frame.iloc[rows].reset_index(drop=True))
        return RawTable(self.engine, self.frame[rows])

    def build(
        self, new: Mapping[str, NewColumn], kept: Mapping[str, str], rows: NDArray[np.int64]
    ) -> Any:
        """Make a frame of the caller's library: new columns, then kept ones under new names.

        Parameters
        ----------
        new : mapping of str to NewColumn
            As long as `rows`.
        kept : mapping of str to str
            Column of this table to its name in the result.
        rows : ndarray of int64
            The rows of the kept columns.
        """
        in_pandas = isinstance(self.frame, pd.DataFrame)
        frame = (_pandas_frame if in_pandas else _polars_frame)(new)
        if kept:
            old = RawTable(self.engine, self.frame[list(kept)]).take(rows).frame
            if in_pandas:
                old = old.set_axis(list(kept.values()), axis="columns")
                frame = pd.concat([frame, old], axis="columns")
            else:
                frame = frame.hstack(old.rename(dict(kept)))
        return leave_table(self.engine, frame)

    def with_columns(self, new: Mapping[str, NewColumn]) -> Any:
        """Return a frame of the caller's library: all columns, then new ones."""
        if isinstance(self.frame, pd.DataFrame):
            made = {name: _pandas_column(value) for name, value in new.items()}
            frame: Any = self.frame.assign(**made)
        else:
            series = [_polars_column(name, value) for name, value in new.items()]
            frame = self.frame.with_columns(series)
        return leave_table(self.engine, frame)


def _pandas_frame(new: Mapping[str, NewColumn]) -> Any:
    return pd.DataFrame({name: _pandas_column(value) for name, value in new.items()})


def _polars_frame(new: Mapping[str, NewColumn]) -> Any:
    import polars as pl

    return pl.DataFrame([_polars_column(name, value) for name, value in new.items()])


def _pandas_column(value: NewColumn) -> Any:
    if isinstance(value, Whole):
        return pd.Series(value.values)
    codes, labels = value.codes, value.labels
    gaps = codes < 0
    if labels.dtype != object:
        filled = labels[codes] if len(labels) else np.zeros(len(codes), dtype=np.int64)
        if not gaps.any():
            return pd.Series(filled)
        return pd.Series(pd.arrays.IntegerArray(filled.copy(), gaps))
    texts = pd.Series(list(labels), dtype=pd.Series(["a"]).dtype)
    return pd.Series(cast("Any", texts.array).take(codes, allow_fill=True))


def _polars_column(name: str, value: NewColumn) -> Any:
    import polars as pl

    if isinstance(value, Whole):
        return pl.Series(name, value.values)
    texts = value.labels.dtype == object
    labels = pl.Series(name, list(value.labels), dtype=pl.String if texts else pl.Int64)
    gaps = value.codes < 0
    if not gaps.any():
        return labels.gather(value.codes)
    positions = pl.Series("", value.codes)
    positions = positions.set(pl.Series("", gaps), None)
    return labels.gather(positions)


def collect_table(frame: Frame) -> RawTable:
    """Collect a frame that has entered the vocabulary, in one go."""
    native = frame.native
    if frame.worker == "duckdb":
        return RawTable(frame.engine, _collect_duckdb(native))
    if frame.engine == "polars-lazy":
        native = native.collect()
    return RawTable(frame.engine, native)


_AS_TEXT = ("DECIMAL", "HUGEINT", "UHUGEINT", "ENUM", "UUID")


def _collect_duckdb(relation: Any) -> pd.DataFrame:
    """Fetch a relation as pandas without losing digits, whichever packages are there."""
    names: Sequence[str] = list(relation.columns)
    types = [str(kind) for kind in relation.types]
    parts = [_projected(name, kind) for name, kind in zip(names, types, strict=True)]
    found = relation.project(", ".join(parts)).fetchnumpy()
    columns = {
        name: _from_duckdb(found[name], kind) for name, kind in zip(names, types, strict=True)
    }
    return pd.DataFrame(columns)


def _projected(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind.startswith(_AS_TEXT) and not kind.endswith("[]"):
        return f"CAST({quoted} AS VARCHAR) AS {quoted}"
    return quoted


def _from_duckdb(values: Any, kind: str) -> Any:
    gaps = np.array(np.ma.getmaskarray(values), dtype=bool)
    values = np.ma.getdata(values)
    for start, convert in _CONVERT.items():
        if kind.startswith(start) and not kind.endswith("[]"):
            return convert(values, gaps)
    series = _with_gaps(values, gaps)
    return series.dt.tz_localize("UTC") if kind == "TIMESTAMP WITH TIME ZONE" else series


def _with_gaps(values: Any, gaps: NDArray[np.bool_]) -> Any:
    if not gaps.any():
        return pd.Series(values, dtype=values.dtype)
    if values.dtype.kind in "iu":
        return pd.Series(pd.arrays.IntegerArray(values.copy(), gaps))
    if values.dtype.kind == "b":
        return pd.Series(pd.arrays.BooleanArray(values.copy(), gaps))
    if values.dtype == object:
        return pd.Series(with_none(values, gaps), dtype="object")
    return pd.Series(values, dtype=values.dtype).mask(gaps)


def _text_series(values: Any, gaps: NDArray[np.bool_]) -> Any:
    empty = np.asarray(pd.isna(values), dtype=bool)
    return pd.Series(with_none(values, gaps | empty), dtype="string")


def _decimal_series(values: Any, gaps: NDArray[np.bool_]) -> Any:
    codes, labels = coded(with_none(values, gaps))
    exact = [Decimal(str(label)) for label in labels]
    return pd.Series(np.array([*exact, None], dtype=object)[codes], dtype="object")


def _whole_series(values: Any, gaps: NDArray[np.bool_]) -> Any:
    whole = [0 if gap else int(value) for value, gap in zip(values, gaps, strict=True)]
    if any(abs(value) >= 2**63 for value in whole):
        return pd.Series(with_none(whole, gaps), dtype="object")
    return _with_gaps(np.array(whole, dtype=np.int64), gaps)


_CONVERT: dict[str, Callable[[Any, Any], Any]] = {
    "VARCHAR": _text_series,
    "ENUM": _text_series,
    "UUID": _text_series,
    "DECIMAL": _decimal_series,
    "HUGEINT": _whole_series,
    "UHUGEINT": _whole_series,
}


def leave_table(engine: Engine, frame: Any) -> Any:
    """Give an eager frame to the caller, in the library that it came from."""
    if engine == "polars-lazy":
        return frame.lazy()
    if engine == "duckdb":
        duckdb = optional_import("duckdb", what="A DuckDB relation", extra="duckdb")
        return duckdb.from_df(frame)
    if engine in ("pyarrow", "ibis"):
        if not isinstance(frame, pd.DataFrame):
            return frame.to_arrow()
        pa = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if engine == "pyarrow":
            return table
        return import_module("ibis").memtable(table)
    return frame
