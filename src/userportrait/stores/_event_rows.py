"""What an event store may keep: rows checked, in plain columns of five kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.lazy import optional_import
from userportrait._core.params import OneOf, check_values
from userportrait._core.units import as_moment, to_micros
from userportrait.data import Events
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.stores._encoding import can_be_kept, look_up_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.typing import CustomerId, IntoFrame

__all__ = [
    "REQUIRED",
    "Columns",
    "Interval",
    "Kind",
    "Schema",
    "check_batch_id",
    "check_engine",
    "customers_of",
    "fit_rows",
    "in_time_order",
    "interval_of",
    "is_one_of",
    "join_rows",
    "length_of",
    "missing_in",
    "plain_rows",
    "read_columns",
    "take_rows",
    "to_arrow",
    "to_engine",
    "wanted_ids",
]

Kind: TypeAlias = Literal["integer", "number", "text", "boolean", "time"]
Columns: TypeAlias = "dict[str, NDArray[Any]]"
Schema: TypeAlias = "dict[str, Kind]"

REQUIRED = ("customer_id", "event", "occurred_at")
_KINDS: dict[str, Kind] = {
    "integer": "integer",
    "number": "number",
    "text": "text",
    "category": "text",
    "boolean": "boolean",
    "time": "time",
    "date": "time",
}
_HOLDS: dict[str, str] = {
    "integer": "whole numbers",
    "number": "numbers",
    "text": "texts",
    "boolean": "true and false",
    "time": "times",
    "decimal": "decimal numbers",
}
_EXACT = 2.0**53
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_ENGINES = ("pandas", "polars", "polars-lazy", "pyarrow", "duckdb")
_NULLABLE: dict[str, Any] = {"integer": "Int64", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class Interval:
    """Microseconds from `since`, which belongs to it, to `until`, which does not."""

    since: int | None
    until: int | None

    def meets(self, first: int, last: int) -> bool:
        """Say whether any moment from `first` to `last` is inside."""
        after = self.since is None or last >= self.since
        return after and (self.until is None or first < self.until)

    def holds(self, at: NDArray[Any]) -> NDArray[np.bool_]:
        """Say for each time whether it is inside."""
        micros = at.astype("datetime64[us]").astype(np.int64)
        inside = np.ones(len(micros), dtype=bool)
        if self.since is not None:
            inside &= micros >= self.since
        if self.until is not None:
            inside &= micros < self.until
        return inside


def interval_of(since: object, until: object, owner: str) -> Interval:
    """Read the two ends of an interval; None is open."""
    ends = [
        None if end is None else to_micros(as_moment(end, owner=owner, name=name))
        for name, end in (("since", since), ("until", until))
    ]
    return Interval(ends[0], ends[1])


def check_batch_id(batch_id: object, owner: str) -> str:
    """Return the batch ID; raise unless it is a text that is not empty."""
    if isinstance(batch_id, str) and batch_id and can_be_kept(batch_id):
        return str(batch_id)
    problem = f"batch_id must be a text that is not empty; got {batch_id!r}."
    raise InvalidParameterError(owner, [problem])


def wanted_ids(customer_ids: Sequence[CustomerId], owner: str) -> list[CustomerId]:
    """Return IDs as plain integers and texts, each once; leave out what no store could hold."""
    if isinstance(customer_ids, (str, bytes)):
        problem = "customer_ids must be a list of IDs; got one text. Put it into a list."
        raise InvalidParameterError(owner, [problem])
    plain = dict.fromkeys(look_up_id(customer_id) for customer_id in customer_ids)
    return [customer_id for customer_id in plain if can_be_kept(customer_id)]


def plain_rows(events: Events | IntoFrame) -> tuple[Columns, Schema]:
    """Check a batch of events; return its columns as arrays and what they hold.

    A column without any value is left out of the second: it says nothing yet.
    """
    frame = frames.enter(events.frame if isinstance(events, Events) else events, argument="events")
    names = frames.column_names(frame)
    if frames.count_rows(frame) == 0:
        for name in REQUIRED:
            if name not in names:
                raise MissingColumnError(name, names, f"events need '{name}'")
        return {}, {}
    if not isinstance(events, Events):
        frame = frames.enter(Events(events).frame)
    kinds = frames.column_kinds(frame)
    columns: Columns = {}
    schema: Schema = {}
    for name, values in frames.collect_arrays(frame, names).items():
        if missing_in(values).all():
            continue
        kind = _KINDS.get(kinds[name])
        if kind is None:
            raise _unfit(name, kinds[name])
        if kind == "integer":
            _check_whole(name, values)
        columns[name], schema[name] = _canonical(values, kind), kind
        if kind == "text":
            _check_texts(name, columns[name])
    return columns, schema


def _unfit(name: str, kind: str) -> ColumnTypeError:
    holds = _HOLDS.get(kind, "values of several types, or of a type that has no meaning here")
    remedy = " Convert it to float64 or to text." if kind == "decimal" else " Convert or drop it."
    message = f"events: column '{name}' holds {holds}, which an event store cannot keep.{remedy}"
    return ColumnTypeError(message, column=name)


def _check_whole(name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind == "i":
        return
    if values.dtype.kind == "u":
        rows = np.flatnonzero(values > _GREATEST).tolist()
    elif values.dtype.kind == "f":  # Python's integers of more than 64 bits come as floats
        rows = np.flatnonzero(np.abs(values) >= -float(_LEAST)).tolist()
    else:
        known = np.flatnonzero(~missing_in(values)).tolist()
        rows = [i for i in known if not _LEAST <= int(values[i]) <= _GREATEST]
    if rows:
        message = (
            f"events: '{name}' holds whole numbers outside -2**63 to 2**63 - 1, which an event "
            f"store cannot keep. Convert the column to text."
        )
        raise ColumnTypeError(message, column=name, rows=rows[:5], n_rows=len(rows))


def _check_texts(name: str, values: NDArray[Any]) -> None:
    known = [text for text in values if text is not None]
    if can_be_kept("".join(known)):
        return
    rows = [i for i, text in enumerate(values) if text is not None and not can_be_kept(text)]
    message = (
        f"events: '{name}' holds half a character (a lone surrogate). Decode the source with its "
        f"right encoding."
    )
    raise InvalidDataError(message, column=name, rows=rows[:5], n_rows=len(rows))


def _canonical(values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """Return values as the one kind of array that stands for a kind; None is null in objects."""
    if kind == "time":
        return values.astype("datetime64[us]")
    if kind == "number":
        return values.astype(np.float64)
    if kind == "integer" and values.dtype.kind in "iu":
        return values.astype(np.int64)
    if kind == "boolean" and values.dtype == bool:
        return values
    missing = missing_in(values)
    found = np.empty(len(values), dtype=object)
    plain: Any = {"integer": int, "boolean": bool, "text": str}[kind]
    found[~missing] = [plain(value) for value in values[~missing].tolist()]
    return found


def missing_in(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which values are null."""
    if values.dtype.kind in "iub":
        return np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "M":
        unknown: NDArray[np.bool_] = np.isnat(values)
        return unknown
    found: NDArray[np.bool_] = np.asarray(pd.isna(values), dtype=bool)
    return found


