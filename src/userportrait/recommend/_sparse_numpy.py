"""Rows of a sparse matrix times a sparse matrix, with SciPy, in blocks of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._base_lookup import take_rows
from userportrait.recommend._interactions import csr, entry_rows, row_sizes
from userportrait.recommend._top import Top, top_of_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix

__all__ = ["narrow_index", "numpy_main_columns", "numpy_nearest", "numpy_top", "product_counts"]

_BLOCK_PRODUCTS = 2**22


def product_counts(left: Matrix, right: Matrix) -> NDArray[np.int64]:
    """Return how many products each row of the left side takes."""
    sizes = row_sizes(right)
    total = np.zeros(len(left.indices) + 1, dtype=np.int64)
    np.cumsum(sizes[left.indices], out=total[1:])
    counts: NDArray[np.int64] = np.diff(total[left.indptr])
    return counts


def narrow_index(indptr: NDArray[Any]) -> NDArray[Any]:
    """Return int32 where it will do: SciPy would widen the columns to the type of row starts."""
    return indptr.astype(np.int32) if int(indptr[-1]) < 2**31 else indptr


def _blocks(left: Matrix, right: Matrix) -> Iterator[slice]:
    """Cut rows into blocks of not too many products and entries, one row at least."""
    counts = product_counts(left, right)
    total = np.cumsum(counts + right.shape[1] // 4)
    start = 0
    while start < len(counts):
        done = int(total[start - 1]) if start else 0
        stop = int(np.searchsorted(total, done + _BLOCK_PRODUCTS, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def _needed(left: Matrix, right: Matrix) -> tuple[Matrix, Matrix]:
    """Leave out rows of the right side that no entry of a few rows needs."""
    if left.nnz >= right.shape[0]:
        return left, right
    used, places = np.unique(left.indices, return_inverse=True)
    shape = (left.shape[0], len(used))
    return csr(left.data, places.astype(np.int32), left.indptr, shape), take_rows(right, used)


def _wide(matrix: Matrix) -> Matrix:
    return csr(matrix.data.astype(np.float64), matrix.indices, matrix.indptr, matrix.shape)


def _near_best(indptr: NDArray[Any], values: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Return which values are positive and not below the k-th best of their row."""
    keep = values > 0
    for row in np.flatnonzero(np.diff(indptr) > k).tolist():
        start, stop = indptr[row], indptr[row + 1]
        part = values[start:stop]
        keep[start:stop] &= part >= np.partition(part, len(part) - k)[len(part) - k]
    return keep


def numpy_top(
    left: Matrix,
    right: Matrix,
    k: int,
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
) -> Top:
    """Do what `top_of_product` does."""
    left, right = _needed(left, right)
    narrow = csr(right.data.astype(np.float32), right.indices, right.indptr, right.shape)
    weights = _wide(narrow)
    parts: list[Top] = []
    for rows in _blocks(left, right):
        product = left[rows] @ weights
        row, column, value = entry_rows(product), product.indices, product.data
        if allowed is not None:
            value[~(allowed[column] if allowed.ndim == 1 else allowed[rows][row, column])] = 0.0
        if blocked is not None:
            out = np.zeros(product.shape, dtype=bool)
            cut = blocked[rows]
            out[entry_rows(cut), cut.indices] = True
            value[out[row, column]] = 0.0
        keep = _near_best(product.indptr, value, k)
        parts.append(top_of_pairs(row[keep], column[keep], value[keep], product.shape[0], k))
    return Top(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))


def numpy_nearest(
    left: Matrix,
    right: Matrix,
    form: int,
    left_scale: NDArray[np.float64],
    right_scale: NDArray[np.float64],
    shrinkage: float,
    own: NDArray[np.int32],
    k: int,
) -> Matrix:
    """Do what `nearest_rows` does; `form` is the code of a `Comparison`."""
    rows_found: list[NDArray[Any]] = []
    columns: list[NDArray[Any]] = []
    values: list[NDArray[np.float32]] = []
    if not left.nnz:
        nothing = np.zeros(left.shape[0] + 1, dtype=np.int32)
        shape = (left.shape[0], right.shape[1])
        return csr(np.zeros(0, np.float32), np.zeros(0, np.int32), nothing, shape)
    left, right = _needed(left, right)
    wide = _wide(right)
    for rows in _blocks(left, right):
        product = left[rows] @ wide
        row, column = entry_rows(product), product.indices
        a, b = left_scale[rows][row], right_scale[column]
        value = _scaled(form, product.data, a, b, shrinkage)
        value[(column == own[rows][row]) | np.isnan(value)] = 0.0
        keep = _near_best(product.indptr, value, k)
        row, column, value = row[keep], column[keep], value[keep]
        order = np.lexsort((column, -value, row))
        place = np.arange(len(row)) - np.searchsorted(row[order], row[order])
        best = order[place < k]
        best = best[np.lexsort((column[best], row[best]))]
        rows_found.append(row[best] + rows.start)
        columns.append(column[best])
        values.append(value[best])
    n_rows, n_columns = left.shape[0], right.shape[1]
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(np.concatenate(rows_found), minlength=n_rows), out=indptr[1:])
    indptr = narrow_index(indptr)
    indices = np.concatenate(columns).astype(np.int32)
    return csr(np.concatenate(values), indices, indptr, (n_rows, n_columns))


def _scaled(
    form: int,
    total: NDArray[np.float64],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    shrinkage: float,
) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if form == 0:
            value = total * (left * right)
        elif form == 1:
            value = total / (left * right + shrinkage)
        elif form == 2:
            value = total / (left + right - total + shrinkage)
        else:
            value = total / (left + right + shrinkage)
        return value.astype(np.float32)


def numpy_main_columns(
    history: Matrix, right: Matrix, row: NDArray[Any], item: NDArray[Any]
) -> NDArray[np.intp]:
    """Do what `main_past_items` does, for pairs sorted by row, then item, that all differ."""
    n_items = right.shape[1]
    found = np.full(len(row), -1, dtype=np.intp)
    keys = row * n_items + item
    for rows in _blocks(history, right):
        first, last = np.searchsorted(row, [rows.start, rows.stop])
        if first == last:
            continue
        slots = np.full((rows.stop - rows.start) * n_items, -1, dtype=np.int32)
        slots[keys[first:last] - rows.start * n_items] = np.arange(last - first)
        slot, past, value = _addends(history[rows], right, slots)
        best = np.zeros(last - first)
        np.maximum.at(best, slot, value)
        hits = np.flatnonzero((value == best[slot]) & (value > 0))[::-1]
        found[first + slot[hits]] = past[hits]  # the first one is written last
    return found


def _addends(
    history: Matrix, right: Matrix, slots: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.float64]]:
    """Return slot, past item and value of each product that belongs to a slot."""
    starts = right.indptr[history.indices]
    sizes = right.indptr[history.indices + 1] - starts
    ends = np.cumsum(sizes)
    place = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    wide_row = entry_rows(history)[owner].astype(np.int64)
    slot = slots[wide_row * right.shape[1] + right.indices[place]]
    inside = slot >= 0
    owner, place = owner[inside], place[inside]
    value = history.data[owner] * right.data[place].astype(np.float64)
    return slot[inside], history.indices[owner], value
