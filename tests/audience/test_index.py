"""The interval of the index, its exact test, and the correction for many rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, hypergeom
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from userportrait.audience._index import (
    exact_p_values,
    false_discovery_rates,
    index_interval,
)


def interval(n_inside: int, n_all: int, size: int, base: int) -> tuple[float, float]:
    low, high = index_interval(np.array([n_inside]), np.array([n_all]), size, base, 0.95)
    return float(low[0]), float(high[0])


def p_value(n_inside: int, n_all: int, size: int, base: int) -> float:
    return float(exact_p_values(np.array([n_inside]), np.array([n_all]), size, base)[0])


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Draw members with a value, customers with it, members, customers: all possible."""
    base = draw(st.integers(2, 300))
    size, n_all = draw(st.integers(0, base)), draw(st.integers(1, base))
    n_inside = draw(st.integers(max(0, size + n_all - base), min(size, n_all)))
    return n_inside, n_all, size, base


# --- the interval ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_inside", "n_all", "size", "base"),
    [(10, 30, 50, 500), (20, 25, 20, 100), (50, 300, 100, 1000), (3, 400, 30, 5000)],
)
def test_the_limits_are_those_of_miettinen_and_nurminen(
    n_inside: int, n_all: int, size: int, base: int
) -> None:
    # statsmodels inverts the same score test for the ratio of members to others.
    ratios = confint_proportions_2indep(
        n_inside, size, n_all - n_inside, base - size, method="score", compare="ratio"
    )
    share = size / base
    expected = [100 * ratio / (share * ratio + 1 - share) for ratio in ratios]
    assert interval(n_inside, n_all, size, base) == pytest.approx(expected, rel=1e-6)


def test_the_limits_at_the_ends_are_exact() -> None:
    low, high = interval(0, 5, 20, 100)
    assert low == 0
    assert 0 < high < 500
    # All with the value are members: the index is 100 × 100 / 20, and can be no higher.
    low, high = interval(5, 5, 20, 100)
    assert high == pytest.approx(500)
    assert 100 < low < 500


def test_nobody_and_everybody_leave_nothing_to_learn() -> None:
    # With no member, any share from 0 to 1 is possible: an index from 0 to 100 × 100 / 25.
    assert interval(0, 25, 0, 100) == (0, 400)
    assert interval(25, 25, 100, 100) == (100, 100)


@given(tables())
def test_the_interval_holds_the_index(table: tuple[int, int, int, int]) -> None:
    n_inside, n_all, size, base = table
    low, high = interval(*table)
    index = 100 * (n_inside / max(size, 1)) / (n_all / base)
    assert 0 <= low <= index + 1e-6
    # Where nobody outside has the value, the members' share is base / size times that of all.
    highest = 100 * base / (size or n_all)
    assert index - 1e-6 <= high <= highest * (1 + 1e-9)


@given(tables(), st.sampled_from([0.5, 0.8, 0.9]))
def test_more_confidence_never_gives_a_shorter_interval(
    table: tuple[int, int, int, int], level: float
) -> None:
    n_inside, n_all, size, base = table
    counts = (np.array([n_inside]), np.array([n_all]), size, base)
    narrow, wide = index_interval(*counts, level), index_interval(*counts, 0.95)
    assert wide[0][0] <= narrow[0][0] + 1e-9
    assert narrow[1][0] <= wide[1][0] + 1e-9


# Members and others drawn at random, with their own shares of the value: (base, size, share
# among members, share among others).
SHOPS = [
    (2000, 100, 0.2, 0.2),
    (2000, 100, 0.3, 0.2),
    (2000, 600, 0.1, 0.2),
    (2000, 1000, 0.2, 0.2),
    (2000, 1000, 0.4, 0.2),
    (2000, 1600, 0.1, 0.2),
    (500, 100, 0.05, 0.05),
    (200, 100, 0.5, 0.3),
    (100_000, 300, 0.02, 0.01),
]


