"""The best bins of a feature, by dynamic programming over pre-bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["best_groups", "evidence", "turning_points"]

_EVEN = 1e-12
"""Differences of the value below this are rounding: the fewer bins win."""


def evidence(
    outcomes: Floats, others: Floats, totals: tuple[float, float], smoothing: float
) -> tuple[Floats, Floats]:
    """Return the weight of evidence of bins, and what they add to the information value.

    Parameters
    ----------
    outcomes, others : ndarray
        Rows with the outcome, and without it.
    totals : tuple of float
        The same of all rows.
    smoothing : float
        Rows of the overall mix that are added to each bin.
    """
    ones, zeros = totals
    share = ones / (ones + zeros)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(outcomes + smoothing * share) - np.log(others + smoothing * (1.0 - share))
    woe = odds - np.log(ones / zeros)
    woe = np.where(outcomes + others > 0, woe, 0.0)
    return woe, (outcomes / ones - others / zeros) * woe


def turning_points(
    outcomes: Floats, others: Floats, direction: Literal["increasing", "decreasing"]
) -> Ints:
    """Return where the blocks begin in which neighbours that break a direction are pooled.

    Bins whose rates follow the direction gain nothing from a limit inside a block, unless
    their least number of rows asks for one.
    """
    sign = 1.0 if direction == "increasing" else -1.0
    blocks: list[tuple[int, float, float]] = []  # start, outcomes with the sign, rows
    rows = (outcomes + others).tolist()
    for at, ones in enumerate((sign * outcomes).tolist()):
        start, up, n = at, ones, rows[at]
        while blocks and blocks[-1][1] * n >= up * blocks[-1][2]:
            start, more, earlier = blocks.pop()
            up, n = up + more, n + earlier
        blocks.append((start, up, n))
    return np.array([start for start, _, _ in blocks], dtype=np.intp)


def best_groups(
    outcomes: Floats,
    others: Floats,
    totals: tuple[float, float],
    *,
    max_bins: int,
    min_rows: float,
    smoothing: float,
    direction: Literal["none", "increasing", "decreasing"],
) -> tuple[Ints, float]:
    """Return where the best bins begin, and their information value.

    Parameters
    ----------
    outcomes, others : ndarray of shape (n_pre_bins,)
        Rows with and without the outcome.
    totals : tuple of float
        The same of all rows, those with a missing value too.
    max_bins : int
    min_rows : float
        Each bin has at least this many rows, unless there is one bin only.
    smoothing : float
    direction : {'none', 'increasing', 'decreasing'}
        What the weight of evidence may do from bin to bin; equal weights are allowed.

    Notes
    -----
    The best value of k bins is kept for each last bin, from its first to its last pre-bin,
    because the weight of the last bin limits the next. With p pre-bins that is O(k p^3), and
    O(k p^2) without a direction.
    """
    n = len(outcomes)
    woe, value = _spans(outcomes, others, totals, min_rows, smoothing)
    slope = -woe if direction == "decreasing" else woe
    best = np.full((n + 1, n + 1), -np.inf)
    best[0] = value[0]
    steps: list[Ints] = []
    found, at = float(best[0, n]), (0, 0)  # one bin
    for k in range(1, min(max_bins, n)):
        best, came_from = _one_more(best, value, None if direction == "none" else slope)
        steps.append(came_from)
        first = int(np.argmax(best[:, n]))
        if best[first, n] > found + _EVEN:
            found, at = float(best[first, n]), (k, first)
    return _walk_back(steps, at, n), found


def _spans(
    outcomes: Floats,
    others: Floats,
    totals: tuple[float, float],
    min_rows: float,
    smoothing: float,
) -> tuple[Floats, Floats]:
    """Return weight and value of the bin from pre-bin i to before j, as matrices."""
    ones, zeros = np.r_[0.0, np.cumsum(outcomes)], np.r_[0.0, np.cumsum(others)]
    in_ones, in_zeros = ones[None, :] - ones[:, None], zeros[None, :] - zeros[:, None]
    n = len(outcomes)
    ahead = np.arange(n + 1)[None, :] > np.arange(n + 1)[:, None]
    allowed = ahead & (in_ones + in_zeros >= min_rows)
    allowed[0, n] = True
    woe, value = evidence(
        np.where(ahead, in_ones, 0), np.where(ahead, in_zeros, 0), totals, smoothing
    )
    return woe, np.where(allowed, value, -np.inf)


def _one_more(best: Floats, value: Floats, slope: Floats | None) -> tuple[Floats, Ints]:
    """Return the best value with one bin more, by that bin, and where the one before began."""
    size = len(best)
    longer = np.full((size, size), -np.inf)
    came_from = np.zeros((size, size), dtype=np.intp)
    for i in range(1, size - 1):
        before = best[:i, i]
        if slope is None:
            h = int(np.argmax(before))
            longer[i, i + 1 :] = before[h] + value[i, i + 1 :]
            came_from[i, i + 1 :] = h
        else:
            fits = slope[:i, i][:, None] <= slope[i, i + 1 :][None, :] + _EVEN
            ways = np.where(fits, before[:, None], -np.inf)
            longer[i, i + 1 :] = ways.max(axis=0) + value[i, i + 1 :]
            came_from[i, i + 1 :] = ways.argmax(axis=0)
    return longer, came_from


def _walk_back(steps: list[Ints], at: tuple[int, int], n: int) -> Ints:
    k, first = at
    starts, end = [first], n
    for step in reversed(steps[:k]):
        first, end = int(step[first, end]), first
        starts.append(first)
    return np.array(starts[::-1], dtype=np.intp)
