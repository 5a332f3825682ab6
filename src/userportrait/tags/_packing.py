"""Tag values of one part as bytes: plain arrays and texts, nothing that could run."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.columns import BooleanColumn, NumberColumn, TextColumn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.columns import Column

__all__ = ["pack_columns", "unpack_columns"]


def pack_columns(customer_ids: NDArray[Any], columns: Mapping[str, Column]) -> bytes:
    """Return customers and their values as bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    texts: dict[str, Any] = {"kinds": {}, "labels": {}, "ids": None}
    if customer_ids.dtype == object:
        texts["ids"] = customer_ids.tolist()
    else:
        arrays["ids"] = customer_ids
    for position, (name, column) in enumerate(columns.items()):
        texts["kinds"][name] = column.kind
        if isinstance(column, TextColumn):
            arrays[f"values_{position}"] = column.codes
            texts["labels"][name] = list(column.labels)
            continue
        arrays[f"values_{position}"] = column.values
        if not column.known.all():
            arrays[f"known_{position}"] = column.known
    arrays["texts"] = np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8)
    payload = BytesIO()
    np.savez(payload, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]
    return payload.getvalue()


def unpack_columns(payload: bytes) -> tuple[NDArray[Any], dict[str, Column]]:
    """Read what `pack_columns` wrote."""
    with np.load(BytesIO(payload), allow_pickle=False) as arrays:
        texts = json.loads(arrays["texts"].tobytes())
        if texts["ids"] is None:
            ids: NDArray[Any] = arrays["ids"]
        else:
            ids = np.empty(len(texts["ids"]), dtype=object)
            ids[:] = texts["ids"]
        columns: dict[str, Column] = {}
        for position, (name, kind) in enumerate(texts["kinds"].items()):
            values: NDArray[Any] = arrays[f"values_{position}"]
            if kind == "text":
                columns[name] = TextColumn(values, tuple(texts["labels"][name]))
                continue
            given = f"known_{position}" in arrays
            known = arrays[f"known_{position}"] if given else np.ones(len(values), dtype=bool)
            made = BooleanColumn if kind == "boolean" else NumberColumn
            columns[name] = made(values, known)
    return ids, columns
