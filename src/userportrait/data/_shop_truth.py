"""What is true of the sample shop: what an analysis of its tables should find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait._core.display import definition_list, format_count, page_fragment
from userportrait.data import _shop_model as model
from userportrait.data._shop_faults import count_faults
from userportrait.data._shop_tools import NEVER, as_times, spread
from userportrait.data._shop_touches import OFFER_ID

if TYPE_CHECKING:
    from datetime import datetime

    from userportrait.data._shop_plan import Plan
    from userportrait.data._shop_tools import Floats, Ints

__all__ = ["ShopCampaign", "ShopTruth", "find_truth"]

_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopCampaign:
    """A sample shop's randomised campaign.

    Parameters
    ----------
    campaign_id : str
        As in `Shop.touches`.
    name, channel : str
    sent_at, until : datetime
        An order counts if it comes after `sent_at` and not after `until`; UTC, naive.
    treatment_share : float
        Share of the eligible customers who got the offer; NaN if nobody was eligible.
    n_eligible, n_treated : int
        Customers.

    Examples
    --------
    >>> from userportrait.data import make_shop
    >>> campaign = make_shop(n_customers=200).truth.campaign
    >>> campaign.n_treated <= campaign.n_eligible
    True
    """

    campaign_id: str
    name: str
    channel: str
    sent_at: datetime
    until: datetime
    treatment_share: float
    n_eligible: int
    n_treated: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ShopTruth:
    """What is true of a sample shop, and what an analysis should find.

    Parameters
    ----------
    customers : DataFrame
        One row per customer: `customer_id`, `segment`, `is_buyer`, `first_order_at`,
        `purchase_rate` (further orders per year, before the seasons), `expected_repeat_orders`
        (from rate and lifetime, without the campaign), `dropout_at` (NaT if not within the
        period), `is_alive` (a buyer who has not dropped out at the end), `spend_level`
        (basket size relative to the segment's), `category` and `price_tier` (preferred),
        `favourite_item_id`, `is_eligible` and `is_treated` (campaign), `uplift` (expected
        change of the chance to order during the campaign), `effect_converted` and
        `effect_spend` (orders and money with the offer minus without it, both drawn). The
        last three are NaN for customers who are not eligible.
    items : DataFrame
        `item_id`, `price_tier`, `popularity` (weight within category and tier), `quality`
        (stars above or below the usual rating).
    segments : DataFrame
        One row per segment: the parameters of its distributions.
    bundles : DataFrame
        `item_a`, `item_b`, `probability` that an order with a gets b added, and `lift`: the
        lift over orders that this probability leads to, given what else is in the baskets;
        NaN where no order has a.
    campaign : ShopCampaign
    uplift : DataFrame
        One row per segment and one for ``all``: `segment`, `n_customers` (eligible),
        `conversion` (mean of `effect_converted`) and `spend` (mean of `effect_spend`, in the
        currency, before returns). NaN where nobody is eligible.
    seasonality : DataFrame
        `cycle` (``month``, ``weekday`` or ``hour``), `segment`, `position` (1 to 12, 0 for
        Monday to 6, 0 to 23), `factor` with mean 1 in each cycle and segment.
    faults : dict of str to int
        Rows of `Shop.raw_orders` by fault; no row has two.

    Examples
    --------
    >>> from userportrait.data import make_shop
    >>> make_shop(n_customers=200).truth.faults["outlier"]
    1
    """

    customers: pd.DataFrame
    items: pd.DataFrame
    segments: pd.DataFrame
    bundles: pd.DataFrame
    campaign: ShopCampaign
    uplift: pd.DataFrame
    seasonality: pd.DataFrame
    faults: dict[str, int]

    def __repr__(self) -> str:
        customers = format_count(len(self.customers), "customer")
        bundles = format_count(len(self.bundles), "bundle")
        faulty = format_count(sum(self.faults.values()), "faulty row")
        return f"ShopTruth({customers}, {bundles}, campaign {self.campaign.campaign_id}, {faulty})"

    def _repr_html_(self) -> str:
        everybody = self.uplift.iloc[-1]
        rows = {
            "alive at the end": f"{int(self.customers['is_alive'].sum()):,} customers",
            "bundles": f"{len(self.bundles):,}",
            "campaign": f"{self.campaign.name}, sent {self.campaign.sent_at}",
            "uplift of conversion": f"{everybody['conversion']:+.4f}",
            "uplift of spend": f"{everybody['spend']:+.2f}",
            **{f"fault {name}": f"{n:,} rows" for name, n in self.faults.items()},
        }
        return page_fragment("Truth of the sample shop", definition_list(rows))


def find_truth(plan: Plan) -> ShopTruth:
    """Return what is true of the shop that was drawn."""
    customers = _customers(plan)
    return ShopTruth(
        customers=customers,
        items=_items(plan),
        segments=_segments(),
        bundles=_bundles(plan),
        campaign=_campaign(plan),
        uplift=_uplift(customers),
        seasonality=_seasonality(),
        faults=count_faults(plan),
    )


def _customers(plan: Plan) -> pd.DataFrame:
    shoppers, offer, effects = plan.shoppers, plan.offer, plan.effects
    return pd.DataFrame(
        {
            "customer_id": spread(plan.customer_ids, np.arange(len(shoppers))),
            "segment": spread(model.SEGMENTS, shoppers.segment),
            "is_buyer": shoppers.buys,
            "first_order_at": as_times(shoppers.first_order),
            "purchase_rate": shoppers.rate * _YEAR,
            "expected_repeat_orders": plan.expected,
            "dropout_at": as_times(shoppers.dropout),
            "is_alive": shoppers.buys & (shoppers.dropout == NEVER),
            "spend_level": shoppers.spend_level,
            "category": spread(model.CATEGORIES, plan.shelves.liking.argmax(axis=1)),
            "price_tier": spread(model.TIERS, shoppers.tier),
            "favourite_item_id": spread(plan.item_ids, plan.favourite),
            "is_eligible": offer.eligible,
            "is_treated": offer.treated,
            "uplift": offer.uplift,
            "effect_converted": effects.converted,
            "effect_spend": effects.spend / 100.0,
        }
    )


def _items(plan: Plan) -> pd.DataFrame:
    wares = plan.wares
    return pd.DataFrame(
        {
            "item_id": spread(plan.item_ids, np.arange(len(wares))),
            "price_tier": spread(model.TIERS, wares.tier),
            "popularity": wares.popularity,
            "quality": wares.quality,
        }
    )


def _segments() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "segment": spread(model.SEGMENTS, np.arange(len(model.SEGMENTS))),
            "share": model.SEGMENT_SHARE,
            "orders_per_year": model.ORDERS_PER_YEAR,
            "rate_shape": model.RATE_SHAPE,
            "dropouts_per_year": model.DROPOUTS_PER_YEAR,
            "dropout_shape": model.DROPOUT_SHAPE,
            "further_lines": model.BASKET,
            "discount_share": model.DISCOUNT_SHARE,
            "return_factor": model.RETURNS,
            "app_share": model.APP_SHARE,
            "offer_chance": model.OFFER_CHANCE,
        }
    )


def _bundles(plan: Plan) -> pd.DataFrame:
    bundles = plan.wares.bundles
    place = np.arange(len(bundles.first))
    return pd.DataFrame(
        {
            "item_a": spread(plan.item_ids, bundles.first),
            "item_b": spread(plan.item_ids, bundles.second),
            "probability": bundles.chance,
            "lift": _lifts(plan) if len(place) else np.empty(0, dtype=np.float64),
        }
    )


def _lifts(plan: Plan) -> Floats:
    """Expected lift of each bundle, given the lines that no bundle added."""
    bundles, lines = plan.wares.bundles, plan.lines
    own = ~lines.attached
    bundle_of = np.full(len(plan.wares), -1, dtype=np.int64)
    bundle_of[bundles.first] = bundle_of[bundles.second] = np.arange(len(bundles.first))
    of_line = bundle_of[lines.item]
    count, is_first = len(bundles.first), np.zeros(len(plan.wares), dtype=np.bool_)
    is_first[bundles.first] = True
    firsts = own & (of_line >= 0) & is_first[lines.item]
    seconds = own & (of_line >= 0) & ~is_first[lines.item]
    n_a = np.bincount(of_line[firsts], minlength=count).astype(np.float64)
    n_b = np.bincount(of_line[seconds], minlength=count).astype(np.float64)
    key_a = lines.order[firsts] * count + of_line[firsts]
    key_b = lines.order[seconds] * count + of_line[seconds]
    both = np.intersect1d(key_a, key_b, assume_unique=True) % count
    n_both = np.bincount(both, minlength=count).astype(np.float64)
    added = bundles.chance * (n_a - n_both)
    n_a = np.where(n_a > 0, n_a, np.nan)
    found: Floats = (n_both + added) * len(plan.at) / (n_a * (n_b + added))
    return found


def _campaign(plan: Plan) -> ShopCampaign:
    offer = plan.offer
    n_eligible, n_treated = int(offer.eligible.sum()), int(offer.treated.sum())
    sent, until = pd.to_datetime(as_times(np.array([offer.sent, offer.until]))).to_pydatetime()
    return ShopCampaign(
        campaign_id=OFFER_ID,
        name="Loyalty offer",
        channel="email",
        sent_at=sent,
        until=until,
        treatment_share=n_treated / n_eligible if n_eligible else float("nan"),
        n_eligible=n_eligible,
        n_treated=n_treated,
    )


def _uplift(customers: pd.DataFrame) -> pd.DataFrame:
    eligible = customers[customers["is_eligible"]]
    groups = [(name, eligible[eligible["segment"] == name]) for name in model.SEGMENTS]
    groups.append(("all", eligible))
    return pd.DataFrame(
        {
            "segment": [name for name, _ in groups],
            "n_customers": [len(rows) for _, rows in groups],
            "conversion": [rows["effect_converted"].mean() for _, rows in groups],
            "spend": [rows["effect_spend"].mean() for _, rows in groups],
        }
    )


def _seasonality() -> pd.DataFrame:
    n = len(model.SEGMENTS)
    return pd.concat(
        [
            _cycle("month", np.tile(model.MONTH, (n, 1)), np.arange(1, 13)),
            _cycle("weekday", np.tile(model.WEEKDAY, (n, 1)), np.arange(7)),
            _cycle("hour", model.HOUR, np.arange(24)),
        ],
        ignore_index=True,
    )


def _cycle(name: str, factors: Floats, positions: Ints) -> pd.DataFrame:
    n, size = len(factors), len(positions)
    return pd.DataFrame(
        {
            "cycle": name,
            "segment": spread(model.SEGMENTS, np.repeat(np.arange(n), size)),
            "position": np.tile(positions, n),
            "factor": factors.ravel(),
        }
    )
