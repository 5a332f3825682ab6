"""Principal components: as much variance as possible in few columns, told feature by feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.matrix import MatrixEstimator
from userportrait._core.params import Between, OneOf, check_params
from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.segment._adequacy import numbers_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from userportrait._core.params import Rule

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["PrincipalComponents"]


class _CountOrShare:
    """A whole number from 1 on, or a share of the variance."""

    def problem(self, name: str, value: object) -> str | None:
        """Return one sentence about a bad value, None for a good one."""
        whole = Between(1, 10_000, integer=True)
        share = Between(0.0, 1.0, open_low=True, open_high=True)
        if whole.problem(name, value) is None or share.problem(name, value) is None:
            return None
        return f"{name} must be an integer from 1 on or a share in (0, 1); got {value!r}."


class PrincipalComponents(MatrixEstimator):
    """Put as much of the variance of features as possible into a few components.

    scikit-learn's `PCA` does the sums. This adds scales, tables and signs that do not depend
    on the machine.

    Parameters
    ----------
    n_components : int or float, default=0.8
        How many, or the share of the variance that they hold at least, in (0, 1).
    scale : {'standard', 'none'}, default='standard'
        ``'standard'`` divides features by their standard deviation, so that units do not
        matter; ``'none'`` only centres them.

    Attributes
    ----------
    loadings_ : DataFrame of shape (n_features, n_components)
        Features by ``component_1`` …: the correlation of feature and component if the scale is
        ``'standard'``, else their covariance in units of the component's deviation. The
        largest loading of a component is positive.
    variance_ : DataFrame
        One row for each component that could be kept, the largest first: ``component``,
        ``variance``, ``share``, ``cumulative_share``, ``is_kept``.
    n_components_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    See Also
    --------
    userportrait.segment.FactorAnalysis : Explains correlations instead of variance.

    Notes
    -----
    A component whose two largest loadings are of equal size takes the sign of the first
    feature. Signs are settled for loadings equal to within 1e-9.

    References
    ----------
    .. [1] Jolliffe (2002), Principal Component Analysis, 2nd edition.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.segment import PrincipalComponents
    >>> customers = pd.DataFrame({"orders": [1, 2, 3, 4], "spend": [10, 30, 20, 40]})
    >>> components = PrincipalComponents(1).fit(customers)
    >>> components.loadings_.round(3)
             component_1
    feature
    orders         0.949
    spend          0.949
    >>> components.variance_["share"].round(2).tolist()
    [0.9, 0.1]
    """

    loadings_: pd.DataFrame
    variance_: pd.DataFrame
    n_components_: int

    _kind: ClassVar = "transformer"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "n_components": _CountOrShare(),
        "scale": OneOf(("standard", "none")),
    }

    def __init__(
        self, n_components: float = 0.8, *, scale: Literal["standard", "none"] = "standard"
    ) -> None:
        self.n_components = n_components
        self.scale = scale

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn components.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Numbers, none missing; at least two rows.
        y : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range, all of them at once; or if there are more
            components than rows or features.
        InvalidDataError
            If there are fewer than two rows, or every feature has one value only. A single
            one of those has loadings of 0.
        ColumnTypeError
            If a column does not hold numbers.
        """
        check_params(self, self._rules)
        owner = type(self).__name__
        values, names = numbers_of(self._read_features(X, fitting=True), owner)
        if len(values) < 2:
            message = f"{owner} needs two rows or more; got n_samples={len(values)}."
            raise InvalidDataError(message)
        is_constant = values.min(axis=0) == values.max(axis=0)
        if is_constant.all():
            message = f"{owner}: every column of X holds one value only. Give others."
            raise InvalidDataError(message)
        means: Floats = values.mean(axis=0)
        means[is_constant] = values[0, is_constant]
        self._means = means
        units: Floats = np.where(is_constant, 1.0, np.abs(values).max(axis=0))
        spread = (values / units).std(axis=0, ddof=1) * units  # squares do not overflow
        deviations = np.where(is_constant, 1.0, spread)
        self._deviations = deviations if self.scale == "standard" else np.ones(len(names))
        self._learn(from_sklearn("decomposition.PCA")(svd_solver="full"), values, names)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the components of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows, n_components)
            Around 0 over the rows of `fit`, with the variances of `variance_`.
        """
        table = self._read_features(X, fitting=False)
        values, _ = numbers_of(table, type(self).__name__)
        found: Floats = (values - self._means) / self._deviations @ self._axes.T
        return found

    def fit_transform(self, X: Any, y: object = None) -> Floats:
        """Learn components and return those of the same rows."""
        return self.fit(X, y).transform(X)

    def inverse_transform(self, X: Any) -> Floats:
        """Return the features that components stand for.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_components)

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            In the units of the input; what the components left out is missing from it.

        Raises
        ------
        InvalidDataError
            If there are other than `n_components_` columns.
        """
        self._check_fitted("loadings_")
        values = np.asarray(X, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.n_components_:
            message = f"X must have {self.n_components_} columns; its shape is {values.shape}."
            raise InvalidDataError(message)
        found: Floats = values @ self._axes * self._deviations + self._means
        return found

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """Return the names of the components.

        Parameters
        ----------
        input_features : object, optional
            Ignored; pipelines hand it on.

        Returns
        -------
        ndarray of str
        """
        self._check_fitted("loadings_")
        return np.array(_component_names(self.n_components_), dtype=object)

    def plot_loadings(self, *, ax: Axes | None = None) -> Axes:
        """Draw the loadings as shades; see `plot_loadings`."""
        from userportrait.segment._factor_plots import plot_loadings

        self._check_fitted("loadings_")
        return plot_loadings(self.loadings_, ax=ax)

    def _learn(self, pca: Any, values: Floats, names: tuple[str, ...]) -> None:
        fitted = pca.fit((values - self._means) / self._deviations)
        variance: Floats = fitted.explained_variance_
        share = variance / variance.sum()
        cumulative = np.minimum(np.cumsum(share), 1.0)
        k = self.n_components_ = self._count(cumulative)
        self.variance_ = pd.DataFrame(
            {
                "component": _component_names(len(variance)),
                "variance": variance,
                "share": share,
                "cumulative_share": cumulative,
                "is_kept": np.arange(len(variance)) < k,
            }
        )
        self._axes = _with_settled_signs(fitted.components_[:k])
        loadings = self._axes.T * np.sqrt(variance[:k])
        index = pd.Index(names, name="feature")
        self.loadings_ = pd.DataFrame(loadings, index=index, columns=_component_names(k))

    def _count(self, cumulative: Floats) -> int:
        n = self.n_components
        if n < 1:
            # The share asked for counts as reached within rounding.
            return int(np.searchsorted(cumulative, n - 1e-12)) + 1
        if n > len(cumulative):
            problem = f"n_components must be at most {len(cumulative)}, the smaller of rows and "
            problem += f"features; got {n}."
            raise InvalidParameterError(type(self).__name__, [problem])
        return int(n)


def _with_settled_signs(axes: Floats) -> Floats:
    """Make the largest entry of each row positive; the first of equal ones decides."""
    sizes = np.abs(axes)
    at = (sizes >= sizes.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1)
    signs = np.where(axes[np.arange(len(axes)), at] < 0, -1.0, 1.0)
    found: Floats = axes * signs[:, None]
    return found


def _component_names(n: int) -> list[str]:
    return [f"component_{at}" for at in range(1, n + 1)]
