"""Bounds of repeated looks against printed tables, other integrations and closed forms."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from userportrait.experiment._boundaries import (
    Walk,
    exits,
    last_bound,
    shaped_bounds,
    solve_above,
    solve_inside,
    spent_bounds,
)


def evenly(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]


# Jennison and Turnbull (2000), tables 2.1, 2.3 and 2.9, as printed: two-sided constants.
POCOCK = {
    0.01: {2: 2.772, 3: 2.873, 4: 2.939, 5: 2.986, 10: 3.117, 20: 3.225},
    0.05: {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555, 20: 2.672},
    0.10: {2: 1.875, 3: 1.992, 4: 2.067, 5: 2.122, 10: 2.270, 20: 2.392},
}
OBRIEN_FLEMING = {
    0.01: {2: 2.580, 3: 2.595, 4: 2.609, 5: 2.621, 10: 2.660, 20: 2.695},
    0.05: {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087, 20: 2.126},
    0.10: {2: 1.678, 3: 1.710, 4: 1.733, 5: 1.751, 10: 1.801, 20: 1.842},
}
WANG_TSIATIS_QUARTER = {2: 2.038, 3: 2.083, 4: 2.113, 5: 2.136, 10: 2.199}


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.10])
@pytest.mark.parametrize("looks", [2, 3, 4, 5, 10, 20])
def test_classical_bounds_are_the_printed_ones(alpha: float, looks: int) -> None:
    pocock = shaped_bounds(evenly(looks), alpha / 2, 0.5, two_sided=True)
    assert pocock[-1] == pytest.approx(POCOCK[alpha][looks], abs=6e-4)
    assert pocock[0] == pytest.approx(pocock[-1], rel=1e-15)
    early = shaped_bounds(evenly(looks), alpha / 2, 0.0, two_sided=True)
    assert early[-1] == pytest.approx(OBRIEN_FLEMING[alpha][looks], abs=6e-4)
    assert early[0] == pytest.approx(early[-1] * math.sqrt(looks), rel=1e-14)


@pytest.mark.parametrize(("looks", "printed"), WANG_TSIATIS_QUARTER.items())
def test_bounds_between_are_the_printed_ones(looks: int, printed: float) -> None:
    assert shaped_bounds(evenly(looks), 0.025, 0.25, two_sided=True)[-1] == pytest.approx(
        printed, abs=6e-4
    )


# Solved with 25 digits and one Gauss-Legendre rule of 100 nodes a look (mpmath 1.4.1).
HIGH_PRECISION = {
    (5, 0.5): 2.413176220060985801,
    (5, 0.0): 2.040073174797283673,
    (20, 0.5): 2.671967724185751385,
    (20, 0.0): 2.125651547048105678,
    (50, 0.5): 2.797076220671429291,
    (50, 0.0): 2.164754732647303736,
}


@pytest.mark.parametrize(("case", "exact"), HIGH_PRECISION.items())
def test_bounds_are_right_to_eight_digits_and_more(case: tuple[int, float], exact: float) -> None:
    looks, shape = case
    found = shaped_bounds(evenly(looks), 0.025, shape, two_sided=True)[-1]
    assert found == pytest.approx(exact, abs=1e-10)


def simpson_exits(bounds: list[float], times: list[float], n: int) -> list[float]:
    """Chances to cross the upper of two mirrored bounds, by Simpson's rule on a plain grid."""
    found = [float(stats.norm.sf(bounds[0]))]
    density, nodes, weights = None, np.zeros(1), np.ones(1)
    for at, (before, now) in enumerate(pairwise(times)):
        limit = bounds[at] * math.sqrt(before)
        grid = np.linspace(-limit, limit, n)
        rule = np.ones(n)
        rule[1:-1:2], rule[2:-1:2] = 4.0, 2.0
        rule *= (grid[1] - grid[0]) / 3.0
        gap = before - (times[at - 1] if at else 0.0)
        kernel = stats.norm.pdf(grid[:, None], nodes[None, :], math.sqrt(gap))
        density = kernel @ (weights if density is None else density * weights)
        nodes, weights = grid, rule
        far = bounds[at + 1] * math.sqrt(now)
        tail = stats.norm.sf((far - nodes) / math.sqrt(now - before))
        found.append(float((density * weights) @ tail))
    return found


