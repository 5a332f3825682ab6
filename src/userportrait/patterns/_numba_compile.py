"""The only place that meets numba: a compiler whose functions keep their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from userportrait._core.lazy import optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Array", "Number", "compiled", "count_ones", "fetch_ahead", "trailing_zeros"]


def _numba_module(name: str) -> Any:
    return optional_import(name, what="mine_itemsets(engine='numba')", extra="fast")


_numba: Any = _numba_module("numba")
_intrinsic: Any = _numba_module("numba.extending").intrinsic
_ir: Any = _numba_module("llvmlite.ir")

Array: TypeAlias = Any  # what compiled code indexes: an ndarray
Number: TypeAlias = Any  # what it counts with: an int, or a number of numpy's

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
        return builder.cttz(arguments[0], _ir.Constant(_ir.IntType(1), 1))

    return _numba.types.int64(word), build


def _fetch_ahead(_context: Any, array: Any, index: Any) -> tuple[Any, Any]:
    def build(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = target.make_array(signature.args[0])(target, builder, arguments[0]).data
        byte = _ir.IntType(8).as_pointer()
        where = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch",
            [byte],
            _ir.FunctionType(_ir.VoidType(), [byte, *[_ir.IntType(32)] * 3]),
        )
        builder.call(fetch, [where, *(_ir.Constant(_ir.IntType(32), n) for n in (0, 3, 1))])
        return target.get_dummy_value()

    return _numba.types.void(array, index), build


count_ones: Callable[[Number], Number] = _intrinsic(_count_ones)
trailing_zeros: Callable[[Number], Number] = _intrinsic(_trailing_zeros)
fetch_ahead: Callable[[Array, Number], None] = _intrinsic(_fetch_ahead)


def inlined(function: _Function) -> _Function:
    """Compile as part of whatever calls it: for what is called often with many arrays."""
    made: _Function = _numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(
        function
    )
    return made
