"""The main job on a real shop's 541,909 rows: counted again in plain pandas, and repeatable.

The data set is public and lent, never part of the project; where it is not there, these
tests are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import userportrait as up
from userportrait.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.portraits import Portraits

COLUMNS = {
    "customer_id": "CustomerID",
    "order_id": "InvoiceNo",
    "ordered_at": "InvoiceDate",
    "item_id": "StockCode",
    "quantity": "Quantity",
    "price": "UnitPrice",
    "country": "Country",
}


@pytest.fixture(scope="module")
def retail_file(shared_data: Path) -> Path:
    pytest.importorskip("pyarrow", reason="reading the Parquet file needs pyarrow")
    return shared_data / "online_retail" / "online_retail.parquet"


@pytest.fixture(scope="module")
def raw(retail_file: Path) -> pd.DataFrame:
    return pd.read_parquet(retail_file)


@pytest.fixture(scope="module")
def built(raw: pd.DataFrame) -> Portraits:
    return portray(raw)


def portray(frame: Any) -> Portraits:
    orders, _ = up.clean_orders(frame, **COLUMNS)
    return up.build_portraits(orders, as_of="2011-12-10")


def test_the_command_line_does_the_whole_job_in_one_go(
    retail_file: Path, built: Portraits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, store = tmp_path / "retail.html", tmp_path / "retail.db"
    code = main(
        ["portrait", str(retail_file), "--report", str(report), "--store", str(store),
         "--as-of", "2011-12-10"]
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    assert "541,909" in said
    assert "135,080" in said
    assert 20_000 < report.stat().st_size < 2_000_000
    opened = up.open_portraits(up.SQLiteStore(store))
    pd.testing.assert_frame_equal(opened.to_frame(), built.to_frame(), check_exact=True)


def test_every_row_is_accounted_for(raw: pd.DataFrame) -> None:
    orders, cleaning = up.clean_orders(raw, **COLUMNS)
    table = cleaning.to_frame()
    removed = table.loc[table["action"] == "removed"].set_index("reason")["n_rows"]
    assert cleaning.n_rows_in == len(raw) == 541_909
    assert cleaning.n_rows_out == len(orders) == 541_909 - removed.sum()
    # Counted in plain pandas: customers first, then exact duplicates of what is left.
    assert removed["missing_customer_id"] == raw["CustomerID"].isna().sum() == 135_080
    known = raw[raw["CustomerID"].notna()]
    assert removed["duplicate"] == known.duplicated().sum()
    back = cleaning.removed_rows()
    assert len(back) == removed.sum()


def test_sums_of_the_clean_orders_agree_with_pandas(raw: pd.DataFrame) -> None:
    orders, _ = up.clean_orders(raw, **COLUMNS)
    lines = orders.to_pandas()
    kept = raw[raw["CustomerID"].notna()].drop_duplicates()
    goods = kept[~kept["StockCode"].isin(
        ["POST", "D", "M", "C2", "BANK CHARGES", "PADS", "DOT", "CRUK"]
    )]  # fmt: skip
    bought = goods[(goods["Quantity"] > 0) & (goods["UnitPrice"] > 0)]
    purchases = lines[lines["quantity"] > 0]
    assert len(purchases) == len(bought)
    assert purchases["order_id"].nunique() == bought["InvoiceNo"].nunique()
    assert purchases["customer_id"].nunique() == bought["CustomerID"].nunique()
    cents = np.floor(bought["Quantity"] * bought["UnitPrice"] * 100 + 0.500001).sum()
    assert purchases["amount_minor"].sum() == cents


def test_tags_agree_with_pandas(raw: pd.DataFrame, built: Portraits) -> None:
    orders, _ = up.clean_orders(raw, **COLUMNS)
    lines = orders.to_pandas()
    bought = lines[lines["quantity"] > 0]
    by = bought.groupby("customer_id")
    tags = built.to_frame().set_index("customer_id")
    assert tags["n_orders"].tolist() == by["order_id"].nunique().tolist()
    days = (pd.Timestamp("2011-12-10") - by["ordered_at"].max().dt.normalize()).dt.days
    assert tags["recency"].tolist() == days.tolist()
    spend = lines.groupby("customer_id")["amount_minor"].sum() / 100
    assert tags["spend"].tolist() == spend.tolist()
    m = pd.qcut(spend, 5, labels=[1, 2, 3, 4, 5]).astype("int64")
    assert (tags["m"] == m).all()


def engines(raw: pd.DataFrame, file: Path, *, threads: int = 2) -> dict[str, Any]:
    duckdb = pytest.importorskip("duckdb")
    pl = pytest.importorskip("polars")
    connection = duckdb.connect(config={"threads": threads})
    return {
        "pandas": lambda: raw,
        "polars": lambda: pl.read_parquet(file),
        "polars-lazy": lambda: pl.scan_parquet(file),
        "duckdb": lambda: connection.read_parquet(str(file)),
        "file": lambda: up.read_parquet(file),
        "shuffled": lambda: raw.sample(frac=1, random_state=3),
    }


def test_pandas_polars_duckdb_and_a_file_give_identical_tags(
    raw: pd.DataFrame, retail_file: Path, built: Portraits
) -> None:
    expected = built.to_frame()
    for name, make in engines(raw, retail_file).items():
        found = portray(make()).to_frame()
        pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=name)


@pytest.mark.slow
def test_ten_times_in_a_row_on_each_engine_the_tags_are_the_same(
    raw: pd.DataFrame, retail_file: Path, built: Portraits
) -> None:
    expected = built.to_frame()
    for turn in range(10):
        for name, make in engines(raw, retail_file, threads=1 + turn % 2).items():
            frame = raw.sample(frac=1, random_state=turn) if name == "shuffled" else make()
            found = portray(frame).to_frame()
            pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=name)
