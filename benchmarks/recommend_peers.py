"""Recommenders beside implicit's on three public splits, all of them tuned alike.

Every setting is chosen by NDCG@20 on a fifth of each customer's training items, and the chosen one
is fitted on the whole training part and scored on the test part once. implicit's models get the
same grid sizes as ours, or larger ones. Where there are many customers, settings are chosen by the
lists of 8,000 of them, drawn once; models learn from all.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _pairs import print_environment
from _rating_files import lightgcn
from threadpoolctl import threadpool_limits

from userportrait.recommend import (
    ALS,
    EASE,
    GraphFilter,
    Interactions,
    ItemKNN,
    RP3Beta,
    evaluate_ranking,
    split_random,
)

if TYPE_CHECKING:
    from collections.abc import Callable

K, MANY = 20, 8_000
DATA = ("lastfm", "electronics", "taobao")


def implicit_lists(
    make: Callable[[], Any], train: Interactions, customers: Any, weight: float
) -> pd.DataFrame:
    """Return the lists of one of implicit's models."""
    from scipy import sparse

    matrix = sparse.csr_matrix(train.matrix.astype(np.float32) * weight)
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit turns matrices of its own and says so
        model = make()
        model.fit(matrix, show_progress=False)
        places = train.customer_places(customers)
        items, _ = model.recommend(places, matrix[places], N=K, filter_already_liked_items=True)
    row = np.repeat(places, items.shape[1])
    good = items.ravel() >= 0
    rank = np.tile(np.arange(1, items.shape[1] + 1), len(places))
    return pd.DataFrame(
        {
            "customer_id": train.customer_ids[row[good]],
            "item_id": train.item_ids[items.ravel()[good]],
            "rank": rank[good],
        }
    )


def our_lists(model: Any, train: Interactions, customers: Any) -> pd.DataFrame:
    frame: pd.DataFrame = model.fit(train).recommend(customers, k=K, reasons=False)
    return frame


def ways(*, small: bool) -> dict[str, list[Callable[[Interactions, Any], pd.DataFrame]]]:
    """Return for each kind of model one function for each setting."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    def theirs(make: Callable[[], Any], weight: float = 1.0) -> Any:
        return lambda train, customers: implicit_lists(make, train, customers, weight)

    def ours(model: Any) -> Any:
        return lambda train, customers: our_lists(model, train, customers)

    als = [
        theirs(
            lambda f=f, r=r: AlternatingLeastSquares(
                factors=f, regularization=r, iterations=15, random_state=0, num_threads=2
            ),
            weight,
        )
        for f, r, weight in product((32, 64, 128), (0.1, 1.0, 10.0), (2.0, 10.0, 40.0))
    ]
    bm25 = [
        theirs(lambda k=k, k1=k1, b=b: BM25Recommender(K=k, K1=k1, B=b, num_threads=2))
        for k, k1, b in product((20, 100, 300), (1.2, 100.0), (0.2, 0.8))
    ]
    cosine = [
        theirs(lambda k=k, kind=kind: kind(K=k, num_threads=2))
        for k, kind in product((20, 100, 300), (CosineRecommender, TFIDFRecommender))
    ]
    found: dict[str, list[Any]] = {
        "implicit ALS": als,
        "implicit BM25": bm25,
        "implicit cosine, TF-IDF": cosine,
        "ALS(), defaults": [ours(ALS())],
        "ALS": [ours(ALS(f, l2=l2)) for f, l2 in product((32, 64, 128), (30.0, 100.0, 300.0))],
        "GraphFilter(), defaults": [ours(GraphFilter())],
        "RP3Beta": [
            ours(RP3Beta(alpha=a, beta=b)) for a, b in product((0.5, 0.7, 1.0), (0.2, 0.4, 0.6))
        ],
        "ItemKNN": [
            ours(ItemKNN(n, similarity=kind))
            for n, kind in product((20, 100, 300), ("cosine", "tfidf"))
        ],
    }
    if small:
        found["EASE"] = [ours(EASE(l2)) for l2 in (10.0, 30.0, 100.0, 300.0, 1000.0)]
    return found


def scored(way: Any, train: Interactions, actual: pd.DataFrame) -> list[float]:
    customers = np.unique(actual["customer_id"]).tolist()
    table = evaluate_ranking(way(train, customers), actual, n_resamples=0)
    return [float(value) for value in table["value"]]


def drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of some customers, drawn once."""
    customers = np.unique(frame["customer_id"])
    if len(customers) <= MANY:
        return frame
    chosen = np.random.default_rng(0).choice(customers, MANY, replace=False)
    return frame[frame["customer_id"].isin(chosen)]


def compare(name: str) -> None:
    train, test = (frame.drop_duplicates() for frame in lightgcn(name))
    cut = split_random(train, share=0.2, random_state=0)
    inner, whole = Interactions.from_frame(cut.train), Interactions.from_frame(train)
    print(f"\n{name}: {whole.n_customers:,} customers, {whole.n_items:,} items, "
          f"{len(train):,} pairs to learn from, {len(test):,} to find")  # fmt: skip
    small, judged = min(whole.n_customers, whole.n_items) <= 10_000, drawn(cut.test)
    for label, settings in ways(small=small).items():
        start = time.perf_counter()
        on_cut = [scored(way, inner, judged)[1] for way in settings]
        best = int(np.argmax(on_cut))
        recall, ndcg = scored(settings[best], whole, test)
        chosen = f"setting {best + 1} of {len(settings)}, on the cut {on_cut[best]:.4f}"
        took = time.perf_counter() - start
        print(f"  {label:26}{recall:>9.4f}{ndcg:>9.4f}   {chosen}; {took:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=DATA, action="append")
    options = parser.parse_args()
    print_environment("implicit", "numpy", "scipy")
    for name in options.only or DATA:
        compare(name)


if __name__ == "__main__":
    main()
