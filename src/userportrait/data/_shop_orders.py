"""The sample shop's orders: when they come, what is in the baskets, what goes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.data import _shop_model as model
from userportrait.data._shop_tools import DAY, NEVER, Bools, Floats, Ints

if TYPE_CHECKING:
    from userportrait.data._shop_clock import Clock
    from userportrait.data._shop_customers import Shoppers
    from userportrait.data._shop_items import Shelves, Wares

__all__ = ["Lines", "Purchases", "Returns", "draw_lines", "draw_purchases", "draw_returns"]

_FAVOURITE_SHARE = 0.35
_FAVOURITE_CHANCE = (0.55, 0.85)
"""Chance of the first favourite, and of the first or the second of three."""

_MORE_UNITS = 0.2
_DISCOUNTS = np.array([10, 15, 20], dtype=np.int64)
_QUALITY_AND_RETURNS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Orders without content, by customer.

    Parameters
    ----------
    customer, at : ndarray of shape (n_orders,)
        Who, and when in seconds since 1970.
    expected : ndarray of shape (n_customers,)
        Expected number of further orders after the first, from rate and lifetime.
    """

    customer: Ints
    at: Ints
    expected: Floats


def draw_purchases(shoppers: Shoppers, clock: Clock, rng: np.random.Generator) -> Purchases:
    """Draw the orders of all customers: the first ones, then Poisson counts in busy time."""
    first = np.where(shoppers.buys, shoppers.first_order, clock.start)
    stop = np.where(shoppers.buys, shoppers.stop, clock.start)
    begin = clock.busy_days(first, shoppers.segment)
    length = clock.busy_days(stop, shoppers.segment) - begin
    expected = shoppers.rate * length
    repeats = np.repeat(np.arange(len(shoppers)), rng.poisson(expected))
    busy = begin[repeats] + rng.random(len(repeats)) * length[repeats]
    again = clock.moments(busy, shoppers.segment[repeats])
    again = np.clip(again, first[repeats], stop[repeats])
    buyers = np.flatnonzero(shoppers.buys)
    return Purchases(
        customer=np.concatenate([buyers, repeats]),
        at=np.concatenate([first[buyers], again]),
        expected=expected,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Order lines, sorted by order and item; an item comes once in an order.

    Parameters
    ----------
    order, item, quantity : ndarray of shape (n_lines,)
    price : ndarray of shape (n_lines,)
        Minor units for one piece, after discount.
    attached : ndarray of bool
        Whether a bundle added the line.
    """

    order: Ints
    item: Ints
    quantity: Ints
    price: Ints
    attached: Bools

    def __len__(self) -> int:
        return len(self.order)

    def renumber(self, rank: Ints) -> Lines:
        """Return the lines with new order numbers; those of rank -1 are left out."""
        order = rank[self.order]
        rows = np.flatnonzero(order >= 0)
        rows = rows[np.argsort(order[rows], kind="stable")]
        return Lines(
            order=order[rows],
            item=self.item[rows],
            quantity=self.quantity[rows],
            price=self.price[rows],
            attached=self.attached[rows],
        )


def draw_lines(
    customer: Ints, shoppers: Shoppers, wares: Wares, shelves: Shelves, rng: np.random.Generator
) -> tuple[Lines, Ints]:
    """Fill the baskets of orders, given by their customers.

    Returns
    -------
    Lines
    ndarray of shape (n_customers,)
        Each customer's first favourite item.
    """
    size = model.BASKET[shoppers.segment] * shoppers.spend_level
    order = np.repeat(np.arange(len(customer)), 1 + rng.poisson(size[customer]))
    favourites = shelves.draw(np.repeat(np.arange(len(shoppers)), 3), rng).reshape(-1, 3)
    item = shelves.draw(customer[order], rng)
    slot = np.searchsorted(_FAVOURITE_CHANCE, rng.random(len(order)), side="right")
    repeated = rng.random(len(order)) < _FAVOURITE_SHARE
    item = np.where(repeated, favourites[customer[order], slot], item)
    keys, attached = _with_bundles(np.unique(order * len(wares) + item), wares, rng)
    order, item = keys // len(wares), keys % len(wares)
    off = _discounts(shoppers.segment[customer], rng)
    units = rng.poisson(_MORE_UNITS * shoppers.spend_level[customer[order]])
    lines = Lines(
        order=order,
        item=item,
        quantity=1 + units.astype(np.int64),
        price=(wares.price[item] * (100 - off[order]) + 50) // 100,
        attached=attached,
    )
    return lines, favourites[:, 0]


def _with_bundles(keys: Ints, wares: Wares, rng: np.random.Generator) -> tuple[Ints, Bools]:
    """Add the second item of a bundle to orders with the first; keys are order and item."""
    n = len(wares)
    bundles = wares.bundles
    partner = np.full(n, -1, dtype=np.int64)
    partner[bundles.first] = bundles.second
    chance = np.zeros(n, dtype=np.float64)
    chance[bundles.first] = bundles.chance
    item = keys % n
    added = rng.random(len(keys)) < chance[item]
    more = keys[added] - item[added] + partner[item[added]]
    place = np.minimum(np.searchsorted(keys, more), len(keys) - 1)
    more = more[keys[place] != more]
    together = np.concatenate([keys, more])
    in_order = np.argsort(together, kind="stable")
    return together[in_order], in_order >= len(keys)


def _discounts(segment: Ints, rng: np.random.Generator) -> Ints:
    some = rng.random(len(segment)) < model.DISCOUNT_SHARE[segment]
    found: Ints = np.where(some, _DISCOUNTS[rng.integers(0, len(_DISCOUNTS), len(segment))], 0)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Lines that came back, and the credit notes that say so.

    Parameters
    ----------
    line, quantity, note : ndarray of shape (n_returned_lines,)
        The line sold, how many pieces came back, and on which note; sorted by note.
    at : ndarray of shape (n_notes,)
        When, ascending.
    """

    line: Ints
    quantity: Ints
    note: Ints
    at: Ints


def draw_returns(
    lines: Lines, order_at: Ints, segment: Ints, wares: Wares, end: int, rng: np.random.Generator
) -> Returns:
    """Draw what goes back: one credit note for an order, a day to some weeks later.

    Parameters
    ----------
    lines : Lines
    order_at, segment : ndarray of shape (n_orders,)
        When the order was placed, and its customer's segment.
    wares : Wares
    end : int
        Last second of the period; what would come back later is not seen.
    rng : Generator
    """
    chance = (
        model.CATEGORY_RETURNS[wares.category[lines.item]] * model.RETURNS[segment[lines.order]]
    )
    chance = chance * np.exp(-_QUALITY_AND_RETURNS * wares.quality[lines.item])
    back = rng.random(len(lines)) < chance
    units = 1 + np.floor(rng.random(len(lines)) * lines.quantity).astype(np.int64)
    days = 1.0 + 6.0 * rng.standard_gamma(2.0, len(order_at))
    back_at = order_at + np.floor(days * DAY).astype(np.int64)
    line = np.flatnonzero(back & (back_at[lines.order] <= end))
    orders = np.unique(lines.order[line])
    by_time = orders[np.argsort(back_at[orders], kind="stable")]
    note_of_order = np.full(len(order_at), NEVER, dtype=np.int64)
    note_of_order[by_time] = np.arange(len(by_time))
    line = line[np.argsort(note_of_order[lines.order[line]], kind="stable")]
    return Returns(
        line=line,
        quantity=units[line],
        note=note_of_order[lines.order[line]],
        at=back_at[by_time],
    )
