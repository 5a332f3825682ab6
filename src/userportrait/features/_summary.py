"""The customer summary: one row per customer, from a state that batches build up alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.display import definition_list, page_fragment
from userportrait._core.params import Between, check_values
from userportrait._core.units import as_moment, from_micros, minor_units, to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.features._entries import ENTRY_KEYS, ENTRY_SUMS, pack, unpack
from userportrait.features._figures import WINDOWS, figures
from userportrait.features._measures import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from userportrait.typing import IntoFrame

__all__ = ["CustomerSummary", "summarise_orders"]

UNIT_DIGITS = 6
"""Units are summed in millionths, so that weights such as 1.5 kg add up exactly too."""


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
        self._entries: pd.DataFrame | None = None

    def update(self, batch: Orders | IntoFrame) -> Self:
        """Fold order lines into the state and return it.

        Parameters
        ----------
        batch : Orders or frame
            Order lines; a raw frame must have canonical names.

        Raises
        ------
        InvalidDataError
            If the batch's IDs are texts where the state's are whole numbers, or the reverse.
        InvalidParameterError
            If the batch has other minor digits.
        """
        orders = (
            batch if isinstance(batch, Orders) else Orders(batch, minor_digits=self.minor_digits)
        )
        if orders.minor_digits != self.minor_digits:
            problem = (
                f"the batch has minor_digits={orders.minor_digits}, "
                f"the state {self.minor_digits}; both must be the same."
            )
            raise InvalidParameterError("CustomerSummary.update", [problem])
        self._entries = _join(self._entries, _entries_of(orders))
        return self

    def merge(self, other: Self) -> Self:
        """Return the state of both; neither is changed."""
        if other.minor_digits != self.minor_digits:
            problem = f"minor_digits differ: {self.minor_digits} and {other.minor_digits}."
            raise InvalidParameterError("CustomerSummary.merge", [problem])
        merged = type(self)(minor_digits=self.minor_digits)
        merged._entries = _join(self._entries, other._entries)  # noqa: SLF001
        return merged

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
            ``'pyarrow'`` or ``'duckdb'``.

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
        if self._entries is None:
            message = "CustomerSummary is empty: update it with orders before finalize."
            raise InvalidDataError(message)
        entries = self._entries
        at = entries["at"].to_numpy()
        moment = _moment(as_of, at)
        customer, customer_ids = code_values(_ids(entries["customer_id"]))
        order, _ = code_values(_ids(entries["order_id"]))
        lines = Lines(
            customer=customer,
            n_customers=len(customer_ids),
            order=order,
            at=at,
            amount=entries["amount"].to_numpy(),
            units=entries["units"].to_numpy(),
            is_return=entries["is_return"].to_numpy(),
            n_lines=entries["n_lines"].to_numpy(),
        )
        return figures(lines, customer_ids, moment, self.minor_digits, _checked(windows))

    @property
    def n_customers(self) -> int:
        """How many customers the state knows."""
        return 0 if self._entries is None else int(self._entries["customer_id"].nunique())

    def to_bytes(self) -> bytes:
        """Serialise; the same state always gives the same bytes."""
        return pack(self._entries, self.minor_digits)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            If the bytes are not a customer summary, or from a later version.
        """
        entries, minor_digits = unpack(payload)
        state = cls(minor_digits=minor_digits)
        state._entries = entries
        return state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CustomerSummary) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        message = "a CustomerSummary changes with update, so it cannot be a key."
        raise TypeError(message)

    def __repr__(self) -> str:
        n = 0 if self._entries is None else len(self._entries)
        return f"<CustomerSummary: {self.n_customers:,} customers, {n:,} entries>"

    def _repr_html_(self) -> str:
        n = 0 if self._entries is None else len(self._entries)
        rows = {"customers": f"{self.n_customers:,}", "entries": f"{n:,}"}
        return page_fragment("CustomerSummary", definition_list(rows))


