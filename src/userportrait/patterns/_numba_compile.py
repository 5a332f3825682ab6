"""The only place that meets numba: a compiler whose functions keep their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "count_ones", "trailing_zeros"]

_numba: Any = optional_import("numba", what="Mining with engine='numba'", extra="fast")
_extending: Any = optional_import("numba.extending", what="Mining with numba", extra="fast")

_Function = TypeVar("_Function", bound="Callable[..., object]")


def compiled(function: _Function) -> _Function:
    """Compile on first call, keep the machine code on disk, run without the interpreter lock."""
    made: _Function = _numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return made


def _count_ones(_context: Any, word: Any) -> tuple[Any, Any]:
    def build(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return _numba.types.int64(word), build


def _trailing_zeros(_context: Any, word: Any) -> tuple[Any, Any]:
    def build(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        flag = _extending_bit()
        return builder.cttz(arguments[0], flag)

    return _numba.types.int64(word), build


def _extending_bit() -> Any:
    ir: Any = optional_import("llvmlite.ir", what="Mining with numba", extra="fast")
    return ir.Constant(ir.IntType(1), 1)


count_ones: Callable[[Any], int] = _extending.intrinsic(_count_ones)
trailing_zeros: Callable[[Any], int] = _extending.intrinsic(_trailing_zeros)
