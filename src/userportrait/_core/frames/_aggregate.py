"""Words that reduce: counts, sums, extremes and distinct counts by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import narwhals.stable.v2 as nw

from userportrait._core.frames._engine import Frame, column_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Aggregation", "aggregate", "count_missing", "count_rows", "extremes", "spans"]

Aggregation: TypeAlias = tuple[str, Literal["sum", "min", "max", "n_unique", "count"]]
"""A column and what to make of it; conditions belong into a column of their own."""


def aggregate(
    frame: Frame, by: Sequence[str], measures: Mapping[str, Aggregation], *, rows: str | None = None
) -> Frame:
    """Return one row for each distinct key, in no particular order.

    Parameters
    ----------
    frame : Frame
    by : sequence of str
        Key columns. Rows with a null in any of them are left out.
    measures : mapping of str to (column, function)
        Output name to a column and one of ``sum`` (nulls count as 0), ``min``, ``max``
        (nulls are passed over), ``count`` (of values that are not null) and ``n_unique``
        (null is not a value). Sums of integers and all counts are int64.
    rows : str, optional
        Name of an output column that counts the rows.

    Returns
    -------
    Frame
        The keys, then the measures in the order given.
    """
    kinds = column_kinds(frame)
    parts = [_reduce(name, *what) for name, what in measures.items()]
    distinct = [name for name, what in measures.items() if what[1] == "n_unique"]
    parts += [_reduce(_known(name), measures[name][0], "count") for name in distinct]
    parts.append(nw.len().alias(rows or _ROWS))
    grouped = frame.inner.group_by(*by, drop_null_keys=True).agg(*parts)
    # narwhals counts null as one more value; the vocabulary does not.
    without_null = [
        nw.col(name) - (nw.col(_known(name)) < nw.col(rows or _ROWS)).cast(nw.Int64)
        for name in distinct
    ]
    if without_null:
        grouped = grouped.with_columns(*without_null)
    whole = [nw.col(n).cast(nw.Int64) for n, (c, f) in measures.items() if _is_whole(f, kinds[c])]
    if rows is not None:
        whole.append(nw.col(rows).cast(nw.Int64))
    if whole:
        grouped = grouped.with_columns(*whole)
    chosen = [*by, *measures, *([rows] if rows is not None else [])]
    return Frame(frame.engine, grouped.select(*chosen))


_ROWS = "__rows"


def _known(name: str) -> str:
    return f"__known_{name}"


def _is_whole(function: str, kind: str) -> bool:
    return function in ("count", "n_unique") or (function == "sum" and kind == "integer")


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


def count_rows(frame: Frame) -> int:
    """Return the number of rows."""
    if isinstance(frame.inner, nw.DataFrame):
        return len(frame.inner)
    if frame.engine == "duckdb":
        return int(frame.native.aggregate("count(*) AS n").fetchall()[0][0])
    return int(frame.inner.select(nw.len()).collect().item())


def count_missing(frame: Frame, columns: Sequence[str]) -> dict[str, int]:
    """Return how many values of each column are null or NaN."""
    kinds = column_kinds(frame)
    flags = []
    for position, name in enumerate(columns):
        missing = nw.col(name).is_null()
        if kinds[name] == "number":
            missing = missing | nw.col(name).fill_null(0.0).is_nan()
        flags.append(missing.cast(nw.Int64).alias(f"m{position}"))
    if not flags:
        return {}
    marks = frame.inner.select(*flags)
    totals = _only_row(marks.select(*(nw.col(f"m{i}").sum() for i in range(len(flags)))))
    return {name: int(totals[f"m{i}"] or 0) for i, name in enumerate(columns)}


def extremes(frame: Frame, column: str) -> tuple[Any, Any]:
    """Return the least and the greatest value, nulls passed over; None where there is none."""
    return spans(frame, [column])[column]


def spans(frame: Frame, columns: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the least and greatest value of several columns at once; see `extremes`."""
    parts = []
    for position, name in enumerate(columns):
        parts += [
            nw.col(name).min().alias(f"l{position}"),
            nw.col(name).max().alias(f"h{position}"),
        ]
    found = _only_row(frame.inner.select(*parts))
    return {name: (found[f"l{i}"], found[f"h{i}"]) for i, name in enumerate(columns)}


def _only_row(inner: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> dict[str, Any]:
    if isinstance(inner, nw.DataFrame):
        return next(inner.iter_rows(named=True))
    native = inner.to_native()
    if hasattr(native, "fetchall"):
        return dict(zip(native.columns, native.fetchall()[0], strict=True))
    return next(inner.collect().iter_rows(named=True))
