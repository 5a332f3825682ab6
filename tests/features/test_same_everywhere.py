"""One answer on every engine, bit for bit: summaries, RFM, months, cohorts, totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import ENGINES, installed_engines, require_engine, to_engine, to_pandas
from userportrait.data import Orders, make_shop
from userportrait.errors import InvalidDataError
from userportrait.features import (
    count_cohorts,
    order_totals,
    summarise_months,
    summarise_orders,
)
from userportrait.value import RFM

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2026-03-15 12:00"
OTHERS = [name for name in installed_engines() if name not in ("pandas", "spark")]
LAZY = [name for name in OTHERS if name.startswith(("duckdb", "ibis", "polars-lazy"))]

ROWS = [
    # Ties at the limits, one time, one amount.
    *[(f"tie{i}", f"t{i}", "2026-01-10 08:00", 1, 20.0) for i in range(12)],
    # Only returns; and a purchase before them that is a return by its amount.
    ("only returns", "r1", "2026-02-02 10:00", -2, 5.0),
    ("only returns", "r2", "2026-02-05 10:00", -1, 0.01),
    # One order over three days, and over midnight; one ID used by two customers.
    ("戊", "over", "2026-01-30 23:59:59.999999", 1, 1.005),
    ("戊", "over", "2026-01-31 00:00", 3, 0.335),
    ("戊", "over", "2026-02-14 00:00", 1, 7.0),
    ("émile", "over", "2026-02-14 00:00", 1, 2.5),
    # A line of a bought order that is sent back, in the window and before it.
    ("ann", "a1", "2025-12-31 22:30", 5, 9.99),
    ("ann", "a1", "2026-03-01 09:00", -5, 9.99),
    ("ann", "a2", AS_OF, 1, 0.0),
    # After as_of: not there at all, and not only later lines.
    ("late", "l1", "2026-03-15 12:00:00.000001", 1, 4.0),
    ("ann", "a3", "2026-04-01", 7, 100.0),
]


def shop_lines() -> pd.DataFrame:
    """The sample shop's lines before and after as_of, and rows that are easily got wrong."""
    names = ["customer_id", "order_id", "ordered_at", "quantity", "price"]
    rows = pd.DataFrame(ROWS, columns=names)
    rows["ordered_at"] = pd.to_datetime(rows["ordered_at"], format="ISO8601").astype("M8[us]")
    shop = make_shop(n_customers=60, start="2025-05-01", end="2026-05-01", random_state=4)
    lines = shop.orders.to_pandas().astype({"customer_id": object, "order_id": object})[names]
    lines = lines.assign(order_id=lines["order_id"].astype(str))
    lines = lines.assign(customer_id=lines["customer_id"].astype(str))
    return pd.concat([lines, rows], ignore_index=True)


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return shop_lines()


OPTIONS: list[dict[str, Any]] = [
    {},
    {"segments": "value8", "refunds": "ignore", "language": "zh"},
    {"n_bins": 3, "binning": "kmeans", "monetary": "mean"},
    {"n_bins": 2, "binning": "median"},
    {"n_bins": 9, "binning": "uniform"},
]


def everything(
    native: Any, as_of: Any = AS_OF, n_options: int = len(OPTIONS)
) -> dict[str, pd.DataFrame]:
    """Every result of the main job, as pandas frames in the order of the customers."""
    orders = Orders(native)
    summary = summarise_orders(orders, as_of=as_of, windows=(1, 30, 90))
    if orders.engine == "spark":
        summary = summary.cache()
    found: dict[str, Any] = {"summary": summary}
    for number, given in enumerate(OPTIONS[:n_options]):
        model = RFM(**given)
        if number % 2:  # one way from the lines, the other from the summary
            found[f"rfm {number}"] = model.fit_transform(orders, as_of=as_of)
        else:
            found[f"rfm {number}"] = model.fit(summary).transform(summary)
        limits = [[n, *model.limits_[n].tolist()] for n in model.limits_]
        empty = [[n, *model.empty_scores_[n]] for n in model.empty_scores_]
        learned = [*limits, *empty, [model.n_customers_]]
        found[f"learned {number}"] = pd.DataFrame({"learned": [repr(row) for row in learned]})
    found["months"] = summarise_months(orders, as_of=as_of)
    found["cohorts"] = count_cohorts(orders, as_of=as_of).to_frame()
    found["totals"] = pd.DataFrame([order_totals(orders, as_of=as_of)])
    return {name: settled(frame) for name, frame in found.items()}


