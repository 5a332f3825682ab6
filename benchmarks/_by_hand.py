"""What a competent user of each engine writes for the figures and scores of `engines.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.value import QUINTILE11

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["BY_HAND", "LABELS"]

LABELS: dict[str, str] = {
    code: label
    for key, label in zip(QUINTILE11.keys, QUINTILE11.labels["en"], strict=True)
    for code in QUINTILE11.codes[key]
}
WINDOWS = (30, 90, 365)
SHARES = (0.2, 0.4, 0.6, 0.8)
SCORED = {"recency": "r", "n_orders": "f", "spend": "m"}


def pandas_by_hand(source: Path, features: Path, scores: Path, as_of: str) -> None:
    names = ["customer_id", "order_id", "ordered_at", "quantity", "price"]
    lines = pd.read_parquet(source, columns=names)
    moment = pd.Timestamp(as_of)
    lines = lines[lines["ordered_at"] <= moment]
    lines["amount"] = lines["quantity"] * lines["price"]
    lines["day"] = lines["ordered_at"].dt.normalize()
    returned = (lines["quantity"] < 0) | (lines["amount"] < 0)
    bought = lines[~returned]
    every = lines.groupby("customer_id").agg(
        spend=("amount", "sum"), seen=("day", "max"), since=("day", "min")
    )
    table = bought.groupby("customer_id").agg(
        first_order_at=("ordered_at", "min"),
        last_order_at=("ordered_at", "max"),
        n_lines=("amount", "size"),
        n_items=("quantity", "sum"),
        gross_spend=("amount", "sum"),
    )
    table = every.join(table)
    orders = bought.groupby(["customer_id", "order_id"])["day"].max()
    table["n_orders"] = orders.groupby("customer_id").size()
    table["n_days"] = bought[["customer_id", "day"]].drop_duplicates().groupby("customer_id").size()
    table["n_returns"] = lines.loc[returned, "customer_id"].value_counts()
    for days in WINDOWS:
        start = moment.normalize() - pd.Timedelta(days=days - 1)
        table[f"orders_{days}d"] = orders[orders >= start].groupby("customer_id").size()
        recent = lines[lines["day"] >= start]
        table[f"spend_{days}d"] = recent.groupby("customer_id")["amount"].sum()
    counts = ["n_orders", "n_days", "n_lines", "n_items", "n_returns"]
    counts += [f"orders_{days}d" for days in WINDOWS]
    table[counts] = table[counts].fillna(0).astype("int64")
    money = ["gross_spend", *(f"spend_{days}d" for days in WINDOWS)]
    table[money] = table[money].fillna(0.0)
    table["refunds"] = table["gross_spend"] - table["spend"]
    table["mean_order_value"] = table["gross_spend"] / table["n_orders"].where(
        table["n_orders"] > 0
    )
    last = table["last_order_at"].dt.normalize().fillna(table["seen"])
    first = table["first_order_at"].dt.normalize().fillna(table["since"])
    table["recency"] = (moment.normalize() - last).dt.days
    table["tenure"] = (moment.normalize() - first).dt.days
    gaps = table["n_days"] - 1
    table["mean_gap"] = (last - first).dt.days / gaps.where(gaps > 0)
    table = table.drop(columns=["seen", "since"]).reset_index()
    scored = table[["customer_id", *SCORED]].copy()
    for name, score in SCORED.items():
        above = np.searchsorted(np.quantile(table[name], SHARES), table[name])
        scored[score] = 5 - above if name == "recency" else above + 1
    codes = (scored["r"] * 100 + scored["f"] * 10 + scored["m"]).astype("int64")
    scored["segment"] = codes.map({int(code): label for code, label in LABELS.items()})
    table.to_parquet(features)
    scored.to_parquet(scores)


def polars_by_hand(source: Path, features: Path, scores: Path, as_of: str) -> None:
    import polars as pl

    moment = pl.lit(as_of).str.to_datetime(time_unit="us")
    col, bought = pl.col, ~pl.col("returned")
    lines = (
        pl.scan_parquet(source)
        .filter(col("ordered_at") <= moment)
        .with_columns(amount=col("quantity") * col("price"), day=col("ordered_at").dt.date())
        .with_columns(returned=(col("quantity") < 0) | (col("amount") < 0))
    )
    windows: list[pl.Expr] = []
    for days in WINDOWS:
        recent = col("day") >= moment.dt.date() - pl.duration(days=days - 1)
        windows += [
            col("order_id").filter(bought & recent).n_unique().alias(f"orders_{days}d"),
            col("amount").filter(recent).sum().alias(f"spend_{days}d"),
        ]
    table = (
        lines.group_by("customer_id")
        .agg(
            col("ordered_at").filter(bought).min().alias("first_order_at"),
            col("ordered_at").filter(bought).max().alias("last_order_at"),
            col("order_id").filter(bought).n_unique().alias("n_orders"),
            col("day").filter(bought).n_unique().alias("n_days"),
            bought.sum().alias("n_lines"),
            col("quantity").filter(bought).sum().alias("n_items"),
            col("returned").sum().alias("n_returns"),
            col("amount").sum().alias("spend"),
            col("amount").filter(bought).sum().alias("gross_spend"),
            col("day").max().alias("seen"),
            col("day").min().alias("since"),
            *windows,
        )
        .with_columns(
            refunds=col("gross_spend") - col("spend"),
            mean_order_value=pl.when(col("n_orders") > 0).then(
                col("gross_spend") / col("n_orders")
            ),
            last=pl.coalesce(col("last_order_at").dt.date(), col("seen")),
            first=pl.coalesce(col("first_order_at").dt.date(), col("since")),
        )
        .with_columns(
            recency=(moment.dt.date() - col("last")).dt.total_days(),
            tenure=(moment.dt.date() - col("first")).dt.total_days(),
            mean_gap=pl.when(col("n_days") > 1).then(
                (col("last") - col("first")).dt.total_days() / (col("n_days") - 1)
            ),
        )
        .drop("seen", "since", "first", "last")
        .collect(engine="streaming")
    )
    scored = table.select("customer_id", *SCORED)
    for name, score in SCORED.items():
        limits = [table[name].quantile(share, "linear") for share in SHARES]
        above = pl.sum_horizontal(*((col(name) > limit).cast(pl.Int64) for limit in limits))
        value = 5 - above if name == "recency" else above + 1
        scored = scored.with_columns(value.alias(score))
    code = col("r") * 100 + col("f") * 10 + col("m")
    labels = {int(code): label for code, label in LABELS.items()}
    scored = scored.with_columns(segment=code.replace_strict(labels, return_dtype=pl.String))
    table.write_parquet(features)
    scored.write_parquet(scores)


def features_sql(lines: str, as_of: str, *, days_between: str, day: str) -> str:
    """The figures as one query; `days_between` and `day` are the engine's own spelling."""
    windows = ", ".join(
        f"count(DISTINCT order_id) FILTER (WHERE NOT returned AND age < {d}) AS orders_{d}d, "
        f"coalesce(sum(amount) FILTER (WHERE age < {d}), 0) AS spend_{d}d"
        for d in WINDOWS
    )
    between = days_between.format
    today = f"CAST(TIMESTAMP '{as_of}' AS DATE)"
    return f"""
        WITH lines AS (
            SELECT customer_id, order_id, ordered_at, quantity, amount,
                   quantity < 0 OR amount < 0 AS returned, day,
                   {between("day", today)} AS age
            FROM (SELECT *, quantity * price AS amount, {day} AS day FROM {lines})
            WHERE ordered_at <= TIMESTAMP '{as_of}'
        ), sums AS (
            SELECT customer_id,
                   min(ordered_at) FILTER (WHERE NOT returned) AS first_order_at,
                   max(ordered_at) FILTER (WHERE NOT returned) AS last_order_at,
                   count(DISTINCT order_id) FILTER (WHERE NOT returned) AS n_orders,
                   count(DISTINCT day) FILTER (WHERE NOT returned) AS n_days,
                   count(*) FILTER (WHERE NOT returned) AS n_lines,
                   coalesce(sum(quantity) FILTER (WHERE NOT returned), 0) AS n_items,
                   count(*) FILTER (WHERE returned) AS n_returns,
                   sum(amount) AS spend,
                   coalesce(sum(amount) FILTER (WHERE NOT returned), 0) AS gross_spend,
                   max(day) AS seen, min(day) AS since, {windows}
            FROM lines GROUP BY customer_id
        ), ends AS (
            SELECT *, coalesce(CAST(last_order_at AS DATE), seen) AS last,
                      coalesce(CAST(first_order_at AS DATE), since) AS first
            FROM sums
        )
        SELECT customer_id, first_order_at, last_order_at, n_orders, n_days, n_lines, n_items,
               n_returns, spend, gross_spend, gross_spend - spend AS refunds,
               CASE WHEN n_orders > 0 THEN gross_spend / n_orders END AS mean_order_value,
               {between("last", today)} AS recency, {between("first", today)} AS tenure,
               CASE WHEN n_days > 1 THEN {between("first", "last")} / (n_days - 1) END AS mean_gap,
               {", ".join(f"orders_{d}d, spend_{d}d" for d in WINDOWS)}
        FROM ends"""


