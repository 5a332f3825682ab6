"""The customer summary: one row per customer, from a state that batches build up alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from userportrait._core import frames
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, check_values
from userportrait._core.state import BatchIds, check_other, pack, unpack
from userportrait._core.units import as_moment, from_micros, to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._entries import (
    entry_columns,
    lines_of_entries,
    lines_of_orders,
    new_entries,
)
from userportrait.features._figures import WINDOWS, figures
from userportrait.features._summary_engine import summarise_on_engine

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from userportrait._core.entries import Entries
    from userportrait.typing import CustomerId, IntoFrame

__all__ = ["CustomerSummary", "summarise_orders"]

_KIND = "UPCS"
_VERSION = 2


class CustomerSummary:
    """What is known of each customer from order lines, as a state that merges.

    `update` folds in a batch, `merge` joins two states, `finalize` makes the table for a
    moment of your choice. Any split of the lines, in any order, on any engine, gives the
    same table, bit for bit, because the state holds whole numbers only.

    Parameters
    ----------
    minor_digits : int, default=2
        Decimal digits of the currency, 0 to 4; the batches must agree with it.

    Notes
    -----
    The state keeps one entry for each distinct customer, order, time and direction
    (purchase or return), which is what exact counts of orders and a movable `as_of` need:
    moving `as_of` re-reads no line. A line given twice counts twice.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "ann"],
    ...         "order_id": [1, 2, 3],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-02-01"]),
    ...         "amount": [10.0, 5.5, 20.25],
    ...     }
    ... )
    >>> january, february = frame[:2], frame[2:]
    >>> first = CustomerSummary().update(Orders(january))
    >>> second = CustomerSummary().update(Orders(february))
    >>> first.merge(second).finalize()[["customer_id", "n_orders", "spend", "recency"]]
      customer_id  n_orders  spend  recency
    0         ann         2  30.25        0
    1          bo         1   5.50       26
    """

    def __init__(self, *, minor_digits: int = 2) -> None:
        rules = {"minor_digits": Between(0, 4, integer=True)}
        check_values("CustomerSummary", {"minor_digits": minor_digits}, rules)
        self.minor_digits: int = minor_digits
        self._entries: Entries = new_entries()
        self._batch_ids: BatchIds = BatchIds()

    def update(self, batch: Orders | IntoFrame, *, batch_id: str | None = None) -> Self:
        """Fold order lines into the state and return it.

        A batch costs what it holds itself, not what the state holds. A batch that is refused
        leaves the state as it was.

        Parameters
        ----------
        batch : Orders or frame
            Order lines; a raw frame must have canonical names. An engine reduces its lines
            itself; what is collected is one entry for each order.
        batch_id : str, optional
            The batch's name. It is remembered, so that the batch cannot count twice.

        Raises
        ------
        DuplicateBatchError
            If a batch of this name is in the state already.
        InvalidDataError
            If the batch's IDs are texts where the state's are whole numbers, or the reverse.
        InvalidParameterError
            If the batch has other minor digits.
        """
        self._batch_ids.check_new(batch_id, owner="CustomerSummary.update")
        orders = (
            batch if isinstance(batch, Orders) else Orders(batch, minor_digits=self.minor_digits)
        )
        if orders.minor_digits != self.minor_digits:
            problem = (
                f"the batch has minor_digits={orders.minor_digits}, the state "
                f"{self.minor_digits}; both must be the same. Make the batch with "
                f"Orders(frame, minor_digits={self.minor_digits})."
            )
            raise InvalidParameterError("CustomerSummary.update", [problem])
        self._entries.add(entry_columns(orders))
        self._batch_ids = self._batch_ids.add(batch_id)
        return self

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed.

        Raises
        ------
        DuplicateBatchError
            If both hold a batch of the same name.
        InvalidDataError
            If IDs are texts in one and whole numbers in the other.
        InvalidParameterError
            If they differ in minor digits, or `other` is no such state.
        """
        check_other(CustomerSummary, other)
        if other.minor_digits != self.minor_digits:
            problem = f"minor_digits differ: {self.minor_digits} and {other.minor_digits}."
            raise InvalidParameterError("CustomerSummary.merge", [problem])
        return self._made(
            self.minor_digits,
            self._entries.join(other._entries),
            self._batch_ids.join(other._batch_ids),
        )

    @classmethod
    def _made(cls, minor_digits: int, entries: Entries, batch_ids: BatchIds) -> Self:
        state = cls(minor_digits=minor_digits)
        state._entries, state._batch_ids = entries, batch_ids
        return state

    def finalize(
        self,
        as_of: object = None,
        *,
        windows: Sequence[int] = WINDOWS,
        engine: frames.Engine = "pandas",
    ) -> Any:
        """Return one row per customer with a line at or before `as_of`, sorted by ID.

        Parameters
        ----------
        as_of : datetime, date or ISO 8601 text, optional
            Lines after this moment are not used; by default the newest line's time.
        windows : sequence of int, default=(30, 90, 365)
            Lengths in days of the windows that end at `as_of`, 1 to 36,500.
        engine : str, default='pandas'
            The library of the result: ``'pandas'``, ``'polars'``, ``'polars-lazy'``,
            ``'pyarrow'``, ``'duckdb'``, ``'spark'`` (in the active session) or ``'ibis'``.

        Returns
        -------
        frame
            `customer_id`; `first_order_at`, `last_order_at` (of purchases; NaT without
            one); `n_orders`, `n_lines`, `n_items` (units bought), `n_days` (days with a
            purchase), `n_returns` (lines); `spend` (net of refunds), `gross_spend`,
            `refunds`, `mean_order_value` (gross, NaN without a purchase); `recency` (whole
            days from the last purchase, or from the last line without one), `tenure` (whole
            days from the first), `mean_gap` (days between days with a purchase, NaN under
            two of them); `orders_30d`, `spend_30d` and so on for each window.

        Raises
        ------
        InvalidDataError
            If the state is empty.
        InvalidParameterError
            If `as_of` is before the first line, or a window is not a number of days.
        """
        columns = self.finalize_arrays(as_of, windows=windows)
        return frames.from_arrays(columns, engine)

    def finalize_arrays(
        self, as_of: object = None, *, windows: Sequence[int] = WINDOWS
    ) -> dict[str, Any]:
        """Do as `finalize`, and return arrays by column name."""
        if not self._entries:
            message = "CustomerSummary is empty: update it with orders before finalize."
            raise InvalidDataError(message)
        lines, customer_ids = lines_of_entries(self._entries)
        days = checked_windows(windows, owner="CustomerSummary.finalize")
        moment = _moment(as_of, lines.at)
        return figures(lines, customer_ids, moment, self.minor_digits, days)

    @property
    def n_customers(self) -> int:
        """How many customers the state knows."""
        return len(self._entries.distinct("customer_id"))

    @property
    def batch_ids(self) -> Collection[str]:
        """The names of the batches that were given with one; tests membership with ``in``."""
        return self._batch_ids

    def forget(self, customer_ids: Sequence[CustomerId]) -> int:
        """Erase customers, with their orders; ignore unknown ones; return how many were there.

        The names of batches stay: a batch that comes again is still refused.
        """
        self._entries, n = self._entries.without(
            "customer_id", checked_customers(customer_ids, owner="CustomerSummary.forget")
        )
        return n

    def to_bytes(self) -> bytes:
        """Serialise, with a version; the same content always gives the same bytes."""
        facts = {"minor_digits": self.minor_digits, "batch_ids": self._batch_ids.to_json()}
        return pack(_KIND, _VERSION, facts, {"entries": self._entries.packed()})

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are not a customer summary, or from a later version.
        """
        _, facts, tables = unpack(payload, _KIND, _VERSION, "customer summary", coded=True)
        entries = new_entries()
        if tables["entries"]:
            entries.add(tables["entries"])
        batch_ids = BatchIds.from_json(facts["batch_ids"])
        return cls._made(int(facts["minor_digits"]), entries, batch_ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CustomerSummary):
            return NotImplemented
        return (
            self.minor_digits == other.minor_digits
            and self._batch_ids == other._batch_ids
            and self._entries == other._entries
        )

    def __hash__(self) -> int:
        message = "a CustomerSummary changes with update, so it cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        n = self._entries.n_rows
        return f"<CustomerSummary: {self.n_customers:,} customers, {n:,} entries>"

    def _repr_html_(self) -> str:
        rows = {
            "customers": f"{self.n_customers:,}",
            "entries": f"{self._entries.n_rows:,}",
            "named batches": f"{len(self._batch_ids):,}",
        }
        return page_fragment("CustomerSummary", definition_list(rows))


def summarise_orders(
    orders: Orders | IntoFrame, *, as_of: object = None, windows: Sequence[int] = WINDOWS
) -> Any:
    """Summarise each customer's order lines in one go, on the engine that holds them.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; a raw frame must have canonical names.
    as_of : datetime, date or ISO 8601 text, optional
        Lines after this moment are not used; by default the newest line's time.
    windows : sequence of int, default=(30, 90, 365)
        Lengths in days of the windows that end at `as_of`.

    Returns
    -------
    frame
        The columns of `CustomerSummary.finalize`, in the library of `orders`. A lazy frame, a
        DuckDB relation, a Spark DataFrame and an ibis table come back as a query that has not
        run; its rows have no order. Elsewhere they are sorted by ID.

    Notes
    -----
    The figures are the same on every engine, to the bit: money and units are added up as
    whole numbers, and each quotient is one division. What has not run may run twice: keep the
    result (``collect``, ``execute``, ``cache``) where several steps use it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann"],
    ...         "order_id": [1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-15"]),
    ...         "amount": [10.0, 20.0],
    ...     }
    ... )
    >>> summarise_orders(frame)[["customer_id", "n_orders", "mean_gap"]]
      customer_id  n_orders  mean_gap
    0         ann         2      10.0
    """
    days = checked_windows(windows, owner="summarise_orders")
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="summarise_orders")
    if not table.in_memory:
        found = summarise_on_engine(table, moment, days)
        if table.engine == "polars":
            found = frames.sort_rows(found, ["customer_id"])
        return frames.leave(found)
    arrays = table.arrays
    lines = lines_of_orders(table)
    columns = figures(lines, arrays.customer_ids, moment, table.minor_digits, days)
    return frames.from_arrays(columns, table.engine, like=frames.enter(table.frame))


def checked_customers(customer_ids: object, *, owner: str) -> list[object]:
    """Return IDs as a list; refuse a single one."""
    if isinstance(customer_ids, (str, bytes, int)) or not isinstance(customer_ids, Iterable):
        problem = f"customer_ids must be a list of customers; got {type(customer_ids).__name__}."
        raise InvalidParameterError(owner, [problem])
    return list(cast("Iterable[object]", customer_ids))


def checked_windows(windows: Sequence[int], *, owner: str) -> tuple[int, ...]:
    given: object = windows
    if not isinstance(given, (list, tuple, range, np.ndarray)):
        problem = f"windows must be a list of numbers of days, such as [30, 90]; got {given!r}."
        raise InvalidParameterError(owner, [problem])
    found = tuple(windows)
    names = {f"windows[{i}]": days for i, days in enumerate(found)}
    rules = {name: Between(1, 36_500, integer=True) for name in names}
    check_values(owner, names, rules)
    return tuple(int(days) for days in sorted(set(found)))


def _moment(as_of: object, at: Any) -> datetime:
    newest, oldest = int(at.max()), int(at.min())
    if as_of is None:
        return from_micros(newest)
    moment = as_moment(as_of, owner="CustomerSummary.finalize")
    if to_micros(moment) < oldest:
        problem = (
            f"as_of={moment.isoformat()} is before the first order "
            f"({from_micros(oldest).isoformat()}); no order would be left."
        )
        raise InvalidParameterError("CustomerSummary.finalize", [problem])
    return moment
