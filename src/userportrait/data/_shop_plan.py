"""The sample shop as arrays: everything that its tables are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait.data import _shop_model as model
from userportrait.data import _shop_words as words
from userportrait.data._shop_campaign import Effects, Offer, draw_offer, find_effects
from userportrait.data._shop_clock import Clock, make_clock
from userportrait.data._shop_customers import Shoppers, draw_shoppers
from userportrait.data._shop_items import Shelves, Wares, draw_wares, make_shelves
from userportrait.data._shop_orders import (
    Lines,
    Purchases,
    Returns,
    draw_lines,
    draw_purchases,
    draw_returns,
)
from userportrait.data._shop_people import People, draw_people
from userportrait.data._shop_tools import Floats, Ints, as_times, numbered, spread, stream

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from userportrait.typing import Progress

__all__ = ["CHANNELS", "Ledger", "Plan", "make_plan", "orders_frame"]

CHANNELS: tuple[str, ...] = ("web", "app")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The whole shop as arrays.

    Parameters
    ----------
    seed : int
        Tables that are made later draw from their own streams of this seed.
    clock, shoppers, people, wares, shelves, offer, effects
        The parts.
    expected : ndarray of shape (n_customers,)
        Expected number of orders after the first.
    favourite : ndarray of shape (n_customers,)
        Each customer's first favourite item.
    customer, at, channel : ndarray of shape (n_orders,)
        The orders placed, by time.
    lines, returns
        What is in them and what came back.
    """

    seed: int
    clock: Clock
    shoppers: Shoppers
    people: People
    wares: Wares
    shelves: Shelves
    offer: Offer
    effects: Effects
    expected: Floats
    favourite: Ints
    customer: Ints
    at: Ints
    channel: Ints
    lines: Lines
    returns: Returns

    def stream(self, part: str) -> np.random.Generator:
        """Return the random numbers of one part."""
        return stream(self.seed, part)

    @property
    def customer_ids(self) -> NDArray[np.object_]:
        """C000001, C000002, …, in order of registration."""
        return numbered("C", len(self.shoppers), 6)

    @property
    def item_ids(self) -> NDArray[np.object_]:
        """P0001, P0002, …."""
        return numbered("P", len(self.wares), 4)

    @property
    def order_ids(self) -> NDArray[np.object_]:
        """O0000001, O0000002, … by time, then the credit notes R0000001, R0000002, …."""
        n_orders, n_notes = len(self.at), len(self.returns.at)
        return np.concatenate([numbered("O", n_orders, 7), numbered("R", n_notes, 7)])


def make_plan(
    n_customers: int, n_items: int, start: date, end: date, seed: int, progress: Progress
) -> Plan:
    """Draw the shop; each part from random numbers of its own."""
    clock = make_clock(start, end)
    progress("customers", 0.0)
    shoppers = draw_shoppers(n_customers, clock, stream(seed, "customers"))
    people = draw_people(shoppers, clock, stream(seed, "people"))
    progress("items", 0.2)
    wares = draw_wares(n_items, stream(seed, "items"))
    shelves = make_shelves(wares, shoppers)
    progress("orders", 0.3)
    purchases = draw_purchases(shoppers, clock, stream(seed, "purchases"))
    offer = draw_offer(shoppers, people, clock, stream(seed, "campaign"))
    progress("order lines", 0.4)
    customer = np.concatenate([purchases.customer, offer.customer])
    rng = stream(seed, "baskets")
    lines, favourite = draw_lines(customer, shoppers, wares, shelves, rng)
    progress("returns", 0.8)
    effects = _effects(offer, purchases, lines)
    rank, orders = _placed(purchases, offer)
    lines = lines.renumber(rank)
    customer, at = customer[orders], np.concatenate([purchases.at, offer.at])[orders]
    segment = shoppers.segment[customer]
    returns = draw_returns(lines, at, segment, wares, clock.end, stream(seed, "returns"))
    progress("done", 1.0)
    return Plan(
        seed=seed,
        clock=clock,
        shoppers=shoppers,
        people=people,
        wares=wares,
        shelves=shelves,
        offer=offer,
        effects=effects,
        expected=purchases.expected,
        favourite=favourite,
        customer=customer,
        at=at,
        channel=(rng.random(len(at)) < model.APP_SHARE[segment]).astype(np.int64),
        lines=lines,
        returns=returns,
    )


