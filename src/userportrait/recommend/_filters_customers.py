"""Filters that look at the customer, too: own lists, levels, categories, what was just bought."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait._core.units import MICROS_PER_DAY, as_moment, to_micros
from userportrait.errors import InvalidDataError
from userportrait.recommend._filters_items import (
    ANY_NUMBER,
    MISSING,
    Missing,
    as_table,
    item_numbers,
)
from userportrait.recommend._filters_tables import (
    FilterValue,
    KeyedLists,
    KeyedTable,
    label_codes,
    read_lists,
    read_table,
)
from userportrait.recommend._interactions import csr, entry_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.recommend._filters import Request
    from userportrait.recommend._filters_items import CustomerValues, ItemValues
    from userportrait.recommend._interactions import Interactions, Matrix
    from userportrait.typing import IntoFrame

    CustomerLists: TypeAlias = "KeyedLists | Mapping[Any, Iterable[Any]] | IntoFrame"

__all__ = ["Eligible", "ExcludeFor", "NotBoughtWithin", "OnlyCategories", "OnlyFor"]

Others = Literal["all", "none"]
_SCALARS = (bool, int, float, str, np.number)
_OTHERS = OneOf(("all", "none"))


@dataclass(frozen=True, repr=False)
class ExcludeFor(FilterValue):
    """Items that single customers must not get, such as those they have sent back.

    Parameters
    ----------
    pairs : mapping or frame
        A mapping of customer to list of items, or a frame with `customer_id` and `item_id`.
        Customers and items that the model does not know are passed over.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the pairs cannot be read.

    Examples
    --------
    >>> ExcludeFor({"ann": ["p1", "p2"], "bo": ["p3"]})
    ExcludeFor(pairs=<2 customers, 3 pairs>)
    """

    pairs: CustomerLists

    def __post_init__(self) -> None:
        self.set("pairs", read_lists(self.pairs, "item_id", "id", "ExcludeFor"))

    def blocked(self, request: Request) -> Matrix:
        """Return the items of each customer's list."""
        _, row, column = _listed_columns(self.pairs, request)
        indptr = np.searchsorted(row, np.arange(len(request) + 1)).astype(np.int32)
        shape = (len(request), request.interactions.n_items)
        return csr(np.ones(len(row)), column.astype(np.int32), indptr, shape)


@dataclass(frozen=True, repr=False)
class OnlyFor(FilterValue):
    """Each customer is recommended items of an own list only, such as personal offers.

    Parameters
    ----------
    pairs : mapping or frame
        A mapping of customer to list of items, or a frame with `customer_id` and `item_id`.
        Customers and items that the model does not know are passed over.
    others : {'all', 'none'}, default='all'
        What customers without a list, and baskets, may get.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the pairs cannot be read.

    Examples
    --------
    >>> OnlyFor({"ann": ["p1", "p2"]}, others="none")
    OnlyFor(pairs=<1 customer, 2 pairs>, others='none')
    """

    pairs: CustomerLists
    _: KW_ONLY
    others: Others = "all"

    def __post_init__(self) -> None:
        check_values("OnlyFor", {"others": self.others}, {"others": _OTHERS})
        self.set("pairs", read_lists(self.pairs, "item_id", "id", "OnlyFor"))

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return the items of each customer's list."""
        inside, row, column = _listed_columns(self.pairs, request)
        found = np.zeros((len(request), request.interactions.n_items), dtype=bool)
        found[row, column] = True
        if self.others == "all":
            found[~inside] = True
        return found


