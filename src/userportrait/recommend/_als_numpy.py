"""Weighted least squares of many short rows, with NumPy: rows of one length at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["exact_rows", "main_entries", "shares", "stepped_rows"]

_BLOCK_BYTES = 2**24
_linalg: Any = np.linalg


def _blocks(
    indptr: NDArray[Any], n_factors: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows of the same length, and where their entries are: shape (n_rows, length)."""
    sizes = np.diff(indptr)
    order = np.argsort(sizes, kind="stable")
    lengths, starts = np.unique(sizes[order], return_index=True)
    for length, rows in zip(lengths.tolist(), np.split(order, starts[1:]), strict=True):
        if length == 0:
            continue
        step = max(1, _BLOCK_BYTES // (8 * length * n_factors))
        for first in range(0, len(rows), step):
            chosen = rows[first : first + step]
            yield chosen, indptr[chosen][:, None] + np.arange(length)


def _system(
    place: NDArray[np.intp],
    indices: NDArray[Any],
    weight: NDArray[Any],
    target: NDArray[Any],
    factors: NDArray[Any],
    scale: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return entries, right sides and systems of rows of one length."""
    root = np.sqrt(weight[place])
    entries = factors[indices[place]] * scale[:, None, :] * root[:, :, None]
    across = entries.swapaxes(1, 2)
    wide = entries.shape[1] <= entries.shape[2]
    system = entries @ across if wide else across @ entries
    system += np.eye(system.shape[1])
    return entries, target[place] / root, system


def exact_rows(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weight: NDArray[Any],
    target: NDArray[Any],
    factors: NDArray[Any],
    base: NDArray[Any],
    ridge: NDArray[Any],
    turn: NDArray[Any],
    out: NDArray[Any],
    gain: NDArray[Any],
) -> None:
    """Solve all rows exactly; see `Sides` in `_least_squares`."""
    out[:] = 0.0
    gain[:] = 0.0
    n_factors = factors.shape[1]
    for rows, place in _blocks(indptr, n_factors):
        scale = 1.0 / np.sqrt(base + ridge[rows, None])
        entries, right, system = _system(place, indices, weight, target, factors, scale)
        if entries.shape[1] <= n_factors:
            values = _linalg.solve(system, right[:, :, None])
            solved = (entries.swapaxes(1, 2) @ values)[:, :, 0]
            gain[rows] = np.sum(right * (right - values[:, :, 0]), axis=1)
        else:
            moment = entries.swapaxes(1, 2) @ right[:, :, None]
            solved = _linalg.solve(system, moment)[:, :, 0]
            gain[rows] = np.sum(moment[:, :, 0] * solved, axis=1)
        solved = solved * scale
        out[rows] = solved if not len(turn) else _turned(solved, turn)


def _turned(rows: NDArray[Any], turn: NDArray[Any]) -> NDArray[Any]:
    """Turn rows back, in an order that does not depend on how many there are."""
    found = np.zeros_like(rows)
    for d in range(len(turn)):
        found += rows[:, d, None] * turn[d]
    return found


def stepped_rows(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weight: NDArray[Any],
    factors: NDArray[Any],
    base: NDArray[Any],
    ridge: NDArray[Any],
    old: NDArray[Any],
    n_steps: int,
    out: NDArray[Any],
    loss: NDArray[Any],
) -> None:
    """Improve all rows by conjugate gradients in float32; targets are 1 plus the weight."""
    out[:] = 0.0
    loss[:] = 0.0
    one = np.float32(1.0)
    for rows, place in _blocks(indptr, factors.shape[1]):
        scale = one / np.sqrt(base + ridge[rows, None])
        entries = factors[indices[place]] * scale[:, None, :]
        heavy = weight[place]
        point = old[rows] / scale
        score = _times(entries, point)
        rest = _times(entries.swapaxes(1, 2), one + heavy - heavy * score) - point
        total = np.sum(point.astype(np.float64) ** 2, axis=1)
        inner = (one + heavy) - score * (2 * (one + heavy) - heavy * score)
        total += np.sum(inner, axis=1, dtype=np.float64)
        step, size = rest.copy(), np.sum(rest * rest, axis=1)
        for _ in range(n_steps):
            going = size > 1e-20
            if not going.any():
                break
            image = step + _times(entries.swapaxes(1, 2), heavy * _times(entries, step))
            curve = np.where(going, np.sum(step * image, axis=1), one)
            length = np.where(going, size / curve, np.float32(0.0))
            total -= length.astype(np.float64) * size
            point += length[:, None] * step
            rest -= length[:, None] * image
            after = np.sum(rest * rest, axis=1)
            keep = np.where(going, after / np.where(going, size, one), np.float32(0.0))
            step = rest + keep[:, None] * step
            size = np.where(going, after, np.float32(0.0))
        out[rows] = point * scale
        loss[rows] = total


def _times(stack: NDArray[Any], vectors: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = (stack @ vectors[:, :, None])[:, :, 0]
    return found


def main_entries(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weight: NDArray[Any],
    target: NDArray[Any],
    factors: NDArray[Any],
    base: NDArray[Any],
    ridge: NDArray[Any],
    pair_ptr: NDArray[Any],
    pair_item: NDArray[Any],
    found: NDArray[Any],
) -> None:
    """Find the entry of each row that adds most to each of its pairs, -1 if none adds anything."""
    asked = np.flatnonzero((np.diff(pair_ptr) > 0) & (np.diff(indptr) > 0))
    for row in asked.tolist():
        place = np.arange(int(indptr[row]), int(indptr[row + 1]))
        pairs = slice(pair_ptr[row], pair_ptr[row + 1])
        given = shares(place, indices, weight, target, factors, base + ridge[row], pair_item[pairs])
        best = given.argmax(axis=0)
        most = given[best, np.arange(given.shape[1])]
        found[pairs] = np.where(most > 0, best, -1)


def shares(
    place: NDArray[np.intp],
    indices: NDArray[Any],
    weight: NDArray[Any],
    target: NDArray[Any],
    factors: NDArray[Any],
    common: NDArray[Any],
    items: NDArray[Any],
) -> NDArray[Any]:
    """Return what each entry of one row adds to the score of some items: (n_entries, n_items)."""
    scale = 1.0 / np.sqrt(common)
    stacked = _system(place[None], indices, weight, target, factors, scale[None])
    entries, right, system = stacked[0][0], stacked[1][0], stacked[2][0]
    aims: NDArray[Any] = (factors[items] * scale).T
    solution: Any = _linalg.solve(system, entries @ aims if len(entries) <= len(scale) else aims)
    given: NDArray[Any] = solution if len(entries) <= len(scale) else entries @ solution
    found: NDArray[Any] = given * right[:, None]
    return found
