"""Stops for futility: what is missed, what is kept, and independent integration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from userportrait.experiment import Estimate, GroupSequential, Spending

HSD = Spending("hwang-shih-decani", -2.0)


@pytest.mark.parametrize("binding", [False, True])
@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_power_and_level_are_as_planned(alternative: Any, power: float, binding: bool) -> None:
    design = GroupSequential(looks=5, futility=HSD, binding=binding, power=power)
    found = design.bounds(0.05, alternative)
    side = 0.025 if alternative == "two-sided" else 0.05
    assert found.exits(found.drift).above.sum() == pytest.approx(power, abs=3e-5)
    assert found.exits(0.0, futility=binding).above.sum() == pytest.approx(side, rel=1e-9)
    if not binding:  # who obeys nevertheless has fewer false alarms
        assert found.exits(0.0, futility=True).above.sum() < side
    assert found.futility is not None
    assert found.futility[-1] == found.upper[-1]


def test_misses_are_spent_as_planned() -> None:
    times = (0.3, 0.6, 1.0)
    found = GroupSequential(fractions=times, futility=HSD, power=0.9).bounds(0.025, "greater")
    stopped = found.exits(found.drift)
    assert stopped.below == pytest.approx(HSD.steps(times, 0.1), rel=1e-6)


def test_simulated_trials_agree() -> None:
    design = GroupSequential(looks=4, futility=Spending("pocock"), binding=True)
    found = design.bounds(0.05, "two-sided")
    assert found.futility is not None
    rng = np.random.default_rng(2)
    times = np.array(found.times)
    for drift, expected in ((0.0, 0.05), (found.drift, 0.8)):
        walk = np.cumsum(drift / 4 + rng.standard_normal((60_000, 4)) / 2, axis=1)
        z = np.abs(walk / np.sqrt(times))
        over = z >= np.array(found.upper)
        ended = over | (z <= np.array(found.futility))
        first = ended.argmax(axis=1)
        share = over[np.arange(len(z)), first].mean()
        assert share == pytest.approx(expected, abs=0.006)


def test_two_looks_by_the_bivariate_normal_distribution() -> None:
    found = GroupSequential(fractions=(0.5, 1.0), futility=HSD).bounds(0.05, "greater")
    assert found.futility is not None
    low, (first, last) = found.futility[0], found.upper
    mean = found.drift * np.sqrt([0.5, 1.0])
    cov = [[1.0, math.sqrt(0.5)], [math.sqrt(0.5), 1.0]]
    late = stats.multivariate_normal.cdf(
        [first, np.inf], mean, cov, lower_limit=[low, last], abseps=1e-10, releps=1e-10
    )
    assert stats.norm.sf(first - mean[0]) + late == pytest.approx(0.8, abs=1e-7)


def judged(z: float, **design: Any) -> Any:
    estimate = Estimate(
        metric="spend", control="A", variant="B", n_control=100, n_variant=100,
        control_mean=10.0, variant_mean=10.0 + 0.2 * z, control_variance=0.02,
        variant_variance=0.02,
    )  # fmt: skip
    alternative = design.pop("alternative", "greater")
    return GroupSequential(looks=4, look=3, futility=HSD, **design).judge(
        estimate, alpha=0.05, alternative=alternative
    )


def test_the_decision_stops_where_an_effect_is_unlikely() -> None:
    found = judged(0.1)
    assert found.facts["decision"] == "futility"
    assert found.facts["stopped"] is True
    assert found.p_value > 0.05
    assert found.interval[0] < 0.0
    assert judged(1.5).facts["decision"] == "continue"
    assert judged(-0.1, alternative="less").facts["decision"] == "futility"
    assert judged(-1.5, alternative="less").facts["decision"] == "continue"
    assert judged(0.1, alternative="two-sided").facts["decision"] == "futility"
    assert judged(0.1, binding=True).facts["decision"] == "futility"


def test_agreement_after_a_stop_holds_with_binding_futility() -> None:
    design = GroupSequential(looks=4, futility=HSD, binding=True)
    for alternative in ("greater", "two-sided"):
        upper = design.bounds(0.05, alternative).upper
        for look in (2, 3, 4):
            for off in (-1e-4, 1e-4):
                found = judged_at(design, look, upper[look - 1] + off, alternative)
                crossed = off > 0
                assert (found.facts["decision"] == "effect") == crossed
                if crossed or look == 4:
                    assert (found.p_value <= 0.05) == crossed
                    assert (found.interval[0] > 0.0) == crossed


def judged_at(design: GroupSequential, look: int, z: float, alternative: Any) -> Any:
    from dataclasses import replace

    estimate = Estimate(
        metric="spend", control="A", variant="B", n_control=100, n_variant=100,
        control_mean=10.0, variant_mean=10.0 + 0.2 * z, control_variance=0.02,
        variant_variance=0.02,
    )  # fmt: skip
    return replace(design, look=look).judge(estimate, alpha=0.05, alternative=alternative)
