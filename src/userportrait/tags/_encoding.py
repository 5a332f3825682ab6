"""Profiles as JSON texts: encoded column by column, joined row by row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.typing import CustomerId

__all__ = ["encode_rows"]

_BATCH = 65_536
_NARROW = 4096
_PROBE = 512


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
    return ("{" + ",".join(filter(None, row)) + "}" for row in zip(*parts, strict=True))


def _encoder(name: str, column: Column) -> Callable[[slice], Sequence[str]]:
    """Return what writes a column's rows as ``"name":value``, empty where unknown."""
    head = f"{json.dumps(name, ensure_ascii=False)}:"
    if isinstance(column, NumberColumn):
        return lambda rows: _numbers(head, column.values[rows], column.known[rows])
    if isinstance(column, TextColumn):
        texts = _objects([*(head + _text(label) for label in column.labels), ""])
        return lambda rows: texts[column.codes[rows]].tolist()
    return _flag_encoder(head, column)


def _flag_encoder(head: str, column: BooleanColumn) -> Callable[[slice], Sequence[str]]:
    texts = _objects([f"{head}false", f"{head}true", ""])
    codes = np.where(column.known, column.values.astype(np.int8), np.int8(2))
    return lambda rows: texts[codes[rows]].tolist()


def _numbers(head: str, values: NDArray[Any], known: NDArray[np.bool_]) -> Sequence[str]:
    texts = _repeated(head, values)
    if texts is None:
        texts = [head + repr(value) for value in values.tolist()]
    if not known.all():
        for row in np.flatnonzero(~known).tolist():
            texts[row] = ""
    return texts


def _repeated(head: str, values: NDArray[Any]) -> list[str] | None:
    """Write numbers that repeat once each; None where most are different."""
    if values.dtype.kind == "i":
        low = int(values.min())
        if int(values.max()) - low < _NARROW:
            table = _objects([f"{head}{low + i}" for i in range(int(values.max()) - low + 1)])
            found: list[str] = table[values - low].tolist()
            return found
    probe = values[:: max(1, len(values) // _PROBE)]
    if len(np.unique(probe)) > len(probe) // 4:
        return None
    distinct, place = np.unique(values.view(np.int64), return_inverse=True)  # keeps -0.0
    texts = _objects([head + repr(value) for value in distinct.view(values.dtype).tolist()])
    repeated: list[str] = texts[place.reshape(-1)].tolist()
    return repeated


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
