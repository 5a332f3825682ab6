"""Logistic regression as an analyst reads it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from userportrait._core.params import Between, InstanceOf, OneOf, Optional, check_params
from userportrait._core.threads import one_blas_thread
from userportrait.errors import InvalidDataError, UserPortraitWarning
from userportrait.predict._classes import read_outcome, read_weights
from userportrait.predict._coding import learn_coding
from userportrait.predict._design import Design
from userportrait.predict._diagnostics import plain_facts
from userportrait.predict._firth import fit_firth
from userportrait.predict._leakage import column_areas
from userportrait.predict._newton import (
    fit_logistic,
    independent_columns,
    null_log_likelihood,
)
from userportrait.predict._penalised import fit_penalised
from userportrait.predict._propensity_tables import RegressionTables
from userportrait.predict._separation import (
    find_separating_terms,
    find_separation,
    told_together,
)
from userportrait.predict._stepwise import Stepwise
from userportrait.predict._summary import path_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from userportrait._core.params import Rule
    from userportrait.predict._coding import Coding
    from userportrait.predict._newton import Fit
    from userportrait.predict._separation import Separation

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["ConvergenceWarning", "LeakageWarning", "Propensity", "SeparationWarning"]


class SeparationWarning(UserPortraitWarning):
    """A level or a limit tells the outcome without exception, so the penalised fit was used."""


class ConvergenceWarning(UserPortraitWarning):
    """A fit stopped at `max_iter` before its last step was small."""


class LeakageWarning(UserPortraitWarning):
    """What was learned may have been known only later, such as a column that tells the outcome."""


class Propensity(RegressionTables):
    """Model the chance of an outcome, with the read-out of a regression.

    Logistic regression of a yes-or-no outcome on numbers and factors. A column of texts is a
    factor: one coefficient for each level, against a reference level. Coefficients come with
    standard errors, Wald tests and odds ratios, factors with a test of all their levels
    together, and a stepwise search takes factors whole. [1]_

    Parameters
    ----------
    reference : {'first', 'last', 'most_frequent'} or mapping of str to level, default='first'
        Reference level of factors; levels are in the order of their texts, whole numbers by
        size before all others. A mapping names it for some columns; the others take the
        first.
    stepwise : {'forward', 'backward', 'both'} or None, default=None
        How terms are chosen; None takes all of them. The search goes by greatest
        likelihood, whatever the `penalty`.
    criterion : {'p_value', 'aic', 'bic'}, default='p_value'
        What a step must improve.
    enter, stay : float, default=0.05
        With ``'p_value'``: a term enters below `enter`, by its score test, and is removed
        above `stay`.
    removal : {'wald', 'lr'}, default='wald'
        Test of a term to stay: Wald's or the likelihood ratio.
    penalty : {'firth', 'l2', 'l1', 'elasticnet'} or None, default=None
        None is greatest likelihood. ``'firth'`` takes away its bias, and is finite where
        levels tell the outcome without exception. [2]_ The others are scikit-learn's, on
        scaled numbers and on levels as 0 and 1, so they depend a little on `reference`; they
        have no standard errors.
    C : float, default=1.0
        Inverse strength of ``'l2'``, ``'l1'`` and ``'elasticnet'``.
    l1_ratio : float, default=0.5
        Share of the absolute values in ``'elasticnet'``.
    on_separation : {'firth', 'error'}, default='firth'
        What to do where no finite answer of greatest likelihood exists: fit with Firth's
        penalty and warn, or raise.
    unseen : {'error', 'reference'}, default='error'
        Levels that `fit` did not see: refuse them, or take them for the reference.
    confidence_level : float, default=0.95
    positive : optional
        The value of `y` whose chance is modelled; by default the larger one, which of
        ``'churn'`` and ``'stay'`` is ``'stay'``.
    max_iter : int, default=100
        Steps of a fit of greatest likelihood; penalties may take 1000 in any case.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The second one is what is predicted.
    coef_ : ndarray of shape (1, n_coefficients)
        Without the intercept, in the order of `summary`.
    intercept_ : ndarray of shape (1,)
    covariance_ : ndarray of shape (1 + n_coefficients, 1 + n_coefficients)
        Of intercept and coefficients; NaN for scikit-learn's penalties.
    terms_ : tuple of str
        Columns in the model.
    dropped_ : tuple of str
        Columns of one value only, after rows of weight 0 are left out.
    aliased_ : tuple of (str, level)
        Columns, or levels of them, that are sums of earlier ones, and were left out;
        scikit-learn's penalties leave none out.
    separation_ : tuple of Separation
        What tells the outcome without exception.
    is_penalised_ : bool
        Whether Firth's penalty was used, asked for or not.
    stepwise_path_ : DataFrame
        One row a step: ``step``, ``action``, ``term``, ``df``, ``statistic``, ``p_value``,
        ``log_likelihood``, ``aic``, ``bic``, ``n_terms``; empty without `stepwise`.
    log_likelihood_, null_log_likelihood_ : float
        Of the model, Firth's penalty included where it was used, and of the intercept alone,
        without.
    aic_, bic_ : float
    n_rows_ : float
        Rows, or the sum of their weights.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only after a `fit` with names.

    Warns
    -----
    SeparationWarning
        If Firth's penalty replaced greatest likelihood; it names columns and levels. Also if
        there are more coefficients than rows.
    ConvergenceWarning
        If `max_iter` steps were not enough.
    LeakageWarning
        If one column alone tells the outcome all but perfectly (area under the curve of 0.999).

    See Also
    --------
    userportrait.predict.evaluate_classifier : How well it tells customers apart.

    Notes
    -----
    Newton's method on sums: factors are packed into few codes, and one weighted count over
    the rows for each pair of codes holds all products of their columns. A step that adds a
    term reads the score tests of all others from one such table. With ``'aic'`` and ``'bic'``
    these foretell what a step gains, and the nearest candidates are fitted to decide.

    Whether a finite answer exists is decided by a linear program, not by how large the
    coefficients have grown. [3]_

    p-values after a search are too small, because the search chose them: judge the model by
    rows that it has not seen.

    References
    ----------
    .. [1] Hosmer, Lemeshow and Sturdivant (2013), "Applied Logistic Regression", Wiley.
    .. [2] Firth (1993), "Bias reduction of maximum likelihood estimates", Biometrika 80(1);
       Heinze and Schemper (2002), "A solution to the problem of separation in logistic
       regression", Statistics in Medicine 21.
    .. [3] Albert and Anderson (1984), "On the existence of maximum likelihood estimates in
       logistic regression models", Biometrika 71(1).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import Propensity
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 60, "visits": [1, 2, 3, 4, 5] * 24})
    >>> y = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10
    >>> model = Propensity().fit(X, y)
    >>> model.summary()[["term", "level", "odds_ratio"]].round(2)
            term level  odds_ratio
    0  intercept  None         0.5
    1       plan  gold         4.0
    2     visits  None         1.0
    >>> model.predict_proba(X.head(1)).round(2).tolist()
    [[0.67, 0.33]]
    """

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats
    covariance_: Floats
    terms_: tuple[str, ...]
    dropped_: tuple[str, ...]
    aliased_: tuple[tuple[str, Any], ...]
    separation_: tuple[Separation, ...]
    is_penalised_: bool
    stepwise_path_: pd.DataFrame
    log_likelihood_: float
    null_log_likelihood_: float
    aic_: float
    bic_: float
    n_rows_: float
    n_iter_: int

    _kind: ClassVar = "classifier"
    _is_binary: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        "stepwise": Optional(OneOf(("forward", "backward", "both"))),
        "criterion": OneOf(("p_value", "aic", "bic")),
        "enter": Between(0.0, 1.0, open_low=True),
        "stay": Between(0.0, 1.0, open_low=True),
        "removal": OneOf(("wald", "lr")),
        "penalty": Optional(OneOf(("firth", "l2", "l1", "elasticnet"))),
        "C": Between(0.0, 1e300, open_low=True),
        "l1_ratio": Between(0.0, 1.0),
        "on_separation": OneOf(("firth", "error")),
        "unseen": OneOf(("error", "reference")),
        "confidence_level": Between(0.0, 1.0, open_low=True, open_high=True),
        "max_iter": Between(1, 100_000, integer=True),
    }

    def __init__(
        self,
        *,
        reference: Literal["first", "last", "most_frequent"] | Mapping[str, Any] = "first",
        stepwise: Literal["forward", "backward", "both"] | None = None,
        criterion: Literal["p_value", "aic", "bic"] = "p_value",
        enter: float = 0.05,
        stay: float = 0.05,
        removal: Literal["wald", "lr"] = "wald",
        penalty: Literal["firth", "l2", "l1", "elasticnet"] | None = None,
        C: float = 1.0,
        l1_ratio: float = 0.5,
        on_separation: Literal["firth", "error"] = "firth",
        unseen: Literal["error", "reference"] = "error",
        confidence_level: float = 0.95,
        positive: Any = None,
        max_iter: int = 100,
    ) -> None:
        self.reference = reference
        self.stepwise: Literal["forward", "backward", "both"] | None = stepwise
        self.criterion: Literal["p_value", "aic", "bic"] = criterion
        self.enter = enter
        self.stay = stay
        self.removal: Literal["wald", "lr"] = removal
        self.penalty: Literal["firth", "l2", "l1", "elasticnet"] | None = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.on_separation = on_separation
        self.unseen: Literal["error", "reference"] = unseen
        self.confidence_level = confidence_level
        self.positive = positive
        self.max_iter = max_iter

    @one_blas_thread()
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame
            Numbers, and in a frame texts, which are factors.
        y : array-like of shape (n_rows,)
            Two different values; `positive` says whose chance is modelled.
        sample_weight : array-like of shape (n_rows,), optional
            How often each row counts; rows of weight 0 are left out.

        Returns
        -------
        Self

        Raises
        ------
        InvalidParameterError
            If parameters are out of range; all of them at once.
        InvalidDataError
            If values are missing or infinite, if `y` has one value or more than two, or,
            with ``on_separation='error'``, if no finite answer exists or there are more
            coefficients than rows.
        """
        check_params(self, self._checked_rules())
        table = self._read_features(X, fitting=True)
        self.classes_, outcome = read_outcome(
            y, table.n_rows, owner="Propensity", positive=self.positive
        )
        weights, kept = read_weights(sample_weight, table.n_rows, owner="Propensity")
        if kept is not None:
            table, outcome = table.take(kept), outcome[kept]
        _check_both(outcome)
        self._coding, self.dropped_ = learn_coding(
            table, weights, reference=self.reference, owner="Propensity"
        )
        _check_width(self._coding)
        design = Design(self._coding, self._coding.code(table, owner="Propensity"))
        self.n_rows_ = float(table.n_rows if weights is None else weights.sum())
        plain = design.gram(np.ones(table.n_rows) if weights is None else weights)
        terms = self._independent_terms(plain)
        self._check_rows(design)
        _warn_of_leaks(self._coding, design, outcome, terms)
        terms = self._choose(design, outcome, weights, terms)
        self._learn(design, outcome, weights, terms, plain)
        return self

    def _checked_rules(self) -> Mapping[str, Rule]:
        names: Rule = OneOf(("first", "last", "most_frequent"))
        if not isinstance(self.reference, str):
            from collections.abc import Mapping as AnyMapping

            names = InstanceOf((AnyMapping,), "a name or a mapping of columns to levels")
        return {"reference": names, **self._rules}

    def _independent_terms(self, plain: Floats) -> dict[str, Ints]:
        columns = self._coding.columns
        if self.penalty in ("l1", "l2", "elasticnet") and self.stepwise is None:
            self.aliased_ = ()  # the penalty makes the answer unique
            return columns
        whole = np.concatenate([np.zeros(1, dtype=np.intp), *columns.values()])
        kept = set(independent_columns(plain, whole).tolist())
        labels = self._coding.labels
        every: list[int] = whole.tolist()
        self.aliased_ = tuple(labels[at] for at in every if at not in kept)
        found = {name: own[np.isin(own, list(kept))] for name, own in columns.items()}
        return {name: own for name, own in found.items() if len(own)}

    def _check_rows(self, design: Design) -> None:
        n_coefficients = 1 + sum(len(own) for own in self._coding.columns.values())
        if self.penalty in ("l1", "l2", "elasticnet") or self.stepwise in ("forward", "both"):
            return
        if design.n_rows < n_coefficients:
            message = (
                f"Propensity: {n_coefficients} coefficients and {design.n_rows} rows: any outcome "
                f"can be explained. Give more rows or fewer columns, or set penalty='l2'."
            )
            if self.on_separation == "error":
                raise InvalidDataError(message)
            warnings.warn(message, SeparationWarning, stacklevel=4)

    def _choose(
        self, design: Design, y: Floats, weights: Floats | None, terms: dict[str, Ints]
    ) -> dict[str, Ints]:
        if self.stepwise is None:
            self.stepwise_path_ = path_frame([])
            return terms
        search = Stepwise(
            design, y, weights, terms, criterion=self.criterion, enter=self.enter,
            stay=self.stay, removal=self.removal, max_iter=self.max_iter,
        )  # fmt: skip
        chosen, _ = search.run(self.stepwise)
        self.stepwise_path_ = path_frame(search.path)
        return {name: terms[name] for name in chosen}

    def _learn(
        self,
        design: Design,
        y: Floats,
        weights: Floats | None,
        terms: Mapping[str, Ints],
        plain: Floats,
    ) -> None:
        columns = np.concatenate([np.zeros(1, dtype=np.intp), *terms.values()])
        self._columns: Ints = columns
        self._term_columns: dict[str, Ints] = dict(terms)
        self.terms_ = tuple(terms)
        found = find_separation(design, self._coding, y, columns, self.classes_)
        if self.penalty in ("l1", "l2", "elasticnet"):
            fit = fit_penalised(
                design, y, weights, columns, penalty=self.penalty, C=self.C,
                l1_ratio=self.l1_ratio, max_iter=self.max_iter,
            )  # fmt: skip
        elif self.penalty == "firth":
            fit = self._firth(design, y, weights, columns)
        else:
            fit, found = self._unpenalised(design, y, weights, columns, plain, found)
        if not fit.converged:
            message = (
                f"Propensity: not converged after {fit.n_iter} steps; coefficients and errors are "
                f"inexact. Raise max_iter, or transform numbers with long tails."
            )
            warnings.warn(message, ConvergenceWarning, stacklevel=4)
        self.separation_ = tuple(found)
        self._keep(fit, y, weights)
        self._facts: tuple[float, float] = plain_facts(design, y, weights, fit.beta)

    def _unpenalised(
        self,
        design: Design,
        y: Floats,
        weights: Floats | None,
        columns: Ints,
        plain: Floats,
        found: list[Separation],
    ) -> tuple[Fit, list[Separation]]:
        if not found:
            fit = fit_logistic(design, y, weights, columns, max_iter=self.max_iter)
            found = find_separating_terms(fit, plain, design, self._coding, y)
            if not found:
                return fit, found
        told = told_together(found)
        message = f"Propensity: no finite answer of greatest likelihood: {told}."
        if self.on_separation == "error":
            remedy = "Merge the level, leave the column out, or set on_separation='firth'."
            raise InvalidDataError(f"{message} {remedy}", column=found[0].term)
        message += " Firth's penalty was used; set penalty='firth' to ask for it."
        warnings.warn(message, SeparationWarning, stacklevel=5)
        return self._firth(design, y, weights, columns), found

    def _firth(self, design: Design, y: Floats, weights: Floats | None, columns: Ints) -> Fit:
        starts = [
            fit_logistic(design, y, weights, columns, max_iter=steps).beta for steps in (3, 30)
        ]
        return fit_firth(
            design, y, weights, columns, starts=starts, max_iter=max(1000, self.max_iter)
        )

    def _keep(self, fit: Fit, y: Floats, weights: Floats | None) -> None:
        natural = self._coding.to_natural(self._columns)
        beta = natural @ fit.beta[self._columns]
        self.intercept_, self.coef_ = beta[:1], beta[None, 1:]
        self.covariance_ = natural @ fit.covariance @ natural.T
        self._fit: Fit = fit
        self.n_iter_ = fit.n_iter
        self.is_penalised_ = fit.is_penalised
        self.log_likelihood_ = fit.log_likelihood
        self.null_log_likelihood_ = null_log_likelihood(y, weights)
        size = len(self._columns)
        self.aic_ = 2.0 * size - 2.0 * fit.log_likelihood
        self.bic_ = float(np.log(self.n_rows_)) * size - 2.0 * fit.log_likelihood

    def decision_function(self, X: Any) -> Floats:
        """Return the logarithm of the odds of the second class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), or frame

        Returns
        -------
        ndarray of shape (n_rows,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If values are missing, or a level is new and `unseen` is ``'error'``.
        """
        table = self._read_features(X, fitting=False)
        coded = self._coding.code(table, owner="Propensity", unseen=self.unseen)
        return Design(self._coding, coded).predictor(self._fit.beta)


