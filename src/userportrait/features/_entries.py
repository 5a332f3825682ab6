"""The bytes of a customer summary: a versioned header and little-endian columns."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ENTRY_KEYS", "ENTRY_SUMS", "pack", "unpack"]

ENTRY_KEYS: list[str] = ["customer_id", "order_id", "at", "is_return"]
ENTRY_SUMS: list[str] = ["n_lines", "units", "amount"]
_MAGIC = b"UPCS"
_VERSION = 1


def pack(entries: pd.DataFrame | None, minor_digits: int) -> bytes:
    """Serialise entries; see `unpack`."""
    parts: list[bytes] = []
    layout: list[dict[str, Any]] = []
    for name in [] if entries is None else [*ENTRY_KEYS, *ENTRY_SUMS]:
        kind, payload = _column_bytes(entries[name].to_numpy())  # type: ignore[index]
        layout.append({"name": name, "kind": kind, "size": len(payload)})
        parts.append(payload)
    header = {"version": _VERSION, "minor_digits": minor_digits, "columns": layout}
    text = json.dumps(header, sort_keys=True).encode()
    body = zlib.compress(len(text).to_bytes(4, "little") + text + b"".join(parts), level=1)
    return _MAGIC + body


def unpack(payload: bytes) -> tuple[pd.DataFrame | None, int]:
    """Return the entries and the minor digits that `pack` wrote.

    Raises
    ------
    InvalidDataError
        If the bytes are something else, damaged, or from a later version.
    """
    header, body = _read_header(payload)
    if header["version"] > _VERSION:
        message = (
            f"this customer summary has version {header['version']}; this release reads up to "
            f"{_VERSION}. Update userportrait."
        )
        raise InvalidDataError(message)
    columns: dict[str, Any] = {}
    start = 0
    for column in header["columns"]:
        part = body[start : start + column["size"]]
        values = _column_values(column["kind"], part)
        columns[column["name"]] = pd.Series(values, dtype=values.dtype)
        start += column["size"]
    digits = int(header["minor_digits"])
    return (pd.DataFrame(columns) if columns else None), digits


def _read_header(payload: bytes) -> tuple[dict[str, Any], bytes]:
    message = "these bytes are not a customer summary, or they are damaged."
    if payload[:4] != _MAGIC:
        raise InvalidDataError(message)
    try:
        body = zlib.decompress(payload[4:])
        size = int.from_bytes(body[:4], "little")
        header: dict[str, Any] = json.loads(body[4 : 4 + size])
    except (zlib.error, ValueError) as error:
        raise InvalidDataError(message) from error
    return header, body[4 + size :]


def _column_bytes(values: NDArray[Any]) -> tuple[str, bytes]:
    if values.dtype == bool:
        return "bool", values.astype("u1").tobytes()
    if values.dtype.kind in "iu":
        return "int", values.astype("<i8").tobytes()
    texts = [str(value).encode() for value in values]
    sizes = np.array([len(text) for text in texts], dtype="<i8")
    count = len(texts).to_bytes(8, "little")
    return "text", count + sizes.tobytes() + b"".join(texts)


def _column_values(kind: str, payload: bytes) -> NDArray[Any]:
    if kind == "bool":
        return np.frombuffer(payload, dtype="u1").astype(bool)
    if kind == "int":
        return np.frombuffer(payload, dtype="<i8").astype(np.int64)
    count = int.from_bytes(payload[:8], "little")
    sizes = np.frombuffer(payload[8 : 8 + 8 * count], dtype="<i8")
    ends = np.concatenate([[0], np.cumsum(sizes)]) + 8 + 8 * count
    values = np.empty(count, dtype=object)
    bounds = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    values[:] = [payload[start:end].decode() for start, end in bounds]
    return values
