"""Skewness beside SciPy's, where squares would overflow, and of single values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from userportrait._core.moments import skewness, standardized


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, -3.0])
def test_skewness_is_that_of_scipy_in_any_unit(scale: float) -> None:
    values = np.random.default_rng(0).gamma(2.0, size=100)
    expected = float(stats.skew(values))
    assert skewness(values * scale) == pytest.approx(np.sign(scale) * expected, rel=1e-9)


def test_one_value_is_not_skewed() -> None:
    assert skewness(np.full(5, 0.1)) == 0.0
    assert skewness(np.array([3.0])) == 0.0
    assert skewness(np.zeros(0)) == 0.0


def test_standardized_values_have_mean_0_and_length_1() -> None:
    found = standardized(np.array([1.0, 2.0, 6.0]))
    assert found.sum() == pytest.approx(0.0, abs=1e-15)
    assert found @ found == pytest.approx(1.0)
    assert found[2] - found[0] == pytest.approx(5 * (found[1] - found[0]))
