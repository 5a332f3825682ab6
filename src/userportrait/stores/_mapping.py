"""Portraits in any mapping of yours: a dict, a shelf, a key-value service."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import InstanceOf, Rule, check_values
from userportrait.errors import InvalidParameterError, StoreError
from userportrait.stores._encoding import (
    can_be_kept,
    decode_build,
    decode_profile,
    duplicate_customer,
    encode_build,
    encode_profile,
    encoded_profiles,
    look_up_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from userportrait.typing import Build, CustomerId, TagValue

__all__ = ["MappingStore"]

_KINDS: dict[type, str] = {int: "i", str: "s"}
_RULES: dict[str, Rule] = {
    "mapping": InstanceOf((MutableMapping,), "a mutable mapping"),
    "prefix": InstanceOf((str,), "a text"),
}


class MappingStore:
    """Keep portraits in a mapping: a dict, a shelf, a key-value service.

    A build is written under a name of its own, then one entry is changed to point at it,
    then the old build is removed. Whatever happens before that one change, the old build
    is intact; the leftovers of an interrupted build are removed by the next build or
    erasure.

    Parameters
    ----------
    mapping : MutableMapping of str to str
        Where entries go. Keys and values are texts; bytes are understood on the way
        back, as `dbm` and most services give them. Other entries are left alone.
    prefix : str, default='userportrait/'
        What every key begins with. Two stores in one mapping need two prefixes, neither
        of them the beginning of the other.

    Attributes
    ----------
    mapping : MutableMapping
        As given.
    prefix : str
        As given.

    Raises
    ------
    InvalidParameterError
        If `mapping` is no mutable mapping, or `prefix` no text or empty.

    See Also
    --------
    userportrait.stores.SQLiteStore : A file that also survives a loss of power.

    Notes
    -----
    The keys, after the prefix, are

    - ``current``: the name of the current build, 12 hexadecimal digits;
    - ``<build>/build``: what its profiles have in common, as JSON;
    - ``<build>/i/17850``: the tags of customer 17850, as JSON;
    - ``<build>/s/17850``: the tags of customer "17850".

    Threads may share one store: single operations on the mapping never overlap, builds
    and erasures wait for each other. Only one process may write at a time. A scan takes
    all entries first, so that it keeps to one build; erasure, a scan and the start of a
    build list all keys. If the mapping has a ``sync`` method, as `shelve.Shelf` has, it
    is called before and after the change of build. Errors of the mapping pass unchanged.

    Examples
    --------
    >>> from datetime import datetime
    >>> from userportrait.typing import Build
    >>> shelf = {}
    >>> store = MappingStore(shelf)
    >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
    >>> store.replace_profiles([(17850, {"n_orders": 34})], build=build)
    1
    >>> store.read_profile(17850)
    {'n_orders': 34}
    >>> len(shelf)
    3
    """

    def __init__(self, mapping: MutableMapping[str, Any], *, prefix: str = "userportrait/") -> None:
        check_values("MappingStore", {"mapping": mapping, "prefix": prefix}, _RULES)
        if not prefix:
            raise InvalidParameterError("MappingStore", ["prefix must not be empty."])
        self.mapping: MutableMapping[str, Any] = mapping
        self.prefix: str = prefix
        self._make_locks()

    def replace_profiles(
        self,
        profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]],
        *,
        build: Build,
    ) -> int:
        """Replace everything by the profiles of one build.

        Parameters
        ----------
        profiles : iterable of (customer_id, tags)
            One profile for each customer, in any order; it may read this store.
        build : Build
            What the profiles have in common.

        Returns
        -------
        int
            How many profiles were written.

        Raises
        ------
        InvalidDataError
            As `userportrait.stores.check_profiles` says. The old build is kept.

        Examples
        --------
        >>> from datetime import datetime
        >>> from userportrait.typing import Build
        >>> store = MappingStore({})
        >>> store.replace_profiles([], build=Build(as_of=datetime(2026, 1, 1), versions={}))
        0
        """
        with self._writer:
            document = encode_build(build)
            name = uuid4().hex[:12]
            self._unfinished.add(name)
            try:
                self._sweep()
                n_profiles = self._write(name, profiles)
                self._set(f"{name}/build", document)
                self._sync()
                self._set("current", name)
            except BaseException:
                self._unfinished.discard(name)
                with suppress(Exception):
                    self._sweep()
                raise
            self._unfinished.discard(name)
            self._sync()
            self._sweep()
            return n_profiles

    def read_profiles(
        self, customer_ids: Sequence[CustomerId]
    ) -> dict[CustomerId, dict[str, TagValue]]:
        """Return the tags of the customers found, all of them from one build.

        Parameters
        ----------
        customer_ids : sequence of int or str
            In any order; unknown customers are left out, repeated ones count once.

        Returns
        -------
        dict of customer_id to dict of str to tag value

        Raises
        ------
        ColumnTypeError
            If an ID is neither an integer nor a text.

        Examples
        --------
        >>> MappingStore({}).read_profiles([17850])
        {}
        """
        wanted = {key for key in map(look_up_id, customer_ids) if can_be_kept(key)}
        while (name := self._current()) is not None:
            texts = {key: self._get(_entry(name, key)) for key in wanted}
            found = {key: decode_profile(text) for key, text in texts.items() if text is not None}
            # An entry is missing if the customer is unknown, or if a new build has just
            # taken over and the old one is being removed.
            if len(found) == len(wanted) or self._current() == name:
                return found
        return {}

    def read_profile(self, customer_id: CustomerId) -> dict[str, TagValue] | None:
        """Return one customer's tags, None if the customer is unknown.

        Parameters
        ----------
        customer_id : int or str

        Returns
        -------
        dict of str to tag value, or None

        Raises
        ------
        ColumnTypeError
            If the ID is neither an integer nor a text.

        Examples
        --------
        >>> MappingStore({}).read_profile("ann") is None
        True
        """
        return self.read_profiles([customer_id]).get(look_up_id(customer_id))

    def scan_profiles(self) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        """Yield every profile once, all of them from one build.

        Yields
        ------
        customer_id : int or str
        tags : dict of str to tag value

        Examples
        --------
        >>> list(MappingStore({}).scan_profiles())
        []
        """
        texts: dict[str, str | None] = {}
        while (name := self._current()) is not None:
            texts = {key: self._get(key) for key in self._keys() if key.startswith(f"{name}/")}
            if self._current() == name:
                break
        for key, text in texts.items():
            _, kind, customer = (*key.split("/", 2), "")[:3]
            if text is not None and kind in _KINDS.values():
                yield int(customer) if kind == "i" else customer, decode_profile(text)

    def read_build(self) -> Build | None:
        """Return what the kept profiles have in common, None before the first build.

        Returns
        -------
        Build or None

        Examples
        --------
        >>> MappingStore({}).read_build() is None
        True
        """
        while (name := self._current()) is not None:
            document = self._get(f"{name}/build")
            if document is not None:
                return decode_build(document)
            if self._current() == name:
                message = f"the mapping has lost '{self.prefix}{name}/build'. Build again."
                raise StoreError(message)
        return None

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers, from what an interrupted build left behind too.

        Parameters
        ----------
        customer_ids : sequence of int or str
            Unknown ones are ignored.

        Returns
        -------
        int
            How many were there.

        Raises
        ------
        ColumnTypeError
            If an ID is neither an integer nor a text; then nobody is erased.

        Notes
        -----
        Entries are deleted from the mapping. Whether their bytes leave a disk is up to
        the mapping: `dbm` files keep them until they are reorganised.

        Examples
        --------
        >>> MappingStore({}).delete_customers([17850])
        0
        """
        wanted = {key for key in map(look_up_id, customer_ids) if can_be_kept(key)}
        with self._writer:
            self._sweep()
            name = self._current()
            n_deleted = sum(self._delete(_entry(name, key)) for key in wanted) if name else 0
            self._sync()
            return n_deleted

    def __getstate__(self) -> dict[str, Any]:
        return {"mapping": self.mapping, "prefix": self.prefix}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.mapping, self.prefix = state["mapping"], state["prefix"]
        self._make_locks()

    def __repr__(self) -> str:
        return f"<MappingStore in a {type(self.mapping).__name__} under {self.prefix!r}>"

    def _repr_html_(self) -> str:
        build = self.read_build()
        facts = {
            "mapping": type(self.mapping).__name__,
            "prefix": self.prefix,
            "as of": "never built" if build is None else build.as_of,
        }
        return page_fragment("MappingStore", definition_list(facts))

    def _make_locks(self) -> None:
        self._writer = RLock()
        self._one_operation = RLock()
        self._unfinished: set[str] = set()

    def _write(
        self, name: str, profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]]
    ) -> int:
        seen: set[CustomerId] = set()
        for customer_id, text in encoded_profiles(profiles, encode_profile):
            if customer_id in seen:
                raise duplicate_customer(len(seen))
            seen.add(customer_id)
            self._set(_entry(name, customer_id), text)
        return len(seen)

    def _sweep(self) -> None:
        """Remove every build but the current one and those being written."""
        keep = {"current", self._current(), *self._unfinished}
        for key in self._keys():
            if key.split("/", 1)[0] not in keep:
                self._delete(key)

    def _current(self) -> str | None:
        return self._get("current")

    def _keys(self) -> list[str]:
        """Return this store's keys, without the prefix."""
        with self._one_operation:
            found: list[Any] = list(self.mapping)
        n = len(self.prefix)
        texts = (k.decode(errors="replace") if isinstance(k, bytes) else k for k in found)
        return [k[n:] for k in texts if isinstance(k, str) and k.startswith(self.prefix)]

    def _get(self, key: str) -> str | None:
        with self._one_operation:
            found = self.mapping.get(self.prefix + key)
        return found.decode() if isinstance(found, bytes) else found

    def _set(self, key: str, text: str) -> None:
        with self._one_operation:
            self.mapping[self.prefix + key] = text

    def _delete(self, key: str) -> bool:
        with self._one_operation:
            try:
                del self.mapping[self.prefix + key]
            except KeyError:
                return False
        return True

    def _sync(self) -> None:
        sync = getattr(self.mapping, "sync", None)
        if callable(sync):
            with self._one_operation:
                sync()


def _entry(name: str, customer_id: CustomerId) -> str:
    return f"{name}/{_KINDS[type(customer_id)]}/{customer_id}"
