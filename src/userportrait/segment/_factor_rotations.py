"""Rotations that make loadings easy to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["oblimin", "promax", "quartimin", "varimax"]

_N_STARTS = 10
_COARSE, _FINE = 1e-3, 1e-7
"""Slopes at which a start, and the best of them, counts as settled."""


def varimax(loadings: Floats, max_iter: int = 1000) -> Floats:
    """Return loadings turned so that the variance of their squares is largest (Kaiser 1958).

    Features count alike: rows have length 1 while they are turned.
    """
    if loadings.shape[1] < 2:
        return loadings
    lengths = _lengths(loadings)
    rows = loadings / lengths
    turn = np.eye(loadings.shape[1])
    before = 0.0
    for _ in range(max_iter):
        turned = rows @ turn
        target = turned**3 - turned * (turned**2).mean(axis=0)
        left, sizes, right = np.linalg.svd(rows.T @ target)
        turn = left @ right
        total = float(sizes.sum())
        if total <= before * (1.0 + 1e-14):
            break
        before = total
    found: Floats = rows @ turn * lengths
    return found


def promax(loadings: Floats, power: float = 4.0) -> tuple[Floats, Floats]:
    """Return loadings of oblique factors, and the factors' correlations.

    The target is the varimax solution with its sizes raised to a power, so that small
    loadings become smaller (Hendrickson and White 1964).
    """
    if loadings.shape[1] < 2:
        return loadings, np.eye(loadings.shape[1])
    straight = varimax(loadings)
    lengths = _lengths(straight)
    rows = straight / lengths
    target = np.sign(rows) * np.abs(rows) ** power
    turn: Floats = np.asarray(np.linalg.lstsq(rows, target, rcond=None)[0], dtype=np.float64)
    between: Floats = np.asarray(np.linalg.inv(turn.T @ turn), dtype=np.float64)
    scale = np.sqrt(np.diag(between))
    found: Floats = rows @ turn * scale * lengths
    return found, between / scale / scale[:, None]


def oblimin(loadings: Floats) -> tuple[Floats, Floats]:
    """Return loadings of oblique factors by direct quartimin, and the factors' correlations.

    Features count alike: rows have length 1 while they are turned.
    """
    if loadings.shape[1] < 2:
        return loadings, np.eye(loadings.shape[1])
    straight = varimax(loadings)
    lengths = _lengths(straight)
    rows, between = quartimin(straight / lengths)
    return rows * lengths, between


def quartimin(loadings: Floats, max_iter: int = 2000) -> tuple[Floats, Floats]:
    """Return the oblique turn of the least quartimin criterion, and the factors' correlations.

    The criterion is the sum, over pairs of factors and features, of products of squared
    loadings: direct oblimin with delta 0 (Jennrich and Sampson 1966). It is made small by
    gradient projection (Jennrich 2002) from the loadings as they are and from random turns,
    roughly first; of about equally small ones the first is followed to the end.
    """
    k = loadings.shape[1]
    source = np.random.default_rng(0)
    starts = [np.eye(k), *(_random_turn(source, k) for _ in range(_N_STARTS - 1))]
    best, least = np.eye(k), np.inf
    for start in starts:
        turn, value = _projected(loadings, start, _COARSE, max_iter)
        if value < least - 1e-5 * (1.0 + value):
            best, least = turn, value
    best, _ = _projected(loadings, best, _FINE, max_iter)
    return _turned(loadings, best), best.T @ best


def _random_turn(source: np.random.Generator, k: int) -> Floats:
    split: Any = np.linalg.qr(source.normal(size=(k, k)))
    found: Floats = split[0]
    return found


def _projected(loadings: Floats, turn: Floats, tol: float, max_iter: int) -> tuple[Floats, float]:
    """Go downhill among turns whose columns have length 1."""
    value, slope = _criterion(loadings, turn)
    step = 1.0
    for _ in range(max_iter):
        along = slope - turn * (turn * slope).sum(axis=0)
        steepness = float((along**2).sum())
        if steepness < tol**2:
            break
        step *= 2.0
        for _ in range(50):
            moved = turn - step * along
            moved /= np.sqrt((moved**2).sum(axis=0))
            other, its_slope = _criterion(loadings, moved)
            if other < value - 0.5 * steepness * step:
                break
            step /= 2.0
        else:
            break  # as low as rounding allows
        turn, value, slope = moved, other, its_slope
    return turn, value


def _criterion(loadings: Floats, turn: Floats) -> tuple[float, Floats]:
    """Return quartimin's criterion and its slope in the turn; infinity where it is singular."""
    try:
        inverse: Floats = np.asarray(np.linalg.inv(turn), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.inf, np.zeros_like(turn)
    turned = loadings @ inverse.T
    squares = turned**2
    others = squares.sum(axis=1, keepdims=True) - squares
    slope: Floats = -(turned.T @ (turned * others) @ inverse).T
    return float((squares * others).sum()) / 4.0, slope


def _turned(loadings: Floats, turn: Floats) -> Floats:
    found: Floats = np.asarray(np.linalg.solve(turn, loadings.T), dtype=np.float64).T
    return found


def _lengths(loadings: Floats) -> Floats:
    found: Floats = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    found[found < 1e-12] = 1.0
    return found
