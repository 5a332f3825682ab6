"""Spending functions by their formulas, and bounds by published values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Spending
from userportrait.experiment._boundaries import spent_bounds

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]
ALL = [
    Spending(),
    Spending("pocock"),
    Spending("power"),
    Spending("power", 1),
    Spending("hwang-shih-decani"),
    Spending("hwang-shih-decani", 0),
    Spending("hwang-shih-decani", 1.5),
]


def test_families_follow_their_formulas() -> None:
    fraction, alpha = 0.36, 0.025
    root = stats.norm.isf(alpha / 2) / 0.6
    assert Spending().spent(fraction, alpha) == pytest.approx(2 * stats.norm.sf(root), rel=1e-12)
    assert Spending("pocock").spent(fraction, alpha) == pytest.approx(
        alpha * math.log(1 + (math.e - 1) * fraction), rel=1e-14
    )
    assert Spending("power", 2.5).spent(fraction, alpha) == pytest.approx(alpha * 0.6**5)
    assert Spending("hwang-shih-decani", -4.0).spent(fraction, alpha) == pytest.approx(
        alpha * (1 - math.exp(4 * fraction)) / (1 - math.exp(4)), rel=1e-13
    )
    assert Spending("hwang-shih-decani", 0).spent(fraction, alpha) == alpha * fraction


# Lan and DeMets' bounds for five looks at 5 %, two-sided: the first by the project's research
# (200 nodes a look), as in the tables of Jennison and Turnbull (2000), section 7.2.
def test_bounds_of_obrien_fleming_spending_are_the_published_ones() -> None:
    found = spent_bounds(FIFTHS, Spending().steps(FIFTHS, 0.025), two_sided=True)
    assert found == pytest.approx([4.8769, 3.3570, 2.6803, 2.2898, 2.0310], abs=5e-5)


@pytest.mark.parametrize("spending", ALL)
@given(
    first=st.floats(0.0, 1.2),
    second=st.floats(0.0, 1.2),
    alpha=st.floats(1e-6, 0.5),
)
def test_spending_rises_from_nothing_to_all(
    spending: Spending, first: float, second: float, alpha: float
) -> None:
    low, high = sorted((first, second))
    assert 0.0 <= spending.spent(low, alpha) <= spending.spent(high, alpha) * (1 + 1e-12)
    assert spending.spent(high, alpha) <= alpha * (1 + 1e-12)
    assert spending.spent(0.0, alpha) == 0.0
    assert spending.spent(1.0, alpha) == alpha


@pytest.mark.parametrize("spending", ALL)
def test_steps_add_up(spending: Spending) -> None:
    assert sum(spending.steps(FIFTHS, 0.05)) == pytest.approx(0.05, rel=1e-14)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"Did you mean 'pocock'"):
        Spending("pocok")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="means nothing for 'pocock'"):
        Spending("pocock", 2.0)
    with pytest.raises(InvalidParameterError, match=r"\(0, 20\]"):
        Spending("power", 0.0)
