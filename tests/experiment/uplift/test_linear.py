"""The regressions below: against scikit-learn, and where they could run away."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift._folds import make_folds
from userportrait.experiment.uplift._linear import (
    Linear,
    Wrapped,
    fit_logistic,
    fit_ridge,
    with_constant,
)


def data(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, x @ np.array([1.0, -0.5, 0.0, 0.2]) - 1


def test_logistic_equals_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    x, line = data(0)
    rng = np.random.default_rng(1)
    y, weight = (rng.random(300) < expit(line)).astype(float), rng.uniform(0.5, 2, 300)
    ours = fit_logistic(with_constant(x), y, np.r_[0.0, np.full(4, 2.0)], weight)
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(x, y, weight)
    assert ours == pytest.approx(np.r_[theirs.intercept_, theirs.coef_[0]], abs=1e-5)


def test_ridge_equals_scikit_learn() -> None:
    from sklearn.linear_model import Ridge

    x, line = data(0)
    rng = np.random.default_rng(1)
    y, weight = line + rng.normal(size=300), rng.uniform(0.5, 2, 300)
    ours = fit_ridge(with_constant(x), y, np.r_[0.0, np.full(4, 3.0)], weight)
    theirs = Ridge(alpha=3.0, tol=1e-12).fit(x, y, weight)
    assert ours == pytest.approx(np.r_[theirs.intercept_, theirs.coef_], abs=1e-8)


def test_separated_and_constant_outcomes_stay_finite() -> None:
    x, line = data(0)
    for y in (line > 0, np.ones(300, bool), np.zeros(300, bool)):
        model = Linear(binary=True, l2=0.0)
        model.fit(x, y.astype(float))
        found = model.predict(x)
        assert np.isfinite(found).all()
        assert np.abs(found - y).max() < 0.01


def test_columns_that_repeat_each_other_are_no_problem() -> None:
    x, line = data(0)
    twice = np.column_stack([x, x])
    one, two = Linear(binary=False, l2=0.0), Linear(binary=False, l2=0.0)
    one.fit(x, line)
    two.fit(twice, line)
    assert two.predict(twice) == pytest.approx(one.predict(x), abs=1e-5)


def test_an_estimator_is_copied_and_asked_for_chances() -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    x, line = data(0)
    base = LogisticRegression()
    model = Wrapped(base, binary=True)
    model.fit(x, (line > 0).astype(float))
    found = model.predict(x)
    assert 0 < found.min() < 0.2 < 0.8 < found.max() < 1
    assert not hasattr(base, "coef_")
    model.fit(x, np.ones(300))  # one class only, which scikit-learn would refuse
    assert (model.predict(x) == 1).all()
    with pytest.raises(InvalidParameterError, match="base is a classifier"):
        Wrapped(base, binary=False)
    regressor = Wrapped(LinearRegression(), binary=False)
    regressor.fit(x, line, np.ones(300))
    assert regressor.predict(x) == pytest.approx(line)


def test_folds_are_balanced_and_do_not_depend_on_row_order() -> None:
    rng = np.random.default_rng(0)
    x, treated = rng.normal(size=(1000, 3)), rng.random(1000) < 0.3
    y = (rng.random(1000) < 0.2).astype(float)
    folds = make_folds(x, y, treated, 5, 0)
    for members in (treated, ~treated, y == 1):
        sizes = np.bincount(folds[members], minlength=5)
        assert np.ptp(sizes) <= 6
    order = rng.permutation(1000)
    assert (make_folds(x[order], y[order], treated[order], 5, 0) == folds[order]).all()
    assert (make_folds(x, y, treated, 5, 1) != folds).any()
    with pytest.raises(InvalidDataError, match="too few for 5 folds"):
        make_folds(x[:20], y[:20], treated[:20], 5, 0)
