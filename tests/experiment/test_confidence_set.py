"""Sets of a ratio: compared with the inequality that defines them, value by value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.experiment import ConfidenceSet
from userportrait.experiment._confidence_set import fieller_set

sizes = st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3)
spreads = st.floats(0.05, 3)


@given(sizes, sizes, spreads, spreads, st.floats(-0.95, 0.95), st.floats(1, 3))
def test_a_set_holds_exactly_what_the_test_does_not_reject(
    top: float, below: float, sd: float, below_sd: float, correlation: float, critical: float
) -> None:
    covariance = correlation * sd * below_sd
    found = fieller_set(
        top, below, variance=sd**2, denominator_variance=below_sd**2,
        covariance=covariance, critical=critical,
    )  # fmt: skip
    for ratio in np.tan(np.linspace(-1.57, 1.57, 301)):
        spread = sd**2 - 2 * ratio * covariance + (ratio * below_sd) ** 2
        excess = (top - ratio * below) ** 2 - critical**2 * spread
        scale = top**2 + (ratio * below) ** 2 + critical**2 * spread
        if abs(excess) > 1e-9 * scale:
            assert (ratio in found) == (excess < 0)


def test_a_denominator_known_exactly_gives_the_plain_interval() -> None:
    found = fieller_set(6.0, 2.0, variance=1.0, denominator_variance=0.0, critical=2.0)
    assert found.parts == ((2.0, 4.0),)


def test_nothing_over_nothing_has_no_value() -> None:
    found = fieller_set(1.0, 0.0, variance=1.0, denominator_variance=0.0, critical=2.0)
    assert found.parts == ()
    assert all(map(math.isnan, found.hull))
    assert not found.is_bounded
    assert str(found) == "no value has a meaning"


def test_a_denominator_at_the_edge_of_nothing_bounds_one_side() -> None:
    found = fieller_set(3.0, 2.0, variance=1.0, denominator_variance=1.0, critical=2.0)
    assert found.parts == ((5 / 12, math.inf),)
    assert str(found) == "from 0.416667 on"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (((-math.inf, math.inf),), "any number"),
        (((1.0, 2500.0),), "1 to 2,500"),
        (((-math.inf, -1.0), (4.0, math.inf)), "up to -1, or from 4 on"),
    ],
)
def test_a_set_is_told_in_words(parts: tuple[tuple[float, float], ...], text: str) -> None:
    assert str(ConfidenceSet(parts)) == text


def test_a_shift_moves_every_part() -> None:
    moved = ConfidenceSet(((-math.inf, 0.0), (2.0, math.inf))).shift(-1.0)
    assert moved.parts == ((-math.inf, -1.0), (1.0, math.inf))


@pytest.mark.parametrize("below", [0.4, 1.0, 3.0])
def test_the_set_holds_the_truth_as_often_as_promised(below: float) -> None:
    rng, n, hits = np.random.default_rng(4), 4000, 0
    for top_seen, below_seen in zip(
        rng.normal(2.0, 0.5, n), rng.normal(below, 0.4, n), strict=True
    ):
        found = fieller_set(
            top_seen, below_seen, variance=0.25, denominator_variance=0.16, critical=1.959964
        )
        hits += 2.0 / below in found
    # Exact for normal estimates: 95 %, and four standard errors of 4,000 draws are 1.4 points.
    assert abs(hits / n - 0.95) < 0.014
