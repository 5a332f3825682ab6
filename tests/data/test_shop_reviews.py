from __future__ import annotations

import pandas as pd
import pytest

from userportrait.data._shop import Shop, make_shop


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(5000, random_state=3)


@pytest.fixture(scope="module")
def reviewed(shop: Shop) -> pd.DataFrame:
    """Reviews with the customer's last purchase of that item before the review."""
    orders = shop.orders.frame
    sold = orders[orders["quantity"] > 0][["customer_id", "item_id", "order_id", "ordered_at"]]
    return pd.merge_asof(
        shop.reviews.frame,
        sold,
        left_on="reviewed_at",
        right_on="ordered_at",
        by=["customer_id", "item_id"],
    )


def test_only_what_was_bought_is_reviewed_and_only_afterwards(reviewed: pd.DataFrame) -> None:
    assert reviewed["order_id"].notna().all()
    assert (reviewed["ordered_at"] < reviewed["reviewed_at"]).all()


def test_ratings_are_whole_stars_and_most_are_good(reviewed: pd.DataFrame) -> None:
    assert reviewed["rating"].dtype == "int64"
    assert set(reviewed["rating"]) == {1, 2, 3, 4, 5}
    assert 3.5 < reviewed["rating"].mean() < 4.5


def test_what_goes_back_gets_fewer_stars(shop: Shop, reviewed: pd.DataFrame) -> None:
    returned = shop.orders.frame.query("quantity < 0")
    keys = set(zip(returned["returned_order_id"], returned["item_id"], strict=True))
    back = [key in keys for key in zip(reviewed["order_id"], reviewed["item_id"], strict=True)]
    stars = reviewed.groupby(pd.Series(back, index=reviewed.index))["rating"].mean()
    assert stars[True] < stars[False] - 1


def test_who_leaves_soon_gives_fewer_stars(shop: Shop, reviewed: pd.DataFrame) -> None:
    dropout = shop.truth.customers.set_index("customer_id")["dropout_at"]
    left = dropout.reindex(reviewed["customer_id"]).to_numpy() - reviewed["ordered_at"].to_numpy()
    soon = left < pd.Timedelta(days=60).to_timedelta64()
    stars = reviewed["rating"].groupby(soon).mean()
    assert stars[True] < stars[False] - 0.5


def test_good_items_get_more_stars(shop: Shop, reviewed: pd.DataFrame) -> None:
    quality = shop.truth.items.set_index("item_id")["quality"]
    by_item = reviewed.groupby("item_id")["rating"].agg(["mean", "size"])
    often = by_item[by_item["size"] >= 20]
    assert often["mean"].corr(quality.reindex(often.index)) > 0.5


def test_texts_fit_the_stars_and_name_the_product(reviewed: pd.DataFrame) -> None:
    assert reviewed["text"].notna().all()
    assert not reviewed["text"].str.contains("[{}]").any()
    rating_of = reviewed.groupby("text")["rating"].nunique()
    assert (rating_of == 1).all()
    assert reviewed.loc[reviewed["text"].str.contains("money back"), "rating"].eq(1).all()
    assert reviewed.loc[reviewed["text"].str.contains("推荐"), "rating"].eq(5).all()
