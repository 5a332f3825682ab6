"""Rows of numbers and categories, laid out for many passes over them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["FARTHEST", "MixedRows", "Prototypes", "centres_of", "codes_of", "levels_of"]

_MOST_PACKED = 4096
"""Combinations of levels that one table may have a row for: it stays in the nearest cache."""
FARTHEST = 1e150
"""How far numbers may be from their centre: a sum of squares of larger ones may overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """The middle of each cluster.

    Parameters
    ----------
    means : ndarray of shape (n_clusters, n_numbers)
    modes : ndarray of int, shape (n_clusters, n_categories)
        Codes of levels.
    """

    means: Floats
    modes: Ints

    def __len__(self) -> int:
        return len(self.means)


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """Several columns of categories as one code.

    `digits` says, for each code, the level of each column; `at` are the columns' positions.
    """

    codes: NDArray[np.int32]
    digits: Ints
    at: tuple[int, ...]

    def level_counts(self, table: NDArray[np.int64], digit: int, n_levels: int) -> Floats:
        """Return one column's counts of levels, by cluster, from counts of codes."""
        if len(self.at) == 1:
            return table.astype(np.float64)
        cells = np.arange(len(table))[:, None] * n_levels + self.digits[:, digit]
        size = len(table) * n_levels
        counts: Any = np.bincount(cells.ravel(), weights=table.ravel(), minlength=size)
        found: Floats = counts.reshape(len(table), n_levels)
        return found


class MixedRows:
    """Numbers by column, and categories packed into few codes.

    Parameters
    ----------
    numbers : ndarray of shape (n_numbers, n_rows)
        One row of it is one column of the table, less its centre.
    codes : ndarray of int, shape (n_categories, n_rows)
        Codes of levels, from 0.
    n_levels : sequence of int
        Levels of each category.
    gamma : float
        What one mismatch counts against a squared distance.
    """

    def __init__(self, numbers: Floats, codes: Ints, n_levels: Sequence[int], gamma: float) -> None:
        self.numbers = np.ascontiguousarray(numbers)
        self.codes = codes
        self.n_levels = tuple(n_levels)
        self.gamma = gamma
        self.n_rows = numbers.shape[1]
        self._packed = _pack(codes, self.n_levels)
        self._squares: Floats = np.einsum("ij,ij->j", self.numbers, self.numbers)
        self.is_exact = False

    def take(self, rows: Ints) -> MixedRows:
        """Return some of the rows."""
        found = MixedRows(self.numbers[:, rows], self.codes[:, rows], self.n_levels, self.gamma)
        found.is_exact = self.is_exact
        return found

    def exactly(self) -> MixedRows:
        """Return the same rows, with squares of differences instead of expanded squares.

        That is slower, and right also where numbers are far larger than their differences.
        """
        found = copy(self)
        found.is_exact = True
        return found

    def prototypes_at(self, rows: Ints) -> Prototypes:
        """Return rows as prototypes."""
        return Prototypes(self.numbers[:, rows].T.copy(), self.codes[:, rows].T.copy())

    def distances(self, prototypes: Prototypes) -> Floats:
        """Return distances to each prototype, shape (n_clusters, n_rows).

        Expanded squares lack the row's own square, which is the same for all prototypes, so
        the nearest one is the same.
        """
        means = prototypes.means
        if self.is_exact:
            found = self.squared_differences(means)
        else:
            found = (-2.0 * means) @ self.numbers
            found += np.einsum("ij,ij->i", means, means)[:, None]
        for packed in self._packed:
            modes = prototypes.modes[:, packed.at]
            mismatches = (packed.digits[None, :, :] != modes[:, None, :]).sum(axis=2)
            table = self.gamma * mismatches
            for at, row in enumerate(table):
                found[at] += row[packed.codes]
        return found

    def all_distances(self, prototypes: Prototypes) -> Floats:
        """Return distances of each row from each prototype, shape (n_rows, n_clusters)."""
        found = self.distances(prototypes)
        if not self.is_exact:
            found += self._squares
        return np.maximum(found.T, 0.0)

    def nearest(self, prototypes: Prototypes) -> tuple[Ints, Floats]:
        """Return each row's nearest prototype, the first of equal ones, and the distance."""
        distances = self.distances(prototypes)
        labels = np.zeros(self.n_rows, dtype=np.intp)
        best = distances[0]
        for at in range(1, len(prototypes)):
            closer = distances[at] < best
            labels[closer] = at
            np.minimum(best, distances[at], out=best)
        if not self.is_exact:
            best += self._squares
        return labels, np.maximum(best, 0.0, out=best)

    def squared_differences(self, means: Floats) -> Floats:
        """Return squared distances over the numbers alone, shape (n_clusters, n_rows)."""
        found = np.zeros((len(means), self.n_rows))
        for total, of_cluster in zip(found, means.tolist(), strict=True):
            for values, mean in zip(self.numbers, of_cluster, strict=True):
                off = values - mean
                off *= off
                total += off
        return found

    def update(self, labels: Ints, old: Prototypes) -> tuple[Prototypes, Ints]:
        """Return means and modes of the clusters, and their sizes; an empty one stays as it was."""
        n_clusters = len(old)
        sizes = np.bincount(labels, minlength=n_clusters)
        sums = [np.bincount(labels, weights=x, minlength=n_clusters) for x in self.numbers]
        means = old.means.copy()
        filled = sizes > 0
        if sums:
            means[filled] = (np.array(sums).T)[filled] / sizes[filled, None]
        modes = old.modes.copy()
        for packed in self._packed:
            n_codes = len(packed.digits)
            cells = np.bincount(labels * n_codes + packed.codes, minlength=n_clusters * n_codes)
            table = cells.reshape(n_clusters, n_codes)
            for digit, column in enumerate(packed.at):
                counts = packed.level_counts(table, digit, self.n_levels[column])
                modes[filled, column] = counts.argmax(axis=1)[filled]
        return Prototypes(means, modes), sizes

    def cost(self, labels: Ints, prototypes: Prototypes) -> float:
        """Return the sum of distances, without the cancellation that expanded squares have."""
        total = 0.0
        for at, x in enumerate(self.numbers):
            off = x - prototypes.means[labels, at]
            total += float(np.dot(off, off))
        for at, codes in enumerate(self.codes):
            total += self.gamma * int(np.count_nonzero(codes != prototypes.modes[labels, at]))
        return total


