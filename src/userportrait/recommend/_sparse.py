"""Rows of a sparse matrix times a sparse matrix: only the best of each row are kept.

Compiled code where numba is installed, SciPy in blocks of rows otherwise; both add up in the same
order, and give the same answer in any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait.recommend._engines import (
    Engine,
    part_bounds,
    plain_array,
    run_in_parts,
    thread_count,
    uses_numba,
)
from userportrait.recommend._interactions import csr
from userportrait.recommend._sparse_numpy import (
    narrow_index,
    numpy_main_columns,
    numpy_nearest,
    numpy_top,
    product_counts,
)
from userportrait.recommend._top import Top, blocked_rows, mask_rows, no_items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["Comparison", "Form", "main_past_items", "nearest_rows", "top_of_product", "transposed"]

Form: TypeAlias = Literal["product", "sum_less_total", "sum"]
"""How the sum of products of a row and a column becomes a similarity.

With the scales a of the row and b of the column, and the shrinkage h: t / (a b + h),
t / (a + b - t + h), or t / (a + b + h).
"""

_Out: TypeAlias = (
    "tuple[int, NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]"
)
_SQUARE_BYTES = 300 * 10**6
_MIN_FILL = 4  # products for each entry of a square, from which on the square pays


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows compared with columns by a sum of products.

    Parameters
    ----------
    left : csr_array of float64, shape (n_rows, n_features)
    right : csr_array, shape (n_features, n_columns)
        Values that float32 holds exactly.
    left_scale, right_scale : ndarray of float64, shape (n_rows,) and (n_columns,)
    form : {'product', 'sum_less_total', 'sum'}
    shrinkage : float
    own : ndarray of int32, shape (n_rows,)
        The column of each row that is no neighbour of it, -1 for none.
    unit : bool
        Whether all values of the right side are 1.
    places : ndarray of int64, optional
        Given if the product is symmetric and each row its own column: where the entry of the
        right side stands that mirrors an entry of the left side.
    """

    left: Matrix
    right: Matrix
    left_scale: NDArray[np.float64]
    right_scale: NDArray[np.float64]
    form: Form
    shrinkage: float
    own: NDArray[np.int32]
    unit: bool = False
    places: NDArray[np.int64] | None = None

    @property
    def code(self) -> int:
        """The form as a number; 0 says that scales are factors, which they are here."""
        if self.form == "product":
            return 0 if self.shrinkage == 0 else 1
        return 2 if self.form == "sum_less_total" else 3

    @property
    def scales(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scales as the code of the form wants them: reciprocals if they are factors."""
        if self.code != 0:
            return self.left_scale, self.right_scale
        return _reciprocal(self.left_scale), _reciprocal(self.right_scale)


def _reciprocal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1.0, values, out=np.zeros(len(values)), where=values > 0)


def transposed(matrix: Matrix, engine: Engine) -> tuple[Matrix, NDArray[np.int64]]:
    """Return the transposed matrix, and where each of its entries stands in the given one."""
    n_rows, n_columns = matrix.shape
    if not uses_numba(engine, "transposed"):
        numbers = np.arange(len(matrix.indices), dtype=np.int64)
        turned: Matrix = csr(numbers, matrix.indices, matrix.indptr, matrix.shape).T.tocsr()
        indptr, indices, places = turned.indptr, turned.indices, turned.data
    else:
        from userportrait.recommend._sparse_numba import transpose

        indptr = np.zeros(n_columns + 1, dtype=np.int64)
        indices = np.empty(matrix.nnz, dtype=np.int32)
        places = np.empty(matrix.nnz, dtype=np.int64)
        transpose(*_pattern(matrix), indptr, indices, places)
        indptr = narrow_index(indptr)
    return csr(matrix.data[places], indices, indptr, (n_columns, n_rows)), places


def top_of_product(
    left: Matrix,
    right: Matrix,
    k: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    blocked: Matrix | None = None,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> Top:
    """Return the k largest positive entries of each row of a product; equal ones by position.

    Parameters
    ----------
    left : csr_array, shape (n_rows, n_features)
        Values of 0 or more.
    right : csr_array, shape (n_features, n_items)
        Values of 0 or more; taken as float32.
    k : int
    allowed : ndarray of bool, shape (n_items,) or (n_rows, n_items), optional
    blocked : csr_array, shape (n_rows, n_items), optional
        Items of each row that must not come.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
    n_jobs : int, optional
    """
    n_rows, n_items = left.shape[0], right.shape[1]
    found = no_items(n_rows, k)
    if not n_rows or not n_items:
        return found
    if not uses_numba(engine, "top_of_product"):
        return numpy_top(left, right, k, allowed, blocked)
    from userportrait.recommend._sparse_numba import top_of_rows

    n = min(k, n_items)
    items, values = found.items[:, :n], found.scores[:, :n]
    if n < k:
        items, values = np.empty((n_rows, n), dtype=np.int32), np.empty((n_rows, n))
    sides = (*_numbers(left, np.float64), *_numbers(right, np.float32))
    mask, out = mask_rows(allowed, n_items), blocked_rows(blocked)

    def work(start: int, stop: int) -> None:
        top_of_rows(*sides, n_items, n, mask, *out, items, values, start, stop)

    _run(work, left, right, n_jobs)
    if n < k:
        found.items[:, :n], found.scores[:, :n] = items, values
    return found


def nearest_rows(
    comparison: Comparison,
    k: int,
    *,
    engine: Engine = "auto",
    n_jobs: int | None = None,
    halves: bool | None = None,
) -> Matrix:
    """Return the k nearest columns of each row.

    Parameters
    ----------
    comparison : Comparison
    k : int
        Of equal similarities, those in front are kept.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
    n_jobs : int, optional
    halves : bool, optional
        Whether compiled code adds up half of a symmetric product, which needs memory for all
        sums. By default where that is faster, and they take no more than 300 MB.

    Returns
    -------
    csr_array of float32
        Similarities above 0; columns of a row are sorted.
    """
    c = comparison
    if not uses_numba(engine, "nearest_rows"):
        left_scale, right_scale = c.scales
        return numpy_nearest(
            c.left, c.right, c.code, left_scale, right_scale, c.shrinkage, c.own, k
        )
    n_rows, n_columns = c.left.shape[0], c.right.shape[1]
    products = product_counts(c.left, c.right)
    room = np.minimum(products, min(k, n_columns))
    starts = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(room, out=starts[1:])
    columns = np.empty(starts[-1], dtype=np.int32)
    values = np.empty(starts[-1], dtype=np.float32)
    counts = np.zeros(n_rows, dtype=np.int64)
    out = (k, starts, columns, values, counts)
    if halves is None:
        n_sums = n_rows * n_columns
        halves = 8 * n_sums <= _SQUARE_BYTES and int(products.sum()) >= _MIN_FILL * n_sums
    if halves and c.places is not None:
        _nearest_by_halves(c, c.places, products, out, thread_count(n_jobs))
    else:
        _nearest_by_rows(c, products, out, thread_count(n_jobs))
    return _packed(starts, columns, values, counts, n_columns, thread_count(n_jobs))


def _nearest_by_rows(c: Comparison, products: NDArray[np.int64], out: _Out, n_threads: int) -> None:
    from userportrait.recommend._nearest_numba import nearest

    sides = (*_numbers(c.left, np.float64), *_right_side(c))
    left_scale, right_scale = c.scales
    scales = (c.code, left_scale, right_scale, float(c.shrinkage), c.own)

    def work(start: int, stop: int) -> None:
        nearest(*sides, *scales, *out, start, stop)

    run_in_parts(work, part_bounds(products, n_threads), n_threads)


def _nearest_by_halves(
    c: Comparison,
    places: NDArray[np.int64],
    products: NDArray[np.int64],
    out: _Out,
    n_threads: int,
) -> None:
    """Add up what is behind the diagonal only, where all sums fit into memory."""
    from userportrait.recommend._nearest_numba import half_products, mirror, nearest_in_square

    n: int = c.left.shape[0]
    square = np.zeros((n, n))
    left, right = _numbers(c.left, np.float64), _right_side(c)
    left_scale, right_scale = c.scales
    scales = (c.code, left_scale, right_scale, float(c.shrinkage))

    def add(start: int, stop: int) -> None:
        half_products(*left, places, *right, square, start, stop)

    def reflect(start: int, stop: int) -> None:
        mirror(square, start, stop)

    def choose(start: int, stop: int) -> None:
        nearest_in_square(square, *scales, *out, start, stop)

    rows = np.arange(n, dtype=np.int64)
    share = (n - rows) / n  # of the products of a row, behind the diagonal
    run_in_parts(add, part_bounds(products * share, n_threads), n_threads)
    run_in_parts(reflect, part_bounds(rows, n_threads), n_threads)
    run_in_parts(choose, part_bounds(np.full(n, n, dtype=np.int64), n_threads), n_threads)


def _packed(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    counts: NDArray[np.int64],
    n_columns: int,
    n_threads: int,
) -> Matrix:
    n_rows = len(counts)
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    if indptr[-1] < starts[-1]:
        from userportrait.recommend._nearest_numba import pack

        kept, kept_values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)

        def work(start: int, stop: int) -> None:
            pack(starts, indptr, columns, values, kept, kept_values, start, stop)

        run_in_parts(work, part_bounds(counts, n_threads), n_threads)
        columns, values = kept, kept_values
    return csr(values, columns, narrow_index(indptr), (n_rows, n_columns))


def main_past_items(
    history: Matrix,
    right: Matrix,
    row: NDArray[Any],
    item: NDArray[Any],
    *,
    engine: Engine = "auto",
    n_jobs: int | None = None,
) -> NDArray[np.intp]:
    """Return the item of the history that adds most to each entry of a product, -1 for none.

    Parameters
    ----------
    history : csr_array, shape (n_rows, n_items)
    right : csr_array, shape (n_items, n_items)
    row, item : ndarray of int, shape (n_pairs,)
        The entries. Of items that add the same, the first counts.
    engine : {'auto', 'numpy', 'numba'}, default='auto'
    n_jobs : int, optional
    """
    n_items = right.shape[1]
    keys, back = np.unique(row.astype(np.int64) * n_items + item, return_inverse=True)
    if not len(keys):
        return np.zeros(0, dtype=np.intp)
    pair_row, pair_item = keys // n_items, keys % n_items
    if not uses_numba(engine, "main_past_items"):
        return numpy_main_columns(history, right, pair_row, pair_item)[back]
    from userportrait.recommend._sparse_numba import main_columns

    pair_ptr = np.zeros(history.shape[0] + 1, dtype=np.int64)
    np.cumsum(np.bincount(pair_row, minlength=history.shape[0]), out=pair_ptr[1:])
    sides = (*_numbers(history, np.float64), *_numbers(right, np.float32))
    found = np.full(len(keys), -1, dtype=np.int64)

    def work(start: int, stop: int) -> None:
        main_columns(*sides, pair_ptr, pair_item, n_items, found, start, stop)

    _run(work, history, right, n_jobs)
    return found[back].astype(np.intp)


_FEW_PRODUCTS = 2**20  # below, a second thread does not pay


def _run(work: Any, left: Matrix, right: Matrix, n_jobs: int | None) -> None:
    products = product_counts(left, right)
    n_threads = thread_count(n_jobs) if products.sum() >= _FEW_PRODUCTS else 1
    run_in_parts(work, part_bounds(products, n_threads), n_threads)


def _pattern(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return plain_array(matrix.indptr, np.int64), plain_array(matrix.indices, np.int32)


def _numbers(
    matrix: Matrix, dtype: Any
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    return *_pattern(matrix), plain_array(matrix.data, dtype)


def _right_side(c: Comparison) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    if c.unit:
        return *_pattern(c.right), np.zeros(0, dtype=np.float32)
    return _numbers(c.right, np.float32)