def scores_sql(table: str, quantiles: str, first: int) -> str:
    """The scores as one query; `quantiles` is the engine's function of a column."""
    limits = ", ".join(f"{quantiles.format(name)} AS {name}_limits" for name in SCORED)
    above = {
        name: " + ".join(
            f"CAST({name} > {name}_limits[{first + i}] AS INT)" for i in range(len(SHARES))
        )
        for name in SCORED
    }
    chosen = ", ".join(
        f"5 - ({above[name]}) AS {score}" if name == "recency" else f"1 + {above[name]} AS {score}"
        for name, score in SCORED.items()
    )
    cases = " ".join(f"WHEN {code} THEN '{label}'" for code, label in LABELS.items())
    return f"""
        WITH limits AS (SELECT {limits} FROM {table}),
        scored AS (
            SELECT customer_id, recency, n_orders, spend, {chosen} FROM {table} CROSS JOIN limits
        )
        SELECT *, CASE r * 100 + f * 10 + m {cases} END AS segment FROM scored"""


def duckdb_by_hand(source: Path, features: Path, scores: Path, as_of: str) -> None:
    import duckdb

    query = features_sql(
        f"read_parquet('{source}')",
        as_of,
        days_between="date_diff('day', {}, {})",
        day="CAST(ordered_at AS DATE)",
    )
    duckdb.execute(f"CREATE TABLE features AS {query}")
    duckdb.execute(f"COPY features TO '{features}' (FORMAT parquet)")
    limits = "quantile_cont({}, [0.2, 0.4, 0.6, 0.8])"
    duckdb.execute(f"COPY ({scores_sql('features', limits, 1)}) TO '{scores}' (FORMAT parquet)")


def spark_by_hand(spark: Any, source: Path, features: Path, scores: Path, as_of: str) -> None:
    spark.read.parquet(str(source)).createOrReplaceTempView("order_lines")
    query = features_sql(
        "order_lines",
        as_of,
        days_between="datediff({1}, {0})",
        day="CAST(ordered_at AS DATE)",
    )
    spark.sql(query).write.parquet(str(features))
    spark.read.parquet(str(features)).createOrReplaceTempView("features")
    limits = "percentile({}, array(0.2, 0.4, 0.6, 0.8))"
    spark.sql(scores_sql("features", limits, 0)).write.parquet(str(scores))


BY_HAND: dict[str, Callable[..., None]] = {
    "pandas": pandas_by_hand,
    "polars": polars_by_hand,
    "duckdb": duckdb_by_hand,
    "spark": spark_by_hand,
}
