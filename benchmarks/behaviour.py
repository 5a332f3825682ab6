"""Behaviour figures per customer, beside what users of pandas, polars and SQL write by hand.

Both sides give the same figures: counts of each kind of event, of days, items and sessions, in all
and in four windows; recency, tenure, gaps, hours and weekdays. The answers are compared first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from _pairs import peak_memory, print_environment, time_in_turn

import userportrait as up

KINDS = ("view", "cart", "purchase", "search")
WINDOWS = (7, 30, 90, 365)
START = np.datetime64("2024-01-01", "us")
GAP = 30 * 60 * 1_000_000


def make_events(n: int) -> pd.DataFrame:
    """Two years of events, by time: visits of five events on average, 50 events a customer."""
    rng = np.random.default_rng(0)
    n_visits = max(1, n // 5)
    activity = rng.lognormal(0, 1, max(1, n // 50))
    owner = rng.choice(len(activity), n_visits, p=activity / activity.sum())
    started = rng.integers(0, 729 * 86_400, n_visits)
    visit = np.sort(rng.integers(0, n_visits, n))
    second = started[visit] + rng.integers(0, 3600, n)
    order = np.argsort(second, kind="stable")
    item = np.minimum(rng.pareto(1.0, n) * 50, 49_999).astype(np.int64)
    return pd.DataFrame(
        {
            "customer_id": owner[visit][order],
            "event": rng.choice(KINDS, n, p=[0.7, 0.1, 0.05, 0.15]),
            "occurred_at": START + second[order].astype("timedelta64[s]"),
            "item_id": item,
        }
    )


def ours(events: Any) -> Any:
    """The call that is timed: without labels and funnel, which the rivals do not make either."""
    return up.summarise_events(events, windows=WINDOWS, labels=(), funnel=())


# --- pandas ----------------------------------------------------------------------------------


def by_pandas(events: pd.DataFrame) -> pd.DataFrame:
    """Group-by, with one sorted copy for sessions and gaps."""
    frame = events.sort_values(["customer_id", "occurred_at"], ignore_index=True)
    at, customer = frame["occurred_at"], frame["customer_id"]
    frame["day"] = at.dt.floor("D")
    today = frame["day"].max()
    pause = at.diff().where(customer == customer.shift())
    inside = pause <= pd.Timedelta(minutes=30)
    frame["starts"] = ~inside
    frame["seconds"] = pause.where(inside).dt.total_seconds().fillna(0.0)
    frame["hour"], frame["weekday"] = at.dt.hour, at.dt.day_of_week + 1
    frame["night"], frame["weekend"] = frame["hour"] < 6, frame["weekday"] > 5
    groups = frame.groupby("customer_id")
    table = groups.agg(
        first_event_at=("occurred_at", "min"),
        last_event_at=("occurred_at", "max"),
        n_events=("event", "size"),
        n_days=("day", "nunique"),
        n_items=("item_id", "nunique"),
        n_sessions=("starts", "sum"),
        seconds=("seconds", "sum"),
        night_share=("night", "mean"),
        weekend_share=("weekend", "mean"),
    )
    kinds = frame.groupby(["customer_id", "event"]).agg(n=("day", "size"), last=("day", "max"))
    kinds = kinds.unstack("event")
    for kind in KINDS:
        table[f"n_{kind}"] = kinds["n"][kind].fillna(0).astype("int64")
        table[f"recency_{kind}"] = (today - kinds["last"][kind]).dt.days
    table["recency"] = (today - table["last_event_at"].dt.floor("D")).dt.days
    table["tenure"] = (today - table["first_event_at"].dt.floor("D")).dt.days
    table["session_minutes"] = table.pop("seconds") / table["n_sessions"] / 60
    table["session_events"] = table["n_events"] / table["n_sessions"]
    days = frame[["customer_id", "day"]].drop_duplicates()
    gap = days["day"].diff().where(days["customer_id"] == days["customer_id"].shift()).dt.days
    gaps = gap.groupby(days["customer_id"]).agg(["mean", "max"])
    table["mean_gap"], table["longest_gap"] = gaps["mean"], gaps["max"]
    for name in ("hour", "weekday"):
        counts = frame.groupby(["customer_id", name]).size().rename("n").reset_index()
        best = counts.sort_values(["customer_id", "n", name], ascending=[True, False, True])
        best = best.drop_duplicates("customer_id").set_index("customer_id")[name]
        table[f"preferred_{name}"] = best
        if name == "hour":
            share = counts["n"] / counts.groupby("customer_id")["n"].transform("sum")
            bits = -(share * np.log(share)).groupby(counts["customer_id"]).sum() / np.log(24)
            table["hour_spread"] = bits
    for window in WINDOWS:
        recent = frame[frame["day"] > today - pd.Timedelta(days=window)]
        near = recent.groupby("customer_id")
        found = near.agg(
            n_events=("event", "size"),
            n_days=("day", "nunique"),
            n_items=("item_id", "nunique"),
            n_sessions=("starts", "sum"),
        )
        # A session counts on its first day, also where that lies before the window.
        counts = recent.groupby(["customer_id", "event"]).size().unstack("event")
        for kind in KINDS:
            found[f"n_{kind}"] = counts.get(kind, 0)
        found = found.reindex(table.index).fillna(0).astype("int64")
        table = table.join(found.add_suffix(f"_{window}d"))
    return table.reset_index()


# --- polars ----------------------------------------------------------------------------------


def by_polars(events: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """One sorted lazy frame, four aggregations, joined."""
    at = pl.col("occurred_at")
    same = pl.col("customer_id") == pl.col("customer_id").shift()
    frame = (
        events.lazy()
        .sort("customer_id", "occurred_at")
        .with_columns(
            day=at.dt.date(),
            pause=pl.when(same).then(at.diff().dt.total_microseconds()),
            hour=at.dt.hour().cast(pl.Int64),
            weekday=at.dt.weekday().cast(pl.Int64),
        )
        .with_columns(starts=pl.col("pause").is_null() | (pl.col("pause") > GAP))
    )
    today = events.lazy().select(at.max().dt.date()).collect().item()
    day = pl.col("day")

    def since(moment: Any) -> Any:
        return (pl.lit(today) - moment).dt.total_days()

    measures = [
        at.min().alias("first_event_at"),
        at.max().alias("last_event_at"),
        pl.len().alias("n_events"),
        day.n_unique().alias("n_days"),
        pl.col("item_id").n_unique().alias("n_items"),
        pl.col("starts").sum().alias("n_sessions"),
        pl.col("pause").filter(~pl.col("starts")).sum().alias("length"),
        (pl.col("hour") < 6).mean().alias("night_share"),
        (pl.col("weekday") > 5).mean().alias("weekend_share"),
    ]
    for kind in KINDS:
        own = pl.col("event") == kind
        measures.append(own.sum().alias(f"n_{kind}"))
        measures.append(since(day.filter(own).max()).alias(f"recency_{kind}"))
    for window in WINDOWS:
        near = since(day) < window
        measures += [
            near.sum().alias(f"n_events_{window}d"),
            day.filter(near).n_unique().alias(f"n_days_{window}d"),
            pl.col("item_id").filter(near).n_unique().alias(f"n_items_{window}d"),
            (near & pl.col("starts")).sum().alias(f"n_sessions_{window}d"),
            *(
                (near & (pl.col("event") == kind)).sum().alias(f"n_{kind}_{window}d")
                for kind in KINDS
            ),
        ]
    table = frame.group_by("customer_id").agg(measures)
    gaps = (
        frame.select("customer_id", "day")
        .unique()
        .sort("customer_id", "day")
        .with_columns(gap=pl.when(same).then(day.diff().dt.total_days()))
        .group_by("customer_id")
        .agg(mean_gap=pl.col("gap").mean(), longest_gap=pl.col("gap").max())
    )
    hours = frame.group_by("customer_id", "hour").agg(n=pl.len())
    share = pl.col("n") / pl.col("n").sum()
    best_hour = (
        hours.sort("customer_id", "n", "hour", descending=[False, True, False])
        .group_by("customer_id", maintain_order=True)
        .agg(
            preferred_hour=pl.col("hour").first(),
            hour_spread=-(share * share.log()).sum() / np.log(24),
        )
    )
    best_day = (
        frame.group_by("customer_id", "weekday")
        .agg(n=pl.len())
        .sort("customer_id", "n", "weekday", descending=[False, True, False])
        .group_by("customer_id", maintain_order=True)
        .agg(preferred_weekday=pl.col("weekday").first())
    )
    n_sessions = pl.col("n_sessions")
    return (
        table.join(gaps, on="customer_id")
        .join(best_hour, on="customer_id")
        .join(best_day, on="customer_id")
        .with_columns(
            recency=since(pl.col("last_event_at").dt.date()),
            tenure=since(pl.col("first_event_at").dt.date()),
            session_minutes=pl.col("length") / n_sessions / 60e6,
            session_events=pl.col("n_events") / n_sessions,
        )
        .drop("length")
        .sort("customer_id")
        .collect()
    )


# --- SQL -------------------------------------------------------------------------------------

_DUCKDB = {
    "day": "date_diff('day', DATE '1970-01-01', occurred_at)",
    "micros": "epoch_us(occurred_at)",
    "weekday": "isodow(occurred_at)",
}
_SPARK = {
    "day": "datediff(occurred_at, DATE '1970-01-01')",
    "micros": "unix_micros(CAST(occurred_at AS TIMESTAMP))",
    "weekday": "(weekday(occurred_at) + 1)",
}


def sql(dialect: dict[str, str], source: str) -> str:
    """One query, for DuckDB and for Spark."""
    near = {window: f"today - day < {window}" for window in WINDOWS}
    measures = [
        "min(occurred_at) AS first_event_at",
        "max(occurred_at) AS last_event_at",
        "count(*) AS n_events",
        "count(DISTINCT day) AS n_days",
        "count(DISTINCT item_id) AS n_items",
        "count(*) FILTER (WHERE starts) AS n_sessions",
        "max(today) - max(day) AS recency",
        "max(today) - min(day) AS tenure",
        "(max(day) - min(day)) / nullif(count(DISTINCT day) - 1, 0) AS mean_gap",
        "max(day - day_before) FILTER (WHERE day > day_before) AS longest_gap",
        "sum(CASE WHEN starts THEN 0 ELSE pause END) / 60e6 / sum(new) AS session_minutes",
        "count(*) * 1e0 / count(*) FILTER (WHERE starts) AS session_events",
        "avg(CASE WHEN hour < 6 THEN 1e0 ELSE 0e0 END) AS night_share",
        "avg(CASE WHEN weekday > 5 THEN 1e0 ELSE 0e0 END) AS weekend_share",
    ]
    for kind in KINDS:
        own = f"event = '{kind}'"
        measures.append(f"count(*) FILTER (WHERE {own}) AS n_{kind}")
        measures.append(f"max(today) - max(day) FILTER (WHERE {own}) AS recency_{kind}")
    for window, inside in near.items():
        measures += [
            f"count(*) FILTER (WHERE {inside}) AS n_events_{window}d",
            f"count(DISTINCT day) FILTER (WHERE {inside}) AS n_days_{window}d",
            f"count(DISTINCT item_id) FILTER (WHERE {inside}) AS n_items_{window}d",
            f"count(*) FILTER (WHERE starts AND {inside}) AS n_sessions_{window}d",
            *(
                f"count(*) FILTER (WHERE event = '{kind}' AND {inside}) AS n_{kind}_{window}d"
                for kind in KINDS
            ),
        ]
    # Pauses and days before come from the same window over the sorted events.
    return f"""
