"""Completing baskets by rules: beside a loop over mlxtend's rules, and beside item-kNN.

The first part gives both sides the same rules and the same scoring (the best confidence); the
lists must agree. The second part hides one item of each later basket of Online Retail and looks
for it among ten recommended ones.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _pairs import print_environment, time_in_turn
from mlxtend.frequent_patterns import association_rules
from scipy import sparse

from userportrait.patterns import BasketRuleRecommender, Baskets, mine_itemsets
from userportrait.patterns._rules_derive import derive_rules

K = 10


def read_lines(data: Path) -> pd.DataFrame:
    """Sales of Online Retail, without cancellations."""
    lines = pd.read_parquet(data / "online_retail" / "online_retail.parquet")
    sold = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    return sold.astype({"InvoiceNo": str, "StockCode": str})


def to_baskets(lines: pd.DataFrame) -> Baskets:
    return Baskets.from_frame(lines, order_id="InvoiceNo", item_id="StockCode", giant_above=None)


def lists_of(baskets: Baskets) -> list[list[str]]:
    ends = baskets.indptr.tolist()
    names = baskets.items[baskets.indices].tolist()
    return [names[low:high] for low, high in pairwise(ends)]


# --- speed ---------------------------------------------------------------------------------


def by_loop(rules: pd.DataFrame, baskets: list[list[str]]) -> list[list[str]]:
    """What notebooks do: for each basket, the rules whose left side it holds, best first."""
    found: list[list[str]] = []
    for basket in baskets:
        held = set(basket)
        fired = rules[[left <= held for left in rules["antecedents"]]]
        items = [next(iter(right)) for right in fired["consequents"]]
        fired = fired.assign(item=items)
        fired = fired[~fired["item"].isin(held)]
        best = fired.groupby("item")["confidence"].max()
        ordered = best.reset_index().sort_values(["confidence", "item"], ascending=[False, True])
        found.append(ordered["item"].head(K).tolist())
    return found


def time_completion(
    train: Baskets, baskets: list[list[str]], n_loop: int, least: int, repeats: int
) -> None:
    sets = mine_itemsets(train, min_support=least, max_length=3)
    rules = derive_rules(sets, min_confidence=0.1, max_consequent=1)
    theirs = association_rules(sets.to_mlxtend(), min_threshold=0.1, metric="confidence")
    theirs = theirs[[len(right) == 1 for right in theirs["consequents"]]]
    theirs = theirs.sort_values("confidence", ascending=False, ignore_index=True)
    model = BasketRuleRecommender(
        scoring="confidence", rules_per_item=None, fill=False, max_antecedent=2
    ).fit(train, rules=rules)
    few = baskets[:n_loop]
    check(model.complete(few, k=K), theirs, few)
    whole = Baskets.from_lists(baskets, giant_above=None)
    ways: dict[str, Any] = {
        "ours": lambda: model.complete(whole, k=K),
        "ours, without reasons": lambda: model.complete(whole, k=K, reasons=False),
        "loop": lambda: by_loop(theirs, few),
    }
    times = time_in_turn(ways, repeats)
    loop = times["loop"].median * len(baskets) / len(few)
    print(f"{len(model.rules_):,} rules (mlxtend {len(theirs):,}), {len(baskets):,} baskets")
    print(f"loop: {times['loop']} for {len(few)} baskets, so {loop:.1f} s for all")
    for name in ("ours", "ours, without reasons"):
        print(f"{name}: {times[name]}; {loop / times[name].median:.0f}x")


def check(found: pd.DataFrame, rules: pd.DataFrame, baskets: list[list[str]]) -> None:
    """Both sides give the same confidences; items of equal confidence may change places."""
    lists = by_loop(rules, baskets)
    for number, items in enumerate(lists):
        ours = found.loc[found["basket"] == number]
        fired = rules[[left <= set(baskets[number]) for left in rules["antecedents"]]]
        names = [next(iter(right)) for right in fired["consequents"]]
        best = fired.assign(item=names).groupby("item")["confidence"].max()
        np.testing.assert_allclose(ours["score"], [best[item] for item in items])


# --- accuracy ------------------------------------------------------------------------------


def hide_one(baskets: Baskets, known: set[str]) -> tuple[list[list[str]], list[str]]:
    rng = np.random.default_rng(0)
    rest: list[list[str]] = []
    hidden: list[str] = []
    for items in lists_of(baskets):
        old = [item for item in items if item in known]
        if len(old) > 1:
            place = int(rng.integers(len(old)))
            hidden.append(old[place])
            rest.append(old[:place] + old[place + 1 :])
    return rest, hidden


def knn_rate(train: Baskets, rest: list[list[str]], hidden: list[str], n: int | None) -> float:
    """Item-kNN: cosine of baskets, each item scored by its `n` nearest ones in the basket."""
    code = {item: place for place, item in enumerate(train.items.tolist())}
    ones = np.ones(len(train.indices), dtype=np.float32)
    shape = (len(train.indptr) - 1, len(train.items))
    matrix = sparse.csr_matrix((ones, train.indices, train.indptr), shape=shape)
    together = (matrix.T @ matrix).toarray()
    counts = together.diagonal().copy()
    near = together / np.sqrt(np.outer(counts, counts))
    np.fill_diagonal(near, 0.0)
    if n is not None:
        near[near < np.partition(near, -n, axis=1)[:, -n : -n + 1]] = 0.0
    hits = 0
    for basket, item in zip(rest, hidden, strict=True):
        held = [code[one] for one in basket]
        scores = near[:, held].sum(axis=1)
        scores[held] = -1.0
        hits += code[item] in np.argpartition(-scores, K)[:K]
    return hits / len(hidden)


def rule_rate(model: BasketRuleRecommender, rest: list[list[str]], hidden: list[str]) -> float:
    found = model.complete(rest, k=K, reasons=False)
    wanted = pd.Series(hidden)[found["basket"]].to_numpy()
    return float((found["item_id"].to_numpy() == wanted).sum()) / len(hidden)


def compare_hits(lines: pd.DataFrame, start: str, end: str) -> None:
    at = lines["InvoiceDate"]
    train = to_baskets(lines[at < start])
    later = to_baskets(lines[(at >= start) & (at < end)])
    rest, hidden = hide_one(later, set(train.items.tolist()))
    print(f"train before {start}: {len(train):,} baskets; {len(rest):,} baskets until {end}")
    popular = train.items[np.argsort(-train.item_counts, kind="stable")[: 10 * K]].tolist()
    hits = [
        item in [one for one in popular if one not in set(basket)][:K]
        for basket, item in zip(rest, hidden, strict=True)
    ]
    print(f"  most popular: {np.mean(hits):.4f}")
    for n in (20, 100, None):
        print(f"  item-kNN, {n or 'all'} neighbours: {knn_rate(train, rest, hidden, n):.4f}")
    for options in (
        {},
        {"combine": "sum"},
        {"scoring": "lower_bound"},
        {"max_antecedent": 2, "min_support": max(20, len(train) // 500)},
    ):
        model = BasketRuleRecommender(**options).fit(train)
        print(f"  {model}: {rule_rate(model, rest, hidden):.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--baskets", type=int, default=10_000)
    parser.add_argument("--loop", type=int, default=50)
    parser.add_argument("--least", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print_environment("numpy", "scipy", "pandas", "mlxtend")
    if not options.data.is_dir():
        print(f"no public data at {options.data}; nothing to do")
        return
    lines = read_lines(options.data)
    baskets = to_baskets(lines)
    chosen = lists_of(baskets)[: options.baskets]
    time_completion(baskets, chosen, options.loop, options.least, options.repeats)
    # The defaults were chosen on the first cut; the second was looked at afterwards.
    compare_hits(lines, "2011-08-01", "2011-10-01")
    compare_hits(lines, "2011-10-01", "2012-01-01")


if __name__ == "__main__":
    main()
