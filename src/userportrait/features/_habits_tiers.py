"""Price tiers: what is cheap and what is dear in one shop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait._core import frames
from userportrait._core.params import Between, check_values
from userportrait.data import Items, Orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["PriceTiers", "check_prices", "learn_price_tiers", "line_prices"]


@dataclass(frozen=True, slots=True)
class PriceTiers:
    """Limits between tiers of prices, and the tiers' names.

    Parameters
    ----------
    edges : sequence of float
        Ascending limits, in the currency. A price equal to a limit is in the tier below it.
    labels : sequence of str, default=()
        One name for each tier, the cheapest first; made of the limits by default.

    Raises
    ------
    InvalidParameterError
        If the limits do not ascend, or there are not as many labels as tiers.

    Examples
    --------
    >>> PriceTiers((10, 25)).labels
    ('up to 10', '10 to 25', 'over 25')
    >>> PriceTiers((10, 25), ("low", "middle", "high")).tiers_of([10, 10.5, 99])
    array([0, 1, 2])
    """

    edges: Sequence[float]
    labels: Sequence[str] = ()

    def __post_init__(self) -> None:
        edges: Any = self.edges
        labels: Any = self.labels
        if isinstance(edges, str) or isinstance(labels, str):
            problem = "edges must be a list of numbers, and labels a list of texts."
            raise InvalidParameterError("PriceTiers", [problem])
        try:
            limits = tuple(float(edge) for edge in edges)
        except (TypeError, ValueError):
            problem = f"edges must be a list of numbers; got {edges!r}."
            raise InvalidParameterError("PriceTiers", [problem]) from None
        problems: list[str] = []
        if not all(isfinite(edge) for edge in limits):
            problems.append(f"edges must be finite; got {list(limits)!r}.")
        elif not all(low < high for low, high in pairwise(limits)):
            problems.append(f"edges must ascend; got {list(limits)!r}.")
        names = tuple(labels) or _names(limits)
        if len(names) != len(limits) + 1 or len(set(names)) != len(names):
            problems.append(
                f"labels must be {len(limits) + 1} different texts for {len(limits)} edges; "
                f"got {list(names)!r}."
            )
        if problems:
            raise InvalidParameterError("PriceTiers", problems)
        object.__setattr__(self, "edges", limits)
        object.__setattr__(self, "labels", names)

    def tiers_of(self, prices: Any) -> NDArray[np.int64]:
        """Return each price's tier, 0 for the cheapest; -1 for NaN."""
        values = np.asarray(prices, dtype=np.float64)
        found = np.searchsorted(np.array(self.edges), values, side="left").astype(np.int64)
        return np.where(np.isnan(values), -1, found)


def _names(edges: Sequence[float]) -> tuple[str, ...]:
    if not edges:
        return ("any price",)
    told = [f"{edge:,.15g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(told)]
    return (f"up to {told[0]}", *between, f"over {told[-1]}")


def learn_price_tiers(
    table: Items | Orders | IntoFrame, *, n_tiers: int = 4, labels: Sequence[str] = ()
) -> PriceTiers:
    """Learn price tiers that hold about equal numbers of items, or of order lines.

    Parameters
    ----------
    table : Items, Orders or frame
        Every row with a price counts once: an item's list price, or the price of one unit of
        an order line that is no return. A raw frame with `order_id` is taken as orders.
    n_tiers : int, default=4
        2 to 20. Fewer come out where many rows have one price.
    labels : sequence of str, default=()
        Names of the tiers; only if exactly `n_tiers` come out.

    Returns
    -------
    PriceTiers
        Its limits are prices that occur, so that they do not depend on the order of rows.

    Raises
    ------
    MissingColumnError
        If there is no price.
    ColumnTypeError
        If prices are no numbers.
    InvalidDataError
        If no row has a price.

    Examples
    --------
    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": [1, 2, 3, 4], "price": [1.0, 2.0, 5.0, 100.0]})
    >>> learn_price_tiers(items, n_tiers=2).labels
    ('up to 2', 'over 2')
    """
    check_values(
        "learn_price_tiers", {"n_tiers": n_tiers}, {"n_tiers": Between(2, 20, integer=True)}
    )
    prices, counts = _counted_prices(table)
    if len(prices) == 0:
        message = "learn_price_tiers: no row has a price."
        raise InvalidDataError(message, column="price")
    reached = np.cumsum(counts)
    wanted = np.arange(1, n_tiers) * int(reached[-1])
    # The lowest price that at least a share of the rows do not exceed, in whole numbers.
    places = np.searchsorted(reached * n_tiers, wanted, side="left")
    edges = np.unique(prices[places])
    edges = edges[edges < prices[-1]]
    return PriceTiers(tuple(edges.tolist()), tuple(labels))


def _counted_prices(
    table: Items | Orders | IntoFrame,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct prices, ascending, and how many rows have each."""
    inner = frames.enter(table.frame if isinstance(table, (Items, Orders)) else table)
    names = frames.column_names(inner)
    if isinstance(table, Orders) or "order_id" in names:
        return _prices_of_orders(table if isinstance(table, Orders) else Orders(table))
    if "price" not in names:
        raise MissingColumnError("price", names, "learn_price_tiers")
    check_prices(inner, owner="learn_price_tiers")
    counted = frames.aggregate(inner, ["price"], {}, rows="n")
    return _sorted(frames.collect_arrays(counted, ["price", "n"]))


def check_prices(inner: frames.Frame, *, owner: str) -> None:
    """Raise `ColumnTypeError` unless the column `price` holds numbers."""
    kind = frames.column_kinds(inner, ["price"])["price"]
    if kind not in ("integer", "number", "decimal", "empty"):
        holds = "values of several types" if kind == "other" else f"values of the type {kind}"
        message = f"{owner}: 'price' must hold numbers; it holds {holds}. Convert it to numbers."
        raise ColumnTypeError(message, column="price")


def _prices_of_orders(orders: Orders) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    names = orders.columns
    if not {"price", "quantity"} & set(names):
        raise MissingColumnError("price", names, "learn_price_tiers")
    if orders.in_memory or "price" not in names:
        found = line_prices(orders)[~orders.arrays.is_return]
        prices, counts = np.unique(found[np.isfinite(found)], return_counts=True)
        return prices, counts
    signed = ["amount_minor", *(["quantity"] if "quantity" in names else [])]
    lines = frames.with_any_negative(orders.lines, signed, "is_return")
    counted = frames.aggregate(lines, ["price", "is_return"], {}, rows="n")
    columns = frames.collect_arrays(counted, ["price", "is_return", "n"])
    bought = ~columns["is_return"].astype(bool)
    return _sorted({name: columns[name][bought] for name in ("price", "n")})


def _sorted(counted: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    prices = counted["price"].astype(np.float64)
    order = np.argsort(prices)
    return prices[order], counted["n"][order]


def line_prices(orders: Orders) -> NDArray[np.float64]:
    """Return the price of one unit of each order line; NaN where it cannot be told."""
    if "price" in orders.columns:
        found = frames.collect_arrays(frames.enter(orders.frame), ["price"])["price"]
        return np.abs(found.astype(np.float64))
    arrays = orders.arrays
    quantity = arrays.quantity.astype(np.float64)
    amount = arrays.amount / float(10**orders.minor_digits)
    nothing = np.full(len(quantity), np.nan)
    return np.asarray(np.abs(np.divide(amount, quantity, out=nothing, where=quantity != 0)))