def test_another_rule_of_integration_agrees_for_uneven_times() -> None:
    times, bounds = [0.15, 0.2, 0.55, 0.8, 1.0], [3.2, 3.0, 2.6, 2.3, 2.05]
    found = exits([-b for b in bounds], bounds, times)
    assert found.above == pytest.approx(simpson_exits(bounds, times, 1201), rel=1e-8)
    assert found.below == pytest.approx(found.above, rel=1e-12)


@pytest.mark.parametrize("drift", [0.0, 1.5, -2.0])
def test_the_multivariate_normal_distribution_agrees(drift: float) -> None:
    times = np.array([0.3, 0.5, 0.9])
    lower, upper = np.array([-1.0, -0.2, 0.5]), np.array([2.8, 2.5, 2.1])
    cov = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    found = exits(list(lower), list(upper), list(times), drift=drift)

    def inside(low: np.ndarray, high: np.ndarray) -> float:
        k = len(low)
        return float(
            stats.multivariate_normal.cdf(
                high, drift * np.sqrt(times[:k]), cov[:k, :k], lower_limit=low,
                abseps=1e-9, releps=1e-9, maxpts=2_000_000,
            )
        )  # fmt: skip

    for k in range(3):
        low, high = lower[: k + 1].copy(), upper[: k + 1].copy()
        low[k], high[k] = upper[k], np.inf
        assert found.above[k] == pytest.approx(inside(low, high), abs=2e-7)
        low[k], high[k] = -np.inf, lower[k]
        assert found.below[k] == pytest.approx(inside(low, high), abs=2e-7)


def test_inner_regions_stop_too() -> None:
    times, upper, half = [0.5, 1.0], [2.5, 2.0], 0.6
    found = exits([-2.5, -2.0], upper, times, drift=1.0, inner=[half, 0.0])
    mean, root = math.sqrt(0.5), math.sqrt(0.5)
    assert found.inside[0] == pytest.approx(
        stats.norm.cdf(half - mean) - stats.norm.cdf(-half - mean), rel=1e-12
    )
    grid = np.linspace(0.6, 2.5, 200_001)
    tail = stats.norm.sf((2.0 - grid * root - 0.5) / root)
    either = np.trapezoid(stats.norm.pdf(grid - mean) * tail, grid) + np.trapezoid(
        stats.norm.pdf(-grid - mean) * stats.norm.sf((2.0 + grid * root - 0.5) / root), grid
    )
    assert found.above[1] == pytest.approx(either, rel=1e-9)


def test_chances_add_up_to_one() -> None:
    times = evenly(12)
    found = exits([-1.5] * 12, [2.2] * 12, times, drift=0.7)
    walk = Walk(0.7)
    for look, now in enumerate(times[:-1]):
        walk.step(now, [(-1.5 * math.sqrt(now), 2.2 * math.sqrt(now))], times[look + 1])
    ended = found.above.sum() + found.below.sum()
    rest = walk.alive - found.above[-1] - found.below[-1]
    assert ended + rest == pytest.approx(1.0, abs=1e-12)


@given(
    gaps=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=8),
    bound=st.floats(1.5, 4.0),
    drift=st.floats(-3.0, 3.0),
)
@settings(max_examples=30, deadline=None)
def test_time_may_be_measured_in_any_unit(gaps: list[float], bound: float, drift: float) -> None:
    times = list(np.cumsum(gaps))
    bounds = [bound] * len(times)
    one = exits([-b for b in bounds], bounds, times, drift=drift)
    other = exits([-b for b in bounds], bounds, [9.0 * t for t in times], drift=drift / 3.0)
    assert one.above == pytest.approx(other.above, rel=1e-9, abs=1e-14)


