"""Segments of public data sets: could a marketer name them? Facts read off the tables by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from userportrait.segment import CustomerSegments

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, file: str) -> pd.DataFrame:
    path = folder / file
    if not path.exists():
        pytest.skip(f"{path.parent.name} is not among the public data sets here")
    return pd.read_csv(path)


def means(segments: CustomerSegments) -> Any:
    """Return means by feature and segment."""
    profile = segments.profile()
    key = profile["feature"] + profile["level"].map(lambda level: f"={level}" if level else "")
    return profile.assign(key=key).pivot(index="key", columns="segment", values="mean")


def test_malls_have_five_kinds_by_income_and_spending(shared_data: Path) -> None:
    # The five groups that everybody sees in the picture of the two features.
    customers = read(shared_data, "mall_customers/mall_customers.csv.gz")
    features = customers[["Annual_Income", "Spending_Score"]]
    for method in ("kmeans", "kprototypes", "gaussian_mixture"):
        chosen: Any = method
        segments = CustomerSegments(method=chosen, n_init=5).fit(features)
        assert segments.names() == [
            "average",
            "high Spending_Score, high Annual_Income",
            "low Spending_Score, high Annual_Income",
            "low Annual_Income, low Spending_Score",
            "low Annual_Income, high Spending_Score",
        ]
        rules = segments.rules(features)
        assert rules["precision"].min() > 0.95
        assert rules["recall"].min() > 0.9
    table = means(segments)
    assert table.loc["Annual_Income"].round(-1).tolist() == [60.0, 90.0, 90.0, 30.0, 30.0]
    assert table.loc["Spending_Score"].round(-1).tolist() == [50.0, 80.0, 20.0, 20.0, 80.0]


def test_wholesale_has_retailers_and_restaurants(shared_data: Path) -> None:
    # 1: hotels, restaurants, cafés; 2: retail.
    customers = read(shared_data, "wholesale_customers/wholesale_customers.csv.gz")
    channel = customers["Channel"].map({1: "horeca", 2: "retail"})
    spend = customers.drop(columns=["Channel", "Region"])
    for method in ("kmeans", "kprototypes"):
        chosen: Any = method
        features = spend.assign(Channel=channel)
        segments = CustomerSegments(
            method=chosen, feature_labels={"Grocery": "groceries"}, n_init=5
        ).fit(features)
        assert segments.names() == [
            "mostly Channel = horeca, low groceries",
            "high groceries, mostly Channel = retail",
        ]
        table = means(segments)
        assert table.loc["Grocery", 1] > 3 * table.loc["Grocery", 0]
        assert table.loc["Detergents_Paper", 1] > 8 * table.loc["Detergents_Paper", 0]
        assert segments.rules(features)["precision"].min() > 0.95
    # Amounts alone show the channels, too.
    two = CustomerSegments(n_init=5).fit(spend)
    assert two.n_clusters_ == 2
    assert adjusted_rand_score(channel, two.labels_) > 0.5


def test_card_holders_differ_in_how_they_use_the_card(shared_data: Path) -> None:
    customers = read(shared_data, "credit_card_customers/cc_general.csv.gz")
    features = customers.rename(columns={"CUST_ID": "customer_id"})
    segments = CustomerSegments(n_init=5).fit(features)
    assert segments.names() == [
        "high CASH_ADVANCE_FREQUENCY, low PURCHASES_FREQUENCY",
        "low CASH_ADVANCE, high PURCHASES_FREQUENCY",
        "high PURCHASES, high PAYMENTS",
        "low BALANCE_FREQUENCY, low BALANCE",
    ]
    table = means(segments)
    # Who draws cash hardly buys; who buys much has twice the mean purchases; the last are idle.
    assert table.loc["CASH_ADVANCE", 0] > 2 * features["CASH_ADVANCE"].mean()
    assert table.loc["PURCHASES", 0] < 0.2 * features["PURCHASES"].mean()
    assert table.loc["CASH_ADVANCE", 1] < 0.1 * features["CASH_ADVANCE"].mean()
    assert table.loc["PURCHASES", 2] > 2 * features["PURCHASES"].mean()
    assert table.loc["BALANCE", 3] < 0.2 * features["BALANCE"].mean()
    assert segments.rules(features)["precision"].min() > 0.8


def test_families_look_for_deals_and_the_well_off_without_children_spend(
    shared_data: Path,
) -> None:
    people = read(shared_data, "customer_personality/marketing_campaign.csv.gz")
    features = pd.DataFrame(
        {
            "age": 2014 - people["Year_Birth"],
            "income": people["Income"],
            "education": people["Education"],
            "marital_status": people["Marital_Status"],
            "children": people["Kidhome"] + people["Teenhome"],
            "spend": people.filter(like="Mnt").sum(axis=1),
            "deals": people["NumDealsPurchases"],
            "web_orders": people["NumWebPurchases"],
            "catalogue_orders": people["NumCatalogPurchases"],
            "store_orders": people["NumStorePurchases"],
            "web_visits": people["NumWebVisitsMonth"],
            "campaigns": people.filter(like="AcceptedCmp").sum(axis=1),
        }
    )
    for method in ("kmeans", "kprototypes"):
        chosen: Any = method
        segments = CustomerSegments(method=chosen, n_init=5).fit(features)
        assert segments.names() == [
            "low spend, rather high web_visits",
            "high deals, high web_orders",
            "high income, low children",
        ]
        table = means(segments)
        assert table.loc["spend"].is_monotonic_increasing
        assert table.loc["spend", 2] > 10 * table.loc["spend", 0]
        assert table.loc["children", 2] < 0.3 < 1.0 < table.loc["children", 1]
        rules = segments.rules(features)
        assert rules["precision"].min() > 0.85
        assert rules["recall"].min() > 0.75
    words = {"income": "收入", "children": "孩子数"}
    told = CustomerSegments(3, feature_labels=words, n_init=5).fit(features).names(language="zh")
    assert told[2] == "高收入、低孩子数"
