"""One row of numbers for each customer of a campaign: orders, revenue, costs, ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.units import MICROS_PER_DAY
from userportrait.data._tables import Table
from userportrait.errors import (
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
    unknown_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Bools: TypeAlias = NDArray[np.bool_]

__all__ = [
    "Arms",
    "OrderValues",
    "Span",
    "cost_values",
    "order_values",
    "rating_values",
    "read_arms",
    "sums",
]

_OWNER = "campaign_scorecard"


@dataclass(frozen=True, slots=True)
class Span:
    """When the campaign counts, in microseconds since 1970; None stands for no limit.

    Parameters
    ----------
    start, end : int or None
        From `start`, included, to `end`, not included.
    newest : int
        What came later is not known.
    """

    start: int | None
    end: int | None
    newest: int

    def holds(self, at: Ints) -> Bools:
        """Return which moments are inside."""
        inside: Bools = at <= self.newest
        if self.start is not None:
            inside &= at >= self.start
        if self.end is not None:
            inside &= at < self.end
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The customers of a campaign and who of them was treated.

    Parameters
    ----------
    ids : Index
        Their IDs, each once.
    treated : ndarray of bool
    names : tuple of str
        The hold-out's label and the treated arm's.
    columns : mapping of str to ndarray of float64
        Further columns that were asked for.
    """

    ids: pd.Index
    treated: Bools
    names: tuple[str, str]
    columns: dict[str, Floats]

    def places(self, ids: Any, what: str) -> Ints:
        """Return each ID's place among the customers, -1 for somebody else's."""
        index = pd.Index(np.asarray(ids))
        if len(index) and index.inferred_type != self.ids.inferred_type:
            message = (
                f"{_OWNER}: customer_id holds {_kind(self.ids)} in `customers` and "
                f"{_kind(index)} in `{what}`, so nobody would be found. Convert one of them."
            )
            raise InvalidDataError(message, column="customer_id")
        found: Ints = self.ids.get_indexer(index).astype(np.int64)
        return found


def _kind(index: pd.Index) -> str:
    return {"string": "texts", "integer": "whole numbers"}.get(
        index.inferred_type, f"{index.inferred_type} values"
    )


def read_arms(
    customers: IntoFrame, arm: str, control: object, treated: object, columns: Sequence[str]
) -> Arms:
    """Read who is in which arm, and further columns of numbers; refuse what is unclear."""
    frame = customers.frame if isinstance(customers, Table) else customers
    inner = frames.enter(frame, argument="customers")
    wanted = ["customer_id", arm, *columns]
    for name in wanted:
        if name not in frames.column_names(inner):
            raise MissingColumnError(name, frames.column_names(inner), f"{_OWNER}: customers")
    found = frames.collect_arrays(inner, list(dict.fromkeys(wanted)))
    ids = pd.Index(found["customer_id"])
    _refuse(ids.duplicated(keep="first"), "customer_id", "come twice; each customer has one arm")
    _refuse(ids.isna(), "customer_id", "have no customer_id")
    _refuse(pd.isna(found[arm]), arm, "have no arm; drop those who are in no arm")
    labels = np.array([str(value) for value in found[arm].tolist()], dtype=object)
    names = _two_arms(labels, arm, control, treated)
    inside = np.isin(labels, names)
    numbers = {name: _numbers(found[name][inside], name) for name in columns}
    return Arms(ids[inside], labels[inside] == names[1], names, numbers)


def _two_arms(labels: NDArray[Any], arm: str, control: object, treated: object) -> tuple[str, str]:
    known = sorted(set(labels.tolist()))
    for given in (control, treated):
        if given is not None and str(given) not in known:
            problem = f"{unknown_name(f'arm in column {arm!r}', str(given), known)}"
            raise InvalidParameterError(_OWNER, [problem])
    others = [name for name in known if name != str(control)]
    if treated is not None:
        others = [str(treated)]
    if len(others) != 1 or others[0] == str(control):
        problem = (
            f"a scorecard compares one treated arm with the hold-out; column '{arm}' holds "
            f"{', '.join(map(repr, known))} and control is {str(control)!r}. "
            f"Name the treated arm with treated=, once for each arm."
        )
        raise InvalidParameterError(_OWNER, [problem])
    names = (str(control), others[0])
    for name in names:
        n = int((labels == name).sum())
        if n < 2:
            message = f"{_OWNER}: arm '{name}' has {format_count(n, 'customer')}; 2 are needed."
            raise InvalidDataError(message, column=arm)
    return names


def _refuse(bad: Any, column: str, problem: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        message = f"{_OWNER}: {format_count(len(rows), 'row')} of `customers` {problem}."
        raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))