def summarise_orders(
    orders: Orders | IntoFrame, *, as_of: object = None, windows: Sequence[int] = WINDOWS
) -> pd.DataFrame:
    """Summarise each customer's order lines in one go.

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
    DataFrame
        The same table as `CustomerSummary.finalize`.

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
    table = orders if isinstance(orders, Orders) else Orders(orders)
    if table.in_memory:
        moment = table.moment(as_of, owner="summarise_orders")
        arrays = table.arrays
        columns = figures(
            _lines_of(table), arrays.customer_ids, moment, table.minor_digits, _checked(windows)
        )
    else:
        state = CustomerSummary(minor_digits=table.minor_digits).update(table)
        columns = state.finalize_arrays(as_of, windows=windows)
    return pd.DataFrame(columns)


def _checked(windows: Sequence[int]) -> tuple[int, ...]:
    given: object = windows
    if not isinstance(given, (list, tuple, range, np.ndarray)):
        problem = f"windows must be a list of numbers of days, such as [30, 90]; got {given!r}."
        raise InvalidParameterError("CustomerSummary.finalize", [problem])
    found = tuple(windows)
    names = {f"windows[{i}]": days for i, days in enumerate(found)}
    rules = {name: Between(1, 36_500, integer=True) for name in names}
    check_values("CustomerSummary.finalize", names, rules)
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


def _lines_of(orders: Orders) -> Lines:
    arrays = orders.arrays
    return Lines(
        customer=arrays.customer,
        n_customers=len(arrays.customer_ids),
        order=arrays.order,
        at=arrays.at,
        amount=arrays.amount,
        units=_units(arrays.quantity),
        is_return=arrays.is_return,
        n_lines=np.ones(len(arrays), dtype=np.int64),
    )


def _units(quantity: Any) -> Any:
    if quantity.dtype.kind == "i":
        return quantity * 10**UNIT_DIGITS
    return minor_units(quantity, UNIT_DIGITS)


def _entries_of(orders: Orders) -> pd.DataFrame:
    """Reduce lines to entries: on the engine where it can, in arrays otherwise."""
    if orders.in_memory:
        arrays = orders.arrays
        lines = _lines_of(orders)
        frame = pd.DataFrame(
            {
                "customer_id": arrays.customer,
                "order_id": arrays.order,
                "at": lines.at,
                "is_return": lines.is_return,
                "n_lines": lines.n_lines,
                "units": lines.units,
                "amount": lines.amount,
            }
        )
        entries = frame.groupby(ENTRY_KEYS, sort=False, as_index=False)[ENTRY_SUMS].sum()
        entries["customer_id"] = _id_series(arrays.customer_ids, entries["customer_id"])
        entries["order_id"] = _id_series(arrays.order_ids, entries["order_id"])
        return entries
    return _entries_on_engine(orders)


def _id_series(ids: Any, codes: pd.Series[Any]) -> pd.Series[Any]:
    found: pd.Series[Any] = pd.Series(ids[codes.to_numpy()], dtype=ids.dtype)
    return found


def _entries_on_engine(orders: Orders) -> pd.DataFrame:
    lines = orders.lines
    names = frames.column_names(lines)
    if "quantity" in names:
        lines = frames.with_minor_units(lines, "quantity", "units", digits=UNIT_DIGITS)
        lines = frames.with_any_negative(lines, ["amount_minor", "units"], "is_return")
    else:
        lines = frames.with_any_negative(lines, ["amount_minor"], "is_return")
        lines = frames.with_choice(lines, "is_return", -(10**UNIT_DIGITS), 10**UNIT_DIGITS, "units")
    reduced = frames.aggregate(
        lines,
        ["customer_id", "order_id", "at", "is_return"],
        {"units": ("units", "sum"), "amount": ("amount_minor", "sum")},
        rows="n_lines",
        complete=True,
    )
    columns = [*ENTRY_KEYS, *ENTRY_SUMS]
    found = frames.collect_arrays(reduced, columns)
    found["is_return"] = found["is_return"].astype(bool)
    return pd.DataFrame({n: pd.Series(v, dtype=v.dtype) for n, v in found.items()})


def _ids(column: pd.Series[Any]) -> Any:
    return column.to_numpy()


def _join(left: pd.DataFrame | None, right: pd.DataFrame | None) -> pd.DataFrame | None:
    """Sum the entries of two states; the result is sorted, so equal states have equal bytes."""
    if left is None or right is None:
        both = right if left is None else left
    else:
        for column in ("customer_id", "order_id"):
            if _holds_numbers(left[column]) != _holds_numbers(right[column]):
                message = (
                    f"'{column}' holds whole numbers in one batch and texts in another. "
                    f"Convert it to one type before."
                )
                raise InvalidDataError(message, column=column)
        both = pd.concat([left, right], ignore_index=True)
    if both is None:
        return None
    joined = both.groupby(ENTRY_KEYS, sort=True, as_index=False)[ENTRY_SUMS].sum()
    for column in ("customer_id", "order_id"):
        if not _holds_numbers(joined[column]):
            joined[column] = joined[column].astype(object)
    return joined


def _holds_numbers(ids: pd.Series[Any]) -> bool:
    return pd.api.types.is_integer_dtype(ids.dtype)
