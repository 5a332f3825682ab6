"""Products of matrices in one thread, where the threads are ours."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["one_blas_thread"]

_lock = Lock()
_state: dict[str, Any] = {"users": 0, "limit": None}


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Keep BLAS to one thread while the block runs.

    Threads of ours that each call a threaded BLAS would wait for each other, and sums would be
    split by the number of processors. The number of threads is one for the whole process: it is
    set by the first block that starts and given back by the last one that ends.
    """
    with _lock:
        if _state["users"] == 0:
            _state["limit"] = _controller().limit(limits=1, user_api="blas")
        _state["users"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["users"] -= 1
            if _state["users"] == 0:
                _state["limit"].restore_original_limits()


@cache
def _controller() -> Any:
    """Find the BLAS libraries once: NumPy's, and SciPy's, which compiled code calls."""
    import_module("scipy.linalg")
    return import_module("threadpoolctl").ThreadpoolController()
