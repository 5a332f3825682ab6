"""Threads: how many to start, and BLAS kept to one where the threads are ours."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["one_blas_thread", "one_thread", "thread_count"]

_lock = Lock()
_state: dict[str, Any] = {"users": 0, "limit": None}


def thread_count(n_jobs: int | None) -> int:
    """Return how many threads to use: by default one for each processor of this process."""
    if n_jobs is not None:
        return n_jobs
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


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


@contextmanager
def one_thread() -> Generator[None]:
    """Keep BLAS and OpenMP to one thread: sums of parts depend on which thread comes first."""
    limits: Any = import_module("threadpoolctl").threadpool_limits
    with one_blas_thread(), limits(limits=1, user_api="openmp"):
        yield


@cache
def _controller() -> Any:
    """Find the BLAS libraries once: NumPy's, and SciPy's, which compiled code calls."""
    import_module("scipy.linalg")
    return import_module("threadpoolctl").ThreadpoolController()
