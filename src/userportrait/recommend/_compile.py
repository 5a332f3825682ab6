"""The only place of this room that meets numba: a compiler whose functions keep their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Array", "Number", "compiled", "compiled_freely", "trailing_zeros"]


def _numba_module(name: str) -> Any:
    return optional_import(name, what="A recommender with engine='numba'", extra="fast")


_numba: Any = _numba_module("numba")
_intrinsic: Any = _numba_module("numba.extending").intrinsic
_ir: Any = _numba_module("llvmlite.ir")

Array: TypeAlias = Any  # what compiled code indexes: an ndarray
Number: TypeAlias = Any  # what it counts with: an int, or a number of numpy's

_Function = TypeVar("_Function", bound="Callable[..., object]")


def compiled(function: _Function) -> _Function:
    """Compile on first call, keep the machine code on disk, run without the interpreter lock.

    Sums are not reordered, so that compiled code and NumPy round alike.
    """
    made: _Function = _numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return made


def compiled_freely(function: _Function) -> _Function:
    """Compile as `compiled` does, but let sums be reordered and products be fused into them.

    Faster; other processors may give other last bits, other numbers of threads do not.
    """
    made: _Function = _numba.njit(
        cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"}
    )(function)
    return made


def _trailing_zeros(_context: Any, word: Any) -> tuple[Any, Any]:
    def build(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], _ir.Constant(_ir.IntType(1), 1))

    return _numba.types.int64(word), build


trailing_zeros: Callable[[Number], Number] = _intrinsic(_trailing_zeros)
