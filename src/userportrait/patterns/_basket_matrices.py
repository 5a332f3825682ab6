"""Baskets from lists, one-hot frames and sparse matrices."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.display import format_count
from userportrait._core.entries import Coded
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.patterns._basket_lines import Parts, code_known
from userportrait.patterns._basket_merge import rows_from_pairs
from userportrait.patterns._basket_report import BasketReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from userportrait.typing import IntoFrame

__all__ = ["check_weights", "parts_of_lists", "parts_of_onehot", "parts_of_sparse", "sparse_frame"]


def check_weights(weights: Any, n_rows: int, owner: str) -> NDArray[np.int64] | None:
    """Return how often each basket comes: whole numbers from 0 on; None for None."""
    if weights is None:
        return None
    found = np.asarray(weights)
    whole = found.dtype.kind in "iu" and found.shape == (n_rows,)
    if not whole or int(found.min(initial=0)) < 0:
        problem = f"weights must be {n_rows:,} whole numbers from 0 on, one for each basket."
        raise InvalidParameterError(owner, [problem])
    return found.astype(np.int64)


def parts_of_lists(lists: Iterable[Iterable[Any]], weights: Any, *, owner: str) -> Parts:
    """Make baskets of lists of items."""
    rows: list[Any] = [_basket(items, place) for place, items in enumerate(lists)]
    sizes = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    flat: list[Any] = list(chain.from_iterable(rows))
    item = _items_of(flat, sizes)
    row = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
    known = item.codes >= 0
    n_missing = len(flat) - int(np.count_nonzero(known))
    if n_missing:
        row, item = row[known], Coded(item.codes[known], item.distinct)
    indptr, indices = rows_from_pairs(row, item.codes, len(rows), len(item.distinct))
    report = BasketReport(
        source="lists",
        n_lines=len(flat),
        n_baskets=len(rows),
        n_entries=len(indices),
        n_duplicates=len(row) - len(indices),
        ignored={"missing_item_id": n_missing} if n_missing else {},
    )
    counted = check_weights(weights, len(rows), owner)
    return Parts(indptr, indices, item.distinct, report, weights=counted)


def _basket(items: Any, place: int) -> Collection[Any]:
    """Return a basket that has a length; a text is a basket by mistake."""
    if type(items) in _SIZED:
        return cast("Collection[Any]", items)
    if isinstance(items, (str, bytes)) or not hasattr(items, "__iter__"):
        message = (
            f"a basket must be a list of items; basket {place} is of class "
            f"{type(items).__name__}. Put its items into a list."
        )
        raise InvalidDataError(message, rows=[place])
    return list(items)


_SIZED = (list, tuple, set, frozenset)
_KINDS = {"integer": "whole numbers", "string": "texts", "empty": "nothing"}


def _items_of(flat: list[Any], sizes: NDArray[np.int64]) -> Coded:
    column = np.empty(len(flat), dtype=object)
    column[:] = flat
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "integer-na":
        kind = "integer"
    if kind not in _KINDS:
        number = pd.api.types.infer_dtype(column[pd.notna(column)]) if kind == "floating" else kind
        row = _first_odd(column, sizes)
        message = (
            f"items must be whole numbers, or texts, the same kind in all baskets; found "
            f"{number}. Convert them, with str() for instance."
        )
        raise InvalidDataError(message, rows=row)
    if kind == "integer" and not pd.isna(column).any():
        return code_known(column.astype(np.int64))
    return code_known(column)


def _first_odd(column: NDArray[Any], sizes: NDArray[np.int64]) -> list[int]:
    """Return the first basket with an item that is no text, or of another kind than the first."""
    first = next((value for value in column.tolist() if not _is_missing(value)), None)
    wanted: Any = str if isinstance(first, str) else (int, np.integer)
    odd = (
        at
        for at, value in enumerate(column.tolist())
        if not _is_missing(value) and (not isinstance(value, wanted) or value is True)
    )
    at = next(odd, 0)
    return [int(np.searchsorted(np.cumsum(sizes), at, side="right"))]


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


# One-hot frames


def parts_of_onehot(frame: IntoFrame) -> Parts:
    """Make baskets of a frame with one row per basket and one column per item."""
    native = frame if isinstance(frame, pd.DataFrame) else frames.to_pandas(frames.enter(frame))
    names = _item_names(native)
    row, column, n_missing = _set_cells(native)
    items = code_known(names)
    indptr, indices = rows_from_pairs(row, items.codes[column], len(native), len(names))
    report = BasketReport(
        source="a one-hot frame",
        n_lines=len(row) + n_missing,
        n_baskets=len(native),
        n_entries=len(indices),
        ignored={"missing_item_id": n_missing} if n_missing else {},
    )
    return Parts(indptr, indices, items.distinct, report, order_ids=_order_ids(native.index))


def _item_names(frame: pd.DataFrame) -> NDArray[Any]:
    """Return the names of the columns: whole numbers, or texts, each once."""
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        message = f"the one-hot frame has two columns for the item '{name}'. Drop or rename one."
        raise InvalidDataError(message, column=str(name))
    names = np.empty(frame.shape[1], dtype=object)
    names[:] = frame.columns.tolist()
    if pd.api.types.infer_dtype(names) in ("integer", "empty"):
        return names.astype(np.int64) if len(names) else names
    names[:] = [str(name) for name in names.tolist()]
    return names


def _order_ids(index: Any) -> NDArray[Any] | None:
    """Return an index that names orders: whole numbers or texts, not just 0, 1, 2."""
    if isinstance(index, pd.RangeIndex) or index.nlevels > 1 or index.hasnans:
        return None
    kind = pd.api.types.infer_dtype(index)
    if kind not in ("integer", "string"):
        return None
    return np.asarray(index.to_numpy(dtype=np.int64 if kind == "integer" else object))


def _set_cells(frame: pd.DataFrame) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Return the rows and columns of the cells that are set, and how many cells are null."""
    rows: list[NDArray[np.intp]] = []
    sizes: list[int] = []
    n_missing = 0
    for place in range(frame.shape[1]):
        found, missing = _set_rows(frame.iloc[:, place])
        rows.append(found)
        sizes.append(len(found))
        n_missing += missing
    row = np.concatenate(rows) if rows else np.empty(0, dtype=np.intp)
    column = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return row.astype(np.int32), column, n_missing


