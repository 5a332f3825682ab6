"""What a fitted model leans on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core.feature_table import read_features
from userportrait._core.params import Between, Optional, check_values
from userportrait.errors import InvalidDataError, MissingColumnError
from userportrait.predict._classes import check_classes, is_frame, read_outcome, read_rows
from userportrait.predict._evaluate import scores_of
from userportrait.predict._roc import areas_with_covariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["partial_dependence", "permutation_importance"]


def permutation_importance(
    model: Any, X: Any, y: Any, *, n_repeats: int = 5, random_state: int | None = 0
) -> pd.DataFrame:
    """Return what the area under the curve loses when a column is shuffled.

    Parameters
    ----------
    model : classifier
        Fitted, of two classes.
    X : array-like of shape (n_rows, n_features), or frame
        Rows that the model has not seen. The model is given arrays or pandas frames.
    y : array-like of shape (n_rows,)
        The two values that the model was fitted to. Which is the outcome changes nothing.
    n_repeats : int, default=5
        Shuffles of each column; 1 to 1000.
    random_state : int or None, default=0
        The shuffles do not depend on the order of the rows.

    Returns
    -------
    DataFrame
        One row a column, the most important first: ``feature``, ``importance`` (mean loss of
        area) and ``std_error`` of the mean over the shuffles.

    Raises
    ------
    InvalidParameterError
        If parameters are out of range.
    InvalidDataError
        If lengths differ, or `y` has other values than the model's ``classes_``.

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
    owner = "permutation_importance"
    frame, names = _as_frame(X)
    classes, outcome = read_outcome(y, len(frame), owner=owner)
    first = check_classes(model, classes, owner=owner)
    is_array = not is_frame(X)
    # In this order the shuffles, and the last digits of sums, are those of the rows' values.
    order = _row_order(frame, outcome)
    frame, outcome = frame.iloc[order], outcome[order]
    base = _area(model, frame, outcome, is_array=is_array, first=first)
    source = np.random.default_rng(random_state)
    rows: list[dict[str, Any]] = []
    for at, feature in enumerate(names):
        losses = np.empty(n_repeats)
        for repeat in range(n_repeats):
            moved = source.permutation(len(frame))
            shuffled = _with_column(frame, at, frame.iloc[moved, at])
            losses[repeat] = base - _area(model, shuffled, outcome, is_array=is_array, first=first)
        error = float(losses.std(ddof=1) / np.sqrt(n_repeats)) if n_repeats > 1 else np.nan
        rows.append({"feature": feature, "importance": float(losses.mean()), "std_error": error})
    found = pd.DataFrame(rows)
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def partial_dependence(
    model: Any, X: Any, feature: str | int, *, n_points: int = 20, n_rows: int = 1000
) -> pd.DataFrame:
    """Return the mean prediction if everybody had one value of a column.

    Parameters
    ----------
    model : classifier
        Fitted, of two classes.
    X : array-like of shape (n_rows, n_features), or frame
        The model is given arrays or pandas frames.
    feature : str or int
        The name of a column, ``x0``, ``x1`` … of an array. Texts are looked at level by level.
        So are numbers of at most `n_points` different values; others at evenly spaced values
        from the 5 % to the 95 % quantile, or to the ends where most rows share one value.
    n_points : int, default=20
        Values of a number, at most; 2 to 1000.
    n_rows : int, default=1000
        Rows that are averaged over, at most: evenly spaced in an order of what they hold.

    Returns
    -------
    DataFrame
        ``value``, ``prediction`` (mean over the rows) and ``share`` of rows: with the level,
        or nearest to the value. Rows without a value are in no share.

    Raises
    ------
    MissingColumnError
        If there is no such column.
    InvalidDataError
        If no row has a value in it.

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
    frame, names = _as_frame(X)
    at = _place(feature, frame, names)
    column = frame.iloc[:, at]
    one: pd.DataFrame = column.to_frame().set_axis([names[at]], axis=1)
    table = read_features(one, owner="partial_dependence", allow_missing=True)
    some = frame
    if len(frame) > n_rows:
        spread = np.arange(n_rows) * len(frame) // n_rows
        some = frame.iloc[_row_order(frame)[spread]]
    if names[at] in table.texts:
        held, counts = _levels(*table.texts[names[at]])
        values: Any = column.iloc[held]
    else:
        numbers = table.numbers[names[at]]
        points, chosen = _points(numbers, n_points, names[at])
        values = pd.Series(points) if chosen is None else column.iloc[chosen]
        counts = _nearest(numbers, points)
    means: list[float] = []
    for place in range(len(values)):
        # Taken from the column, a value keeps the type that the model was fitted to.
        same = values.iloc[np.full(len(some), place)]
        given = _with_column(some, at, same)
        means.append(float(scores_of(model, given if is_frame(X) else given.to_numpy()).mean()))
    return pd.DataFrame(
        {"value": values.tolist(), "prediction": means, "share": counts / len(frame)}
    )


def _as_frame(X: Any) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows as a pandas frame, and what its columns are called."""
    rows = read_rows(X)
    if not isinstance(rows, pd.DataFrame):
        plain = pd.DataFrame(np.asarray(rows))
        return plain, [f"x{at}" for at in range(plain.shape[1])]
    return rows, [str(name) for name in rows.columns]


