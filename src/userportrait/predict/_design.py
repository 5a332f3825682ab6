"""Products of the coded rows of a model, without ever writing out columns of 0 and 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from userportrait.predict._coding import Coded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait.predict._coding import Coding

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["Design"]

_MOST_LEVELS = 80
"""Combinations of levels that factors packed together may have."""
_MOST_KEPT = 1 << 28
"""Bytes of codes of pairs that may be kept between products."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pack:
    """A few factors as one code: `shown` has 1 where a code stands for a level."""

    codes: NDArray[np.int64]
    shown: Floats
    start: int

    @property
    def size(self) -> int:
        return len(self.shown)


class Design:
    """Rows with an intercept, numbers and all levels of factors, as sums and tables.

    Parameters
    ----------
    coding : Coding
    coded : Coded

    Notes
    -----
    Factors are packed into few of at most 80 combinations. The weighted cross-table of each
    pair of packs, from one count over the rows, holds all products of their columns, and a
    row's linear predictor is a sum of one table look-up a pack.
    """

    def __init__(self, coding: Coding, coded: Coded) -> None:
        self.coding, self.coded = coding, coded
        self.numbers = coded.numbers
        self.n_rows = coded.n_rows
        self.width = coding.width
        self.n_numbers = len(coding.numbers)
        self._packs = _packed(coding, coded)
        self._order = _columns_of_packs(coding)
        n_pairs = len(self._packs) * (len(self._packs) - 1) // 2
        self._keeps = n_pairs * self.n_rows * 8 <= _MOST_KEPT
        self._pairs: dict[tuple[int, int], NDArray[np.int64]] = {}

    def predictor(self, beta: Floats) -> Floats:
        """Return the linear predictor of each row for coefficients of all columns."""
        found: Floats = np.full(self.n_rows, beta[0])
        if self.n_numbers:
            found += beta[1 : 1 + self.n_numbers] @ self.numbers
        levels = beta[1 + self.n_numbers :][self._order]
        for pack in self._packs:
            own = levels[pack.start : pack.start + pack.shown.shape[1]]
            found += (pack.shown @ own)[pack.codes]
        return found

    def sums(self, values: Floats) -> Floats:
        """Return the sum over rows of each column times the value of the row."""
        found = np.empty(self.width)
        found[0] = values.sum()
        found[1 : 1 + self.n_numbers] = self.numbers @ values
        levels = np.empty(len(self._order))
        for pack in self._packs:
            sums = np.bincount(pack.codes, weights=values, minlength=pack.size) @ pack.shown
            levels[pack.start : pack.start + len(sums)] = sums
        found[1 + self.n_numbers + self._order] = levels
        return found

    def gram(self, weights: Floats) -> Floats:
        """Return the weighted cross products of all columns, shape (width, width)."""
        m = 1 + self.n_numbers
        places = np.concatenate([np.arange(m), m + self._order])
        upper = np.zeros((self.width, self.width))
        upper[0, 0] = weights.sum()
        scaled = self.numbers * weights
        upper[0, 1:m] = scaled.sum(axis=1)
        upper[1:m, 1:m] = scaled @ self.numbers.T
        for at, pack in enumerate(self._packs):
            own = slice(m + pack.start, m + pack.start + pack.shown.shape[1])
            counts = np.bincount(pack.codes, weights=weights, minlength=pack.size)
            upper[own, own] = (pack.shown.T * counts) @ pack.shown
            upper[0, own] = counts @ pack.shown
            for row, values in enumerate(scaled):
                sums = np.bincount(pack.codes, weights=values, minlength=pack.size)
                upper[1 + row, own] = sums @ pack.shown
            for beside in range(at + 1, len(self._packs)):
                right = self._packs[beside]
                size = pack.size * right.size
                cells = np.bincount(self._pair(at, beside), weights=weights, minlength=size)
                table = cells.reshape(pack.size, right.size)
                there = slice(m + right.start, m + right.start + right.shown.shape[1])
                upper[own, there] = pack.shown.T @ table @ right.shown
        upper = np.triu(upper)
        found = np.empty_like(upper)
        found[np.ix_(places, places)] = upper + np.triu(upper, 1).T
        return found

    def dense(self, columns: Ints, rows: slice | Ints) -> Floats:
        """Return some columns of some rows, written out."""
        n = len(range(self.n_rows)[rows]) if isinstance(rows, slice) else len(rows)
        found = np.zeros((n, len(columns)))
        place = {column: at for at, column in enumerate(columns.tolist())}
        for column, at in place.items():
            if column == 0:
                found[:, at] = 1.0
            elif column <= self.n_numbers:
                found[:, at] = self.numbers[column - 1, rows]
        for pack in self._packs:
            mine = slice(pack.start, pack.start + pack.shown.shape[1])
            own = self._order[mine] + 1 + self.n_numbers
            for digit, column in enumerate(own.tolist()):
                if column in place:
                    found[:, place[column]] = pack.shown[:, digit][pack.codes[rows]]
        return found

    def quadratic(self, matrix: Floats) -> Floats:
        """Return x M x' of each row x for a symmetric matrix of shape (width, width)."""
        m = 1 + self.n_numbers
        head = np.concatenate([np.ones((1, self.n_rows)), self.numbers])
        found: Floats = np.einsum("ij,ij->j", matrix[:m, :m] @ head, head)
        own = [
            m + self._order[pack.start : pack.start + pack.shown.shape[1]] for pack in self._packs
        ]
        for at, pack in enumerate(self._packs):
            beside: Floats = 2.0 * matrix[:m, own[at]] @ pack.shown.T
            for row, values in zip(beside, head, strict=True):
                found += row[pack.codes] * values
            inside = matrix[np.ix_(own[at], own[at])]
            found += np.einsum("ij,ij->i", pack.shown @ inside, pack.shown)[pack.codes]
            for other in range(at + 1, len(self._packs)):
                right = self._packs[other]
                table: Floats = pack.shown @ matrix[np.ix_(own[at], own[other])] @ right.shown.T
                found += (2.0 * table).ravel()[self._pair(at, other)]
        return found

    def collapse(
        self, y: Floats, weights: Floats | None, columns: Ints
    ) -> tuple[Design, Floats, Floats] | None:
        """Return one row for each combination of levels that a model tells apart.

        Parameters
        ----------
        y : ndarray
        weights : ndarray, optional
        columns : ndarray of int
            Columns of the model.

        Returns
        -------
        tuple of Design, ndarray and ndarray, or None
            The rows, the mean outcome and the weight of each; None where the model has
            numbers, or so many combinations that nothing is saved.
        """
        labels = self.coding.labels
        places: list[int] = columns.tolist()
        chosen = {labels[place][0] for place in places if place}
        factors = [at for at, f in enumerate(self.coding.factors) if f.name in chosen]
        sizes = [len(self.coding.factors[at].levels) for at in factors]
        if len(factors) < len(chosen) or math.prod(sizes) > self.n_rows // 4:
            return None
        key = np.zeros(self.n_rows, dtype=np.int64)
        for at, size in zip(factors, sizes, strict=True):
            key = key * size + self.coded.codes[at]
        counts = np.bincount(key, weights=weights).astype(np.float64)
        ones = np.bincount(key, weights=y if weights is None else weights * y)
        cells = np.flatnonzero(counts > 0)
        codes = np.zeros((len(self.coding.factors), len(cells)), dtype=np.intp)
        left = cells
        for at, size in zip(factors[::-1], sizes[::-1], strict=True):
            codes[at], left = left % size, left // size
        numbers = np.zeros((self.n_numbers, len(cells)))
        small = Design(self.coding, Coded(numbers, codes))
        return small, ones[cells] / counts[cells], counts[cells]

    def _pair(self, first: int, second: int) -> NDArray[np.int64]:
        key = (first, second)
        if key in self._pairs:
            return self._pairs[key]
        left, right = self._packs[first], self._packs[second]
        found: NDArray[np.int64] = left.codes * right.size + right.codes
        if self._keeps:
            self._pairs[key] = found
        return found


