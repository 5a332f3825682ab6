"""Portraits in memory: for tests, notebooks and small shops."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.stores._encoding import (
    check_profiles,
    decode_build,
    encode_build,
    look_up_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from userportrait.typing import Build, CustomerId, TagValue

    _Kept: TypeAlias = "dict[CustomerId, tuple[tuple[str, ...], tuple[TagValue, ...]]]"

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keep portraits in memory, for as long as the process lives.

    Readers see one build: they hold a snapshot, and a build replaces it in one step.
    Builds and erasures wait for each other. Safe to use from several threads.

    See Also
    --------
    userportrait.stores.SQLiteStore : The same in a file.

    Notes
    -----
    A profile of 30 numbers takes about 1 kB. Customers with the same tags share the
    tuple of names. Pickling or copying a store takes its profiles along.

    Examples
    --------
    >>> from datetime import datetime
    >>> from userportrait.typing import Build
    >>> store = MemoryStore()
    >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
    >>> store.replace_profiles([(17850, {"n_orders": 34}), (13047, {"n_orders": 9})], build=build)
    2
    >>> store.read_profile(17850)
    {'n_orders': 34}
    >>> store
    <MemoryStore with 2 customers>
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: _Kept = {}
        self._build: str | None = None

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
            As `check_profiles` says. The old profiles and the old build stay.

        Examples
        --------
        >>> from datetime import datetime
        >>> from userportrait.typing import Build
        >>> MemoryStore().replace_profiles([], build=Build(as_of=datetime(2026, 1, 1), versions={}))
        0
        """
        with self._lock:
            document = encode_build(build)
            names: dict[tuple[str, ...], tuple[str, ...]] = {}
            kept: _Kept = {}
            for customer_id, tags in check_profiles(profiles):
                shape = tuple(tags)
                kept[customer_id] = names.setdefault(shape, shape), tuple(tags.values())
            self._kept, self._build = kept, document
            return len(kept)

    def read_profiles(
        self, customer_ids: Sequence[CustomerId]
    ) -> dict[CustomerId, dict[str, TagValue]]:
        """Return the tags of the customers found; unknown customers are left out.

        Parameters
        ----------
        customer_ids : sequence of int or str
            In any order; repeated ones count once.

        Returns
        -------
        dict of customer_id to dict of str to tag value
            Copies: changing them changes nothing in the store.

        Raises
        ------
        ColumnTypeError
            If an ID is neither an integer nor a text.

        Examples
        --------
        >>> MemoryStore().read_profiles([17850])
        {}
        """
        kept = self._kept
        wanted = map(look_up_id, customer_ids)
        return {key: _tags(kept[key]) for key in wanted if key in kept}

    def read_profile(self, customer_id: CustomerId) -> dict[str, TagValue] | None:
        """Return one customer's tags, None if the customer is unknown.

        Parameters
        ----------
        customer_id : int or str

        Returns
        -------
        dict of str to tag value, or None
            A copy.

        Raises
        ------
        ColumnTypeError
            If the ID is neither an integer nor a text.

        Examples
        --------
        >>> MemoryStore().read_profile("ann") is None
        True
        """
        found = self._kept.get(look_up_id(customer_id))
        return None if found is None else _tags(found)

    def scan_profiles(self) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        """Yield every profile once, in the order of the build.

        A scan keeps to the snapshot it began with, also when a build or an erasure
        happens meanwhile.

        Yields
        ------
        customer_id : int or str
        tags : dict of str to tag value
            A copy.

        Examples
        --------
        >>> list(MemoryStore().scan_profiles())
        []
        """
        for customer_id, found in self._kept.items():
            yield customer_id, _tags(found)

    def read_build(self) -> Build | None:
        """Return what the kept profiles have in common, None before the first build.

        Returns
        -------
        Build or None

        Examples
        --------
        >>> MemoryStore().read_build() is None
        True
        """
        return None if self._build is None else decode_build(self._build)

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers.

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

        Examples
        --------
        >>> MemoryStore().delete_customers([17850])
        0
        """
        with self._lock:
            gone = set(map(look_up_id, customer_ids)) & self._kept.keys()
            if gone:
                self._kept = {key: v for key, v in self._kept.items() if key not in gone}
            return len(gone)

    def __getstate__(self) -> dict[str, Any]:
        return {"_kept": self._kept, "_build": self._build}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._lock = RLock()
        self._kept, self._build = state["_kept"], state["_build"]

    def __repr__(self) -> str:
        return f"<MemoryStore with {format_count(len(self._kept), 'customer')}>"

    def _repr_html_(self) -> str:
        build = self.read_build()
        rows = {
            "customers": f"{len(self._kept):,}",
            "as of": "never built" if build is None else build.as_of,
        }
        return page_fragment("MemoryStore", definition_list(rows))


def _tags(found: tuple[tuple[str, ...], tuple[TagValue, ...]]) -> dict[str, TagValue]:
    return dict(zip(*found, strict=True))
