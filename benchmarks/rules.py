"""Rules beside mlxtend, efficient-apriori and rusket; p-values beside scipy; planted bundles.

All start from the same itemsets, mined before the clock starts: a frame of supports and
frozensets for mlxtend and rusket, a dict of tuples and counts for efficient-apriori, `Itemsets`
for us. Frames of frozensets are inside the clock where a row says so; "ids" are integer columns
with twelve measures. The ways run in turn, after their rules have been compared.
"""

from __future__ import annotations

import argparse
import gc
import pathlib
import subprocess
import sys
import time
import warnings
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _basket_files import read_baskets
from _pairs import print_environment

import userportrait as up
from userportrait.patterns import (
    Baskets,
    derive_rules,
    mine_itemsets,
    shuffle_baskets,
)
from userportrait.patterns._significance import log_tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.patterns import Itemsets

WORKLOADS = (
    ("groceries", 10, 0.3),
    ("retail", 18, 0.3),
    ("mushroom", 2437, 0.6),
    ("mushroom", 2000, 0.5),
)
TWELVE = [
    "support", "coverage", "prevalence", "confidence", "lift", "leverage", "conviction", "zhang",
    "jaccard", "certainty", "kulczynski", "cosine",
]  # fmt: skip
MANY = """
import sys, time
sys.path.insert(0, {folder!r})
from _basket_files import read_baskets
from userportrait.patterns import Baskets, derive_rules, mine_itemsets
import numpy as np
indptr, indices, n_items = read_baskets("mushroom")
baskets = Baskets(indptr, indices, np.arange(n_items))
itemsets = mine_itemsets(baskets, min_support=1625, engine="numpy")
itemsets.of_length(1)
start, cpu = time.perf_counter(), time.process_time()
rules = derive_rules(itemsets, min_confidence=0.5)
derived = time.process_time() - cpu
frame = rules.to_frame({columns!r}, ids=True)
whole, wall = time.process_time() - cpu, time.perf_counter() - start
print(f"{{len(rules):,}} rules: {{derived:.2f}} s CPU bare")
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"  in all {{whole:.2f}} s CPU, {{wall:.2f}} s wall; peak {{peak:,.0f}} MiB")
"""


def load(name: str) -> Baskets:
    indptr, indices, n_items = read_baskets(name)
    return Baskets(indptr, indices, np.arange(n_items))


def times_in_turn(
    ways: dict[str, Callable[[], Any]], repeats: int
) -> dict[str, tuple[float, float]]:
    """Return the least seconds of a run of each way, processor's and clock's, run in turn.

    A turn runs a way again and again for a fifth of a second, and at least once.
    """
    best = dict.fromkeys(ways, (float("inf"), float("inf")))
    for _ in range(repeats):
        for name, way in ways.items():
            gc.collect()
            start, cpu, n_runs = time.perf_counter(), time.process_time(), 0
            while not n_runs or time.perf_counter() - start < 0.2:
                way()
                n_runs += 1
            spent = time.process_time() - cpu, time.perf_counter() - start
            best[name] = (
                min(best[name][0], spent[0] / n_runs),
                min(best[name][1], spent[1] / n_runs),
            )
    return best


def rival_ways(itemsets: Itemsets, confidence: float) -> dict[str, Callable[[], Any]]:
    """Return the rivals that are installed, with their native input."""
    from mlxtend.frequent_patterns import association_rules

    frame = itemsets.to_mlxtend()
    ways: dict[str, Callable[[], Any]] = {
        "mlxtend": lambda: association_rules(frame, num_itemsets=1, min_threshold=confidence)
    }
    try:
        from efficient_apriori import generate_rules_apriori
    except ImportError:
        print("efficient-apriori is not installed")
    else:
        counts: dict[int, dict[tuple[Any, ...], int]] = {}
        for items, count in zip(itemsets, itemsets.counts.tolist(), strict=True):
            counts.setdefault(len(items), {})[items] = count
        n = itemsets.n_baskets
        ways["efficient-apriori"] = lambda: list(generate_rules_apriori(counts, confidence, n))
    try:
        import rusket
    except ImportError:
        print("rusket is not installed")
    else:
        ways["rusket"] = lambda: rusket.association_rules(
            frame, num_itemsets=itemsets.n_baskets, min_threshold=confidence
        )
    return ways


def compare(repeats: int) -> None:
    ratios: dict[str, list[float]] = {}
    for name, count, confidence in WORKLOADS:
        itemsets = mine_itemsets(load(name), min_support=count, engine="numpy")
        itemsets.of_length(1)

        def derive(itemsets: Itemsets = itemsets, confidence: float = confidence) -> Any:
            return derive_rules(itemsets, min_confidence=confidence)

        ways: dict[str, Callable[[], Any]] = {
            "ours, bare": derive,
            "ours, mlxtend's frame": lambda derive=derive: derive().to_mlxtend(),
            "ours, ids": lambda derive=derive: derive().to_frame(TWELVE, ids=True),
            **rival_ways(itemsets, confidence),
        }
        answers = {way: run() for way, run in ways.items()}
        ours, theirs = answers["ours, mlxtend's frame"], answers["mlxtend"]
        keys = ["antecedents", "consequents"]
        if len(ours) == len(theirs):
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        else:
            both = ours.merge(theirs[keys], on=keys, how="left", indicator=True)
            lost = both.loc[both["_merge"] == "left_only", "confidence"]
            assert np.allclose(lost, confidence, rtol=1e-12), lost
        if "efficient-apriori" in answers:
            assert len(answers["efficient-apriori"]) == len(ours)
        del answers["ours, bare"], answers["ours, ids"]
        lengths = ", ".join(f"{way} {len(found):,}" for way, found in answers.items())
        del answers
        print(f"\n{name} @{count}, confidence {confidence}: {len(itemsets):,} itemsets")
        print(f"  rules: {lengths}")
        times = times_in_turn(ways, repeats)
        for way, (cpu, wall) in times.items():
            frame = cpu / times["ours, mlxtend's frame"][0]
            ids = cpu / times["ours, ids"][0]
            print(
                f"  {way:24s} {cpu:8.4f} s CPU {wall:8.4f} s wall"
                f"  {frame:6.1f}x frame  {ids:6.1f}x ids"
            )
        for kind, way in (("frame", "ours, mlxtend's frame"), ("ids", "ours, ids")):
            for clock, which in enumerate(("CPU", "wall")):
                ratio = times["mlxtend"][clock] / times[way][clock]
                ratios.setdefault(f"{kind}, {which}", []).append(ratio)
    for name, found in ratios.items():
        three, four = (exp(sum(map(log, some)) / len(some)) for some in (found[:3], found))
        print(
            f"mlxtend / ours ({name}), geometric mean: {three:.1f} of three rows, {four:.1f} of all"
        )