@dataclass(frozen=True, repr=False)
class OnlyCategories(FilterValue):
    """Each customer is recommended items of some categories only.

    Parameters
    ----------
    allowed_for : mapping or frame
        A mapping of customer to list of categories, or a frame with `customer_id` and the
        column `by`.
    items : mapping, Series, Items or frame
        Category by item; a frame has `item_id` and the column `by`.
    by : str, default='category'
        The attribute: category, brand, or another column.
    others : {'all', 'none'}, default='all'
        What customers without a list, and baskets, may get.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If lists or items cannot be read, or an item comes twice.

    See Also
    --------
    ItemsWhere : The same categories for everybody.

    Notes
    -----
    An item without a category is in nobody's list.

    Examples
    --------
    >>> OnlyCategories({"ann": ["tea"]}, {"p1": "tea", "p2": "cups"})
    OnlyCategories(allowed_for=<1 customer, 1 pair>, items={'p1': 'tea', 'p2': 'cups'})
    """

    allowed_for: CustomerLists
    items: ItemValues
    _: KW_ONLY
    by: str = "category"
    others: Others = "all"

    def __post_init__(self) -> None:
        owner = "OnlyCategories"
        rules: dict[str, Rule] = {"by": InstanceOf((str,), "a text"), "others": _OTHERS}
        check_values(owner, {name: getattr(self, name) for name in rules}, rules)
        self.set("items", read_table(self.items, {self.by: "label"}, owner))
        self.set("allowed_for", read_lists(self.allowed_for, self.by, "label", owner))

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return the items of each customer's categories."""
        lists = as_lists(self.allowed_for)
        data = request.interactions
        code = self.kept(data, lambda: self._label_of_items(data))
        inside, row, label = lists.rows_of(request.customers)
        may = np.zeros((len(request), len(lists.values) + 1), dtype=bool)
        may[row, label] = True
        found: NDArray[np.bool_] = may[:, code]
        if self.others == "all":
            found[~inside] = True
        return found

    def _label_of_items(self, data: Interactions) -> NDArray[np.intp]:
        """Return each item's category as a place in the lists' values, the last for no one's."""
        table, lists = as_table(self.items), as_lists(self.allowed_for)
        code, labels = label_codes(table.columns[self.by])
        place = {label: number for number, label in enumerate(lists.values.tolist())}
        nobody = len(lists.values)
        known = np.array([*(place.get(label, nobody) for label in labels), nobody], dtype=np.intp)
        found: NDArray[np.intp] = known[np.append(code, -1)[table.for_items(data)]]
        return found

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items with a category the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


