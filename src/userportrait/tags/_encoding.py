"""Profiles as JSON texts: encoded column by column, joined row by row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.columns import NumberColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.typing import CustomerId

__all__ = ["encode_rows"]

_BATCH = 65_536


def encode_rows(
    customer_ids: NDArray[Any], columns: Mapping[str, Column]
) -> Iterator[tuple[CustomerId, str]]:
    """Yield each customer with the known tags as one JSON object, in order.

    A value is written once for all customers who share it, and each text is joined once.
    """
    encoders = [_encoder(name, column) for name, column in columns.items()]
    for start in range(0, len(customer_ids), _BATCH):
        rows = slice(start, start + _BATCH)
        ids = customer_ids[rows].tolist()
        parts = [encode(rows) for encode in encoders]
        yield from zip(ids, _join(parts, len(ids)), strict=True)


def _join(parts: list[Sequence[str]], n: int) -> Iterator[str]:
    if not parts:
        return ("{}" for _ in range(n))
    # Each part starts with its comma, so that unknown ones need no test; the first goes.
    return ("{" + "".join(row)[1:] + "}" for row in zip(*parts, strict=True))


def _encoder(name: str, column: Column) -> Callable[[slice], Sequence[str]]:
    """Return what writes a column's rows as ``,"name":value``, empty where unknown."""
    head = f",{json.dumps(name, ensure_ascii=False)}:"
    if isinstance(column, NumberColumn):
        return _number_encoder(head, column)
    if isinstance(column, TextColumn):
        texts = _objects([*(head + _text(label) for label in column.labels), ""])
        return _look_up(texts, column.codes)
    codes = np.where(column.known, column.values.astype(np.int8), np.int8(2))
    return _look_up(_objects([f"{head}false", f"{head}true", ""]), codes)


def _look_up(texts: NDArray[Any], codes: NDArray[Any]) -> Callable[[slice], Sequence[str]]:
    return lambda rows: texts[codes[rows]].tolist()


def _number_encoder(head: str, column: NumberColumn) -> Callable[[slice], Sequence[str]]:
    """Write numbers that repeat once each, all others as they come."""
    kind = np.float64 if column.values.dtype.kind == "f" else np.int64
    values, known = np.ascontiguousarray(column.values, dtype=kind), column.known
    codes, distinct = pd.factorize(values.view(np.int64))  # tells -0.0 from 0.0
    if len(distinct) * 3 > len(values):
        return lambda rows: _numbers(head, values[rows], known[rows])
    plain = np.asarray(distinct).view(values.dtype).tolist()
    texts = _objects([*(head + repr(value) for value in plain), ""])
    return _look_up(texts, np.where(known, codes, -1).astype(np.int32))


def _numbers(head: str, values: NDArray[Any], known: NDArray[np.bool_]) -> Sequence[str]:
    if known.all():
        return [head + repr(value) for value in values.tolist()]
    texts = _objects([""] * len(values))
    texts[known] = [head + repr(value) for value in values[known].tolist()]
    written: list[str] = texts.tolist()
    return written


def _text(label: str) -> str:
    text = json.dumps(label, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character: only an escape can be stored
        return json.dumps(label)
    return text


def _objects(texts: list[str]) -> NDArray[Any]:
    found = np.empty(len(texts), dtype=object)
    found[:] = texts
    return found