def _numbers(values: NDArray[Any], column: str) -> Floats:
    found = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    rows = np.flatnonzero(~np.isfinite(found))
    if len(rows):
        message = (
            f"{_OWNER}: '{column}' must hold finite numbers; {format_count(len(rows), 'row')} "
            f"hold NaN, infinity or nothing. Fill or drop them, the same way in both arms."
        )
        raise InvalidDataError(message, column=column, rows=rows[:5].tolist(), n_rows=len(rows))
    return found.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class OrderValues:
    """What each customer did while the campaign counted; arrays of one value per customer.

    Parameters
    ----------
    n_orders, revenue : ndarray of float64
        Orders placed, and money after returns, in the currency's unit.
    followed, returned : ndarray of bool
        Whether the customer ordered and was observed for the days of retention after it, and
        whether an order followed in that time.
    history : ndarray of shape (n_customers, 2) or None
        Orders and revenue before the campaign.
    """

    n_orders: Floats
    revenue: Floats
    followed: Bools
    returned: Bools
    history: Floats | None


def order_values(
    orders: Orders, arms: Arms, span: Span, *, retention_days: int, history_days: int | None
) -> OrderValues:
    """Count orders and money per customer of the campaign."""
    arrays = orders.arrays
    place = arms.places(arrays.customer_ids, "orders")[arrays.customer]
    known = (place >= 0) & (arrays.at <= span.newest)
    customer, at = place[known], arrays.at[known]
    amount, key = arrays.amount[known], arrays.order_key[known].astype(np.int64)
    scale, n = 10.0**orders.minor_digits, len(arms.ids)
    inside = span.holds(at)
    revenue = sums(customer[inside], amount[inside], n) / scale
    buyer, placed = _placed(customer, at, amount, key, n)
    in_span = span.holds(placed)
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, buyer[in_span], placed[in_span])
    n_orders = np.bincount(buyer[in_span], minlength=n).astype(np.float64)
    window = retention_days * MICROS_PER_DAY
    followed = (n_orders > 0) & (first <= span.newest - window)
    gap = placed - np.where(n_orders > 0, first, 0)[buyer]
    again = (n_orders[buyer] > 0) & (gap > 0) & (gap <= window)
    returned = followed & (np.bincount(buyer[again], minlength=n) > 0)
    history = None
    if history_days is not None and span.start is not None:
        before = Span(span.start - history_days * MICROS_PER_DAY, span.start, span.newest)
        old, money = before.holds(placed), before.holds(at)
        counts = np.bincount(buyer[old], minlength=n).astype(np.float64)
        spent = sums(customer[money], amount[money], n) / scale
        history = np.column_stack([counts, spent])
    return OrderValues(n_orders, revenue, followed, returned, history)


def _placed(customer: Ints, at: Ints, amount: Ints, key: Ints, n: int) -> tuple[Ints, Ints]:
    """Return customer and moment of each order whose lines together bring money."""
    both = key * n + customer  # an order of several customers is one for each of them
    _, order = np.unique(both, return_inverse=True)
    size = int(order.max(initial=-1)) + 1
    total = sums(order, amount, size)
    moment = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(moment, order, at)
    owner = np.zeros(size, dtype=np.int64)
    owner[order] = customer
    good = total > 0
    return owner[good], moment[good]


def sums(place: Ints, values: NDArray[Any], n: int) -> Floats:
    """Return the sum of the values at each of n places; whole numbers stay exact."""
    found: Any = np.bincount(place, values.astype(np.float64), n)
    total: Floats = found
    return total


def cost_values(costs: IntoFrame, arms: Arms, span: Span) -> Floats:
    """Return what was spent on each customer: the sum of the touches' costs."""
    if isinstance(costs, (int, float)):
        return np.where(arms.treated, float(costs), 0.0)
    columns, place = _of_customers(costs, arms, "costs", ["cost"], "touched_at", span)
    return sums(place, _numbers(columns["cost"], "cost"), len(arms.ids))


def rating_values(ratings: IntoFrame, arms: Arms, span: Span) -> tuple[Floats, Ints]:
    """Return the ratings that customers of the campaign gave, with the place of each customer."""
    after = Span(span.start, None, span.newest)
    columns, place = _of_customers(ratings, arms, "ratings", ["rating"], "reviewed_at", after)
    known = ~pd.isna(columns["rating"])
    return _numbers(columns["rating"][known], "rating"), place[known]


def _of_customers(
    table: IntoFrame, arms: Arms, what: str, columns: list[str], moment: str, span: Span
) -> tuple[dict[str, NDArray[Any]], Ints]:
    """Return the rows of the campaign's customers, in its time where the rows have one."""
    frame = table.frame if isinstance(table, Table) else table
    inner = frames.enter(frame, argument=what)
    names = frames.column_names(inner)
    for name in ("customer_id", *columns):
        if name not in names:
            raise MissingColumnError(name, names, f"{_OWNER}: {what}")
    timed = [moment] if moment in names else []
    found = frames.collect_arrays(inner, ["customer_id", *columns, *timed])
    whose = ~pd.isna(found["customer_id"])
    found = {name: values[whose] for name, values in found.items()}
    place = arms.places(_whole(found["customer_id"]), what)
    keep = place >= 0
    if timed:
        keep &= span.holds(found[moment].astype("datetime64[us]").astype(np.int64))
    return {name: values[keep] for name, values in found.items()}, place[keep]


def _whole(ids: NDArray[Any]) -> NDArray[Any]:
    """Return integers that nulls had made floats as integers again."""
    return ids.astype(np.int64) if ids.dtype.kind == "f" else ids
