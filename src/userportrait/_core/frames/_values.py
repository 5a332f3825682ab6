"""Words that derive a column from another one, value by value, and keep rows by it."""

from __future__ import annotations

import operator
from hashlib import md5
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from userportrait._core.frames._arrays import from_arrays
from userportrait._core.frames._columns import (
    known_number,
    nullable,
    select_columns,
    with_columns,
    with_integers,
)
from userportrait._core.frames._engine import Frame, column_kinds, enter
from userportrait._core.frames._sql import column as column_of
from userportrait._core.frames._sql import (
    filter_sql,
    kept_beside,
    literal,
    quoted,
    select_sql,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.frames._engine import Engine

__all__ = [
    "Constant",
    "Operator",
    "keep_sample",
    "keep_where",
    "with_bins",
    "with_condition",
    "with_contains",
    "with_indicators",
    "with_mapped",
    "with_ratio",
    "with_value",
    "with_where",
]

Constant: TypeAlias = bool | int | float | str
Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMERIC = ("integer", "number", "decimal")


def with_value(frame: Frame, name: str, constant: Constant) -> Frame:
    """Add the same value in every row: int64, float64, boolean or text."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        column = pd.Series([constant]).repeat(len(native)).reset_index(drop=True)
        return frame.over(native.assign(**{name: column}))
    if frame.is_sql:
        return select_sql(frame, {name: literal(frame, constant)})
    return with_columns(frame, {name: nw.lit(constant, dtype=_type_of(constant))})


def _type_of(constant: Constant) -> Any:
    if isinstance(constant, bool):
        return nw.Boolean
    if isinstance(constant, int):
        return nw.Int64
    return nw.Float64 if isinstance(constant, float) else nw.String


def with_ratio(frame: Frame, numerator: str, denominator: str, name: str) -> Frame:
    """Add a quotient of two numeric columns, float64.

    Null where the denominator is 0 and where either is null or NaN.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        above = native[numerator].to_numpy(dtype=np.float64, na_value=np.nan)
        below = native[denominator].to_numpy(dtype=np.float64, na_value=np.nan)
        made = np.full(len(native), np.nan)
        np.divide(above, below, out=made, where=below != 0)
        return frame.over(native.assign(**{name: made}))
    above = known_number(frame, numerator).cast(nw.Float64)
    below = known_number(frame, denominator).cast(nw.Float64)
    if frame.worker == "polars":
        # It would multiply by the reciprocal of a constant column, which rounds otherwise.
        below = below + (above < 0.0).cast(nw.Float64) * 0.0
    return with_columns(frame, {name: nw.when(below != 0.0).then(above / below)})


def with_condition(frame: Frame, column: str, op: Operator, constant: Constant, name: str) -> Frame:
    """Add whether a column compares with a constant as said; boolean.

    False where the value is null or NaN, also for ``!=``. Texts compare by Unicode code
    point.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        return _with_flags(frame, name, _compared_pandas(native[column], op, constant))
    return with_columns(frame, {name: _compared(frame, column, op, constant)})


def _compared(frame: Frame, column: str, op: str, constant: Constant) -> Any:
    numeric = column_kinds(frame, [column])[column] in _NUMERIC
    value = known_number(frame, column) if numeric else column_of(frame, column)
    return _OPERATORS[op](value, nw.lit(constant, dtype=_type_of(constant))).fill_null(False)


def _compared_pandas(column: pd.Series[Any], op: str, constant: Constant) -> NDArray[np.bool_]:
    known = column.notna().to_numpy(dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    flags = np.zeros(len(column), dtype=bool)
    compared: Any = _OPERATORS[op](column[known], constant)
    flags[known] = compared.to_numpy(dtype=bool, na_value=False)  # NaN among arrow floats
    if op == "!=" and column.dtype.kind == "f":
        flags &= ~np.isnan(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return flags


def _with_flags(frame: Frame, name: str, flags: NDArray[np.bool_]) -> Frame:
    return frame.over(frame.native.assign(**{name: flags}))


def with_where(
    frame: Frame, flag: str, column: str, name: str, otherwise: Constant | None = 0
) -> Frame:
    """Add a column's values where a boolean column is true, and a constant elsewhere.

    A flag that is null counts as false. Numbers become int64 or float64, where NaN is null;
    whole numbers stay whole beside null. The constant is of the column's own kind.
    """
    kind = column_kinds(frame, [column])[column]
    native = frame.native
    if isinstance(native, pd.DataFrame):
        shown = native[flag].to_numpy(dtype=bool, na_value=False)
        values = _number(native[column], kind) if kind in _NUMERIC else native[column]
        if otherwise is None:
            made = nullable(values).where(shown)
        else:
            made = values.where(shown, otherwise)
        return frame.over(native.assign(**{name: made}))
    value = known_number(frame, column) if kind in _NUMERIC else column_of(frame, column)
    chosen: Any = nw.when(column_of(frame, flag).fill_null(False)).then(value)
    if otherwise is not None:
        chosen = chosen.otherwise(nw.lit(otherwise))
    return with_columns(frame, {name: chosen})


def _number(column: pd.Series[Any], kind: str) -> pd.Series[Any]:
    if kind == "integer":
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
            return column.astype("int64")
        return column.astype("Int64")
    return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)


def with_bins(frame: Frame, column: str, edges: Sequence[float], name: str) -> Frame:
    """Add how many edges are smaller than the value, int64.

    A value on an edge belongs to the bin that ends there. Null and NaN stay null.
    """
    native = frame.native
    if isinstance(native, pd.DataFrame):
        values = native[column].to_numpy(dtype=np.float64, na_value=np.nan)
        known = ~np.isnan(values)
        limits: Any = np.sort(np.asarray(edges, dtype=np.float64))
        positions = cast("Any", np.searchsorted(limits, values))
        return with_integers(frame, name, positions, known)
    value = known_number(frame, column)
    made = nw.when(~value.is_null()).then(nw.lit(0, dtype=nw.Int64))
    for edge in edges:
        made = made + (value > float(edge)).cast(nw.Int64)
    return with_columns(frame, {name: made.cast(nw.Int64)})


def with_contains(frame: Frame, column: str, text: str, name: str) -> Frame:
    """Add whether a text holds another one, letter by letter; boolean, false for null."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        flags: Any = native[column].str.contains(text, regex=False, na=False)
        return _with_flags(frame, name, flags.to_numpy(dtype=bool, na_value=False))
    if frame.is_sql:
        value = f"contains({quoted(frame, column)}, {literal(frame, text)})"
        return select_sql(frame, {name: f"coalesce({value}, FALSE)"})
    found = nw.col(column).str.contains(text, literal=True).fill_null(False)
    return with_columns(frame, {name: found})


def with_indicators(frame: Frame, column: str, values: Mapping[str, Constant]) -> Frame:
    """Add a column for each value: 1 where the column holds it, else 0, also for null; int64."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        source = native[column]
        made = {
            name: _compared_pandas(source, "==", value).astype(np.int64)
            for name, value in values.items()
        }
        return frame.over(native.assign(**made))
    return with_columns(
        frame,
        {
            name: _compared(frame, column, "==", value).cast(nw.Int64)
            for name, value in values.items()
        },
    )


def keep_where(frame: Frame, flag: str) -> Frame:
    """Keep the rows where a boolean column is true; null is not."""
    native = frame.native
    if isinstance(native, pd.DataFrame):
        kept = np.flatnonzero(native[flag].to_numpy(dtype=bool, na_value=False))
        return frame.over(native.take(kept).reset_index(drop=True))
    return frame.over(frame.inner.filter(column_of(frame, flag)))


def with_mapped(
    frame: Frame,
    column: str,
    mapping: Mapping[Any, Constant],
    name: str,
    default: Constant | None = None,
) -> Frame:
    """Add what a mapping says of a column of texts or whole numbers.

    All values of the mapping are of one kind, which the result gets: int64, float64,
    boolean or text. What is not in the mapping becomes `default`; null stays null.
    """
    native = frame.native
    keys, values = list(mapping), list(mapping.values())
    if isinstance(native, pd.DataFrame):
        return frame.over(native.assign(**{name: _mapped(native[column], keys, values, default)}))
    if frame.is_sql and len(mapping) > _CASES:
        return _mapped_by_join(frame, column, mapping, name, default)
    if frame.is_sql:
        source = quoted(frame, column)
        cases = " ".join(
            f"WHEN {literal(frame, key)} THEN {literal(frame, value)}"
            for key, value in mapping.items()
        )
        other = literal(frame, default)
        chosen = f"CASE {source} {cases} ELSE {other} END" if cases else other
        dtype = _SQL_TYPES[type(values[0] if values else default)]
        made = f"CAST(CASE WHEN {source} IS NOT NULL THEN {chosen} END AS {dtype})"
        return select_sql(frame, {name: made.replace("AS STRING", _text_type(frame))})
    pl: Any = import_module("polars")

    value = pl.col(column)
    dtype = _polars_type(pl, values[0] if values else default)
    mapped = value.replace_strict(keys, values, default=default, return_dtype=dtype)
    return frame.over(
        frame.native.with_columns(pl.when(value.is_not_null()).then(mapped).alias(name))
    )


_CASES = 100  # more make a plan that is slow to read


def _mapped_by_join(
    frame: Frame, column: str, mapping: Mapping[Any, Constant], name: str, default: Constant | None
) -> Frame:
    # Joining frames is built on these words.
    from userportrait._core.frames._joins import join_rows

    keys, values = (_array(list(part)) for part in (mapping, mapping.values()))
    engine: Engine = "spark" if frame.engine == "spark" else "duckdb"
    table = from_arrays({column: keys, _MAPPED: values}, engine, like=frame)
    joined = join_rows(frame, enter(table), [column], "left")
    other = literal(frame, default)
    known = f"{quoted(frame, column)} IS NOT NULL"
    made = f"CASE WHEN {known} THEN coalesce({_MAPPED}, {other}) END"
    rest = [*kept_beside(frame, [name]), name]
    return select_columns(select_sql(joined, {name: made}), rest)


_MAPPED = "__mapped"


def _array(values: list[Any]) -> NDArray[Any]:
    return np.array(values, dtype=object if isinstance(values[0], str) else None)


_SQL_TYPES = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "STRING", type(None): "STRING"}


def _text_type(frame: Frame) -> str:
    return "AS STRING" if frame.engine == "spark" else "AS VARCHAR"


def _polars_type(pl: Any, value: Constant | None) -> Any:
    types: dict[type, Any] = {bool: pl.Boolean, int: pl.Int64, float: pl.Float64}
    return types.get(type(value), pl.String)


def _mapped(
    column: pd.Series[Any], keys: list[Any], values: list[Any], default: Constant | None
) -> Any:
    known = column.notna().to_numpy(dtype=bool)
    found = np.full(len(column), len(values))
    positions = pd.Index(keys).get_indexer(column[known].to_numpy())
    found[known] = np.where(positions < 0, len(values), positions)
    table = pd.Series([*values, default], dtype=_pandas_type([*values, default]))
    made = table.take(found).reset_index(drop=True)
    if not known.all():
        made = nullable(made).mask(~known)
    return made


def _pandas_type(values: list[Any]) -> Any:
    kinds: set[type] = {type(value) for value in values if value is not None}
    missing = any(value is None for value in values)
    if kinds == {int}:
        return "Int64" if missing else "int64"
    if kinds == {bool}:
        return "boolean" if missing else "bool"
    return "float64" if kinds <= {int, float} and kinds else pd.Series(["a"]).dtype


def keep_sample(frame: Frame, key: str, share: float, salt: str = "") -> Frame:
    """Keep all rows of a share of the keys, the same keys on every engine.

    A key is kept where the first 32 bits of the MD5 of ``salt:key`` (UTF-8, whole numbers in
    decimal digits), as a number, are below `share` of 2**32. Null is not kept. A larger
    share keeps all that a smaller one keeps; another salt draws another sample.
    """
    limit = round(share * 2**32)
    native = frame.native
    if frame.is_sql:
        text = f"CAST({quoted(frame, key)} AS {'STRING' if frame.engine == 'spark' else 'VARCHAR'})"
        digest = f"md5(concat({literal(frame, salt + ':')}, {text}))"
        if frame.engine == "spark":
            number = f"CAST(conv(substring({digest}, 1, 8), 16, 10) AS BIGINT)"
        else:
            number = f"CAST('0x' || substring({digest}, 1, 8) AS BIGINT)"
        return filter_sql(frame, f"{quoted(frame, key)} IS NOT NULL AND {number} < {limit}")
    if isinstance(native, pd.DataFrame):
        codes, keys = pd.factorize(native[key])
        drawn = np.array([*(_is_drawn(value, salt, limit) for value in keys), False])
        return frame.over(native.loc[drawn[codes]].reset_index(drop=True))
    pl: Any = import_module("polars")

    def flags(series: Any) -> Any:
        values = series.to_list()
        drawn = {v: v is not None and _is_drawn(v, salt, limit) for v in set(values)}
        return pl.Series(series.name, [drawn[v] for v in values], dtype=pl.Boolean)

    kept = pl.col(key).map_batches(flags, return_dtype=pl.Boolean)
    return frame.over(native.filter(kept))


def _is_drawn(key: Any, salt: str, limit: int) -> bool:
    text = f"{salt}:{key}".encode()
    return int(md5(text, usedforsecurity=False).hexdigest()[:8], 16) < limit
