"""Figures of each customer, RFM scores and segments from a Parquet file of order lines.

Our call beside the engine's own code for the same columns, on pandas, polars, DuckDB and
Spark. Each turn runs every way once, in a process of its own, so that its peak memory is
its own; the clock runs from opening the file to the written results, without imports and
without the start of Spark's session. Answers are compared before figures are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _by_hand import BY_HAND, SCORED
from _order_files import AS_OF, write_order_lines
from _pairs import Times, print_environment

import userportrait as up

ENGINES = tuple(BY_HAND)
WAYS = ("ours", "by hand")


def pandas_ours(source: Path, features: Path, scores: Path, as_of: str) -> None:
    names = ["customer_id", "order_id", "ordered_at", "quantity", "price"]
    orders = up.Orders(pd.read_parquet(source, columns=names))
    summary = up.summarise_orders(orders, as_of=as_of)
    summary.to_parquet(features)
    up.RFM().fit_transform(summary).to_parquet(scores)


def polars_ours(source: Path, features: Path, scores: Path, as_of: str) -> None:
    import polars as pl

    query = up.summarise_orders(up.Orders(pl.scan_parquet(source)), as_of=as_of)
    summary = query.collect(engine="streaming")
    summary.write_parquet(features)
    up.RFM().fit_transform(summary).write_parquet(scores)


def duckdb_ours(source: Path, features: Path, scores: Path, as_of: str) -> None:
    import duckdb

    orders = up.Orders(duckdb.read_parquet(str(source)))
    up.summarise_orders(orders, as_of=as_of).create("features")
    summary = duckdb.table("features")
    summary.write_parquet(str(features))
    up.RFM().fit_transform(summary).write_parquet(str(scores))


def spark_ours(spark: Any, source: Path, features: Path, scores: Path, as_of: str) -> None:
    orders = up.Orders(spark.read.parquet(str(source)))
    up.summarise_orders(orders, as_of=as_of).write.parquet(str(features))
    summary = spark.read.parquet(str(features))
    up.RFM().fit_transform(summary).write.parquet(str(scores))


OURS = {
    "pandas": pandas_ours,
    "polars": polars_ours,
    "duckdb": duckdb_ours,
    "spark": spark_ours,
}


def start_spark(memory: str) -> Any:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": memory,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": tempfile.gettempdir(),
    }
    builder = builder.master("local[*]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    session.range(10).count()
    return session


def peak_mib(spark: Any) -> float:
    """Peak resident memory of this process, and of Spark's Java process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if spark is not None:
        java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # noqa: SLF001
        status = Path(f"/proc/{java}/status").read_text()
        peak += int(status.partition("VmHWM:")[2].split()[0])
    return peak / 1024


def run_one(options: argparse.Namespace) -> None:
    """Run one way once; for a process of its own."""
    engine, way = options.one
    ways = {"ours": OURS, "by hand": BY_HAND}[way]
    given: list[Any] = []
    if engine == "spark":
        given.append(start_spark(options.spark_memory))
    elif engine == "duckdb":
        import duckdb

        if options.duckdb_memory:
            duckdb.execute(f"SET memory_limit = '{options.duckdb_memory}'")
        duckdb.execute(f"SET temp_directory = '{options.out}/spill'")
        duckdb.execute("SET preserve_insertion_order = false")
    else:
        __import__(engine)
    _ = up.Orders, up.summarise_orders, up.RFM  # imported on first use
    folder = Path(options.out)
    start = time.perf_counter()
    ways[engine](*given, options.file, folder / "features", folder / "scores", AS_OF)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "mib": peak_mib(given[0] if given else None)}))


def run_apart(engine: str, way: str, out: Path, options: argparse.Namespace) -> dict[str, float]:
    out.mkdir(parents=True)
    command = [sys.executable, __file__, "--one", engine, way, "--out", str(out)]
    command += ["--file", str(options.file), "--spark-memory", options.spark_memory]
    command += ["--duckdb-memory", options.duckdb_memory]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine}, {way}:\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(ours: Path, by_hand: Path) -> None:
    """Counts and times are equal; money is but for the last digits; so are the scores."""
    left, right = (read(folder / "features") for folder in (ours, by_hand))
    for name in left.columns:
        a, b = left[name], right[name]
        if a.dtype.kind == "f":
            wanted = b.astype("float64")
            assert np.allclose(a, wanted, rtol=1e-9, atol=1e-6, equal_nan=True), name
        else:
            assert (a.isna() == b.isna()).all(), name
            assert (a.dropna() == b.dropna()).all(), name
    left, right = (read(folder / "scores") for folder in (ours, by_hand))
    right = right.rename(columns={"n_orders": "frequency", "spend": "monetary"})
    for name in SCORED.values():  # a sum of floats may lie on the other side of a limit
        assert (left[name].to_numpy() != right[name].to_numpy()).mean() < 1e-3, name
    assert (left["segment"].to_numpy() != right["segment"].to_numpy()).mean() < 2e-3


def read(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_localize(None)
        if pd.api.types.is_datetime64_dtype(frame[name].dtype):
            frame[name] = frame[name].astype("datetime64[us]")
    return frame.sort_values("customer_id", ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--spark-memory", default="4g")
    parser.add_argument("--duckdb-memory", default="", help="such as 3GB; by default DuckDB's own")
    parser.add_argument("--file", type=Path, help="a file that is there, instead of a new one")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options)
        return
    packages = [{"spark": "pyspark"}.get(name, name) for name in options.engines]
    print_environment("userportrait", "numpy", "narwhals", "pyarrow", *packages)
    with tempfile.TemporaryDirectory() as folder:
        if options.file is None:
            options.file = Path(folder, "lines.parquet")
            write_order_lines(options.file, options.lines, options.customers)
        turns: dict[tuple[str, str], list[dict[str, float]]] = {}
        for turn in range(options.repeats):
            for engine in options.engines:
                for way in options.ways:
                    out = Path(folder, f"{turn}-{engine}-{way.replace(' ', '-')}")
                    found = run_apart(engine, way, out, options)
                    turns.setdefault((engine, way), []).append(found)
                if turn == 0 and len(options.ways) == len(WAYS):
                    made = [Path(folder, f"0-{engine}-{w.replace(' ', '-')}") for w in WAYS]
                    check(*made)
        print(f"\n{options.lines:,} lines; the answers agree")
        report(turns, options)


def report(
    turns: dict[tuple[str, str], list[dict[str, float]]], options: argparse.Namespace
) -> None:
    for engine in options.engines:
        times = {
            way: Times(tuple(found["seconds"] for found in turns[engine, way]))
            for way in options.ways
        }
        for way in options.ways:
            mib = max(found["mib"] for found in turns[engine, way])
            print(f"  {engine:7s} {way:8s} {times[way]!s:38s} peak {mib:7,.0f} MiB")
        if len(times) == len(WAYS):
            ratio = times["ours"].median / times["by hand"].median
            print(f"  {engine:7s} ours / by hand {ratio:5.2f}")


if __name__ == "__main__":
    main()
