"""What tags are evaluated on: the tables, the moment, and the work that tags share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.columns import NumberColumn
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.units import to_micros
from userportrait.data import Customers, Events, Items, Orders
from userportrait.errors import InvalidParameterError, MissingColumnError
from userportrait.features import summarise_orders
from userportrait.tags._lines import CLOCK, Lines, coded
from userportrait.tags._values import (
    Values,
    as_ids,
    column_of_series,
    label_values,
    number_column,
    number_values,
    positions_of,
    spread,
    whole_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait._core.columns import Column
    from userportrait.tags._base import Tag
    from userportrait.typing import IntoFrame

__all__ = ["TagContext"]

T = TypeVar("T")

_LAZY = ("polars-lazy", "duckdb")
_LABELS = ("item_id", "channel", "country", "category")
_WHOLE = ("recency", "tenure")
_ZERO = ("n_", "orders_", "spend", "gross_spend", "refunds")
"""Starts of the summary's columns that are 0, not unknown, for a customer without orders."""


class TagContext:
    """The tables and the moment that tags are evaluated on.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; a raw frame must have canonical names.
    as_of : datetime, date or ISO 8601 text, optional
        The moment the tags describe; nothing later is used. By default the newest line's
        time.
    customers : Customers or frame, optional
        Who the customers are. Rows with `registered_at` after `as_of` are left out.
    items : Items or frame, optional
        What is sold; lends its columns, such as `category`, to order lines and events.
    events : Events or frame, optional
        What customers did, for preferences.
    summary : DataFrame, optional
        A customer summary that was made before for the same orders and moment; by default
        it is made with `userportrait.features.summarise_orders` when a tag needs it.

    Attributes
    ----------
    as_of : datetime
        UTC, naive.

    Raises
    ------
    InvalidParameterError
        If `as_of` is not a time, or before the first order.
    ColumnTypeError
        If one table's customer IDs are texts and another's are whole numbers.

    Notes
    -----
    The customers are those with an order line at or before `as_of`, and those of the
    `customers` table when it is given: a shop wants to address people who registered and
    have not bought. Counts and money of the summary are 0 for them, all else of it is
    unknown. Events alone make nobody a customer.

    A context keeps what tags share, so make a new one for new data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["bo", "ann", "bo"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"]),
    ...         "amount": [10.0, 5.5, 20.25],
    ...     }
    ... )
    >>> context = TagContext(frame, as_of="2026-01-31")
    >>> list(context.customer_ids), context.summary["n_orders"].tolist()
    (['ann', 'bo'], [1, 1])
    """

    def __init__(
        self,
        orders: Orders | IntoFrame,
        *,
        as_of: object = None,
        customers: Customers | IntoFrame | None = None,
        items: Items | IntoFrame | None = None,
        events: Events | IntoFrame | None = None,
        summary: pd.DataFrame | None = None,
    ) -> None:
        self.orders: Orders = orders if isinstance(orders, Orders) else Orders(orders)
        self.as_of: datetime = self.orders.moment(as_of, owner="TagContext")
        self.customers: Customers | None = _table(customers, Customers)
        self.items: Items | None = _table(items, Items)
        self.events: Events | None = _table(events, Events)
        self._given_summary = summary
        self._learned: Mapping[str, Any] | None = None
        self._shared: dict[Any, Any] = {}

    def shared(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` returns, made once for each key.

        Parameters
        ----------
        key : hashable
            Start it with a name of your own.
        make : callable
            Called without arguments, the first time only.
        """
        if key not in self._shared:
            self._shared[key] = make()
        found: T = self._shared[key]
        return found

    def learned(self, tag: Tag) -> Any:
        """Return what a tag has learned from all customers: of the whole shop, where that is known.

        A context that holds only a part of the customers was given it; any other makes it.
        """
        if self._learned is not None and tag.name in self._learned:
            return self._learned[tag.name]
        return tag.learn([tag.evidence(self)])

    def given(self, learned: Mapping[str, Any]) -> Self:
        """Hold a part of the customers: give what each tag has learned from all, by name."""
        self._learned = learned
        return self

    @cached_property
    def in_parts(self) -> bool:
        """Whether the order lines are worked on part by part, not in memory as a whole."""
        return frames.is_large(self.orders.lines, len(self.orders))

    @cached_property
    def has_lines(self) -> bool:
        """Whether there is an order line at or before `as_of`; a part may have none."""
        if self.in_parts:
            return True
        return bool((self.orders.arrays.at <= self._moment).any())

    @property
    def today(self) -> int:
        """The day number of `as_of`: whole days since 1970-01-01."""
        return self._moment // 86_400_000_000

    @cached_property
    def _moment(self) -> int:
        return to_micros(self.as_of)

    # --- customers ---------------------------------------------------------------------------

    @cached_property
    def customer_ids(self) -> NDArray[Any]:
        """The customers, sorted and distinct: int64, or objects that are texts."""
        arrays = self.orders.arrays
        ids = as_ids(arrays.customer_ids, what="Orders")
        present = np.bincount(arrays.customer[arrays.at <= self._moment], minlength=len(ids)) > 0
        found = ids if present.all() else ids[present]
        if self._people is None:
            return found
        if not len(found):
            return code_values(self._people[0])[1]
        positions_of(self._people[0], found, what="Customers")  # checks that the types agree
        _, together = code_values(np.concatenate([found, self._people[0]]))
        return together

    @cached_property
    def _people(self) -> tuple[NDArray[Any], pd.DataFrame] | None:
        """The customers table as of the moment, and its IDs."""
        if self.customers is None:
            return None
        frame = self.customers.to_pandas().reset_index(drop=True)
        if "registered_at" in frame.columns:
            times = pd.to_datetime(frame["registered_at"], utc=True).dt.tz_localize(None)
            late = (times > pd.Timestamp(self.as_of)).to_numpy(dtype=bool)
            frame = frame[~late].reset_index(drop=True)
        return as_ids(frame["customer_id"], what="Customers"), frame

    # --- facts -------------------------------------------------------------------------------

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The customer summary: one row for each customer with an order line until `as_of`."""
        if self._given_summary is not None:
            if "customer_id" not in self._given_summary.columns:
                raise MissingColumnError("customer_id", list(self._given_summary.columns))
            return self._given_summary
        summary = summarise_orders(self.orders, as_of=self.as_of)
        return frames.to_pandas(frames.enter(summary))

    @cached_property
    def _summary_positions(self) -> NDArray[np.int64]:
        ids = as_ids(self.summary["customer_id"], what="summary")
        return positions_of(self.customer_ids, ids, what="summary")

    def summary_column(self, column: str) -> Column:
        """Return a column of the summary for every customer.

        Raises
        ------
        MissingColumnError
            If the summary has no such column.
        """
        return self.shared(("summary", column), lambda: self._make_summary_column(column))

    def _make_summary_column(self, column: str) -> Column:
        if column not in self.summary.columns or column == "customer_id":
            known = [name for name in self.summary.columns if name != "customer_id"]
            raise MissingColumnError(column, known, "the customer summary")
        found = spread(column_of_series(self.summary[column]), self._summary_positions)
        if not isinstance(found, NumberColumn):
            return found
        if column.startswith(_ZERO):
            found = number_column(found.values, found.known | (self._summary_positions < 0))
        whole = column in _WHOLE or (column.startswith(("n_", "orders_")) and column != "n_items")
        if whole and found.values.dtype.kind == "f":
            return number_column(found.values.astype(np.int64), found.known)
        return found

    def customer_column(self, column: str) -> Column:
        """Return a column of the customers table for every customer; unknown without a row.

        Raises
        ------
        InvalidParameterError
            If there is no customers table.
        MissingColumnError
            If the table has no such column.
        """
        return self.shared(("customers", column), lambda: self._make_customer_column(column))

    def _make_customer_column(self, column: str) -> Column:
        if self._people is None:
            problem = f"the column '{column}' needs a customers table; give customers=."
            raise InvalidParameterError("TagContext", [problem])
        ids, frame = self._people
        if column not in frame.columns:
            raise MissingColumnError(column, list(frame.columns), "the customers table")
        rows = positions_of(self.customer_ids, ids, what="Customers")
        return spread(column_of_series(frame[column]), rows)

    # --- lines -------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> Lines:
        """The order lines at or before `as_of`."""
        return self._lines_of(self.orders)

    def lines_with(self, column: str) -> Lines:
        """Return the order lines, able to give a column of your own.

        An engine that runs a query twice may give the rows in another order, so such a
        table is collected once as a whole before its own columns are used.
        """
        if self.orders.engine not in _LAZY or self._is_plain(column):
            return self.lines
        return self.shared("collected lines", lambda: self._lines_of(self._collected))

    @cached_property
    def line_columns(self) -> tuple[str, ...]:
        """The columns that order lines can give, those of the items included, sorted."""
        names = {*self.orders.columns, "amount", "quantity", "price"}
        if self.items is not None and "item_id" in names:
            names |= set(self.items.columns)
        return tuple(sorted(names - {"customer_id", "ordered_at", "amount_minor"}))

    def has_line_column(self, column: str) -> bool:
        """Return whether order lines can give a column."""
        return column in CLOCK or column in self.line_columns

    def _is_plain(self, column: str) -> bool:
        derived = column in (*CLOCK, "amount", "quantity", "order_id", *_LABELS)
        return derived or column not in self.orders.columns

    @cached_property
    def _collected(self) -> Orders:
        digits, currency = self.orders.minor_digits, self.orders.currency
        return Orders(self.orders.to_pandas(), minor_digits=digits, currency=currency)

    def _lines_of(self, orders: Orders) -> Lines:
        arrays = orders.arrays
        kept = arrays.at <= self._moment
        everything = bool(kept.all())
        ids = as_ids(arrays.customer_ids, what="Orders")
        place = positions_of(ids, self.customer_ids, what="Orders").astype(np.int32)

        def cut(values: NDArray[Any]) -> NDArray[Any]:
            return values if everything else values[kept]

        def column(name: str) -> Values | None:
            if name == "amount":
                return number_values(cut(arrays.amount), 10**orders.minor_digits)
            if name == "quantity":
                return number_values(cut(arrays.quantity))
            if name == "order_id":
                return label_values(cut(arrays.order), arrays.order_ids)
            if name in _LABELS and arrays.has(name):
                codes, distinct = arrays.codes(name)
                return label_values(cut(codes), distinct)
            if name in orders.columns and name != "customer_id":
                inner = frames.enter(orders.frame)
                values = cut(frames.collect_arrays(inner, [name])[name])
                if frames.column_kinds(inner, [name])[name] == "integer":
                    return whole_values(values)
                return coded(values, as_label=False)
            if name == "price":
                return _unit_prices(cut(arrays.amount), cut(arrays.quantity), orders.minor_digits)
            return self._from_items(name, column("item_id") if arrays.has("item_id") else None)

        return Lines(
            customer=place[cut(arrays.customer)],
            at=cut(arrays.at),
            column=column,
            is_return=cut(arrays.is_return),
            order=cut(arrays.order),
        )

    def event_lines(self, column: str) -> Lines | None:
        """Return the customers' events at or before `as_of`; None if no events are given.

        Parameters
        ----------
        column : str
            The column that the caller will ask for, beside ``event``.
        """
        if self.events is None:
            return None
        names = self.events.columns
        wanted = ("customer_id", "event", "occurred_at", "item_id", column)
        chosen = tuple(dict.fromkeys(name for name in wanted if name in names))
        return self.shared(("events", chosen), lambda: self._make_event_lines(chosen))

    def _make_event_lines(self, chosen: tuple[str, ...]) -> Lines:
        assert self.events is not None  # noqa: S101
        found = frames.collect_arrays(frames.enter(self.events.frame), list(chosen))
        codes, distinct = code_values(found["customer_id"])
        ids = as_ids(distinct, what="Events")
        customer = positions_of(ids, self.customer_ids, what="Events")[codes].astype(np.int32)
        at = found["occurred_at"].astype("datetime64[us]").view(np.int64)
        kept = (customer >= 0) & (at <= self._moment)

        def column(name: str) -> Values | None:
            if name in found and name not in ("customer_id", "occurred_at"):
                return coded(found[name][kept], as_label=True)
            return self._from_items(name, column("item_id") if "item_id" in found else None)

        n = int(kept.sum())
        none = np.zeros(n, dtype=bool)
        return Lines(
            customer=customer[kept],
            at=at[kept],
            column=column,
            is_return=none,
            order=np.zeros(n, dtype=np.int32),
        )

    # --- items -------------------------------------------------------------------------------

    @cached_property
    def _item_rows(self) -> tuple[pd.Index[Any], pd.DataFrame] | None:
        if self.items is None:
            return None
        frame = self.items.to_pandas().reset_index(drop=True)
        ids = coded(_plain_values(frame["item_id"]), as_label=True)
        return pd.Index(ids.distinct[ids.codes]), frame

    def _from_items(self, column: str, items: Values | None) -> Values | None:
        if self._item_rows is None or items is None:
            return None
        known, frame = self._item_rows
        if column not in frame.columns:
            return None
        found = coded(_plain_values(frame[column]), as_label=column in ("item_id", "name", "brand"))
        rows = known.get_indexer(pd.Index(items.distinct))
        per_item = np.append(np.append(found.codes, np.int32(-1))[rows], np.int32(-1))
        return Values(per_item[items.codes].astype(np.int32), found.distinct)

    # --- reading -----------------------------------------------------------------------------

    def __repr__(self) -> str:
        given = [name for name in ("customers", "items", "events") if getattr(self, name)]
        extra = f", with {', '.join(given)}" if given else ""
        return f"<TagContext: {len(self.orders):,} order lines, {self.as_of.isoformat()}{extra}>"

    def _repr_html_(self) -> str:
        rows = {"as of": self.as_of.isoformat(), "order lines": f"{len(self.orders):,}"}
        tables = {"customers": self.customers, "items": self.items, "events": self.events}
        rows |= {name: f"{len(t):,} rows" for name, t in tables.items() if t is not None}
        return page_fragment("TagContext", definition_list(rows))


def _table(given: Any, kind: type[T]) -> T | None:
    return given if given is None or isinstance(given, kind) else kind(given)  # type: ignore[call-arg]


def _plain_values(series: pd.Series[Any]) -> NDArray[Any]:
    name = str(series.name)
    frame = frames.enter(pd.DataFrame({name: series}))
    return frames.collect_arrays(frame, [name])[name]


def _unit_prices(amount: NDArray[np.int64], quantity: NDArray[Any], digits: int) -> Values:
    known = quantity != 0
    money = amount / float(10**digits)
    prices = np.divide(money, quantity, out=np.full(len(amount), np.nan), where=known)
    return number_values(prices)
