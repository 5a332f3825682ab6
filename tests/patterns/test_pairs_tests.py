"""Tails, adjustments and intervals against SciPy, statsmodels and Hoeffding's theorem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, hypergeom
from statsmodels.stats.multitest import multipletests

from userportrait.patterns._pairs_tests import (
    adjust_log_p,
    binomial_log_tail,
    hypergeometric_log_tail,
    share_interval,
)


def tables(rng: np.random.Generator, size: int, most: int) -> tuple[np.ndarray, ...]:
    n = rng.integers(20, most, size)
    a, b = (1 + (rng.random((2, size)) * (n - 1)).astype(np.int64)).astype(np.int64)
    low, high = np.maximum(a + b - n, 0), np.minimum(a, b)
    k = low + (rng.random(size) * (high - low + 1)).astype(np.int64)
    return k, a, b, n


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("most", [60, 5_000, 60_000])
def test_hypergeometric_tails_are_those_of_scipy(upper: bool, most: int) -> None:
    k, a, b, n = tables(np.random.default_rng(most), 200, most)
    found = hypergeometric_log_tail(k, a, b, n, upper=upper)
    wanted = hypergeom.logsf(k - 1, n, a, b) if upper else hypergeom.logcdf(k, n, a, b)
    mean = a * b / n
    right = k > mean if upper else k < mean
    with np.errstate(all="ignore"):
        known = right & (wanted > -600)  # SciPy underflows beyond
    assert known.sum() > 10
    np.testing.assert_allclose(found[known], wanted[known], rtol=1e-7, atol=1e-7)
    assert (found[~right] == 0).all()


def test_a_tail_too_small_for_a_float_keeps_its_logarithm() -> None:
    # P(X = 1000) alone: both items are in the same 1,000 of 100,000 baskets.
    counts = (np.array([1_000]), np.array([1_000]), np.array([1_000]), np.array([100_000]))
    found = hypergeometric_log_tail(*counts, upper=True)
    from math import lgamma

    choose = lgamma(100_001) - lgamma(1_001) - lgamma(99_001)
    assert found[0] == pytest.approx(-choose, rel=1e-12)
    assert found[0] < -745  # below the smallest double


@pytest.mark.parametrize("upper", [True, False])
def test_binomial_tails_are_those_of_scipy(upper: bool) -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(5, 3_000, 500)
    mean = n * rng.random(500)
    k = rng.binomial(n, np.clip(mean / n * rng.uniform(0.6, 1.5, 500), 0, 1))
    found = binomial_log_tail(k, n, mean, upper=upper)
    wanted = binom.logsf(k - 1, n, mean / n) if upper else binom.logcdf(k, n, mean / n)
    right = (k >= mean + 1 if upper else k <= mean - 1) & (wanted > -600)
    assert right.sum() > 50
    np.testing.assert_allclose(found[right], wanted[right], rtol=1e-8, atol=1e-9)
    assert (found[~(k >= mean + 1 if upper else k <= mean - 1)] == 0).all()


def poisson_binomial(chances: list[float]) -> np.ndarray:
    """Return the distribution of a sum of unlike trials by convolution."""
    found = np.ones(1)
    for p in chances:
        found = np.convolve(found, [1 - p, p])
    return found


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.data())
def test_the_binomial_tail_bounds_every_sum_of_unlike_trials(
    chances: list[float], data: st.DataObject
) -> None:
    exact = poisson_binomial(chances)
    n, mean = len(chances), sum(chances)
    k = data.draw(st.integers(0, n))
    counts = (np.array([k]), np.array([n]), np.array([mean]))
    for upper, tail in ((True, exact[k:].sum()), (False, exact[: k + 1].sum())):
        bound = np.exp(binomial_log_tail(*counts, upper=upper)[0])
        assert bound >= tail * (1 - 1e-9) - 1e-12


@pytest.mark.parametrize("upper", [True, False])
def test_a_ceiling_changes_nothing_below_it(upper: bool) -> None:
    k, a, b, n = tables(np.random.default_rng(3), 2_000, 3_000)
    full = hypergeometric_log_tail(k, a, b, n, upper=upper)
    cut = hypergeometric_log_tail(k, a, b, n, upper=upper, ceiling=0.05)
    below = full <= np.log(0.05)
    np.testing.assert_array_equal(full[below], cut[below])
    assert (cut[~below] > np.log(0.05)).all()


NAMES = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm", "bonferroni": "bonferroni"}


@pytest.mark.parametrize("adjustment", list(NAMES))
def test_adjusted_p_values_are_those_of_statsmodels(adjustment: str) -> None:
    p = np.sort(np.random.default_rng(4).random(300) ** 4)
    wanted = multipletests(p, method=NAMES[adjustment])[1]
    found = np.exp(adjust_log_p(np.log(p), 300, adjustment))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("adjustment", list(NAMES))
def test_the_large_p_values_may_be_left_out(adjustment: str) -> None:
    p = np.random.default_rng(5).random(400) ** 3
    whole = np.exp(adjust_log_p(np.log(p), 400, adjustment))  # type: ignore[arg-type]
    few = np.exp(adjust_log_p(np.log(p[p <= 0.05]), 400, adjustment))  # type: ignore[arg-type]
    small = few <= 0.05
    assert small.any()
    np.testing.assert_array_equal((whole <= 0.05)[p <= 0.05], small)
    np.testing.assert_allclose(few[small], whole[p <= 0.05][small], rtol=1e-12)


def test_the_interval_of_a_share_is_clopper_and_pearsons() -> None:
    k, n = np.array([0, 3, 50, 10]), np.array([10, 17, 50, 1_000])
    low, high = share_interval(k, n, 0.9)
    for i in range(4):
        wanted = binomtest(int(k[i]), int(n[i])).proportion_ci(0.9, method="exact")
        assert (low[i], high[i]) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
