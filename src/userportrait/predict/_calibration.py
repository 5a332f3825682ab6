"""Do probabilities mean what they say, and how to make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy import special

from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait._core.scikit import from_sklearn
from userportrait._core.shares import wilson_interval
from userportrait.errors import InvalidDataError
from userportrait.predict._classes import check_folds, read_outcome
from userportrait.predict._lift import read_score
from userportrait.predict._one_column import quantile_cuts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "calibrate",
    "calibration_frame",
    "calibration_table",
    "error_of",
    "expected_calibration_error",
    "read_probability",
]


def calibration_table(
    y: Any, probability: Any, n_bins: int = 10, *, positive: Any = None
) -> pd.DataFrame:
    """Return how often the outcome came true, by what was predicted.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two different values.
    probability : array-like of shape (n_rows,)
        In [0, 1].
    n_bins : int, default=10
        Bins of about equal numbers of rows; equal probabilities share a bin, and one that
        fills more than its bin has it to itself. 1 to 1000.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    DataFrame
        One row a bin that has rows: ``n_rows``, ``predicted`` (mean probability), ``observed``
        (share of the outcome) with Wilson's 95 % interval ``ci_low``, ``ci_high``.

    Raises
    ------
    InvalidDataError
        If lengths differ, values are missing, or a probability is outside [0, 1].

    References
    ----------
    .. [1] Niculescu-Mizil and Caruana (2005), "Predicting good probabilities with supervised
       learning", ICML; Wilson (1927), JASA 22.

    Examples
    --------
    >>> from userportrait.predict import calibration_table
    >>> calibration_table([0, 0, 1, 1], [0.1, 0.1, 0.7, 0.7], n_bins=2)[["predicted", "observed"]]
       predicted  observed
    0        0.1       0.0
    1        0.7       1.0
    """
    check_values(
        "calibration_table", {"n_bins": n_bins}, {"n_bins": Between(1, 1000, integer=True)}
    )
    values = read_probability(probability, owner="calibration_table")
    _, outcome = read_outcome(y, len(values), owner="calibration_table", positive=positive)
    return calibration_frame(outcome, values, n_bins)


def calibration_frame(y: Floats, probability: Floats, n_bins: int) -> pd.DataFrame:
    """Return the table of checked arrays."""
    bins = np.searchsorted(quantile_cuts(probability, n_bins), probability, side="right")
    n = np.bincount(bins)
    held = np.flatnonzero(n)
    n = n[held].astype(np.float64)
    predicted = np.bincount(bins, weights=probability)[held] / n
    ones = np.bincount(bins, weights=y)[held]
    low, high = wilson_interval(ones, n, float(special.ndtri(0.975)))
    return pd.DataFrame(
        {
            "n_rows": n.astype(np.int64),
            "predicted": predicted,
            "observed": ones / n,
            "ci_low": low,
            "ci_high": high,
        }
    )


def expected_calibration_error(
    y: Any, probability: Any, n_bins: int = 10, *, positive: Any = None
) -> float:
    """Return the mean distance of what came true from what was predicted.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
    probability : array-like of shape (n_rows,)
        In [0, 1].
    n_bins : int, default=10
        Bins of about equal numbers of rows. The error grows with it, also where the
        probabilities are right.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    float
        In [0, 1]; each bin counts by its rows.

    References
    ----------
    .. [1] Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using
       Bayesian binning", AAAI.

    Examples
    --------
    >>> from userportrait.predict import expected_calibration_error
    >>> round(expected_calibration_error([0, 0, 1, 1], [0.1, 0.1, 0.7, 0.7], n_bins=2), 3)
    0.2
    """
    return error_of(calibration_table(y, probability, n_bins, positive=positive))


def error_of(table: pd.DataFrame) -> float:
    """Return the error of a table of calibration."""
    off = (table["observed"] - table["predicted"]).abs()
    return float((off * table["n_rows"]).sum() / table["n_rows"].sum())


def calibrate(
    model: Any,
    X: Any,
    y: Any,
    *,
    method: Literal["isotonic", "platt"] = "isotonic",
    n_folds: int = 5,
    random_state: int | None = 0,
) -> Any:
    """Fit a classifier whose probabilities are corrected by rows it was not fitted on.

    Parameters
    ----------
    model : classifier
        Any with scikit-learn's verbs, not fitted.
    X : array-like of shape (n_rows, n_features), or frame
    y : array-like of shape (n_rows,)
    method : {'isotonic', 'platt'}, default='isotonic'
        A monotone step function, which wants a thousand rows or more, or a logistic curve. [1]_
    n_folds : int, default=5
        Each row's probability comes from a model of the other folds; these pairs teach the
        correction. 2 to 100.
    random_state : int or None, default=0
        Shuffles the rows before they are cut into folds.

    Returns
    -------
    CalibratedClassifierCV
        scikit-learn's, fitted: one model of all rows with one correction.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If a class has fewer rows than there are folds.

    References
    ----------
    .. [1] Platt (1999), "Probabilistic outputs for support vector machines"; Zadrozny and
       Elkan (2002), "Transforming classifier scores into accurate multiclass probability
       estimates", KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.predict import Propensity, calibrate
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = (np.sin(np.arange(200) * 7.0) + x[:, 0] > 0).astype(int)
    >>> calibrate(Propensity(), x, y).predict_proba(x).shape
    (200, 2)
    """
    check_values(
        "calibrate",
        {"method": method, "n_folds": n_folds, "random_state": random_state},
        {
            "method": OneOf(("isotonic", "platt")),
            "n_folds": Between(2, 100, integer=True),
            "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        },
    )
    check_folds(y, n_folds, owner="calibrate")
    folds = from_sklearn("model_selection.StratifiedKFold")(
        n_splits=n_folds, shuffle=True, random_state=random_state
    )
    name = "sigmoid" if method == "platt" else "isotonic"
    wrapped = from_sklearn("calibration.CalibratedClassifierCV")(
        model, method=name, cv=folds, ensemble=False
    )
    return wrapped.fit(X, y)


def read_probability(probability: Any, *, owner: str) -> Floats:
    """Return probabilities as an array.

    Raises
    ------
    InvalidDataError
        If one is missing or outside [0, 1].
    """
    values = read_score(probability, owner=owner, name="probability")
    bad = np.flatnonzero((values < 0) | (values > 1))
    if len(bad):
        message = f"{owner}: probability must be in [0, 1]."
        raise InvalidDataError(message, rows=bad[:5].tolist(), n_rows=len(bad))
    return values
