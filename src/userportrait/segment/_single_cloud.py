"""Rows as they might be were there no clusters: one cloud with the columns' own shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import optimize, special, stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["SingleCloud", "unimodal"]

_N_BINS = 30
"""Parts of a column's range; a column of at most as many distinct values keeps them."""


class SingleCloud:
    """Draws tables like a given one, but with one heap of rows.

    Each column has the distribution of its own values, evened out until it has one mode:
    valleys between modes are filled, while skewness, heavy tails, sharp ends and lumps stay.
    Columns go together as in the table, by a normal copula with the correlations of their
    normal scores. Columns of two values are shuffled instead, so that what goes together only
    in groups is not taken for granted; those that are never both up, as the levels of one
    category, are shuffled together.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
    """

    def __init__(self, rows: Floats) -> None:
        self._rows = rows
        n_distinct = np.array([len(np.unique(column)) for column in rows.T])
        self._flags = _exclusive(rows, np.flatnonzero(n_distinct <= 2))
        self._graded = np.flatnonzero(n_distinct > 2)
        scores = [_normal_scores(rows[:, at]) for at in self._graded]
        self._spread = _root_of_correlations(np.array(scores)) if scores else np.empty((0, 0))
        self._shapes = [_shape(rows[:, at]) for at in self._graded]

    def draw(self, source: np.random.Generator) -> Floats:
        """Return a table of the same size."""
        n_rows = len(self._rows)
        found = np.empty_like(self._rows)
        normal = source.normal(size=(n_rows, len(self._graded))) @ self._spread
        below: Any = special.ndtr
        shares: Floats = below(normal)
        for at, column in enumerate(self._graded):
            edges, heights, is_lumped = self._shapes[at]
            if is_lumped:
                places = np.searchsorted(heights, shares[:, at], side="left")
                found[:, column] = edges[np.minimum(places, len(edges) - 1)]
            else:
                found[:, column] = np.interp(shares[:, at], heights, edges)
        for group in self._flags:
            found[:, group] = self._rows[:, group][source.permutation(n_rows)]
        return found


def _shape(values: Floats) -> tuple[Floats, Floats, bool]:
    """Return points, their cumulated shares, and whether the values are those points alone."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _N_BINS:
        evened = unimodal(counts.astype(np.float64))
        return distinct, np.cumsum(evened) / evened.sum(), True
    counts, edges = np.histogram(values, bins=_N_BINS)
    evened = unimodal(counts.astype(np.float64))
    return edges, np.concatenate([[0.0], np.cumsum(evened) / evened.sum()]), False


def unimodal(heights: Floats) -> Floats:
    """Return the nearest heights that rise to one place and fall after it.

    Nearest by the sum of squares; of equally near ones, those of the first place.
    """
    n = len(heights)
    best, least = heights, np.inf
    for top in range(n):
        up = _rising(heights[: top + 1])
        down = _rising(heights[top + 1 :][::-1])[::-1]
        found = np.concatenate([up, down])
        error = float(((found - heights) ** 2).sum())
        if error < least - 1e-9:
            best, least = found, error
    return best


def _rising(heights: Floats) -> Floats:
    """Return the nearest heights that never fall."""
    if not len(heights):
        return heights
    fit: Any = optimize.isotonic_regression
    found: Floats = fit(heights).x
    return found


def _normal_scores(values: Floats) -> Floats:
    rank: Any = stats.rankdata
    quantile: Any = special.ndtri
    found: Floats = quantile((rank(values) - 0.5) / len(values))
    return found


def _root_of_correlations(scores: Floats) -> Floats:
    """Return what makes independent normal columns correlated ones, each with variance 1."""
    correlations: Floats = np.atleast_2d(np.corrcoef(scores))
    values, vectors = np.linalg.eigh(correlations)
    found: Floats = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return found


def _exclusive(rows: Floats, columns: Ints) -> list[Ints]:
    """Group columns of two values that are never above their least value in the same row."""
    groups: list[list[int]] = []
    taken = np.zeros(len(rows), dtype=bool)
    for column in columns.tolist():
        up = rows[:, column] > rows[:, column].min()
        if groups and not (taken & up).any():
            groups[-1].append(column)
            taken |= up
        else:
            groups.append([column])
            taken = up
    return [np.array(group, dtype=np.intp) for group in groups]
