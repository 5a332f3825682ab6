"""Bundles: which items to offer together, and what that may earn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, Optional, check_values
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._bundles_model import (
    Candidates,
    find_candidates,
    value_bundles,
    value_intervals,
)
from userportrait.patterns._bundles_table import BundleTable
from userportrait.patterns._itemsets import Itemsets
from userportrait.patterns._mine import as_baskets, mine_itemsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.data import Orders
    from userportrait.patterns._baskets import Baskets

__all__ = ["suggest_bundles"]

_RULES: Mapping[str, Rule] = {
    "discount": Between(0.0, 1.0, open_high=True),
    "response": Between(0.0, 1.0),
    "max_size": Between(2, 4, integer=True),
    "min_support": Optional(Between(0.0, float("inf"), open_low=True)),
    "min_lift": Between(0.0, float("inf")),
    "n_bundles": Optional(Between(1, 1_000_000, integer=True)),
    "per_item": Optional(Between(1, 1_000_000, integer=True)),
    "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
    "n_draws": Between(100, 100_000, integer=True),
    "random_state": Between(0, 2**32 - 1, integer=True),
    "itemsets": Optional(InstanceOf((Itemsets,), "Itemsets, from mine_itemsets")),
}


def suggest_bundles(
    baskets: Baskets | Orders | Iterable[Iterable[Any]],
    *,
    margins: Mapping[Any, float] | pd.Series | float,
    prices: Mapping[Any, float] | pd.Series | None = None,
    discount: float = 0.1,
    response: float = 0.5,
    max_size: int = 3,
    min_support: float | None = None,
    min_lift: float = 1.0,
    n_bundles: int | None = 20,
    per_item: int | None = None,
    itemsets: Itemsets | None = None,
    confidence_level: float = 0.95,
    n_draws: int = 1_000,
    random_state: int = 0,
) -> BundleTable:
    """Suggest bundles of two to four items, by the margin that they may add.

    Parameters
    ----------
    baskets : Baskets, Orders or lists of items
    margins : mapping of item to number, Series, or float
        What one unit earns at its full price, in the currency; or a share of all prices, 0 to 1.
    prices : mapping of item to number or Series, optional
        The price of one unit, in the currency. By default the mean price in the orders.
    discount : float, default=0.1
        Share of the items' prices that the bundle takes off, from 0 to below 1.
    response : float, default=0.5
        How well the offer works, 0 to 1; see the notes. It is an assumption: only a test of the
        offer can tell.
    max_size : int, default=3
        Most items in a bundle, 2 to 4.
    min_support : int or float, optional
        Least number (an int) or share (a float) of baskets that hold all items today. By
        default 0.1 % of the baskets, and at least 5.
    min_lift : float, default=1.0
        Least lift over items that are bought independently.
    n_bundles : int or None, default=20
        How many to return at most; None for all, also those that lose money.
    per_item : int, optional
        In how many bundles an item may be, from the best one on.
    itemsets : Itemsets, optional
        Mined from the same baskets, with all sets of up to `max_size` items; by default they are
        mined.
    confidence_level : float, default=0.95
        Of the interval.
    n_draws : int, default=1000
        Draws behind the interval.
    random_state : int, default=0

    Returns
    -------
    BundleTable
        Best first, by `extra_margin`. Columns: `items` (a tuple), `n_items`, `count` (baskets
        that hold all of them), `support`, `lift` (over independent purchase), `price` (of all
        items), `bundle_price`, `near` (baskets that hold all but one), `extra_units` (per 1,000
        baskets), `given_away` (discount to baskets that hold all of them today, per 1,000
        baskets, in the currency), `extra_margin` (per 1,000 baskets, in the currency) with
        `extra_margin_low` and `extra_margin_high`, `break_even` (the discount at which nothing
        is left). Bundles with an item that has no price or margin are left out and counted.

    Raises
    ------
    InvalidParameterError
        If parameters do not fit; all of them are named.
    InvalidDataError
        If there are no prices.

    See Also
    --------
    find_complements : What hangs together, with tests.

    Notes
    -----
    The model, in full. An order that holds all items of the bundle but one, i, sees the offer.
    Of the orders that hold the others, the share c holds i today; of all orders, the share p
    does. The difference, c - p where that is positive, is what the company of the others adds to
    independent purchase. The offer repeats it, times `response`, among the orders that hold the
    others and not i: ``extra units of i = response * (c - p) * near_i``. Each of them earns the
    margin of i, less the discount on the whole bundle. All orders that hold the bundle today get
    the discount, too, and earn nothing more. Nobody buys less of anything else, one unit of each
    item per order, and no new customers come: what the offer draws from elsewhere is not known
    from baskets.

    The interval is what `count` and `near` leave uncertain: a Bayesian bootstrap [1]_ of the
    baskets. It does not say how sure `response` is.

    References
    ----------
    .. [1] Rubin (1981), "The Bayesian bootstrap", Annals of Statistics 9(1), 130-134.

    Examples
    --------
    >>> lists = [["tea", "cup"]] * 30 + [["tea"]] * 20 + [["cup"]] * 10 + [["milk"]] * 40
    >>> found = suggest_bundles(
    ...     lists, prices={"tea": 5, "cup": 8, "milk": 1}, margins=0.4, discount=0.01
    ... )
    >>> columns = ["items", "count", "lift", "bundle_price", "extra_units", "extra_margin"]
    >>> found.to_frame()[columns].round(2)
            items  count  lift  bundle_price  extra_units  extra_margin
    0  (cup, tea)     30   1.5         12.87         32.5         45.77
    """
    owner = "suggest_bundles"
    values: dict[str, object] = {
        "discount": discount, "response": response, "max_size": max_size,
        "min_support": min_support, "min_lift": min_lift, "n_bundles": n_bundles,
        "per_item": per_item, "confidence_level": confidence_level, "n_draws": n_draws,
        "random_state": random_state, "itemsets": itemsets,
    }  # fmt: skip
    check_values(owner, values, _RULES)
    found = as_baskets(baskets)
    price = _prices(found, prices, owner)
    margin = _margins(found, price, margins, owner)
    sets = itemsets if itemsets is not None else _mined(found, min_support, max_size)
    if not np.array_equal(sets.items, found.items) or sets.n_baskets != found.n_baskets:
        raise InvalidDataError(f"{owner}: the itemsets were mined from other baskets.")
    known = np.isfinite(price) & np.isfinite(margin)
    candidates = find_candidates(sets, max_size, min_lift, known)
    table = value_bundles(candidates, price, margin, discount=discount, response=response)
    order = np.argsort(-table["extra_margin"].to_numpy(), kind="stable")
    if n_bundles is not None or per_item is not None:
        order = _limited(candidates, order, n_bundles, per_item)
    bundles = table.iloc[order].reset_index(drop=True)
    chosen = candidates.take(order)
    low, high = value_intervals(
        chosen,
        price,
        margin,
        discount=discount,
        response=response,
        confidence_level=confidence_level,
        n_draws=n_draws,
        random_state=random_state,
    )
    place = list(bundles.columns).index("break_even")
    bundles.insert(place, "extra_margin_low", low)
    bundles.insert(place + 1, "extra_margin_high", high)
    names = [tuple(sets.items[chosen.items_of(row)].tolist()) for row in range(len(chosen))]
    bundles.insert(0, "items", pd.Series(names, dtype=object))
    return BundleTable(
        bundles=bundles,
        n_candidates=len(table),
        n_unpriced=candidates.n_unpriced,
        n_baskets=sets.n_baskets,
        discount=discount,
        response=response,
    )


def _mined(baskets: Baskets, min_support: float | None, max_size: int) -> Itemsets:
    least = min_support
    if least is None:
        least = max(5, int(np.ceil(0.001 * baskets.n_baskets)))
    return mine_itemsets(baskets, min_support=least, max_length=max_size)


def _prices(baskets: Baskets, given: Any, owner: str) -> NDArray[np.float64]:
    if given is not None:
        return _numbers(given, baskets.items, "prices", owner)
    if baskets.prices is None:
        raise InvalidDataError(
            f"{owner}: the baskets have no prices. Make them with Baskets.from_orders, or give "
            "prices={item: price}."
        )
    return baskets.prices.astype(np.float64)


def _margins(
    baskets: Baskets, price: NDArray[np.float64], given: Any, owner: str
) -> NDArray[np.float64]:
    if isinstance(given, int | float) and not isinstance(given, bool):
        check_values(owner, {"margins": given}, {"margins": Between(0.0, 1.0)})
        return price * float(given)
    return _numbers(given, baskets.items, "margins", owner)


def _numbers(given: Any, items: NDArray[Any], name: str, owner: str) -> NDArray[np.float64]:
    """Return a number for each item, NaN where there is none."""
    known: Any = given.to_dict() if hasattr(given, "to_dict") else given
    if not hasattr(known, "get"):
        problem = f"{name} must map items to numbers; got {type(given).__name__}."
        raise InvalidParameterError(owner, [problem])
    found = [known.get(item) for item in items.tolist()]
    numbers = np.array([np.nan if value is None else float(value) for value in found])
    if len(numbers) and not bool(np.isfinite(numbers).any()):
        raise InvalidDataError(
            f"{owner}: none of the {len(items):,} items has a number in {name}. Its keys must be "
            "item IDs of the same type as in the baskets."
        )
    if name == "prices" and bool((numbers < 0).any()):
        raise InvalidDataError(f"{owner}: a price is negative.")
    return numbers


def _limited(
    candidates: Candidates, order: NDArray[np.intp], n_bundles: int | None, per_item: int | None
) -> NDArray[np.intp]:
    used: dict[int, int] = {}
    chosen: list[int] = []
    for row in order.tolist():
        if n_bundles is not None and len(chosen) == n_bundles:
            break
        items = candidates.items_of(row).tolist()
        if per_item is not None and any(used.get(item, 0) >= per_item for item in items):
            continue
        chosen.append(row)
        for item in items:
            used[item] = used.get(item, 0) + 1
    return np.array(chosen, dtype=np.intp)
