"""Features as weights of evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import check_params
from userportrait._core.scikit import from_sklearn
from userportrait.predict._binning import BINNING_RULES, find_bins
from userportrait.predict._classes import read_outcome
from userportrait.predict._one_column import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule
    from userportrait.predict._binning import Bins

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["WeightOfEvidence", "iv_frame", "learn_bins", "place_rows"]


class WeightOfEvidence(MatrixEstimator):
    """Replace each feature by what its bins say about an outcome.

    Each column is cut as `OptimalBinning` cuts it. What comes out has one scale, is linear in
    the logarithm of the odds, and has no missing values, so a logistic regression can use it.

    Parameters
    ----------
    max_bins : int, default=6
    min_share : float, default=0.05
    monotone : {'auto', 'increasing', 'decreasing', 'none'}, default='auto'
    n_pre_bins : int, default=50
    smoothing : float, default=1.0
        As in `OptimalBinning`, for all columns.

    Attributes
    ----------
    iv_ : DataFrame
        One row a column of the input, the greatest information value first: ``feature``,
        ``iv``, ``n_bins`` and ``direction``.
    table_ : DataFrame
        The bins of all columns: ``feature``, then as in `OptimalBinning`.
    classes_ : ndarray of shape (2,)
        The outcomes in order; the second one is the outcome.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.predict.OptimalBinning : One feature.
    userportrait.predict.Scorecard : Points from these weights.

    Notes
    -----
    The weights use the outcome of the rows they are learned from, so these rows look easier
    than new ones: judge a model with the transformer inside its cross-validation.

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import WeightOfEvidence
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> weights = WeightOfEvidence(max_bins=2).fit(X, y)
    >>> weights.iv_.round(2)
      feature    iv  n_bins direction
    0    plan  0.45       2      none
    1  visits  0.00       1      none
    >>> weights.transform(X.head(2)).round(2)[:, 0].tolist()
    [-0.68, 0.68]
    """

    iv_: pd.DataFrame
    table_: pd.DataFrame
    classes_: NDArray[Any]

    _kind: ClassVar = "transformer"
    _allow_missing: ClassVar[bool] = True
    _is_binary: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = BINNING_RULES

    def __init__(
        self,
        *,
        max_bins: int = 6,
        min_share: float = 0.05,
        monotone: Literal["auto", "increasing", "decreasing", "none"] = "auto",
        n_pre_bins: int = 50,
        smoothing: float = 1.0,
    ) -> None:
        self.max_bins = max_bins
        self.min_share = min_share
        self.monotone: Literal["auto", "increasing", "decreasing", "none"] = monotone
        self.n_pre_bins = n_pre_bins
        self.smoothing = smoothing

    def fit(self, X: Any, y: Any) -> Self:
        """Find the bins of all columns.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Numbers, and in a frame texts; NaN and None are missing.
        y : array-like of shape (n_rows,)
            Two different values; the larger one is the outcome.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range; all of them at once.
        InvalidDataError
            If a number is infinite, lengths differ, or `y` has missing values or not two
            classes.
        """
        check_params(self, self._rules)
        table = self._read_features(X, fitting=True)
        self.classes_, outcome = read_outcome(y, table.n_rows, owner="WeightOfEvidence")
        self._bins: dict[str, Bins] = learn_bins(table, outcome, self)
        self.iv_ = iv_frame(self._bins)
        self.table_ = pd.concat(
            [bins.table.assign(feature=name) for name, bins in self._bins.items()],
            ignore_index=True,
        )[["feature", "bin", "n_rows", "share", "n_outcomes", "rate", "woe", "iv"]]
        return self

    def transform(self, X: Any) -> Floats:
        """Return the weights of evidence.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            What `fit` did not see, missing values or new levels, has a weight of 0, unless
            the column has a bin of missing values or one of rare levels.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            Above 0 where the outcome is more likely than overall.
        """
        table = self._read_features(X, fitting=False)
        found = np.empty((table.n_rows, len(self._bins)))
        for at, rows in enumerate(place_rows(table, self._bins, "WeightOfEvidence")):
            found[:, at] = self._bins[table.names[at]].woe[rows]
        return found

    def fit_transform(self, X: Any, y: Any) -> Floats:
        """Find the bins and return the weights of evidence."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the names of the columns, which are those of the input.

        Parameters
        ----------
        input_features : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        ndarray of str
        """
        self._check_fitted("n_features_in_")
        return np.array(list(self._bins), dtype=object)

    def _more_tags(self) -> dict[str, Any]:
        return {**super()._more_tags(), "requires_y": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        # A transformer has no tag of its own for an outcome of two classes.
        tags.classifier_tags = from_sklearn("utils.ClassifierTags")(multi_class=False)
        return tags


def learn_bins(table: FeatureTable, outcome: Floats, how: Any) -> dict[str, Bins]:
    """Return the bins of all columns, in their order."""
    return {name: find_bins(Column.of_table(table, name), outcome, how) for name in table.names}


def place_rows(table: FeatureTable, bins: Mapping[str, Bins], owner: str) -> list[Ints]:
    """Return, for each column that has bins, which weight each row has."""
    return [own.place(Column.of_table(table, name), owner) for name, own in bins.items()]


def iv_frame(bins: Mapping[str, Bins]) -> pd.DataFrame:
    """Return the information value of columns, the greatest first, ties in their order."""
    frame = pd.DataFrame(
        {
            "feature": list(bins),
            "iv": [float(own.table["iv"].sum()) for own in bins.values()],
            "n_bins": [len(own.table) for own in bins.values()],
            "direction": [own.direction for own in bins.values()],
        }
    )
    return frame.sort_values("iv", ascending=False, kind="stable", ignore_index=True)
