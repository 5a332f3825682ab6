"""Rules of segments: limits people can read, and figures of the rule as it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait._core.feature_table import read_features
from userportrait.segment import CustomerSegments
from userportrait.segment._segment_rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def told(
    frame: pd.DataFrame, labels: Sequence[int], language: Any = "en", max_depth: int = 3
) -> list[str]:
    table = read_features(frame, owner="test", allow_missing=True)
    found = np.array(labels)
    segments = sorted(set(labels), key=lambda one: (one < 0, one))
    rules = rules_of(table, found, segments, max_depth=max_depth, language=language, names=None)
    return [one.rule for one in rules]


def test_limits_are_the_simplest_that_cut_alike() -> None:
    frame = pd.DataFrame({"spend": [1_234.5, 1_310.0, 4_877.3, 5_120.0]})
    assert told(frame, [0, 0, 1, 1]) == ["spend <= 3,000", "spend > 3,000"]
    close = pd.DataFrame({"spend": [1_234.5, 1_310.0, 1_317.3, 5_120.0]})
    assert told(close, [0, 0, 1, 1]) == ["spend <= 1,310", "spend > 1,310"]
    children = pd.DataFrame({"children": [0, 0, 1, 2]})
    assert told(children, [0, 0, 1, 1]) == ["children <= 0", "children > 0"]
    share = pd.DataFrame({"share": [0.012, 0.013, 0.44, 0.61]})
    assert told(share, [0, 0, 1, 1]) == ["share <= 0.2", "share > 0.2"]


def test_limits_fall_into_narrow_gaps_far_from_zero() -> None:
    days = pd.DataFrame({"day": np.repeat([20_454.0, 20_457, 20_460, 20_463], 9)})
    labels = [0] * 18 + [1] * 18
    assert told(days, labels) == ["day <= 20,458", "day > 20,458"]
    money = pd.DataFrame({"balance": np.append(1e6 + np.arange(40.0), 1e6 + 100 + np.arange(40))})
    cut = told(money, [0] * 40 + [1] * 40)
    assert cut == ["balance <= 1,000,070", "balance > 1,000,070"]


def test_a_segment_with_nobody_has_no_figures() -> None:
    table = read_features(pd.DataFrame({"spend": [1.0, 2.0]}), owner="test")
    labels = np.array([0, 2])
    rule = rules_of(table, labels, [0, 1, 2], max_depth=1, language="en", names=None)[1]
    assert (rule.rule, rule.n_customers) == ("nobody", 0)
    assert np.isnan([rule.precision, rule.recall]).all()


def test_both_limits_of_a_feature_are_one_comparison() -> None:
    frame = pd.DataFrame({"age": np.arange(18.0, 78.0)})
    labels = ((frame["age"] > 30) & (frame["age"] <= 50)).astype(int).tolist()
    assert told(frame, labels)[1] == "30 < age <= 50"


def test_words_of_rules_are_chinese_too() -> None:
    source = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"channel": ["app", "web"] * 50, "spend": np.round(source.uniform(0, 100, 100))}
    )
    inside = (frame["channel"] == "app") & (frame["spend"] > 40)
    labels = inside.astype(int).tolist()
    assert told(frame, labels)[1] == "channel is app and spend > 40"
    assert told(frame, labels, "zh")[1] == "channel 为 app 且 spend > 40"
    assert told(frame, [0] * 100, "zh") == ["全部客户"]


def test_figures_are_those_of_the_limits_as_they_are_written() -> None:
    source = np.random.default_rng(1)
    frame = pd.DataFrame({"spend": source.lognormal(5.0, 1.0, size=3_000)})
    inside = (frame["spend"] > 123.456).to_numpy()
    table = read_features(frame, owner="test")
    rule = rules_of(table, inside.astype(np.intp), [0, 1], max_depth=1, language="en", names=None)[
        1
    ]
    limit = float(rule.rule.removeprefix("spend > "))
    taken = (frame["spend"] > limit).to_numpy()
    assert len(f"{limit:g}") <= 3
    assert abs(taken.sum() - inside.sum()) <= 0.005 * 3_000
    assert rule.n_customers == taken.sum()
    assert rule.precision == (taken & inside).sum() / taken.sum()
    assert rule.recall == (taken & inside).sum() / inside.sum()


def test_a_rule_takes_those_whom_it_takes_as_written() -> None:
    source = np.random.default_rng(4)
    spend = np.concatenate([source.normal(10, 1, 200), source.normal(50, 3, 200)])
    frame = pd.DataFrame({"spend": spend, "visits": source.poisson(5, 400).astype(float)})
    frame.loc[::9, "spend"] = np.nan
    segments = CustomerSegments(2).fit(frame)
    found = segments.rules(frame)
    labels = segments.predict(frame)
    assert found["rule"].str.contains("spend").any()
    for row in found.to_dict("records"):
        rule = re.sub(r"(?<=\d),(?=\d)", "", str(row["rule"]))
        taken = np.asarray(frame.eval(rule), dtype=bool)
        inside = labels == row["segment"]
        assert row["n_customers"] == taken.sum()
        assert row["precision"] == pytest.approx((taken & inside).sum() / taken.sum())
        assert row["recall"] == pytest.approx((taken & inside).sum() / inside.sum())
