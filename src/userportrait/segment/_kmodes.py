"""k-modes: clusters of rows of categories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import Between, Optional, check_params
from userportrait.segment._kprototypes import KPrototypes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["KModes"]


class KModes(MatrixEstimator):
    """Cluster rows of categories around their most frequent levels.

    A row belongs to the mode from which it differs in the fewest columns. [1]_ Numbers are
    categories too: those with more than `n_bins` distinct values are cut into bins.

    Parameters
    ----------
    n_clusters : int, default=8
        Clusters to find; 1 or more, and at most as many as there are distinct rows.
    n_bins : int, default=10
        A column of more distinct numbers is cut at quantiles into this many bins of about
        equal counts; 2 to 1000.
    n_init : int, default=10
        Starts; the cheapest is kept.
    max_iter : int, default=100
        Passes over all rows in one start, at most.
    random_state : int or None, default=0
        Seed of the starts; None draws others each time.
    n_jobs : int, optional
        Threads that share the starts; by default one for each processor. They do not change
        the clusters.

    Attributes
    ----------
    modes_ : DataFrame of shape (n_clusters, n_features)
        Most frequent level of each column; the median of the bin for numbers that were cut.
        Other whole numbers and booleans stay such.
    labels_ : ndarray of int, shape (n_rows,)
        Cluster of each row of `fit`. Clusters are numbered from the
        largest; a row as near to two of them is in the first.
    sizes_ : ndarray of int, shape (n_clusters,)
        Rows in each cluster.
    cost_ : float
        Mismatches of all rows with their modes.
    edges_ : dict of str to ndarray
        Inner limits of the bins, by column that was cut; a limit belongs to the bin above.
    n_iter_ : int
        Passes over all rows of the start that was kept.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.KPrototypes : Numbers and categories.

    Notes
    -----
    The search is that of `KPrototypes`, without numbers.

    References
    ----------
    .. [1] Huang (1998), "Extensions to the k-means algorithm for clustering large data sets
       with categorical values", Data Mining and Knowledge Discovery 2.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import KModes
    >>> habits = pd.DataFrame(
    ...     {"channel": ["web", "web", "shop", "shop"], "pays": ["card", "card", "cash", "cash"]}
    ... )
    >>> model = KModes(n_clusters=2).fit(habits)
    >>> model.modes_
      channel  pays
    0    shop  cash
    1     web  card
    >>> model.cost_
    0.0
    """

    modes_: pd.DataFrame
    labels_: Ints
    sizes_: Ints
    cost_: float
    edges_: dict[str, Floats]
    n_iter_: int

    _kind: ClassVar = "clusterer"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_clusters": Between(1, 1_000, integer=True),
        "n_bins": Between(2, 1_000, integer=True),
        "n_init": Between(1, 10_000, integer=True),
        "max_iter": Between(1, 1_000_000, integer=True),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        "n_jobs": Optional(Between(1, 4096, integer=True)),
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_bins: int = 10,
        n_init: int = 10,
        max_iter: int = 100,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_bins = n_bins
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: object = None) -> Self:
        """Find the modes.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
        y : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range; all of them at once.
        InvalidDataError
            If values are missing or infinite, or if there are fewer distinct rows, after
            numbers are cut, than clusters.
        """
        check_params(self, self._rules)
        table = self._read_features(X, fitting=True)
        self.edges_ = {
            name: _inner_edges(values, self.n_bins)
            for name, values in table.numbers.items()
            if len(np.unique(values)) > self.n_bins
        }
        self._medians: dict[str, Floats] = {
            name: _medians(table.numbers[name], edges) for name, edges in self.edges_.items()
        }
        inner = KPrototypes(
            self.n_clusters,
            categorical=table.names,
            gamma=1.0,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        self._inner: KPrototypes = inner.fit_table(self._cut(table))
        self.labels_, self.sizes_ = self._inner.labels_, self._inner.sizes_
        self.cost_, self.n_iter_ = self._inner.cost_, self._inner.n_iter_
        self.modes_ = self._inner.prototypes_.copy()
        for name, medians in self._medians.items():
            self.modes_[name] = medians[self.modes_[name].to_numpy(dtype=np.intp)]
        return self

    def fit_predict(self, X: Any, y: object = None) -> Ints:
        """Find the modes and return the cluster of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
        y : object, optional
            Ignored.

        Returns
        -------
        ndarray of int, shape (n_rows,)
        """
        return self.fit(X, y).labels_

    def predict(self, X: Any) -> Ints:
        """Return the cluster whose mode differs from each row in the fewest columns.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            A level that `fit` did not see differs from every mode.

        Returns
        -------
        ndarray of int, shape (n_rows,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        table = self._read_features(X, fitting=False)
        return self._inner.predict_table(self._cut(table))

    def _cut(self, table: FeatureTable) -> FeatureTable:
        numbers = {
            name: np.searchsorted(self.edges_[name], values, side="right").astype(np.float64)
            if name in self.edges_
            else values
            for name, values in table.numbers.items()
        }
        return replace(table, numbers=numbers)


def _inner_edges(values: Floats, n_bins: int) -> Floats:
    shares = np.arange(1, n_bins) / n_bins
    edges: Floats = np.unique(np.quantile(values, shares, method="higher"))
    above: Floats = edges[edges > values.min()]
    return above


def _medians(values: Floats, edges: Floats) -> Floats:
    bins = np.searchsorted(edges, values, side="right")
    return np.array([np.median(values[bins == at]) for at in range(len(edges) + 1)])
