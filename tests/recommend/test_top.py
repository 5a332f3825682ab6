"""The k best of each row, against a plain sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from userportrait.recommend import _top
from userportrait.recommend._engines import part_bounds, thread_count
from userportrait.recommend._top import Top, top_of_pairs, top_of_scores

ENGINES = ("numpy", pytest.param("numba", marks=pytest.mark.filterwarnings("error")))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each way to do the work; numba only where it is installed."""
    if request.param == "numba":
        pytest.importorskip("numba")
    return str(request.param)


def sorted_rows(
    scores: Any, k: int, allowed: Any = None, blocked: Any = None, *, positive_only: bool = False
) -> Top:
    """Sort each row in Python by score, then by position: the definition."""
    n_rows, n_items = scores.shape
    items = np.full((n_rows, k), -1)
    values = np.zeros((n_rows, k))
    for row in range(n_rows):
        out = set() if blocked is None else set(blocked[[row]].indices.tolist())
        mask = np.ones(n_items) if allowed is None else np.broadcast_to(allowed, scores.shape)[row]
        pairs = [
            (-float(scores[row, item]), item)
            for item in range(n_items)
            if mask[item] and item not in out
        ]
        floor = 0.0 if positive_only else -np.inf
        best = sorted(pair for pair in pairs if -pair[0] > floor)[:k]
        for place, (score, item) in enumerate(best):
            items[row, place], values[row, place] = item, -score
    return Top(items.astype(np.int32), values)


def assert_same(found: Top, expected: Top) -> None:
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.items.dtype == np.int32
    assert found.scores.dtype == np.float64


def scores_with_ties(n_rows: int, n_items: int, seed: int, dtype: Any = np.float64) -> Any:
    random = np.random.default_rng(seed)
    scores = random.integers(-3, 4, (n_rows, n_items)).astype(dtype) / 3
    scores[random.random(scores.shape) < 0.1] = -np.inf
    scores[random.random(scores.shape) < 0.1] = np.nan
    return scores


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3, 17, 40, 55])
def test_lists_are_those_of_a_sort(engine: Any, k: int, dtype: Any) -> None:
    scores = scores_with_ties(25, 40, k, dtype)
    kept = scores.copy()
    found = top_of_scores(scores, k, engine=engine)
    assert_same(found, sorted_rows(scores, k))
    np.testing.assert_array_equal(scores, kept)


@pytest.mark.parametrize("own_masks", [False, True])
@pytest.mark.parametrize("positive_only", [False, True])
def test_masks_and_blocked_items_are_left_out(
    engine: Any, own_masks: bool, positive_only: bool
) -> None:
    random = np.random.default_rng(5)
    scores = scores_with_ties(20, 30, 4)
    allowed = random.random((20, 30) if own_masks else 30) < 0.6
    blocked = sparse.csr_array((random.random((20, 30)) < 0.2).astype(float))
    found = top_of_scores(
        scores, 6, allowed=allowed, blocked=blocked, positive_only=positive_only, engine=engine
    )
    assert_same(found, sorted_rows(scores, 6, allowed, blocked, positive_only=positive_only))


def test_a_row_of_equal_scores_goes_by_position(engine: Any) -> None:
    found = top_of_scores(np.zeros((2, 9)), 4, engine=engine)
    assert found.items.tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]


def test_nothing_allowed_is_an_empty_list(engine: Any) -> None:
    found = top_of_scores(np.ones((2, 5)), 3, allowed=np.zeros(5, dtype=bool), engine=engine)
    assert found.items.tolist() == [[-1] * 3] * 2
    assert found.scores.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_nobody_or_nothing_is_an_empty_answer(engine: Any, shape: tuple[int, int]) -> None:
    found = top_of_scores(np.ones(shape), 2, engine=engine)
    assert found.items.shape == (shape[0], 2)
    assert (found.items == -1).all()


def test_other_layouts_and_read_only_scores_are_taken(engine: Any) -> None:
    scores = scores_with_ties(12, 30, 3)
    expected = sorted_rows(scores, 5)
    assert_same(top_of_scores(np.asfortranarray(scores), 5, engine=engine), expected)
    scores.setflags(write=False)
    assert_same(top_of_scores(scores, 5, engine=engine), expected)
    whole = np.array([[3, 1, 2]])
    assert top_of_scores(whole, 2, engine=engine).items.tolist() == [[0, 2]]


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(_top, "_MANY_SCORES", 1)
    scores = scores_with_ties(200, 30, 8)
    one = top_of_scores(scores, 7, engine="numba", n_jobs=1)
    assert_same(top_of_scores(scores, 7, engine="numba", n_jobs=3), one)


def test_pairs_in_any_order_are_sorted() -> None:
    scores = scores_with_ties(10, 20, 2)
    row, item = np.nonzero(~np.isnan(scores))
    order = np.random.default_rng(0).permutation(len(row))
    row, item = row[order], item[order]
    assert_same(top_of_pairs(row, item, scores[row, item], 10, 6), sorted_rows(scores, 6))


def test_parts_hold_all_rows_and_about_the_same_work() -> None:
    costs = np.random.default_rng(0).pareto(1.0, 500)
    bounds = part_bounds(costs, 2)
    assert bounds[0] == 0
    assert bounds[-1] == 500
    assert (np.diff(bounds) > 0).all()
    work = np.add.reduceat(costs + 1, bounds[:-1])
    assert work.max() < 2 * (costs + 1).sum() / 16 + costs.max() + 1
    assert part_bounds(costs, 1).tolist() == [0, 500]
    assert part_bounds(np.zeros(0), 2).tolist() == [0]


def test_threads_are_those_asked_for() -> None:
    assert thread_count(3) == 3
    assert thread_count(None) >= 1
