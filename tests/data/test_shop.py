from __future__ import annotations

import hashlib
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import Customers, Events, Items, Orders, Reviews, Touches
from userportrait.data._shop import Shop, make_shop
from userportrait.errors import InvalidParameterError

TABLES = ("orders", "events", "customers", "items", "touches", "reviews")
TIMES = {
    "orders": "ordered_at",
    "events": "occurred_at",
    "customers": "registered_at",
    "touches": "touched_at",
    "reviews": "reviewed_at",
}


def digest(frame: pd.DataFrame) -> str:
    content = hashlib.sha256()
    for name in frame.columns:
        values = frame[name]
        content.update(f"{name} {values.dtype}".encode())
        content.update(repr(values.tolist()).encode())
    return content.hexdigest()


def frames_of(shop: Shop) -> dict[str, pd.DataFrame]:
    tables: dict[str, Any] = {name: getattr(shop, name).frame for name in TABLES}
    truth = shop.truth
    return {
        **tables,
        "raw_orders": shop.raw_orders,
        "truth.customers": truth.customers,
        "truth.items": truth.items,
        "truth.bundles": truth.bundles,
        "truth.uplift": truth.uplift,
    }


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(1000)


def test_the_same_seed_gives_the_same_shop_to_the_bit() -> None:
    first, second = (frames_of(make_shop(150, random_state=3)) for _ in range(2))
    assert {k: digest(v) for k, v in first.items()} == {k: digest(v) for k, v in second.items()}


def test_another_seed_gives_another_shop() -> None:
    first, second = (frames_of(make_shop(150, random_state=seed)) for seed in (3, 4))
    assert all(digest(first[name]) != digest(second[name]) for name in first)


def test_tables_do_not_depend_on_the_order_in_which_they_are_asked_for() -> None:
    forwards, backwards = make_shop(100), make_shop(100)
    expected = {name: digest(getattr(forwards, name).frame) for name in TABLES}
    found = {name: digest(getattr(backwards, name).frame) for name in reversed(TABLES)}
    assert found == expected


def test_shops_made_in_threads_are_the_same() -> None:
    with ThreadPoolExecutor(4) as pool:
        shops = list(pool.map(lambda _: digest(make_shop(200).orders.frame), range(4)))
    assert len(set(shops)) == 1


def test_without_a_seed_the_shop_tells_which_one_it_drew() -> None:
    shop = make_shop(30, random_state=None)
    again = make_shop(30, random_state=shop.random_state)
    assert digest(again.orders.frame) == digest(shop.orders.frame)


def test_a_table_is_made_once(shop: Shop) -> None:
    assert shop.orders is shop.orders
    assert shop.raw_orders is shop.raw_orders


def test_a_shop_cannot_be_changed(shop: Shop) -> None:
    with pytest.raises(AttributeError):
        shop.currency = "USD"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        shop.truth.faults = {}  # type: ignore[misc]


def test_a_shop_survives_pickling() -> None:
    shop = make_shop(40)
    again = pickle.loads(pickle.dumps(shop))
    assert repr(again) == repr(shop)
    assert digest(again.events.frame) == digest(shop.events.frame)
    assert digest(again.truth.customers) == digest(shop.truth.customers)


def test_tables_have_their_types(shop: Shop) -> None:
    kinds = (Orders, Events, Customers, Items, Touches, Reviews)
    assert all(type(getattr(shop, n)) is kind for n, kind in zip(TABLES, kinds, strict=True))
    assert shop.orders.currency == "EUR"


def test_columns_have_canonical_names_and_plain_types(shop: Shop) -> None:
    frames = frames_of(shop)
    assert list(frames["orders"].columns)[:11] == [
        "customer_id", "order_id", "ordered_at", "item_id", "quantity", "price", "amount",
        "channel", "country", "category", "returned_order_id",
    ]  # fmt: skip
    assert list(frames["events"].columns) == [
        "customer_id", "event", "occurred_at", "item_id", "session_id", "channel", "device",
        "query",
    ]  # fmt: skip
    assert list(frames["reviews"].columns) == [
        "item_id", "reviewed_at", "customer_id", "rating", "text",
    ]  # fmt: skip
    assert all(frames[t][column].dtype == "datetime64[us]" for t, column in TIMES.items())
    assert frames["orders"]["quantity"].dtype == np.int64


def test_ids_have_one_width_so_that_texts_sort_as_numbers(shop: Shop) -> None:
    orders = shop.orders.frame
    assert orders["customer_id"].str.fullmatch(r"C\d{6}").all()
    assert orders["item_id"].str.fullmatch(r"P\d{4}").all()
    sold = orders[orders["quantity"] > 0]
    assert sold["order_id"].str.fullmatch(r"O\d{7}").all()
    assert sold["order_id"].is_monotonic_increasing
    assert sold["ordered_at"].is_monotonic_increasing


