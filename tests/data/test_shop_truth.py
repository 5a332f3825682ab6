"""What the tables show must agree with the truth behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from userportrait.data._shop import Shop, make_shop

START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01")


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(20_000, random_state=1)


@pytest.fixture(scope="module")
def sold(shop: Shop) -> pd.DataFrame:
    orders = shop.orders.frame
    return orders[orders["quantity"] > 0]


@pytest.fixture(scope="module")
def placed(sold: pd.DataFrame) -> pd.DataFrame:
    """One row per order: customer, time, amount before returns."""
    amount = sold["amount"].groupby(sold["order_id"]).sum()
    orders = sold.drop_duplicates("order_id").set_index("order_id")[["customer_id", "ordered_at"]]
    return orders.assign(amount=amount).reset_index()


@pytest.fixture(scope="module")
def people(shop: Shop, placed: pd.DataFrame) -> pd.DataFrame:
    """The truth, with `n_repeats`: orders after the first that the campaign did not cause."""
    people = shop.truth.customers.set_index("customer_id")
    n_orders = placed["customer_id"].value_counts().reindex(people.index, fill_value=0)
    from_offer = people["is_treated"] & (people["effect_spend"] > 0)
    people["n_repeats"] = n_orders - people["is_buyer"] - from_offer
    return people


def repeats(placed: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Orders after the first, of customers who got no offer."""
    later = placed.join(people[["segment", "first_order_at", "is_treated"]], on="customer_id")
    return later[(later["ordered_at"] > later["first_order_at"]) & ~later["is_treated"]]


def test_first_orders_come_when_the_truth_says(placed: pd.DataFrame, people: pd.DataFrame) -> None:
    first = placed.groupby("customer_id")["ordered_at"].min()
    assert (
        people.loc[people["is_buyer"], "first_order_at"]
        .sort_index()
        .equals(first.rename("first_order_at").sort_index())
    )
    assert people.loc[~people["is_buyer"], "first_order_at"].isna().all()
    assert (~people["is_buyer"]).sum() == 2000  # a tenth


def test_order_counts_are_poisson_around_the_expected_ones(people: pd.DataFrame) -> None:
    # The sum of independent Poisson counts has a variance equal to its mean.
    for _, group in [("all", people), *people.groupby("segment")]:
        expected = group["expected_repeat_orders"].sum()
        assert abs(group["n_repeats"].sum() - expected) <= 4 * np.sqrt(expected)
    # E (N - m)^2 / m = 1, with variance 2 + 1/m.
    busy = people[people["expected_repeat_orders"] > 1]
    mean = busy["expected_repeat_orders"]
    dispersion = (busy["n_repeats"] - mean) ** 2 / mean
    error = np.sqrt((2 + 1 / mean).sum()) / len(busy)
    assert abs(dispersion.mean() - 1) <= 4 * error


def test_rates_and_spend_levels_have_the_stated_means(shop: Shop, people: pd.DataFrame) -> None:
    buyers = people[people["is_buyer"]]
    for row in shop.truth.segments.itertuples():
        rates = buyers.loc[buyers["segment"] == row.segment, "purchase_rate"]
        # A gamma distribution of shape r has standard deviation mean / sqrt(r).
        error = row.orders_per_year / np.sqrt(row.rate_shape * len(rates))
        assert abs(rates.mean() - row.orders_per_year) <= 4 * error
        share = (people["segment"] == row.segment).mean()
        assert abs(share - row.share) <= 4 * np.sqrt(row.share * (1 - row.share) / len(people))
    levels = people["spend_level"]
    assert abs(levels.mean() - 1) <= 4 * levels.std() / np.sqrt(len(levels))


def test_nobody_buys_after_dropping_out(placed: pd.DataFrame, people: pd.DataFrame) -> None:
    dropout = people["dropout_at"].reindex(placed["customer_id"]).to_numpy()
    gone = ~np.isnat(dropout)
    assert (placed["ordered_at"].to_numpy()[gone] <= dropout[gone]).all()
    buyers = people[people["is_buyer"]]
    assert buyers["is_alive"].equals(buyers["dropout_at"].isna())
    assert 0.4 < buyers["is_alive"].mean() < 0.8
    assert not people.loc[~people["is_buyer"], "is_alive"].any()


def test_lifetimes_follow_the_stated_pareto_distribution(shop: Shop, people: pd.DataFrame) -> None:
    # Exponential lifetimes with gamma(s, rate s / m) dropout rates survive t years with
    # probability (1 + m t / s) ** -s.
    segments = shop.truth.segments.set_index("segment")
    for name, group in people[people["is_buyer"]].groupby("segment"):
        long = group[group["first_order_at"] < pd.Timestamp("2025-01-01")]
        lived = (long["dropout_at"].fillna(END) - long["first_order_at"]).dt.days / 365.25
        shape, mean = segments.loc[name, ["dropout_shape", "dropouts_per_year"]]
        expected = (1 + mean * 0.5 / shape) ** -shape
        error = np.sqrt(expected * (1 - expected) / len(long))
        assert abs((lived >= 0.5).mean() - expected) <= 4 * error


