"""Serialised states under names: in memory, in a directory, in any mapping."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import MutableMapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, InstanceOf, Rule, check_values
from userportrait.errors import ColumnTypeError, InvalidParameterError, StoreError
from userportrait.stores import _state_files as files
from userportrait.typing import StateStore

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

__all__ = ["DirectoryStateStore", "MemoryStateStore", "as_state_store"]

_LONGEST_NAME = 200
_LONGEST_FILE = 120
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_RULES: dict[str, Rule] = {
    "path": InstanceOf((str, os.PathLike), "a path"),
    "timeout": Between(0, 86_400),
}


class MemoryStateStore:
    """Keep serialised states in memory, for as long as the process lives.

    Safe to use from several threads.

    See Also
    --------
    userportrait.stores.DirectoryStateStore : The same in files.

    Examples
    --------
    >>> store = MemoryStateStore()
    >>> store.write_state("orders", b"...")
    >>> store.read_state("orders"), store.read_state("nothing")
    (b'...', None)
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._lock = Lock()
        self._locks: defaultdict[str, Any] = defaultdict(RLock)

    def read_state(self, name: str) -> bytes | None:
        """Return what was last written under the name; None if there is nothing.

        Examples
        --------
        >>> MemoryStateStore().read_state("orders") is None
        True
        """
        return self._kept.get(_checked_name(name, "MemoryStateStore.read_state"))

    def write_state(self, name: str, payload: bytes) -> None:
        """Replace what is kept under the name.

        Parameters
        ----------
        name : str
            1 to 200 characters.
        payload : bytes

        Examples
        --------
        >>> MemoryStateStore().write_state("orders", b"...")
        """
        owner = "MemoryStateStore.write_state"
        self._kept[_checked_name(name, owner)] = _checked_payload(payload)

    def delete_state(self, name: str) -> bool:
        """Remove what is kept under the name; say whether there was anything.

        Examples
        --------
        >>> MemoryStateStore().delete_state("orders")
        False
        """
        return (
            self._kept.pop(_checked_name(name, "MemoryStateStore.delete_state"), None) is not None
        )

    def lock_state(self, name: str) -> AbstractContextManager[object]:
        """Return a lock of the name, which one thread at a time holds in a ``with`` block.

        A stream holds it while it writes. It does not hinder the other methods.

        Examples
        --------
        >>> store = MemoryStateStore()
        >>> with store.lock_state("orders"):
        ...     store.write_state("orders", b"...")
        """
        with self._lock:
            lock: AbstractContextManager[object]
            lock = self._locks[_checked_name(name, "MemoryStateStore.lock_state")]
        return lock

    def __getstate__(self) -> dict[str, Any]:
        kept = {**self.__dict__, "_kept": dict(self._kept)}
        del kept["_lock"], kept["_locks"]
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock, self._locks = Lock(), defaultdict(RLock)

    def __repr__(self) -> str:
        return f"<MemoryStateStore with {format_count(len(self._kept), 'state')}>"


