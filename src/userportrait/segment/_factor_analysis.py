"""Factor analysis: the few things behind many correlated features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import Between, OneOf, Optional, check_params
from userportrait.errors import InvalidParameterError
from userportrait.segment._adequacy import (
    ChiSquareTest,
    SamplingAdequacy,
    adequacy_of,
    correlation_matrix,
    numbers_of,
    standing_out,
)
from userportrait.segment._factor_rotations import oblimin, promax, varimax
from userportrait.segment._factor_search import (
    LEAST_UNIQUENESS,
    fit_likelihood,
    fit_principal_axis,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["FactorAnalysis"]


class _CountOrParallel:
    """A whole number from 1 on, or the name of the rule that finds one."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        if isinstance(value, str):
            return OneOf(("parallel",)).problem(name, value)
        return Between(1, 10_000, integer=True).problem(name, value)


class FactorAnalysis(MatrixEstimator):
    """Find a few factors that explain why features are correlated.

    Parameters
    ----------
    n_factors : int or 'parallel', default='parallel'
        ``'parallel'`` takes as many as stand out of chance (see `count_factors`), at least 1.
    method : {'ml', 'principal_axis'}, default='ml'
        Maximum likelihood [1]_, which comes with a test of fit, or principal axes, which
        assume no distribution.
    rotation : {'varimax', 'promax', 'oblimin'} or None, default='varimax'
        ``'varimax'`` keeps factors uncorrelated [2]_; ``'promax'`` [3]_ and ``'oblimin'`` let
        them correlate. The latter is direct oblimin with delta 0, or direct quartimin [4]_,
        the best of ten starts. All turn rows of length 1 (Kaiser's normalization).
    n_simulations : int, default=200
        Of the parallel analysis; 20 to 100,000.
    max_iter : int, default=1000
        1 or more; loadings are unsettled where `n_iter_` comes up to it.
    tol : float, default=1e-6
        Principal axes stop when no communality moves by more, maximum likelihood when no
        slope is larger.
    random_state : int or None, default=0
        Of the parallel analysis.

    Attributes
    ----------
    loadings_ : DataFrame of shape (n_features, n_factors)
        Features by ``factor_1`` …, those that explain most first; the largest loading of a
        factor is positive. After promax and oblimin, what a factor adds to a feature while the
        others are held.
    communalities_ : Series of shape (n_features,)
        Share of a feature's variance that the factors explain.
    variance_ : DataFrame
        One row a factor: ``factor``, ``variance`` in features, ``share`` of all variance,
        ``cumulative_share``.
    factor_correlations_ : DataFrame of shape (n_factors, n_factors)
        1 on the diagonal; 0 elsewhere unless the rotation is promax or oblimin.
    parallel_ : DataFrame
        As `count_factors` returns it.
    n_factors_ : int
    adequacy_ : SamplingAdequacy
        KMO and Bartlett's test.
    fit_test_ : ChiSquareTest or None
        Of the hypothesis that so many factors are enough; a small p-value asks for more. None
        for principal axes and where no degrees of freedom are left.
    boundary_ : tuple of str
        Features whose communality came up to its limit of 0.995: a Heywood case, often a sign
        of too many factors.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.PrincipalComponents : Keeps as much variance as possible instead.

    Notes
    -----
    Works on Pearson's correlations. Factors are told apart only if
    (p - k)² is at least p + k for p features and k factors, so three features hold one factor
    at most; two features hold one too, with equal loadings, since nothing says otherwise.

    References
    ----------
    .. [1] Jöreskog (1967), "Some contributions to maximum likelihood factor analysis",
       Psychometrika 32(4).
    .. [2] Kaiser (1958), "The varimax criterion for analytic rotation in factor analysis",
       Psychometrika 23(3).
    .. [3] Hendrickson and White (1964), "Promax: a quick method for rotation to oblique simple
       structure", British Journal of Statistical Psychology 17(1).
    .. [4] Jennrich and Sampson (1966), "Rotation for simple loadings", Psychometrika 31(3).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.segment import FactorAnalysis
    >>> source = np.random.default_rng(0)
    >>> price, taste = source.normal(size=(2, 500))
    >>> customers = pd.DataFrame(
    ...     {name: (price if at < 3 else taste) + source.normal(size=500)
    ...      for at, name in enumerate(["coupons", "sales", "bundles", "brands", "new", "rare"])}
    ... )
    >>> factors = FactorAnalysis().fit(customers)
    >>> factors.n_factors_
    2
    >>> factors.transform(customers).shape
    (500, 2)
    """

    loadings_: pd.DataFrame
    communalities_: pd.Series[float]
    variance_: pd.DataFrame
    factor_correlations_: pd.DataFrame
    parallel_: pd.DataFrame
    n_factors_: int
    adequacy_: SamplingAdequacy
    fit_test_: ChiSquareTest | None
    boundary_: tuple[str, ...]
    n_iter_: int

    _kind: ClassVar = "transformer"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_factors": _CountOrParallel(),
        "method": OneOf(("ml", "principal_axis")),
        "rotation": Optional(OneOf(("varimax", "promax", "oblimin"))),
        "n_simulations": Between(20, 100_000, integer=True),
        "max_iter": Between(1, 10**9, integer=True),
        "tol": Between(0.0, 1.0, open_low=True),
        "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
    }

    def __init__(
        self,
        n_factors: int | Literal["parallel"] = "parallel",
        *,
        method: Literal["ml", "principal_axis"] = "ml",
        rotation: Literal["varimax", "promax", "oblimin"] | None = "varimax",
        n_simulations: int = 200,
        max_iter: int = 1000,
        tol: float = 1e-6,
        random_state: int | None = 0,
    ) -> None:
        self.n_factors = n_factors
        self.method = method
        self.rotation = rotation
        self.n_simulations = n_simulations
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn loadings.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Numbers, none missing; more rows than features.
        y : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range, all of them at once; or if there are more factors
            than the features can tell apart.
        InvalidDataError
            If a feature has one value only or depends linearly on others, or there are too few
            rows or features.
        ColumnTypeError
            If a column does not hold numbers.
        """
        check_params(self, self._rules)
        owner = type(self).__name__
        values, names = numbers_of(self._read_features(X, fitting=True), owner)
        correlations = correlation_matrix(values, names, owner)
        n_rows = len(values)
        self.adequacy_ = adequacy_of(correlations, names, n_rows)
        self.parallel_ = standing_out(
            correlations, n_rows, self.n_simulations, 0.95, self.random_state
        )
        self.n_factors_ = self._count(len(names))
        plain = self._extract(correlations, n_rows)
        communalities = (plain**2).sum(axis=1)
        self._tell(*self._rotated(plain), communalities, names)
        self._learn_scores(values, correlations)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the factors of rows, estimated by regression.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows, n_factors)
            Around 0 over the rows of `fit`; its variance is below 1, by what is uncertain.
        """
        table = self._read_features(X, fitting=False)
        values, _ = numbers_of(table, type(self).__name__)
        found: Floats = (values - self._means) / self._deviations @ self._weights
        return found

    def fit_transform(self, X: Any, y: object = None) -> Floats:
        """Learn loadings and return the factors of the same rows."""
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the names of the factors.

        Parameters
        ----------
        input_features : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        ndarray of str
        """
        self._check_fitted("loadings_")
        return np.array(_factor_names(self.n_factors_), dtype=object)

    def plot_loadings(self, *, ax: Axes | None = None) -> Axes:
        """Draw the loadings as shades; see `plot_loadings`."""
        from userportrait.segment._factor_plots import plot_loadings

        self._check_fitted("loadings_")
        return plot_loadings(self.loadings_, ax=ax)

    def plot_scree(self, *, ax: Axes | None = None) -> Axes:
        """Draw eigenvalues beside those of chance; see `plot_scree`."""
        from userportrait.segment._factor_plots import plot_scree

        self._check_fitted("parallel_")
        return plot_scree(self.parallel_, ax=ax)

    def _count(self, p: int) -> int:
        most = max((k for k in range(1, p) if (p - k) ** 2 >= p + k), default=1)
        if isinstance(self.n_factors, str):
            return min(max(int(self.parallel_["is_kept"].sum()), 1), most)
        if self.n_factors > most:
            problem = f"n_factors must be at most {most} for {p} features; got {self.n_factors}."
            raise InvalidParameterError(type(self).__name__, [problem])
        return int(self.n_factors)

    def _extract(self, correlations: Floats, n_rows: int) -> Floats:
        p, k = len(correlations), self.n_factors_
        self.fit_test_ = None
        if self.method == "principal_axis":
            loadings, self.n_iter_ = fit_principal_axis(correlations, k, self.max_iter, self.tol)
            return loadings
        loadings, least, self.n_iter_ = fit_likelihood(correlations, k, self.max_iter, self.tol)
        n_degrees = ((p - k) ** 2 - p - k) // 2
        # Bartlett's factor makes the statistic follow its distribution in smaller samples.
        statistic = max((n_rows - 1 - (2 * p + 5) / 6 - 2 * k / 3) * least, 0.0)
        if n_degrees > 0:
            self.fit_test_ = ChiSquareTest(
                statistic=statistic,
                n_degrees=n_degrees,
                p_value=float(special.chdtrc(n_degrees, statistic)),
            )
        return loadings

    def _rotated(self, loadings: Floats) -> tuple[Floats, Floats]:
        """Return loadings and factor correlations, the largest factor first, signs settled."""
        between = np.eye(self.n_factors_)
        if self.rotation == "varimax":
            loadings = varimax(loadings)
        elif self.rotation == "promax":
            loadings, between = promax(loadings)
        elif self.rotation == "oblimin":
            loadings, between = oblimin(loadings)
        variance = np.diag(between @ loadings.T @ loadings)
        order = np.argsort(-variance, kind="stable")
        loadings, between = loadings[:, order], between[np.ix_(order, order)]
        largest = np.abs(loadings).argmax(axis=0)
        signs = np.where(loadings[largest, np.arange(len(order))] < 0, -1.0, 1.0)
        return loadings * signs, between * signs * signs[:, None]

    def _tell(
        self, loadings: Floats, between: Floats, communalities: Floats, names: tuple[str, ...]
    ) -> None:
        factors = _factor_names(self.n_factors_)
        index = pd.Index(names, name="feature")
        self.loadings_ = pd.DataFrame(loadings, index=index, columns=factors)
        self.factor_correlations_ = pd.DataFrame(between, index=factors, columns=factors)
        self.communalities_ = pd.Series(communalities, index=index, name="communality")
        variance = np.diag(between @ loadings.T @ loadings)
        share = variance / len(names)
        self.variance_ = pd.DataFrame(
            {
                "factor": factors,
                "variance": variance,
                "share": share,
                "cumulative_share": np.cumsum(share),
            }
        )
        limit = 1.0 - LEAST_UNIQUENESS - 1e-6
        at_limit = zip(names, communalities, strict=True)
        self.boundary_ = tuple(name for name, value in at_limit if value >= limit)

    def _learn_scores(self, values: Floats, correlations: Floats) -> None:
        self._means = values.mean(axis=0)
        self._deviations = values.std(axis=0, ddof=1)
        structure = self.loadings_.to_numpy() @ self.factor_correlations_.to_numpy()
        self._weights = np.linalg.solve(correlations, structure)


def _factor_names(n_factors: int) -> list[str]:
    return [f"factor_{at}" for at in range(1, n_factors + 1)]