def _effects(offer: Offer, purchases: Purchases, lines: Lines) -> Effects:
    amounts = np.bincount(
        lines.order,
        weights=(lines.quantity * lines.price).astype(np.float64),
        minlength=len(purchases.at) + len(offer.at),
    )
    from_offer = amounts[len(purchases.at) :].astype(np.int64)
    return find_effects(offer, purchases.customer, purchases.at, from_offer)


def _placed(purchases: Purchases, offer: Offer) -> tuple[Ints, Ints]:
    """Return the rank by time of each order, -1 if it never came, and the orders by rank."""
    at = np.concatenate([purchases.at, offer.at])
    customer = np.concatenate([purchases.customer, offer.customer])
    placed = np.ones(len(at), dtype=np.bool_)
    placed[len(purchases.at) :] = offer.treated[offer.customer]
    orders = np.flatnonzero(placed)
    orders = orders[np.lexsort((customer[orders], at[orders]))]
    rank = np.full(len(at), -1, dtype=np.int64)
    rank[orders] = np.arange(len(orders))
    return rank, orders


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Lines sold and lines returned, by time; arrays of shape (n_lines,).

    Parameters
    ----------
    customer, item : ndarray
    order : ndarray
        Position in `Plan.order_ids`.
    credited : ndarray
        The order that a return belongs to, -1 for a sale.
    at : ndarray
        Seconds since 1970.
    quantity : ndarray
        Negative for a return.
    price : ndarray
        Minor units.
    """

    customer: Ints
    item: Ints
    order: Ints
    credited: Ints
    at: Ints
    quantity: Ints
    price: Ints

    def __len__(self) -> int:
        return len(self.order)

    @classmethod
    def of(cls, plan: Plan) -> Ledger:
        """Put the lines sold and the lines returned together."""
        lines, returns = plan.lines, plan.returns
        source = np.concatenate([np.arange(len(lines)), returns.line])
        note = len(plan.at) + returns.note
        order = np.concatenate([lines.order, note])
        at = np.concatenate([plan.at, returns.at])[order]
        sold = np.full(len(lines), -1, dtype=np.int64)
        rows = np.lexsort((order, at))
        return cls(
            customer=plan.customer[lines.order[source]][rows],
            item=lines.item[source][rows],
            order=order[rows],
            credited=np.concatenate([sold, lines.order[returns.line]])[rows],
            at=at[rows],
            quantity=np.concatenate([lines.quantity, -returns.quantity])[rows],
            price=lines.price[source][rows],
        )


def orders_frame(plan: Plan) -> pd.DataFrame:
    """Return the order lines with canonical names, by time."""
    ledger = Ledger.of(plan)
    ids = plan.order_ids
    channel = plan.channel[np.where(ledger.credited >= 0, ledger.credited, ledger.order)]
    return pd.DataFrame(
        {
            "customer_id": spread(plan.customer_ids, ledger.customer),
            "order_id": spread(ids, ledger.order),
            "ordered_at": as_times(ledger.at),
            "item_id": spread(plan.item_ids, ledger.item),
            "quantity": ledger.quantity,
            "price": ledger.price / 100.0,
            "amount": ledger.quantity * ledger.price / 100.0,
            "channel": spread(CHANNELS, channel),
            "country": spread(words.COUNTRIES, plan.people.country[ledger.customer]),
            "category": spread(model.CATEGORIES, plan.wares.category[ledger.item]),
            "returned_order_id": spread(ids, ledger.credited),
        }
    )
