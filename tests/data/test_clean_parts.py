"""Cleaning in parts gives what cleaning in memory gives: rows, values, counts, notes, errors."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines import require_engine, to_engine, to_pandas
from helpers.raw_orders import ROLES, raw_orders
from userportrait._core import frames
from userportrait.data import (
    CleaningReport,
    clean_events,
    clean_orders,
    guess_roles,
    make_shop,
    read_parquet,
)
from userportrait.data import _clean_parts as parts
from userportrait.data._clean_sql import with_cutting_key
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    UserPortraitError,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-06-01"
EVENT_ROLES = {"customer_id": "who", "event": "did", "occurred_at": "ts"}


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes DuckDB relations be cleaned in so many parts."""
    require_engine("duckdb")

    def cut(n_rows: int, n_parts: int) -> None:
        monkeypatch.setattr(parts, "PARTS_ABOVE", 0)
        monkeypatch.setattr(parts, "ROWS_PER_PART", -(-n_rows // n_parts))

    return cut


def in_duckdb(frame: pd.DataFrame) -> Any:
    return to_engine("duckdb", frame)


def sorted_rows(native: Any) -> list[str]:
    frame = to_pandas(native)
    return sorted(map(repr, frame.astype(object).where(frame.notna(), None).to_numpy().tolist()))


def assert_same(found: tuple[Any, CleaningReport], expected: tuple[Any, CleaningReport]) -> None:
    assert found[1] == expected[1]
    assert found[0].columns == expected[0].columns
    one, two = to_pandas(found[0].frame), to_pandas(expected[0].frame)
    assert one.dtypes.to_dict() == two.dtypes.to_dict()
    assert sorted_rows(found[0].frame) == sorted_rows(expected[0].frame)


def clean(frame: Any, **options: Any) -> tuple[Any, CleaningReport]:
    return clean_orders(frame, **{**ROLES, "now": NOW, **options})


# The same result


dirty_row = st.tuples(
    st.sampled_from(["1.0", " 1.0", "2.0 ", "3.00", "", None, "nan"]),
    st.sampled_from(["1", "2", "C3", "C4", "3 ", None]),
    st.sampled_from(["2026-01-01", "2026-01-02 10:00", "2026-01-02", None, "x", "2099-01-01"]),
    st.sampled_from(["A1", "A2", "A3", "POST", "x9", None]),
    st.sampled_from(["1", "2", "3", "-1", "-2", "0.5", "two", None]),
    st.sampled_from([1.0, 2.5, 0.0, -1.0, np.nan, np.inf, 0.001]),
    st.sampled_from(["x", "y"]),
)
RULES = ("duplicates", "non_products", "zero_price", "negative_price", "unmatched_returns")
options = st.fixed_dictionaries(
    {name: st.sampled_from(["remove", "flag", "keep"]) for name in RULES}
)


@settings(max_examples=25)
@given(st.lists(dirty_row, min_size=1, max_size=25), options)
def test_one_two_or_seven_parts_give_what_memory_gives(
    rows: list[tuple[Any, ...]], rules: dict[str, str]
) -> None:
    require_engine("duckdb")
    raw = in_duckdb(pd.DataFrame(rows, columns=[*ROLES.values(), "note"]).astype({"note": str}))
    expected = outcome(raw, rules)
    for n_parts in (1, 2, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parts, "PARTS_ABOVE", 0)
            patch.setattr(parts, "ROWS_PER_PART", -(-len(rows) // n_parts))
            found = outcome(raw, rules)
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
        else:
            assert_same(found, expected)


def outcome(raw: Any, rules: dict[str, str]) -> Any:
    try:
        return clean(raw, **rules)
    except InvalidDataError as error:
        return error.message


@pytest.mark.parametrize(
    ("engine", "n_parts"), [("duckdb", 1), ("duckdb", 5), ("duckdb-private", 3), ("ibis", 3)]
)
def test_a_messy_shop_is_cleaned_alike(in_parts: Any, engine: str, n_parts: int) -> None:
    shop = make_shop(n_customers=150, random_state=1)
    roles = guess_roles(shop.raw_orders).columns
    raw = to_engine(require_engine(engine), shop.raw_orders)
    asked = {"outliers": "remove", "cancellation_prefix": "R", "now": NOW}
    expected = clean_orders(raw, **roles, **asked)
    in_parts(len(shop.raw_orders), n_parts)
    assert_same(clean_orders(raw, **roles, **asked), expected)


def test_online_retail_is_cleaned_alike(in_parts: Any, shared_data: Path) -> None:
    raw = in_duckdb(read_parquet(shared_data / "online_retail" / "online_retail.parquet"))
    roles = {
        "customer_id": "CustomerID", "order_id": "InvoiceNo", "ordered_at": "InvoiceDate",
        "item_id": "StockCode", "quantity": "Quantity", "price": "UnitPrice", "country": "Country",
    }  # fmt: skip
    expected = clean_orders(raw, **roles)
    in_parts(541_909, 4)
    found = clean_orders(raw, **roles)
    assert found[1] == expected[1]
    assert found[0].columns == expected[0].columns
    order = expected[0].columns
    one, two = (to_pandas(result[0].frame) for result in (found, expected))
    one, two = (frame.sort_values(order, ignore_index=True) for frame in (one, two))
    pd.testing.assert_frame_equal(one, two)
    # 135,080 rows have no customer; see test_clean_online_retail.
    assert len(found[1].removed_rows("missing_customer_id")) == 135_080
    assert len(found[1].flagged_rows()) == len(expected[1].flagged_rows())


def test_orders_of_several_customers_are_found_across_parts(in_parts: Any) -> None:
    raw = raw_orders(40, order=[f"o{i // 2}" if i < 6 else f"o{i}" for i in range(40)])
    expected = clean(in_duckdb(raw))
    assert expected[1].flagged == {"shared_order_id": 6}
    in_parts(40, 7)
    found = clean(in_duckdb(raw))
    assert_same(found, expected)
    assert "3 orders with more than one customer." in found[1].notes
    rows = to_pandas(found[1].flagged_rows("shared_order_id"))
    assert sorted(rows["order"]) == ["o0", "o0", "o1", "o1", "o2", "o2"]
    assert set(rows["reason"]) == {"shared_order_id"}


def test_ids_in_different_spellings_are_one_customer(in_parts: Any) -> None:
    # One purchase and its return, under two spellings of each customer.
    spellings = [s for i in range(30) for s in (f"{i}.0", f"\u00a0{i}.0\ufeff ")]
    raw = raw_orders(
        60, who=spellings, what="A1", units=[2, -2] * 30, each=5.0,
        when=pd.to_datetime(["2026-01-01", "2026-01-02"] * 30).astype("datetime64[us]"),
    )  # fmt: skip
    in_parts(60, 7)
    orders, report = clean(in_duckdb(raw))
    assert report.flagged == {"return_matched": 30}
    assert report.changed == {"customer_id_trimmed": 30, "customer_id_to_integer": 60}
    assert sorted(set(to_pandas(orders.frame)["customer_id"])) == list(range(30))


@pytest.mark.parametrize("missing", [None, "", " nan", "<NA>"])
def test_rows_without_a_customer_are_spread_over_the_parts(missing: Any) -> None:
    require_engine("duckdb")
    raw = raw_orders(40, who=[missing] * 39 + ["a"])
    entered = frames.enter(in_duckdb(raw))
    keyed = with_cutting_key(entered, "who", ["order", "when"], "key")
    keys = frames.collect_arrays(keyed, ["key"])["key"]
    assert len(set(keys)) == 40
    assert keys[-1] == "a"


def test_one_odd_id_among_many_parts_keeps_all_of_them_texts(in_parts: Any) -> None:
    raw = raw_orders(20_000, who=[*(f"{i}.0" for i in range(19_999)), "x"])
    in_parts(20_000, 3)
    orders, _ = clean(in_duckdb(raw), outliers="keep")
    assert "7.0" in set(to_pandas(orders.frame)["customer_id"])


def test_without_pyarrow_parts_come_as_pandas(
    in_parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from userportrait._core.frames import _parts_duckdb

    raw = raw_orders(30, who=[f" {i // 4}.0" for i in range(30)], units=[2, -1] * 15, what="A1")
    raw = raw.assign(level=range(30), open=[True, None] * 15, each=[Decimal("1.255"), None] * 15)
    expected = clean(in_duckdb(raw))
    monkeypatch.setattr(_parts_duckdb, "has_arrow", lambda: False)
    in_parts(30, 4)
    found = clean(in_duckdb(raw))
    assert found[1] == expected[1]
    assert sorted_rows(found[0].frame) == sorted_rows(expected[0].frame)
    assert len(found[1].removed_rows()) == expected[1].n_removed


def test_types_that_numpy_lacks_pass_through(in_parts: Any) -> None:
    import duckdb

    # DuckDB before 2.0 takes names with dots apart.
    dotted = "day.1" if int(duckdb.__version__.partition(".")[0]) >= 2 else "day 1"
    relation = duckdb.sql(
        f"""
        SELECT
            i::HUGEINT AS who, uuid()::UUID AS "or der", TIMESTAMPTZ '2026-01-01 10:00:00+02'
            AS "when", 'a'::ENUM('a', 'b') AS what, 2::UTINYINT AS units,
            1.255::DECIMAL(9, 3) AS each, [1, 2] AS listed, {{'k': 1}} AS keyed, NULL AS nothing,
            DATE '2026-01-02' AS "{dotted}", (i * 1.5)::DECIMAL(20, 2) AS level
        FROM range(9) t(i)
        """
    )
    in_parts(9, 3)
    orders, report = clean_orders(
        relation, **{**ROLES, "order_id": "or der"}, now=NOW, duplicates="flag"
    )
    found = orders.frame
    assert sorted(row[0] for row in found.project("customer_id").fetchall()) == list(range(9))
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert types["listed"] == "INTEGER[]"
    assert types["keyed"] == "STRUCT(k INTEGER)"
    assert types[dotted] == "DATE"
    assert types["level"] == "DECIMAL(20,2)"
    assert set(to_pandas(found)["amount_minor"]) == {251}
    assert report.changed == {"time_zone_converted": 9}


def test_many_items_without_digits_are_counted_in_a_second_look(
    in_parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from userportrait.data import _clean_judge

    raw = raw_orders(
        120, who=[i % 30 for i in range(120)], units=[*[1] * 119, 10_000],
        what=[*("POST", "M", "PADS") * 2, *(f"A{i % 40}" for i in range(114))],
    )  # fmt: skip
    expected = clean(in_duckdb(raw))
    assert expected[1].removed == {"non_product": 6}
    assert expected[1].flagged == {"outlier": 1}
    monkeypatch.setattr(_clean_judge, "MOST_DOUBTFUL", 1)
    in_parts(120, 3)
    assert_same(clean(in_duckdb(raw)), expected)


def test_which_of_equal_rows_stays_does_not_depend_on_their_order() -> None:
    raw = raw_orders(1, who="a")
    both = pd.concat([raw.assign(who=" a "), raw, raw.assign(who="a ")], ignore_index=True)
    for frame in (both, both.iloc[::-1]):
        _, report = clean(frame)
        assert report.removed == {"duplicate": 2}
        assert report.changed == {}


# Rows that are read back


def test_removed_and_flagged_rows_come_back_without_a_position(in_parts: Any) -> None:
    raw = raw_orders(12, who=[None, *range(11)], reason="mine", what=["A1", None, *["A2"] * 10])
    in_parts(12, 3)
    orders, report = clean(in_duckdb(raw))
    removed = to_pandas(report.removed_rows())
    assert list(removed.columns) == [*raw.columns, "reason_"]
    assert removed["reason_"].tolist() == ["missing_customer_id"]
    assert removed["order"].tolist() == ["o0"]
    assert to_pandas(report.flagged_rows("missing_item_id"))["order"].tolist() == ["o1"]
    with pytest.raises(InvalidParameterError, match="'outlier' is not a known reason"):
        report.removed_rows("outlier")
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    with pytest.raises(InvalidDataError, match="can no longer be read"):
        again.removed_rows()
    report.close()
    with pytest.raises(InvalidDataError, match="can no longer be read"):
        report.removed_rows()
    assert len(to_pandas(orders.frame)) == 11


def test_temporary_files_go_where_they_are_told(in_parts: Any, tmp_path: Path) -> None:
    in_parts(12, 3)
    _, report = clean(in_duckdb(raw_orders(12)), directory=tmp_path)
    before = len(list(tmp_path.iterdir()))
    assert before
    report.close()
    assert len(list(tmp_path.iterdir())) < before
    with pytest.raises(InvalidParameterError, match="nowhere' is not a folder"):
        clean(raw_orders(2), directory=tmp_path / "nowhere")


# Errors about a whole column


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"when": ["13/02/2011", "02/13/2011", "01/02/2011"]}, {}),
        ({"when": ["01/02/2011", "05/06/2011", "05/07/2011"]}, {}),
        ({"when": ["11-02-13", "31-12-13", "31-12-14"]}, {}),
        ({"when": ["a", "b", "c"]}, {}),
        ({"when": ["2026-01-31 10:00", "2026-01-31 10:00+02:00", "2026-01-30"]}, {}),
        ({"when": [1_769_864_709, 1_769_864_710, 20260131]}, {}),
        ({"when": ["2026-01-31"] * 3}, {"time_format": "%Q"}),
        ({"when": [46_053, 46_054, 46_055]}, {"time_format": "%d.%m.%Y"}),
        ({}, {"time_format": "%d.%m.%Y"}),
        ({"when": [True, False, True]}, {}),
        ({"who": [1.5, 2.0, np.inf]}, {}),
        ({"who": [1.0, 2.0**60, 2.0**61]}, {}),
        ({"who": [Decimal("1.50"), Decimal(2), Decimal(3)]}, {}),
        ({"order": [True, False, True]}, {}),
        ({"what": pd.to_datetime(["2026-01-01"] * 3).astype("datetime64[us]")}, {}),
        ({"units": [True, False, True]}, {}),
        ({"each": pd.to_datetime(["2026-01-01"] * 3).astype("datetime64[us]")}, {}),
        ({"land": [[1], [2], [3]]}, {"country": "land"}),
        ({"who": [None] * 3}, {}),
        ({"units": ["1,5", "2,5", "3,5"]}, {}),
    ],
)
def test_errors_about_a_whole_column_are_the_same(
    in_parts: Any, columns: dict[str, Any], asked: dict[str, Any]
) -> None:
    raw = in_duckdb(raw_orders(3, **columns))
    with pytest.raises(UserPortraitError) as expected:
        clean(raw, **asked)
    in_parts(3, 3)
    with pytest.raises(type(expected.value)) as found:
        clean(raw, **asked)
    for name in ("message", "column", "n_rows"):
        assert getattr(found.value, name, None) == getattr(expected.value, name, None)


def test_a_table_without_rows_is_an_error(in_parts: Any) -> None:
    in_parts(1, 1)
    with pytest.raises(InvalidDataError, match="clean_orders: the frame has no rows"):
        clean(in_duckdb(raw_orders(1)).limit(0))


def test_times_without_a_time_are_told_apart_up_to_a_thousand(in_parts: Any) -> None:
    raw = in_duckdb(raw_orders(3000, when=[f"no {i}" for i in range(3000)]))
    with pytest.raises(InvalidDataError, match="none of the more than 1,000 different texts"):
        clean(raw)
    in_parts(3000, 3)
    with pytest.raises(InvalidDataError, match="none of the more than 1,000 different texts"):
        clean(raw)


# Events


def events_frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n_rows = 600
    hours = rng.integers(0, 24 * 20, n_rows)
    frame = pd.DataFrame(
        {
            "who": rng.integers(1, 20, n_rows).astype(float),
            "did": rng.choice(["View", " view", "add to cart", "buy", ""], n_rows),
            "ts": [f"{1 + h // 24:02d}/{1 + h % 2}/2026 {h % 24}:00" for h in hours],
            "item": rng.choice(["a", "b ", None], n_rows),
            "page": rng.choice(["p", "q"], n_rows),
        }
    )
    frame.loc[::50, "who"] = np.nan
    return pd.concat([frame, frame.head(9)], ignore_index=True)


def test_events_are_cleaned_alike(in_parts: Any) -> None:
    raw = in_duckdb(events_frame())
    asked = {
        "item_id": "item", "repeat_seconds": 60.0, "event_names": {"view": "seen"},
        "bot_daily_events": 100, "now": NOW, "time_zone": "Europe/Berlin",
    }  # fmt: skip
    expected = clean_events(raw, **EVENT_ROLES, **asked)
    assert {"missing_customer_id", "missing_event", "duplicate"} <= set(expected[1].removed)
    in_parts(609, 5)
    found = clean_events(raw, **EVENT_ROLES, **asked)
    assert_same(found, expected)
    assert len(found[1].removed_rows()) == expected[1].n_removed
    with pytest.raises(ColumnTypeError, match="event='ok' must hold texts"):
        clean_events(raw.project("*, true AS ok"), **{**EVENT_ROLES, "event": "ok"})


# Spark


@pytest.mark.spark
def test_spark_cleans_orders_alike_and_keeps_them_on_spark(spark: Any) -> None:
    shop = make_shop(n_customers=150, random_state=1)
    roles = guess_roles(shop.raw_orders).columns
    raw = shop.raw_orders.assign(tags=[[1, 2]] * len(shop.raw_orders))
    asked = {"outliers": "remove", "cancellation_prefix": "R", "now": NOW}
    expected = clean_orders(shop.raw_orders, **roles, **asked)
    orders, report = clean_orders(to_engine("spark", raw), **roles, **asked)
    assert report == expected[1]
    assert orders.engine == "spark"
    assert type(orders.frame).__module__.startswith("pyspark")
    found = orders.frame
    types = dict(found.dtypes)
    assert types["ordered_at"] == "timestamp_ntz"
    assert types["tags"] == "array<bigint>"
    assert sorted_rows(found.drop("tags")) == sorted_rows(expected[0].frame)
    removed = report.removed_rows()
    assert removed.columns == [*raw.columns, "reason"]
    assert removed.count() == report.n_removed
    report.close()


@pytest.mark.spark
def test_spark_cleans_events_and_raises_errors_of_a_whole_column(spark: Any) -> None:
    raw = events_frame()
    asked = {"item_id": "item", "repeat_seconds": 60.0, "now": NOW, "time_zone": "Asia/Tokyo"}
    expected = clean_events(raw, **EVENT_ROLES, **asked)
    frame = to_engine("spark", raw)
    events, report = clean_events(frame, **EVENT_ROLES, **asked)
    assert report == expected[1]
    assert sorted_rows(events.frame) == sorted_rows(expected[0].frame)
    instants = spark.sql("SELECT 1 AS who, 'view' AS did, TIMESTAMP '2026-01-01 10:00:00' AS ts")
    assert clean_events(instants, **EVENT_ROLES, now=NOW)[1].changed == {"time_zone_converted": 1}
    mixed = frame.selectExpr("who", "did", "concat('31/12/', 2000 + int(who)) AS ts")
    both = mixed.union(mixed.selectExpr("who", "did", "'12/31/2026' AS ts"))
    with pytest.raises(InvalidDataError, match="mixes orders of day and month: 19 dates can only"):
        clean_events(both, **EVENT_ROLES, now=NOW)
