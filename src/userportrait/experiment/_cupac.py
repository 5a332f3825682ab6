"""A covariate made by machine learning: what each customer was expected to do anyway."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from userportrait._core import frames
from userportrait._core.coding import code_values
from userportrait._core.feature_table import read_features
from userportrait._core.params import Between, InstanceOf, check_values
from userportrait._core.scikit import from_sklearn
from userportrait.errors import ColumnTypeError, InvalidDataError, InvalidParameterError
from userportrait.experiment._assignment import assign
from userportrait.experiment._attach import Collected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from userportrait._core.feature_table import FeatureTable
    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["cupac"]

_LEAST = 10
"""Customers that each fold must have at least."""
_MANY = 50_000


def cupac(
    frame: IntoFrame,
    column: str,
    features: Sequence[str],
    *,
    customer_id: str = "customer_id",
    regressor: Any = None,
    n_folds: int = 5,
    name: str | None = None,
    random_state: int = 0,
) -> Any:
    """Predict a metric from what was known before, as a covariate that takes out variance.

    Each customer's prediction comes from a model that has not seen that customer
    (cross-fitting), so no model can learn its own noise. The result goes into
    ``Mean(column, adjust=name)``.

    Parameters
    ----------
    frame : frame
        One row for each customer of the experiment, all arms together.
    column : str
        The metric. Rows where it is missing get a prediction, and teach nothing.
    features : sequence of str
        Columns known before the experiment started: numbers, booleans, or texts (which become
        numbers in their sorted order). Missing values become NaN; a regressor that does not
        take NaN needs a pipeline that fills them in.
    customer_id : str, default='customer_id'
        The column of IDs, each once; they decide the folds.
    regressor : estimator, optional
        Any regressor of scikit-learn, cloned for each fold. By default gradient boosting of
        histograms: up to 100 trees of 15 leaves, with early stopping.
    n_folds : int, default=5
        2 to 50.
    name : str, optional
        Of the new column; by default ``'<column> expected'``.
    random_state : int, default=0
        For the folds and the default regressor.

    Returns
    -------
    frame
        Of the same library, with one more column.

    Raises
    ------
    InvalidParameterError
        If the metric or the new name is among the features, or a parameter cannot be used.
    MissingColumnError
        If a column is not there.
    InvalidDataError
        If a customer has several rows, or there are fewer than 10 customers per fold.
    ColumnTypeError
        If the metric is not a number, or a feature is neither a number nor a text.

    See Also
    --------
    Mean : Takes the new column as ``adjust=``.

    Notes
    -----
    The arm is no feature, so the prediction is the same whatever arm a customer is in, and
    the adjusted effect is right even where the model is poor. The fold is a hash of the
    customer, and models learn from rows in the order of that hash: the order of the frame's
    rows does not matter. [1]_ [2]_

    References
    ----------
    .. [1] Tang, Huang, Kastelman and Bauman (2020), "Control using predictions as covariates
       in switchback experiments", DoorDash.
    .. [2] Wager, Du, Taylor and Tibshirani (2016), "High-dimensional regression adjustments in
       randomized experiments", Proceedings of the National Academy of Sciences 113(45).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from userportrait.experiment import Experiment, Mean, cupac
    >>> rng = np.random.default_rng(0)
    >>> before = rng.gamma(2.0, 10.0, 2000)
    >>> frame = pd.DataFrame(
    ...     {"customer_id": range(2000), "variant": ["A", "B"] * 1000, "before": before,
    ...      "spend": np.sqrt(before) + rng.normal(size=2000)}
    ... )
    >>> more = cupac(frame, "spend", ["before"])
    >>> metrics = [Mean("spend"), Mean("spend", "spend expected", name="adjusted")]
    >>> plain, adjusted = Experiment(metrics, control="A").analyze(more).effects
    >>> bool(adjusted.std_error < 0.7 * plain.std_error)
    True
    """
    chosen = [features] if isinstance(features, str) else list(features)
    called = f"{column} expected" if name is None else name
    _check(column, chosen, customer_id, n_folds, random_state, called)
    inner = frames.enter(frame)
    rows = Collected(inner)
    known = pd.DataFrame(rows.arrays(chosen))
    table = read_features(known, owner="cupac", allow_missing=True, names=chosen)
    if called in rows.names:
        problem = f"the frame has a column '{called}' already; give another name=."
        raise InvalidParameterError("cupac", [problem])
    found = rows.arrays([customer_id, column])
    y = _metric(found[column], column)
    model = _default(random_state) if regressor is None else regressor
    ids = found[customer_id]
    order = _order(ids, customer_id)
    folds = _folds(ids, n_folds, random_state)
    predicted = np.empty(len(y))
    predicted[order] = _cross_fit(model, _matrix(table)[order], y[order], folds[order], n_folds)
    return rows.with_columns({called: predicted})


def _check(
    column: str, features: list[Any], customer_id: str, n_folds: int, random_state: int, name: str
) -> None:
    check_values(
        "cupac",
        {
            "column": column,
            "customer_id": customer_id,
            "n_folds": n_folds,
            "name": name,
            "random_state": random_state,
        },
        {
            "column": InstanceOf((str,), "the name of a column"),
            "customer_id": InstanceOf((str,), "the name of a column"),
            "n_folds": Between(2, 50, integer=True),
            "name": InstanceOf((str,), "a text"),
            "random_state": Between(0, 2**31 - 1, integer=True),
        },
    )
    problems: list[str] = []
    if not features:
        problems.append("features must name at least one column.")
    for taken, what in ((column, "the metric itself"), (name, "the new column")):
        if taken in features:
            problems.append(f"features must not hold '{taken}', {what}.")
    if problems:
        raise InvalidParameterError("cupac", problems)


def _metric(values: NDArray[Any], column: str) -> Floats:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        message = f"cupac: '{column}' must hold numbers; it holds {values.dtype} values."
        raise ColumnTypeError(message, column=column) from None


def _order(ids: NDArray[Any], customer_id: str) -> NDArray[np.intp]:
    """Return the positions that sort the customers."""
    codes, distinct = code_values(ids)
    order = np.argsort(codes, kind="stable")
    if len(distinct) < len(ids) and not (codes < 0).any():
        again = np.flatnonzero(np.diff(codes[order]) == 0) + 1
        rows = np.sort(order[again])
        raise InvalidDataError(
            f"cupac: '{customer_id}' must be there once; {len(again):,} rows repeat a customer. "
            "Add up each customer's rows first.",
            column=customer_id,
            rows=rows[:5].tolist(),
            n_rows=len(again),
        )
    return order


def _folds(ids: NDArray[Any], n_folds: int, random_state: int) -> NDArray[np.intp]:
    shares = {str(fold): 1.0 / n_folds for fold in range(n_folds)}
    labels = assign(ids, f"cupac {random_state}", shares=shares)
    return labels.astype(np.intp)


def _matrix(table: FeatureTable) -> Floats:
    """Return features side by side, texts as their rank among the sorted texts."""
    found = np.empty((table.n_rows, len(table.names)))
    for at, name in enumerate(table.names):
        if name in table.numbers:
            found[:, at] = table.numbers[name]
        else:
            codes, _ = code_values(table.categories[name])
            found[:, at] = np.where(codes < 0, np.nan, codes)
    return found


def _default(random_state: int) -> Any:
    boosting = from_sklearn("ensemble.HistGradientBoostingRegressor")
    return boosting(max_iter=100, max_leaf_nodes=15, early_stopping=True, random_state=random_state)


def _cross_fit(model: Any, X: Floats, y: Floats, folds: NDArray[np.intp], n_folds: int) -> Floats:
    """Predict each fold by a model of the others."""
    clone = from_sklearn("base.clone")
    known = ~np.isnan(y)
    fewest = int(np.bincount(folds[known], minlength=n_folds).min())
    if fewest < _LEAST:
        message = (
            f"cupac: a fold of {n_folds} has {fewest} customers with a known metric; at least "
            f"{_LEAST} are needed. Take fewer folds, or a plain covariate."
        )
        raise InvalidDataError(message)
    predicted = np.empty(len(y))
    with _few_threads(len(y)):
        for fold in range(n_folds):
            inside = folds == fold
            taught = known & ~inside
            predicted[inside] = clone(model).fit(X[taught], y[taught]).predict(X[inside])
    return predicted


def _few_threads(n_rows: int) -> Any:
    """Keep boosting to one thread where starting more takes longer than the work."""
    if n_rows >= _MANY:
        return nullcontext()
    return import_module("threadpoolctl").threadpool_limits(limits=1, user_api="openmp")
