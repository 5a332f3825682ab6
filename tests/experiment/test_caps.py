"""Caps: quantiles from all arms together, and what a few units weigh."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.engines import ENGINES, require_engine, to_engine
from userportrait.errors import (
    ColumnTypeError,
    InvalidDataError,
    InvalidParameterError,
    MissingColumnError,
)
from userportrait.experiment import Cap, Experiment, Mean, Moments, check_leverage, leverage
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


@pytest.mark.parametrize("engine", ENGINES)
def test_leverage_by_column_and_arm_is_the_same_on_every_engine(engine: str) -> None:
    require_engine(engine)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"variant": ["B", "A"] * 600, "spend": rng.lognormal(0.0, 2.0, 1_200), "age": 30.0}
    )
    frame.loc[3, "spend"] = np.nan
    found = check_leverage(to_engine(engine, frame), ["spend", "age"])
    assert list(found["variant"]) == ["A", "B", "A", "B"]
    own = frame["spend"][frame["variant"] == "A"].to_numpy()
    assert found["share"][0] == leverage(own).share
    assert found["n"].tolist() == [599, 600, 600, 600]
    assert found["share"][2] == 0.0


def test_leverage_names_a_column_that_is_missing_or_no_number() -> None:
    frame = pd.DataFrame({"variant": ["A"], "spend": ["much"]})
    with pytest.raises(MissingColumnError):
        check_leverage(frame, "spent")
    with pytest.raises(ColumnTypeError, match="must hold numbers"):
        check_leverage(frame, "spend")


def test_a_quantile_cap_of_an_experiment_is_that_of_all_arms_together() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"variant": ["A", "B"] * 500, "spend": rng.lognormal(0.0, 2.0, 1_000)})
    limit = np.quantile(frame["spend"], 0.99, method="inverted_cdf")
    metric = Mean("spend", cap=Cap(quantile=0.99))
    effect = Experiment(metric, control="A").analyze(frame).effects[0]
    means = frame["spend"].clip(upper=limit).groupby(frame["variant"]).mean()
    assert effect.control_mean == pytest.approx(means["A"], rel=1e-12)
    assert effect.variant_mean == pytest.approx(means["B"], rel=1e-12)


def test_text_under_a_quantile_is_named() -> None:
    data = pd.DataFrame({"variant": ["A", "B"] * 4, "spend": ["1 EUR"] * 8})
    capped = Experiment(Mean("spend", cap=Cap(quantile=0.9)), control="A")
    with pytest.raises(ColumnTypeError, match="'spend' must hold numbers"):
        capped.analyze(data)
