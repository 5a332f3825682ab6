"""The export's faults, counted again from what can be seen in it."""

from __future__ import annotations

import pandas as pd
import pytest

from userportrait.data._shop import Shop, make_shop

COLUMNS = ["Order ID", "Customer", "Date", "SKU", "Description", "Qty", "Unit price", "Country"]


def recount(raw: pd.DataFrame) -> dict[str, int]:
    at = pd.to_datetime(raw["Date"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    return {
        "duplicate": int(raw.duplicated().sum()),
        "missing_customer": int(raw["Customer"].isna().sum()),
        "unparsable_date": int(at.isna().sum()),
        "future_date": int((at >= pd.Timestamp("2026-01-01")).sum()),
        "test_code": int(raw["SKU"].str.startswith("TEST").sum()),
        "postage_code": int(raw["SKU"].isin(["POST", "DOT"]).sum()),
        "zero_price": int(raw["Unit price"].eq(0).sum()),
        "outlier": int(raw["Qty"].ge(10_000).sum()),
        "cancellation": int(raw["Qty"].lt(0).sum()),
    }


def faulty(raw: pd.DataFrame) -> pd.Series:
    at = pd.to_datetime(raw["Date"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    return (
        raw.duplicated()
        | raw["Customer"].isna()
        | ~at.between(pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01"))
        | ~raw["SKU"].str.fullmatch(r"P\d+")
        | raw["Unit price"].eq(0)
        | raw["Qty"].ge(10_000)
    )


@pytest.fixture(scope="module", params=[(1, 0), (2, 1), (100, 2), (3000, 3)], ids=str)
def shop(request: pytest.FixtureRequest) -> Shop:
    n_customers, seed = request.param
    return make_shop(n_customers, random_state=seed)


def test_faults_are_exactly_as_many_as_the_truth_says(shop: Shop) -> None:
    assert recount(shop.raw_orders) == shop.truth.faults


def test_no_row_has_two_faults_and_every_added_row_has_one(shop: Shop) -> None:
    added = sum(n for name, n in shop.truth.faults.items() if name != "cancellation")
    assert int(faulty(shop.raw_orders).sum()) == added
    assert len(shop.raw_orders) == len(shop.orders) + added


def test_without_the_faulty_rows_the_export_is_the_orders(shop: Shop) -> None:
    raw, orders = shop.raw_orders, shop.orders.frame
    clean = raw[~faulty(raw)].reset_index(drop=True)
    expected = pd.DataFrame(
        {
            "Order ID": orders["order_id"],
            "Customer": orders["customer_id"],
            "Date": orders["ordered_at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "SKU": orders["item_id"],
            "Qty": orders["quantity"],
            "Unit price": orders["price"],
            "Country": orders["country"],
        }
    )
    pd.testing.assert_frame_equal(clean.drop(columns="Description"), expected)


def test_the_export_has_its_own_names_and_the_types_of_a_file(shop: Shop) -> None:
    raw = shop.raw_orders
    assert list(raw.columns) == COLUMNS
    assert raw.index.equals(pd.RangeIndex(len(raw)))
    assert all(isinstance(value, str) for value in raw["Date"])
    assert raw["Qty"].dtype == "int64"
    assert raw["Unit price"].dtype == "float64"


def test_the_export_survives_a_csv_file(shop: Shop) -> None:
    from io import StringIO

    again = pd.read_csv(StringIO(shop.raw_orders.to_csv(index=False)), keep_default_na=False)
    assert again["Date"].tolist() == shop.raw_orders["Date"].tolist()
    assert again["Unit price"].tolist() == shop.raw_orders["Unit price"].tolist()


def test_cancellations_have_order_ids_of_their_own(shop: Shop) -> None:
    raw = shop.raw_orders
    credit = raw["Order ID"].str.startswith("R")
    assert credit.equals(raw["Qty"].lt(0).rename("Order ID"))


def test_descriptions_are_the_items_names(shop: Shop) -> None:
    raw = shop.raw_orders
    name = shop.items.frame.set_index("item_id")["name"]
    products = raw[raw["SKU"].str.startswith("P") & raw["SKU"].ne("POST")]
    assert (products["SKU"].map(name) == products["Description"]).all()
    assert set(raw.loc[raw["SKU"].isin(["POST", "DOT"]), "Description"]) == {"Postage"}
