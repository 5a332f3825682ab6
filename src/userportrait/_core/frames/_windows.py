"""Words that look at rows in an order: numbers, previous values, first and last, tiles.

Wherever a word orders rows, null and NaN come last, texts go by Unicode code point, and the
order columns must be unique within `by`: give a tie-break, or the result is left to chance.
In `by`, null is a key like any other, unless said otherwise; NaN is not allowed there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.frames._columns import nullable, select_columns, with_integers
from userportrait._core.frames._engine import Frame, column_kinds, column_names
from userportrait._core.frames._sql import filter_sql, names_of, quoted, select_sql

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = [
    "first_by",
    "forward_fill",
    "last_by",
    "ordered_positions",
    "top_rows",
    "with_ntile",
    "with_previous",
    "with_row_number",
]

_POSITION = "__position"
_NUMBER = "__number"


def with_row_number(frame: Frame, by: Sequence[str], order: Sequence[str], name: str) -> Frame:
    """Add 1, 2, 3 … within each key, int64, by ascending order columns."""
    by, order = names_of(by), names_of(order)
    if frame.is_sql:
        number = f"CAST(row_number() OVER ({_over(frame, by, order)}) AS BIGINT)"
        return select_sql(frame, {name: number})
    native = frame.native
    if isinstance(native, pd.DataFrame):
        positions = ordered_positions(native, order)
        numbers = np.empty(len(native), dtype=np.int64)
        numbers[positions] = _numbers(native, by, positions)
        return with_integers(frame, name, numbers, np.ones(len(native), dtype=bool))
    pl: Any = import_module("polars")

    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return _polars_in_order(frame, order, [(number.over(by) if by else number).alias(name)])


def _numbers(native: pd.DataFrame, by: Sequence[str], positions: NDArray[np.intp]) -> Any:
    if not by:
        return np.arange(1, len(native) + 1)
    keys = native[list(by)].iloc[positions]
    return keys.groupby(list(by), sort=False, dropna=False).cumcount().to_numpy() + 1


def with_previous(
    frame: Frame, by: Sequence[str], order: Sequence[str], column: str, name: str
) -> Frame:
    """Add the value of the row before, within each key; null in each key's first row.

    Whole numbers stay whole beside null.
    """
    by, order = names_of(by), names_of(order)
    if frame.is_sql:
        previous = f"lag({quoted(frame, column)}) OVER ({_over(frame, by, order)})"
        return select_sql(frame, {name: previous})
    native = frame.native
    if isinstance(native, pd.DataFrame):
        positions = ordered_positions(native, order)
        values = nullable(native[column]).iloc[positions]
        if by:
            keys = [native[key].iloc[positions] for key in by]
            moved = values.groupby(keys, sort=False, dropna=False).shift(1)
        else:
            moved = values.shift(1)
        return frame.over(native.assign(**{name: moved.sort_index()}))
    pl: Any = import_module("polars")

    previous = pl.col(column).shift(1)
    return _polars_in_order(frame, order, [(previous.over(by) if by else previous).alias(name)])


def forward_fill(
    frame: Frame, by: Sequence[str], order: Sequence[str], columns: Sequence[str]
) -> Frame:
    """Replace null (and NaN) in columns by the last value before it, within each key."""
    by, order, columns = names_of(by), names_of(order), names_of(columns)
    kinds = column_kinds(frame, columns)
    if frame.is_sql:
        over = f"{_over(frame, by, order)} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        made = {
            name: f"{_last_known(frame, _sql_value(frame, name, kinds[name]))} OVER ({over})"
            for name in columns
        }
        return select_columns(select_sql(frame, made), column_names(frame))
    native = frame.native
    if isinstance(native, pd.DataFrame):
        positions = ordered_positions(native, order)
        ordered = native.iloc[positions]
        keys = [ordered[key] for key in by]
        filled: dict[str, Any] = {}
        for name in columns:
            values = _without_nan(ordered[name])
            groups = values.groupby(keys, sort=False, dropna=False) if by else values
            filled[name] = groups.ffill().sort_index()
        return frame.over(native.assign(**filled))
    pl: Any = import_module("polars")

    carried: list[Any] = []
    for name in columns:
        value = pl.col(name).fill_nan(None) if kinds[name] == "number" else pl.col(name)
        carried.append(value.forward_fill().over(by) if by else value.forward_fill())
    return _polars_in_order(frame, order, carried)


def _last_known(frame: Frame, value: str) -> str:
    if frame.engine == "spark":
        return f"last_value({value}, true)"
    return f"last_value({value} IGNORE NULLS)"


def first_by(
    frame: Frame, by: Sequence[str], order: Sequence[str], columns: Sequence[str]
) -> Frame:
    """Return one row for each key: its row that comes first by ascending order columns.

    The result has the key columns and `columns`, in no particular order. Rows with a null key
    are left out; a row whose order is null comes first only where there is no other.
    """
    return _one_by(frame, by, order, columns, descending=False)


def last_by(frame: Frame, by: Sequence[str], order: Sequence[str], columns: Sequence[str]) -> Frame:
    """Return one row for each key: its row that comes last by the order columns.

    As `first_by`; here, too, null in the order column loses against every value.
    """
    return _one_by(frame, by, order, columns, descending=True)


def _one_by(
    frame: Frame,
    by: Sequence[str],
    order: Sequence[str],
    columns: Sequence[str],
    *,
    descending: bool,
) -> Frame:
    by, order = names_of(by), names_of(order)
    chosen = list(dict.fromkeys([*by, *names_of(columns)]))
    falling = order if descending else ()
    if frame.is_sql:
        known = " AND ".join(f"{quoted(frame, key)} IS NOT NULL" for key in by)
        over = _over(frame, by, order, falling)
        numbered = select_sql(filter_sql(frame, known), {_NUMBER: f"row_number() OVER ({over})"})
        return select_columns(filter_sql(numbered, f"{_NUMBER} = 1"), chosen)
    native = frame.native
    if isinstance(native, pd.DataFrame):
        ordered = native.iloc[ordered_positions(native, order, falling)].dropna(subset=list(by))
        kept = ordered.drop_duplicates(list(by))[chosen]
        return frame.over(kept.reset_index(drop=True))
    sorted_frame = _polars_sorted(frame, native.drop_nulls(list(by)), order, falling)
    kept = sorted_frame.unique(list(by), keep="first", maintain_order=True).select(chosen)
    return frame.over(kept)


def with_ntile(frame: Frame, value: str, key: str, n: int, name: str) -> Frame:
    """Add which of n equal shares of the rows a value falls into: 1 (smallest) to n, int64.

    Row i of N in the order of value, then key, gets ``i * n // N + 1``, so that equal values
    may fall apart, but always the same way: the key must be unique. Rows whose value is null
    or NaN get null and do not count.
    """
    kinds = column_kinds(frame, [value])
    if frame.is_sql:
        number = _sql_value(frame, value, kinds[value])
        counted = f"({number} IS NOT NULL)"
        order = f"ORDER BY {number}, {quoted(frame, key)}"
        position = f"(row_number() OVER (PARTITION BY {counted} {order}) - 1)"
        divide = "div" if frame.engine == "spark" else "//"
        count = f"count({number}) OVER ()"
        tile = f"CAST({position} * {n} {divide} {count} + 1 AS BIGINT)"
        return select_sql(frame, {name: f"CASE WHEN {counted} THEN {tile} END"})
    native = frame.native
    if isinstance(native, pd.DataFrame):
        known = _without_nan(native[value]).notna().to_numpy(dtype=bool)
        positions = ordered_positions(native, [value, key])
        tiles = np.zeros(len(native), dtype=np.int64)
        total = int(known.sum())
        tiles[positions[:total]] = np.arange(total) * n // max(total, 1) + 1
        return with_integers(frame, name, tiles, known)
    pl: Any = import_module("polars")

    number = pl.col(value).fill_nan(None) if kinds[value] == "number" else pl.col(value)
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    tile = pl.when(number.is_not_null()).then(row * n // number.count().cast(pl.Int64) + 1)
    return _polars_in_order(frame, [value, key], [tile.cast(pl.Int64).alias(name)])


def top_rows(
    frame: Frame, order: Sequence[str], n: int, *, descending: Collection[str] = ()
) -> Frame:
    """Keep the n first rows by order columns, in that order; null comes last either way.

    `descending` names those of the columns that fall.
    """
    order, descending = names_of(order), [descending] if isinstance(descending, str) else descending
    if frame.engine == "spark":
        sf: Any = import_module("pyspark.sql.functions")

        kinds = column_kinds(frame, order)
        keys: list[Any] = []
        for column in order:
            value = sf.expr(_sql_value(frame, column, kinds[column]))
            falls = column in descending
            keys.append(value.desc_nulls_last() if falls else value.asc_nulls_last())
        return frame.over(frame.native.orderBy(*keys).limit(n))
    if frame.is_sql:
        return frame.over(frame.native.order(_order(frame, order, descending)).limit(n))
    native = frame.native
    if isinstance(native, pd.DataFrame):
        kept = native.iloc[ordered_positions(native, order, descending)[:n]]
        return frame.over(kept.reset_index(drop=True))
    return frame.over(_polars_sorted(frame, native, order, descending).head(n))


# --- SQL ---------------------------------------------------------------------------------


def _over(
    frame: Frame, by: Sequence[str], order: Sequence[str], descending: Collection[str] = ()
) -> str:
    keys = ", ".join(quoted(frame, key) for key in by)
    cut = f"PARTITION BY {keys} " if keys else ""
    return f"{cut}ORDER BY {_order(frame, order, descending)}"


def _order(frame: Frame, order: Sequence[str], descending: Collection[str]) -> str:
    kinds = column_kinds(frame, order)
    return ", ".join(
        f"{_sql_value(frame, column, kinds[column])} "
        f"{'DESC' if column in descending else 'ASC'} NULLS LAST"
        for column in order
    )


def _sql_value(frame: Frame, column: str, kind: str) -> str:
    value = quoted(frame, column)
    return f"CASE WHEN NOT isnan({value}) THEN {value} END" if kind == "number" else value


# --- in memory ---------------------------------------------------------------------------


def ordered_positions(
    native: pd.DataFrame, order: Sequence[str], descending: Collection[str] = ()
) -> NDArray[np.intp]:
    """Return the positions of a pandas frame's rows in order; equal rows as they stand."""
    keys = pd.DataFrame({name: _without_nan(native[name]) for name in order})
    rising = [name not in descending for name in order]
    ordered = keys.sort_values(list(order), ascending=rising, kind="stable")
    return ordered.index.to_numpy(dtype=np.intp)


def _without_nan(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column in which NaN is null."""
    if column.dtype.kind == "f" and not isinstance(column.dtype, np.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return pd.Series(values, index=column.index)
    return column


def _polars_sorted(
    frame: Frame, native: Any, order: Sequence[str], descending: Collection[str] = ()
) -> Any:
    pl: Any = import_module("polars")

    kinds = column_kinds(frame, order)
    keys = [
        pl.col(name).fill_nan(None) if kinds[name] == "number" else pl.col(name) for name in order
    ]
    falling = [name in descending for name in order]
    return native.sort(keys, descending=falling, nulls_last=True, maintain_order=True)


def _polars_in_order(frame: Frame, order: Sequence[str], made: Sequence[Any]) -> Frame:
    """Add columns worked out in another order, and put the rows back as they were."""
    numbered = frame.native.with_row_index(_POSITION)
    done = _polars_sorted(frame, numbered, order).with_columns(*made)
    return frame.over(done.sort(_POSITION).drop(_POSITION))
