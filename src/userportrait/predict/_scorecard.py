"""A scorecard: points that a person can add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.params import Between, InstanceOf, check_params
from userportrait.errors import InvalidDataError
from userportrait.predict._binning import BINNING_RULES
from userportrait.predict._classes import read_outcome
from userportrait.predict._log_odds import LogOddsClassifier
from userportrait.predict._propensity import Propensity
from userportrait.predict._woe import iv_frame, learn_bins, place_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait._core.params import Rule
    from userportrait.predict._binning import Bins

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Scorecard"]

_FORMS = ("feature", "bin", "n_rows", "rate", "woe", "points")


class Scorecard(LogOddsClassifier):
    """Give points for what is known of a customer; more points, more likely the outcome.

    Columns are cut as by `WeightOfEvidence`, a logistic regression weighs them, and its
    logarithm of the odds is told on a scale of points, bin by bin.

    Parameters
    ----------
    points_to_double : float, default=20.0
        Points that double the odds of the outcome; above 0, up to 10000.
    base_points : float, default=600.0
        Points of a customer whose odds are `base_odds`; within a million of 0.
    base_odds : float, default=1.0
        Chance of the outcome over the chance of none; 1e-6 to 1e6.
    rounded : bool, default=True
        Whether the points of each bin are whole. The sum is then off by up to half a point
        for each feature, and half a point for the intercept.
    min_iv : float, default=0.02
        Columns of a smaller information value are left out; 0 to 10.
    max_bins : int, default=6
    min_share : float, default=0.05
    monotone : {'auto', 'increasing', 'decreasing', 'none'}, default='auto'
    n_pre_bins : int, default=50
    smoothing : float, default=1.0
        As in `OptimalBinning`, for all columns.

    Attributes
    ----------
    points_ : DataFrame
        One row a bin: ``feature``, ``bin``, ``n_rows``, ``rate``, ``woe`` and ``points``. The
        first row is the intercept, which everybody has.
    iv_ : DataFrame
        As in `WeightOfEvidence`, of all columns.
    features_ : tuple of str
        Columns in the card.
    reversed_ : tuple of str
        Columns whose coefficient is below 0: given the others, they speak against what their
        own bins say. Columns that overlap do this; leave one of them out.
    model_ : Propensity
        The regression on the weights of evidence.
    classes_ : ndarray of shape (2,)
        The outcomes in order; the second one is the outcome.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    Warns
    -----
    SeparationWarning, LeakageWarning
        As in `Propensity`, on the weights of evidence.

    See Also
    --------
    userportrait.predict.Propensity : The same without bins.
    userportrait.predict.population_stability : Whether the points have moved since.

    Notes
    -----
    A customer of odds o has ``base_points + points_to_double * log2(o / base_odds)`` points.
    [1]_ Chances come from the regression, not from the rounded points. To have many points
    mean safety, make the safe outcome the larger value of `y`.

    References
    ----------
    .. [1] Siddiqi (2006), "Credit risk scorecards", Wiley, chapter 6.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import Scorecard
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> card = Scorecard().fit(X, y)
    >>> card.points_[["feature", "bin", "points"]]
         feature    bin  points
    0  intercept    all   600.0
    1       plan  basic   -20.0
    2       plan   gold    20.0
    >>> card.points(X.head(2)).tolist()
    [580.0, 620.0]
    """

    points_: pd.DataFrame
    iv_: pd.DataFrame
    features_: tuple[str, ...]
    reversed_: tuple[str, ...]
    model_: Propensity
    classes_: NDArray[Any]

    _kind: ClassVar = "classifier"
    _allow_missing: ClassVar[bool] = True
    _is_binary: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        "points_to_double": Between(0.0, 10_000.0, open_low=True),
        "base_points": Between(-1e6, 1e6),
        "base_odds": Between(1e-6, 1e6),
        "rounded": InstanceOf((bool,), "True or False"),
        "min_iv": Between(0.0, 10.0),
        **BINNING_RULES,
    }

    def __init__(
        self,
        *,
        points_to_double: float = 20.0,
        base_points: float = 600.0,
        base_odds: float = 1.0,
        rounded: bool = True,
        min_iv: float = 0.02,
        max_bins: int = 6,
        min_share: float = 0.05,
        monotone: Literal["auto", "increasing", "decreasing", "none"] = "auto",
        n_pre_bins: int = 50,
        smoothing: float = 1.0,
    ) -> None:
        self.points_to_double = points_to_double
        self.base_points = base_points
        self.base_odds = base_odds
        self.rounded = rounded
        self.min_iv = min_iv
        self.max_bins = max_bins
        self.min_share = min_share
        self.monotone: Literal["auto", "increasing", "decreasing", "none"] = monotone
        self.n_pre_bins = n_pre_bins
        self.smoothing = smoothing

    def fit(self, X: Any, y: Any) -> Self:
        """Learn bins, weights and points.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Numbers, and in a frame texts; NaN and None are missing, and a bin of their own.
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
            If a number is infinite, lengths differ, `y` has missing values or not two
            classes, or no column reaches `min_iv`.
        """
        check_params(self, self._rules)
        table = self._read_features(X, fitting=True)
        self.classes_, outcome = read_outcome(y, table.n_rows, owner="Scorecard")
        bins = learn_bins(table, outcome, self)
        self.iv_ = iv_frame(bins)
        useful = set(self.iv_.loc[self.iv_["iv"] >= self.min_iv, "feature"])
        self._bins: dict[str, Bins] = {name: bins[name] for name in bins if name in useful}
        self.features_ = tuple(self._bins)
        if not self._bins:
            best = float(self.iv_["iv"].max())
            message = (
                f"Scorecard: no column reaches an information value of {self.min_iv:g}; the "
                f"best has {best:.2g}. Give other columns, or lower min_iv."
            )
            raise InvalidDataError(message)
        self.model_ = Propensity().fit(self._weights(table), outcome)
        self._set_points(table.n_rows, float(outcome.mean()))
        return self

    def points(self, X: Any) -> Floats:
        """Return the points of each row: those of its bins and of the intercept.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            What `fit` did not see, missing values or new levels, has 0 points, unless the
            column has a bin of missing values or one of rare levels.

        Returns
        -------
        ndarray of shape (n_rows,)
            Whole numbers, unless `rounded` is False.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        by_feature = self.points_by_feature(X).to_numpy()
        found: Floats = by_feature.sum(axis=1) + self._intercept_points
        return found

    def points_by_feature(self, X: Any) -> pd.DataFrame:
        """Return what each feature adds to the points, without the intercept.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        DataFrame
            One row a customer, in the order of `X`; one column a feature of the card.
        """
        table = self._read_features(X, fitting=False)
        placed = place_rows(table, self._bins, "Scorecard")
        own = zip(self.features_, placed, strict=True)
        return pd.DataFrame({name: self._bin_points[name][rows] for name, rows in own})

    def decision_function(self, X: Any) -> Floats:
        """Return the logarithm of the odds of the second class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        table = self._read_features(X, fitting=False)
        return self.model_.decision_function(self._weights(table))

    def _weights(self, table: FeatureTable) -> pd.DataFrame:
        placed = place_rows(table, self._bins, "Scorecard")
        own = zip(self._bins.items(), placed, strict=True)
        return pd.DataFrame({name: bins.woe[rows] for (name, bins), rows in own})

    def _set_points(self, n_rows: int, rate: float) -> None:
        per_log_odds = self.points_to_double / float(np.log(2.0))
        start = self.base_points - per_log_odds * float(np.log(self.base_odds))
        coefs = _coefficients(self.model_)
        self.reversed_ = tuple(name for name in self.features_ if coefs.get(name, 0.0) < 0)
        intercept = start + per_log_odds * float(self.model_.intercept_[0])
        self._intercept_points: float = float(self._shown(np.array([intercept]))[0])
        self._bin_points: dict[str, Floats] = {}
        first = pd.DataFrame(
            [("intercept", "all", n_rows, rate, 0.0, self._intercept_points)], columns=list(_FORMS)
        )
        parts = [first]
        for name, bins in self._bins.items():
            factor = per_log_odds * coefs.get(name, 0.0)
            self._bin_points[name] = self._shown(factor * bins.woe)
            points = self._shown(factor * bins.table["woe"].to_numpy())
            parts.append(bins.table.assign(feature=name, points=points)[list(_FORMS)])
        self.points_ = pd.concat(parts, ignore_index=True)

    def _shown(self, points: Floats) -> Floats:
        # Adding 0.0 makes -0.0 a plain 0.
        return np.rint(points) + 0.0 if self.rounded else points


def _coefficients(model: Propensity) -> dict[str, float]:
    """Return the coefficients by column; those left out as sums of others are not in it."""
    summary = model.summary()
    return dict(zip(summary["term"].tolist(), summary["coef"].tolist(), strict=True))
