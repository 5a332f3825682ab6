"""Products of tall matrices, in blocks of fixed size: the answer does not depend on threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from userportrait.recommend._engines import run_in_parts, thread_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["squares", "turn_into", "turned"]

_BLOCK = 4096  # rows; where a product ends changes how its last rows are rounded
_FEW_BLOCKS = 4  # below, a second thread does not pay


def squares(factors: NDArray[Any], n_jobs: int | None) -> NDArray[np.float64]:
    """Return the product of the factors with themselves, in float64 from block to block."""
    n_blocks, n = -(-len(factors) // _BLOCK), factors.shape[1]
    parts = np.zeros((n_blocks, n, n))

    def work(start: int, stop: int) -> None:
        for place in range(start, stop):
            block = factors[place * _BLOCK : (place + 1) * _BLOCK]
            parts[place] = block.T @ block

    _run(work, n_blocks, n_jobs)
    found: NDArray[np.float64] = parts.sum(axis=0)
    return found


def turned(factors: NDArray[Any], axes: NDArray[Any], n_jobs: int | None) -> NDArray[Any]:
    """Return factors in other axes."""
    found: NDArray[Any] = np.empty((len(factors), axes.shape[1]), dtype=factors.dtype)
    turn_into(found, factors, axes, n_jobs)
    return found


def turn_into(
    found: NDArray[Any], factors: NDArray[Any], axes: NDArray[Any], n_jobs: int | None
) -> None:
    """Write factors in other axes into another array."""
    n_blocks = -(-len(factors) // _BLOCK)

    def work(start: int, stop: int) -> None:
        for place in range(start, stop):
            rows = slice(place * _BLOCK, (place + 1) * _BLOCK)
            np.matmul(factors[rows], axes, out=found[rows])

    _run(work, n_blocks, n_jobs)


def _run(work: Callable[[int, int], object], n_blocks: int, n_jobs: int | None) -> None:
    n_threads = thread_count(n_jobs) if n_blocks >= _FEW_BLOCKS else 1
    run_in_parts(work, np.arange(n_blocks + 1), n_threads)
