"""Nearest items beside implicit: the fit, the lists of everybody, their accuracy, one customer.

Both sides start from the same sparse matrix and end with arrays of the 20 best unseen items. Ours
goes the whole way from `Interactions` over `fit` to `top`. implicit runs 2 threads and BLAS one,
as it asks for; ours as many threads as there are processors. implicit counts an item as one of
its own neighbours, so it is given one more for the comparison of answers.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from _pairs import print_environment, time_in_turn
from implicit.nearest_neighbours import CosineRecommender
from scipy import sparse

from userportrait.recommend import Interactions, ItemKNN, RP3Beta, UserKNN, warmup_recommend

DATA = {
    "gowalla": ("lightgcn_gowalla/train.parquet", "lightgcn_gowalla/test.parquet"),
    "ML-1M": (
        "movielens_1m/ultragcn_implicit_train.parquet",
        "movielens_1m/ultragcn_implicit_test.parquet",
    ),
}
K, N_NEIGHBOURS = 20, 100


def read(folder: Path, name: str) -> tuple[Interactions, Any]:
    """Return the training part, and the test part as a matrix of the same shape."""
    train, test = (pd.read_parquet(folder / part).iloc[:, :2] for part in DATA[name])
    shape = [int(max(train.iloc[:, j].max(), test.iloc[:, j].max())) + 1 for j in (0, 1)]

    def matrix(frame: pd.DataFrame) -> Any:
        pairs = frame.drop_duplicates().to_numpy().T
        return sparse.csr_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=shape)

    data = Interactions.from_matrix(
        matrix(train), customer_ids=np.arange(shape[0]), item_ids=np.arange(shape[1])
    )
    return data, matrix(test)


def recall(items: Any, test: Any) -> float:
    """Return the mean share of a customer's test items among the lists' 20."""
    n = np.diff(test.indptr)
    row = np.repeat(np.arange(len(n)), n)
    wanted = row.astype(np.int64) * test.shape[1] + test.indices
    given = np.arange(len(items))[:, None] * test.shape[1] + items
    hits = (np.isin(given, wanted) & (items >= 0)).sum(axis=1)
    return float((hits[n > 0] / n[n > 0]).mean())


def overlap(ours: Any, theirs: Any) -> float:
    """Return the share of our items that are in their list of the same customer."""
    n_items = int(max(ours.max(), theirs.max())) + 1
    rows = np.arange(len(ours))[:, None] * n_items
    inside = ours >= 0
    return float(np.isin((rows + ours)[inside], (rows + theirs)[theirs >= 0]).mean())


def dense(values: Any) -> Any:
    return np.asarray(values.todense() if sparse.issparse(values) else values).ravel()


def compare(data: Interactions, test: Any, repeats: int) -> None:
    matrix = sparse.csr_matrix(data.matrix)
    everybody = np.arange(data.n_customers)

    def our_fit() -> ItemKNN:
        return ItemKNN(N_NEIGHBOURS).fit(data)

    def their_fit(k: int = N_NEIGHBOURS) -> Any:
        model = CosineRecommender(K=k, num_threads=2)
        model.fit(matrix, show_progress=False)
        return model

    ours, theirs, one_more = our_fit(), their_fit(), their_fit(N_NEIGHBOURS + 1)

    def our_top() -> Any:
        return ours.top(data.matrix, everybody, K, blocked=data.matrix)

    def their_top() -> Any:
        return theirs.recommend(everybody, matrix, N=K)

    same = sparse.csr_array(one_more.similarity, copy=True)
    same.setdiag(0.0)
    same.eliminate_zeros()
    for name, mine, other in (
        ("neighbours", ours.neighbours_.max(axis=1), same.max(axis=1)),
        ("sums of similarities", ours.neighbours_.sum(axis=1), same.sum(axis=1)),
    ):
        np.testing.assert_allclose(dense(mine), dense(other), rtol=1e-4, err_msg=name)
    found, (their_items, _) = our_top().items, their_top()
    more, _ = one_more.recommend(everybody, matrix, N=K)
    print(
        f"  Recall@20 ours {recall(found, test):.4f}, implicit {recall(their_items, test):.4f}, "
        f"with one neighbour more {recall(more, test):.4f}; {overlap(found, more):.1%} of our "
        f"items are in its lists"
    )
    ways = {"our fit": our_fit, "its fit": their_fit, "our top": our_top, "its top": their_top}
    times = time_in_turn(ways, repeats)
    for part in ("fit", "top"):
        mine, other = times[f"our {part}"], times[f"its {part}"]
        print(f"  {part}: ours {mine}, implicit {other}: {other.median / mine.median:.2f}x")


def time_one_customer(data: Interactions, n: int) -> None:
    """Time lists of one customer, from ID to frame, with reasons."""
    random = np.random.default_rng(0)
    for model in (ItemKNN(), UserKNN(), RP3Beta()):
        start = time.perf_counter()
        model.fit(data)
        fit = time.perf_counter() - start
        model.recommend([0], k=10)
        taken: dict[str, list[float]] = {"recommend": [], "complete": []}
        for customer in random.integers(0, data.n_customers, n).tolist():
            row = data.matrix.indices[data.matrix.indptr[customer] :][:20].tolist()
            start = time.perf_counter()
            model.recommend([customer], k=10)
            middle = time.perf_counter()
            model.complete([row], k=10)
            taken["recommend"].append(middle - start)
            taken["complete"].append(time.perf_counter() - middle)
        start = time.perf_counter()
        rows = len(model.recommend(k=K))
        whole = time.perf_counter() - start
        told = ", ".join(
            f"{verb} {1e3 * np.median(t):.2f} ms (99th percentile {1e3 * np.quantile(t, 0.99):.2f})"
            for verb, t in taken.items()
        )
        print(f"  {model!r}: fit {fit:.2f} s; {told}; {rows:,} rows with reasons {whole:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--customers", type=int, default=500)
    options = parser.parse_args()
    print_environment("numpy", "scipy", "numba", "implicit")
    warnings.filterwarnings("ignore", module="implicit")  # it tells of its own conversions
    warmup_recommend()
    for name in DATA:
        data, test = read(options.data, name)
        print(f"{name}: {data!r}")
        compare(data, test, options.repeats)
        time_one_customer(data, options.customers)


if __name__ == "__main__":
    main()
