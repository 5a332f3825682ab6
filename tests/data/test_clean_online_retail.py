"""Online Retail (541,909 rows): every count agrees with plain pandas and a loop."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import require_engine, to_engine, to_pandas
from userportrait.data import (
    CleaningReport,
    Orders,
    clean_orders,
    guess_roles,
    read_csv,
    read_parquet,
)

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ["BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "PADS", "POST"]
"""Codes with a customer that are not five digits and a letter, seen by eye."""


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> pd.DataFrame:
    require_engine("pyarrow")
    return read_parquet(shared_data / "online_retail" / "online_retail.parquet")


@pytest.fixture(scope="module")
def cleaned(raw: pd.DataFrame) -> tuple[Orders, CleaningReport]:
    return clean(raw)


def clean(frame: Any) -> tuple[Orders, CleaningReport]:
    return clean_orders(
        frame,
        customer_id="CustomerID",
        order_id="InvoiceNo",
        ordered_at="InvoiceDate",
        item_id="StockCode",
        quantity="Quantity",
        price="UnitPrice",
        country="Country",
    )


@pytest.fixture(scope="module")
def expected(raw: pd.DataFrame) -> dict[str, Any]:
    """Count with plain pandas; match returns one by one."""
    with_customer = raw[raw["CustomerID"].notna()]
    single = with_customer.drop_duplicates()
    items = single[~single["StockCode"].isin(SERVICES)]
    priced = items[items["UnitPrice"] > 0]
    matched = match_by_loop(priced)
    return {
        "missing_customer_id": len(raw) - len(with_customer),
        "duplicate": len(with_customer) - len(single),
        "non_product": len(single) - len(items),
        "zero_price": len(items) - len(priced),
        **matched,
    }


def match_by_loop(lines: pd.DataFrame) -> dict[str, Any]:
    pair = lines["CustomerID"].astype(int).astype(str) + "/" + lines["StockCode"]
    touched = lines[pair.isin(pair[lines["Quantity"] < 0])].assign(pair=pair, is_return=0)
    touched["is_return"] = (touched["Quantity"] < 0).astype(int)
    order = ["InvoiceDate", "is_return", "InvoiceNo", "UnitPrice", "Quantity"]
    touched = touched.sort_values(order)
    left = touched["Quantity"].to_dict()
    for key in (["pair", "UnitPrice"], ["pair"]):
        stock: dict[Any, list[int]] = defaultdict(list)
        for row in touched[key].itertuples():
            lots = stock[row[1:]]
            if left[row[0]] > 0:
                lots.append(row[0])
            while left[row[0]] < 0 and lots:
                taken = min(left[lots[-1]], -left[row[0]])
                left[lots[-1]] -= taken
                left[row[0]] += taken
                if left[lots[-1]] == 0:
                    lots.pop()
    returns = touched[touched["is_return"] == 1]
    uncovered = -pd.Series(left)[returns.index]
    asked = -returns["Quantity"]
    cents = (lines["Quantity"] * lines["UnitPrice"] * 100).round().astype("int64")
    final = lines["Quantity"].copy()
    final[returns.index] += uncovered
    return {
        "return_matched": int((uncovered == 0).sum()),
        "return_partly_matched": int(((uncovered > 0) & (uncovered < asked)).sum()),
        "return_unmatched": int((uncovered == asked).sum()),
        "units": int(final.sum()),
        "bought_cents": int(cents[lines["Quantity"] > 0].sum()),
    }


def test_135080_rows_without_a_customer_are_reported(
    cleaned: tuple[Orders, CleaningReport],
) -> None:
    report = cleaned[1]
    assert report.n_rows_in == 541_909
    assert report.removed["missing_customer_id"] == 135_080
    assert len(report.removed_rows("missing_customer_id")) == 135_080
    assert report.removed_rows("missing_customer_id")["CustomerID"].isna().all()


def test_every_count_agrees_with_plain_pandas(
    cleaned: tuple[Orders, CleaningReport], expected: dict[str, Any]
) -> None:
    orders, report = cleaned
    reasons = [
        "missing_customer_id", "duplicate", "non_product", "zero_price", "return_unmatched",
    ]  # fmt: skip
    assert report.removed == {reason: expected[reason] for reason in reasons}
    assert report.flagged == {
        "outlier": 5,
        "return_matched": expected["return_matched"],
        "return_partly_matched": expected["return_partly_matched"],
    }
    assert report.changed["return_cut"] == expected["return_partly_matched"]
    assert report.n_rows_out == len(orders) == 541_909 - sum(report.removed.values())


def test_units_and_money_agree_with_plain_pandas(
    cleaned: tuple[Orders, CleaningReport], expected: dict[str, Any]
) -> None:
    frame = cleaned[0].frame
    assert int(frame["quantity"].sum()) == expected["units"]
    bought = frame.loc[frame["quantity"] > 0, "amount_minor"]
    assert int(bought.sum()) == expected["bought_cents"]
    assert frame["customer_id"].dtype == np.int64


def test_the_outliers_are_the_known_ones(cleaned: tuple[Orders, CleaningReport]) -> None:
    # 74,215 and 80,995 units that were cancelled within minutes, and 60 baskets at 649.50.
    found = cleaned[1].flagged_rows("outlier")
    assert found["InvoiceNo"].tolist() == ["541431", "C541433", "556444", "581483", "C581484"]


def test_the_services_are_named(cleaned: tuple[Orders, CleaningReport]) -> None:
    assert f"codes that are not items: {', '.join(SERVICES)}." in cleaned[1].notes


def test_all_returned_orders_are_earlier_purchases_of_the_customer(
    cleaned: tuple[Orders, CleaningReport],
) -> None:
    frame = cleaned[0].frame
    returns = frame[frame["returned_order_id"].notna()]
    assert (returns["quantity"] < 0).all()
    bought = frame[frame["quantity"] > 0]
    first = bought.groupby(["customer_id", "order_id"])["ordered_at"].min()
    keys = pd.MultiIndex.from_frame(returns[["customer_id", "returned_order_id"]])
    assert (first.reindex(keys).to_numpy() <= returns["ordered_at"].to_numpy()).all()


def test_its_roles_are_guessed(raw: pd.DataFrame) -> None:
    assert guess_roles(raw).columns == {
        "customer_id": "CustomerID", "order_id": "InvoiceNo", "ordered_at": "InvoiceDate",
        "item_id": "StockCode", "quantity": "Quantity", "price": "UnitPrice",
        "country": "Country",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_other_engines_and_shuffled_rows_give_the_same(
    raw: pd.DataFrame, cleaned: tuple[Orders, CleaningReport], engine: str
) -> None:
    require_engine(engine)
    shuffled = raw.sample(frac=1.0, random_state=7)
    orders, report = clean(to_engine(engine, shuffled))
    assert report == cleaned[1]
    keys = ["customer_id", "order_id", "ordered_at", "item_id", "quantity", "price"]
    columns = [*keys, "amount_minor", "country"]
    one, two = (
        to_pandas(frame)[columns].sort_values(keys, ignore_index=True)
        for frame in (orders.frame, cleaned[0].frame)
    )
    pd.testing.assert_frame_equal(one, two, check_dtype=False)


@pytest.mark.slow
def test_a_csv_file_gives_the_same(
    raw: pd.DataFrame, cleaned: tuple[Orders, CleaningReport], tmp_path: Path
) -> None:
    raw.to_csv(tmp_path / "raw.csv.gz", index=False)
    orders, report = clean(read_csv(tmp_path / "raw.csv.gz"))
    assert report == cleaned[1]
    pd.testing.assert_frame_equal(orders.frame, cleaned[0].frame, check_dtype=False)
