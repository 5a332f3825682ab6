"""Many itemsets at once: sorted by one number a row, and as Python objects."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from numpy.typing import NDArray

__all__ = ["no_collection", "objects_of", "row_order"]


@contextmanager
def no_collection() -> Generator[None, None, None]:
    """Put off the search for garbage, which looks at all the new objects again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def objects_of(values: Iterable[Any]) -> NDArray[Any]:
    """Return an array of one object for each value, tuples too."""
    found = list(values)
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array


def row_order(codes: NDArray[np.int32], n_items: int) -> NDArray[np.intp]:
    """Return the order that sorts rows of codes, by one number a row where that holds them."""
    if len(codes) < 2:
        return np.arange(len(codes))
    bits = max(n_items - 1, 1).bit_length()
    per_key = 63 // bits
    keys: list[NDArray[np.int64]] = []
    for start in range(0, codes.shape[1], per_key):
        key = np.zeros(len(codes), dtype=np.int64)
        for column in range(start, min(start + per_key, codes.shape[1])):
            key = (key << bits) | codes[:, column]
        keys.append(key)
    return np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