def _set_rows(series: pd.Series[Any]) -> tuple[NDArray[np.intp], int]:
    dtype: Any = series.dtype
    if isinstance(dtype, pd.SparseDtype) and not dtype.fill_value:
        array: Any = series.array
        places, values = array.sp_index.indices, array.sp_values
    else:
        places, values = None, series
    missing = np.asarray(pd.isna(values), dtype=bool)
    flags = _flags(values, missing, str(series.name))
    found = np.flatnonzero(flags)
    return (found if places is None else places[found].astype(np.intp)), int(missing.sum())


def _flags(values: Any, missing: NDArray[np.bool_], name: str) -> NDArray[np.bool_]:
    """Return which values are 1 or true; others than 0, 1, true and false are refused."""
    dtype: Any = values.dtype
    if pd.api.types.is_bool_dtype(dtype) and not missing.any():
        return np.asarray(values, dtype=bool)
    known: Any = np.asarray(values[~missing])
    try:
        numbers = known.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.full(len(known), np.nan)
    wrong = (numbers != 0) & (numbers != 1)
    if wrong.any():
        at = np.flatnonzero(~missing)[wrong]
        message = (
            f"a one-hot frame holds 0 and 1, or true and false; the column '{name}' holds other "
            f"values in {format_count(len(at), 'row')}. For quantities give frame > 0; for order "
            f"lines use from_frame."
        )
        raise InvalidDataError(message, column=name, rows=at[:5].tolist(), n_rows=len(at))
    flags = np.zeros(len(missing), dtype=bool)
    flags[~missing] = numbers == 1
    return flags


def sparse_frame(matrix: Any, **labels: Any) -> pd.DataFrame:
    """Return a sparse matrix of truth values as a sparse frame, without a warning of old pandas."""
    sparsely: Any = pd.DataFrame.sparse
    found: pd.DataFrame = sparsely.from_spmatrix(matrix.astype(np.uint8), **labels)
    return found.astype(pd.SparseDtype(bool, False)) if found.shape[1] else found


# Sparse matrices


def parts_of_sparse(matrix: Any, items: Any, weights: Any, *, owner: str) -> Parts:
    """Make baskets of a SciPy sparse matrix: one row per basket, one column per item."""
    from scipy import sparse

    is_sparse: bool = sparse.issparse(cast("object", matrix))
    if not is_sparse or matrix.ndim != 2:
        problem = f"matrix must be a SciPy sparse matrix or array; got {type(matrix).__name__}."
        raise InvalidParameterError(owner, [problem])
    n_rows, n_columns = matrix.shape
    names: NDArray[Any] = _named(range(n_columns) if items is None else items, n_columns, owner)
    cells = matrix.tocoo()
    bought = np.asarray(cells.data) != 0
    if cells.data.dtype.kind != "b" and not bool((cells.data >= 0).all()):
        rows = np.unique(cells.row[~(cells.data >= 0)])
        message = (
            f"matrix holds negative values or NaN in {format_count(len(rows), 'row')}. Set them to "
            f"0, or read order lines with from_frame, which counts returns."
        )
        raise InvalidDataError(message, rows=rows[:5].tolist(), n_rows=len(rows))
    coded = code_known(names)
    row, column = cells.row[bought].astype(np.int32), cells.col[bought]
    indptr, indices = rows_from_pairs(row, coded.codes[column], n_rows, n_columns)
    report = BasketReport(
        source="a sparse matrix",
        n_lines=len(row),
        n_baskets=n_rows,
        n_entries=len(indices),
        n_duplicates=len(row) - len(indices),
    )
    counted = check_weights(weights, n_rows, owner)
    return Parts(indptr, indices, coded.distinct, report, weights=counted)


def _named(items: Any, n_columns: int, owner: str) -> NDArray[Any]:
    names = np.empty(len(items), dtype=object)
    names[:] = list(items)
    kind = pd.api.types.infer_dtype(names)
    problems: list[str] = []
    if len(names) != n_columns:
        problems.append(f"items must name {n_columns:,} columns; got {len(names):,} names.")
    elif kind not in ("integer", "string", "empty"):
        problems.append(f"items must be whole numbers or texts without nulls; got {kind}.")
    elif len(set(names.tolist())) != len(names):
        problems.append("items must be different; some come twice.")
    if problems:
        raise InvalidParameterError(owner, problems)
    return names.astype(np.int64) if kind == "integer" else names
