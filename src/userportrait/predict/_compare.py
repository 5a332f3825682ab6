"""Compare classifiers on rows that none of them has seen."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd

from userportrait._core.multiplicity import adjust_p
from userportrait._core.params import Between, OneOf, Optional, check_values
from userportrait._core.scikit import from_sklearn
from userportrait.errors import InvalidParameterError
from userportrait.predict._classes import check_classes, check_folds, read_outcome, read_rows
from userportrait.predict._evaluate import evaluate_scores, scores_of
from userportrait.predict._roc import areas_with_covariance, delong_p_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait._core.multiplicity import Adjustment

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["compare_classifiers", "cross_fitted_scores"]


def cross_fitted_scores(
    model: Any,
    X: Any,
    y: Any,
    *,
    n_folds: int = 5,
    random_state: int | None = 0,
    positive: Any = None,
) -> Floats:
    """Return a score for each row from a model that has not seen it.

    Parameters
    ----------
    model : classifier
        Any with scikit-learn's verbs; it is cloned, not fitted.
    X : array-like of shape (n_rows, n_features), or frame
    y : array-like of shape (n_rows,)
        Two different values.
    n_folds : int, default=5
        Of about equal shares of the outcome; 2 to 100.
    random_state : int or None, default=0
        Shuffles the rows before they are cut into folds.
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    ndarray of shape (n_rows,)
        Chance of the outcome, or the decision function where there are no chances.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range; all of them at once.
    InvalidDataError
        If `y` has missing values or not two classes, or one of fewer rows than folds.

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
    owner = "cross_fitted_scores"
    classes, outcome = read_outcome(y, len(y), owner=owner, positive=positive)
    check_folds(outcome, n_folds, owner=owner)
    folds = _folds(outcome, n_folds, random_state)
    return _scores(model, read_rows(X), (classes, outcome), folds)


def _folds(outcome: Floats, n_folds: int, random_state: int | None) -> list[tuple[Ints, Ints]]:
    """Return the rows to fit to and those to score, of each fold."""
    folds = from_sklearn("model_selection.StratifiedKFold")(
        n_splits=n_folds, shuffle=True, random_state=random_state
    )
    return list(folds.split(np.zeros(len(outcome)), outcome))


def _scores(
    model: Any, X: Any, target: tuple[NDArray[Any], Floats], folds: list[tuple[Ints, Ints]]
) -> Floats:
    """Return the scores of the second of the classes, from models of the other folds."""
    classes, outcome = target
    labels = classes[outcome.astype(np.intp)]
    clone: Any = from_sklearn("base.clone")
    take: Any = from_sklearn("utils._safe_indexing")
    found = np.empty(len(labels))
    for train, test in folds:
        fitted = clone(model).fit(take(X, train), labels[train])
        first = check_classes(fitted, classes, owner="cross_fitted_scores")
        found[test] = scores_of(fitted, take(X, test), first=first)
    return found


def compare_classifiers(
    models: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    n_folds: int = 5,
    adjust: Adjustment | None = "holm",
    random_state: int | None = 0,
    positive: Any = None,
) -> pd.DataFrame:
    """Compare classifiers by cross-validation, with tests of their areas under the curve.

    Parameters
    ----------
    models : mapping of str to classifier
        Two or more, by name; they are cloned, not fitted.
    X : array-like of shape (n_rows, n_features), or frame
    y : array-like of shape (n_rows,)
        Two different values.
    n_folds : int, default=5
        The same folds for all; 2 to 100.
    adjust : {'holm', 'bonferroni', 'bh', 'by'} or None, default='holm'
        Adjusts the p-values for the number of pairs.
    random_state : int or None, default=0
    positive : optional
        The value of `y` that is the outcome; by default the larger one, which of ``'churn'``
        and ``'stay'`` is ``'stay'``.

    Returns
    -------
    DataFrame
        One row a model, the largest area first: ``model``, ``auc``, ``auc_ci_low``,
        ``auc_ci_high``, ``ks``, ``average_precision``, ``brier``, ``calibration_error``,
        ``top_bin_lift`` (of ten bins, or of the best row where there are fewer rows),
        ``difference`` (area less that of the first row) and ``p_value`` of DeLong's test of
        that difference, adjusted; NaN in the first row. ``frame.attrs["pairs"]`` lists all
        pairs as dicts, for ``pd.DataFrame``: ``first``, ``second``, ``difference``,
        ``p_value`` and ``adjusted_p_value``.

    Raises
    ------
    InvalidParameterError
        If `models` is no mapping or has fewer than two, or parameters are out of range.
    InvalidDataError
        If `y` has missing values or not two classes, or one of fewer rows than folds.

    Notes
    -----
    Scores of the folds are put together before the areas are taken, so a model whose scores
    mean other things in other folds loses by it. Where a difference has no variance, as between
    a perfect order and one score for all, the p-value is that of the exact test over all ways
    to give out the outcomes, and NaN where that says nothing.

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
    _check_models(models)
    owner = "compare_classifiers"
    target = read_outcome(y, len(y), owner=owner, positive=positive)
    outcome = target[1]
    check_folds(outcome, n_folds, owner=owner)
    folds, given = _folds(outcome, n_folds, random_state), read_rows(X)
    scores = {name: _scores(model, given, target, folds) for name, model in models.items()}
    names = list(scores)
    n_of_class = (int(outcome.sum()), int(len(outcome) - outcome.sum()))
    areas, covariance = areas_with_covariance(outcome, np.vstack(list(scores.values())))
    pairs = pd.DataFrame(
        [
            {
                "first": names[a], "second": names[b], "difference": float(areas[a] - areas[b]),
                "p_value": delong_p_value(areas, covariance, a, b, n_of_class),
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
        found = evaluate_scores(
            outcome, scores[names[at]], name=names[at], n_bins=min(10, len(outcome))
        ).to_dict()
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
    # Plain records: a frame here would break printing, merging and writing.
    compared.attrs["pairs"] = pairs.to_dict("records")
    return compared


def _check_models(models: object) -> None:
    if not isinstance(models, Mapping):
        problem = (
            f"models must map names to classifiers, such as {{'logistic': Propensity()}}; got "
            f"{type(models).__name__}."
        )
        raise InvalidParameterError("compare_classifiers", [problem])
    if len(cast("Mapping[str, Any]", models)) < 2:
        raise InvalidParameterError("compare_classifiers", ["models must hold two or more."])


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
