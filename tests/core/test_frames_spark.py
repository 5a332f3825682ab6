"""Spark DataFrames come in and go out; the basic words give what they give elsewhere."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from helpers.flavours import build_spark, read, read_rows, types_of
from userportrait._core import frames
from userportrait.data import Events, Orders
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    MissingColumnError,
    UnsupportedOnEngine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.spark

DAY = 86_400_000_000
NOON, OLD = datetime(2026, 1, 5, 12), datetime(1900, 3, 1)
HALF = datetime(1969, 12, 31, 23, 59, 59, 500_000)
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "i": ("int64", [2**60 + 1, None, -3]),
    "s": ("int16", [1, 2, 3]),
    "a.b": ("float64", [1.5, None, math.nan]),
    "instant": ("zoned", [NOON, None, HALF]),
    "clock": ("time", [NOON, None, OLD]),
    "day": ("date", [date(2026, 1, 5), None, date(1969, 12, 31)]),
    "t": ("text", ["b", None, "a"]),
    "d": ("decimal", [Decimal("1.5"), None, Decimal("-2.25")]),
    "flag": ("bool", [True, None, False]),
    "far": ("time", [datetime(9999, 12, 31, 23), datetime(2300, 1, 2), None]),
}


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York"])
def zone(request: pytest.FixtureRequest, spark: Any) -> Iterator[str]:
    """A time zone of the session, which must not matter."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", request.param)
    yield request.param
    spark.conf.set("spark.sql.session.timeZone", before)


GROUPS = count()


def jobs_of(session: Any, work: Any) -> int:
    """Count the jobs that a piece of work starts."""
    context, group = session.sparkContext, f"count-{next(GROUPS)}"
    context.setJobGroup(group, "")
    work()
    n = len(context.statusTracker().getJobIdsForGroup(group))
    context.setLocalProperty("spark.jobGroup.id", None)
    return n


