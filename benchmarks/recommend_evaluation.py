"""Judge lists of all customers: ten metrics with intervals, beside a loop, pandas and ranx.

Times `evaluate_ranking` and `evaluate_customers` on the gowalla split (29,858 customers, lists of
20), beside what one writes with pandas and, where it is installed, ranx; all must agree on recall,
precision, NDCG, reciprocal rank and hit rate. Then times tests of a difference, splits and an
off-policy estimate.
"""

from __future__ import annotations

import argparse
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _pairs import print_environment, time_in_turn
from scipy import sparse

from userportrait.errors import DataWarning
from userportrait.recommend import (
    Interactions,
    compare_rankings,
    evaluate_customers,
    evaluate_policy,
    evaluate_ranking,
    split_blocks,
    split_random,
)

K = 20
SHARED = ["recall@20", "precision@20", "ndcg@20", "mrr@20", "hit_rate@20"]
TEN = [*SHARED, "map@20", "novelty@20", "serendipity@20", "coverage@20", "gini@20"]
OF_LISTS = [name for name in TEN if name not in ("coverage@20", "gini@20")]


def read_gowalla(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = {"user": "customer_id", "item": "item_id"}
    folder = data / "lightgcn_gowalla"
    parts = [pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test")]
    return parts[0].rename(columns=names), parts[1].rename(columns=names)


def make_lists(train: pd.DataFrame) -> pd.DataFrame:
    """Lists of an item-to-item cosine, popular items behind them."""
    ones = np.ones(len(train))
    matrix = sparse.csr_array((ones, (train["customer_id"], train["item_id"])))
    counts = np.maximum(matrix.sum(axis=0), 1.0)
    unit = sparse.csr_array(matrix / np.sqrt(counts))
    alike = sparse.csr_array(unit.T @ unit)
    chosen = []
    for start in range(0, matrix.shape[0], 512):
        rows = matrix[start : start + 512]
        score = (rows @ alike).toarray() + 1e-9 * counts
        score[rows.nonzero()] = -1.0
        best = np.argpartition(-score, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(score, best, 1), axis=1, kind="stable")
        chosen.append(np.take_along_axis(best, order, 1))
    items = np.concatenate(chosen)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(len(items)), K),
            "item_id": items.ravel(),
            "score": np.tile(np.linspace(1.0, 0.1, K), len(items)),
            "rank": np.tile(np.arange(1, K + 1), len(items)),
        }
    )


