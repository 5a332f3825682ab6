from __future__ import annotations

import pandas as pd
import pytest

from userportrait.data._shop import Shop, make_shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(600, random_state=2)


@pytest.fixture(scope="module")
def events(shop: Shop) -> pd.DataFrame:
    frame: pd.DataFrame = shop.events.frame
    return frame


def test_purchases_are_the_lines_sold(shop: Shop, events: pd.DataFrame) -> None:
    orders = shop.orders.frame
    keys = ["customer_id", "item_id", "at", "channel"]
    sold = orders[orders["quantity"] > 0].rename(columns={"ordered_at": "at"})[keys]
    bought = events[events["event"] == "purchase"].rename(columns={"occurred_at": "at"})[keys]
    pd.testing.assert_frame_equal(
        sold.sort_values(keys, ignore_index=True), bought.sort_values(keys, ignore_index=True)
    )


@pytest.mark.parametrize(("earlier", "later"), [("view", "cart"), ("cart", "purchase")])
def test_views_precede_carts_and_carts_precede_purchases(
    events: pd.DataFrame, earlier: str, later: str
) -> None:
    key = ["session_id", "item_id"]
    before = events[events["event"] == earlier].groupby(key)["occurred_at"].min()
    after = events[events["event"] == later].set_index(key)["occurred_at"]
    both = pd.DataFrame({"after": after, "before": before.reindex(after.index)})
    assert (both["before"] < both["after"]).all()


def test_a_session_has_one_customer_channel_and_device_and_ends_within_half_an_hour(
    events: pd.DataFrame,
) -> None:
    sessions = events.groupby("session_id")
    assert (sessions[["customer_id", "channel", "device"]].nunique() == 1).all(axis=None)
    length = sessions["occurred_at"].max() - sessions["occurred_at"].min()
    assert length.max() <= pd.Timedelta(minutes=30)


def test_sessions_are_numbered_without_gaps(events: pd.DataFrame) -> None:
    ids = sorted(events["session_id"].unique())
    assert ids[0] == "S00000001"
    assert ids[-1] == f"S{len(ids):08d}"


def test_there_are_visitors_who_never_buy(shop: Shop, events: pd.DataFrame) -> None:
    browsers = shop.truth.customers.query("~is_buyer")["customer_id"]
    theirs = events[events["customer_id"].isin(browsers)]
    assert set(theirs["customer_id"]) == set(browsers)
    assert set(theirs["event"]) == {"search", "view", "cart"}
    assert not shop.orders.frame["customer_id"].isin(browsers).any()


def test_buyers_have_visits_without_an_order_too(events: pd.DataFrame) -> None:
    bought = events["event"].eq("purchase").groupby(events["session_id"]).any()
    assert 0.2 < bought.mean() < 0.8
    carts = events["event"].eq("cart").groupby(events["session_id"]).any()
    assert (carts & ~bought).any()


def test_only_searches_have_words_and_only_they_have_no_item(events: pd.DataFrame) -> None:
    searches = events["event"] == "search"
    assert events["query"].notna().equals(searches)
    assert events["item_id"].isna().equals(searches)


def test_customers_in_china_search_in_chinese(shop: Shop, events: pd.DataFrame) -> None:
    country = shop.customers.frame.set_index("customer_id")["country"]
    searches = events[events["event"] == "search"]
    chinese = searches["query"].str.contains(r"[\u4e00-\u9fff]").to_numpy()
    assert (chinese == (country.reindex(searches["customer_id"]) == "China").to_numpy()).all()


def test_the_app_does_not_run_on_a_desktop(events: pd.DataFrame) -> None:
    assert set(events.loc[events["channel"] == "app", "device"]) == {"mobile", "tablet"}
    assert set(events.loc[events["channel"] == "web", "device"]) == {"mobile", "tablet", "desktop"}
