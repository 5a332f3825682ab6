"""k-prototypes: clusters of rows that have numbers and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import Between, Optional, check_params
from userportrait._core.threads import thread_count
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.segment._mixed_rows import FARTHEST, MixedRows, centres_of, codes_of, levels_of
from userportrait.segment._mixed_search import search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule
    from userportrait.segment._mixed_rows import Prototypes
    from userportrait.segment._mixed_search import Found

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["KPrototypes"]


class KPrototypes(MatrixEstimator):
    """Cluster rows of numbers and categories around prototypes.

    A prototype holds the mean of each number and the most frequent level of each category.
    A row belongs to the prototype with the least squared distance over the numbers plus
    `gamma` for each category in which they differ. [1]_ With categories alone this is
    k-modes, with numbers alone k-means.

    Numbers are taken as they are: bring them to one scale first.

    Parameters
    ----------
    n_clusters : int, default=8
        Clusters to find; 1 or more, and at most as many as there are distinct rows.
    categorical : str, int or sequence of them, optional
        Columns that are categories: names in a frame, positions in either. By default the
        columns of a frame that hold texts, and none of an array.
    gamma : float, optional
        What a mismatch of one category counts. By default half the mean standard deviation
        of the numbers, 1 where there are none. [1]_
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
    prototypes_ : DataFrame of shape (n_clusters, n_features)
        One prototype a row, the columns of the input; categories that are whole numbers or
        booleans stay such.
    labels_ : ndarray of int, shape (n_rows,)
        Cluster of each row of `fit`. Clusters are numbered from the
        largest; a row as near to two of them is in the first.
    sizes_ : ndarray of int, shape (n_clusters,)
        Rows in each cluster.
    cost_ : float
        Sum of the distances of all rows from their prototypes.
    gamma_ : float
        What a mismatch counted.
    n_iter_ : int
        Passes over all rows of the start that was kept.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.KModes : Categories alone.

    Notes
    -----
    Starts are drawn with chances in proportion to the distance from the prototypes already
    drawn, the best of a few draws each. [2]_ On large tables a start first settles on 10,000
    rows (200 a cluster, if more), then on all of them. Up to 10,000 rows, single rows then move
    while that makes it cheaper, which also counts what they do to means and modes [3]_, and a
    prototype of the cheapest start is put on another row twice `n_init` times, and kept there
    if that ends cheaper. [4]_ A cluster that loses its last row takes the row farthest from
    its own prototype, so no cluster stays empty and no start is stuck. Rows are put in an order
    of their own first: a shuffled table gives the same clusters. Numbers are taken from near
    their mean, so dates and other large numbers keep their differences.
    Time is O(n k (d + c)) a pass, where c counts categories after packing.

    References
    ----------
    .. [1] Huang (1998), "Extensions to the k-means algorithm for clustering large data sets
       with categorical values", Data Mining and Knowledge Discovery 2.
    .. [2] Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding",
       SODA.
    .. [3] Hartigan and Wong (1979), "Algorithm AS 136: a k-means clustering algorithm",
       Applied Statistics 28(1).
    .. [4] Fränti (2018), "Efficiency of random swap clustering", Journal of Big Data 5.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import KPrototypes
    >>> customers = pd.DataFrame(
    ...     {"spend": [1.0, 1.2, 0.9, 5.0, 5.2], "channel": ["web", "web", "app", "shop", "shop"]}
    ... )
    >>> model = KPrototypes(n_clusters=2, random_state=0).fit(customers)
    >>> model.labels_.tolist()
    [0, 0, 0, 1, 1]
    >>> model.prototypes_.round(2)
       spend channel
    0   1.03     web
    1   5.10    shop
    """

    prototypes_: pd.DataFrame
    labels_: Ints
    sizes_: Ints
    cost_: float
    gamma_: float
    n_iter_: int

    _kind: ClassVar = "clusterer"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_clusters": Between(1, 1_000, integer=True),
        "gamma": Optional(Between(0.0, 1e300)),
        "n_init": Between(1, 10_000, integer=True),
        "max_iter": Between(1, 1_000_000, integer=True),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        "n_jobs": Optional(Between(1, 4096, integer=True)),
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        categorical: str | int | Sequence[str | int] | None = None,
        gamma: float | None = None,
        n_init: int = 10,
        max_iter: int = 100,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.categorical = categorical
        self.gamma = gamma
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: object = None) -> Self:
        """Find the prototypes.

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
        MissingColumnError
            If `categorical` names a column that is not there.
        InvalidDataError
            If values are missing, infinite or more than 1e150 apart, if a column of texts is
            not among `categorical`, or if there are fewer distinct rows than clusters.
        """
        check_params(self, self._rules)
        return self.fit_table(self._read_features(X, fitting=True))

    def fit_table(self, table: FeatureTable) -> Self:
        """Find the prototypes of rows that are read already."""
        categories = self._categories_of(table)
        self._levels: dict[str, NDArray[Any]] = {
            name: levels_of(values) for name, values in categories.items()
        }
        numbers = _numbers_of(table, categories)
        codes = self._codes(categories, table.n_rows)
        order, n_distinct = _own_order(numbers, codes)
        if n_distinct < self.n_clusters:
            raise InvalidDataError(_too_few(self.n_clusters, n_distinct, table.n_rows))
        numbers, codes = numbers[:, order], codes[:, order]
        self._centres: Floats = centres_of(numbers)
        self._take_centres(numbers, [name for name in table.numbers if name not in categories])
        self.gamma_ = self._gamma(numbers)
        found = search(
            self._rows(numbers, codes),
            self.n_clusters,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            n_jobs=thread_count(self.n_jobs),
        )
        self._learn(table, order, found)
        return self

    def fit_predict(self, X: Any, y: object = None) -> Ints:
        """Find the prototypes and return the cluster of each row.

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
        """Return the cluster whose prototype is nearest to each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            A level that `fit` did not see differs from every prototype.

        Returns
        -------
        ndarray of int, shape (n_rows,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If columns or values are unfit.
        """
        return self.predict_table(self._read_features(X, fitting=False))

    def predict_table(self, table: FeatureTable) -> Ints:
        """Return the clusters of rows that are read already."""
        return self._new_rows(table).exactly().nearest(self._prototypes)[0]

    def transform(self, X: Any) -> Floats:
        """Return the distance of each row from each prototype.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows, n_clusters)
            Squared distance over the numbers plus `gamma_` for each mismatch.
        """
        table = self._read_features(X, fitting=False)
        return self._new_rows(table).exactly().all_distances(self._prototypes)

    def fit_transform(self, X: Any, y: object = None) -> Floats:
        """Find the prototypes and return the distance of each row from each of them."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return names for the distances from the prototypes.

        Parameters
        ----------
        input_features : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        ndarray of str
            ``kprototypes0``, ``kprototypes1`` …

        Raises
        ------
        NotFittedError
            If `fit` was not called.

        Examples
        --------
        >>> from userportrait.segment import KPrototypes
        >>> KPrototypes(2).fit([[1.0], [2.0], [9.0]]).get_feature_names_out().tolist()
        ['kprototypes0', 'kprototypes1']
        """
        self._check_fitted("sizes_")
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{at}" for at in range(len(self.sizes_))], dtype=object)

    def _new_rows(self, table: FeatureTable) -> MixedRows:
        categories = self._categories_of(table)
        _check_same(set(categories), set(self._levels))
        numbers = _numbers_of(table, categories)
        self._take_centres(numbers, [name for name in table.numbers if name not in categories])
        return self._rows(numbers, self._codes(categories, table.n_rows))

    def _take_centres(self, numbers: Floats, names: Sequence[str]) -> None:
        """Take the centres away, in place; raise if squares of what is left may overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            numbers -= self._centres[:, None]
        for name, values in zip(names, numbers, strict=True):
            far = np.flatnonzero(~(np.abs(values) <= FARTHEST))
            if len(far):
                message = (
                    f"{type(self).__name__}: column '{name}' holds numbers more than "
                    f"{FARTHEST:g} apart, whose squares are too large. Bring it to one scale "
                    f"with the others first, or leave it out."
                )
                raise InvalidDataError(message, column=name)

    def _rows(self, numbers: Floats, codes: Ints) -> MixedRows:
        # One code more than there are levels: for those that fit has not seen.
        n_levels = [len(levels) + 1 for levels in self._levels.values()]
        return MixedRows(numbers, codes, n_levels, self.gamma_)

    def _codes(self, categories: Mapping[str, NDArray[Any]], n_rows: int) -> Ints:
        found = [codes_of(values, self._levels[name]) for name, values in categories.items()]
        return np.array(found, dtype=np.intp).reshape(-1, n_rows)

    def _gamma(self, numbers: Floats) -> float:
        if self.gamma is not None:
            return float(self.gamma)
        spread = float(numbers.std(axis=1).mean()) if len(numbers) else 0.0
        return 0.5 * spread if spread > 0 else 1.0

    def _categories_of(self, table: FeatureTable) -> dict[str, NDArray[Any]]:
        """Return the columns that are categories, in the order of the table."""
        if self.categorical is None:
            return table.categories
        given: Any = self.categorical
        if isinstance(given, (str, int, np.integer)):
            given = [given]
        chosen = {_name_at(which, table.names) for which in given}
        unlisted = [name for name in table.categories if name not in chosen]
        if unlisted:
            message = (
                f"{type(self).__name__}: column '{unlisted[0]}' holds texts and is not in "
                f"categorical. Add it there, or leave the column out."
            )
            raise InvalidDataError(message, column=unlisted[0])
        columns = {**table.numbers, **table.categories}
        return {name: columns[name].astype(object) for name in table.names if name in chosen}

    def _learn(self, table: FeatureTable, order: Ints, found: Found) -> None:
        self.labels_ = np.empty(table.n_rows, dtype=np.intp)
        self.labels_[order] = found.labels
        self.sizes_ = np.bincount(found.labels, minlength=self.n_clusters)
        self.cost_, self.n_iter_ = found.cost, found.n_iter
        self._prototypes: Prototypes = found.prototypes
        columns: dict[str, Any] = {}
        means = iter((self._prototypes.means + self._centres).T)
        modes = iter(self._prototypes.modes.T)
        for name in table.names:
            levels = self._levels.get(name)
            if levels is None:
                columns[name] = next(means)
            else:
                columns[name] = _as_given(levels[next(modes)], table.kinds.get(name))
        self.prototypes_ = pd.DataFrame(columns).infer_objects()


def _numbers_of(table: FeatureTable, categories: Mapping[str, object]) -> Floats:
    """Return the columns that are no categories, one a row."""
    found = np.array([v for name, v in table.numbers.items() if name not in categories])
    return found.reshape(-1, table.n_rows)


def _name_at(which: Any, names: Sequence[str]) -> str:
    if isinstance(which, str):
        if which not in names:
            raise MissingColumnError(which, names)
        return which
    whole: Any = (int, np.integer)
    if isinstance(which, bool) or not isinstance(which, whole):
        problem = f"categorical must hold names or positions of columns; got {which!r}."
        raise InvalidParameterError("KPrototypes", [problem])
    if not 0 <= int(which) < len(names):
        message = f"categorical: there is no column {which}; X has {len(names)} columns."
        raise InvalidDataError(message)
    return names[int(which)]


def _as_given(values: NDArray[Any], kind: str | None) -> NDArray[Any]:
    """Return numbers as the whole numbers or booleans that they were."""
    if kind == "boolean":
        return values.astype(bool)
    # Beyond 2**53 floats are whole, and may be too large for int64.
    is_whole = kind == "integer" and float(np.abs(values.astype(np.float64)).max()) < 2.0**53
    return values.astype(np.int64) if is_whole else values


def _check_same(given: set[str], known: set[str]) -> None:
    other = sorted(given ^ known)
    if other:
        what = "texts" if other[0] in given else "numbers"
        message = f"column '{other[0]}' holds {what}; it did not when the model was fitted."
        raise InvalidDataError(message, column=other[0])


def _own_order(numbers: Floats, codes: Ints) -> tuple[Ints, int]:
    """Return an order of rows that depends on their values alone, and how many are distinct.

    Rows are sorted by a 64-bit hash: one key instead of many.
    """
    mixed = np.zeros(codes.shape[1], dtype=np.uint64)
    for bits in (*codes.astype(np.uint64), *(numbers + 0.0).view(np.uint64)):
        mixed ^= bits
        mixed *= np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    ranked = mixed[order]
    return order, int(np.count_nonzero(ranked[1:] != ranked[:-1])) + 1


def _too_few(n_clusters: int, n_distinct: int, n_rows: int) -> str:
    rows = "1 distinct row" if n_distinct == 1 else f"{n_distinct} distinct rows"
    found = f"n_samples={n_rows}, {rows}"
    return f"{n_clusters} clusters need as many distinct rows; X has {found}. Ask for fewer."