@dataclass(frozen=True, repr=False)
class Eligible(FilterValue):
    """Only items whose level is not above the customer's, such as a class of risk or of age.

    Parameters
    ----------
    items : mapping, Series, Items or frame
        Level by item, a number; a frame has `item_id` and the column `item_level`.
    customers : mapping, Series, Customers or frame
        Level by customer; a frame has `customer_id` and the column `customer_level`.
    item_level, customer_level : str, default='level'
        The columns of frames.
    otherwise : float, optional
        The level of customers without one, and of baskets. By default they get nothing.
    missing : {'exclude', 'allow'}, default='exclude'
        What becomes of items without a level.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If levels cannot be read, or an ID comes twice.

    Examples
    --------
    >>> Eligible({"fund": 3, "bond": 1}, {"ann": 1, "bo": 5})
    Eligible(items={'bond': 1, 'fund': 3}, customers=<2 customers: level>)
    """

    items: ItemValues
    customers: CustomerValues
    _: KW_ONLY
    item_level: str = "level"
    customer_level: str = "level"
    otherwise: float | None = None
    missing: Missing = "exclude"

    def __post_init__(self) -> None:
        owner = "Eligible"
        rules: dict[str, Rule] = {
            "item_level": InstanceOf((str,), "a text"),
            "customer_level": InstanceOf((str,), "a text"),
            "otherwise": Optional(ANY_NUMBER),
            "missing": MISSING,
        }
        check_values(owner, {name: getattr(self, name) for name in rules}, rules)
        self.set("items", read_table(self.items, {self.item_level: "number"}, owner))
        levels = read_table(
            self.customers, {self.customer_level: "number"}, owner, key="customer_id"
        )
        self.set("customers", levels)

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return the items that suit each customer."""
        data = request.interactions
        needed = self.kept(data, lambda: item_numbers(self.items, self.item_level, data))
        table = as_table(self.customers)
        has = table.number(self.customer_level)[table.places(request.customers)]
        if self.otherwise is not None:
            has = np.where(np.isnan(has), self.otherwise, has)
        found: NDArray[np.bool_] = needed <= has[:, None]
        if self.missing == "allow":
            found |= np.isnan(needed)
        return found

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items with a level the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


@dataclass(frozen=True, repr=False)
class NotBoughtWithin(FilterValue):
    """What a customer had to do with comes again only after some days: for goods bought again.

    It stands in for ``filter_seen``, which would leave out such items for ever.

    Parameters
    ----------
    days : float, mapping, Series or frame
        Days that must have passed since the last time. With a mapping of item to days, or a
        frame with `item_id` and `column`, other items do not come again.
    as_of : time, optional
        The moment from which days are counted; what came later does not count. By default that
        of the interactions: the newest time that `fit` has seen.
    column : str, default='days'
        The column of a frame.

    Raises
    ------
    InvalidDataError
        When recommending, if the model has been fitted on interactions without times.

    Notes
    -----
    Items of a basket, in `complete`, do not come again: they have no times.

    Examples
    --------
    >>> NotBoughtWithin(30)
    NotBoughtWithin(days=30)
    >>> NotBoughtWithin({"milk": 5, "coffee": 30}, as_of="2026-03-01")
    NotBoughtWithin(days={'coffee': 30, 'milk': 5}, as_of=datetime.datetime(2026, 3, 1, 0, 0))
    """

    days: float | ItemValues
    _: KW_ONLY
    as_of: datetime | str | None = None
    column: str = "days"

    replaces_filter_seen: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = "NotBoughtWithin"
        days: Any = self.days
        check_values(owner, {"column": self.column}, {"column": InstanceOf((str,), "a text")})
        if days is None or isinstance(self.days, _SCALARS):
            check_values(owner, {"days": days}, {"days": Between(0.0, float("inf"))})
        else:
            self.set("days", read_table(days, {self.column: "number"}, owner))
        if self.as_of is not None:
            self.set("as_of", as_moment(self.as_of, owner=owner))

    def blocked(self, request: Request) -> Matrix:
        """Return what each customer had to do with too short a time ago."""
        data, history = request.interactions, request.history
        blocks = self.kept(data, lambda: self._too_early(data))
        row = entry_rows(history)
        known = request.known[row]
        # The history of a known customer is a row of the interactions.
        shift: NDArray[np.intp] = data.matrix.indptr[known] - history.indptr[row]
        place = shift + np.arange(len(row))
        out = known < 0
        out[~out] = blocks[place[~out]]
        indptr = np.zeros(len(request) + 1, dtype=np.int32)
        np.cumsum(np.bincount(row[out], minlength=len(request)), out=indptr[1:])
        return csr(np.ones(int(indptr[-1])), history.indices[out], indptr, history.shape)

    def _too_early(self, data: Interactions) -> NDArray[np.bool_]:
        """Return for each stored pair of the interactions whether it is too early."""
        if data.log is None:
            message = (
                "NotBoughtWithin: the model has been fitted on interactions without times. Give "
                "`occurred_at` or `ordered_at`."
            )
            raise InvalidDataError(message)
        now = data.as_of
        if isinstance(self.as_of, datetime):
            now = to_micros(self.as_of)
        elif now is None:
            now = int(data.log.at.max(initial=0))
        passed = (now - _last_times(data, now)) / MICROS_PER_DAY
        if isinstance(self.days, KeyedTable):
            days = item_numbers(self.days, self.column, data)
            wanted = np.where(np.isnan(days), np.inf, days)[data.matrix.indices]
        else:
            wanted = np.full(len(passed), float(self.days))  # type: ignore[arg-type]
        found: NDArray[np.bool_] = (passed < wanted) | np.isposinf(wanted)
        return found


def _last_times(data: Interactions, now: int) -> NDArray[np.float64]:
    """Return the last time up to a moment of each stored pair; minus infinity for none."""
    log: Any = data.log
    keys: NDArray[np.int64] = entry_rows(data.matrix) * data.n_items + data.matrix.indices
    counts = log.at <= now
    key = log.customer[counts].astype(np.int64) * data.n_items + log.item[counts]
    found = np.full(len(keys), -np.inf)
    place = np.searchsorted(keys, np.asarray(key, dtype=np.int64))
    np.maximum.at(found, place, log.at[counts].astype(np.float64))
    return found


def as_lists(value: Any) -> KeyedLists:
    """Return a field that has been read."""
    lists: KeyedLists = value
    return lists


def _listed_columns(
    value: Any, request: Request
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Return who has a list, and the lists: row by row, the columns of known items."""
    pairs = as_lists(value)
    inside, row, code = pairs.rows_of(request.customers)
    column = pairs.columns_in(request.interactions)[code]
    known = column >= 0
    return inside, row[known], column[known]
