"""What a fitted model leans on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait._core.params import Between, Optional, check_values
from userportrait.errors import MissingColumnError
from userportrait.predict._classes import check_classes, read_outcome
from userportrait.predict._evaluate import scores_of
from userportrait.predict._roc import areas_with_covariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["partial_dependence", "permutation_importance"]


def permutation_importance(
    model: Any, X: Any, y: Any, *, n_repeats: int = 5, random_state: int | None = 0
) -> pd.DataFrame:
    """Return what the area under the curve loses when a column is shuffled.

    Parameters
    ----------
    model : classifier
        Fitted, of two classes.
    X : array-like of shape (n_rows, n_features), or pandas frame
        Rows that the model has not seen.
    y : array-like of shape (n_rows,)
    n_repeats : int, default=5
        Shuffles of each column; 1 to 1000.
    random_state : int or None, default=0

    Returns
    -------
    DataFrame
        One row a column, the most important first: ``feature``, ``importance`` (mean loss of
        area) and ``std_error`` of the mean over the shuffles.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range.

    Notes
    -----
    Columns that tell the same share their importance: shuffling one leaves the other.

    References
    ----------
    .. [1] Breiman (2001), "Random forests", Machine Learning 45.

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import Propensity, permutation_importance
    >>> X = pd.DataFrame({"visits": [1, 2, 3, 4] * 25, "shoe": [3, 1, 2, 3, 1] * 20})
    >>> model = Propensity().fit(X, y := [0, 0, 1, 1] * 20 + [0, 1, 0, 1] * 5)
    >>> permutation_importance(model, X, y)["feature"].tolist()
    ['visits', 'shoe']
    """
    check_values(
        "permutation_importance",
        {"n_repeats": n_repeats, "random_state": random_state},
        {
            "n_repeats": Between(1, 1000, integer=True),
            "random_state": Optional(Between(0, 2**32 - 1, integer=True)),
        },
    )
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    is_named = isinstance(X, pd.DataFrame)
    classes, outcome = read_outcome(y, len(frame), owner="permutation_importance")
    check_classes(model, classes, owner="permutation_importance")
    base = float(areas_with_covariance(outcome, scores_of(model, X)[None, :])[0][0])
    source = np.random.default_rng(random_state)
    rows: list[dict[str, Any]] = []
    for at, name in enumerate(frame.columns):
        losses = np.empty(n_repeats)
        for repeat in range(n_repeats):
            shuffled = frame.copy()
            moved = frame.iloc[source.permutation(len(frame)), at]
            shuffled[name] = moved.set_axis(frame.index)
            given = shuffled if is_named else shuffled.to_numpy()
            score = scores_of(model, given)
            losses[repeat] = base - float(areas_with_covariance(outcome, score[None, :])[0][0])
        error = float(losses.std(ddof=1) / np.sqrt(n_repeats)) if n_repeats > 1 else np.nan
        feature = str(name) if is_named else f"x{name}"
        rows.append({"feature": feature, "importance": float(losses.mean()), "std_error": error})
    found = pd.DataFrame(rows)
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def partial_dependence(
    model: Any, X: Any, feature: str, *, n_points: int = 20, n_rows: int = 1000
) -> pd.DataFrame:
    """Return the mean prediction if everybody had one value of a column.

    Parameters
    ----------
    model : classifier
        Fitted, of two classes.
    X : pandas frame
    feature : str
        A column of numbers, looked at from its 5 % to its 95 % quantile, or of texts, looked
        at level by level.
    n_points : int, default=20
        Values of a number; 2 to 1000.
    n_rows : int, default=1000
        Evenly spaced rows that are averaged over, at most.

    Returns
    -------
    DataFrame
        ``value``, ``prediction`` (mean over the rows) and ``share`` of rows: with the level,
        or nearest to the value.

    Raises
    ------
    MissingColumnError
        If there is no such column.

    References
    ----------
    .. [1] Friedman (2001), "Greedy function approximation", Annals of Statistics 29(5).

    Examples
    --------
    >>> import pandas as pd
    >>> from userportrait.predict import Propensity, partial_dependence
    >>> X = pd.DataFrame({"visits": [1, 2, 3, 4, 5] * 24, "plan": ["gold", "basic"] * 60})
    >>> model = Propensity().fit(X, [0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0] * 10)
    >>> partial_dependence(model, X, "plan")["value"].tolist()
    ['basic', 'gold']
    """
    check_values(
        "partial_dependence",
        {"n_points": n_points, "n_rows": n_rows},
        {"n_points": Between(2, 1000, integer=True), "n_rows": Between(1, 2**40, integer=True)},
    )
    if feature not in X.columns:
        raise MissingColumnError(feature, [str(name) for name in X.columns])
    table = read_features(X[[feature]], owner="partial_dependence", allow_missing=True)
    some = X.iloc[:: max(1, len(X) // n_rows)]
    if feature in table.texts:
        codes, levels = table.texts[feature]
        order = sorted(range(len(levels)), key=lambda at: str(levels[at]))
        values: list[Any] = [levels[at] for at in order]
        shares = np.bincount(codes[codes >= 0], minlength=len(levels))[order] / len(X)
    else:
        known = table.numbers[feature]
        known = known[~np.isnan(known)]
        low, high = np.quantile(known, [0.05, 0.95])
        distinct: Floats = np.unique(known[(known >= low) & (known <= high)])
        few = len(distinct) <= n_points
        spaced: Floats = np.linspace(float(low), float(high), n_points)
        points = distinct if few else spaced
        nearest = np.abs(known[:, None] - points[None, :]).argmin(axis=1)
        shares = np.bincount(nearest, minlength=len(points)) / len(X)
        values = (
            points.astype(X[feature].dtype).tolist()
            if len(distinct) <= n_points
            else points.tolist()
        )
    means = [float(scores_of(model, some.assign(**{feature: value})).mean()) for value in values]
    return pd.DataFrame({"value": values, "prediction": means, "share": shares})
