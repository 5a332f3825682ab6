"""The main job on Spark gives what it gives in memory, bit for bit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import userportrait as up
from userportrait._core import frames
from userportrait.errors import InvalidDataError
from userportrait.tags import (
    Domain,
    FactTag,
    FrameTag,
    PreferenceTag,
    StatisticalTag,
    TagCatalogue,
)

if TYPE_CHECKING:
    from pathlib import Path

    from userportrait.data import Shop

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def shop() -> Shop:
    return up.make_shop(n_customers=90, random_state=6)


@pytest.fixture(scope="module")
def lines(shop: Shop) -> pd.DataFrame:
    """Order lines with ties in time and an own column with nulls."""
    frame = shop.orders.to_pandas().drop(columns="amount_minor")
    frame["ordered_at"] = frame["ordered_at"].dt.floor("h")
    return frame.assign(note=frame["channel"].where(frame.index % 3 > 0, None))


def to_spark(spark: Any, frame: pd.DataFrame) -> Any:
    """Return a Spark DataFrame whose times are instants, as most tables have them."""
    import pyarrow as pa

    times = frame.select_dtypes("datetime").columns
    zoned = frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in times})
    return spark.createDataFrame(pa.Table.from_pandas(zoned, preserve_index=False))


def catalogue(shop: Shop) -> TagCatalogue:
    some = shop.customers.to_pandas()["customer_id"].head(30)
    return up.default_tags().add(
        StatisticalTag("note", "note", "most_frequent"),
        StatisticalTag("p30", "amount", "quantile", q=0.3, per="order"),
        PreferenceTag("second_category", "category", rank=2, zone="Asia/Shanghai"),
        FrameTag("advisor", pd.DataFrame({"customer_id": some, "who": "Mei"}), "who"),
    )


def plain(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return columns of plain values by name, rows sorted by customer."""
    frame = frame.sort_values("customer_id")
    return {
        str(name): [None if v is None or v is pd.NA or v != v else v for v in frame[name].tolist()]
        for name in frame
    }


def test_the_main_job_on_spark_is_the_main_job_in_memory(
    spark: Any, shop: Shop, lines: pd.DataFrame
) -> None:
    given: dict[str, Any] = {
        "as_of": lines["ordered_at"].quantile(0.9),  # a tenth of the lines are late
        "customers": shop.customers.to_pandas(),
        "items": shop.items.to_pandas(),
        "events": shop.events.to_pandas(),
    }
    expected = up.build_portraits(lines, catalogue(shop), **given)
    given["events"] = to_spark(spark, given["events"])
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            orders = up.Orders(to_spark(spark, lines))
            found = up.build_portraits(orders, catalogue(shop), **given)
            tagged = up.tag_customers(orders, catalogue(shop), **given)
        assert found.build == expected.build  # with limits, totals, months and cohorts
        assert list(found.table.json_rows()) == list(expected.table.json_rows())
        assert "arrays" not in vars(orders)  # no line was collected
        with frames.quiet_spark():
            collected = tagged.toArrow().to_pandas()
        assert plain(collected) == plain(expected.to_frame())
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)


def test_a_value_outside_its_domain_is_an_error_of_this_library(
    spark: Any, lines: pd.DataFrame
) -> None:
    tags = TagCatalogue([FactTag("recency", "recency", domain=Domain("number", low=0, high=50))])
    native = to_spark(spark, lines)
    with pytest.raises(InvalidDataError, match="outside its domain") as expected:
        up.build_portraits(lines, tags)
    with pytest.raises(InvalidDataError) as found:
        up.build_portraits(native, tags)
    assert str(found.value) == str(expected.value)
    tagged = up.tag_customers(native, tags)
    with pytest.raises(InvalidDataError, match="outside its domain"), frames.quiet_spark():
        tagged.collect()


def test_online_retail_on_spark_is_online_retail_in_memory(
    spark: Any, shared_data: Path, tmp_path: Path
) -> None:
    raw = pd.read_parquet(shared_data / "online_retail" / "online_retail.parquet")
    orders, _ = up.clean_orders(
        raw, customer_id="CustomerID", order_id="InvoiceNo", ordered_at="InvoiceDate",
        item_id="StockCode", quantity="Quantity", price="UnitPrice", country="Country",
    )  # fmt: skip
    expected = up.build_portraits(orders, as_of="2011-12-10")
    file = tmp_path / "orders.parquet"
    orders.to_pandas().drop(columns="amount_minor").to_parquet(file, index=False)
    found = up.build_portraits(spark.read.parquet(str(file)), as_of="2011-12-10")
    assert len(found) == len(expected) > 4_000
    assert found.build == expected.build
    assert list(found.table.json_rows()) == list(expected.table.json_rows())
