"""Bytes of mergeable states, and the names of the batches that a state holds."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core.coding import code_values
from userportrait._core.entries import Coded
from userportrait.errors import DuplicateBatchError, InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BatchIds", "check_other", "pack", "unpack"]

_LEVEL = 1
_NARROW = ("<i1", "<i2", "<i4", "<i8")
_NUMBERED = re.compile(r"(?s)(.*)/(0|[1-9][0-9]{0,17})")


def pack(
    kind: str,
    version: int,
    facts: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, NDArray[Any] | Coded]],
) -> bytes:
    """Serialise tables and a few facts; equal content gives equal bytes.

    Parameters
    ----------
    kind : str
        Four ASCII letters that stand in front.
    version : int
        Version of the format of this kind.
    facts : mapping of str to JSON value
    tables : mapping of str to (mapping of str to ndarray or Coded)
        Columns of integers (of int64 range), booleans, float64, or objects that are texts
        or None.

    Returns
    -------
    bytes
        Kind, checksum, version, then a compressed header (with a hash of the schema) and
        columns, all little-endian. Nothing in it is code.
    """
    parts: list[bytes] = []
    layout: list[dict[str, Any]] = []
    for table, columns in tables.items():
        for name, values in columns.items():
            form, payload = _column_bytes(values)
            layout.append({"table": table, "name": name, "form": form, "size": len(payload)})
            parts.append(payload)
    header = {
        "facts": facts,
        "tables": list(tables),
        "columns": layout,
        "schema": _schema_hash(list(tables), layout),
    }
    text = json.dumps(header, sort_keys=True).encode()
    body = zlib.compress(len(text).to_bytes(8, "little") + text + b"".join(parts), level=_LEVEL)
    checked = version.to_bytes(4, "little") + body
    return kind.encode("ascii") + zlib.crc32(checked).to_bytes(4, "little") + checked


def unpack(
    payload: bytes, kind: str, newest_version: int, what: str, *, coded: bool = False
) -> tuple[int, dict[str, Any], dict[str, dict[str, Any]]]:
    """Read what `pack` wrote.

    Parameters
    ----------
    payload : bytes
    kind : str
        The four letters that must stand in front.
    newest_version : int
        The newest version of the format that the caller reads.
    what : str
        What these bytes should be, for messages, such as ``"customer summary"``.
    coded : bool, default=False
        Whether texts come as `Coded`.

    Returns
    -------
    version : int
    facts : dict
    tables : dict of str to (dict of str to ndarray)
        Integers come as int64.

    Raises
    ------
    InvalidDataError
        If the bytes are something else, damaged, or of a later version; or no bytes at all.
    """
    _check_bytes(payload, what)
    broken = f"these bytes are not a {what}, or they are damaged."
    if payload[:4] != kind.encode("ascii") or len(payload) < 12:
        raise InvalidDataError(broken)
    checked = payload[8:]
    if zlib.crc32(checked) != int.from_bytes(payload[4:8], "little"):
        raise InvalidDataError(broken)
    version = int.from_bytes(checked[:4], "little")
    if version > newest_version:
        message = (
            f"this {what} has version {version}; this release reads up to {newest_version}. "
            f"Update userportrait."
        )
        raise InvalidDataError(message)
    try:
        body = zlib.decompress(checked[4:])
        size = int.from_bytes(body[:8], "little")
        header: dict[str, Any] = json.loads(body[8 : 8 + size])
        if header["schema"] != _schema_hash(header["tables"], header["columns"]):
            raise InvalidDataError(broken)
        tables = _read_tables(header, body, 8 + size, coded=coded)
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise InvalidDataError(broken) from error
    return version, header["facts"], tables


def check_other(kind: type, other: object) -> None:
    """Check what a state of some class is asked to merge with.

    Raises
    ------
    InvalidParameterError
        If it is no state of this class.
    """
    if not isinstance(other, kind):
        problem = f"a {kind.__name__} merges with its own kind only; got {_named(other)}."
        raise InvalidParameterError(f"{kind.__name__}.merge", [problem])


def _check_bytes(payload: object, what: str) -> None:
    if not isinstance(payload, (bytes, bytearray, memoryview)):
        raise InvalidDataError(f"{what}: bytes are needed to read one; got {_named(payload)}.")


def _named(value: object) -> str:
    return "None" if value is None else f"an object of class {type(value).__name__}"


def _schema_hash(tables: list[str], layout: list[dict[str, Any]]) -> str:
    shape = [tables, [[part["table"], part["name"], part["form"][:4]] for part in layout]]
    return sha256(json.dumps(shape).encode()).hexdigest()[:16]


def _read_tables(
    header: dict[str, Any], body: bytes, start: int, *, coded: bool
) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {name: {} for name in header["tables"]}
    view = memoryview(body)
    for part in header["columns"]:
        values = _column_values(part["form"], view[start : start + part["size"]])
        if isinstance(values, Coded) and not coded:
            values = values.values()
        tables[part["table"]][part["name"]] = values
        start += part["size"]
    return tables


def _column_bytes(values: NDArray[Any] | Coded) -> tuple[str, bytes]:
    if isinstance(values, Coded):
        return _text_bytes(values)
    values = np.asarray(values)
    if values.dtype == bool:
        return "bool", values.astype("u1").tobytes()
    if values.dtype.kind in "iu":
        return _whole_bytes(values)
    if values.dtype.kind == "f":
        return "real", values.astype("<f8").tobytes()
    return _text_bytes(Coded(*code_values(values)))


def _whole_bytes(values: NDArray[Any]) -> tuple[str, bytes]:
    """Write whole numbers in the narrowest form that holds all of them."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    form = next(form for form in _NARROW if -low <= _greatest(form) + 1 and high <= _greatest(form))
    return f"whole{form[1:]}", values.astype(form).tobytes()


