"""Work in parts on Spark: the same results, and errors that say what to do."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from userportrait._core import frames
from userportrait._core.frames import _parts_spark
from userportrait.errors import InvalidDataError, UnsupportedOnEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.spark

ROWS = [
    ("ann", "2026-01-05 00:00:00", 1, 1.5),
    ("bo", None, 2, None),
    ("ann", "2026-01-06 10:30:00", 2**60 + 1, 2.5),
]
SCHEMA: dict[str, Any] = {
    "customer_id": "text",
    "units": "integer",
    "last": "time",
    "day": "date",
    "price": "number",
    "note": "text",
}


@pytest.fixture(scope="module")
def rows(spark: Any) -> Iterator[Any]:
    """Rows with an instant, in a session of another time zone."""
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    made = spark.createDataFrame(ROWS, "customer_id string, at string, units bigint, price double")
    yield made.selectExpr(
        "customer_id", "cast(concat(at, 'Z') as timestamp) as at", "units", "price as `the.price`"
    )
    spark.conf.set("spark.sql.session.timeZone", zone)


def summarise(part: dict[str, Any]) -> pd.DataFrame:
    """Sum up each customer; the notes come from the other table."""
    found = frames.to_pandas(frames.enter(part["rows"]))
    notes = frames.to_pandas(frames.enter(part["notes"])).set_index("id")["note"]
    groups = found.groupby("customer_id", sort=False)
    last = groups["at"].max()
    return pd.DataFrame(
        {
            "customer_id": list(last.index),
            "units": groups["units"].sum().to_numpy(),
            "last": last.to_numpy(),
            "day": last.to_numpy(),
            "price": groups["the.price"].mean().to_numpy(),
            "note": [notes.get(name) for name in last.index],
        }
    )


def test_parts_are_groups_of_spark(rows: Any) -> None:
    notes = frames.enter(pd.DataFrame({"id": ["ann", "zoe"], "note": ["你好", "no orders"]}))
    tables = {"rows": (frames.enter(rows), "customer_id"), "notes": (notes, "id")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = frames.cut_by_key(tables, n_parts=3)
        result = frames.leave(parts.map(summarise, SCHEMA))
        found = sorted(tuple(row) for row in result.collect())
        sizes = parts.collect(lambda part: str([len(t) for t in part.values()]).encode())
    types = [field.dataType.simpleString() for field in result.schema.fields]
    assert types == ["string", "bigint", "timestamp_ntz", "date", "double", "string"]
    first = pd.Timestamp("2026-01-06 10:30").to_pydatetime()
    assert found == [
        ("ann", 2**60 + 2, first, first.date(), 2.0, "你好"),
        ("bo", 2, None, None, None, None),
    ]
    counted = [json.loads(text) for text in sizes]
    assert [sum(column) for column in zip(*counted, strict=True)] == [3, 2]


def test_as_many_parts_as_spark_shuffles_or_the_rows_need(rows: Any) -> None:
    frame = frames.enter(rows)
    assert frames.cut_by_key({"rows": (frame, "customer_id")}).n_parts == 2
    assert frames.cut_by_key({"rows": (frame, "customer_id")}, rows_per_part=1).n_parts == 3


def test_rows_are_scored_where_they_are(rows: Any) -> None:
    def double(batch: Any) -> pd.DataFrame:
        found = frames.to_pandas(frames.enter(batch))
        hours = found["at"].dt.hour
        return pd.DataFrame({"units": found["units"] * 2, "hour": hours})

    schema: Any = {"units": "integer", "hour": "integer"}
    result = frames.leave(frames.map_batches(frames.enter(rows), double, schema))
    assert sorted(tuple(row) for row in result.collect() if row[1] is not None) == [
        (2, 0), (2**61 + 2, 10),
    ]  # fmt: skip
    pieces = frames.collect_batches(frames.enter(rows), lambda batch: str(len(batch)).encode())
    assert sum(int(piece) for piece in pieces) == 3


def test_an_error_on_a_worker_arrives_with_its_class_and_message(rows: Any) -> None:
    def fail(_: Any) -> Any:
        message = "2 customers would get a value outside the domain."
        raise InvalidDataError(message, column="m", rows=[3], n_rows=2)

    parts = frames.cut_by_key({"rows": (frames.enter(rows), "customer_id")}, n_parts=2)
    with pytest.raises(InvalidDataError, match="outside the domain") as caught:
        parts.collect(fail)
    assert (caught.value.column, caught.value.rows, caught.value.n_rows) == ("m", (3,), 2)
    assert caught.value.__cause__ is None
    result = frames.leave(parts.map(fail, {"m": "integer"}))
    with pytest.raises(InvalidDataError, match="outside the domain"), frames.quiet_spark():
        result.collect()
    with pytest.raises(Exception, match="InvalidDataError: 2 customers would"):
        result.collect()  # outside of the library, Spark's own error still says it


def test_another_python_on_the_workers_is_refused_before_the_work(
    rows: Any, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark.sparkContext, "pythonVer", "3.9")
    monkeypatch.setattr(_parts_spark, "_CHECKED", set())
    with pytest.raises(UnsupportedOnEngine, match="PYSPARK_PYTHON") as caught:
        frames.cut_by_key({"rows": (frames.enter(rows), "customer_id")}, n_parts=2)
    assert "sys.executable" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_package_or_python_on_the_workers_is_named() -> None:
    remedy = _parts_spark._remedy("ModuleNotFoundError: No module named 'userportrait'")
    assert remedy is not None
    assert "Install userportrait[spark]" in remedy
    remedy = _parts_spark._remedy('Cannot run program "python3": error=2')
    assert remedy is not None
    assert "PYSPARK_PYTHON" in remedy
    assert _parts_spark._remedy("out of memory") is None


def test_loose_keys_on_spark(spark: Any) -> None:
    texts = [
        ("17850",),
        (" 17850",),
        ("17850.0",),
        ("17850\u200b",),
        ("\ufeff17850\u00a0",),
        (None,),
    ]
    keyed = frames.with_loose_key(
        frames.enter(spark.createDataFrame(texts, "id string")), "id", "k"
    )
    assert [row.k for row in frames.leave(keyed).collect()] == ["17850"] * 5 + [None]
    floats = spark.createDataFrame([(17850.0,), (float("nan"),), (1e300,), (None,)], "id double")
    keyed = frames.with_loose_key(frames.enter(floats), "id", "k")
    assert [row.k for row in frames.leave(keyed).collect()] == [17850, None, None, None]
