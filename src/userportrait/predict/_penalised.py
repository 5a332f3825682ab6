"""scikit-learn's penalised logistic regression on our coding."""

from __future__ import annotations

import warnings
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from userportrait._core.scikit import from_sklearn
from userportrait.predict._newton import evaluate, fit_logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.predict._design import Design
    from userportrait.predict._newton import Fit

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.intp]

__all__ = ["fit_penalised"]


def fit_penalised(
    design: Design,
    y: Floats,
    weights: Floats | None,
    columns: Ints,
    *,
    penalty: Literal["l1", "l2", "elasticnet"],
    C: float,
    l1_ratio: float,
    max_iter: int,
) -> Fit:
    """Return coefficients with a penalty on scaled numbers and on levels; not on the intercept.

    Standard errors are unknown: the covariance is NaN.
    """
    if len(columns) == 1:
        return fit_logistic(design, y, weights, columns).without_errors()
    make: Any = from_sklearn("linear_model.LogisticRegression")
    share = {"l1": 1.0, "l2": 0.0}.get(penalty, l1_ratio)
    settings: dict[str, Any] = {"C": C, "max_iter": max(1000, max_iter), "tol": 1e-8}
    if signature(make).parameters["penalty"].default == "l2":
        settings |= {"penalty": penalty}
        settings |= {"l1_ratio": share} if penalty == "elasticnet" else {}
    else:
        settings |= {"l1_ratio": share}
    settings["solver"] = "lbfgs" if penalty == "l2" else "saga"
    settings |= {"random_state": 0} if penalty != "l2" else {}
    model = make(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", from_sklearn("exceptions.ConvergenceWarning"))
        model.fit(design.dense(columns[1:], slice(None)), y, sample_weight=weights)
    beta = np.zeros(design.width)
    beta[0] = float(model.intercept_[0])
    beta[columns[1:]] = model.coef_[0]
    n_iter = int(np.max(model.n_iter_))
    fit = evaluate(
        design, y, weights, columns, beta, n_iter, converged=n_iter < settings["max_iter"]
    )
    return fit.without_errors()
