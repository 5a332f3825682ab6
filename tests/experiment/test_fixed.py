"""The fixed design: Welch, Student, z, and arms without spread."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from userportrait.errors import InvalidParameterError
from userportrait.experiment import Fixed, Mean, Moments

VALUES = st.lists(st.integers(-1000, 1000), min_size=3, max_size=30)


def arm(values: list[float] | list[int]) -> Moments:
    return Moments.of({"x": np.array(values, dtype=np.float64)})


@given(VALUES, VALUES)
def test_welch_and_student_are_those_of_scipy(first: list[int], second: list[int]) -> None:
    if len(set(first)) == 1 or len(set(second)) == 1:
        return
    for equal in (False, True):
        found = Mean("x", equal_variance=equal).estimate(arm(first), arm(second))
        for alternative in ("two-sided", "greater", "less"):
            judged = Fixed().judge(found, alpha=0.1, alternative=alternative)  # type: ignore[arg-type]
            known = stats.ttest_ind(second, first, equal_var=equal, alternative=alternative)
            assert judged.p_value == pytest.approx(known.pvalue, rel=1e-9)
            assert judged.statistic == pytest.approx(known.statistic, rel=1e-9)
            interval = known.confidence_interval(0.9)
            assert judged.interval == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_the_normal_reference_is_the_z_test() -> None:
    found = Mean("x").estimate(arm([1, 2, 3, 4]), arm([2, 4, 6, 9]))
    judged = Fixed(reference="normal").judge(found, alpha=0.05, alternative="two-sided")
    z = found.effect / found.std_error
    assert judged.p_value == pytest.approx(2.0 * stats.norm.sf(z), rel=1e-12)
    assert judged.method == "z-test"


@pytest.mark.parametrize(("n_control", "n_variant"), [(3, 3), (2, 4), (5, 2)])
def test_arms_without_spread_get_the_p_value_of_all_permutations(
    n_control: int, n_variant: int
) -> None:
    found = Mean("x").estimate(arm([0.0] * n_control), arm([1.0] * n_variant))
    values = np.repeat([0.0, 1.0], [n_control, n_variant])
    chosen = [np.array(c) for c in combinations(range(len(values)), n_variant)]
    effects = [values[c].mean() - np.delete(values, c).mean() for c in chosen]
    for alternative in ("two-sided", "greater", "less"):
        judged = Fixed().judge(found, alpha=0.05, alternative=alternative)  # type: ignore[arg-type]
        as_far = {
            "two-sided": sum(abs(e) >= 1.0 for e in effects),
            "greater": sum(e >= 1.0 for e in effects),
            "less": len(effects),
        }[alternative]
        assert judged.p_value == pytest.approx(as_far / len(effects), rel=1e-12)
        assert judged.interval == (1.0, 1.0)
        assert "does not vary" in judged.notes[0]


def test_two_arms_with_the_same_constant_do_not_differ() -> None:
    found = Mean("x").estimate(arm([0.1] * 3), arm([0.1] * 5))
    judged = Fixed().judge(found, alpha=0.05, alternative="two-sided")
    assert (judged.p_value, judged.log_p_value, judged.statistic) == (1.0, 0.0, 0.0)
    assert judged.interval == (0.0, 0.0)
    assert not any(math.isnan(x) for x in (*judged.relative_interval, judged.p_value))


def test_one_constant_arm_is_still_a_welch_test() -> None:
    found = Mean("x").estimate(arm([0.0] * 6), arm([1.0, 2.0, 0.0, 1.0]))
    judged = Fixed().judge(found, alpha=0.05, alternative="two-sided")
    known = stats.ttest_1samp([1.0, 2.0, 0.0, 1.0], 0.0)  # the degrees of freedom are its own
    assert judged.p_value == pytest.approx(known.pvalue, rel=1e-12)
    assert "is 0, so no share" in judged.notes[0]


def test_a_bad_value_is_named_with_the_nearest_right_one() -> None:
    with pytest.raises(InvalidParameterError, match=r"Did you mean 'fieller'") as caught:
        Fixed(relative_method="fielle", reference="u")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 2
