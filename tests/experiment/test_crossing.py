"""Crossings of a watched Brownian motion against simulation, and looks without number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from userportrait.experiment._boundaries import exits
from userportrait.experiment._crossing import Peeks, find_last, find_peeks, log_chance
from userportrait.experiment._mixture import tightest_rate

RATE = tightest_rate(0.05, two_sided=True)


@pytest.mark.parametrize("two_sided", [True, False])
def test_more_and_more_looks_come_up_to_being_watched_all_the_time(
    two_sided: bool,
) -> None:
    peeks = Peeks(math.log(15.0), RATE, two_sided)
    found = []
    for looks in (50, 200, 800):
        times = np.geomspace(0.01, 1.0, looks)
        bounds = [peeks.bound(float(time)) for time in times]
        lower = [-b for b in bounds] if two_sided else [-math.inf] * looks
        found.append(float(exits(lower, bounds, list(times)).above.sum()))
    assert found[0] < found[1] < found[2] < peeks.crossing()
    # What is missed is a series in the root of the distance of looks; two terms are removed.
    once = [2.0 * found[1] - found[0], 2.0 * found[2] - found[1]]
    assert (4.0 * once[1] - once[0]) / 3.0 == pytest.approx(peeks.crossing(), rel=0.004)


@pytest.mark.parametrize("level", [1.5, 3.0, 30.0])
@pytest.mark.parametrize("two_sided", [True, False])
def test_the_bound_of_all_times_is_never_exceeded(level: float, two_sided: bool) -> None:
    assert log_chance(Peeks(math.log(level), RATE, two_sided)) <= -math.log(level)


def test_after_long_enough_the_bound_of_all_times_is_reached() -> None:
    # With a very large rate, time 1 is far beyond the units for which the mixture is made.
    found = math.exp(log_chance(Peeks(math.log(20.0), 1e6, two_sided=True)))
    assert 0.043 < found < 0.05


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001, 1e-8])
def test_levels_are_hit(alpha: float, two_sided: bool) -> None:
    peeks = find_peeks(alpha, RATE, two_sided=two_sided)
    sides = 2.0 if two_sided else 1.0
    assert sides * peeks.crossing() == pytest.approx(alpha, rel=1e-7)
    assert peeks.log_level < -math.log(alpha)


@pytest.mark.parametrize("two_sided", [True, False])
def test_the_last_look_uses_up_what_is_left(two_sided: bool) -> None:
    peeks = find_peeks(0.01, RATE, two_sided=two_sided)
    side = 0.025 if two_sided else 0.05
    for time in (1.0, 1.1):
        bound = find_last(peeks, side, time)
        assert peeks.crossing_or_above(bound, time) == pytest.approx(side, rel=1e-8)
        assert math.exp(peeks.last_log_p(bound, 0.2, time)) == pytest.approx(0.05, rel=1e-6)


def test_simulated_paths_cross_as_often_with_and_without_drift() -> None:
    peeks = find_peeks(0.02, RATE, two_sided=True)
    last = find_last(peeks, 0.025, 1.0)
    rng = np.random.default_rng(8)
    n = 2000
    times = np.arange(1, n + 1) / n
    limits = np.array([peeks.bound(float(t)) * math.sqrt(t) for t in times])
    for drift in (0.0, 2.5):
        above = either = 0
        for _ in range(8):
            walk = np.cumsum(drift / n + rng.standard_normal((1000, n)) / math.sqrt(n), axis=1)
            up, down = (walk >= limits).argmax(1), (-walk >= limits).argmax(1)
            crossed = (walk >= limits).any(1)
            crossed &= ~((-walk >= limits).any(1) & (down < up))
            above += int(crossed.sum())
            ended = crossed | ((-walk >= limits).any(1))
            either += int((crossed | (~ended & (walk[:, -1] >= last))).sum())
        for count, expected in (
            (above, peeks.crossing(drift)),
            (either, peeks.crossing_or_above(last, 1.0, drift)),
        ):
            # Looks 1/2000 apart miss a few crossings.
            error = 3.5 * math.sqrt(expected / 8000) + 0.08 * expected
            assert count / 8000 == pytest.approx(expected, abs=error)


def test_p_values_rise_as_evidence_falls() -> None:
    peeks = find_peeks(0.01, RATE, two_sided=True)
    found = [peeks.last_log_p(z, 0.2) for z in (0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 40.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(0.0, abs=1e-9)