WITH timed AS (
    SELECT *, {dialect["day"]} AS day, {dialect["micros"]} AS micros,
        hour(occurred_at) AS hour, {dialect["weekday"]} AS weekday
    FROM {source}
), last AS (SELECT max(day) AS today FROM timed
), paused AS (
    SELECT timed.*, today,
        micros - lag(micros) OVER (PARTITION BY customer_id ORDER BY micros) AS pause,
        lag(day) OVER (PARTITION BY customer_id ORDER BY micros) AS day_before
    FROM timed CROSS JOIN last
), marked AS (
    SELECT *, pause IS NULL OR pause > {GAP} AS starts,
        CASE WHEN pause IS NULL OR pause > {GAP} THEN 1 ELSE 0 END AS new
    FROM paused
), main AS (SELECT customer_id, {", ".join(measures)} FROM marked GROUP BY customer_id
), hours AS (SELECT customer_id, hour, count(*) AS n FROM timed GROUP BY customer_id, hour
), shares AS (
    SELECT customer_id, hour, n * 1e0 / sum(n) OVER (PARTITION BY customer_id) AS share,
        row_number() OVER (PARTITION BY customer_id ORDER BY n DESC, hour) AS place
    FROM hours
), by_hour AS (
    SELECT customer_id, max(CASE WHEN place = 1 THEN hour END) AS preferred_hour,
        abs(sum(share * ln(share))) / ln(24) AS hour_spread
    FROM shares GROUP BY customer_id
), weekdays AS (SELECT customer_id, weekday, count(*) AS n FROM timed GROUP BY customer_id, weekday
), by_weekday AS (
    SELECT customer_id, max(CASE WHEN place = 1 THEN weekday END) AS preferred_weekday
    FROM (
        SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY n DESC, weekday) AS place
        FROM weekdays
    ) AS ranked GROUP BY customer_id
)
SELECT main.*, preferred_hour, hour_spread, preferred_weekday
FROM main JOIN by_hour USING (customer_id) JOIN by_weekday USING (customer_id)
"""


# --- the run ---------------------------------------------------------------------------------


def check(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Counts agree exactly, fractions to 1e-9."""
    right = right.sort_values("customer_id", ignore_index=True)
    left = left.sort_values("customer_id", ignore_index=True)
    assert set(left) == set(right), set(left) ^ set(right)
    for name in left:
        mine, its = left[name].to_numpy(), right[name].to_numpy()
        if mine.dtype.kind == "M":
            assert (mine.astype("M8[us]") == its.astype("M8[us]")).all(), name
        else:
            a, b = mine.astype("float64"), its.astype("float64")
            assert np.allclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True), name