def settled(native: Any) -> pd.DataFrame:
    frame = to_pandas(native)
    keyed = "customer_id" in frame.columns
    return frame.sort_values("customer_id", ignore_index=True) if keyed else frame


def check_same(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, expected[name], check_exact=True, obj=name)


@pytest.fixture(scope="module")
def expected(lines: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return everything(lines)


def test_the_rows_that_are_easily_got_wrong_are_right(expected: dict[str, pd.DataFrame]) -> None:
    summary = expected["summary"].set_index("customer_id")
    assert "late" not in summary.index
    assert summary.loc["戊", ["n_orders", "n_days", "n_lines"]].tolist() == [1, 3, 3]
    assert summary.loc["戊", "spend"] == 9.02  # 1.01 + 1.01 + 7.00: 1.005 rounds up
    assert summary.loc["émile", "n_orders"] == 1
    assert summary.loc["ann", ["n_orders", "n_returns", "spend"]].tolist() == [2, 1, 0.0]
    assert summary.loc["ann", ["orders_30d", "spend_30d"]].tolist() == [1, -49.95]
    assert summary.loc["ann", "orders_1d"] == 1
    gone = summary.loc["only returns"]
    assert gone[["n_orders", "recency", "tenure", "spend"]].tolist() == [0, 38, 41, -10.01]
    assert gone[["first_order_at", "mean_order_value", "mean_gap"]].isna().all()


@pytest.mark.parametrize("name", OTHERS)
def test_every_engine_gives_the_same_bits(
    name: str, lines: pd.DataFrame, expected: dict[str, pd.DataFrame]
) -> None:
    check_same(everything(to_engine(name, lines)), expected)


@pytest.mark.parametrize("name", [*LAZY, "polars", "pandas-pyarrow"])
def test_times_with_a_zone_give_the_same_bits(
    name: str, lines: pd.DataFrame, expected: dict[str, pd.DataFrame]
) -> None:
    require_engine(name)
    zoned = lines["ordered_at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    found = everything(to_engine(name, lines.assign(ordered_at=zoned)))
    check_same(found, expected)


def test_large_polars_frames_give_the_same_bits_through_the_engine(
    lines: pd.DataFrame, expected: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    pl = pytest.importorskip("polars")
    monkeypatch.setattr("userportrait.data._orders.ARRAYS_UP_TO", 0)
    frame = pl.from_pandas(lines)
    check_same(everything(frame), expected)
    summary = summarise_orders(frame, as_of=AS_OF)
    assert isinstance(summary, pl.DataFrame)
    assert summary["customer_id"].is_sorted()


@pytest.mark.parametrize("name", LAZY)
def test_shops_without_returns_and_with_fractions_of_units_too(
    name: str, lines: pd.DataFrame
) -> None:
    bought = lines[lines["quantity"] > 0].reset_index(drop=True)
    check_same(everything(to_engine(name, bought)), everything(bought))
    for share in (1.0, 0.1):  # whole numbers of a fractional type stay whole
        weighed = lines.assign(quantity=lines["quantity"] * share)
        found = summarise_orders(to_engine(name, weighed), as_of=AS_OF)
        wanted = summarise_orders(weighed, as_of=AS_OF)
        pd.testing.assert_frame_equal(settled(found), settled(wanted), check_exact=True)
    plain = bought[["customer_id", "order_id", "ordered_at"]].assign(amount=bought["price"])
    plain["order_id"] = np.arange(len(plain))
    check_same(everything(to_engine(name, plain), None), everything(plain, None))


@pytest.mark.parametrize("name", LAZY)
def test_shops_with_nothing_but_returns_too(name: str) -> None:
    rows = [row for row in ROWS if row[0] == "only returns"]
    frame = pd.DataFrame(
        rows, columns=["customer_id", "order_id", "ordered_at", "quantity", "price"]
    )
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"]).astype("M8[us]")
    check_same(everything(to_engine(name, frame), None), everything(frame, None))


def duckdb_threads(n: int | None) -> None:
    import duckdb

    duckdb.execute("RESET threads" if n is None else f"SET threads = {n}")


@pytest.mark.parametrize("name", ["duckdb", "polars-lazy", "ibis"])
def test_ten_repeats_with_shuffled_rows_and_other_threads_give_the_same_bits(
    name: str, lines: pd.DataFrame, expected: dict[str, pd.DataFrame]
) -> None:
    if name not in OTHERS:
        pytest.skip(f"{name} is not installed")
    for repeat in range(10):
        shuffled = lines.sample(frac=1, random_state=repeat)
        native = to_engine(name, shuffled)
        if name == "duckdb":
            duckdb_threads(1 + repeat % 3)
        summary = summarise_orders(native, as_of=AS_OF, windows=(1, 30, 90))
        found = {"summary": settled(summary), "rfm 0": settled(RFM().fit_transform(summary))}
        check_same(found, expected)
    if name == "duckdb":
        duckdb_threads(None)


@pytest.mark.parametrize("name", ENGINES)
def test_a_result_belongs_to_the_library_of_its_input(name: str, lines: pd.DataFrame) -> None:
    if name not in installed_engines():
        pytest.skip(f"{name} is not installed")
    native = to_engine(name, lines)
    summary = summarise_orders(native, as_of=AS_OF)
    assert type(summary) is type(native)
    assert type(RFM().fit_transform(summary)) is type(native)


@pytest.mark.spark
def test_spark_gives_the_same_bits_however_its_rows_are_spread(
    spark: Any, lines: pd.DataFrame, expected: dict[str, pd.DataFrame]
) -> None:
    frame = to_engine("spark", lines.sample(frac=1, random_state=9)).cache()
    check_same(everything(frame, n_options=2), expected)
    zoned = lines["ordered_at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    spread = to_engine("spark", lines.assign(ordered_at=zoned)).repartition(5)
    spark.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    try:
        summary = settled(summarise_orders(spread, as_of=AS_OF, windows=(1, 30, 90)))
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    check_same({"summary": summary}, expected)
    for bad, message in {
        None: "'price' must hold finite numbers; 1 row hold",
        1e17: "2[*][*]53",
    }.items():
        rows = lines[:5].assign(price=[bad, 1.0, 1.0, 1.0, 1.0])
        with pytest.raises(InvalidDataError, match=message):
            Orders(to_engine("spark", rows))


# Online Retail, 541,909 rows of a real shop; the data set is lent and never part of the project.


@pytest.fixture(scope="module")
def retail(shared_data: Path) -> pd.DataFrame:
    pytest.importorskip("pyarrow", reason="reading the Parquet file needs pyarrow")
    names = {
        "CustomerID": "customer_id",
        "InvoiceNo": "order_id",
        "InvoiceDate": "ordered_at",
        "Quantity": "quantity",
        "UnitPrice": "price",
    }
    raw = pd.read_parquet(shared_data / "online_retail" / "online_retail.parquet")
    frame = raw.rename(columns=names)[list(names.values())].dropna(subset=["customer_id"])
    return frame.astype({"customer_id": "int64"}).reset_index(drop=True)


@pytest.fixture(scope="module")
def expected_retail(retail: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return everything(retail, "2011-11-01")


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "duckdb-private"])
def test_a_real_shop_gives_the_same_bits(
    name: str, retail: pd.DataFrame, expected_retail: dict[str, pd.DataFrame]
) -> None:
    check_same(everything(to_engine(name, retail), "2011-11-01"), expected_retail)


@pytest.mark.spark
def test_a_real_shop_gives_the_same_bits_on_spark(
    spark: Any, retail: pd.DataFrame, expected_retail: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    retail.to_parquet(tmp_path / "retail.parquet")
    orders = Orders(spark.read.parquet(str(tmp_path / "retail.parquet")))
    summary = summarise_orders(orders, as_of="2011-11-01", windows=(1, 30, 90)).cache()
    found = {"summary": settled(summary), "rfm 0": settled(RFM().fit_transform(summary))}
    check_same(found, expected_retail)
