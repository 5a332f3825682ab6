"""Dunnett's test: printed tables, scipy, and the one-comparison case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from userportrait.experiment import Estimate
from userportrait.experiment._dunnett import (
    control_loads,
    dunnett_level,
    dunnett_log_p,
    statistic_of,
)
from userportrait.experiment._intervals import critical_value, log_p


@pytest.mark.parametrize(
    ("freedom", "k", "printed"),
    [  # Dunnett (1964), two-sided 5 % points for arms of equal size
        (5.0, 2, 3.03), (5.0, 4, 3.48), (5.0, 9, 3.97), (10.0, 3, 2.76), (20.0, 2, 2.38),
        (20.0, 3, 2.54), (20.0, 9, 2.95), (60.0, 3, 2.41), (math.inf, 2, 2.21),
        (math.inf, 3, 2.35), (math.inf, 5, 2.51), (math.inf, 9, 2.69),
    ],
)  # fmt: skip
def test_critical_values_are_those_of_the_table(freedom: float, k: int, printed: float) -> None:
    loads = np.sqrt(np.full(k, 0.5))
    level = dunnett_level(0.05, loads, freedom, "two-sided")
    assert critical_value(level, "two-sided", freedom) == pytest.approx(printed, abs=0.0051)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_p_values_are_those_of_scipy(alternative: str) -> None:
    """scipy integrates by a random rule: about three digits."""
    rng = np.random.default_rng(1)
    control = rng.normal(size=20)
    sign = -1.0 if alternative == "less" else 1.0
    others = [rng.normal(sign * m, 1.0, size=n) for m, n in ((0.6, 15), (0.9, 30), (0.2, 60))]
    known = stats.dunnett(
        *others, control=control, alternative=alternative, random_state=np.random.default_rng(2)
    )
    freedom = float(20 + 15 + 30 + 60 - 4)
    groups = [control, *others]
    pooled = sum((len(g) - 1) * g.var(ddof=1) for g in groups) / freedom
    loads = np.array([math.sqrt((1 / 20) / (1 / 20 + 1 / len(g))) for g in others])
    for at, group in enumerate(others):
        statistic = (group.mean() - control.mean()) / math.sqrt(pooled * (1 / 20 + 1 / len(group)))
        found = math.exp(dunnett_log_p(statistic, loads, freedom, alternative))  # type: ignore[arg-type]
        assert found == pytest.approx(known.pvalue[at], rel=5e-3, abs=2e-4)


@pytest.mark.parametrize("freedom", [3.0, 50.0, 1e9, math.inf])
def test_one_comparison_needs_no_adjustment(freedom: float) -> None:
    one = np.array([0.7])
    for statistic in (-1.0, 0.5, 2.0, 4.0):
        for alternative in ("two-sided", "greater", "less"):
            found = dunnett_log_p(statistic, one, freedom, alternative)  # type: ignore[arg-type]
            plain = log_p(statistic, alternative, freedom)  # type: ignore[arg-type]
            assert found == pytest.approx(plain, rel=1e-8, abs=1e-9)
    assert dunnett_level(0.05, one, freedom, "two-sided") == 0.05


def test_independent_comparisons_multiply() -> None:
    """Without a shared error and with a known variance: 1 - (1 - p)^k."""
    for statistic in (1.0, 2.5, 6.0):
        p = math.exp(log_p(statistic, "two-sided"))
        expected = math.log(-math.expm1(4.0 * math.log1p(-p)))
        found = dunnett_log_p(statistic, np.zeros(4), math.inf, "two-sided")
        assert found == pytest.approx(expected, rel=1e-10)


def test_a_steep_integrand_is_integrated_all_the_same() -> None:
    """With nearly all error shared, k comparisons are nearly one."""
    loads = np.sqrt(np.full(5, 0.9998))
    found = math.exp(dunnett_log_p(1.96, loads, math.inf, "two-sided"))
    rng = np.random.default_rng(3)
    z = rng.normal(size=(400_000, 1)) * loads[0] + rng.normal(size=(400_000, 5)) * math.sqrt(0.0002)
    assert found == pytest.approx((np.abs(z).max(axis=1) > 1.96).mean(), abs=0.0012)


def test_far_tails_keep_to_the_bound_of_bonferroni() -> None:
    loads = np.sqrt(np.full(3, 0.5))
    for statistic in (3.0, 6.9, 7.3, 20.0, 60.0):
        bound = math.log(3.0) + log_p(statistic, "two-sided")
        found = dunnett_log_p(statistic, loads, math.inf, "two-sided")
        assert found <= bound
        assert found >= bound - 0.4


def test_a_p_value_gives_its_statistic_back() -> None:
    for alternative, statistic in (("two-sided", 1.3), ("greater", -0.4), ("less", -2.0)):
        log = log_p(statistic, alternative, 12.0)  # type: ignore[arg-type]
        found = statistic_of(log, alternative, 12.0)  # type: ignore[arg-type]
        assert found == pytest.approx(statistic, rel=1e-9)
    assert statistic_of(-2_000.0, "two-sided", 12.0) == math.inf
    assert statistic_of(-2_000.0, "less", 12.0) == -math.inf
    assert statistic_of(0.0, "two-sided", 12.0) == 0.0


def test_loads_follow_from_the_shared_control() -> None:
    def estimate(n_control: int, n_variant: int) -> Estimate:
        return Estimate(
            metric="m", control="A", variant="B", n_control=n_control, n_variant=n_variant,
            control_mean=1.0, variant_mean=1.0, control_variance=1.0 / n_control,
            variant_variance=1.0 / n_variant,
        )  # fmt: skip

    loads = control_loads([estimate(100, 100), estimate(100, 50)])
    assert loads.tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(1.0 / 3.0)])