def test_more_items_than_four_digits_get_wider_ids() -> None:
    ids = make_shop(1, n_items=12_000).items.frame["item_id"]
    assert ids.iloc[[0, -1]].tolist() == ["P00001", "P12000"]


def test_every_id_refers_to_a_row_that_exists(shop: Shop) -> None:
    frames = frames_of(shop)
    customers = set(frames["customers"]["customer_id"])
    items = set(frames["items"]["item_id"])
    for name in ("orders", "events", "touches", "reviews"):
        assert set(frames[name]["customer_id"]) <= customers, name
    for name in ("orders", "events", "reviews"):
        assert set(frames[name]["item_id"].dropna()) <= items, name
    assert set(frames["truth.bundles"]["item_a"]) <= items
    assert frames["truth.customers"]["customer_id"].tolist() == (
        frames["customers"]["customer_id"].tolist()
    )


@pytest.mark.parametrize("name", TIMES)
def test_rows_are_in_time_order_and_within_the_period(shop: Shop, name: str) -> None:
    times = getattr(shop, name).frame[TIMES[name]]
    assert times.is_monotonic_increasing
    assert times.min() >= pd.Timestamp("2024-01-01")
    assert times.max() < pd.Timestamp("2026-01-01")


def test_an_order_has_one_customer_one_time_and_each_item_once(shop: Shop) -> None:
    orders = shop.orders.frame
    per_order = orders.groupby("order_id")
    assert (per_order["customer_id"].nunique() == 1).all()
    assert (per_order["ordered_at"].nunique() == 1).all()
    assert (per_order["channel"].nunique() == 1).all()
    assert not orders.duplicated(["order_id", "item_id"]).any()


def test_amounts_are_quantity_times_price_to_the_cent(shop: Shop) -> None:
    orders = shop.orders.frame
    cents = (orders["price"] * 100).round().astype("int64")
    assert (orders["price"] == cents / 100).all()
    assert (orders["amount"] == orders["quantity"] * cents / 100).all()
    assert (cents > 0).all()


def test_prices_are_at_most_the_list_price_and_some_are_lower(shop: Shop) -> None:
    orders = shop.orders.frame.merge(
        shop.items.frame[["item_id", "price"]], on="item_id", suffixes=("", "_listed")
    )
    share = orders["price"] / orders["price_listed"]
    assert share.max() <= 1.0
    assert 0.05 < (share < 1.0).mean() < 0.4
    # Discounts are 10, 15 or 20 per cent, rounded to the cent.
    assert share.min() > 0.79


def test_a_return_takes_back_part_of_an_earlier_purchase(shop: Shop) -> None:
    orders = shop.orders.frame
    returns = orders[orders["quantity"] < 0]
    assert 0.01 < len(returns) / len(orders) < 0.1
    assert returns["order_id"].str.fullmatch(r"R\d{7}").all()
    assert orders["returned_order_id"].notna().equals(orders["quantity"] < 0)
    both = returns.merge(
        orders[orders["quantity"] > 0],
        left_on=["returned_order_id", "item_id"],
        right_on=["order_id", "item_id"],
        suffixes=("", "_sold"),
    )
    assert len(both) == len(returns)
    assert (both["customer_id"] == both["customer_id_sold"]).all()
    assert (both["price"] == both["price_sold"]).all()
    assert (-both["quantity"] <= both["quantity_sold"]).all()
    assert (both["ordered_at"] - both["ordered_at_sold"] >= pd.Timedelta(days=1)).all()


def test_a_default_shop_looks_alive(shop: Shop) -> None:
    orders = shop.orders.frame
    sold = orders[orders["quantity"] > 0]
    n_orders = sold.groupby("customer_id")["order_id"].nunique()
    assert 5000 <= n_orders.sum() <= 8000
    assert len(n_orders) == 900  # a tenth of 1000 customers never buys
    assert 0.2 < (n_orders == 1).mean() < 0.5
    assert (n_orders >= 10).mean() > 0.1
    first = sold.groupby("customer_id")["ordered_at"].min().dt.to_period("M")
    assert first.value_counts().reindex(pd.period_range("2024-01", "2025-12", freq="M")).min() >= 5


@pytest.mark.parametrize("seed", range(1, 6))
def test_other_seeds_look_alive_too(seed: int) -> None:
    shop = make_shop(1000, random_state=seed)
    sold = shop.orders.frame.query("quantity > 0")
    assert 5000 <= sold["order_id"].nunique() <= 8000


def test_customers_are_nobody_real(shop: Shop) -> None:
    customers = shop.customers.frame
    assert customers["email"].str.endswith("@example.com").all()
    assert customers["email"].is_unique
    # There is no country code +00.
    assert customers["phone"].dropna().str.fullmatch(r"\+00 555 \d{7}").all()
    assert set(customers["gender"].dropna()) == {"female", "male"}
    ages = (pd.Timestamp("2026-01-01") - customers["birth_date"].dropna()).dt.days / 365.25
    assert ages.between(18, 89).all()
    for column in ("gender", "birth_date", "phone"):
        assert customers[column].isna().any(), column


