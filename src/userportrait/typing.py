"""The types and Protocols by which other code meets the library."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import pandas as pd

__all__ = [
    "Build",
    "CustomerId",
    "DefinitionStore",
    "EventStore",
    "IntoFrame",
    "Mergeable",
    "ProfileStore",
    "Progress",
    "Recommends",
    "Scorer",
    "StateStore",
    "SupportsAggregates",
    "SupportsEncodedProfiles",
    "TagValue",
]

CustomerId: TypeAlias = int | str
"""A customer's ID: an integer or a text, never a float."""

TagValue: TypeAlias = bool | int | float | str | None
"""What a tag can say of a customer; None is 'unknown', a date is ISO 8601 text."""

IntoFrame: TypeAlias = Any
"""A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, a Spark
DataFrame or an ibis table on DuckDB."""

Progress: TypeAlias = "Callable[[str, float], None]"
"""Called with the name of the step and the share done, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What all the profiles of one build have in common.

    Parameters
    ----------
    as_of : datetime
        The moment the tags describe; UTC, naive. No later fact was used.
    versions : mapping of str to int
        The version of each tag's definition, in catalogue order.
    facts : mapping of str to JSON value, default={}
        Further results of the build that a report needs, such as the cohort table.

    Examples
    --------
    >>> from datetime import datetime
    >>> build = Build(as_of=datetime(2026, 1, 1), versions={"n_orders": 1})
    >>> Build.from_dict(build.to_dict()) == build
    True
    """

    as_of: datetime
    versions: Mapping[str, int]
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can write."""
        return {
            "as_of": self.as_of.isoformat(),
            "versions": dict(self.versions),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Build:
        """Read what `to_dict` wrote."""
        return cls(
            as_of=datetime.fromisoformat(str(document["as_of"])),
            versions=dict(document["versions"]),
            facts=dict(document.get("facts", {})),
        )


@runtime_checkable
class ProfileStore(Protocol):
    """Where portraits are kept: memory, a file, a database, a service.

    A store holds values and computes nothing. Any class with these methods will do;
    there is no base class to inherit and no config object. Methods may be called from
    several threads at once. Run `userportrait.testing.check_profile_store` on your own
    class: the shipped stores pass the same checks.

    Examples
    --------
    >>> from userportrait.stores import MemoryStore
    >>> isinstance(MemoryStore(), ProfileStore)
    True
    """

    def replace_profiles(
        self,
        profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]],
        *,
        build: Build,
    ) -> int:
        """Replace everything by the profiles of one build; return how many were written.

        All or nothing: if `profiles` raises or the process dies, the old profiles and the
        old build stay. Readers see the old ones until the new ones are complete.
        `profiles` is read once and may read this store; a build without profiles is one
        too. A customer who comes twice, an ID that is no `CustomerId` and a value that is
        no `TagValue` (NaN, infinity, a date, a list) raise `InvalidDataError`:
        `userportrait.stores.check_profiles` does that for you.
        """
        ...

    def read_profiles(
        self, customer_ids: Sequence[CustomerId]
    ) -> Mapping[CustomerId, Mapping[str, TagValue]]:
        """Return the tags of the customers found; unknown customers are left out.

        Values come back as they were written, with their types, and all from one build.
        1 and "1" are two customers. The result is the caller's: changing it changes
        nothing in the store.
        """
        ...

    def scan_profiles(self) -> Iterator[tuple[CustomerId, Mapping[str, TagValue]]]:
        """Yield every profile once, in any order, all of them from one build.

        Also if another build or an erasure happens before the scan ends.
        """
        ...

    def read_build(self) -> Build | None:
        """Return what the kept profiles have in common; None before the first build."""
        ...

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers, ignore unknown ones; return how many were there."""
        ...


@runtime_checkable
class SupportsEncodedProfiles(Protocol):
    """A store that can take profiles already written as JSON, which is faster.

    Examples
    --------
    >>> from userportrait.stores import MemoryStore, SQLiteStore
    >>> isinstance(SQLiteStore("shop.db"), SupportsEncodedProfiles)
    True
    >>> isinstance(MemoryStore(), SupportsEncodedProfiles)
    False
    """

    def replace_encoded(self, profiles: Iterable[tuple[CustomerId, str]], *, build: Build) -> int:
        """Do as `ProfileStore.replace_profiles`, from (customer, JSON object) pairs.

        The texts are trusted: each is one JSON object of tag values, without blanks around
        it, as ``json.dumps`` writes it.
        """
        ...