@pytest.mark.parametrize(("base", "size", "inside", "outside"), SHOPS)
def test_the_interval_covers_the_true_index_as_often_as_it_says(
    base: int, size: int, inside: float, outside: float
) -> None:
    random = np.random.default_rng(base + size)
    n_inside = random.binomial(size, inside, 4000)
    n_all = n_inside + random.binomial(base - size, outside, 4000)
    low, high = index_interval(n_inside, n_all, size, base, 0.95)
    true = 100 * inside / (size * inside + (base - size) * outside) * base
    covered = np.mean((low <= true) & (true <= high))
    assert 0.93 <= covered <= 0.97  # the standard error of 4,000 runs is 0.0034


def test_the_interval_covers_for_audiences_of_random_size() -> None:
    random = np.random.default_rng(7)
    runs = []
    for _ in range(600):
        member = random.random(1000) < 0.3
        has_value = random.random(1000) < np.where(member, 0.25, 0.15)
        size, n_inside = int(member.sum()), int((member & has_value).sum())
        low, high = interval(n_inside, int(has_value.sum()), size, 1000)
        true = 100 * 0.25 / (size / 1000 * 0.25 + (1 - size / 1000) * 0.15)
        runs.append(low <= true <= high)
    assert 0.93 <= np.mean(runs) <= 0.97


def test_members_drawn_from_a_finite_base_are_covered_at_100() -> None:
    # The base is fixed, the audience a random half of it: the hypergeometric view.
    n_inside = hypergeom.rvs(1000, 200, 500, size=4000, random_state=3)
    low, high = index_interval(n_inside, np.full(4000, 200), 500, 1000, 0.95)
    assert 0.93 <= np.mean((low <= 100) & (high >= 100)) <= 0.97


def test_a_wilson_interval_over_a_fixed_share_would_be_too_wide() -> None:
    # Why the interval is not simply Wilson's for the members' share, divided by the share of
    # all: half the customers are members, and it covers nearly always.
    random = np.random.default_rng(5)
    n_inside = random.binomial(1000, 0.2, 4000)
    n_all = n_inside + random.binomial(1000, 0.2, 4000)
    low, high = proportion_confint(n_inside, 1000, method="wilson")
    share_all = n_all / 2000
    covered = np.mean((low / share_all <= 1) & (high / share_all >= 1))
    assert covered > 0.98


# --- the test ----------------------------------------------------------------------------


@given(tables())
def test_p_values_are_fishers_by_the_doubled_tail(table: tuple[int, int, int, int]) -> None:
    n_inside, n_all, size, base = table
    tails = (
        hypergeom.cdf(n_inside, base, n_all, size),
        hypergeom.sf(n_inside - 1, base, n_all, size),
    )
    assert p_value(*table) == pytest.approx(min(1, 2 * min(tails)), rel=1e-8)


@pytest.mark.parametrize(
    "table",
    [
        (120_000, 500_000, 230_000, 1_000_000),
        (0, 3000, 500_000, 1_000_000),
        (70, 300, 10**6, 10**7),
    ],
)
def test_p_values_hold_for_millions_of_customers(table: tuple[int, int, int, int]) -> None:
    n_inside, n_all, size, base = table
    tails = (
        hypergeom.cdf(n_inside, base, n_all, size),
        hypergeom.sf(n_inside - 1, base, n_all, size),
    )
    assert p_value(*table) == pytest.approx(min(1, 2 * min(tails)), rel=1e-6, abs=1e-300)


def test_nothing_is_tested_where_nothing_can_differ() -> None:
    assert p_value(0, 25, 0, 100) == 1
    assert p_value(25, 25, 100, 100) == 1
    assert p_value(40, 100, 40, 100) == 1


def test_p_values_of_random_audiences_are_valid() -> None:
    # P(p <= a) <= a for an audience that has nothing to do with the value.
    n_inside = hypergeom.rvs(1000, 60, 150, size=4000, random_state=11)
    found = exact_p_values(n_inside, np.full(4000, 60), 150, 1000)
    for level in (0.01, 0.05, 0.2):
        assert np.mean(found <= level) <= level + 3 * np.sqrt(level / 4000)


# --- many rows ---------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rates_are_those_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    found = false_discovery_rates(np.array(p_values))
    assert found == pytest.approx(false_discovery_control(p_values, method="bh"), rel=1e-12)


def test_no_rows_have_no_false_discoveries() -> None:
    assert false_discovery_rates(np.array([])).tolist() == []
