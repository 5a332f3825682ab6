"""Rerankers that mix a fixed number of the best candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from userportrait._core.params import Between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._top import Top

__all__ = ["POOL_RULES", "append_later", "first_and_last"]

POOL_RULES = {
    "strength": Between(0.0, 1.0),
    "n_candidates": Between(1, 100_000, integer=True),
}


def first_and_last(pool: Top) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the best and the worst score of each row; 0 and 0 for an empty one."""
    inside = pool.items >= 0
    there = inside.any(axis=1)
    last = np.where(inside, pool.scores, np.inf).min(axis=1)
    return np.where(there, pool.scores[:, 0], 0.0), np.where(there, last, 0.0)


def append_later(found: Top, top: Top, start: int) -> None:
    """Let candidates from `start` on follow as they are, in place, with scores that do not rise."""
    stop = found.items.shape[1]
    if stop <= start:
        return
    found.items[:, start:] = top.items[:, start:stop]
    later = np.minimum(top.scores[:, start:stop], found.scores[:, start - 1 : start])
    found.scores[:, start:] = np.where(found.items[:, start:] >= 0, later, 0.0)