@runtime_checkable
class EventStore(Protocol):
    """Where events are kept: batches are appended, customers can be erased.

    A store holds rows and computes nothing. Any class with these methods will do; there is
    no base class to inherit. Methods may be called from several threads at once. Run
    `userportrait.testing.check_event_store` on your own class.

    Examples
    --------
    >>> from userportrait.stores import MemoryEventStore
    >>> isinstance(MemoryEventStore(), EventStore)
    True
    """

    def append_events(self, events: Any, *, batch_id: str) -> int:
        """Append a batch of events; return how many rows were written.

        `events` is an `Events` table or a frame with `customer_id`, `event`, `occurred_at`
        and any other columns of numbers, texts, truths or times. A batch ID seen before
        writes nothing and returns 0, so a batch may be sent again when in doubt. All or
        nothing: if it raises or the process dies, no row of the batch is there. A batch
        without rows is a batch too. The first batch that has a value in a column says what
        the column holds: a later one that holds something else raises `InvalidDataError`.
        A new column is null in earlier rows, a column left out is null in the batch's rows.
        """
        ...

    def read_events(
        self,
        customer_ids: Sequence[CustomerId] | None = None,
        *,
        since: Any = None,
        until: Any = None,
    ) -> Any:
        """Return the events of these customers, of all by default, in the order of time.

        `since` belongs to the interval, `until` does not: days put side by side neither
        overlap nor leave a gap. The result is a frame that the library takes, with the
        columns `customer_id`, `event`, `occurred_at` (UTC) and all others that were ever
        appended. Unknown customers are left out; without events the frame has no rows. It
        has whole batches only. Rows of equal time come in any order.
        """
        ...

    def has_batch(self, batch_id: str) -> bool:
        """Say whether a batch was appended, also if its customers are erased since."""
        ...

    def delete_customers(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers' events, ignore unknown ones; return how many were there.

        It counts customers, not rows. A batch stays seen: sending it again does not bring
        anybody back.
        """
        ...


@runtime_checkable
class StateStore(Protocol):
    """Where serialised states are kept under names: a directory, a service.

    Any class with these methods will do. Any mutable mapping of texts to bytes is taken
    too, where a state store is asked for. Methods may be called from several threads at
    once. A store may also have ``lock_state(name)``, a context manager that one thread or
    process at a time is in, and that hinders none of the methods below: streams write inside
    of it. Without it, a stream must have one writer at a time. Run
    `userportrait.testing.check_state_store` on your own class.

    Examples
    --------
    >>> from userportrait.stores import MemoryStateStore
    >>> isinstance(MemoryStateStore(), StateStore)
    True
    """

    def read_state(self, name: str) -> bytes | None:
        """Return what was last written under the name; None if there is nothing."""
        ...

    def write_state(self, name: str, payload: bytes) -> None:
        """Replace what is kept under the name.

        All or nothing: whoever reads meanwhile, or after a crash, gets the old bytes or the
        new ones. When it returns, the bytes are as safe as the store can make them. Any
        text of 1 to 200 characters is a name; upper and lower case are two names.
        """
        ...

    def delete_state(self, name: str) -> bool:
        """Remove what is kept under the name; say whether there was anything."""
        ...


@runtime_checkable
class DefinitionStore(Protocol):
    """Where versioned documents are kept: of tags, of audiences, of models.

    A document is a JSON object, known by its kind (``"tag"``, ``"model"``), its name and its
    version. Any class with these methods will do. Any mutable mapping of texts to texts is
    taken too, where a store of definitions is asked for. Methods may be called from several
    threads at once. Kinds and names are texts of 1 to 200 characters; upper and lower case are
    two names. Run `userportrait.testing.check_definition_store` on your own class.

    Examples
    --------
    >>> from userportrait.stores import MemoryDefinitionStore
    >>> isinstance(MemoryDefinitionStore(), DefinitionStore)
    True
    """

    def read_definition(
        self, kind: str, name: str, version: int | None = None
    ) -> Mapping[str, Any] | None:
        """Return a version of a document, by default the last one; None if it is not there.

        Values come back as they were written, with their types; a tuple comes back as a list.
        The result is the caller's: changing it changes nothing in the store.
        """
        ...

    def write_definition(self, kind: str, name: str, document: Mapping[str, Any]) -> int:
        """Add a version of a document and return its number: 1, then 2, 3, …

        Earlier versions stay as they are. Two writers never get the same number, also not
        after a deletion. All or nothing: if it raises or the process dies, nobody sees half a
        document. NaN, infinity, a key that is no text and a value that JSON has not raise
        `InvalidDataError`: `userportrait.stores.encode_document` does that for you.
        """
        ...

    def list_definitions(self, kind: str) -> Mapping[str, Sequence[int]]:
        """Return the names of a kind with the versions of each that are there, ascending."""
        ...

    def delete_definition(self, kind: str, name: str, version: int | None = None) -> int:
        """Remove a version, by default all of them; return how many were there."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """Anything that gives customers a value: a model, a formula, a service.

    Examples
    --------
    >>> from userportrait.value import RFM
    >>> isinstance(RFM(), Scorer)
    True
    """

    def score(self, orders: Any, *, as_of: datetime) -> pd.DataFrame:
        """Return one row per customer, with `customer_id` and one or more value columns.

        Only facts known at `as_of` may be used.
        """
        ...


@runtime_checkable
class Recommends(Protocol):
    """Anything that recommends items to customers: rules, a model, a service.

    Any class with this method will do; there is no base class to inherit. Run
    `userportrait.testing.check_recommends` on your own class.

    Examples
    --------
    >>> from userportrait.patterns import BasketRuleRecommender
    >>> isinstance(BasketRuleRecommender(), Recommends)
    True
    """

    def recommend(
        self,
        customers: Sequence[CustomerId] | None = None,
        *,
        k: int = 10,
        filter_seen: bool = True,
        exclude: Iterable[Any] = (),
    ) -> pd.DataFrame:
        """Return up to `k` items for each customer, best first.

        The frame has `customer_id`, `item_id`, `score` and `rank` (1, 2, …), and may have
        more, such as `reason`. Rows come by customer in the order asked, by default all that
        it knows, then by rank; no item twice for a customer. Scores do not rise with the rank;
        they compare items of one customer only. A customer's list does not depend on who else
        is asked for, and a longer list begins with the shorter one.

        With `filter_seen`, items that the customer is known to have are left out; items in
        `exclude` always are. A customer that it does not know gets items for anybody or no
        rows, never an error. `k` below 1 raises `ValueError`.
        """
        ...


@runtime_checkable
class Mergeable(Protocol):
    """A state that batches, partitions and streams build up alike.

    ``fold(all) == merge(fold(part), …)`` for any split, in any order, on any engine; an
    empty state changes nothing. Run `userportrait.testing.check_mergeable` on your own.

    Examples
    --------
    >>> from userportrait.features import CustomerSummary
    >>> isinstance(CustomerSummary(), Mergeable)
    True
    """

    def update(self, batch: Any, *, batch_id: str | None = None) -> Self:
        """Fold one batch into this state and return it.

        A named batch is remembered: giving it again raises `DuplicateBatchError`, and the
        state stays as it is. If the batch is refused for any reason, the state is unchanged.
        """
        ...

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed.

        Raises `DuplicateBatchError` if both hold the same named batch.
        """
        ...

    def finalize(self, as_of: Any = None) -> Any:
        """Return the result for a moment; no later fact is used, no row is read again."""
        ...

    @property
    def batch_ids(self) -> Collection[str]:
        """The names of the batches that it holds; tests membership with ``in``."""
        ...

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase these customers, ignore unknown ones; return how many were there."""
        ...

    def to_bytes(self) -> bytes:
        """Serialise, with a version."""
        ...

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        ...


class SupportsAggregates(Protocol):
    """Where the figures of an experiment are summed: a warehouse, a stream, a service.

    `userportrait.experiment.Aggregates.from_store` asks it, and
    `userportrait.testing.check_aggregates` tells whether a class keeps these promises.

    Examples
    --------
    >>> from userportrait.experiment import Aggregates
    >>> class Totals:
    ...     def read_aggregates(self, columns, *, variant, by):
    ...         yield {variant: "A", "n": 2, "mean_spend": 2.0, "cross_spend_spend": 2.0}
    ...         yield {variant: "B", "n": 2, "mean_spend": 7.0, "cross_spend_spend": 8.0}
    >>> Aggregates.from_store(Totals(), ["spend"])
    <Aggregates of 1 column: 2 of 'A', 2 of 'B'>
    """

    def read_aggregates(
        self, columns: Sequence[str], *, variant: str, by: Sequence[str]
    ) -> Iterable[Mapping[str, Any]]:
        """Return one row, or several that merge, for each group that has units.

        Parameters
        ----------
        columns : sequence of str
            Names of the numbers.
        variant : str
            The column that says which arm a unit was in.
        by : sequence of str
            Further columns to group by; may be empty.

        Returns
        -------
        iterable of mapping
            Under `variant` and the names of `by` the labels, None for none; ``n``, the units;
            for each column ``mean_NAME``; for each pair of columns, and each with itself,
            ``cross_NAME_NAME`` in any order: the sum over units of the products of deviations
            from the group's means.
        """
        ...