def _pack(codes: Ints, n_levels: tuple[int, ...]) -> list[_Packed]:
    """Pack columns, those of few levels first, into codes of at most `_MOST_PACKED` values."""
    groups: list[list[int]] = []
    sizes: list[int] = []
    for column in sorted(range(len(n_levels)), key=lambda at: (n_levels[at], at)):
        if sizes and sizes[-1] * n_levels[column] <= _MOST_PACKED:
            groups[-1].append(column)
            sizes[-1] *= n_levels[column]
        else:
            groups.append([column])
            sizes.append(n_levels[column])
    return [_packed(codes, group, [n_levels[at] for at in group]) for group in groups]


def _packed(codes: Ints, columns: list[int], n_levels: list[int]) -> _Packed:
    whole = np.zeros(codes.shape[1], dtype=np.int32)
    for column, size in zip(columns, n_levels, strict=True):
        whole *= size
        whole += codes[column].astype(np.int32)
    digits = np.indices(tuple(n_levels)).reshape(len(n_levels), -1).T
    return _Packed(whole, np.ascontiguousarray(digits), tuple(columns))


def centres_of(numbers: Floats) -> Floats:
    """Return a number near the mean of each column; NaN if some are beyond `FARTHEST` of it.

    Without it, numbers are about as large as their differences, so that their squares keep
    these. It is a multiple of a power of two, so that whole numbers stay whole.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        low: Floats = numbers.min(axis=1)
        span: Floats = numbers.max(axis=1) - low
        span[span > FARTHEST] = np.nan
        unit = np.exp2(np.floor(np.log2(np.where(span == 0, 1.0, span))) - 2.0)
        middle: Floats = low + (numbers - low[:, None]).mean(axis=1)
        found: Floats = np.round(middle / unit) * unit
        found[~np.isfinite(found)] = np.nan
    return found


def levels_of(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values in order of their texts."""
    distinct: list[Any] = pd.factorize(values)[1].tolist()
    return np.array(sorted(distinct, key=_text_of), dtype=object)


def _text_of(value: object) -> tuple[str, str]:
    return str(value), type(value).__name__


def codes_of(values: NDArray[Any], levels: NDArray[Any]) -> Ints:
    """Return positions in `levels`; values that are none of them get ``len(levels)``."""
    codes, distinct = pd.factorize(values)
    known = {level: at for at, level in enumerate(levels.tolist())}
    positions = np.array([known.get(v, len(levels)) for v in distinct.tolist()], dtype=np.intp)
    found: Ints = positions[codes]
    return found
