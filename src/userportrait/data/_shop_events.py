"""The sample shop's events: visits that end in an order, and visits that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait.data import _shop_model as model
from userportrait.data import _shop_words as words
from userportrait.data._shop_people import CHINA
from userportrait.data._shop_plan import CHANNELS
from userportrait.data._shop_tools import Ints, as_times, group_positions, numbered, spread

if TYPE_CHECKING:
    from userportrait.data._shop_plan import Plan

__all__ = ["events_frame"]

_KINDS = ("search", "view", "cart", "purchase")
_SEARCH, _VIEW, _CART, _PURCHASE = range(4)

_SEARCH_SHARE = 0.4
_OTHER_VIEWS = 1.2
_VISITS_PER_DAY = 5.0 / 365.25
_VISIT_SECONDS = 1800
_MOST_VIEWS = 20
_CART_SHARE = 0.15
_USUAL_DEVICE = 0.8
_MOBILE = model.DEVICES.index("mobile")
_DESKTOP = model.DEVICES.index("desktop")


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Some events: of one kind, or of several; arrays of equal length."""

    kind: Ints
    visit: Ints
    item: Ints
    at: Ints
    query: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Visits:
    """Visits without an order, by customer; arrays of shape (n_visits,)."""

    customer: Ints
    at: Ints


def events_frame(plan: Plan) -> pd.DataFrame:
    """Return all events with canonical names, by time.

    Every order line has a view, then a cart event, then a purchase event at the time of
    the order, all in one session.
    """
    rng = plan.stream("events")
    visits = _draw_visits(plan, rng)
    batches = [*_order_batches(plan, rng), *_visit_batches(plan, visits, rng)]
    kind, visit, item, at, query = (
        np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("kind", "visit", "item", "at", "query")
    )
    customer = np.concatenate([plan.customer, visits.customer])
    app = np.concatenate([plan.channel, _apps(plan, visits, rng)])
    number = _session_numbers(np.concatenate([plan.at, visits.at]))
    rows = np.lexsort((kind, number[visit], at))
    visit, item = visit[rows], item[rows]
    return pd.DataFrame(
        {
            "customer_id": spread(plan.customer_ids, customer[visit]),
            "event": spread(_KINDS, kind[rows]),
            "occurred_at": as_times(at[rows]),
            "item_id": spread(plan.item_ids, item),
            "session_id": spread(numbered("S", len(number), 8), number[visit]),
            "channel": spread(CHANNELS, app[visit]),
            "device": spread(model.DEVICES, _devices(plan, customer, app, rng)[visit]),
            "query": spread(_queries(), query[rows]),
        }
    )


def _batch(kind: int, visit: Ints, item: Ints, at: Ints, query: Ints | None = None) -> _Batch:
    nothing = np.full(len(visit), -1, dtype=np.int64)
    return _Batch(
        kind=np.full(len(visit), kind, dtype=np.int64),
        visit=visit,
        item=nothing if query is not None else item,
        at=at,
        query=nothing if query is None else query,
    )


def _order_batches(plan: Plan, rng: np.random.Generator) -> list[_Batch]:
    order, item = plan.lines.order, plan.lines.item
    at, n = plan.at[order], len(plan.at)
    cart = at - rng.integers(20, 121, size=len(order))
    seen = at - rng.integers(150, 901, size=len(order))
    others = np.repeat(np.arange(n), rng.poisson(_OTHER_VIEWS, size=n))
    other_items = plan.shelves.draw(plan.customer[others], rng)
    other_at = plan.at[others] - rng.integers(150, 1501, size=len(others))
    searching = np.flatnonzero(rng.random(n) < _SEARCH_SHARE)
    first_item = item[np.searchsorted(order, searching)]
    query = _query_codes(plan, plan.customer[searching], first_item)
    search_at = plan.at[searching] - rng.integers(1510, _VISIT_SECONDS, size=len(searching))
    return [
        _batch(_SEARCH, searching, first_item, search_at, query),
        _batch(_VIEW, order, item, seen),
        _batch(_VIEW, others, other_items, other_at),
        _batch(_CART, order, item, cart),
        _batch(_PURCHASE, order, item, at),
    ]


def _draw_visits(plan: Plan, rng: np.random.Generator) -> _Visits:
    """Draw visits without an order, by the seasons; who never buys comes at least once."""
    shoppers, clock = plan.shoppers, plan.clock
    last = clock.end - _VISIT_SECONDS
    until = np.minimum(shoppers.active_until(clock.end), last)
    begin = clock.busy_days(shoppers.registered, shoppers.segment)
    length = np.maximum(clock.busy_days(until, shoppers.segment) - begin, 0.0)
    counts = rng.poisson(_VISITS_PER_DAY * length) + ~shoppers.buys
    customer = np.repeat(np.arange(len(shoppers)), counts)
    busy = begin[customer] + rng.random(len(customer)) * length[customer]
    at = clock.moments(busy, shoppers.segment[customer])
    at = np.maximum(at, shoppers.registered[customer])
    return _Visits(customer=customer, at=np.minimum(at, last))


def _visit_batches(plan: Plan, visits: _Visits, rng: np.random.Generator) -> list[_Batch]:
    n, n_orders = len(visits.at), len(plan.at)
    counts = np.minimum(1 + rng.poisson(1.6, size=n), _MOST_VIEWS).astype(np.int64)
    visit = np.repeat(np.arange(n), counts)
    item = plan.shelves.draw(visits.customer[visit], rng)
    step = group_positions(counts)
    at = visits.at[visit] + 30 + 60 * step + rng.integers(0, 60, size=len(visit))
    ends = np.cumsum(counts) - 1
    searching = np.flatnonzero(rng.random(n) < _SEARCH_SHARE)
    first_item = item[ends[searching] - counts[searching] + 1]
    query = _query_codes(plan, visits.customer[searching], first_item)
    carts = ends[rng.random(n) < _CART_SHARE]
    cart_at = at[carts] + rng.integers(5, 41, size=len(carts))
    return [
        _batch(_SEARCH, n_orders + searching, first_item, visits.at[searching], query),
        _batch(_VIEW, n_orders + visit, item, at),
        _batch(_CART, n_orders + visit[carts], item[carts], cart_at),
    ]


def _session_numbers(at: Ints) -> Ints:
    numbers = np.empty(len(at), dtype=np.int64)
    numbers[np.argsort(at, kind="stable")] = np.arange(len(at))
    return numbers


def _apps(plan: Plan, visits: _Visits, rng: np.random.Generator) -> Ints:
    share = model.APP_SHARE[plan.shoppers.segment[visits.customer]]
    found: Ints = (rng.random(len(visits.at)) < share).astype(np.int64)
    return found


def _devices(plan: Plan, customer: Ints, app: Ints, rng: np.random.Generator) -> Ints:
    usual = rng.random(len(customer)) < _USUAL_DEVICE
    other = rng.integers(0, len(model.DEVICES), size=len(customer))
    device = np.where(usual, plan.shoppers.device[customer], other)
    # An app does not run on a desktop.
    return np.where((app == 1) & (device == _DESKTOP), _MOBILE, device)


def _queries() -> list[str]:
    both = (*words.NOUNS, *words.CHINESE_NOUNS)
    return [noun for nouns in both for noun in nouns]


def _query_codes(plan: Plan, customer: Ints, item: Ints) -> Ints:
    nouns_each = len(words.NOUNS[0])
    code = plan.wares.category[item] * nouns_each + plan.wares.noun[item]
    chinese = plan.people.country[customer] == CHINA
    return np.where(chinese, code + len(words.NOUNS) * nouns_each, code)
