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
_LONG_BLOCK_ROWS = 1 << 15
_PILOT_ROWS = 512
_FEW_SEEN = 8
_NEAR = 8.0
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
    if n_groups > _FEW_GROUPS:
        pilot = np.array(
            [v[:: max(len(v) // _PILOT_ROWS, 1)].mean() if len(v) else 0.0 for v in columns]
        )
        return _many_groups(codes, n_groups, columns, pairs, pilot), pilot
    n = np.bincount(codes, minlength=n_groups)
    if not len(codes):
        return _empty(n_groups, len(columns), pairs), np.zeros(len(columns))
    pilots = _pilots(codes, n_groups, columns)
    with one_blas_thread():
        sums, products = _sums(codes, n_groups, columns, pairs, pilots)
    off = sums / np.maximum(n, 1)[:, None]
    cross = products - sums[:, pairs[0]] * off[:, pairs[1]]
    origin = pilots[np.argmax(n)]
    offsets = np.where(n[:, None] > 0, (pilots - origin) + off, 0.0)
    return Table(n.astype(np.int64), offsets, cross, pairs), origin


def _empty(n_groups: int, n_columns: int, pairs: NDArray[np.intp]) -> Table:
    cross = np.zeros((n_groups, pairs.shape[1]))
    return Table(np.zeros(n_groups, dtype=np.int64), np.zeros((n_groups, n_columns)), cross, pairs)


def _pilots(codes: NDArray[np.integer], n_groups: int, columns: Sequence[Floats]) -> Floats:
    """Return for each group a number near each mean; 0 where the mean is not large.

    A mean of a few standard deviations costs one or two digits of sixteen, less than it takes
    to subtract it.
    """
    step = max(len(codes) // _PILOT_ROWS, 1)
    some = codes[::step]
    seen = np.bincount(some, minlength=n_groups)
    n = np.maximum(seen, 1)
    unseen = np.flatnonzero(seen < _FEW_SEEN)
    rows = _first_rows(codes, n_groups)[unseen] if len(unseen) else unseen
    found = np.zeros((n_groups, len(columns)))
    for at, values in enumerate(columns):
        sample = values[::step]
        means = np.bincount(some, weights=sample, minlength=n_groups) / n
        off = sample - means[some]
        spread = np.sqrt(np.bincount(some, weights=off * off, minlength=n_groups) / n)
        found[:, at] = np.where(np.abs(means) <= _NEAR * spread, 0.0, means)
        if len(unseen):
            found[unseen, at] = values[rows]
    return found


def _first_rows(codes: NDArray[np.integer], n_groups: int) -> NDArray[np.intp]:
    """Return where each group has its first row; 0 where it has none."""
    found = np.zeros(n_groups, dtype=np.intp)
    found[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return found


def _sums(
    codes: NDArray[np.integer],
    n_groups: int,
    columns: Sequence[Floats],
    pairs: NDArray[np.intp],
    pilots: Floats,
) -> tuple[Floats, Floats]:
    """Return sums, and sums of products, of the columns less the pilots, by group.

    The rows of a block are sorted by group. Then each group is one product of matrices, or,
    where few of its products are wanted, one product of two rows for each pair.
    """
    p, rows = len(columns), len(codes)
    singly = n_groups <= _VERY_FEW_GROUPS and 6 * pairs.shape[1] < p * p
    height = min(_LONG_BLOCK_ROWS if singly else _BLOCK_ROWS, rows)
    ones = np.array([np.arange(p), np.full(p, p)])  # a product with ones is a sum
    wanted = np.concatenate([ones, pairs], axis=1)
    places: list[list[int]] = wanted.T.tolist()
    far: list[list[int]] = [np.flatnonzero(pilot).tolist() for pilot in pilots]
    total = np.zeros((n_groups, len(places)))
    buffer = np.ones((p + 1, height))
    for start in range(0, rows, height):
        order, ends = _by_group(codes[start : start + height], n_groups)
        block = buffer[:, : len(order)]
        for values, line in zip(columns, block, strict=False):
            values[start : start + height].take(order, out=line, mode="clip")
        begin = 0
        for group, end in enumerate(ends):
            part, begin = block[:, begin:end], end
            for at in far[group]:
                part[at] -= pilots[group, at]
            if singly:
                lines = list(part)
                total[group] += [lines[i].dot(lines[j]) for i, j in places]
            elif part.shape[1]:
                gram = part[:p] @ part.T
                total[group] += gram[wanted[0], wanted[1]]
    return total[:, :p], total[:, p:]


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
