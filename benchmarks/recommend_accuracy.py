"""Accuracy of linear recommenders on two public splits, beside published figures.

Recall@20 and NDCG@20 (ideal over min(20, relevant items), mean over customers with test items) of
all customers. Settings were chosen on cuts of the training part; the test part is scored once.
GF-CF at its published settings proves the data and the metrics: it must give .1849 / .1518.

    python benchmarks/recommend_accuracy.py /path/to/data --set gowalla ml1m
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _pairs import print_environment
from scipy import sparse

from userportrait.recommend import EASE, GraphFilter, Hybrid, Interactions, Recommender
from userportrait.recommend._low_pass import leading_directions

FILES = {
    "gowalla": ("lightgcn_gowalla/train", "lightgcn_gowalla/test"),
    "ml1m": ("movielens_1m/ultragcn_implicit_train", "movielens_1m/ultragcn_implicit_test"),
}
PUBLISHED = {
    "gowalla": "published: GF-CF .1849 / .1518, SimpleX .1872 / .1557, UltraGCN .1862 / .1580",
    "ml1m": "published: UltraGCN .2787 / .2642",
}
K = 20


def read_split(data: Path, name: str) -> tuple[Any, Any]:
    """Return train and test as binary matrices of customers by items."""
    parts = [pd.read_parquet(data / f"{file}.parquet") for file in FILES[name]]
    shape = tuple(max(int(part[c].max()) + 1 for part in parts) for c in ("user", "item"))

    def matrix(part: pd.DataFrame) -> Any:
        found = sparse.csr_array((np.ones(len(part)), (part["user"], part["item"])), shape=shape)
        found.sort_indices()
        return found

    return matrix(parts[0]), matrix(parts[1])


def cut_uniform(train: Any, share: float, seed: int = 0) -> tuple[Any, Any]:
    """Hold out a random share of each customer's items."""
    rng = np.random.default_rng(seed)
    held = np.zeros(train.nnz, dtype=bool)
    for start, stop in zip(train.indptr[:-1].tolist(), train.indptr[1:].tolist(), strict=True):
        n = round((stop - start) * share)
        held[start + rng.choice(stop - start, n, replace=False)] = True
    return _parts(train, held)


def cut_blocks(train: Any, share: float, seed: int = 0) -> tuple[Any, Any]:
    """Hold out a run of each customer's items by number, which is by first appearance."""
    rng = np.random.default_rng(seed)
    held = np.zeros(train.nnz, dtype=bool)
    for start, stop in zip(train.indptr[:-1].tolist(), train.indptr[1:].tolist(), strict=True):
        n = round((stop - start) * share)
        first = start + int(rng.integers(0, stop - start - n + 1))
        held[first : first + n] = True
    return _parts(train, held)


def _parts(matrix: Any, held: Any) -> tuple[Any, Any]:
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

    def chosen(mask: Any) -> Any:
        values = (np.ones(int(mask.sum())), (row[mask], matrix.indices[mask]))
        return sparse.csr_array(values, shape=matrix.shape)

    return chosen(~held), chosen(held)


def recall_and_ndcg(items: Any, test: Any) -> tuple[float, float]:
    """Return Recall@k and NDCG@k of lists, the mean over customers with test items."""
    k, n_items = items.shape[1], test.shape[1]
    n_test = np.diff(test.indptr)
    row = np.repeat(np.arange(len(items)), n_test)
    wanted = row * n_items + test.indices
    keys = np.arange(len(items))[:, None] * n_items + items
    hits = np.isin(keys, wanted) & (items >= 0)
    gains = 1 / np.log2(np.arange(k) + 2)
    ideal = np.r_[0, np.cumsum(gains)][np.minimum(n_test, k)]
    inside = n_test > 0
    recall = hits.sum(axis=1)[inside] / n_test[inside]
    ndcg = (hits @ gains)[inside] / ideal[inside]
    return float(recall.mean()), float(ndcg.mean())


def interactions(train: Any) -> Interactions:
    n_customers, n_items = train.shape
    return Interactions.from_matrix(
        train, customer_ids=np.arange(n_customers), item_ids=np.arange(n_items)
    )


def score(name: str, model: Recommender, train: Any, test: Any) -> None:
    data = interactions(train)
    started = time.perf_counter()
    model.fit(data)
    fitted = time.perf_counter()
    top = model.top(data.matrix, np.arange(data.n_customers), K, None, data.matrix)
    done = time.perf_counter()
    recall, ndcg = recall_and_ndcg(top.items, test)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{name:44} R@20 {recall:.4f}  N@20 {ndcg:.4f}  fit {fitted - started:6.1f} s"
        f"  top-20 of all {done - fitted:6.1f} s  peak so far {peak:.2f} GiB",
        flush=True,
    )


def check_gfcf(train: Any, test: Any) -> None:
    """GF-CF (Shen et al. 2021) written down plainly: rank 256, weight 0.3."""
    per_customer, per_item = train.sum(axis=1), train.sum(axis=0)
    row = np.repeat(np.arange(train.shape[0]), np.diff(train.indptr))
    scale = 1 / np.sqrt(np.maximum(per_item, 1))
    values = scale[train.indices] / np.sqrt(per_customer[row])
    graph = sparse.csr_array((values, train.indices, train.indptr), shape=train.shape)
    vectors = leading_directions(graph, 256, tolerance=2e-6).vectors
    across = graph.T.tocsr()
    lists = []
    for start in range(0, train.shape[0], 512):
        rows = train[start : start + 512]
        near = (across @ (graph @ rows.toarray().T)).T
        amounts = (rows * scale[None, :]) @ vectors
        scores = near + 0.3 * (amounts @ vectors.T) / scale[None, :]
        scores[rows.nonzero()] = -np.inf
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        lists.append(np.take_along_axis(best, order, axis=1))
    recall, ndcg = recall_and_ndcg(np.concatenate(lists), test)
    print(f"{'GF-CF, published settings':44} R@20 {recall:.4f}  N@20 {ndcg:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", nargs="+", choices=sorted(FILES), default=sorted(FILES))
    parser.add_argument("--check", action="store_true", help="GF-CF on gowalla first")
    arguments = parser.parse_args()
    print_environment("numpy", "scipy")
    for name in arguments.set:
        train, test = read_split(arguments.data, name)
        print(f"{name}: {train.shape}, {train.nnz:,} train, {test.nnz:,} test; {PUBLISHED[name]}")
        if arguments.check and name == "gowalla":
            check_gfcf(train, test)
        score("GraphFilter()", GraphFilter(), train, test)
        if name == "ml1m":
            weighted = EASE(800.0, customer_power=0.8, item_power=0.1)
            score("EASE(800, customer_power=.8, item_power=.1)", weighted, train, test)
            both = Hybrid([GraphFilter(), weighted], weights={"GraphFilter": 0.65, "EASE": 0.35})
            score("Hybrid of both, .65 and .35", both, train, test)


if __name__ == "__main__":
    main()
