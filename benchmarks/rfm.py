"""RFM with scores, beside the group-by-and-qcut recipe and beside hand-written polars.

The recipe on order lines must count distinct orders; where every line is an order of its
own, counting lines will do, and that faster recipe is timed on such data.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from _pairs import peak_memory, print_environment, time_in_turn

import userportrait as up

SCORES = {"recency": [5, 4, 3, 2, 1], "frequency": [1, 2, 3, 4, 5], "monetary": [1, 2, 3, 4, 5]}


def make_lines(n: int, *, ids: str, lines_per_order: int) -> pd.DataFrame:
    """Two years of order lines in random order; customers buy 10 lines each on average.

    `ids` is ``'integer'``, ``'text'`` (C00001234: of one length) or ``'uneven text'``
    (user1234@shop: of several lengths).
    """
    rng = np.random.default_rng(0)
    order = np.arange(n) // lines_per_order
    n_orders = int(order[-1]) + 1
    customer = rng.integers(0, max(1, n // 10), n_orders)[order]
    second = rng.integers(0, 730 * 86_400, n_orders)[order]
    frame = pd.DataFrame(
        {
            "customer_id": customer,
            "order_id": order,
            "ordered_at": np.datetime64("2024-01-01", "us") + second.astype("timedelta64[s]"),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
        }
    )
    if ids == "text":
        frame["customer_id"] = "C" + frame["customer_id"].astype(str).str.zfill(8)
    elif ids == "uneven text":
        frame["customer_id"] = "user" + frame["customer_id"].astype(str) + "@shop"
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def recipe(lines: pd.DataFrame, *, frequency: str) -> pd.DataFrame:
    """The recipe of countless notebooks: group by, then qcut of ranks."""
    column = {"nunique": "order_id", "size": "amount"}[frequency]
    table = lines.groupby("customer_id").agg(
        last=("ordered_at", "max"), frequency=(column, frequency), monetary=("amount", "sum")
    )
    table["recency"] = (
        lines["ordered_at"].max().normalize() - table["last"].dt.normalize()
    ).dt.days
    for name, labels in SCORES.items():
        table[name[0]] = pd.qcut(table[name].rank(method="first"), 5, labels=labels)
    return table.reset_index()


def hand_written_polars(lines: pl.DataFrame, *, frequency: str) -> pl.DataFrame:
    """What a polars user would write: one lazy query, quintiles by limits."""
    counts = {"nunique": pl.col("order_id").n_unique(), "size": pl.len()}[frequency]
    table = (
        lines.lazy()
        .group_by("customer_id")
        .agg(
            pl.col("ordered_at").max().alias("last"),
            counts.alias("frequency"),
            pl.col("amount").sum().alias("monetary"),
        )
        .with_columns(
            (lines["ordered_at"].max().date() - pl.col("last").dt.date())
            .dt.total_days()
            .alias("recency")
        )
        .collect()
    )
    scored = []
    for name, labels in SCORES.items():
        limits = [table[name].quantile(q, "linear") for q in (0.2, 0.4, 0.6, 0.8)]
        above = sum((pl.col(name) > limit).cast(pl.Int64) for limit in limits)
        scored.append((5 - above if labels[0] == 5 else above + 1).alias(name[0]))
    return table.with_columns(scored).sort("customer_id")


def check(ours: pd.DataFrame, theirs: pd.DataFrame, *, same_scores: bool) -> None:
    """The measures agree; so do the scores, but for ties, which the recipe splits at random."""
    theirs = theirs.sort_values("customer_id").reset_index(drop=True)
    assert ours["customer_id"].tolist() == theirs["customer_id"].tolist()
    assert ours["recency"].tolist() == theirs["recency"].tolist()
    assert ours["frequency"].tolist() == theirs["frequency"].tolist()
    assert np.allclose(ours["monetary"], theirs["monetary"], rtol=1e-12, atol=1e-6)
    differing = (ours["m"].to_numpy() != theirs["m"].astype("int64").to_numpy()).mean()
    assert differing < 1e-4, differing
    if same_scores:
        assert ours["r"].tolist() == theirs["r"].tolist()
        assert ours["f"].tolist() == theirs["f"].tolist()


def run(n: int, *, ids: str, lines_per_order: int, repeats: int) -> None:
    frequency = "size" if lines_per_order == 1 else "nunique"
    lines = make_lines(n, ids=ids, lines_per_order=lines_per_order)
    in_polars = pl.from_pandas(lines)
    prepared = up.Orders(lines)
    ways: dict[str, Any] = {
        "recipe": lambda: recipe(lines, frequency=frequency),
        "raw frame": lambda: up.RFM().fit_transform(lines),
        "coded Orders": lambda: up.RFM().fit_transform(prepared),
        "hand-written polars": lambda: hand_written_polars(in_polars, frequency=frequency),
        "polars frame": lambda: up.RFM().fit_transform(in_polars),
    }
    ours = ways["raw frame"]()
    check(ours, ways["recipe"](), same_scores=False)
    by_hand = ways["hand-written polars"]().to_pandas()
    check(ours, by_hand, same_scores=True)
    check(ways["polars frame"]().to_pandas(), by_hand, same_scores=True)
    pd.testing.assert_frame_equal(ours, ways["coded Orders"]())
    times = time_in_turn(ways, repeats)
    print(
        f"\n{n:,} lines, {ids} ids, {lines_per_order} line(s) an order, recipe counts {frequency}"
    )
    for name, found in times.items():
        rival = "hand-written polars" if "polars" in name else "recipe"
        print(f"  {name:22s} {found!s:38s} ratio {times[rival].median / found.median:5.2f}")


MEMORY = """
import sys
sys.path.insert(0, "benchmarks")
import rfm, userportrait as up
lines = rfm.make_lines(int(sys.argv[1]), ids='integer', lines_per_order=3)
if sys.argv[2] == "recipe":
    rfm.recipe(lines, frequency="nunique")
elif sys.argv[2] == "ours":
    up.RFM().fit_transform(lines)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-memory", action="store_true")
    options = parser.parse_args()
    print_environment("userportrait", "pandas", "numpy", "polars", "narwhals")
    for n in options.lines:
        for ids in ("integer", "text", "uneven text"):
            for lines_per_order in (3, 1):
                run(n, ids=ids, lines_per_order=lines_per_order, repeats=options.repeats)
        if not options.no_memory:
            peaks = {side: peak_memory(MEMORY, str(n), side) for side in ("data", "recipe", "ours")}
            told = ", ".join(f"{side} {mib:,.0f} MiB" for side, mib in peaks.items())
            print(f"\n{n:,} lines, integer ids, peak memory: {told}")


if __name__ == "__main__":
    main()