def run(n: int, engines: list[str], repeats: int) -> None:
    events = make_events(n)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "events.parquet")
        in_polars = pl.from_pandas(events)
        in_polars.write_parquet(path)
        pairs: dict[str, Any] = {}
        if "pandas" in engines:
            pairs["pandas"] = (lambda: ours(events), lambda: by_pandas(events), lambda t: t)
        if "polars" in engines:
            pairs["polars"] = (
                lambda: ours(in_polars),
                lambda: by_polars(in_polars),
                lambda t: t.to_pandas(),
            )
        if "duckdb" in engines:
            pairs["duckdb"] = (
                lambda: ours(duckdb.read_parquet(path)).to_arrow_table(),
                lambda: duckdb.sql(sql(_DUCKDB, f"read_parquet('{path}')")).to_arrow_table(),
                lambda t: t.to_pandas(),
            )
        if "spark" in engines:
            pairs["spark"] = spark_pair(path)
        for name, (mine, hand, to_pandas) in pairs.items():
            check(to_pandas(mine()), to_pandas(hand()))
            times = time_in_turn({"ours": mine, "by hand": hand}, repeats)
            ratio = times["ours"].median / times["by hand"].median
            told = ", ".join(f"{side} {found}" for side, found in times.items())
            print(f"  {name:8s} {told}; ours / by hand {ratio:.2f}")


