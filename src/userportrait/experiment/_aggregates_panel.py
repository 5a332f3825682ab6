"""Moments of one panel of rows, group by group, in blocks that fit a core's cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait._core.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["PANEL_ROWS", "Table", "all_pairs", "panel_table", "regroup"]

PANEL_ROWS = 1 << 18
"""Rows that share a pilot mean; the moments of panels are merged by Chan's formula."""

_BLOCK_ROWS = 1 << 12
_PILOT_EVERY = 61
_VERY_FEW_GROUPS = 4
_FEW_GROUPS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Counts, means and centred sums of products of some groups.

    Parameters
    ----------
    n : ndarray of shape (g,)
        Units.
    offsets : ndarray of shape (g, p)
        Means less a common origin; 0 where a group has no unit.
    cross : ndarray of shape (g, q)
        Sums of products of deviations from the group's means, one column for each pair.
    pairs : ndarray of shape (2, q)
        Positions of the columns of each pair.
    """

    n: Ints
    offsets: Floats
    cross: Floats
    pairs: NDArray[np.intp]


def all_pairs(n_columns: int) -> NDArray[np.intp]:
    """Return every pair of columns, each with itself too."""
    return np.array(np.triu_indices(n_columns), dtype=np.intp)


def panel_table(
    codes: NDArray[np.integer], n_groups: int, columns: Sequence[Floats], pairs: NDArray[np.intp]
) -> tuple[Table, Floats]:
    """Return the moments of each group of a panel, and the pilot means as their origin.

    Parameters
    ----------
    codes : ndarray of shape (rows,)
        The group of each row, 0 to ``n_groups - 1``.
    n_groups : int
    columns : sequence of ndarray of shape (rows,)
        Finite float64.
    pairs : ndarray of shape (2, q)
    """
    pilot = np.array([values[::_PILOT_EVERY].mean() if len(values) else 0.0 for values in columns])
    if n_groups > _FEW_GROUPS:
        return _many_groups(codes, n_groups, columns, pairs, pilot), pilot
    n = np.bincount(codes, minlength=n_groups)
    with one_blas_thread():
        gram = _grams(codes, n_groups, columns, pilot)
    sums = gram[:, -1]
    off = sums / np.maximum(n, 1)[:, None]
    cross = gram[:, pairs[0], pairs[1]] - sums[:, pairs[0]] * off[:, pairs[1]]
    return Table(n.astype(np.int64), off, cross, pairs), pilot


def _grams(
    codes: NDArray[np.integer], n_groups: int, columns: Sequence[Floats], pilot: Floats
) -> Floats:
    """Return sums of products of the columns less the pilot by group; last, their sums.

    The rows of a block are sorted by group, so that each group is one product of matrices.
    """
    p, rows = len(columns), len(codes)
    gram = np.zeros((n_groups, p + 1, p))
    buffer = np.empty((p + 1, _BLOCK_ROWS))
    buffer[p] = 1.0
    shift = pilot[:, None]
    for start in range(0, rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, rows)
        order, ends = _by_group(codes[start:stop], n_groups)
        width = stop - start
        for at, values in enumerate(columns):
            values[start:stop].take(order, out=buffer[at, :width], mode="clip")
        buffer[:p, :width] -= shift
        first = 0
        for group, last in enumerate(ends):
            if last > first:
                gram[group] += buffer[:, first:last] @ buffer[:p, first:last].T
            first = last
    return gram


def _by_group(codes: NDArray[np.integer], n_groups: int) -> tuple[NDArray[np.intp], Sequence[int]]:
    """Return the rows of a block sorted by group, stably, and where each group ends."""
    if n_groups <= _VERY_FEW_GROUPS:
        parts = [np.flatnonzero(codes == group) for group in range(n_groups)]
        ends: list[int] = np.cumsum([len(part) for part in parts]).tolist()
        return np.concatenate(parts), ends
    counts = np.bincount(codes, minlength=n_groups)
    return np.argsort(codes.astype(np.int16), kind="stable"), np.cumsum(counts).tolist()


def _many_groups(
    codes: NDArray[np.integer],
    n_groups: int,
    columns: Sequence[Floats],
    pairs: NDArray[np.intp],
    pilot: Floats,
) -> Table:
    n = np.bincount(codes, minlength=n_groups)
    known = np.maximum(n, 1)
    off = [values - shift for values, shift in zip(columns, pilot, strict=True)]
    drift = [np.bincount(codes, weights=v, minlength=n_groups) / known for v in off]
    off = [values - mean[codes] for values, mean in zip(off, drift, strict=True)]
    cross = np.empty((n_groups, pairs.shape[1]))
    for at, (i, j) in enumerate(pairs.T.tolist()):
        cross[:, at] = np.bincount(codes, weights=off[i] * off[j], minlength=n_groups)
    return Table(n.astype(np.int64), np.column_stack(drift), cross, pairs)


def regroup(table: Table, codes: NDArray[np.integer], n_groups: int) -> Table:
    """Merge groups into larger ones: group i becomes a part of group ``codes[i]``."""
    weight = table.n.astype(np.float64)
    n = np.zeros(n_groups, dtype=np.int64)
    np.add.at(n, codes, table.n)
    known = np.maximum(n, 1).astype(np.float64)
    offsets = np.zeros((n_groups, table.offsets.shape[1]))
    np.add.at(offsets, codes, weight[:, None] * table.offsets)
    offsets /= known[:, None]
    off = table.offsets - offsets[codes]
    i, j = table.pairs
    cross = np.zeros((n_groups, table.cross.shape[1]))
    np.add.at(cross, codes, table.cross + weight[:, None] * off[:, i] * off[:, j])
    return Table(n, offsets, cross, table.pairs)
