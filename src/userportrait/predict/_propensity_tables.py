"""The tables of a fitted logistic regression: coefficients, tests, what moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.params import OneOf, check_values
from userportrait._core.threads import one_blas_thread
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.predict._classes import read_outcome, read_weights
from userportrait.predict._design import Design
from userportrait.predict._diagnostics import (
    fit_measures,
    inflation_frame,
    influence_frame,
    plain_facts,
    ratio_tests,
)
from userportrait.predict._log_odds import LogOddsClassifier
from userportrait.predict._profile import profile_limits
from userportrait.predict._summary import factor_frame, summary_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from userportrait.predict._coding import Coding
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["RegressionTables"]


class RegressionTables(LogOddsClassifier):
    """What can be read from a logistic regression once it is fitted."""

    coef_: Floats
    intercept_: Floats
    covariance_: Floats
    is_penalised_: bool
    null_log_likelihood_: float
    n_rows_: float
    penalty: Literal["firth", "l2", "l1", "elasticnet"] | None
    unseen: Literal["error", "reference"]
    confidence_level: float
    max_iter: int
    positive: Any

    _coding: Coding
    _columns: Ints
    _term_columns: dict[str, Ints]
    _fit: Fit
    _facts: tuple[float, float]

    def summary(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        intervals: Literal["wald", "profile"] = "wald",
    ) -> pd.DataFrame:
        """Return the coefficients with their tests.

        Parameters
        ----------
        X, y, sample_weight : optional
            The rows given to `fit`; needed for ``'profile'``.
        intervals : {'wald', 'profile'}, default='wald'
            ``'wald'`` takes the coefficient for normal. ``'profile'`` holds the values that
            the likelihood does not refuse (penalised for Firth's fits); these intervals are
            not symmetric, and keep their level in small samples and near separation, at the
            price of some fits for each coefficient. [1]_

        Returns
        -------
        DataFrame
            One row a coefficient, the intercept first: ``term``, ``level`` (None for numbers),
            ``coef``, ``std_error``, ``wald_chi2`` (one degree of freedom), ``p_value``,
            ``odds_ratio``, and ``ci_low`` and ``ci_high`` of the odds ratio. A penalty of
            scikit-learn leaves NaN where it gives no standard error.

        Raises
        ------
        InvalidParameterError
            If `intervals` is not known, or rows are missing for ``'profile'``.
        InvalidDataError
            If the rows are not those of `fit`.

        References
        ----------
        .. [1] Venzon and Moolgavkar (1988), "A method for computing profile-likelihood-based
           confidence intervals", Applied Statistics 37(1); Heinze and Schemper (2002),
           Statistics in Medicine 21.

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> X, y = [[1], [2], [3], [4], [5], [6], [7], [8]], [0, 0, 1, 0, 1, 0, 1, 1]
        >>> model = Propensity().fit(X, y)
        >>> columns = ["odds_ratio", "ci_low", "ci_high"]
        >>> model.summary()[columns].round(2).iloc[1].tolist()
        [1.81, 0.78, 4.23]
        >>> model.summary(X, y, intervals="profile")[columns].round(2).iloc[1].tolist()
        [1.81, 0.9, 5.82]
        """
        self._check_fitted("coef_")
        rule = {"intervals": OneOf(("wald", "profile"))}
        check_values("Propensity.summary", {"intervals": intervals}, rule)
        columns: list[int] = self._columns.tolist()
        labels = [self._coding.labels[at] for at in columns]
        beta = np.concatenate([self.intercept_, self.coef_[0]])
        found = summary_frame(labels, beta, self.covariance_, self.confidence_level)
        if intervals == "wald":
            return found
        if X is None or y is None:
            problem = "intervals='profile' needs X and y, the rows that fit was given."
            raise InvalidParameterError("Propensity.summary", [problem])
        rows = self._rows_of_fit(X, y, sample_weight, "summary")
        if self.penalty in ("l1", "l2", "elasticnet"):
            return found
        natural = self._coding.to_natural(self._columns)
        limits = profile_limits(*rows, self._fit, natural, self.confidence_level)
        with np.errstate(over="ignore"):
            return found.assign(ci_low=np.exp(limits[:, 0]), ci_high=np.exp(limits[:, 1]))

    @one_blas_thread()
    def factor_tests(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> pd.DataFrame:
        """Return a test of each column as a whole.

        Parameters
        ----------
        X, y, sample_weight : optional
            The rows given to `fit`; with them, likelihood ratios are computed too.

        Returns
        -------
        DataFrame
            One row a column of the model: ``term``, ``df``, ``wald_chi2`` and ``p_value`` of
            Wald's test that all its coefficients are 0, and, with rows, ``lr_chi2`` and
            ``lr_p_value``: the model is fitted without the column. Likelihood ratios are NaN
            for penalised models. The reference level does not matter.

        Raises
        ------
        InvalidDataError
            If the rows are not those of `fit`.
        """
        self._check_fitted("coef_")
        found = factor_frame(self._fit, self._term_columns)
        if X is None:
            return found
        design, outcome, weights = self._rows_of_fit(X, y, sample_weight, "factor_tests")
        if self.penalty is not None or self.is_penalised_:
            return found.assign(lr_chi2=np.nan, lr_p_value=np.nan)
        ratios = ratio_tests(
            design, outcome, weights, self._term_columns, self._fit, max_iter=self.max_iter
        )
        return found.assign(lr_chi2=ratios["lr_chi2"], lr_p_value=ratios["lr_p_value"])

    def fit_statistics(self) -> pd.Series:
        """Return the test of the model and its pseudo-R².

        Returns
        -------
        Series
            ``lr_chi2``, ``df`` and ``p_value`` of the likelihood ratio against the intercept
            alone (NaN for penalised models), and the coefficients of determination
            ``mcfadden``, ``mcfadden_adjusted`` (every coefficient costs 1), ``cox_snell``,
            ``nagelkerke`` and ``tjur``, all from the likelihood without a penalty.
        """
        self._check_fitted("coef_")
        return fit_measures(
            self._facts, self.null_log_likelihood_, self.n_rows_, len(self._columns),
            is_likelihood=self.penalty is None and not self.is_penalised_,
        )  # fmt: skip

    def variance_inflation(self) -> pd.DataFrame:
        """Return how much each column's coefficients lose to the other columns.

        Returns
        -------
        DataFrame
            One row a column of the model: ``term``, ``df``, ``gvif`` (Fox and Monette's
            generalised inflation of variance, 1 or more) and ``gvif_scaled``, its root of
            order ``2 * df``, the inflation of a standard error. The reference level does not
            matter. NaN for scikit-learn's penalties.
        """
        self._check_fitted("coef_")
        return inflation_frame(self._fit, self._term_columns)

    @one_blas_thread()
    def influence(self, X: Any, y: Any, *, dfbetas: bool = False) -> pd.DataFrame:
        """Return what each row does to the model.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            The rows given to `fit`; each is looked at as one copy, whatever its weight was.
        y : array-like of shape (n_rows,)
        dfbetas : bool, default=False
            Whether to add how far each coefficient would move, too.

        Returns
        -------
        DataFrame
            One row a row of `X`: ``leverage``, ``pearson_residual``, ``deviance_residual`` and
            ``cooks_distance`` (to first order, without a new fit). With `dfbetas`, a column
            ``dfbetas_<term>`` or ``dfbetas_<term>=<level>`` for each coefficient: by how many
            standard errors it is higher with the row than without it, to first order. All but
            the residuals are NaN for scikit-learn's penalties.

        References
        ----------
        .. [1] Pregibon (1981), "Logistic regression diagnostics", Annals of Statistics 9(4).

        Examples
        --------
        >>> from userportrait.predict import Propensity
        >>> X, y = [[1], [2], [3], [4], [5], [6], [7], [8]], [0, 0, 1, 0, 1, 0, 1, 1]
        >>> found = Propensity().fit(X, y).influence(X, y, dfbetas=True)
        >>> found["dfbetas_x0"].round(2).tolist()
        [0.24, 0.28, -0.6, 0.11, 0.11, -0.6, 0.28, 0.24]
        """
        design, outcome, _ = self._read_rows(X, y, None)
        natural = self._coding.to_natural(self._columns) if dfbetas else None
        return influence_frame(design, outcome, self._fit, natural)

    def _rows_of_fit(
        self, X: Any, y: Any, sample_weight: Any, method: str
    ) -> tuple[Design, Floats, Floats | None]:
        """Return the rows; raise if they are others than in `fit`."""
        design, outcome, weights = self._read_rows(X, y, sample_weight)
        facts = plain_facts(design, outcome, weights, self._fit.beta)
        if not np.allclose(facts, self._facts, rtol=1e-9, atol=1e-12):
            raise InvalidDataError(f"Propensity: {method} needs the rows that fit was given.")
        return design, outcome, weights

    def _read_rows(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Design, Floats, Floats | None]:
        table = self._read_features(X, fitting=False)
        classes, outcome = read_outcome(y, table.n_rows, owner="Propensity", positive=self.positive)
        if classes.tolist() != self.classes_.tolist():
            raise InvalidDataError("Propensity: y has other classes than fit was given.")
        weights, kept = read_weights(sample_weight, table.n_rows, owner="Propensity")
        if kept is not None:
            table, outcome = table.take(kept), outcome[kept]
        coded = self._coding.code(table, owner="Propensity", unseen=self.unseen)
        return Design(self._coding, coded), outcome, weights
