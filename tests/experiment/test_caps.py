"""Caps: quantiles from all arms together, and what a few units weigh."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.experiment import Cap, Moments, leverage
from userportrait.experiment._caps import leverage_of_cap

VALUES = st.lists(st.integers(-5, 50), min_size=2, max_size=40)


@given(VALUES, st.floats(0.02, 0.98), st.randoms(use_true_random=False))
def test_a_quantile_is_the_smallest_value_that_the_share_does_not_exceed(
    numbers: list[int], share: float, random: object
) -> None:
    values = np.array(numbers, dtype=float)
    try:
        upper = Cap(quantile=share).resolve(values).upper
    except InvalidDataError:
        assert np.mean(values <= values.min()) >= share - 1e-9
        return
    assert upper in values
    assert np.mean(values <= upper) >= share - 1e-9
    assert np.mean(values < upper) < share + 1e-9
    assert Cap(quantile=share).resolve(values[::-1]).upper == upper


def test_missing_values_do_not_count_and_stay_missing() -> None:
    values = np.array([1.0, np.nan, 2.0, 3.0, 400.0])
    cap = Cap(quantile=0.75, lower_quantile=0.3).resolve(values)
    assert (cap.lower, cap.upper) == (2.0, 3.0)
    assert cap.column("spend").name == "spend from 2 up to 3"
    np.testing.assert_array_equal(cap.column("spend").compute(values), [2.0, np.nan, 2.0, 3.0, 3.0])
    assert cap.resolve(np.array([9.0])) is cap


def test_a_cap_that_makes_all_values_equal_is_refused() -> None:
    spend = np.array([0.0] * 99 + [10.0])
    with pytest.raises(InvalidDataError, match=r"equal to 0\. Take a quantile .*of='positive'"):
        Cap(quantile=0.9).resolve(spend, column="spend")
    assert Cap(quantile=0.9, of="positive").resolve(spend).upper == 10.0
    assert Cap(quantile=0.9).resolve(np.zeros(5)).upper == 0.0
    with pytest.raises(InvalidDataError, match="has no positive value"):
        Cap(quantile=0.9, of="positive").resolve(np.zeros(5), column="spend")


def test_contradictions_are_listed_together() -> None:
    with pytest.raises(InvalidParameterError, match="give a limit"):
        Cap()
    with pytest.raises(InvalidParameterError) as error:
        Cap(upper=1.0, lower=2.0, quantile=0.9)
    assert len(error.value.problems) == 2
    with pytest.raises(InvalidParameterError, match="below quantile"):
        Cap(quantile=0.1, lower_quantile=0.9)
    with pytest.raises(InvalidParameterError, match="needs rows"):
        Cap(quantile=0.9).column("spend")


def test_leverage_is_the_share_of_squares_of_the_units_furthest_off() -> None:
    values = np.random.default_rng(0).lognormal(0.0, 2.0, 2_500)
    squares = (values - values.mean()) ** 2
    by_hand = sum(sorted(squares.tolist())[-3:]) / squares.sum()
    found = leverage(values)
    assert found.n_top == 3
    assert found.share == pytest.approx(by_hand, rel=1e-12)
    assert found.is_high
    assert "3 of 2,500 units carry" in str(found.note("spend"))
    calm = leverage(np.random.default_rng(0).normal(size=2_500))
    assert not calm.is_high
    assert calm.note("spend") is None


def test_leverage_of_few_or_equal_values() -> None:
    assert leverage(np.array([np.nan])).n == 0
    assert leverage(np.full(10, 3.0)).share == 0.0
    assert leverage(np.array([0.0, 2.0]), n_top=5).n_top == 2


def test_what_a_cap_takes_away_is_seen_from_moments() -> None:
    values = np.array([0.0] * 50 + [1.0] * 49 + [100.0])
    column = Cap(upper=1.0).column("spend")
    moments = Moments.of({"spend": values, column.name: column.compute(values)})
    share = leverage_of_cap(moments, moments, "spend", column.name)
    assert share == pytest.approx(1.0 - np.var(np.minimum(values, 1.0)) / np.var(values))
