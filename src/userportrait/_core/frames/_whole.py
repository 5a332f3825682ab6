"""Words of whole numbers: exact arithmetic, the first known value, counts of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._arrays import arrow_of, collect_arrays
from userportrait._core.frames._columns import with_columns, with_integers, with_quotient
from userportrait._core.frames._engine import Frame, column_kinds
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._sql import project_sql, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["count_values", "with_arithmetic", "with_first_known"]

Arithmetic: TypeAlias = Literal["+", "-", "*", "//", "max"]


def with_arithmetic(
    frame: Frame, left: str | int, op: Arithmetic, right: str | int, name: str
) -> Frame:
    """Add what two whole numbers make, exactly, as int64; null where either is null.

    Each side is a column of whole numbers or a constant, at least one is a column; ``//``
    rounds down and takes an int64 column and a positive constant.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        (above, known), (below, also) = _numbers(native, left), _numbers(native, right)
        functions: dict[str, Any] = {
            "+": np.add,
            "-": np.subtract,
            "*": np.multiply,
            "//": np.floor_divide,
            "max": np.maximum,
        }
        return with_integers(frame, name, functions[op](above, below), known & also)
    if op == "//":
        return with_quotient(frame, str(left), int(right), name)
    a, b = (_value(frame, side) for side in (left, right))
    if op == "max":
        both = ~(a.is_null() | b.is_null())
        return with_columns(frame, {name: nw.when(both & (a >= b)).then(a).when(both).then(b)})
    made = {"+": a + b, "-": a - b, "*": a * b}[op]
    return with_columns(frame, {name: made.cast(nw.Int64)})


def _numbers(native: pd.DataFrame, side: str | int) -> tuple[Any, Any]:
    if isinstance(side, int):
        filled = np.full(len(native), side, dtype=np.int64)
        return filled, np.ones(len(native), dtype=bool)
    column: Any = native[side]
    return column.to_numpy(dtype=np.int64, na_value=0), column.notna().to_numpy(dtype=bool)


def _value(frame: Frame, side: str | int) -> Any:
    if isinstance(side, int):
        return nw.lit(side, dtype=nw.Int64)
    return column_of(frame, side).cast(nw.Int64)


def with_first_known(frame: Frame, columns: Sequence[str], name: str) -> Frame:
    """Add the first of some int64 columns that is not null."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        found: Any = _numbers(native, columns[0])
        for column in columns[1:]:
            others, also = _numbers(native, column)
            found = np.where(found[1], found[0], others), found[1] | also
        return with_integers(frame, name, *found)
    first = nw.coalesce(*(column_of(frame, column) for column in columns))
    return with_columns(frame, {name: first})


def count_values(
    frame: Frame, columns: Sequence[str]
) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    """Count how often each value of numeric columns comes, on the engine, in one pass.

    Only the counts are collected.

    Returns
    -------
    dict of str to (values, counts)
        Values ascending, int64 for whole numbers and float64 for others; null and NaN are
        left out.
    """
    whole = [name for name, kind in column_kinds(frame, columns).items() if kind == "integer"]
    if not frame.is_sql:
        arrays = collect_arrays(frame, columns)
        return {name: _counted(_known(arrays[name], name in whole)) for name in columns}
    found = _counted_by_engine(frame, columns, whole)
    counted: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}
    for place, name in enumerate(columns):
        rows = found["c"] == place
        values = found["i" if name in whole else "x"][rows]
        order = np.argsort(values, kind="stable")
        counted[name] = values[order], found["n"][rows][order]
    return counted


def _known(values: NDArray[Any], whole: bool) -> NDArray[Any]:
    known = values[pd.notna(values)]
    return known.astype(np.int64 if whole else np.float64)


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    distinct, counts = np.unique(values, return_counts=True)
    return distinct, counts.astype(np.int64)


def _counted_by_engine(
    frame: Frame, columns: Sequence[str], whole: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Write the columns below each other, as (column, whole number, other number), and count."""
    rows: list[tuple[str, str, str]] = []
    for place, name in enumerate(columns):
        value = quoted(frame, name)
        unknown = f"{value} IS NULL"
        number, other = "CAST(0 AS BIGINT)", "CAST(0 AS DOUBLE)"
        if name in whole:
            number = f"CAST(coalesce({value}, 0) AS BIGINT)"
        else:
            unknown += f" OR isnan(CAST({value} AS DOUBLE))"
            other = f"CAST(coalesce({value}, 0) AS DOUBLE)"
        column = f"CAST(CASE WHEN {unknown} THEN -1 ELSE {place} END AS BIGINT)"
        rows.append((column, number, other))
    if frame.engine == "spark":
        cells = ", ".join(cell for row in rows for cell in row)
        long = project_sql(frame, [f"stack({len(rows)}, {cells}) AS (c, i, x)"])
        counted = long.groupBy("c", "i", "x").count().selectExpr("c", "i", "x", "count AS n")
        table = arrow_of(frame.over(counted))
        return {name: table.column(name).to_pandas().to_numpy() for name in ("c", "i", "x", "n")}
    structs = ", ".join(f"struct_pack(c := {c}, i := {i}, x := {x})" for c, i, x in rows)
    long = frame.native.project(f"unnest([{structs}]) AS s").project("s.c AS c, s.i AS i, s.x AS x")
    counted = long.aggregate("c, i, x, count(*) AS n", "c, i, x")
    return collect_arrays(frame.over(counted), ["c", "i", "x", "n"])
