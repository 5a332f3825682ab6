"""ALS beside implicit: the same start, the same loss, in turn in one process.

Prints the loss that both reach, the ratio of times, and whether lists from the same factors are
the same. implicit runs with BLAS in one thread, as it asks for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _pairs import print_environment, time_in_turn
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from userportrait.recommend import ALS, Interactions
from userportrait.recommend._factors_top import item_vectors, top_of_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILES = {
    "gowalla": ("lightgcn_gowalla", "train.parquet", "test.parquet"),
    "ml-1m": ("movielens_1m", "ultragcn_implicit_train.parquet", "ultragcn_implicit_test.parquet"),
}
N_FACTORS, N_ITERATIONS, ALPHA, L2, THREADS = 64, 15, 10.0, 0.1, 2


class SameStart(ALS):
    """ALS from given factors."""

    start: tuple[NDArray[np.float32], NDArray[np.float32]]

    def _first(self, data: Interactions) -> Any:  # noqa: ARG002
        return self.start[0].copy(), self.start[1].copy()


def read(folder: Path, name: str) -> tuple[Interactions, pd.DataFrame]:
    place, train, test = FILES[name]
    roles = {"user": "customer_id", "item": "item_id"}
    frame = pd.read_parquet(folder / place / train).rename(columns=roles)
    return Interactions.from_frame(frame), pd.read_parquet(folder / place / test).rename(
        columns=roles
    )


def loss(matrix: Any, x: NDArray[Any], y: NDArray[Any]) -> float:
    """The loss over all cells, in float64: pairs count ALPHA, others 1."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    total = float(np.sum((x.T @ x) * (y.T @ y))) + L2 * float((x**2).sum() + (y**2).sum())
    for part in np.array_split(np.arange(matrix.nnz), 64):
        score = np.einsum("ij,ij->i", x[row[part]], y[matrix.indices[part]])
        total += float(np.sum(ALPHA * (1 - score) ** 2 - score**2))
    return total


def implicit_model(matrix: Any, start: Any, solver: str) -> Any:
    model = AlternatingLeastSquares(
        N_FACTORS,
        regularization=L2,
        alpha=ALPHA,
        iterations=N_ITERATIONS,
        num_threads=THREADS,
        use_cg=solver == "cg",
    )
    model.user_factors, model.item_factors = start[0].copy(), start[1].copy()
    with threadpool_limits(1, "blas"):
        model.fit(matrix, show_progress=False)
    return model


def own_model(data: Interactions, start: Any, solver: Any) -> ALS:
    model = SameStart(
        N_FACTORS,
        n_iterations=N_ITERATIONS,
        alpha=ALPHA - 1,  # implicit's alpha is the whole weight
        l2=L2,
        frequency_scaling=0.0,
        solver=solver,
        n_jobs=THREADS,
    )
    model.start = start
    return model.fit(data)


def compare_fits(data: Interactions, matrix: Any, repeats: int) -> Any:
    rng = np.random.default_rng(0)
    sizes = (data.n_customers, data.n_items)
    start = tuple(rng.random((n, N_FACTORS), dtype=np.float32) * 0.01 for n in sizes)
    rival: Any = None
    for solver in ("cg", "cholesky"):
        rival, own = implicit_model(matrix, start, solver), own_model(data, start, solver)
        reached = {
            "implicit": loss(data.matrix, rival.user_factors, rival.item_factors),
            "own": loss(data.matrix, own.customer_factors_, own.item_factors_),
        }
        times = time_in_turn(
            {
                "implicit": lambda s=solver: implicit_model(matrix, start, s),
                "own": lambda s=solver: own_model(data, start, s),
            },
            repeats,
        )
        ratio = times["implicit"].median / times["own"].median
        print(f"fit, {solver}: implicit {times['implicit']}, own {times['own']}: {ratio:.2f}x")
        print(f"  loss: implicit {reached['implicit']:.2f}, own {reached['own']:.2f}")
    return rival


def compare_lists(data: Interactions, matrix: Any, rival: Any, repeats: int) -> None:
    """Make lists from the same factors, those of implicit."""
    rows, vectors = rival.user_factors.astype(np.float64), rival.item_factors.astype(np.float64)
    items, everybody = item_vectors(vectors), np.arange(data.n_customers)

    def theirs() -> Any:
        with threadpool_limits(1, "blas"):
            return rival.recommend(everybody, matrix, N=20)

    def ours() -> Any:
        return top_of_factors(rows, items, 20, blocked=data.matrix, n_jobs=THREADS)

    other, (found, scores) = theirs()[0], ours()
    differs = other != found
    swapped = np.einsum("nif,nf->ni", vectors[other], rows)
    apart = np.abs(swapped - scores)[differs]
    worst = float(apart.max()) if differs.any() else 0.0
    times = time_in_turn({"implicit": theirs, "own": ours}, repeats)
    ratio = times["implicit"].median / times["own"].median
    print(f"top 20: implicit {times['implicit']}, own {times['own']}: {ratio:.2f}x")
    print(f"  {differs.mean():.6%} of places differ, by {worst:.1e} in score at most")


def report_accuracy(data: Interactions, test: pd.DataFrame) -> None:
    """Recall and NDCG at 20 of the defaults, which were chosen on parts of train."""
    lists = ALS().fit(data).recommend(k=20, reasons=False)
    hits = lists.merge(test, on=["customer_id", "item_id"])
    wanted = test.groupby("customer_id").size()
    n_hits = hits.groupby("customer_id").size().reindex(wanted.index, fill_value=0)
    gain = (1 / np.log2(hits["rank"] + 1)).groupby(hits["customer_id"]).sum()
    ideal = np.cumsum(1 / np.log2(np.arange(2, 22)))[np.minimum(wanted, 20) - 1]
    ndcg = (gain.reindex(wanted.index, fill_value=0.0) / ideal).mean()
    print(f"defaults: Recall@20 {(n_hits / wanted).mean():.4f}, NDCG@20 {ndcg:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of public data sets")
    parser.add_argument("--sets", nargs="+", default=list(FILES), choices=list(FILES))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print_environment("numpy", "scipy", "numba", "implicit")
    for name in given.sets:
        data, test = read(given.data, name)
        print(f"\n{name}: {data!r}")
        matrix = sparse.csr_matrix(data.matrix.astype(np.float32))
        rival = compare_fits(data, matrix, given.repeats)
        compare_lists(data, matrix, rival, given.repeats)
        report_accuracy(data, test)


if __name__ == "__main__":
    main()
