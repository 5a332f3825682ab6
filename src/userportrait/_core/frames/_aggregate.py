"""The word that reduces by key: counts, sums, extremes and distinct counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import narwhals.stable.v2 as nw
import pandas as pd

from userportrait._core.frames._columns import known_number, with_columns
from userportrait._core.frames._engine import Frame, check_plain_names, column_kinds
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._sql import is_awkward, names_of
from userportrait._core.frames._survey import count_rows
from userportrait.errors import ColumnTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Aggregation", "aggregate", "count_rows"]

Aggregation: TypeAlias = tuple[str, Literal["sum", "min", "max", "n_unique", "count"]]
"""A column and what to make of it; conditions belong into a column of their own."""


def aggregate(
    frame: Frame,
    by: Sequence[str],
    measures: Mapping[str, Aggregation],
    *,
    rows: str | None = None,
    complete: bool = False,
) -> Frame:
    """Return one row for each distinct key, in no particular order.

    Parameters
    ----------
    frame : Frame
    by : sequence of str, or str
        One or more key columns. Rows with a null (or NaN) in any of them are left out.
    measures : mapping of str to (column, function)
        Output name to a column and one of ``sum`` (of numbers; nulls count as 0), ``min``,
        ``max`` (of numbers, times and dates; nulls are passed over), ``count`` (of values
        that are not null) and ``n_unique`` (null is not a value). NaN is null. What comes
        out is int64 for whole numbers and counts, float64 for other numbers and decimals,
        times for times and dates.
    rows : str, optional
        Name of an output column that counts the rows, int64.
    complete : bool, default=False
        Promises that no key is null, which saves a pass.

    Returns
    -------
    Frame
        The keys, then the measures in the order given.

    Raises
    ------
    ColumnTypeError
        If a column cannot be summed or ordered.
    """
    by = names_of(by)
    check_plain_names(frame, [*by, *measures, *([] if rows is None else [rows])])
    kinds = column_kinds(frame, {*by, *(column for column, _ in measures.values())})
    _check_functions(kinds, measures)
    frame, sources, keys = _prepared(frame, by, measures, kinds)
    counted = rows or _ROWS
    parts = [_reduce(name, sources[c], f) for name, (c, f) in measures.items()]
    distinct = [name for name, what in measures.items() if what[1] == "n_unique"]
    parts += [_reduce(_known(name), sources[measures[name][0]], "count") for name in distinct]
    parts.append(nw.len().alias(counted))
    inner: Any = frame.inner
    groups = inner.group_by(*keys) if complete else inner.group_by(*keys, drop_null_keys=True)
    grouped = groups.agg(*parts)
    # narwhals counts null as one more value; the vocabulary does not.
    without_null = [
        nw.col(name) - (nw.col(_known(name)) < nw.col(counted)).cast(nw.Int64) for name in distinct
    ]
    if without_null:
        grouped = grouped.with_columns(*without_null)
    whole = [
        nw.col(name).cast(nw.Int64)
        for name, (column, function) in measures.items()
        if function in ("count", "n_unique")
        or (function == "sum" and kinds[column] in ("integer", "boolean"))
    ]
    if rows is not None:
        whole.append(nw.col(rows).cast(nw.Int64))
    if whole:
        grouped = grouped.with_columns(*whole)
    named = [nw.col(key).alias(name) for name, key in zip(by, keys, strict=True)]
    chosen = [nw.col(name) for name in (*measures, *([rows] if rows is not None else []))]
    return frame.over(grouped.select(*named, *chosen))


_SUMMED = ("integer", "number", "decimal", "boolean", "empty")
_ORDERED = (*_SUMMED, "time", "date")


def _check_functions(kinds: Mapping[str, str], measures: Mapping[str, Aggregation]) -> None:
    for name, (column, function) in measures.items():
        fit = {"sum": _SUMMED, "min": _ORDERED, "max": _ORDERED}.get(function)
        if fit is not None and kinds[column] not in fit:
            message = f"{function} for '{name}' does not work on '{column}' ({kinds[column]})."
            raise ColumnTypeError(message, column=column)


def _prepared(
    frame: Frame,
    by: Sequence[str],
    measures: Mapping[str, Aggregation],
    kinds: Mapping[str, str],
) -> tuple[Frame, dict[str, str], list[str]]:
    """Add the columns to reduce, of one type and with null for NaN; say where each one is.

    A function of an expression would silently be wrong on some engines, so every value
    stands in a column of its own first; so do keys that may be NaN, and keys whose name
    DuckDB would take apart ("a.b").
    """
    keys: dict[str, str] = {}
    for position, name in enumerate(by):
        moved = kinds[name] == "number" or is_awkward(frame, name)
        keys[name] = f"__key_{position}" if moved else name
    moves = {
        key: known_number(frame, name) if kinds[name] == "number" else column_of(frame, name)
        for name, key in keys.items()
        if key != name
    }
    frame = with_columns(frame, moves)
    schema = frame.inner.collect_schema()
    sources: dict[str, str] = {}
    made: dict[str, Any] = {}
    for column in dict.fromkeys(column for column, _ in measures.values()):
        value = _reducible(frame, column, kinds[column], schema[column])
        sources[column] = column if value is None else f"__value_{len(made)}"
        if value is not None:
            made[sources[column]] = value
    return with_columns(frame, made), sources, list(keys.values())


def _reducible(frame: Frame, column: str, kind: str, dtype: Any) -> Any:
    """Return an expression for a column, or None where it can be reduced as it is."""
    if kind in _SUMMED:
        return None if dtype == nw.Int64 else known_number(frame, column, dtype)
    if kind == "date":
        return column_of(frame, column).cast(nw.Datetime("us"))
    if dtype in (nw.Object, nw.String) and isinstance(frame.native, pd.DataFrame):
        return nw.when(~nw.col(column).is_null()).then(nw.col(column))  # None and NaN alike
    return column_of(frame, column) if is_awkward(frame, column) else None


_ROWS = "__rows"


def _known(name: str) -> str:
    return f"__known_{name}"


def _reduce(name: str, column: str, function: str) -> Any:
    value = nw.col(column)
    reductions = {
        "sum": value.sum,
        "min": value.min,
        "max": value.max,
        "count": value.count,
        "n_unique": value.n_unique,
    }
    return reductions[function]().alias(name)
