"""Tag values of several parts as one table of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.coding import code_values
from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn
from userportrait.errors import InvalidDataError
from userportrait.tags._values import number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = ["merge_columns", "merge_ids"]


def merge_ids(parts: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the customers of all parts, sorted, and where each stood when parts are joined."""
    filled = [ids for ids in parts if len(ids)] or list(parts[:1])
    ids = np.concatenate(filled) if filled else np.zeros(0, dtype=np.int64)
    order = np.argsort(ids, kind="stable").astype(np.int64)
    return ids[order], order


def merge_columns(tag: str, parts: Sequence[Column]) -> Column:
    """Join one tag's values of several parts, in their order.

    The kind is that of the parts in which something is known; numbers are whole if they are
    in all of these.

    Raises
    ------
    InvalidDataError
        If parts have values of different kinds.
    """
    telling = [part for part in parts if part.known.any()] or list(parts[:1])
    kinds = sorted({part.kind for part in telling})
    if len(kinds) > 1:
        message = f"tag '{tag}' gives {' and '.join(kinds)} values; one tag must have one kind."
        raise InvalidDataError(message, column=tag)
    known = np.concatenate([part.known for part in parts])
    if isinstance(telling[0], TextColumn):
        return _merged_texts(parts)
    if isinstance(telling[0], NumberColumn):
        whole = all(
            part.values.dtype.kind == "i" for part in telling if isinstance(part, NumberColumn)
        )
        values = [_values(part, np.int64 if whole else np.float64) for part in parts]
        return number_column(np.concatenate(values), known)
    truths = [_values(part, np.bool_) for part in parts]
    return BooleanColumn(np.concatenate(truths) & known, known)


def _values(part: Column, dtype: Any) -> NDArray[Any]:
    """Return a part's values; zeros where nothing is known."""
    if isinstance(part, TextColumn) or not part.known.any():
        return np.zeros(len(part), dtype=dtype)
    return part.values.astype(dtype)


def _merged_texts(parts: Sequence[Column]) -> TextColumn:
    labels: list[str] = []
    starts: list[int] = []
    for part in parts:
        starts.append(len(labels))
        labels += part.labels if isinstance(part, TextColumn) else ()
    texts = np.empty(len(labels), dtype=object)
    texts[:] = labels
    rank, distinct = code_values(texts)
    table = np.append(rank, np.int32(-1))
    codes = [
        table[np.where(part.codes >= 0, part.codes.astype(np.int64) + start, len(labels))]
        if isinstance(part, TextColumn)
        else np.full(len(part), -1, dtype=np.int32)
        for part, start in zip(parts, starts, strict=True)
    ]
    return text_column(np.concatenate(codes), distinct)
