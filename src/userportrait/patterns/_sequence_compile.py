"""What the compiled loops of sequences share; importing this needs numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["inner", "larger", "larger_rows"]

_Scalar = TypeVar("_Scalar", bound=np.generic)
_Function = TypeVar("_Function", bound="Callable[..., object]")


def inner(function: _Function) -> _Function:
    """Compile for other compiled functions alone, which takes a third of the time."""
    numba: Any = optional_import("numba", what="mine_sequences(engine='numba')", extra="fast")
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: _Function = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return made


@inner
def larger(array: NDArray[_Scalar], used: int, size: int) -> NDArray[_Scalar]:
    """Return the array, or a copy of its used part with room for `size` values."""
    if size <= len(array):
        return array
    grown = np.empty(max(size, 2 * len(array)), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


@inner
def larger_rows(array: NDArray[_Scalar], used: int, size: int) -> NDArray[_Scalar]:
    """Do so with the rows of a table."""
    if size <= len(array):
        return array
    grown = np.empty((max(size, 2 * len(array)), array.shape[1]), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown
