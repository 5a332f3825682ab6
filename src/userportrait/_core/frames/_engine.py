"""Frames in and out: which engine holds a frame, what its columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import narwhals.stable.v2 as nw
import pandas as pd

from userportrait.errors import InvalidDataError, UnsupportedOnEngine

if TYPE_CHECKING:
    from userportrait.typing import IntoFrame

__all__ = [
    "ENGINES",
    "Engine",
    "Frame",
    "Kind",
    "column_kinds",
    "column_names",
    "enter",
    "lazily",
    "leave",
    "to_pandas",
]

Engine: TypeAlias = Literal["pandas", "polars", "polars-lazy", "pyarrow", "duckdb"]
Kind: TypeAlias = Literal[
    "integer", "number", "decimal", "text", "boolean", "time", "date", "category", "other"
]

ENGINES: tuple[Engine, ...] = ("pandas", "polars", "polars-lazy", "pyarrow", "duckdb")

_SUPPORTED = "a pandas or polars frame (eager or lazy), a pyarrow table or a DuckDB relation"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame inside the vocabulary.

    Parameters
    ----------
    engine : str
        The library that the caller's frame came from, which gets the results too.
    inner : narwhals DataFrame or LazyFrame
        Work happens here; a pyarrow table is held as polars or pandas.
    """

    engine: Engine
    inner: nw.DataFrame[Any] | nw.LazyFrame[Any]

    @property
    def native(self) -> Any:
        """The frame of the library that does the work."""
        return self.inner.to_native()


def enter(frame: IntoFrame, *, argument: str = "frame") -> Frame:
    """Take a caller's frame in.

    Parameters
    ----------
    frame : frame
        A pandas or polars frame (eager or lazy), a pyarrow table or a DuckDB relation. The
        index of a pandas frame is left behind; column names become texts.
    argument : str, default='frame'
        The caller's name for it, used in messages.

    Raises
    ------
    UnsupportedOnEngine
        If the library is not one of these, before any work.
    InvalidDataError
        If two columns share a name.
    """
    engine = _engine_of(frame, argument)
    if engine == "pandas":
        frame = _plain_pandas(frame, argument)
    elif engine == "pyarrow":
        frame = _arrow_to_worker(frame)
    return Frame(engine, nw.from_native(frame))


def _engine_of(frame: object, argument: str) -> Engine:
    if isinstance(frame, pd.DataFrame):
        return "pandas"
    kind = type(frame)
    library, name = kind.__module__.partition(".")[0], kind.__name__
    known: dict[tuple[str, str], Engine] = {
        ("polars", "DataFrame"): "polars",
        ("polars", "LazyFrame"): "polars-lazy",
        ("pyarrow", "Table"): "pyarrow",
        ("duckdb", "DuckDBPyRelation"): "duckdb",
        ("_duckdb", "DuckDBPyRelation"): "duckdb",
    }
    for base in kind.__mro__:
        found = known.get((base.__module__.partition(".")[0], base.__name__))
        if found is not None:
            return found
    given = f"{library}.{name}" if library != "builtins" else name
    raise UnsupportedOnEngine(f"{argument}=", given, f"Give {_SUPPORTED}.")


def _plain_pandas(frame: pd.DataFrame, argument: str) -> pd.DataFrame:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        message = f"{argument} has two columns named '{twice[0]}'. Rename or drop one of them."
        raise InvalidDataError(message, column=twice[0])
    if names != list(frame.columns):
        frame = frame.set_axis(names, axis="columns")
    if (
        not isinstance(frame.index, pd.RangeIndex)
        or frame.index.start != 0
        or frame.index.step != 1
    ):
        frame = frame.reset_index(drop=True)
    return frame


def _arrow_to_worker(table: Any) -> Any:
    try:
        import polars as pl
    except ImportError:
        return _plain_pandas(table.to_pandas(ignore_metadata=True), "frame")
    return pl.from_arrow(table)


def leave(frame: Frame) -> Any:
    """Give a frame back to the caller, in the library that it came from."""
    native = frame.native
    if frame.engine != "pyarrow":
        return native
    if isinstance(native, pd.DataFrame):
        import pyarrow as pa

        return pa.Table.from_pandas(native, preserve_index=False)
    return native.to_arrow()


def lazily(frame: Frame) -> Frame:
    """Put off the work on polars until it is collected, all of it at once; else do nothing."""
    if frame.engine == "polars" and isinstance(frame.inner, nw.DataFrame):
        return Frame(frame.engine, frame.inner.lazy())
    return frame


def to_pandas(frame: Frame) -> pd.DataFrame:
    """Collect into a pandas frame with the default index."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        return native
    from userportrait._core.frames._arrays import collect_arrays

    return pd.DataFrame(collect_arrays(frame, column_names(frame)))


def column_names(frame: Frame) -> list[str]:
    """Return the names of the columns, in order."""
    return list(frame.inner.collect_schema().names())


def column_kinds(frame: Frame) -> dict[str, Kind]:
    """Return what each column holds, by name.

    ``category`` is a categorical or enum column; ``decimal`` an exact decimal, also Python
    `Decimal` objects in pandas; ``other`` is what no role can take, such as lists.
    """
    found = {name: _kind(dtype) for name, dtype in frame.inner.collect_schema().items()}
    native = frame.native
    if isinstance(native, pd.DataFrame):
        for name, kind in found.items():
            if kind in ("other", "text") and native[name].dtype == object:
                found[name] = _object_kind(native[name])
    return found


def _kind(dtype: Any) -> Kind:
    if dtype == nw.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "number"
    if dtype == nw.Decimal:
        return "decimal"
    if dtype == nw.String:
        return "text"
    if dtype in (nw.Categorical, nw.Enum):
        return "category"
    if dtype == nw.Datetime:
        return "time"
    return "date" if dtype == nw.Date else "other"


_OBJECT_KINDS: dict[str, Kind] = {
    "string": "text",
    "empty": "text",
    "decimal": "decimal",
    "integer": "integer",
    "floating": "number",
    "mixed-integer-float": "number",
    "boolean": "boolean",
    "datetime": "time",
    "datetime64": "time",
    "date": "date",
}


def _object_kind(column: pd.Series[Any]) -> Kind:
    return _OBJECT_KINDS.get(pd.api.types.infer_dtype(column, skipna=True), "other")
