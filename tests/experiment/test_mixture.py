"""Closed forms of the mixture against integrals, and its inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from userportrait.experiment._mixture import log_e_value, mixture_bound, tightest_rate


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize(("z", "ratio"), [(0.3, 0.2), (2.5, 8.0), (-1.5, 3.0), (4.0, 50.0)])
def test_e_values_are_likelihood_ratios_of_a_mixture(
    z: float, ratio: float, two_sided: bool
) -> None:
    spread = math.sqrt(ratio)

    def weighted(effect: float) -> float:
        weight = stats.norm.pdf(effect, 0.0, spread) * (1.0 if two_sided else 2.0)
        return float(weight * math.exp(effect * z - effect * effect / 2.0))

    whole = quad(weighted, 0.0, 60.0, epsabs=1e-13, limit=200)[0]
    if two_sided:
        whole += quad(weighted, -60.0, 0.0, epsabs=1e-13, limit=200)[0]
    assert log_e_value(z, ratio, two_sided=two_sided) == pytest.approx(math.log(whole), abs=1e-8)


@given(level=st.floats(0.1, 300.0), ratio=st.floats(1e-3, 1e4), two_sided=st.booleans())
def test_bounds_turn_e_values_round(level: float, ratio: float, two_sided: bool) -> None:
    bound = mixture_bound(level, ratio, two_sided=two_sided)
    assert log_e_value(bound, ratio, two_sided=two_sided) == pytest.approx(level, rel=1e-9)


def test_one_side_is_easier() -> None:
    assert mixture_bound(3.0, 5.0, two_sided=False) < mixture_bound(3.0, 5.0, two_sided=True)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.1])
def test_the_rate_is_nearly_the_best(alpha: float) -> None:
    for two_sided in (True, False):
        ratios = np.geomspace(1.0, 60.0, 400)
        level = -math.log(alpha)
        best = min(mixture_bound(level, float(r), two_sided=two_sided) for r in ratios)
        found = mixture_bound(level, tightest_rate(alpha, two_sided=two_sided), two_sided=two_sided)
        assert found <= 1.01 * best
