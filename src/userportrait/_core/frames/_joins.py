"""Words that bring two or more frames together, or turn columns into rows."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.frames._columns import (
    known_number,
    name_columns,
    nullable,
    select_columns,
    with_columns,
)
from userportrait._core.frames._engine import Frame, check_names, column_kinds, column_names
from userportrait._core.frames._ids import with_category_values
from userportrait._core.frames._sql import (
    filter_sql,
    literal,
    names_of,
    project_sql,
    quoted,
    select_sql,
)
from userportrait._core.frames._values import with_value
from userportrait.errors import ColumnTypeError, InvalidDataError, UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["JoinKind", "join_as_of", "join_rows", "stack", "unpivot"]

JoinKind: TypeAlias = Literal["inner", "left", "semi", "anti"]

_RIGHT = "__right"
_POSITION = "__position"


def join_rows(left: Frame, right: Frame, by: Sequence[str], how: JoinKind) -> Frame:
    """Join two frames on columns that both have; the rows come in no particular order.

    Parameters
    ----------
    left, right : Frame
        Both of one engine.
    by : sequence of str
        Key columns. Null and NaN match nothing, not even each other; categories are texts.
    how : {'inner', 'left', 'semi', 'anti'}
        The rows of both that match; all of the left, with null where nothing matches; the
        rows of the left that match, or that do not.

    Returns
    -------
    Frame
        The columns of the left, then (inner, left) the other columns of the right. Whole
        numbers stay whole beside null.

    Raises
    ------
    UnsupportedOnEngine
        If the frames are of two engines.
    ColumnTypeError
        If a key is a number in one frame and a text in the other.
    InvalidDataError
        If a further column is in both.
    """
    by = names_of(by)
    _check_engines("join_rows", [left, right])
    names = column_names(left)
    wide = how in ("inner", "left")
    added = [name for name in column_names(right) if wide and name not in by]
    check_names([*names, *added], left.engine, "The joined frame")
    right = select_columns(right, [*by, *added])
    _check_keys(left, right, by)
    left, right = (_plain_keys(frame, by) for frame in (left, right))
    if left.engine == "spark":
        made = left.native.join(right.native, on=list(by), how=_SPARK_KINDS[how])
        return select_columns(left.over(made), [*names, *added])
    if isinstance(left.native, pd.DataFrame):
        return left.over(_joined_pandas(left.native, right.native, list(by), how))
    other: Any = right.inner
    inner: Any = left.inner
    with _one_connection("join_rows"):
        return select_columns(left.over(inner.join(other, on=list(by), how=how)), [*names, *added])


_SPARK_KINDS = {"inner": "inner", "left": "left", "semi": "left_semi", "anti": "left_anti"}


def _check_engines(word: str, given: Sequence[Frame]) -> None:
    engines = {frame.worker for frame in given}
    if len(engines) > 1:
        both = " and ".join(sorted({frame.engine for frame in given}))
        raise UnsupportedOnEngine(word, both, "Give all frames in one library.")


@contextmanager
def _one_connection(word: str) -> Generator[None]:
    """Say in our words that DuckDB does not combine relations of two connections."""
    try:
        yield
    except Exception as error:
        if "of different connections" not in str(error):
            raise
        remedy = "Make both on one connection."
        raise UnsupportedOnEngine(word, "DuckDB relations of two connections", remedy) from error


def _check_keys(left: Frame, right: Frame, by: Sequence[str]) -> None:
    ours, theirs = column_kinds(left, by), column_kinds(right, by)
    for name in by:
        families = {_family(ours[name]), _family(theirs[name])} - {"empty"}
        if len(families) > 1:
            message = f"'{name}' holds {ours[name]} in one frame and {theirs[name]} in the other."
            raise ColumnTypeError(message, column=name)


def _family(kind: str) -> str:
    return {"number": "integer", "decimal": "integer", "category": "text"}.get(kind, kind)


def _plain_keys(frame: Frame, by: Sequence[str]) -> Frame:
    """Replace NaN by null and categories by their texts, so that keys meet as they are."""
    kinds = column_kinds(frame, by)
    frame = with_category_values(frame, [name for name in by if kinds[name] == "category"])
    nan = {name: known_number(frame, name) for name in by if kinds[name] == "number"}
    return with_columns(frame, nan)


def _joined_pandas(left: pd.DataFrame, right: pd.DataFrame, by: list[str], how: JoinKind) -> Any:
    # pandas matches null with null; dropping them on one side is enough.
    right = right.dropna(subset=by)
    if how == "semi" or how == "anti":
        keys = right[by].drop_duplicates()
        marks = left[by].merge(keys, on=by, how="left", indicator=True)["_merge"] == "both"
        matched = marks.to_numpy(dtype=bool)
        return left.loc[matched if how == "semi" else ~matched].reset_index(drop=True)
    if how == "left":
        right = right.assign(**{n: nullable(right[n]) for n in right.columns if n not in by})
    return left.merge(right, on=by, how=how)


def join_as_of(
    left: Frame, right: Frame, by: Sequence[str], on: str, columns: Sequence[str]
) -> Frame:
    """Add to each row of the left what the right said last, at or before that row's moment.

    Parameters
    ----------
    left, right : Frame
        Both of one engine. The right has one row for each key and moment (see `last_by`).
    by : sequence of str
        Key columns, at least one; null matches nothing.
    on : str
        An int64 column of both, such as epoch microseconds.
    columns : sequence of str
        Columns of the right to add. They come from one and the same row, with its nulls; all
        are null where the right has no row so early, or `on` is null on the left.
    """
    by, columns = names_of(by), names_of(columns)
    _check_engines("join_as_of", [left, right])
    check_names([*column_names(left), *columns], left.engine, "The joined frame")
    right = select_columns(right, [*by, on, *columns])
    _check_keys(left, right, by)
    if not columns:
        return left
    if left.is_sql:
        return _as_of_sql(left, right, by, on, columns)
    left, right = (_plain_keys(frame, by) for frame in (left, right))
    if isinstance(left.native, pd.DataFrame):
        return left.over(_as_of_pandas(left.native, right.native, list(by), on, columns))
    return left.over(_as_of_polars(left.native, right.native, list(by), on, columns))


def _as_of_sql(
    left: Frame, right: Frame, by: Sequence[str], on: str, columns: Sequence[str]
) -> Frame:
    """Stack both, and carry the right's rows forward: no engine need know as-of joins."""
    names = column_names(left)
    known = " AND ".join(f"{quoted(right, name)} IS NOT NULL" for name in [*by, on])
    spare = [name for name in names if name not in by and name != on]
    held = {name: f"__held_{i}" for i, name in enumerate(columns)}
    right = name_columns(filter_sql(right, known), held)
    packed = _packed(left, list(held.values()))
    right = select_columns(select_sql(right, {_RIGHT: packed}), [*by, on, _RIGHT])
    left_types, right_types = _sql_types(left), _sql_types(right)
    ours = select_sql(left, {_RIGHT: f"CAST(NULL AS {right_types[_RIGHT]})"})
    ours = select_sql(ours, {_POSITION: "1"})
    blanks = {name: f"CAST(NULL AS {left_types[name]})" for name in spare}
    theirs = select_sql(right, {**blanks, _POSITION: "0"})
    both = stack([ours, theirs])
    keys = ", ".join(quoted(left, name) for name in by)
    order = f"{quoted(left, on)} ASC NULLS LAST, {_POSITION}"
    rows = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    last = (
        f"last_value({_RIGHT}, true)"
        if left.engine == "spark"
        else f"last_value({_RIGHT} IGNORE NULLS)"
    )
    valid = " AND ".join(f"{quoted(left, name)} IS NOT NULL" for name in [*by, on])
    carried = f"{last} OVER (PARTITION BY {keys} ORDER BY {order} {rows})"
    found = select_sql(both, {_RIGHT: f"CASE WHEN {valid} THEN {carried} END"})
    found = filter_sql(found, f"{_POSITION} = 1")
    parts = [quoted(left, name) for name in names]
    parts += [f"{_RIGHT}.{held[name]} AS {quoted(left, name)}" for name in columns]
    return left.over(project_sql(found, parts))