def with_pandas(lists: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """What one writes with merge and groupby, for the five shared metrics."""
    n_wanted = test.groupby("customer_id").size()
    hits = lists.merge(test, on=["customer_id", "item_id"])
    hits["gain"] = 1.0 / np.log2(hits["rank"] + 1)
    grouped = hits.groupby("customer_id")
    n_hits = grouped.size().reindex(n_wanted.index, fill_value=0)
    best = np.cumsum(1.0 / np.log2(np.arange(2, K + 2)))
    got = grouped["gain"].sum().reindex(n_wanted.index, fill_value=0.0)
    first = (1.0 / grouped["rank"].min()).reindex(n_wanted.index, fill_value=0.0)
    return {
        "recall@20": float((n_hits / n_wanted).mean()),
        "precision@20": float((n_hits / K).mean()),
        "ndcg@20": float((got / best[np.minimum(n_wanted, K) - 1]).mean()),
        "mrr@20": float(first.mean()),
        "hit_rate@20": float((n_hits > 0).mean()),
    }


def as_objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Return IDs as texts that are Python objects, which ranx asks for."""
    names = ("customer_id", "item_id")
    return frame.assign(**{name: frame[name].astype(str).astype(object) for name in names})


def with_ranx(lists: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    from ranx import Qrels, Run, evaluate

    wanted, lists = (as_objects(frame) for frame in (test.assign(weight=1), lists))
    qrels = Qrels.from_df(wanted, q_id_col="customer_id", doc_id_col="item_id", score_col="weight")
    run = Run.from_df(lists, q_id_col="customer_id", doc_id_col="item_id", score_col="score")
    found = evaluate(qrels, run, SHARED, make_comparable=True)
    return {name: float(found[name]) for name in SHARED}


def time_metrics(
    lists: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, repeats: int
) -> None:
    known = Interactions.from_frame(train)
    texts = {"customer_id": str, "item_id": str}
    text_lists, text_test = lists.astype(texts), test.astype(texts)
    ways: dict[str, Any] = {
        "ten metrics, 1,000 resamples": lambda: evaluate_ranking(
            lists, test, metrics=TEN, train=known
        ),
        "ten metrics, no intervals": lambda: evaluate_ranking(
            lists, test, metrics=TEN, train=known, n_resamples=0
        ),
        "eight of them, each customer": lambda: evaluate_customers(
            lists, test, metrics=OF_LISTS, train=known
        ),
        "five metrics, no intervals": lambda: evaluate_ranking(
            lists, test, metrics=SHARED, n_resamples=0
        ),
        "the same, IDs as texts": lambda: evaluate_ranking(
            text_lists, text_test, metrics=SHARED, n_resamples=0
        ),
        "pandas, five metrics": lambda: with_pandas(lists, test),
        "diversity by train, alone": lambda: evaluate_customers(
            lists, test, metrics="diversity@20", train=known
        ),
    }
    rivals: dict[str, Any] = {"pandas": with_pandas(lists, test)}
    if find_spec("ranx"):
        ways["ranx, five metrics, IDs as texts"] = lambda: with_ranx(lists, test)
        rivals["ranx"] = with_ranx(lists, test)
    found = evaluate_ranking(lists, test, metrics=SHARED)
    for name, values in rivals.items():
        ours = dict(zip(found["metric"], found["value"], strict=True))
        np.testing.assert_allclose([ours[m] for m in SHARED], [values[m] for m in SHARED], 1e-9)
        print(f"{name} agrees on {', '.join(SHARED)}")
    print(found.round(4).to_string(index=False))
    for name, times in time_in_turn(ways, repeats).items():
        print(f"{name}: {times}")


def time_the_rest(lists: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame) -> None:
    turned = lists.assign(rank=K + 1 - lists["rank"])
    known = Interactions.from_frame(train)
    rng = np.random.default_rng(0)
    n = 500_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 50_000, n),
            "reward": (rng.random(n) < 0.05).astype(float),
            "propensity": rng.uniform(0.1, 0.9, n),
        }
    )
    log["target_propensity"] = log["propensity"] * rng.uniform(0.5, 1.5, n).clip(max=1.1)
    ways: dict[str, Any] = {
        f"compare two rankings, {method}": lambda method=method: compare_rankings(
            {"one": lists, "turned": turned}, test, method=method
        )
        for method in ("permutation", "t")
    }
    ways["split_random, 810,128 pairs"] = lambda: split_random(known)
    ways["split_blocks, 810,128 pairs"] = lambda: split_blocks(known)
    ways["evaluate_policy, 500,000 rows"] = lambda: evaluate_policy(log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for name, times in time_in_turn(ways, 3).items():
            print(f"{name}: {times}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lists", type=Path, help="keep the lists here, to save a minute")
    options = parser.parse_args()
    print_environment("numpy", "scipy", "pandas")
    if not (options.data / "lightgcn_gowalla").is_dir():
        print(f"no gowalla split at {options.data}; nothing to do")
        return
    train, test = read_gowalla(options.data)
    if options.lists is not None and options.lists.exists():
        lists = pd.read_parquet(options.lists)
    else:
        lists = make_lists(train)
        if options.lists is not None:
            lists.to_parquet(options.lists)
    print(f"{lists['customer_id'].nunique():,} lists of {K}, {len(test):,} wanted items")
    time_metrics(lists, train, test, options.repeats)
    time_the_rest(lists, train, test)


if __name__ == "__main__":
    main()