def _greatest(form: str) -> int:
    return int(np.iinfo(form).max)


def _text_bytes(values: Coded) -> tuple[str, bytes]:
    texts = [text.encode("utf-8", "surrogatepass") for text in values.distinct.tolist()]
    sizes = np.array([len(text) for text in texts], dtype="<i8")
    head = len(texts).to_bytes(8, "little") + sizes.tobytes()
    return "text", head + b"".join(texts) + values.codes.astype("<i4").tobytes()


def _column_values(form: str, payload: memoryview) -> NDArray[Any] | Coded:
    if form == "bool":
        return np.frombuffer(payload, dtype="u1").astype(bool)
    if form.startswith("whole"):
        return np.frombuffer(payload, dtype=f"<{form[5:]}").astype(np.int64)
    if form == "real":
        return np.frombuffer(payload, dtype="<f8").astype(np.float64)
    count = int.from_bytes(payload[:8], "little")
    sizes = np.frombuffer(payload[8 : 8 + 8 * count], dtype="<i8")
    ends = (np.concatenate([[0], np.cumsum(sizes)]) + 8 + 8 * count).tolist()
    distinct = np.empty(count, dtype=object)
    distinct[:] = [bytes(payload[a:b]).decode("utf-8", "surrogatepass") for a, b in pairwise(ends)]
    codes = np.frombuffer(payload[ends[-1] :], dtype="<i4").astype(np.int32)
    return Coded(codes, distinct)


class BatchIds(Collection[str]):
    """The names of the batches that a state holds; never changed.

    Names that end in a slash and a whole number, such as ``'orders/17'``, are kept as ranges,
    so that a stream of any length stays small.

    Parameters
    ----------
    names : iterable of str

    Examples
    --------
    >>> ids = BatchIds(["january", "stream/0", "stream/1"]).add("stream/2")
    >>> "stream/1" in ids, len(ids), ids.to_json()
    (True, 4, {'names': ['january'], 'ranges': {'stream': [[0, 2]]}})
    """

    __slots__ = ("names", "ranges")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: frozenset[str] = frozenset()
        self.ranges: Mapping[str, tuple[tuple[int, int], ...]] = {}
        found = self
        for name in names:
            found = found.add(name)
        self.names, self.ranges = found.names, found.ranges

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name in self.names:
            return True
        prefix, number = _split(name)
        return any(low <= number <= high for low, high in self.ranges.get(prefix, ()))

    def __iter__(self) -> Iterator[str]:
        yield from sorted(self.names)
        for prefix in sorted(self.ranges):
            for low, high in self.ranges[prefix]:
                yield from (f"{prefix}/{number}" for number in range(low, high + 1))

    def __len__(self) -> int:
        numbered = (high - low + 1 for spans in self.ranges.values() for low, high in spans)
        return len(self.names) + sum(numbered)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BatchIds):
            return NotImplemented
        return self.names == other.names and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash((self.names, frozenset(self.ranges.items())))

    def __repr__(self) -> str:
        return f"<BatchIds: {len(self):,} batches>"

    def check_new(self, batch_id: object, *, owner: str) -> None:
        """Check the name of a batch before any work: a text that is not there yet; None is fine.

        Raises
        ------
        InvalidParameterError
            If it is no text, or an empty one.
        DuplicateBatchError
            If it is there already.
        """
        if batch_id is None:
            return
        if not isinstance(batch_id, str) or not batch_id:
            problem = f"batch_id must be a text that is not empty; got {batch_id!r}."
            raise InvalidParameterError(owner, [problem])
        if batch_id in self:
            raise DuplicateBatchError(batch_id)

    def add(self, batch_id: str | None) -> BatchIds:
        """Return the names with one more; None changes nothing.

        Raises
        ------
        DuplicateBatchError
            If the name is there already.
        """
        self.check_new(batch_id, owner="BatchIds.add")
        if batch_id is None:
            return self
        prefix, number = _split(batch_id)
        if number < 0:
            return _batch_ids(self.names | {batch_id}, self.ranges)
        spans = _united((*self.ranges.get(prefix, ()), (number, number)))
        return _batch_ids(self.names, {**self.ranges, prefix: spans})

    def join(self, other: BatchIds) -> BatchIds:
        """Return the names of both.

        Raises
        ------
        DuplicateBatchError
            If a name is in both.
        """
        for name in sorted(self.names & other.names):
            raise DuplicateBatchError(name)
        ranges = dict(self.ranges)
        for prefix, spans in other.ranges.items():
            mine = ranges.get(prefix, ())
            shared = [max(a, c) for a, b in mine for c, d in spans if max(a, c) <= min(b, d)]
            if shared:
                raise DuplicateBatchError(f"{prefix}/{min(shared)}")
            ranges[prefix] = _united((*mine, *spans))
        return _batch_ids(self.names | other.names, ranges)

    def to_json(self) -> dict[str, Any]:
        """Return a dict that JSON can write, the same for the same names."""
        ranges = {p: [list(span) for span in self.ranges[p]] for p in sorted(self.ranges)}
        return {"names": sorted(self.names), "ranges": ranges}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BatchIds:
        """Read what `to_json` wrote."""
        ranges = {p: tuple((int(a), int(b)) for a, b in s) for p, s in document["ranges"].items()}
        return _batch_ids(frozenset(document["names"]), ranges)


def _batch_ids(
    names: frozenset[str], ranges: Mapping[str, tuple[tuple[int, int], ...]]
) -> BatchIds:
    found = BatchIds()
    found.names, found.ranges = names, ranges
    return found


def _split(name: str) -> tuple[str, int]:
    """Return a name's prefix and number; -1 where it has none."""
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, -1)


def _united(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)