def test_times_are_utc_whatever_the_time_zone_of_the_session(spark: Any, zone: str) -> None:
    frame = frames.enter(build_spark(spark, **COLUMNS))

    assert frames.spans(frame, ["instant", "clock", "day", "far"]) == {
        "instant": (HALF, NOON),
        "clock": (OLD, NOON),
        "day": (datetime(1969, 12, 31), datetime(2026, 1, 5)),
        "far": (datetime(2300, 1, 2), datetime(9999, 12, 31, 23)),
    }
    made = frame
    for name in ("instant", "clock", "day", "far"):
        made = frames.with_epoch_micros(made, name, f"{name}_at")
        made = frames.with_day_number(made, f"{name}_at", f"{name}_day")
    made = frames.with_time(made, "clock_at", "again")
    found = frames.to_pandas(frames.select_columns(made, [*list(COLUMNS)[3:6], "again"]))
    assert read(found) == {
        "instant": [NOON, None, HALF],
        "clock": [NOON, None, OLD],
        "day": [datetime(2026, 1, 5), None, datetime(1969, 12, 31)],
        "again": [NOON, None, OLD],
    }
    numbers = frames.select_columns(made, [n for n in frames.column_names(made) if "_" in n])
    assert read(frames.leave(numbers)) == {
        "instant_at": [20458 * DAY + DAY // 2, None, -500_000],
        "instant_day": [20458, None, -1],
        "clock_at": [20458 * DAY + DAY // 2, None, -25508 * DAY],
        "clock_day": [20458, None, -25508],
        "day_at": [20458 * DAY, None, -DAY],
        "day_day": [20458, None, -1],
        "far_at": [2932896 * DAY + 23 * DAY // 24, 120531 * DAY, None],
        "far_day": [2932896, 120531, None],
    }
    for name, kept in (("instant", [HALF]), ("clock", [OLD]), ("day", [date(1969, 12, 31)])):
        until = frames.keep_rows_until(frame, name, datetime(2026, 1, 4, 23))
        assert read(frames.to_pandas(frames.select_columns(until, [name])))[name] == [
            datetime.combine(v, datetime.min.time()) if type(v) is date else v for v in kept
        ]
    exactly = frames.keep_rows_until(frame, "instant", NOON)
    assert frames.count_rows(exactly) == 2


def test_results_come_back_without_a_zone(spark: Any, zone: str) -> None:
    like = frames.enter(build_spark(spark, i=("int64", [1])))
    arrays = {
        "at": np.array(["2026-01-05T01", "NaT", "1900-01-01"], dtype="datetime64[us]"),
        "who": np.array(["客", None, "b"], dtype=object),
        "n": np.array([2**60 + 1, 2, 3]),
        "x": np.array([0.5, np.nan, 1.0]),
        "none": np.array([None, None, None], dtype=object),
    }

    for made in (
        frames.from_arrays(arrays, "spark", like=like),
        frames.from_arrays(arrays, "spark"),
    ):
        assert dict(made.dtypes) == {
            "at": "timestamp_ntz",
            "who": "string",
            "n": "bigint",
            "x": "double",
            "none": "string",
        }
        found = frames.collect_arrays(frames.enter(made), list(arrays))
        for name, values in arrays.items():
            assert_array_equal(found[name], values)
            assert found[name].dtype == values.dtype


def test_columns_keep_their_kinds_and_what_is_missing_is_counted(spark: Any) -> None:
    frame = frames.enter(build_spark(spark, **COLUMNS))

    assert frame.engine == "spark"
    assert frames.leave(frame) is frame.native
    assert frames.column_kinds(frame) == {
        "i": "integer",
        "s": "integer",
        "a.b": "number",
        "instant": "time",
        "clock": "time",
        "day": "date",
        "t": "text",
        "d": "decimal",
        "flag": "boolean",
        "far": "time",
    }
    assert frames.count_rows(frame) == 3
    missing = frames.count_missing(frame, list(COLUMNS))
    assert missing == {name: 2 if name == "a.b" else 1 for name in COLUMNS} | {"s": 0}
    assert frames.spans(frame, ["i", "a.b", "d"]) == {
        "i": (-3, 2**60 + 1),
        "a.b": (1.5, 1.5),
        "d": (-2.25, 1.5),
    }
    nothing = frames.enter(spark.sql("SELECT NULL AS n, CAST(NULL AS BIGINT) AS i, array(1) AS l"))
    assert frames.column_kinds(nothing) == {"n": "empty", "i": "integer", "l": "other"}
    assert frames.extremes(nothing, "i") == (None, None)


def test_deriving_words_give_the_table_worked_out_by_hand(spark: Any) -> None:
    frame = frames.enter(
        build_spark(
            spark,
            **{
                "a.b": ("float64", [1.005, -1.005, 2.5, math.nan, None, 1e300, -math.inf]),
                "n": ("int64", [2, -3, 0, 4, 5, None, 1]),
                "t": ("text", ["x", None, "z", "p", "q", "r", "s"]),
                "f": ("float32", [0.5, 2.0, 1.0, math.inf, -1.0, 3.0, math.nan]),
            },
        )
    )
    made = frames.with_minor_units(frame, "a.b", "cents", digits=2)
    made = frames.with_product(made, "a.b", "n", "product")
    made = frames.with_zero_for_missing(made, ["n"])
    made = frames.with_any_negative(made, ["n"], "back")
    made = frames.with_choice(made, "back", -1, 1, "sign")
    made = frames.with_null_where(made, "back", {"kept": "n", "word": "t"})
    made = frames.name_columns(made, {"n": "t", "t": "n"})
    chosen = ["cents", "back", "sign", "kept", "word", "t", "n"]
    found = frames.leave(frames.select_columns(made, chosen))

    assert read(found) == {
        "cents": [101, -101, 250, None, None, None, None],
        "back": [False, True, False, False, False, False, False],
        "sign": [1, -1, 1, 1, 1, 1, 1],
        "kept": [2, None, 0, 4, 5, 0, 1],
        "word": ["x", None, "z", "p", "q", "r", "s"],
        "t": [2, -3, 0, 4, 5, 0, 1],
        "n": ["x", None, "z", "p", "q", "r", "s"],
    }
    assert {types_of(found)[name] for name in ("cents", "sign", "kept", "t")} == {"Int64"}
    product = frames.collect_arrays(made, ["product"])["product"]
    assert_array_equal(product, [2.01, 3.0149999999999997, 0.0, np.nan, np.nan, np.nan, -np.inf])
    assert frames.unfit_ids(frame, "f").tolist() == [-1, -1]  # 0.5 and infinity, whatever row
    assert frames.unfit_ids(frame, "n").tolist() == []
    whole = frames.with_whole_ids(frames.enter(spark.sql("SELECT 2.0D AS k")), ["k"])
    assert read(frames.leave(whole)) == {"k": [2]}
    ordered = frames.sort_rows(frames.select_columns(frame, ["t", "n"]), ["n"])
    assert frames.count_rows(ordered) == 7
    key, arrays = frames.collect_keyed(frames.top_rows(frame, ["t"], 2), "t", ["n"])
    again = frames.from_arrays({"t": key, "n": arrays["n"]}, "spark", like=frame)
    assert read(again) == {"t": ["p", "q"], "n": [4, 5]}


def test_aggregates_give_the_table_worked_out_by_hand(spark: Any) -> None:
    at = [datetime(2026, 1, 5), None, datetime(1969, 1, 1), None, None, datetime(2026, 1, 6)]
    frame = frames.enter(
        build_spark(
            spark,
            **{
                "who.is": ("text", ["a", "b", "a", "b", None, "a"]),
                "i": ("int32", [1, None, 2, None, 50, 4]),
                "x": ("float64", [0.5, None, math.nan, None, 9.0, 0.25]),
                "t": ("text", ["p", None, "q", None, "z", "p"]),
                "at": ("time", at),
                "day": ("date", [value and value.date() for value in at]),
            },
        )
    )
    found = frames.aggregate(
        frame,
        ["who.is"],
        {
            "total": ("i", "sum"),
            "known": ("i", "count"),
            "money": ("x", "sum"),
            "small": ("x", "min"),
            "items": ("t", "n_unique"),
            "values": ("x", "n_unique"),
            "first": ("at", "min"),
            "last": ("day", "max"),
        },
        rows="n",
    )

    assert read_rows(frames.leave(found)) == [
        ("a", 7, 3, 0.75, 0.25, 2, 2, datetime(1969, 1, 1), datetime(2026, 1, 6), 3),
        ("b", 0, 0, 0.0, None, 0, 0, None, None, 2),
    ]
    types = types_of(frames.leave(found))
    assert {types[name] for name in ("total", "known", "items", "n")} == {"Int64"}
    keyed = frames.aggregate(frame, ["x"], {}, rows="n")
    assert read_rows(frames.leave(keyed)) == [(0.25, 1), (0.5, 1), (9.0, 1)]


def test_orders_and_events_are_made_with_one_job(spark: Any) -> None:
    lines = build_spark(
        spark,
        customer_id=("text", ["a", "b"]),
        order_id=("int32", [1, 2]),
        ordered_at=("zoned", [datetime(2026, 1, 5), datetime(2026, 1, 6)]),
        amount=("float64", [1.005, -2.0]),
        note=("text", [None, "x"]),
    )
    made: list[Any] = []

    n = jobs_of(spark, lambda: made.append(Orders(lines)))

    orders = made[0]
    assert n == 1
    assert jobs_of(spark, lambda: (orders.newest, orders.oldest, orders.has_returns)) == 0
    assert (len(orders), orders.engine, orders.in_memory) == (2, "spark", False)
    assert (orders.newest, orders.oldest) == (datetime(2026, 1, 6), datetime(2026, 1, 5))
    assert orders.has_returns
    assert dict(orders.frame.dtypes)["order_id"] == "bigint"
    assert read(frames.leave(frames.select_columns(orders.lines, ["amount_minor"]))) == {
        "amount_minor": [101, -200]
    }
    visits = build_spark(
        spark,
        customer_id=("int64", [1]),
        event=("text", ["view"]),
        occurred_at=("time", [datetime(2026, 1, 5)]),
    )
    assert jobs_of(spark, lambda: made.append(Events(visits))) == 1
    assert repr(made[1]) == "<Events: 1 row, spark, columns customer_id, event, occurred_at>"


def test_bad_tables_are_refused_with_the_same_errors(spark: Any) -> None:
    good = {
        "customer_id": ("text", ["a", None]),
        "order_id": ("float64", [1.0, 2.5]),
        "ordered_at": ("zoned", [datetime(2026, 1, 5), None]),
        "amount": ("float64", [1.0, math.nan]),
    }
    lines = build_spark(spark, **good)

    with pytest.raises(MissingColumnError, match="ordered_at"):
        Orders(lines.drop("ordered_at"))
    with pytest.raises(ColumnTypeError, match="'order_id' must hold whole numbers"):
        Orders(lines)
    lines = lines.selectExpr("customer_id", "1 AS order_id", "ordered_at", "amount")
    with pytest.raises(InvalidDataError, match="1 value of 'customer_id' missing"):
        Orders(lines)
    with pytest.raises(InvalidDataError, match="no rows"):
        Orders(lines.filter("FALSE"))
    with pytest.raises(ColumnTypeError, match="ordered_at"):
        Orders(lines.selectExpr("customer_id", "order_id", "'x' AS ordered_at", "amount"))
    with pytest.raises(InvalidDataError, match=r"two columns named 'A' \(Spark does not tell case"):
        frames.enter(spark.sql("SELECT 1 AS a, 2 AS A"))


def test_what_spark_cannot_do_is_said_before_any_job(spark: Any) -> None:
    stream = spark.readStream.format("rate").load()

    def refuse() -> None:
        with pytest.raises(UnsupportedOnEngine, match=r"streaming Spark DataFrame\. Give each mic"):
            frames.enter(stream, argument="events")
        frame = frames.enter(spark.range(3))
        with pytest.raises(UnsupportedOnEngine, match=r"Naming rows does not work on spark\. Keep"):
            frames.needs(frame, "row_positions", "Naming rows")

    assert jobs_of(spark, refuse) == 0


def test_parquet_written_by_spark_is_read_by_the_others(spark: Any, tmp_path: Any) -> None:
    pl = pytest.importorskip("polars")
    frame = frames.enter(build_spark(spark, n=("int64", [1, None]), clock=("time", [NOON, None])))

    frames.sink_parquet(frame, tmp_path / "out")

    found = pl.read_parquet(tmp_path / "out" / "*.parquet")
    assert sorted(found.rows(), key=str) == sorted([(1, NOON), (None, None)], key=str)
    with pytest.raises(FileExistsError, match="exists already"):
        frames.sink_parquet(frame, tmp_path / "out")