def _groups(n_levels: Sequence[int]) -> list[list[int]]:
    """Return factors that are packed together, the smallest ones first."""
    groups: list[list[int]] = []
    sizes: list[int] = []
    for at in sorted(range(len(n_levels)), key=lambda at: (n_levels[at], at)):
        if sizes and sizes[-1] * n_levels[at] <= _MOST_LEVELS:
            groups[-1].append(at)
            sizes[-1] *= n_levels[at]
        else:
            groups.append([at])
            sizes.append(n_levels[at])
    return groups


def _packed(coding: Coding, coded: Coded) -> list[_Pack]:
    found: list[_Pack] = []
    start = 0
    for group in _groups([len(factor.levels) for factor in coding.factors]):
        sizes = tuple(len(coding.factors[at].levels) for at in group)
        codes = np.zeros(coded.n_rows, dtype=np.int64)
        for at, size in zip(group, sizes, strict=True):
            codes = codes * size + coded.codes[at]
        digits = np.indices(sizes).reshape(len(sizes), -1)
        shown = [np.eye(size)[digit] for size, digit in zip(sizes, digits, strict=True)]
        found.append(_Pack(codes, np.concatenate(shown, axis=1), start))
        start += sum(sizes)
    return found


def _columns_of_packs(coding: Coding) -> Ints:
    """Return, for each column of the packs in turn, its place among the levels of all factors."""
    sizes = [len(factor.levels) for factor in coding.factors]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    parts: list[Ints] = [
        np.arange(starts[at], starts[at + 1], dtype=np.intp)
        for group in _groups(sizes)
        for at in group
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.intp)
