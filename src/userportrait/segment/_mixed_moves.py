"""Move single rows between clusters while that lowers the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.segment._mixed_rows import MixedRows

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["move_rows"]


def move_rows(rows: MixedRows, labels: Ints, n_clusters: int, *, most: int = 2_000) -> Ints:
    """Return labels that no move of a single row makes cheaper.

    The nearest prototype is not all that counts: a row that leaves takes its cluster's mean
    and modes along, and shifts those of the cluster that it joins (Hartigan and Wong, 1979).

    Parameters
    ----------
    rows : MixedRows
    labels : ndarray of int, shape (n_rows,)
        No cluster is empty; none becomes so.
    n_clusters : int
    most : int, default=2000
        Rows that are looked at one by one, at most.
    """
    clusters = _Clusters(rows, labels.copy(), n_clusters)
    while most > 0:
        promising = clusters.promising()[:most]
        most -= len(promising)
        if not sum(clusters.move(row) for row in promising.tolist()):
            break
    return clusters.labels


class _Clusters:
    """Sizes, sums and counts of levels of clusters, kept while rows move."""

    def __init__(self, rows: MixedRows, labels: Ints, n_clusters: int) -> None:
        self.rows = rows
        self.labels = labels
        self.sizes: Floats = np.bincount(labels, minlength=n_clusters).astype(np.float64)
        sums: Any = [np.bincount(labels, weights=x, minlength=n_clusters) for x in rows.numbers]
        self.sums: Floats = np.array(sums, dtype=np.float64).reshape(-1, n_clusters).T.copy()
        self.counts: list[Ints] = []
        for codes, n in zip(rows.codes, rows.n_levels, strict=True):
            cells: Any = np.bincount(labels * n + codes, minlength=n_clusters * n)
            self.counts.append(cells.reshape(n_clusters, n))

    def promising(self) -> Ints:
        """Return rows that would lower the cost if they moved, those that gain most first."""
        away = self.rows.squared_differences(self.sums / self.sizes[:, None])
        every: Ints = np.arange(self.rows.n_rows, dtype=np.intp)
        leaving = away[self.labels, every] * _without_one(self.sizes)[self.labels]
        joining: Floats = away * (self.sizes / (self.sizes + 1.0))[:, None]
        for counts, codes in zip(self.counts, self.rows.codes, strict=True):
            joining += self.rows.gamma * _is_added(counts)[:, codes]
            leaving += self.rows.gamma * _is_saved(counts)[self.labels, codes]
        joining[self.labels, every] = np.inf
        leaving[self.sizes[self.labels] == 1.0] = 0.0
        gain: Floats = leaving - joining.min(axis=0)
        found = np.flatnonzero(gain > 1e-9 * leaving)
        return found[np.argsort(-gain[found], kind="stable")]

    def move(self, row: int) -> bool:
        """Move a row to the cluster where it costs least; say whether it went."""
        own = int(self.labels[row])
        if self.sizes[own] == 1.0:
            return False
        values, codes = self.rows.numbers[:, row], self.rows.codes[:, row].tolist()
        off = values - self.sums / self.sizes[:, None]
        away = np.einsum("ij,ij->i", off, off)
        leaving = float(away[own] * _without_one(self.sizes)[own])
        joining: Floats = away * (self.sizes / (self.sizes + 1.0))
        for counts, code in zip(self.counts, codes, strict=True):
            joining += self.rows.gamma * _is_added(counts)[:, code]
            leaving += self.rows.gamma * float(_is_saved(counts)[own, code])
        joining[own] = np.inf
        to = int(joining.argmin())
        if leaving - float(joining[to]) <= 1e-9 * leaving:
            return False
        self.labels[row] = to
        for cluster, sign in ((own, -1), (to, 1)):
            self.sizes[cluster] += sign
            self.sums[cluster] += sign * values
            for counts, code in zip(self.counts, codes, strict=True):
                counts[cluster, code] += sign
        return True


def _without_one(sizes: Floats) -> Floats:
    """Return n / (n - 1), 0 for a cluster of one row."""
    return np.where(sizes > 1.0, sizes / np.maximum(sizes - 1.0, 1.0), 0.0)


def _is_added(counts: Ints) -> NDArray[np.bool_]:
    """Say where one more row of a level is one more mismatch: unless it is a mode then."""
    found: NDArray[np.bool_] = counts < counts.max(axis=1, keepdims=True)
    return found


def _is_saved(counts: Ints) -> NDArray[np.bool_]:
    """Say where one row of a level less is one mismatch less: unless it is the only mode."""
    is_mode: NDArray[np.bool_] = counts == counts.max(axis=1, keepdims=True)
    found: NDArray[np.bool_] = ~(is_mode & (is_mode.sum(axis=1, keepdims=True) == 1))
    return found
