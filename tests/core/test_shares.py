"""Wilson's interval against statsmodels, and its exact ends; the stability index by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from userportrait._core.shares import stability_terms, wilson_interval


def test_the_interval_is_that_of_statsmodels() -> None:
    count, n = np.array([1, 5, 40, 99]), np.array([3, 80, 50, 100])
    low, high = wilson_interval(count, n, float(ndtri(0.95)))
    oracle = proportion_confint(count, n, alpha=0.1, method="wilson")
    assert low == pytest.approx(oracle[0], rel=1e-12)
    assert high == pytest.approx(oracle[1], rel=1e-12)


def test_nothing_and_everything_end_exactly() -> None:
    low, high = wilson_interval(np.array([0, 7]), 7, 1.96)
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert 0.0 < high[0] < low[1] < 1.0


def test_the_stability_index_is_summed_over_classes() -> None:
    before, after = np.array([60.0, 40, 0, 0]), np.array([25.0, 20, 5, 0])
    expected = [
        (0.5 - 0.6) * np.log(0.5 / 0.6),
        0.0,
        (0.1 - 0.005) * np.log(0.1 / 0.005),  # empty before: half a row of 100
        0.0,
    ]
    assert stability_terms(before, after) == pytest.approx(expected)