def _packed(frame: Frame, names: Sequence[str]) -> str:
    if frame.engine == "spark":
        inner = ", ".join(f"'{name}', {name}" for name in names)
        return f"named_struct({inner})"
    return "{" + ", ".join(f"'{name}': {name}" for name in names) + "}"


def _sql_types(frame: Frame) -> dict[str, str]:
    native = frame.native
    if frame.engine == "spark":
        return dict(native.dtypes)
    return {name: str(kind) for name, kind in zip(native.columns, native.types, strict=True)}


def _as_of_pandas(
    left: pd.DataFrame, right: pd.DataFrame, by: list[str], on: str, columns: Sequence[str]
) -> pd.DataFrame:
    right = right.dropna(subset=[*by, on])
    right = right.assign(**{name: nullable(right[name]) for name in columns})
    ours = left[[*by, on]].assign(**{_POSITION: np.arange(len(left))}).dropna(subset=[*by, on])
    frames = [frame.assign(**{on: frame[on].astype("int64")}) for frame in (ours, right)]
    frames = [frame.sort_values(on, kind="stable") for frame in frames]
    found = pd.merge_asof(frames[0], frames[1], on=on, by=by)
    found = found.set_index(_POSITION)[list(columns)].reindex(np.arange(len(left)))
    return left.assign(**{name: found[name].array for name in columns})


