"""Cost of several looks against printed tables, simulation and bad input."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from userportrait.errors import InvalidParameterError
from userportrait.experiment import (
    Anytime,
    Fixed,
    GroupSequential,
    Spending,
    inflation_factor,
    plan_looks,
)

# Jennison and Turnbull (2000), tables 2.2 and 2.4, two-sided 5 %, power 0.8 and 0.9.
POCOCK = {2: (1.110, 1.100), 5: (1.229, 1.207), 10: (1.301, 1.271)}
OBRIEN_FLEMING = {2: (1.008, 1.007), 5: (1.028, 1.026), 10: (1.040, 1.037)}


@pytest.mark.parametrize("looks", [2, 5, 10])
def test_inflation_is_the_printed_one(looks: int) -> None:
    for boundary, table in (("pocock", POCOCK), ("obrien-fleming", OBRIEN_FLEMING)):
        design = GroupSequential(looks=looks, boundary=boundary)  # type: ignore[arg-type]
        for power, printed in zip((0.8, 0.9), table[looks], strict=True):
            assert inflation_factor(design, 0.05, power) == pytest.approx(printed, abs=6e-4)


def test_one_look_costs_nothing() -> None:
    for alternative in ("two-sided", "greater", "less"):
        assert inflation_factor(Fixed(), 0.05, 0.8, alternative) == 1.0
        found = inflation_factor(GroupSequential(looks=1), 0.01, 0.95, alternative)
        assert found == pytest.approx(1.0, abs=1e-9)


def test_one_sided_tests_cost_the_same_at_half_the_level() -> None:
    design = GroupSequential(looks=4)
    assert inflation_factor(design, 0.025, 0.8, "less") == pytest.approx(
        inflation_factor(design, 0.05, 0.8), rel=1e-4
    )


@pytest.mark.parametrize(
    "design",
    [
        GroupSequential(looks=4),
        GroupSequential(looks=3, boundary="pocock"),
        GroupSequential(looks=4, futility=Spending("hwang-shih-decani", -2)),
        GroupSequential(looks=4, futility=Spending("power", 2), binding=True),
    ],
)
@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_expected_units_are_those_of_simulated_trials(
    design: GroupSequential, alternative: Any
) -> None:
    plan = plan_looks(design, alternative=alternative)
    rng = np.random.default_rng(1)
    times, n = np.array(plan.fractions), 40_000
    drift = design.needed_drift(0.05, 0.8, alternative)
    for effect, expected, power in (
        (0.0, plan.expected_without_effect, None),
        (drift / 2, plan.expected_halfway, None),
        (drift, plan.expected_with_effect, 0.8),
    ):
        steps = np.diff(times, prepend=0.0)
        noise = rng.standard_normal((n, len(times))) * np.sqrt(steps)
        z = np.cumsum(effect * steps + noise, axis=1) / np.sqrt(times)
        over, under = z >= np.array(plan.upper), z <= np.array(plan.lower)
        ended = over | under | (np.abs(z) <= np.array(plan.inner)) & (np.array(plan.inner) > 0)
        ended[:, -1] = True
        first = ended.argmax(axis=1)
        assert plan.inflation * times[first].mean() == pytest.approx(expected, abs=0.006)
        if power is not None:
            assert over[np.arange(n), first].mean() == pytest.approx(power, abs=0.008)


def test_plans_say_what_is_spent() -> None:
    plan = plan_looks(GroupSequential(looks=5), alpha=0.05, power=0.9)
    frame = plan.to_frame()
    assert list(frame["look"]) == [1, 2, 3, 4, 5]
    assert plan.alpha_spent[-1] == pytest.approx(0.05, abs=1e-9)
    assert plan.power_spent[-1] == pytest.approx(0.9, abs=1e-8)
    assert sum(plan.stop_without_effect) == pytest.approx(1.0, abs=1e-12)
    assert sum(plan.stop_with_effect) == pytest.approx(1.0, abs=1e-12)
    assert plan.expected_with_effect < 1.0 < plan.inflation
    assert plan.to_dict()["upper"] == plan.upper
    assert "units at the last look: 1.0" in str(plan)
    assert "<table>" in plan._repr_html_()
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_anytime_costs_less_with_a_horizon_and_little_with_a_last_look() -> None:
    always = inflation_factor(Anytime(n_star=1000))
    until = inflation_factor(Anytime(horizon=1000))
    last = inflation_factor(Anytime(horizon=1000, peek_share=0.2))
    assert 1.5 < always < 1.7
    assert 1.25 < until < 1.35
    assert 1.0 < last < 1.03


def test_anytime_power_is_that_of_simulated_paths() -> None:
    design = Anytime(horizon=1000)
    drift = math.sqrt(inflation_factor(design)) * (1.959964 + 0.841621)
    peeks = design.peeks(0.05, 7.936154601737565, two_sided=True)
    rng = np.random.default_rng(4)
    times = np.arange(1, 1001) / 1000
    limits = np.array([peeks.bound(float(t)) * math.sqrt(t) for t in times])
    found = 0
    for _ in range(10):
        steps = drift / 1000 + rng.standard_normal((1000, 1000)) * math.sqrt(0.001)
        found += int((np.cumsum(steps, axis=1) >= limits).any(axis=1).sum())
    # A thousand looks see a little less than watching all the time does.
    assert found / 10_000 == pytest.approx(0.8, abs=0.015)


def test_bad_plans_are_named() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        inflation_factor(Fixed(), 0.0, 1.0, "both")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3
    with pytest.raises(InvalidParameterError, match=r"power must be a number in \(0\.1, 1\]"):
        inflation_factor(GroupSequential(), 0.1, 0.05)
    with pytest.raises(InvalidParameterError, match="design must be GroupSequential"):
        plan_looks(Fixed())  # type: ignore[arg-type]
