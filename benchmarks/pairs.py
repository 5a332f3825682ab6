"""Complements and substitutes: all pairs at once, beside loops, and what rule filters cannot see.

Times the exact test of every pair beside SciPy's, counts the significant negative pairs that are
in no rule frame, and looks for the planted bundles of the sample shop.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _pairs import print_environment, time_in_turn
from scipy.stats import hypergeom

import userportrait as up
from userportrait.patterns import Baskets, find_complements, find_substitutes, mine_itemsets
from userportrait.patterns._pairs import PairBlock, PairScan
from userportrait.patterns._pairs_tests import hypergeometric_log_tail


def online_retail(data: Path) -> Baskets:
    """Sales of the public data set, without cancellations."""
    lines = pd.read_parquet(data / "online_retail" / "online_retail.parquet")
    sold = (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)
    return Baskets.from_frame(
        lines[sold].astype({"InvoiceNo": str, "StockCode": str}),
        order_id="InvoiceNo",
        item_id="StockCode",
        giant_above=None,
    )


def time_tests(baskets: Baskets, repeats: int) -> None:
    scan = PairScan(baskets, min_expected=5.0)
    pairs = PairBlock.join(list(scan.blocks()))
    some = pairs.take(np.arange(0, len(pairs), max(1, len(pairs) // 1_000)))

    def ours(upper: bool) -> Any:
        return hypergeometric_log_tail(
            some.observed, some.n_first, some.n_second, some.n_total, upper=upper
        )

    def theirs(upper: bool) -> Any:
        table = (some.n_total, some.n_first, some.n_second)
        with np.errstate(divide="ignore"):
            return (
                hypergeom.logsf(some.observed - 1, *table)
                if upper
                else hypergeom.logcdf(some.observed, *table)
            )

    for upper in (True, False):
        mine, scipys = ours(upper), theirs(upper)
        known = (mine < 0) & (scipys > -600)
        np.testing.assert_allclose(mine[known], scipys[known], rtol=1e-6, atol=1e-8)
    ways = {
        "ours": lambda: (ours(True), ours(False)),
        "scipy": lambda: (theirs(True), theirs(False)),
    }
    times = time_in_turn(ways, repeats)
    ratio = times["scipy"].median / times["ours"].median
    print(
        f"{len(some):,} pairs, both tails: ours {times['ours']}, scipy {times['scipy']}: "
        f"{ratio:.1f}x"
    )


def time_searches(baskets: Baskets, repeats: int) -> None:
    ways = {
        f"{name}, given {given}": lambda find=find, given=given: find(baskets, given=given)
        for name, find in (("complements", find_complements), ("substitutes", find_substitutes))
        for given in ("all", "size")
    }
    for name, times in time_in_turn(ways, repeats).items():
        print(f"{name}: {times}; {ways[name]()!r}")


def count_missed(baskets: Baskets) -> None:
    """Count significant negative pairs that no frame of rules has."""
    for given in ("all", "size"):
        found = find_substitutes(baskets, given=given, min_similarity=-1.0)
        pairs = found.to_frame()
        print(
            f"given {given}: {len(pairs):,} significant negative pairs, "
            f"{found.n_never:,} never meet"
        )
        for share in (0.01, 0.005, 0.001):
            least = int(np.ceil(share * len(baskets)))
            sets = mine_itemsets(baskets, min_support=least, max_length=2).to_frame()
            twos = {tuple(items) for items in sets.loc[sets["length"] == 2, "items"]}
            seen = sum(pair in twos for pair in found)
            lift = pairs["count"] * len(baskets) / (pairs["count_a"] * pairs["count_b"])
            passing = ((pairs["count"] >= least) & (lift < 0.8)).sum()
            print(
                f"  rules at {share:.1%} ({least} baskets) have {seen:,} of them, "
                f"{passing:,} of lift below 0.8; they miss {len(pairs) - seen:,}"
            )


def look_for_bundles(n_customers: int) -> None:
    shop = up.make_shop(n_customers=n_customers, random_state=0)
    baskets = Baskets.from_orders(shop.orders)
    columns = shop.truth.bundles[["item_a", "item_b"]].to_numpy().tolist()
    planted = {tuple(sorted(pair)) for pair in columns}
    for given in ("all", "size"):
        found = list(find_complements(baskets, given=given))
        at = [place for place, pair in enumerate(found) if pair in planted]
        print(
            f"sample shop, {len(baskets):,} baskets, given {given}: {len(at)} of {len(planted)} "
            f"planted bundles among {len(found):,} complements; half of them in the first "
            f"{at[len(at) // 2] + 1 if at else 0}"
        )
    by_lift = mine_itemsets(baskets, min_support=5, max_length=2).to_frame()
    counts = dict(zip(baskets.items.tolist(), baskets.item_counts.tolist(), strict=True))
    twos = by_lift[by_lift["length"] == 2]
    lifts = [
        n / (counts[a] * counts[b]) for (a, b), n in zip(twos["items"], twos["count"], strict=True)
    ]
    ranked = twos.assign(lift=lifts).sort_values("lift", ascending=False)["items"].tolist()
    at = [place for place, pair in enumerate(ranked) if tuple(pair) in planted]
    print(f"by lift alone: half of the planted bundles in the first {at[len(at) // 2] + 1}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--customers", type=int, default=5_000)
    options = parser.parse_args()
    print_environment("numpy", "scipy", "pandas")
    look_for_bundles(options.customers)
    if not options.data.is_dir():
        print(f"no public data at {options.data}; the rest is left out")
        return
    baskets = online_retail(options.data)
    print(baskets)
    time_tests(baskets, options.repeats)
    count_missed(baskets)
    time_searches(baskets, options.repeats)


if __name__ == "__main__":
    main()
