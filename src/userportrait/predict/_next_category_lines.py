"""Orders as what was bought of which category, and what was known of it at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core import frames
from userportrait._core.entries import Coded
from userportrait.data import Items
from userportrait.data._order_arrays import OrderArrays
from userportrait.errors import ColumnTypeError, MissingColumnError, UnsupportedOnEngine
from userportrait.features._preferences_lines import ItemValues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data import Orders
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.int64]

__all__ = [
    "OTHER",
    "Purchases",
    "TableOfItems",
    "main_categories",
    "read_categories",
    "read_purchases",
]

OTHER = "other"
"""Name of the categories that are not told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Orders by customer and time, and the categories in each.

    Parameters
    ----------
    customer, at, main : ndarray of int64
        One entry an order, sorted by customer, time and order: the customer's position in
        `customer_ids`, microseconds since 1970, and the main category's position in
        `categories`.
    order, category : ndarray of int64
        One entry an order and category in it: positions.
    share : ndarray of float64
        The category's share of the order.
    first_at : ndarray of int64
        The time of each customer's first line of any kind.
    customer_ids, categories : ndarray
        Sorted; the name of all other categories is the last one.
    rest : int
        Its position, or -1 where there are no others.
    """

    customer: Codes
    at: Codes
    main: Codes
    order: Codes
    category: Codes
    share: Floats
    first_at: Codes
    customer_ids: NDArray[Any]
    categories: NDArray[Any]
    rest: int

    def known_at(self, moment: int) -> Codes:
        """Return the customers with a line at or before a moment."""
        return np.flatnonzero(self.first_at <= moment)

    def next_after(self, moment: int, end: int) -> Codes:
        """Return each customer's main category of the first order in (moment, end]; or -1."""
        inside = np.flatnonzero((self.at > moment) & (self.at <= end))
        owner = self.customer[inside]
        is_first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
        found = np.full(len(self.customer_ids), -1, dtype=np.int64)
        found[owner[is_first]] = self.main[inside[is_first]]
        return found


