"""Parts on Spark: Spark shuffles the rows and runs the function, on every worker at once."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import narwhals.stable.v2 as nw

from userportrait._core.frames._engine import Frame, Kind, column_kinds
from userportrait._core.frames._parts_schema import Like, Parts, check_schema_kinds, to_arrow
from userportrait._core.frames._parts_worker import (
    MARKER,
    BatchWorker,
    Layout,
    PartWorker,
    answer_probe,
    error_in,
    plain,
)
from userportrait.errors import UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from userportrait._core.frames._parts_schema import Schema

__all__ = [
    "SparkParts",
    "check_workers",
    "collect_spark_batches",
    "map_spark_batches",
    "quiet_spark",
    "with_loose_key_on_spark",
]

_PART = "__part"
_TYPES = {
    "integer": "bigint",
    "number": "double",
    "text": "string",
    "boolean": "boolean",
    "time": "timestamp_ntz",
    "date": "date",
}


@contextmanager
def quiet_spark() -> Generator[None]:
    """Call Spark without its warning about pandas 3, and with our own errors as they were.

    An error of this library that was raised on a worker arrives as a page of Java and Python;
    it is raised again here with its class, its message and its attributes.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        try:
            yield
        except Exception as error:
            ours = None if "userportrait:" not in str(error) else error_in(str(error))
            if ours is None:
                raise
            raise ours from None


_CHECKED: WeakSet[Any] = WeakSet()
_MISMATCH = ("PYTHON_VERSION_MISMATCH", "Python in worker has different version")


def check_workers(session: Any) -> None:
    """Raise if the workers of a session cannot run this library; a small job, once a session.

    Raises
    ------
    UnsupportedOnEngine
        If their Python is another than the driver's, or lacks this library or pyarrow.
    """
    if session in _CHECKED:
        return
    try:
        with quiet_spark():
            session.range(1).mapInArrow(answer_probe, "python string").collect()
    except Exception as error:
        remedy = _remedy(str(error))
        if remedy is None:
            raise
        raise UnsupportedOnEngine("Running Python on the workers", "spark", remedy) from None
    _CHECKED.add(session)


def _remedy(text: str) -> str | None:
    version = ".".join(str(part) for part in sys.version_info[:2])
    if any(sign in text for sign in _MISMATCH):
        return (
            f"The workers must run the driver's Python, {version}. Set the environment variable "
            f"PYSPARK_PYTHON (here to sys.executable) before the session starts."
        )
    if "Cannot run program" in text:
        return (
            "The workers find no Python. Set the environment variable PYSPARK_PYTHON (here to "
            "sys.executable) before the session starts."
        )
    for package in ("userportrait", "pyarrow", "pandas", "narwhals", "numpy"):
        if f"No module named '{package}" in text:
            return (
                f"The workers' Python has no package {package}. Install userportrait[spark] there "
                f"too, or set the environment variable PYSPARK_PYTHON to a Python that has it "
                f"before the session starts."
            )
    return None


