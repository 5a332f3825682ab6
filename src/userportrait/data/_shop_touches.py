"""The sample shop's marketing touches: journeys to orders, newsletters, the offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait.data import _shop_model as model
from userportrait.data._shop_tools import (
    DAY,
    Bools,
    Floats,
    Ints,
    as_times,
    group_positions,
    pick,
    spread,
)

if TYPE_CHECKING:
    from userportrait.data._shop_plan import Plan

__all__ = ["OFFER_ID", "touches_frame"]

OFFER_ID: str = "K01"
"""The campaign of the offer."""

_OFFER_COST = 0.05
_EMAIL = model.ADVERTISING.index("email")
_DIRECT = model.ADVERTISING.index("direct")

# Shares of search, social, affiliate, display, email and direct, by place in a journey.
_MIXES: Floats = np.array(
    [
        (0.2, 0.32, 0.06, 0.42, 0.0, 0.0),
        (0.36, 0.13, 0.1, 0.05, 0.36, 0.0),
        (0.02, 0.12, 0.0, 0.16, 0.7, 0.0),
        (0.05, 0.4, 0.0, 0.55, 0.0, 0.0),
    ]
)
_UPPER, _LAST, _LOOSE, _LOOSE_NO_MAIL = range(4)

_DAYS_BETWEEN = 1.3
_LOOSE_PER_DAY = 3.0 / 365.25


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Some touches; arrays of equal length."""

    customer: Ints
    at: Ints
    channel: Ints


def touches_frame(plan: Plan) -> pd.DataFrame:
    """Return all touches with canonical names, by time.

    `treatment` is True and False for the two groups of the offer and missing elsewhere; a
    row of the group without the offer records that nothing was sent, at no cost.
    `converted` says whether the customer ordered within 28 days after the touch.
    """
    rng = plan.stream("touches")
    journeys, loose, offer = _journeys(plan, rng), _loose(plan, rng), _offer(plan)
    batches = (journeys, loose, offer)
    n_other = len(journeys.at) + len(loose.at)
    customer = np.concatenate([b.customer for b in batches])
    at = np.concatenate([b.at for b in batches])
    channel = np.concatenate([b.channel for b in batches])
    if not len(at):
        customer, at = np.zeros(1, dtype=np.int64), plan.shoppers.registered[:1]
        channel, n_other = np.full(1, _EMAIL, dtype=np.int64), 1
    of_offer = np.arange(len(at)) >= n_other
    treated = of_offer & plan.offer.treated[customer]
    cost = np.where(of_offer, _OFFER_COST * treated, model.TOUCH_COST[channel])
    rows = np.lexsort((channel, customer, at))
    treatment = pd.array(treated[rows], dtype="boolean")
    treatment[~of_offer[rows]] = pd.NA
    return pd.DataFrame(
        {
            "customer_id": spread(plan.customer_ids, customer[rows]),
            "touched_at": as_times(at[rows]),
            "channel": spread(model.ADVERTISING, channel[rows]),
            "campaign_id": spread([OFFER_ID], np.where(of_offer[rows], 0, -1)),
            "cost": cost[rows],
            "converted": _converted(plan, customer[rows], at[rows]),
            "treatment": treatment,
        }
    )


def _journeys(plan: Plan, rng: np.random.Generator) -> _Batch:
    """Draw the touches before orders; the first order's last one is what brought the customer."""
    n = len(plan.at)
    first = plan.at == plan.shoppers.first_order[plan.customer]
    arrival = plan.shoppers.arrival[plan.customer]
    counts = rng.poisson(np.where(first, 0.8, 0.5), size=n) + first
    counts = np.where(first & (arrival == _DIRECT), 0, counts).astype(np.int64)
    order = np.repeat(np.arange(n), counts)
    step = group_positions(counts)
    waits = 60.0 + rng.exponential(_DAYS_BETWEEN * DAY, size=len(order))
    sums = np.cumsum(waits)
    starts = (np.cumsum(counts) - counts)[order]
    before = sums - sums[starts] + waits[starts] if len(order) else sums
    order_at = plan.at[order]
    at = order_at - np.ceil(before).astype(np.int64)
    room = (rng.random(len(order)) * (order_at - plan.clock.start)).astype(np.int64)
    at = np.where(at < plan.clock.start, plan.clock.start + room, at)
    mix = np.where(step == 0, _LAST, _UPPER)
    channel = pick(_MIXES, mix, rng.random(len(order)))
    channel = np.where(first[order] & (step == 0), arrival[order], channel)
    return _Batch(customer=plan.customer[order], at=at, channel=channel)


def _loose(plan: Plan, rng: np.random.Generator) -> _Batch:
    """Draw newsletters and advertisements that have nothing to do with an order."""
    registered = plan.shoppers.registered
    seconds = plan.clock.end - registered
    counts = rng.poisson(_LOOSE_PER_DAY * seconds / DAY)
    customer = np.repeat(np.arange(len(registered)), counts)
    passed = (rng.random(len(customer)) * seconds[customer]).astype(np.int64)
    mail = plan.people.agrees_marketing[customer]
    mix = np.where(mail, _LOOSE, _LOOSE_NO_MAIL)
    return _Batch(
        customer=customer,
        at=registered[customer] + passed,
        channel=pick(_MIXES, mix, rng.random(len(customer))),
    )


def _offer(plan: Plan) -> _Batch:
    customer = np.flatnonzero(plan.offer.eligible)
    return _Batch(
        customer=customer,
        at=np.full(len(customer), plan.offer.sent, dtype=np.int64),
        channel=np.full(len(customer), _EMAIL, dtype=np.int64),
    )


def _converted(plan: Plan, customer: Ints, at: Ints) -> Bools:
    # One number for customer and second, so that one search finds the customer's next order.
    span = plan.clock.end - plan.clock.start + 1
    orders = np.sort(plan.customer * span + (plan.at - plan.clock.start))
    wanted = customer * span + (at - plan.clock.start)
    place = np.searchsorted(orders, wanted, side="right")
    following = orders[np.minimum(place, len(orders) - 1)]
    same = (place < len(orders)) & (following // span == customer)
    found: Bools = same & (following - wanted <= model.OFFER_DAYS * DAY)
    return found
