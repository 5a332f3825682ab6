"""From frames to columns of tag values: customer IDs, dates, labels, alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.coding import code_values
from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn, column_from
from userportrait.errors import ColumnTypeError, InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = [
    "Values",
    "as_ids",
    "column_of_series",
    "date_texts",
    "label_values",
    "number_column",
    "number_values",
    "positions_of",
    "spread",
    "text_column",
    "unite",
    "whole_values",
]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The values of one column of lines, coded.

    Parameters
    ----------
    codes : ndarray of int32
        For each line its position in `distinct`; -1 where missing.
    distinct : ndarray of int64, float64 or objects
        The distinct values, in their order; objects are texts.
    divisor : int
        Numbers are told in units of 1/divisor: 100 for money kept in cents.
    """

    codes: NDArray[np.int32]
    distinct: NDArray[Any]
    divisor: int = 1

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, not texts."""
        return self.distinct.dtype.kind in "if"

    def take(self, rows: NDArray[Any]) -> Values:
        """Return the values of these lines: positions, or a mask."""
        return Values(self.codes[rows], self.distinct, self.divisor)

    def column(self, codes: NDArray[Any]) -> Column:
        """Make a column of tag values from codes; -1 is unknown."""
        if not self.is_number:
            return text_column(codes, self.distinct)
        known = codes >= 0
        found = self.distinct[np.where(known, codes, 0)] if len(self.distinct) else codes * 0
        return number_column(found if self.divisor == 1 else found / self.divisor, known)


def number_values(values: NDArray[Any], divisor: int = 1) -> Values:
    """Code int64 or float64 numbers; NaN and infinity are missing."""
    if values.dtype.kind in "iu":
        codes, distinct = code_values(values.astype(np.int64, copy=False))
        return Values(codes, distinct, divisor)
    finite = np.isfinite(values)
    codes, distinct = code_values(np.where(finite, values, np.nan) + 0.0)  # -0.0 becomes 0.0
    return Values(codes, distinct.astype(np.float64), divisor)


def whole_values(values: NDArray[Any]) -> Values:
    """Code whole numbers, which come as floats or objects where some are missing."""
    if values.dtype.kind in "iu":
        return number_values(values)
    known = ~np.asarray(pd.isna(values), dtype=bool)
    found, distinct = code_values(np.array([int(v) for v in values[known]], dtype=np.int64))
    codes = np.full(len(values), -1, dtype=np.int32)
    codes[known] = found
    return Values(codes, distinct)


def label_values(codes: NDArray[np.int32], distinct: NDArray[Any]) -> Values:
    """Make texts of coded labels, with codes in the order of the texts.

    A whole number is written without a fraction: 5, also where a column holds it as 5.0.
    """
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [_label(value) for value in distinct.tolist()]
    rank, ordered = code_values(texts)
    return Values(_recode(codes, rank), ordered)


def _label(value: Any) -> str:
    whole = isinstance(value, float) and value == np.floor(value) and abs(value) < 2**63
    return str(int(value) if whole else value)


def unite(parts: list[Values]) -> tuple[list[NDArray[np.int32]], NDArray[Any]]:
    """Bring several columns onto one list of distinct values."""
    numbers = all(part.is_number for part in parts)
    told = [part if numbers else label_values(part.codes, part.distinct) for part in parts]
    rank, distinct = code_values(np.concatenate([part.distinct for part in told]))
    ends = np.cumsum([0, *(len(part.distinct) for part in told)])
    spans = zip(told, ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    return [_recode(part.codes, rank[low:high]) for part, low, high in spans], distinct


def _recode(codes: NDArray[np.int32], rank: NDArray[np.int32]) -> NDArray[np.int32]:
    table = np.append(rank, np.int32(-1)).astype(np.int32)
    recoded: NDArray[np.int32] = table[codes]
    return recoded


def text_column(codes: NDArray[Any], labels: NDArray[Any]) -> TextColumn:
    """Make a text column whose labels are sorted and all in use."""
    used = np.unique(codes[codes >= 0])
    rank, ordered = code_values(labels[used].astype(object))
    table = np.full(len(labels) + 1, -1, dtype=np.int32)
    table[used] = rank
    return TextColumn(table[codes], tuple(str(text) for text in ordered.tolist()))


def number_column(values: NDArray[Any], known: NDArray[np.bool_]) -> NumberColumn:
    """Make a number column of int64 or float64; what is not finite is unknown."""
    if values.dtype.kind in "iu":
        return NumberColumn(np.where(known, values, 0).astype(np.int64), known)
    finite = known & np.isfinite(values)
    return NumberColumn(np.where(finite, values, 0.0), finite)


def date_texts(days: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Code day numbers as ISO dates, 'YYYY-MM-DD'."""
    codes, distinct = code_values(days.astype(np.int64))
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = np.datetime_as_string(distinct.astype("datetime64[D]"), unit="D").tolist()
    return codes, texts


