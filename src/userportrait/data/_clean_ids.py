"""Clean IDs: whole numbers or texts, trimmed, coded in sorted order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait.data._order_arrays import LARGEST_EXACT
from userportrait.errors import ColumnTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._clean_columns import RawColumn

__all__ = ["MISSING_TEXTS", "IdColumn", "clean_ids", "is_missing_text", "strip_text"]

MISSING_TEXTS = frozenset({"nan", "NaN", "NULL", "null", "None", "<NA>", "NaT"})
"""What other software writes for 'nothing'; 'NA' and 'none' may be real values."""

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
_FLOAT_TEXT = re.compile(r"-?(?:0|[1-9]\d{0,17})\.0+")
_HOLDS = {
    "boolean": "true and false",
    "time": "times",
    "decimal": "decimal numbers with a fraction",
    "other": "values that are neither",
}


@dataclass(frozen=True, slots=True, eq=False)
class IdColumn:
    """IDs as positions in their sorted distinct values.

    Parameters
    ----------
    codes : ndarray of int64
        Positions in `labels`; -1 where missing.
    labels : ndarray of int64 or of objects that are texts
        Sorted. Every one occurs.
    trimmed, to_integer : ndarray of bool
        The rows whose ID was changed in this way.
    """

    codes: NDArray[np.int64]
    labels: NDArray[Any]
    trimmed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    to_integer: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def missing(self) -> NDArray[np.bool_]:
        """The rows without an ID."""
        return self.codes < 0

    @property
    def is_text(self) -> bool:
        """Whether the IDs are texts."""
        return self.labels.dtype == object


def strip_text(text: str) -> str:
    """Take white space off both ends, invisible characters included."""
    return text.strip().strip(_INVISIBLE).strip()


def is_missing_text(text: str) -> bool:
    """Return whether a stripped text stands for nothing."""
    return not text or text in MISSING_TEXTS


def clean_ids(raw: RawColumn, column: str, role: str, *, owner: str) -> IdColumn:
    """Clean a column of IDs.

    Raises
    ------
    ColumnTypeError
        If they are neither whole numbers nor texts, or numbers that lost digits.
    """
    if raw.kind == "integer":
        return _coded(raw.values, raw.missing, np.zeros(len(raw), dtype=bool))
    if raw.kind == "number":
        _check_whole(raw, column, role, owner)
        known = ~raw.missing
        whole = np.where(known, raw.values, 0.0).astype(np.int64)
        return _coded(whole, raw.missing, known)
    if raw.kind == "text":
        return _from_texts(raw)
    exact: list[Any] = [] if raw.kind != "decimal" or raw.labels is None else list(raw.labels)
    if exact and all(_is_whole(value) for value in exact):
        whole = np.array([*(int(value) for value in exact), 0], dtype=np.int64)
        return _coded(whole[raw.values], raw.missing, ~raw.missing)
    message = (
        f"{owner}: {role}='{column}' must hold whole numbers or texts; it holds "
        f"{_HOLDS[raw.kind]}. Is it the right column?"
    )
    raise ColumnTypeError(message, column=column)


def _is_whole(value: Any) -> bool:
    finite = bool(value.is_finite()) and abs(value) < 2**63
    return finite and bool(value == value.to_integral_value())


def _check_whole(raw: RawColumn, column: str, role: str, owner: str) -> None:
    values = raw.values[~raw.missing]
    broken = ~np.isfinite(values) | (values != np.floor(values))
    if broken.any():
        rows = np.flatnonzero(~raw.missing)[broken]
        message = (
            f"{owner}: {role}='{column}' must hold whole numbers or texts; "
            f"{format_count(len(rows), 'row')} with a fraction or infinity. "
            f"Is it the right column?"
        )
        raise ColumnTypeError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
    large = np.abs(values) > LARGEST_EXACT
    if large.any():
        rows = np.flatnonzero(~raw.missing)[large]
        message = (
            f"{owner}: {role}='{column}' holds floating-point numbers beyond 2**53, whose last "
            f"digits are lost ({format_count(len(rows), 'row')}). Read the column as text or "
            f"as integers."
        )
        raise ColumnTypeError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))


def _coded(
    whole: NDArray[np.int64], missing: NDArray[np.bool_], to_integer: NDArray[np.bool_]
) -> IdColumn:
    known = ~missing
    codes = np.full(len(whole), -1, dtype=np.int64)
    labels = np.unique(whole[known])
    codes[known] = np.searchsorted(labels, whole[known])
    return IdColumn(codes, labels, np.zeros(len(whole), dtype=bool), to_integer)


def _from_texts(raw: RawColumn) -> IdColumn:
    texts: list[str] = [] if raw.labels is None else list(raw.labels)
    stripped = [strip_text(text) for text in texts]
    gone = np.array([*(is_missing_text(text) for text in stripped), True], dtype=bool)
    changed = [new != old for new, old in zip(stripped, texts, strict=True)]
    trimmed = np.array([*changed, False], dtype=bool) & ~gone
    present = [text for text, lost in zip(stripped, gone, strict=False) if not lost]
    as_floats = bool(present) and all(_FLOAT_TEXT.fullmatch(text) for text in present)
    values = np.empty(len(stripped), dtype=object)
    values[:] = stripped
    if as_floats:
        heads = [text.partition(".")[0] for text in stripped]
        whole = [0 if lost else int(head) for head, lost in zip(heads, gone, strict=False)]
        values = np.array(whole, dtype=np.int64)
    return _from_labels(raw.values, values, gone, trimmed, as_floats=as_floats)


def _from_labels(
    codes: NDArray[np.int64],
    values: NDArray[Any],
    gone: NDArray[np.bool_],
    trimmed: NDArray[np.bool_],
    *,
    as_floats: bool,
) -> IdColumn:
    """Code again: labels may have become equal, and must be sorted."""
    kept = values[~gone[:-1]]
    label_codes, distinct = pd.factorize(kept)
    labels = np.asarray(distinct, dtype=values.dtype)
    order = np.argsort(labels, kind="stable")
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels))
    new = np.full(len(values) + 1, -1, dtype=np.int64)
    new[:-1][~gone[:-1]] = rank[label_codes]
    known = new[codes] >= 0
    to_integer = known if as_floats else np.zeros(len(codes), dtype=bool)
    return IdColumn(new[codes], labels[order], trimmed[codes], to_integer)
