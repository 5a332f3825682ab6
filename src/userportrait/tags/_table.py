"""Every customer's tag values at one moment, by column."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import format_count, page_fragment, table
from userportrait._core.units import as_moment
from userportrait.errors import (
    CustomerNotFoundError,
    InvalidDataError,
    InvalidParameterError,
    UnknownTagError,
)
from userportrait.tags._coverage import cover
from userportrait.tags._encoding import encode_rows
from userportrait.tags._explain import TagEvidence
from userportrait.tags._plain import collect_ids, column_of_plain, engine_column, unknown_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.typing import Build, CustomerId, IntoFrame, TagValue

__all__ = ["TagTable"]

_BATCH = 65_536


class TagTable:
    """Tag values of all customers, by column, all from one build.

    Made by `TagCatalogue.evaluate`, or by `from_profiles` from a store.

    Parameters
    ----------
    customer_ids : ndarray
        Sorted and distinct: int64, or objects that are texts.
    columns : mapping of str to column
        Each tag's values, aligned with `customer_ids`.
    build : Build
        When the values were true, and which versions made them.

    Raises
    ------
    InvalidDataError
        If the IDs are not sorted and distinct, or a column has another length.

    Examples
    --------
    >>> from datetime import datetime
    >>> import numpy as np
    >>> from userportrait._core.columns import column_from
    >>> from userportrait.typing import Build
    >>> build = Build(as_of=datetime(2026, 1, 31), versions={"n_orders": 1})
    >>> table = TagTable(np.array([7, 9]), {"n_orders": column_from([3, None])}, build)
    >>> table.tags_of(7), table.tags_of("9")
    ({'n_orders': 3}, {'n_orders': None})
    >>> list(table.json_rows())
    [(7, '{"n_orders":3}'), (9, '{}')]
    """

    def __init__(
        self, customer_ids: NDArray[Any], columns: Mapping[str, Column], build: Build
    ) -> None:
        ids = customer_ids
        if len(ids) > 1 and not bool((ids[:-1] < ids[1:]).all()):
            message = "TagTable: customer_ids must be sorted and different."
            raise InvalidDataError(message, column="customer_id")
        for name, column in columns.items():
            if len(column) != len(ids):
                message = (
                    f"TagTable: tag '{name}' has {format_count(len(column), 'value')} for "
                    f"{format_count(len(ids), 'customer')}."
                )
                raise InvalidDataError(message, column=name)
        self.customer_ids: NDArray[Any] = ids
        self.columns: Mapping[str, Column] = MappingProxyType(dict(columns))
        self.build: Build = build

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.customer_ids, dict(self.columns), self.build)

    @classmethod
    def from_profiles(
        cls, profiles: Iterable[tuple[CustomerId, Mapping[str, TagValue]]], build: Build
    ) -> Self:
        """Read profiles back, such as those that a store's `scan_profiles` yields.

        Parameters
        ----------
        profiles : iterable of (customer_id, tags)
            In any order; a tag that is not there is unknown, one that the build does not
            name is passed over.
        build : Build
            What the profiles come from; its versions name the tags.

        Raises
        ------
        InvalidDataError
            If a customer comes twice, or IDs are partly whole numbers and partly texts.
        """
        names = tuple(build.versions)
        ids: list[CustomerId] = []
        values: list[list[TagValue]] = [[] for _ in names]
        remaining = iter(profiles)
        while batch := list(islice(remaining, _BATCH)):
            ids += [customer_id for customer_id, _ in batch]
            for name, found in zip(names, values, strict=True):
                found += [profile.get(name) for _, profile in batch]
        customer_ids, order = collect_ids(ids)
        documents: Mapping[str, Any] = build.facts.get("tags", {})
        columns: dict[str, Column] = {}
        for position, name in enumerate(names):
            kind = documents.get(name, {}).get("values")
            columns[name] = column_of_plain(values[position], kind).take(order)
            values[position] = []
        return cls(customer_ids, columns, build)

    # --- reading -----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.customer_ids)

    def __getitem__(self, tag: str) -> Column:
        """Return a tag's column.

        Raises
        ------
        UnknownTagError
            If there is no such tag; the message names the nearest one.
        """
        found = self.columns.get(tag)
        if found is None:
            raise UnknownTagError(tag, self.columns)
        return found

    def row_of(self, customer_id: object) -> int | None:
        """Return where a customer stands in `customer_ids`; None if there is no such one.

        ``'17850'`` finds the customer 17850 where IDs are whole numbers, and the reverse.
        Time is O(log n).
        """
        wanted = self._as_id(customer_id)
        if wanted is None:
            return None
        ids: Any = self.customer_ids
        row = bisect_left(ids, wanted) if ids.dtype == object else int(ids.searchsorted(wanted))
        return row if row < len(ids) and ids[row] == wanted else None

    def _as_id(self, given: object) -> CustomerId | None:
        if isinstance(given, bool):
            return None
        if self.customer_ids.dtype == object:
            if isinstance(given, str):
                return given
            return str(int(given)) if isinstance(given, Integral) else None
        if isinstance(given, str):
            try:
                number = int(given)
            except ValueError:
                return None
            if str(number) != given:  # '007' is not 7
                return None
        elif isinstance(given, Integral):
            number = int(given)
        else:
            return None
        return number if -(2**63) <= number < 2**63 else None

    def tags_of(self, customer_id: CustomerId) -> dict[str, TagValue]:
        """Return one customer's tags, None where unknown.

        Raises
        ------
        CustomerNotFoundError
            If there is no such customer.
        """
        row = self._row(customer_id)
        return {name: column.value_at(row) for name, column in self.columns.items()}

    def _row(self, customer_id: CustomerId) -> int:
        row = self.row_of(customer_id)
        if row is None:
            raise CustomerNotFoundError(customer_id, len(self))
        return row

    def evidence(self, customer_id: CustomerId, tag: str) -> TagEvidence:
        """Return one value with its time, the version that made it, and when it expires.

        Raises
        ------
        CustomerNotFoundError
            If there is no such customer.
        UnknownTagError
            If there is no such tag.
        """
        value = self[tag].value_at(self._row(customer_id))
        days = self._ttl_days.get(tag)
        return TagEvidence(
            tag=tag,
            value=value,
            true_at=self.build.as_of,
            version=self.build.versions.get(tag, 1),
            expires_at=None if days is None else self.build.as_of + timedelta(days=days),
        )

    @property
    def _ttl_days(self) -> dict[str, float]:
        documents: Mapping[str, Any] = self.build.facts.get("tags", {})
        found = {name: documents.get(name, {}).get("ttl_days") for name in self.columns}
        return {name: float(days) for name, days in found.items() if days is not None}

    def profiles(self) -> Iterator[tuple[CustomerId, dict[str, TagValue]]]:
        """Yield each customer with the known tags, as `ProfileStore.replace_profiles` takes."""
        names = tuple(self.columns)
        for start in range(0, len(self), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(self)))
            ids = self.customer_ids[rows].tolist()
            lists = [column.take(rows).to_list() for column in self.columns.values()]
            values = zip(*lists, strict=True) if lists else (() for _ in ids)
            for customer_id, row in zip(ids, values, strict=True):
                pairs = zip(names, row, strict=True)
                yield customer_id, {name: value for name, value in pairs if value is not None}

    def json_rows(self) -> Iterator[tuple[CustomerId, str]]:
        """Yield each customer with the known tags as one JSON object, without blanks.

        ``json.loads`` of the text gives what `tags_of` returns, without the unknown tags.
        """
        return encode_rows(self.customer_ids, self.columns)

    # --- other tables --------------------------------------------------------------------------

    def with_build(self, build: Build) -> TagTable:
        """Return the same values with another build, such as one with more facts."""
        return TagTable(self.customer_ids, self.columns, build)

    def select(self, tags: Iterable[str]) -> TagTable:
        """Return a table of these tags only, in this order.

        Raises
        ------
        UnknownTagError
            If there is no such tag.
        """
        columns = {name: self[name] for name in tags}
        versions = {name: self.build.versions.get(name, 1) for name in columns}
        return TagTable(self.customer_ids, columns, replace(self.build, versions=versions))

    def without(self, rows: Sequence[int]) -> TagTable:
        """Return a table without the customers at these rows."""
        kept = np.ones(len(self), dtype=bool)
        kept[np.asarray(rows, dtype=np.int64)] = False
        columns = {name: column.take(kept) for name, column in self.columns.items()}
        return TagTable(self.customer_ids[kept], columns, self.build)

    def read_at(self, moment: datetime | str) -> TagTable:
        """Return the values that still count at a later moment.

        Parameters
        ----------
        moment : datetime, date or ISO 8601 text
            Not before `as_of` of the build.

        Returns
        -------
        TagTable
            Values whose time to live is over are unknown.

        Raises
        ------
        InvalidParameterError
            If `moment` is before the build: its values were not true then.
        """
        now = as_moment(moment, owner="TagTable.read_at", name="moment")
        age = now - self.build.as_of
        if age < timedelta(0):
            problem = f"moment must not be before the build ({self.build.as_of.isoformat()})."
            raise InvalidParameterError("TagTable.read_at", [problem])
        stale = {name for name, days in self._ttl_days.items() if age > timedelta(days=days)}
        columns = {
            name: unknown_column(column) if name in stale else column
            for name, column in self.columns.items()
        }
        return TagTable(self.customer_ids, columns, self.build)

    # --- frames and display ----------------------------------------------------------------------

    def to_frame(
        self,
        tags: Sequence[str] | None = None,
        *,
        engine: frames.Engine = "pandas",
        like: IntoFrame | None = None,
    ) -> Any:
        """Return one row per customer: `customer_id` and the tags.

        Parameters
        ----------
        tags : sequence of str, optional
            Which tags, in this order; by default all.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'``, ``'duckdb'``, ``'spark'`` or ``'ibis'``.
        like : frame, optional
            A frame whose DuckDB connection or Spark session the result joins; by default
            DuckDB's default connection, and the active session.

        Returns
        -------
        frame
            Unknown values are null. In pandas, a number or boolean column with unknown
            whole numbers or truth values has a nullable type (Int64, boolean).

        Raises
        ------
        InvalidParameterError
            If the engine is not one of these, or `tags` is a text.
        UnknownTagError
            If there is no such tag.
        MissingExtraError
            If the engine's package is not installed.
        """
        if engine not in frames.ENGINES:
            known = ", ".join(f"'{name}'" for name in frames.ENGINES)
            problem = f"engine must be one of {known}; got {engine!r}."
            raise InvalidParameterError("TagTable.to_frame", [problem])
        if isinstance(tags, str):
            problem = f"tags must be a list of names; got the text {tags!r}. Write [{tags!r}]."
            raise InvalidParameterError("to_frame", [problem])
        names = tuple(self.columns) if tags is None else tuple(tags)
        columns = {name: engine_column(self[name], engine) for name in names}
        model = None if like is None else frames.enter(like, argument="like")
        made = {"customer_id": self.customer_ids, **columns}
        return frames.from_arrays(made, engine, like=model)

    def coverage(self) -> pd.DataFrame:
        """Return one row per tag: how many customers it is known for, its values in short.

        Returns
        -------
        DataFrame
            `tag`, `kind` (of the values), `n_known`, `share_known` (0 to 1; NaN without
            customers), `n_distinct`, `most_frequent` (the smallest of several; None if
            nothing is known), `share_most_frequent` (of the known values), `mean`, `min`,
            `max` (of numbers; for yes/no tags the mean is the share of yes; else NaN).
        """
        return cover(self.columns, len(self))

    def __repr__(self) -> str:
        n, tags = format_count(len(self), "customer"), format_count(len(self.columns), "tag")
        return f"<TagTable: {n}, {tags}, as of {self.build.as_of.isoformat(sep=' ')} UTC>"

    def _repr_html_(self) -> str:
        found = self.coverage()
        columns = ("tag", "kind", "known", "distinct", "most frequent")
        rows = [
            (tag, kind, "" if pd.isna(share) else f"{share:.1%}", f"{n:,}", "" if m is None else m)
            for tag, kind, share, n, m in zip(
                found["tag"], found["kind"], found["share_known"], found["n_distinct"],
                found["most_frequent"], strict=True,
            )
        ]  # fmt: skip
        return page_fragment(repr(self)[1:-1], table(columns, rows, numeric=("known", "distinct")))