def test_customers_in_china_have_chinese_names_and_write_chinese(shop: Shop) -> None:
    customers = shop.customers.frame
    chinese = customers["name"].str.fullmatch(r"[\u4e00-\u9fff]+")
    assert chinese.equals(customers["country"] == "China")
    reviews = shop.reviews.frame.merge(customers[["customer_id", "country"]], on="customer_id")
    in_chinese = reviews["text"].str.contains(r"[\u4e00-\u9fff]")
    assert in_chinese.equals(reviews["country"] == "China")


def test_items_have_unique_names_and_earn_money(shop: Shop) -> None:
    items = make_shop(1, n_items=3000).items.frame
    assert items["name"].is_unique
    assert items["category"].nunique() == 8
    assert items["price"].gt(items["cost"]).mean() > 0.99
    by_tier = shop.items.frame.merge(shop.truth.items).groupby("price_tier")["price"].median()
    assert by_tier["budget"] < by_tier["standard"] < by_tier["premium"]


@pytest.mark.parametrize("n_customers", [1, 2, 9, 100])
def test_small_shops_have_all_tables(n_customers: int) -> None:
    shop = make_shop(n_customers)
    assert len(shop.customers) == n_customers
    assert all(len(getattr(shop, name)) >= 1 for name in TABLES)
    assert len(shop.raw_orders) > len(shop.orders)
    assert set(shop.orders.frame["customer_id"]) <= set(shop.customers.frame["customer_id"])


@pytest.mark.parametrize("n_items", [1, 2, 3, 7, 30])
def test_few_items_are_enough(n_items: int) -> None:
    shop = make_shop(60, n_items=n_items)
    assert len(shop.items) == n_items
    sold = shop.orders.frame["item_id"]
    assert sold.isin(shop.items.frame["item_id"]).all()
    assert len(shop.truth.bundles) == (1 if n_items > 1 else 0)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-02-29", "2024-02-29"),
        ("1971-01-01", "1971-01-03"),
        (date(2024, 12, 30), datetime(2025, 1, 2)),
        ("2010-01-01", "2024-12-31"),
    ],
)
def test_any_period_will_do(start: date | str, end: date | str) -> None:
    shop = make_shop(50, start=start, end=end)
    first, last = pd.Timestamp(start), pd.Timestamp(end) + pd.Timedelta(days=1)
    assert (shop.start, shop.end) == (first.date(), pd.Timestamp(end).date())
    for name, column in TIMES.items():
        times = getattr(shop, name).frame[column]
        assert times.min() >= first, name
        assert times.max() < last, name


def test_a_shop_says_what_it_is() -> None:
    shop = make_shop(1)
    assert repr(shop) == (
        "Shop(1 customer, 1 order, 40 items, 2024-01-01 to 2025-12-31, random_state=0)"
    )
    page = shop._repr_html_()
    assert "Sample shop" in page
    assert "<dt>random_state</dt><dd>0</dd>" in page


def test_progress_runs_from_nothing_to_all() -> None:
    seen: list[tuple[str, float]] = []
    make_shop(10, progress=lambda step, share: seen.append((step, share)))
    shares = [share for _, share in seen]
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_an_error_in_progress_is_not_swallowed() -> None:
    def stop(step: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shop(10, progress=stop)


def test_all_bad_parameters_are_reported_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        make_shop(
            0, n_items=1.5, start="2024-13-01", end="1066-10-14",
            currency="euro", random_state=-1, progress="yes",
        )  # type: ignore[arg-type]  # fmt: skip
    expected = "must be a day from 1971 to 2150, as a date or as text 'YYYY-MM-DD'"
    assert str(caught.value).splitlines() == [
        "make_shop: 7 problems.",
        "- n_customers must be an integer in [1, 10000000]; got 0.",
        "- n_items must be an integer in [1, 1000000]; got 1.5.",
        f"- start {expected}; got '2024-13-01'.",
        f"- end {expected}; got '1066-10-14'.",
        "- currency must be three capital letters, such as 'EUR'; got 'euro'.",
        "- random_state must be an integer in [0, 4294967295]; got -1.",
        "- progress must be a function of (step, share), or None; got 'yes'.",
    ]


def test_an_end_before_the_start_is_refused() -> None:
    message = "end must not be before 2024-05-01; got 2024-04-30."
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        make_shop(10, start="2024-05-01", end=date(2024, 4, 30))


@pytest.mark.parametrize(
    "start",
    [
        datetime(2024, 1, 1, 12),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=8))),
        pd.NaT,
        20240101,
        None,
    ],
)
def test_what_is_not_a_day_is_refused(start: Any) -> None:
    with pytest.raises(InvalidParameterError, match="start must be a day"):
        make_shop(10, start=start)