def _place(feature: Any, frame: pd.DataFrame, names: list[str]) -> int:
    for at, own in enumerate(frame.columns):
        if feature in (own, names[at]):
            return at
    raise MissingColumnError(str(feature), names)


def _with_column(frame: pd.DataFrame, at: int, values: Any) -> pd.DataFrame:
    """Return a frame with one column replaced, whatever it is called."""
    found = frame.copy(deep=False)
    found.isetitem(at, values.set_axis(frame.index))
    return found


def _row_order(frame: pd.DataFrame, outcome: Floats | None = None) -> Ints:
    """Return an order of rows that depends on what they hold, not on where they stand."""
    factorize: Any = pd.factorize
    keys: list[Any] = [] if outcome is None else [outcome]
    for at in reversed(range(frame.shape[1])):
        column: Any = frame.iloc[:, at]
        is_number = column.dtype.kind in "biufmM"
        keys.append(factorize(column if is_number else column.astype(str), sort=True)[0])
    return np.lexsort(keys)


def _area(
    model: Any, frame: pd.DataFrame, outcome: Floats, *, is_array: bool, first: bool
) -> float:
    score = scores_of(model, frame.to_numpy() if is_array else frame, first=first)
    return float(areas_with_covariance(outcome, score[None, :])[0][0])


def _levels(codes: Ints, levels: NDArray[Any]) -> tuple[Ints, Ints]:
    """Return a row of each level, in the order of their names, and how many rows have it."""
    held, first, counts = np.unique(codes, return_index=True, return_counts=True)
    kept = sorted(np.flatnonzero(held >= 0).tolist(), key=lambda at: str(levels[held[at]]))
    return first[kept], counts[kept]


def _points(numbers: Floats, n_points: int, name: str) -> tuple[Floats, Ints | None]:
    """Return the values to look at, and a row of each, or None where they are evenly spaced."""
    rows = np.flatnonzero(~np.isnan(numbers))
    known = numbers[rows]
    if not len(known):
        message = f"partial_dependence: column '{name}' has no value."
        raise InvalidDataError(message, column=name)
    distinct: Floats
    first: Ints
    unique: Any = np.unique
    distinct, first = unique(known, return_index=True)
    if len(distinct) <= n_points:
        return distinct, rows[first]
    low, high = np.quantile(known, [0.05, 0.95]).tolist()
    inner = (distinct >= low) & (distinct <= high)
    if 1 < int(inner.sum()) <= n_points:
        return distinct[inner], rows[first[inner]]
    if low == high:
        low, high = float(distinct[0]), float(distinct[-1])
    return np.linspace(low, high, n_points), None


def _nearest(numbers: Floats, points: Floats) -> Ints:
    """Return how many numbers are nearest to each point."""
    between = (points[1:] + points[:-1]) / 2.0
    return np.bincount(np.searchsorted(between, numbers[~np.isnan(numbers)]), minlength=len(points))