class DirectoryStateStore:
    """Keep serialised states in a directory, one file for each name.

    A state is written under another name, made sure of with `fsync`, and renamed: whatever
    stops it, at whatever moment, the old bytes are there or the new ones.

    Parameters
    ----------
    path : str or path-like
        The directory, made by the first write; the one it is in must exist. It must be the
        store's own.
    timeout : float, default=30.0
        How many seconds a write waits for another writer; 0 to 86,400.

    Attributes
    ----------
    path : pathlib.Path
        The directory, absolute.
    timeout : float
        As given.

    Raises
    ------
    InvalidParameterError
        If a parameter is of the wrong kind.
    StoreError
        If the path is a file, or the directory that it is in is missing.

    See Also
    --------
    userportrait.stores.MemoryStateStore : The same without files.

    Notes
    -----
    A file holds the bytes as given. Threads and processes may share a directory; writers wait
    for each other. A file of a writer that was killed is removed by the next write. Pickling
    gives a store of the same directory. Use a local disk: the lock is SQLite's.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     store = DirectoryStateStore(f"{folder}/states")
    ...     store.write_state("orders", b"...")
    ...     store.read_state("orders")
    b'...'
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        check_values("DirectoryStateStore", {"path": path, "timeout": timeout}, _RULES)
        if str(path) == "":
            problem = "path must name a directory; got ''."
            raise InvalidParameterError("DirectoryStateStore", [problem])
        self.path: Path = Path(path).expanduser().absolute()
        self.timeout: float = float(timeout)
        files.check_parent(self.path, "the states")
        if self.path.exists() and not self.path.is_dir():
            message = f"'{self.path}' is a file. Give a directory for the states."
            raise StoreError(message)

    def read_state(self, name: str) -> bytes | None:
        """Return what was last written under the name; None if there is nothing.

        Raises
        ------
        StoreError
            If the file cannot be read.

        Examples
        --------
        >>> DirectoryStateStore("states").read_state("orders") is None
        True
        """
        path = self._file(name, "DirectoryStateStore.read_state")
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"the state '{path}' cannot be read: {error.strerror}."
            raise StoreError(message) from error

    def write_state(self, name: str, payload: bytes) -> None:
        """Replace what is kept under the name.

        Parameters
        ----------
        name : str
            1 to 200 characters. Letters, digits and common marks of it are seen in the
            file's name.
        payload : bytes

        Raises
        ------
        StoreLockedError
            If another writer is at work for longer than `timeout`.
        StoreError
            If the directory cannot be written. After any error the old bytes are kept.

        Examples
        --------
        >>> DirectoryStateStore("states").write_state("orders", b"...")
        """
        path = self._file(name, "DirectoryStateStore.write_state")
        content = _checked_payload(payload)
        files.make_directory(self.path)
        with files.write_lock(self.path / ".lock", self.timeout, self.path):
            self._sweep()
            files.write_atomically(path, lambda temporary: _write(temporary, content))

    def delete_state(self, name: str) -> bool:
        """Remove what is kept under the name; say whether there was anything.

        Raises
        ------
        StoreLockedError
            If another writer is at work for longer than `timeout`.
        StoreError
            If the file cannot be removed.

        Examples
        --------
        >>> DirectoryStateStore("states").delete_state("orders")
        False
        """
        path = self._file(name, "DirectoryStateStore.delete_state")
        if not self.path.is_dir():
            return False
        with files.write_lock(self.path / ".lock", self.timeout, self.path):
            self._sweep()
            there = path.exists()
            if there and not files.remove_file(path):
                message = f"the state '{path}' cannot be removed: another process holds it."
                raise StoreError(message)
            files.sync_directory(self.path)
            return there

    @contextmanager
    def lock_state(self, name: str) -> Generator[None]:
        """Hold the lock of the name, which one thread or process at a time has.

        A stream holds it while it writes. It does not hinder the other methods. The system
        frees it when a process dies.

        Raises
        ------
        StoreLockedError
            If another one holds it for longer than `timeout`; also if this thread does.
        StoreError
            If the directory cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     store = DirectoryStateStore(f"{folder}/states")
        ...     with store.lock_state("orders"):
        ...         store.write_state("orders", b"...")
        """
        path = self._file(name, "DirectoryStateStore.lock_state").with_suffix(".lock")
        files.make_directory(self.path)
        with files.write_lock(path, self.timeout, self.path):
            yield

    def _sweep(self) -> None:
        """Remove what killed writers left; only while the lock is held."""
        for leftover in self.path.glob(f"{files.TEMPORARY}*"):
            files.remove_file(leftover)

    def _file(self, name: str, owner: str) -> Path:
        return self.path / _file_name(_checked_name(name, owner))

    def __repr__(self) -> str:
        return f"<DirectoryStateStore '{self.path.name}'>"

    def _repr_html_(self) -> str:
        n_states = sum(1 for _ in self.path.glob("*.state")) if self.path.is_dir() else 0
        facts = {"directory": self.path, "states": f"{n_states:,}"}
        return page_fragment("DirectoryStateStore", definition_list(facts))


class _MappingStates:
    """A mapping of the caller's, as a state store."""

    def __init__(self, mapping: MutableMapping[str, bytes]) -> None:
        self.mapping = mapping
        self._lock = Lock()

    def read_state(self, name: str) -> bytes | None:
        try:
            with self._lock:
                return bytes(self.mapping[_checked_name(name, "read_state")])
        except KeyError:
            return None

    def write_state(self, name: str, payload: bytes) -> None:
        with self._lock:
            self.mapping[_checked_name(name, "write_state")] = _checked_payload(payload)
            sync: Any = getattr(self.mapping, "sync", None)
            if callable(sync):
                sync()

    def delete_state(self, name: str) -> bool:
        try:
            with self._lock:
                del self.mapping[_checked_name(name, "delete_state")]
        except KeyError:
            return False
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {"mapping": self.mapping}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.mapping, self._lock = state["mapping"], Lock()

    def __repr__(self) -> str:
        return f"<states in a {type(self.mapping).__name__}>"


def as_state_store(store: object) -> StateStore | None:
    """Return a state store for one, or for a mutable mapping; None for anything else."""
    if isinstance(store, StateStore):
        return store
    if isinstance(store, MutableMapping):
        mapping: MutableMapping[str, bytes] = store  # pyright: ignore[reportUnknownVariableType]
        return _MappingStates(mapping)
    return None


def _write(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)


def _checked_name(name: object, owner: str) -> str:
    if isinstance(name, str) and 1 <= len(name) <= _LONGEST_NAME:
        return name
    given = f"one of {len(name)} characters" if isinstance(name, str) else f"{name!r}"
    problem = f"name must be a text of 1 to {_LONGEST_NAME} characters; got {given}."
    raise InvalidParameterError(owner, [problem])


def _checked_payload(payload: object) -> bytes:
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)  # pyright: ignore[reportUnknownArgumentType]
    message = f"a state is kept as bytes; got {type(payload).__name__}. Call to_bytes() first."
    raise ColumnTypeError(message)


def _file_name(name: str) -> str:
    """Return a file name that differs for different names on every file system."""
    encoded = name.encode("utf-8", "surrogatepass")
    shown = "".join(chr(b) if chr(b) in _PLAIN else f"%{b:02x}" for b in encoded)
    if len(shown) > _LONGEST_FILE:
        shown = f"{shown[:60]}~{blake2b(encoded, digest_size=16).hexdigest()}"
    return f"{shown}.state"
