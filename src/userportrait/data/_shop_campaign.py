"""The sample shop's campaign: a randomised offer with a known uplift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from userportrait.data import _shop_model as model
from userportrait.data._shop_tools import DAY, NEVER, Bools, Floats, Ints

if TYPE_CHECKING:
    from userportrait.data._shop_clock import Clock
    from userportrait.data._shop_customers import Shoppers
    from userportrait.data._shop_people import People

__all__ = ["Effects", "Offer", "draw_offer", "find_effects"]


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """The offer, who got it, and what everybody would have done with it.

    Parameters
    ----------
    sent, until : int
        The offer counts from the second after `sent` to `until`, in seconds since 1970.
    eligible, treated : ndarray of bool, shape (n_customers,)
    uplift : ndarray of shape (n_customers,)
        Expected change of the chance to order in that time; NaN if not eligible.
    customer, at : ndarray of shape (n_responses,)
        One more order each, placed if and only if the customer is treated.
    """

    sent: int
    until: int
    eligible: Bools
    treated: Bools
    uplift: Floats
    customer: Ints
    at: Ints


def draw_offer(shoppers: Shoppers, people: People, clock: Clock, rng: np.random.Generator) -> Offer:
    """Draw the campaign.

    Known buyers who agree to marketing are split in halves at random. Responses are drawn
    for both halves, so that each customer's effect is known, as in Rubin's potential
    outcomes. [1]_

    References
    ----------
    .. [1] Rubin (1974), "Estimating causal effects of treatments in randomized and
       nonrandomized studies", Journal of Educational Psychology 66(5).
    """
    sent = clock.start + clock.n_days * 3 // 4 * DAY + 9 * 3600
    until = min(sent + model.OFFER_DAYS * DAY, clock.end)
    known = (shoppers.first_order != NEVER) & (shoppers.first_order < sent)
    eligible = known & people.agrees_marketing
    treated = np.zeros(len(shoppers), dtype=np.bool_)
    drawn = rng.permutation(np.flatnonzero(eligible))
    treated[drawn[: (len(drawn) + 1) // 2]] = True
    chance = np.where(shoppers.stop > sent, model.OFFER_CHANCE[shoppers.segment], 0.0)
    responds = eligible & (rng.random(len(shoppers)) < chance)
    last = np.minimum(shoppers.stop, until)
    begin = clock.busy_days(np.full(len(shoppers), sent), shoppers.segment)
    length = np.maximum(clock.busy_days(last, shoppers.segment) - begin, 0.0)
    soon = rng.random(len(shoppers)) ** 2
    at = clock.moments(begin + soon * length, shoppers.segment)
    at = np.clip(at, sent + 1, np.maximum(last, sent + 1))
    unasked = np.exp(-shoppers.rate * length)
    return Offer(
        sent=sent,
        until=until,
        eligible=eligible,
        treated=treated,
        uplift=np.where(eligible, chance * unasked, np.nan),
        customer=np.flatnonzero(responds),
        at=at[responds],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What the offer changes for each customer: with it minus without it.

    Parameters
    ----------
    converted : ndarray of shape (n_customers,)
        1 if the customer orders only with the offer, else 0; NaN if not eligible.
    spend : ndarray of shape (n_customers,)
        Minor units ordered because of the offer, before returns; NaN if not eligible.
    """

    converted: Floats
    spend: Floats


def find_effects(offer: Offer, customer: Ints, at: Ints, offer_amounts: Ints) -> Effects:
    """Compare both outcomes of every customer.

    Parameters
    ----------
    offer : Offer
    customer, at : ndarray of shape (n_orders,)
        The orders that do not come from the offer.
    offer_amounts : ndarray of shape (n_responses,)
        Amounts of the orders that come from the offer.
    """
    n = len(offer.eligible)
    inside = (at > offer.sent) & (at <= offer.until)
    orders_anyway = np.bincount(customer[inside], minlength=n) > 0
    responds = np.zeros(n, dtype=np.bool_)
    responds[offer.customer] = True
    spend = np.zeros(n, dtype=np.float64)
    spend[offer.customer] = offer_amounts
    return Effects(
        converted=np.where(offer.eligible, responds & ~orders_anyway, np.nan),
        spend=np.where(offer.eligible, spend, np.nan),
    )
