"""Tag values as plain Python values and as columns of dataframe engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn, column_from
from userportrait._core.lazy import optional_import
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.typing import CustomerId, TagValue

__all__ = ["collect_ids", "column_of_plain", "engine_column", "nothing_known", "unknown_column"]


def collect_ids(ids: list[CustomerId]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return IDs sorted, and where each one stood.

    Raises
    ------
    InvalidDataError
        If one comes twice, or some are whole numbers and others texts.
    """
    kinds = set(map(type, ids))
    if kinds <= {int}:
        found = np.array(ids, dtype=np.int64)
    elif kinds <= {str}:
        found = np.empty(len(ids), dtype=object)
        found[:] = ids
    else:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        message = f"customer_ids must be all whole numbers or all texts; found {names}."
        raise InvalidDataError(message, column="customer_id")
    order = np.argsort(found, kind="stable").astype(np.int64)
    found = found[order]
    twice = int((found[1:] == found[:-1]).sum())
    if twice:
        message = f"customer_ids must be different; {twice:,} repeat another one."
        raise InvalidDataError(message, column="customer_id", n_rows=twice)
    return found, order


def column_of_plain(values: list[TagValue], kind: str | None = None) -> Column:
    """Make a column of plain values.

    Parameters
    ----------
    values : list of bool, int, float, str or None
    kind : str, optional
        ``'boolean'``, ``'number'``, ``'text'`` or ``'date'``, which decides where no value
        is known.
    """
    kinds = set(map(type, values)) - {type(None)}
    n = len(values)
    if not kinds:
        return nothing_known(n, kind)
    known = np.array([value is not None for value in values], dtype=bool)
    if kinds == {str}:
        codes, found = pd.factorize(_objects(values))
        order = np.argsort(np.asarray(found, dtype=object), kind="stable")
        rank = np.empty(len(order) + 1, dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        rank[-1] = -1
        return TextColumn(rank[codes], tuple(str(found[i]) for i in order.tolist()))
    dtypes: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64}
    dtype = dtypes.get(next(iter(kinds))) if len(kinds) == 1 else None
    if dtype is None:
        return column_from(values)
    filled: NDArray[Any] = np.zeros(n, dtype=dtype)
    try:
        filled[known] = np.array([v for v in values if v is not None], dtype=dtype)
    except OverflowError:
        return column_from(values)
    if dtype is np.float64 and not np.isfinite(filled).all():
        return column_from(values)
    return BooleanColumn(filled, known) if dtype is np.bool_ else NumberColumn(filled, known)


def nothing_known(n: int, kind: str | None) -> Column:
    """Return a column of a kind in which nothing is known; text if the kind is not known."""
    none = np.zeros(n, dtype=bool)
    if kind == "boolean":
        return BooleanColumn(none.copy(), none)
    if kind == "number":
        return NumberColumn(np.zeros(n), none)
    return TextColumn(np.full(n, -1, dtype=np.int32), ())


def _objects(values: list[TagValue]) -> NDArray[Any]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def unknown_column(column: Column) -> Column:
    """Return a column of the same kind in which nothing is known."""
    return nothing_known(len(column), column.kind)


def engine_column(column: Column, engine: frames.Engine) -> Any:
    """Return the column for `frames.from_arrays`, with null where unknown."""
    if isinstance(column, TextColumn):
        return frames.label_column(column.codes, column.labels, engine)
    if column.known.all():
        return column.values
    if engine in ("polars", "polars-lazy"):
        pl = optional_import("polars", what="A polars frame", extra="polars")
        return pl.Series(column.values).set(pl.Series(~column.known), None)
    if column.values.dtype.kind == "f" and engine == "pandas":
        return np.where(column.known, column.values, np.nan)
    values: Any = column.values
    made: Any = pd.Series(values)
    return made.astype(_NULLABLE[values.dtype.kind]).mask(~column.known)


_NULLABLE: dict[str, Any] = {"b": "boolean", "i": "Int64", "f": "Float64"}