def fit_rows(columns: Columns, found: Schema, schema: Schema) -> tuple[Columns, Schema]:
    """Give a batch the kinds of earlier batches, where that changes no value.

    Returns
    -------
    columns : dict of str to ndarray
        Every column of the second result.
    schema : dict of str to kind
        The columns of earlier batches, then the new ones.

    Raises
    ------
    InvalidDataError
        If a column holds something else than in earlier batches.
    """
    n_rows = length_of(columns)
    fitted: Columns = {}
    for name, kind in schema.items():
        fitted[name] = (
            _fitted(columns, found, name, kind) if name in found else _nulls(n_rows, kind)
        )
    new: Schema = {name: kind for name, kind in found.items() if name not in schema}
    return fitted | {name: columns[name] for name in new}, {**schema, **new}


def _fitted(columns: Columns, found: Schema, name: str, kind: Kind) -> NDArray[Any]:
    values, given = columns[name], found[name]
    if given == kind:
        return values
    if {given, kind} == {"integer", "number"} and not _is_id(name):
        numbers = values if given == "number" else _as_numbers(values)
        known = numbers[~np.isnan(numbers)]
        whole = (np.abs(known) < _EXACT) & (known == np.floor(known))
        if whole.all():
            return numbers if kind == "number" else _canonical(numbers, kind)
    message = (
        f"events: '{name}' held {_HOLDS[kind]} in earlier batches and holds {_HOLDS[given]} in "
        f"this one. Convert it to the earlier type, or give the column another name. Nothing of "
        f"the batch was written."
    )
    raise InvalidDataError(message, column=name)


def _is_id(name: str) -> bool:
    return name in ("customer_id", "item_id", "session_id")


