"""Segments of customers: prepared features, a number of clusters, profiles and rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.frames import column_names, enter, leave, select_columns
from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import (
    Between,
    InstanceOf,
    OneOf,
    Optional,
    check_params,
    check_values,
)
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.segment._choose_k import AutoOr, ClusterChoice
from userportrait.segment._profiles import Language, profile_segments
from userportrait.segment._segment_models import (
    METHODS,
    Method,
    ModelSettings,
    Transformer,
    fit_model,
)
from userportrait.segment._segment_names import segment_names
from userportrait.segment._segment_rules import rules_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["CustomerSegments"]

_ID = "customer_id"
_MOST_LEVELS = 50
"""Texts that a column may have even if hardly any two customers share one."""


class CustomerSegments(MatrixEstimator):
    """Put customers into segments, and say what sets each segment apart.

    Features are brought to one scale, clustered, and the clusters told in the units of the
    input.

    Parameters
    ----------
    n_clusters : int or 'auto', default='auto'
        1 to 1000. ``'auto'`` chooses, and finds 1 where the customers look like one cloud.
        ``'hdbscan'`` finds the number itself: a number given is the most it may find.
    method : {'kmeans', 'minibatch', 'gaussian_mixture', 'hdbscan', 'kprototypes'}, default='kmeans'
        ``'minibatch'`` is k-means on 4,096 rows at a time, for very large tables;
        ``'gaussian_mixture'`` lets clusters differ in shape and overlap. ``'hdbscan'`` finds
        dense groups of any shape and leaves the customers between them out. [2]_
        ``'kprototypes'`` takes prepared numbers, and categories as they are: it describes a
        segment by its most frequent levels. ``'auto'`` chooses by k-means on the prepared
        table with all but ``'hdbscan'``.
    prepare : transformer, optional
        Anything with `fit` and `transform` that makes a table of finite numbers of a frame;
        by default `PrepareFeatures`, the only one that ``'kprototypes'`` takes: a mismatch
        counts its `category_weight`. It is copied, not fitted itself.
    max_clusters : int, default=10
        The most that ``'auto'`` tries; 2 to 100.
    n_init : int, default=10
        Starts; the best is kept.
    min_cluster_size : int, optional
        Customers that a segment of ``'hdbscan'`` has at least, from 2; by default 2 % of
        them, 5 or more. The other methods do without.
    feature_labels : mapping of str to str, optional
        Words for columns in names and rules, in the language they are asked for. Columns
        without keep their names.
    random_state : int or None, default=0
        Seed; None draws another one each time.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_rows,)
        Segment of each customer of `fit`. Segments are numbered from the largest, equally
        large ones by their first customer in the order of the features' values; -1 is a
        customer that ``'hdbscan'`` leaves out.
    n_clusters_ : int
        Segments; those left out are none.
    sizes_ : ndarray of int, shape (n_segments,)
        Customers in each segment; a component of a mixture may have none.
    choice_ : ClusterChoice or None
        How the number was chosen; None where it was given, and with ``'hdbscan'``.
    prepare_ : transformer
        The one that was fitted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.KPrototypes : Categories as they are, not as columns of 0 and 1.
    userportrait.segment.choose_n_clusters : How the number is chosen.

    Notes
    -----
    A column ``customer_id`` of a frame is an ID, not a feature, and is left out. Rows are put
    in an order of their own first, so a shuffled table gives the same segments; k-means runs
    on one thread, so that the number of processors changes nothing. [1]_

    ``'hdbscan'`` puts a new customer into the segment of the fitted one that is nearest by
    mutual reachability, unless it is farther from it than any customer of the segment is from
    the nearest fellow. Where it finds no two dense groups, everybody is one segment. Where it
    finds some, `names` has a name for -1 in its last place, `profile` and `rules` a row. Its
    time grows with the square of the customers.

    References
    ----------
    .. [1] Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding",
       SODA.
    .. [2] Campello, Moulavi and Sander (2013), "Density-based clustering based on hierarchical
       density estimates", PAKDD.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import CustomerSegments
    >>> customers = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "bo", "cy", "di", "ed"],
    ...         "orders": [1.0, 2.0, 1.0, 9.0, 8.0],
    ...         "channel": ["web", "web", "web", "app", "app"],
    ...     }
    ... )
    >>> segments = CustomerSegments(2).fit(customers)
    >>> segments.labels_.tolist()
    [0, 0, 0, 1, 1]
    >>> segments.names()
    ['mostly channel = web, low orders', 'mostly channel = app, high orders']
    """

    labels_: Ints
    n_clusters_: int
    sizes_: Ints
    choice_: ClusterChoice | None
    prepare_: Any

    _kind: ClassVar = "clusterer"
    _allow_missing: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_clusters": AutoOr(Between(1, 1000, integer=True)),
        "method": OneOf(METHODS),
        "prepare": Optional(Transformer()),
        "max_clusters": Between(2, 100, integer=True),
        "n_init": Between(1, 10_000, integer=True),
        "min_cluster_size": Optional(Between(2, 10**9, integer=True)),
        "feature_labels": Optional(
            InstanceOf((Mapping,), "a mapping of columns to words, or None")
        ),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = "auto",
        *,
        method: Method = "kmeans",
        prepare: Any = None,
        max_clusters: int = 10,
        n_init: int = 10,
        min_cluster_size: int | None = None,
        feature_labels: Mapping[str, str] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.method: Method = method
        self.prepare = prepare
        self.max_clusters = max_clusters
        self.n_init = n_init
        self.min_cluster_size = min_cluster_size
        self.feature_labels = feature_labels
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:
        """Find the segments.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            One row a customer. Missing values are left to `prepare`.
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
            If `feature_labels` has a column that `X` has not.
        InvalidDataError
            If a number is infinite, if every column holds one value, if a column of texts has
            more than 50 and a text of its own for every other customer, if there are fewer
            distinct rows than clusters, or fewer than 10 rows for ``'auto'``.
        """
        check_params(self, self._rules)
        table = self._read_features(_without_id(X), fitting=True)
        for name in self.feature_labels or {}:
            if name not in table.names:
                raise MissingColumnError(name, table.names)
        _refuse_ids(table)
        order = _own_order(table)
        ordered = table.take(order)
        model = self._model = fit_model(ordered, self._settings())
        self.prepare_, self.choice_ = model.prepare, model.choice
        self.n_clusters_ = model.n_clusters
        self._rank = _ranks(model.labels, model.n_clusters)
        labels = _ranked(model.labels, self._rank)
        self.labels_ = np.empty_like(labels)
        self.labels_[order] = labels
        self.sizes_ = np.bincount(labels[labels >= 0], minlength=self.n_clusters_)
        segments = [*range(self.n_clusters_), *([-1] if model.has_noise else [])]
        self._profile = profile_segments(ordered, labels, segments)
        return self

    def fit_predict(self, X: Any, y: object = None) -> Ints:
        """Find the segments and return that of each customer.

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
        """Return the segment of each customer.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            The features of `fit`; ``customer_id`` may be there or not.

        Returns
        -------
        ndarray of int, shape (n_rows,)
            With ``'hdbscan'``, -1 for customers in no segment.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If columns or values are unfit.
        """
        self._check_fitted("n_clusters_")
        return self._predicted(self._read_features(_without_id(X), fitting=False))

    def names(self, *, language: Language = "en") -> list[str]:
        """Return a name for each segment: two features that set it apart.

        Parameters
        ----------
        language : {'en', 'zh'}, default='en'
            Features have the words of `feature_labels` or their own names, levels their own.

        Returns
        -------
        list of str
            In order of the segments; where some customers are in none, -1 has the last name.

        Notes
        -----
        Numbers are compared by rank, so that a few very large customers do not decide: the
        difference of a segment's mean rank from everybody's, in standard deviations of the
        ranks. From 0.3 on it is ``rather high`` or ``rather low``, from 0.5 on ``high`` or
        ``low``. Levels are compared by Cohen's h and told if their share differs by 0.1 or
        more: ``mostly`` if half of the segment have it, ``often`` or ``rarely`` if not. Two
        features at most are told, the second with a rank correlation to the first below 0.6;
        where there is none, the segment is ``average``. Equal names are told apart by the
        feature in which their segments differ most.

        Examples
        --------
        >>> from userportrait.segment import CustomerSegments
        >>> segments = CustomerSegments(2, feature_labels={"x0": "订单数"})
        >>> segments.fit([[1.0], [1.0], [1.0], [5.0]]).names(language="zh")
        ['低订单数', '高订单数']
        """
        self._check_fitted("n_clusters_")
        check_values("names", {"language": language}, {"language": OneOf(("en", "zh"))})
        return segment_names(self._profile, language, self.feature_labels)

    def profile(self, *, language: Language = "en") -> pd.DataFrame:
        """Compare the segments with everybody, feature by feature.

        Parameters
        ----------
        language : {'en', 'zh'}, default='en'
            Of the names.

        Returns
        -------
        DataFrame
            One row a segment and feature, or level of a category. Columns:

            - ``segment``, ``name``, ``n_customers``, ``share`` of all customers;
            - ``feature``, and ``level`` of a category, empty for numbers;
            - ``mean`` and that of ``everybody``, in the units of the input; of a level, its
              share of the customers. Missing values are left out;
            - ``index``: 100 is everybody's mean, NaN where that is not above 0;
            - ``effect_size``: of a number, the difference of the means in standard deviations
              of everybody; of a level, Cohen's h. [1]_

        References
        ----------
        .. [1] Cohen (1988), "Statistical power analysis for the behavioral sciences", 6.2.

        Examples
        --------
        >>> from userportrait.segment import CustomerSegments
        >>> segments = CustomerSegments(2).fit([[1.0], [1.0], [1.0], [5.0]])
        >>> segments.profile()[["segment", "name", "mean", "everybody", "index"]]
           segment     name  mean  everybody  index
        0        0   low x0   1.0        2.0   50.0
        1        1  high x0   5.0        2.0  250.0
        """
        names = np.array(self.names(language=language), dtype=object)
        found = self._profile.table.copy()
        found.insert(1, "name", names[found["segment"].to_numpy()])
        return found

    def rules(self, X: Any, *, max_depth: int = 3, language: Language = "en") -> pd.DataFrame:
        """Tell each segment by a short rule, and how far the rule can be trusted.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Customers to learn the rules from, such as those of `fit`.
        max_depth : int, default=3
            Comparisons in a rule, at most; 1 to 10.
        language : {'en', 'zh'}, default='en'
            Of names and rules.

        Returns
        -------
        DataFrame
            ``segment``, ``name``, ``rule``, ``precision`` (share of the customers it takes
            that are in the segment), ``recall`` (share of the segment that it takes),
            ``n_customers`` it takes.

        Notes
        -----
        A decision tree tells one segment from the rest; the leaf with the best harmonic mean
        of precision and recall is the rule. Limits have as few digits as leave 99.5 % of the
        customers on their side, and the figures are those of the rule as it is written: NaN
        for a segment with nobody in it. A missing number is neither above a limit nor at most
        it, so no rule about it takes the customer.

        Examples
        --------
        >>> import pandas as pd
        >>> from userportrait.segment import CustomerSegments
        >>> customers = pd.DataFrame({"orders": [1.0, 1, 1, 5, 5]})
        >>> CustomerSegments(2).fit(customers).rules(customers)[["rule", "precision", "recall"]]
                  rule  precision  recall
        0  orders <= 3        1.0     1.0
        1   orders > 3        1.0     1.0
        """
        names = self.names(language=language)
        given = {"max_depth": max_depth}
        check_values("rules", given, {"max_depth": Between(1, 10, integer=True)})
        table = self._read_features(_without_id(X), fitting=False)
        table = table.take(_own_order(table))
        segments = self._profile.segments
        told = rules_of(
            table,
            self._predicted(table),
            segments,
            max_depth=max_depth,
            language=language,
            names=self.feature_labels,
        )
        found = pd.DataFrame(told)
        found.insert(0, "segment", segments)
        found.insert(1, "name", names)
        return found

    def _predicted(self, table: FeatureTable) -> Ints:
        return _ranked(self._model.predict(table), self._rank)

    def _settings(self) -> ModelSettings:
        return ModelSettings(
            n_clusters=self.n_clusters if self.n_clusters == "auto" else int(self.n_clusters),
            method=self.method,
            prepare=self.prepare,
            max_clusters=self.max_clusters,
            n_init=self.n_init,
            min_cluster_size=self.min_cluster_size,
            random_state=self.random_state,
        )


