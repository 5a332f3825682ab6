"""Expected outcomes of both arms, each predicted by other customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from userportrait._core.threads import one_blas_thread
from userportrait.experiment.uplift._features import Encoder, read_table
from userportrait.experiment.uplift._learners import Lesson, cross_fit_arms
from userportrait.experiment.uplift._trial import (
    as_flags,
    as_numbers,
    check_arms,
    check_lengths,
    is_binary,
)
from userportrait.experiment.uplift._uplift import Uplift

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from userportrait.typing import IntoFrame

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["cross_fit_baseline"]


def cross_fit_baseline(
    X: IntoFrame | ArrayLike,
    y: ArrayLike,
    treatment: ArrayLike,
    *,
    base: Any = None,
    n_folds: int = 5,
    random_state: int = 0,
) -> tuple[Floats, Floats]:
    """Return expected outcomes without and with treatment, each predicted by other customers.

    Parameters
    ----------
    X : frame or array-like of shape (n, k)
        Facts of each customer from before the treatment.
    y : array-like of shape (n,)
    treatment : array-like of shape (n,)
        0 for control, 1 for treated.
    base : scikit-learn estimator, optional
        By default a ridge or logistic regression.
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    tuple of two ndarray of float64, shape (n,)
        For `baseline` of the functions that judge.

    Notes
    -----
    Cross-fitting keeps a customer's own outcome out of the customer's expectation. [1]_

    References
    ----------
    .. [1] Chernozhukov et al. (2018), "Double/debiased machine learning for treatment and
       structural parameters", Econometrics Journal 21(1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, treatment = rng.normal(size=(1000, 2)), rng.integers(0, 2, 1000)
    >>> y = X[:, 0] + treatment
    >>> without, treated = cross_fit_baseline(X, y, treatment)
    >>> bool(np.allclose(treated - without, 1, atol=0.05))
    True
    """
    model = Uplift("t", base=base, n_folds=n_folds, random_state=random_state)
    table = read_table(X)
    outcome, treated = as_numbers(y, "y"), as_flags(treatment, "treatment")
    check_lengths(X=table.n, y=len(outcome), treatment=len(treated))
    check_arms(treated)
    model.check()
    lesson = Lesson(
        design=Encoder().fit(table).transform(table),
        outcome=outcome,
        treated=treated,
        chance=np.full(table.n, treated.mean()),
        binary=is_binary(outcome),
        base=base,
        effect_base=None,
        l2=model.l2,
        l2_effect=model.l2_effect,
        n_folds=n_folds,
        random_state=random_state,
    )
    with one_blas_thread():
        return cross_fit_arms(lesson)
