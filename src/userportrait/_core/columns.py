"""Columns of tag values in memory: typed arrays that know which values are unknown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.typing import TagValue

__all__ = ["BooleanColumn", "Column", "NumberColumn", "TextColumn", "column_from"]

BoolArray: TypeAlias = "NDArray[np.bool_]"


@dataclass(frozen=True, slots=True, eq=False)
class BooleanColumn:
    """Yes, no or unknown for each row.

    Parameters
    ----------
    values : ndarray of bool
        False where unknown.
    known : ndarray of bool
    """

    values: BoolArray
    known: BoolArray

    kind: str = "boolean"

    def __len__(self) -> int:
        return len(self.values)

    def value_at(self, row: int) -> TagValue:
        """Return one row's value, None where unknown."""
        return bool(self.values[row]) if self.known[row] else None

    def take(self, rows: NDArray[Any]) -> BooleanColumn:
        """Return these rows: positions, or a mask."""
        return BooleanColumn(self.values[rows], self.known[rows])

    def to_list(self) -> list[TagValue]:
        """Return plain values, None where unknown."""
        return _with_none(self.values, self.known)

    def json_texts(self) -> list[str | None]:
        """Return each value as JSON, None where unknown."""
        texts = np.where(self.values, "true", "false").astype(object)
        texts[~self.known] = None
        return list(texts)


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """A number, or unknown, for each row.

    Parameters
    ----------
    values : ndarray of int64 or float64
        0 where unknown; never NaN or infinite.
    known : ndarray of bool
    """

    values: NDArray[Any]
    known: BoolArray

    kind: str = "number"

    def __len__(self) -> int:
        return len(self.values)

    def value_at(self, row: int) -> TagValue:
        """Return one row's value, None where unknown."""
        return self.values[row].item() if self.known[row] else None

    def take(self, rows: NDArray[Any]) -> NumberColumn:
        """Return these rows: positions, or a mask."""
        return NumberColumn(self.values[rows], self.known[rows])

    def to_list(self) -> list[TagValue]:
        """Return plain values, None where unknown."""
        return _with_none(self.values, self.known)

    def json_texts(self) -> list[str | None]:
        """Return each value as JSON, None where unknown."""
        texts: list[str | None] = list(map(repr, self.values.tolist()))
        for row in np.flatnonzero(~self.known).tolist():
            texts[row] = None
        return texts


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """A text, or unknown, for each row, kept as codes into the distinct texts.

    Parameters
    ----------
    codes : ndarray of int32
        Positions in `labels`; -1 where unknown.
    labels : tuple of str
        The distinct texts.
    """

    codes: NDArray[np.int32]
    labels: tuple[str, ...]

    kind: str = "text"

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> BoolArray:
        """Whether each row has a value."""
        return self.codes >= 0

    def value_at(self, row: int) -> TagValue:
        """Return one row's value, None where unknown."""
        code = int(self.codes[row])
        return None if code < 0 else self.labels[code]

    def take(self, rows: NDArray[Any]) -> TextColumn:
        """Return these rows: positions, or a mask."""
        return TextColumn(self.codes[rows], self.labels)

    def to_list(self) -> list[TagValue]:
        """Return plain values, None where unknown."""
        return list(_spread((*self.labels, None), self.codes))

    def json_texts(self) -> list[str | None]:
        """Return each value as JSON, None where unknown."""
        texts = (*(json.dumps(label, ensure_ascii=False) for label in self.labels), None)
        return list(_spread(texts, self.codes))


Column: TypeAlias = BooleanColumn | NumberColumn | TextColumn


def column_from(values: Iterable[Any]) -> Column:
    """Make the column that fits: None, NaN, NaT and infinity are unknown.

    Parameters
    ----------
    values : iterable
        Booleans, numbers, or texts; an array, a pandas series or a list. Times become ISO
        8601 texts in UTC, without the time of day where all of them are midnight. Anything
        else becomes its `str`.

    Returns
    -------
    BooleanColumn, NumberColumn or TextColumn
        A number column of float64 if any number is not an integer or does not fit into int64;
        a text column, its labels sorted by code point, if there is no value at all.

    Examples
    --------
    >>> column_from([2, None, 3]).to_list()
    [2, None, 3]
    >>> column_from(["b", "a", "b"]).labels
    ('a', 'b')
    """
    import pandas as pd

    series: pd.Series[Any]
    if isinstance(values, pd.Series):
        series = values
    elif isinstance(values, np.ndarray):
        series = pd.Series(cast("NDArray[Any]", values))
    else:
        series = pd.Series(list(values), dtype=object)
    known = series.notna().to_numpy(dtype=bool)
    present = series[known]
    values_seen: list[Any] = present.tolist() if series.dtype == object else []
    kinds: set[Any] = {type(value) for value in values_seen}
    if pd.api.types.is_bool_dtype(series.dtype) or (kinds and kinds <= {bool, np.bool_}):
        flags = np.zeros(len(series), dtype=bool)
        flags[known] = present.to_numpy(dtype=bool)
        return BooleanColumn(flags, known)
    numeric = (int, float, np.integer, np.floating, Decimal)
    if pd.api.types.is_numeric_dtype(series.dtype) or (
        kinds and all(issubclass(kind, numeric) for kind in kinds)
    ):
        return _numbers(present.to_numpy(), known)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = _iso_texts(series)
    return _texts(series, known)


def _texts(series: pd.Series[Any], known: BoolArray) -> TextColumn:
    import pandas as pd

    codes, found = pd.factorize(series.astype(object).where(known, None), sort=False)
    texts = [str(label) for label in found]
    labels = sorted(set(texts))
    rank = {label: code for code, label in enumerate(labels)}
    table = np.array([*(rank[text] for text in texts), -1], dtype=np.int32)  # last: unknown
    return TextColumn(table[codes], tuple(labels))


def _iso_texts(times: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    moments = pd.DatetimeIndex(times)
    if moments.tz is not None:
        moments = moments.tz_convert("UTC").tz_localize(None)
    midnight = bool((moments.dropna() == moments.dropna().normalize()).all())
    texts = moments.strftime("%Y-%m-%d" if midnight else "%Y-%m-%dT%H:%M:%S")
    return pd.Series(texts, dtype=object)


def _numbers(present: NDArray[Any], known: BoolArray) -> NumberColumn:
    found = np.asarray(present)
    if found.dtype == object:
        whole_numbers = all(isinstance(v, (int, np.integer)) for v in found)
        fits = whole_numbers and all(-(2**63) <= v < 2**63 for v in found)
        found = found.astype(np.int64 if fits else np.float64)
    if found.dtype.kind == "u" and found.size and found.max() >= 2**63:
        found = found.astype(np.float64)
    if found.dtype.kind in "iu":
        whole = np.zeros(len(known), dtype=np.int64)
        whole[known] = found
        return NumberColumn(whole, known)
    numbers = np.zeros(len(known), dtype=np.float64)
    numbers[known] = found.astype(np.float64)
    finite = known & np.isfinite(numbers)
    numbers[~finite] = 0.0
    return NumberColumn(numbers, finite)


def _with_none(values: NDArray[Any], known: BoolArray) -> list[Any]:
    found: list[Any] = values.tolist()
    for row in np.flatnonzero(~known).tolist():
        found[row] = None
    return found


def _spread(choices: tuple[Any, ...], codes: NDArray[np.int32]) -> NDArray[Any]:
    table = np.empty(len(choices), dtype=object)
    table[:] = choices
    spread: NDArray[Any] = table[codes]
    return spread