def _ranked(found: Ints, rank: Ints) -> Ints:
    """Return new numbers of clusters; noise stays -1."""
    return np.where(found < 0, -1, rank[found])


def _ranks(found: Ints, n_clusters: int) -> Ints:
    """Return the new number of each cluster: from the largest, then by the first row."""
    inside = np.flatnonzero(found >= 0)
    sizes = np.bincount(found[inside], minlength=n_clusters)
    first = np.full(n_clusters, len(found))
    # Backwards: the last one written, the first row, stays.
    first[found[inside[::-1]]] = inside[::-1]
    return np.argsort(np.lexsort((first, -sizes)))


def _refuse_ids(table: FeatureTable) -> None:
    """Raise if a column of texts tells customers apart, not kinds of them."""
    for name, (codes, levels) in table.texts.items():
        n_known = int((codes >= 0).sum())
        if len(levels) > max(_MOST_LEVELS, n_known // 2):
            message = (
                f"CustomerSegments: column '{name}' has {len(levels):,} different texts for "
                f"{n_known:,} customers, as names and addresses have. Leave it out."
            )
            raise InvalidDataError(message, column=name)


def _without_id(X: Any) -> Any:
    """Return a frame without its ``customer_id``; anything else as it is."""
    if not hasattr(X, "collect_schema"):  # polars warns where a lazy frame is asked for columns
        known: Any = getattr(X, "column_names", getattr(X, "columns", None))
        if known is None or callable(known):
            return X
        if not any(isinstance(name, str) and name == _ID for name in known):
            return X
    frame = enter(X, argument="X")
    names = column_names(frame)
    if _ID not in names:
        return X
    return leave(select_columns(frame, [name for name in names if name != _ID]))


def _own_order(table: FeatureTable) -> Ints:
    """Return an order of rows that depends on their values alone."""
    keys: list[Any] = list(table.numbers.values())
    for codes, levels in table.texts.values():
        rank = np.empty(len(levels) + 1, dtype=np.intp)
        texts = [str(level) for level in levels.tolist()]
        rank[np.argsort(np.array(texts, dtype=object), kind="stable")] = np.arange(len(levels))
        rank[-1] = len(levels)  # missing
        keys.append(rank[codes])
    return np.lexsort(keys)
