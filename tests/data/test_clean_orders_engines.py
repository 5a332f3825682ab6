"""The same rows from every library give the same orders, the same report, in that library."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.engines import installed_engines, require_engine, to_engine, to_pandas
from helpers.raw_orders import ROLES
from userportrait.data import CleaningReport, Orders, clean_events, clean_orders

ALL = [name for name in installed_engines() if name != "spark"]  # Spark: see test_clean_parts
ENGINES = [name for name in ALL if name != "pandas"]
HOMES = {"pandas-pyarrow": "pandas", "duckdb-private": "duckdb"}


def dirty() -> pd.DataFrame:
    """Return rows with every kind of fault, of types that all libraries have."""
    return pd.DataFrame(
        {
            "who": [17850.0, 17850.0, None, 12346.0, 17850.0, 12346.0, 12346.0, 7.0, 7.0],
            "order": ["1", "C2", "3", " 4", "1", "5", "6", "", "8"],
            "when": pd.to_datetime(
                [
                    "2026-01-01 10:00", "2026-01-02", "2026-01-03", "2026-01-04",
                    "2026-01-01 10:00", None, "2030-01-01", "2026-01-05", "2026-01-06",
                ],
                format="ISO8601",
            ).astype("datetime64[us]"),
            "what": ["85123A", "85123A", "22423", "POST", "85123A", "1", "2", "3", None],
            "units": [6, -8, 1, 1, 6, 1, 1, 1, 2],
            "each": [2.55, 2.55, np.inf, 18.0, 2.55, 1.0, 1.0, 1.0, 0.333],
            "land": ["UK", "UK", None, "FR", "UK", "FR", "FR", "DE", "DE"],
            "note": ["x", None, "x", "y", "x", "y", "y", "z", "z"],
            "level": [1, 2, 3, 4, 1, 5, 6, 7, 8],
        }
    )  # fmt: skip


def clean(frame: Any, **options: Any) -> tuple[Orders, CleaningReport]:
    return clean_orders(frame, **{**ROLES, "now": "2026-06-01", "country": "land", **options})


def test_the_worked_example_is_right() -> None:
    orders, report = clean(dirty())
    assert report.removed == {
        "missing_customer_id": 1, "missing_order_id": 1, "missing_time": 1, "future_time": 1,
        "duplicate": 1, "non_product": 1,
    }  # fmt: skip
    assert report.changed == {"customer_id_to_integer": 3, "return_cut": 1}
    assert report.flagged == {"return_partly_matched": 1, "missing_item_id": 1}
    assert orders.frame["amount"].tolist() == [15.3, -15.3, 0.67]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_orders_and_report(engine: str) -> None:
    expected, expected_report = clean(dirty())
    orders, report = clean(to_engine(engine, dirty()))
    assert report == expected_report
    assert orders.engine == HOMES.get(engine, engine)
    found = to_pandas(orders.frame)
    pd.testing.assert_frame_equal(found, to_pandas(expected.frame), check_dtype=False)
    for name in ("customer_id", "quantity", "amount_minor"):
        assert found[name].dtype == np.int64


@pytest.mark.parametrize("engine", ALL)
def test_removed_and_flagged_rows_come_back_as_they_came(engine: str) -> None:
    raw = to_engine(engine, dirty())
    _, report = clean(raw)
    native = report.removed_rows()
    assert type(native) is type(raw)
    removed = to_pandas(native)
    assert removed["row"].tolist() == [2, 3, 4, 5, 6, 7]
    assert removed["reason"].tolist()[:3] == ["missing_customer_id", "non_product", "duplicate"]
    assert list(removed.columns) == [*dirty().columns, "row", "reason"]
    original = to_pandas(to_engine(engine, dirty())).iloc[removed["row"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(removed.drop(columns=["row", "reason"]), original)
    flagged = to_pandas(report.flagged_rows("missing_item_id"))
    assert flagged["row"].tolist() == [8]


@pytest.mark.parametrize("engine", ALL)
def test_reports_of_every_engine_survive_pickling(engine: str) -> None:
    _, report = clean(to_engine(engine, dirty()))
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert to_pandas(again.removed_rows())["row"].tolist() == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("engine", ALL)
def test_integer_customers_with_gaps_keep_all_their_digits(engine: str) -> None:
    # Beyond 2**53, which float64 cannot hold.
    big = 9_007_199_254_740_993
    raw = dirty().assign(who=pd.array([big, big, None, *[big + 2] * 6], dtype="Int64"))
    orders, report = clean(to_engine(engine, raw))
    assert sorted(set(to_pandas(orders.frame)["customer_id"])) == [big, big + 2]
    assert report.removed["missing_customer_id"] == 1


@pytest.mark.parametrize("engine", ALL)
def test_decimal_prices_are_exact(engine: str) -> None:
    prices = [Decimal("2.555")] * 9
    raw = dirty().assign(each=pd.Series(prices, dtype="object"), units=1)
    orders, _ = clean(to_engine(engine, raw), duplicates="keep")
    assert set(to_pandas(orders.frame)["amount_minor"]) == {256}


@pytest.mark.parametrize("engine", ALL)
def test_texts_and_zones_are_read_alike(engine: str) -> None:
    raw = dirty().assign(
        who=["17850.0", "17850.0", None, *["12346.0"] * 6],
        when=pd.to_datetime(["2026-01-01 10:00"] * 9).tz_localize("Asia/Shanghai"),
        each=["2.50", "€2.50", "x", *["3,000.00"] * 6],
    )
    orders, report = clean(to_engine(engine, raw))
    expected, expected_report = clean(raw)
    assert report == expected_report
    assert report.changed["time_zone_converted"] == report.n_rows_out
    pd.testing.assert_frame_equal(
        to_pandas(orders.frame), to_pandas(expected.frame), check_dtype=False
    )
    assert to_pandas(orders.frame)["ordered_at"].dt.hour.unique().tolist() == [2]


@pytest.mark.parametrize("engine", ALL)
def test_a_column_of_nothing_is_missing_everywhere(engine: str) -> None:
    raw = dirty().assign(what=pd.Series([None] * 9, dtype="object"))
    _, report = clean(to_engine(engine, raw))
    assert report.flagged["missing_item_id"] == report.n_rows_out


def test_duckdb_relations_of_a_private_connection_keep_types_that_numpy_lacks() -> None:
    require_engine("duckdb")
    import duckdb

    shop = duckdb.connect()
    relation = shop.sql(
        """
        SELECT
            7::HUGEINT AS who, uuid()::UUID AS "or der",
            TIMESTAMPTZ '2026-01-01 10:00:00+02' AS "when", 'a'::ENUM('a', 'b') AS what,
            2::UTINYINT AS units, 1.255::DECIMAL(9, 3) AS each, [1, 2] AS listed,
            {'k': 1} AS keyed, INTERVAL 1 DAY AS span, NULL AS nothing, DATE '2026-01-02' AS day
        """
    )
    orders, report = clean_orders(relation, **{**ROLES, "order_id": "or der"}, now="2026-06-01")
    found = to_pandas(orders.frame)
    assert found["customer_id"].tolist() == [7]
    assert found["ordered_at"].tolist() == [pd.Timestamp("2026-01-01 08:00")]
    assert found["amount_minor"].tolist() == [251]
    assert found["item_id"].tolist() == ["a"]
    assert report.n_rows_out == 1
    shop.close()
    assert len(orders.to_pandas()) == 1


def test_polars_categories_nulls_and_unsigned_numbers_are_read() -> None:
    require_engine("polars")
    import polars as pl

    raw = pl.DataFrame(
        {
            "who": pl.Series(["a", None], dtype=pl.Categorical),
            "order": pl.Series([1, 2], dtype=pl.UInt64),
            "when": pl.Series(["2026-01-01", "2026-01-02"]).str.to_date(),
            "what": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])),
            "units": pl.Series([1, 1], dtype=pl.Int8),
            "each": pl.Series([1.5, 2.5], dtype=pl.Float32),
            "nothing": pl.Series([None, None]),
            "span": pl.Series([[1], [2]]),
        }
    )
    orders, report = clean_orders(raw, **ROLES, now="2026-06-01")
    assert orders.frame["customer_id"].to_list() == ["a"]
    assert orders.frame["span"].to_list() == [[1]]
    assert report.removed == {"missing_customer_id": 1}


@pytest.mark.parametrize("engine", ALL)
def test_events_are_cleaned_alike(engine: str) -> None:
    raw = pd.DataFrame(
        {
            "who": [1.0, 1.0, None, 2.0],
            "did": ["View", "add to cart", "view", "VIEW "],
            "ts": pd.to_datetime(["2026-01-01"] * 4).astype("datetime64[us]"),
            "item": ["a", "a", "b", None],
            "page": ["p", "q", "r", "s"],
        }
    )
    roles = {"customer_id": "who", "event": "did", "occurred_at": "ts", "item_id": "item"}
    events, report = clean_events(to_engine(engine, raw), **roles, now="2026-06-01")
    found = to_pandas(events.frame)
    assert found["event"].tolist() == ["view", "add_to_cart", "view"]
    assert found["item_id"].tolist() == ["a", "a", None]
    assert found["page"].tolist() == ["p", "q", "s"]
    assert report.removed == {"missing_customer_id": 1}
    assert report.changed == {"event_renamed": 3, "customer_id_to_integer": 3}
