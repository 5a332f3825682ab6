"""Profile intervals: the likelihood at each limit, found by a general optimiser, is at its bar."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from helpers.logistic import customers, written_out
from userportrait.errors import InvalidDataError, InvalidParameterError, NotFittedError
from userportrait.predict import Propensity


def likelihood(
    matrix: np.ndarray, y: np.ndarray, weights: np.ndarray, beta: np.ndarray, *, is_firth: bool
) -> float:
    """Return the log-likelihood, penalised by Jeffreys' prior or not, as it is defined."""
    eta = matrix @ beta
    value = float(weights @ (y * eta - np.logaddexp(0.0, eta)))
    if not is_firth:
        return value
    p = 1 / (1 + np.exp(-eta))
    information = (matrix.T * (weights * p * (1 - p))) @ matrix
    return value + 0.5 * float(np.linalg.slogdet(information)[1])


def highest_with(
    matrix: np.ndarray, y: np.ndarray, weights: np.ndarray, at: int, value: float, *, is_firth: bool
) -> float:
    """Return the greatest log-likelihood with one coefficient held at a value."""
    others = [place for place in range(matrix.shape[1]) if place != at]

    def loss(free: np.ndarray) -> float:
        beta = np.empty(matrix.shape[1])
        beta[at], beta[others] = value, free
        return -likelihood(matrix, y, weights, beta, is_firth=is_firth)

    start = np.zeros(len(others))
    for _ in range(3):
        start = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-7}).x
    return -loss(start)


def check_limits(
    model: Propensity, frame: pd.DataFrame, y: np.ndarray, weights: np.ndarray | None = None
) -> pd.DataFrame:
    """Check each limit of a model; return the table."""
    found = model.summary(frame, y, weights, intervals="profile")
    matrix, each = written_out(model, frame), np.ones(len(y)) if weights is None else weights
    scale = np.abs(matrix).max(axis=0)  # for the optimiser alone
    beta = np.append(model.intercept_, model.coef_[0]) * scale
    best = likelihood(matrix / scale, y, each, beta, is_firth=model.is_penalised_)
    bar = best - 0.5 * stats.chi2.ppf(model.confidence_level, 1)
    for at, row in enumerate(found.to_dict("records")):
        assert row["ci_low"] < row["odds_ratio"] < row["ci_high"]
        for name in ("ci_low", "ci_high"):
            value = float(np.log(row[name])) * scale[at]
            there = highest_with(matrix / scale, y, each, at, value, is_firth=model.is_penalised_)
            assert there == pytest.approx(bar, abs=1e-4)
    return found


def test_limits_are_where_the_likelihood_ratio_test_refuses() -> None:
    frame, y = customers(250)
    weights = np.random.default_rng(2).integers(0, 3, len(frame)).astype(float)
    kept = weights > 0
    model = Propensity(confidence_level=0.9).fit(frame[kept], y[kept], weights[kept])
    found = check_limits(model, frame[kept], y[kept], weights[kept])
    wald = model.summary()
    assert found.drop(columns=["ci_low", "ci_high"]).equals(
        wald.drop(columns=["ci_low", "ci_high"])
    )


def test_limits_of_a_firth_fit_are_of_the_penalised_likelihood() -> None:
    # One level has one outcome only: greatest likelihood has no finite answer.
    source = np.random.default_rng(0)
    frame = pd.DataFrame({"plan": source.choice(["a", "b"], 60), "x": source.normal(size=60)})
    y = np.where(frame["plan"] == "b", 1, source.random(60) < 0.4)
    model = Propensity(penalty="firth").fit(frame, y)
    found = check_limits(model, frame, y)
    plan = found.iloc[1]
    log = np.log(plan[["ci_low", "odds_ratio", "ci_high"]].to_numpy(dtype=float))
    assert log[2] - log[1] > 1.2 * (log[1] - log[0])  # not symmetric: no upper bar is near


def test_only_factors_and_a_large_sample_agree_with_wald() -> None:
    source = np.random.default_rng(4)
    frame = pd.DataFrame({"a": source.choice(list("uvw"), 40_000)})
    y = (source.random(40_000) < np.where(frame["a"] == "v", 0.4, 0.2)).astype(int)
    model = Propensity().fit(frame, y)
    wald, profile = model.summary(), model.summary(frame, y, intervals="profile")
    for name in ("ci_low", "ci_high"):
        assert profile[name].to_numpy() == pytest.approx(wald[name].to_numpy(), rel=1e-3)


def test_units_do_not_move_the_limits() -> None:
    frame, y = customers(300)
    number = next(name for name in frame if pd.api.types.is_numeric_dtype(frame[name]))
    model = Propensity().fit(frame, y)
    one = model.summary(frame, y, intervals="profile")
    far = frame.assign(**{number: 1000.0 * frame[number] + 5e5})
    other = Propensity().fit(far, y).summary(far, y, intervals="profile")
    for name in ("ci_low", "ci_high"):
        near, there = (
            np.log(table.loc[table["term"] == number, name].to_numpy()) for table in (one, other)
        )
        assert 1000 * there == pytest.approx(near, rel=1e-5)


def test_scikit_learns_penalties_have_no_intervals() -> None:
    frame, y = customers(200)
    model = Propensity(penalty="l2").fit(frame, y)
    assert model.summary(frame, y, intervals="profile")[["ci_low", "ci_high"]].isna().all(axis=None)


def test_bad_use_is_told() -> None:
    frame, y = customers(200)
    model = Propensity().fit(frame, y)
    wrong: Any = "profiel"
    with pytest.raises(InvalidParameterError, match="Did you mean 'profile'"):
        model.summary(intervals=wrong)
    with pytest.raises(InvalidParameterError, match="needs X and y"):
        model.summary(intervals="profile")
    with pytest.raises(InvalidDataError, match="summary needs the rows that fit was given"):
        model.summary(frame, 1 - y, intervals="profile")
    with pytest.raises(NotFittedError):
        Propensity().summary(frame, y, intervals="profile")
