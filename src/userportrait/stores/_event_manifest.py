"""What a directory of event files holds: one small file that is replaced all at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from userportrait._core.state import BatchIds
from userportrait.errors import StoreError
from userportrait.stores import _state_files as files

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.stores._event_rows import Schema

__all__ = ["MANIFEST", "EventFile", "Manifest", "read_manifest", "write_manifest"]

MANIFEST = "events.json"
_FORMAT = "userportrait events"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class EventFile:
    """One file of events, in the order of time.

    Parameters
    ----------
    name : str
        Its name in the directory.
    n_rows : int
    first, last : int
        Times of its oldest and newest event, microseconds since the epoch.
    """

    name: str
    n_rows: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that readers must agree on."""

    files: tuple[EventFile, ...] = ()
    schema: Schema = field(default_factory=dict[str, Any])
    batch_ids: BatchIds = field(default_factory=BatchIds)


def read_manifest(directory: Path) -> Manifest:
    """Read what the directory holds; nothing if it was never written."""
    path = directory / MANIFEST
    try:
        document: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        message = f"the store '{directory}' cannot be read: {error.strerror}."
        raise StoreError(message) from error
    except ValueError as error:
        raise _damaged(directory) from error
    try:
        if document["format"] != _FORMAT:
            raise _damaged(directory)
        if document["version"] > _VERSION:
            message = (
                f"the store '{directory}' was written by a newer userportrait (version "
                f"{document['version']}; this one reads up to {_VERSION}). Upgrade userportrait."
            )
            raise StoreError(message)
        return Manifest(
            files=tuple(EventFile(*entry) for entry in document["files"]),
            schema=dict(document["schema"]),
            batch_ids=BatchIds.from_json(document["batches"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(directory) from error


def _damaged(directory: Path) -> StoreError:
    return StoreError(
        f"'{directory / MANIFEST}' is not the list of an event store, or it is damaged. "
        f"Take a backup."
    )


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Replace what the directory holds; the caller has the write lock."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "schema": manifest.schema,
        "files": [[f.name, f.n_rows, f.first, f.last] for f in manifest.files],
        "batches": manifest.batch_ids.to_json(),
    }
    text = json.dumps(document, separators=(",", ":"))
    files.write_atomically(directory / MANIFEST, lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