def spark_pair(path: str) -> Any:
    import os
    import sys

    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    spark = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    table = spark.read.parquet(path)
    table.createOrReplaceTempView("events")
    return (
        lambda: ours(table).toArrow(),
        lambda: spark.sql(sql(_SPARK, "events")).toArrow(),
        lambda t: t.to_pandas(),
    )


def run_state(n: int) -> None:
    """What one more per cent costs, and what moving the day costs."""
    events = make_events(n)
    cut = int(n * 0.99)

    def timed(work: Any) -> tuple[float, Any]:
        start = time.perf_counter()
        result = work()
        return time.perf_counter() - start, result

    full, state = timed(lambda: up.BehaviourSummary(labels=()).update(events[:cut]))
    more, _ = timed(lambda: state.update(events[cut:]))
    first, table = timed(state.finalize)
    again, _ = timed(lambda: state.finalize("2025-06-30"))
    pd.testing.assert_frame_equal(table, up.summarise_events(events, labels=()))
    print(
        f"  state: 99 % of the events {full:.2f} s, 1 % more {more:.3f} s ({more / full:.1%}); "
        f"first table {first:.2f} s, another day {again:.2f} s"
    )


MEMORY = """
import sys
sys.path.insert(0, "benchmarks")
import behaviour
events = behaviour.make_events(int(sys.argv[1]))
if sys.argv[2] == "by hand":
    behaviour.by_pandas(events)
elif sys.argv[2] == "ours":
    behaviour.ours(events)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--engines", nargs="+", default=["pandas", "polars", "duckdb"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true")
    options = parser.parse_args()
    print_environment("userportrait", "pandas", "numpy", "polars", "duckdb", "narwhals")
    for n in options.events:
        print(f"\n{n:,} events")
        run(n, options.engines, options.repeats)
        run_state(n)
        if not options.no_memory:
            peaks = {s: peak_memory(MEMORY, str(n), s) for s in ("data", "by hand", "ours")}
            told = ", ".join(f"{side} {mib:,.0f} MiB" for side, mib in peaks.items())
            print(f"  peak memory on pandas: {told}")


if __name__ == "__main__":
    main()
