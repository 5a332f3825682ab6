"""Snapshots and the next category of 100,000 customers: seconds, and what is foretold.

Run as `python benchmarks/next_category.py [--lines 1000000]`. The shop is drawn here: customers
with tastes of their own for twelve categories, IDs that are texts.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from _pairs import print_environment

from userportrait.data import Orders
from userportrait.predict import NextPurchaseCategory, snapshots

if TYPE_CHECKING:
    from datetime import datetime


def make_lines(n: int) -> pd.DataFrame:
    """Return order lines of two years, ten a customer."""
    source = np.random.default_rng(0)
    n_customers, n_orders = n // 10, n * 4 // 10
    owner = source.integers(0, n_customers, n_orders)
    minutes = source.integers(0, 730 * 1440, n_orders)
    order = np.sort(source.integers(0, n_orders, n))
    tastes = source.dirichlet(np.full(12, 0.3), n_customers)
    category = (tastes[owner[order]].cumsum(axis=1) > source.random(n)[:, None]).argmax(axis=1)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(owner[order]).astype(str).radd("C"),
            "order_id": pd.Series(order).astype(str).radd("O"),
            "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes[order], unit="min"),
            "amount": np.round(source.lognormal(3, 1, n), 2),
            "category": np.array([f"category {at:02}" for at in range(12)], dtype=object)[category],
        }
    )


def spent(past: Orders, _: datetime) -> pd.DataFrame:
    """Return one cheap feature, so that the time is that of the snapshots."""
    found: pd.DataFrame = (
        past.to_pandas().groupby("customer_id", as_index=False).agg({"amount": "sum"})
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    given = parser.parse_args()
    print_environment("userportrait", "numpy", "pandas", "scipy")
    orders = Orders(make_lines(given.lines))
    dates = pd.date_range("2025-03-01", periods=6, freq="MS")
    start = time.perf_counter()
    rows = snapshots(orders, spent, "bought", dates)
    print(f"snapshots at six moments: {time.perf_counter() - start:.2f} s, {len(rows):,} rows")
    start = time.perf_counter()
    model = NextPurchaseCategory().fit(orders)
    print(f"fit: {time.perf_counter() - start:.2f} s, {model.n_rows_:,} rows")
    start = time.perf_counter()
    found = model.predict(orders)
    print(f"predict: {time.perf_counter() - start:.2f} s, {len(found):,} customers")
    print(model.evaluation_.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
