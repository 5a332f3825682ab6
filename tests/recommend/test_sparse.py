"""Sparse products of which only the best is kept, against dense NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from userportrait.recommend import _sparse
from userportrait.recommend._interactions import csr
from userportrait.recommend._sparse import (
    Comparison,
    main_past_items,
    nearest_rows,
    top_of_product,
    transposed,
)
from userportrait.recommend._top import Top, top_of_scores

FORMS = ("product", "sum_less_total", "sum")


@pytest.fixture(params=["numpy", "numba"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each way to do the work; numba only where it is installed."""
    if request.param == "numba":
        pytest.importorskip("numba")
    return str(request.param)


def random_matrix(shape: tuple[int, int], fill: float, seed: int, *, whole: bool = True) -> Any:
    """Return a matrix of small whole numbers, or of float32; some rows are empty."""
    random = np.random.default_rng(seed)
    dense = random.integers(1, 4, shape).astype(float)
    if not whole:
        dense = random.random(shape).astype(np.float32).astype(float)
    dense[random.random(shape) > fill] = 0.0
    dense[:: max(2, shape[0] // 3)] = 0.0
    return sparse.csr_array(dense)


def assert_same_top(found: Top, expected: Top) -> None:
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_array_equal(found.scores, expected.scores)


def assert_same_matrix(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.data, expected.data)


# Few products leave most columns alone; many touch all of them: the compiled code does not do both
# the same way.
SIZES = [(9, 6, 60, 0.1), (9, 30, 12, 0.5)]


@pytest.mark.parametrize(("n_rows", "n_inner", "n_columns", "fill"), SIZES)
@pytest.mark.parametrize("k", [1, 4, 100])
@pytest.mark.parametrize("masked", ["nothing", "columns", "pairs"])
def test_top_is_that_of_the_dense_product(
    engine: Any, n_rows: int, n_inner: int, n_columns: int, fill: float, k: int, masked: str
) -> None:
    left = random_matrix((n_rows, n_inner), 0.5, 1)
    right = random_matrix((n_inner, n_columns), fill, 2)
    random = np.random.default_rng(3)
    allowed = blocked = None
    if masked == "columns":
        allowed = random.random(n_columns) < 0.7
    elif masked == "pairs":
        allowed = random.random((n_rows, n_columns)) < 0.7
        blocked = random_matrix((n_rows, n_columns), 0.3, 4)
    expected = top_of_scores(
        left.toarray() @ right.toarray(),  # whole numbers: exact in any order
        k,
        allowed=allowed,
        blocked=blocked,
        positive_only=True,
        engine="numpy",
    )
    found = top_of_product(left, right, k, allowed=allowed, blocked=blocked, engine=engine)
    assert_same_top(found, expected)


@pytest.mark.parametrize("n_columns", [40, 600])
def test_engines_and_threads_give_the_same_top(
    monkeypatch: pytest.MonkeyPatch, n_columns: int
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(_sparse, "_FEW_PRODUCTS", 0)
    left = random_matrix((300, 40), 0.3, 5, whole=False)
    right = random_matrix((40, n_columns), 0.2, 6, whole=False)
    blocked = random_matrix((300, n_columns), 0.1, 7)
    by_scipy = top_of_product(left, right, 9, blocked=blocked, engine="numpy")
    for n_jobs in (1, 3):
        found = top_of_product(left, right, 9, blocked=blocked, engine="numba", n_jobs=n_jobs)
        assert_same_top(found, by_scipy)


def test_a_row_has_the_same_top_alone(engine: Any) -> None:
    left = random_matrix((30, 20), 0.3, 8, whole=False)
    right = random_matrix((20, 50), 0.2, 9, whole=False)
    together = top_of_product(left, right, 5, engine=engine)
    for row in range(30):
        alone = top_of_product(left[[row]], right, 5, engine=engine)
        assert_same_top(alone, Top(together.items[[row]], together.scores[[row]]))


def test_nothing_times_anything_is_nothing(engine: Any) -> None:
    nothing = sparse.csr_array((3, 4))
    found = top_of_product(nothing, random_matrix((4, 6), 0.5, 0), 2, engine=engine)
    assert (found.items == -1).all()
    assert top_of_product(nothing[:0], nothing.T.tocsr(), 2, engine=engine).items.shape == (0, 2)


def test_stored_zeros_count_as_nothing(engine: Any) -> None:
    left = csr(np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 2]), (1, 2))
    right = csr(np.array([5.0, 0.0, 0.0, 2.0]), np.array([0, 1, 1, 2]), np.array([0, 2, 4]), (2, 3))
    found = top_of_product(left, right, 3, engine=engine)
    assert found.items.tolist() == [[2, -1, -1]]


def dense_nearest(c: Comparison, k: int) -> Any:
    """Apply the formula to every pair, and keep the k largest values of each row."""
    total = c.left.toarray() @ c.right.toarray()
    a, b, h = c.left_scale[:, None], c.right_scale[None, :], c.shrinkage
    below = {"product": a * b + h, "sum_less_total": a + b - total + h, "sum": a + b + h}[c.form]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(total > 0, total / below, 0.0).astype(np.float32)
    inside = np.flatnonzero(c.own >= 0)
    value[inside, c.own[inside]] = 0.0
    best = top_of_scores(value, k, positive_only=True, engine="numpy")
    kept = np.zeros_like(value)
    for row in range(len(value)):
        columns = best.items[row][best.items[row] >= 0]
        kept[row, columns] = value[row, columns]
    return kept


def comparison(matrix: Any, form: Any, shrinkage: float, *, unit: bool = False) -> Comparison:
    """Compare the rows of a matrix; scales are powers of two, so that no rounding matters."""
    if unit:
        matrix = csr(np.ones(matrix.nnz), matrix.indices, matrix.indptr, matrix.shape)
    right, back = transposed(matrix, "numpy")
    places = np.empty(len(back), dtype=np.int64)
    places[back] = np.arange(len(back))
    n = matrix.shape[0]
    scale = 2.0 ** np.random.default_rng(0).integers(4, 9, n)
    own = np.arange(n, dtype=np.int32)
    return Comparison(matrix, right, scale, scale, form, shrinkage, own, unit, places)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shrinkage", [0.0, 8.0])
@pytest.mark.parametrize("unit", [False, True])
def test_nearest_are_those_of_the_formula(
    engine: Any, form: str, shrinkage: float, unit: bool
) -> None:
    c = comparison(random_matrix((40, 25), 0.15, 11), form, shrinkage, unit=unit)
    for k in (1, 7, 50):
        found = nearest_rows(c, k, engine=engine)
        assert found.has_sorted_indices
        assert found.indices.dtype == np.int32  # wider ones would be copied for each list
        np.testing.assert_array_equal(found.toarray(), dense_nearest(c, k))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("fill", [0.05, 0.6])
def test_halves_rows_scipy_and_threads_agree(form: str, unit: bool, fill: float) -> None:
    pytest.importorskip("numba")
    c = comparison(random_matrix((130, 90), fill, 12, whole=False), form, 0.5, unit=unit)
    random = np.random.default_rng(1)
    c = replace(c, left_scale=random.random(130) + 9, right_scale=random.random(130) + 9)
    expected = nearest_rows(c, 11, engine="numpy")
    for n_jobs in (1, 3):
        for halves in (False, True):
            found = nearest_rows(c, 11, engine="numba", n_jobs=n_jobs, halves=halves)
            assert_same_matrix(found, expected)


def test_a_query_has_other_rows_than_columns(engine: Any) -> None:
    left = random_matrix((7, 30), 0.3, 13)
    right = random_matrix((30, 50), 0.2, 14)
    own = np.array([-1, 3, 4, -1, 49, 0, -1], dtype=np.int32)
    c = Comparison(left, right, np.full(7, 2.0), np.full(50, 4.0), "product", 0.0, own)
    np.testing.assert_array_equal(nearest_rows(c, 6, engine=engine).toarray(), dense_nearest(c, 6))


def test_scales_of_nothing_make_no_neighbours(engine: Any) -> None:
    c = comparison(random_matrix((20, 10), 0.4, 15), "product", 0.0)
    silent = c.left_scale.copy()
    silent[:10] = 0.0
    found = nearest_rows(replace(c, left_scale=silent), 5, engine=engine).toarray()
    assert not found[:10].any()
    assert found[10:].any()


@given(
    counts=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    k=st.integers(1, 12),
)
def test_ties_go_by_position(counts: list[int], k: int) -> None:
    """One row whose sums are the counts: equal ones are kept from the front."""
    right = sparse.csr_array(np.array([counts], dtype=float))
    one = sparse.csr_array(np.ones((1, 1)))
    n = len(counts)
    c = Comparison(one, right, np.ones(1), np.ones(n), "product", 0.0, np.array([-1], np.int32))
    expected = sorted(sorted(range(n), key=lambda j: (-counts[j], j))[:k])
    expected = [j for j in expected if counts[j] > 0]
    assert nearest_rows(c, k).indices.tolist() == expected


def test_transposed_says_where_entries_were(engine: Any) -> None:
    matrix = random_matrix((30, 12), 0.3, 16, whole=False)
    turned, places = transposed(matrix, engine)
    np.testing.assert_array_equal(turned.toarray(), matrix.toarray().T)
    np.testing.assert_array_equal(turned.data, matrix.data[places])
    assert turned.has_sorted_indices


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_main_past_item_adds_most(
    engine: Any, monkeypatch: pytest.MonkeyPatch, n_jobs: int
) -> None:
    monkeypatch.setattr(_sparse, "_FEW_PRODUCTS", 0)
    history, right = random_matrix((25, 40), 0.2, 17), random_matrix((40, 40), 0.2, 18)
    random = np.random.default_rng(19)
    row, item = random.integers(0, 25, 300), random.integers(0, 40, 300)  # some come twice
    found = main_past_items(history, right, row, item, engine=engine, n_jobs=n_jobs)
    adds = history.toarray()[row] * right.toarray()[:, item].T
    expected = np.where(adds.max(axis=1) > 0, adds.argmax(axis=1), -1)  # the first of equals
    np.testing.assert_array_equal(found, expected)
    assert main_past_items(history, right, row[:0], item[:0], engine=engine).shape == (0,)