def _as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([np.nan if value is None else float(value) for value in values])


def _nulls(n_rows: int, kind: Kind) -> NDArray[Any]:
    if kind == "time":
        return np.full(n_rows, np.datetime64("NaT"), dtype="datetime64[us]")
    if kind == "number":
        return np.full(n_rows, np.nan)
    return np.full(n_rows, None, dtype=object)


def read_columns(frame: Any, schema: Mapping[str, Kind]) -> Columns:
    """Collect a native frame of kept rows; columns that it lacks are null."""
    entered = frames.enter(frame)
    there = set(frames.column_names(entered))
    found = frames.collect_arrays(entered, [name for name in schema if name in there])
    n_rows = len(next(iter(found.values()), ()))
    return {
        name: _canonical(found[name], kind) if name in found else _nulls(n_rows, kind)
        for name, kind in schema.items()
    }


def length_of(columns: Columns) -> int:
    """Return the number of rows."""
    return len(next(iter(columns.values()), ()))


def take_rows(columns: Columns, chosen: NDArray[Any]) -> Columns:
    """Return some rows, by a mask or by positions."""
    return {name: values[chosen] for name, values in columns.items()}


def join_rows(parts: Sequence[Columns], schema: Mapping[str, Kind]) -> Columns:
    """Put batches one after another; columns that a batch lacks are null."""
    return {
        name: np.concatenate(
            [part[name] if name in part else _nulls(length_of(part), kind) for part in parts]
            or [_nulls(0, kind)]
        )
        for name, kind in schema.items()
    }


def in_time_order(columns: Columns) -> Columns:
    """Sort rows by time; equal times keep their order."""
    return take_rows(columns, np.argsort(columns["occurred_at"], kind="stable"))


def is_one_of(values: NDArray[Any], customer_ids: Iterable[CustomerId]) -> NDArray[np.bool_]:
    """Say for each kept ID whether it is among these; 1 and "1" are two."""
    numbers = values.dtype.kind in "iu"
    chosen = [found for found in customer_ids if isinstance(found, int) == numbers]
    if not chosen:
        return np.zeros(len(values), dtype=bool)
    if numbers:
        return np.isin(values, np.array(chosen, dtype=np.int64))
    inside: NDArray[np.bool_] = pd.Series(values, dtype=object).isin(chosen).to_numpy(dtype=bool)
    return inside


def customers_of(values: NDArray[Any]) -> set[CustomerId]:
    """Return the distinct IDs."""
    return set(pd.unique(values).tolist())


def to_arrow(columns: Columns, schema: Mapping[str, Kind]) -> Any:
    """Make a pyarrow table of kept rows."""
    pa: Any = optional_import("pyarrow", what="A pyarrow table", extra="parquet")
    types: dict[Kind, Any] = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("us"),
    }
    made = {n: pa.array(columns[n], types[kind], from_pandas=True) for n, kind in schema.items()}
    return pa.table(made)


def to_engine(columns: Columns, schema: Mapping[str, Kind], engine: str) -> Any:
    """Make a frame of an engine's own kind from kept rows."""
    if not schema:
        schema = {"customer_id": "text", "event": "text", "occurred_at": "time"}
        columns = join_rows([], schema)
    if engine == "pyarrow":
        return to_arrow(columns, schema)
    if engine in ("polars", "polars-lazy"):
        made = _to_polars(columns, schema)
        return made.lazy() if engine == "polars-lazy" else made
    found: dict[str, Any] = dict(columns)
    for name, kind in schema.items():
        if kind in _NULLABLE and columns[name].dtype == object:
            found[name] = pd.array(columns[name], dtype=_NULLABLE[kind])
    return frames.from_arrays(found, "duckdb" if engine == "duckdb" else "pandas")


def _to_polars(columns: Columns, schema: Mapping[str, Kind]) -> Any:
    pl: Any = optional_import("polars", what="A polars frame", extra="polars")
    types: dict[Kind, Any] = {"integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String}
    made: list[Any] = []
    for name, kind in schema.items():
        values: Any = columns[name]
        if values.dtype == object:
            made.append(pl.Series(name, values.tolist(), dtype=types[kind]))
        else:
            made.append(pl.Series(name, values, nan_to_null=True))
    return pl.DataFrame(made)


def check_engine(engine: object, owner: str) -> None:
    """Raise unless the name is that of a library for results."""
    check_values(owner, {"engine": engine}, {"engine": OneOf(_ENGINES)})
