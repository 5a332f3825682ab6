"""The next basket: NextBasket beside each customer's most frequent items and the other models.

The last basket of each customer with three or more is the test; the one before it is the
validation cut, on which every setting was chosen (`--tune` does it again). Parts of the test
basket that the customer had bought before (repeat) and had not (explore) are told apart.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import TYPE_CHECKING, Any

from _pairs import print_environment
from _rating_files import purchases

from userportrait.recommend import (
    EASE,
    ItemKNN,
    MarkovNext,
    NextBasket,
    Popularity,
    evaluate_ranking,
)

if TYPE_CHECKING:
    import pandas as pd

DATA = ("online retail", "groceries members")
METRICS = ("recall@10", "ndcg@10", "hit_rate@10")
TUNED: dict[str, dict[str, Any]] = {
    "online retail": {"own_share": 0.9, "group_decay": 0.6, "shrinkage": 0.0},
    "groceries members": {"own_share": 0.9, "group_decay": 0.6, "shrinkage": 100.0},
}


def cut_last(lines: pd.DataFrame, least: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out the last basket of each customer with `least` baskets or more."""
    first = lines.groupby(["customer_id", "order_id"])["occurred_at"].min().reset_index()
    first = first.sort_values(["customer_id", "occurred_at", "order_id"])
    n = first.groupby("customer_id")["order_id"].transform("size")
    last = first[n >= least].groupby("customer_id").tail(1)["order_id"]
    out = lines["order_id"].isin(set(last))
    return lines[~out], lines[out]


def parts(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the whole test, what was bought before, and what was not."""
    pairs = ["customer_id", "item_id"]
    test = test[pairs].drop_duplicates()
    had = test.merge(train[pairs].drop_duplicates(), on=pairs, how="left", indicator=True)
    repeat = (had["_merge"] == "both").to_numpy()
    return {"all": test, "repeat": test[repeat], "explore": test[~repeat]}


def grid() -> list[dict[str, Any]]:
    names = ("own_share", "decay", "group_decay", "shrinkage")
    values = ((0.5, 0.7, 0.9), (0.95, 1.0), (0.6, 0.8), (None, 0.0, 10.0, 100.0))
    return [dict(zip(names, point, strict=True)) for point in product(*values)]


def tune(name: str) -> None:
    lines, _ = cut_last(purchases(name), 3)
    train, valid = cut_last(lines, 2)
    found = []
    for params in grid():
        model = NextBasket(**params).fit(train)
        lists = model.recommend(sorted(set(valid["customer_id"])), k=10, reasons=False)
        table = evaluate_ranking(lists, valid, metrics=METRICS[:2], n_resamples=0)
        found.append((table["value"].tolist()[1], table["value"].tolist()[0], params))
    print(f"\n{name}: the best of {len(found)} on the validation baskets (NDCG@10, recall@10)")
    for ndcg, recall, params in sorted(found, key=lambda row: -row[0])[:8]:
        print(f"  {ndcg:.4f} {recall:.4f} {params}")


def compare(name: str) -> None:
    train, test = cut_last(purchases(name), 3)
    customers = sorted(set(test["customer_id"]))
    kinds = parts(train, test)
    share = len(kinds["repeat"]) / len(kinds["all"])
    print(f"\n{name}: {len(customers):,} customers, {share:.0%} of the test bought before")
    models: dict[str, Any] = {
        "popular": Popularity(),
        "own most frequent": NextBasket(n_neighbours=0, decay=1.0, group_decay=1.0, shrinkage=0.0),
        "NextBasket, defaults": NextBasket(),
        "NextBasket, tuned": NextBasket(**TUNED[name]),
        "MarkovNext": MarkovNext(),
        "ItemKNN": ItemKNN(),
        "EASE": EASE(),
    }
    print(f"  {'':22}" + "".join(f"{f'{kind} {m}':>20}" for kind in kinds for m in METRICS[:2]))
    for label, model in models.items():
        model.fit(train)
        lists = model.recommend(customers, k=10, filter_seen=False, reasons=False)
        row = ""
        for kind, actual in kinds.items():
            shown = lists
            if kind == "explore":
                shown = model.recommend(customers, k=10, filter_seen=True, reasons=False)
            table = evaluate_ranking(shown, actual, metrics=METRICS[:2], n_resamples=0)
            row += "".join(f"{value:>20.4f}" for value in table["value"])
        print(f"  {label:22}{row}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="choose settings on validation data")
    options = parser.parse_args()
    print_environment("numpy", "scipy", "pandas")
    for name in DATA:
        (tune if options.tune else compare)(name)


if __name__ == "__main__":
    main()
