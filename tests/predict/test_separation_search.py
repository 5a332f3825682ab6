"""Whether a finite answer of greatest likelihood exists, against an independent program."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from userportrait.errors import InvalidDataError
from userportrait.predict import ConvergenceWarning, Propensity, SeparationWarning


def customers(seed: int) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return few rows; of every fourth seed a number with a long tail."""
    source = np.random.default_rng(seed)
    n = int(source.integers(10, 40))
    frame = pd.DataFrame(
        {
            "spend": source.normal(size=n).round(1),
            "visits": source.integers(0, 4, n).astype(float),
            "plan": source.choice(list("pqr"), n),
        }
    )
    log = frame["spend"].to_numpy()
    chance = 1 / (1 + np.exp(-(4.5 if seed % 4 == 0 else 2.0) * log))
    if seed % 4 == 0:
        frame["spend"] = np.exp(3 * log)
    y = (source.random(n) < chance).astype(np.int64)
    y[:2] = (0, 1)
    return frame, y


def is_separated(frame: pd.DataFrame, y: Any) -> bool:
    """Konis (2007): the sum of all sides, at most, with no row on the wrong side."""
    dummies = pd.get_dummies(frame, columns=["plan"], drop_first=True).to_numpy(dtype=float)
    matrix = np.column_stack([np.ones(len(y)), dummies])
    matrix /= np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    signed = matrix * (2 * y - 1)[:, None]
    solve: Any = linprog
    found = solve(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=(-1, 1), method="highs"
    )
    return bool(-found.fun > 1e-7)


def test_separation_is_found_where_it_is_and_nowhere_else() -> None:
    n_separated = 0
    for seed in range(120):
        frame, y = customers(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Propensity().fit(frame, y)
        expected = is_separated(frame, y)
        n_separated += expected
        assert model.is_penalised_ == expected, seed
    assert 20 < n_separated < 100


def test_a_long_tail_is_no_separation() -> None:
    source = np.random.default_rng(0)
    log = source.normal(size=2000)
    y = (source.random(2000) < 1 / (1 + np.exp(-4.5 * log))).astype(int)
    model = Propensity(on_separation="error").fit(pd.DataFrame({"spend": np.exp(3 * log)}), y)
    assert not model.is_penalised_
    assert np.abs(model.decision_function(pd.DataFrame({"spend": np.exp(3 * log)}))).max() > 30


def test_columns_that_separate_together_are_named_and_no_others() -> None:
    source = np.random.default_rng(1)
    frame = pd.DataFrame(source.normal(size=(400, 4)), columns=list("abcd"))
    y = (frame["a"] + frame["b"] > 0).to_numpy(dtype=int)
    with pytest.warns(SeparationWarning, match="among them a, b"):
        model = Propensity().fit(frame, y)
    assert {one.term for one in model.separation_} == {"a", "b"}


def test_too_few_steps_are_told_as_such() -> None:
    frame, y = customers(1)
    with pytest.warns(ConvergenceWarning, match="not converged after 1 steps.*Raise max_iter"):
        model = Propensity(max_iter=1).fit(frame, y)
    assert not model.is_penalised_
    assert model.separation_ == ()


def test_a_column_may_be_called_intercept() -> None:
    source = np.random.default_rng(2)
    plan, visits = source.choice(list("xy"), 300), source.normal(size=300)
    y = source.integers(0, 2, 300)
    named = pd.DataFrame({"intercept": plan, "visits": visits})
    plain = named.rename(columns={"intercept": "plan"})
    for columns in (["intercept"], ["intercept", "visits"]):
        first = Propensity().fit(named[columns], y)
        second = Propensity().fit(plain.rename(columns={"plan": "plan"})[
            [name.replace("intercept", "plan") for name in columns]
        ], y)  # fmt: skip
        np.testing.assert_array_equal(first.coef_, second.coef_)
        assert not first.is_penalised_


@pytest.mark.parametrize("seed", [4, 12, 16, 32])
def test_firth_takes_the_higher_of_several_tops(seed: int) -> None:
    """A start at greatest likelihood, by scipy, on the penalised likelihood itself."""
    from scipy.optimize import minimize

    frame, y = customers(seed)
    dummies = pd.get_dummies(frame, columns=["plan"], drop_first=True).to_numpy(dtype=float)
    matrix = np.column_stack([np.ones(len(y)), dummies])

    def loss(beta: Any) -> float:
        eta = matrix @ beta
        p = 1 / (1 + np.exp(-np.clip(eta, -700, 700)))
        sign, log_determinant = np.linalg.slogdet((matrix.T * (p * (1 - p))) @ matrix)
        if sign <= 0:
            return 1e9
        return -float((y * eta - np.logaddexp(0, eta)).sum() + 0.5 * log_determinant)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Propensity(penalty="firth").fit(frame, y)
    ours = np.concatenate([model.intercept_, model.coef_[0]])
    search: Any = minimize
    for scale in (0.0, 0.2, 1.0):
        start = scale * ours
        other = search(loss, start, method="Nelder-Mead", options={"maxiter": 4000})
        assert loss(ours) <= other.fun + 1e-6


def test_penalties_without_a_term_are_the_intercept_alone() -> None:
    y = np.arange(40) % 4 == 0
    frame = pd.DataFrame({"noise": np.tile([0.0, 1.0], 20)})
    for penalty in ("l2", "l1", "elasticnet"):
        model = Propensity(penalty=penalty).fit(frame.assign(noise=1.0), y)  # type: ignore[arg-type]
        np.testing.assert_allclose(model.predict_proba(frame)[:, 1], 0.25, rtol=1e-9)


def test_an_id_among_the_columns_is_named() -> None:
    ids = [f"C{at}" for at in range(5000)]
    with pytest.raises(InvalidDataError, match=r"'customer' has 5,000 levels.*if it is an ID"):
        Propensity().fit(pd.DataFrame({"customer": ids}), np.arange(5000) % 2)


@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_steps_by_a_criterion_are_those_of_exact_fits(direction: Any, criterion: Any) -> None:
    """Every candidate of every step refitted; the least criterion is taken."""
    for seed in range(12):
        source = np.random.default_rng(seed)
        frame = pd.DataFrame(source.normal(size=(60, 5)), columns=list("abcde"))
        eta = 0.8 * frame["a"] - 0.6 * frame["b"] + 0.3 * frame["c"]
        y = (source.random(60) < 1 / (1 + np.exp(-eta))).to_numpy(dtype=int)

        def value(chosen: frozenset[str], data: Any = (frame, y)) -> float:
            given, outcome = data
            if not chosen:
                rate = outcome.mean()
                log = len(outcome) * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
                return float(-2 * log + (2.0 if criterion == "aic" else np.log(60)))
            model = Propensity().fit(given[sorted(chosen)], outcome)
            return float(model.aic_ if criterion == "aic" else model.bic_)

        chosen = frozenset[str]() if direction == "forward" else frozenset("abcde")
        while True:
            moves = [chosen ^ {name} for name in "abcde"
                     if (name in chosen) == (direction == "backward")]  # fmt: skip
            best = min(moves, key=value, default=chosen)
            if value(best) >= value(chosen):
                break
            chosen = best
        model = Propensity(stepwise=direction, criterion=criterion).fit(frame, y)
        assert set(model.terms_) == chosen
