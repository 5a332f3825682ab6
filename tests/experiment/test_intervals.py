"""Critical values, p-values below every float, Fieller's sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from userportrait.experiment import Estimate
from userportrait.experiment._intervals import (
    critical_value,
    effect_interval,
    log_p,
    relative_interval,
    relative_std_error,
)


def estimate(
    control: float, variant: float, *, first: float = 0.04, second: float = 0.09, both: float = 0.0
) -> Estimate:
    return Estimate(
        metric="m", control="A", variant="B", n_control=100, n_variant=100, control_mean=control,
        variant_mean=variant, control_variance=first, variant_variance=second, covariance=both,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("freedom", "statistic", "expected"),
    [  # mpmath 1.3, 40 to 60 digits: incomplete beta function, or quadrature of the density
        (1.0, 200.0, -6.4430555856404938),
        (2.5, 60.0, -10.565957886129266),
        (10.0, 37.0, -26.724802747342999),
        (137.3, 60.0, -230.17959671555306),
        (4000.0, 60.0, -1288.4004684437578),
        (1e6, 200.0, -19616.554247432212),
        (3e8, 60.0, -1805.0027547678338),
        (math.inf, 60.0, -1805.0135606805671),
        (math.inf, 1000.0, -500007.82669481218),
    ],
)
def test_the_logarithm_of_a_tail_is_right_where_the_tail_itself_is_zero(
    freedom: float, statistic: float, expected: float
) -> None:
    assert log_p(statistic, "greater", freedom) == pytest.approx(expected, rel=1e-13, abs=1e-11)
    assert log_p(-statistic, "less", freedom) == pytest.approx(expected, rel=1e-13, abs=1e-11)
    two = log_p(-statistic, "two-sided", freedom)
    assert two == pytest.approx(expected + math.log(2.0), rel=1e-13, abs=1e-11)


@given(st.floats(-30.0, 30.0), st.floats(1.0, 1e5))
def test_p_values_are_those_of_scipy(statistic: float, freedom: float) -> None:
    t = stats.t(freedom)
    pairs = [
        ("greater", t.sf(statistic)),
        ("less", t.cdf(statistic)),
        ("two-sided", 2.0 * t.sf(abs(statistic))),
    ]
    for alternative, expected in pairs:
        found = math.exp(log_p(statistic, alternative, freedom))  # type: ignore[arg-type]
        assert found == pytest.approx(expected, rel=1e-9)


def test_a_statistic_without_a_value_has_no_p_value() -> None:
    assert math.isnan(log_p(math.nan, "two-sided"))
    assert log_p(math.inf, "two-sided", 5.0) == -math.inf
    assert log_p(0.0, "two-sided") == 0.0


@pytest.mark.parametrize("freedom", [1.0, 3.7, 250.0, 1e12, math.inf])
def test_critical_values_are_quantiles(freedom: float) -> None:
    assert critical_value(0.05, "two-sided", freedom) == pytest.approx(
        stats.t.isf(0.025, freedom), rel=1e-9
    )
    assert critical_value(0.01, "less", freedom) == pytest.approx(
        stats.t.isf(0.01, freedom), rel=1e-9
    )


def test_one_sided_intervals_have_one_end() -> None:
    assert effect_interval(1.0, 0.5, 2.0, "two-sided") == (0.0, 2.0)
    assert effect_interval(1.0, 0.5, 2.0, "greater") == (0.0, math.inf)
    assert effect_interval(1.0, 0.5, 2.0, "less") == (-math.inf, 2.0)


@given(
    st.floats(0.7, 50.0), st.floats(-50.0, 50.0), st.floats(0.0, 0.05), st.floats(0.0, 4.0),
    st.floats(-0.9, 0.9),
)  # fmt: skip
def test_at_the_ends_of_fiellers_interval_the_test_just_rejects(
    control: float, variant: float, first: float, second: float, correlation: float
) -> None:
    both = correlation * math.sqrt(first * second)
    found = estimate(control, variant, first=first, second=second, both=both)
    (low, high), notes = relative_interval(found, 2.0, "two-sided")
    assert not notes
    for end in (low, high):
        ratio = 1.0 + end
        variance = second - 2.0 * ratio * both + ratio * ratio * first
        distance = (variant - ratio * control) ** 2 - 4.0 * variance
        assert abs(distance) <= 1e-9 * (variant**2 + (ratio * control) ** 2 + 4.0 * variance + 1e-9)
    assert low - 1e-9 <= found.relative <= high + 1e-9


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_the_metric_does_not_matter(unit: float) -> None:
    plain = estimate(3.0, 4.0, both=0.01)
    other = estimate(
        3.0 * unit, 4.0 * unit, first=0.04 * unit**2, second=0.09 * unit**2, both=0.01 * unit**2
    )
    for method in ("fieller", "log", "delta"):
        first, _ = relative_interval(plain, 1.96, "two-sided", method)  # type: ignore[arg-type]
        second, _ = relative_interval(other, 1.96, "two-sided", method)  # type: ignore[arg-type]
        assert second == pytest.approx(first, rel=1e-9)


def test_a_control_that_may_be_zero_bounds_nothing_and_says_so() -> None:
    interval, notes = relative_interval(estimate(0.3, 5.0), 2.0, "two-sided")
    assert interval == (-math.inf, math.inf)
    assert len(notes) == 1
    assert "cannot be told from 0" in notes[0]
    assert "rule out values from" in notes[0]  # the variant is far from 0, so a share of 1 is not
    _, nothing = relative_interval(estimate(0.3, 0.2), 2.0, "two-sided")
    assert "rule out" not in nothing[0]


def test_a_control_of_zero_has_no_share() -> None:
    interval, notes = relative_interval(estimate(0.0, 1.0), 2.0, "two-sided")
    assert all(math.isnan(end) for end in interval)
    assert notes == ("The control's mean is 0, so no share of it exists.",)
    assert math.isnan(relative_std_error(estimate(0.0, 1.0)))


def test_a_negative_control_turns_the_sides_round() -> None:
    found = estimate(-5.0, -4.0)  # 1 more, which is 20 % of 5 less
    (low, high), _ = relative_interval(found, 2.0, "two-sided")
    assert relative_interval(found, 2.0, "greater")[0] == (-math.inf, high)
    assert relative_interval(found, 2.0, "less")[0] == (low, math.inf)


def test_log_and_delta_are_the_textbook_formulas() -> None:
    found = estimate(5.0, 6.0)
    spread = math.sqrt(0.04 / 25.0 + 0.09 / 36.0)
    (low, high), _ = relative_interval(found, 1.96, "two-sided", "log")
    assert (low, high) == pytest.approx(
        (1.2 * math.exp(-1.96 * spread) - 1.0, 1.2 * math.exp(1.96 * spread) - 1.0), rel=1e-12
    )
    (low, high), _ = relative_interval(found, 1.96, "two-sided", "delta")
    assert (low, high) == pytest.approx((0.2 - 1.96 * 1.2 * spread, 0.2 + 1.96 * 1.2 * spread))
    interval, notes = relative_interval(estimate(5.0, -1.0), 1.96, "two-sided", "log")
    assert all(math.isnan(end) for end in interval)
    assert "same sign" in notes[0]


def test_fiellers_interval_covers_a_small_noisy_mean() -> None:
    """Control of 3 standard errors: 40,000 draws, level 95 %, standard error of the share 0.1 %."""
    rng = np.random.default_rng(5)
    draws = rng.normal([1.0, 1.3], [1.0 / 3.0, 0.4], size=(40_000, 2))
    covered = 0
    for control, variant in draws.tolist():
        found = estimate(control, variant, first=1.0 / 9.0, second=0.16)
        (low, high), _ = relative_interval(found, 1.959964, "two-sided")
        covered += low <= 0.3 <= high
    # Sets that are not bounded are given as all numbers, so more than 95 % is right.
    assert 0.948 <= covered / 40_000 <= 0.975
