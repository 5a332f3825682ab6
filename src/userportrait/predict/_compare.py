"""Compare classifiers on rows that none of them has seen."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.multiplicity import adjust_p
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidParameterError
from userportrait.predict._classes import read_outcome
from userportrait.predict._evaluate import evaluate_scores, scores_of
from userportrait.predict._roc import areas_with_covariance, delong_p_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from userportrait._core.multiplicity import Adjustment

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["compare_classifiers", "cross_fitted_scores"]


def cross_fitted_scores(
    model: Any, X: Any, y: Any, *, n_folds: int = 5, random_state: int | None = 0
) -> Floats:
    """Return a score for each row from a model that has not seen it.

    Parameters
    ----------
    model : classifier
        Any with scikit-learn's verbs; it is cloned, not fitted.
    X : array-like of shape (n_rows, n_features), or frame
    y : array-like of shape (n_rows,)
        Two different values; the larger one is the outcome.
    n_folds : int, default=5
        Of about equal shares of the outcome; 2 to 100.
    random_state : int or None, default=0
        Shuffles the rows before they are cut into folds.

    Returns
    -------
    ndarray of shape (n_rows,)
        Chance of the second class, or the decision function where there are no chances.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.

    References
    ----------
    .. [1] Stone (1974), "Cross-validatory choice and assessment of statistical predictions",
       Journal of the Royal Statistical Society B 36(2).

    Examples
    --------
    >>> import numpy as np
    >>> from userportrait.predict import Propensity, cross_fitted_scores
    >>> x = np.linspace(-3, 3, 100)[:, None]
    >>> y = (np.sin(np.arange(100) * 7.0) + x[:, 0] > 0).astype(int)
    >>> cross_fitted_scores(Propensity(), x, y).shape
    (100,)
    """
    _check("cross_fitted_scores", n_folds, random_state)
    n_rows = len(y)
    _, outcome = read_outcome(y, n_rows, owner="cross_fitted_scores")
    folds = from_sklearn("model_selection.StratifiedKFold")(
        n_splits=n_folds, shuffle=True, random_state=random_state
    )
    clone: Any = from_sklearn("base.clone")
    take: Any = from_sklearn("utils._safe_indexing")
    found = np.empty(n_rows)
    for train, test in folds.split(np.zeros(n_rows), outcome):
        fitted = clone(model).fit(take(X, train), take(y, train))
        found[test] = scores_of(fitted, take(X, test))
    return found


def compare_classifiers(
    models: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    n_folds: int = 5,
    adjust: Adjustment | None = "holm",
    random_state: int | None = 0,
) -> pd.DataFrame:
    """Compare classifiers by cross-validation, with tests of their areas under the curve.

    Parameters
    ----------
    models : mapping of str to classifier
        Two or more, by name; they are cloned, not fitted.
    X : array-like of shape (n_rows, n_features), or frame
    y : array-like of shape (n_rows,)
        Two different values; the larger one is the outcome.
    n_folds : int, default=5
        The same folds for all; 2 to 100.
    adjust : {'holm', 'bonferroni', 'bh', 'by'} or None, default='holm'
        Adjusts the p-values for the number of pairs.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame
        One row a model, the largest area first: ``model``, ``auc``, ``auc_ci_low``,
        ``auc_ci_high``, ``ks``, ``average_precision``, ``brier``, ``calibration_error``,
        ``top_bin_lift``, ``difference`` (area less that of the first row) and ``p_value`` of
        DeLong's test of that difference, adjusted; NaN in the first row.
        ``frame.attrs["pairs"]`` holds a frame of all pairs.

    Raises
    ------
    InvalidParameterError
        If there are fewer than two models or parameters are out of range.

    Notes
    -----
    Scores of the folds are put together before the areas are taken, so a model whose scores
    mean other things in other folds loses by it.

    References
    ----------
    .. [1] DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more
       correlated receiver operating characteristic curves", Biometrics 44(3).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from userportrait.predict import Propensity, compare_classifiers
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = (np.sin(np.arange(200) * 7.0) + x[:, 0] > 0).astype(int)
    >>> models = {"logistic": Propensity(), "stump": DecisionTreeClassifier(max_depth=1)}
    >>> compare_classifiers(models, x, y)["model"].tolist()
    ['logistic', 'stump']
    """
    _check("compare_classifiers", n_folds, random_state, adjust)
    if len(models) < 2:
        raise InvalidParameterError("compare_classifiers", ["models must hold two or more."])
    scores = {
        name: cross_fitted_scores(model, X, y, n_folds=n_folds, random_state=random_state)
        for name, model in models.items()
    }
    names = list(scores)
    _, outcome = read_outcome(y, len(y), owner="compare_classifiers")
    areas, covariance = areas_with_covariance(outcome, np.vstack(list(scores.values())))
    pairs = pd.DataFrame(
        [
            {
                "first": names[a], "second": names[b], "difference": float(areas[a] - areas[b]),
                "p_value": delong_p_value(areas, covariance, a, b),
            }
            for a, b in combinations(range(len(names)), 2)
        ]
    )  # fmt: skip
    pairs["adjusted_p_value"] = adjust_p(pairs["p_value"].to_numpy(dtype=np.float64), adjust)
    order = sorted(range(len(names)), key=lambda at: (-areas[at], at))
    best = names[order[0]]
    p_of = {frozenset((row.first, row.second)): row.adjusted_p_value for row in pairs.itertuples()}
    rows: list[dict[str, Any]] = []
    for at in order:
        found = evaluate_scores(y, scores[names[at]], name=names[at]).to_dict()
        kept = (
            "auc", "auc_ci_low", "auc_ci_high", "ks", "average_precision", "brier",
            "calibration_error", "top_bin_lift",
        )  # fmt: skip
        rows.append(
            {"model": names[at]}
            | {name: found[name] for name in kept}
            | {
                "difference": float(areas[at] - areas[order[0]]),
                "p_value": p_of.get(frozenset((best, names[at])), np.nan),
            }
        )
    compared = pd.DataFrame(rows)
    compared.attrs["pairs"] = pairs
    return compared


def _check(owner: str, n_folds: int, random_state: int | None, adjust: str | None = None) -> None:
    check_values(
        owner,
        {"n_folds": n_folds, "random_state": random_state, "adjust": adjust},
        {
            "n_folds": Between(2, 100, integer=True),
            "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
            "adjust": Optional(OneOf(("bonferroni", "holm", "bh", "by"))),
        },
    )