class SparkParts(Parts):
    """Parts that are groups of Spark, made by a shuffle when a result is computed."""

    def __init__(
        self, tables: Mapping[str, tuple[Frame, str]], n_parts: int, *, at_least_shuffled: bool
    ) -> None:
        first = next(iter(tables.values()))[0].native
        self._session: Any = first.sparkSession
        check_workers(self._session)
        frames = {name: self._on_spark(frame) for name, (frame, _) in tables.items()}
        keys = {name: key for name, (_, key) in tables.items()}
        self._layout = Layout({name: tuple(frame.columns) for name, frame in frames.items()})
        kinds = {
            name: str(column_kinds(frame, [key])[key]) for name, (frame, key) in tables.items()
        }
        shuffled = int(self._session.conf.get("spark.sql.shuffle.partitions"))
        self.n_parts = max(n_parts, shuffled) if at_least_shuffled else n_parts
        self._fields = {name: frame.schema for name, frame in frames.items()}
        self._rows = self._united(frames, keys, kinds)

    def _on_spark(self, frame: Frame) -> Any:
        if frame.engine == "spark":
            return frame.native
        native = frame.native
        if isinstance(frame.inner, nw.LazyFrame):
            native = native.collect() if hasattr(native, "collect") else native.to_arrow_table()
        kinds = column_kinds(frame)
        with quiet_spark():
            sent = _sendable(kinds)
            return self._session.createDataFrame(to_arrow(native, sent), _ddl(sent))

    def _united(
        self, frames: Mapping[str, Any], keys: Mapping[str, str], kinds: Mapping[str, str]
    ) -> Any:
        functions: Any = import_module("pyspark.sql.functions")
        selects: list[Any] = []
        for position, (name, frame) in enumerate(frames.items()):
            key = functions.col(_quoted(keys[name]))
            key = key.cast("bigint" if kinds[name] == "integer" else "string")
            part = functions.pmod(functions.xxhash64(key), functions.lit(self.n_parts))
            columns = [part.cast("int").alias(_PART), functions.lit(position).alias(MARKER)]
            for i, other in enumerate(frames.values()):
                for j, field in enumerate(other.schema.fields):
                    own = functions.col(_quoted(field.name))
                    value = own if i == position else functions.lit(None).cast(field.dataType)
                    columns.append(value.alias(f"t{i}_{j}"))
            selects.append(frame.select(*columns))
        united = selects[0]
        for more in selects[1:]:
            united = united.union(more)
        return united

    def _apply(self, function: Any, schema: Schema | None, types: Any) -> Any:
        worker = PartWorker(function, self._layout, schema)
        with quiet_spark():
            return self._rows.groupBy(_PART).applyInArrow(plain(worker.run), types)

    def map(self, function: Callable[[dict[str, Any]], Any], schema: Schema) -> Frame:
        """Return what a function makes of each part; see `Parts.map`."""
        check_schema_kinds(schema)
        result = self._apply(function, dict(schema), self._struct(schema))
        return Frame("spark", nw.from_native(result))

    def _struct(self, schema: Schema) -> Any:
        """Return the result's columns as Spark's own type."""
        types: Any = import_module("pyspark.sql.types")
        found = types.StructType()
        for name, kind in schema.items():
            if isinstance(kind, Like):
                own = self._fields[kind.table][kind.column].dataType
                # Times arrive in UTC, without a zone.
                own = types.TimestampNTZType() if isinstance(own, types.TimestampType) else own
            else:
                own = types.DataType.fromDDL(_TYPES[kind])
            found = found.add(name, own, nullable=True)
        return found

    def collect(self, function: Callable[[dict[str, Any]], bytes]) -> list[bytes]:
        """Return the bytes that a function makes of each part; see `Parts.collect`."""
        result = self._apply(function, None, "evidence binary")
        with quiet_spark():
            return [bytes(row[0]) for row in result.collect()]


def _sendable(kinds: Mapping[str, Kind]) -> dict[str, Kind]:
    """Return what each column of a table in memory is on Spark."""
    sent: dict[Kind, Kind] = {"category": "text", "empty": "text", "decimal": "number"}
    return {name: sent.get(kind, kind) for name, kind in kinds.items() if kind != "other"}


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _ddl(schema: Mapping[str, Kind]) -> str:
    return ", ".join(f"{_quoted(name)} {_TYPES[kind]}" for name, kind in schema.items())


def map_spark_batches(
    frame: Frame, function: Callable[[Any], Any], schema: Mapping[str, Kind]
) -> Frame:
    """Run a function on the rows of a Spark frame, where they are; see `map_batches`."""
    return frame.over(_apply_to_batches(frame.native, function, dict(schema), _ddl(schema)))


def collect_spark_batches(frame: Frame, function: Callable[[Any], bytes]) -> list[bytes]:
    """Collect the bytes that a function makes of the rows, where they are."""
    result = _apply_to_batches(frame.native, function, None, "evidence binary")
    with quiet_spark():
        return [bytes(row[0]) for row in result.collect()]


def _apply_to_batches(
    native: Any, function: Any, schema: Mapping[str, Kind] | None, types: str
) -> Any:
    check_workers(native.sparkSession)
    worker = BatchWorker(function, Layout({"rows": tuple(native.columns)}), schema)
    rows = native.toDF(*(f"t0_{j}" for j in range(len(native.columns))))
    with quiet_spark():
        return rows.mapInArrow(plain(worker.run), types)


def with_loose_key_on_spark(frame: Frame, column: str, name: str, kind: Kind) -> Frame:
    """Add the loose key; see `with_loose_key`."""
    functions: Any = import_module("pyspark.sql.functions")
    source = _quoted(column)
    if kind in ("integer", "number", "decimal"):
        key = functions.expr(f"try_cast({source} AS bigint)")
    else:
        head = functions.substring_index(functions.col(source).cast("string"), ".", 1)
        key = functions.regexp_replace(head, r"[\s\p{Z}\p{C}]", "")
    return frame.over(frame.native.withColumn(name, key))
