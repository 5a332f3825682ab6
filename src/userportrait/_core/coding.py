"""Turn IDs into dense integer codes, in the order of the sorted IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from userportrait._core.text_keys import keys_of_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["code_values", "code_values_natively", "look_up_keys", "plain_ids"]


def code_values(values: Any) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Code values as positions in their sorted distinct values.

    Sorting makes the codes, and all that follows from them, independent of the row order.

    Parameters
    ----------
    values : ndarray, Series or extension array
        Integers or texts of one type; null in a non-integer column gets code -1. Other
        numbers are coded too.

    Returns
    -------
    codes : ndarray of int32
    distinct : ndarray of int64, of objects (texts) or of float64 (other numbers)
        Sorted; texts by Unicode code point.
    """
    codes, distinct = code_values_natively(values)
    return codes, plain_ids(distinct)


def plain_ids(distinct: Any) -> NDArray[Any]:
    """Return IDs in a column's own form as an ndarray of numbers, or of objects for texts."""
    if isinstance(distinct, np.ndarray):
        return cast("NDArray[Any]", distinct)
    return np.asarray(distinct).astype(object)


def code_values_natively(values: Any) -> tuple[NDArray[np.int32], Any]:
    """Do as `code_values`, and leave distinct texts in the column's own form.

    Arrow texts are sorted and handed on much faster than objects are.
    """
    values = _without_mask(values)
    keys = look_up_keys(values)
    if keys is not None:
        return _code_dense(*keys)
    array = getattr(values, "array", values)
    text_keys = keys_of_texts(array)
    if text_keys is not None:
        codes, found = code_values_natively(text_keys)
        row = np.empty(len(found), dtype=np.intp)
        row[codes] = np.arange(len(codes))
        return codes, array.take(row)
    factorize = cast("Callable[[Any], tuple[NDArray[np.intp], Any]]", pd.factorize)
    is_plain = isinstance(getattr(values, "dtype", None), np.dtype)
    raw_codes, distinct = factorize(np.asarray(values) if is_plain else array)
    if not isinstance(distinct.dtype, np.dtype) and pd.api.types.is_string_dtype(distinct.dtype):
        return _ranked(raw_codes, distinct, distinct.argsort())
    uniques = np.asarray(distinct)
    if uniques.dtype.kind in "iu" and (len(uniques) == 0 or int(uniques.max()) < 2**63):
        uniques = uniques.astype(np.int64, copy=False)
    elif uniques.dtype.kind not in "uf":
        uniques = uniques.astype(object)
    return _ranked(raw_codes, uniques, np.argsort(uniques, kind="stable"))


def _ranked(
    codes: NDArray[np.intp], distinct: Any, order: NDArray[np.intp]
) -> tuple[NDArray[np.int32], Any]:
    """Turn codes by first appearance into codes by rank."""
    rank = np.empty(len(order) + 1, dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    return rank[codes], distinct[order]


def _without_mask(values: Any) -> Any:
    """Return nullable integers without a null as an ndarray, which is coded faster."""
    dtype: Any = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) or not pd.api.types.is_signed_integer_dtype(dtype):
        return values
    return values if values.isna().any() else values.to_numpy(dtype=np.int64)


def look_up_keys(values: Any) -> tuple[NDArray[np.int64], int, int] | None:
    """Return whole numbers less the lowest, the lowest and their span, if a table can hold them.

    None for other values, and for numbers that are spread too widely.
    """
    dtype: Any = getattr(values, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iu" or not len(values):
        return None
    found = np.asarray(values)
    low, high = int(found.min()), int(found.max())
    if high - low > 4 * len(found) + 1_000_000 or high >= 2**63:
        return None
    # In int64 first: the range of a narrow type need not fit the type itself.
    whole = found.astype(np.int64, copy=False)
    return (whole - low if low else whole), low, high - low


def _code_dense(
    keys: NDArray[np.int64], low: int, span: int
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Code whole numbers by a look-up table, without hashing or sorting."""
    present = np.zeros(span + 1, dtype=bool)
    present[keys] = True
    distinct = np.flatnonzero(present)
    if len(distinct) == len(present):
        return keys.astype(np.int32), distinct + low
    table = np.zeros(len(present), dtype=np.int32)
    table[distinct] = np.arange(len(distinct), dtype=np.int32)
    return table[keys], distinct + low
