"""Lists from factors are those of scoring every item in float64, whatever is searched first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from userportrait._core.threads import one_blas_thread
from userportrait.recommend._engines import has_numba
from userportrait.recommend._factors_top import (
    ItemVectors,
    item_vectors,
    scores_of_factors,
    top_of_factors,
)
from userportrait.recommend._top import Top

ENGINES: list[Any] = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is missing")),
]


def every_item(
    rows: Any, vectors: Any, k: int, starts: Any, allowed: Any, blocked: Any
) -> tuple[list[list[int]], list[list[float]]]:
    """Score one item at a time, in plain Python."""
    items, scores = [], []
    for row in range(len(rows)):
        found = []
        for item in range(len(vectors)):
            mask = allowed if allowed is None or allowed.ndim == 1 else allowed[row]
            if mask is not None and not mask[item]:
                continue
            if blocked is not None and blocked[row, item]:
                continue
            total = starts[row]
            for one, other in zip(rows[row], vectors[item], strict=True):
                total += one * other
            found.append((-total, item))
        found.sort()
        found = found[:k]
        items.append([i for _, i in found] + [-1] * (k - len(found)))
        scores.append([-s for s, _ in found] + [0.0] * (k - len(found)))
    return items, scores


def shop(seed: int, n_rows: int, n_items: int, n_factors: int, ties: bool) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n_rows, n_factors))
    vectors = rng.standard_normal((n_items, n_factors)) * rng.random((n_items, 1)) ** 3
    if ties:
        vectors[rng.integers(0, n_items, n_items // 2)] = vectors[0]
    return rows, vectors


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**20),
    n_rows=st.integers(1, 4),
    n_items=st.integers(1, 40),
    n_factors=st.integers(1, 5),
    k=st.integers(1, 50),
    ties=st.booleans(),
    masked=st.sampled_from(["no", "all", "each"]),
    blocks=st.booleans(),
)
def test_lists_are_those_of_scoring_each_item(
    engine: Any,
    seed: int,
    n_rows: int,
    n_items: int,
    n_factors: int,
    k: int,
    ties: bool,
    masked: str,
    blocks: bool,
) -> None:
    rows, vectors = shop(seed, n_rows, n_items, n_factors, ties)
    rng = np.random.default_rng(seed)
    starts = rng.standard_normal(n_rows)
    shape = {"no": None, "all": (n_items,), "each": (n_rows, n_items)}[masked]
    allowed = None if shape is None else rng.random(shape) < 0.4
    dense = rng.random((n_rows, n_items)) < 0.3
    blocked = sparse.csr_array(dense.astype(float)) if blocks else None
    top = top_of_factors(
        rows, item_vectors(vectors), k, starts=starts, allowed=allowed, blocked=blocked,
        engine=engine,
    )  # fmt: skip
    items, scores = every_item(rows, vectors, k, starts, allowed, dense if blocks else None)
    assert top.items.tolist() == items
    assert top.scores.tolist() == scores  # the same bits, not only about the same


def full(vectors: ItemVectors, rows: Any, k: int, blocked: Any) -> Top:
    """The k best by sorting all scores."""
    scores = scores_of_factors(rows, vectors, engine="numpy")
    if blocked is not None:
        scores[blocked.nonzero()] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return Top(order.astype(np.int32), np.take_along_axis(scores, order, axis=1))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ties", [False, True])
def test_several_tiles_of_a_long_catalogue_give_the_same_lists(engine: Any, ties: bool) -> None:
    rows, vectors = shop(1, 300, 5_000, 6, ties)
    items = item_vectors(vectors)
    chosen = np.random.default_rng(1).random((300, 5_000)) < 0.01
    blocked = sparse.csr_array(chosen.astype(np.float64))
    top = top_of_factors(rows, items, 7, blocked=blocked, engine=engine, n_jobs=3)
    wanted = full(items, rows, 7, blocked)
    assert np.array_equal(top.items, wanted.items)
    assert np.array_equal(top.scores, wanted.scores)
    alone = top_of_factors(rows[9:10], items, 3, blocked=blocked[9:10], engine=engine)
    assert np.array_equal(alone.items[0], wanted.items[9, :3])
    assert np.array_equal(alone.scores[0], wanted.scores[9, :3])


@pytest.mark.parametrize("engine", ENGINES)
def test_scores_that_float32_cannot_tell_apart_are_told_apart(engine: Any) -> None:
    rows = np.array([[1.0, 1.0]])
    step = 1e-12  # far below what float32 sees beside 1
    vectors = np.stack([1.0 + step * np.arange(200), np.zeros(200)], axis=1)
    top = top_of_factors(rows, item_vectors(vectors), 3, engine=engine)
    assert top.items.tolist() == [[199, 198, 197]]


@pytest.mark.parametrize("engine", ENGINES)
def test_scores_are_those_of_lists(engine: Any) -> None:
    rows, vectors = shop(2, 20, 90, 4, ties=False)
    items = item_vectors(vectors)
    scores = scores_of_factors(rows, items, starts=np.arange(20.0), engine=engine)
    top = top_of_factors(rows, items, 5, starts=np.arange(20.0), engine=engine)
    assert np.array_equal(np.take_along_axis(scores, top.items.astype(int), axis=1), top.scores)
    np.testing.assert_allclose(scores, rows @ vectors.T + np.arange(20.0)[:, None], rtol=1e-12)


def test_blas_gets_its_threads_back_when_the_last_block_ends() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    with one_blas_thread():
        pass
    before = threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before
