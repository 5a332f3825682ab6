from __future__ import annotations

import pandas as pd
import pytest

from userportrait.data._shop import Shop, make_shop

COSTS = {"search": 0.45, "social": 0.3, "affiliate": 0.8, "display": 0.03, "email": 0.01}
"""From the documentation of the sample shop, in the currency."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(400, random_state=5)


@pytest.fixture(scope="module")
def touches(shop: Shop) -> pd.DataFrame:
    frame: pd.DataFrame = shop.touches.frame
    return frame


def test_converted_means_an_order_within_28_days(shop: Shop, touches: pd.DataFrame) -> None:
    orders = shop.orders.frame.query("quantity > 0").drop_duplicates("order_id")
    times = {c: t.tolist() for c, t in orders.groupby("customer_id")["ordered_at"]}
    window = pd.Timedelta(days=28)
    expected = [
        any(touch.touched_at < at <= touch.touched_at + window for at in times.get(customer, []))
        for touch, customer in zip(touches.itertuples(), touches["customer_id"], strict=True)
    ]
    assert touches["converted"].tolist() == expected
    assert 0.3 < touches["converted"].mean() < 0.8


def test_the_last_touch_before_the_first_order_is_what_brought_the_customer(shop: Shop) -> None:
    touches, people = shop.touches.frame, shop.truth.customers
    first = people.set_index("customer_id")["first_order_at"].dropna()
    arrived_by = shop.customers.frame.set_index("customer_id")["arrived_by"]
    before = touches[touches["touched_at"] < first.reindex(touches["customer_id"]).to_numpy()]
    journey = before[before["customer_id"].map(arrived_by) != "direct"]
    # Newsletters and advertisements may come between, but seldom do.
    last = journey.groupby("customer_id")["channel"].last()
    brought = arrived_by[arrived_by != "direct"].index.intersection(first.index)
    assert set(brought) == set(last.index)
    assert (last == arrived_by[last.index]).mean() > 0.95


def test_touches_cost_what_their_channel_costs(touches: pd.DataFrame) -> None:
    other = touches[touches["campaign_id"].isna()]
    assert (other["cost"] == other["channel"].map(COSTS)).all()
    assert other["treatment"].isna().all()


def test_the_campaign_writes_to_half_of_those_it_could(shop: Shop, touches: pd.DataFrame) -> None:
    campaign = shop.truth.campaign
    rows = touches[touches["campaign_id"] == campaign.campaign_id]
    assert len(rows) == campaign.n_eligible
    assert rows["customer_id"].is_unique
    assert rows["treatment"].sum() == campaign.n_treated
    assert rows["channel"].eq("email").all()
    assert rows["touched_at"].eq(campaign.sent_at).all()
    assert set(rows.loc[rows["treatment"].astype(bool), "cost"]) == {0.05}
    assert set(rows.loc[~rows["treatment"].astype(bool), "cost"]) == {0.0}


def test_new_customers_come_by_other_channels_later_on() -> None:
    customers = make_shop(5000).customers.frame
    half = len(customers) // 2
    early, late = customers["arrived_by"].iloc[:half], customers["arrived_by"].iloc[half:]
    assert (late == "social").mean() > (early == "social").mean() + 0.05
    assert (late == "display").mean() < (early == "display").mean() - 0.02


def test_who_does_not_agree_gets_no_newsletter(shop: Shop, touches: pd.DataFrame) -> None:
    agrees = shop.customers.frame.set_index("customer_id")["agrees_marketing"]
    never = shop.truth.customers.query("~is_buyer").set_index("customer_id").index
    refused = touches["customer_id"].isin(never) & ~touches["customer_id"].map(agrees)
    assert refused.any()
    assert not touches.loc[refused, "channel"].eq("email").any()
