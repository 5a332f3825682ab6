"""Filters that look at the item only: lists, stock, price, attributes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from userportrait._core.expression import parse_expression
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_values
from userportrait.errors import InvalidParameterError
from userportrait.recommend._base_lookup import check_item_kind, listed
from userportrait.recommend._filters_tables import FilterValue, KeyedTable, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.data import Customers, Items
    from userportrait.recommend._filters import Request
    from userportrait.recommend._interactions import Interactions
    from userportrait.typing import IntoFrame

    ItemValues: TypeAlias = "KeyedTable | Mapping[Any, Any] | Items | IntoFrame"
    CustomerValues: TypeAlias = "KeyedTable | Mapping[Any, Any] | Customers | IntoFrame"

__all__ = ["ExcludeItems", "InStock", "ItemsWhere", "OnlyItems", "PriceBand"]

Missing = Literal["exclude", "allow"]
ANY_NUMBER = Between(float("-inf"), float("inf"), open_low=True, open_high=True)
MISSING = OneOf(("exclude", "allow"))


@dataclass(frozen=True, repr=False)
class _ItemList(FilterValue):
    items: Iterable[Any]

    same_for_all: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.set("items", tuple(dict.fromkeys(listed(self.items, "items", type(self).__name__))))

    def _is_listed(self, data: Interactions) -> NDArray[np.bool_]:
        items = list(self.items)
        check_item_kind(data, items, "items", type(self).__name__)
        found = np.zeros(data.n_items, dtype=bool)
        places = data.item_places(items)
        found[places[places >= 0]] = True
        return found

    def count_unknown(self, data: Interactions) -> int:
        """Return how many of the items the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return int(np.count_nonzero(data.item_places(self.items) < 0))


@dataclass(frozen=True, repr=False)
class ExcludeItems(_ItemList):
    """Items that nobody is recommended, such as recalled ones.

    Parameters
    ----------
    items : iterable of item
        Items that the model does not know are passed over; `count_unknown` counts them.

    See Also
    --------
    ExcludeFor : The same for each customer.

    Examples
    --------
    >>> ExcludeItems(["p1"])
    ExcludeItems(items=('p1',))
    """

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return True for all other items."""
        data = request.interactions
        return self.kept(data, lambda: ~self._is_listed(data))


@dataclass(frozen=True, repr=False)
class OnlyItems(_ItemList):
    """Only these items are recommended, such as those of a campaign.

    Parameters
    ----------
    items : iterable of item
        Items that the model does not know are passed over: it has nothing to say of them.
        `count_unknown` counts them.

    See Also
    --------
    OnlyFor : The same for each customer.

    Examples
    --------
    >>> OnlyItems(["p1", "p2"]) == OnlyItems(("p1", "p2"))
    True
    """

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return True for these items."""
        data = request.interactions
        return self.kept(data, lambda: self._is_listed(data))


@dataclass(frozen=True, repr=False)
class InStock(FilterValue):
    """Only items of which enough is there.

    Parameters
    ----------
    stock : mapping, Series or frame
        Units by item: a mapping of item to number, a Series with items as its index, or a frame
        with `item_id` and `column`. It is read once: make a new filter when the stock changes.
    at_least : float, default=1
        Units that must be there.
    column : str, default='stock'
        The column of a frame.
    missing : {'exclude', 'allow'}, default='exclude'
        What becomes of items without a figure.

    Raises
    ------
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the stock cannot be read, or an item comes twice.

    Examples
    --------
    >>> InStock({"p1": 3, "p2": 0})
    InStock(stock={'p1': 3, 'p2': 0})
    """

    stock: ItemValues
    at_least: float = 1
    _: KW_ONLY
    column: str = "stock"
    missing: Missing = "exclude"

    same_for_all: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = "InStock"
        rules: dict[str, Rule] = {
            "at_least": ANY_NUMBER,
            "missing": MISSING,
            "column": InstanceOf((str,), "a text"),
        }
        check_values(owner, {name: getattr(self, name) for name in rules}, rules)
        self.set("stock", read_table(self.stock, {self.column: "number"}, owner))

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return which items are there."""
        data = request.interactions
        return self.kept(data, lambda: self._allowed(data))

    def _allowed(self, data: Interactions) -> NDArray[np.bool_]:
        units = item_numbers(self.stock, self.column, data)
        return (units >= self.at_least) | (np.isnan(units) & (self.missing == "allow"))

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the stock the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.stock).count_unknown(data)


@dataclass(frozen=True, repr=False)
class PriceBand(FilterValue):
    """Only items whose price lies within limits: the same for all, or each customer's own.

    Parameters
    ----------
    prices : mapping, Series, Items or frame
        Price by item; a frame has `item_id` and `column`.
    low, high : float, optional
        The limits, both of them allowed. None for no limit.
    for_customers : mapping or frame, optional
        Limits of some customers, instead of `low` and `high`: a mapping of customer to
        ``(low, high)``, or a frame with `customer_id` and `low`, `high` or both. None or a
        missing value is no limit.
    column : str, default='price'
        The column of a frame of prices.
    missing : {'exclude', 'allow'}, default='exclude'
        What becomes of items without a price.

    Raises
    ------
    InvalidParameterError
        If there is no limit at all, or `low` is above `high`.
    MissingColumnError, ColumnTypeError, InvalidDataError
        If prices or limits cannot be read, or an ID comes twice.

    Examples
    --------
    >>> PriceBand({"p1": 3.5, "p2": 20.0}, high=10)
    PriceBand(prices={'p1': 3.5, 'p2': 20.0}, high=10)
    >>> PriceBand({"p1": 3.5, "p2": 20.0}, for_customers={"ann": (None, 5)})
    PriceBand(prices={'p1': 3.5, 'p2': 20.0}, for_customers=<1 customer: low, high>)
    """

    prices: ItemValues
    low: float | None = None
    high: float | None = None
    _: KW_ONLY
    for_customers: CustomerValues | None = None
    column: str = "price"
    missing: Missing = "exclude"

    def __post_init__(self) -> None:
        owner = "PriceBand"
        rules: dict[str, Rule] = {
            "low": Optional(ANY_NUMBER),
            "high": Optional(ANY_NUMBER),
            "missing": MISSING,
            "column": InstanceOf((str,), "a text"),
        }
        check_values(owner, {name: getattr(self, name) for name in rules}, rules)
        if self.low is None and self.high is None and self.for_customers is None:
            raise InvalidParameterError(owner, ["low, high or for_customers must be given."])
        if self.low is not None and self.high is not None and self.low > self.high:
            problem = f"low must not be above high; got {self.low:g} and {self.high:g}."
            raise InvalidParameterError(owner, [problem])
        self.set("prices", read_table(self.prices, {self.column: "number"}, owner))
        if self.for_customers is not None:
            self.set("for_customers", _read_bands(self.for_customers, owner))

    @property
    def same_for_all(self) -> bool:
        """Whether there are no limits of single customers."""
        return self.for_customers is None

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return which items lie within the limits."""
        data = request.interactions
        prices = self.kept(data, lambda: item_numbers(self.prices, self.column, data))
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        may_miss = np.isnan(prices) & (self.missing == "allow")
        if self.for_customers is None:
            return ((prices >= low) & (prices <= high)) | may_miss
        bands = as_table(self.for_customers)
        row = bands.places(request.customers)
        lows = np.where(row < 0, low, np.nan_to_num(bands.number("low")[row], nan=-np.inf))
        highs = np.where(row < 0, high, np.nan_to_num(bands.number("high")[row], nan=np.inf))
        return ((prices >= lows[:, None]) & (prices <= highs[:, None])) | may_miss

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items with a price the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.prices).count_unknown(data)


