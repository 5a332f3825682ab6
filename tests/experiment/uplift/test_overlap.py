"""Overlap and balance: figures by hand, the test's level, what is poor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from userportrait.errors import DataWarning, InvalidDataError, InvalidParameterError
from userportrait.experiment.uplift import check_overlap


def test_the_figures_are_worked_by_hand() -> None:
    x = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [0.0]])
    treated = [0, 1, 1, 1, 0, 0]
    chance = np.where(x[:, 0] == 1, 2 / 3, 1 / 3)
    found = check_overlap(x, treated, propensity=chance)
    # Three of each arm: means 2/3 and 1/3, spread 1/2; weighted by inverse chances equal.
    [(name, before, after)] = found.balance
    assert (name, before) == ("x0", pytest.approx(2 / 3))
    assert after == pytest.approx(0, abs=1e-12)
    # Weights of the treated: 0.5 / (1/3), twice 0.5 / (2/3).
    weights = np.array([1.5, 0.75, 0.75])
    assert found.effective_treated == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.share_outside == 0


def test_randomness_is_tested_like_statsmodels() -> None:
    linear: Any = pytest.importorskip("statsmodels.regression.linear_model")
    rng = np.random.default_rng(0)
    x, treated = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    wanted = linear.OLS(treated, np.column_stack([np.ones(200), x])).fit().f_pvalue
    assert check_overlap(x, treated).random_p_value == pytest.approx(wanted, rel=1e-9)


def test_a_random_assignment_alarms_at_the_level() -> None:
    # 1,000 assignments, 5 % plus or minus four standard errors of 0.7 points.
    from userportrait.experiment.uplift._overlap import _random_p

    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 5))
    alarms = [_random_p(x, rng.random(100) < 0.5) < 0.05 for _ in range(1000)]
    assert 0.022 <= np.mean(alarms) <= 0.078


def test_customers_without_a_match_are_counted() -> None:
    x = np.zeros((100, 1))
    treated = np.arange(100) % 2
    chance = np.where(np.arange(100) < 10, 0.04, 0.5)
    found = check_overlap(x, treated, propensity=chance)
    assert found.share_outside == pytest.approx(0.1)
    assert found.is_poor
    # A share of 2 % is no lack of overlap where everybody has it.
    few = np.arange(1000) % 50 == 0
    assert not check_overlap(np.zeros((1000, 1)), few, propensity=np.full(1000, 0.02)).is_poor


def test_what_is_poor_is_refused_or_warned_of() -> None:
    rng = np.random.default_rng(0)
    spend = rng.normal(size=1000)
    frame = pd.DataFrame({"spend": spend})
    with pytest.raises(InvalidDataError, match="hardly a match in the other arm"):
        check_overlap(frame, spend > 0, poor="raise")
    with pytest.warns(DataWarning, match="hardly a match"):
        check_overlap(frame, spend > 0, poor="warn")
    found = check_overlap(frame, spend > 0)
    assert not found.is_random
    assert found.to_frame()["feature"].tolist() == ["spend"]
    assert "not random" in str(found)
    assert "share_outside" in found._repr_html_()


def test_a_feature_that_is_constant_tells_nothing() -> None:
    found = check_overlap(np.zeros((40, 1)), np.arange(40) % 2)
    assert found.random_p_value == 1
    assert found.balance == ()


def test_messages() -> None:
    with pytest.raises(InvalidParameterError, match="poor"):
        check_overlap(np.zeros((4, 1)), [0, 1, 0, 1], poor="rais")  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="X has 4, treatment has 3"):
        check_overlap(np.zeros((4, 1)), [0, 1, 0])
