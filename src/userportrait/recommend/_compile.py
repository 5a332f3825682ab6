"""The only place of this room that meets numba: a compiler whose functions keep their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Array", "Number", "compiled"]

_numba: Any = optional_import("numba", what="Compiled recommending (engine='numba')", extra="fast")

Array: TypeAlias = Any  # what compiled code indexes: an ndarray
Number: TypeAlias = Any  # what it counts with: an int, or a number of numpy's

_Function = TypeVar("_Function", bound="Callable[..., object]")


def compiled(function: _Function) -> _Function:
    """Compile on first call, keep the machine code on disk, run without the interpreter lock.

    Sums are not reordered, so that compiled code and NumPy round alike.
    """
    made: _Function = _numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return made
