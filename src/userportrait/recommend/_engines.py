"""Which code does the work, and in how many threads; the answer never depends on either."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.lazy import optional_import
from userportrait._core.params import Between, OneOf, Optional, Rule
from userportrait._core.threads import thread_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = [
    "ENGINE_RULES",
    "Engine",
    "has_numba",
    "part_bounds",
    "plain_array",
    "run_in_parts",
    "thread_count",
    "uses_numba",
]

Engine: TypeAlias = Literal["auto", "numpy", "numba"]

ENGINE_RULES: Mapping[str, Rule] = {
    "engine": OneOf(("auto", "numba", "numpy")),
    "n_jobs": Optional(Between(1, 4096, integer=True)),
}

_PARTS_PER_THREAD = 8


@cache
def has_numba() -> bool:
    """Return whether numba is installed; it is not imported."""
    return find_spec("numba") is not None


def uses_numba(engine: Engine, owner: str) -> bool:
    """Return whether compiled code does the work.

    Parameters
    ----------
    engine : {'auto', 'numpy', 'numba'}
        ``'auto'`` takes numba where it is installed.
    owner : str
        The class, for the message.

    Raises
    ------
    MissingExtraError
        If numba is asked for and not installed.
    """
    if engine == "numba":
        optional_import("numba", what=f"{owner}(engine='numba')", extra="fast")
        return True
    return engine == "auto" and has_numba()


def plain_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Return a writable contiguous array: compiled code is made once for each kind of array."""
    return np.require(values, dtype, ["C", "W", "E"])


def part_bounds(costs: NDArray[Any], n_threads: int) -> NDArray[np.intp]:
    """Cut rows into parts of about equal cost, a few for each thread.

    Parameters
    ----------
    costs : ndarray of shape (n_rows,)
        How long each row takes, in any unit; every row has one unit more, for itself.
    n_threads : int

    Returns
    -------
    ndarray of int
        Ascending, from 0 to n_rows.
    """
    n_parts = 1 if n_threads == 1 else n_threads * _PARTS_PER_THREAD
    total = np.cumsum(costs, dtype=np.float64) + np.arange(1, len(costs) + 1)
    last = total[-1] if len(total) else 0.0
    inner = np.searchsorted(total, last * np.arange(1, n_parts) / n_parts, side="right")
    return np.unique(np.r_[0, inner, len(costs)]).astype(np.intp)


def run_in_parts(
    work: Callable[[int, int], object], bounds: NDArray[np.intp], n_threads: int
) -> None:
    """Call ``work(start, stop)`` for each part, in several threads if asked for.

    `work` must release the interpreter lock and write to rows of its own only.
    """
    parts = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    if n_threads == 1 or len(parts) < 2:
        for start, stop in parts:
            work(start, stop)
        return
    with ThreadPoolExecutor(min(n_threads, len(parts))) as pool:
        for done in [pool.submit(work, start, stop) for start, stop in parts]:
            done.result()
