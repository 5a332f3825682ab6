"""Streams of Spark: micro-batches of files, a restart, a repeated batch, late rows, failures."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import InvalidDataError
from userportrait.features import CustomerSummary
from userportrait.stores import DirectoryStateStore, MemoryEventStore, foreach_batch

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spark

SCHEMA = "customer_id STRING, order_id LONG, ordered_at TIMESTAMP, amount DOUBLE"


def lines(first: int, n: int = 6, *, day: str = "2026-01-05") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"c{i % 5}" for i in range(first, first + n)],
            "order_id": np.arange(first, first + n),
            "ordered_at": pd.date_range(day, periods=n, freq="h"),
            "amount": [1.25 * (i + 1) for i in range(first, first + n)],
        }
    )


class Shop:
    """A folder of JSON files that a query reads, one file for each micro-batch."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.source, self.checkpoint = folder / "lines", folder / "checkpoint"
        self.source.mkdir()
        self.written: list[pd.DataFrame] = []

    def add(self, frame: pd.DataFrame) -> None:
        rows = frame.assign(ordered_at=frame["ordered_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        path = self.source / f"{len(self.written)}.json"
        hidden = self.source / f".{path.name}"
        hidden.write_text("\n".join(json.dumps(row) for row in rows.to_dict("records")))
        hidden.rename(path)
        self.written.append(frame)

    def run(self, function: Any) -> None:
        """Read all files that are new since the checkpoint; raise what the query raises."""
        found = (
            self.spark.readStream.schema(SCHEMA)
            .option("maxFilesPerTrigger", 1)
            .option("latestFirst", "false")
            .json(str(self.source))
        )
        writer = found.writeStream.foreachBatch(function)
        writer = writer.option("checkpointLocation", str(self.checkpoint))
        query = writer.trigger(availableNow=True).start()
        query.awaitTermination(60)
        query.stop()

    def forget_the_last_commit(self) -> int:
        """Do to the checkpoint what a crash before the commit does; return the batch."""
        commits = [int(path.name) for path in (self.checkpoint / "commits").glob("[0-9]*")]
        for name in (f"{max(commits)}", f".{max(commits)}.crc"):
            (self.checkpoint / "commits" / name).unlink(missing_ok=True)
        return max(commits)


@pytest.fixture
def shop(spark: Any, tmp_path: Path) -> Shop:
    return Shop(spark, tmp_path)


def stream_at(folder: Path, **options: Any) -> Any:
    store = DirectoryStateStore(folder / "states")
    given = {"name": "orders", "clock": lambda: datetime(2026, 3, 1), **options}
    return foreach_batch(CustomerSummary(), store, **given)


def expect_totals(stream: Any, frames: list[pd.DataFrame]) -> None:
    wanted = CustomerSummary().update(pd.concat(frames))
    pd.testing.assert_frame_equal(stream.state().finalize(), wanted.finalize())
    assert stream.n_rows == sum(map(len, frames))


def test_a_stream_of_files_with_restarts_and_a_repeated_batch_gives_what_one_run_gives(
    shop: Shop, tmp_path: Path
) -> None:
    for i in range(3):
        shop.add(lines(6 * i))
    first = stream_at(tmp_path, merge_every=2)
    shop.run(first)
    assert first.n_batches == 3
    expect_totals(first, shop.written)

    # A new process, the same checkpoint; late rows, and rows of a clock that is wrong.
    shop.add(lines(18, day="2019-12-31"))
    shop.add(lines(24, 3, day="2031-01-01"))
    second = stream_at(tmp_path, merge_every=2)
    shop.run(second)
    assert (second.n_batches, second.n_set_aside) == (5, 3)
    expect_totals(second, shop.written[:4])

    # A crash between the write to the store and Spark's commit: the batch comes again.
    assert shop.forget_the_last_commit() == 4
    third = stream_at(tmp_path, merge_every=2)
    seen: list[int] = []
    shop.add(lines(30))
    shop.run(lambda batch, number: (seen.append(number), third(batch, number)))
    assert seen == [4, 5]
    assert (third.n_batches, third.n_set_aside) == (6, 3)
    expect_totals(third, [*shop.written[:4], shop.written[5]])

    # Another checkpoint counts its batches from 0 again: that is refused, not skipped.
    shop.checkpoint = tmp_path / "another checkpoint"
    with pytest.raises(Exception, match="was written by a query with another checkpoint"):
        shop.run(stream_at(tmp_path))
    expect_totals(stream_at(tmp_path), [*shop.written[:4], shop.written[5]])


def test_a_batch_that_fails_stops_the_query_and_counts_when_it_comes_again(
    shop: Shop, tmp_path: Path
) -> None:
    for i in range(2):
        shop.add(lines(6 * i))

    def fail_at(number: int) -> Any:
        def convert(table: Any) -> Any:
            if table.column("order_id")[0].as_py() == 6 * number:
                raise LookupError("half-way")
            return table

        return stream_at(tmp_path, convert=convert)

    with pytest.raises(Exception, match="half-way"):
        shop.run(fail_at(1))
    assert stream_at(tmp_path).n_batches == 1
    shop.run(fail_at(-1))
    expect_totals(stream_at(tmp_path), shop.written)


def test_a_large_batch_is_reduced_by_spark_and_a_small_one_here(spark: Any) -> None:
    pa: Any = pytest.importorskip("pyarrow")
    frames = [lines(0), lines(6, day="2026-03-01 20:00"), lines(12)]
    given = [spark.createDataFrame(pa.Table.from_pandas(f, preserve_index=False)) for f in frames]
    options: dict[str, Any] = {"clock": lambda: datetime(2026, 3, 1)}
    kept: list[pd.DataFrame] = []
    small = foreach_batch(CustomerSummary(), {}, **options)
    large = foreach_batch(
        CustomerSummary(),
        {},
        collect_up_to=5,
        set_aside=lambda frame, name: kept.append(frame),
        **options,
    )
    for i, batch in enumerate(given):
        small(batch, i)
        large(batch, i)
    wanted = CustomerSummary().update(pd.concat([frames[0], frames[1][:5], frames[2]])).finalize()
    for stream in (small, large):
        assert (stream.n_rows, stream.n_set_aside) == (17, 1)
        pd.testing.assert_frame_equal(stream.state().finalize(), wanted)
    assert [frame["order_id"].tolist() for frame in kept] == [[11]]

    store = MemoryEventStore()
    events = given[0].selectExpr("customer_id", "'view' AS event", "ordered_at AS occurred_at")
    foreach_batch(None, store, name="clicks", **options)(events, 0)
    assert store.n_events == 6
    with pytest.raises(InvalidDataError, match=r"more than 5 rows, .*maxFilesPerTrigger"):
        foreach_batch(None, store, name="clicks", collect_up_to=5)(events, 1)
    assert not store.has_batch("clicks/1")


def test_a_schema_that_changes_over_a_restart_stops_the_query(spark: Any) -> None:
    pa: Any = pytest.importorskip("pyarrow")
    kept: dict[str, bytes] = {}
    given = spark.createDataFrame(pa.Table.from_pandas(lines(0), preserve_index=False))
    foreach_batch(CustomerSummary(), kept)(given, 0)
    changed = given.selectExpr("* EXCEPT (amount)", "CAST(amount AS STRING) AS amount")
    before = dict(kept)
    with pytest.raises(InvalidDataError, match="'amount' held numbers in earlier batches"):
        foreach_batch(CustomerSummary(), kept)(changed, 1)
    assert kept == before
