"""How long one customer waits: recommend([customer], k=10) on 40,000 items, with filters.

A model of another class is asked in the same run, so that what serving costs can be told from
what the model costs. Run with the folder of gowalla (train.parquet: user, item); without it the
interactions are made up.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _pairs import print_environment

from userportrait import recommend

if TYPE_CHECKING:
    from collections.abc import Callable


def read_train(folder: Path | None) -> pd.DataFrame:
    """Interactions of gowalla, with days made up, since the split has none."""
    rng = np.random.default_rng(0)
    if folder is None:
        n = 800_000
        item = np.minimum(rng.zipf(1.3, n) - 1, 10**9) % 40_981
        frame = pd.DataFrame({"customer_id": rng.integers(0, 29_858, n), "item_id": item})
    else:
        read = pd.read_parquet(folder / "train.parquet")
        frame = read.rename(columns={"user": "customer_id", "item": "item_id"})
    frame["item_id"] = "p" + frame["item_id"].astype(str).str.zfill(6)
    days = pd.to_timedelta(rng.integers(0, 365, len(frame)), unit="D")
    return frame.assign(occurred_at=pd.Timestamp("2025-01-01") + days)


def make_filters(data: recommend.Interactions) -> dict[str, list[Any]]:
    """What a shop would ask for."""
    rng = np.random.default_rng(1)
    ids, n = data.item_ids, data.n_items
    items = pd.DataFrame(
        {
            "item_id": ids,
            "category": rng.integers(0, 40, n).astype(str),
            "brand": rng.integers(0, 2_000, n).astype(str),
            "price": rng.gamma(2.0, 15.0, n),
            "stock": rng.poisson(2.0, n),
        }
    )
    pairs = pd.DataFrame(
        {
            "customer_id": rng.choice(data.customer_ids, 200_000),
            "item_id": rng.choice(ids, 200_000),
        }
    )
    bands = pd.DataFrame({"customer_id": data.customer_ids, "high": 60.0})
    rules = [
        recommend.InStock(items),
        recommend.PriceBand(items, low=2, for_customers=bands),
        recommend.ExcludeFor(pairs),
        recommend.NotBoughtWithin(90),
    ]
    return {
        "no filter": [],
        "stock, price band, own list, bought within 90 days": rules,
        "and 1 per brand": [*rules, recommend.AtMostPer(1, items)],
        "and quotas": [
            *rules,
            recommend.CategoryQuota(items, at_least={"7": 1, "8": 1}, at_most=3),
        ],
        "and diverse": [*rules, recommend.Diversify()],
        "and diverse by category": [*rules, recommend.Diversify(items=items)],
        "and calibrated": [*rules, recommend.Calibrated(items)],
    }


def seconds_of(ask: Callable[[Any], Any], asked: list[Any]) -> np.ndarray[Any, Any]:
    found = np.empty(len(asked))
    for place, one in enumerate(asked):
        start = time.perf_counter()
        ask(one)
        found[place] = time.perf_counter() - start
    return found


def print_times(name: str, seconds: np.ndarray[Any, Any]) -> None:
    p50, p95, p99 = np.percentile(seconds * 1000, [50, 95, 99])
    print(f"  {name:<52} p50 {p50:6.2f}  p95 {p95:6.2f}  p99 {p99:6.2f} ms")


def print_reasons(model: Any, data: recommend.Interactions) -> None:
    """Say what it takes to find the reasons of everybody's 20 items."""
    lists = model.recommend(k=20, reasons=False)
    row, item = data.customer_places(lists["customer_id"]), data.item_places(lists["item_id"])
    known = np.arange(data.n_customers)
    model.main_items(data.matrix[:1], known[:1], row[:1] * 0, item[:1])
    start = time.perf_counter()
    model.main_items(data.matrix, known, row, item)
    print(f"  the reasons of {len(lists):,} pairs: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with train.parquet")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--models", nargs="*", default=["ItemKNN", "RP3Beta", "GraphFilter"])
    args = parser.parse_args()
    print_environment("numpy", "scipy", "pandas")
    train = read_train(args.data)
    data = recommend.Interactions.from_frame(train)
    print(data)
    rng = np.random.default_rng(2)
    customers = rng.choice(data.customer_ids, args.requests, replace=False).tolist()
    baskets = [rng.choice(data.item_ids, 10).tolist() for _ in range(args.requests)]
    filters = make_filters(data)
    for name in args.models:
        model = getattr(recommend, name)().fit(data)
        print(f"{name}, {args.requests} requests one after the other")
        for label, rules in filters.items():

            def ask(customer: Any, rules: list[Any] = rules, model: Any = model) -> Any:
                return model.recommend([customer], k=10, filters=rules)

            seconds_of(ask, customers[:20])
            print_times(label, seconds_of(ask, customers))

        def fold_in(basket: Any, model: Any = model) -> Any:
            return model.complete([basket], k=10, filters=filters["no filter"])

        def stranger(number: Any, model: Any = model) -> Any:
            return model.recommend([-1 - number], k=10)

        seconds_of(fold_in, baskets[:20])
        print_times("a new customer with ten items", seconds_of(fold_in, baskets))
        print_times("a new customer without any", seconds_of(stranger, list(range(args.requests))))
        print_reasons(model, data)


if __name__ == "__main__":
    main()