def p_values(repeats: int) -> None:
    from scipy.stats import hypergeom

    itemsets = mine_itemsets(load("mushroom"), min_support=2000, engine="numpy")
    rules = derive_rules(itemsets, min_confidence=0.3, max_rules=552_564)
    tables = rules.tables
    both, left, right, n = tables.both, tables.left, tables.right, tables.n
    some = np.random.default_rng(0).choice(len(rules), 4000, replace=False)
    ours = log_tail(both[some], left[some], right[some], n)
    theirs = hypergeom.logsf(both[some] - 1, n, left[some], right[some])
    known = theirs > -700
    away = np.abs(ours - theirs)[known] / np.maximum(1, np.abs(theirs[known]))
    times = times_in_turn(
        {
            "ours": lambda: log_tail(both, left, right, n),
            "scipy": lambda: hypergeom.sf(both[some] - 1, n, left[some], right[some]),
        },
        repeats,
    )
    each = {"ours": times["ours"][0] / len(rules), "scipy": times["scipy"][0] / len(some)}
    cpu, wall = times["ours"]
    print(f"\nFisher p-values of {len(rules):,} rules: {cpu:.3f} s CPU, {wall:.3f} s wall")
    print(f"  {each['scipy'] / each['ours']:.0f}x hypergeom.sf; log apart at most {away.max():.1e}")


def calibration(n_runs: int) -> None:
    """Count the shuffles with any discovery, by which hypotheses are counted."""
    orders = up.make_shop(n_customers=600, random_state=0).orders
    baskets = Baskets.from_orders(orders)
    found = {"pairs": 0, "only the splits of frequent itemsets": 0}
    for seed in range(n_runs):
        by_chance = shuffle_baskets(baskets, random_state=seed)
        rules = derive_rules(mine_itemsets(by_chance, min_support=3, engine="numpy"))
        n_splits = max(rules.origin.n_splits, 1)
        for way, counted in zip(found, ("pairs", n_splits), strict=True):
            found[way] += len(rules.significant(n_tested=counted)) > 0
    print(f"\nshuffled baskets with any discovery at 5 %, of {n_runs}: {found}")


def bundles() -> None:
    """Recall and precision of planted bundles, beside a ranking by lift."""
    shop = up.make_shop(n_customers=2000, random_state=0)
    planted = shop.truth.bundles
    wanted = {frozenset(p) for p in zip(planted["item_a"], planted["item_b"], strict=True)}
    baskets = Baskets.from_orders(shop.orders)
    rules = derive_rules(mine_itemsets(baskets, min_support=3, max_length=2, engine="numpy"))

    def pairs(rules: Any) -> list[frozenset[Any]]:
        frame = rules.to_frame([])
        both = zip(frame["antecedent"], frame["consequent"], strict=True)
        return list(dict.fromkeys(frozenset(x + y) for x, y in both))

    print(f"\n{len(wanted)} planted bundles, {baskets.n_baskets:,} baskets, {len(rules):,} rules")
    for adjust in ("holm", "bh"):
        found = pairs(rules.significant(adjust=adjust))
        hits = len(wanted.intersection(found))
        ranked = pairs(rules.sort_by("lift"))[: len(found)]
        by_lift = len(wanted.intersection(ranked))
        print(
            f"  {adjust}: {len(found)} pairs, recall {hits / len(wanted):.0%}, "
            f"precision {hits / max(len(found), 1):.0%}; as many by lift: recall "
            f"{by_lift / len(wanted):.0%}, precision {by_lift / max(len(found), 1):.0%}"
        )


def many() -> None:
    script = MANY.format(folder=str(pathlib.Path(__file__).parent), columns=TWELVE)
    print("\nmushroom @1625, confidence 0.5, without and with the frame of ids and 12 measures:")
    for code in (script.replace("rules.to_frame", "(lambda *a, **k: None)"), script):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        print(f"  {done.stdout.strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--runs", type=int, default=100, help="shuffles of the calibration")
    parts: dict[str, Callable[[argparse.Namespace], None]] = {
        "rules": lambda o: compare(o.repeats),
        "p-values": lambda o: p_values(o.repeats),
        "bundles": lambda _: bundles(),
        "calibration": lambda o: calibration(o.runs),
        "many": lambda _: many(),
    }
    parser.add_argument("--only", choices=list(parts), action="append")
    options = parser.parse_args()
    print_environment("mlxtend", "numpy", "pandas", "scipy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in options.only or parts:
            parts[name](options)


if __name__ == "__main__":
    main()
