"""Cleaning the sample shop's messy export finds its known faults and its true orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from userportrait.data import clean_orders, guess_roles, make_shop, read_csv

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.data import CleaningReport, Orders, Shop

KEYS = ["customer_id", "order_id", "ordered_at", "item_id", "quantity", "price"]


@pytest.fixture(scope="module", params=[1, 2])
def shop(request: pytest.FixtureRequest) -> Shop:
    return make_shop(n_customers=300, random_state=request.param)


@pytest.fixture(scope="module")
def cleaned(shop: Shop) -> tuple[Orders, CleaningReport]:
    roles = guess_roles(shop.raw_orders).columns
    return clean_orders(shop.raw_orders, **roles, outliers="remove", cancellation_prefix="R")


def test_every_fault_is_counted_under_its_reason(
    shop: Shop, cleaned: tuple[Orders, CleaningReport]
) -> None:
    faults = dict(shop.truth.faults)
    assert cleaned[1].removed == {
        "missing_customer_id": faults["missing_customer"],
        "unparsable_time": faults["unparsable_date"],
        "future_time": faults["future_date"],
        "duplicate": faults["duplicate"],
        "non_product": faults["test_code"] + faults["postage_code"],
        "zero_price": faults["zero_price"],
        "outlier": faults["outlier"],
    }
    assert cleaned[1].flagged == {"return_matched": faults["cancellation"]}


def test_what_is_left_are_the_true_order_lines(
    shop: Shop, cleaned: tuple[Orders, CleaningReport]
) -> None:
    found = cleaned[0].to_pandas()[KEYS].sort_values(KEYS, ignore_index=True)
    truth = shop.orders.to_pandas()[KEYS].sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(found, truth, check_dtype=False)


def test_most_returns_name_the_order_that_they_take_back_from(
    shop: Shop, cleaned: tuple[Orders, CleaningReport]
) -> None:
    # An item bought twice at one price leaves a choice; the newest is nearly always right.
    true = shop.orders.to_pandas().dropna(subset=["returned_order_id"])
    found = cleaned[0].to_pandas().dropna(subset=["returned_order_id"])
    both = true.merge(found, on=["customer_id", "order_id", "item_id"])
    assert len(both) >= len(true)
    assert (both["returned_order_id_x"] == both["returned_order_id_y"]).mean() > 0.9


def test_a_csv_file_of_the_export_gives_the_same(
    shop: Shop, cleaned: tuple[Orders, CleaningReport], tmp_path: Path
) -> None:
    shop.raw_orders.to_csv(tmp_path / "raw.csv", index=False)
    raw = read_csv(tmp_path / "raw.csv")
    orders, report = clean_orders(
        raw, **guess_roles(raw).columns, outliers="remove", cancellation_prefix="R"
    )
    assert report == cleaned[1]
    pd.testing.assert_frame_equal(orders.to_pandas(), cleaned[0].to_pandas())
