"""Dense groups of rows by HDBSCAN, and which of them a new row belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.spatial import KDTree

from userportrait._core.scikit import from_sklearn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["DenseRows"]

_NEIGHBOURS = 10
"""Rows, itself among them, whose distance says how dense it is around a row."""
_SHARE = 0.02
"""Share of the rows that a group has at least, where no size is given."""
_BLOCK = 8192


class DenseRows:
    """Rows in groups of mutual reachability, some in none.

    The mutual reachability of two rows is their distance, or the core distance of one of them
    where that is larger: the distance to its tenth nearest row, itself among them.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        In an order of their own.
    min_size : int, optional
        Rows that a group has at least; by default 2 % of the rows, 5 or more.
    most : int, optional
        Groups to find, at most: the least size grows until there are no more.
    """

    n_clusters: int
    labels: Ints

    def __init__(self, rows: Floats, min_size: int | None, most: int | None) -> None:
        size = max(5, round(_SHARE * len(rows))) if min_size is None else min_size
        self._n_near = min(size, _NEIGHBOURS, len(rows))
        self.labels = _grouped(rows, size, self._n_near, most)
        self.n_clusters = int(self.labels.max()) + 1
        if self.n_clusters < 2:
            self.n_clusters, self.labels = 1, np.zeros(len(rows), dtype=np.intp)
            return
        self._rows = rows
        self._core = np.concatenate([near[:, self._n_near - 1] for near, _ in self._near(rows)])
        self._reach = np.array([self._reach_of(rows, one) for one in range(self.n_clusters)])

    def predict(self, rows: Floats) -> Ints:
        """Return the group of each row, -1 for none.

        A row is in the group of the fitted row that is nearest by mutual reachability, of
        equally near ones the nearest by distance; looked for among the 20 nearest. It is in
        none if that row is, or if it is farther from it than any of the group's own rows is
        from its nearest fellow.
        """
        if self.n_clusters == 1:
            return np.zeros(len(rows), dtype=np.intp)
        parts: list[Ints] = []
        for near, at in self._near(rows):
            away = np.maximum(near, self._core[at])
            away = np.maximum(away, near[:, [self._n_near - 1]])
            first = away.argmin(axis=1)  # neighbours come in order of their distance
            each = np.arange(len(first))
            found = self.labels[at[each, first]].copy()
            found[away[each, first] > self._reach[found] * (1.0 + 1e-9)] = -1
            parts.append(found)
        return np.concatenate(parts)

    def _near(self, rows: Floats) -> Any:
        """Yield distances and positions of the nearest fitted rows, block by block."""
        n_near = min(2 * self._n_near, len(self.labels))
        # Made anew: that takes far less than the look-ups, and a saved model needs no tree.
        query: Any = KDTree(self._rows).query
        for start in range(0, len(rows), _BLOCK):
            yield query(rows[start : start + _BLOCK], k=list(range(1, n_near + 1)))

    def _reach_of(self, rows: Floats, group: int) -> float:
        """Return the largest mutual reachability of a row of a group and its nearest fellow."""
        members = np.flatnonzero(self.labels == group)
        core = self._core[members]
        query: Any = KDTree(rows[members]).query
        ranks = list(range(1, min(2 * self._n_near, len(members)) + 1))
        found = 0.0
        for start in range(0, len(members), _BLOCK):
            stop = min(start + _BLOCK, len(members))
            near, at = query(rows[members[start:stop]], k=ranks)
            own = np.arange(start, stop)[:, None]
            away = np.maximum(np.maximum(near, core[at]), core[own])
            away[at == own] = np.inf
            found = max(found, float(away.min(axis=1).max()))
        return found


def _grouped(rows: Floats, size: int, n_near: int, most: int | None) -> Ints:
    make: Any = from_sklearn("cluster.HDBSCAN")
    while True:
        model = make(min_cluster_size=size, min_samples=n_near, copy=True).fit(rows)
        labels: Ints = model.labels_.astype(np.intp)
        if most is None or int(labels.max()) < most:
            return labels
        size = max(size + 1, int(1.25 * size))