def at_risk_by_day(people: pd.DataFrame) -> pd.Series:
    """Sum of the daily rates of customers who may buy, for each day."""
    exposed = people[people["is_buyer"] & ~people["is_treated"]]
    days = pd.date_range(START, END, inclusive="left")
    rate = exposed["purchase_rate"].to_numpy() / 365.25
    change = np.zeros(len(days) + 1)
    # Half a day each for the days of coming and going.
    first = (exposed["first_order_at"] - START).dt.days.to_numpy()
    last = (exposed["dropout_at"].fillna(END - pd.Timedelta(seconds=1)) - START).dt.days.to_numpy()
    np.add.at(change, first, rate / 2)
    np.add.at(change, np.minimum(first + 1, len(days)), rate / 2)
    np.add.at(change, last, -rate / 2)
    np.add.at(change, np.minimum(last + 1, len(days)), -rate / 2)
    return pd.Series(np.cumsum(change)[:-1], index=days)


def test_months_and_weekdays_are_recovered(
    shop: Shop, placed: pd.DataFrame, people: pd.DataFrame
) -> None:
    factors = shop.truth.seasonality.query("segment == 'gift'").set_index(["cycle", "position"])
    month, weekday = factors.loc["month", "factor"], factors.loc["weekday", "factor"]
    at_risk = at_risk_by_day(people)
    days = at_risk.index
    observed = (
        repeats(placed, people)["ordered_at"].dt.floor("D").value_counts().reindex(days).fillna(0)
    )
    by_month = np.asarray(month.loc[days.month])
    by_weekday = np.asarray(weekday.loc[days.day_of_week])
    cycles = ((days.month, by_weekday, month), (days.day_of_week, by_month, weekday))
    for positions, other, truth in cycles:
        exposure = (at_risk * other).groupby(positions).sum()
        n = observed.groupby(positions).sum()
        # 4 standard errors of a Poisson count, and 1 % for counting risk in whole days.
        tolerance = 4 * np.sqrt(n) / exposure + 0.01 * truth
        assert ((n / exposure - truth).abs() <= tolerance).all()


def test_hours_are_recovered_by_segment(
    shop: Shop, placed: pd.DataFrame, people: pd.DataFrame
) -> None:
    hours = shop.truth.seasonality.query("cycle == 'hour'")
    for name, group in repeats(placed, people).groupby("segment"):
        truth = hours[hours["segment"] == name].set_index("position")["factor"] / 24
        share = (
            group["ordered_at"].dt.hour.value_counts(normalize=True).reindex(range(24)).fillna(0)
        )
        error = np.sqrt(truth * (1 - truth) / len(group))
        assert ((share - truth).abs() <= 4 * error).all()


def test_factors_have_mean_one(shop: Shop) -> None:
    means = shop.truth.seasonality.groupby(["cycle", "segment"])["factor"].mean()
    assert np.allclose(means, 1, rtol=0, atol=1e-12)
    assert len(shop.truth.seasonality) == 5 * (12 + 7 + 24)


def test_customers_buy_what_they_like(sold: pd.DataFrame, people: pd.DataFrame) -> None:
    lines = sold.groupby("customer_id").size()
    often = lines[lines >= 30].index
    bought = sold[sold["customer_id"].isin(often)]
    favourite = bought.groupby("customer_id")["category"].agg(lambda c: c.value_counts().index[0])
    assert (favourite == people.loc[favourite.index, "category"]).mean() > 0.6
    own = bought["item_id"].to_numpy() == (
        people["favourite_item_id"].reindex(bought["customer_id"]).to_numpy()
    )
    # 35 % of lines repeat one of three favourites, 55 % of these the first.
    assert 0.15 < own.mean() < 0.3


def test_bundles_have_the_stated_probability_and_lift(shop: Shop, sold: pd.DataFrame) -> None:
    bundles = shop.truth.bundles
    assert len(bundles) == len(shop.items) // 25
    together = [*bundles["item_a"], *bundles["item_b"]]
    assert len(set(together)) == len(together)
    orders_of = {item: set(ids) for item, ids in sold.groupby("item_id")["order_id"]}
    n_orders = sold["order_id"].nunique()
    for bundle in bundles.itertuples():
        with_a, with_b = orders_of[bundle.item_a], orders_of[bundle.item_b]
        n_a, n_b, n_both = len(with_a), len(with_b), len(with_a & with_b)
        p = bundle.probability
        error = np.sqrt(p * (1 - p) / n_a)
        assert n_both / n_a >= p - 4 * error
        # A few orders have b by themselves.
        assert n_both / n_a <= p + (1 - p) * 0.1 + 4 * error
        lift = n_both * n_orders / (n_a * n_b)
        assert lift > 1
        assert abs(lift / bundle.lift - 1) <= 4 * error / p