_LEAK = 0.999
_MOST_COLUMNS = 4_000


def _check_width(coding: Coding) -> None:
    if coding.width <= _MOST_COLUMNS:
        return
    widest = max(coding.factors, key=lambda factor: len(factor.levels), default=None)
    if widest is None or len(widest.levels) < coding.width // 4:
        message = f"Propensity: {coding.width:,} columns; {_MOST_COLUMNS:,} are possible."
        raise InvalidDataError(message)
    message = (
        f"Propensity: column '{widest.name}' has {len(widest.levels):,} levels; "
        f"{_MOST_COLUMNS:,} columns in all are possible. Leave the column out if it is an ID, "
        f"or put rare levels together."
    )
    raise InvalidDataError(message, column=widest.name)


def _check_both(y: Floats) -> None:
    if y.min() == y.max():
        message = "Propensity: y has one class only after rows of weight 0 are left out."
        raise InvalidDataError(message)


def _warn_of_leaks(coding: Coding, design: Design, y: Floats, terms: Mapping[str, Ints]) -> None:
    """Warn of columns that alone tell the outcome all but perfectly."""
    leaks = [name for name, area in column_areas(coding, design, y, terms).items() if area > _LEAK]
    if leaks:
        names = ", ".join(f"'{name}'" for name in leaks[:5])
        message = (
            f"Propensity: {names} alone tells y all but perfectly. If it is a copy of the outcome, "
            f"or known only after it, leave it out."
        )
        warnings.warn(message, LeakageWarning, stacklevel=4)
