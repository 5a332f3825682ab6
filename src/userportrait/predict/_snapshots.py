"""Frames to learn from: what was known at a moment, and what came after it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pandas as pd

from userportrait._core.params import Between, check_values
from userportrait.data import Orders
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    Features: TypeAlias = Callable[[Orders, datetime], pd.DataFrame]
    Target: TypeAlias = (
        Literal["bought", "n_orders", "amount"] | Callable[[pd.DataFrame], "pd.Series[Any]"]
    )

__all__ = ["snapshots"]

_OWNER = "snapshots"
_TARGETS = ("bought", "n_orders", "amount")


def snapshots(
    orders: Orders,
    features: Features,
    target: Target,
    dates: Iterable[Any],
    *,
    horizon: float = 90.0,
) -> pd.DataFrame:
    """Return customers as they were at some moments, with what they did afterwards.

    For each moment, `features` is given the lines up to it and no others, so it cannot see
    what it is to predict.

    Parameters
    ----------
    orders : Orders
    features : callable
        Given the orders at or before a moment, and the moment (UTC, without a zone), returns a
        frame of one row a customer with `customer_id`.
    target : {'bought', 'n_orders', 'amount'} or callable
        What to predict, from the lines after the moment and up to `horizon` later. Whether, or
        how often, the customer orders, returns aside; or the net amount, in the currency of the
        input. A callable is given these lines as a pandas frame, perhaps empty, with
        ``amount_minor`` and the columns of the input, and returns a Series of numbers by
        `customer_id`; who is not in it has 0.
    dates : iterable of date, datetime or str
        The moments; a date is midnight at its start.
    horizon : float, default=90.0
        Days; above 0, up to 36500.

    Returns
    -------
    DataFrame
        One row for each moment and customer that `features` returns: ``customer_id``,
        ``as_of``, the features, and ``target``. In the order of `dates`, then of `features`.

    Raises
    ------
    InvalidParameterError
        If `horizon` or `target` is not allowed, there are no dates or equal ones, or a moment
        is before the first order or so late that its horizon ends after the newest one.
    MissingColumnError
        If `features` returns no `customer_id`.
    InvalidDataError
        If `features` or `target` returns a customer twice, or if `features` returns one without
        an order by then, or a column ``as_of`` or ``target``.

    Notes
    -----
    Works in memory. Moments less than `horizon` apart share outcomes: split rows by time, with
    a gap of `horizon`, to judge a model. [1]_ Data that are changed later, such as a customer's
    address of today, leak through `features` all the same: give it what was known then.

    References
    ----------
    .. [1] Kaufman, Rosset, Perlich and Stitelman (2012), "Leakage in data mining", ACM
       Transactions on Knowledge Discovery from Data 6(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.data import Orders
    >>> from userportrait.predict import snapshots
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "ann", "bo"],
    ...         "order_id": [1, 2, 3, 4],
    ...         "ordered_at": pd.to_datetime(
    ...             ["2026-01-05", "2026-01-20", "2026-02-10", "2026-05-01"]
    ...         ),
    ...         "amount": [10.0, 5.5, 20.0, 8.0],
    ...     }
    ... )
    >>> def spent(past, as_of):
    ...     return past.to_pandas().groupby("customer_id", as_index=False)["amount"].sum()
    >>> snapshots(Orders(frame), spent, "bought", ["2026-02-01", "2026-03-01"], horizon=30)
      customer_id      as_of  amount  target
    0         ann 2026-02-01    10.0       1
    1          bo 2026-02-01     5.5       0
    2         ann 2026-03-01    30.0       0
    3          bo 2026-03-01     5.5       0
    """
    check_values(_OWNER, {"horizon": horizon}, {"horizon": Between(0.0, 36_500.0, open_low=True)})
    if not callable(target) and target not in _TARGETS:
        raise InvalidParameterError(_OWNER, [unknown_name("target", str(target), _TARGETS)])
    moments = _moments(orders, dates, horizon)
    lines = _lines(orders)
    at = pd.to_datetime(lines["ordered_at"], utc=True).dt.tz_localize(None)
    parts: list[pd.DataFrame] = []
    for moment in moments:
        past = lines[(at <= moment).to_numpy()]
        future = lines[((at > moment) & (at <= moment + timedelta(days=horizon))).to_numpy()]
        known = Orders(past, currency=orders.currency, minor_digits=orders.minor_digits)
        found = _checked(features(known, moment), past)
        outcome = _outcome(future, target, orders.minor_digits)
        told: Any = found["customer_id"].map(outcome)
        value = told.astype("float64").fillna(0.0)
        if target in ("bought", "n_orders"):
            value = value.astype("int64")
        found.insert(1, "as_of", pd.Timestamp(moment))
        parts.append(found.assign(target=value))
    return pd.concat(parts, ignore_index=True)


def _moments(orders: Orders, dates: Iterable[Any], horizon: float) -> list[datetime]:
    moments = [orders.moment(date, owner=_OWNER) for date in dates]
    problems: list[str] = []
    if not moments or len(set(moments)) < len(moments):
        problems.append("dates must be one or more different moments.")
    last = orders.newest - timedelta(days=horizon)
    late = [moment for moment in moments if moment > last]
    if late:
        problems.append(
            f"dates: {late[0].isoformat()} is too late: {horizon:g} days after it are not over by "
            f"the newest order. The last moment that will do is {last.isoformat()}."
        )
    if problems:
        raise InvalidParameterError(_OWNER, problems)
    return moments


def _lines(orders: Orders) -> pd.DataFrame:
    """Return all lines, with `amount_minor`."""
    lines = orders.to_pandas()
    ids: Any = lines["customer_id"]
    return lines.assign(customer_id=ids.astype(object)) if ids.dtype == "category" else lines


def _checked(found: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of the features, `customer_id` first."""
    if "customer_id" not in found.columns:
        raise MissingColumnError("customer_id", [str(name) for name in found.columns])
    made = [name for name in ("as_of", "target") if name in found.columns]
    if made:
        message = (
            f"{_OWNER}: features returned a column '{made[0]}', which is made here. Rename it."
        )
        raise InvalidDataError(message, column=made[0])
    ids = found["customer_id"]
    if ids.duplicated().any():
        message = f"{_OWNER}: features returned a customer more than once."
        raise InvalidDataError(message, column="customer_id")
    if not ids.isin(past["customer_id"]).all():
        message = f"{_OWNER}: features returned a customer without an order by then."
        raise InvalidDataError(message, column="customer_id")
    others = [name for name in found.columns if name != "customer_id"]
    return found[["customer_id", *others]].reset_index(drop=True)


def _outcome(future: pd.DataFrame, target: Target, minor_digits: int) -> Any:
    """Return what customers did, by `customer_id`."""
    if callable(target):
        told = target(future.copy())
        if told.index.has_duplicates:
            message = f"{_OWNER}: target returned a customer more than once."
            raise InvalidDataError(message, column="customer_id")
        return told
    if target == "amount":
        return future.groupby("customer_id")["amount_minor"].sum() / 10**minor_digits
    kept = future["amount_minor"] >= 0
    if "quantity" in future.columns:
        kept &= future["quantity"] >= 0
    n_orders: Any = future[kept].groupby("customer_id")["order_id"].nunique()
    return (n_orders > 0).astype("int64") if target == "bought" else n_orders
