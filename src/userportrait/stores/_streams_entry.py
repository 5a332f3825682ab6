"""What a stream keeps in its store: states, and what they were made from, in one piece."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from userportrait._core.state import BatchIds
from userportrait.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Entry", "Facts", "head_of"]

_MAGIC = b"UPst"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the states of a stream were made from.

    Parameters
    ----------
    number : int
        How many writes of the stream are inside.
    batch_ids : BatchIds
    positions : mapping of str to (position, number of batches)
        By source: the last position counted, and how many batches came from there.
    columns : mapping of str to str
        What each column of the batches holds.
    n_batches, n_rows, n_set_aside : int
    query : str or None
        The Spark query that wrote last.
    """

    number: int = 0
    batch_ids: BatchIds = field(default_factory=BatchIds)
    positions: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    n_batches: int = 0
    n_rows: int = 0
    n_set_aside: int = 0
    query: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        return {
            "number": self.number,
            "batches": self.batch_ids.to_json(),
            "positions": {source: list(found) for source, found in self.positions.items()},
            "columns": dict(self.columns),
            "n_batches": self.n_batches,
            "n_rows": self.n_rows,
            "n_set_aside": self.n_set_aside,
            "query": self.query,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Facts:
        """Read what `to_json` wrote."""
        positions = {source: (int(a), int(b)) for source, (a, b) in document["positions"].items()}
        return cls(
            number=document["number"],
            batch_ids=BatchIds.from_json(document["batches"]),
            positions=positions,
            columns=document["columns"],
            n_batches=document["n_batches"],
            n_rows=document["n_rows"],
            n_set_aside=document["n_set_aside"],
            query=document["query"],
        )

    def with_position(self, source: str, position: int) -> Facts:
        """Return the facts after one more batch of a source."""
        n_before = self.positions.get(source, (-1, 0))[1]
        return replace(self, positions={**self.positions, source: (position, n_before + 1)})


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of what a stream keeps.

    Parameters
    ----------
    facts : Facts
        Of the stream up to and including this piece.
    states : mapping of str to bytes
        By name; without those that the piece says nothing of.
    kinds : mapping of str to str
        The class of each state of the stream.
    head : bytes
        What `head_of` gives for the bytes that were read; empty for a new piece.
    """

    facts: Facts
    states: Mapping[str, bytes]
    kinds: Mapping[str, str]
    head: bytes = b""

    def to_bytes(self) -> bytes:
        """Serialise: letters, checksum, version, header, then the states' own bytes.

        The header has a token of its own, so no two writes have the same `head_of`.
        """
        header = {
            "token": uuid4().hex,
            "facts": self.facts.to_json(),
            "sizes": {name: len(payload) for name, payload in self.states.items()},
            "kinds": dict(self.kinds),
        }
        text = json.dumps(header).encode()
        head = _VERSION.to_bytes(4, "little") + len(text).to_bytes(8, "little")
        body = b"".join((head, text, *self.states.values()))
        return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body

    @classmethod
    def from_bytes(cls, payload: bytes, name: str) -> Entry:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are something else, damaged, or of a later version.
        """
        broken = f"the state '{name}' in the store is not that of a stream, or it is damaged."
        if payload[:4] != _MAGIC or len(payload) < 20:
            raise InvalidDataError(broken)
        if zlib.crc32(payload[8:]) != int.from_bytes(payload[4:8], "little"):
            raise InvalidDataError(broken)
        version = int.from_bytes(payload[8:12], "little")
        if version > _VERSION:
            message = (
                f"the state '{name}' was written by a newer userportrait (version {version}; this "
                f"one reads up to {_VERSION}). Upgrade userportrait."
            )
            raise InvalidDataError(message)
        start = 20 + int.from_bytes(payload[12:20], "little")
        header: dict[str, Any] = json.loads(payload[20:start])
        states: dict[str, bytes] = {}
        for key, size in header["sizes"].items():
            states[key] = payload[start : start + size]
            start += size
        facts = Facts.from_json(header["facts"])
        return cls(facts, states, header["kinds"], head_of(payload))


def head_of(payload: bytes) -> bytes:
    """Return an entry's bytes before the states: the same only for the same write."""
    return payload[: 20 + int.from_bytes(payload[12:20], "little")]
