"""Features on one scale: transforms by hand, missing values, levels, and scikit-learn's checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import PowerTransformer

from helpers.estimator_checks import check_matrix_estimator
from userportrait.errors import InvalidDataError, InvalidParameterError
from userportrait.segment import CustomerSegments, PrepareFeatures


def skewed(n: int = 400) -> np.ndarray:
    return np.random.default_rng(0).lognormal(3.0, 1.2, size=n)


def test_long_tails_are_shortened_and_symmetric_columns_left_alone() -> None:
    source = np.random.default_rng(1)
    frame = pd.DataFrame({"spend": skewed(), "age": source.normal(40, 9, 400)})
    steps: Any = PrepareFeatures().fit(frame).steps_.set_index("feature")
    assert steps.loc["spend", "skewness"] > 2
    assert abs(steps.loc["spend", "skewness_after"]) < 1
    assert steps.loc["spend", "transform"] == "log"
    assert steps.loc["age", "transform"] == "none"


def test_the_logarithm_is_in_units_of_a_small_size() -> None:
    x = skewed()
    made = PrepareFeatures(unskew="log", scale="none", clip=None).fit_transform(x[:, None])
    assert made[:, 0] == pytest.approx(np.log1p(x / np.quantile(x, 0.1)))


def test_another_currency_changes_nothing() -> None:
    x = skewed()[:, None]
    first, second = PrepareFeatures().fit_transform(x), PrepareFeatures().fit_transform(7.3 * x)
    assert first == pytest.approx(second, abs=1e-9)


def test_the_power_is_that_of_scikit_learn() -> None:
    x = skewed()
    prepare = PrepareFeatures(unskew="power", scale="standard", clip=None).fit(x[:, None])
    oracle = PowerTransformer(method="yeo-johnson").fit_transform(
        (x / np.quantile(x, 0.1))[:, None]
    )
    assert prepare.transform(x[:, None]) == pytest.approx(oracle, abs=5e-3)


def test_robust_scaling_is_the_middle_half() -> None:
    x = np.random.default_rng(2).normal(5, 2, 300)[:, None]
    made = PrepareFeatures().fit_transform(x)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    assert made == pytest.approx((x - middle) / ((high - low) / 1.3489795003921634))


def test_a_mostly_constant_column_does_not_explode() -> None:
    x = np.r_[np.zeros(90), np.linspace(1, 9, 10)][:, None]
    made = PrepareFeatures(unskew="none").fit_transform(x)
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 5.0


def test_missing_values_are_filled_and_told() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0, 4.0], "c": ["x", None, "y", "x"]})
    prepare = PrepareFeatures(min_share=0.0).fit(frame)
    names = prepare.get_feature_names_out().tolist()
    assert names == ["a", "a is missing", "c = x", "c = y", "c = missing"]
    made = prepare.transform(frame)
    assert made[1, 0] == 0.0  # the median
    assert made[:, 1].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert (made[1, 2:] > 0).tolist() == [False, False, True]
    assert prepare.steps_["n_missing"].tolist() == [1, 1]


def test_one_mismatch_adds_the_weight_to_a_squared_distance() -> None:
    frame = pd.DataFrame({"c": ["x", "y"] * 10})
    made = PrepareFeatures(category_weight=3.0).fit_transform(frame)
    assert ((made[0] - made[1]) ** 2).sum() == pytest.approx(3.0)


def test_rare_and_new_levels_are_other() -> None:
    frame = pd.DataFrame({"c": ["x"] * 60 + ["y"] * 38 + ["p", "q"]})
    prepare = PrepareFeatures(min_share=0.05).fit(frame)
    assert prepare.get_feature_names_out().tolist() == ["c = x", "c = y", "c = other"]
    made = prepare.transform(pd.DataFrame({"c": ["never seen", "x"]}))
    assert (made > 0).tolist() == [[False, False, True], [True, False, False]]


def test_ordinal_levels_are_one_column() -> None:
    frame = pd.DataFrame({"c": ["a", "b", "c"] * 10, "d": ["p", "q", "q"] * 10})
    prepare = PrepareFeatures(categories="ordinal", scale="none", clip=None).fit(frame)
    assert prepare.transform(frame)[:3].tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]


def test_columns_of_one_value_are_dropped_and_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 5.0], "c": ["x", "x"]})
    prepare = PrepareFeatures().fit(frame)
    assert prepare.dropped_ == ("b", "c")
    assert prepare.transform(frame).shape == (2, 1)


def test_the_order_of_rows_does_not_matter() -> None:
    frame = pd.DataFrame({"a": skewed(), "c": np.where(skewed() > 20, "x", "y")})
    order = np.random.default_rng(0).permutation(len(frame))
    first = PrepareFeatures().fit(frame).transform(frame)
    second = PrepareFeatures().fit(frame.iloc[order]).transform(frame)
    assert first == pytest.approx(second, abs=1e-12)


def test_estimator_checks_of_scikit_learn_pass() -> None:
    check_matrix_estimator(PrepareFeatures())


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidParameterError, match=r"(?s)unskew.*'auto'.*min_share"):
        PrepareFeatures(unskew="aut", min_share=0.9).fit([[1.0], [2.0]])  # type: ignore[arg-type]
    with pytest.raises(InvalidDataError, match="column 'a' has missing values"):
        PrepareFeatures(missing="error").fit(pd.DataFrame({"a": [1.0, None]}))
    with pytest.raises(InvalidDataError, match="every column of X holds one value"):
        PrepareFeatures().fit(pd.DataFrame({"a": [1.0, 1.0]}))
    with pytest.raises(InvalidDataError, match="infinity"):
        PrepareFeatures().fit(pd.DataFrame({"a": [1.0, np.inf]}))


def test_levels_called_other_and_missing_are_levels_like_any() -> None:
    usual = ["web"] * 40 + ["other"] * 30 + ["missing"] * 26
    frame = pd.DataFrame({"channel": [*usual, "rare", "scarce", None]})
    prepare = PrepareFeatures(min_share=0.05).fit(frame)
    assert prepare.get_feature_names_out().tolist() == [
        "channel = missing",
        "channel = other",
        "channel = web",
        "channel = (other)",
        "channel = (missing)",
    ]
    rows = prepare.transform(frame)
    assert (rows > 0).sum(axis=1).tolist() == [1] * 99
    assert (rows > 0).sum(axis=0).tolist() == [26, 30, 40, 2, 1]
    assert prepare.steps_["n_missing"].tolist() == [1]


def test_columns_of_two_values_are_not_transformed() -> None:
    for n_up in (1, 3, 10, 29):
        flag = [0.0] * (100 - n_up) + [1.0] * n_up
        steps = PrepareFeatures(unskew="power").fit(pd.DataFrame({"flag": flag})).steps_
        assert steps["transform"].tolist() == ["none"]


def test_a_few_missing_numbers_do_not_become_a_segment() -> None:
    source = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [120, 80, 40])
    frame = pd.DataFrame({"orders": source.normal(np.array([5.0, 30, 60])[kind], 2)})
    frame["age"] = source.normal(np.array([30.0, 60, 30])[kind], 2)
    frame.loc[:6, "age"] = np.nan
    few = CustomerSegments(max_clusters=5, n_init=3).fit(frame)
    assert few.n_clusters_ == 3
    assert few.prepare_.get_feature_names_out().tolist() == ["orders", "age"]
    frame.loc[:12, "age"] = np.nan  # 5 %
    names = PrepareFeatures().fit(frame).get_feature_names_out().tolist()
    assert names == ["orders", "age", "age is missing"]
