"""Frames to learn from: what was known at a moment, and what came after it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.params import Between, check_values
from userportrait._core.units import from_micros, to_micros
from userportrait.data import Orders
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)
from userportrait.predict._next_category_lines import read_purchases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from numpy.typing import NDArray

    from userportrait.data import Items
    from userportrait.typing import IntoFrame

    Features: TypeAlias = Callable[[Orders, datetime], pd.DataFrame]
    Target: TypeAlias = (
        Literal["bought", "n_orders", "amount", "next_category"]
        | Callable[[pd.DataFrame], "pd.Series[Any]"]
    )

__all__ = ["features_at", "next_category", "snapshots"]

_OWNER = "snapshots"
_TARGETS = ("bought", "n_orders", "amount", "next_category")


def snapshots(
    orders: Orders | IntoFrame,
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
    orders : Orders or frame
    features : callable
        Given the orders at or before a moment, and the moment (UTC, without a zone), returns a
        frame (of any library) of one row a customer with `customer_id`. Categorical columns of
        the orders have the categories that were there by then.
    target : {'bought', 'n_orders', 'amount', 'next_category'} or callable
        What to predict, from the lines after the moment and up to `horizon` later. Whether, or
        how often, the customer orders, returns aside; the net amount, in the currency of the
        input; or the main ``category`` of the first order, None without one
        (`next_category` makes this target for other columns). A callable is given these lines
        as a pandas frame, perhaps empty, with ``amount_minor`` and the columns of the input,
        and returns a Series of numbers or labels by `customer_id`; who is not in it has 0, or
        None among labels.
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
    _check_callables(features, target)
    table = orders if isinstance(orders, Orders) else Orders(orders)
    moments = _moments(table, dates, horizon)
    told = next_category() if target == "next_category" else target
    lines = _lines(table)
    customers = _Customers(table)
    parts: list[pd.DataFrame] = []
    for moment in moments:
        start, end = to_micros(moment), to_micros(moment + timedelta(days=horizon))
        found = _known(table, lines, customers, features, start, _OWNER)
        place = customers.places(found["customer_id"], start, _OWNER)
        is_future = (customers.at > start) & (customers.at <= end)
        if callable(told):
            value = _own_outcome(_part(lines, is_future), told, found["customer_id"])
        else:
            value = customers.outcome(told, is_future)[place]
        found.insert(1, "as_of", pd.Timestamp(moment))
        parts.append(found.assign(target=value))
    return pd.concat(parts, ignore_index=True)


def features_at(orders: Orders, features: Features, moment: int, *, owner: str) -> pd.DataFrame:
    """Return checked features of the lines until a moment in microseconds, `customer_id` first."""
    customers = _Customers(orders)
    found = _known(orders, _lines(orders), customers, features, moment, owner)
    customers.places(found["customer_id"], moment, owner)
    return found


def _known(
    orders: Orders,
    lines: pd.DataFrame,
    customers: _Customers,
    features: Features,
    moment: int,
    owner: str,
) -> pd.DataFrame:
    past = _part(lines, customers.at <= moment)
    known = Orders(past, currency=orders.currency, minor_digits=orders.minor_digits)
    return _checked(features(known, from_micros(moment)), owner)


def next_category(
    by: str = "category", *, items: Items | IntoFrame | None = None
) -> Callable[[pd.DataFrame], pd.Series[Any]]:
    """Return a target for `snapshots`: the main category of a customer's first order.

    Parameters
    ----------
    by : str, default='category'
        A column of the order lines, or of `items`. Texts or whole numbers; lines where it is
        missing do not count.
    items : Items or frame, optional
        What is sold, with the column `by`, where order lines lack it.

    Returns
    -------
    callable
        Given order lines as a pandas frame, returns the category by `customer_id`. Lines of
        one order at one time are an order; its main category has the most money, then the
        most lines, then the smaller name. Returns do not count. A customer without such an
        order is left out, so that `snapshots` gives None.

    Raises
    ------
    MissingColumnError
        By the callable, if neither the lines nor the items have the column.

    References
    ----------
    .. [1] Kaufman, Rosset, Perlich and Stitelman (2012), "Leakage in data mining", ACM
       Transactions on Knowledge Discovery from Data 6(4).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import next_category
    >>> lines = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann"],
    ...         "order_id": [1, 1, 2],
    ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-02-01"]),
    ...         "amount": [10.0, 5.5, 20.0],
    ...         "category": ["tea", "cups", "cups"],
    ...     }
    ... )
    >>> next_category()(lines)
    customer_id
    ann    tea
    Name: category, dtype: object
    """

    def first_category(future: pd.DataFrame) -> pd.Series[Any]:
        if not len(future):
            return pd.Series([], index=pd.Index([], name="customer_id"), dtype=object, name=by)
        table = Orders(future)
        p = read_purchases(table, by, items, until=to_micros(table.newest), owner="next_category")
        chosen = p.next_after(to_micros(table.oldest) - 1, to_micros(table.newest))
        held = np.flatnonzero(chosen >= 0)
        index = pd.Index(p.customer_ids[held], name="customer_id")
        return pd.Series(p.categories[chosen[held]], index=index, dtype=object, name=by)

    return first_category


class _Customers:
    """The customers of order lines, coded once, and what they did."""

    def __init__(self, orders: Orders) -> None:
        arrays = orders.arrays
        self.at: NDArray[np.int64] = arrays.at
        self._arrays = arrays
        self._divisor = 10**orders.minor_digits
        self._index = pd.Index(arrays.customer_ids)
        self._first_at = np.full(len(self._index), np.iinfo(np.int64).max)
        np.minimum.at(self._first_at, arrays.customer, arrays.at)

    def places(self, ids: Any, moment: int, owner: str) -> NDArray[np.intp]:
        """Return the position of each customer; all must have a line by a moment."""
        plain = ids.to_numpy(dtype=object) if self._index.dtype == object else ids
        found: NDArray[np.intp] = self._index.get_indexer(plain)
        if (found < 0).any() or (self._first_at[found] > moment).any():
            message = f"{owner}: features returned a customer without an order by then."
            raise InvalidDataError(message, column="customer_id")
        return found

    def outcome(self, target: str, is_future: NDArray[np.bool_]) -> NDArray[Any]:
        """Return what every customer did in some lines."""
        arrays, size = self._arrays, len(self._index)
        if target == "amount":
            sums = np.zeros(size, dtype=np.int64)
            np.add.at(sums, arrays.customer[is_future], arrays.amount[is_future])
            money: NDArray[np.float64] = sums / self._divisor
            return money
        kept = is_future & ~arrays.is_return
        customer, order = arrays.customer[kept].astype(np.int64), arrays.order_key[kept]
        span = int(order.max(initial=0)) + 1
        pairs = np.unique(customer * span + order)
        n_orders: NDArray[np.int64] = np.bincount(pairs // span, minlength=size)
        return (n_orders > 0).astype(np.int64) if target == "bought" else n_orders


def _own_outcome(future: pd.DataFrame, target: Callable[..., Any], ids: Any) -> Any:
    """Return what a callable says of customers: 0, or None among labels, if nothing."""
    told = target(future)
    if not isinstance(told, pd.Series):
        message = (
            f"{_OWNER}: target must return a pandas Series by customer_id; it returned "
            f"{type(told).__name__}."
        )
        raise InvalidDataError(message)
    if told.index.has_duplicates:
        message = f"{_OWNER}: target returned a customer more than once."
        raise InvalidDataError(message, column="customer_id")
    if pd.api.types.is_numeric_dtype(told.dtype):
        return ids.map(told).astype("float64").fillna(0.0)
    labels = ids.map(told.astype(object)).astype(object)
    return labels.where(labels.notna(), None)


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


def _check_callables(features: Any, target: Any) -> None:
    problems: list[str] = []
    if not callable(features):
        problems.append(
            f"features must be a function of the orders and the moment; got "
            f"{type(features).__name__}."
        )
    if not callable(target) and target not in _TARGETS:
        problems.append(unknown_name("target", str(target), _TARGETS))
    if problems:
        raise InvalidParameterError(_OWNER, problems)


def _part(lines: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
    """Return some lines; a category that none of them has is not told either."""
    part = lines[rows]
    coded = [name for name in part.columns if isinstance(part[name].dtype, pd.CategoricalDtype)]
    return part.assign(**{name: part[name].cat.remove_unused_categories() for name in coded})


def _checked(told: Any, owner: str) -> pd.DataFrame:
    """Return a copy of the features, `customer_id` first."""
    if told is None:
        raise InvalidDataError(f"{owner}: features returned nothing; it must return a frame.")
    is_pandas = isinstance(told, pd.DataFrame)
    found = told if is_pandas else frames.to_pandas(frames.enter(told, argument="features"))
    if "customer_id" not in found.columns:
        raise MissingColumnError("customer_id", [str(name) for name in found.columns])
    made = [name for name in ("as_of", "target") if name in found.columns]
    if made:
        message = f"{owner}: features returned a column '{made[0]}', which is made here. Rename it."
        raise InvalidDataError(message, column=made[0])
    if found["customer_id"].duplicated().any():
        message = f"{owner}: features returned a customer more than once."
        raise InvalidDataError(message, column="customer_id")
    others = [name for name in found.columns if name != "customer_id"]
    return found[["customer_id", *others]].reset_index(drop=True)
