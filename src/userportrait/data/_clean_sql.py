"""The few things that cleaning in parts asks of DuckDB and Spark in their own words."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from userportrait._core import frames
from userportrait.data._clean_ids import MISSING_TEXTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from userportrait._core.frames import Frame

__all__ = [
    "first_rows",
    "forget",
    "persisted",
    "projected",
    "rows_without",
    "shared_keys",
    "storable",
    "texts_of",
    "totals",
    "with_cutting_key",
    "zoned_columns",
]

_AS_TEXT = ("ENUM", "UUID")
_WIDE = ("HUGEINT", "UHUGEINT")
_LARGEST = 2**63 - 1


def _quoted(frame: Frame, name: str) -> str:
    mark = "`" if frame.worker == "spark" else '"'
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def storable(frame: Frame, roles: Collection[str]) -> Frame:
    """Return a DuckDB relation with types that numpy and Parquet have, others as they are.

    As in memory, enums and UUIDs become texts; whole numbers of 128 bits become int64 if all
    of them fit, else texts, and so do unsigned ones that play a role.
    """
    if frame.worker != "duckdb":
        return frame
    native = frame.native
    types = dict(zip(native.columns, map(str, native.types), strict=True))
    wide = [
        name
        for name, kind in types.items()
        if kind in _WIDE or (kind == "UBIGINT" and name in roles)
    ]
    casts = {
        name: "VARCHAR"
        for name, kind in types.items()
        if kind.startswith(_AS_TEXT) and not kind.endswith("]")
    }
    if wide:
        ends = [f"{end}({_quoted(frame, name)})" for name in wide for end in ("min", "max")]
        found = native.aggregate(", ".join(ends)).fetchall()[0]
        for place, name in enumerate(wide):
            low, high = found[2 * place], found[2 * place + 1]
            fits = low is None or (int(low) >= -_LARGEST - 1 and int(high) <= _LARGEST)
            casts[name] = "BIGINT" if fits else "VARCHAR"
    return projected(frame, {name: name for name in types}, casts) if casts else frame


def zoned_columns(frame: Frame) -> frozenset[str]:
    """Name the columns of instants: times that know their zone."""
    native = frame.native
    if frame.worker == "spark":
        return frozenset(name for name, kind in native.dtypes if kind == "timestamp")
    types = zip(native.columns, map(str, native.types), strict=True)
    return frozenset(name for name, kind in types if kind == "TIMESTAMP WITH TIME ZONE")


def with_cutting_key(frame: Frame, column: str, others: Collection[str], name: str) -> Frame:
    """Add a column to cut rows by: equal where the clean IDs are, any value where there is none.

    Rows without an ID may be many, and no part should have to hold all of them.

    Parameters
    ----------
    frame : Frame
    column : str
        Raw IDs.
    others : collection of str
        Columns that tell rows without an ID apart.
    name : str
        The new column.
    """
    keyed = frames.with_loose_key(frame, column, name)
    is_text = frames.column_kinds(keyed, [name])[name] != "integer"
    own = _quoted(frame, name)
    gone = f"{own} IS NULL"
    if is_text:
        texts = ", ".join(f"'{text}'" for text in sorted({"", *MISSING_TEXTS}))
        gone = f"{gone} OR {own} IN ({texts})"
    listed = ", ".join(_quoted(frame, other) for other in others)
    if frame.worker == "spark":
        functions: Any = import_module("pyspark.sql.functions")
        mixed = f"CAST(xxhash64({listed}) AS {'STRING' if is_text else 'BIGINT'})"
        key = functions.expr(f"CASE WHEN {gone} THEN {mixed} ELSE {own} END")
        return keyed.over(keyed.native.withColumn(name, key))
    mixed = (
        f"CAST(hash({listed}) AS VARCHAR)" if is_text else f"CAST(hash({listed}) >> 1 AS BIGINT)"
    )
    key = f"CASE WHEN {gone} THEN {mixed} ELSE {own} END"
    return keyed.over(keyed.native.project(f"* REPLACE ({key} AS {own})"))


def first_rows(frame: Frame, n_rows: int) -> Frame:
    """Return some rows."""
    return frame.over(frame.native.limit(n_rows))


def projected(frame: Frame, columns: Mapping[str, str], casts: Mapping[str, str]) -> Frame:
    """Return columns under new names, some of them cast.

    Parameters
    ----------
    frame : Frame
    columns : mapping of str to str
        Old name to new name.
    casts : mapping of str to str
        Old name to SQL type.
    """
    chosen: list[str] = []
    for old, new in columns.items():
        own = _quoted(frame, old)
        value = f"CAST({own} AS {casts[old]})" if old in casts else own
        chosen.append(f"{value} AS {_quoted(frame, new)}")
    native = frame.native
    if frame.worker == "spark":
        return frame.over(native.selectExpr(*chosen))
    return frame.over(native.project(", ".join(chosen)))


def rows_without(frame: Frame, column: str) -> Frame:
    """Return the rows where a column is null."""
    return frame.over(frame.native.filter(f"{_quoted(frame, column)} IS NULL"))


def texts_of(frame: Frame, column: str) -> list[str]:
    """Collect a column of few texts, without nulls."""
    own = _quoted(frame, column)
    native = frame.native.filter(f"{own} IS NOT NULL")
    if frame.worker == "spark":
        with frames.quiet_spark():
            return [str(row[0]) for row in native.selectExpr(own).collect()]
    return [str(row[0]) for row in native.project(own).fetchall()]


def persisted(frame: Frame) -> Frame:
    """Return a frame that Spark computes once: in memory, or on disk what does not fit there."""
    if frame.worker == "spark":
        return frame.over(frame.native.persist())
    return frame


def forget(frame: Frame) -> None:
    """Let Spark free what it keeps of a frame; it is computed again when it is used."""
    if frame.worker == "spark":
        frame.native.unpersist()


def shared_keys(frame: Frame, key: str, owner: str) -> Frame:
    """Return the keys that have several owners, and as `n` how many rows each has."""
    own, other = _quoted(frame, key), _quoted(frame, owner)
    made = ["count(*) AS n", f"min({other}) AS first_owner", f"max({other}) AS last_owner"]
    native = frame.native
    if frame.worker == "spark":
        functions: Any = import_module("pyspark.sql.functions")
        grouped = native.groupBy(own).agg(*(functions.expr(text) for text in made))
    else:
        grouped = native.aggregate(", ".join([own, *made]), own)
    return frame.over(grouped.filter("first_owner <> last_owner"))


def totals(frame: Frame) -> tuple[int, int]:
    """Return the sum of `n`, and how many rows there are."""
    made = ["coalesce(sum(n), 0) AS total", "count(*) AS n_rows"]
    if frame.worker == "spark":
        with frames.quiet_spark():
            found = frame.native.selectExpr(*made).collect()[0]
    else:
        found = frame.native.aggregate(", ".join(made)).fetchall()[0]
    return int(found[0]), int(found[1])