def column_of_series(series: pd.Series[Any]) -> Column:
    """Make a column of tag values from a pandas series; times become ISO dates (UTC)."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _dates(series)
    if series.dtype == object:
        kind = pd.api.types.infer_dtype(series, skipna=True)
        if kind in ("datetime", "datetime64", "date"):
            return _dates(series)
    elif isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    column = column_from(series)
    if isinstance(column, TextColumn):
        return text_column(column.codes, _texts(column.labels))
    return column


def _dates(series: pd.Series[Any]) -> TextColumn:
    times = pd.to_datetime(series, utc=True).dt.tz_localize(None)
    known = times.notna().to_numpy(dtype=bool)
    days = times.to_numpy(dtype="datetime64[D]")[known].astype(np.int64)
    found, texts = date_texts(days)
    codes = np.full(len(series), -1, dtype=np.int32)
    codes[known] = found
    return text_column(codes, texts)


def _texts(labels: tuple[str, ...]) -> NDArray[Any]:
    texts = np.empty(len(labels), dtype=object)
    texts[:] = labels
    return texts


def spread(column: Column, positions: NDArray[Any]) -> Column:
    """Return the column's values at positions; -1 gives unknown."""
    found = positions >= 0
    if isinstance(column, TextColumn):
        codes = np.append(column.codes, np.int32(-1))[positions]
        return text_column(codes, _texts(column.labels))
    known = np.append(column.known, False)[positions] & found
    values = np.append(column.values, column.values.dtype.type(0))[positions]
    if isinstance(column, BooleanColumn):
        return BooleanColumn(values.astype(bool) & known, known)
    return number_column(values, known)


def as_ids(values: Any, *, what: str) -> NDArray[Any]:
    """Return customer IDs as int64, or as objects that are texts.

    Parameters
    ----------
    values : Series, array or list
    what : str
        The table they come from, for messages.

    Raises
    ------
    InvalidDataError
        If one is missing.
    ColumnTypeError
        If they are neither whole numbers nor texts, or a mixture.
    """
    series = pd.Series(values)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    missing = series.isna().to_numpy(dtype=bool)
    if missing.any():
        rows = np.flatnonzero(missing)
        message = f"{what}: every row needs a customer_id."
        raise InvalidDataError(
            message, column="customer_id", rows=rows[:5].tolist(), n_rows=len(rows)
        )
    kind = pd.api.types.infer_dtype(series, skipna=False)
    if kind == "integer":
        return series.to_numpy(dtype=np.int64)
    if kind in ("string", "empty"):
        return series.to_numpy(dtype=object)
    if kind == "floating":
        numbers = series.to_numpy(dtype=np.float64)
        if bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all()):
            return numbers.astype(np.int64)
    message = f"{what}: 'customer_id' must hold whole numbers or texts; it holds {kind} values."
    raise ColumnTypeError(message, column="customer_id")


def positions_of(ids: NDArray[Any], among: NDArray[Any], *, what: str) -> NDArray[np.int64]:
    """Return where each ID stands among sorted, distinct IDs; -1 where it does not.

    Raises
    ------
    ColumnTypeError
        If one side holds whole numbers and the other texts.
    """
    if len(ids) and len(among) and (ids.dtype == object) != (among.dtype == object):
        names = ("texts", "whole numbers")
        first, second = names if ids.dtype == object else names[::-1]
        message = (
            f"{what}: 'customer_id' holds {first}, but that of the orders holds {second}. "
            f"Convert one of them, for example with .astype(str)."
        )
        raise ColumnTypeError(message, column="customer_id")
    if ids is among:
        return np.arange(len(ids), dtype=np.int64)
    found: NDArray[np.int64] = pd.Index(among).get_indexer(pd.Index(ids)).astype(np.int64)
    return found
