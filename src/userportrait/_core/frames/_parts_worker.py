"""What runs on the workers of Spark: a function for each part, its errors made to travel."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from userportrait import errors
from userportrait._core.frames._parts_schema import to_arrow
from userportrait.errors import UserPortraitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from userportrait._core.frames._engine import Kind
    from userportrait._core.frames._parts_schema import Schema

__all__ = ["MARKER", "BatchWorker", "Layout", "PartWorker", "answer_probe", "error_in", "plain"]

MARKER = "__table"
"""The column that says which table a row of the union belongs to."""

_ROWS_AT_ONCE = 100_000
_CARRIED = re.compile(r"\[userportrait:([A-Za-z0-9+/=]+)\]")


@dataclass(frozen=True)
class Layout:
    """Where the columns of several tables stand in their union.

    Parameters
    ----------
    tables : mapping of str to sequence of str
        For each table the names of its columns; column `j` of table `i` is ``'t{i}_{j}'``,
        because Spark takes other names apart (``'a.b'``).
    """

    tables: Mapping[str, Sequence[str]]

    def split(self, table: Any) -> dict[str, Any]:
        """Take the union of one part apart: a pyarrow table for each name."""
        compute: Any = import_module("pyarrow.compute")
        found: dict[str, Any] = {}
        for position, (name, columns) in enumerate(self.tables.items()):
            own = [f"t{position}_{j}" for j in range(len(columns))]
            chosen = table.select(own).rename_columns(list(columns))
            if len(self.tables) > 1:
                chosen = chosen.filter(compute.equal(table.column(MARKER), position))
            found[name] = _in_utc(chosen)
        return found


def _in_utc(table: Any) -> Any:
    """Return a table whose times are naive UTC, whatever the time zone of the session."""
    pa: Any = import_module("pyarrow")
    for position, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            micros = table.column(position).cast(pa.timestamp("us", tz=field.type.tz))
            naive = micros.cast(pa.int64()).cast(pa.timestamp("us"))
            table = table.set_column(position, field.name, naive)
    return table


@dataclass(frozen=True)
class PartWorker:
    """Runs a function on one part of Spark's making.

    Parameters
    ----------
    function : callable
    layout : Layout
    schema : mapping of str to kind or None
        The columns of the result; None if the function returns bytes.
    """

    function: Callable[[dict[str, Any]], Any]
    layout: Layout
    schema: Schema | None

    def run(self, table: Any) -> Any:
        """Return the result as a pyarrow table."""
        try:
            return _shaped(self.function(self.layout.split(table)), self.schema)
        except UserPortraitError as error:
            raise _carrier(error) from None


@dataclass(frozen=True)
class BatchWorker:
    """Runs a function on the rows that come by, some at a time; see `PartWorker`."""

    function: Callable[[Any], Any]
    layout: Layout
    schema: Mapping[str, Kind] | None

    def run(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield the results as record batches."""
        for table in _gathered(batches):
            (rows,) = self.layout.split(table).values()
            try:
                result = _shaped(self.function(rows), self.schema)
            except UserPortraitError as error:
                raise _carrier(error) from None
            yield from result.to_batches()


def plain(method: Callable[[Any], Any]) -> Any:
    """Return a method as a function of one argument, as which Spark counts it."""

    def run(rows: Any) -> Any:
        return method(rows)

    return run


def _gathered(batches: Iterator[Any]) -> Iterator[Any]:
    pa: Any = import_module("pyarrow")
    waiting: list[Any] = []
    n = 0
    for batch in batches:
        waiting.append(batch)
        n += batch.num_rows
        if n >= _ROWS_AT_ONCE:
            yield pa.Table.from_batches(waiting)
            waiting, n = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _shaped(result: Any, schema: Schema | None) -> Any:
    if schema is not None:
        return to_arrow(result, schema)
    pa: Any = import_module("pyarrow")
    return pa.table({"evidence": pa.array([result], type=pa.binary())})


def _carrier(error: UserPortraitError) -> RuntimeError:
    """Return an error whose text can be read by people and, by `error_in`, by the driver."""
    document = {"class": type(error).__name__, "args": error.args, "facts": vars(error)}
    packed = base64.b64encode(json.dumps(document, default=str).encode()).decode("ascii")
    return RuntimeError(f"{type(error).__name__}: {error} [userportrait:{packed}]")


def error_in(text: str) -> UserPortraitError | None:
    """Return the error that a worker's message carries, None if there is none.

    A message may quote the data, so nothing in it is ever run: a known class of error is
    made again from plain values.
    """
    found = _CARRIED.search(text)
    if found is None:
        return None
    try:
        document = json.loads(base64.b64decode(found.group(1), validate=True))
        kind: Any = getattr(errors, document["class"])
        args, facts = [_tupled(value) for value in document["args"]], dict(document["facts"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not (isinstance(kind, type) and issubclass(kind, UserPortraitError)):
        return None
    error = kind.__new__(kind)
    error.args = tuple(args)
    vars(error).update({str(name): _tupled(value) for name, value in facts.items()})
    return error


def _tupled(value: Any) -> Any:
    return tuple(value) if value.__class__ is list else value


def answer_probe(batches: Iterator[Any]) -> Iterator[Any]:
    """Say which Python a worker runs."""
    pa: Any = import_module("pyarrow")
    for _ in batches:
        version = ".".join(str(part) for part in sys.version_info[:2])
        yield pa.RecordBatch.from_pydict({"python": [version]})
