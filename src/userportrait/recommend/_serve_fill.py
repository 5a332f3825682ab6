"""Popular items at the end of lists that are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.recommend._interactions import Matrix
    from userportrait.recommend._top import Top

__all__ = ["fill_popular"]


def fill_popular(
    top: Top,
    n_own: NDArray[np.intp],
    rows: NDArray[np.intp],
    popular: NDArray[np.int32],
    n_items: int,
    allowed: NDArray[np.bool_] | None,
    blocked: Matrix | None,
) -> None:
    """Add the most popular allowed items to some rows, in place, with the score 0.

    Parameters
    ----------
    top : Top
        Lists; where the last score is below 0, added items have that score, too.
    n_own : ndarray of int
        How many items each list has.
    rows : ndarray of int
        The lists that are short.
    popular : ndarray of int
        Items that anybody has, most popular first.
    n_items : int
    allowed, blocked
        As in `Recommender.top`.
    """
    k = top.items.shape[1]
    everyone = popular if allowed is None or allowed.ndim == 2 else popular[allowed[popular]]
    out = np.zeros(n_items, dtype=bool)
    for row in rows.tolist():
        own = int(n_own[row])
        taken = top.items[row, :own]
        if blocked is not None:
            blocked_here = blocked.indices[blocked.indptr[row] : blocked.indptr[row + 1]]
            taken = np.concatenate((taken, blocked_here))
        source = everyone
        if allowed is not None and allowed.ndim == 2:
            source = popular[allowed[row, popular]]
        out[taken] = True
        head = source[: k - own + len(taken)]  # so many are enough, whatever is taken of them
        chosen = head[~out[head]][: k - own]
        out[taken] = False
        top.items[row, own : own + len(chosen)] = chosen
        if own and top.scores[row, own - 1] < 0:
            top.scores[row, own : own + len(chosen)] = top.scores[row, own - 1]
