"""A sample shop of any size, drawn from a known model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait._core.params import Between, Optional, check_values
from userportrait.data._orders import Orders
from userportrait.data._shop_events import events_frame
from userportrait.data._shop_faults import raw_orders_frame
from userportrait.data._shop_items import items_frame
from userportrait.data._shop_people import customers_frame
from userportrait.data._shop_plan import Plan, make_plan, orders_frame
from userportrait.data._shop_reviews import reviews_frame
from userportrait.data._shop_tools import Callback, Code, Day, as_date
from userportrait.data._shop_touches import touches_frame
from userportrait.data._shop_truth import ShopTruth, find_truth
from userportrait.data._tables import Customers, Events, Items, Reviews, Touches

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from userportrait._core.params import Rule
    from userportrait.typing import Progress

__all__ = ["Shop", "make_shop"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Shop:
    """A sample shop: its tables, its messy export, and the truth behind them.

    Made by `make_shop`. A table is made when it is first asked for and then kept; it does
    not depend on which others were asked for before. Do not change the frames.

    Parameters
    ----------
    start, end : date
        First and last day; nothing happens before or after.
    currency : str
        Code of the currency of all prices and amounts.
    random_state : int
        Makes the same shop again.
    truth : ShopTruth
        What an analysis of the tables should find.

    Examples
    --------
    >>> shop = make_shop(100)
    >>> shop.start.isoformat(), shop.end.isoformat()
    ('2024-01-01', '2025-12-31')
    >>> len(shop.customers)
    100
    >>> sorted(shop.events.frame["event"].unique())
    ['cart', 'purchase', 'search', 'view']
    """

    start: date
    end: date
    currency: str
    random_state: int
    truth: ShopTruth
    _plan: Plan

    @cached_property
    def orders(self) -> Orders:
        """Order lines and returns by time, with `returned_order_id` on returns.

        A return is a line with negative quantity under a credit note's own `order_id`
        (R0000001, …); `returned_order_id` names the order that it takes back from. A return
        may come after its customer's last order.
        """
        return Orders(orders_frame(self._plan), currency=self.currency)

    @cached_property
    def events(self) -> Events:
        """Searches, views, carts and purchases by time, in sessions.

        Each line sold has a view, a cart event and a purchase event, in this order; the
        purchase has the time of the order. Visits without an order are there too.
        """
        return Events(events_frame(self._plan))

    @cached_property
    def customers(self) -> Customers:
        """Customers by time of registration; a tenth of them never buys. Nobody is real."""
        return Customers(customers_frame(self._plan.shoppers, self._plan.people))

    @cached_property
    def items(self) -> Items:
        """Items with name, category, brand, list price and cost."""
        return Items(items_frame(self._plan.wares))

    @cached_property
    def touches(self) -> Touches:
        """Marketing touches by time, and both groups of the campaign.

        `treatment` is True or False on the campaign's rows and missing elsewhere; False
        records that nothing was sent. `converted`: an order followed within 28 days.
        """
        return Touches(touches_frame(self._plan))

    @cached_property
    def reviews(self) -> Reviews:
        """Reviews by time, in English, and in Chinese from customers in China."""
        return Reviews(reviews_frame(self._plan))

    @cached_property
    def raw_orders(self) -> pd.DataFrame:
        """The order lines as a shop exports them: own column names, and faults.

        Without the faulty rows that `truth.faults` counts, it is `orders`. Columns:
        `Order ID`, `Customer`, `Date` (text), `SKU`, `Description`, `Qty`, `Unit price`,
        `Country`.
        """
        return raw_orders_frame(self._plan)

    def _summary(self) -> dict[str, str]:
        plan = self._plan
        return {
            "customers": f"{len(plan.shoppers):,}",
            "orders": f"{len(plan.at):,} with {len(plan.lines):,} lines",
            "returns": f"{len(plan.returns.line):,} lines",
            "items": f"{len(plan.wares):,}",
            "period": f"{self.start} to {self.end}",
            "currency": self.currency,
            "random_state": str(self.random_state),
        }

    def __repr__(self) -> str:
        plan = self._plan
        counts = (
            format_count(len(plan.shoppers), "customer"),
            format_count(len(plan.at), "order"),
            format_count(len(plan.wares), "item"),
        )
        period = f"{self.start} to {self.end}"
        return f"Shop({', '.join(counts)}, {period}, random_state={self.random_state})"

    def _repr_html_(self) -> str:
        return page_fragment("Sample shop", definition_list(self._summary()))


def make_shop(
    n_customers: int = 1000,
    *,
    n_items: int | None = None,
    start: str | date = "2024-01-01",
    end: str | date = "2025-12-31",
    currency: str = "EUR",
    random_state: int | None = 0,
    progress: Progress | None = None,
) -> Shop:
    """Draw a shop from a model whose truth is known.

    Customers come, buy at rates of their own, and leave, as in Pareto/NBD [1]_; purchases
    follow month, weekday and hour; baskets hold favourite items, popular items and bundles;
    some lines go back; a campaign with a randomised control group has a known uplift. The
    page "The sample shop" of the documentation describes the model.

    Parameters
    ----------
    n_customers : int, default=1000
        Registered customers, 1 to 10,000,000. A tenth of them, rounded down, never buys.
    n_items : int, optional
        Items, 1 to 1,000,000; by default ``20 * n_customers ** (1 / 3)``, at least 40.
    start, end : str or date, default='2024-01-01' and '2025-12-31'
        First and last day, as dates or ISO text, from 1971 to 2150. Both belong to it.
    currency : str, default='EUR'
        Three capital letters. A label only: prices do not depend on it.
    random_state : int or None, default=0
        The same number gives the same shop, bit for bit, with the same numpy, whatever the
        number of threads. None draws a new one, which `Shop.random_state` tells.
    progress : callable, optional
        Called with the name of a step and the share done, from 0 to 1. Tables that are made
        later do not call it.

    Returns
    -------
    Shop

    Raises
    ------
    InvalidParameterError
        If parameters cannot be used; it lists all of them.

    Notes
    -----
    Each part draws from a stream of its own [2]_, so a change to one part of the model
    leaves the numbers that the others draw alone. Time and memory are O(n log n) in
    order lines; there are about six orders with two lines each per customer in two years.

    References
    ----------
    .. [1] Schmittlein, Morrison and Colombo (1987), "Counting your customers: Who are they
       and what will they do next?", Management Science 33(1).
    .. [2] O'Neill (2015), "Developing a seed_seq alternative"; `numpy.random.SeedSequence`.

    Examples
    --------
    >>> shop = make_shop(100, random_state=7)
    >>> list(shop.raw_orders.columns[:4])
    ['Order ID', 'Customer', 'Date', 'SKU']
    >>> shop.truth.faults["outlier"]
    1
    """
    rules: dict[str, Rule] = {
        "n_customers": Between(1, 10_000_000, integer=True),
        "n_items": Optional(Between(1, 1_000_000, integer=True)),
        "start": Day(),
        "end": Day(not_before=start),
        "currency": Code(),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        "progress": Callback(),
    }
    given = {
        "n_customers": n_customers,
        "n_items": n_items,
        "start": start,
        "end": end,
        "currency": currency,
        "random_state": random_state,
        "progress": progress,
    }
    check_values("make_shop", given, rules)
    first, last = as_date(start), as_date(end)
    items = max(40, round(20 * n_customers ** (1 / 3))) if n_items is None else int(n_items)
    seed = int(np.random.default_rng().integers(2**32)) if random_state is None else random_state
    plan = make_plan(int(n_customers), items, first, last, int(seed), progress or _say_nothing)
    return Shop(
        start=first,
        end=last,
        currency=currency,
        random_state=int(seed),
        truth=find_truth(plan),
        _plan=plan,
    )


def _say_nothing(step: str, share: float) -> None:
    del step, share