def test_looks_very_near_each_other_are_nearly_one_look() -> None:
    near = exits([-2.0] * 3, [2.0] * 3, [0.5, 0.50001, 1.0])
    one = exits([-2.0] * 2, [2.0] * 2, [0.5, 1.0])
    assert near.above.sum() == pytest.approx(one.above.sum(), rel=0.01)
    assert near.above.sum() > one.above.sum()
    fine = exits([-2.0] * 3, [2.0] * 3, [0.5, 0.501, 1.0])
    assert fine.above == pytest.approx(simpson_exits([2.0] * 3, [0.5, 0.501, 1.0], 2001), rel=1e-7)


def test_spent_bounds_spend_what_they_should_even_a_tiny_part() -> None:
    times, spends = evenly(6), [1e-30, 1e-12, 1e-6, 0.001, 0.004, 0.02]
    bounds = spent_bounds(times, spends, two_sided=True)
    found = exits([-b for b in bounds], bounds, times)
    assert found.above == pytest.approx(spends, rel=1e-9)
    one = spent_bounds(times, spends, two_sided=False)
    assert exits([-math.inf] * 6, one, times).above == pytest.approx(spends, rel=1e-9)


def test_nothing_to_spend_means_no_bound() -> None:
    bounds = spent_bounds([0.25, 0.5, 1.0], [0.0, 0.0, 0.025], two_sided=True)
    assert bounds[:2] == (math.inf, math.inf)
    assert bounds[2] == pytest.approx(stats.norm.isf(0.025), abs=1e-10)


def test_one_look_is_a_fixed_test() -> None:
    for two_sided in (True, False):
        found = shaped_bounds([1.0], 0.025, 0.0, two_sided=two_sided)
        assert found == pytest.approx((stats.norm.isf(0.025),), abs=1e-10)


def test_the_last_bound_uses_up_what_is_left() -> None:
    times, early = evenly(4), (3.0, 3.0, 3.0)
    bounds = (*early, last_bound(times, early, 0.025, two_sided=True))
    assert exits([-b for b in bounds], bounds, times).above.sum() == pytest.approx(0.025, rel=1e-11)
    assert last_bound(times, (1.0, 1.0, 1.0), 0.025, two_sided=True) == -math.inf


def test_walks_that_cannot_stop_so_often() -> None:
    assert solve_above(Walk(), 1.0, 1.0) == -math.inf
    assert solve_above(Walk(), 1.0, 0.0) == math.inf
    assert solve_inside(Walk(2.0), 1.0, 0.0) == 0.0
    half = solve_inside(Walk(2.0), 1.0, 0.1)
    assert stats.norm.cdf(half - 2) - stats.norm.cdf(-half - 2) == pytest.approx(0.1, abs=1e-11)
    assert solve_inside(Walk(), 1.0, 1.0) == math.inf


def test_the_logarithm_of_a_tail_does_not_end() -> None:
    walk = Walk()
    walk.step(0.5, [(-2.0, 2.0)], 1.0)
    assert walk.log_above(1.0, 1.0) == pytest.approx(math.log(walk.above(1.0, 1.0)), rel=1e-12)
    assert -5000 < walk.log_above(70.0, 1.0) < -2000
    walk.step(0.7, [(50.0, 49.0)], 1.0)
    assert walk.alive == 0.0
    assert walk.log_above(1.0, 1.0) == -math.inf


def test_fifty_looks_take_a_fraction_of_a_second() -> None:
    shaped_bounds(evenly(50), 0.025, 0.5, two_sided=True)
    start = time.process_time()
    shaped_bounds(evenly(50), 0.024, 0.5, two_sided=True)
    # 10 to 20 ms on an idle core; the limit leaves room for slow machines.
    assert time.process_time() - start < 0.5
