"""The sample shop's customers: when they come, how often they buy, when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.data import _shop_model as model
from userportrait.data._shop_tools import DAY, NEVER, Bools, Floats, Ints, pick

if TYPE_CHECKING:
    from userportrait.data._shop_clock import Clock

__all__ = ["Shoppers", "draw_shoppers"]

_YEAR = 365.25
_LONGEST = 1000.0 * _YEAR
_GUEST_SHARE = 0.6
"""Buyers who open their account while they order."""

_DAYS_TO_FIRST_ORDER = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Shoppers:
    """What is true of each customer; arrays of shape (n_customers,), in order of registration.

    Parameters
    ----------
    segment : ndarray
        Position in `SEGMENTS`.
    buys : ndarray of bool
        False for those who only look around.
    registered, first_order, dropout : ndarray
        Seconds since 1970; `NEVER` where it does not happen within the period.
    stop : ndarray
        The last second in which the customer may buy.
    rate : ndarray
        Further orders per busy day, 0 for those who never buy.
    liking : ndarray of shape (n_customers, n_categories)
        Chances of the categories, before looking at what the shop has.
    tier : ndarray
        Position in `TIERS` of the preferred price tier.
    spend_level : ndarray
        Size of the customer's baskets relative to the segment's, mean 1.
    arrival : ndarray
        Position in `ADVERTISING` of the channel that brought the customer.
    device : ndarray
        Position in `DEVICES` of the usual device.
    """

    segment: Ints
    buys: Bools
    registered: Ints
    first_order: Ints
    dropout: Ints
    stop: Ints
    rate: Floats
    liking: Floats
    tier: Ints
    spend_level: Floats
    arrival: Ints
    device: Ints

    def __len__(self) -> int:
        return len(self.segment)

    def active_until(self, end: int) -> Ints:
        """Return when visits end: a month after the last possible order, at most at `end`."""
        found: Ints = np.minimum(self.stop + 30 * DAY, end)
        return found


def draw_shoppers(n: int, clock: Clock, rng: np.random.Generator) -> Shoppers:
    """Draw all customers.

    Purchases are Pareto/NBD within each segment [1]_: while active, a customer buys at a
    constant rate in busy time; rates are gamma distributed; lifetimes are exponential
    with gamma distributed dropout rates; all independent.

    References
    ----------
    .. [1] Schmittlein, Morrison and Colombo (1987), "Counting your customers: Who are they
       and what will they do next?", Management Science 33(1).
    """
    segment = rng.choice(len(model.SEGMENTS), size=n, p=model.SEGMENT_SHARE).astype(np.int64)
    buys = np.ones(n, dtype=np.bool_)
    buys[rng.permutation(n)[: int(n * model.BROWSER_SHARE)]] = False
    arrived = clock.arrival(rng.random(n), segment)
    registered = _registered(arrived, buys, clock.start, rng)
    by_time = np.argsort(registered, kind="stable")
    segment, buys = segment[by_time], buys[by_time]
    arrived, registered = arrived[by_time], registered[by_time]
    rate = np.where(buys, _rates(segment, rng), 0.0)
    first_order = np.where(buys, arrived, NEVER)
    dropout = _dropouts(segment, first_order, clock.end, rng)
    stop = np.where(dropout == NEVER, clock.end, dropout)
    return Shoppers(
        segment=segment,
        buys=buys,
        registered=registered,
        first_order=first_order,
        dropout=dropout,
        stop=stop,
        rate=rate,
        liking=_liking(segment, rng),
        tier=pick(model.TIER_SHARE, segment, rng.random(n)),
        spend_level=(model.SPEND_SHAPE - 1.0) / rng.standard_gamma(model.SPEND_SHAPE, n),
        arrival=_arrival_channel(registered, clock, rng),
        device=rng.choice(len(model.DEVICES), size=n, p=(0.52, 0.38, 0.1)).astype(np.int64),
    )


def _registered(arrived: Ints, buys: Bools, start: int, rng: np.random.Generator) -> Ints:
    visit = rng.integers(60, 600, size=len(arrived))
    days = rng.exponential(_DAYS_TO_FIRST_ORDER * DAY, size=len(arrived)).astype(np.int64)
    while_ordering = rng.random(len(arrived)) < _GUEST_SHARE
    before = np.where(while_ordering, visit, visit + days)
    since_start = np.floor(rng.random(len(arrived)) * (arrived - start)).astype(np.int64)
    earlier = np.where(before < arrived - start, arrived - before, start + since_start)
    found: Ints = np.where(buys, earlier, arrived)
    return found


def _rates(segment: Ints, rng: np.random.Generator) -> Floats:
    draws = rng.standard_gamma(model.RATE_SHAPE, len(segment)) / model.RATE_SHAPE
    found: Floats = draws * model.ORDERS_PER_YEAR[segment] / _YEAR
    return found


def _dropouts(segment: Ints, first: Ints, end: int, rng: np.random.Generator) -> Ints:
    gamma = rng.standard_gamma(model.DROPOUT_SHAPE, len(segment)) / model.DROPOUT_SHAPE
    per_day = gamma * model.DROPOUTS_PER_YEAR[segment] / _YEAR
    days = rng.standard_exponential(len(segment)) / np.maximum(per_day, 1.0 / _LONGEST)
    lifetime = np.floor(np.minimum(days, _LONGEST) * DAY).astype(np.int64)
    buys = first != NEVER
    leaves = np.where(buys, first, end) + lifetime
    return np.where(buys & (leaves <= end), leaves, NEVER)


def _liking(segment: Ints, rng: np.random.Generator) -> Floats:
    weights = rng.standard_gamma(model.CATEGORY_LIKING[segment]) + 1e-6
    found: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found


def _arrival_channel(registered: Ints, clock: Clock, rng: np.random.Generator) -> Ints:
    share = (registered - clock.start) / max(clock.end - clock.start, 1)
    late = rng.random(len(registered)) < share
    mixes = np.stack([model.ARRIVAL_START, model.ARRIVAL_END])
    return pick(mixes, late.astype(np.int64), rng.random(len(registered)))
