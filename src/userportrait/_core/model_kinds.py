"""The kinds of values that models hold: what they are made of, and how to make them again."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse, spatial

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ITEMS", "KINDS", "MAKERS"]

ITEMS = ("userportrait.data._tables", "Items")
"""Module and name of the table of items, which is kept as a frame."""


def _frame_parts(frame: pd.DataFrame) -> dict[str, Any]:
    columns = [frame.iloc[:, at].array for at in range(frame.shape[1])]
    return {"columns": frame.columns, "index": frame.index, "values": columns}


def _frame(columns: Any, index: Any, values: Any) -> pd.DataFrame:
    by_place = {
        at: pd.Series(column, index=index, dtype=column.dtype) for at, column in enumerate(values)
    }
    found = pd.DataFrame(by_place, index=index)
    found.columns = columns
    return found


def _series(values: Any, index: Any, name: Any) -> Any:
    return pd.Series(values, index=index, name=name, dtype=values.dtype)


def _extension_parts(values: Any) -> dict[str, Any]:
    if isinstance(values, pd.Categorical):
        return {
            "dtype": "category", "values": np.asarray(values.codes),
            "categories": values.categories, "ordered": bool(values.ordered),
        }  # fmt: skip
    is_plain = isinstance(pd.api.types.pandas_dtype(str(values.dtype)), np.dtype)
    kept = np.asarray(values) if is_plain else values.to_numpy(dtype=object, na_value=None)
    return {"dtype": str(values.dtype), "values": kept}


def _extension(dtype: str, values: Any, categories: Any = None, ordered: bool = False) -> Any:
    if dtype == "category":
        return pd.Categorical.from_codes(values, categories, ordered=ordered)
    is_plain = isinstance(pd.api.types.pandas_dtype(dtype), np.dtype)
    return values if is_plain else pd.array(values, dtype=dtype)


def _index_parts(index: Any) -> dict[str, Any]:
    if isinstance(index, pd.RangeIndex):
        return {"values": (index.start, index.stop, index.step), "name": index.name}
    if isinstance(index, pd.MultiIndex):
        return {"values": list(index), "name": list(index.names)}
    return {"values": index.array, "name": index.name}


def _index(values: Any, name: Any) -> Any:
    known: Any = values
    if isinstance(values, tuple):
        start, stop, step = known
        return pd.RangeIndex(start, stop, step, name=name)
    if isinstance(values, list):
        return pd.MultiIndex.from_tuples(known, names=name)
    return pd.Index(known, name=name, dtype=known.dtype)


def _items(frame: Any) -> Any:
    module, name = ITEMS
    return getattr(import_module(module), name)(frame)


def _sparse_parts(matrix: Any) -> dict[str, Any]:
    rows = matrix.tocsr()
    return {
        "is_array": not sparse.isspmatrix(rows), "data": rows.data, "indices": rows.indices,
        "indptr": rows.indptr, "shape": tuple(int(n) for n in rows.shape),
    }  # fmt: skip


def _sparse(is_array: bool, data: Any, indices: Any, indptr: Any, shape: Any) -> Any:
    make: Any = sparse.csr_array if is_array else sparse.csr_matrix
    found = make((data, indices, indptr), shape=shape)
    found.check_format(full_check=True)
    return found


def _random_state(state: Any) -> Any:
    found = np.random.RandomState()
    found.set_state(state)
    return found


def _random_state_parts(value: Any) -> dict[str, Any]:
    return {"state": value.get_state(legacy=False)}


def _scalar(value: Any) -> Any:
    return value[()]


def _scalar_parts(value: Any) -> dict[str, Any]:
    return {"value": np.asarray(value)}


def _series_parts(value: Any) -> dict[str, Any]:
    return {"values": value.array, "index": value.index, "name": value.name}


def _slice(start: Any, stop: Any, step: Any) -> slice:
    return slice(start, stop, step)


def _slice_parts(value: Any) -> dict[str, Any]:
    return {"start": value.start, "stop": value.stop, "step": value.step}


def _tree(data: Any, leafsize: int) -> Any:
    make: Any = spatial.KDTree
    return make(data, leafsize=leafsize)


def _tree_parts(value: Any) -> dict[str, Any]:
    return {"data": np.asarray(value.data), "leafsize": int(value.leafsize)}


def _float(text: str) -> float:
    return float(text)


def _dtype(text: str) -> Any:
    return np.dtype(text)


def _dtype_parts(value: Any) -> dict[str, Any]:
    return {"text": value.str}


def _number_type(name: str) -> type:
    return np.dtype(name).type


def _time(text: str, is_pandas: bool) -> Any:
    return pd.Timestamp(text) if is_pandas else datetime.fromisoformat(text)


def _time_parts(value: Any) -> dict[str, Any]:
    return {"text": value.isoformat(), "is_pandas": isinstance(value, pd.Timestamp)}


_EXTENSION: Any = pd.api.extensions.ExtensionArray
KINDS: tuple[tuple[Any, str, Callable[[Any], dict[str, Any]]], ...] = (
    (np.generic, "scalar", _scalar_parts),
    (np.dtype, "dtype", _dtype_parts),
    (pd.DataFrame, "frame", _frame_parts),
    (pd.Series, "series", _series_parts),
    (pd.Index, "index", _index_parts),
    (_EXTENSION, "column", _extension_parts),
    (slice, "slice", _slice_parts),
    (datetime, "time", _time_parts),
    ((sparse.spmatrix, sparse.sparray), "sparse", _sparse_parts),
    (spatial.KDTree, "tree", _tree_parts),
    (np.random.RandomState, "random_state", _random_state_parts),
)
"""Type, name in a file, and a function that takes a value to pieces."""

MAKERS: dict[str, Callable[..., Any]] = {
    "column": _extension,
    "dtype": _dtype,
    "float": _float,
    "frame": _frame,
    "index": _index,
    "items": _items,
    "number_type": _number_type,
    "random_state": _random_state,
    "scalar": _scalar,
    "series": _series,
    "slice": _slice,
    "sparse": _sparse,
    "time": _time,
    "tree": _tree,
}
"""By name in a file, the function that makes a value of its pieces."""
