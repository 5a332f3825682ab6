"""Turn IDs into dense integer codes, in the order of the sorted IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["code_values"]


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
    values = _without_mask(values)
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "iu" and len(values):
        found = np.asarray(values)
        low, high = int(found.min()), int(found.max())
        if high - low <= 4 * len(found) + 1_000_000 and high < 2**63:
            return _code_dense(found, low, high)
    factorize = cast("Callable[[Any], tuple[NDArray[np.intp], Any]]", pd.factorize)
    raw_codes, distinct = factorize(values)
    uniques = np.asarray(distinct)
    if uniques.dtype.kind in "iu" and (len(uniques) == 0 or int(uniques.max()) < 2**63):
        uniques = uniques.astype(np.int64, copy=False)
    elif uniques.dtype.kind not in "uf":
        uniques = uniques.astype(object)
    order = np.argsort(uniques, kind="stable")
    rank = np.empty(len(uniques) + 1, dtype=np.int32)
    rank[order] = np.arange(len(uniques), dtype=np.int32)
    rank[-1] = -1
    return rank[raw_codes], uniques[order]


def _without_mask(values: Any) -> Any:
    """Return nullable integers without a null as an ndarray, which is coded faster."""
    dtype: Any = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) or not pd.api.types.is_signed_integer_dtype(dtype):
        return values
    return values if values.isna().any() else values.to_numpy(dtype=np.int64)


def _code_dense(found: NDArray[Any], low: int, high: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Code integers of a narrow range by a look-up table, without hashing or sorting."""
    # In int64 first: the range of a narrow type need not fit the type itself.
    shifted = found.astype(np.int64, copy=False) - low if low else found
    present = np.zeros(high - low + 1, dtype=bool)
    present[shifted] = True
    distinct = np.flatnonzero(present)
    if len(distinct) == len(present):
        return shifted.astype(np.int32), distinct + low
    table = np.zeros(len(present), dtype=np.int32)
    table[distinct] = np.arange(len(distinct), dtype=np.int32)
    return table[shifted], distinct + low
