"""Parts of tables as every engine sees them, and results cast to the types that were declared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.frames._arrays import collect_arrays, from_arrays, to_pandas
from userportrait._core.frames._columns import utc_times
from userportrait._core.frames._engine import column_names, enter
from userportrait._core.lazy import optional_import
from userportrait.errors import InvalidDataError, MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from userportrait._core.frames._engine import Engine, Frame, Kind

__all__ = [
    "KINDS",
    "Like",
    "Parts",
    "Schema",
    "check_schema_kinds",
    "has_arrow",
    "in_engine",
    "to_arrow",
    "to_typed_pandas",
]

KINDS: tuple[Kind, ...] = ("integer", "number", "text", "boolean", "time", "date")
"""What a column of a result can be."""


@dataclass(frozen=True, slots=True)
class Like:
    """The kind of a column of a result that has the type of a column of a table.

    Parameters
    ----------
    column : str
    table : str
        Name of the table, as for `cut_by_key`.
    type : str, optional
        The type as the engine writes it; found by `Parts.map`.
    """

    column: str
    table: str
    type: str | None = None


Schema: TypeAlias = "Mapping[str, Kind | Like]"


class Parts(ABC):
    """Tables cut by one key, so that all rows of a key are in one part.

    Made by `cut_by_key`. As a context manager it closes itself.

    Attributes
    ----------
    n_parts : int
        How many parts there are; some may be without rows.
    """

    n_parts: int = 1

    @abstractmethod
    def map(self, function: Callable[[dict[str, Any]], Any], schema: Schema) -> Frame:
        """Return what a function makes of each part, one below the other.

        Parameters
        ----------
        function : callable
            Called once for each part with a dict of table name to eager frame (pandas, polars
            or pyarrow); a table without rows in the part is a frame with its columns and no
            rows. Times may carry a zone in memory and are naive UTC on Spark. It returns an
            eager frame. On Spark it runs on the workers, when the result is computed, so it
            must be picklable by cloudpickle.
        schema : mapping of str to kind
            The columns of the results, in order: ``'integer'`` (int64), ``'number'``
            (float64), ``'text'``, ``'boolean'``, ``'time'`` (microseconds, UTC, naive) or
            ``'date'``; or `Like` a column of a table, of any type. Nulls are allowed.

        Returns
        -------
        Frame
            On the engine of the first table, in no particular order. On Spark it is computed
            when it is used. DuckDB reads it from temporary files, which are deleted when the
            interpreter exits.
        """

    @abstractmethod
    def collect(self, function: Callable[[dict[str, Any]], bytes]) -> list[bytes]:
        """Return the bytes that a function makes of each part, in any order."""

    def close(self) -> None:  # noqa: B027  # most engines keep nothing
        """Free what the parts occupy; results of `map` stay."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def has_arrow() -> bool:
    """Return whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def check_schema_kinds(schema: Schema) -> None:
    """Raise if a declared kind is not one of `KINDS`, or nothing is declared."""
    kinds = {name: kind for name, kind in schema.items() if not isinstance(kind, Like)}
    wrong = [f"'{name}' ({kind})" for name, kind in kinds.items() if kind not in KINDS]
    if wrong or not schema:
        given = ", ".join(wrong) or "nothing"
        message = f"a result's columns must be one of {', '.join(KINDS)}; got {given}."
        raise InvalidDataError(message)


def _check_columns(names: list[str], schema: Schema) -> None:
    for name in schema:
        if name not in names:
            raise MissingColumnError(name, names, "a part's result")


# --- arrow ---------------------------------------------------------------------------------------


def to_arrow(result: Any, schema: Schema) -> Any:
    """Return an eager frame as a pyarrow table of these columns and types."""
    pa: Any = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
    table = _as_arrow(pa, result)
    _check_columns(list(table.column_names), schema)
    columns: dict[str, Any] = {}
    for name, kind in schema.items():
        try:
            columns[name] = _arrow_column(pa, table.column(name), kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            held = table.column(name).type
            message = f"a part's result: '{name}' cannot be {kind} in every row; it is {held}."
            raise InvalidDataError(message, column=name) from None
    return pa.table(columns)


def _as_arrow(pa: Any, result: Any) -> Any:
    if isinstance(result, pa.Table):
        return result
    if isinstance(result, pd.DataFrame):
        return pa.Table.from_pandas(result, preserve_index=False)
    return result.to_arrow()


def _arrow_column(pa: Any, column: Any, kind: Kind | Like) -> Any:
    compute: Any = import_module("pyarrow.compute")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if isinstance(kind, Like):
        return column
    if kind == "number":
        column = column.cast(pa.float64())
        return compute.if_else(compute.is_nan(column), pa.scalar(None, pa.float64()), column)
    if kind == "integer" and pa.types.is_floating(column.type):
        nothing = pa.scalar(None, column.type)
        column = compute.if_else(compute.is_nan(column), nothing, column)
    if pa.types.is_timestamp(column.type):
        # Dropping the zone keeps the instant, in UTC; finer times are cut to microseconds.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        column = column.cast(pa.int64()).cast(pa.timestamp("us"))
    types = {
        "integer": pa.int64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("us"),
        "date": pa.date32(),
    }
    return column.cast(types[kind])


# --- pandas ---------------------------------------------------------------------------------------


def to_typed_pandas(result: Any, schema: Schema) -> pd.DataFrame:
    """Return an eager frame as pandas, of these columns and types.

    Whole numbers and truth values with nulls are nullable; dates are times at midnight, as
    everywhere in the vocabulary.
    """
    frame = result if isinstance(result, pd.DataFrame) else to_pandas(enter(result))
    _check_columns([str(name) for name in frame.columns], schema)
    columns = {name: _pandas_column(frame[name], kind) for name, kind in schema.items()}
    return pd.DataFrame(columns).reset_index(drop=True)


def _pandas_column(series: pd.Series[Any], kind: Kind | Like) -> Any:
    if isinstance(kind, Like):
        return series
    missing = series.isna()
    some = bool(missing.any())
    if kind == "integer":
        return series.astype("Int64") if some else series.astype("int64")
    if kind == "number":
        return pd.Series(series.to_numpy(dtype=np.float64, na_value=np.nan), index=series.index)
    if kind == "boolean":
        return series.astype("boolean") if some else series.astype(bool)
    if kind in ("time", "date"):
        return utc_times(series)
    own = pd.Series(["a"]).dtype  # what pandas itself gives to texts
    return (
        series if series.dtype == own else series.astype(object).where(~missing, None).astype(own)
    )


# --- any engine in memory -------------------------------------------------------------------------


def in_engine(result: Any, engine: Engine, schema: Schema) -> Any:
    """Return an eager frame in an engine's own kind, with these columns and types.

    Parameters
    ----------
    result : DataFrame or Table
        pandas, polars or pyarrow.
    engine : {'pandas', 'polars', 'polars-lazy', 'pyarrow'}
    schema : mapping of str to kind
    """
    if engine == "pandas":
        return to_typed_pandas(result, schema)
    if engine == "pyarrow":
        return to_arrow(result, schema)
    typed = _typed_polars(result, schema)
    return typed.lazy() if engine == "polars-lazy" else typed


def _typed_polars(result: Any, schema: Schema) -> Any:
    pl: Any = optional_import("polars", what="A polars frame", extra="polars")
    if isinstance(result, pl.DataFrame):
        frame = result
    elif isinstance(result, pd.DataFrame):
        inner = enter(result)
        frame = from_arrays(collect_arrays(inner, column_names(inner)), "polars")
    else:
        frame = pl.from_arrow(result)
    _check_columns(list(frame.columns), schema)
    return frame.select([_polars_column(pl, frame, name, kind) for name, kind in schema.items()])


def _polars_column(pl: Any, frame: Any, name: str, kind: Kind | Like) -> Any:
    column, dtype = pl.col(name), frame.schema[name]
    if isinstance(kind, Like):
        return column
    if dtype.is_float():
        column = column.fill_nan(None)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    types = {
        "integer": pl.Int64,
        "number": pl.Float64,
        "text": pl.String,
        "boolean": pl.Boolean,
        "time": pl.Datetime("us"),
        "date": pl.Date,
    }
    return column.cast(types[kind])