def _as_of_polars(left: Any, right: Any, by: list[str], on: str, columns: Sequence[str]) -> Any:
    pl: Any = import_module("polars")

    held = right.drop_nulls([*by, on]).with_row_index(_RIGHT)
    keys = held.select(*by, on, _RIGHT, pl.lit(None, dtype=pl.UInt32).alias(_POSITION))
    numbered = left.with_row_index(_POSITION)
    ours = numbered.drop_nulls([*by, on]).select(
        *by, on, pl.lit(None, dtype=pl.UInt32).alias(_RIGHT), _POSITION
    )
    both = pl.concat([keys, ours]).sort(on, pl.col(_POSITION).is_not_null(), maintain_order=True)
    found = both.with_columns(pl.col(_RIGHT).forward_fill().over(by)).drop_nulls(_POSITION)
    values = found.select(_POSITION, _RIGHT).join(
        held.select(_RIGHT, *columns), on=_RIGHT, how="left"
    )
    joined = numbered.join(values.drop(_RIGHT), on=_POSITION, how="left")
    return joined.sort(_POSITION).drop(_POSITION)


def stack(frames: Sequence[Frame]) -> Frame:
    """Put frames of the same columns on top of each other, by name; the first gives the order.

    Raises
    ------
    UnsupportedOnEngine
        If the frames are of different engines.
    InvalidDataError
        If a frame lacks a column, or has one more.
    ColumnTypeError
        If a column is a number in one frame and a text in another.
    """
    first = frames[0]
    _check_engines("stack", frames)
    names = column_names(first)
    for frame in frames[1:]:
        odd = set(names) ^ set(column_names(frame))
        if odd:
            message = f"Only some of the frames have the column '{min(odd)}'."
            raise InvalidDataError(message, column=min(odd))
        _check_keys(first, frame, names)
    aligned = [select_columns(frame, names).native for frame in frames]
    if isinstance(aligned[0], pd.DataFrame):
        return first.over(pd.concat(aligned, ignore_index=True))
    if not first.is_sql:
        pl: Any = import_module("polars")

        return first.over(pl.concat(aligned, how="vertical_relaxed"))
    made = aligned[0]
    with _one_connection("stack"):
        for native in aligned[1:]:
            made = made.union(native)
    return first.over(made)


def unpivot(
    frame: Frame, keep: Sequence[str], columns: Sequence[str], name: str, value: str
) -> Frame:
    """Turn columns into rows: one row for each row and column, in no particular order.

    The result has the columns `keep`, then `name` (the column's name, text), then `value`
    (what it held; null stays). The columns are of one kind.
    """
    keep, columns = names_of(keep), names_of(columns)
    check_names([*keep, name, value], frame.engine, "The result")
    if frame.engine == "spark":
        pairs = ", ".join(f"{literal(frame, c)}, {quoted(frame, c)}" for c in columns)
        cells = f"stack({len(columns)}, {pairs}) AS ({quoted(frame, name)}, {quoted(frame, value)})"
        return frame.over(project_sql(frame, [*(quoted(frame, k) for k in keep), cells]))
    parts: list[Frame] = []
    for column in columns:
        part = name_columns(select_columns(frame, [*keep, column]), {column: value})
        parts.append(select_columns(with_value(part, name, column), [*keep, name, value]))
    return stack(parts)