def test_the_campaign_is_randomised_among_known_buyers_who_agree(
    shop: Shop, people: pd.DataFrame
) -> None:
    campaign = shop.truth.campaign
    agrees = shop.customers.frame.set_index("customer_id")["agrees_marketing"]
    known = people["first_order_at"] < campaign.sent_at
    assert people["is_eligible"].equals((known & agrees).rename("is_eligible"))
    assert not (people["is_treated"] & ~people["is_eligible"]).any()
    assert campaign.n_eligible == people["is_eligible"].sum()
    assert campaign.n_treated == people["is_treated"].sum() == (campaign.n_eligible + 1) // 2
    assert campaign.treatment_share == campaign.n_treated / campaign.n_eligible
    effects = ["uplift", "effect_converted", "effect_spend"]
    assert people.loc[people["is_eligible"], effects].notna().all(axis=None)
    assert people.loc[~people["is_eligible"], effects].isna().all(axis=None)


def measured(shop: Shop) -> pd.DataFrame:
    """What an analyst sees: the touches' groups and what the orders say of them."""
    campaign, touches = shop.truth.campaign, shop.touches.frame
    groups = touches[touches["campaign_id"] == campaign.campaign_id].set_index("customer_id")
    orders = shop.orders.frame
    inside = (orders["ordered_at"] > campaign.sent_at) & (orders["ordered_at"] <= campaign.until)
    spend = orders[inside & (orders["quantity"] > 0)].groupby("customer_id")["amount"].sum()
    found = spend.reindex(groups.index)
    return pd.DataFrame(
        {
            "treated": groups["treatment"].astype(bool),
            "conversion": found.notna().astype(float),
            "spend": found.fillna(0.0),
            "converted": groups["converted"],
        }
    )


def z_score(groups: pd.DataFrame, outcome: str, truth: float) -> float:
    treated, control = (groups.loc[groups["treated"] == t, outcome] for t in (True, False))
    error = np.sqrt(treated.var() / len(treated) + control.var() / len(control))
    return float((treated.mean() - control.mean() - truth) / error)


def test_the_difference_in_means_recovers_the_uplift(shop: Shop, people: pd.DataFrame) -> None:
    groups = measured(shop).join(people["segment"])
    assert (groups["converted"] == (groups["conversion"] == 1)).all()
    for row in shop.truth.uplift.itertuples():
        part = groups if row.segment == "all" else groups[groups["segment"] == row.segment]
        assert len(part) == row.n_customers
        for outcome in ("conversion", "spend"):
            assert abs(z_score(part, outcome, getattr(row, outcome))) <= 4
    everybody = shop.truth.uplift.set_index("segment").loc["all"]
    # The effect is large enough to be found in a shop of this size.
    assert z_score(groups, "conversion", 0.0) > 4
    assert everybody["conversion"] > 0.03


def test_the_difference_in_means_is_unbiased_over_seeds() -> None:
    shops = [make_shop(3000, random_state=seed) for seed in range(10)]
    for outcome in ("conversion", "spend"):
        scores = [
            z_score(measured(s), outcome, float(s.truth.uplift[outcome].iloc[-1])) for s in shops
        ]
        # The mean of 10 scores of variance at most 1 has standard error 0.32.
        assert abs(np.mean(scores)) <= 4 / np.sqrt(10)


def test_uplift_differs_by_segment_and_fits_what_was_drawn(
    shop: Shop, people: pd.DataFrame
) -> None:
    eligible = people[people["is_eligible"]]
    by_segment = shop.truth.uplift.set_index("segment")
    for name, group in [("all", eligible), *eligible.groupby("segment")]:
        expected = group["uplift"]
        error = np.sqrt((expected * (1 - expected)).sum()) / len(group)
        assert abs(by_segment.loc[name, "conversion"] - expected.mean()) <= 4 * error
    assert by_segment.loc["enthusiast", "conversion"] == 0
    assert by_segment["conversion"].idxmax() == "bargain"
    gone = eligible["dropout_at"] <= shop.truth.campaign.sent_at
    assert (eligible.loc[gone, "uplift"] == 0).all()
    assert (eligible.loc[gone, "effect_spend"] == 0).all()


def test_a_shop_with_nobody_to_treat_says_so() -> None:
    truth = make_shop(1, start="2024-01-01", end="2024-01-01", random_state=1).truth
    assert truth.campaign.n_eligible == truth.campaign.n_treated == 0
    assert np.isnan(truth.campaign.treatment_share)
    assert truth.uplift["n_customers"].eq(0).all()
    assert truth.uplift["conversion"].isna().all()


def test_truth_says_what_it_is(shop: Shop) -> None:
    assert repr(make_shop(1, n_items=2).truth) == (
        "ShopTruth(1 customer, 1 bundle, campaign K01, 8 faulty rows)"
    )
    page = shop.truth._repr_html_()
    assert "uplift of conversion" in page
    assert "fault duplicate" in page
