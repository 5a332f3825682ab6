"""Which shade a number gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.report._shades import COUNT_BEND, N_SHADES, heat_limits, heat_step, worth_step


@pytest.mark.parametrize(
    ("mean", "step"), [(0, 0), (20, 0), (25, 1), (60, 2), (100, 3), (150, 4), (300, 5), (400, 6)]
)
def test_worth_is_measured_against_the_shops_mean(mean: float, step: int) -> None:
    assert worth_step(mean, 100.0) == step


def test_a_shop_without_spend_has_one_shade() -> None:
    assert worth_step(0.0, 0.0) == worth_step(5.0, -1.0) == N_SHADES // 2


@given(st.floats(0, 1), st.sampled_from([1.0, COUNT_BEND]))
def test_steps_lie_between_their_limits(share: float, bend: float) -> None:
    limits = heat_limits(50.0, bend)
    step = heat_step(50.0 * share, 50.0, bend)
    assert 0 <= step < N_SHADES
    assert limits[step] * (1 - 1e-6) <= 50.0 * share <= limits[step + 1] * (1 + 1e-6)


def test_nothing_has_the_lightest_shade() -> None:
    assert heat_step(0.0, 0.0) == heat_step(0.0, 5.0) == heat_step(-1.0, 5.0) == 0
    assert heat_step(5.0, 5.0) == N_SHADES - 1