@dataclass(frozen=True, repr=False)
class ItemsWhere(FilterValue):
    """Only items whose attributes meet a condition.

    Parameters
    ----------
    condition : str
        In the language of audiences, such as ``"category in ('tea', 'cups') and price < 20"``.
    items : Items or frame
        `item_id` and the columns that the condition names.

    Raises
    ------
    ExpressionError
        If the condition cannot be read, or does not fit the columns.
    MissingColumnError, ColumnTypeError, InvalidDataError
        If the items cannot be read, or one comes twice.

    Notes
    -----
    An item that is not in the table, or of which a value is missing, comes only if the
    condition is true all the same, as in ``"price < 20 or true"``.

    Examples
    --------
    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": ["p1", "p2"], "category": ["tea", "cups"]})
    >>> ItemsWhere("category = 'tea'", items)
    ItemsWhere(condition="category = 'tea'", items={'p1': 'tea', 'p2': 'cups'})
    """

    condition: str
    items: KeyedTable | Items | IntoFrame

    same_for_all: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = "ItemsWhere"
        check_values(
            owner,
            {"condition": self.condition},
            {"condition": InstanceOf((str,), "a text")},
        )
        names = parse_expression(self.condition).names
        if not names:
            problem = "condition must name a column of the items."
            raise InvalidParameterError(owner, [problem])
        table = read_table(self.items, dict.fromkeys(names, "any"), owner)
        self.set("items", table)
        self.set("_truth", parse_expression(self.condition).evaluate(table.columns).true)

    def allowed(self, request: Request) -> NDArray[np.bool_]:
        """Return which items meet the condition."""
        data = request.interactions
        return self.kept(data, lambda: self._allowed(data))

    def _allowed(self, data: Interactions) -> NDArray[np.bool_]:
        truth: NDArray[np.bool_] = np.append(self.__dict__["_truth"], False)
        return truth[as_table(self.items).for_items(data)]

    def count_unknown(self, data: Interactions) -> int:
        """Return how many items of the table the model does not know.

        Parameters
        ----------
        data : Interactions
            Those of the model, its `interactions_`.
        """
        return as_table(self.items).count_unknown(data)


def as_table(value: Any) -> KeyedTable:
    """Return a field that has been read."""
    table: KeyedTable = value
    return table


def item_numbers(value: Any, column: str, data: Interactions) -> NDArray[np.float64]:
    """Return a number for each item of the model; NaN where it is unknown."""
    table = as_table(value)
    return table.number(column)[table.for_items(data)]


def _read_bands(value: Any, owner: str) -> KeyedTable:
    import pandas as pd

    given = value
    if hasattr(value, "items") and not hasattr(value, "columns"):
        pairs = dict(value.items())
        try:
            limits = [(low, high) for low, high in pairs.values()]
        except (TypeError, ValueError):
            problem = "for_customers must map each customer to (low, high)."
            raise InvalidParameterError(owner, [problem]) from None
        given = pd.DataFrame(
            {
                "customer_id": pd.Series(list(pairs), dtype=None if pairs else object),
                "low": pd.Series([low for low, _ in limits], dtype=np.float64),
                "high": pd.Series([high for _, high in limits], dtype=np.float64),
            }
        )
    kinds: Any = {"low": "number", "high": "number"}
    return read_table(given, kinds, owner, key="customer_id", optional=kinds)
