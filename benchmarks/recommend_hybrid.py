"""Blends with attributes: citeulike-a, articles with tags, known and new articles apart.

A fifth of each customer's articles is the test of known articles; a fifth of all articles is
taken out of everybody's history for the test of new ones, where only new articles are ranked.
Weights of the blend are learned inside the training part.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from _pairs import print_environment
from _rating_files import citeulike

from userportrait.recommend import (
    EASE,
    ContentBased,
    Hybrid,
    ItemKNN,
    OnlyItems,
    Popularity,
    evaluate_ranking,
)


def main() -> None:
    print_environment("numpy", "scipy", "pandas")
    pairs, tags = citeulike()
    luck = np.random.default_rng(0)
    items = np.sort(pairs["item_id"].unique())
    new = luck.permutation(items)[: len(items) // 5]
    is_new = pairs["item_id"].isin(new).to_numpy()
    is_test = ~is_new & (luck.random(len(pairs)) < 0.2)
    train, known_test, new_test = pairs[~is_new & ~is_test], pairs[is_test], pairs[is_new]
    print(f"{len(train):,} pairs to learn from, {len(known_test):,} of known articles to find, "
          f"{len(new_test):,} of {len(new):,} new ones")  # fmt: skip
    models: dict[str, Any] = {
        "popular": Popularity(),
        "ItemKNN": ItemKNN(),
        "EASE": EASE(),
        "by content": ContentBased(),
        "blend": Hybrid([EASE(), ItemKNN(), ContentBased()]),
    }
    print(f"  {'':12}{'known R@20':>12}{'N@20':>9}{'new R@20':>12}{'N@20':>9}{'seconds':>10}")
    for label, model in models.items():
        start = perf_counter()
        if label in ("by content", "blend"):
            model.fit(train, items=tags)
        else:
            model.fit(train)
        row = ""
        for test, filters in ((known_test, ()), (new_test, (OnlyItems(new.tolist()),))):
            ids = sorted(set(test["customer_id"]) & set(train["customer_id"]))
            lists = model.recommend(ids, k=20, filters=filters, reasons=False)
            actual = test[test["customer_id"].isin(ids)]
            found = evaluate_ranking(lists, actual, n_resamples=0)["value"].tolist()
            row += f"{found[0]:>12.4f}{found[1]:>9.4f}"
        print(f"  {label:12}{row}{perf_counter() - start:>10.1f}")
        if isinstance(model, Hybrid):
            shown = {name: round(weight, 2) for name, weight in model.weights_.items()}
            print(
                f"    weights {shown}, validation {pd.Series(model.validation_).round(4).to_dict()}"
            )


if __name__ == "__main__":
    main()