class TableOfItems:
    """Items, or a frame of an engine that is known."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        given: Any = value
        try:
            if not isinstance(value, Items):
                frames.enter(given, argument=name)
        except UnsupportedOnEngine:
            return f"{name} must be Items or a frame; got {type(value).__name__}."
        return None


def read_categories(
    orders: Orders, by: str, items: Items | IntoFrame | None, *, owner: str
) -> Coded:
    """Return each line's category, -1 where unknown.

    Raises
    ------
    MissingColumnError
        If neither the lines nor the items have the column.
    ColumnTypeError
        If it holds neither texts nor whole numbers.
    """
    names = orders.columns
    if by in names:
        inner = frames.enter(orders.frame)
        codes, distinct = OrderArrays(frames.collect_columns(inner, [by]), 0).codes(by)
        found = Coded(codes, distinct)
    elif items is None:
        role = f"{owner}: order lines have no such column; give items with 'item_id' and '{by}'"
        raise MissingColumnError(by, names, role)
    else:
        found = _lent(orders, by, items, owner)
    if len(found.distinct) and found.distinct.dtype.kind not in "iO":
        message = f"{owner}: '{by}' must hold texts or whole numbers; it holds fractions."
        raise ColumnTypeError(message, column=by)
    return found


def _lent(orders: Orders, by: str, items: Items | IntoFrame, owner: str) -> Coded:
    if "item_id" not in orders.columns:
        role = f"{owner}: order lines need 'item_id' to find '{by}' among the items"
        raise MissingColumnError("item_id", orders.columns, role)
    values = ItemValues.of(items, by, None)
    item = Coded(*orders.arrays.codes("item_id"))
    return item if values is None else values.lend(item)


def read_purchases(
    orders: Orders,
    by: str,
    items: Items | IntoFrame | None,
    *,
    until: int,
    named_until: int | None = None,
    most: int = 1_000_000,
    known: tuple[NDArray[Any], int] | None = None,
    owner: str,
) -> Purchases:
    """Return what was bought, returns and lines without a category left out.

    Parameters
    ----------
    orders : Orders
    by : str
        The column of categories.
    items : Items or frame, optional
        Lend it where the lines lack it.
    until : int
        Later lines are left out; microseconds since 1970.
    named_until : int, optional
        Later lines count, but their categories are 'other' where earlier ones have not told
        them apart.
    most : int
        Categories to tell apart; all but the most frequent become 'other'.
    known : tuple of ndarray and int, optional
        Categories known before, and the position of 'other' or -1.
    """
    value = read_categories(orders, by, items, owner=owner)
    arrays = orders.arrays
    kept = (value.codes >= 0) & ~arrays.is_return & (arrays.at <= until)
    names, rest = known or _most_frequent(value, kept, most, arrays.at, named_until)
    codes = _places(value.distinct, names, rest)[value.codes]
    at = np.flatnonzero(kept & (codes >= 0))
    customer = arrays.customer.astype(np.int64)
    first_at = np.full(len(arrays.customer_ids), np.iinfo(np.int64).max)
    np.minimum.at(first_at, customer, arrays.at)
    starts, main, table = _by_order(
        customer[at], arrays.order_key[at], arrays.at[at], codes[at], arrays.amount[at]
    )
    first = at[starts]
    return Purchases(
        customer=customer[first], at=arrays.at[first], main=main, order=table[0],
        category=table[1], share=table[2], first_at=first_at,
        customer_ids=arrays.customer_ids, categories=names, rest=rest,
    )  # fmt: skip


def _most_frequent(
    value: Coded, kept: NDArray[np.bool_], most: int, at: Codes, until: int | None
) -> tuple[NDArray[Any], int]:
    """Return the names to tell apart, and the position of 'other' among them or -1."""
    named = kept if until is None else kept & (at <= until)
    n_lines = np.bincount(value.codes[named], minlength=len(value.distinct))
    ranked = np.argsort(-n_lines, kind="stable")
    held = int((n_lines > 0).sum())
    n_told = held if held <= most else most - 1
    if n_told == len(np.unique(value.codes[kept])):
        return value.distinct[np.sort(ranked[:n_told])], -1
    names = value.distinct[np.sort(ranked[:n_told])].astype(object)
    names = np.append(names[names != OTHER], np.array([OTHER], dtype=object))
    return names, len(names) - 1


def _places(distinct: NDArray[Any], names: NDArray[Any], rest: int) -> Codes:
    """Return the position of each name; the last one stands for a missing name."""
    place = {name: at for at, name in enumerate(names.tolist())}
    return np.array([*(place.get(name, rest) for name in distinct.tolist()), -1], dtype=np.int64)


def main_categories(
    customer: NDArray[Any],
    order: NDArray[Any],
    at: Codes,
    category: NDArray[Any],
    amount: NDArray[Any],
) -> tuple[Codes, Codes]:
    """Return the first line and the main category of each customer's first order."""
    row, main, _ = _by_order(customer, order, at, category, amount)
    owner = np.asarray(customer)[row]
    is_first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
    return row[is_first], main[is_first]


def _by_order(
    customer: NDArray[Any],
    order: NDArray[Any],
    at: Codes,
    category: NDArray[Any],
    amount: NDArray[Any],
) -> tuple[Codes, Codes, tuple[Codes, Codes, Floats]]:
    """Return a line and the main category of each order; and order, category, share.

    The main category has most money, then most lines, then the smaller name. Orders without
    money are shared by lines.
    """
    ranked = np.lexsort((category, order, at, customer))
    who, which, when, what = customer[ranked], order[ranked], at[ranked], category[ranked]
    other = np.append(True, (np.diff(who) != 0) | (np.diff(which) != 0) | (np.diff(when) != 0))
    is_new = other[: len(ranked)]
    entry = np.flatnonzero(is_new | np.append(True, np.diff(what) != 0)[: len(ranked)])
    if not len(entry):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, (nothing, nothing, nothing.astype(np.float64))
    money = np.add.reduceat(amount[ranked].astype(np.int64), entry)
    n_lines = np.diff(np.append(entry, len(ranked)))
    number = np.cumsum(is_new)[entry] - 1
    total = np.bincount(number, weights=money)
    lines = np.bincount(number, weights=n_lines)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total[number] > 0, money / total[number], n_lines / lines[number])
    best = np.lexsort((what[entry], -n_lines, -money, number))
    leads = np.append(True, np.diff(number[best]) != 0)
    main = what[entry][best[leads]].astype(np.int64)
    starts = ranked[np.flatnonzero(is_new)]
    return starts, main, (number, what[entry].astype(np.int64), share)
