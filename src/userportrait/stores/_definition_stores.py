"""Versioned documents under kinds and names: in memory, in any mapping."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from userportrait._core.display import format_count
from userportrait.stores._definition_documents import (
    check_names,
    check_version,
    decode_document,
    encode_document,
)
from userportrait.typing import DefinitionStore

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MemoryDefinitionStore", "as_definition_store"]


class MemoryDefinitionStore:
    """Keep versioned documents in memory, for as long as the process lives.

    Safe to use from several threads.

    See Also
    --------
    userportrait.stores.SQLiteDefinitionStore : The same in a file.

    Examples
    --------
    >>> store = MemoryDefinitionStore()
    >>> store.write_definition("tag", "loyal", {"at_least": 3})
    1
    >>> store.write_definition("tag", "loyal", {"at_least": 4})
    2
    >>> store.read_definition("tag", "loyal"), store.read_definition("tag", "loyal", 1)
    ({'at_least': 4}, {'at_least': 3})
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[int, str]] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def read_definition(
        self, kind: str, name: str, version: int | None = None
    ) -> dict[str, Any] | None:
        """Return a version of a document, by default the last one; None if it is not there.

        Parameters
        ----------
        kind, name : str
        version : int, optional

        Returns
        -------
        dict or None

        Examples
        --------
        >>> MemoryDefinitionStore().read_definition("tag", "loyal") is None
        True
        """
        _check("MemoryDefinitionStore.read_definition", kind, name, version)
        with self._lock:
            kept = self._kept.get((kind, name), {})
            wanted = max(kept, default=0) if version is None else version
            text = kept.get(wanted)
        return None if text is None else decode_document(text)

    def write_definition(self, kind: str, name: str, document: Mapping[str, Any]) -> int:
        """Add a version of a document; return its number.

        Parameters
        ----------
        kind, name : str
            1 to 200 characters.
        document : mapping of str to JSON value
            As `userportrait.stores.encode_document` says.

        Returns
        -------
        int
            1 for the first version, then 2, 3, …

        Examples
        --------
        >>> MemoryDefinitionStore().write_definition("tag", "loyal", {"at_least": 3})
        1
        """
        check_names("MemoryDefinitionStore.write_definition", kind=kind, name=name)
        text = encode_document(document)
        with self._lock:
            version = self._last[kind, name] = self._last.get((kind, name), 0) + 1
            self._kept.setdefault((kind, name), {})[version] = text
        return version

    def list_definitions(self, kind: str) -> dict[str, list[int]]:
        """Return the names of a kind, sorted, and the versions of each, ascending.

        Examples
        --------
        >>> MemoryDefinitionStore().list_definitions("tag")
        {}
        """
        check_names("MemoryDefinitionStore.list_definitions", kind=kind)
        with self._lock:
            own = [(n, sorted(kept)) for (k, n), kept in self._kept.items() if k == kind and kept]
        return dict(sorted(own))

    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        """Remove a version, by default all of them; return how many were there.

        Examples
        --------
        >>> MemoryDefinitionStore().delete_definition("tag", "loyal")
        0
        """
        _check("MemoryDefinitionStore.delete_definition", kind, name, version)
        with self._lock:
            kept = self._kept.get((kind, name), {})
            gone = [number for number in kept if version in (None, number)]
            for number in gone:
                del kept[number]
        return len(gone)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            kept = {key: dict(versions) for key, versions in self._kept.items()}
            return {"_kept": kept, "_last": dict(self._last)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = Lock()

    def __repr__(self) -> str:
        n_versions = sum(map(len, self._kept.values()))
        return f"<MemoryDefinitionStore with {format_count(n_versions, 'document')}>"


class _MappingDefinitions:
    """A mapping of the caller's, from texts to texts, as a store of definitions.

    The key ``["kind","name"]`` has the last number given, ``["kind","name",1]`` a document.
    The number is written first: it is never given twice, whatever happens then.
    """

    def __init__(self, mapping: MutableMapping[str, str]) -> None:
        self.mapping = mapping
        self._lock = Lock()

    def read_definition(
        self, kind: str, name: str, version: int | None = None
    ) -> dict[str, Any] | None:
        _check("read_definition", kind, name, version)
        with self._lock:
            last = int(self._get(_key(kind, name)) or 0)
            for number in range(last, 0, -1) if version is None else [version]:
                text = self._get(_key(kind, name, number))
                if text is not None:
                    return decode_document(text)
        return None

    def write_definition(self, kind: str, name: str, document: Mapping[str, Any]) -> int:
        check_names("write_definition", kind=kind, name=name)
        text = encode_document(document)
        with self._lock:
            version = int(self._get(_key(kind, name)) or 0) + 1
            self.mapping[_key(kind, name)] = str(version)
            self.mapping[_key(kind, name, version)] = text
            self._sync()
        return version

    def list_definitions(self, kind: str) -> dict[str, list[int]]:
        check_names("list_definitions", kind=kind)
        found: dict[str, list[int]] = {}
        with self._lock:
            keys: list[Any] = list(self.mapping)
        for key in keys:
            parts = _parts(key)
            if len(parts) == 3 and parts[0] == kind:
                found.setdefault(parts[1], []).append(parts[2])
        return {name: sorted(found[name]) for name in sorted(found)}

    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        _check("delete_definition", kind, name, version)
        n_deleted = 0
        with self._lock:
            last = int(self._get(_key(kind, name)) or 0)
            for number in range(1, last + 1) if version is None else [version]:
                if self._get(_key(kind, name, number)) is not None:
                    del self.mapping[_key(kind, name, number)]
                    n_deleted += 1
            self._sync()
        return n_deleted

    def __getstate__(self) -> dict[str, Any]:
        return {"mapping": self.mapping}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.mapping, self._lock = state["mapping"], Lock()

    def __repr__(self) -> str:
        return f"<definitions in a {type(self.mapping).__name__}>"

    def _get(self, key: str) -> str | None:
        found: Any = self.mapping.get(key)
        return found.decode() if isinstance(found, bytes) else found

    def _sync(self) -> None:
        sync: Any = getattr(self.mapping, "sync", None)
        if callable(sync):
            sync()


def as_definition_store(store: object) -> DefinitionStore | None:
    """Return a store of definitions for one, or for a mutable mapping; None for anything else."""
    if isinstance(store, DefinitionStore):
        return store
    if isinstance(store, MutableMapping):
        mapping: MutableMapping[str, str] = store  # pyright: ignore[reportUnknownVariableType]
        return _MappingDefinitions(mapping)
    return None


def _check(owner: str, kind: object, name: object, version: object) -> None:
    check_names(owner, kind=kind, name=name)
    check_version(owner, version)


def _key(*parts: object) -> str:
    return json.dumps(parts, separators=(",", ":"))


def _parts(key: Any) -> list[Any]:
    """Return what a key is made of; nothing if the key is another program's."""
    text = key.decode(errors="replace") if isinstance(key, bytes) else key
    if not isinstance(text, str) or not text.startswith('["'):
        return []
    try:
        found: list[Any] = json.loads(text)
    except ValueError:
        return []
    return found
