"""Calendar months: sales by month and cohorts of customers by their first month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.units import to_micros
from userportrait.data import Orders
from userportrait.features._measures import count_distinct_pairs, exact_sums
from userportrait.features._months_engine import count_active, count_month_orders, month_spend

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["Cohorts", "count_cohorts", "summarise_months"]


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """How many customers of each first month bought again, month by month.

    Parameters
    ----------
    months : tuple of str
        The calendar months from the first purchase to `as_of`, such as ``'2026-01'``.
    active : ndarray of int64, shape (n_months, n_months)
        ``active[i, j]``: customers whose first purchase was in month ``i`` and who bought
        in month ``i + j``; 0 where that month is not over the horizon.

    Examples
    --------
    >>> import numpy as np
    >>> Cohorts(("2026-01",), np.array([[3]])).sizes
    array([3])
    """

    months: tuple[str, ...]
    active: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Customers of each cohort."""
        return self.active[:, 0].copy()

    @property
    def retention(self) -> NDArray[np.float64]:
        """Share of each cohort that is active, in [0, 1]; NaN for empty cohorts and the future."""
        n = len(self.months)
        sizes = self.sizes[:, None]
        shares: NDArray[np.float64] = np.divide(
            self.active, sizes, out=np.full((n, n), np.nan), where=sizes > 0
        )
        shares[np.add.outer(np.arange(n), np.arange(n)) >= n] = np.nan
        return shares

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cohort and month since: `cohort`, `months_since`, `n_customers`."""
        n = len(self.months)
        pairs = [(i, j) for i in range(n) for j in range(n - i)]
        return pd.DataFrame(
            {
                "cohort": [self.months[i] for i, _ in pairs],
                "months_since": [j for _, j in pairs],
                "n_customers": [int(self.active[i, j]) for i, j in pairs],
            }
        )


def count_cohorts(orders: Orders | IntoFrame, *, as_of: object = None) -> Cohorts:
    """Count customers by the month of their first purchase and the months they bought in.

    Parameters
    ----------
    orders : Orders or frame
        Order lines; returns are not purchases.
    as_of : datetime, date or ISO 8601 text, optional
        Lines after this moment are not used; by default the newest line's time.

    Returns
    -------
    Cohorts
        Calendar months are in UTC.

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
    >>> count_cohorts(frame).active
    array([[2, 1],
           [0, 0]])
    """
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="count_cohorts")
    if not table.in_memory:
        return _cohorts_of_engine(table, moment)
    lines = _dated_lines(table, moment)
    n = lines.last_month - lines.first_month + 1
    bought = ~lines.is_return
    months = lines.month[bought] - lines.first_month
    customer = lines.customer[bought]
    seen = np.zeros((lines.n_customers, n), dtype=bool)
    seen[customer, months] = True
    active = np.zeros((n, n), dtype=np.int64)
    rows, later = np.nonzero(seen)
    first = np.argmax(seen, axis=1)
    np.add.at(active, (first[rows], later - first[rows]), 1)
    return Cohorts(_names(lines.first_month, n), active)


def summarise_months(orders: Orders | IntoFrame, *, as_of: object = None) -> pd.DataFrame:
    """Add up each calendar month.

    Parameters
    ----------
    orders : Orders or frame
        Order lines.
    as_of : datetime, date or ISO 8601 text, optional
        Lines after this moment are not used; by default the newest line's time.

    Returns
    -------
    DataFrame
        One row per month from the first line to `as_of`, empty months too: `month`,
        `n_orders`, `spend` (net of refunds), `n_customers` (with a purchase),
        `n_new_customers` (with their first).

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
    >>> summarise_months(frame)
         month  n_orders  spend  n_customers  n_new_customers
    0  2026-01         2  15.50            2                2
    1  2026-02         1  20.25            1                0
    """
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moment = table.moment(as_of, owner="summarise_months")
    if not table.in_memory:
        return _months_of_engine(table, moment)
    lines = _dated_lines(table, moment)
    n = lines.last_month - lines.first_month + 1
    month = (lines.month - lines.first_month).astype(np.int32)
    bought = ~lines.is_return
    first = np.full(lines.n_customers, n, dtype=np.int32)
    np.minimum.at(first, lines.customer[bought], month[bought])
    spend = exact_sums(month, n, lines.amount) / float(10**table.minor_digits)
    return pd.DataFrame(
        {
            "month": list(_names(lines.first_month, n)),
            "n_orders": count_distinct_pairs(month[bought], n, lines.order[bought]),
            "spend": spend,
            "n_customers": count_distinct_pairs(month[bought], n, lines.customer[bought]),
            "n_new_customers": np.bincount(first[first < n], minlength=n),
        }
    )


def _cohorts_of_engine(orders: Orders, as_of: datetime) -> Cohorts:
    first_month, n = _span(orders, as_of)
    found = count_active(orders, as_of)
    active = np.zeros((n, n), dtype=np.int64)
    active[found.first - first_month, found.month - found.first] = found.n_customers
    return Cohorts(_names(first_month, n), active)


def _months_of_engine(orders: Orders, as_of: datetime) -> pd.DataFrame:
    first_month, n = _span(orders, as_of)
    found = count_active(orders, as_of)
    new = found.first == found.month
    customers = np.zeros(n, dtype=np.int64)
    np.add.at(customers, found.month - first_month, found.n_customers)
    scale = float(10**orders.minor_digits)
    columns: dict[str, Any] = {
        "month": list(_names(first_month, n)),
        "n_orders": _placed(count_month_orders(orders, as_of), first_month, n),
        "spend": _placed(month_spend(orders, as_of), first_month, n) / scale,
        "n_customers": customers,
        "n_new_customers": _placed((found.month[new], found.n_customers[new]), first_month, n),
    }
    return pd.DataFrame(columns)


def _placed(counted: tuple[NDArray[np.int64], ...], first_month: int, n: int) -> NDArray[np.int64]:
    """Return the values of some months by month since the first one, 0 for the others."""
    month, values = counted
    found = np.zeros(n, dtype=np.int64)
    found[month - first_month] = values
    return found


def _span(orders: Orders, as_of: datetime) -> tuple[int, int]:
    """Return the month of the first line, since 1970-01, and how many months there are."""
    first, last = _month_of(orders.oldest), _month_of(as_of)
    return first, last - first + 1


def _month_of(moment: datetime) -> int:
    return (moment.year - 1970) * 12 + moment.month - 1


@dataclass(frozen=True, slots=True)
class _DatedLines:
    customer: NDArray[np.int32]
    n_customers: int
    order: NDArray[np.int32]
    amount: NDArray[np.int64]
    is_return: NDArray[np.bool_]
    month: NDArray[np.int64]
    first_month: int
    last_month: int


def _dated_lines(orders: Orders, as_of: datetime) -> _DatedLines:
    """Return the lines until `as_of` with their months, counted from 1970-01."""
    arrays = orders.arrays
    keep = arrays.at <= to_micros(as_of)
    month = arrays.at[keep].view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return _DatedLines(
        customer=arrays.customer[keep],
        n_customers=len(arrays.customer_ids),
        order=arrays.order[keep],
        amount=arrays.amount[keep],
        is_return=arrays.is_return[keep],
        month=month,
        first_month=int(month.min()),
        last_month=_month_of(as_of),
    )


def _names(first_month: int, n: int) -> tuple[str, ...]:
    return tuple(str(np.datetime64(first_month + i, "M")) for i in range(n))
